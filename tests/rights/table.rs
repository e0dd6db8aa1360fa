//! Every mode with every ACL, owner, mode policy, default ACL and umask: all users try all files.

use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::support::acl::{acl, have_acls, set_acl};
use crate::support::process::clean_command;
use crate::support::python::primary;
use crate::support::run::{Report, binary, json};
use crate::support::skip::needs_root;
use crate::support::tree::{Tree, set_mode};
use crate::users::{self, ALL, GROUP, NAMED, NAMED_GROUP, OWNER, SERVER, SERVER_GROUP, User};

const MODES: [u32; 16] =
    [0o600, 0o640, 0o644, 0o604, 0o660, 0o664, 0o666, 0o400, 0o440, 0o444, 0o044, 0o060, 0o755, 0o710, 0o711, 0o750];

/// What is added to the entries of a mode; a mask is the union if none is named. The names in braces stand for numbers.
const LISTS: [&str; 16] = [
    "",
    "m:r",
    "u:{named}:r",
    "u:{named}:-",
    "u:{named}:rw,m:r",
    "u:{named}:r,m:-",
    "u:{named}:-,m:x",
    "u:{named}:rx,g:{named's}:r,m:x",
    "g:{named's}:r",
    "g:{named's}:-",
    "g:{named's}:rw,g:{group}:-",
    "g:{group}:r,u:{owner}:-",
    "u:{server}:r",
    "u:{server}:-,g:{server's}:-",
    "g:{server's}:r",
    "u:{named}:rwx,g:{named's}:rwx,g:{server's}:r,u:{server}:r",
];

/// Of the directories: what is made in them would get these entries.
const DEFAULT_LISTS: [&str; 4] =
    ["", "d:u:{named}:rwx", "d:g:{named's}:rwx,d:o:rwx,d:m:rwx", "d:u::r,d:u:{named}:rwx,d:g::rwx,d:o::rwx"];

fn numbered(entries: &str) -> String {
    let ids = [
        ("{owner}", OWNER.uid),
        ("{group}", GROUP),
        ("{named}", NAMED.uid),
        ("{named's}", NAMED_GROUP),
        ("{server}", SERVER.uid),
        ("{server's}", SERVER_GROUP),
    ];
    ids.iter().fold(entries.to_owned(), |text, (name, id)| text.replace(name, &id.to_string()))
}

/// Makes a source of every mode and ACL in every kind of directory, with one call of setfacl.
fn sources(tree: &Tree) -> Vec<PathBuf> {
    let (mut made, mut restore) = (Vec::new(), String::new());
    for (kind, default) in DEFAULT_LISTS.iter().enumerate() {
        for (which, list) in LISTS.iter().enumerate() {
            for mode in MODES {
                let source = tree.source(&format!("d{kind}/l{which}_{mode:o}.py"), "X = 1\n");
                chown(&source, Some(OWNER.uid), Some(GROUP)).expect("root");
                set_mode(&source, mode);
                let list = numbered(list);
                let class = |shift: u32| mode >> shift & 7;
                let mask = if list.is_empty() || list.contains("m:") { String::new() } else { ",m:rwx".to_owned() };
                let text = format!("u::{},g::{},o::{},{list}{mask}", class(6), class(3), class(0));
                // The form that setfacl restores from.
                let _ = writeln!(restore, "# file: {}", source.display());
                for entry in text.split(',').filter(|entry| !entry.is_empty()) {
                    let _ = writeln!(restore, "{}", entry.replace("m:", "m::"));
                }
                restore.push('\n');
                made.push(source);
            }
        }
        let directory = tree.path(&format!("d{kind}"));
        if !default.is_empty() {
            set_acl(&numbered(default), &directory);
        }
    }
    let mut setfacl = clean_command("setfacl");
    let mut child = setfacl.arg("--restore=-").stdin(Stdio::piped()).spawn().expect("setfacl");
    child.stdin.take().expect("piped").write_all(restore.as_bytes()).expect("it reads");
    assert!(child.wait().expect("a child").success());
    made
}

fn run(verb: &str, umask: &str, policy: &str, tree: &Tree) -> Report {
    let config = tree.root.with_file_name(format!("{}.toml", tree.root.file_name().expect("named").display()));
    fs::write(&config, format!("[defaults]\n{policy}\n")).expect("a temporary directory");
    let mut command = clean_command("/bin/sh");
    command.args(["-c", &format!("umask {umask}; exec \"$@\""), "sh"]).arg(binary()).arg(verb).arg("--config");
    let report = json(command.arg(&config).arg("--python").arg(&primary().path).arg(&tree.root));
    fs::remove_file(config).expect("own file");
    report
}

