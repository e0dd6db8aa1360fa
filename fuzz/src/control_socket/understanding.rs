//! Our client and our server: what one means the other understands.

use std::ffi::OsStr;
use std::fmt::Debug;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use arbitrary::{Result, Unstructured};
use pycwarm::control::{Client, ControlError, JailStatus, Request, Status, SyncEnd, SyncRefusal, TreeStatus};
use pycwarm::domain::{Failure, FailureKind};
use pycwarm::jail::{Held, Layer};
use tokio::sync::mpsc;

use super::{Listening, daemon};

/// What is answered to a `Sync`.
type End<E> = std::result::Result<SyncEnd, E>;

/// Asks for a status and for a `Sync`; what is asked and answered is made up. The one who asks runs the daemon, too,
/// and is told everything.
///
/// # Errors
/// Those of the input.
pub async fn check(socket: &Path, input: &mut Unstructured<'_>) -> Result<bool> {
    let status = status(input)?;
    let paths = list(input, path)?;
    let limit =
        if input.arbitrary()? { Some(Duration::from_millis(input.int_in_range(60_000..=1 << 40)?)) } else { None };
    let end = match input.int_in_range(0..=2u8)? {
        0 => Err(SyncRefusal::NotInTree(path(input)?)),
        1 => Err(SyncRefusal::Stopping),
        _ => Ok(SyncEnd { failures: list(input, failure)? }),
    };
    let Listening { mut asked, stop, serving } = Listening::at(socket);
    let asking = async {
        let mut client = Client::connect(socket).await.expect("the server listens");
        let told = (client.status().await, client.sync(&paths, limit).await);
        stop.cancel();
        told
    };
    let (asked_for, (told, told_end)) = tokio::join!(answer(&mut asked, &status, &end), asking);
    serving.await.expect("the server does not panic");
    same_status(&told.expect("a status is understood"), &status);
    if paths.iter().all(|path| path.is_absolute() && !path.as_os_str().as_bytes().contains(&0)) {
        same(&asked_for, &Some(paths));
        same_end(told_end, end);
    } else {
        assert!(asked_for.is_none(), "the daemon was asked for {asked_for:?}");
        assert!(matches!(told_end, Err(ControlError::Protocol(_))), "{told_end:?}");
    }
    Ok(true)
}

/// Answers until nobody asks any more; gives the paths of the `Sync`, if one came through.
async fn answer(asked: &mut mpsc::Receiver<Request>, status: &Status, end: &End<SyncRefusal>) -> Option<Vec<PathBuf>> {
    let mut asked_for = None;
    while let Some(request) = asked.recv().await {
        match request {
            Request::Status { answer } => drop(answer.send(status.clone())),
            Request::Sync { paths, answer, .. } => {
                asked_for = Some(paths);
                let _ = answer.send(end.clone());
            }
        }
    }
    asked_for
}

/// Byte for byte: paths that are spelled differently can be equal to each other.
fn same(told: &impl Debug, meant: &impl Debug) {
    assert_eq!(format!("{told:?}"), format!("{meant:?}"));
}

fn same_end(told: End<ControlError>, meant: End<SyncRefusal>) {
    match (told, meant) {
        (Ok(told), Ok(meant)) => same_failures(&told.failures, &meant.failures),
        (Err(ControlError::NotInTree(told)), Err(SyncRefusal::NotInTree(meant))) => same(&told, &meant),
        (Err(ControlError::Stopping), Err(SyncRefusal::Stopping)) => {}
        (told, meant) => panic!("told {told:?} for {meant:?}"),
    }
}

fn same_failures(told: &[Failure], meant: &[Failure]) {
    let parts = |failures: &[Failure]| {
        let parts = |of: &Failure| format!("{:?}", (&of.path, &of.python, of.line, of.kind, &of.message));
        failures.iter().map(parts).collect::<Vec<_>>()
    };
    assert_eq!(parts(told), parts(meant));
}

fn same_status(told: &Status, meant: &Status) {
    same_failures(&told.broken, &meant.broken);
    let parts = |of: &Status| {
        let counts = (of.watched_directories, of.polled_directories, of.waiting, of.missed);
        let tree = |of: &TreeStatus| format!("{:?}", (&of.path, of.present, &of.event_source, &of.why, of.warm));
        format!("{:?}", (&of.version, of.ready, counts, of.trees.iter().map(tree).collect::<Vec<_>>(), &of.jails))
    };
    assert_eq!(parts(told), parts(meant));
}

fn status(input: &mut Unstructured<'_>) -> Result<Status> {
    Ok(Status {
        version: text(input)?,
        ready: input.arbitrary()?,
        trees: list(input, tree)?,
        watched_directories: input.arbitrary()?,
        polled_directories: input.arbitrary()?,
        waiting: input.arbitrary()?,
        broken: list(input, failure)?,
        missed: input.arbitrary()?,
        jails: list(input, jail)?,
        complete: true,
    })
}

fn tree(input: &mut Unstructured<'_>) -> Result<TreeStatus> {
    Ok(TreeStatus {
        path: path(input)?,
        present: input.arbitrary()?,
        event_source: text(input)?,
        why: text(input)?,
        warm: input.arbitrary()?,
        owner: None,
    })
}

fn jail(input: &mut Unstructured<'_>) -> Result<JailStatus> {
    let mut held = Held::default();
    for layer in [Layer::User, Layer::Files, Layer::Calls] {
        held.note(layer, if input.arbitrary()? { Ok(()) } else { Err(text(input)?) });
    }
    Ok(JailStatus { program: path(input)?, held })
}

fn failure(input: &mut Unstructured<'_>) -> Result<Failure> {
    const KINDS: [FailureKind; 4] =
        [FailureKind::Syntax, FailureKind::TooComplex, FailureKind::Refused, FailureKind::Conflict];
    let (path, python, line) = (path(input)?, text(input)?, input.arbitrary()?);
    Ok(daemon::failure(path, python, line, *input.choose(&KINDS)?, text(input)?))
}

/// Absolute and usable, most of them.
fn path(input: &mut Unstructured<'_>) -> Result<PathBuf> {
    let mut bytes = if input.ratio(15, 16)? { b"/nowhere/".to_vec() } else { Vec::new() };
    bytes.extend_from_slice(input.arbitrary::<&[u8]>()?);
    Ok(OsStr::from_bytes(&bytes).into())
}

fn text(input: &mut Unstructured<'_>) -> Result<String> {
    input.arbitrary::<&str>().map(str::to_owned)
}

/// Up to four.
fn list<T>(input: &mut Unstructured<'_>, item: fn(&mut Unstructured<'_>) -> Result<T>) -> Result<Vec<T>> {
    (0..input.int_in_range(0..=4)?).map(|_| item(input)).collect()
}
