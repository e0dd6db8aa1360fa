//! What is asked and answered, as plain values.

use std::path::PathBuf;

use tokio::sync::oneshot;

use crate::domain::Failure;

/// The process at the other end, as the kernel names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Peer {
    pub uid: u32,
    /// The user that the daemon runs as.
    pub daemon_uid: u32,
}

impl Peer {
    /// Whether it may be told of the sources of others: it is root, or the user that the daemon runs as.
    #[must_use]
    pub fn sees_all(self) -> bool {
        self.uid == 0 || self.uid == self.daemon_uid
    }
}

/// What the daemon is asked. An `answer` that is dropped says that the daemon is ending; one that nobody
/// waits for any more [is closed](oneshot::Sender::closed).
#[derive(Debug)]
pub enum Request {
    Status {
        answer: oneshot::Sender<Status>,
    },
    /// To be answered when all is dealt with that happened before. `paths` are absolute; none means every tree.
    Sync {
        paths: Vec<PathBuf>,
        answer: oneshot::Sender<Result<SyncEnd, SyncRefusal>>,
    },
}

/// Everything was dealt with.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct SyncEnd {
    /// What stands as broken below the paths.
    pub failures: Vec<Failure>,
}

/// Why a `Sync` is not carried out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SyncRefusal {
    /// This path is in no tree.
    NotInTree(PathBuf),
    /// The daemon is ending.
    Stopping,
}

/// What the daemon knows.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Status {
    pub version: String,
    /// Whether every tree that is there is warm and watched.
    pub ready: bool,
    pub trees: Vec<TreeStatus>,
    pub watched_directories: u64,
    pub polled_directories: u64,
    /// Directories that are to be looked at, or are being looked at.
    pub waiting: u64,
    pub broken: Vec<Failure>,
    /// Changes that no event told of.
    pub missed: u64,
}

/// What the daemon knows of one tree.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TreeStatus {
    pub path: PathBuf,
    pub present: bool,
    /// `inotify`, `fanotify`, `poll`, or several of them joined by ` + `.
    pub event_source: String,
    /// Why it is this source of events; may be empty.
    pub why: String,
    /// Whether the whole tree was looked at since the start.
    pub warm: bool,
}
