//! Who can read a cache: tried as those users, with real numbers. Nobody who cannot read its source; and by default everybody
//! who can.

#[path = "../support/mod.rs"]
mod support;

mod directories;
mod readers;
mod unprivileged;

use std::os::unix::fs::chown;
use std::path::Path;
use std::process::Command;

use support::process::{clean_command, must};

/// Users and groups that no account has.
pub const OWNER: u32 = 64_001;
pub const OTHER: u32 = 64_003;
pub const NAMED: u32 = 64_004;
pub const GROUP: u32 = 64_010;
pub const NAMED_GROUP: u32 = 64_011;

pub fn give(path: &Path, user: u32, group: u32) {
    chown(path, Some(user), Some(group)).expect("as root");
}

/// A command as this user, in these groups, without any right of root's.
pub fn as_user(user: u32, groups: &[u32]) -> Command {
    let mut command = clean_command("setpriv");
    let first = groups.first().map_or(user, |group| *group).to_string();
    let all: Vec<String> = groups.iter().map(u32::to_string).collect();
    command.args(["--reuid", &user.to_string(), "--regid", &first, "--inh-caps=-all", "--bounding-set=-all"]);
    match all.is_empty() {
        true => command.arg("--clear-groups"),
        false => command.arg("--groups").arg(all.join(",")),
    };
    command
}

/// Sets an access ACL; `false` where there is no `setfacl` or no ACLs.
pub fn set_acl(path: &Path, options: &[&str], acl: &str) -> bool {
    clean_command("setfacl")
        .args(options)
        .args(["-m", acl])
        .arg(path)
        .output()
        .is_ok_and(|output| output.status.success())
}

/// Which of these files the user can read: access(2), asked as that user.
pub fn readable<'a>(user: u32, groups: &[u32], files: &[&'a Path]) -> Vec<&'a Path> {
    let script = "for file; do if [ -r \"$file\" ]; then echo yes; else echo no; fi; done";
    let output = must(as_user(user, groups).args(["/bin/sh", "-c", script, "sh"]).args(files));
    let answers = String::from_utf8(output.stdout).expect("yes or no");
    let answers: Vec<&str> = answers.lines().collect();
    assert_eq!(answers.len(), files.len());
    files.iter().zip(answers).filter(|(_, answer)| *answer == "yes").map(|(file, _)| *file).collect()
}
