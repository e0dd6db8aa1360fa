//! rsync and pip, as deployments use them.

use std::fs;

use crate::Kept;
use crate::asking::{missed, must_sync};
use crate::sources_below;
use crate::support::cache::holds;
use crate::support::oracle::assert_all_good;
use crate::support::process::{clean_command, has_program, must, sh};
use crate::support::skip::skipped;
use crate::support::tree::Tree;

fn rsync_with(name: &str, options: &str) {
    if !has_program("rsync") {
        return skipped(&format!("tools::{name}"), "rsync is not installed");
    }
    let (kept, build) = (Kept::new(), Tree::new());
    let live = kept.tree.path("live");
    for round in 0..4 {
        for number in 0..200 {
            // Some stay what they are; some go.
            let mark = if number % 5 == 0 { 0 } else { round };
            let path = build.file(&format!("p{}/m{number}.py", number % 20), format!("M = 'mark {mark:02}'\n"));
            if number % 7 == round {
                fs::remove_file(path).expect("own file");
            }
        }
        // Without -t, rsync takes what has the same size and time for the same.
        sh(&format!("rsync -r {options} --exclude=__pycache__ '{}/' '{}'", build.root.display(), live.display()));
        must_sync(&kept.daemon, &live);
        let sources = sources_below(&live);
        assert_eq!(sources.len(), sources_below(&build.root).len());
        for source in &sources {
            let text = fs::read_to_string(source).expect("own file");
            assert!(holds(&kept.cache(source), &text[5..12]), "{source:?} in round {round}\n{}", kept.daemon.stderr());
        }
        assert_all_good(kept.python, &kept.tree.root);
    }
    assert_eq!(missed(&kept.daemon), 0);
}

#[test]
fn rsync_that_keeps_times() {
    rsync_with("rsync_that_keeps_times", "-t --checksum --delete");
}

#[test]
fn rsync_without_times() {
    rsync_with("rsync_without_times", "--checksum --delete");
}

#[test]
fn rsync_in_place() {
    rsync_with("rsync_in_place", "--inplace --checksum --delete");
}

#[test]
fn rsync_with_delayed_updates() {
    rsync_with("rsync_with_delayed_updates", "-t --delay-updates --checksum --delete-after");
}

/// A wheel is an archive with some tables.
const MAKE_WHEEL: &str = "
import sys, zipfile
with zipfile.ZipFile(sys.argv[1], 'w') as wheel:
    for n in range(300):
        wheel.writestr('sample/p%d/m%d.py' % (n % 15, n), 'N = %d\\n' % n)
    info = 'sample-1.0.dist-info/'
    wheel.writestr(info + 'METADATA', 'Metadata-Version: 2.1\\nName: sample\\nVersion: 1.0\\n')
    wheel.writestr(info + 'WHEEL', 'Wheel-Version: 1.0\\nGenerator: test\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n')
    wheel.writestr(info + 'RECORD', '')
";

#[test]
fn pip_installs_a_wheel() {
    let kept = Kept::new();
    let pip = || {
        let mut pip = clean_command(&kept.python.path);
        pip.args(["-m", "pip", "--disable-pip-version-check", "--no-cache-dir"]).env("HOME", &kept.tree.root);
        pip
    };
    if !pip().arg("--version").output().is_ok_and(|output| output.status.success()) {
        return skipped("tools::pip_installs_a_wheel", "pip is not installed");
    }
    let place = Tree::new();
    let wheel = place.path("sample-1.0-py3-none-any.whl");
    must(clean_command(&kept.python.path).args(["-c", MAKE_WHEEL]).arg(&wheel));
    let target = kept.tree.path("site");
    for round in 0..3 {
        // pip's own removal of the old files fails if somebody else removes one of them first, as the daemon does.
        sh(&format!("rm -rf '{0}' || rm -rf '{0}'", target.display()));
        let mut install = pip();
        install.args(["install", "--quiet", "--no-index", "--no-deps", "--root-user-action=ignore"]);
        // With and without its own compiling.
        install.args(["--no-compile"].iter().take(round % 2));
        must(install.arg("--target").arg(&target).arg(&wheel));
        must_sync(&kept.daemon, &target);
        assert_eq!(sources_below(&target).len(), 300);
        crate::support::oracle::Oracle { moved: true, ..Default::default() }
            .ask(kept.python, &target)
            .assert_good(kept.python);
    }
    assert_eq!(missed(&kept.daemon), 0);
}
