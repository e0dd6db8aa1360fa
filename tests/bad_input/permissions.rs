//! What an ordinary user may not read or write. As root these run the program as another user.

use std::fs;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use crate::support::python::primary;
use crate::support::run::{Report, binary, json, pycwarm};
use crate::support::skip::{is_root, skipped};
use crate::support::tree::{Tree, set_mode};

const NOBODY: u32 = 65_534;

fn unprivileged(command: &mut Command) -> &mut Command {
    if is_root() { command.uid(NOBODY).gid(NOBODY) } else { command }
}

/// True if that user can run the program and the interpreter; otherwise the skip has been told.
fn can_run(name: &str) -> bool {
    let program = unprivileged(Command::new(binary()).arg("--version")).output();
    let python = unprivileged(Command::new(&primary().path).args(["-I", "-S", "-c", ""])).output();
    let can = program.is_ok() && python.is_ok_and(|output| output.status.success());
    if !can {
        skipped(name, "an ordinary user cannot run the program or the interpreter where they are");
    }
    can
}

fn give_away(path: &Path) {
    if is_root() {
        chown(path, Some(NOBODY), Some(NOBODY)).expect("root");
    }
}

fn give_tree_away(directory: &Path) {
    give_away(directory);
    for entry in fs::read_dir(directory).expect("own directory").flatten() {
        if entry.file_type().expect("own directory").is_dir() {
            give_tree_away(&entry.path());
        } else {
            give_away(&entry.path());
        }
    }
}

fn warm_unprivileged(tree: &Tree) -> Report {
    let mut command = pycwarm("warm");
    json(unprivileged(command.arg("--python").arg(&primary().path).arg(&tree.root)))
}

#[test]
fn unreadable_file() {
    if !can_run("permissions::unreadable_file") {
        return;
    }
    let tree = Tree::new();
    let (good, secret) = (tree.good(), tree.source("secret.py", "S = 1\n"));
    give_tree_away(&tree.root);
    set_mode(&secret, 0o000);
    let report = warm_unprivileged(&tree);
    let failure = report.failure_of(&secret);
    assert_eq!(
        (failure.kind.as_str(), failure.line, report.counts.compiled),
        ("unreadable", None, 1),
        "{}",
        report.raw
    );
    assert!(primary().cache(&good).is_file());
}

#[test]
fn unreadable_directory() {
    if !can_run("permissions::unreadable_directory") {
        return;
    }
    let tree = Tree::new();
    let good = tree.good();
    tree.source("closed/x.py", "S = 1\n");
    give_tree_away(&tree.root);
    set_mode(&tree.path("closed"), 0o000);
    let report = warm_unprivileged(&tree);
    let failure = report.failure_of(&tree.path("closed"));
    assert_eq!(
        (failure.kind.as_str(), failure.line, report.counts.compiled),
        ("unreadable", None, 1),
        "{}",
        report.raw
    );
    assert!(primary().cache(&good).is_file());
    set_mode(&tree.path("closed"), 0o755);
}

/// Names can be listed but nothing behind them can be reached.
#[test]
fn directory_without_search_permission() {
    if !can_run("permissions::directory_without_search_permission") {
        return;
    }
    let tree = Tree::new();
    let good = tree.good();
    tree.source("closed/x.py", "S = 1\n");
    give_tree_away(&tree.root);
    set_mode(&tree.path("closed"), 0o444);
    let report = warm_unprivileged(&tree);
    assert_eq!((report.counts.failed, report.counts.compiled), (1, 1), "{}", report.raw);
    assert_eq!(report.counts.failures[0].kind, "unreadable");
    assert!(primary().cache(&good).is_file());
    set_mode(&tree.path("closed"), 0o755);
}

#[test]
fn directory_that_may_not_be_written() {
    if !can_run("permissions::directory_that_may_not_be_written") {
        return;
    }
    let tree = Tree::new();
    let good = tree.good();
    let locked = tree.source("locked/x.py", "S = 1\n");
    give_tree_away(&tree.root);
    set_mode(&tree.path("locked"), 0o555);
    let report = warm_unprivileged(&tree);
    let failure = report.failure_of(&locked);
    assert_eq!((failure.kind.as_str(), report.counts.compiled), ("write", 1), "{}", report.raw);
    assert!(primary().cache(&good).is_file());
    set_mode(&tree.path("locked"), 0o755);
}

/// An ordinary user cannot give files away: the caches of another's sources are the writer's own, and that is no failure.
#[test]
fn source_of_another_user_in_an_own_directory() {
    if !is_root() {
        return skipped("permissions::source_of_another_user_in_an_own_directory", "needs root");
    }
    if !can_run("permissions::source_of_another_user_in_an_own_directory") {
        return;
    }
    let tree = Tree::new();
    let foreign = tree.source("foreign.py", "F = 1\n");
    give_tree_away(&tree.root);
    chown(&foreign, Some(0), Some(0)).expect("root");
    set_mode(&foreign, 0o644);
    warm_unprivileged(&tree).assert_compiled(1);
    assert!(primary().cache(&foreign).is_file());
    warm_unprivileged(&tree).assert_nothing_done();
}
