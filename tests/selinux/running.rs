//! A running daemon: it keeps what it needs to set contexts, and follows the rules when they change.

use std::fs;
use std::path::Path;

use crate::host::{Host, SCRIPT, assert_context, context, set_context};
use crate::support::daemon::Daemon;
use crate::support::process::children;

const LOCAL: &str = "system_u:object_r:httpd_cache_t:s0";

fn wait_context(daemon: &Daemon, path: &Path, expected: &str) {
    let mut last = None;
    daemon.wait_until(&format!("{path:?} has {expected}"), || {
        last = path.exists().then(|| context(path)).flatten();
        last.as_deref() == Some(expected)
    });
}

#[test]
fn what_is_new_or_edited_is_labelled() {
    let Some(host) = Host::new("running::what_is_new_or_edited_is_labelled") else { return };
    let old = host.source("old.py", "OLD = 1\n");
    let daemon = host.daemon("");
    assert_context(&host.cache(&old), SCRIPT);
    let new = host.source("sub/new.py", "NEW = 1\n");
    host.source("old.py", "OLD = 'longer'\n");
    daemon.wait_fresh(host.python(), [&old, &new]);
    for source in [&old, &new] {
        wait_context(&daemon, &host.cache(source), SCRIPT);
        wait_context(&daemon, &host.directory_of(source), SCRIPT);
    }
}

#[test]
fn what_somebody_relabels_is_put_right() {
    let Some(host) = Host::new("running::what_somebody_relabels_is_put_right") else { return };
    let source = host.source("a.py", "A = 1\n");
    let daemon = host.daemon("");
    set_context(&host.cache(&source), LOCAL);
    wait_context(&daemon, &host.cache(&source), SCRIPT);
    set_context(&host.directory_of(&source), LOCAL);
    wait_context(&daemon, &host.directory_of(&source), SCRIPT);
}

#[test]
fn changed_rules_relabel_everything() {
    let Some(host) = Host::new("running::changed_rules_relabel_everything") else { return };
    let sources = [host.source("a.py", "A = 1\n"), host.source("sub/b.py", "B = 1\n")];
    let daemon = host.daemon("");
    host.add_local_rule(&format!("{}(/.*)?\t{LOCAL}", host.root.display()));
    for source in &sources {
        wait_context(&daemon, &host.cache(source), LOCAL);
        wait_context(&daemon, &host.directory_of(source), LOCAL);
    }
    assert!(daemon.stderr().contains("file contexts have changed"), "{}", daemon.stderr());

    // And back, by a rule that goes; the main file, written in place, counts as well.
    fs::remove_file(format!("{}.local", host.rules.display())).expect("own file");
    sources.iter().for_each(|source| wait_context(&daemon, &host.cache(source), SCRIPT));
    let rules = fs::read_to_string(&host.rules).expect("own file");
    fs::write(&host.rules, rules.replace("httpd_sys_script_exec_t", "other_script_exec_t")).expect("own file");
    let other = "system_u:object_r:other_script_exec_t:s0";
    sources.iter().for_each(|source| wait_context(&daemon, &host.cache(source), other));
}

#[test]
fn rules_with_a_mistake_change_nothing() {
    let Some(host) = Host::new("running::rules_with_a_mistake_change_nothing") else { return };
    let source = host.source("a.py", "A = 1\n");
    let daemon = host.daemon("");
    let rules = fs::read_to_string(&host.rules).expect("own file");
    fs::write(&host.rules, format!("{rules}/x y z w\n")).expect("own file");
    daemon.wait_until("it says so", || daemon.stderr().contains("the old ones hold"));
    let new = host.source("b.py", "B = 1\n");
    daemon.wait_fresh(host.python(), [&new]);
    assert_context(&host.cache(&new), SCRIPT);
    fs::write(&host.rules, rules.replace("httpd_sys_script_exec_t", "other_script_exec_t")).expect("own file");
    wait_context(&daemon, &host.cache(&source), "system_u:object_r:other_script_exec_t:s0");
}

/// One thread keeps CAP_SYS_ADMIN, and none of the programs that are run has it.
#[test]
fn only_one_thread_may_set_contexts() {
    let Some(host) = Host::new("running::only_one_thread_may_set_contexts") else { return };
    host.source("a.py", "A = 1\n");
    let daemon = host.daemon("");
    let able = |process: u32| {
        let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("it runs").flatten();
        let able = tasks.filter(|task| {
            let status = fs::read_to_string(task.path().join("status")).unwrap_or_default();
            let mask = status.lines().find_map(|line| line.strip_prefix("CapPrm:\t")).unwrap_or("0");
            u64::from_str_radix(mask.trim(), 16).is_ok_and(|mask| mask & (1 << 21) != 0)
        });
        able.map(|task| fs::read_to_string(task.path().join("comm")).unwrap_or_default().trim().to_owned())
            .collect::<Vec<_>>()
    };
    // That which makes the marks of fanotify ends when everything was looked at.
    daemon.wait_until("one thread is left", || able(daemon.id()) == ["labels"]);
    let workers = children(daemon.id());
    assert!(!workers.is_empty());
    workers.into_iter().for_each(|worker| assert_eq!(able(worker), [] as [&str; 0]));
}

#[test]
fn without_the_key_no_thread_keeps_anything() {
    let Some(host) = Host::new("running::without_the_key_no_thread_keeps_anything") else { return };
    host.source("a.py", "A = 1\n");
    let daemon = Daemon::configured(&host.config_with("", ""));
    let names = fs::read_dir(format!("/proc/{}/task", daemon.id())).expect("it runs").flatten();
    let names: Vec<String> =
        names.map(|task| fs::read_to_string(task.path().join("comm")).unwrap_or_default()).collect();
    assert!(!names.iter().any(|name| name.trim() == "labels"), "{names:?}");
}

#[test]
fn another_file_takes_a_restart_and_a_reload_says_so() {
    let Some(host) = Host::new("running::another_file_takes_a_restart_and_a_reload_says_so") else { return };
    host.source("a.py", "A = 1\n");
    let daemon = host.daemon("");
    host.config_with("", "");
    daemon.signal(rustix::process::Signal::HUP);
    daemon.wait_until("it says so", || daemon.stderr().contains("file-contexts is only read at the start"));
}
