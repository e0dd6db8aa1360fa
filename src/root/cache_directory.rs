//! Makes `__pycache__`, and puts its owner, mode and SELinux context right.

use std::ffi::OsStr;
use std::io;

use rustix::fs::{AtFlags, Gid, Mode, StatxFlags, Uid};
use rustix::io::Errno;

use super::dir::{Dir, Entry};
use super::label::Wish;
use super::replacement::is_replacement_name;
use crate::domain::permissions::{Actor, cache_directory_mode};
use crate::domain::{FileKind, FileStat};
use crate::pyc::names::{self, CACHE_DIRECTORY};

impl Dir {
    /// Opens `__pycache__` in this directory, or makes it with owner, group and mode of this
    /// directory and the context that is wanted. One that is there is left as it is.
    ///
    /// # Errors
    /// `ELOOP` or `ENOTDIR` where something else has that name; those of `mkdirat` and `openat`.
    pub fn open_or_make_cache_directory(&self, actor: Actor, wish: Option<&Wish<'_>>) -> io::Result<Dir> {
        let name = OsStr::new(CACHE_DIRECTORY);
        match self.open_dir(name) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => {}
            opened => return opened,
        }
        let before = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
        let created_as = wish.and_then(Wish::create_directory);
        let made = rustix::fs::mkdirat(self, name, Mode::RWXU);
        drop(created_as);
        match made {
            Ok(()) => {}
            // Somebody was faster: theirs is as good.
            Err(Errno::EXIST) => return self.open_dir(name),
            Err(error) => return Err(error.into()),
        }
        let made = self.open_dir(name)?;
        let (parent, fresh) = (self.stat()?, made.stat()?);
        // Somebody may have exchanged it for another directory of ours, to have that one given away. What
        // is not surely the one just made stays as it is. Others of us may be writing caches into it already.
        let ours = fresh.uid == actor.uid && fresh.mode & 0o777 == 0o700;
        if !ours || !is_born_since(&made, before)? || !made.holds_only_caches()? {
            return Ok(made);
        }
        wish.map_or(Ok(()), |wish| wish.label_directory(&made))?;
        made.fit(&parent, &fresh, actor)?;
        Ok(made)
    }

    /// Gives the `__pycache__` in this directory the owner, group, mode and context that fit. `false` where it
    /// is left alone: in it is something that no interpreter and no pycwarm puts there, so that it may be a directory
    /// of somebody else which the owner of this one has renamed to have it given to them.
    ///
    /// # Errors
    /// Those of `openat`, `fchown` and `fchmod`.
    pub fn mend_cache_directory(&self, actor: Actor, wish: Option<&Wish<'_>>) -> io::Result<bool> {
        let caches = self.open_dir(OsStr::new(CACHE_DIRECTORY))?;
        if !caches.holds_only_caches()? {
            return Ok(false);
        }
        wish.map_or(Ok(()), |wish| wish.label_directory(&caches))?;
        caches.fit(&self.stat()?, &caches.stat()?, actor)?;
        Ok(true)
    }

    /// Whether nothing else is in this directory than what interpreters and pycwarm put into a `__pycache__`.
    fn holds_only_caches(&self) -> io::Result<bool> {
        let known = |name: &OsStr| {
            names::parse_cache_name(name).is_some() || names::is_temporary(name) || is_replacement_name(name)
        };
        // Links and the like are left where a cache was spoiled; the names say what the directory is for.
        let is_cache = |entry: &Entry| entry.kind != FileKind::Directory && known(&entry.name);
        Ok(self.entries()?.iter().all(is_cache))
    }

    /// The owner first: to give something away takes the setgid bit from it.
    fn fit(&self, parent: &FileStat, is: &FileStat, actor: Actor) -> io::Result<()> {
        if actor.may_chown && (is.uid, is.gid) != (parent.uid, parent.gid) {
            rustix::fs::fchown(self, Some(Uid::from_raw(parent.uid)), Some(Gid::from_raw(parent.gid)))?;
        }
        let mode = cache_directory_mode(parent, actor.may_chown || is.gid == parent.gid);
        Ok(rustix::fs::fchmod(self, Mode::from_raw_mode(mode))?)
    }
}

/// Whether a file was made at this point in time or later; `true` where the file system keeps no account.
fn is_born_since(dir: &Dir, time: rustix::fs::Timespec) -> io::Result<bool> {
    let flags = AtFlags::EMPTY_PATH;
    let stat = match rustix::fs::statx(dir, c"", flags, StatxFlags::BTIME) {
        Ok(stat) => stat,
        // Kernels and sandboxes without statx.
        Err(Errno::NOSYS | Errno::PERM) => return Ok(true),
        Err(error) => return Err(error.into()),
    };
    let born = (stat.stx_btime.tv_sec, i64::from(stat.stx_btime.tv_nsec));
    Ok(stat.stx_mask & StatxFlags::BTIME.bits() == 0 || born >= (time.tv_sec, time.tv_nsec))
}
