//! Things that stand where `__pycache__` or the cache should be.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::oracle::assert_all_good;
use crate::support::process::sh;
use crate::support::python::primary;
use crate::support::run::warm;
use crate::support::tree::{Tree, snapshot};

/// A tree whose directory `blocked` has the source `x.py`; the good file is in the directory beside it.
fn blocked() -> Tree {
    let tree = Tree::new();
    tree.source("blocked/x.py", "X = 1\n");
    tree.good();
    tree
}

#[track_caller]
fn assert_refused(tree: &Tree) {
    let python = primary();
    let report = warm(python, &tree.root);
    let failures = &report.counts.failures;
    assert_eq!((failures.len(), report.counts.compiled), (1, 1), "{}", report.raw);
    assert_eq!(failures[0].kind, "refused", "{}", report.raw);
    assert!(failures[0].path.contains("/blocked"), "{}", report.raw);
    assert!(!failures[0].message.trim().is_empty());
    assert_all_good(python, &tree.path("good.py"));
}

#[test]
fn pycache_is_a_link_to_a_directory() {
    let (tree, outside) = (blocked(), Tree::new());
    outside.file("precious", "content");
    let before = snapshot(&outside.root);
    symlink(&outside.root, tree.path("blocked/__pycache__")).expect("own directory");
    assert_refused(&tree);
    assert_eq!(before, snapshot(&outside.root), "the target of the link was touched");
    assert!(fs::symlink_metadata(tree.path("blocked/__pycache__")).expect("there").is_symlink());
}

#[test]
fn pycache_is_a_link_inside_the_tree() {
    let tree = blocked();
    tree.file("elsewhere/precious", "content");
    let before = snapshot(&tree.path("elsewhere"));
    symlink("../elsewhere", tree.path("blocked/__pycache__")).expect("own directory");
    assert_refused(&tree);
    assert_eq!(before, snapshot(&tree.path("elsewhere")));
}

#[test]
fn pycache_is_a_dangling_link() {
    let tree = blocked();
    symlink("nowhere", tree.path("blocked/__pycache__")).expect("own directory");
    assert_refused(&tree);
    assert!(!tree.path("blocked/nowhere").exists());
}

#[test]
fn pycache_is_a_file() {
    let tree = blocked();
    let file = tree.file("blocked/__pycache__", "precious");
    let before = snapshot(&file);
    assert_refused(&tree);
    assert_eq!((snapshot(&file), fs::read(&file).expect("there")), (before, b"precious".to_vec()));
}

/// compileall hangs on it for ever.
#[test]
fn fifo_where_the_cache_should_be() {
    let tree = blocked();
    let cache = cache_of_blocked(&tree);
    sh(&format!("mkfifo '{}'", cache.display()));
    let before = snapshot(&cache);
    assert_refused(&tree);
    assert_eq!(before, snapshot(&cache));
}

#[test]
fn socket_where_the_cache_should_be() {
    let tree = blocked();
    let cache = cache_of_blocked(&tree);
    let _listener = std::os::unix::net::UnixListener::bind(&cache).expect("a socket");
    assert_refused(&tree);
}

#[test]
fn directory_where_the_cache_should_be() {
    let tree = blocked();
    let cache = cache_of_blocked(&tree);
    fs::create_dir(&cache).expect("own directory");
    fs::write(cache.join("precious"), "content").expect("own directory");
    assert_refused(&tree);
    assert!(cache.join("precious").is_file());
}

#[test]
fn link_where_the_cache_should_be() {
    let (tree, outside, python) = (blocked(), Tree::new(), primary());
    let target = outside.file("precious", "content");
    let before = snapshot(&outside.root);
    let cache = cache_of_blocked(&tree);
    symlink(&target, &cache).expect("own directory");
    warm(python, &tree.root).assert_compiled(2);
    assert_eq!(before, snapshot(&outside.root), "the target of the link was touched");
    assert!(fs::symlink_metadata(&cache).expect("there").is_file(), "the link is replaced");
    assert_all_good(python, &tree.root);
}

#[test]
fn link_to_a_good_cache_elsewhere() {
    let (tree, outside, python) = (blocked(), Tree::new(), primary());
    warm(python, &tree.root).assert_compiled(2);
    let cache = python.cache(&tree.path("blocked/x.py"));
    let moved = outside.path("moved.pyc");
    fs::copy(&cache, &moved).expect("own file");
    fs::remove_file(&cache).expect("own file");
    symlink(&moved, &cache).expect("own directory");
    warm(python, &tree.root).assert_compiled(1);
    assert!(fs::symlink_metadata(&cache).expect("there").is_file());
}

/// With its `__pycache__` made.
fn cache_of_blocked(tree: &Tree) -> std::path::PathBuf {
    let cache = primary().cache(&tree.path("blocked/x.py"));
    fs::create_dir(parent(&cache)).expect("own directory");
    cache
}

fn parent(path: &Path) -> &Path {
    path.parent().expect("has a parent")
}
