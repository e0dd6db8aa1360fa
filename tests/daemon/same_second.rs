//! Edits that no header shows: the same second, the same size.

use std::fs;
use std::path::{Path, PathBuf};

use crate::Kept;
use crate::asking::must_sync;
use crate::support::cache::{holds, is_fresh};
use crate::support::daemon::Daemon;
use crate::support::oracle::assert_all_good;
use crate::support::process::{clean_command, must};
use crate::support::tree::{hour_ago, set_mtime};

#[test]
fn a_burst_of_edits_of_one_size() {
    let kept = Kept::new();
    let source = kept.tree.path("a.py");
    for number in 0..500 {
        kept.tree.file("a.py", format!("A = 'mark {number:04}'\n"));
    }
    kept.daemon.wait_until("the last code", || holds(&kept.cache(&source), "mark 0499"));
    kept.assert_converges();
}

/// The hardest moment: each edit comes right after the cache of the one before was seen.
#[test]
fn an_edit_right_after_each_cache() {
    let kept = Kept::new();
    let source = kept.tree.path("a.py");
    for number in 0..30 {
        let mark = format!("mark {number:04}");
        kept.tree.file("a.py", format!("A = '{mark}'\n"));
        kept.daemon.wait_until(&format!("the code with {mark}"), || holds(&kept.cache(&source), &mark));
    }
    kept.assert_converges();
}

#[test]
fn by_rename_from_another_process() {
    let kept = Kept::new();
    let source = kept.tree.path("a.py");
    let program = "import os, sys
for n in range(500):
    with open(sys.argv[1] + '.new', 'w') as f: f.write(\"A = 'mark %04d'\\n\" % n)
    os.rename(sys.argv[1] + '.new', sys.argv[1])
";
    must(clean_command(&kept.python.path).args(["-B", "-c", program]).arg(&source));
    kept.daemon.wait_until("the last code", || holds(&kept.cache(&source), "mark 0499"));
    kept.assert_converges();
}

#[test]
fn many_sources_at_once() {
    let kept = Kept::new();
    for round in 0..5 {
        for number in 0..100 {
            kept.tree.file(&format!("d/m{number}.py"), format!("M = 'mark {round:04}'\n"));
        }
    }
    for number in 0..100 {
        let cache = kept.cache(&kept.tree.path(&format!("d/m{number}.py")));
        kept.daemon.wait_until("the last code", || holds(&cache, "mark 0004"));
    }
    kept.assert_converges();
}

/// What one process does in a second or two: no code of an earlier edit is left under a stamp that import accepts.
#[test]
fn a_thousand_edits_over_many_files() {
    let kept = Kept::new();
    let program = "import os, random, sys
last = {}
for n in range(1000):
    name = '%s/d%d/m%d.py' % (sys.argv[1], n % 5, random.randrange(40))
    os.makedirs(os.path.dirname(name), exist_ok=True)
    with open(name + ('.new' if n % 2 else ''), 'w') as f: f.write(\"M = 'mark %04d'\\n\" % n)
    if n % 2: os.rename(name + '.new', name)
    last[name] = n
for name, n in last.items(): print(n, name)
";
    let output = must(clean_command(&kept.python.path).args(["-B", "-c", program]).arg(&kept.tree.root));
    must_sync(&kept.daemon, &kept.tree.root);
    let text = String::from_utf8(output.stdout).expect("ASCII");
    for line in text.lines() {
        let (number, name) = line.split_once(' ').expect("a number and a name");
        let (source, mark) = (PathBuf::from(name), format!("mark {number:0>4}"));
        assert!(is_fresh(kept.python, &source) && holds(&kept.cache(&source), &mark), "{name}: {mark}");
    }
    assert_all_good(kept.python, &kept.tree.root);
}

fn edit_with_the_old_time(source: &Path, text: &str) {
    let time = fs::metadata(source).expect("it is there").modified().expect("Linux");
    fs::write(source, text).expect("own file");
    set_mtime(source, time);
}

/// `os.utime` after the edit: neither size nor time tell.
#[test]
fn edits_that_keep_the_time() {
    let kept = Kept::new();
    let (old, new) = (kept.tree.path("a.py"), kept.tree.file("package/b.py", "B = 'mark 000'\n"));
    for round in 1..30 {
        let mark = format!("mark {round:03}");
        edit_with_the_old_time(&old, &format!("A = '{mark}'{}\n", " ".repeat(round % 2)));
        edit_with_the_old_time(&new, &format!("B = '{mark}'\n"));
        must_sync(&kept.daemon, &kept.tree.root);
        for source in [&old, &new] {
            assert!(is_fresh(kept.python, source) && holds(&kept.cache(source), &mark), "{source:?}: {mark}");
        }
    }
}

/// The same while no daemon runs: the next one doubts what the kernel's own time of the change says is younger.
#[test]
fn edits_that_keep_the_time_while_it_is_away() {
    let mut kept = Kept::new();
    let sources: Vec<PathBuf> = (0..20).map(|n| kept.tree.path(&format!("d/m{n}.py"))).collect();
    for (number, source) in sources.iter().enumerate() {
        // Half of them just now, so that their caches are racy; half an hour ago.
        kept.tree.file(&format!("d/m{number}.py"), "M = 'mark 00'\n");
        if number % 2 == 0 {
            set_mtime(source, hour_ago());
        }
    }
    must_sync(&kept.daemon, &kept.tree.root);
    for round in 1..4 {
        kept.daemon.kill();
        for source in &sources {
            edit_with_the_old_time(source, &format!("M = 'mark {round:02}'\n"));
        }
        kept.daemon = Daemon::over(kept.python, &kept.tree.root);
        for source in &sources {
            let is_new = is_fresh(kept.python, source) && holds(&kept.cache(source), &format!("mark {round:02}"));
            assert!(is_new, "{source:?}: round {round}\n{}", kept.daemon.stderr());
        }
    }
    assert_all_good(kept.python, &kept.tree.root);
}
