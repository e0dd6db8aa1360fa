//! What the kernel says of a process.

use std::collections::BTreeMap;
use std::fs;
use std::path::PathBuf;

use crate::support::process::{children, clean_command};
use crate::support::python::Interpreter;

/// `/proc/PID`.
pub struct Process(PathBuf);

impl Process {
    pub fn new(id: u32) -> Self {
        Self(PathBuf::from(format!("/proc/{id}")))
    }

    pub fn threads(&self) -> Vec<Self> {
        let tasks = fs::read_dir(self.0.join("task")).expect("it runs");
        tasks.map(|task| Self(task.expect("it runs").path())).collect()
    }

    /// The lines of `status`, by name.
    pub fn status(&self) -> BTreeMap<String, String> {
        let text = fs::read_to_string(self.0.join("status")).expect("it runs");
        let fields = text.lines().filter_map(|line| line.split_once(':'));
        fields.map(|(name, value)| (name.to_owned(), value.trim().to_owned())).collect()
    }

    pub fn capabilities(&self, set: &str) -> u64 {
        u64::from_str_radix(&self.status()[set], 16).expect("a number")
    }

    /// All four user numbers, which have to be the same.
    pub fn user(&self) -> u32 {
        self.one_number("Uid")
    }

    pub fn group(&self) -> u32 {
        self.one_number("Gid")
    }

    fn one_number(&self, field: &str) -> u32 {
        let status = self.status();
        let numbers: Vec<&str> = status[field].split_whitespace().collect();
        assert!(numbers.len() == 4 && numbers.iter().all(|number| *number == numbers[0]), "{field}: {numbers:?}");
        numbers[0].parse().expect("a number")
    }

    /// The soft and the hard limit, as `limits` has them.
    pub fn limit(&self, name: &str) -> (String, String) {
        let text = fs::read_to_string(self.0.join("limits")).expect("it runs");
        let line = text.lines().find_map(|line| line.strip_prefix(name)).expect("a known limit");
        let mut values = line.split_whitespace().map(str::to_owned);
        (values.next().expect("a soft limit"), values.next().expect("a hard limit"))
    }

    pub fn environment(&self) -> Vec<u8> {
        fs::read(self.0.join("environ")).expect("it runs")
    }

    pub fn link(&self, name: &str) -> String {
        fs::read_link(self.0.join(name)).expect("it runs").display().to_string()
    }

    /// What each descriptor leads to.
    pub fn descriptors(&self) -> BTreeMap<u32, String> {
        let names = fs::read_dir(self.0.join("fd")).expect("it runs").filter_map(|entry| {
            let name = entry.ok()?.file_name().to_str()?.to_owned();
            Some((name.parse().ok()?, self.link(&format!("fd/{name}"))))
        });
        names.collect()
    }
}

/// The workers of a daemon that have become interpreters.
pub fn workers(daemon: u32) -> Vec<Process> {
    // One that has ended meanwhile has no program any more.
    let program = |process: &Process| fs::read_link(process.0.join("exe")).ok();
    let is_interpreter = |process: &Process| program(process).is_some_and(|program| !program.ends_with("pycwarm"));
    children(daemon).into_iter().map(Process::new).filter(is_interpreter).collect()
}

/// Whether every user may execute it, and import what it brings.
pub fn is_open_to_all(python: &Interpreter) -> bool {
    let mut command = clean_command("setpriv");
    command.args(["--reuid", "64001", "--regid", "64001", "--clear-groups"]);
    // setpriv itself still has root's capabilities when it executes something.
    command.args(["/bin/sh", "-c", "exec \"$0\" -I -S -E -c 'import io'"]).arg(&python.path);
    command.output().is_ok_and(|output| output.status.success())
}
