//! Without privileges it does what it can, and says once what it cannot.

use crate::support::python::distinct;
use crate::support::run::{binary, settings};
use crate::support::skip::{needs_root, skipped};
use crate::support::tree::{Tree, set_mode};
use crate::{GROUP, OTHER, OWNER, as_user, give, readable};

#[test]
fn caches_of_the_sources_of_others_are_its_own_and_that_is_told_once() {
    let name = "unprivileged::caches_of_the_sources_of_others_are_its_own_and_that_is_told_once";
    if !needs_root(name) {
        return;
    }
    let runs = |program: &std::path::Path, argument: &str| {
        as_user(OWNER, &[])
            .args(["/bin/sh", "-c", "exec \"$0\" \"$1\""])
            .arg(program)
            .arg(argument)
            .output()
            .is_ok_and(|output| output.status.success())
    };
    let python = distinct().into_iter().find(|python| runs(&python.path, "--version"));
    let Some(python) = python.filter(|_| runs(&binary(), "--version")) else {
        return skipped(name, "other users can run neither the program nor an interpreter");
    };
    let place = Tree::new();
    set_mode(&place.root, 0o755);
    let mut sources = Vec::new();
    for number in 0..10 {
        let source = place.source(&format!("tree/m{number}.py"), "X = 1\n");
        set_mode(&source, if number < 5 { 0o644 } else { 0o640 });
        give(&source, OTHER, GROUP);
        sources.push(source);
    }
    let own = place.source("tree/own.py", "X = 1\n");
    give(&own, OWNER, OWNER);
    give(&place.path("tree"), OWNER, OWNER);
    let mut command = as_user(OWNER, &[OWNER, GROUP]);
    command.args(["/bin/sh", "-c", "exec \"$@\"", "sh"]).arg(binary()).args(["warm", "--config"]).arg(settings());
    let output = command.arg("--python").arg(&python.path).arg(place.path("tree")).output().expect("it runs");
    let told = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{told}");
    assert_eq!(told.lines().count(), 1, "{told}");
    for source in &sources {
        let cache = python.cache(source);
        assert!(cache.exists(), "{source:?}");
        assert!(readable(64_030, &[], &[source, &cache]).len() != 1 || readable(64_030, &[], &[&cache]).is_empty());
        assert_eq!(readable(OWNER, &[GROUP], &[&cache]).len(), 1);
    }
}
