//! Server and client at a real socket, with a daemon that answers from the test.

use std::ffi::OsStr;
use std::io::{Read, Write};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::net::{UnixListener, UnixStream};
use std::path::{Path, PathBuf};
use std::time::Duration;

use tempfile::TempDir;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::*;
use crate::domain::{Failure, FailureKind};

/// A server in a directory of its own, and the daemon's end of its channel.
struct Room {
    directory: TempDir,
    requests: mpsc::Receiver<Request>,
    stop: CancellationToken,
    server: JoinHandle<()>,
}

impl Room {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let server = Server::bind(&socket(&directory), nobody()).unwrap();
        let (sender, requests) = mpsc::channel(4);
        let stop = CancellationToken::new();
        let server = tokio::spawn(server.serve(sender, stop.clone()));
        Self { directory, requests, stop, server }
    }

    fn path(&self) -> PathBuf {
        socket(&self.directory)
    }

    async fn client(&self) -> Client {
        Client::connect(&self.path()).await.unwrap()
    }

    /// The next request, which must be a `Sync`.
    async fn sync(&mut self) -> (Vec<PathBuf>, tokio::sync::oneshot::Sender<Result<SyncEnd, SyncRefusal>>) {
        match self.requests.recv().await {
            Some(Request::Sync { paths, answer, .. }) => (paths, answer),
            other => panic!("{other:?}"),
        }
    }
}

/// No group is told everything.
fn nobody() -> watch::Receiver<Option<u32>> {
    watch::channel(None).1
}

fn socket(directory: &TempDir) -> PathBuf {
    directory.path().join("run/control.sock")
}

fn failure(path: &Path) -> Failure {
    Failure {
        path: path.to_owned(),
        python: "python3.11".into(),
        line: Some(3),
        kind: FailureKind::TooComplex,
        message: "RecursionError: \u{e4}\n".into(),
        owner: None,
    }
}

#[tokio::test]
async fn a_path_that_is_not_utf8_and_its_failure_survive_the_trip() {
    let mut room = Room::new();
    let mut client = room.client().await;
    let path = PathBuf::from(OsStr::from_bytes(b"/srv/\xff\n"));
    let named = [path.clone()];
    let (end, ()) = tokio::join!(client.sync(&named, None), async {
        let (paths, answer) = room.sync().await;
        assert_eq!(paths, named);
        answer.send(Ok(SyncEnd { failures: vec![failure(&path)] })).unwrap();
    });
    assert_eq!(end.unwrap().failures, [failure(&path)]);
}

#[tokio::test]
async fn a_connection_takes_one_call_after_the_other() {
    let mut room = Room::new();
    let mut client = room.client().await;
    let status = Status {
        version: "7".into(),
        missed: Some(3),
        complete: true,
        broken: vec![failure(Path::new("/a"))],
        ..Status::default()
    };
    for _ in 0..3 {
        let (told, ()) = tokio::join!(client.status(), async {
            let Some(Request::Status { answer }) = room.requests.recv().await else { panic!("no request") };
            answer.send(status.clone()).unwrap();
        });
        assert_eq!(told.unwrap(), status);
    }
}

#[tokio::test]
async fn a_refusal_reaches_the_client() {
    let mut room = Room::new();
    let mut client = room.client().await;
    let path = PathBuf::from(OsStr::from_bytes(b"/else\xfe"));
    let named = [path.clone()];
    let (end, ()) = tokio::join!(client.sync(&named, None), async {
        let (_, answer) = room.sync().await;
        answer.send(Err(SyncRefusal::NotInTree(path.clone()))).unwrap();
    });
    assert!(matches!(end, Err(ControlError::NotInTree(told)) if told == path));
    let (end, ()) = tokio::join!(client.sync(&named, None), async {
        drop(room.sync().await);
    });
    assert!(matches!(end, Err(ControlError::Stopping)));
}

#[tokio::test]
async fn a_sync_ends_with_its_time() {
    let mut room = Room::new();
    let mut client = room.client().await;
    let (end, answer) = tokio::join!(client.sync(&[], Some(Duration::from_millis(1))), room.sync());
    assert!(matches!(end, Err(ControlError::TimedOut)), "{end:?}");
    assert!(answer.1.is_closed());
}

