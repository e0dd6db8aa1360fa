//! SIGHUP: a new configuration, or a bad one.

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use rustix::process::Signal;

use crate::asking::{must_sync, status};
use crate::support::apart::Mount;
use crate::support::daemon::Daemon;
use crate::support::process::{clean_command, must};
use crate::support::python::{Interpreter, primary};
use crate::support::skip::skipped;
use crate::support::tree::Tree;

/// A daemon with the configured tree `one`; `two` lies beside it.
fn configured() -> (&'static Interpreter, Tree, PathBuf, Daemon) {
    let (python, place) = (primary(), Tree::new());
    place.source("one/x.py", "X = 1\n");
    place.source("two/y.py", "Y = 1\n");
    let config = place.file("pycwarm.toml", config_of(python, &place, &["one"]));
    let daemon = Daemon::configured(&config);
    (python, place, config, daemon)
}

fn config_of(python: &Interpreter, place: &Tree, trees: &[&str]) -> String {
    let trees: String = trees.iter().map(|tree| format!("[[tree]]\npath = {:?}\n", place.path(tree))).collect();
    format!("[defaults]\npython = [{:?}]\n{trees}", python.path)
}

#[test]
fn a_new_tree_is_taken_up() {
    let (python, place, config, daemon) = configured();
    let (one, two) = (place.path("one/x.py"), place.path("two/y.py"));
    assert!(python.cache(&one).exists() && !python.cache(&two).exists());
    fs::write(&config, config_of(python, &place, &["one", "two"])).expect("own file");
    daemon.signal(Signal::HUP);
    daemon.wait_fresh(python, [&two]);
    for name in ["one/x.py", "two/y.py"] {
        let source = place.file(name, format!("N = 'edited {name}'\n"));
        daemon.wait_fresh(python, [&source]);
    }
}

#[test]
fn systemd_is_told() {
    let (python, place, config, daemon) = configured();
    fs::write(&config, config_of(python, &place, &["one", "two"])).expect("own file");
    daemon.signal(Signal::HUP);
    daemon.wait_until("RELOADING=1 and then READY=1", || daemon.notified("READY=1") == 2);
    let messages = daemon.notifications();
    let reloading = messages.iter().position(|message| message.lines().any(|line| line == "RELOADING=1"));
    let at = reloading.unwrap_or_else(|| panic!("no RELOADING=1 in {messages:?}"));
    let stamp = messages[at].lines().find_map(|line| line.strip_prefix("MONOTONIC_USEC=")).map(str::parse::<u64>);
    assert!(matches!(stamp, Some(Ok(1..))), "{messages:?}");
    let ready = messages.iter().rposition(|message| message.lines().any(|line| line == "READY=1"));
    assert!(ready > Some(at), "{messages:?}");
}

#[test]
fn a_tree_that_is_dropped_is_left_alone() {
    let (python, place, config, daemon) = configured();
    fs::write(&config, config_of(python, &place, &["two"])).expect("own file");
    daemon.signal(Signal::HUP);
    let two = place.path("two/y.py");
    daemon.wait_fresh(python, [&two]);
    let new = place.file("one/new.py", "N = 1\n");
    let later = place.file("two/later.py", "L = 1\n");
    daemon.wait_fresh(python, [&later]);
    assert!(!python.cache(&new).exists());
    assert!(python.cache(&place.path("one/x.py")).exists(), "its caches stay");
}

#[test]
fn a_bad_configuration_is_reported_and_the_old_one_stays() {
    let (python, place, config, daemon) = configured();
    for (text, line) in [("[[tree]]\npath = 7\n", 2), ("\n\nnonsense = true\n", 3), ("= broken\n", 1)] {
        fs::write(&config, text).expect("own file");
        daemon.signal(Signal::HUP);
        let told = format!("{}:{line}: ", config.display());
        daemon.wait_until(&told, || daemon.stderr().contains(&told));
        let source = place.file("one/x.py", format!("X = {text:?}\n"));
        daemon.wait_fresh(python, [&source]);
    }
    // A good one afterwards is taken.
    fs::write(&config, config_of(python, &place, &["one", "two"])).expect("own file");
    daemon.signal(Signal::HUP);
    daemon.wait_fresh(python, [&place.path("two/y.py")]);
}

#[test]
fn a_configuration_that_is_gone_leaves_the_old_one() {
    let (python, place, config, daemon) = configured();
    fs::remove_file(&config).expect("own file");
    daemon.signal(Signal::HUP);
    daemon.wait_until("the file is named", || daemon.stderr().contains("pycwarm.toml"));
    let source = place.file("one/x.py", "X = 'still kept warm'\n");
    daemon.wait_fresh(python, [&source]);
}

