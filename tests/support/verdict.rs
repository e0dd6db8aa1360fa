//! What an interpreter's own `compile()` says of one source, to be compared with a report.

use std::path::Path;

use super::process::clean_command;
use super::python::Interpreter;
use super::run::Report;
use super::script;

#[derive(Debug)]
pub struct OwnVerdict {
    /// `compiled`, or the kind of failure as in pycwarm's report.
    pub kind: String,
    pub line: Option<u64>,
}

/// Asks in a process of its own, so that a crash is an answer too.
pub fn own_verdict(python: &Interpreter, source: &Path) -> OwnVerdict {
    let mut command = clean_command(&python.path);
    command.args(["-I", "-S", "-E", "-B"]).arg(script("verdict.py")).arg(source);
    let output = command.output().expect("the interpreter runs");
    if output.status.code().is_none() {
        return OwnVerdict { kind: "crash".into(), line: None };
    }
    let text = String::from_utf8(output.stdout).expect("ASCII");
    let mut words = text.splitn(3, ' ');
    let kind = words.next().filter(|kind| !kind.is_empty());
    let kind = kind.unwrap_or_else(|| panic!("no verdict: {}", String::from_utf8_lossy(&output.stderr))).to_owned();
    let line = words.next().and_then(|line| line.parse().ok()).filter(|line| *line > 0);
    OwnVerdict { kind, line }
}

/// The report of a run of this interpreter alone says of `source` what the interpreter says of it; returns that.
#[track_caller]
pub fn assert_same(report: &Report, python: &Interpreter, source: &Path) -> OwnVerdict {
    let own = own_verdict(python, source);
    let failures = report.failures_of(source);
    if own.kind == "compiled" {
        assert!(failures.is_empty(), "{} compiles it: {}", python.label(), report.raw);
        assert!(python.cache(source).is_file(), "{}: no cache and no failure", python.label());
        return own;
    }
    let failure = report.failure_of(source);
    let told = (failure.kind.as_str(), failure.line.filter(|line| *line > 0));
    assert_eq!(told, (own.kind.as_str(), own.line), "{}: {failure:?}", python.label());
    assert_eq!(failure.python, Some(python.label()));
    assert!(!failure.message.trim().is_empty(), "{failure:?}");
    assert!(!python.cache(source).exists(), "{}: a cache of what does not compile", python.label());
    own
}
