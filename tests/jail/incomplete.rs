//! Where the kernel does not give all of it: that is told, and what is left is safe.

use std::path::{Path, PathBuf};

use crate::proc::is_open_to_all;
use crate::support::apart::{can_run, wrapped};
use crate::support::python::{Interpreter, distinct};
use crate::support::run::{Ran, pycwarm, run};
use crate::support::skip::{needs_root, skipped};
use crate::support::tree::{Tree, set_mode};

/// `warm`, with a system call that fails in it and in all its children.
fn warm_without(call: &str, python: &Path, place: &Tree) -> Ran {
    let mut command = pycwarm("warm");
    command.arg("--python").arg(python).arg(&place.root);
    let inject = format!("inject={call}:error=ENOSYS");
    run(&mut wrapped(&["strace", "-f", "-qq", "-o", "/dev/null", "-e", &inject], &command))
}

fn can_inject(name: &str) -> bool {
    can_run(
        name,
        &["strace", "-f", "-qq", "-o", "/dev/null", "-e", "inject=landlock_create_ruleset:error=ENOSYS", "true"],
    )
}

/// An interpreter that all users may execute.
fn open_one(name: &str) -> Option<&'static Interpreter> {
    let found = distinct().into_iter().find(|python| is_open_to_all(python));
    if found.is_none() {
        skipped(name, "there is no interpreter that all users may execute");
    }
    found
}

/// A copy of the program where no other user comes in, with its library behind a link.
fn closed_one(name: &str) -> Option<(Tree, PathBuf)> {
    let (python, Some(place)) = (open_one(name)?, Tree::trusted()) else {
        skipped(name, "needs a directory that only root writes to");
        return None;
    };
    let real = std::fs::canonicalize(&python.path).expect("it is there");
    let program = place.file("closed/bin/python3", std::fs::read(&real).expect("it can be read"));
    set_mode(&program, 0o755);
    let prefix = real.parent().and_then(Path::parent).expect("bin in a prefix");
    std::os::unix::fs::symlink(prefix.join("lib"), place.path("closed/lib")).expect("own directory");
    set_mode(&place.path("closed"), 0o700);
    Some((place, program))
}

#[test]
fn a_closed_interpreter_runs_with_its_files_only_and_that_is_told() {
    let name = "incomplete::a_closed_interpreter_runs_with_its_files_only_and_that_is_told";
    if !needs_root(name) {
        return;
    }
    let Some((interpreter, program)) = closed_one(name) else { return };
    let place = Tree::new();
    place.good();
    let ran = run(pycwarm("warm").arg("--python").arg(&program).arg(&place.root));
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let closed = interpreter.path("closed").display().to_string();
    assert!(ran.stderr.contains("without \"own user\"") && ran.stderr.contains(&closed), "{}", ran.stderr);
    assert_eq!(ran.stderr.matches("own user").count(), 1, "{}", ran.stderr);
}

/// As root's user and with all files open, a source that takes over its worker could read what root can.
#[test]
fn a_closed_interpreter_is_refused_without_landlock() {
    let name = "incomplete::a_closed_interpreter_is_refused_without_landlock";
    if !needs_root(name) || !can_inject(name) {
        return;
    }
    let Some((_interpreter, program)) = closed_one(name) else { return };
    let place = Tree::new();
    place.good();
    let ran = warm_without("landlock_create_ruleset", &program, &place);
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    assert!(!place.path("__pycache__").exists());
}

#[test]
fn without_landlock_an_open_interpreter_runs_as_a_user_of_its_own() {
    let name = "incomplete::without_landlock_an_open_interpreter_runs_as_a_user_of_its_own";
    if !needs_root(name) || !can_inject(name) {
        return;
    }
    let Some(python) = open_one(name) else { return };
    let place = Tree::new();
    place.good();
    let ran = warm_without("landlock_create_ruleset", &python.path, &place);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("without \"own files only\"") && ran.stderr.contains("Landlock"), "{}", ran.stderr);
}

/// Neither another user nor closed files: an interpreter that everybody may execute is no exception.
#[test]
fn without_another_user_and_without_landlock_nothing_runs() {
    let name = "incomplete::without_another_user_and_without_landlock_nothing_runs";
    if !needs_root(name) || !can_inject(name) {
        return;
    }
    let Some(python) = open_one(name) else { return };
    let place = Tree::new();
    place.good();
    let ran = warm_without("setresuid", &python.path, &place);
    assert!(ran.status == 0 && ran.stderr.contains("without \"own user\""), "{}", ran.stderr);
    let place = Tree::new();
    place.good();
    let ran = warm_without("setresuid,landlock_create_ruleset", &python.path, &place);
    assert_eq!(ran.status, 1, "{}", ran.stderr);
    assert!(!place.path("__pycache__").exists());
}

#[test]
fn without_seccomp_it_runs_and_that_is_told() {
    let name = "incomplete::without_seccomp_it_runs_and_that_is_told";
    if !can_inject(name) {
        return;
    }
    let place = Tree::new();
    place.good();
    let ran = warm_without("seccomp", &distinct()[0].path, &place);
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    assert!(ran.stderr.contains("without \"few system calls\""), "{}", ran.stderr);
}

/// A container that has nothing but root: there is no other user to become.
#[test]
fn in_a_user_namespace_of_one_user_it_runs() {
    let name = "incomplete::in_a_user_namespace_of_one_user_it_runs";
    if !can_run(name, &["unshare", "--user", "--map-root-user", "true"]) {
        return;
    }
    let place = Tree::new();
    place.good();
    let mut command = pycwarm("warm");
    command.arg("--python").arg(&distinct()[0].path).arg(&place.root);
    let ran = run(&mut wrapped(&["unshare", "--user", "--map-root-user"], &command));
    assert_eq!(ran.status, 0, "{}", ran.stderr);
}
