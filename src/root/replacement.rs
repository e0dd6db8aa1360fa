//! A new file that takes the place of another in one step.
//!
//! Written under a name of its own, given owner, mode and ACL through its descriptor, and renamed when it
//! is whole: a reader sees the old file or the new one, never a part. What exists is never changed.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, FlockOperation, Gid, Mode, OFlags, Uid};
use rustix::io::Errno;

use super::acl;
use super::dir::{Dir, file_stat};
use crate::domain::{FileStat, Rights};

const PREFIX: &[u8] = b".pycwarm-";
const SUFFIX: &[u8] = b".tmp";
const DIGITS: usize = 16;

/// A file that is being written. Dropped before [`Replacement::put_in_place`], it leaves nothing.
#[derive(Debug)]
pub struct Replacement<'dir> {
    dir: &'dir Dir,
    name: OsString,
    fd: OwnedFd,
    in_place: bool,
}

impl<'dir> Replacement<'dir> {
    /// Makes an empty file that nobody but its maker may read, whatever ACL the directory has for new files: that one's
    /// mask is empty. Its lock says that its writer lives.
    ///
    /// # Errors
    /// Those of `openat`.
    pub fn create(dir: &'dir Dir) -> io::Result<Self> {
        let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        loop {
            let name = random_name()?;
            match rustix::fs::openat(dir, &name, flags, Mode::RUSR | Mode::WUSR) {
                Ok(fd) => {
                    let made = Self { dir, name, fd, in_place: false };
                    if made.lock() {
                        return Ok(made);
                    }
                }
                Err(Errno::EXIST | Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
    }

    /// Takes the lock. `false` where somebody who clears up was faster, between the making of the
    /// file and its lock: that file is lost, and a new one is to be made.
    fn lock(&self) -> bool {
        match rustix::fs::flock(&self.fd, FlockOperation::NonBlockingLockExclusive) {
            Ok(()) => {}
            Err(Errno::WOULDBLOCK) => return false,
            // A file system without locks: nobody can take it for an abandoned file either.
            Err(_) => return true,
        }
        match (self.stat(), self.dir.stat_entry(&self.name)) {
            (Ok(open), Ok(named)) => open.same_file(&named),
            _ => false,
        }
    }

    /// Appends bytes.
    ///
    /// # Errors
    /// Those of `write`: `StorageFull`, `QuotaExceeded`.
    pub fn write(&self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            match rustix::io::write(&self.fd, bytes) {
                Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
                Ok(count) => bytes = &bytes[count..],
                Err(Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Ok(())
    }

    /// Gives the file to a user and a group.
    ///
    /// # Errors
    /// Those of `fchown`.
    pub fn set_owner(&self, uid: u32, gid: u32) -> io::Result<()> {
        Ok(rustix::fs::fchown(&self.fd, Some(Uid::from_raw(uid)), Some(Gid::from_raw(gid)))?)
    }

    /// Tries to give the file to a group, which a user may do with groups of their own.
    pub fn try_group(&self, gid: u32) {
        let _ = rustix::fs::fchown(&self.fd, None, Some(Gid::from_raw(gid)));
    }

    /// Gives the file its mode and ACL; that of its directory for new files (a default ACL) goes.
    ///
    /// # Errors
    /// Those of `fsetxattr` and `fchmod`; then nobody may read the file but its owner.
    pub fn set_rights(&self, rights: &Rights) -> io::Result<()> {
        acl::set(&self.fd, rights)
    }

    /// # Errors
    /// Those of `fchmod`.
    pub fn set_mode(&self, mode: u32) -> io::Result<()> {
        Ok(rustix::fs::fchmod(&self.fd, Mode::from_raw_mode(mode))?)
    }

    /// # Errors
    /// Those of `fstat`.
    pub fn stat(&self) -> io::Result<FileStat> {
        Ok(file_stat(&rustix::fs::fstat(&self.fd)?))
    }

    /// Gives the file its name, in place of whatever file or link has it.
    ///
    /// # Errors
    /// Those of `renameat`: `EISDIR` where a directory stands there.
    pub fn put_in_place(mut self, name: &OsStr) -> io::Result<()> {
        rustix::fs::renameat(self.dir, &self.name, self.dir, name)?;
        self.in_place = true;
        Ok(())
    }
}

impl AsFd for Replacement<'_> {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

impl Drop for Replacement<'_> {
    fn drop(&mut self) {
        if !self.in_place {
            let _ = rustix::fs::unlinkat(self.dir, &self.name, AtFlags::empty());
        }
    }
}

/// Whether a name is that of a [`Replacement`].
#[must_use]
pub fn is_replacement_name(name: &OsStr) -> bool {
    name.as_bytes()
        .strip_prefix(PREFIX)
        .and_then(|rest| rest.strip_suffix(SUFFIX))
        .is_some_and(|digits| digits.len() == DIGITS && digits.iter().all(u8::is_ascii_hexdigit))
}

/// Removes the file of a writer that died before it was done. One that still holds its lock stays.
///
/// # Errors
/// Those of `openat` and `unlinkat`. `false`: it is in use, or gone, or no file of ours.
pub fn remove_abandoned(dir: &Dir, name: &OsStr) -> io::Result<bool> {
    if !is_replacement_name(name) {
        return Ok(false);
    }
    let (fd, stat) = match dir.open_regular(name) {
        Ok(opened) => opened,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::InvalidInput) => {
            return Ok(false);
        }
        Err(error) => return Err(error),
    };
    match rustix::fs::flock(&fd, FlockOperation::NonBlockingLockExclusive) {
        Ok(()) => dir.remove_file(name, &stat),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(error.into()),
    }
}

fn random_name() -> io::Result<OsString> {
    let mut name = OsStr::from_bytes(PREFIX).to_owned();
    name.push(random_digits()?);
    name.push(OsStr::from_bytes(SUFFIX));
    Ok(name)
}

/// Sixteen hexadecimal digits that nobody can guess.
pub(super) fn random_digits() -> io::Result<String> {
    let mut random = [0; DIGITS / 2];
    let mut filled = 0;
    while filled < random.len() {
        filled += rustix::rand::getrandom(&mut random[filled..], rustix::rand::GetRandomFlags::empty())?;
    }
    Ok(random.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_of_our_own_are_recognised_and_no_others() {
        let name = random_name().unwrap();
        assert!(is_replacement_name(&name), "{name:?}");
        for other in
            [".pycwarm-.tmp", ".pycwarm-0123456789abcdef", "x.cpython-311.pyc.12", ".pycwarm-0123456789abcdeg.tmp"]
        {
            assert!(!is_replacement_name(OsStr::new(other)), "{other}");
        }
    }
}
