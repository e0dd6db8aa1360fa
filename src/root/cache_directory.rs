//! Makes `__pycache__`.

use std::ffi::OsStr;
use std::io;

use rustix::fs::{AtFlags, Gid, Mode, StatxFlags, Uid};
use rustix::io::Errno;

use super::dir::Dir;
use crate::domain::FileStat;
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
        let before = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
        match rustix::fs::mkdirat(self, name, Mode::RWXU) {
            Ok(()) => {}
            // Somebody was faster: theirs is as good.
            Err(Errno::EXIST) => return self.open_dir(name),
            Err(error) => return Err(error.into()),
        }
        let made = self.open_dir(name)?;
        let (parent, fresh) = (self.stat()?, made.stat()?);
        // Somebody may have exchanged it for another directory of ours, to have that one given away. What
        // is not surely the one just made stays as it is.
        let ours = fresh.uid == actor.uid && fresh.mode & 0o777 == 0o700;
        if !ours || !is_born_since(&made, before)? || !made.entries()?.is_empty() {
            return Ok(made);
        }
        if actor.may_chown {
            rustix::fs::fchown(&made, Some(Uid::from_raw(parent.uid)), Some(Gid::from_raw(parent.gid)))?;
        }
        rustix::fs::fchmod(
            &made,
            Mode::from_raw_mode(cache_directory_mode(&parent, actor.may_chown || fresh.gid == parent.gid)),
        )?;
        Ok(made)
    }
}

/// The mode that fits a parent directory. Without the parent's group, its group bits are for somebody
/// else; in a sticky directory nobody may replace another's file, so here only the owner may at all.
fn cache_directory_mode(parent: &FileStat, same_group: bool) -> u32 {
    let mode = parent.mode & if same_group { 0o2777 } else { 0o707 };
    let mode = if parent.mode & 0o1000 == 0 { mode } else { mode & !0o022 };
    mode | 0o700
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FileKind, Timestamp};

    #[test]
    fn the_mode_fits_the_parent_but_opens_nothing_more() {
        let parent = |mode| FileStat {
            device: 1,
            inode: 2,
            kind: FileKind::Directory,
            mode,
            uid: 0,
            gid: 0,
            links: 2,
            size: 0,
            modified: Timestamp::default(),
            changed: Timestamp::default(),
        };
        for (mode, same_group, expected) in [
            (0o755, true, 0o755),
            (0o2775, true, 0o2775),
            (0o1777, true, 0o755),
            (0o770, false, 0o700),
            (0o555, true, 0o755),
        ] {
            assert_eq!(cache_directory_mode(&parent(mode), same_group), expected, "{mode:o}");
        }
    }
}
