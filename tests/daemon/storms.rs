//! Much happens, or something happens for ever.

use std::fs;
use std::path::PathBuf;

use crate::Kept;
use crate::asking::{missed, must_sync};
use crate::support::cache::{holds, is_fresh};
use crate::support::oracle::assert_all_good;
use crate::support::process::{Background, clean_command, has_program, sh};
use crate::support::skip::skipped;
use crate::support::tree::Tree;

/// Never closed, so that nothing says that it is complete. Each line is a whole one.
const APPENDS: &str = "
import os, sys, time
file = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
os.write(file, b'N = 0\\n' * int(sys.argv[2]))
n = 0
while True:
    n += 1
    os.write(file, b'N = %d\\n' % n)
    time.sleep(float(sys.argv[3]))
";

/// Appends to a source for ever: that many lines at once, then one after each pause.
fn append_for_ever(kept: &Kept, lines: &str, pause: &str) -> (PathBuf, Background) {
    let source = kept.tree.path("package/growing.py");
    let mut writer = clean_command(&kept.python.path);
    let writer = Background::start(writer.args(["-B", "-c", APPENDS]).arg(&source).args([lines, pause]));
    kept.daemon.wait_until("the writer writes", || fs::metadata(&source).is_ok_and(|stat| stat.len() > 0));
    (source, writer)
}

/// Neither the rest of the tree waits, nor the neighbour in the directory.
fn assert_others_are_served(kept: &Kept, round: usize) {
    for name in ["a.py", "package/b.py"] {
        let edited = kept.tree.file(name, format!("N = 'round {round}'\n"));
        let cache = kept.cache(&edited);
        let is_there = || is_fresh(kept.python, &edited) && holds(&cache, &format!("round {round}"));
        kept.daemon.wait_until("the edit", is_there);
    }
}

#[test]
fn a_file_that_is_appended_to_for_ever() {
    let kept = Kept::new();
    let (source, _writer) = append_for_ever(&kept, "1", "0.05");
    let mut seen = Vec::new();
    for round in 0..4 {
        kept.daemon.wait_until("another version is compiled", || {
            let cache = fs::read(kept.cache(&source)).unwrap_or_default();
            let is_new = !cache.is_empty() && !seen.contains(&cache);
            if is_new {
                seen.push(cache);
            }
            is_new
        });
        assert_others_are_served(&kept, round);
    }
}

/// It never stands still for as long as it takes to compile it: what would be made of it is of no use to anybody.
#[test]
fn a_file_that_changes_faster_than_it_compiles() {
    let kept = Kept::new();
    let (source, writer) = append_for_ever(&kept, "20000", "0.001");
    for round in 0..4 {
        assert_others_are_served(&kept, round);
    }
    drop(writer);
    kept.wait_fresh(&source);
    kept.assert_converges();
}

/// The most memory that a process has had at a time, in KiB.
fn most_memory(process: u32) -> u64 {
    let text = fs::read_to_string(format!("/proc/{process}/status")).expect("it runs");
    let line = text.lines().find_map(|line| line.strip_prefix("VmHWM:")).expect("Linux");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

const MOST_MEMORY: u64 = 200 << 10;

#[test]
fn a_checkout_of_two_thousand_files_again_and_again() {
    if !has_program("git") {
        return skipped("storms::a_checkout_of_two_thousand_files_again_and_again", "git is not installed");
    }
    let kept = Kept::new();
    let git = "git -c user.name=x -c user.email=x@localhost -c init.defaultBranch=one -c advice.detachedHead=false";
    let write = |mark: &str| {
        for number in 0..2000 {
            kept.tree.file(&format!("repository/d{}/m{number}.py", number % 50), format!("M = '{mark} {number:04}'\n"));
        }
    };
    let at = kept.tree.path("repository");
    let at = at.display();
    write("one");
    sh(&format!("cd '{at}' && {git} init -q && echo __pycache__ > .gitignore && {git} add . && {git} commit -qm one"));
    write("two");
    sh(&format!("cd '{at}' && {git} checkout -qb two && {git} commit -qam two"));
    for branch in ["one", "two"].iter().cycle().take(10) {
        sh(&format!("cd '{at}' && {git} checkout -q {branch}"));
    }
    must_sync(&kept.daemon, &kept.tree.root);
    assert_all_good(kept.python, &kept.tree.root);
    for number in [0, 999, 1999] {
        let source = kept.tree.path(&format!("repository/d{}/m{number}.py", number % 50));
        assert!(holds(&kept.cache(&source), &format!("two {number:04}")), "{source:?}");
    }
    let memory = most_memory(kept.daemon.id());
    assert!(memory < MOST_MEMORY, "{memory} KiB");
}

#[test]
fn an_archive_with_two_hundred_new_directories() {
    let packed = Tree::new();
    for number in 0..2000 {
        packed.source(&format!("site/p{}/m{number}.py", number % 200), format!("N = {number}\n"));
    }
    let archive = packed.path("site.tar");
    sh(&format!("tar -C '{}' -cf '{}' site", packed.root.display(), archive.display()));
    let kept = Kept::new();
    sh(&format!("tar -C '{}' -xf '{}'", kept.tree.root.display(), archive.display()));
    must_sync(&kept.daemon, &kept.tree.root);
    assert_all_good(kept.python, &kept.tree.root);
    assert_eq!(crate::sources_below(&kept.tree.path("site")).len(), 2000);
    assert_eq!(missed(&kept.daemon), 0);
}
