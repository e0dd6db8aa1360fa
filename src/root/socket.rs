//! The control socket: made, reached and removed by its path.

use std::io;
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::unix::fs::{DirBuilderExt, FileTypeExt, MetadataExt};
use std::os::unix::net::UnixListener;
use std::path::{Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::net::{AddressFamily, SocketAddrUnix, SocketFlags, SocketType};
use tokio::net::UnixStream;

/// A listening socket at a path. It is removed with this value, if it is still the one that was made.
#[derive(Debug)]
pub struct ListeningSocket {
    listener: UnixListener,
    path: PathBuf,
    /// Device and inode.
    identity: (u64, u64),
}

/// Why there is no listening socket.
#[derive(Debug)]
pub enum ListenError {
    /// Somebody listens there.
    InUse,
    /// Something that is no socket stands there.
    NotASocket,
    Io(io::Error),
}

impl From<io::Error> for ListenError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

impl From<Errno> for ListenError {
    fn from(error: Errno) -> Self {
        Self::Io(error.into())
    }
}

impl ListeningSocket {
    /// Listens at `path`, open to every user whatever the umask. Its directory is made if it is missing;
    /// a socket at which nobody listens any more is replaced.
    ///
    /// # Errors
    /// See [`ListenError`].
    pub fn listen(path: &Path) -> Result<Self, ListenError> {
        if let Some(directory) = path.parent().filter(|directory| !directory.as_os_str().is_empty()) {
            make_directory(directory)?;
        }
        remove_stale(path)?;
        let listener = UnixListener::bind(path).map_err(|error| match error.kind() {
            io::ErrorKind::AddrInUse => ListenError::InUse,
            _ => error.into(),
        })?;
        listener.set_nonblocking(true)?;
        let identity = open_to_all(path)?;
        Ok(Self { listener, path: path.to_owned(), identity })
    }

    /// Another descriptor of the same socket, not blocking.
    ///
    /// # Errors
    /// Those of `dup`.
    pub fn listener(&self) -> io::Result<UnixListener> {
        self.listener.try_clone()
    }
}

impl Drop for ListeningSocket {
    fn drop(&mut self) {
        let ours = std::fs::symlink_metadata(&self.path).is_ok_and(|stat| (stat.dev(), stat.ino()) == self.identity);
        if ours {
            // One that stays is replaced at the next start.
            let _ = std::fs::remove_file(&self.path);
        }
    }
}

/// Connects, without waiting for a listener that has too many callers.
///
/// # Errors
/// Those of `connect`: `NotFound` and `ConnectionRefused` where nobody listens.
pub async fn connect(path: &Path) -> io::Result<UnixStream> {
    UnixStream::connect(path).await
}

fn make_directory(directory: &Path) -> io::Result<()> {
    match std::fs::DirBuilder::new().mode(0o755).create(directory) {
        // The umask took bits away.
        Ok(()) => {
            let flags = OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
            let made = rustix::fs::open(directory, flags, Mode::empty())?;
            Ok(rustix::fs::fchmod(made, Mode::from_raw_mode(0o755))?)
        }
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}

fn remove_stale(path: &Path) -> Result<(), ListenError> {
    let stat = match std::fs::symlink_metadata(path) {
        Ok(stat) => stat,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error.into()),
    };
    if !stat.file_type().is_socket() {
        return Err(ListenError::NotASocket);
    }
    let ear = rustix::net::socket_with(
        AddressFamily::UNIX,
        SocketType::STREAM,
        SocketFlags::NONBLOCK | SocketFlags::CLOEXEC,
        None,
    )?;
    match rustix::net::connect(&ear, &SocketAddrUnix::new(path)?) {
        Err(Errno::CONNREFUSED) => {}
        // AGAIN: it has more callers waiting than it takes.
        Ok(()) | Err(Errno::AGAIN) => return Err(ListenError::InUse),
        Err(Errno::NOENT) => return Ok(()),
        Err(error) => return Err(error.into()),
    }
    let again = std::fs::symlink_metadata(path)?;
    if (again.dev(), again.ino()) != (stat.dev(), stat.ino()) {
        // Another daemon was faster.
        return Err(ListenError::InUse);
    }
    Ok(std::fs::remove_file(path)?)
}

/// Lets every user connect to the socket that we have just made, and gives its device and inode. By a
/// descriptor: in a directory of somebody else's its name may lead to another file by now.
fn open_to_all(path: &Path) -> Result<(u64, u64), ListenError> {
    let node: OwnedFd = rustix::fs::open(path, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())?;
    let stat = super::dir::file_stat(&rustix::fs::fstat(&node)?);
    let ours = stat.uid == rustix::process::geteuid().as_raw() && stat.links == 1;
    if stat.kind != crate::domain::FileKind::Socket || !ours {
        return Err(io::Error::other("somebody has replaced it").into());
    }
    // A descriptor opened with O_PATH takes no fchmod.
    rustix::fs::chmod(format!("/proc/self/fd/{}", node.as_raw_fd()), Mode::from_raw_mode(0o666))?;
    Ok((stat.device, stat.inode))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everybody_may_connect() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("run/control.sock");
        let _socket = ListeningSocket::listen(&path).unwrap();
        let mode = |path: &Path| std::fs::metadata(path).unwrap().mode() & 0o7777;
        assert_eq!((mode(&path), mode(path.parent().unwrap())), (0o666, 0o755));
    }

    #[test]
    fn what_is_no_socket_stays() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.sock");
        std::fs::write(&path, "kept").unwrap();
        assert!(matches!(ListeningSocket::listen(&path), Err(ListenError::NotASocket)));
        std::fs::remove_file(&path).unwrap();
        std::os::unix::fs::symlink("/nowhere", &path).unwrap();
        assert!(matches!(ListeningSocket::listen(&path), Err(ListenError::NotASocket)));
        assert!(path.is_symlink());
    }

    #[test]
    fn the_socket_of_another_is_not_removed() {
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("control.sock");
        let first = ListeningSocket::listen(&path).unwrap();
        std::fs::rename(&path, directory.path().join("moved")).unwrap();
        let second = ListeningSocket::listen(&path).unwrap();
        drop(first);
        assert!(path.exists());
        drop(second);
        assert!(!path.exists());
    }
}
