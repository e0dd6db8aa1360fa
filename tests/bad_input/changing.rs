//! Sources that change, vanish or become something else while they are read, by a real process.

use std::io::Read;
use std::process::Stdio;

use crate::support::cache::temporary_files;
use crate::support::oracle::assert_all_good;
use crate::support::process::{Background, clean_command, sh};
use crate::support::python::primary;
use crate::support::run::{check, warm};
use crate::support::script;
use crate::support::skip::note;
use crate::support::tree::Tree;
use crate::support::wait::wait_until;

/// Runs of `warm` while the hammer is at work. One that finds sources changed in this second waits for its end.
const SLOW_RUNS: usize = 8;
const QUICK_RUNS: usize = 60;

/// Warms while a process hammers at sources in this way and another reads the caches: no cache is torn, each run comes to its
/// end with the good file warm, and when the hammer has stopped, one run brings all up to date.
fn survive(how: &str, runs: usize) {
    let (python, tree) = (primary(), Tree::new());
    let good = tree.good();
    let mut hammer = clean_command(&python.path);
    let hammer = Background::start(hammer.arg(script("hammer.py")).arg(how).arg(&tree.root));
    wait_until("the hammer is at work", || std::fs::read_dir(&tree.root).is_ok_and(|entries| entries.count() > 1));
    let mut reader = clean_command(&python.path);
    reader.arg(script("reader.py")).arg(&tree.root).arg(python.header_length().to_string());
    let mut reader = Background::start(reader.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()));

    let mut kinds = Vec::new();
    let (mut compiled, mut seen) = (0, 0);
    for _ in 0..runs {
        let report = warm(python, &tree.root);
        assert!(report.failures_of(&good).is_empty(), "{}", report.raw);
        for failure in &report.counts.failures {
            assert!(["changed", "unreadable", "syntax"].contains(&failure.kind.as_str()), "{}", report.raw);
            kinds.push(failure.kind.clone());
        }
        compiled += report.counts.compiled;
        seen += report.counts.sources - 1;
        assert!(python.cache(&good).is_file());
    }
    drop(hammer);
    assert!(seen > 0, "the hammer's sources were never there to be seen");

    drop(reader.0.stdin.take());
    let status = reader.0.wait().expect("own child");
    let (mut told, mut count) = (String::new(), String::new());
    reader.0.stderr.take().expect("a pipe").read_to_string(&mut told).expect("UTF-8");
    reader.0.stdout.take().expect("a pipe").read_to_string(&mut count).expect("UTF-8");
    assert!(status.success(), "{told}");
    kinds.sort();
    kinds.dedup();
    note(&format!(
        "changing::{how}: {seen} seen, {compiled} compiled, failures of kinds {kinds:?}, {} reads of caches",
        count.trim()
    ));

    // What the hammer left unfinished is not a source to judge: the last, complete word is written here.
    sh(&format!("cd '{}' && rm -rf hammered*.py hammered*.new", tree.root.display()));
    for number in 0..4 {
        tree.file(&format!("hammered{number}.py"), "FIRST = LAST = 'the end'\n");
    }
    let last = warm(python, &tree.root);
    assert_eq!((last.counts.failed, last.counts.fresh + last.counts.compiled), (0, 5), "{}", last.raw);
    assert_all_good(python, &tree.root);
    check(python, &tree.root).assert_nothing_done();
    assert_eq!(temporary_files(&tree.root), Vec::<std::path::PathBuf>::new());
}

#[test]
fn overwritten_in_place() {
    survive("overwrite", SLOW_RUNS);
}

#[test]
fn replaced_by_a_rename() {
    survive("rename", SLOW_RUNS);
}

#[test]
fn made_and_removed() {
    survive("vanish", QUICK_RUNS);
}

#[test]
fn turned_into_something_else() {
    survive("flip", QUICK_RUNS);
}

/// A directory that is moved away and back while it is walked.
#[test]
fn directories_that_move() {
    let (python, tree) = (primary(), Tree::new());
    let good = tree.good();
    for number in 0..50 {
        tree.source(&format!("a/d{number}/m.py"), "M = 1\n");
    }
    let program = "import os, sys\na, b = sys.argv[1] + '/a', sys.argv[1] + '/b'\nwhile True:\n    os.rename(a, b)\n    os.rename(b, a)";
    let mover = Background::start(clean_command(&python.path).args(["-c", program]).arg(&tree.root));
    for _ in 0..QUICK_RUNS {
        let report = warm(python, &tree.root);
        assert!(report.failures_of(&good).is_empty(), "{}", report.raw);
    }
    drop(mover);
    if tree.path("b").exists() {
        std::fs::rename(tree.path("b"), tree.path("a")).expect("own directory");
    }
    let last = warm(python, &tree.root);
    assert_eq!((last.counts.failed, last.counts.sources), (0, 51), "{}", last.raw);
    check(python, &tree.root).assert_nothing_done();
}
