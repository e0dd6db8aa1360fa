//! Workers that die, hang, or talk nonsense: each costs one file, or its interpreter, and nothing else.

use std::fs;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::support::cache::temporary_files;
use crate::support::oracle::assert_all_good;
use crate::support::process::{Background, children, is_running, signal};
use crate::support::python::{Interpreter, primary};
use crate::support::run::{Counts, Report, json, pycwarm_with};
use crate::support::skip::skipped;
use crate::support::tree::{Tree, set_mode};
use crate::support::wait::wait_until;
use crate::support::{json::without_lone_surrogates, script};

const FILES: u64 = 30;

/// A tree with many good sources, and a fake interpreter that greets in this way.
fn fake(name: &str, greeting: &str) -> Option<(Tree, PathBuf)> {
    let Some(place) = Tree::trusted().filter(|_| primary().has_hash_modes() && !primary().is_pypy()) else {
        skipped(name, "needs a CPython 3.7 or later and a directory that only root writes to");
        return None;
    };
    let text = fs::read_to_string(script("fake_worker.py")).expect("a script of these tests");
    let path = place.file(&format!("bin/fake-{greeting}"), format!("#!{} -IS\n{text}", primary().path.display()));
    set_mode(&path, 0o755);
    for number in 0..FILES {
        place.source(&format!("tree/m{number:02}.py"), format!("N = {number}\n"));
    }
    Some((place, path))
}

fn warm_with(place: &Tree, pythons: &[&Path]) -> Report {
    let config = place.file("pycwarm.toml", "compile-timeout = 2\njobs = 2\n");
    let mut command = pycwarm_with("warm", &config);
    for python in pythons {
        command.arg("--python").arg(python);
    }
    json(command.arg(place.path("tree")))
}

/// One source makes the worker misbehave: it alone fails, with this kind. Returns the message.
#[track_caller]
fn assert_costs_one_file(how: &str, kind: &str) -> String {
    let Some((place, fake)) = fake(&format!("workers::{how}"), "good") else { return "the last words".into() };
    let bad = place.source("tree/m15_bad.py", format!("# fake: {how}\n"));
    let report = warm_with(&place, &[&fake]);
    let failure = report.failure_of(&bad);
    assert_eq!((failure.kind.as_str(), failure.line), (kind, None), "{}", report.raw);
    assert_eq!(failure.python, Some(primary().label()));
    assert_eq!((report.counts.compiled, report.counts.failed), (FILES, 1), "{}", report.raw);
    assert!(!primary().cache(&bad).exists());
    fs::remove_file(&bad).expect("own file");
    assert_all_good(primary(), &place.path("tree"));
    assert_eq!(temporary_files(&place.path("tree")), Vec::<PathBuf>::new());
    report.failure_of(&bad).message.clone()
}

/// The fake is a good worker where it is not told to misbehave; otherwise these tests would show nothing.
#[test]
fn the_fake_is_taken_for_an_interpreter() {
    let Some((place, fake)) = fake("workers::the_fake_is_taken_for_an_interpreter", "good") else { return };
    warm_with(&place, &[&fake]).assert_compiled(FILES);
    assert_all_good(primary(), &place.path("tree"));
}

#[test]
fn garbage() {
    assert_costs_one_file("garbage", "worker");
}

#[test]
fn a_frame_of_4_gigabytes() {
    assert_costs_one_file("huge", "worker");
}

#[test]
fn an_empty_frame() {
    assert_costs_one_file("empty", "worker");
}

#[test]
fn an_answer_to_another_request() {
    assert_costs_one_file("otherid", "worker");
}

#[test]
fn an_answer_that_is_no_code() {
    assert_costs_one_file("nocode", "worker");
}

#[test]
fn a_count_that_lies() {
    assert_costs_one_file("lyingcount", "worker");
}

#[test]
fn an_unknown_kind_of_answer() {
    assert_costs_one_file("unknown", "worker");
}

#[test]
fn half_a_frame() {
    assert_costs_one_file("half", "crash");
}

#[test]
fn exit_with_last_words() {
    let message = assert_costs_one_file("exit", "crash");
    assert!(message.contains("the last words"), "{message}");
}

#[test]
fn killed() {
    assert_costs_one_file("killed", "crash");
}

#[test]
fn hang() {
    assert_costs_one_file("hang", "timeout");
}

#[test]
fn noise_on_standard_error_is_cut() {
    let message = assert_costs_one_file("flood", "crash");
    assert!(message.len() < 10_000, "{} bytes", message.len());
}

/// It may be seen as a crash or as a worker that talks no more; it costs that file in any case.
#[test]
fn closed_pipe() {
    let Some((place, fake)) = fake("workers::closed_pipe", "good") else { return };
    let bad = place.source("tree/m15_bad.py", "# fake: closes\n");
    let report = warm_with(&place, &[&fake]);
    assert!(["crash", "worker", "timeout"].contains(&report.failure_of(&bad).kind.as_str()), "{}", report.raw);
    assert_eq!((report.counts.compiled, report.counts.failed), (FILES, 1), "{}", report.raw);
}

/// Many bad ones in a row: the back-off must not cost the good ones their turn.
#[test]
fn many_crashes_in_a_row() {
    let Some((place, fake)) = fake("workers::many_crashes_in_a_row", "good") else { return };
    for number in 0..10 {
        place.source(&format!("tree/m1{number}_bad.py"), "# fake: exit\n");
    }
    let report = warm_with(&place, &[&fake]);
    assert_eq!((report.counts.compiled, report.counts.failed), (FILES, 10), "{}", report.raw);
    assert!(report.counts.failures.iter().all(|failure| failure.kind == "crash" && failure.path.ends_with("_bad.py")));
}

