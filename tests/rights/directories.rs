//! `__pycache__`: whose it is, and who may go in.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use crate::support::acl::{access_acl, acl, have_acls, set_acl};
use crate::support::process::clean_command;
use crate::support::python::primary;
use crate::support::run::{check, warm};
use crate::support::skip::needs_root;
use crate::support::tree::{Tree, inode, mode, set_mode};
use crate::users::{GROUP, MEMBER, NAMED, OTHER, OWNER, SERVER, User, can_read};

/// A directory of a developer with a source, in a tree that everybody may enter.
fn developers(name: &str, directory_mode: u32) -> Option<(Tree, std::path::PathBuf)> {
    if !needs_root(name) {
        return None;
    }
    let tree = Tree::new();
    let source = tree.source("app/x.py", "X = 1\n");
    set_mode(&source, 0o644);
    give(&source, OWNER);
    chown(tree.path("app"), Some(OWNER.uid), Some(GROUP)).expect("root");
    set_mode(&tree.path("app"), directory_mode);
    Some((tree, source))
}

fn give(path: &Path, user: User) {
    chown(path, Some(user.uid), Some(GROUP)).expect("root");
}

fn owner(path: &Path) -> (u32, u32) {
    let stat = fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    (stat.uid(), stat.gid())
}

/// By whoever it was made, with Python in it and without.
#[test]
fn one_that_another_made_is_put_right() {
    const ROOT: User = User { what: "root", uid: 0, gids: &[0] };
    let name = "directories::one_that_another_made_is_put_right";
    for (maker, directory_mode, has_caches) in [
        (OWNER, 0o755, true),
        (OWNER, 0o755, false),
        (ROOT, 0o755, true),
        (ROOT, 0o755, false),
        (SERVER, 0o755, true),
        (SERVER, 0o755, false),
        (SERVER, 0o555, true),
        (ROOT, 0o2775, true),
    ] {
        let Some((tree, source)) = developers(name, directory_mode) else { return };
        let (python, caches) = (primary(), tree.path("app/__pycache__"));
        fs::create_dir(&caches).expect("own directory");
        if has_caches {
            fs::write(python.cache(&source), "what this Python left").expect("own file");
            give(&python.cache(&source), maker);
        }
        set_mode(&caches, 0o700);
        chown(&caches, Some(maker.uid), Some(maker.gids[0])).expect("root");
        warm(python, &tree.root).assert_compiled(1);
        let expected = ((OWNER.uid, GROUP), directory_mode | 0o700);
        assert_eq!((owner(&caches), mode(&caches)), expected, "of {} in {directory_mode:o}", maker.what);
        assert!(OTHER.run(|| can_read(&python.cache(&source))));
        check(python, &tree.root).assert_nothing_done();
    }
}

/// The owner of a directory may rename what is in it: what is not surely a directory of caches is not given to them.
#[test]
fn a_directory_of_somebody_else_is_not_given_away_under_that_name() {
    let name = "directories::a_directory_of_somebody_else_is_not_given_away_under_that_name";
    for content in [None, Some("letter.txt"), Some("letters.pyc"), Some("x.py")] {
        let Some((tree, source)) = developers(name, 0o755) else { return };
        let (python, caches) = (primary(), tree.path("app/__pycache__"));
        let theirs = tree.path("app/desk");
        fs::create_dir(&theirs).expect("own directory");
        if let Some(content) = content {
            fs::write(theirs.join(content), "private").expect("own directory");
        }
        set_mode(&theirs, 0o700);
        give(&theirs, SERVER);
        let held = fs::File::open(&theirs).expect("root");
        let before = (inode(&theirs), owner(&theirs), mode(&theirs));
        OWNER.run(|| fs::rename(&theirs, &caches)).expect("the owner of the parent may");
        warm(python, &tree.root).assert_compiled(1);
        let stat = held.metadata().expect("it is open");
        assert_eq!((stat.ino(), (stat.uid(), stat.gid()), stat.mode() & 0o7777), before, "with {content:?} in it");
        assert!(python.cache(&source).is_file());
        assert_eq!(inode(&caches) == before.0, content.is_some(), "an empty one is replaced");
        warm(python, &tree.root).assert_nothing_done();
    }
}

