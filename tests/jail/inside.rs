//! What a program can do in the jail of a worker: the same script outside of it and inside.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

use pycwarm::domain::Confinement;
use pycwarm::jail::Warden;

use crate::support::process::clean_command;
use crate::support::python::{Interpreter, distinct};
use crate::support::run::binary;
use crate::support::skip::is_root;
use crate::support::tree::{Tree, mode, set_mode};

const SCRIPT: &str = include_str!("inside.py");
/// Not to be had even outside, by some users or on some machines; the last two are harmless.
const NOT_EVERYWHERE: &[&str] = &[
    "chroot",
    "chown",
    "setuid",
    "setgid",
    "setsid",
    "signal-init",
    "setxattr",
    "read-parent",
    "spawn",
    "memory",
    "limit",
];

pub fn jailed(program: &Path, confinement: Confinement) -> Command {
    let uid = rustix::process::geteuid().as_raw();
    let warden = Warden::new(uid, 1 << 30, Duration::from_secs(120));
    let program = fs::canonicalize(program).expect("it is there");
    let mut command = clean_command(binary());
    command.arg("jail").args(warden.orders(&program, confinement, Some(64_001)).to_arguments());
    command.arg("--").arg(program);
    command.env_clear().current_dir("/");
    command
}

/// Every confinement that can be asked for here.
pub fn confinements() -> Vec<Confinement> {
    let all = [(true, true), (false, true), (true, false)];
    let asked = all.into_iter().filter(|(own_user, _)| !own_user || is_root());
    asked.map(|(own_user, own_files)| Confinement { own_user, own_files, few_calls: true }).collect()
}

/// The names of the attempts that succeeded, and of those that did not.
fn attempts(mut command: Command, place: &Path) -> (BTreeSet<String>, BTreeSet<String>) {
    let place: OsString = place.into();
    let output = command.args(["-I", "-S", "-E", "-B", "-c", SCRIPT]).arg(place).output().expect("it runs");
    // What the jail tells of itself comes before the first line.
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    let start = text.find("library").unwrap_or_else(|| panic!("{text}\n{}", String::from_utf8_lossy(&output.stderr)));
    let start = start - usize::from(text[..start].ends_with('-'));
    let (failed, succeeded): (Vec<_>, Vec<_>) = text[start..].lines().partition(|line| line.starts_with('-'));
    let name = |line: &&str| line.trim_start_matches('-').split(' ').next().unwrap_or_default().to_owned();
    (succeeded.iter().map(name).collect(), failed.iter().map(name).collect())
}

fn place() -> Tree {
    let place = Tree::new();
    set_mode(&place.root, 0o777);
    let secret = place.file("secret", "secret");
    set_mode(&secret, 0o666);
    place
}

/// Otherwise it would show nothing that they fail inside.
#[test]
fn outside_of_the_jail_they_succeed() {
    let python = distinct()[0];
    let place = place();
    let (_, failed) = attempts(clean_command(&python.path), &place.root);
    let unexpected: Vec<_> = failed.iter().filter(|name| !NOT_EVERYWHERE.contains(&name.as_str())).collect();
    assert!(unexpected.is_empty(), "{unexpected:?}");
}

fn assert_only(python: &Interpreter, confinement: Confinement, allowed: &[&str]) {
    let place = place();
    let (succeeded, failed) = attempts(jailed(&python.path, confinement), &place.root);
    let succeeded: Vec<&str> = succeeded.iter().map(String::as_str).collect();
    assert_eq!(succeeded, allowed, "{} with {confinement:?}", python.path.display());
    assert!(failed.len() > 30, "{failed:?}");
    let secret = place.path("secret");
    assert_eq!(fs::read(&secret).expect("it is there"), b"secret");
    assert_eq!(mode(&secret), 0o666);
    assert_eq!(fs::read_dir(&place.root).expect("it is there").count(), 1);
}

/// On each interpreter: with the file system closed, whoever it runs as, nothing is left; without that, what every
/// user may read.
#[test]
fn inside_nothing_succeeds_but_the_library() {
    for python in distinct() {
        for confinement in confinements() {
            let mut probe = jailed(&python.path, confinement);
            let starts =
                probe.args(["-I", "-S", "-E", "-B", "-c", ""]).output().is_ok_and(|output| output.status.success());
            if !starts {
                assert!(confinement.own_user, "{} does not start with {confinement:?}", python.path.display());
                continue;
            }
            let allowed: &[&str] = match confinement.own_files {
                true => &["library"],
                false => &[
                    "library",
                    "list-place",
                    "list-processes",
                    "list-root",
                    "read-group",
                    "read-passwd",
                    "read-secret",
                ],
            };
            assert_only(python, confinement, allowed);
        }
    }
}
