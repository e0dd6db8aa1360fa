//! Where a walk goes, and where it does not: owners, world-writable directories, mounts, links, the way to the root.

#[path = "../support/mod.rs"]
mod support;

mod directories;
mod keeping;
mod links;
mod mounts;
mod way;

use std::os::unix::fs::{chown, lchown};
use std::path::Path;

use support::python::primary;
use support::run::{Report, json, pycwarm_with};
use support::tree::{Tree, set_mode};

/// Users that no account has.
pub const ALICE: u32 = 64_001;
pub const BOB: u32 = 64_002;

/// Gives a file, a directory or a link to a user.
pub fn give(path: &Path, user: u32) {
    match path.is_symlink() {
        true => lchown(path, Some(user), Some(user)).expect("as root"),
        false => chown(path, Some(user), Some(user)).expect("as root"),
    }
}

/// A place that everybody can look into.
pub fn place() -> Tree {
    let place = Tree::new();
    set_mode(&place.root, 0o755);
    place
}

/// `warm` or `check` over the trees, with these lines below `[defaults]`.
pub fn run(verb: &str, defaults: &str, place: &Tree, trees: &[&str]) -> Report {
    let config = place.file("settings/pycwarm.toml", format!("[defaults]\n{defaults}\n"));
    let mut command = pycwarm_with(verb, &config);
    command.arg("--python").arg(&primary().path);
    json(command.args(trees.iter().map(|tree| place.path(tree))))
}

/// One directory is skipped for this reason, by `check` and by `warm`, and one source is compiled beside it.
#[track_caller]
pub fn assert_skipped(defaults: &str, place: &Tree, directory: &str, reason: &str) {
    for verb in ["check", "warm"] {
        let report = run(verb, defaults, place, &["tree"]);
        let skip = report.skip_of(&place.path(directory));
        assert!(skip.reason.contains(reason), "{verb}: {}", skip.reason);
        assert_eq!((report.counts.sources, report.counts.failed, report.counts.skipped), (1, 0, 1), "{}", report.raw);
    }
    assert!(primary().cache(&place.path("tree/good.py")).exists());
    assert!(!place.path(directory).join("__pycache__").exists());
}

/// All is compiled.
#[track_caller]
pub fn assert_entered(defaults: &str, place: &Tree, sources: u64) {
    run("warm", defaults, place, &["tree"]).assert_compiled(sources);
    run("check", defaults, place, &["tree"]).assert_nothing_done();
}
