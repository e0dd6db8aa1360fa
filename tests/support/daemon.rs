//! A running `pycwarm daemon`, ended with the test.

use std::cell::RefCell;
use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};

use rustix::process::Signal;
use tempfile::TempDir;

use super::cache::is_fresh;
use super::notify::NotifySocket;
use super::oracle::Oracle;
use super::process::signal;
use super::python::Interpreter;
use super::run::{pycwarm, pycwarm_with};
use super::wait::wait_until_or;

pub struct Daemon {
    child: Child,
    notify: NotifySocket,
    stderr: PathBuf,
    /// Where it can be asked.
    pub socket: PathBuf,
    _directory: TempDir,
}

impl Daemon {
    /// Starts it over one tree with one interpreter and waits for READY.
    pub fn over(python: &Interpreter, tree: &Path) -> Self {
        Daemon::start(pycwarm("daemon").arg("--python").arg(&python.path).arg(tree)).ready()
    }

    /// Starts it with a configuration file and waits for READY.
    pub fn configured(config: &Path) -> Self {
        Daemon::start(&mut pycwarm_with("daemon", config)).ready()
    }

    pub fn start(command: &mut Command) -> Self {
        let directory = tempfile::tempdir().expect("a temporary directory");
        let notify = NotifySocket::new(directory.path());
        let stderr = directory.path().join("stderr");
        let log = File::create(&stderr).expect("a temporary file");
        let socket = directory.path().join("control.sock");
        command.arg("--socket").arg(&socket);
        command.env("NOTIFY_SOCKET", &notify.path).stdout(Stdio::null()).stderr(log);
        // For a person who looks for the cause of a failure: PYCWARM_TEST_LOG=trace.
        if let Some(filter) = std::env::var_os("PYCWARM_TEST_LOG") {
            command.env("PYCWARM_LOG", filter);
        }
        let child = command.spawn().expect("pycwarm runs");
        Daemon { child, notify, stderr, socket, _directory: directory }
    }

    pub fn ready(self) -> Self {
        self.wait_until("READY=1", || self.notified("READY=1") > 0);
        self
    }

    /// How many notifications have had this line so far.
    pub fn notified(&self, line: &str) -> usize {
        self.notify.count(line)
    }

    pub fn notifications(&self) -> Vec<String> {
        self.notify.messages()
    }

    pub fn id(&self) -> u32 {
        self.child.id()
    }

    pub fn stderr(&self) -> String {
        String::from_utf8_lossy(&fs::read(&self.stderr).unwrap_or_default()).into_owned()
    }

    pub fn signal(&self, what: Signal) {
        signal(self.id(), what);
    }

    pub fn wait_until(&self, what: &str, condition: impl FnMut() -> bool) {
        wait_until_or(what, || format!("standard error of the daemon:\n{}", self.stderr()), condition);
    }

    /// Waits until every source has a cache whose header fits.
    pub fn wait_fresh<'a>(&self, python: &Interpreter, sources: impl IntoIterator<Item = &'a PathBuf>) {
        for source in sources {
            self.wait_until(&format!("a fresh cache of {source:?}"), || is_fresh(python, source));
        }
    }

    /// Waits until import takes every cache and finds the right code. A fresh header may stand over the code of an earlier edit of
    /// the same second for a moment, and a cache that was moved may hold its old file name.
    pub fn wait_good(&self, python: &Interpreter, tree: &Path) {
        let oracle = Oracle { moved: true, ..Oracle::default() };
        let problems = RefCell::new(Vec::new());
        let context = || format!("{:#?}\nstandard error of the daemon:\n{}", problems.borrow(), self.stderr());
        wait_until_or("import takes every cache and finds the right code", context, || {
            let verdict = oracle.ask(python, tree);
            let good = verdict.problems.is_empty() && verdict.accepted > 0;
            problems.replace(verdict.problems);
            good
        });
    }

    pub fn wait_exit(&mut self) -> ExitStatus {
        let mut status = None;
        let stderr = self.stderr.clone();
        let context = || fs::read_to_string(&stderr).unwrap_or_default();
        wait_until_or("the daemon ends", context, || {
            status = self.child.try_wait().expect("own child");
            status.is_some()
        });
        status.expect("it ended")
    }

    /// As `kill -9`, and reaped.
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        self.kill();
        let stderr = self.stderr();
        if stderr.contains("panicked at") && !std::thread::panicking() {
            panic!("the daemon panicked:\n{stderr}");
        }
    }
}
