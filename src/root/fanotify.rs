//! fanotify groups: marks on whole file systems, and the raw events.

use std::io;
use std::os::fd::AsFd;

use nix::sys::fanotify::{EventFFlags, Fanotify, InitFlags, MarkFlags, MaskFlags};
use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

use super::dir::Dir;

/// A queue of events, and the marks that fill it.
#[derive(Debug)]
pub struct Group {
    fanotify: Fanotify,
}

impl Group {
    /// Makes a group whose events name the directory by a handle, and the entry by its name in it.
    ///
    /// # Errors
    /// `PermissionDenied` without `CAP_SYS_ADMIN`; `InvalidInput` before Linux 5.9.
    pub fn new() -> io::Result<Self> {
        let flags = InitFlags::FAN_CLASS_NOTIF
            | InitFlags::FAN_CLOEXEC
            | InitFlags::FAN_NONBLOCK
            | InitFlags::FAN_UNLIMITED_QUEUE
            | InitFlags::FAN_UNLIMITED_MARKS
            | InitFlags::from_bits_retain(libc::FAN_REPORT_DFID_NAME);
        Ok(Self { fanotify: Fanotify::init(flags, EventFFlags::O_RDONLY | EventFFlags::O_CLOEXEC)? })
    }

    /// Marks the whole file system that a directory is on.
    ///
    /// # Errors
    /// `PermissionDenied` without `CAP_SYS_ADMIN`, or where a policy forbids it; `ENODEV`, `EOPNOTSUPP`, `EXDEV`
    /// where the file system has no handles or no identity.
    pub fn mark_file_system(&self, dir: &Dir) -> io::Result<()> {
        let contents = MaskFlags::FAN_MODIFY | MaskFlags::FAN_CLOSE_WRITE | MaskFlags::FAN_ATTRIB;
        let names = MaskFlags::FAN_CREATE | MaskFlags::FAN_DELETE | MaskFlags::FAN_MOVED_FROM | MaskFlags::FAN_MOVED_TO;
        let flags = MarkFlags::FAN_MARK_ADD | MarkFlags::FAN_MARK_FILESYSTEM;
        Ok(self.fanotify.mark::<_, str>(flags, contents | names | MaskFlags::FAN_ONDIR, dir, None)?)
    }

    /// Marks one directory, for the names that are made in it.
    ///
    /// # Errors
    /// See [`Group::mark_file_system`].
    pub fn mark_directory(&self, dir: &Dir) -> io::Result<()> {
        Ok(self.fanotify.mark::<_, str>(MarkFlags::FAN_MARK_ADD, MaskFlags::FAN_CREATE, dir, None)?)
    }

    /// Waits until there are events.
    ///
    /// # Errors
    /// Those of `poll`.
    pub fn wait(&self) -> io::Result<()> {
        let mut wanted = [PollFd::new(&self.fanotify, PollFlags::IN)];
        match poll(&mut wanted, None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Reads as many whole events as there are and as the buffer takes; 0 if there are none.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match rustix::io::read(self.fanotify.as_fd(), buffer) {
            Ok(count) => Ok(count),
            Err(Errno::AGAIN | Errno::INTR) => Ok(0),
            Err(error) => Err(error.into()),
        }
    }
}
