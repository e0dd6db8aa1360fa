//! Interpreters that are upgraded, removed and installed while the daemon runs. Nothing is restarted, and nobody waits
//! for the periodic look.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::asking::{must_sync, sync};
use crate::support::cache::is_fresh;
use crate::support::daemon::Daemon;
use crate::support::python::{Interpreter, pair};
use crate::support::run::pycwarm;
use crate::support::skip::skipped;
use crate::support::tree::{Tree, set_mode};

/// A machine with two interpreters, of which `bin` has none yet.
struct Machine {
    first: &'static Interpreter,
    second: &'static Interpreter,
    place: Tree,
    source: PathBuf,
}

/// `None`, and told, if two interpreters or a place for programs are missing.
fn machine(name: &str) -> Option<Machine> {
    let (Some((first, second)), Some(place)) = (pair(), Tree::trusted()) else {
        skipped(&format!("interpreters::{name}"), "needs two interpreters and a directory that only root writes to");
        return None;
    };
    let source = place.source("app/x.py", "X = 1\n");
    fs::create_dir(place.path("bin")).expect("own directory");
    Some(Machine { first, second, place, source })
}

fn wrapper_of(python: &Interpreter) -> String {
    format!("#!/bin/sh\nexec '{}' \"$@\"\n", python.path.display())
}

impl Machine {
    /// Puts a program that leads to an interpreter over whatever is at `name`, as package managers do it.
    fn install_wrapper(&self, name: &str, python: &Interpreter) -> PathBuf {
        let new = self.place.file("new-program", wrapper_of(python));
        set_mode(&new, 0o755);
        fs::rename(new, self.place.path(name)).expect("own directory");
        self.place.path(name)
    }

    fn install_link(&self, name: &str, target: &Path) -> PathBuf {
        let new = self.place.path("new-link");
        symlink(target, &new).and_then(|()| fs::rename(new, self.place.path(name))).expect("own directory");
        self.place.path(name)
    }

    fn daemon_with(&self, program: &Path) -> Daemon {
        Daemon::start(pycwarm("daemon").arg("--python").arg(program).arg(self.place.path("app"))).ready()
    }

    /// `python = ["auto"]`, with the first interpreter as `python3` of the only directory of the PATH.
    fn automatic_daemon(&self) -> Daemon {
        fs::create_dir(self.place.path("path")).expect("own directory");
        symlink(&self.first.path, self.place.path("path/python3")).expect("own directory");
        Daemon::start(pycwarm("daemon").env("PATH", self.place.path("path")).arg(self.place.path("app"))).ready()
    }

    /// From now on the second interpreter is the one.
    #[track_caller]
    fn assert_followed(&self, daemon: &Daemon) {
        daemon.wait_fresh(self.second, [&self.source]);
        self.place.file("app/x.py", "X = 'edited'\n");
        must_sync(daemon, &self.source);
        assert!(is_fresh(self.second, &self.source));
        assert!(!is_fresh(self.first, &self.source), "the one before is not asked any more");
    }
}

#[test]
fn an_upgrade_by_rename() {
    let Some(machine) = machine("an_upgrade_by_rename") else { return };
    let program = machine.install_wrapper("bin/python3", machine.first);
    let daemon = machine.daemon_with(&program);
    assert!(is_fresh(machine.first, &machine.source));
    machine.install_wrapper("bin/python3", machine.second);
    machine.assert_followed(&daemon);
}

#[test]
fn an_upgrade_and_sync_at_once() {
    let Some(machine) = machine("an_upgrade_and_sync_at_once") else { return };
    let program = machine.install_wrapper("bin/python3", machine.first);
    let daemon = machine.daemon_with(&program);
    machine.install_wrapper("bin/python3", machine.second);
    must_sync(&daemon, &machine.source);
    assert!(is_fresh(machine.second, &machine.source), "{}", daemon.stderr());
}

#[test]
fn an_upgrade_in_place() {
    let Some(machine) = machine("an_upgrade_in_place") else { return };
    let program = machine.install_wrapper("bin/python3", machine.first);
    let daemon = machine.daemon_with(&program);
    fs::write(&program, wrapper_of(machine.second)).expect("own file");
    machine.assert_followed(&daemon);
}

#[test]
fn a_link_that_is_turned() {
    let Some(machine) = machine("a_link_that_is_turned") else { return };
    let (first, second) = (machine.first.label(), machine.second.label());
    machine.install_link(&format!("bin/{first}"), &machine.first.path);
    machine.install_link(&format!("bin/{second}"), &machine.second.path);
    let program = machine.install_link("bin/python3", Path::new(&first));
    let daemon = machine.daemon_with(&program);
    assert!(is_fresh(machine.first, &machine.source));
    machine.install_link("bin/python3", Path::new(&second));
    machine.assert_followed(&daemon);
}

#[test]
fn removed_and_installed_again() {
    let Some(machine) = machine("removed_and_installed_again") else { return };
    let program = machine.install_link("bin/python3", &machine.first.path);
    let daemon = machine.daemon_with(&program);
    fs::remove_file(&program).expect("own file");
    machine.place.file("app/y.py", "Y = 1\n");
    daemon.wait_until("it is told", || {
        let ran = sync(&daemon, &machine.place.path("app"));
        ran.status == 1 && ran.stderr.contains("bin/python3")
    });
    machine.install_link("bin/python3", &machine.second.path);
    machine.assert_followed(&daemon);
    assert!(is_fresh(machine.second, &machine.place.path("app/y.py")));
}

/// Its directory is not there yet either, and comes first.
#[test]
fn one_that_a_script_names_is_installed() {
    let Some(machine) = machine("one_that_a_script_names_is_installed") else { return };
    let program = machine.place.path("opt/python/bin/python3");
    let script = machine.place.file("app/run.cgi", format!("#!{}\n", program.display()));
    set_mode(&script, 0o755);
    let daemon = machine.automatic_daemon();
    assert!(is_fresh(machine.first, &machine.source), "the script's is missing");
    let told = || daemon.stderr().matches("the programs of interpreters have changed").count();
    fs::create_dir_all(machine.place.path("opt/python/bin")).expect("own directory");
    daemon.wait_until("it looks", || told() == 1);
    must_sync(&daemon, &machine.place.path("app"));
    machine.install_link("opt/python/bin/python3", &machine.second.path);
    machine.assert_followed(&daemon);
}

#[test]
fn one_that_a_library_directory_names_is_installed() {
    let Some(machine) = machine("one_that_a_library_directory_names_is_installed") else { return };
    let label = machine.second.label();
    let library = machine.place.source(&format!("app/venv/lib/{label}/site-packages/y.py"), "Y = 1\n");
    let daemon = machine.automatic_daemon();
    assert!(is_fresh(machine.first, &machine.source));
    assert!(!machine.second.cache(&library).exists() && !machine.first.cache(&library).exists());
    assert!(daemon.stderr().contains("is not installed"), "{}", daemon.stderr());
    machine.install_link(&format!("path/{label}"), &machine.second.path);
    daemon.wait_fresh(machine.second, [&library]);
    assert!(!machine.second.cache(&machine.source).exists(), "it is for that directory alone");
}
