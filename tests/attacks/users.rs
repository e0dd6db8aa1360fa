//! Who takes part, by numbers that no account has.

use std::path::Path;
use std::process::Command;

use crate::support::process::clean_command;
use crate::support::python::primary;
use crate::support::run::binary;
use crate::support::skip::{needs_root, skipped};

/// Owns a directory in a tree, and attacks.
pub const ATTACKER: u32 = 64_001;
/// Has secrets in the same tree.
pub const VICTIM: u32 = 64_002;
/// Has ordinary sources in the same tree.
pub const HONEST: u32 = 64_003;

/// A command of one of them, with no group but their own.
pub fn acting(uid: u32, program: impl AsRef<std::ffi::OsStr>) -> Command {
    use std::os::unix::process::CommandExt;
    let mut command = clean_command(program);
    // Without the right to set them, there are no supplementary groups to lose: these tests run as root.
    command.uid(uid).gid(uid).current_dir("/");
    command
}

/// True where these tests can run; otherwise the skip has been told.
pub fn can_act(name: &str) -> bool {
    if !needs_root(name) {
        return false;
    }
    let this = std::env::current_exe().expect("a running program has a path");
    for program in [this.as_path(), &binary(), &primary().path, Path::new("/usr/bin/grep")] {
        let argument = if program == this { "--list" } else { "--version" };
        if !acting(ATTACKER, program).arg(argument).output().is_ok_and(|output| output.status.success()) {
            skipped(name, &format!("another user cannot run {}", program.display()));
            return false;
        }
    }
    true
}
