//! Access control lists, as setfacl and getfacl see them.

use std::path::Path;

use super::process::{clean_command, must};
use super::skip::skipped;

/// True where this file can have an ACL; otherwise the skip has been told. The file has none afterwards.
pub fn have_acls(name: &str, file: &Path) -> bool {
    let run = |arguments: &[&str]| {
        let output = clean_command("setfacl").args(arguments).arg(file).output();
        output.is_ok_and(|output| output.status.success())
    };
    let have = run(&["-m", "u:12345:r"]) && run(&["-b"]);
    if !have {
        skipped(name, "no setfacl, or no ACLs on this file system");
    }
    have
}

pub fn set_acl(entries: &str, file: &Path) {
    must(clean_command("setfacl").args(["-m", entries]).arg(file));
}

/// The access ACL and the default ACL, one entry a line.
pub fn acl(file: &Path) -> String {
    getfacl("-pcn", file)
}

/// The access ACL alone.
pub fn access_acl(file: &Path) -> String {
    getfacl("-pcna", file)
}

fn getfacl(flags: &str, file: &Path) -> String {
    let output = must(clean_command("getfacl").args([flags, "-E"]).arg(file));
    String::from_utf8(output.stdout).expect("numbers")
}
