//! Who is told of what: a peer that does not see all is told of its own sources, and of no others.

use std::path::Path;

use super::values::Peer;
use crate::domain::Failure;

/// Leaves those failures that `peer` may be told of. `owner` gives the user who owns what stands at a path,
/// if that can be told; it is asked for a peer only that does not see all.
pub(super) fn visible(failures: Vec<Failure>, peer: Peer, owner: impl Fn(&Path) -> Option<u32>) -> Vec<Failure> {
    if peer.sees_all() {
        return failures;
    }
    failures.into_iter().filter(|failure| owner(&failure.path) == Some(peer.uid)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::FailureKind;

    fn failures() -> Vec<Failure> {
        let failure = |path: &str| Failure {
            path: path.into(),
            python: "python3.11".into(),
            line: None,
            kind: FailureKind::Syntax,
            message: "SyntaxError: invalid syntax".into(),
        };
        ["/srv/mine.py", "/srv/theirs.py", "/srv/gone.py", "python3.9"].map(failure).into()
    }

    fn owner(path: &Path) -> Option<u32> {
        match path.to_str() {
            Some("/srv/mine.py") => Some(1000),
            Some("/srv/theirs.py") => Some(1001),
            _ => None,
        }
    }

    fn told(uid: u32, daemon_uid: u32) -> usize {
        visible(failures(), Peer { uid, daemon_uid }, owner).len()
    }

    #[test]
    fn a_user_is_told_of_own_sources() {
        let told = visible(failures(), Peer { uid: 1000, daemon_uid: 0 }, owner);
        assert_eq!(told.iter().map(|failure| failure.path.to_str().unwrap()).collect::<Vec<_>>(), ["/srv/mine.py"]);
    }

    #[test]
    fn root_and_the_user_of_the_daemon_are_told_of_all() {
        assert_eq!((told(0, 0), told(0, 33), told(33, 33)), (4, 4, 4));
    }

    #[test]
    fn a_stranger_is_told_of_nothing() {
        assert_eq!((told(1002, 0), told(33, 0)), (0, 0));
    }
}
