//! What is asked and answered, as plain values.

use std::path::PathBuf;

use tokio::sync::oneshot;

use crate::domain::Failure;
use crate::jail::Held;

/// The process at the other end, as the kernel names it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    pub uid: u32,
    /// Its primary group and the others, as they were when it connected.
    pub groups: Vec<u32>,
    /// The user that the daemon runs as.
    pub daemon_uid: u32,
}

/// How much may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Audience {
    /// Everything.
    All,
    /// What concerns the files of this user.
    Owner(u32),
}

impl Peer {
    /// Whether it is root, or the user that the daemon runs as.
    #[must_use]
    pub fn is_host(&self) -> bool {
        self.uid == 0 || self.uid == self.daemon_uid
    }

    /// What it may be told, given the group whose members are told everything.
    #[must_use]
    pub fn audience(&self, control_group: Option<u32>) -> Audience {
        let is_member = control_group.is_some_and(|group| self.groups.contains(&group));
        if self.is_host() || is_member { Audience::All } else { Audience::Owner(self.uid) }
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
    /// The answer may tell of everything, however small the `audience`; that is for what is done meanwhile.
    Sync {
        paths: Vec<PathBuf>,
        audience: Audience,
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
    /// Counts are `None` for who is not told of them.
    pub watched_directories: Option<u64>,
    pub polled_directories: Option<u64>,
    /// Directories that are to be looked at, or are being looked at.
    pub waiting: Option<u64>,
    pub broken: Vec<Failure>,
    /// Changes that no event told of.
    pub missed: Option<u64>,
    pub jails: Vec<JailStatus>,
    /// Whether this is all, and not only what concerns the files of who asks. Set on the way to the client.
    pub complete: bool,
}

/// The jail of an interpreter's workers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JailStatus {
    /// The interpreter.
    pub program: PathBuf,
    pub held: Held,
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
    /// The user who owns the directory at its root, if it is there. Not sent to clients.
    pub owner: Option<u32>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn root_the_user_of_the_daemon_and_the_members_are_told_all() {
        let peer = |uid, groups: &[u32], daemon_uid| Peer { uid, groups: groups.into(), daemon_uid };
        for (peer, group, expected) in [
            (peer(0, &[], 0), None, Audience::All),
            (peer(0, &[], 33), None, Audience::All),
            (peer(33, &[], 33), None, Audience::All),
            (peer(33, &[], 0), None, Audience::Owner(33)),
            (peer(33, &[7], 0), Some(7), Audience::All),
            (peer(33, &[33, 5, 7], 0), Some(7), Audience::All),
            (peer(33, &[33, 5], 0), Some(7), Audience::Owner(33)),
            (peer(7, &[33], 0), Some(7), Audience::Owner(7)),
        ] {
            assert_eq!(peer.audience(group), expected, "{peer:?} {group:?}");
        }
    }
}
