//! Its own writes, and the reading of others, never make it work for ever.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::support::daemon::Daemon;
use crate::support::process::{clean_command, must, processor_time};
use crate::support::python::{Interpreter, primary};
use crate::support::run::check;
use crate::support::tree::{Tree, inode};
use crate::{Kept, sources_below};

/// Less than one look at a small tree takes, in nanoseconds, counted over all threads.
const NOTHING: u64 = 3_000_000;

/// An edit is looked at once more when its second is over, and its cache is then later than that second.
fn wait_settled(kept: &Kept, source: &Path) {
    let second = |path: &Path| fs::metadata(path).map_or(0, |stat| stat.mtime());
    kept.daemon
        .wait_until("a cache later than the second of the edit", || second(&kept.cache(source)) > second(source));
}

/// Waits until the daemon uses no processor time while a dozen other processes run from start to end.
fn wait_quiet(daemon: &Daemon, python: &Interpreter) {
    daemon.wait_until("it comes to rest", || {
        let before = processor_time(daemon.id());
        for _ in 0..12 {
            must(clean_command(&python.path).args(["-I", "-S", "-c", "pass"]));
        }
        processor_time(daemon.id()) - before < NOTHING
    });
}

fn inodes(kept: &Kept, sources: &[PathBuf]) -> Vec<u64> {
    sources.iter().map(|source| inode(&kept.cache(source))).collect()
}

#[test]
fn it_rests_after_the_first_warm() {
    let kept = Kept::with(|tree| {
        for number in 0..200 {
            tree.source(&format!("d{}/m{number}.py", number % 20), format!("N = {number}\n"));
        }
    });
    // A look that an early event asked for may still be on its way.
    wait_quiet(&kept.daemon, kept.python);
    let sources = sources_below(&kept.tree.root);
    let before = inodes(&kept, &sources);
    wait_quiet(&kept.daemon, kept.python);
    assert_eq!(before, inodes(&kept, &sources), "what was warm has been written again");
}

#[test]
fn it_rests_after_an_edit() {
    let kept = Kept::new();
    for number in 0..5 {
        let source = kept.tree.file("a.py", format!("A = 'edit {number}'\n"));
        kept.wait_fresh(&source);
    }
    wait_settled(&kept, &kept.tree.path("a.py"));
    wait_quiet(&kept.daemon, kept.python);
    let sources = sources_below(&kept.tree.root);
    let before = inodes(&kept, &sources);
    wait_quiet(&kept.daemon, kept.python);
    assert_eq!(before, inodes(&kept, &sources));
}

/// Importing programs open and read sources and caches all the time.
#[test]
fn readers_do_not_wake_it_for_ever() {
    let kept = Kept::with(|tree| {
        for number in 0..50 {
            tree.source(&format!("d/m{number}.py"), format!("N = {number}\n"));
        }
    });
    wait_quiet(&kept.daemon, kept.python);
    let sources = sources_below(&kept.tree.root);
    let before = inodes(&kept, &sources);
    check(kept.python, &kept.tree.root).assert_nothing_done();
    crate::support::oracle::assert_all_good(kept.python, &kept.tree.root);
    wait_quiet(&kept.daemon, kept.python);
    assert_eq!(before, inodes(&kept, &sources));
}

#[test]
fn a_source_that_does_not_compile_is_not_tried_for_ever() {
    let kept = Kept::with(|tree| {
        tree.source("broken.py", "x = 1\ny = = 2\n");
        tree.source("blocked/x.py", "X = 1\n");
        tree.file("blocked/__pycache__", "a file where the directory should be");
    });
    wait_quiet(&kept.daemon, kept.python);
    let told = kept.daemon.stderr().matches("broken.py:2: ").count();
    assert_eq!(told, 1, "{}", kept.daemon.stderr());
}

/// Another directory's events are none of its business.
#[test]
fn files_that_are_no_sources_are_nothing_to_do() {
    let kept = Kept::new();
    wait_quiet(&kept.daemon, kept.python);
    let sources = sources_below(&kept.tree.root);
    let before = inodes(&kept, &sources);
    for number in 0..100 {
        kept.tree.file("package/session.db", format!("{number}"));
        fs::rename(kept.tree.path("package/session.db"), kept.tree.path("package/session.old")).expect("own directory");
    }
    wait_quiet(&kept.daemon, kept.python);
    assert_eq!(before, inodes(&kept, &sources));
}

#[test]
fn a_tree_that_is_absent_costs_nothing() {
    let (python, place) = (primary(), Tree::new());
    let daemon = Daemon::over(python, &place.path("a/b/c/d"));
    wait_quiet(&daemon, python);
}