/// May read, may write: of each of these files.
fn rights(user: User, files: &[PathBuf]) -> Vec<(bool, bool)> {
    user.run(|| files.iter().map(|file| (users::can_read(file), users::can_write(file))).collect())
}

fn describe(source: &Path, cache: &Path) -> String {
    let ids = |path| fs::metadata(path).map(|stat| format!("{}:{} {:o}", stat.uid(), stat.gid(), stat.mode() & 0o7777));
    format!("{source:?}: {:?}\n{}of its cache: {:?}\n{}", ids(source), acl(source), ids(cache), acl(cache))
}

/// One policy over all sources. `is_exact`: whoever may read the source may read the cache.
fn try_policy(name: &str, policy: &str, umask: &str, is_exact: bool) {
    if !needs_root(name) {
        return;
    }
    let tree = Tree::new();
    if !have_acls(name, &tree.file("probe", "")) {
        return;
    }
    let sources = sources(&tree);
    run("warm", umask, policy, &tree).assert_compiled(sources.len() as u64);
    let caches: Vec<PathBuf> = sources.iter().map(|source| primary().cache(source)).collect();
    let mut read_by_none_but_root = 0;
    let mut readers = vec![0; sources.len()];
    for user in ALL {
        let of_sources = rights(user, &sources);
        for (index, (of_cache, of_source)) in rights(user, &caches).into_iter().zip(of_sources).enumerate() {
            let (source, cache) = (&sources[index], &caches[index]);
            let owner = fs::metadata(cache).expect("a cache").uid();
            let tell = |what: &str| format!("the {} {what}\n{}", user.what, describe(source, cache));
            assert!(!of_cache.0 || of_source.0, "{}", tell("reads the cache and not the source"));
            assert!(!is_exact || of_cache.0 || !of_source.0, "{}", tell("reads the source and not the cache"));
            if user.uid == owner {
                // Its owner may open it for all, in time.
                assert!(of_source.0 || user.uid == OWNER.uid, "{}", tell("owns the cache of what it cannot read"));
            } else {
                assert!(!of_cache.1 || of_source.1, "{}", tell("writes the cache and not the source"));
            }
            readers[index] += usize::from(of_cache.0);
        }
    }
    read_by_none_but_root += readers.iter().filter(|count| **count == 0).count();
    // Not by closing everything.
    assert!(read_by_none_but_root * 4 < sources.len(), "{read_by_none_but_root} of {} are closed", sources.len());
    run("check", umask, policy, &tree).assert_nothing_done();
}

#[test]
fn by_default_the_same_users_read_source_and_cache() {
    try_policy("table::by_default_the_same_users_read_source_and_cache", "", "022", true);
}

#[test]
fn by_default_under_other_umasks() {
    for umask in ["000", "777"] {
        try_policy("table::by_default_under_other_umasks", "", umask, true);
    }
}

#[test]
fn a_configured_owner_and_group() {
    let policy = format!("owner = \"{}:{SERVER_GROUP}\"", SERVER.uid);
    try_policy("table::a_configured_owner_and_group", &policy, "077", false);
}

#[test]
fn roots_caches_for_a_configured_group() {
    let policy = format!("owner = \"0:{SERVER_GROUP}\"");
    try_policy("table::roots_caches_for_a_configured_group", &policy, "022", false);
}

#[test]
fn a_configured_owner_in_the_group_of_the_sources() {
    let policy = format!("owner = \"{}:{GROUP}\"", SERVER.uid);
    try_policy("table::a_configured_owner_in_the_group_of_the_sources", &policy, "000", false);
}

#[test]
fn a_configured_owner_who_is_named_in_acls() {
    let policy = format!("owner = \"{}:{NAMED_GROUP}\"", NAMED.uid);
    try_policy("table::a_configured_owner_who_is_named_in_acls", &policy, "022", false);
}

#[test]
fn configured_modes() {
    for mode in ["0644", "0640", "0604", "0666"] {
        let policy = format!("mode = \"{mode}\"");
        try_policy("table::configured_modes", &policy, "022", mode == "0666");
    }
}

#[test]
fn a_configured_mode_beside_a_configured_owner() {
    let policy = format!("owner = \"{}:{SERVER_GROUP}\"\nmode = \"0640\"", SERVER.uid);
    try_policy("table::a_configured_mode_beside_a_configured_owner", &policy, "027", false);
}
