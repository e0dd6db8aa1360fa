//! Killed at any point, its workers or itself; and what a power cut leaves.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use rustix::process::Signal;

use crate::Kept;
use crate::sources_below;
use crate::support::cache::{holds, is_fresh, temporary_files};
use crate::support::daemon::Daemon;
use crate::support::oracle::assert_all_good;
use crate::support::process::{Background, children, clean_command, is_running, signal};
use crate::support::python::{Interpreter, distinct, primary};
use crate::support::run::{pycwarm, pycwarm_with};
use crate::support::script;
use crate::support::tree::Tree;
use crate::support::wait::wait_until;

const SOURCES: usize = 240;
const ROUNDS: usize = 30;

/// Big enough to be met half done.
fn body() -> String {
    (0..40).map(|n| format!("def f{n}(a, b=({n}, 'x')):\n    return [c + {n} for c in a if c != b]\n")).collect()
}

fn many(tree: &Tree, count: usize) -> Vec<PathBuf> {
    let body = body();
    (0..count).map(|n| tree.source(&format!("p{}/m{n}.py", n % 12), format!("N = {n}\n{body}"))).collect()
}

/// Reads all caches all the time.
struct Reader(Background);

impl Reader {
    fn start(python: &Interpreter, tree: &Path) -> Self {
        let mut command = clean_command(&python.path);
        command.args(["-I", "-S", "-B"]).arg(script("torn.py")).arg(tree).arg(python.header_length().to_string());
        Reader(Background::start(command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped())))
    }

    /// It has seen many, and none that was torn.
    fn assert_none_torn(mut self) {
        let child: &mut Child = &mut self.0.0;
        drop(child.stdin.take());
        let mut text = String::new();
        for pipe in [
            child.stdout.take().map(|pipe| -> Box<dyn std::io::Read> { Box::new(pipe) }),
            child.stderr.take().map(|pipe| -> Box<dyn std::io::Read> { Box::new(pipe) }),
        ]
        .into_iter()
        .flatten()
        {
            let mut pipe = pipe;
            pipe.read_to_string(&mut text).expect("a pipe");
        }
        let status = child.wait().expect("own child");
        assert!(status.success() && text.trim().parse::<u64>().is_ok_and(|count| count > 0), "{status}: {text}");
    }
}

#[test]
fn kill_9_at_thirty_points() {
    let (python, tree) = (primary(), Tree::new());
    let sources = many(&tree, SOURCES);
    let reader = Reader::start(python, &tree.root);
    for round in 0..ROUNDS {
        for number in 0..12 {
            let _ = fs::remove_dir_all(tree.path(&format!("p{number}/__pycache__")));
        }
        let mut command = pycwarm("daemon");
        let mut daemon = Daemon::start(command.arg("--python").arg(&python.path).arg(&tree.root));
        let wanted = round * SOURCES / ROUNDS;
        let there = || sources.iter().filter(|source| python.cache(source).exists()).count();
        daemon.wait_until(&format!("{wanted} caches"), || there() >= wanted);
        let workers = children(daemon.id());
        daemon.kill();
        for source in sources.iter().filter(|source| python.cache(source).exists()) {
            assert!(is_fresh(python, source), "{source:?} is not whole in round {round}");
        }
        for worker in workers {
            wait_until("a worker ends when its daemon is gone", || !is_running(worker));
        }
    }
    let daemon = Daemon::over(python, &tree.root);
    daemon.wait_until("left-over files are removed", || temporary_files(&tree.root).is_empty());
    assert_all_good(python, &tree.root);
    reader.assert_none_torn();
}

/// As the kernel's OOM killer does it, over and over: the sources that its workers had in hand are not given up.
#[test]
fn workers_that_are_killed() {
    let (python, tree) = (primary(), Tree::new());
    let sources = many(&tree, SOURCES);
    let mut command = pycwarm("daemon");
    let daemon = Daemon::start(command.arg("--python").arg(&python.path).arg(&tree.root));
    for wanted in [1, 20, 60, 100, 150, 200] {
        let there = || sources.iter().filter(|source| python.cache(source).exists()).count();
        daemon.wait_until(&format!("{wanted} caches"), || there() >= wanted);
        for worker in children(daemon.id()) {
            signal(worker, Signal::KILL);
        }
    }
    daemon.wait_fresh(python, &sources);
    assert_all_good(python, &tree.root);
}

