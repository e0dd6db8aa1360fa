//! Directories named by the file handles in which fanotify speaks.
#![allow(unsafe_code, reason = "no library that is kept well has open_by_handle_at")]

use std::ffi::OsString;
use std::io;
use std::os::fd::{AsRawFd, FromRawFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use super::dir::Dir;

/// No file system makes longer ones: `MAX_HANDLE_SZ` of the kernel, in bytes.
const LONGEST: usize = 128;

/// `struct file_handle` with room for any handle.
#[repr(C)]
struct RawHandle {
    bytes: u32,
    kind: i32,
    handle: [u8; LONGEST],
}

/// The path at which a directory is now, seen from the mount that `mount` is on. `None` where it is gone.
/// Needs `CAP_DAC_READ_SEARCH`. Nothing in the directory is looked at.
///
/// # Errors
/// Those of `open_by_handle_at` and `readlink`, but for `ESTALE`: gone.
pub fn path_of(mount: &Dir, kind: i32, handle: &[u8]) -> io::Result<Option<PathBuf>> {
    let Some(fd) = open(mount, kind, handle)? else { return Ok(None) };
    if rustix::fs::fstat(&fd)?.st_nlink == 0 {
        return Ok(None);
    }
    let path = rustix::fs::readlink(format!("/proc/self/fd/{}", fd.as_raw_fd()), Vec::new())?;
    let path = PathBuf::from(OsString::from_vec(path.into_bytes()));
    // Below another mount of the same file system: "(unreachable)/...".
    Ok(path.is_absolute().then_some(path))
}

fn open(mount: &Dir, kind: i32, handle: &[u8]) -> io::Result<Option<OwnedFd>> {
    use std::os::fd::AsFd;

    if handle.len() > LONGEST {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "a file handle longer than any"));
    }
    #[allow(clippy::cast_possible_truncation, reason = "at most LONGEST")]
    let mut raw = RawHandle { bytes: handle.len() as u32, kind, handle: [0; LONGEST] };
    raw.handle[..handle.len()].copy_from_slice(handle);
    let flags = libc::O_PATH | libc::O_DIRECTORY | libc::O_CLOEXEC;
    // SAFETY: `raw` has the layout of `struct file_handle`, with `bytes` valid bytes behind its head, and outlives
    // the call, which only reads it; `mount` is open for as long as it is borrowed.
    let fd = unsafe { libc::open_by_handle_at(mount.as_fd().as_raw_fd(), (&raw mut raw).cast(), flags) };
    if fd < 0 {
        let error = io::Error::last_os_error();
        return if error.raw_os_error() == Some(libc::ESTALE) { Ok(None) } else { Err(error) };
    }
    // SAFETY: the kernel has just given us this descriptor, and nobody else knows of it.
    Ok(Some(unsafe { OwnedFd::from_raw_fd(fd) }))
}
