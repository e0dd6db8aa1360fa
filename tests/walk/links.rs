//! Links within a tree to sources: the way to them is a way like any other.

use std::fs;
use std::os::unix::fs::{MetadataExt, symlink};

use crate::support::python::primary;
use crate::support::skip::needs_root;
use crate::support::tree::hour_ago;
use crate::{ALICE, BOB, assert_entered, give, place, run};

#[test]
fn a_link_through_a_directory_of_somebody_else() {
    if !needs_root("links::a_link_through_a_directory_of_somebody_else") {
        return;
    }
    let place = place();
    place.source("tree/alice/good.py", "GOOD = 1\n");
    fs::create_dir_all(place.path("tree/alice/bobs")).expect("own directory");
    place.file("tree/alice/bobs/secret.txt", "SECRET = 1\n");
    symlink("bobs/secret.txt", place.path("tree/alice/link.py")).expect("own directory");
    give(&place.path("tree/alice"), ALICE);
    give(&place.path("tree/alice/bobs"), BOB);
    let report = run("warm", "", &place, &["tree"]);
    let skip = report.skip_of(&place.path("tree/alice/link.py"));
    assert!(skip.reason.contains("cross-owners"), "{}", skip.reason);
    assert!(!primary().cache(&place.path("tree/alice/link.py")).exists());
    assert_entered("cross-owners = true", &place, 1);
}

/// It may be somebody else's file, in a directory of an attacker: it is read, and stays as it is.
#[test]
fn a_source_with_two_names_is_compiled_and_never_changed() {
    let place = place();
    let source = place.source("elsewhere/x.py", "X = 1\n");
    fs::create_dir_all(place.path("tree")).expect("own directory");
    fs::hard_link(&source, place.path("tree/x.py")).expect("own directory");
    let everything = || {
        let stat = fs::metadata(&source).expect("it is there");
        (
            (stat.ino(), stat.mode(), stat.uid(), stat.gid(), stat.nlink(), stat.size()),
            (stat.mtime(), stat.mtime_nsec(), stat.ctime(), stat.ctime_nsec()),
            fs::read(&source).expect("it is there"),
        )
    };
    let before = everything();
    assert!(fs::metadata(&source).expect("it is there").modified().expect("Linux") <= hour_ago());
    assert_entered("owner = \"0:0\"\nmode = \"0600\"", &place, 1);
    assert_eq!(everything(), before);
    assert!(!place.path("elsewhere/__pycache__").exists());
}

/// Its cache would be a file of that user's in a directory of this one's.
#[test]
fn a_link_to_a_file_of_somebody_else() {
    if !needs_root("links::a_link_to_a_file_of_somebody_else") {
        return;
    }
    let place = place();
    let source = place.source("tree/bobs/x.py", "X = 1\n");
    fs::create_dir_all(place.path("tree/alices")).expect("own directory");
    symlink("../bobs/x.py", place.path("tree/alices/link.py")).expect("own directory");
    for (path, user) in
        [("tree/bobs", BOB), ("tree/bobs/x.py", BOB), ("tree/alices", ALICE), ("tree/alices/link.py", ALICE)]
    {
        give(&place.path(path), user);
    }
    let report = run("warm", "", &place, &["tree"]);
    assert!(report.skip_of(&place.path("tree/alices/link.py")).reason.contains("cross-owners"), "{}", report.raw);
    assert!(primary().cache(&source).exists() && !place.path("tree/alices/__pycache__").exists());
    assert_entered("cross-owners = true", &place, 1);
}
