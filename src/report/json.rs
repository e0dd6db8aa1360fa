//! The `--json` objects, schema 1.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;

use super::summary::Summary;
use crate::control::{JailStatus, Status, TreeStatus};
use crate::domain::{Failure, Skip};

#[derive(Serialize)]
struct Report<'a> {
    schema: u32,
    sources: u64,
    fresh: u64,
    compiled: u64,
    repaired: u64,
    stale: u64,
    failed: usize,
    skipped: usize,
    failures: Vec<JsonFailure<'a>>,
    skips: Vec<JsonSkip>,
    elapsed_seconds: f64,
}

#[derive(Serialize)]
struct JsonFailure<'a> {
    #[serde(flatten)]
    path: JsonPath,
    python: &'a str,
    line: Option<u32>,
    kind: &'static str,
    message: &'a str,
}

#[derive(Serialize)]
struct JsonSkip {
    #[serde(flatten)]
    path: JsonPath,
    reason: String,
}

#[derive(Serialize)]
struct SyncReport<'a> {
    schema: u32,
    failed: usize,
    failures: Vec<JsonFailure<'a>>,
    elapsed_seconds: f64,
}

#[derive(Serialize)]
struct StatusReport<'a> {
    schema: u32,
    version: &'a str,
    ready: bool,
    trees: Vec<JsonTree<'a>>,
    watched_directories: Option<u64>,
    polled_directories: Option<u64>,
    waiting: Option<u64>,
    broken: Vec<JsonFailure<'a>>,
    missed: Option<u64>,
    jails: Vec<JsonJail<'a>>,
    complete: bool,
}

#[derive(Serialize)]
struct JsonJail<'a> {
    #[serde(flatten)]
    path: JsonPath,
    holds: Vec<&'static str>,
    lacks: Vec<JsonLack<'a>>,
}

#[derive(Serialize)]
struct JsonLack<'a> {
    layer: &'static str,
    why: &'a str,
}

#[derive(Serialize)]
struct JsonTree<'a> {
    #[serde(flatten)]
    path: JsonPath,
    present: bool,
    event_source: &'a str,
    why: &'a str,
    warm: bool,
}

/// `path`, and `path_bytes` beside it where it is not UTF-8.
#[derive(Serialize)]
struct JsonPath {
    path: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
}

/// Writes the object of `warm` and `check` on one line.
///
/// # Errors
/// Those of the serializer.
pub fn render(summary: &Summary, elapsed: Duration) -> Result<String, serde_json::Error> {
    let failures = summary.failures.iter().map(failure).collect::<Result<_, _>>()?;
    let skips = summary.skips.iter().map(skip).collect::<Result<_, _>>()?;
    serde_json::to_string(&Report {
        schema: 1,
        sources: summary.sources,
        fresh: summary.fresh,
        compiled: summary.compiled,
        repaired: summary.repaired,
        stale: summary.stale,
        failed: summary.failures.len(),
        skipped: summary.skips.len(),
        failures,
        skips,
        elapsed_seconds: elapsed.as_secs_f64(),
    })
}

/// Writes the object of `sync` on one line.
///
/// # Errors
/// Those of the serializer.
pub fn render_sync(failures: &[Failure], elapsed: Duration) -> Result<String, serde_json::Error> {
    serde_json::to_string(&SyncReport {
        schema: 1,
        failed: failures.len(),
        failures: failures.iter().map(failure).collect::<Result<_, _>>()?,
        elapsed_seconds: elapsed.as_secs_f64(),
    })
}

/// Writes the object of `status` on one line.
///
/// # Errors
/// Those of the serializer.
pub fn render_status(status: &Status) -> Result<String, serde_json::Error> {
    serde_json::to_string(&StatusReport {
        schema: 1,
        version: &status.version,
        ready: status.ready,
        trees: status.trees.iter().map(tree).collect::<Result<_, _>>()?,
        watched_directories: status.watched_directories,
        polled_directories: status.polled_directories,
        waiting: status.waiting,
        broken: status.broken.iter().map(failure).collect::<Result<_, _>>()?,
        missed: status.missed,
        jails: status.jails.iter().map(jail).collect::<Result<_, _>>()?,
        complete: status.complete,
    })
}

fn jail(jail: &JailStatus) -> Result<JsonJail<'_>, serde_json::Error> {
    let JailStatus { program, held } = jail;
    let lacks = held.lacks.iter().map(|(layer, why)| JsonLack { layer: layer.name(), why });
    Ok(JsonJail {
        path: path(program)?,
        holds: held.holds.iter().map(|layer| layer.name()).collect(),
        lacks: lacks.collect(),
    })
}

