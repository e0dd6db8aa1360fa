//! Who is at the other end of a socket, beside what the standard library tells.
#![allow(unsafe_code, reason = "neither nix nor rustix nor socket2 has SO_PEERGROUPS")]

use std::io;
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd};

use libc::{c_void, gid_t, socklen_t};

/// The kernel's own limit (`NGROUPS_MAX`): nobody can be in more.
const MOST_GROUPS: usize = 65_536;
/// Room for the groups of nearly everybody.
const USUAL_GROUPS: usize = 64;

/// The supplementary groups of the peer of a Unix socket, as they were when it connected. Its primary group may be
/// missing. Taken from the kernel and not from `/proc/PID/status`: by then the process may be another one.
///
/// # Errors
/// Those of `getsockopt`: `ENOPROTOOPT` before Linux 4.13.
pub fn groups(socket: &impl AsFd) -> io::Result<Vec<u32>> {
    match groups_of(socket, USUAL_GROUPS) {
        Err(error) if error.raw_os_error() == Some(libc::ERANGE) => groups_of(socket, MOST_GROUPS),
        told => told,
    }
}

/// The same for up to `room` groups; `ERANGE` where there are more.
fn groups_of(socket: &impl AsFd, room: usize) -> io::Result<Vec<u32>> {
    let mut groups: Vec<MaybeUninit<gid_t>> = vec![MaybeUninit::uninit(); room];
    let mut bytes = socklen_t::try_from(size_of_val(groups.as_slice())).map_err(io::Error::other)?;
    // SAFETY: the buffer is ours and writable, and `bytes` long; the kernel writes no more than that, and how much it
    // has written into `bytes`.
    let answer = unsafe {
        libc::getsockopt(
            socket.as_fd().as_raw_fd(),
            libc::SOL_SOCKET,
            libc::SO_PEERGROUPS,
            groups.as_mut_ptr().cast::<c_void>(),
            &raw mut bytes,
        )
    };
    if answer != 0 {
        return Err(io::Error::last_os_error());
    }
    let count = (bytes as usize / size_of::<gid_t>()).min(room);
    // SAFETY: the kernel has written these.
    Ok(groups[..count].iter().map(|group| unsafe { group.assume_init() }).collect())
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixStream;

    use super::*;

    #[test]
    fn our_own_groups_are_told() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        let mut told = groups(&ours).unwrap();
        let mut own: Vec<u32> = rustix::process::getgroups().unwrap().iter().map(|group| group.as_raw()).collect();
        told.sort_unstable();
        own.sort_unstable();
        assert_eq!(told, own);
    }

    #[test]
    fn too_little_room_is_an_error_and_no_part() {
        let (ours, _theirs) = UnixStream::pair().unwrap();
        if !groups(&ours).unwrap().is_empty() {
            assert_eq!(groups_of(&ours, 0).unwrap_err().raw_os_error(), Some(libc::ERANGE));
        }
        assert!(groups(&io::stdin()).is_err(), "no socket");
    }
}
