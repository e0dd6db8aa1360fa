//! Access control lists of sources and of their caches.

use std::fs;

use crate::support::acl::{acl, have_acls, set_acl};
use crate::support::apart::{Mount, can_run, wrapped};
use crate::support::process::{clean_command, must};
use crate::support::python::{Interpreter, primary};
use crate::support::run::{Report, check, json, pycwarm, pycwarm_with, warm};
use crate::support::skip::skipped;
use crate::support::tree::{Tree, inode, mode, set_mode};

/// A warm tree with one source, where there are ACLs.
fn warmed(name: &str) -> Option<(&'static Interpreter, Tree, std::path::PathBuf)> {
    let (python, tree) = (primary(), Tree::new());
    let source = tree.source("p/x.py", "X = 1\n");
    set_mode(&source, 0o644);
    have_acls(name, &source).then(|| {
        warm(python, &tree.root).assert_compiled(1);
        (python, tree, source)
    })
}

#[test]
fn the_list_of_a_source_is_that_of_its_cache_without_execution() {
    let Some((python, tree, source)) = warmed("lists::the_list_of_a_source_is_that_of_its_cache_without_execution")
    else {
        return;
    };
    set_mode(&source, 0o550);
    set_acl("u:12345:rwx,g:23456:rx,m:rx", &source);
    assert_eq!(warm(python, &tree.root).counts.repaired, 1);
    let cache = python.cache(&source);
    let expected = "user::rw-\nuser:12345:rw-\ngroup::r--\ngroup:23456:r--\nmask::r--\nother::---\n\n".to_owned();
    assert_eq!((acl(&cache), mode(&cache)), (expected, 0o640));
    warm(python, &tree.root).assert_nothing_done();
}

/// The mode of source and cache is the same before and after.
#[test]
fn a_list_that_comes_changes_or_goes_is_seen() {
    let Some((python, tree, source)) = warmed("lists::a_list_that_comes_changes_or_goes_is_seen") else { return };
    let cache = python.cache(&source);
    for change in [&["-m", "u:12345:r"][..], &["-m", "u:12345:-"], &["-m", "g:12345:r"], &["-b"]] {
        must(clean_command("setfacl").args(change).arg(&source));
        let held = fs::File::open(&cache).expect("own file");
        let (old, was) = (inode(&cache), acl(&cache));
        assert_eq!(check(python, &tree.root).counts.stale, 1, "{change:?}");
        let report = warm(python, &tree.root);
        assert_eq!((report.counts.repaired, report.counts.failed), (1, 0), "{change:?}: {}", report.raw);
        assert_eq!((acl(&cache), mode(&cache)), (acl(&source), 0o644), "{change:?}");
        assert_ne!(inode(&cache), old, "replaced, not changed in place");
        drop(held);
        assert_ne!(acl(&cache), was);
        check(python, &tree.root).assert_nothing_done();
    }
}

#[test]
fn a_list_that_somebody_gave_to_a_cache_goes_with_its_inode() {
    let Some((python, tree, source)) = warmed("lists::a_list_that_somebody_gave_to_a_cache_goes_with_its_inode") else {
        return;
    };
    let cache = python.cache(&source);
    for closed in [false, true] {
        if closed {
            set_mode(&source, 0o640);
            warm(python, &tree.root);
        }
        set_acl("u:12345:r", &cache);
        let (held, old) = (fs::File::open(&cache).expect("own file"), inode(&cache));
        assert_eq!(warm(python, &tree.root).counts.repaired, 1);
        assert_eq!(acl(&cache), acl(&source));
        assert_ne!(inode(&cache), old);
        drop(held);
    }
}

