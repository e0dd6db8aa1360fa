//! Sources that are edited, made, moved and deleted.

use std::fs;

use crate::Kept;
use crate::support::cache::holds;
use crate::support::process::{clean_command, has_program, must, sh};
use crate::support::skip::skipped;

#[test]
fn all_is_warm_when_it_says_ready() {
    let kept = Kept::with(|tree| {
        for number in 0..300 {
            tree.source(&format!("many/d{}/m{number}.py", number % 7), format!("N = {number}\n"));
        }
    });
    // No waiting here: READY means that it is done.
    crate::support::oracle::assert_all_good(kept.python, &kept.tree.root);
}

#[test]
fn a_broken_source_is_reported_and_does_not_stop_the_rest() {
    let kept = Kept::with(|tree| {
        tree.source("broken.py", "x = 1\ny = = 2\n");
    });
    let line = format!("{}:2: ", kept.tree.path("broken.py").display());
    kept.daemon.wait_until("a line that names file and line", || kept.daemon.stderr().contains(&line));
    kept.wait_fresh(&kept.tree.path("a.py"));
    // Mended, it is compiled.
    let mended = kept.tree.file("broken.py", "x = 1\ny = 2\n");
    kept.wait_fresh(&mended);
    kept.assert_converges();
}

#[test]
fn edited_in_place() {
    let kept = Kept::new();
    let source = kept.tree.file("package/b.py", "B = 'second edit'\n");
    kept.wait_fresh(&source);
    kept.daemon.wait_until("the new code", || holds(&kept.cache(&source), "second edit"));
    kept.assert_converges();
}

#[test]
fn edited_by_a_shell() {
    let kept = Kept::new();
    sh(&format!("echo \"A = 'appended'\" >> '{}'", kept.tree.path("a.py").display()));
    let cache = kept.cache(&kept.tree.path("a.py"));
    kept.daemon.wait_until("the new code", || holds(&cache, "appended"));
    kept.assert_converges();
}

#[test]
fn replaced_by_a_rename() {
    let kept = Kept::new();
    kept.tree.source("package/.b.py.tmp", "B = 'renamed over it'\n");
    let source = kept.tree.path("package/b.py");
    fs::rename(kept.tree.path("package/.b.py.tmp"), &source).expect("own directory");
    kept.daemon.wait_until("the new code", || holds(&kept.cache(&source), "renamed over it"));
    kept.assert_converges();
}

#[test]
fn replaced_by_a_file_from_another_directory() {
    let kept = Kept::new();
    let outside = crate::support::tree::Tree::new();
    let new = outside.source("new", "B = 'from elsewhere'\n");
    let source = kept.tree.path("package/b.py");
    sh(&format!("mv -f '{}' '{}'", new.display(), source.display()));
    kept.daemon.wait_until("the new code", || holds(&kept.cache(&source), "from elsewhere"));
    kept.assert_converges();
}

#[test]
fn edited_with_vim() {
    edited_with_vim_that("set nobackup nowritebackup");
    edited_with_vim_that("set backup writebackup backupcopy=no");
    edited_with_vim_that("set backup writebackup backupcopy=yes");
}

fn edited_with_vim_that(settings: &str) {
    if !has_program("vim") {
        return skipped("sources::edited_with_vim", "vim is not installed");
    }
    let kept = Kept::new();
    let source = kept.tree.path("package/b.py");
    let mut vim = clean_command("vim");
    vim.args(["-es", "-u", "NONE", "-c", settings, "-c", "%s/first/by vim/", "-c", "wq"]).arg(&source);
    must(vim.current_dir(&kept.tree.root));
    assert!(holds(&source, "by vim"), "vim did its work");
    kept.daemon.wait_until("the new code", || holds(&kept.cache(&source), "by vim"));
    kept.assert_converges();
}

/// With times kept, as `rsync -t` and `cp -p` do it: the new file is older than the one before.
#[test]
fn replaced_by_an_older_file() {
    let kept = Kept::new();
    let outside = crate::support::tree::Tree::new();
    let old = outside.source("old.py", "A = 'from a backup'\n");
    crate::support::tree::set_mtime(&old, crate::support::tree::hour_ago() - std::time::Duration::from_secs(1_000_000));
    let source = kept.tree.path("a.py");
    sh(&format!("cp -p '{}' '{}'", old.display(), source.display()));
    kept.daemon.wait_until("the new code", || holds(&kept.cache(&source), "from a backup"));
    kept.assert_converges();
}

#[test]
fn only_the_time_changes() {
    let kept = Kept::new();
    let source = kept.tree.path("a.py");
    sh(&format!("touch -d '2020-02-02 02:02:02' '{}'", source.display()));
    kept.wait_fresh(&source);
    kept.assert_converges();
}

#[test]
fn the_mode_of_a_source_changes() {
    let kept = Kept::new();
    let source = kept.tree.path("a.py");
    crate::support::tree::set_mode(&source, 0o600);
    kept.daemon.wait_until("the cache is closed too", || crate::support::tree::mode(&kept.cache(&source)) == 0o600);
    kept.assert_converges();
}

