//! A host that is attacked: trees of several users, a canary beside them, root's daemon, and the judgement.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::canary::{self, Canary, OUTSIDE, SECRET};
use crate::support::cache::is_fresh;
use crate::support::daemon::Daemon;
use crate::support::oracle::assert_all_good;
use crate::support::process::clean_command;
use crate::support::python::{Interpreter, primary};
use crate::support::run::{Report, binary, json, pycwarm_with, run};
use crate::support::skip::skipped;
use crate::support::tree::{Tree, hour_ago, set_mode, set_mtime};
use crate::users::{ATTACKER, HONEST, VICTIM, acting, can_act};

/// Sources in each directory.
const SOURCES: usize = 12;

pub struct Host {
    pub place: Tree,
    pub python: &'static Interpreter,
    canary: RefCell<Canary>,
    edits: RefCell<u64>,
}

impl Host {
    /// Two trees: `tree` with the directories `attacker`, `victim` and `honest` of these users, and `other`, which is
    /// root's. Outside are the `canary`, and `traces`, in which everybody may leave one. `None` where it cannot be; the
    /// skip has been told.
    pub fn new(name: &str) -> Option<Self> {
        can_act(name).then(|| Self::at(Tree::new()))
    }

    /// The same in a place where nobody but root could replace a program, were it not for the attacker's directories.
    pub fn trusted(name: &str) -> Option<Self> {
        let place = Tree::trusted_and_open();
        if place.is_none() {
            skipped(name, "there is no directory that only root writes to and everybody may enter");
        }
        place.filter(|_| can_act(name)).map(Self::at)
    }

    fn at(place: Tree) -> Self {
        let python = primary();
        let canary = Canary::note(&canary::lay_out(&place, python));
        let host = Self { place, python, canary: RefCell::new(canary), edits: RefCell::new(0) };
        for (directory, owner) in
            [("tree/attacker", ATTACKER), ("tree/victim", VICTIM), ("tree/honest", HONEST), ("other", 0)]
        {
            for number in 0..SOURCES {
                host.place.source(&format!("{directory}/s{number:02}.py"), format!("N = {number}\n"));
            }
            give(&host.place.path(directory), owner);
        }
        let secret = host.place.source("tree/victim/secret.py", format!("SECRET = {SECRET:?}\n"));
        chown(&secret, Some(VICTIM), Some(VICTIM)).expect("root");
        set_mode(&secret, 0o600);
        for (directory, owner) in [("traces", 0), ("counts", 0), ("outside", ATTACKER)] {
            fs::create_dir(host.place.path(directory)).expect("own directory");
            give(&host.place.path(directory), owner);
        }
        set_mode(&host.place.path("traces"), 0o1777);
        set_mode(&host.place.path("counts"), 0o1777);
        host.configure(&format!("[{:?}]", python.path), &[]);
        host
    }

    /// Writes the configuration: the list of interpreters, and trees beside the usual ones.
    pub fn configure(&self, pythons: &str, more: &[&str]) {
        let trees: Vec<String> = ["tree", "other"]
            .iter()
            .chain(more)
            .map(|tree| format!("[[tree]]\npath = {:?}\n", self.place.path(tree)))
            .collect();
        let text = format!("compile-timeout = 20\njobs = 2\n[defaults]\npython = {pythons}\n{}", trees.concat());
        self.place.file("pycwarm.toml", text);
    }

    /// What the attacker's directory has under this name.
    pub fn theirs(&self, name: &str) -> PathBuf {
        self.place.path("tree/attacker").join(name)
    }

    /// Files outside of the trees that the test itself has changed meanwhile count as they are now.
    pub fn note_canary_again(&self) {
        self.canary.replace(Canary::note(&self.place.path("canary")));
    }

    /// One run of `warm` as root over the configured trees.
    pub fn warm(&self) -> Report {
        json(&mut pycwarm_with("warm", &self.place.path("pycwarm.toml")))
    }

    pub fn daemon(&self) -> Daemon {
        Daemon::configured(&self.place.path("pycwarm.toml"))
    }

