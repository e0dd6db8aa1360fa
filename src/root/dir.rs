//! A directory held by its descriptor.

use std::ffi::{OsStr, OsString};
use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{AtFlags, FileType, Mode, OFlags, RawDir, SeekFrom, Stat};

use crate::domain::{FileKind, FileStat, Timestamp};

/// A directory. All that is done with what is in it goes through here.
#[derive(Debug)]
pub struct Dir {
    fd: OwnedFd,
}

/// One name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Entry {
    pub name: OsString,
    /// As the listing has it; [`FileKind::Unknown`] where the file system does not tell.
    pub kind: FileKind,
}

pub(super) const DIRECTORY: OFlags =
    OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

impl Dir {
    pub(super) fn from_fd(fd: OwnedFd) -> Self {
        Self { fd }
    }

    pub(super) fn fd(&self) -> &OwnedFd {
        &self.fd
    }

    /// Opens a directory in this one. A link is not followed.
    ///
    /// # Errors
    /// `ELOOP` or `ENOTDIR` where the name is not a directory, and those of `openat`.
    pub fn open_dir(&self, name: &OsStr) -> io::Result<Self> {
        Ok(Self::from_fd(rustix::fs::openat(&self.fd, name, DIRECTORY, Mode::empty())?))
    }

    /// The stat of the directory itself.
    ///
    /// # Errors
    /// Those of `fstat`.
    pub fn stat(&self) -> io::Result<FileStat> {
        Ok(file_stat(&rustix::fs::fstat(&self.fd)?))
    }

    /// The stat of an entry; of the link itself where it is one.
    ///
    /// # Errors
    /// Those of `fstatat`.
    pub fn stat_entry(&self, name: &OsStr) -> io::Result<FileStat> {
        Ok(file_stat(&rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)?))
    }

    /// When a file was read last, as far as the file system keeps account; else when it was written.
    ///
    /// # Errors
    /// Those of `fstatat`.
    #[allow(clippy::unnecessary_cast, clippy::cast_possible_truncation, reason = "see file_stat")]
    pub fn last_use(&self, name: &OsStr) -> io::Result<Timestamp> {
        let stat = rustix::fs::statat(&self.fd, name, AtFlags::SYMLINK_NOFOLLOW)?;
        let accessed = Timestamp { seconds: stat.st_atime as i64, nanoseconds: stat.st_atime_nsec as u32 };
        Ok(accessed.max(file_stat(&stat).modified))
    }

    /// Lists the names in the directory, without `.` and `..`, in the file system's order.
    ///
    /// # Errors
    /// Those of `lseek` and `getdents64`.
    pub fn entries(&self) -> io::Result<Vec<Entry>> {
        rustix::fs::seek(&self.fd, SeekFrom::Start(0))?;
        let mut buffer = [MaybeUninit::uninit(); 16 * 1024];
        let mut listing = RawDir::new(&self.fd, &mut buffer);
        let mut entries = Vec::new();
        while let Some(entry) = listing.next() {
            let entry = entry?;
            let name = entry.file_name().to_bytes();
            if name != b"." && name != b".." {
                entries.push(Entry { name: OsStr::from_bytes(name).to_owned(), kind: file_kind(entry.file_type()) });
            }
        }
        Ok(entries)
    }

    /// Reads up to `limit` bytes from the start of a regular file, and its stat.
    ///
    /// # Errors
    /// `InvalidInput` where it is not a regular file; those of `openat` and `read`.
    pub fn read_start(&self, name: &OsStr, limit: usize) -> io::Result<(FileStat, Vec<u8>)> {
        self.read_start_and(name, limit, |_, _| ()).map(|(stat, bytes, ())| (stat, bytes))
    }

    /// As [`Dir::read_start`], and what `ask` finds out from the open file and its stat.
    ///
    /// # Errors
    /// See there.
    pub fn read_start_and<T>(
        &self,
        name: &OsStr,
        limit: usize,
        ask: impl FnOnce(BorrowedFd<'_>, &FileStat) -> T,
    ) -> io::Result<(FileStat, Vec<u8>, T)> {
        let (fd, stat) = self.open_regular(name)?;
        let mut bytes = vec![0; limit];
        let mut filled = 0;
        while filled < limit {
            match rustix::io::pread(&fd, &mut bytes[filled..], filled as u64)? {
                0 => break,
                count => filled += count,
            }
        }
        bytes.truncate(filled);
        let answer = ask(fd.as_fd(), &stat);
        Ok((stat, bytes, answer))
    }

    /// Opens a regular file for reading. What is no regular file is never opened, as opening a
    /// device or a FIFO may do something: `O_NONBLOCK` covers a swap after the look.
    pub(super) fn open_regular(&self, name: &OsStr) -> io::Result<(OwnedFd, FileStat)> {
        let not_a_file =
            |kind: FileKind| io::Error::new(io::ErrorKind::InvalidInput, format!("it is {}", kind.describe()));
        let before = self.stat_entry(name)?;
        if before.kind != FileKind::Regular {
            return Err(not_a_file(before.kind));
        }
        let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
        // Our look is no use of a cache, and the time of its last use says what is compiled first.
        let fd = match rustix::fs::openat(&self.fd, name, flags | OFlags::NOATIME, Mode::empty()) {
            Err(rustix::io::Errno::PERM) => rustix::fs::openat(&self.fd, name, flags, Mode::empty())?,
            opened => opened?,
        };
        let stat = file_stat(&rustix::fs::fstat(&fd)?);
        if stat.kind != FileKind::Regular {
            return Err(not_a_file(stat.kind));
        }
        Ok((fd, stat))
    }

    /// Removes an entry if it is still the regular file that was looked at.
    ///
    /// # Errors
    /// Those of `fstatat` and `unlinkat`. That the file is another one or gone is no error: `false`.
    pub fn remove_file(&self, name: &OsStr, seen: &FileStat) -> io::Result<bool> {
        match self.stat_entry(name) {
            Ok(now) if now.same_file(seen) && now.kind == FileKind::Regular => {}
            Ok(_) => return Ok(false),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
            Err(error) => return Err(error),
        }
        rustix::fs::unlinkat(&self.fd, name, AtFlags::empty())?;
        Ok(true)
    }
}

