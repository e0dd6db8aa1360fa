//! File systems that are mounted and unmounted in, over and above a tree while the daemon runs. No mount gives an
//! event at the directory that it covers. The daemon runs in a mount namespace of its own.

use std::fs;
use std::path::PathBuf;

use crate::sources_below;
use crate::support::apart::{OWN_MOUNTS, can_have_own_mounts, wrapped};
use crate::support::daemon::Daemon;
use crate::support::python::{Interpreter, primary};
use crate::support::run::{pycwarm_with, settings};
use crate::support::tree::Tree;

struct Apart {
    python: &'static Interpreter,
    daemon: Daemon,
    place: Tree,
}

impl Apart {
    /// The tree is `site/app`.
    fn new(name: &str) -> Option<Self> {
        if !can_have_own_mounts(name) {
            return None;
        }
        let (python, place) = (primary(), Tree::new());
        place.source("site/app/a.py", "A = 1\n");
        place.source("site/app/package/b.py", "B = 1\n");
        place.source("site/app/package/sub/c.py", "C = 1\n");
        place.source("other/d.py", "D = 1\n");
        place.source("other/sub/e.py", "E = 1\n");
        let config = fs::read_to_string(settings()).expect("a file of these tests") + "cross-mounts = true\n";
        let mut command = pycwarm_with("daemon", &place.file("pycwarm.toml", config));
        command.arg("--python").arg(&python.path).arg(place.path("site/app"));
        let daemon = Daemon::start(&mut wrapped(OWN_MOUNTS, &command)).ready();
        Some(Apart { python, daemon, place })
    }

    /// The paths in the script are those below the place.
    fn sh(&self, script: &str) {
        self.daemon.sh_inside(&format!("cd '{}'; {script}", self.place.root.display()));
    }

    fn seen(&self, relative: &str) -> PathBuf {
        self.daemon.seen(&self.place.path(relative))
    }

    /// Writes a source and waits for its cache.
    fn edit(&self, relative: &str, text: &str) {
        let source = self.daemon.write_inside(&self.place.path(relative), format!("E = '{text}'\n"));
        let cache = self.python.cache(&source);
        self.daemon
            .wait_until(&format!("the code of {relative} with {text}"), || crate::support::cache::holds(&cache, text));
    }

    /// Everything that is to be seen there now is warm, as import sees it.
    fn wait_good(&self) {
        let tree = self.seen("site/app");
        self.daemon.wait_fresh(self.python, &sources_below(&tree));
        self.daemon.wait_good(self.python, &tree);
    }

    fn wait_told(&self, place: &str, times: usize) {
        let path = self.place.path(place).display().to_string();
        let told = || self.daemon.told(&["warning", &format!("{path}: something was mounted or unmounted there")]);
        self.daemon.wait_until("a warning that names the place", || told() >= times);
        assert_eq!(told(), times, "{}", self.daemon.stderr());
    }
}

#[test]
fn over_a_directory_of_the_tree() {
    let Some(apart) = Apart::new("mounts::over_a_directory_of_the_tree") else { return };
    apart.sh("mount -t tmpfs -o mode=755 none site/app/package");
    apart.edit("site/app/package/b.py", "in the new one");
    apart.edit("site/app/package/new/x.py", "deep in the new one");
    apart.wait_told("site/app/package", 1);
    apart.wait_good();
    apart.edit("site/app/package/b.py", "again");
    apart.sh("umount site/app/package");
    apart.wait_told("site/app/package", 2);
    apart.edit("site/app/package/b.py", "in the old one");
    apart.edit("site/app/package/sub/c.py", "deep in the old one");
    apart.wait_good();
}

