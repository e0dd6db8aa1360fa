//! Directories of others, and of everybody.

use std::os::unix::process::CommandExt;

use crate::support::process::clean_command;
use crate::support::python::distinct;
use crate::support::run::{binary, json};
use crate::support::skip::{needs_root, skipped};
use crate::support::tree::set_mode;
use crate::{ALICE, BOB, assert_entered, assert_skipped, give, place, run};

#[test]
fn from_one_user_to_another_only_if_configured() {
    if !needs_root("directories::from_one_user_to_another_only_if_configured") {
        return;
    }
    let place = place();
    place.source("tree/good.py", "GOOD = 1\n");
    place.source("tree/theirs/bad.py", "BAD = 1\n");
    give(&place.path("tree"), ALICE);
    give(&place.path("tree/theirs"), BOB);
    assert_skipped("", &place, "tree/theirs", "cross-owners");
    assert_entered("cross-owners = true", &place, 1);
}

/// As a path on the command line and as the place of an event, it is no other directory.
#[test]
fn not_by_naming_what_lies_below_either() {
    if !needs_root("directories::not_by_naming_what_lies_below_either") {
        return;
    }
    let place = place();
    let source = place.source("tree/theirs/sub/bad.py", "BAD = 1\n");
    give(&place.path("tree"), ALICE);
    give(&place.path("tree/theirs"), BOB);
    give(&place.path("tree/theirs/sub"), BOB);
    let report = run("warm", "", &place, &["tree/theirs/sub"]);
    let failure = report.failure_of(&place.path("tree/theirs/sub"));
    assert!(failure.kind == "refused" && failure.message.contains("cross-owners"), "{}", failure.message);
    assert_eq!(report.ran.status, 1);
    assert!(!source.with_file_name("__pycache__").exists());
}

#[test]
fn from_root_to_anybody_and_back() {
    if !needs_root("directories::from_root_to_anybody_and_back") {
        return;
    }
    let place = place();
    place.source("tree/alice/root/x.py", "X = 1\n");
    place.source("tree/bob/x.py", "X = 1\n");
    give(&place.path("tree/alice"), ALICE);
    give(&place.path("tree/bob"), BOB);
    assert_entered("", &place, 2);
}

#[test]
fn what_everybody_may_write_to_is_left_alone() {
    if !needs_root("directories::what_everybody_may_write_to_is_left_alone") {
        return;
    }
    for mode in [0o777, 0o1777, 0o757] {
        let place = place();
        place.source("tree/good.py", "GOOD = 1\n");
        place.source("tree/shared/bad.py", "BAD = 1\n");
        place.source("tree/shared/sub/bad.py", "BAD = 1\n");
        set_mode(&place.path("tree/shared"), mode);
        assert_skipped("", &place, "tree/shared", "written to by everybody");
        // Nothing opens that.
        assert_skipped("cross-owners = true", &place, "tree/shared", "written to by everybody");
    }
}

#[test]
fn a_root_that_everybody_may_write_to_is_a_failure_beside_the_others() {
    if !needs_root("directories::a_root_that_everybody_may_write_to_is_a_failure_beside_the_others") {
        return;
    }
    let place = place();
    place.source("tree/bad.py", "BAD = 1\n");
    place.source("other/good.py", "GOOD = 1\n");
    set_mode(&place.path("tree"), 0o777);
    let report = run("warm", "", &place, &["tree", "other"]);
    assert_eq!(report.failure_of(&place.path("tree")).kind, "refused");
    assert_eq!((report.ran.status, report.counts.compiled), (1, 1), "{}", report.raw);
    assert!(!place.path("tree/__pycache__").exists());
}

/// Who is not root has no rights that somebody else would like to have.
#[test]
fn users_enter_what_they_like() {
    let name = "directories::users_enter_what_they_like";
    if !needs_root(name) {
        return;
    }
    let may_run = |program: &std::path::Path| {
        clean_command(program)
            .arg("--version")
            .uid(ALICE)
            .gid(ALICE)
            .output()
            .is_ok_and(|output| output.status.success())
    };
    let Some(python) = distinct().into_iter().find(|python| may_run(&python.path)).filter(|_| may_run(&binary()))
    else {
        return skipped(name, "other users can run neither the program nor an interpreter");
    };
    let place = place();
    place.source("tree/x.py", "X = 1\n");
    place.source("tree/bobs/x.py", "X = 1\n");
    give(&place.path("tree"), ALICE);
    give(&place.path("tree/bobs"), BOB);
    set_mode(&place.path("tree"), 0o777);
    set_mode(&place.path("tree/bobs"), 0o777);
    let mut command = clean_command(binary());
    command.args(["warm", "--python"]).arg(&python.path).arg(place.path("tree")).uid(ALICE).gid(ALICE);
    json(&mut command).assert_compiled(2);
}