#[test]
fn one_goes_with_the_setgid_bit_and_the_group_of_its_directory() {
    let name = "directories::one_goes_with_the_setgid_bit_and_the_group_of_its_directory";
    let Some((tree, source)) = developers(name, 0o2770) else { return };
    warm(primary(), &tree.root).assert_compiled(1);
    let caches = tree.path("app/__pycache__");
    assert_eq!((owner(&caches), mode(&caches)), ((OWNER.uid, GROUP), 0o2770));
    let cache = primary().cache(&source);
    assert_eq!(owner(&cache), owner(&source));
    assert!(MEMBER.run(|| can_read(&cache)) && !OTHER.run(|| can_read(&cache)));
    check(primary(), &tree.root).assert_nothing_done();
}

/// The directory is open to one user alone, by an ACL.
#[test]
fn who_is_let_in_by_a_list_is_let_into_the_caches() {
    let name = "directories::who_is_let_in_by_a_list_is_let_into_the_caches";
    for set_later in [false, true] {
        let Some((tree, source)) = developers(name, 0o700) else { return };
        let (python, app, caches) = (primary(), tree.path("app"), tree.path("app/__pycache__"));
        if !have_acls(name, &source) {
            return;
        }
        if set_later {
            warm(python, &tree.root).assert_compiled(1);
        }
        set_acl(&format!("u:{}:rx", SERVER.uid), &app);
        let report = warm(python, &tree.root);
        assert_eq!(report.counts.repaired + report.counts.compiled, 1, "{}", report.raw);
        assert_eq!(acl(&caches), acl(&app));
        let reads = |user: User| user.run(|| can_read(&python.cache(&source)));
        assert!(reads(SERVER) && reads(OWNER) && !reads(NAMED) && !reads(MEMBER) && !reads(OTHER));
        check(python, &tree.root).assert_nothing_done();
        // As does import.
        if OTHER.run(|| clean_command(&python.path).args(["-I", "-S", "-c", ""]).output().is_ok()) {
            let program = "import sys; sys.dont_write_bytecode = True; sys.path.insert(0, sys.argv[1]); import x; \
                           assert open(x.__cached__, 'rb').read(); print(x.X)";
            let output =
                SERVER.run(|| clean_command(&python.path).args(["-I", "-S", "-c", program]).arg(&app).output());
            let output = output.expect("it runs");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        }
    }
}

/// Nothing in the directories is written by whom the parent does not let.
#[test]
fn a_list_of_its_own_goes() {
    let name = "directories::a_list_of_its_own_goes";
    let Some((tree, source)) = developers(name, 0o755) else { return };
    let caches = tree.path("app/__pycache__");
    if !have_acls(name, &source) {
        return;
    }
    warm(primary(), &tree.root).assert_compiled(1);
    let write = || NAMED.run(|| fs::write(caches.join("y.cpython-311.pyc"), "planted").is_ok());
    for list in [format!("u:{}:rwx", NAMED.uid), format!("d:u:{}:rwx", NAMED.uid)] {
        set_acl(&list, &caches);
        assert_eq!(check(primary(), &tree.root).counts.stale, 1, "{list}");
        assert_eq!(warm(primary(), &tree.root).counts.repaired, 1, "{list}");
        assert_eq!((acl(&caches), mode(&caches)), ("user::rwx\ngroup::r-x\nother::r-x\n\n".to_owned(), 0o755));
        assert!(!write());
    }
}

#[test]
fn in_a_sticky_directory_a_list_lets_nobody_write_but_the_owner() {
    let name = "directories::in_a_sticky_directory_a_list_lets_nobody_write_but_the_owner";
    let Some((tree, source)) = developers(name, 0o1775) else { return };
    if !have_acls(name, &source) {
        return;
    }
    set_acl(&format!("u:{}:rwx", NAMED.uid), &tree.path("app"));
    warm(primary(), &tree.root).assert_compiled(1);
    let caches = tree.path("app/__pycache__");
    assert_eq!(mode(&caches), 0o755);
    assert_eq!(access_acl(&caches).lines().find(|line| line.starts_with("mask")), Some("mask::r-x"));
    let write = |directory: &Path| NAMED.run(|| fs::write(directory.join("y.cpython-311.pyc"), "planted").is_ok());
    assert!(write(&tree.path("app")) && !write(&caches));
    assert!(NAMED.run(|| can_read(&primary().cache(&source))));
    check(primary(), &tree.root).assert_nothing_done();
}
