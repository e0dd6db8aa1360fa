//! Every combination of mode, ACL, default ACL and policy.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use crate::support::python::primary;
use crate::support::run::{json, pycwarm_with};
use crate::support::skip::{needs_root, note, skipped};
use crate::support::tree::{Tree, set_mode};
use crate::{GROUP, NAMED, NAMED_GROUP, OTHER, OWNER, give, readable, set_acl};

const MODES: &[u32] = &[0o600, 0o640, 0o644, 0o660, 0o604, 0o444, 0o400, 0o440, 0o755, 0o751, 0o000, 0o004, 0o040];
/// Read for some, nothing for others who would have it by the mode, and a mask that takes it from all.
const ACLS: &[&str] = &[
    "",
    "u:64004:r",
    "u:64004:rw",
    "u:64004:---",
    "g:64011:r",
    "g:64011:---",
    "u:64003:---",
    "u:64004:r,m::---",
    "u:64004:rw,g:64011:r,m::r",
    "u:64004:-wx,g::r,o::---",
    "g:64010:---,u:64004:r",
];
/// Of the directory: what new files in it, and directories, would get.
const DEFAULTS: &[&str] = &["", "d:u:64003:rwx,d:o::rwx", "d:g::rwx,d:m::rwx,d:u:64004:rwx"];
/// The lines of `[defaults]`, and whether whoever can read the source must be able to read the cache.
const POLICIES: &[(&str, bool)] = &[
    ("", true),
    ("mode = \"0644\"", false),
    ("mode = \"0666\"", false),
    ("mode = \"0600\"", false),
    ("mode = \"0440\"", false),
    ("owner = \"64003:64011\"", false),
    ("owner = \"64003:64010\"\nmode = \"0664\"", false),
    ("owner = \"0:0\"", false),
];

/// Who tries: each with the groups that count.
fn users() -> Vec<(u32, Vec<u32>)> {
    let alone = [OWNER, OTHER, NAMED].map(|user| (user, vec![]));
    let grouped = [(64_020, vec![GROUP]), (64_021, vec![NAMED_GROUP]), (64_022, vec![GROUP, NAMED_GROUP])];
    let both = [(NAMED, vec![NAMED_GROUP]), (OTHER, vec![GROUP])];
    alone.into_iter().chain(grouped).chain(both).collect()
}

/// A source for each mode and ACL, in a directory with such a default ACL. `None`: there are no ACLs.
fn sources(place: &Tree, default: &str) -> Option<Vec<PathBuf>> {
    let mut sources = Vec::new();
    for (number, acl) in ACLS.iter().enumerate() {
        for mode in MODES {
            let source = place.source(&format!("tree/m{number}_{mode:04o}.py"), "X = 1\n");
            // Before the mode, as that is part of an ACL.
            give(&source, OWNER, GROUP);
            set_mode(&source, *mode);
            if !acl.is_empty() && !set_acl(&source, &[], acl) {
                return None;
            }
            sources.push(source);
        }
    }
    let tree = place.path("tree");
    set_mode(&tree, 0o755);
    if !default.is_empty() && !set_acl(&tree, &[], default) {
        return None;
    }
    Some(sources)
}

fn paths(of: &[PathBuf]) -> Vec<&Path> {
    of.iter().map(PathBuf::as_path).collect()
}

#[test]
fn nobody_reads_a_cache_who_cannot_read_its_source() {
    let name = "readers::nobody_reads_a_cache_who_cannot_read_its_source";
    if !needs_root(name) {
        return;
    }
    let python = primary();
    let mut asked = 0;
    for default in DEFAULTS {
        for (policy, is_equal) in POLICIES {
            let place = Tree::new();
            set_mode(&place.root, 0o755);
            let Some(sources) = sources(&place, default) else { return skipped(name, "no setfacl, or no ACLs here") };
            let config = place.file("pycwarm.toml", format!("[defaults]\n{policy}\n"));
            let run = |verb: &str| {
                json(pycwarm_with(verb, &config).arg("--python").arg(&python.path).arg(place.path("tree")))
            };
            run("warm").assert_compiled(sources.len() as u64);
            run("check").assert_nothing_done();
            let caches: Vec<PathBuf> = sources.iter().map(|source| python.cache(source)).collect();
            for (user, groups) in users() {
                let of_source: BTreeSet<&Path> = readable(user, &groups, &paths(&sources)).into_iter().collect();
                let of_cache: BTreeSet<&Path> = readable(user, &groups, &paths(&caches)).into_iter().collect();
                for (source, cache) in sources.iter().zip(&caches) {
                    let (reads_source, reads_cache) = (of_source.contains(&**source), of_cache.contains(&**cache));
                    let context = format!("{user} {groups:?} {default:?} {policy:?} {}", source.display());
                    assert!(reads_source || !reads_cache, "the cache and not the source: {context}");
                    // The owner reads a cache where the mode keeps the owner from the source, and no more than that.
                    assert!(!is_equal || reads_cache || !reads_source, "the source and not the cache: {context}");
                    asked += 1;
                }
            }
        }
    }
    note(&format!("{name}: {asked} questions to the kernel"));
}

/// An ACL that was taken from a cache, or given to it, is a reason to make it anew.
#[test]
fn a_cache_with_another_acl_is_replaced() {
    let name = "readers::a_cache_with_another_acl_is_replaced";
    if !needs_root(name) {
        return;
    }
    let (python, place) = (primary(), Tree::new());
    let source = place.source("tree/x.py", "X = 1\n");
    set_mode(&source, 0o640);
    if !set_acl(&source, &[], "u:64004:r") {
        return skipped(name, "no setfacl, or no ACLs here");
    }
    let run =
        |verb: &str| crate::support::run::pycwarm(verb).arg("--python").arg(&python.path).arg(&place.root).output();
    let cache = python.cache(&source);
    run("warm").expect("it runs");
    for spoil in [["-m", "u:64003:r"], ["-x", "u:64004"]] {
        let before = crate::support::tree::inode(&cache);
        crate::support::process::must(crate::support::process::clean_command("setfacl").args(spoil).arg(&cache));
        assert_eq!(run("check").expect("it runs").status.code(), Some(1), "{spoil:?}");
        assert_eq!(run("warm").expect("it runs").status.code(), Some(0), "{spoil:?}");
        assert_eq!(run("check").expect("it runs").status.code(), Some(0), "{spoil:?}");
        assert_ne!(crate::support::tree::inode(&cache), before, "{spoil:?}");
        assert!(readable(OTHER, &[], &[&cache]).is_empty());
    }
}
