//! `x.py` that is no regular file.

use std::fs;
use std::os::unix::fs::{FileTypeExt, symlink};
use std::os::unix::net::UnixListener;
use std::path::Path;

use crate::support::oracle::assert_all_good;
use crate::support::process::sh;
use crate::support::python::primary;
use crate::support::skip::needs_root;
use crate::support::tree::{Tree, snapshot};
use crate::warm_beside_good;

/// It is skipped with a reason, it is no failure, and nothing was made for it.
#[track_caller]
fn assert_skipped(tree: &Tree, path: &Path) {
    let (before, python) = (fs::symlink_metadata(path).expect("there").file_type(), primary());
    let report = warm_beside_good(python, tree);
    assert!(!report.skip_of(path).reason.trim().is_empty(), "{}", report.raw);
    assert_eq!((report.counts.skipped, report.counts.failed, report.ran.status), (1, 0, 0), "{}", report.raw);
    assert_eq!(report.counts.sources, 2, "{}", report.raw);
    assert!(!python.cache(path).exists());
    assert_eq!(fs::symlink_metadata(path).expect("still there").file_type(), before);
}

#[test]
fn directory() {
    let (python, tree) = (primary(), Tree::new());
    let inner = tree.source("package.py/inner.py", "I = 1\n");
    let report = warm_beside_good(python, &tree);
    assert_eq!((report.counts.sources, report.counts.compiled, report.counts.skipped), (2, 2, 0), "{}", report.raw);
    assert_all_good(python, &inner);
}

#[test]
fn fifo() {
    let tree = Tree::new();
    sh(&format!("mkfifo '{}'", tree.path("x.py").display()));
    assert_skipped(&tree, &tree.path("x.py"));
}

#[test]
fn socket() {
    let tree = Tree::new();
    let _listener = UnixListener::bind(tree.path("x.py")).expect("a socket");
    assert_skipped(&tree, &tree.path("x.py"));
}

#[test]
fn device() {
    if !needs_root("special_files::device") {
        return;
    }
    let tree = Tree::new();
    // As /dev/zero: whoever reads it never comes to an end.
    sh(&format!("mknod '{}' c 1 5", tree.path("x.py").display()));
    assert!(fs::metadata(tree.path("x.py")).expect("there").file_type().is_char_device());
    assert_skipped(&tree, &tree.path("x.py"));
}

#[test]
fn dangling_link() {
    let tree = Tree::new();
    symlink("nowhere", tree.path("x.py")).expect("own directory");
    assert_skipped(&tree, &tree.path("x.py"));
}

#[test]
fn link_loop() {
    let tree = Tree::new();
    symlink("y.py", tree.path("x.py")).expect("own directory");
    symlink("x.py", tree.path("y.py")).expect("own directory");
    let report = warm_beside_good(primary(), &tree);
    report.skip_of(&tree.path("x.py"));
    report.skip_of(&tree.path("y.py"));
    assert_eq!((report.counts.sources, report.counts.skipped, report.counts.failed), (3, 2, 0), "{}", report.raw);
}

#[test]
fn link_to_itself() {
    let tree = Tree::new();
    symlink("x.py", tree.path("x.py")).expect("own directory");
    assert_skipped(&tree, &tree.path("x.py"));
}

#[test]
fn link_out_of_the_tree() {
    let (tree, outside) = (Tree::new(), Tree::new());
    let secret = outside.source("secret.py", "SECRET = 1\n");
    let before = snapshot(&outside.root);
    symlink(&secret, tree.path("x.py")).expect("own directory");
    assert_skipped(&tree, &tree.path("x.py"));
    assert_eq!(before, snapshot(&outside.root));
}

#[test]
fn link_out_of_the_tree_by_dots() {
    let (tree, outside) = (Tree::new(), Tree::new());
    outside.source("secret.py", "SECRET = 1\n");
    let name = outside.root.file_name().expect("a name");
    let target = Path::new("..").join(name).join("secret.py");
    symlink(target, tree.path("x.py")).expect("own directory");
    assert_skipped(&tree, &tree.path("x.py"));
}

#[test]
fn link_by_way_of_a_directory_link_that_leaves() {
    let (tree, outside) = (Tree::new(), Tree::new());
    outside.source("secret.py", "SECRET = 1\n");
    symlink(&outside.root, tree.path("way")).expect("own directory");
    symlink("way/secret.py", tree.path("x.py")).expect("own directory");
    assert_skipped(&tree, &tree.path("x.py"));
}

#[test]
fn link_to_a_fifo_in_the_tree() {
    let tree = Tree::new();
    sh(&format!("mkfifo '{}'", tree.path("pipe").display()));
    symlink("pipe", tree.path("x.py")).expect("own directory");
    assert_skipped(&tree, &tree.path("x.py"));
}

#[test]
fn link_to_a_directory() {
    let tree = Tree::new();
    fs::create_dir(tree.path("d")).expect("own directory");
    symlink("d", tree.path("x.py")).expect("own directory");
    let report = warm_beside_good(primary(), &tree);
    assert_eq!((report.counts.failed, report.counts.compiled, report.ran.status), (0, 1, 0), "{}", report.raw);
}
