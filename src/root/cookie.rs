//! Files that are made only to hear of their making: what was done before has been heard of then.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{AtFlags, Mode, OFlags};

use super::dir::Dir;
use super::tree_root::TreeRoot;

/// A directory of ours in which cookies are made. It is removed with this value.
#[derive(Debug)]
pub struct CookieDirectory {
    path: PathBuf,
    root: TreeRoot,
}

impl CookieDirectory {
    /// Makes a new directory in `parent`, for us alone.
    ///
    /// # Errors
    /// Those of `mkdir` and `open`.
    pub fn make(parent: &Path) -> io::Result<Self> {
        let mut name = OsString::from("pycwarm-cookies-");
        name.push(super::replacement::random_digits()?);
        let path = std::fs::canonicalize(parent)?.join(name);
        std::fs::DirBuilder::new().mode(0o700).create(&path)?;
        Ok(Self { root: TreeRoot::open(&path)?, path })
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

impl Drop for CookieDirectory {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir(&self.path);
    }
}
