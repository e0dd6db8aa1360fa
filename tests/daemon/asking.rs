//! Asking a running daemon, as a script of an administrator does.

use std::path::Path;
use std::process::Command;

use serde_json::Value;

use crate::support::daemon::Daemon;
use crate::support::process::clean_command;
use crate::support::run::{Ran, binary, run};

/// `pycwarm VERB --socket` with the daemon's socket.
pub fn ask(daemon: &Daemon, verb: &str) -> Command {
    let mut command = clean_command(binary());
    command.arg(verb).arg("--socket").arg(&daemon.socket);
    command
}

/// `pycwarm sync PATH`, however it ends.
pub fn sync(daemon: &Daemon, path: &Path) -> Ran {
    run(ask(daemon, "sync").arg(path).args(["--timeout", "60"]))
}

/// `pycwarm sync PATH`, which has to end well.
#[track_caller]
pub fn must_sync(daemon: &Daemon, path: &Path) {
    let ran = sync(daemon, path);
    assert_eq!(ran.status, 0, "sync: {}\nstandard error of the daemon:\n{}", ran.stderr, daemon.stderr());
}

/// The object of `pycwarm status --json`.
pub fn status(daemon: &Daemon) -> Value {
    let ran = run(ask(daemon, "status").arg("--json"));
    serde_json::from_str(&ran.text()).unwrap_or_else(|error| panic!("{error} in {}\n{}", ran.text(), ran.stderr))
}

/// How many directories had changed without an event, as far as the daemon knows.
pub fn missed(daemon: &Daemon) -> u64 {
    status(daemon)["missed"].as_u64().expect("a number")
}

/// The line of a configuration file that has the tests' source of events used; see `tests/support/run.rs`.
pub fn events() -> &'static str {
    match env!("CARGO_CRATE_NAME") {
        "daemon_by_fanotify" => "watch = \"fanotify\"\n",
        _ => "",
    }
}
