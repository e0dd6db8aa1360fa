//! Access control lists of files and directories, read and set by descriptor.

use std::ffi::{CStr, OsStr};
use std::io;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::ffi::OsStrExt;

use rustix::fs::{Mode, XattrFlags};
use rustix::io::Errno;

use super::dir::Dir;
use crate::domain::acl::{Access, Acl, Rights};

const ACCESS: &CStr = c"system.posix_acl_access";
const DEFAULT: &CStr = c"system.posix_acl_default";
/// Bytes: the kernel allows no longer attribute.
const LONGEST: usize = 64 << 10;
/// Bytes: more than seldom a list has.
const USUAL: usize = 512;

/// The access ACL of an open file or directory with this mode. Where its group bits are empty the kernel asks no ACL,
/// and neither do we.
pub fn access(fd: impl AsFd, mode: u32) -> Access {
    if mode & 0o070 == 0 {
        return Access::Mode;
    }
    read(|buffer| rustix::fs::fgetxattr(&fd, ACCESS, buffer))
}

impl Dir {
    /// The access ACL of the file with this name and mode, which may not be one that we may open. A link is not
    /// followed.
    #[must_use]
    pub fn access_of(&self, name: &OsStr, mode: u32) -> Access {
        if mode & 0o070 == 0 {
            return Access::Mode;
        }
        // No system call of the kernels in use takes a directory and a name. The number stands for the directory
        // that is open and nothing else, and below it is one component.
        let path = [b"/proc/self/fd/", self.as_fd().as_raw_fd().to_string().as_bytes(), b"/", name.as_bytes()].concat();
        read(|buffer| rustix::fs::lgetxattr(path.as_slice(), ACCESS, buffer))
    }

    /// The access ACL of the directory itself, which has this mode.
    #[must_use]
    pub fn access(&self, mode: u32) -> Access {
        access(self, mode)
    }

    /// Whether what is made in the directory gets an ACL by that.
    #[must_use]
    pub fn has_default_acl(&self) -> bool {
        has(self, DEFAULT)
    }

    /// Has what is made in the directory get no ACL by that.
    pub(super) fn remove_default_acl(&self) -> io::Result<()> {
        match rustix::fs::fremovexattr(self, DEFAULT) {
            Err(Errno::NODATA | Errno::OPNOTSUPP) => Ok(()),
            removed => Ok(removed?),
        }
    }
}

/// Gives an open file or directory mode and ACL. Where there is an ACL, before or after, both change in one step: a
/// change of the mode alone would be one of the mask, and widen what an old list gives; and without its list the mask
/// would be the group's.
///
/// # Errors
/// Those of `fsetxattr` and `fchmod`; the file is as it was then, or has no right that it should not have.
pub(super) fn set(fd: impl AsFd, rights: &Rights) -> io::Result<()> {
    if rights.acl.is_some() || has(&fd, ACCESS) {
        rustix::fs::fsetxattr(&fd, ACCESS, &rights.encode(), XattrFlags::empty())?;
        if rights.mode & !0o777 == 0 {
            return Ok(());
        }
    }
    Ok(rustix::fs::fchmod(&fd, Mode::from_raw_mode(rights.mode))?)
}

fn has(fd: impl AsFd, name: &CStr) -> bool {
    // A file system without ACLs answers with an error.
    rustix::fs::fgetxattr_query(fd, name).is_ok_and(|size| size > 0)
}

fn read(get: impl Fn(&mut [u8]) -> Result<usize, Errno>) -> Access {
    let parse = |bytes: Option<&[u8]>| match bytes.map(Acl::parse) {
        Some(Ok(Some(acl))) => Access::List(Box::new(acl)),
        Some(Ok(None)) => Access::Mode,
        Some(Err(_)) | None => Access::Unknown,
    };
    let mut buffer = [0; USUAL];
    match get(&mut buffer) {
        Ok(size) => parse(buffer.get(..size)),
        Err(Errno::RANGE) => {
            let mut buffer = vec![0; LONGEST];
            get(&mut buffer).map_or(Access::Unknown, |size| parse(buffer.get(..size)))
        }
        // No list; a file system that has none; a kernel or a sandbox without such attributes.
        Err(Errno::NODATA | Errno::OPNOTSUPP | Errno::NOSYS) => Access::Mode,
        Err(_) => Access::Unknown,
    }
}
