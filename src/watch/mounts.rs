//! Hears of mounts: what is mounted over a directory, or unmounted, gives no event there.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::Arc;

use super::queue::Queue;
use crate::root::mounts::{Mount, Mounts};

/// What is mounted where, as it was at the last look.
#[derive(Debug)]
pub struct MountTable {
    mounts: Option<Mounts>,
    known: BTreeSet<Mount>,
}

impl MountTable {
    /// Starts to listen; what changes is said to the queue.
    #[must_use]
    pub fn watch(queue: &Arc<Queue>) -> Self {
        let opened = Mounts::open().and_then(|mut mounts| Ok((mounts.list()?, mounts, Mounts::open()?)));
        let (known, mounts, ear) = match opened {
            Ok(opened) => opened,
            Err(error) => {
                tracing::warn!("cannot see what is mounted ({error}): a tree that is mounted over is noticed late");
                return Self { mounts: None, known: BTreeSet::new() };
            }
        };
        let queue = Arc::clone(queue);
        std::thread::spawn(move || {
            while ear.wait().is_ok() {
                queue.put_mounts();
            }
        });
        Self { mounts: Some(mounts), known }
    }

    /// The places where something was mounted or unmounted since the last call.
    pub fn changed(&mut self) -> Vec<PathBuf> {
        let Some(mounts) = &mut self.mounts else { return Vec::new() };
        match mounts.list() {
            Ok(now) => {
                let mut places: Vec<PathBuf> =
                    now.symmetric_difference(&self.known).map(|(path, _)| path.clone()).collect();
                places.dedup();
                self.known = now;
                places
            }
            Err(error) => {
                tracing::warn!("cannot read what is mounted: {error}");
                Vec::new()
            }
        }
    }
}
