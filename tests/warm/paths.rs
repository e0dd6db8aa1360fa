//! What a PATH may be.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::python::primary;
use crate::support::run::{check, json, pycwarm, pycwarm_with, run, warm};
use crate::support::tree::Tree;

#[test]
fn a_path_that_is_not_there_exits_with_2() {
    let tree = Tree::new();
    tree.good();
    for verb in ["warm", "check"] {
        let ran = run(pycwarm(verb).arg("--python").arg(&primary().path).arg(tree.path("no-such-tree")));
        assert_eq!((ran.status, ran.text().as_str()), (2, ""), "{verb}: {}", ran.stderr);
        assert!(ran.stderr.contains("no-such-tree"), "{}", ran.stderr);
    }
}

#[test]
fn one_source_file() {
    let (python, tree) = (primary(), Tree::new());
    let (one, other) = (tree.source("one.py", "A = 1\n"), tree.source("other.py", "B = 1\n"));
    let report = warm(python, &one);
    report.assert_compiled(1);
    assert_eq!(report.counts.sources, 1, "{}", report.raw);
    assert!(python.cache(&one).is_file() && !python.cache(&other).exists());
    check(python, &one).assert_nothing_done();
}

#[test]
fn several_paths_and_one_below_another() {
    let (python, tree) = (primary(), Tree::new());
    tree.source("a/inner/x.py", "X = 1\n");
    tree.source("b/y.py", "Y = 1\n");
    let mut command = pycwarm("warm");
    command.arg("--python").arg(&python.path).args([tree.path("a"), tree.path("b"), tree.path("a/inner")]);
    let report = json(&mut command);
    assert_eq!((report.counts.sources, report.counts.compiled, report.counts.failed), (2, 2, 0), "{}", report.raw);
}

#[test]
fn a_relative_path() {
    let (python, tree) = (primary(), Tree::new());
    let source = tree.source("sub/x.py", "X = 1\n");
    let mut command = pycwarm("warm");
    json(command.current_dir(&tree.root).arg("--python").arg(&python.path).arg("sub")).assert_compiled(1);
    assert!(python.cache(&source).is_file());
    crate::support::oracle::assert_all_good(python, &tree.root);
}

#[test]
fn a_root_that_is_a_link() {
    let (python, tree) = (primary(), Tree::new());
    let source = tree.source("releases/7/x.py", "X = 1\n");
    symlink("releases/7", tree.path("current")).expect("own directory");
    warm(python, &tree.path("current")).assert_compiled(1);
    assert!(python.cache(&source).is_file());
    check(python, &tree.path("releases/7")).assert_nothing_done();
}

#[test]
fn only_sources_are_sources() {
    let (python, tree) = (primary(), Tree::new());
    tree.good();
    for name in ["README", "x.pyw", "x.py.bak", "x.PY", "x.pyc", "#x.py#", "x.py~", ".py"] {
        tree.source(name, "= broken\n");
    }
    let hidden = tree.source(".hidden.py", "H = 1\n");
    tree.source("__pycache__/inside.py", "= broken\n");
    let report = warm(python, &tree.root);
    assert_eq!((report.counts.compiled, report.counts.failed), (2, 0), "{}", report.raw);
    assert!(python.cache(&hidden).is_file());
    report.skip_of(&tree.path(".py"));
}

#[test]
fn without_a_path_the_configured_trees() {
    let (python, tree) = (primary(), Tree::new());
    let (one, two) = (tree.source("one/x.py", "X = 1\n"), tree.source("two/y.py", "Y = 1\n"));
    let off = tree.source("off/z.py", "Z = 1\n");
    let config = tree.file(
        "pycwarm.toml",
        format!(
            "[defaults]\npython = [{:?}]\n[[tree]]\npath = {:?}\n[[tree]]\npath = {:?}\noptimize = [1]\n\
             [[tree]]\npath = {:?}\nenabled = false\n",
            python.path,
            tree.path("one"),
            tree.path("two"),
            tree.path("off"),
        ),
    );
    json(&mut pycwarm_with("warm", &config)).assert_compiled(2);
    assert!(python.cache(&one).is_file() && python.cache_at(&two, 1).is_file());
    assert!(!python.cache(&two).exists() && !python.cache(&off).exists());
}

#[test]
fn left_over_temporary_files_of_dead_writers_are_removed() {
    let (python, tree) = (primary(), Tree::new());
    tree.good();
    let dead = tree.file("__pycache__/.pycwarm-0123456789abcdef.tmp", "torn");
    let strange = tree.file("__pycache__/.pycwarm-notes.tmp", "somebody's");
    let alive = tree.file("__pycache__/.pycwarm-fedcba9876543210.tmp", "being written");
    let writer = fs::File::open(&alive).expect("own file");
    rustix::fs::flock(&writer, rustix::fs::FlockOperation::LockExclusive).expect("own file");
    warm(python, &tree.root).assert_compiled(1);
    assert!(!dead.exists(), "the writer is dead");
    assert!(alive.exists(), "the writer lives: its lock is held");
    assert!(strange.exists(), "not a name of ours");
}

#[test]
fn a_file_that_is_no_source_exits_with_2() {
    let tree = Tree::new();
    let file = tree.file("notes.txt", "notes\n");
    let ran = run(pycwarm("warm").arg(&file));
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("notes.txt"), "{:?}", ran.stderr);
}

#[test]
fn a_file_inside_another_path_counts_once() {
    let (python, tree) = (primary(), Tree::new());
    let source = tree.source("x.py", "X = 1\n");
    let report = json(pycwarm("warm").arg("--python").arg(&python.path).arg(&tree.root).arg(&source));
    assert_eq!((report.counts.sources, report.counts.compiled), (1, 1));
}
