//! What is mounted below a root.

use std::fs;

use crate::support::apart::Mount;
use crate::support::python::primary;
use crate::support::skip::needs_root;
use crate::{assert_entered, assert_skipped, place};

fn assert_needs_to_be_configured(name: &str, command: impl Fn(&crate::support::tree::Tree) -> Vec<String>) {
    if !needs_root(name) {
        return;
    }
    let place = place();
    place.source("tree/good.py", "GOOD = 1\n");
    place.source("elsewhere/bad.py", "BAD = 1\n");
    fs::create_dir(place.path("tree/mounted")).expect("own directory");
    let command = command(&place);
    let command: Vec<&str> = command.iter().map(String::as_str).collect();
    let Some(_mount) = Mount::by(name, &command, &place.path("tree/mounted")) else { return };
    let source = place.path("tree/mounted/bad.py");
    if !source.exists() {
        place.source("tree/mounted/bad.py", "BAD = 1\n");
    }
    assert_skipped("", &place, "tree/mounted", "cross-mounts");
    assert_entered("cross-mounts = true", &place, 1);
    assert!(primary().cache(&source).exists());
}

#[test]
fn another_file_system() {
    assert_needs_to_be_configured("mounts::another_file_system", |_| {
        ["mount", "-t", "tmpfs", "-o", "mode=755", "none"].map(str::to_owned).into()
    });
}

/// The same file system, so that no number of a device tells.
#[test]
fn a_bind_mount_of_the_same_file_system() {
    assert_needs_to_be_configured("mounts::a_bind_mount_of_the_same_file_system", |place| {
        vec!["mount".to_owned(), "--bind".to_owned(), place.path("elsewhere").display().to_string()]
    });
}

/// A root that is a mount point itself is the administrator's word.
#[test]
fn the_root_itself() {
    let name = "mounts::the_root_itself";
    if !needs_root(name) {
        return;
    }
    let place = place();
    let Some(_mount) = Mount::tmpfs(name, "size=1m", &place.path("tree")) else { return };
    place.source("tree/x.py", "X = 1\n");
    assert_entered("", &place, 1);
}
