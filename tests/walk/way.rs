//! The way to the root of a tree.

use std::os::unix::fs::symlink;

use crate::support::skip::needs_root;
use crate::support::tree::{Tree, set_mode};
use crate::{ALICE, BOB, assert_entered, give, place, run};

/// The tree is refused, with a message that names this, and the other tree is warmed.
#[track_caller]
fn assert_refused(place: &Tree, tree: &str, named: &str) {
    place.source("other/good.py", "GOOD = 1\n");
    for verb in ["check", "warm"] {
        let report = run(verb, "", place, &[tree, "other"]);
        let failure = report.failure_of(&place.path(tree));
        let named = place.path(named).display().to_string();
        assert!(failure.kind == "refused" && failure.message.contains(&named), "{}", failure.message);
        assert_eq!((report.ran.status, report.counts.failed, report.counts.sources), (1, 1, 1), "{}", report.raw);
    }
    assert!(!place.path(tree).join("__pycache__").exists());
    run("warm", "cross-owners = true", place, &[tree]).assert_compiled(1);
}

#[test]
fn through_the_directories_of_two_users() {
    if !needs_root("way::through_the_directories_of_two_users") {
        return;
    }
    let place = place();
    place.source("alice/bob/tree/x.py", "X = 1\n");
    give(&place.path("alice"), ALICE);
    give(&place.path("alice/bob"), BOB);
    give(&place.path("alice/bob/tree"), BOB);
    assert_refused(&place, "alice/bob/tree", "alice/bob");
}

#[test]
fn through_what_everybody_may_write_to() {
    if !needs_root("way::through_what_everybody_may_write_to") {
        return;
    }
    let place = place();
    place.source("shared/tree/x.py", "X = 1\n");
    set_mode(&place.path("shared"), 0o777);
    assert_refused(&place, "shared/tree", "shared");
    // Nobody but its owner can rename it there.
    set_mode(&place.path("shared"), 0o1777);
    run("check", "", &place, &["shared/tree"]).assert_nothing_done();
}

/// The link is Alice's word, and leads to what is not hers.
#[test]
fn by_a_link_to_what_is_not_the_links_owners() {
    if !needs_root("way::by_a_link_to_what_is_not_the_links_owners") {
        return;
    }
    for owner in [0, BOB] {
        let place = place();
        place.source("theirs/sub/x.py", "X = 1\n");
        give(&place.path("theirs"), owner);
        give(&place.path("theirs/sub"), owner);
        for (link, target) in [("link", "theirs/sub"), ("other-link", "theirs")] {
            symlink(place.path(target), place.path(link)).expect("own directory");
            give(&place.path(link), ALICE);
        }
        assert_refused(&place, "link", "link");
        let report = run("warm", "", &place, &["other-link/sub"]);
        assert_eq!(report.failure_of(&place.path("other-link/sub")).kind, "refused");
    }
}

#[test]
fn links_of_root_and_to_ones_own_are_followed() {
    if !needs_root("way::links_of_root_and_to_ones_own_are_followed") {
        return;
    }
    let place = place();
    place.source("alice/releases/1/x.py", "X = 1\n");
    for path in ["alice", "alice/releases", "alice/releases/1"] {
        give(&place.path(path), ALICE);
    }
    symlink("alice/../alice/releases", place.path("roots")).expect("own directory");
    symlink("releases/1", place.path("alice/current")).expect("own directory");
    give(&place.path("alice/current"), ALICE);
    symlink("alice/current", place.path("tree")).expect("own directory");
    assert_entered("", &place, 1);
    run("check", "", &place, &["roots/1"]).assert_nothing_done();
}

#[test]
fn a_loop_of_links_is_told() {
    let place = place();
    symlink("two", place.path("one")).expect("own directory");
    symlink("one", place.path("two")).expect("own directory");
    let config = place.file("pycwarm.toml", "");
    let mut command = crate::support::run::pycwarm_with("warm", &config);
    let ran = crate::support::run::run(command.arg(place.path("one")));
    assert!(ran.status == 2 && ran.stderr.contains("symbolic links"), "{ran:?}");
}