    pub fn honest(&self) -> Vec<PathBuf> {
        let of = |directory: &str| {
            let directory = self.place.path(directory);
            (0..SOURCES).map(move |number| directory.join(format!("s{number:02}.py")))
        };
        of("tree/honest").chain(of("other")).collect()
    }

    /// Edits one honest source, another each time, so that there is something to compile.
    pub fn edit(&self) -> PathBuf {
        let mut edits = self.edits.borrow_mut();
        *edits += 1;
        let honest = self.honest();
        let source = &honest[usize::try_from(*edits).expect("few") % honest.len()];
        fs::write(source, format!("EDIT = {}\n", *edits)).expect("root");
        // Of another time each, and of none that `warm` would wait for the end of.
        set_mtime(source, hour_ago() + Duration::from_secs(*edits));
        source.clone()
    }

    /// What no attack may bring about, and the work that has to be done in spite of it. With a daemon, by that.
    #[track_caller]
    pub fn judge(&self, daemon: Option<&Daemon>) {
        self.canary.borrow().assert_untouched();
        assert_eq!(self.found(0, OUTSIDE, &["tree", "other"]), "", "what is outside of the trees was read");
        self.judge_but_for_canary(daemon);
    }

    #[track_caller]
    pub fn judge_but_for_canary(&self, daemon: Option<&Daemon>) {
        match daemon {
            Some(daemon) => {
                let mut sync = clean_command(binary());
                sync.arg("sync").args(["--timeout", "60", "--socket"]).arg(&daemon.socket);
                let ran = run(&mut sync);
                assert!(!ran.stderr.contains("not done in time"), "{}\n{}", ran.stderr, daemon.stderr());
            }
            None => drop(self.warm()),
        }
        for source in self.honest() {
            let told = || daemon.map(Daemon::stderr).unwrap_or_default();
            assert!(is_fresh(self.python, &source), "{source:?} is not warm\n{}", told());
        }
        assert_all_good(self.python, &self.place.path("tree/honest"));
        assert_all_good(self.python, &self.place.path("other"));
        assert_eq!(self.traces(), [] as [String; 0], "something was executed, or read");
        assert_eq!(self.found(ATTACKER, SECRET, &[""]), "", "the attacker can read a secret");
        assert_eq!(self.privileged_files(), [] as [PathBuf; 0], "new setuid files");
    }

    /// What was left in `traces`.
    pub fn traces(&self) -> Vec<String> {
        let entries = fs::read_dir(self.place.path("traces")).expect("own directory").flatten();
        entries.map(|entry| format!("{:?}: {:?}", entry.file_name(), fs::read_to_string(entry.path()))).collect()
    }

    /// Files in these directories that hold a text, as this user finds them.
    fn found(&self, uid: u32, text: &str, directories: &[&str]) -> String {
        let mut search = acting(uid, "/usr/bin/grep");
        search.args(["-r", "-l", "-s", "-a", "-F", "-D", "skip", "-e", text]);
        search.args(directories.iter().map(|directory| self.place.path(directory)));
        let found = search.output().expect("grep runs");
        String::from_utf8_lossy(&found.stdout).into_owned()
    }

    fn privileged_files(&self) -> Vec<PathBuf> {
        let mut found = Vec::new();
        let mut open = ["tree", "other", "outside"].map(|name| self.place.path(name)).to_vec();
        while let Some(directory) = open.pop() {
            for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
                let Ok(stat) = fs::symlink_metadata(entry.path()) else { continue };
                match stat.is_dir() {
                    true => open.push(entry.path()),
                    false if stat.mode() & 0o6000 != 0 => found.push(entry.path()),
                    false => {}
                }
            }
        }
        found
    }
}

/// Gives a directory and what is in it, one level deep, to a user.
pub fn give(directory: &Path, uid: u32) {
    let entries = fs::read_dir(directory).expect("own directory").flatten().map(|entry| entry.path());
    for path in entries.chain([directory.to_owned()]) {
        std::os::unix::fs::lchown(path, Some(uid), Some(uid)).expect("root");
    }
}
