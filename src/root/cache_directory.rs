//! Makes `__pycache__`, and puts its owner, mode, ACL and SELinux context right.

use std::ffi::OsStr;
use std::io;

use rustix::fs::{AtFlags, Gid, Mode, StatxFlags, Uid};
use rustix::io::Errno;

use super::acl;
use super::dir::{Dir, Entry};
use super::label::Wish;
use super::replacement::is_replacement_name;
use crate::domain::permissions::{Actor, cache_directory_rights};
use crate::domain::{Access, FileKind, FileStat};
use crate::pyc::names::{self, CACHE_DIRECTORY};

impl Dir {
    /// Opens `__pycache__` in this directory, or makes it with owner, group, mode and ACL of this
    /// directory and the context that is wanted. One that is there is left as it is.
    ///
    /// # Errors
    /// `ELOOP` or `ENOTDIR` where something else has that name; those of `mkdirat` and `openat`.
    pub fn open_or_make_cache_directory(&self, actor: Actor, wish: Option<&Wish<'_>>) -> io::Result<Dir> {
        let name = OsStr::new(CACHE_DIRECTORY);
        match self.open_cache_directory() {
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
            Err(Errno::EXIST) => return self.open_cache_directory(),
            Err(error) => return Err(error.into()),
        }
        let made = self.open_cache_directory()?;
        let (parent, fresh) = (self.stat()?, made.stat()?);
        // Somebody may have exchanged it for another directory of ours, to have that one given away. What
        // is not surely the one just made stays as it is. Others of us may be writing caches into it already.
        // A default ACL may have left its maker less than asked for; nobody else has anything.
        let ours = fresh.uid == actor.uid && fresh.mode & 0o077 == 0;
        if !ours || !is_born_since(&made, before)? || !hold_only_caches(&made.entries()?) {
            return Ok(made);
        }
        wish.map_or(Ok(()), |wish| wish.label_directory(&made))?;
        made.fit(&self.access(parent.mode), &parent, &fresh, actor)?;
        Ok(made)
    }

    /// Gives the `__pycache__` in this directory the owner, group, mode, ACL and context that fit. `false` where it is
    /// left alone: in it is something that no interpreter and no pycwarm puts there, so that it may be a directory
    /// of somebody else which the owner of this one has renamed to have it given to them. An empty one says nothing
    /// of what it is for, and is not given to somebody else: a new one takes its place.
    ///
    /// # Errors
    /// Those of `openat`, `fchown`, `fsetxattr` and `fchmod`; of `unlinkat` and `mkdirat` for an empty one.
    pub fn mend_cache_directory(&self, actor: Actor, wish: Option<&Wish<'_>>) -> io::Result<bool> {
        let name = OsStr::new(CACHE_DIRECTORY);
        let caches = self.open_cache_directory()?;
        let (parent, is, entries) = (self.stat()?, caches.stat()?, caches.entries()?);
        if !hold_only_caches(&entries) {
            return Ok(false);
        }
        if entries.is_empty() && actor.may_chown && is.uid != parent.uid {
            rustix::fs::unlinkat(self, name, AtFlags::REMOVEDIR)?;
            return self.open_or_make_cache_directory(actor, wish).map(|_| true);
        }
        wish.map_or(Ok(()), |wish| wish.label_directory(&caches))?;
        caches.fit(&self.access(parent.mode), &parent, &is, actor)?;
        Ok(true)
    }

    /// The owner first: to give something away takes the setgid bit from it. Then nothing is handed on any more to new
    /// files; last, mode and ACL at once.
    fn fit(&self, access: &Access, parent: &FileStat, is: &FileStat, actor: Actor) -> io::Result<()> {
        let owner = if actor.may_chown { (parent.uid, parent.gid) } else { (is.uid, is.gid) };
        if owner != (is.uid, is.gid) {
            rustix::fs::fchown(self, Some(Uid::from_raw(owner.0)), Some(Gid::from_raw(owner.1)))?;
        }
        self.remove_default_acl()?;
        match cache_directory_rights(parent, access, owner) {
            Some(rights) => acl::set(self, &rights),
            None => Ok(()),
        }
    }
}

/// Whether all these are what interpreters and pycwarm put into a `__pycache__`.
fn hold_only_caches(entries: &[Entry]) -> bool {
    let known = |name: &OsStr| {
        names::parse_cache_name(name).is_some() || names::is_temporary(name) || is_replacement_name(name)
    };
    // Links and the like are left where a cache was spoiled; the names say what the directory is for.
    entries.iter().all(|entry| entry.kind != FileKind::Directory && known(&entry.name))
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
