//! Makes `__pycache__`.

use std::ffi::OsStr;
use std::io;

use rustix::fs::{Gid, Mode, Uid};
use rustix::io::Errno;

use super::dir::Dir;
use crate::domain::permissions::Actor;
use crate::pyc::names::CACHE_DIRECTORY;

impl Dir {
    /// Opens `__pycache__` in this directory, or makes it with owner, group and mode of this
    /// directory. One that is there is left as it is.
    ///
    /// # Errors
    /// `ELOOP` or `ENOTDIR` where something else has that name; those of `mkdirat` and `openat`.
    pub fn open_or_make_cache_directory(&self, actor: Actor) -> io::Result<Dir> {
        let name = OsStr::new(CACHE_DIRECTORY);
        match self.open_dir(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        match rustix::fs::mkdirat(self, name, Mode::RWXU) {
            Ok(()) => {}
            // Somebody was faster: theirs is as good.
            Err(Errno::EXIST) => return self.open_dir(name),
            Err(error) => return Err(error.into()),
        }
        let made = self.open_dir(name)?;
        let (parent, fresh) = (self.stat()?, made.stat()?);
        // Somebody may have put another directory in its place: what is not surely ours stays as it is.
        if fresh.uid != actor.uid || fresh.mode & 0o777 != 0o700 {
            return Ok(made);
        }
        if actor.may_chown {
            rustix::fs::fchown(&made, Some(Uid::from_raw(parent.uid)), Some(Gid::from_raw(parent.gid)))?;
        }
        // Without the parent's group, its group bits are for somebody else.
        let same_group = actor.may_chown || fresh.gid == parent.gid;
        let mode = parent.mode & if same_group { 0o2777 } else { 0o707 };
        rustix::fs::fchmod(&made, Mode::from_raw_mode(mode | 0o700))?;
        Ok(made)
    }
}