/// What was changed in the covered directory while it was covered is found when it is uncovered.
#[test]
fn changes_under_the_cover() {
    let Some(apart) = Apart::new("mounts::changes_under_the_cover") else { return };
    apart.sh("mount -t tmpfs -o mode=755 none site/app/package");
    apart.edit("site/app/package/b.py", "in the new one");
    // This process is in another namespace, and sees what is below.
    apart.place.source("site/app/package/b.py", "B = 'changed under the cover'\n");
    apart.place.source("site/app/package/more/x.py", "X = 1\n");
    apart.sh("umount -l site/app/package");
    apart.wait_good();
    apart.edit("site/app/package/more/x.py", "uncovered");
    apart.wait_told("site/app/package", 2);
}

#[test]
fn one_over_the_other_and_moved() {
    let Some(apart) = Apart::new("mounts::one_over_the_other_and_moved") else { return };
    for round in ["one", "two"] {
        apart.sh("mount -t tmpfs -o mode=755 none site/app/package");
        apart.edit("site/app/package/b.py", round);
    }
    apart.sh("mkdir site/app/elsewhere; mount --move site/app/package site/app/elsewhere");
    apart.edit("site/app/elsewhere/b.py", "moved");
    apart.edit("site/app/package/b.py", "uncovered");
    apart.wait_good();
    apart.sh("umount -l site/app/package; umount -l site/app/elsewhere");
    apart.edit("site/app/package/sub/c.py", "at the bottom");
    apart.wait_good();
}

#[test]
fn over_the_root() {
    let Some(apart) = Apart::new("mounts::over_the_root") else { return };
    apart.sh("mount -t tmpfs -o mode=755 none site/app");
    apart.edit("site/app/x.py", "in the new root");
    apart.edit("site/app/package/b.py", "deep in the new root");
    apart.wait_told("site/app", 1);
    apart.wait_good();
    // Its own descriptors hold the file system: an administrator ends the daemon first, or does this.
    apart.sh("umount -l site/app");
    apart.edit("site/app/package/b.py", "in the old root");
    apart.wait_told("site/app", 2);
    apart.wait_good();
}

#[test]
fn above_the_root() {
    let Some(apart) = Apart::new("mounts::above_the_root") else { return };
    apart.sh("mount -t tmpfs -o mode=755 none site");
    apart.daemon.wait_until("it is told that the tree has gone", || apart.daemon.told(&["has gone"]) == 1);
    apart.edit("site/app/package/x.py", "in the new one");
    apart.wait_told("site", 1);
    apart.wait_good();
    apart.sh("umount -l site");
    apart.edit("site/app/package/sub/c.py", "in the old one");
    apart.wait_told("site", 2);
    apart.wait_good();
}

#[test]
fn a_directory_bound_below() {
    let Some(apart) = Apart::new("mounts::a_directory_bound_below") else { return };
    apart.sh("mkdir site/app/bound; mount --bind other site/app/bound");
    apart.wait_told("site/app/bound", 1);
    apart.wait_good();
    apart.edit("site/app/bound/sub/e.py", "by its new name");
    // By its old name, which is in no tree, the same directory changes.
    apart.edit("other/d.py", "by its old name");
    apart.sh("umount site/app/bound");
    apart.wait_told("site/app/bound", 2);
    apart.edit("site/app/bound/y.py", "in the empty directory");
    apart.wait_good();
}

/// One directory under two names in one tree.
#[test]
fn a_directory_of_the_tree_bound_below() {
    let Some(apart) = Apart::new("mounts::a_directory_of_the_tree_bound_below") else { return };
    apart.sh("mkdir site/app/twin; mount --bind site/app/package site/app/twin");
    for round in 0..3 {
        apart.edit("site/app/twin/b.py", &format!("by the twin {round}"));
        apart.edit("site/app/package/b.py", &format!("by the first name {round}"));
        apart.edit("site/app/twin/sub/c.py", &format!("deep by the twin {round}"));
    }
    apart.wait_good();
    apart.sh("umount site/app/twin");
    apart.edit("site/app/package/b.py", "without the twin");
    apart.wait_good();
}
