//! Real users, by numbers that no account has.

use std::process::Command;

use crate::support::apart::{can_run, wrapped};
use crate::support::process::clean_command;
use crate::support::run::binary;
use crate::support::skip::skipped;

/// The control group of these tests.
pub const GROUP: u32 = 64_900;

pub struct User<'a> {
    pub uid: u32,
    pub gid: u32,
    /// The supplementary ones, separated by commas.
    pub groups: &'a str,
}

pub const OWNER: User<'static> = User { uid: 64_001, gid: 64_001, groups: "" };
pub const STRANGER: User<'static> = User { uid: 64_002, gid: 64_002, groups: "64003" };
pub const MEMBER: User<'static> = User { uid: 64_004, gid: GROUP, groups: "" };
pub const SUPPLEMENTARY: User<'static> = User { uid: 64_005, gid: 64_005, groups: "64003,64900" };

impl User<'_> {
    pub const ROOT: User<'static> = User { uid: 0, gid: 0, groups: "" };

    /// The command as one of this user, with the environment of a test.
    pub fn acting(&self, command: &Command) -> Command {
        let groups = if self.groups.is_empty() { "--clear-groups".into() } else { format!("--groups={}", self.groups) };
        let (uid, gid) = (format!("--reuid={}", self.uid), format!("--regid={}", self.gid));
        let mut acting = wrapped(&["setpriv", &uid, &gid, &groups, "--"], command);
        acting.current_dir("/");
        acting
    }
}

/// True where other users can run the program under test; otherwise the skip has been told.
pub fn can_act(name: &str) -> bool {
    if !can_run(name, &["setpriv", "--reuid=64001", "--regid=64001", "--clear-groups", "--", "true"]) {
        return false;
    }
    let able = OWNER.acting(clean_command(binary()).arg("--version")).output();
    let able = able.is_ok_and(|output| output.status.success());
    if !able {
        skipped(name, "other users cannot run the program under test");
    }
    able
}
