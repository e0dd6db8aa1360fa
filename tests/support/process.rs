//! Real processes: other writers, children, signals.

use std::ffi::OsStr;
use std::fs;
use std::process::{Child, Command, Output, Stdio};

use rustix::process::{Pid, Signal, kill_process};

/// A command without the variables that change what Python or pycwarm do.
pub fn clean_command(program: impl AsRef<OsStr>) -> Command {
    let mut command = Command::new(program);
    for (name, _) in std::env::vars_os() {
        let text = name.to_string_lossy();
        if text.starts_with("PYTHON") || text.starts_with("PYCWARM_") || text == "NOTIFY_SOCKET" || text == "RUST_LOG" {
            command.env_remove(&name);
        }
    }
    command.stdin(Stdio::null());
    command
}

/// Runs it to its end; panics with its standard error if it fails.
pub fn must(command: &mut Command) -> Output {
    let output = command.output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    assert!(output.status.success(), "{command:?}: {}\n{}", output.status, String::from_utf8_lossy(&output.stderr));
    output
}

pub fn sh(script: &str) -> Output {
    must(clean_command("/bin/sh").args(["-ec", script]))
}

/// Is there a program of this name on the PATH?
pub fn has_program(name: &str) -> bool {
    let found = Command::new("/bin/sh").args(["-c", "command -v \"$0\" >/dev/null", name]).status();
    found.is_ok_and(|status| status.success())
}

pub fn signal(process: u32, signal: Signal) {
    // The process may have ended meanwhile; the test that cares looks at its effect.
    let _ = kill_process(pid(process), signal);
}

fn pid(process: u32) -> Pid {
    Pid::from_raw(process.cast_signed()).expect("a process id is not 0")
}

/// A process that ends with the test.
pub struct Background(pub Child);

impl Background {
    pub fn start(command: &mut Command) -> Self {
        Background(command.spawn().unwrap_or_else(|error| panic!("{command:?}: {error}")))
    }
}

impl Drop for Background {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Processes whose parent is `parent`, from /proc.
pub fn children(parent: u32) -> Vec<u32> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").expect("/proc").flatten() {
        let Some(process) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        if parent_and_state(process).is_some_and(|(its_parent, state)| its_parent == parent && state != 'Z') {
            found.push(process);
        }
    }
    found
}

/// Alive and not a zombie.
pub fn is_running(process: u32) -> bool {
    parent_and_state(process).is_some_and(|(_, state)| state != 'Z')
}

fn parent_and_state(process: u32) -> Option<(u32, char)> {
    let stat = fs::read_to_string(format!("/proc/{process}/stat")).ok()?;
    // The command's name stands in parentheses and may hold anything; the last `)` ends it.
    let mut fields = stat.rsplit_once(") ")?.1.split(' ');
    let state = fields.next()?.chars().next()?;
    Some((fields.next()?.parse().ok()?, state))
}

/// Nanoseconds that all threads of `process` have been on a processor.
pub fn processor_time(process: u32) -> u64 {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("the process runs");
    tasks
        .flatten()
        .filter_map(|task| fs::read_to_string(task.path().join("schedstat")).ok())
        .filter_map(|text| text.split(' ').next()?.parse::<u64>().ok())
        .sum()
}