#[test]
fn a_new_level_is_compiled() {
    let (python, place, config, daemon) = configured();
    let text = format!("{}optimize = [0, 2]\n", config_of(python, &place, &["one"]));
    fs::write(&config, text).expect("own file");
    daemon.signal(Signal::HUP);
    let cache = python.cache_at(&place.path("one/x.py"), 2);
    daemon.wait_until("the cache of level 2", || cache.exists());
}

#[test]
fn many_reloads_in_a_row() {
    let (python, place, config, daemon) = configured();
    for number in 0..30 {
        let trees: &[&str] = if number % 2 == 0 { &["one"] } else { &["one", "two"] };
        fs::write(&config, config_of(python, &place, trees)).expect("own file");
        daemon.signal(Signal::HUP);
    }
    daemon.wait_fresh(python, [&place.path("two/y.py")]);
    let source = place.file("two/y.py", "Y = 'edited'\n");
    daemon.wait_fresh(python, [&source]);
}

#[test]
fn what_is_broken_in_a_dropped_tree_is_told_of_no_more() {
    let (python, place, config, daemon) = configured();
    place.file("one/bad.py", "x = = 1\n");
    daemon.wait_until("the broken source is told of", || daemon.stderr().contains("bad.py:1: "));
    fs::write(&config, config_of(python, &place, &["two"])).expect("own file");
    daemon.signal(Signal::HUP);
    daemon.wait_until("the reload", || daemon.stderr().contains("was reloaded"));
    must_sync(&daemon, &place.path("two"));
    assert_eq!(status(&daemon)["broken"].as_array().map(Vec::len), Some(0));
}

#[test]
fn polling_ends_where_another_source_is_configured() {
    let (python, place) = (primary(), Tree::new());
    place.source("one/x.py", "X = 1\n");
    let text = |watch: &str| format!("{}watch = {watch:?}\n", config_of(python, &place, &["one"]));
    let config = place.file("pycwarm.toml", text("poll"));
    let daemon = Daemon::configured(&config);
    assert_eq!(status(&daemon)["polled_directories"], 1);
    fs::write(&config, text("inotify")).expect("own file");
    daemon.signal(Signal::HUP);
    daemon.wait_until("the reload", || daemon.stderr().contains("was reloaded"));
    must_sync(&daemon, &place.path("one"));
    assert_eq!(status(&daemon)["polled_directories"], 0);
    let source = place.file("one/x.py", "X = 'edited'\n");
    daemon.wait_fresh(python, [&source]);
}

/// `pyvenv.cfg` counts for all of its tree.
#[test]
fn a_tree_that_wants_to_be_looked_at_all_the_time_does_not_keep_a_new_one_waiting() {
    let (python, place, config, daemon) = configured();
    for number in 0..500 {
        place.source(&format!("one/d{number}/m.py"), "M = 1\n");
    }
    must_sync(&daemon, &place.path("one"));
    let stop = AtomicBool::new(false);
    std::thread::scope(|scope| {
        scope.spawn(|| {
            while !stop.load(Ordering::Relaxed) {
                place.file("one/pyvenv.cfg", "home = /usr/bin\n");
            }
        });
        daemon.wait_until("pyvenv.cfg", || place.path("one/pyvenv.cfg").exists());
        fs::write(&config, config_of(python, &place, &["one", "two"])).expect("own file");
        daemon.signal(Signal::HUP);
        let two = place.path("two/y.py");
        let waited = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| daemon.wait_fresh(python, [&two])));
        stop.store(true, Ordering::Relaxed);
        waited.expect("the new tree is looked at");
    });
}

/// As docs/architecture.md says: take it out of the configuration first.
#[test]
fn the_file_system_of_a_dropped_tree_can_be_unmounted() {
    let name = "reload::the_file_system_of_a_dropped_tree_can_be_unmounted";
    if !rustix::process::geteuid().is_root() {
        return skipped(name, "needs root, for fanotify");
    }
    let (python, place) = (primary(), Tree::new());
    let Some(_mount) = Mount::tmpfs(name, "mode=0755", &place.path("one")) else { return };
    place.source("one/x.py", "X = 1\n");
    place.source("two/y.py", "Y = 1\n");
    let text = |trees: &[&str]| config_of(python, &place, trees).replacen("]\n", "]\nwatch = \"fanotify\"\n", 1);
    let config = place.file("pycwarm.toml", text(&["one", "two"]));
    let daemon = Daemon::configured(&config);
    fs::write(&config, text(&["two"])).expect("own file");
    daemon.signal(Signal::HUP);
    daemon.wait_until("the reload", || daemon.stderr().contains("was reloaded"));
    must_sync(&daemon, &place.path("two"));
    must(clean_command("umount").arg(place.path("one")));
}
