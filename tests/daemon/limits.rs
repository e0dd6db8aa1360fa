//! The host gives no more: inotify watches and instances, descriptors. The limits are those of a user namespace, or of
//! the process, so that nobody else feels them.

use std::fs;
use std::path::{Path, PathBuf};

use crate::sources_below;
use crate::support::apart::{can_run, wrapped};
use crate::support::daemon::Daemon;
use crate::support::process::{clean_command, must};
use crate::support::python::{Interpreter, primary};
use crate::support::run::pycwarm_with;
use crate::support::skip::needs_root;
use crate::support::skip::skipped;
use crate::support::tree::Tree;

const DIRECTORIES: usize = 40;

/// A tree of many directories, and a configuration with this in it.
fn place(python: &Interpreter, settings: &str) -> (Tree, PathBuf) {
    let place = Tree::new();
    for number in 0..DIRECTORIES {
        place.source(&format!("tree/d{}/e{number}/m.py", number % 8), format!("N = {number}\n"));
    }
    let text = format!(
        "poll-interval = 1\n{settings}[defaults]\npython = [{:?}]\n[[tree]]\npath = {:?}\n",
        python.path,
        place.path("tree")
    );
    let config = place.file("pycwarm.toml", text);
    (place, config)
}

/// The daemon in a user namespace of its own with this many of something.
fn limited(name: &str, what: &str, limit: usize, config: &Path) -> Option<Daemon> {
    let script = format!("echo {limit} > /proc/sys/user/{what}; exec \"$@\"");
    let wrapper = ["unshare", "-Ur", "/bin/sh", "-ec", &script, "sh"];
    if !needs_root(name) || !can_run(name, &[&wrapper[..], &["true"]].concat()) {
        return None;
    }
    Some(Daemon::start(&mut wrapped(&wrapper, &pycwarm_with("daemon", config))))
}

fn raise(daemon: &Daemon, what: &str, limit: usize) {
    let script = format!("echo {limit} > /proc/sys/user/{what}");
    let id = daemon.id().to_string();
    must(clean_command("nsenter").args(["-t", &id, "-U", "--", "/bin/sh", "-ec", &script]));
}

/// Every source is edited, every cache deleted, and new directories come: all of it is noticed.
fn assert_noticed(daemon: &Daemon, python: &Interpreter, tree: &Path, round: &str) {
    let sources = sources_below(tree);
    for source in &sources {
        fs::write(source, format!("N = '{round}'\n")).expect("own file");
    }
    daemon.wait_fresh(python, &sources);
    daemon.wait_good(python, tree);
    for source in &sources {
        fs::remove_file(python.cache(source)).expect("a cache");
    }
    daemon.wait_fresh(python, &sources);
    let new = tree.join(format!("new-{}/deep/x.py", round.len()));
    fs::create_dir_all(new.parent().expect("has a parent")).expect("own directory");
    fs::write(&new, "X = 1\n").expect("own directory");
    daemon.wait_fresh(python, [&new]);
    daemon.wait_good(python, tree);
}

/// For every number of watches there is another directory at which they end: at a `__pycache__`, at its parent.
#[test]
fn out_of_watches() {
    for limit in [20, 25, 30, 31] {
        let (python, name) = (primary(), "limits::out_of_watches");
        let (place, config) = place(python, "");
        let Some(daemon) = limited(name, "max_inotify_watches", limit, &config) else { return };
        let daemon = daemon.ready();
        assert_eq!(daemon.told(&["fs.inotify.max_user_watches", "until then it is polled"]), 1, "{}", daemon.stderr());
        assert_noticed(&daemon, python, &place.path("tree"), "not watched");
        let status = daemon.status();
        assert_eq!(status["trees"][0]["event_source"], "inotify + poll", "{status}");
        let why = status["trees"][0]["why"].as_str().unwrap_or_default();
        assert!(why.contains("cannot be watched: raise fs.inotify.max_user_watches"), "{status}");
        assert!(status["polled_directories"].as_u64() > Some(0), "{status}");
    }
}

#[test]
fn watched_again_when_the_limit_is_raised() {
    let (python, name) = (primary(), "limits::watched_again_when_the_limit_is_raised");
    let (place, config) = place(python, "");
    let Some(daemon) = limited(name, "max_inotify_watches", 30, &config) else { return };
    let daemon = daemon.ready();
    assert!(daemon.status()["polled_directories"].as_u64() > Some(0), "{}", daemon.stderr());
    raise(&daemon, "max_inotify_watches", 10_000);
    daemon.wait_until("it is told", || daemon.told(&["is watched again"]) > 0);
    daemon.wait_until("nothing is polled", || daemon.status()["polled_directories"] == 0);
    let status = daemon.status();
    assert_eq!(status["trees"][0]["event_source"], "inotify", "{status}");
    // Each directory and its `__pycache__`, and those above.
    assert!(status["watched_directories"].as_u64() > Some(2 * DIRECTORIES as u64), "{status}");
    assert_noticed(&daemon, python, &place.path("tree"), "watched again");
}

