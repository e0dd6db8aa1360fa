//! SIGTERM, SIGINT and kill -9, also in the middle of a big warm.

use std::path::PathBuf;
use std::time::{Duration, Instant};

use rustix::process::Signal;

use crate::support::cache::{is_fresh, temporary_files};
use crate::support::daemon::Daemon;
use crate::support::oracle::assert_all_good;
use crate::support::process::{children, is_running};
use crate::support::python::{Interpreter, primary};
use crate::support::run::{pycwarm, warm};
use crate::support::tree::Tree;
use crate::support::wait::wait_until;
use crate::{Kept, sources_below};

/// 2 s are promised; a busy machine gets more before this test calls it broken.
const PROMPT: Duration = Duration::from_secs(15);

fn big_tree() -> Tree {
    let tree = Tree::new();
    let body: String =
        (0..100).map(|n| format!("def f{n}(a, b=({n}, 'x')):\n    return [c + {n} for c in a if c != b]\n")).collect();
    for number in 0..3000 {
        tree.source(&format!("p{}/m{number}.py", number % 30), format!("N = {number}\n{body}"));
    }
    tree
}

/// Starts a daemon over a big tree and returns when it is in the middle of its first warm.
fn in_the_middle(python: &Interpreter, tree: &Tree) -> (Daemon, Vec<PathBuf>) {
    let sources = sources_below(&tree.root);
    let daemon = Daemon::start(pycwarm("daemon").arg("--python").arg(&python.path).arg(&tree.root));
    daemon.wait_until("the first cache", || sources.iter().any(|source| python.cache(source).exists()));
    (daemon, sources)
}

fn assert_was_in_the_middle(python: &Interpreter, sources: &[PathBuf]) {
    let done = sources.iter().filter(|source| python.cache(source).exists()).count();
    assert!(done > 0 && done < sources.len(), "the tree is too small for this test: {done} of {} done", sources.len());
    for source in sources.iter().filter(|source| python.cache(source).exists()) {
        assert!(is_fresh(python, source), "{source:?} is not whole");
    }
}

fn ends_cleanly_in_the_middle(signal: Signal) {
    let (python, tree) = (primary(), big_tree());
    let (mut daemon, sources) = in_the_middle(python, &tree);
    let workers = children(daemon.id());
    assert!(!workers.is_empty(), "it has workers");
    let asked = Instant::now();
    daemon.signal(signal);
    let status = daemon.wait_exit();
    assert!(asked.elapsed() < PROMPT, "it took {:?}", asked.elapsed());
    assert_eq!(status.code(), Some(0), "{status}: {}", daemon.stderr());
    assert_was_in_the_middle(python, &sources);
    assert_eq!(temporary_files(&tree.root), Vec::<PathBuf>::new());
    for worker in workers {
        wait_until("its workers are gone", || !is_running(worker));
    }
    assert_eq!(daemon.notified("STOPPING=1"), 1, "{:?}", daemon.notifications());
    assert_eq!(daemon.notified("READY=1"), 0, "it was not ready");
}

#[test]
fn sigterm_in_the_middle_of_a_big_warm() {
    ends_cleanly_in_the_middle(Signal::TERM);
}

#[test]
fn sigint_in_the_middle_of_a_big_warm() {
    ends_cleanly_in_the_middle(Signal::INT);
}

#[test]
fn sigterm_at_rest() {
    let mut kept = Kept::new();
    kept.daemon.signal(Signal::TERM);
    let status = kept.daemon.wait_exit();
    assert_eq!(status.code(), Some(0), "{}", kept.daemon.stderr());
    assert_eq!(kept.daemon.notified("STOPPING=1"), 1);
    assert_eq!(temporary_files(&kept.tree.root), Vec::<PathBuf>::new());
}

/// A worker that stands still must not hold up the end.
#[test]
fn sigterm_while_a_worker_stands_still() {
    let (python, tree) = (primary(), big_tree());
    let (mut daemon, _) = in_the_middle(python, &tree);
    let workers = children(daemon.id());
    for worker in &workers {
        crate::support::process::signal(*worker, Signal::STOP);
    }
    daemon.signal(Signal::TERM);
    assert_eq!(daemon.wait_exit().code(), Some(0), "{}", daemon.stderr());
    for worker in workers {
        wait_until("its workers are gone", || !is_running(worker));
    }
    assert_eq!(temporary_files(&tree.root), Vec::<PathBuf>::new());
}

#[test]
fn kill_9_in_the_middle_and_a_new_start() {
    let (python, tree) = (primary(), big_tree());
    for _ in 0..3 {
        let (mut daemon, sources) = in_the_middle(python, &tree);
        let workers = children(daemon.id());
        daemon.kill();
        for worker in workers {
            wait_until("a worker ends when its daemon is gone", || !is_running(worker));
        }
        for source in sources.iter().filter(|source| python.cache(source).exists()) {
            assert!(is_fresh(python, source), "{source:?} is not whole");
        }
    }
    // What a writer leaves that was killed between its temporary file and the rename.
    tree.file("p1/__pycache__/.pycwarm-00000000deadbeef.tmp", "torn");
    let daemon = Daemon::over(python, &tree.root);
    daemon.wait_until("left-over files are removed", || temporary_files(&tree.root).is_empty());
    assert_all_good(python, &tree.root);
}

/// What changed while no daemon ran is found at the next start.
#[test]
fn changes_while_it_was_away() {
    let mut kept = Kept::new();
    kept.daemon.kill();
    let edited = kept.tree.source("a.py", "A = 'edited while it was away'\n");
    let new = kept.tree.source("package/sub/new.py", "N = 1\n");
    let gone = kept.tree.path("package/b.py");
    std::fs::remove_file(&gone).expect("own file");
    let daemon = Daemon::over(kept.python, &kept.tree.root);
    daemon.wait_fresh(kept.python, [&edited, &new]);
    daemon.wait_until("the cache of the removed source goes away", || !kept.cache(&gone).exists());
    assert_all_good(kept.python, &kept.tree.root);
}

/// `warm` and the daemon at the same time over one tree.
#[test]
fn warm_beside_a_daemon() {
    let (python, tree) = (primary(), big_tree());
    let (daemon, _) = in_the_middle(python, &tree);
    let report = warm(python, &tree.root);
    assert_eq!(report.counts.failed, 0, "{}", report.raw);
    let daemon = daemon.ready();
    assert_all_good(python, &tree.root);
    assert_eq!(temporary_files(&tree.root), Vec::<PathBuf>::new());
    drop(daemon);
}
