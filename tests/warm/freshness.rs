//! What makes a cache stale, and that a second run finds nothing to do.

use std::fs;
use std::path::PathBuf;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::cache::spoil;
use crate::support::oracle::assert_all_good;
use crate::support::python::{Interpreter, primary};
use crate::support::run::{check, warm};
use crate::support::tree::{Tree, hour_ago, set_mtime, snapshot};

/// One warm source `a.py` and a second, `b.py`, that no case touches.
struct Warm {
    python: &'static Interpreter,
    tree: Tree,
    source: PathBuf,
    cache: PathBuf,
}

fn warmed() -> Warm {
    let (python, tree) = (primary(), Tree::new());
    let source = tree.source("a.py", "A = 'one'\n");
    tree.source("b.py", "B = 1\n");
    warm(python, &tree.root).assert_compiled(2);
    let cache = python.cache(&source);
    Warm { python, tree, source, cache }
}

impl Warm {
    /// `check` sees one stale cache, `warm` compiles one, import takes all, and then nothing is left to do.
    #[track_caller]
    fn assert_one_stale(self) {
        let checked = check(self.python, &self.tree.root);
        assert_eq!((checked.counts.stale, checked.counts.fresh, checked.counts.sources), (1, 1, 2), "{}", checked.raw);
        let report = warm(self.python, &self.tree.root);
        report.assert_compiled(1);
        assert_eq!(report.counts.fresh, 1, "{}", report.raw);
        self.assert_fresh();
    }

    #[track_caller]
    fn assert_fresh(self) {
        assert_all_good(self.python, &self.tree.root);
        let checked = check(self.python, &self.tree.root);
        assert_eq!((checked.counts.stale, checked.counts.fresh), (0, 2), "{}", checked.raw);
        let before = snapshot(&self.tree.root);
        warm(self.python, &self.tree.root).assert_nothing_done();
        assert_eq!(before, snapshot(&self.tree.root), "a run with nothing to do writes nothing");
    }
}

#[test]
fn second_run_does_nothing() {
    warmed().assert_fresh();
}

#[test]
fn second_run_does_nothing_right_after_an_edit() {
    let (python, tree) = (primary(), Tree::new());
    tree.file("now.py", "NOW = 1\n");
    warm(python, &tree.root).assert_compiled(1);
    warm(python, &tree.root).assert_nothing_done();
    assert_all_good(python, &tree.root);
}

#[test]
fn same_size_other_time() {
    let warm = warmed();
    fs::write(&warm.source, "A = 'two'\n").expect("own file");
    set_mtime(&warm.source, hour_ago() - Duration::from_secs(5));
    warm.assert_one_stale();
}

#[test]
fn same_time_other_size() {
    let warm = warmed();
    let time = fs::metadata(&warm.source).and_then(|stat| stat.modified()).expect("own file");
    fs::write(&warm.source, "A = 'three'\n").expect("own file");
    set_mtime(&warm.source, time);
    warm.assert_one_stale();
}

#[test]
fn deleted_cache() {
    let warm = warmed();
    fs::remove_file(&warm.cache).expect("own file");
    warm.assert_one_stale();
}

#[test]
fn wrong_magic() {
    let warm = warmed();
    spoil(&warm.cache, 0);
    warm.assert_one_stale();
}

#[test]
fn unknown_flag() {
    let warm = warmed();
    if warm.python.has_hash_modes() {
        spoil(&warm.cache, 7);
        warm.assert_one_stale();
    }
}

#[test]
fn wrong_size_in_the_header() {
    let warm = warmed();
    spoil(&warm.cache, warm.python.header_length() - 2);
    warm.assert_one_stale();
}

#[test]
fn empty_file() {
    let warm = warmed();
    fs::write(&warm.cache, "").expect("own file");
    warm.assert_one_stale();
}

#[test]
fn half_a_header() {
    let warm = warmed();
    let content = fs::read(&warm.cache).expect("own file");
    fs::write(&warm.cache, &content[..9]).expect("own file");
    warm.assert_one_stale();
}

#[test]
fn header_and_no_code() {
    let warm = warmed();
    let content = fs::read(&warm.cache).expect("own file");
    fs::write(&warm.cache, &content[..warm.python.header_length()]).expect("own file");
    warm.assert_one_stale();
}

/// The cache may have been written before the last edit of that second: nothing in its header would tell.
#[test]
fn cache_not_later_than_the_second_of_its_source() {
    let warm = warmed();
    let source = second_of(&warm.source);
    set_mtime(&warm.cache, UNIX_EPOCH + Duration::from_secs(source) + Duration::from_millis(999));
    warm.assert_one_stale();
}

#[test]
fn cache_one_second_later_than_its_source() {
    let warm = warmed();
    let source = second_of(&warm.source);
    set_mtime(&warm.cache, UNIX_EPOCH + Duration::from_secs(source + 1));
    warm.assert_fresh();
}

/// The edit that no header shows, made before `warm` was asked: the racy rule finds it.
#[test]
fn edit_within_the_same_second_and_size() {
    let warm = warmed();
    let second = UNIX_EPOCH + Duration::from_secs(second_of(&warm.source));
    set_mtime(&warm.cache, second);
    fs::write(&warm.source, "A = 'six'\n").expect("own file");
    set_mtime(&warm.source, second + Duration::from_millis(500));
    warm.assert_one_stale();
}

#[test]
fn source_of_tomorrow() {
    let (python, tree) = (primary(), Tree::new());
    let source = tree.source("tomorrow.py", "T = 1\n");
    set_mtime(&source, SystemTime::now() + Duration::from_secs(86400));
    let report = warm(python, &tree.root);
    assert_eq!((report.counts.sources, report.counts.failed), (1, 0), "{}", report.raw);
    assert_all_good(python, &tree.root);
}

fn second_of(path: &std::path::Path) -> u64 {
    let time = fs::metadata(path).and_then(|stat| stat.modified()).expect("own file");
    time.duration_since(UNIX_EPOCH).expect("after 1970").as_secs()
}
