//! Trees that appear late, go and come again, or whose root is a link.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::daemon::Daemon;
use crate::support::process::sh;
use crate::support::python::primary;
use crate::support::tree::Tree;

#[test]
fn a_tree_that_appears_late() {
    let (python, place) = (primary(), Tree::new());
    let daemon = Daemon::over(python, &place.path("srv/app/site"));
    let source = place.file("srv/app/site/package/x.py", "X = 1\n");
    daemon.wait_fresh(python, [&source]);
    let edited = place.file("srv/app/site/package/x.py", "X = 'edited'\n");
    daemon.wait_fresh(python, [&edited]);
}

#[test]
fn a_tree_that_is_moved_into_place() {
    let (python, place) = (primary(), Tree::new());
    for number in 0..100 {
        place.source(&format!("staging/p/m{number}.py"), "M = 1\n");
    }
    let daemon = Daemon::over(python, &place.path("live"));
    fs::rename(place.path("staging"), place.path("live")).expect("own directory");
    daemon.wait_fresh(python, &crate::sources_below(&place.path("live")));
    daemon.wait_good(python, &place.path("live"));
}

#[test]
fn a_tree_that_goes_and_comes_again() {
    let (python, place) = (primary(), Tree::new());
    place.source("live/x.py", "X = 1\n");
    let daemon = Daemon::over(python, &place.path("live"));
    for number in 0..5 {
        sh(&format!("rm -rf '{}'", place.path("live").display()));
        let source = place.file("live/deep/x.py", format!("X = 'round {number}'\n"));
        daemon.wait_fresh(python, [&source]);
    }
}

#[test]
fn only_the_tree_itself_is_touched_when_its_parents_are_watched() {
    let (python, place) = (primary(), Tree::new());
    let daemon = Daemon::over(python, &place.path("srv/live"));
    let beside = place.file("srv/beside/x.py", "X = 1\n");
    let source = place.file("srv/live/x.py", "X = 1\n");
    daemon.wait_fresh(python, [&source]);
    assert!(!python.cache(&beside).exists());
}

#[test]
fn a_root_that_is_a_link_and_is_turned() {
    let (python, place) = (primary(), Tree::new());
    let one = place.source("releases/1/x.py", "X = 'one'\n");
    let two = place.source("releases/2/x.py", "X = 'two'\n");
    symlink("releases/1", place.path("current")).expect("own directory");
    let daemon = Daemon::over(python, &place.path("current"));
    assert!(python.cache(&one).exists());
    assert!(!python.cache(&two).exists());
    symlink("releases/2", place.path("current.new")).expect("own directory");
    fs::rename(place.path("current.new"), place.path("current")).expect("own directory");
    daemon.wait_fresh(python, [&two]);
    let edited = place.file("releases/2/x.py", "X = 'two, edited'\n");
    daemon.wait_fresh(python, [&edited]);
}

#[test]
fn a_root_that_is_a_link_and_is_removed_and_made_again() {
    let (python, place) = (primary(), Tree::new());
    place.source("releases/1/x.py", "X = 'one'\n");
    let two = place.source("releases/2/x.py", "X = 'two'\n");
    symlink("releases/1", place.path("current")).expect("own directory");
    let daemon = Daemon::over(python, &place.path("current"));
    fs::remove_file(place.path("current")).expect("own directory");
    daemon.wait_until("the link is missed", || daemon.stderr().contains("current has gone"));
    symlink("releases/2", place.path("current")).expect("own directory");
    daemon.wait_fresh(python, [&two]);
    let edited = place.file("releases/2/x.py", "X = 'two, edited'\n");
    daemon.wait_fresh(python, [&edited]);
}

#[test]
fn two_trees_and_one_below_the_other() {
    let (python, place) = (primary(), Tree::new());
    place.source("outer/inner/x.py", "X = 1\n");
    let mut command = crate::support::run::pycwarm("daemon");
    command.arg("--python").arg(&python.path).args([place.path("outer"), place.path("outer/inner")]);
    let daemon = Daemon::start(&mut command).ready();
    for name in ["outer/inner/x.py", "outer/y.py", "outer/inner/z.py"] {
        let source = place.file(name, format!("N = '{name}'\n"));
        daemon.wait_fresh(python, [&source]);
    }
    daemon.wait_good(python, &place.root);
}

#[test]
fn a_tree_that_is_one_file() {
    let (python, place) = (primary(), Tree::new());
    let (one, other) = (place.source("one.py", "A = 1\n"), place.source("other.py", "B = 1\n"));
    let daemon = Daemon::over(python, &one);
    place.file("one.py", "A = 'edited'\n");
    daemon.wait_fresh(python, [&one]);
    assert!(!python.cache(&other).exists());
}

#[test]
fn a_tree_that_is_one_file_and_appears_late() {
    let (python, place) = (primary(), Tree::new());
    let daemon = Daemon::over(python, &place.path("one.py"));
    let one = place.file("one.py", "A = 1\n");
    daemon.wait_fresh(python, [&one]);
}
