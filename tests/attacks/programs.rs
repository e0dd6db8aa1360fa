//! Programs and start-up files of the attacker, each of which would leave a trace if it were run.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::attacker::{Attacker, Step};
use crate::host::{Host, give};
use crate::support::process::must;
use crate::support::run::{json, pycwarm_with};
use crate::support::tree::set_mode;
use crate::users::{ATTACKER, acting};

/// Runs of `warm` while the program changes.
const RUNS: usize = 25;

/// Gives everything below a directory of this test to the attacker.
fn give_all(directory: &Path) {
    give(directory, ATTACKER);
    for entry in fs::read_dir(directory).expect("own directory").flatten() {
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            give_all(&entry.path());
        }
    }
}

/// A program that leaves a trace, and then is a Python.
fn program(host: &Host, path: &str) -> PathBuf {
    let trace = host.place.path("traces").join(path.replace('/', "-"));
    let (trace, python) = (trace.display(), host.python.path.display());
    let path = host.place.file(path, format!("#!/bin/sh\nid -u >> '{trace}'\nexec '{python}' \"$@\"\n"));
    set_mode(&path, 0o755);
    path
}

/// A module that leaves a trace when it is executed.
fn module(host: &Host, path: &str) {
    let trace = host.place.path("traces").join(path.replace('/', "-"));
    // At the start of Python there is little more than this.
    let leave = format!("import posix\nposix.close(posix.open({trace:?}, posix.O_CREAT | posix.O_WRONLY, 0o666))\n");
    host.place.file(path, leave);
}

/// A virtual environment with everything that Python runs at its start, and modules beside the sources that hide those
/// of the standard library; called from within that directory, with an environment that leads there.
#[test]
fn a_venv_full_of_traps() {
    let name = "programs::a_venv_full_of_traps";
    let Some(host) = Host::trusted(name) else { return };
    let (major, minor) = host.python.version;
    let site = format!("tree/attacker/venv/lib/python{major}.{minor}/site-packages");
    program(&host, "tree/attacker/venv/bin/python3");
    program(&host, &format!("tree/attacker/venv/bin/python{major}.{minor}"));
    program(&host, "tree/attacker/venv/bin/python");
    let home = host.theirs("venv/bin");
    let config =
        format!("home = {}\nversion = {major}.{minor}.0\nexecutable = {}/python3\n", home.display(), home.display());
    host.place.file("tree/attacker/venv/pyvenv.cfg", &config);
    host.place.file("tree/attacker/pyvenv.cfg", &config);
    let hook = host.place.path("traces/pth");
    host.place.file(&format!("{site}/evil.pth"), format!("import os; open({hook:?}, 'a').close()\n"));
    let startup =
        ["sitecustomize", "usercustomize", "site", "encodings/__init__", "struct", "codecs", "os", "io", "abc"];
    for file in startup.iter().chain(&["marshal", "warnings", "posix", "types", "zipimport", "importlib/__init__"]) {
        module(&host, &format!("tree/attacker/{file}.py"));
        module(&host, &format!("{site}/{file}.py"));
    }
    let shebang = format!("#!{}/python3\nimport sys\n", home.display());
    for script in ["run.cgi", "run.py"] {
        set_mode(&host.place.file(&format!("tree/attacker/{script}"), &shebang), 0o755);
    }
    give_all(&host.theirs(""));
    // The traps work: who runs Python there, runs into them.
    let mut trapped = acting(ATTACKER, home.join("python3"));
    trapped.env("PYTHONPATH", host.theirs("")).args(["-c", "import sitecustomize"]).output().expect("it runs");
    assert!(host.traces().len() >= 2, "{:?}", host.traces());
    for entry in fs::read_dir(host.place.path("traces")).expect("own directory").flatten() {
        fs::remove_file(entry.path()).expect("own directory");
    }

    host.configure("[\"auto\"]", &[]);
    let mut warm = pycwarm_with("warm", &host.place.path("pycwarm.toml"));
    warm.current_dir(host.theirs(""));
    for variable in ["PYTHONPATH", "PYTHONSTARTUP", "PYTHONUSERBASE", "VIRTUAL_ENV"] {
        warm.env(variable, host.theirs(""));
    }
    json(&mut warm);
    assert_eq!(host.traces(), [] as [String; 0]);
    let daemon = host.daemon();
    host.edit();
    host.judge(Some(&daemon));
}

/// A directory of the attacker first on the PATH, and a program of theirs in the configuration.
#[test]
fn a_program_of_the_attacker() {
    let name = "programs::a_program_of_the_attacker";
    let Some(host) = Host::trusted(name) else { return };
    let theirs = program(&host, "outside/bin/python3");
    give_all(&host.place.path("outside"));
    let bin = theirs.parent().expect("a directory");
    let path = std::env::join_paths([bin, Path::new("/usr/bin"), Path::new("/bin")]).expect("no colon");
    for pythons in [format!("[\"python3\", {:?}]", host.python.path), format!("[{theirs:?}, {:?}]", host.python.path)] {
        host.configure(&pythons, &[]);
        host.edit();
        let report = json(pycwarm_with("warm", &host.place.path("pycwarm.toml")).env("PATH", &path));
        assert!(report.raw.contains("can change"), "it says which component is not root's: {}", report.raw);
        assert!(report.raw.contains("outside"), "{}", report.raw);
        assert_eq!(host.traces(), [] as [String; 0], "{pythons}");
    }
    host.judge(None);
}

/// In a directory of the attacker the name of an interpreter leads to a good one at one moment, and is their own program
/// at the next.
#[test]
fn a_program_that_is_swapped() {
    let name = "programs::a_program_that_is_swapped";
    let Some(host) = Host::trusted(name) else { return };
    let evil = program(&host, "outside/bin/evil");
    let good = host.place.path("outside/bin/python3");
    symlink(&host.python.path, &good).expect("own directory");
    fs::create_dir(host.place.path("outside/other")).expect("own directory");
    symlink(&evil, host.place.path("outside/other/python3")).expect("own directory");
    give_all(&host.place.path("outside"));
    host.configure(&format!("[{good:?}, {:?}]", host.python.path), &[]);
    let directories = Step::Exchange(host.place.path("outside/bin"), host.place.path("outside/other"));
    let steps = vec![Step::Exchange(good.clone(), evil.clone()), directories];
    let attacker = Attacker::start(ATTACKER, host.place.path("counts/0"), steps);
    for _ in 0..RUNS {
        host.edit();
        host.warm();
    }
    assert!(attacker.swaps() > 1000, "{}", attacker.swaps());
    drop(attacker);
    assert_eq!(host.traces(), [] as [String; 0]);
    must(std::process::Command::new("rm").arg("-r").arg(host.place.path("outside/bin")));
    host.judge(None);
}