/// A greeting that is wrong costs this interpreter; the other one does its work.
#[track_caller]
fn assert_costs_the_interpreter(greeting: &str) -> String {
    let Some((place, fake)) = fake(&format!("workers::greeting_{greeting}"), greeting) else {
        return "no licence".into();
    };
    let report = warm_with(&place, &[&fake, &primary().path]);
    let failure = report.failure_of(&fake);
    assert_eq!(
        (failure.kind.as_str(), report.counts.failed, report.counts.compiled),
        ("interpreter", 1, FILES),
        "{}",
        report.raw
    );
    assert_all_good(primary(), &place.path("tree"));
    failure.message.clone()
}

#[test]
fn greeting_dies() {
    let message = assert_costs_the_interpreter("dies");
    assert!(message.contains("no licence"), "{message}");
}

#[test]
fn greeting_garbage() {
    assert_costs_the_interpreter("garbage");
}

#[test]
fn greeting_endless() {
    assert_costs_the_interpreter("endless");
}

#[test]
fn greeting_of_a_stranger() {
    assert_costs_the_interpreter("stranger");
}

#[test]
fn greeting_without_a_cache_tag() {
    assert_costs_the_interpreter("tagless");
}

/// The slowest of these tests: it takes the time that an interpreter is given to start.
#[test]
fn greeting_silent() {
    assert_costs_the_interpreter("silent");
}

#[test]
fn one_tag_and_two_magic_numbers() {
    let Some((place, fake)) = fake("workers::one_tag_and_two_magic_numbers", "othermagic") else { return };
    let report = warm_with(&place, &[&primary().path, &fake]);
    let kinds: Vec<&str> = report.counts.failures.iter().map(|failure| failure.kind.as_str()).collect();
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| *kind == "conflict"), "{}", report.raw);
    let again = warm_with(&place, &[&primary().path, &fake]);
    assert_eq!(again.counts.compiled, 0, "they alternate: {}", again.raw);
}

/// A real interpreter that stands still: SIGSTOP, as a swapping or frozen host would do it.
#[test]
fn a_stopped_worker_costs_one_file() {
    let (python, tree) = (primary(), Tree::new());
    let sources = many_sources(&tree, 800);
    let config = tree.file("pycwarm.toml", "compile-timeout = 2\n");
    let output = tree.path("report.json");
    let mut command = pycwarm_with("warm", &config);
    command.args(["-j", "1", "--json", "--python"]).arg(&python.path).arg(tree.path("tree"));
    command.stdout(fs::File::create(&output).expect("own directory"));
    let mut running = Background::start(&mut command);
    let warming = running.0.id();
    wait_until("the first cache", || sources.iter().any(|source| python.cache(source).exists()));
    let workers = children(warming);
    let [worker] = workers[..] else { panic!("with -j 1 there is one worker, not {workers:?}") };
    signal(worker, Signal::STOP);
    let mut status = None;
    wait_until("warm comes to its end", || {
        status = running.0.try_wait().expect("own child");
        status.is_some()
    });
    let raw = fs::read_to_string(&output).expect("own file");
    let counts: Counts = serde_json::from_str(&without_lone_surrogates(&raw)).expect("JSON");
    let kinds: Vec<&str> = counts.failures.iter().map(|failure| failure.kind.as_str()).collect();
    assert_eq!((kinds, counts.compiled), (vec!["timeout"], 799), "the worker was stopped in the middle: {raw}");
    assert_eq!(status.and_then(|status| status.code()), Some(1));
    wait_until("the stopped worker is gone", || !is_running(worker));
    // Nothing is left of it: the next run does the rest.
    crate::support::run::warm(python, &tree.path("tree")).assert_compiled(1);
    assert_good_sample(python, &sources);
}

/// A worker that is killed from outside, as the kernel's OOM killer does it.
#[test]
fn a_killed_worker_costs_one_file_at_most() {
    let (python, tree) = (primary(), Tree::new());
    let sources = many_sources(&tree, 800);
    let output = tree.path("report.json");
    let mut command = crate::support::run::pycwarm("warm");
    command.args(["-j", "1", "--json", "--python"]).arg(&python.path).arg(tree.path("tree"));
    command.stdout(fs::File::create(&output).expect("own directory"));
    let mut running = Background::start(&mut command);
    let warming = running.0.id();
    wait_until("the first cache", || sources.iter().any(|source| python.cache(source).exists()));
    for worker in children(warming) {
        signal(worker, Signal::KILL);
    }
    wait_until("warm comes to its end", || running.0.try_wait().expect("own child").is_some());
    let raw = fs::read_to_string(&output).expect("own file");
    let counts: Counts = serde_json::from_str(&without_lone_surrogates(&raw)).expect("JSON");
    assert!(counts.failures.iter().all(|failure| failure.kind == "crash") && counts.failed <= 1, "{raw}");
    assert_eq!(counts.compiled + counts.failed, 800);
    crate::support::run::warm(python, &tree.path("tree")).assert_compiled(counts.failed);
    assert_good_sample(python, &sources);
}

/// Large enough that a run over it can be caught in the middle.
fn many_sources(tree: &Tree, count: usize) -> Vec<PathBuf> {
    let body: String =
        (0..60).map(|n| format!("def f{n}(a, b=({n}, 'x')):\n    return [c + {n} for c in a if c != b]\n")).collect();
    (0..count).map(|n| tree.source(&format!("tree/m{n:04}.py"), format!("N = {n}\n{body}"))).collect()
}

fn assert_good_sample(python: &Interpreter, sources: &[PathBuf]) {
    assert_all_good(python, sources[0].parent().expect("the tree"));
}