#[tokio::test]
async fn a_client_that_goes_frees_its_sync_and_others_are_served_meanwhile() {
    let mut room = Room::new();
    let mut gone = UnixStream::connect(room.path()).unwrap();
    gone.write_all(b"{\"method\":\"org.pycwarm.Control.Sync\",\"parameters\":{\"paths\":[]}}\0").unwrap();
    let (_, mut waiting) = room.sync().await;
    let mut client = room.client().await;
    let (end, ()) = tokio::join!(client.sync(&[], None), async {
        room.sync().await.1.send(Ok(SyncEnd::default())).unwrap();
    });
    assert_eq!(end.unwrap(), SyncEnd::default());
    drop(gone);
    waiting.closed().await;
}

#[tokio::test]
async fn a_request_that_is_too_large_ends_its_connection_and_no_other() {
    let mut room = Room::new();
    let mut client = room.client().await;
    let mut large = UnixStream::connect(room.path()).unwrap();
    let ended = tokio::task::spawn_blocking(move || {
        // The end may come while this is written.
        let _ = large.write_all(&vec![b' '; LONGEST_REQUEST + 10]);
        large.read(&mut [0]).unwrap_or_default()
    });
    assert_eq!(ended.await.unwrap(), 0);
    let (end, ()) = tokio::join!(client.sync(&[], None), async {
        room.sync().await.1.send(Ok(SyncEnd::default())).unwrap();
    });
    end.unwrap();
}

#[tokio::test]
async fn what_comes_early_is_answered_in_its_turn() {
    let mut room = Room::new();
    let mut client = UnixStream::connect(room.path()).unwrap();
    let sync = "{\"method\":\"org.pycwarm.Control.Sync\",\"parameters\":{\"paths\":[]}}\0";
    let oneway = "{\"method\":\"org.varlink.service.GetInfo\",\"oneway\":true}\0";
    client.write_all(format!("{sync}{oneway}{sync}").as_bytes()).unwrap();
    for _ in 0..2 {
        room.sync().await.1.send(Ok(SyncEnd::default())).unwrap();
    }
    room.stop.cancel();
    room.server.await.unwrap();
    let mut answers = String::new();
    client.read_to_string(&mut answers).unwrap();
    assert_eq!(answers, "{\"parameters\":{\"failures\":[]}}\0".repeat(2));
}

#[tokio::test]
async fn the_end_is_told_and_removes_the_socket() {
    let mut room = Room::new();
    let mut client = room.client().await;
    let (end, _answer) = tokio::join!(client.sync(&[], None), async {
        let answer = room.sync().await;
        room.stop.cancel();
        answer
    });
    assert!(matches!(end, Err(ControlError::Stopping)), "{end:?}");
    let path = room.path();
    room.server.await.unwrap();
    assert!(!path.exists());
    assert!(matches!(Client::connect(&path).await, Err(ControlError::Absent(_))));
}

#[test]
fn a_stale_socket_is_replaced_and_a_live_one_is_not() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("control.sock");
    drop(UnixListener::bind(&path).unwrap());
    let live = Server::bind(&path, nobody()).unwrap();
    assert!(matches!(Server::bind(&path, nobody()), Err(ControlError::InUse(_))));
    drop(live);
    assert!(!path.exists());
}

#[test]
fn a_directory_that_cannot_be_made_is_told() {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b/control.sock");
    let error = Server::bind(&path, nobody()).unwrap_err().to_string();
    assert!(error.contains("cannot listen at") && error.contains("a/b/control.sock"), "{error}");
}

#[test]
fn every_user_has_a_place_or_is_told_of_socket() {
    let home = OsStr::new("/run/user/7");
    assert_eq!(default_path(0, Some(home)).unwrap(), Path::new(SYSTEM_SOCKET));
    assert_eq!(default_path(7, Some(home)).unwrap(), Path::new("/run/user/7/pycwarm/control.sock"));
    for none in [None, Some(OsStr::new("here")), Some(OsStr::new(""))] {
        assert!(default_path(7, none).unwrap_err().to_string().contains("--socket"));
    }
}
