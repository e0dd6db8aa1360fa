//! Links inside a tree.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::python::primary;
use crate::support::run::{check, warm};
use crate::support::tree::{Tree, mode, set_mode};

/// The cache lies beside the link, under the link's name: that is where import looks.
#[test]
fn a_source_that_is_a_link_to_another_of_the_tree() {
    let (python, tree) = (primary(), Tree::new());
    let real = tree.source("lib/real.py", "R = 1\n");
    set_mode(&real, 0o640);
    fs::create_dir(tree.path("app")).expect("own directory");
    let link = tree.path("app/link.py");
    symlink("../lib/real.py", &link).expect("own directory");
    let report = warm(python, &tree.root);
    report.assert_compiled(2);
    assert_eq!((report.counts.sources, report.counts.skipped), (2, 0), "{}", report.raw);
    assert!(python.cache(&link).is_file());
    assert_eq!(mode(&python.cache(&link)), 0o640, "the mode of what the link names");
    crate::support::oracle::assert_all_good(python, &link);
    check(python, &tree.root).assert_nothing_done();
}

#[test]
fn an_absolute_link_that_stays_in_the_tree() {
    let (python, tree) = (primary(), Tree::new());
    let real = tree.source("real.py", "R = 1\n");
    let link = tree.path("link.py");
    symlink(&real, &link).expect("own directory");
    warm(python, &tree.root).assert_compiled(2);
    crate::support::oracle::assert_all_good(python, &link);
}

#[test]
fn a_directory_that_is_a_link_is_not_walked() {
    let (python, tree, outside) = (primary(), Tree::new(), Tree::new());
    tree.source("real/x.py", "X = 1\n");
    let out = outside.source("y.py", "Y = 1\n");
    symlink("real", tree.path("alias")).expect("own directory");
    symlink("..", tree.path("real/up")).expect("own directory");
    symlink(&outside.root, tree.path("out")).expect("own directory");
    let report = warm(python, &tree.root);
    assert_eq!((report.counts.compiled, report.counts.sources), (1, 1), "{}", report.raw);
    assert!(!python.cache(&out).exists());
}
