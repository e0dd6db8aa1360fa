//! What stands behind the session: answers at once, in the ways that the real daemon has.

use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use pycwarm::control::{Request, Status, SyncEnd, SyncRefusal};
use pycwarm::domain::{Failure, FailureKind};
use tokio::sync::mpsc;

/// Answers until nobody asks any more. `how` chooses the answers.
pub async fn answer_all(mut asked: mpsc::Receiver<Request>, how: u8) {
    while let Some(request) = asked.recv().await {
        match request {
            Request::Status { answer } if how & 1 == 0 => {
                let _ = answer.send(Status { broken: vec![syntax_error("/a".into())], ..Status::default() });
            }
            Request::Sync { paths, answer, .. } => {
                for path in &paths {
                    assert!(path.is_absolute() && !path.as_os_str().as_bytes().contains(&0), "{path:?}");
                }
                let _ = match (how & 3, paths.into_iter().next()) {
                    (0, Some(path)) => answer.send(Err(SyncRefusal::NotInTree(path))),
                    (1, _) => answer.send(Err(SyncRefusal::Stopping)),
                    // Dropped: the daemon is ending.
                    (2, _) => Ok(()),
                    (_, path) => answer.send(Ok(SyncEnd { failures: path.map(syntax_error).into_iter().collect() })),
                };
            }
            // Dropped, too.
            Request::Status { .. } => {}
        }
    }
}

fn syntax_error(path: PathBuf) -> Failure {
    failure(path, "python3.11".into(), Some(1), FailureKind::Syntax, "SyntaxError: invalid syntax".into())
}

/// A failure of a source.
pub fn failure(path: PathBuf, python: String, line: Option<u32>, kind: FailureKind, message: String) -> Failure {
    Failure { path, python, line, kind, message, owner: None }
}
