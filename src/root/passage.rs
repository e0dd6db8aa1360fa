//! Steps from a directory into another one, where they are allowed.

use std::ffi::OsStr;
use std::io;
use std::os::fd::AsRawFd;

use rustix::fs::{AtFlags, StatxAttributes, StatxFlags};
use rustix::io::Errno;

use super::dir::Dir;
use crate::domain::passage::{Barrier, Passage};
use crate::pyc::names::CACHE_DIRECTORY;

impl Dir {
    /// Opens a directory in this one and looks whether the way into it is allowed. A link is not followed.
    ///
    /// # Errors
    /// Those of [`Dir::open_dir`] and `fstat`; a [`Barrier`] as the inner error, see [`barrier_of`].
    pub fn enter(&self, name: &OsStr, passage: Passage) -> io::Result<Self> {
        let entered = self.open_dir(name)?;
        passage.step(&self.stat()?, &entered.stat()?).map_err(barred)?;
        if !passage.mounts && entered.is_mounted_in(self)? {
            return Err(barred(Barrier::MountPoint));
        }
        Ok(entered)
    }

    /// Opens the `__pycache__` in this directory. A link is not followed.
    ///
    /// # Errors
    /// Those of [`Dir::open_dir`]; [`Barrier::MountedCaches`].
    pub fn open_cache_directory(&self) -> io::Result<Self> {
        let caches = self.open_dir(OsStr::new(CACHE_DIRECTORY))?;
        if caches.is_mounted_in(self)? {
            return Err(barred(Barrier::MountedCaches));
        }
        Ok(caches)
    }

    /// Whether it is the root of what is mounted at its place in the directory above it.
    fn is_mounted_in(&self, above: &Self) -> io::Result<bool> {
        match rustix::fs::statx(self, c"", AtFlags::EMPTY_PATH, StatxFlags::empty()) {
            Ok(stat) if stat.stx_attributes_mask.contains(StatxAttributes::MOUNT_ROOT) => {
                return Ok(stat.stx_attributes.contains(StatxAttributes::MOUNT_ROOT));
            }
            // Kernels before 5.8, and sandboxes.
            Ok(_) | Err(Errno::NOSYS | Errno::PERM) => {}
            Err(error) => return Err(error.into()),
        }
        match (self.mount_number(), above.mount_number()) {
            (Some(here), Some(there)) => Ok(here != there),
            _ => Ok(self.stat()?.device != above.stat()?.device),
        }
    }

    /// The number of the mount that it was opened on; `mnt_id` in proc_pid_fdinfo(5).
    fn mount_number(&self) -> Option<u64> {
        let text = std::fs::read_to_string(format!("/proc/self/fdinfo/{}", self.fd().as_raw_fd())).ok()?;
        text.lines().find_map(|line| line.strip_prefix("mnt_id:"))?.trim().parse().ok()
    }
}

pub(super) fn barred(barrier: Barrier) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, barrier)
}

/// The barrier that an error stands for.
#[must_use]
pub fn barrier_of(error: &io::Error) -> Option<Barrier> {
    error.get_ref()?.downcast_ref().copied()
}
