//! A source held open from before it is read until its cache is in place.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::path::PathBuf;
use std::sync::Arc;

use super::acl;
use super::dir::{Dir, file_stat};
use super::resolve::{self, LinkFault};
use super::tree_root::TreeRoot;
use crate::domain::{Access, FileStat};

/// An open source and what its descriptor said before the first byte was read.
#[derive(Debug)]
pub struct OpenSource {
    fd: OwnedFd,
    stat: FileStat,
    opened: i64,
    place: Place,
}

/// How the source was reached, so that the name can be asked again.
#[derive(Debug)]
enum Place {
    Entry { parent: Arc<Dir>, name: OsString },
    Link { root: Arc<TreeRoot>, relative: PathBuf },
}

/// Why a source could not be opened.
#[derive(Debug)]
pub enum OpenFault {
    Io(io::Error),
    Link(LinkFault),
}

impl From<io::Error> for OpenFault {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<LinkFault> for OpenFault {
    fn from(fault: LinkFault) -> Self {
        match fault {
            LinkFault::Io(error) => Self::Io(error),
            fault => Self::Link(fault),
        }
    }
}

impl OpenSource {
    /// Opens a regular file in a directory; a link is not followed.
    ///
    /// # Errors
    /// See [`Dir::read_start`].
    pub fn open(parent: &Arc<Dir>, name: &OsStr) -> Result<Self, OpenFault> {
        let opened = now_second();
        let (fd, stat) = parent.open_regular(name)?;
        Ok(Self { fd, stat, opened, place: Place::Entry { parent: Arc::clone(parent), name: name.to_owned() } })
    }

    /// Opens the regular file that a link inside a tree leads to, if that is inside the tree too.
    /// `relative` is the link's path below the root.
    ///
    /// # Errors
    /// Where the link leads nowhere or elsewhere, and those of `openat`.
    pub fn open_link(root: &Arc<TreeRoot>, relative: PathBuf) -> Result<Self, OpenFault> {
        let target = resolve::resolve(root, &relative, &mut Vec::new())?;
        let opened = now_second();
        let (fd, stat) = target.parent.open_regular(&target.name)?;
        Ok(Self { fd, stat, opened, place: Place::Link { root: Arc::clone(root), relative } })
    }

    /// The stat taken before anything was read.
    #[must_use]
    pub fn stat(&self) -> &FileStat {
        &self.stat
    }

    /// The second since the epoch in which it was opened, by the clock that stamps files.
    #[must_use]
    pub fn opened(&self) -> i64 {
        self.opened
    }

    /// The access ACL as it is now. If it is another one than when the file was opened, the file is not unchanged.
    #[must_use]
    pub fn access(&self) -> Access {
        acl::access(&self.fd, self.stat.mode)
    }

    /// Reads the whole file.
    ///
    /// # Errors
    /// `FileTooLarge` above `limit` bytes; those of `read`.
    pub fn read(&self, limit: usize) -> io::Result<Vec<u8>> {
        let too_large = || io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {limit} bytes"));
        let expected = usize::try_from(self.stat.size).map_err(|_| too_large())?;
        if expected > limit {
            return Err(too_large());
        }
        // One byte more than expected shows the end of the file without another round.
        let mut bytes = vec![0; expected + 1];
        let mut filled = 0;
        loop {
            if filled == bytes.len() {
                if filled > limit {
                    return Err(too_large());
                }
                bytes.resize(filled * 2, 0);
            }
            match rustix::io::pread(&self.fd, &mut bytes[filled..], filled as u64) {
                Ok(0) => break,
                Ok(count) => filled += count,
                Err(rustix::io::Errno::INTR) => {}
                Err(error) => return Err(error.into()),
            }
        }
        bytes.truncate(filled);
        Ok(bytes)
    }

    /// Whether the open file, and what its name leads to now, are both still what was opened.
    ///
    /// # Errors
    /// Those of `fstat`. A name that is gone is not an error: `false`.
    pub fn is_unchanged(&self) -> io::Result<bool> {
        if file_stat(&rustix::fs::fstat(&self.fd)?) != self.stat {
            return Ok(false);
        }
        let named = match &self.place {
            Place::Entry { parent, name } => parent.stat_entry(name),
            Place::Link { root, relative } => match resolve::resolve(root, relative, &mut Vec::new()) {
                Ok(target) => target.parent.stat_entry(&target.name),
                Err(_) => return Ok(false),
            },
        };
        match named {
            Ok(stat) => Ok(stat == self.stat),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}

impl AsFd for OpenSource {
    fn as_fd(&self) -> BorrowedFd<'_> {
        self.fd.as_fd()
    }
}

fn now_second() -> i64 {
    rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse).tv_sec
}
