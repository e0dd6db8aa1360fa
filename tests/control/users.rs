//! Who is told of what.

use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt;

use crate::answering::Answering;
use crate::support::run::run;
use crate::support::skip::{needs_root, skipped};

/// No user of this number needs to exist.
const STRANGER: u32 = 54_321;

#[test]
fn another_user_is_told_of_own_sources_only() {
    let name = "another_user_is_told_of_own_sources_only";
    if !needs_root(name) {
        return;
    }
    let daemon = Answering::start();
    daemon.tree.source("other.py", "x =\n");
    chown(daemon.tree.source("broken.py", "x =\n"), Some(STRANGER), None).expect("root may");
    let mut command = daemon.pycwarm("status");
    command.uid(STRANGER).gid(STRANGER).current_dir("/");
    if command.output().is_err() {
        return skipped(name, "other users cannot run the program under test");
    }
    for verb in ["status", "sync"] {
        let mut command = daemon.pycwarm(verb);
        let ran = run(command.uid(STRANGER).gid(STRANGER).current_dir("/"));
        let told = ran.text() + &ran.stderr;
        assert_eq!(ran.status, 1, "{told}");
        assert!(told.contains("/broken.py:7: ") && !told.contains("other.py"), "{told}");
        let all = run(&mut daemon.pycwarm(verb));
        assert!((all.text() + &all.stderr).contains("other.py"));
    }
}
