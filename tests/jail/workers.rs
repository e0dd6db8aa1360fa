//! What the kernel says of real workers.

use std::collections::{BTreeMap, BTreeSet};
use std::os::unix::fs::chown;
use std::path::Path;

use crate::proc::{Process, is_open_to_all, workers};
use crate::support::daemon::Daemon;
use crate::support::process::clean_command;
use crate::support::python::{distinct, primary};
use crate::support::run::pycwarm_with;
use crate::support::skip::{is_root, needs_root, note};
use crate::support::tree::{Tree, set_mode};

fn the_worker(daemon: &Daemon) -> Process {
    let mut found = workers(daemon.id());
    assert_eq!(found.len(), 1);
    found.remove(0)
}

fn assert_jailed(worker: &Process, own_user: bool) {
    let status = worker.status();
    for set in ["CapInh", "CapPrm", "CapEff", "CapAmb"] {
        assert_eq!(worker.capabilities(set), 0, "{set}");
    }
    if is_root() {
        assert_eq!(worker.capabilities("CapBnd"), 0);
    }
    assert_eq!(status["NoNewPrivs"], "1");
    assert_eq!(status["Seccomp"], "2");
    assert_eq!(status["Threads"], "1");
    if own_user {
        assert!(worker.user() >= 61_184, "{}", worker.user());
        assert_eq!(worker.user(), worker.group());
        assert_eq!(status["Groups"], "");
    }
    let fixed = |limit: u64| (limit.to_string(), limit.to_string());
    assert_eq!(worker.limit("Max address space"), fixed(1 << 30));
    assert_eq!(worker.limit("Max cpu time"), fixed(1200));
    for name in ["Max file size", "Max core file size", "Max processes"] {
        assert_eq!(worker.limit(name), fixed(0), "{name}");
    }
    assert_eq!(worker.limit("Max open files"), fixed(64));
    assert!(worker.environment().is_empty());
    assert_eq!(worker.link("cwd"), "/");
    let descriptors = worker.descriptors();
    // The worker's own copy of its standard output, before it took that for its standard error.
    assert!(descriptors.len() <= 4, "{descriptors:?}");
    assert!(descriptors.values().all(|to| to.starts_with("pipe:") || to.starts_with("socket:")), "{descriptors:?}");
}

#[test]
fn of_each_interpreter() {
    for python in distinct() {
        let place = Tree::new();
        place.good();
        let daemon = Daemon::over(python, &place.root);
        let own_user = is_root() && is_open_to_all(python);
        if is_root() && !own_user {
            note(&format!("{} is closed to other users: its workers are root's", python.path.display()));
        }
        let worker = the_worker(&daemon);
        assert_jailed(&worker, own_user);
        assert_eq!(worker.user() != 0, own_user || !is_root());
        let status = daemon.status();
        let jail = &status["jails"][0];
        let has = |list: &str, layer: &str| jail[list].to_string().contains(&format!("\"{layer}\""));
        for layer in ["privileges", "files", "calls", "limits"] {
            assert!(has("holds", layer), "{jail}");
        }
        assert_eq!((has("holds", "user"), has("lacks", "user")), (own_user, is_root() && !own_user), "{jail}");
    }
}

/// Nothing that the daemon inherited, or has open, is handed on.
#[test]
fn descriptors_of_the_daemon_stay_with_it() {
    let (python, place) = (primary(), Tree::new());
    place.good();
    let config =
        place.file("pycwarm.toml", format!("[[tree]]\npath = {:?}\npython = [{:?}]\n", place.root, python.path));
    let pycwarm = pycwarm_with("daemon", &config);
    // Descriptor 9 without the flag that closes it.
    let mut command = clean_command("bash");
    command.args(["-c", "exec 9</etc/passwd; exec \"$@\"", "bash"]).arg(pycwarm.get_program()).args(pycwarm.get_args());
    let daemon = Daemon::start(&mut command).ready();
    assert!(Process::new(daemon.id()).descriptors().contains_key(&9), "the daemon has it");
    assert_jailed(&the_worker(&daemon), false);
}

/// A worker that compiled a source of one user never sees one of another.
#[test]
fn each_owner_has_workers_of_their_own() {
    if !needs_root("workers::each_owner_has_workers_of_their_own") {
        return;
    }
    let (Some(python), place) = (distinct().into_iter().find(|python| is_open_to_all(python)), Tree::new()) else {
        return crate::support::skip::skipped(
            "workers::each_owner_has_workers_of_their_own",
            "there is no interpreter that all users may execute",
        );
    };
    set_mode(&place.root, 0o755);
    let owners = [0, 64_001, 64_002, 64_003];
    for owner in owners {
        for number in 0..5 {
            let source = place.source(&format!("of{owner}/m{number}.py"), "X = 1\n");
            chown(&source, Some(owner), Some(owner)).expect("as root");
            let directory: &Path = source.parent().expect("it has one");
            chown(directory, Some(owner), Some(owner)).expect("as root");
        }
    }
    let settings = format!("jobs = 1\n[[tree]]\npath = {:?}\npython = [{:?}]\n", place.root, python.path);
    let daemon = Daemon::configured(&place.file("pycwarm.toml", settings));
    // There is room for one: it is the one that compiled the last source.
    let mut user_of = BTreeMap::new();
    for round in 0..3 {
        for owner in owners {
            let source = place.path(&format!("of{owner}/m0.py"));
            // Older than a second, so that nothing of it is compiled once more.
            let new = place.source(&format!("of{owner}/new"), format!("Y = {owner}\n{}", "X = 1\n".repeat(round + 1)));
            chown(&new, Some(owner), Some(owner)).expect("as root");
            std::fs::rename(&new, &source).expect("as root");
            daemon.wait_fresh(python, [&source]);
            daemon.wait_until("one worker is left", || workers(daemon.id()).len() == 1);
            let user = the_worker(&daemon).user();
            let before = *user_of.entry(owner).or_insert(user);
            assert_eq!(before, user, "round {round}, owner {owner}: {user_of:?}\n{}", daemon.stderr());
        }
    }
    let users: BTreeSet<u32> = user_of.values().copied().collect();
    assert_eq!(users.len(), owners.len(), "{user_of:?}");
    assert!(users.iter().all(|user| !owners.contains(user)), "{user_of:?}");
}
