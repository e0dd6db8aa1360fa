//! What can go wrong at the control socket, on either side.

use std::io;
use std::path::{Path, PathBuf};

use crate::domain::escaped;
use crate::domain::path_text::escaped_text;
use crate::root::socket::ListenError;

use super::SYSTEM_SOCKET;

/// Why the daemon does not listen, or a client got no answer.
#[derive(Debug, thiserror::Error)]
pub enum ControlError {
    #[error("{}: another daemon listens there; end it, or give this one another --socket", escaped(.0))]
    InUse(PathBuf),
    #[error("{}: is not a socket and is left alone; remove it, or name another --socket", escaped(.0))]
    NotASocket(PathBuf),
    #[error("there is no usual place for the control socket of this user: XDG_RUNTIME_DIR is not set; use --socket")]
    NoDefault,
    /// Nobody listens.
    #[error("the daemon is not there: nobody listens at {}; {}", escaped(.0), remedy(.0))]
    Absent(PathBuf),
    #[error("cannot {step} {}: {error}", escaped(path))]
    Io { step: &'static str, path: PathBuf, error: io::Error },
    #[error("the daemon ended the connection without an answer: it is ending, or has too many callers; try again")]
    Closed,
    /// The other side is no daemon of pycwarm, or one of another version.
    #[error("cannot understand the daemon: {}; is it of another version?", escaped_text(.0))]
    Protocol(String),
    #[error("too many paths for one call; name fewer, or a directory above them")]
    TooMuch,
    #[error("{}: is in no tree of the daemon; `pycwarm status` lists them", escaped(.0))]
    NotInTree(PathBuf),
    #[error("the daemon was not done in time; it goes on")]
    TimedOut,
    #[error("the daemon is ending")]
    Stopping,
}

impl ControlError {
    /// An error of the system at `path`, in doing what `step` says.
    pub(super) fn io(step: &'static str, path: &Path, error: io::Error) -> Self {
        Self::Io { step, path: path.to_owned(), error }
    }

    pub(super) fn listen(path: &Path, error: ListenError) -> Self {
        match error {
            ListenError::InUse => Self::InUse(path.to_owned()),
            ListenError::NotASocket => Self::NotASocket(path.to_owned()),
            ListenError::Io(error) => Self::io("listen at", path, error),
        }
    }

    pub(super) fn connect(path: &Path, error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused | io::ErrorKind::NotADirectory => {
                Self::Absent(path.to_owned())
            }
            _ => Self::io("connect to", path, error),
        }
    }
}

/// What to do about a daemon that is not there.
fn remedy(path: &Path) -> String {
    if path == Path::new(SYSTEM_SOCKET) {
        "start it: systemctl start pycwarm".to_owned()
    } else {
        format!("start it: systemctl start pycwarm (its socket is {SYSTEM_SOCKET}; name it by --socket)")
    }
}
