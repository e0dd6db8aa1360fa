//! The same in the daemon, and what changes while it runs.

use std::fs;

use crate::support::apart::Mount;
use crate::support::cache::is_fresh;
use crate::support::daemon::Daemon;
use crate::support::process::must;
use crate::support::python::primary;
use crate::support::run::{pycwarm, pycwarm_with};
use crate::support::skip::needs_root;
use crate::support::tree::{Tree, set_mode};
use crate::{ALICE, BOB, give, place};

fn keep(place: &Tree) -> Daemon {
    let python = primary();
    let config = format!("[[tree]]\npath = {:?}\npython = [{:?}]\n", place.path("tree"), python.path);
    let config = place.file("settings/pycwarm.toml", config);
    Daemon::start(&mut pycwarm_with("daemon", &config)).ready()
}

/// All that happened before is dealt with.
fn sync(daemon: &Daemon) {
    must(pycwarm("sync").arg("--socket").arg(&daemon.socket));
}

#[test]
fn a_directory_is_opened_to_everybody_and_closed_again() {
    if !needs_root("keeping::a_directory_is_opened_to_everybody_and_closed_again") {
        return;
    }
    let (python, place) = (primary(), place());
    place.source("tree/good.py", "GOOD = 1\n");
    let source = place.source("tree/shared/x.py", "X = 1\n");
    let deep = place.source("tree/shared/sub/y.py", "Y = 1\n");
    let daemon = keep(&place);
    assert!(is_fresh(python, &source) && is_fresh(python, &deep));
    set_mode(&place.path("tree/shared"), 0o777);
    sync(&daemon);
    for round in 1..=3 {
        fs::write(&source, format!("X = {round}, 'open to everybody'\n")).expect("as root");
        fs::write(&deep, format!("Y = {round}, 'open to everybody'\n")).expect("as root");
        sync(&daemon);
        assert!(!is_fresh(python, &source) && !is_fresh(python, &deep));
    }
    let shared = place.path("tree/shared").display().to_string();
    assert_eq!(
        daemon.told(&["warning", &format!("{shared} can be written to by everybody")]),
        1,
        "{}",
        daemon.stderr()
    );
    set_mode(&place.path("tree/shared"), 0o755);
    sync(&daemon);
    daemon.wait_fresh(python, [&source, &deep]);
}

#[test]
fn a_directory_that_is_given_away_is_left_alone_until_it_is_given_back() {
    if !needs_root("keeping::a_directory_that_is_given_away_is_left_alone_until_it_is_given_back") {
        return;
    }
    let (python, place) = (primary(), place());
    place.source("tree/good.py", "GOOD = 1\n");
    fs::create_dir(place.path("tree/given")).expect("as root");
    give(&place.path("tree"), ALICE);
    give(&place.path("tree/given"), BOB);
    let daemon = keep(&place);
    let source = place.source("tree/given/x.py", "X = 1\n");
    sync(&daemon);
    assert!(!is_fresh(python, &source));
    assert_eq!(daemon.told(&["warning", "cross-owners"]), 1, "{}", daemon.stderr());
    give(&place.path("tree/given"), ALICE);
    sync(&daemon);
    daemon.wait_fresh(python, [&source]);
}

/// What is under the mount is not there any more, but its caches are not those of removed sources.
#[test]
fn something_is_mounted_over_a_directory() {
    let name = "keeping::something_is_mounted_over_a_directory";
    if !needs_root(name) {
        return;
    }
    let (python, place) = (primary(), place());
    place.source("tree/good.py", "GOOD = 1\n");
    let source = place.source("tree/package/x.py", "X = 1\n");
    let daemon = keep(&place);
    let before = fs::read(python.cache(&source)).expect("a cache");
    {
        let Some(_mount) = Mount::tmpfs(name, "size=1m", &place.path("tree/package")) else { return };
        daemon.wait_until("the mount is told of", || daemon.told(&["warning", "cross-mounts"]) == 1);
        let above = place.source("tree/package/above.py", "ABOVE = 1\n");
        sync(&daemon);
        assert!(!above.with_file_name("__pycache__").exists());
    }
    daemon.wait_until("the mount is gone", || source.exists());
    sync(&daemon);
    assert_eq!(fs::read(python.cache(&source)).expect("a cache"), before);
    fs::write(&source, "X = 'edited after all that'\n").expect("as root");
    sync(&daemon);
    daemon.wait_fresh(python, [&source]);
}

#[test]
fn a_way_that_is_not_safe_is_told_and_taken_when_it_is() {
    if !needs_root("keeping::a_way_that_is_not_safe_is_told_and_taken_when_it_is") {
        return;
    }
    let (python, place) = (primary(), place());
    let source = place.source("alice/bob/tree/x.py", "X = 1\n");
    let good = place.source("tree/good.py", "GOOD = 1\n");
    give(&place.path("alice"), ALICE);
    give(&place.path("alice/bob"), BOB);
    let tree = place.path("alice/bob/tree");
    let config = format!(
        "[defaults]\npython = [{:?}]\n[[tree]]\npath = {tree:?}\n[[tree]]\npath = {:?}\n",
        python.path,
        place.path("tree")
    );
    let config = place.file("settings/pycwarm.toml", config);
    let daemon = Daemon::start(&mut pycwarm_with("daemon", &config)).ready();
    assert!(is_fresh(python, &good) && !is_fresh(python, &source));
    assert_eq!(daemon.told(&["warning", &tree.display().to_string(), "is not kept warm"]), 1, "{}", daemon.stderr());
    give(&place.path("alice/bob"), ALICE);
    daemon.wait_fresh(python, [&source]);
}
