//! A cache has its context before it has its name.

use std::fs::File;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use crate::host::{CONTENT, Host, SCRIPT, assert_context};
use crate::support::process::{Background, clean_command};
use crate::support::wait::wait_until;

#[test]
fn caches_and_their_directories_have_the_context_of_their_path() {
    let Some(host) = Host::new("creation::caches_and_their_directories_have_the_context_of_their_path") else { return };
    let sources = [host.source("a.py", "A = 1\n"), host.source("package/b.py", "B = 2\n")];
    host.warm("optimize = [0, 2]").assert_compiled(4);
    for source in &sources {
        assert_context(&host.cache(source), SCRIPT);
        assert_context(&host.python().cache_at(source, 2), SCRIPT);
        assert_context(&host.directory_of(source), SCRIPT);
    }
    host.check("optimize = [0, 2]").assert_nothing_done();
}

#[test]
fn other_paths_have_other_contexts() {
    let name = "creation::other_paths_have_other_contexts";
    let library = "system_u:object_r:lib_t:s0";
    for (parent, expected) in [("/var/www", CONTENT), ("/usr/lib/cgi-bin", SCRIPT), ("/usr/lib/pycwarm-test", library)]
    {
        let Some(host) = Host::below(name, Path::new(parent)) else { return };
        let source = host.source("a.py", "A = 1\n");
        host.warm("").assert_compiled(1);
        assert_context(&host.cache(&source), expected);
        assert_context(&host.directory_of(&source), expected);
    }
}

/// By a process that does nothing but look, while caches are made and replaced.
#[test]
fn no_cache_is_ever_seen_with_another_context() {
    let Some(host) = Host::new("creation::no_cache_is_ever_seen_with_another_context") else { return };
    let sources: Vec<PathBuf> = (0..40).map(|number| host.source(format!("m{number}.py"), "M = 0\n")).collect();
    let told = host.scratch().join("looks");
    let mut looker = Background::start(
        clean_command(&host.python().path)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/selinux/looker.py"))
            .arg(SCRIPT)
            .args(sources.iter().map(|source| host.cache(source)))
            .stdin(Stdio::piped())
            .stdout(File::create(&told).expect("own directory")),
    );
    wait_until("it looks", || std::fs::read(&told).is_ok_and(|text| !text.is_empty()));
    for round in 1..=8 {
        for source in &sources {
            host.source(source.strip_prefix(&host.root).expect("in the tree"), &format!("M = 1 << {round}\n"));
            crate::support::tree::set_mtime(
                source,
                crate::support::tree::hour_ago() + std::time::Duration::from_secs(round),
            );
        }
        host.warm("").assert_compiled(40);
    }
    drop(looker.0.stdin.take());
    let status = looker.0.wait().expect("own child");
    let text = std::fs::read_to_string(&told).expect("own file");
    assert!(status.success(), "{text}");
    let seen: u64 = text.lines().last().and_then(|line| line.parse().ok()).expect("it tells how many it saw");
    assert!(seen > 0, "{text}");
}