#[test]
fn out_of_instances() {
    let (python, name) = (primary(), "limits::out_of_instances");
    let (_place, config) = place(python, "");
    let Some(mut daemon) = limited(name, "max_inotify_instances", 0, &config) else { return };
    let status = daemon.wait_exit();
    assert!(!status.success(), "{status}");
    let told = daemon.stderr();
    assert!(told.contains("cannot use inotify") && told.contains("fs.inotify.max_user_instances"), "{told}");
}

/// After an overflow all watches are made anew, for which there is no second instance.
#[test]
fn out_of_instances_when_events_were_lost() {
    let (python, name) = (primary(), "limits::out_of_instances_when_events_were_lost");
    let (place, config) = place(python, "queue-limit = 1\n");
    let Some(daemon) = limited(name, "max_inotify_instances", 1, &config) else { return };
    let daemon = daemon.ready();
    for round in 0..3 {
        assert_noticed(&daemon, python, &place.path("tree"), &"x".repeat(round + 1));
    }
    assert!(daemon.told(&["events were lost"]) > 0, "{}", daemon.stderr());
}

/// The soft limit, which is enough and needs no privilege. The daemon has raised it to the hard one at its start.
fn set_descriptors(daemon: &Daemon, limit: u32) {
    must(clean_command("prlimit").args(["--pid", &daemon.id().to_string(), &format!("--nofile={limit}:")]));
}

/// With less than it would like to have, it is slower and complains, and comes to the same end.
#[test]
fn few_descriptors() {
    let python = primary();
    for limit in [64, 48] {
        let (place, config) = place(python, "");
        place.source(&format!("tree/{}m.py", "deep/".repeat(20)), "DEEP = 1\n");
        let script = format!("ulimit -n {limit}; exec \"$@\"");
        let wrapper = ["/bin/sh", "-ec", &script, "sh"];
        let daemon = Daemon::start(&mut wrapped(&wrapper, &pycwarm_with("daemon", &config)));
        daemon.wait_fresh(python, &sources_below(&place.path("tree")));
        assert_noticed(&daemon.ready(), python, &place.path("tree"), "few descriptors");
    }
}

/// The limit falls below what it has open: no worker can be started, nothing be opened.
#[test]
fn not_one_descriptor_left() {
    let (python, name) = (primary(), "limits::not_one_descriptor_left");
    let (place, config) = place(python, "");
    if !can_run(name, &["prlimit", "--version"]) {
        return;
    }
    let daemon = Daemon::configured(&config);
    set_descriptors(&daemon, 4);
    let sources = sources_below(&place.path("tree"));
    for source in &sources {
        fs::write(source, "N = 'without descriptors'\n").expect("own file");
    }
    let new = place.file("tree/new/x.py", "X = 1\n");
    daemon.wait_until("it feels the limit", || daemon.told(&["Too many open files"]) > 0);
    set_descriptors(&daemon, 1024);
    daemon.wait_fresh(python, &sources);
    daemon.wait_fresh(python, [&new]);
    assert_noticed(&daemon, python, &place.path("tree"), "enough again");
}

/// fanotify's events name directories by handles, for which a descriptor is needed, too.
#[test]
fn not_one_descriptor_left_for_fanotify() {
    let (python, name) = (primary(), "limits::not_one_descriptor_left_for_fanotify");
    let (place, _) = place(python, "");
    if !rustix::process::geteuid().is_root() {
        return skipped(name, "needs root, for fanotify");
    }
    if !can_run(name, &["prlimit", "--version"]) {
        return;
    }
    let text = "[defaults]\nwatch = \"fanotify\"\n";
    let text = format!("{text}python = [{:?}]\n[[tree]]\npath = {:?}\n", python.path, place.path("tree"));
    let daemon = Daemon::configured(&place.file("fanotify.toml", text));
    set_descriptors(&daemon, 4);
    let sources = sources_below(&place.path("tree"));
    for source in &sources {
        fs::write(source, "N = 'without descriptors'\n").expect("own file");
    }
    daemon.wait_until("it feels the limit", || daemon.told(&["no descriptors or no memory left"]) > 0);
    set_descriptors(&daemon, 1024);
    daemon.wait_fresh(python, &sources);
}
