//! Modification times that import's arithmetic treats in its own way. The judge is import itself.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use crate::support::oracle::Oracle;
use crate::support::process::{clean_command, must};
use crate::support::python::interpreters;
use crate::support::run::warm;
use crate::support::skip::{note, skipped};
use crate::support::tree::{Tree, set_mtime};

const BEFORE_1970: [(i64, i64); 4] = [(-1, 0), (-1_000_000_000, 0), (-6, 500_000_000), (-1, 1)];

/// Warms one source per time with every interpreter; import must take each cache that it would take of its own making.
#[track_caller]
fn assert_taken(name: &str, times: &[(i64, i64)]) {
    for python in interpreters() {
        let tree = Tree::new();
        for (number, &(seconds, nanoseconds)) in times.iter().enumerate() {
            let source = tree.file(&format!("t{number}.py"), format!("T = {number}\n"));
            set_mtime(&source, moment(seconds, nanoseconds));
            let stored = fs::metadata(&source).map(|stat| (stat.mtime(), stat.mtime_nsec())).expect("own file");
            if stored != (seconds, nanoseconds) {
                skipped(name, &format!("(one time) the file system makes {stored:?} of {:?}", (seconds, nanoseconds)));
            }
        }
        let report = warm(python, &tree.root);
        report.assert_compiled(times.len() as u64);
        let verdict = Oracle { own: true, ..Oracle::default() }.ask(python, &tree.root);
        assert!(verdict.problems.is_empty(), "{}: {:?}", python.path.display(), verdict.problems);
        if verdict.refuses_own > 0 {
            note(&format!("{name}: {} refuses {} of its own", python.label(), verdict.refuses_own));
        }
    }
}

fn moment(seconds: i64, nanoseconds: i64) -> SystemTime {
    let whole = Duration::from_secs(seconds.unsigned_abs());
    let start = if seconds < 0 { UNIX_EPOCH - whole } else { UNIX_EPOCH + whole };
    start + Duration::from_nanos(nanoseconds.unsigned_abs())
}

/// The time is stored as seconds and a positive fraction, and import cuts the fraction off towards zero.
#[test]
fn before_1970() {
    assert_taken("times::before_1970", &BEFORE_1970);
}

#[test]
fn the_first_second_of_1970() {
    assert_taken("times::the_first_second_of_1970", &[(0, 0), (0, 999_999_999), (1, 0)]);
}

/// Import sees the time as a float: the last nanoseconds of a second round up to the next.
#[test]
fn the_last_nanoseconds_of_a_second() {
    let times =
        [999_999_999, 999_999_900, 999_999_880, 999_999_870, 999_999_500].map(|fraction| (1_700_000_000, fraction));
    assert_taken("times::the_last_nanoseconds_of_a_second", &times);
}

#[test]
fn after_2038() {
    assert_taken(
        "times::after_2038",
        &[(0x7FFF_FFFF, 0), (0x8000_0000, 0), (0x8000_0000, 999_999_999), (4_000_000_000, 5)],
    );
}

#[test]
fn after_2106() {
    assert_taken(
        "times::after_2106",
        &[(0xFFFF_FFFF, 0), (0x1_0000_0000, 0), (0x1_2345_6789, 999_999_999), (10_000_000_000, 0)],
    );
}

/// A second run has nothing to do, where import takes the caches.
#[test]
fn a_second_run_does_nothing() {
    let python = crate::support::python::primary();
    let tree = Tree::new();
    for (number, (seconds, nanoseconds)) in [(-6, 500_000_000), (1_700_000_000, 999_999_999)].into_iter().enumerate() {
        let source = tree.file(&format!("t{number}.py"), "T = 1\n");
        set_mtime(&source, moment(seconds, nanoseconds));
    }
    warm(python, &tree.root).assert_compiled(2);
    warm(python, &tree.root).assert_nothing_done();
}

/// What the interpreter wrote itself for such times is fresh to us.
#[test]
fn caches_of_the_interpreter_itself_are_fresh() {
    for python in interpreters() {
        let tree = Tree::new();
        for (number, (seconds, nanoseconds)) in
            [(1_700_000_000, 999_999_999), (1_700_000_000, 5)].into_iter().enumerate()
        {
            let source = tree.file(&format!("t{number}.py"), "T = 1\n");
            set_mtime(&source, moment(seconds, nanoseconds));
            import_by_path(&python.path, &source);
        }
        let report = warm(python, &tree.root);
        assert_eq!((report.counts.fresh, report.counts.compiled), (2, 0), "{}: {}", python.label(), report.raw);
    }
}

/// Has the interpreter's own loader write the cache.
fn import_by_path(python: &Path, source: &Path) {
    let program =
        "import sys; from importlib.machinery import SourceFileLoader as L; L('m', sys.argv[1]).get_code('m')";
    must(clean_command(python).args(["-E", "-s", "-c", program]).arg(source));
}
