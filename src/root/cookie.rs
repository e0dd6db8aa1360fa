//! Files that are made only to hear of their making: what was done before has been heard of then.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, FlockOperation, Mode, OFlags};

use super::dir::Dir;
use super::tree_root::TreeRoot;
use crate::domain::passage::Passage;

const PREFIX: &str = "pycwarm-cookies-";

/// A directory of ours in which cookies are made. It is removed with this value.
#[derive(Debug)]
pub struct CookieDirectory {
    path: PathBuf,
    root: TreeRoot,
}

impl CookieDirectory {
    /// Makes a new directory in `parent`, for us alone, and removes those of daemons that were killed.
    ///
    /// # Errors
    /// Those of `mkdir` and `open`.
    pub fn make(parent: &Path) -> io::Result<Self> {
        let parent = std::fs::canonicalize(parent)?;
        remove_abandoned(&parent);
        let mut name = OsString::from(PREFIX);
        name.push(super::replacement::random_digits()?);
        let path = parent.join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        let made = Self { root: TreeRoot::open(&path, Passage::FREE)?, path };
        // Who holds it lives.
        rustix::fs::flock(made.dir(), FlockOperation::NonBlockingLockExclusive)?;
        Ok(made)
    }

    /// Without links.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    #[must_use]
    pub fn dir(&self) -> &Arc<Dir> {
        self.root.dir()
    }

    /// Makes a file with this name, and removes it at once: the event of its making stays.
    ///
    /// # Errors
    /// Those of `openat` and `unlinkat`.
    pub fn bake(&self, name: &OsStr) -> io::Result<()> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        drop(rustix::fs::openat(self.dir(), name, flags, Mode::RUSR | Mode::WUSR)?);
        Ok(rustix::fs::unlinkat(self.dir(), name, AtFlags::empty())?)
    }
}

/// Removes directories of ours whose lock nobody holds. They are empty, or not ours to remove.
fn remove_abandoned(parent: &Path) {
    let Ok(parent) = TreeRoot::open(parent, Passage::FREE) else { return };
    let (Ok(entries), uid) = (parent.dir().entries(), rustix::process::geteuid().as_raw()) else { return };
    for entry in entries.iter().filter(|entry| entry.name.as_bytes().starts_with(PREFIX.as_bytes())) {
        let Ok(directory) = parent.dir().open_dir(&entry.name) else { continue };
        let is_ours = directory.stat().is_ok_and(|stat| stat.uid == uid);
        if is_ours && rustix::fs::flock(&directory, FlockOperation::NonBlockingLockExclusive).is_ok() {
            let _ = rustix::fs::unlinkat(parent.dir(), &entry.name, AtFlags::REMOVEDIR);
        }
    }
}

impl Drop for CookieDirectory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.path);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn those_of_the_living_stay() {
        let place = tempfile::tempdir().unwrap();
        let living = CookieDirectory::make(place.path()).unwrap();
        let dead = place.path().join("pycwarm-cookies-0123456789abcdef");
        std::fs::create_dir(&dead).unwrap();
        let other = CookieDirectory::make(place.path()).unwrap();
        assert!(living.path().exists() && !dead.exists());
        other.bake(OsStr::new("1")).unwrap();
        let path = other.path().to_owned();
        drop(other);
        assert!(!path.exists());
    }
}
