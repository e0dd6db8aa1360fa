//! `__pycache__` as others have left it.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use crate::support::python::primary;
use crate::support::run::warm;
use crate::support::skip::{needs_root, skipped};
use crate::support::tree::{Tree, mode, set_mode};
use crate::{GROUP, NAMED, OTHER, OWNER, give, readable, set_acl};

/// A directory of the owner's with a source, and its `__pycache__` of somebody's with this mode.
fn spoiled(user: u32, wrong: u32, directory: u32) -> Tree {
    let place = Tree::new();
    set_mode(&place.root, 0o755);
    let source = place.source("tree/x.py", "X = 1\n");
    give(&source, OWNER, GROUP);
    let caches = place.path("tree/__pycache__");
    fs::create_dir(&caches).expect("as root");
    give(&caches, user, user);
    set_mode(&caches, wrong);
    let tree = place.path("tree");
    give(&tree, OWNER, GROUP);
    set_mode(&tree, directory);
    place
}

fn owner(path: &Path) -> (u32, u32) {
    let stat = fs::metadata(path).expect("it is there");
    (stat.uid(), stat.gid())
}

/// Made by a developer with a narrow umask, by root, by the web server; where the owner may write, and may not; with
/// and without the bit that hands the group down.
#[test]
fn it_is_put_right_whoever_has_made_it() {
    if !needs_root("directories::it_is_put_right_whoever_has_made_it") {
        return;
    }
    for (user, wrong) in [(OWNER, 0o700), (0, 0o755), (33, 0o775), (OTHER, 0o700), (33, 0o555)] {
        for directory in [0o755, 0o555, 0o750, 0o2775] {
            let place = spoiled(user, wrong, directory);
            warm(primary(), &place.path("tree")).assert_compiled(1);
            crate::support::run::check(primary(), &place.path("tree")).assert_nothing_done();
            let caches = place.path("tree/__pycache__");
            let expected = directory | 0o200;
            assert_eq!(owner(&caches), (OWNER, GROUP), "{user} {wrong:o} {directory:o}");
            assert!(
                [directory, expected].contains(&mode(&caches)),
                "{user} {wrong:o} {directory:o}: {:o}",
                mode(&caches)
            );
            let cache = primary().cache(&place.path("tree/x.py"));
            assert_eq!(owner(&cache), (OWNER, GROUP));
            assert_eq!(readable(64_020, &[GROUP], &[&cache]).len(), 1, "{user} {wrong:o} {directory:o}");
        }
    }
}

/// A directory that one named user may enter: what is cached in it can be used by that user, and by nobody else.
#[test]
fn it_has_the_acl_of_its_directory() {
    let name = "directories::it_has_the_acl_of_its_directory";
    if !needs_root(name) {
        return;
    }
    let place = Tree::new();
    set_mode(&place.root, 0o755);
    let source = place.source("tree/x.py", "X = 1\n");
    set_mode(&place.path("tree"), 0o750);
    if !set_acl(&place.path("tree"), &[], "u:64004:rx,d:u:64003:rwx") {
        return skipped(name, "no setfacl, or no ACLs here");
    }
    warm(primary(), &place.path("tree")).assert_compiled(1);
    let cache = primary().cache(&source);
    assert_eq!(readable(NAMED, &[], &[&source, &cache]).len(), 2);
    assert!(readable(OTHER, &[], &[&source, &cache]).is_empty());
    crate::support::run::check(primary(), &place.path("tree")).assert_nothing_done();
}

/// The owner of the directory has renamed it there, to be given what is in it.
#[test]
fn somebody_elses_directory_is_not_given_away() {
    if !needs_root("directories::somebody_elses_directory_is_not_given_away") {
        return;
    }
    let place = spoiled(0, 0o700, 0o755);
    let secret = place.file("tree/__pycache__/secret.txt", "secret");
    set_mode(&secret, 0o644);
    warm(primary(), &place.path("tree"));
    let caches = place.path("tree/__pycache__");
    assert_eq!((owner(&caches), mode(&caches)), ((0, 0), 0o700));
    assert!(readable(OWNER, &[GROUP], &[&secret]).is_empty());
}