#[test]
fn a_directory_hands_nothing_on_to_caches() {
    let Some((python, tree, source)) = warmed("lists::a_directory_hands_nothing_on_to_caches") else { return };
    let caches = tree.path("p/__pycache__");
    for list in ["d:u:12345:rwx", "d:u::r,d:g::rwx,d:o::rwx", "d:u::-,d:u:12345:rwx,d:g::-,d:o::-,d:m:rwx"] {
        for directory in [&caches, &tree.path("p")] {
            fs::remove_file(python.cache(&source)).expect("own file");
            if *directory == tree.path("p") {
                fs::remove_dir(&caches).expect("it is empty");
            }
            set_acl(list, directory);
            warm(python, &tree.root).assert_compiled(1);
            let expected = "user::rw-\ngroup::r--\nother::r--\n\n";
            assert_eq!((acl(&python.cache(&source)).as_str(), mode(&python.cache(&source))), (expected, 0o644));
            assert_eq!(
                (acl(&caches), mode(&caches)),
                ("user::rwx\ngroup::r-x\nother::r-x\n\n".into(), 0o755),
                "{list}"
            );
            check(python, &tree.root).assert_nothing_done();
            must(clean_command("setfacl").args(["-k", "-b"]).arg(directory));
        }
    }
}

/// A mount point below the root is entered.
fn with_mounts(verb: &str, python: &Interpreter, tree: &Tree) -> Report {
    let config = tree.file("pycwarm.toml", "[defaults]\ncross-mounts = true\n");
    let mut command = pycwarm_with(verb, &config);
    json(command.arg("--python").arg(&python.path).arg(&tree.root))
}

#[test]
fn a_file_system_without_lists() {
    let name = "lists::a_file_system_without_lists";
    let (python, tree) = (primary(), Tree::new());
    let Some(_mount) = Mount::by(name, &["mount", "-t", "ramfs", "none"], &tree.path("ramfs")) else {
        return;
    };
    let source = tree.source("ramfs/x.py", "X = 1\n");
    let set = clean_command("setfacl").args(["-m", "u:12345:r"]).arg(&source).output();
    if set.is_ok_and(|output| output.status.success()) {
        return skipped(name, "ramfs has ACLs here");
    }
    set_mode(&source, 0o640);
    let report = with_mounts("warm", python, &tree);
    report.assert_compiled(1);
    assert_eq!((mode(&python.cache(&source)), report.ran.stderr.as_str()), (0o640, ""));
    with_mounts("check", python, &tree).assert_nothing_done();
}

/// A source elsewhere in the tree, which a link leads to; its cache lies where there are no lists.
#[test]
fn the_cache_of_a_list_where_there_are_none_is_its_owners_alone() {
    let name = "lists::the_cache_of_a_list_where_there_are_none_is_its_owners_alone";
    let Some((python, tree, source)) = warmed(name) else { return };
    let Some(_mount) = Mount::by(name, &["mount", "-t", "ramfs", "none"], &tree.path("ramfs")) else {
        return;
    };
    set_mode(&source, 0o640);
    set_acl("u:12345:r", &source);
    std::os::unix::fs::symlink("../p/x.py", tree.path("ramfs/x.py")).expect("own directory");
    set_mode(&tree.path("ramfs"), 0o755);
    let report = with_mounts("warm", python, &tree);
    assert_eq!((report.counts.failed, mode(&python.cache(&tree.path("ramfs/x.py")))), (0, 0o600), "{}", report.raw);
    let told = report.ran.stderr.lines().filter(|line| line.contains("does not keep owner, mode and ACL")).count();
    assert_eq!(told, 1, "{}", report.ran.stderr);
}

/// In a user namespace in which the user of the list is nobody's number.
#[test]
fn a_list_that_names_users_of_another_namespace_is_not_carried_over() {
    let name = "lists::a_list_that_names_users_of_another_namespace_is_not_carried_over";
    const OWN_USERS: &[&str] = &["unshare", "--user", "--map-root-user"];
    let Some((python, tree, source)) = warmed(name) else { return };
    if !can_run(name, &[OWN_USERS, &["true"]].concat()) {
        return;
    }
    set_acl("u:12345:-", &source);
    let inside = |verb: &str| {
        let mut command = pycwarm(verb);
        json(&mut wrapped(OWN_USERS, command.arg("--python").arg(&python.path).arg(&tree.root)))
    };
    assert_eq!(inside("warm").counts.repaired, 1);
    let cache = python.cache(&source);
    assert_eq!((acl(&cache).as_str(), mode(&cache)), ("user::rw-\ngroup::---\nother::---\n\n", 0o600));
    inside("check").assert_nothing_done();
    assert_eq!(warm(python, &tree.root).counts.repaired, 1, "who knows them sets it right");
    assert_eq!(acl(&cache), acl(&source));
}
