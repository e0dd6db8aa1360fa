//! What a user without privileges does over sources of several owners.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::os::unix::process::CommandExt;
use std::path::Path;

use crate::support::acl::{acl, have_acls, set_acl};
use crate::support::python::primary;
use crate::support::run::{Report, json, pycwarm};
use crate::support::skip::{needs_root, skipped};
use crate::support::tree::{Tree, mode, set_mode};
use crate::users::{GROUP, MEMBER, NAMED, OTHER, OWNER, SERVER, User, can_read};

/// Warms as user [`SERVER`], in the groups that it has.
fn warm_as_user(tree: &Path) -> Option<Report> {
    let mut command = pycwarm("warm");
    command.arg("--python").arg(&primary().path).arg(tree).uid(SERVER.uid).gid(SERVER.gids[0]).current_dir("/");
    // The program and the interpreter may lie where only root may go.
    let can_run = |program: &Path| {
        SERVER.run(|| {
            crate::support::process::clean_command(program)
                .arg("--version")
                .output()
                .is_ok_and(|output| output.status.success())
        })
    };
    (can_run(&crate::support::run::binary()) && can_run(&primary().path)).then(|| json(&mut command))
}

/// A directory of [`SERVER`] with a source of its own, and of others.
fn mixed(name: &str) -> Option<(Tree, Vec<std::path::PathBuf>)> {
    if !needs_root(name) {
        return None;
    }
    let tree = Tree::new();
    let mut sources = Vec::new();
    for (index, (uid, mode)) in
        [(SERVER.uid, 0o640), (OWNER.uid, 0o644), (OWNER.uid, 0o666), (NAMED.uid, 0o604), (OTHER.uid, 0o755)]
            .into_iter()
            .enumerate()
    {
        let source = tree.source(&format!("app/m{index}.py"), "X = 1\n");
        chown(&source, Some(uid), Some(if uid == SERVER.uid { SERVER.gids[0] } else { GROUP })).expect("root");
        set_mode(&source, mode);
        sources.push(source);
    }
    set_mode(&tree.path("app"), 0o755);
    chown(tree.path("app"), Some(SERVER.uid), Some(SERVER.gids[0])).expect("root");
    Some((tree, sources))
}

#[test]
fn it_does_what_it_can_and_says_once_what_it_cannot() {
    let name = "unprivileged::it_does_what_it_can_and_says_once_what_it_cannot";
    let Some((tree, sources)) = mixed(name) else { return };
    let Some(report) = warm_as_user(&tree.root) else {
        return skipped(name, "an ordinary user cannot run the program or the interpreter where they are");
    };
    report.assert_compiled(sources.len() as u64);
    let told: Vec<&str> = report.ran.stderr.lines().filter(|line| line.contains("give files away")).collect();
    assert_eq!((told.len(), report.ran.stderr.lines().count()), (1, 1), "{}", report.ran.stderr);
    assert!(told[0].contains(&SERVER.uid.to_string()) && told[0].contains("run pycwarm as root"), "{told:?}");
    for (source, expected) in sources.iter().zip([0o640, 0o644, 0o666, 0o600, 0o644]) {
        let cache = primary().cache(source);
        let stat = fs::metadata(&cache).expect("a cache");
        assert_eq!((stat.uid(), mode(&cache)), (SERVER.uid, expected), "{source:?}");
        for user in [OWNER, MEMBER, OTHER, NAMED] {
            assert!(!user.run(|| can_read(&cache)) || user.run(|| can_read(source)), "{user:?} {source:?}");
        }
    }
    let again = warm_as_user(&tree.root).expect("as before");
    again.assert_nothing_done();
    assert_eq!(again.ran.stderr, "");
}

#[test]
fn it_says_nothing_where_all_is_its_own() {
    let name = "unprivileged::it_says_nothing_where_all_is_its_own";
    let Some((tree, sources)) = mixed(name) else { return };
    for source in &sources {
        chown(source, Some(SERVER.uid), Some(SERVER.gids[0])).expect("root");
    }
    let Some(report) = warm_as_user(&tree.root) else {
        return skipped(name, "an ordinary user cannot run the program or the interpreter where they are");
    };
    report.assert_compiled(sources.len() as u64);
    assert_eq!(report.ran.stderr, "");
}

#[test]
fn lists_are_carried_over_and_name_who_was_owner() {
    let name = "unprivileged::lists_are_carried_over_and_name_who_was_owner";
    let Some((tree, sources)) = mixed(name) else { return };
    if !have_acls(name, &sources[0]) {
        return;
    }
    let others = &sources[1];
    set_mode(others, 0o640);
    set_acl(&format!("u:{}:r,u:{}:r", SERVER.uid, NAMED.uid), others);
    set_acl(&format!("u:{}:r", NAMED.uid), &sources[0]);
    set_acl(&format!("u:{}:rx,d:u:{}:rwx", NAMED.uid, OTHER.uid), &tree.path("app"));
    let Some(report) = warm_as_user(&tree.root) else {
        return skipped(name, "an ordinary user cannot run the program or the interpreter where they are");
    };
    report.assert_compiled(sources.len() as u64);
    assert_eq!(acl(&primary().cache(&sources[0])), acl(&sources[0]));
    assert_eq!(acl(&tree.path("app/__pycache__")), crate::support::acl::access_acl(&tree.path("app")));
    let cache = primary().cache(others);
    let reads = |user: User| user.run(|| can_read(&cache));
    assert!(reads(SERVER) && reads(OWNER) && reads(NAMED) && reads(MEMBER) && !reads(OTHER), "{}", acl(&cache));
    warm_as_user(&tree.root).expect("as before").assert_nothing_done();
}

#[test]
fn a_cache_directory_of_its_own_is_put_right_and_one_of_another_is_told() {
    let name = "unprivileged::a_cache_directory_of_its_own_is_put_right_and_one_of_another_is_told";
    let Some((tree, sources)) = mixed(name) else { return };
    let caches = tree.path("app/__pycache__");
    fs::create_dir(&caches).expect("own directory");
    set_mode(&caches, 0o700);
    chown(&caches, Some(SERVER.uid), Some(SERVER.gids[0])).expect("root");
    let Some(report) = warm_as_user(&tree.root) else {
        return skipped(name, "an ordinary user cannot run the program or the interpreter where they are");
    };
    report.assert_compiled(sources.len() as u64);
    assert_eq!(mode(&caches), 0o755);
    set_mode(&caches, 0o700);
    chown(&caches, Some(OWNER.uid), Some(GROUP)).expect("root");
    let report = warm_as_user(&tree.root).expect("as before");
    assert_eq!(report.counts.failed, sources.len() as u64, "{}", report.raw);
    let failure = report.failure_of(&sources[0]);
    assert!(failure.message.contains("__pycache__") && failure.message.contains("Permission denied"), "{failure:?}");
}
