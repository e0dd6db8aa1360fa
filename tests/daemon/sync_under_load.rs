//! `pycwarm sync` while others write, ask, or wait, and the ways in which it does not end well.

use std::fs;
use std::path::Path;

use rustix::process::Signal;
use serde_json::Value;

use crate::asking::{ask, events, must_sync, sync};
use crate::support::cache::{holds, is_fresh};
use crate::support::daemon::Daemon;
use crate::support::process::{Background, clean_command};
use crate::support::python::primary;
use crate::support::run::{pycwarm, pycwarm_with, run};
use crate::support::script;
use crate::support::skip::skipped;
use crate::support::tree::{Tree, set_mode};
use crate::{Kept, sources_below};

#[test]
fn what_does_not_compile_is_listed() {
    let kept = Kept::new();
    let (bad, worse) = (kept.tree.file("package/bad.py", "x = = 1\n"), kept.tree.file("worse.py", "y = 1\ndef f(:\n"));
    let ran = sync(&kept.daemon, &kept.tree.root);
    assert_eq!(ran.status, 1, "{ran:?}");
    for line in [format!("{}:1: ", bad.display()), format!("{}:2: ", worse.display())] {
        assert_eq!(ran.stderr.matches(&line).count(), 1, "{}", ran.stderr);
    }
    let ran = run(ask(&kept.daemon, "sync").arg("--json").arg(kept.tree.path("package")));
    assert_eq!(ran.status, 1);
    let object: Value = serde_json::from_str(&ran.text()).expect("JSON");
    assert_eq!((&object["schema"], &object["failed"]), (&1.into(), &1.into()));
    let failure = &object["failures"][0];
    assert_eq!((failure["path"].as_str(), failure["line"].as_u64()), (bad.to_str(), Some(1)), "{object}");
    // Mended, and told of no more.
    for source in [&bad, &worse] {
        fs::write(source, "good = 1\n").expect("own file");
    }
    must_sync(&kept.daemon, &kept.tree.root);
    assert!(is_fresh(kept.python, &bad) && is_fresh(kept.python, &worse));
    fs::write(&bad, "x = = 1\n").expect("own file");
    assert_eq!(sync(&kept.daemon, &bad).status, 1);
    fs::remove_file(&bad).expect("own file");
    must_sync(&kept.daemon, &kept.tree.root);
}

#[test]
fn outside_of_all_trees_and_without_a_daemon() {
    let mut kept = Kept::new();
    let outside = Tree::new();
    let ran = sync(&kept.daemon, &outside.root);
    assert!(ran.status == 2 && ran.stderr.contains("is in no tree of the daemon"), "{ran:?}");
    assert_eq!(sync(&kept.daemon, &outside.path("absent")).status, 2);
    kept.daemon.kill();
    assert_eq!(sync(&kept.daemon, &kept.tree.root).status, 3, "its socket is still there");
}

#[test]
fn the_time_is_over_while_the_daemon_stands_still() {
    let kept = Kept::new();
    kept.daemon.signal(Signal::STOP);
    let ran = run(ask(&kept.daemon, "sync").arg(&kept.tree.root).args(["--timeout", "0.2"]));
    assert_eq!(ran.status, 1, "{ran:?}");
    assert!(ran.stderr.contains("time"), "{}", ran.stderr);
    kept.daemon.signal(Signal::CONT);
    must_sync(&kept.daemon, &kept.tree.root);
}

#[test]
fn the_time_is_over_while_a_source_is_compiled() {
    let name = "sync_under_load::the_time_is_over_while_a_source_is_compiled";
    let python = primary();
    let Some(place) = Tree::trusted().filter(|_| python.has_hash_modes() && !python.is_pypy()) else {
        return skipped(name, "needs a CPython 3.7 or later and a directory that only root writes to");
    };
    let text = fs::read_to_string(script("fake_worker.py")).expect("a script of these tests");
    let fake = place.file("bin/fake-good", format!("#!{} -IS\n{text}", python.path.display()));
    set_mode(&fake, 0o755);
    let good = place.source("tree/good.py", "GOOD = 1\n");
    let config = place.file(
        "pycwarm.toml",
        format!(
            "jobs = 2\ncompile-timeout = 30\n[defaults]\n{}python = [{fake:?}]\n[[tree]]\npath = {:?}\n",
            events(),
            place.path("tree")
        ),
    );
    let daemon = Daemon::start(&mut pycwarm_with("daemon", &config)).ready();
    let hangs = place.file("tree/slow/hangs.py", "# fake: hang\n");
    let ran = run(ask(&daemon, "sync").arg(&hangs).args(["--timeout", "0.5"]));
    assert!(ran.status == 1 && ran.stderr.contains("not done in time"), "{ran:?}");
    // Nobody waits for it who did not ask for it.
    place.file("tree/good.py", "GOOD = 'edited'\n");
    must_sync(&daemon, &good);
    assert!(holds(&python.cache(&good), "edited"));
}