fn tree(tree: &TreeStatus) -> Result<JsonTree<'_>, serde_json::Error> {
    let TreeStatus { path: name, present, event_source, why, warm, .. } = tree;
    Ok(JsonTree { path: path(name)?, present: *present, event_source, why, warm: *warm })
}

fn failure(failure: &Failure) -> Result<JsonFailure<'_>, serde_json::Error> {
    Ok(JsonFailure {
        path: path(&failure.path)?,
        python: &failure.python,
        line: failure.line,
        kind: failure.kind.name(),
        message: &failure.message,
    })
}

fn skip(skip: &Skip) -> Result<JsonSkip, serde_json::Error> {
    Ok(JsonSkip { path: path(&skip.path)?, reason: skip.reason.to_string() })
}

fn path(path: &Path) -> Result<JsonPath, serde_json::Error> {
    let bytes = path.as_os_str().as_bytes();
    let path_bytes = str::from_utf8(bytes).is_err().then(|| STANDARD.encode(bytes));
    Ok(JsonPath { path: RawValue::from_string(surrogateescape(bytes)?)?, path_bytes })
}

/// A JSON string in which a byte that is not UTF-8 is the lone surrogate U+DC80 to U+DCFF, as in
/// Python's `os.fsdecode` (PEP 383).
fn surrogateescape(bytes: &[u8]) -> Result<String, serde_json::Error> {
    let mut text = String::from("\"");
    for chunk in bytes.utf8_chunks() {
        let quoted = serde_json::to_string(chunk.valid())?;
        text.push_str(&quoted[1..quoted.len() - 1]);
        for byte in chunk.invalid() {
            text.push_str(&format!("\\udc{byte:02x}"));
        }
    }
    text.push('"');
    Ok(text)
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;
    use crate::domain::{FailureKind, SkipReason};
    use crate::jail::{Held, Layer};

    #[test]
    fn the_object_has_the_fields_of_schema_1() {
        let summary = Summary {
            sources: 3,
            fresh: 1,
            failures: vec![Failure {
                path: Path::new(OsStr::from_bytes(b"/srv/\xff\n\".py")).to_owned(),
                python: "python3.11".into(),
                line: Some(7),
                kind: FailureKind::Syntax,
                message: "SyntaxError: invalid syntax".into(),
                owner: None,
            }],
            skips: vec![Skip { path: "/srv/x.py".into(), reason: SkipReason::DanglingLink }],
            ..Summary::default()
        };
        insta::assert_snapshot!(render(&summary, Duration::from_millis(1500)).unwrap(), @r#"{"schema":1,"sources":3,"fresh":1,"compiled":0,"repaired":0,"stale":0,"failed":1,"skipped":1,"failures":[{"path":"/srv/\udcff\n\".py","path_bytes":"L3Nydi//CiIucHk=","python":"python3.11","line":7,"kind":"syntax","message":"SyntaxError: invalid syntax"}],"skips":[{"path":"/srv/x.py","reason":"is a dangling link"}],"elapsed_seconds":1.5}"#);
    }

    #[test]
    fn the_object_of_status_has_all_its_fields() {
        let tree = TreeStatus {
            path: Path::new(OsStr::from_bytes(b"/srv/\xff")).to_owned(),
            present: true,
            event_source: "inotify".into(),
            why: String::new(),
            warm: false,
            owner: Some(33),
        };
        let status = Status {
            version: "0.1.0".into(),
            trees: vec![tree],
            waiting: Some(3),
            complete: true,
            jails: vec![JailStatus {
                program: "/usr/bin/python3".into(),
                held: Held { holds: vec![Layer::Privileges], lacks: [(Layer::User, "no".to_owned())].into() },
            }],
            ..Status::default()
        };
        insta::assert_snapshot!(render_status(&status).unwrap(), @r#"{"schema":1,"version":"0.1.0","ready":false,"trees":[{"path":"/srv/\udcff","path_bytes":"L3Nydi//","present":true,"event_source":"inotify","why":"","warm":false}],"watched_directories":null,"polled_directories":null,"waiting":3,"broken":[],"missed":null,"jails":[{"path":"/usr/bin/python3","holds":["privileges"],"lacks":[{"layer":"user","why":"no"}]}],"complete":true}"#);
    }

    #[test]
    fn the_object_of_sync_has_the_failures_of_warm() {
        let failure = Failure {
            path: "/srv/a.py".into(),
            python: String::new(),
            line: None,
            kind: FailureKind::Unreadable,
            message: "Permission denied".into(),
            owner: None,
        };
        insta::assert_snapshot!(render_sync(&[failure], Duration::from_millis(250)).unwrap(), @r#"{"schema":1,"failed":1,"failures":[{"path":"/srv/a.py","python":"","line":null,"kind":"unreadable","message":"Permission denied"}],"elapsed_seconds":0.25}"#);
    }
}
