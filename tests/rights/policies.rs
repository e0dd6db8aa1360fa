//! The rows of the tables in docs/permissions.md for configured owners and modes.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};

use crate::support::acl::{acl, have_acls, set_acl};
use crate::support::python::primary;
use crate::support::run::{pycwarm_with, run};
use crate::support::skip::needs_root;
use crate::support::tree::{Tree, mode, set_mode};
use crate::users::{GROUP, NAMED, OWNER, SERVER, SERVER_GROUP};

/// Of the cache of a source with this mode, and these entries beside it, under this policy: user, group, mode, ACL.
fn cache_of(mode_of_source: u32, entries: &str, policy: &str) -> (u32, u32, u32, String) {
    let tree = Tree::new();
    let source = tree.source("t/x.py", "X = 1\n");
    chown(&source, Some(OWNER.uid), Some(GROUP)).expect("root");
    set_mode(&source, mode_of_source);
    if !entries.is_empty() {
        set_acl(entries, &source);
    }
    let config = tree.file("pycwarm.toml", format!("[defaults]\npython = [{:?}]\n{policy}\n", primary().path));
    for _ in 0..2 {
        let ran = run(pycwarm_with("warm", &config).arg(tree.path("t")));
        assert_eq!(ran.status, 0, "{}", ran.stderr);
    }
    let ran = run(pycwarm_with("check", &config).arg(tree.path("t")));
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let cache = primary().cache(&source);
    let stat = fs::metadata(&cache).expect("a cache");
    (stat.uid(), stat.gid(), mode(&cache), acl(&cache).trim_end().replace('\n', ","))
}

#[test]
fn owner_and_mode_without_a_list() {
    if !needs_root("policies::owner_and_mode_without_a_list") {
        return;
    }
    let (server, roots) = (format!("owner = \"{}:{SERVER_GROUP}\"", SERVER.uid), "owner = \"0:0\"");
    let same_group = format!("owner = \"{}:{GROUP}\"", SERVER.uid);
    for (of_source, policy, uid, gid, expected) in [
        (0o644, "", OWNER.uid, GROUP, 0o644),
        (0o750, "", OWNER.uid, GROUP, 0o640),
        (0o440, "", OWNER.uid, GROUP, 0o640),
        (0o644, &server, SERVER.uid, SERVER_GROUP, 0o644),
        (0o640, &server, OWNER.uid, SERVER_GROUP, 0o600),
        (0o604, &server, OWNER.uid, SERVER_GROUP, 0o600),
        (0o640, &same_group, OWNER.uid, GROUP, 0o640),
        (0o640, roots, 0, 0, 0o600),
        (0o644, "mode = \"0600\"", OWNER.uid, GROUP, 0o600),
        (0o600, "mode = \"0644\"", OWNER.uid, GROUP, 0o600),
        (0o644, "mode = \"0444\"", OWNER.uid, GROUP, 0o444),
    ] {
        let (is_uid, is_gid, is_mode, _) = cache_of(of_source, "", policy);
        assert_eq!((is_uid, is_gid, is_mode), (uid, gid, expected), "of {of_source:o} under {policy:?}: {is_mode:o}");
    }
}

#[test]
fn owner_and_mode_beside_a_list() {
    let name = "policies::owner_and_mode_beside_a_list";
    if !needs_root(name) || !have_acls(name, &Tree::new().file("probe", "")) {
        return;
    }
    let (owner, named, server) = (OWNER.uid, NAMED.uid, SERVER.uid);
    let (list, servers) = (format!("u:{named}:rw"), format!("u:{server}:r"));
    let configured = format!("owner = \"{server}:{SERVER_GROUP}\"");
    for (entries, policy, uid, gid, expected) in [
        // Who was the group of the source is named; the new group has what everybody has.
        (
            &list,
            configured.as_str(),
            owner,
            SERVER_GROUP,
            format!("user::rw-,user:{named}:rw-,group::---,group:{GROUP}:r--,mask::rw-,other::---"),
        ),
        // A list may say that the configured user may read it.
        (
            &servers,
            &configured,
            server,
            SERVER_GROUP,
            format!("user::rw-,user:{owner}:rw-,group::---,group:{GROUP}:r--,mask::r--,other::---"),
        ),
        (
            &list,
            "owner = \"0:0\"",
            0,
            0,
            format!("user::rw-,user:{owner}:rw-,user:{named}:rw-,group::---,group:{GROUP}:r--,mask::rw-,other::---"),
        ),
        // The group bits of a mode are the mask.
        (&list, "mode = \"0640\"", owner, GROUP, format!("user::rw-,user:{named}:rw-,group::r--,mask::r--,other::---")),
        (&list, "mode = \"0600\"", owner, GROUP, "user::rw-,group::---,other::---".to_owned()),
        (
            &format!("u:{named}:-,o::r"),
            "mode = \"0604\"",
            owner,
            GROUP,
            format!("user::rw-,user:{named}:---,group::---,mask::r--,other::r--"),
        ),
    ] {
        let (is_uid, is_gid, _, is) = cache_of(0o640, entries, policy);
        let is: Vec<&str> = is.split(',').map(|entry| entry.split('\t').next().unwrap_or(entry)).collect();
        assert_eq!((is_uid, is_gid, is.join(",")), (uid, gid, expected), "of {entries:?} under {policy:?}");
    }
}