/// It must return, and what it stands for must be there.
#[test]
fn another_file_is_written_for_ever() {
    let kept = Kept::new();
    let mut writer = clean_command(&kept.python.path);
    writer.arg("-B").arg(script("hammer.py")).arg("overwrite").arg(&kept.tree.root);
    let _writer = Background::start(&mut writer);
    kept.daemon.wait_until("the writer writes", || kept.tree.path("hammered3.py").exists());
    for round in 0..10 {
        // In the directory that never rests, and beside it.
        for name in ["a.py", "package/b.py"] {
            let mark = format!("mark {round:04}");
            let source = kept.tree.file(name, format!("N = '{mark}'\n"));
            let ran = sync(&kept.daemon, &source);
            // What is being written need not compile.
            assert!(ran.status <= 1 && !ran.stderr.contains("in time"), "{ran:?}");
            assert!(
                is_fresh(kept.python, &source) && holds(&kept.cache(&source), &mark),
                "{name}\n{}",
                kept.daemon.stderr()
            );
        }
    }
}

#[test]
fn twenty_ask_at_once() {
    let kept = Kept::new();
    std::thread::scope(|scope| {
        for client in 0..20 {
            let kept = &kept;
            scope.spawn(move || {
                for round in 0..5 {
                    let mark = format!("mark {round:04}");
                    let source = kept.tree.file(&format!("c{}/m{client}.py", client % 3), format!("N = '{mark}'\n"));
                    let ran = sync(&kept.daemon, &source);
                    // A user may have 16 connections; root may have more.
                    assert_eq!(ran.status, 0, "{ran:?}");
                    assert!(is_fresh(kept.python, &source) && holds(&kept.cache(&source), &mark), "client {client}");
                }
            });
        }
    });
}

fn many_sources(place: &Tree) {
    let body: String = (0..60).map(|n| format!("def f{n}(a):\n    return [c + {n} for c in a]\n")).collect();
    for number in 0..800 {
        place.source(&format!("tree/p{}/m{number}.py", number % 40), format!("N = {number}\n{body}"));
    }
}

#[test]
fn during_the_first_warm() {
    let (python, place) = (primary(), Tree::new());
    many_sources(&place);
    let sources = sources_below(&place.path("tree"));
    let daemon = Daemon::start(pycwarm("daemon").arg("--python").arg(&python.path).arg(place.path("tree")));
    daemon.wait_until("the first cache", || sources.iter().any(|source| python.cache(source).exists()));
    let edited = place.file("tree/p7/m7.py", "N = 'edited during the warm'\n");
    must_sync(&daemon, &place.path("tree"));
    assert!(holds(&python.cache(&edited), "edited during the warm"));
    for source in &sources {
        assert!(is_fresh(python, source), "{source:?}");
    }
}

/// A reload ends the pass that the caller waits for; what it left undone is waited for all the same.
#[test]
fn while_the_configuration_is_reloaded() {
    let (python, place) = (primary(), Tree::new());
    many_sources(&place);
    let sources = sources_below(&place.path("tree"));
    let daemon = Daemon::start(pycwarm("daemon").arg("--python").arg(&python.path).arg(place.path("tree")));
    let done = || sources.iter().filter(|source| python.cache(source).exists()).count();
    daemon.wait_until("the first cache", || done() > 0);
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| must_sync(&daemon, &place.path("tree")));
        for _ in 0..3 {
            let before = done();
            daemon.wait_until("some more caches", || done() > before + 20 || asking.is_finished());
            daemon.signal(Signal::HUP);
        }
        asking.join().expect("the sync ends well");
    });
    for source in &sources {
        assert!(is_fresh(python, source), "{source:?}");
    }
}

/// A queue of one: each burst of changes is an overflow, and a look at everything.
#[test]
fn after_an_overflow() {
    let (python, place) = (primary(), Tree::new());
    place.source("tree/x.py", "X = 1\n");
    let tree = place.path("tree");
    let text =
        format!("queue-limit = 1\n[defaults]\n{}python = [{:?}]\n[[tree]]\npath = {tree:?}\n", events(), python.path);
    let daemon = Daemon::configured(&place.file("pycwarm.toml", text));
    for round in 0..10 {
        let mark = format!("mark {round:04}");
        let write = |number: usize| place.file(&format!("tree/r{round}/d{number}/m.py"), format!("M = '{mark}'\n"));
        let sources: Vec<_> = (0..20).map(write).chain([place.file("tree/x.py", format!("X = '{mark}'\n"))]).collect();
        must_sync(&daemon, if round % 2 == 0 { &tree } else { Path::new(sources[3].parent().expect("a directory")) });
        for source in sources.iter().filter(|source| round % 2 == 0 || **source == sources[3]) {
            assert!(is_fresh(python, source) && holds(&python.cache(source), &mark), "{source:?}\n{}", daemon.stderr());
        }
    }
}