impl AsFd for Dir {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

/// Translates the kernel's answer.
#[allow(
    clippy::cast_sign_loss,
    clippy::cast_possible_truncation,
    clippy::unnecessary_cast,
    clippy::cast_lossless,
    reason = "the types of struct stat differ between architectures; nanoseconds are below 2^30 and sizes not negative"
)]
pub(super) fn file_stat(stat: &Stat) -> FileStat {
    FileStat {
        device: stat.st_dev as u64,
        inode: stat.st_ino as u64,
        kind: file_kind(FileType::from_raw_mode(stat.st_mode)),
        mode: stat.st_mode as u32 & 0o7777,
        uid: stat.st_uid,
        gid: stat.st_gid,
        links: stat.st_nlink as u64,
        size: stat.st_size as u64,
        modified: Timestamp { seconds: stat.st_mtime as i64, nanoseconds: stat.st_mtime_nsec as u32 },
        changed: Timestamp { seconds: stat.st_ctime as i64, nanoseconds: stat.st_ctime_nsec as u32 },
    }
}

fn file_kind(kind: FileType) -> FileKind {
    match kind {
        FileType::RegularFile => FileKind::Regular,
        FileType::Directory => FileKind::Directory,
        FileType::Symlink => FileKind::Symlink,
        FileType::Fifo => FileKind::Fifo,
        FileType::Socket => FileKind::Socket,
        FileType::CharacterDevice => FileKind::CharacterDevice,
        FileType::BlockDevice => FileKind::BlockDevice,
        FileType::Unknown => FileKind::Unknown,
    }
}
