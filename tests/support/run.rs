//! Running the program to its end.

use std::fs::File;
use std::io::{Read, Seek};
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::{Duration, Instant};

use serde::Deserialize;

use super::json::without_lone_surrogates;
use super::process::{Background, clean_command};
use super::python::Interpreter;
use super::script;
use super::wait::nap_between_polls;

/// Nothing that these tests run takes this long; a run that hangs must not hang the tests.
const HANGS: Duration = Duration::from_secs(600);

pub fn binary() -> PathBuf {
    PathBuf::from(env!("CARGO_BIN_EXE_pycwarm"))
}

/// `pycwarm VERB` without the machine's configuration. Tests that are built a second time under the name of a source
/// of events have the daemon use that.
pub fn pycwarm(verb: &str) -> Command {
    pycwarm_with(verb, &settings())
}

/// The configuration of [`pycwarm`]; it ends in its table of defaults.
pub fn settings() -> PathBuf {
    script(match env!("CARGO_CRATE_NAME") {
        "daemon_by_fanotify" => "fanotify.toml",
        "daemon_by_poll" => "poll.toml",
        _ => "empty.toml",
    })
}

/// `pycwarm VERB --config FILE`.
pub fn pycwarm_with(verb: &str, config: &Path) -> Command {
    let mut command = clean_command(binary());
    command.arg(verb).arg("--config").arg(config);
    command
}

pub fn warm(python: &Interpreter, path: &Path) -> Report {
    json(pycwarm("warm").arg("--python").arg(&python.path).arg(path))
}

pub fn check(python: &Interpreter, path: &Path) -> Report {
    json(pycwarm("check").arg("--python").arg(&python.path).arg(path))
}

/// What a run printed. Not a judgement: a status of 1 is for the test to judge.
#[derive(Debug)]
pub struct Ran {
    pub status: i32,
    pub stdout: Vec<u8>,
    pub stderr: String,
}

impl Ran {
    pub fn text(&self) -> String {
        String::from_utf8(self.stdout.clone()).expect("the output is UTF-8")
    }
}

/// Runs it to its end; a hang or a death by signal is a failure of the test.
pub fn run(command: &mut Command) -> Ran {
    let mut stdout = tempfile::tempfile().expect("a temporary file");
    let mut stderr = tempfile::tempfile().expect("a temporary file");
    command.stdout(stdout.try_clone().expect("a descriptor")).stderr(stderr.try_clone().expect("a descriptor"));
    let mut running = Background::start(command);
    let end = Instant::now() + HANGS;
    let status = loop {
        if let Some(status) = running.0.try_wait().expect("a child can be waited for") {
            break status;
        }
        assert!(Instant::now() < end, "hangs: {command:?}\n{}", String::from_utf8_lossy(&read_back(&mut stderr)));
        nap_between_polls();
    };
    let stderr = String::from_utf8_lossy(&read_back(&mut stderr)).into_owned();
    let status = status.code().unwrap_or_else(|| panic!("{command:?}: {status}\n{stderr}"));
    assert!(!stderr.contains("panicked at"), "{command:?}: {stderr}");
    Ran { status, stdout: read_back(&mut stdout), stderr }
}

fn read_back(file: &mut File) -> Vec<u8> {
    let mut content = Vec::new();
    file.rewind().and_then(|()| file.read_to_end(&mut content)).expect("a temporary file can be read");
    content
}

/// The object of `--json`, its fields exactly as documented.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Counts {
    pub schema: u64,
    pub sources: u64,
    pub fresh: u64,
    pub compiled: u64,
    pub repaired: u64,
    pub stale: u64,
    pub failed: u64,
    pub skipped: u64,
    pub failures: Vec<Failure>,
    pub skips: Vec<Skip>,
    pub elapsed_seconds: f64,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Failure {
    pub path: String,
    pub path_bytes: Option<String>,
    pub python: Option<String>,
    pub line: Option<u64>,
    pub kind: String,
    pub message: String,
}

#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Skip {
    pub path: String,
    pub path_bytes: Option<String>,
    pub reason: String,
}

/// A finished run with `--json`.
#[derive(Debug)]
pub struct Report {
    pub ran: Ran,
    pub raw: String,
    pub counts: Counts,
}

/// Adds `--json`, runs, parses, and checks what holds for every report.
pub fn json(command: &mut Command) -> Report {
    let ran = run(command.arg("--json"));
    let raw = ran.text();
    let parsed = serde_json::from_str::<Counts>(&without_lone_surrogates(&raw));
    let counts = parsed.unwrap_or_else(|error| panic!("{command:?}\n{error} in {raw:?}\nstderr: {}", ran.stderr));
    assert_eq!(counts.schema, 1);
    assert_eq!(counts.failed, counts.failures.len() as u64, "{raw}");
    assert_eq!(counts.skipped, counts.skips.len() as u64, "{raw}");
    let expected = i32::from(counts.failed > 0 || counts.stale > 0);
    assert_eq!(ran.status, expected, "{command:?}\n{raw}\nstderr: {}", ran.stderr);
    Report { ran, raw, counts }
}

impl Report {
    /// The failures of the file or interpreter `path`.
    pub fn failures_of(&self, path: &Path) -> Vec<&Failure> {
        let path = path.to_str().expect("a path of this test is UTF-8");
        self.counts.failures.iter().filter(|failure| failure.path == path).collect()
    }

    /// The one failure of `path`; panics if there is none or more.
    pub fn failure_of(&self, path: &Path) -> &Failure {
        match self.failures_of(path)[..] {
            [one] => one,
            _ => panic!("not exactly one failure of {path:?} in {}", self.raw),
        }
    }

    pub fn skip_of(&self, path: &Path) -> &Skip {
        let text = path.to_str().expect("a path of this test is UTF-8");
        let found = self.counts.skips.iter().find(|skip| skip.path == text);
        found.unwrap_or_else(|| panic!("no skip of {path:?} in {}", self.raw))
    }

    /// Everything was fresh already.
    #[track_caller]
    pub fn assert_nothing_done(&self) {
        let Counts { compiled, repaired, stale, failed, .. } = self.counts;
        assert_eq!((compiled, repaired, stale, failed), (0, 0, 0, 0), "{}", self.raw);
    }

    #[track_caller]
    pub fn assert_compiled(&self, compiled: u64) {
        assert_eq!((self.counts.compiled, self.counts.failed), (compiled, 0), "{}\n{}", self.raw, self.ran.stderr);
    }
}
