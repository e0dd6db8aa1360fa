//! Who is told of what. A peer that is not told all is told of what failed in its own files, and of no others; of the
//! daemon itself, that it is there.

use super::values::{Audience, Status};
use crate::domain::Failure;

/// Leaves those failures that may be told. Whose they are was taken down when the file was looked at: by now another
/// one may stand at the path.
pub(super) fn failures(failures: Vec<Failure>, audience: Audience) -> Vec<Failure> {
    match audience {
        Audience::All => failures,
        Audience::Owner(uid) => failures.into_iter().filter(|failure| failure.owner == Some(uid)).collect(),
    }
}

/// Leaves of a status what may be told: the counts are of the files of everybody, and a tree says that there is
/// something at its path.
pub(super) fn status(status: Status, audience: Audience) -> Status {
    let Audience::Owner(uid) = audience else { return Status { complete: true, ..status } };
    let Status { version, ready, trees, broken, .. } = status;
    Status {
        version,
        ready,
        trees: trees.into_iter().filter(|tree| tree.owner == Some(uid)).collect(),
        broken: failures(broken, audience),
        ..Status::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::control::TreeStatus;
    use crate::domain::FailureKind;

    fn told_of(audience: Audience) -> Vec<String> {
        let failure = |(path, owner): (&str, Option<u32>)| Failure {
            path: path.into(),
            python: "python3.11".into(),
            line: None,
            kind: FailureKind::Syntax,
            message: "SyntaxError: invalid syntax".into(),
            owner,
        };
        let all = [("/srv/mine.py", Some(1000)), ("/srv/theirs.py", Some(1001)), ("python3.9", None)].map(failure);
        failures(all.into(), audience).iter().map(|failure| failure.path.display().to_string()).collect()
    }

    #[test]
    fn a_user_is_told_of_own_sources() {
        assert_eq!(told_of(Audience::Owner(1000)), ["/srv/mine.py"]);
        assert!(told_of(Audience::Owner(1002)).is_empty());
        assert_eq!(told_of(Audience::All).len(), 3);
    }

    #[test]
    fn a_user_is_told_of_own_trees_and_of_no_counts() {
        let tree = |path: &str, owner| TreeStatus { path: path.into(), owner, ..TreeStatus::default() };
        let all = Status {
            version: "1".into(),
            ready: true,
            trees: vec![tree("/mine", Some(1000)), tree("/theirs", Some(1001)), tree("/absent", None)],
            watched_directories: Some(1),
            polled_directories: Some(2),
            waiting: Some(3),
            missed: Some(4),
            ..Status::default()
        };
        let told = status(all.clone(), Audience::Owner(1000));
        let expected =
            Status { version: "1".into(), ready: true, trees: vec![tree("/mine", Some(1000))], ..Status::default() };
        assert_eq!(told, expected);
        assert_eq!(status(all.clone(), Audience::All), Status { complete: true, ..all });
    }
}
