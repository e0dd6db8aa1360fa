//! Where SELinux is disabled, and nothing is configured, nothing is asked and nothing is touched.

use std::fs;
use std::path::Path;

use crate::host::{Host, context, set_context};
use crate::support::apart::wrapped;
use crate::support::process::has_program;
use crate::support::run::{json, pycwarm_with, run};
use crate::support::skip::skipped;
use crate::support::tree::snapshot;

fn is_disabled(name: &str) -> bool {
    let disabled = !Path::new("/sys/fs/selinux/enforce").exists();
    if !disabled {
        skipped(name, "this kernel has SELinux");
    }
    disabled
}

#[test]
fn nobody_asks_for_a_context() {
    let name = "disabled::nobody_asks_for_a_context";
    let Some(host) = Host::new(name).filter(|_| is_disabled(name)) else { return };
    if !has_program("strace") {
        return skipped(name, "strace is not here");
    }
    let source = host.source("a.py", "A = 1\n");
    let calls = |top: &str| {
        let trace = host.scratch().join("trace");
        let wrapper = ["strace", "-f", "-o", trace.to_str().expect("UTF-8"), "-e", "trace=%file,%desc,%process"];
        let mut command = wrapped(&wrapper, &pycwarm_with("warm", &host.config_with(top, "")));
        let ran = run(&mut command);
        assert_eq!(ran.status, 0, "{ran:?}");
        let text = fs::read(&trace).map(|text| String::from_utf8_lossy(&text).into_owned()).expect("a trace");
        assert!(text.contains("a.py"), "the trace shows what is done");
        text.lines().filter(|line| line.contains("security.selinux") || line.contains("attr/fscreate")).count()
    };
    assert_eq!(calls(""), 0);
    assert!(host.cache(&source).is_file());
    fs::remove_dir_all(host.directory_of(&source)).expect("own directory");
    let with_rules = calls(&format!("file-contexts = {:?}", host.rules));
    assert!(with_rules > 0, "the trace shows it where it is done");
}

#[test]
fn contexts_are_left_as_they_are() {
    let name = "disabled::contexts_are_left_as_they_are";
    let Some(host) = Host::new(name).filter(|_| is_disabled(name)) else { return };
    let source = host.source("a.py", "A = 1\n");
    for choice in ["", "context = \"inherit\"", "context = \"a_u:b_r:c_t:s0\""] {
        let config = host.config_with("", choice);
        json(&mut pycwarm_with("warm", &config));
        assert_eq!(context(&host.cache(&source)), None, "{choice}");
    }
    set_context(&host.cache(&source), "system_u:object_r:user_home_t:s0");
    let before = snapshot(&host.root);
    json(&mut pycwarm_with("warm", &host.config_with("", ""))).assert_nothing_done();
    assert_eq!(snapshot(&host.root), before);
}

#[test]
fn one_line_says_so_to_who_wants_to_know() {
    let name = "disabled::one_line_says_so_to_who_wants_to_know";
    let Some(host) = Host::new(name).filter(|_| is_disabled(name)) else { return };
    (0..5).for_each(|number| drop(host.source(format!("m{number}.py"), "M = 1\n")));
    let ran = run(pycwarm_with("warm", &host.config_with("", "")).env("PYCWARM_LOG", "debug"));
    let lines = ran.stderr.lines().filter(|line| line.to_lowercase().contains("selinux"));
    assert_eq!(lines.count(), 1, "{}", ran.stderr);
}
