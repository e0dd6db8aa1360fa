//! Edits that no header shows: the same second, the same size.

use crate::Kept;
use crate::support::cache::holds;
use crate::support::process::{clean_command, must};

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