#[test]
fn a_new_source() {
    let kept = Kept::new();
    let source = kept.tree.file("package/new.py", "NEW = 1\n");
    kept.wait_fresh(&source);
    kept.assert_converges();
}

#[test]
fn a_hard_link_to_a_source() {
    let kept = Kept::new();
    let source = kept.tree.path("linked.py");
    fs::hard_link(kept.tree.path("a.py"), &source).expect("own directory");
    kept.wait_fresh(&source);
}

#[test]
fn a_link_that_comes_and_is_turned() {
    let kept = Kept::new();
    kept.tree.source("other.py", "O = 'the other'\n");
    let link = kept.tree.path("link.py");
    std::os::unix::fs::symlink("a.py", &link).expect("own directory");
    kept.daemon.wait_until("the code of the first", || holds(&kept.cache(&link), "first"));
    std::os::unix::fs::symlink("other.py", kept.tree.path("link.new")).expect("own directory");
    fs::rename(kept.tree.path("link.new"), &link).expect("own directory");
    kept.daemon.wait_until("the code of the other", || holds(&kept.cache(&link), "the other"));
}

#[test]
fn a_renamed_source() {
    let kept = Kept::new();
    let (old, new) = (kept.tree.path("package/b.py"), kept.tree.path("package/c.py"));
    let old_cache = kept.cache(&old);
    assert!(old_cache.exists());
    fs::rename(&old, &new).expect("own directory");
    kept.wait_fresh(&new);
    kept.daemon.wait_until("the cache of the old name goes away", || !old_cache.exists());
    kept.assert_converges();
}

#[test]
fn a_source_moved_to_another_directory() {
    let kept = Kept::new();
    let (old, new) = (kept.tree.path("a.py"), kept.tree.path("package/a.py"));
    fs::rename(&old, &new).expect("own directory");
    kept.wait_fresh(&new);
    kept.daemon.wait_until("the cache at the old place goes away", || !kept.cache(&old).exists());
    kept.assert_converges();
}

#[test]
fn a_source_moved_out_of_the_tree() {
    let kept = Kept::new();
    let outside = crate::support::tree::Tree::new();
    let old = kept.tree.path("a.py");
    fs::rename(&old, outside.path("a.py")).expect("one file system");
    kept.daemon.wait_until("its cache goes away", || !kept.cache(&old).exists());
    assert!(outside.path("a.py").exists() && !outside.path("__pycache__").exists());
}

#[test]
fn a_deleted_source_takes_its_caches_along_and_nothing_else() {
    let kept = Kept::new();
    let source = kept.tree.path("package/b.py");
    let cache = kept.cache(&source);
    let content = fs::read(&cache).expect("a cache");
    // A cache of a level that nobody asked for is one of the removed source too.
    let optimized = kept.python.cache_at(&source, 2);
    fs::write(&optimized, &content).expect("own directory");
    let strange = [
        kept.tree.file("package/__pycache__/b.notes.txt", "precious"),
        kept.tree.file("package/__pycache__/b.pyc", "precious"),
        kept.tree.file(&format!("package/__pycache__/b.{}.pyc.bak", kept.python.tag), "precious"),
    ];
    fs::remove_file(&source).expect("own file");
    kept.daemon.wait_until("the caches go away", || !cache.exists() && !optimized.exists());
    // Something later has been dealt with; then what was to be removed has been.
    let later = kept.tree.file("package/later.py", "L = 1\n");
    kept.wait_fresh(&later);
    for path in strange {
        assert!(path.exists(), "{path:?} is no cache");
    }
    assert!(kept.cache(&kept.tree.path("package/__init__.py")).exists());
}

#[test]
fn deleted_and_made_again() {
    let kept = Kept::new();
    let source = kept.tree.path("a.py");
    for number in 0..20 {
        fs::remove_file(&source).expect("own file");
        if number % 3 == 0 {
            kept.daemon.wait_until("its cache goes away", || !kept.cache(&source).exists());
        }
        kept.tree.file("a.py", format!("A = 'number {number}'\n"));
    }
    kept.daemon.wait_until("the last code", || holds(&kept.cache(&source), "number 19"));
    kept.assert_converges();
}

#[test]
fn several_interpreters_are_kept_warm() {
    let Some((first, second)) = crate::support::python::pair() else {
        return skipped("sources::several_interpreters_are_kept_warm", "one interpreter is here");
    };
    let tree = crate::support::tree::Tree::new();
    let source = tree.good();
    let mut command = crate::support::run::pycwarm("daemon");
    command.arg("--python").arg(&first.path).arg("--python").arg(&second.path).arg(&tree.root);
    let daemon = crate::support::daemon::Daemon::start(&mut command).ready();
    tree.file("good.py", "GOOD = 'for both'\n");
    for python in [first, second] {
        daemon.wait_fresh(python, [&source]);
        daemon.wait_until("the new code", || holds(&python.cache(&source), "for both"));
    }
    fs::remove_file(&source).expect("own file");
    daemon.wait_until("both caches go away", || !first.cache(&source).exists() && !second.cache(&source).exists());
}
