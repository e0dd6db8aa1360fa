//! Directories that come, with files already in them, that move, and that go.

use std::fmt::Write;
use std::fs;
use std::path::PathBuf;

use crate::Kept;
use crate::support::process::{clean_command, has_program, must, sh};
use crate::support::skip::skipped;
use crate::support::tree::Tree;

const MANY: usize = 1000;

/// One process makes a directory and at once many files in it: the classic way to lose events.
#[test]
fn a_new_deep_directory_with_many_files() {
    let kept = Kept::new();
    let program = "import os, sys
os.makedirs(sys.argv[1] + '/x/y/z')
for n in range(1000):
    with open(sys.argv[1] + '/x/y/z/m%04d.py' % n, 'w') as f: f.write('N = %d\\n' % n)
";
    must(clean_command(&kept.python.path).args(["-B", "-c", program]).arg(&kept.tree.root));
    let sources: Vec<PathBuf> = (0..MANY).map(|n| kept.tree.path(&format!("x/y/z/m{n:04}.py"))).collect();
    kept.daemon.wait_fresh(kept.python, &sources);
    kept.assert_converges();
}

/// Each file in a new directory of its own.
#[test]
fn many_new_directories_with_one_file_each() {
    let kept = Kept::new();
    let mut script = format!("cd '{}'\n", kept.tree.root.display());
    for number in 0..300 {
        writeln!(script, "mkdir -p p{number}/q; echo 'N = {number}' > p{number}/q/m.py").expect("a string");
    }
    sh(&script);
    let sources: Vec<PathBuf> = (0..300).map(|n| kept.tree.path(&format!("p{n}/q/m.py"))).collect();
    kept.daemon.wait_fresh(kept.python, &sources);
    kept.assert_converges();
}

#[test]
fn an_archive_is_unpacked() {
    let packed = Tree::new();
    for number in 0..MANY {
        packed.source(&format!("site/p{}/q{}/m{number}.py", number % 10, number % 3), format!("N = {number}\n"));
    }
    let archive = packed.path("site.tar");
    let at = packed.root.display();
    sh(&format!("tar -C '{at}' -cf '{}' site", archive.display()));
    let kept = Kept::new();
    sh(&format!("tar -C '{}' -xf '{}'", kept.tree.root.display(), archive.display()));
    kept.assert_converges();
    assert_eq!(crate::sources_below(&kept.tree.path("site")).len(), MANY);
}

#[test]
fn a_checkout_of_git() {
    if !has_program("git") {
        return skipped("directories::a_checkout_of_git", "git is not installed");
    }
    let origin = Tree::new();
    for number in 0..50 {
        origin.source(&format!("app/m{number}.py"), format!("N = 'old {number}'\n"));
    }
    let git = "git -c user.name=x -c user.email=x@localhost -c init.defaultBranch=main";
    let at = origin.root.display();
    sh(&format!("cd '{at}' && {git} init -q && git add . && {git} commit -qm one && git branch one"));
    for number in 0..50 {
        origin.source(&format!("app/m{number}.py"), format!("N = 'new version {number}'\n"));
    }
    origin.source("fresh/deep/new.py", "N = 1\n");
    sh(&format!("cd '{at}' && git add . && {git} commit -qm two && git branch two && git checkout -q one"));
    let kept = Kept::new();
    sh(&format!("git clone -q '{at}' '{}/clone'", kept.tree.root.display()));
    kept.assert_converges();
    for branch in ["two", "one", "two"] {
        sh(&format!("cd '{}/clone' && git checkout -q {branch} --", kept.tree.root.display()));
        kept.assert_converges();
    }
    let new = kept.tree.path("clone/app/m7.py");
    assert!(crate::support::cache::holds(&kept.cache(&new), "new version 7"));
}

#[test]
fn a_directory_is_moved_and_still_watched() {
    let kept = Kept::new();
    fs::rename(kept.tree.path("package"), kept.tree.path("renamed")).expect("own directory");
    let edited = kept.tree.file("renamed/b.py", "B = 'after the move'\n");
    kept.wait_fresh(&edited);
    let new = kept.tree.file("renamed/sub/c.py", "C = 1\n");
    kept.wait_fresh(&new);
    kept.assert_converges();
}

#[test]
fn a_directory_is_moved_below_another() {
    let kept = Kept::with(|tree| {
        tree.source("top/inner/x.py", "X = 1\n");
    });
    fs::rename(kept.tree.path("top"), kept.tree.path("package/top")).expect("own directory");
    let edited = kept.tree.file("package/top/inner/x.py", "X = 'after the move'\n");
    kept.wait_fresh(&edited);
    kept.assert_converges();
}

#[test]
fn a_directory_is_moved_in_from_outside() {
    let kept = Kept::new();
    let outside = Tree::new();
    for number in 0..100 {
        outside.source(&format!("d/e/m{number}.py"), "M = 1\n");
    }
    fs::rename(outside.path("d"), kept.tree.path("d")).expect("one file system");
    kept.assert_converges();
    let edited = kept.tree.file("d/e/m7.py", "M = 'edited here'\n");
    kept.wait_fresh(&edited);
}

/// What is no longer in the tree is no longer ours.
#[test]
fn a_directory_is_moved_out_and_left_alone() {
    let kept = Kept::new();
    let outside = Tree::new();
    fs::rename(kept.tree.path("package"), outside.path("package")).expect("one file system");
    let moved = outside.file("package/b.py", "B = 'out of the tree'\n");
    let new = outside.file("package/new.py", "N = 1\n");
    let later = kept.tree.file("later.py", "L = 1\n");
    kept.wait_fresh(&later);
    kept.assert_converges();
    assert!(!kept.cache(&new).exists());
    assert!(!crate::support::cache::is_fresh(kept.python, &moved));
}

#[test]
fn a_directory_is_deleted_and_made_again() {
    let kept = Kept::new();
    for number in 0..10 {
        fs::remove_dir_all(kept.tree.path("package"))
            .or_else(|_| fs::remove_dir_all(kept.tree.path("package")))
            .expect("own");
        kept.tree.file("package/b.py", format!("B = 'round {number}'\n"));
        kept.tree.file("package/sub/c.py", format!("C = 'round {number}'\n"));
    }
    kept.assert_converges();
    let edited = kept.tree.file("package/sub/c.py", "C = 'after all that'\n");
    kept.wait_fresh(&edited);
}

/// A release made beside, then exchanged: the way deployments are done.
#[test]
fn two_directories_change_places() {
    let kept = Kept::with(|tree| {
        tree.source("live/m.py", "M = 'one'\n");
        tree.source("next/m.py", "M = 'two, and longer'\n");
    });
    for _ in 0..5 {
        sh(&format!("cd '{}' && mv live old && mv next live && mv old next", kept.tree.root.display()));
        kept.assert_converges();
    }
    for name in ["live/m.py", "next/m.py"] {
        let edited = kept.tree.file(name, format!("M = 'edited at {name}'\n"));
        kept.wait_fresh(&edited);
    }
}
