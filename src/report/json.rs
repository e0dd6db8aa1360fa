//! The `--json` object, schema 1.

use std::os::unix::ffi::OsStrExt;
use std::path::Path;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::Serialize;
use serde_json::value::RawValue;

use super::summary::Summary;
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

/// `path`, and `path_bytes` beside it where it is not UTF-8.
#[derive(Serialize)]
struct JsonPath {
    path: Box<RawValue>,
    #[serde(skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
}

/// Writes the object on one line.
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
            }],
            skips: vec![Skip { path: "/srv/x.py".into(), reason: SkipReason::DanglingLink }],
            ..Summary::default()
        };
        insta::assert_snapshot!(render(&summary, Duration::from_millis(1500)).unwrap(), @r#"{"schema":1,"sources":3,"fresh":1,"compiled":0,"repaired":0,"stale":0,"failed":1,"skipped":1,"failures":[{"path":"/srv/\udcff\n\".py","path_bytes":"L3Nydi//CiIucHk=","python":"python3.11","line":7,"kind":"syntax","message":"SyntaxError: invalid syntax"}],"skips":[{"path":"/srv/x.py","reason":"is a dangling link"}],"elapsed_seconds":1.5}"#);
    }
}
