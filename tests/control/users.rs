//! Who is told of what: by the server alone, whose daemon tells everything.

use std::process::Command;

use crate::answering::Answering;
use crate::identity::{GROUP, MEMBER, OWNER, STRANGER, SUPPLEMENTARY, User, can_act};
use crate::support::run::run;
use crate::support::skip::needs_root;

/// Each of the fake's broken files that a user is told of by `verb`.
fn told(daemon: &Answering, verb: &str, user: &User) -> Vec<&'static str> {
    let ran = run(&mut user.acting(&daemon.pycwarm(verb)));
    let text = ran.text() + &ran.stderr;
    assert!(!text.contains("cannot"), "{text}");
    ["mine.py", "theirs.py", "python9"].into_iter().filter(|name| text.contains(name)).collect()
}

#[test]
fn everybody_is_told_of_own_files_and_the_group_of_all() {
    let name = "users::everybody_is_told_of_own_files_and_the_group_of_all";
    let broken = [("mine.py", Some(OWNER.uid)), ("theirs.py", Some(0)), ("python9", None)];
    let daemon = Answering::owned(&broken, Some(GROUP));
    if !needs_root(name) || !can_act(name) {
        return;
    }
    for verb in ["status", "sync"] {
        let all = ["mine.py", "theirs.py", "python9"];
        assert_eq!(told(&daemon, verb, &User::ROOT), all, "{verb}");
        assert_eq!(told(&daemon, verb, &MEMBER), all, "{verb}");
        assert_eq!(told(&daemon, verb, &SUPPLEMENTARY), all, "{verb}");
        assert_eq!(told(&daemon, verb, &OWNER), ["mine.py"], "{verb}");
        assert_eq!(told(&daemon, verb, &STRANGER), [] as [&str; 0], "{verb}");
    }
    let counted = |user: &User, what: &str| {
        let told = run(user.acting(&daemon.pycwarm("status")).arg("--json")).text();
        let told: serde_json::Value = serde_json::from_str(&told).expect("JSON");
        (told[what].clone(), told["complete"].clone(), told["trees"].as_array().map(Vec::len))
    };
    assert_eq!(counted(&User::ROOT, "waiting"), (0.into(), true.into(), Some(1)));
    assert_eq!(counted(&STRANGER, "waiting"), (serde_json::Value::Null, false.into(), Some(0)));
}

/// A program with so many groups that the kernel needs more room than is usual to tell them.
#[test]
fn a_member_of_many_groups_is_a_member() {
    let name = "users::a_member_of_many_groups_is_a_member";
    if !needs_root(name) || !can_act(name) {
        return;
    }
    let daemon = Answering::owned(&[("theirs.py", Some(0))], Some(GROUP));
    let many: Vec<String> = (0..500).map(|number| (70_000 + number).to_string()).collect();
    let inside = User { groups: &format!("{},{GROUP}", many.join(",")), ..STRANGER };
    assert_eq!(told(&daemon, "status", &inside), ["theirs.py"]);
    assert_eq!(told(&daemon, "status", &User { groups: &many.join(","), ..STRANGER }), [] as [&str; 0]);
}

/// Without a configured group nobody is a member: not even of group 0, which some services run in.
#[test]
fn without_a_group_there_are_no_members() {
    let name = "users::without_a_group_there_are_no_members";
    if !needs_root(name) || !can_act(name) {
        return;
    }
    let daemon = Answering::owned(&[("theirs.py", Some(0))], None);
    assert_eq!(told(&daemon, "status", &User { gid: 0, groups: "0", ..STRANGER }), [] as [&str; 0]);
    let mut root: Command = daemon.pycwarm("status");
    assert!(run(&mut root).text().contains("theirs.py"));
}
