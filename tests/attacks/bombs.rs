//! Sources that make a compiler take all memory, or time without end, on every interpreter that is here.
//!
//! Those that overflow its stack are in `tests/bad_input/compilers.rs`, with what they come to.

use std::fs;
use std::path::{Path, PathBuf};

use crate::host::{Host, give};
use crate::support::process::{Background, children, signal};
use crate::support::python::{Interpreter, distinct};
use crate::support::run::{Counts, pycwarm_with};
use crate::support::skip::note;
use crate::support::wait::nap_between_polls;
use crate::users::ATTACKER;

/// Of memory that is really in use, in KiB. A worker may have `worker-memory`, 1 GiB, of addresses at most.
const MOST: u64 = 1_100_000;
/// One that takes so much, in KiB, is ended here, so that the test does not harm the host.
const TOO_MUCH: u64 = 3_000_000;

/// Each `finally` is compiled twice, for the way with an error and that without: 2 to the 18th times 2,000 calls. From 3.9 on.
fn doubling() -> String {
    let depth = 18;
    let mut text = String::from("def f():\n");
    for level in 1..=depth {
        let indent = " ".repeat(level);
        text.push_str(&format!("{indent}try: a\n{indent}finally:\n"));
    }
    format!("{text}{}{}\n", " ".repeat(depth + 1), ["a()"; 2000].join(";"))
}

/// 50 million items, each some hundred bytes to a compiler: where nothing small does it.
fn many_items() -> String {
    format!("x = [{}]\n", "0,".repeat(50_000_000))
}

/// Each of 40,000 functions gets its own copy of 40,000 names.
fn endless() -> String {
    let names: String = (0..40_000).map(|number| format!("x{number}=")).collect();
    format!("def f():\n {names}0\n ({})\n", "lambda:0,".repeat(40_000))
}

/// Warms with this interpreter alone and one worker, which may take so many seconds for a source; gives the report and the most memory that a worker had, in KiB.
fn watched(host: &Host, python: &Interpreter, seconds: u32) -> (Counts, u64) {
    host.configure(&format!("[{:?}]", python.path), &[]);
    let (config, output) = (host.place.path("pycwarm.toml"), host.place.path("report"));
    let text = fs::read_to_string(&config).expect("own file").replace("= 20", &format!("= {seconds}"));
    fs::write(&config, text).expect("own file");
    let mut warm = pycwarm_with("warm", &config);
    warm.args(["--json", "-j", "1"]).stdout(fs::File::create(&output).expect("own file"));
    let mut warm = Background::start(&mut warm);
    let mut most = 0;
    while warm.0.try_wait().expect("own child").is_none() {
        for worker in children(warm.0.id()) {
            let used = memory(worker);
            most = most.max(used);
            if used > TOO_MUCH {
                signal(worker, rustix::process::Signal::KILL);
            }
        }
        nap_between_polls();
    }
    let raw = fs::read_to_string(output).expect("own file");
    (serde_json::from_str(&raw).unwrap_or_else(|error| panic!("{error}: {raw}")), most)
}

/// The most that a process has had in memory so far, in KiB.
fn memory(process: u32) -> u64 {
    let status = fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}

/// The source in the attacker's directory is the only one that fails, if it does.
#[track_caller]
fn assert_costs_itself(counts: &Counts, bomb: &Path) {
    let others: Vec<_> = counts.failures.iter().filter(|failure| Path::new(&failure.path) != bomb).collect();
    assert!(others.is_empty(), "{others:?}");
}

fn bomb(host: &Host, text: &str) -> PathBuf {
    let bomb = host.place.source("tree/attacker/bomb.py", text);
    give(&host.theirs(""), ATTACKER);
    bomb
}

#[test]
fn memory_without_end() {
    let name = "memory_without_end";
    let Some(host) = Host::new(&format!("bombs::{name}")) else { return };
    let mut too_much = Vec::new();
    for python in distinct() {
        let (what, text) = match python.version {
            _ if python.is_pypy() => ("doubling", doubling()),
            (3, 6..=8) => ("items", many_items()),
            _ => ("doubling", doubling()),
        };
        let path = bomb(&host, &text);
        let (counts, most) = watched(&host, python, 60);
        assert_costs_itself(&counts, &path);
        let kind = counts.failures.first().map_or("compiled", |failure| failure.kind.as_str());
        note(&format!("bombs::{name}: {}: {what}: {kind}, {} MiB", python.label(), most >> 10));
        if most > MOST {
            too_much.push((python.label(), most));
        }
    }
    fs::remove_file(host.theirs("bomb.py")).expect("own file");
    host.configure(&format!("[{:?}]", host.python.path), &[]);
    host.judge(None);
    assert!(too_much.is_empty(), "workers took more than they may have, in KiB: {too_much:?}");
}

#[test]
fn time_without_end() {
    let name = "time_without_end";
    let Some(host) = Host::new(&format!("bombs::{name}")) else { return };
    let path = bomb(&host, &endless());
    for python in distinct() {
        let (counts, _) = watched(&host, python, 4);
        assert_costs_itself(&counts, &path);
        let kinds: Vec<&str> = counts.failures.iter().map(|failure| failure.kind.as_str()).collect();
        assert!(
            ["timeout", "too-complex", "crash"].contains(&kinds[0]) && kinds.len() == 1,
            "{}: {kinds:?}",
            python.label()
        );
        note(&format!("bombs::{name}: {}: {}", python.label(), kinds[0]));
    }
    fs::remove_file(path).expect("own file");
    host.configure(&format!("[{:?}]", host.python.path), &[]);
    host.judge(None);
}