/// As a host that swaps or is frozen does it.
#[test]
fn a_worker_that_stands_still() {
    let (python, tree) = (primary(), Tree::new());
    let sources = many(&tree, SOURCES);
    let config = tree.file("pycwarm.toml", "compile-timeout = 2\njobs = 1\n");
    let mut command = pycwarm_with("daemon", &config);
    let daemon = Daemon::start(command.arg("--python").arg(&python.path).arg(&tree.root));
    daemon.wait_until("the first cache", || sources.iter().any(|source| python.cache(source).exists()));
    let workers = children(daemon.id());
    for worker in &workers {
        signal(*worker, Signal::STOP);
    }
    daemon.wait_fresh(python, &sources);
    for worker in workers {
        wait_until("the one that stood still is gone", || !is_running(worker));
    }
    assert_all_good(python, &tree.root);
}

/// What is damaged while no daemon runs, as a power cut may do it: the header is right, import would fail or do the wrong
/// thing. At its start the daemon reads every cache to its end.
#[test]
fn damaged_by_a_power_cut() {
    for python in distinct() {
        let tree = Tree::new();
        let handlers: String =
            (0..60).map(|n| format!("try:\n    import m{n}\nexcept ImportError:\n    M{n} = None\n")).collect();
        for number in 0..40 {
            tree.source(&format!("p/m{number}.py"), format!("N = {number}\n{}", body()));
            tree.source(&format!("q/m{number}.py"), format!("N = {number}\n{handlers}"));
        }
        drop(Daemon::over(python, &tree.root));
        let header = python.header_length();
        for (number, source) in sources_below(&tree.root).into_iter().enumerate() {
            let cache = python.cache(&source);
            let whole = fs::read(&cache).expect("a cache");
            let at = header + (whole.len() - header) * (number % 40) / 40;
            let damaged = match number % 3 {
                // Cut off, anywhere from the end of the header on.
                0 => whole[..at].to_vec(),
                // The size was written, and the blocks were not.
                1 => [&whole[..at], &vec![0; whole.len() - at]].concat(),
                _ => [&whole[..whole.len() - 9 - number], &vec![0; 9 + number]].concat(),
            };
            assert_ne!(damaged, whole);
            fs::write(&cache, damaged).expect("own file");
        }
        let daemon = Daemon::over(python, &tree.root);
        assert_all_good(python, &tree.root);
        drop(daemon);
    }
}

/// The temporary files of those who were killed while they wrote: ours at once, an interpreter's when it is surely left.
#[test]
fn temporary_files_that_were_left() {
    let kept = Kept::new();
    let tag = &kept.python.tag;
    let of = |name: &str| kept.tree.path(&format!("package/__pycache__/{name}"));
    let ours = of(".pycwarm-00000000deadbeef.tmp");
    let theirs = [of(&format!("b.{tag}.pyc.140234567")), of(&format!("gone.{tag}.opt-1.pyc.7"))];
    let similar = [
        of(&format!("b.{tag}.pyc.140x")),
        of(&format!("b.{tag}.pyc.")),
        of(&format!("b.{tag}.pyo.140234567")),
        of("b.pyc.140234567"),
        of(".pycwarm-deadbeef.tmp"),
        of(".pycwarm-00000000deadbeef"),
        of("pycwarm-00000000deadbeef.tmp"),
        of(".pycwarm-00000000deadbeeg.tmp"),
        kept.tree.path(&format!("package/b.{tag}.pyc.140234567")),
        kept.tree.path("package/.pycwarm-00000000deadbeef.tmp"),
    ];
    for file in theirs.iter().chain(&similar).chain([&ours]) {
        fs::write(file, "torn").expect("own directory");
    }
    kept.tree.file("package/b.py", "B = 'an edit has the directory looked at'\n");
    kept.daemon.wait_until("ours is removed", || !ours.exists());
    assert!(theirs.iter().all(|file| file.exists()), "their writers may still live");
    for file in theirs {
        kept.daemon.wait_until(&format!("{file:?} is removed"), || !file.exists());
    }
    kept.assert_converges();
    for file in similar {
        assert!(holds(&file, "torn"), "{file:?} only looks similar");
    }
}
