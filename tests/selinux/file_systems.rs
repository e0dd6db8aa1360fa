//! File systems with and without labels.

use std::fs;
use std::path::Path;

use crate::host::{Host, assert_context};
use crate::support::apart::{OWN_MOUNTS, can_have_own_mounts, can_run, wrapped};
use crate::support::process::clean_command;
use crate::support::run::{Ran, pycwarm_with, run};
use crate::support::skip::skipped;

/// Warms a tree with sources of an hour ago on a new file system, and again; then runs `after` there.
fn warm_twice_on(host: &Host, kind: &str, after: &str) -> Ran {
    let config = host.config("");
    let (root, config) = (host.root.display(), config.display());
    let warm = format!("{} warm --json --config {config}", crate::support::run::binary().display());
    let script = format!(
        "mount -t {kind} -o mode=755 none {root}; mkdir {root}/sub; for m in a b sub/c; do echo M=1 >{root}/$m.py; \
         touch -d '1 hour ago' {root}/$m.py; done; {warm}; {warm}; {after}"
    );
    let mut command = clean_command("/bin/sh");
    run(&mut wrapped(OWN_MOUNTS, command.args(["-ec", &script])))
}

#[test]
fn a_file_system_without_labels_is_warmed_and_left_alone() {
    let name = "file_systems::a_file_system_without_labels_is_warmed_and_left_alone";
    let Some(host) = Host::new(name).filter(|_| can_have_own_mounts(name)) else { return };
    let ran = warm_twice_on(&host, "ramfs", "true");
    let lines: Vec<serde_json::Value> =
        ran.text().lines().map(|line| serde_json::from_str(line).expect("an object in each line")).collect();
    let [first, second] = &lines[..] else { panic!("{ran:?}") };
    assert_eq!((first["compiled"].as_u64(), first["failed"].as_u64()), (Some(3), Some(0)), "{ran:?}");
    assert_eq!((second["fresh"].as_u64(), second["repaired"].as_u64()), (Some(3), Some(0)), "{ran:?}");
    assert_eq!(ran.stderr.matches("keeps no SELinux contexts").count(), 1, "once in the first run: {}", ran.stderr);
}

#[test]
fn a_tmpfs_has_labels() {
    let name = "file_systems::a_tmpfs_has_labels";
    let Some(host) = Host::new(name).filter(|_| can_have_own_mounts(name)) else { return };
    let ran = warm_twice_on(
        &host,
        "tmpfs",
        &format!("cp -a --preserve=all {}/. {}/copy", host.root.display(), host.scratch().display()),
    );
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""), "{ran:?}");
    let copied = host.python().cache(&host.scratch().join("copy/a.py"));
    assert_context(&copied, crate::host::SCRIPT);
}

/// What the kernel allows only to who has CAP_SYS_ADMIN is a failure with a remedy, not a wrong cache.
#[test]
fn without_the_capability_it_fails_and_says_why() {
    let name = "file_systems::without_the_capability_it_fails_and_says_why";
    let Some(host) = Host::new(name) else { return };
    let source = host.source("a.py", "A = 1\n");
    let without = ["setpriv", "--bounding-set", "-sys_admin", "--inh-caps", "-sys_admin"];
    if !can_run(name, &[&without[..], &["true"]].concat()) {
        return;
    }
    let set = format!("import os; os.setxattr({:?}, 'security.selinux', b'u:r:t\\0')", host.root);
    let python = host.python().path.to_str().expect("UTF-8");
    if clean_command(without[0])
        .args(&without[1..])
        .args([python, "-c", &set])
        .output()
        .expect("it ran")
        .status
        .success()
    {
        return skipped(name, "this kernel lets root set contexts without CAP_SYS_ADMIN");
    }
    let ran = run(&mut wrapped(&without, pycwarm_with("warm", &host.config("")).arg("--json")));
    assert_eq!(ran.status, 1, "{ran:?}");
    let text = ran.text();
    assert!(text.contains("httpd_sys_script_exec_t") && text.contains("CAP_SYS_ADMIN"), "{text}");
    assert!(!host.cache(&source).exists(), "no cache without its context");
    assert_eq!(left_over(&host.directory_of(&source)), [] as [&str; 0]);
}

/// Longer than any attribute may be.
#[test]
fn a_context_that_cannot_be_set_is_a_failure_of_the_source() {
    let Some(host) = Host::new("file_systems::a_context_that_cannot_be_set_is_a_failure_of_the_source") else { return };
    let source = host.source("a.py", "A = 1\n");
    fs::create_dir(host.directory_of(&source)).expect("own directory");
    let context = format!("u:r:long_{}_t:s0", "x".repeat(70_000));
    let report = host.warm(&format!("context = \"{context}\""));
    let failure = report.failure_of(&source);
    assert_eq!(failure.kind, "write");
    for part in ["cannot label its cache", &context, "set context = \"off\""] {
        assert!(failure.message.contains(part), "{failure:?}");
    }
    assert!(!host.cache(&source).exists(), "no cache without its context");
    assert_eq!(left_over(&host.directory_of(&source)), [] as [&str; 0]);
}

fn left_over(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}
