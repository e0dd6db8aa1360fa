//! Optimization levels and hash-based caches, as import takes them.

use std::fs;

use crate::support::oracle::Oracle;
use crate::support::python::{Interpreter, interpreters};
use crate::support::run::{json, pycwarm};
use crate::support::skip::{note, skipped};
use crate::support::tree::{Tree, copy_sources, hour_ago, set_mtime};

/// A package of a dozen files that every standard library has.
const PACKAGE: &str = "json";

fn package_of(python: &Interpreter) -> (Tree, u64) {
    let tree = Tree::new();
    let mut copied = copy_sources(&python.library.join(PACKAGE), &tree.root);
    tree.source("levels.py", "'''Doc'''\ndef f():\n    '''Doc'''\n    assert f, 'x'\n    return __debug__\n");
    copied += 1;
    (tree, copied)
}

#[test]
fn three_levels_in_one_run() {
    for python in interpreters() {
        let (tree, sources) = package_of(python);
        let mut command = pycwarm("warm");
        command.args(["-o", "0", "-o", "1", "-o", "2", "--python"]).arg(&python.path).arg(&tree.root);
        let report = json(&mut command);
        report.assert_compiled(3 * sources);
        assert_eq!(report.counts.sources, sources);
        for level in 0..=2 {
            let verdict = Oracle { level, ..Oracle::default() }.ask(python, &tree.root);
            assert_eq!(verdict.assert_good(python).accepted, sources, "level {level}");
        }
    }
}

#[test]
fn checked_hash() {
    for python in with_hash_modes("oracle::checked_hash") {
        let (tree, sources) = package_of(python);
        let mut command = pycwarm("warm");
        command.args(["--invalidation-mode", "checked-hash", "--python"]).arg(&python.path).arg(&tree.root);
        json(&mut command).assert_compiled(sources);
        assert_eq!(flags(python, &tree), 3);
        Oracle::default().ask(python, &tree.root).assert_good(python);
        // Another time is no other source.
        let touched = tree.path("levels.py");
        set_mtime(&touched, hour_ago() - std::time::Duration::from_secs(1000));
        Oracle::default().ask(python, &tree.root).assert_good(python);
        let mut again = pycwarm("warm");
        again.args(["--invalidation-mode", "checked-hash", "--python"]).arg(&python.path).arg(&tree.root);
        json(&mut again).assert_nothing_done();
        // Other bytes are, even at the same size and time.
        let text = fs::read_to_string(&touched).expect("own file");
        tree.source("levels.py", text.replace("'x'", "'y'"));
        assert_eq!(Oracle::default().ask(python, &tree.root).problems.len(), 1);
        let mut edited = pycwarm("warm");
        edited.args(["--invalidation-mode", "checked-hash", "--python"]).arg(&python.path).arg(&tree.root);
        json(&mut edited).assert_compiled(1);
        Oracle::default().ask(python, &tree.root).assert_good(python);
    }
}

#[test]
fn unchecked_hash() {
    for python in with_hash_modes("oracle::unchecked_hash") {
        let (tree, sources) = package_of(python);
        let mut command = pycwarm("warm");
        command.args(["--invalidation-mode", "unchecked-hash", "--python"]).arg(&python.path).arg(&tree.root);
        json(&mut command).assert_compiled(sources);
        assert_eq!(flags(python, &tree), 1);
        Oracle::default().ask(python, &tree.root).assert_good(python);
    }
}

#[test]
fn a_cache_of_another_mode_is_converted() {
    for python in with_hash_modes("oracle::a_cache_of_another_mode_is_converted") {
        let (tree, sources) = package_of(python);
        for (mode, expected) in [("timestamp", 0), ("unchecked-hash", 1), ("checked-hash", 3), ("timestamp", 0)] {
            let mut command = pycwarm("warm");
            command.args(["--invalidation-mode", mode, "--python"]).arg(&python.path).arg(&tree.root);
            json(&mut command).assert_compiled(sources);
            assert_eq!(flags(python, &tree), expected, "{mode}");
        }
    }
}

fn with_hash_modes(name: &str) -> Vec<&'static Interpreter> {
    let (with, without): (Vec<_>, Vec<_>) = interpreters().iter().partition(|one| one.has_hash_modes());
    if with.is_empty() {
        skipped(name, "needs Python 3.7 or later");
    }
    for python in without {
        note(&format!("{name}: {} has no hash-based caches", python.label()));
    }
    with
}

fn flags(python: &Interpreter, tree: &Tree) -> u8 {
    fs::read(python.cache(&tree.path("levels.py"))).expect("a cache")[4]
}
