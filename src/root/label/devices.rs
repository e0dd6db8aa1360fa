//! File systems that keep no contexts, or one for all of their files.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use super::library;
use crate::root::mounts::Mounts;
use crate::root::{Dir, file_system};

/// For each device that was met whether contexts are set on it.
#[derive(Debug, Default)]
pub(super) struct Devices {
    known: Mutex<HashMap<u64, bool>>,
}

impl Devices {
    /// Whether the files on the file system of a directory have contexts of their own.
    pub(super) fn are_labelled(&self, directory: &Dir) -> bool {
        let Ok(device) = directory.stat().map(|stat| stat.device) else { return true };
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        *known.entry(device).or_insert_with(|| {
            // On NFS, or mounted with `context=`: what is read there is the context of all, and it cannot be changed.
            let labelled = !library::is_enabled() || has_label_option(directory).unwrap_or(true);
            if !labelled {
                tracing::debug!(device, "a file system without SELinux contexts of its own: its files keep theirs");
            }
            labelled
        })
    }

    /// Takes down that they have not. `true`: this is new.
    pub(super) fn leave_alone(&self, device: u64) -> bool {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        known.insert(device, false) != Some(false)
    }

    /// Has all be found out again.
    pub(super) fn forget(&self) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}

/// Whether the kernel lists the mount of a directory with `seclabel`, by which it says that contexts can be set on it.
fn has_label_option(directory: &Dir) -> Option<bool> {
    let number = file_system::mount(directory).ok().filter(|number| *number != 0)?;
    Mounts::open().and_then(|mut mounts| mounts.has_option(number, b"seclabel")).ok()?
}
