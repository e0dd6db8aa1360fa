//! What had a cache is in use: it is compiled first, the most recently used first; what is new comes after that.

use std::fs::{File, FileTimes};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rustix::process::Signal;

use crate::support::daemon::Daemon;
use crate::support::python::{Interpreter, primary};
use crate::support::run::{pycwarm, warm};
use crate::support::tree::{Tree, hour_ago};

/// Takes an interpreter far longer to compile than to put in place, so that caches come in the order of the work.
fn long_body(mark: &str) -> String {
    let function = |n: usize| format!("def f{n}(a, b=({n}, 'x')):\n    return [c + {n} for c in a if c != b]\n");
    format!("MARK = '{mark}'\n{}", (0..150).map(function).collect::<String>())
}

/// Sources with caches that are right.
fn prepare(python: &Interpreter, tree: &Tree, used: &[String]) {
    for name in used {
        tree.source(name, "MARK = 'old'\n");
    }
    warm(python, &tree.root).assert_compiled(used.len() as u64);
}

/// Their caches were used at different times within the hour, the last of them most recently.
fn use_caches(python: &Interpreter, tree: &Tree, used: &[String]) {
    for (number, name) in used.iter().enumerate() {
        let cache = File::open(python.cache(&tree.path(name))).expect("a cache");
        let last_use = hour_ago() + Duration::from_secs(60 * (number as u64 + 1));
        cache.set_times(FileTimes::new().set_modified(hour_ago()).set_accessed(last_use)).expect("own file");
    }
}

/// Of `sources`, in the order in which their caches were made.
fn by_age(python: &Interpreter, sources: &[PathBuf]) -> Vec<PathBuf> {
    let made = |source: &PathBuf| {
        let stat = std::fs::metadata(python.cache(source)).unwrap_or_else(|error| panic!("{source:?}: {error}"));
        (stat.ctime(), stat.ctime_nsec())
    };
    let mut sources = sources.to_owned();
    sources.sort_by_key(made);
    sources
}

fn paths(tree: &Tree, names: &[String]) -> Vec<PathBuf> {
    names.iter().map(|name| tree.path(name)).collect()
}

/// So many are on their way to a worker at the same time, and may overtake each other.
const ON_THE_WAY: usize = 8;

#[track_caller]
fn assert_order(found: &[PathBuf], expected: &[PathBuf]) {
    for (place, path) in expected.iter().enumerate() {
        let at = found.iter().position(|other| other == path).expect("it was compiled");
        assert!(at.abs_diff(place) <= ON_THE_WAY, "{path:?} was the {at}. and not the {place}. in {found:#?}");
    }
}

/// `count` numbers, mixed: how recently something was used says nothing of its name.
fn mixed(count: usize) -> impl Iterator<Item = usize> {
    (0..count).map(move |n| (n * 7 + 3) % count)
}

fn warms_in_order(used: &[String], new: &[String]) {
    let (python, tree) = (primary(), Tree::new());
    prepare(python, &tree, used);
    use_caches(python, &tree, used);
    for name in used.iter().chain(new) {
        tree.source(name, long_body(name));
    }
    let ran =
        crate::support::run::json(pycwarm("warm").args(["-j", "1"]).arg("--python").arg(&python.path).arg(&tree.root));
    ran.assert_compiled((used.len() + new.len()) as u64);
    let mut expected = paths(&tree, used);
    expected.reverse();
    let all: Vec<PathBuf> = expected.iter().cloned().chain(paths(&tree, new)).collect();
    assert_order(&by_age(python, &all), &expected);
}

#[test]
fn one_directory_is_warmed() {
    let used: Vec<String> = mixed(32).map(|n| format!("m{n:02}.py")).collect();
    let new: Vec<String> = (0..60).map(|n| format!("a{n:02}.py")).collect();
    warms_in_order(&used, &new);
}

#[test]
fn many_directories_are_warmed() {
    let used: Vec<String> = mixed(32).map(|n| format!("d{n}/m.py")).collect();
    let new: Vec<String> = (0..60).map(|n| format!("d{}/a{n:02}.py", n % 40)).collect();
    warms_in_order(&used, &new);
}

/// The paths in the daemon's log, in the order in which they were compiled.
fn compiled(daemon: &Daemon) -> Vec<PathBuf> {
    let log = daemon.stderr();
    let line = |line: &str| Some(PathBuf::from(line.split_once(": Compiled (")?.0.rsplit_once(": ")?.1));
    log.lines().filter_map(line).collect()
}

fn a_daemon(python: &Interpreter, tree: &Path) -> Daemon {
    let mut command = pycwarm("daemon");
    command.args(["-j", "1"]).arg("--python").arg(&python.path).arg(tree).env("PYCWARM_LOG", "pycwarm=debug");
    Daemon::start(&mut command).ready()
}

/// All of it at once, as the daemon sees it: it stands still meanwhile.
fn storm(python: &Interpreter, tree: &Tree, used: &[String], new: &[String]) -> (Daemon, Vec<PathBuf>) {
    prepare(python, tree, used);
    for number in 0..40 {
        std::fs::create_dir_all(tree.path(&format!("d{number}"))).expect("own directory");
    }
    let daemon = a_daemon(python, &tree.root);
    daemon.signal(Signal::STOP);
    use_caches(python, tree, used);
    for name in new.iter().chain(used) {
        tree.source(name, long_body(name));
    }
    daemon.signal(Signal::CONT);
    let count = used.len() + new.len();
    daemon.wait_until("everything is compiled", || compiled(&daemon).len() >= count);
    let order = compiled(&daemon);
    (daemon, order)
}

#[test]
fn the_daemon_after_a_storm_in_one_directory() {
    let (python, tree) = (primary(), Tree::new());
    let used: Vec<String> = mixed(32).map(|n| format!("d1/m{n:02}.py")).collect();
    let new: Vec<String> = (0..60).map(|n| format!("d1/a{n:02}.py")).collect();
    let (_daemon, order) = storm(python, &tree, &used, &new);
    let mut expected = paths(&tree, &used);
    expected.reverse();
    assert_order(&order, &expected);
}

/// What is new may have a turn in between, so that it does not starve.
#[test]
fn the_daemon_after_a_storm_in_many_directories() {
    let (python, tree) = (primary(), Tree::new());
    let used: Vec<String> = (0..8).map(|n| format!("d{}/m.py", n * 5)).collect();
    let new: Vec<String> = (0..40).map(|n| format!("d{n}/a.py")).collect();
    let (_daemon, order) = storm(python, &tree, &used, &new);
    let last = order.iter().rposition(|path| path.ends_with("m.py")).expect("they were compiled");
    assert!(last < order.len() / 2, "the last that was in use was the {last}. of {}: {order:#?}", order.len());
}
