//! Large real trees, with every interpreter that is found.

use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::thread;

use crate::support::oracle::Oracle;
use crate::support::python::{Interpreter, interpreters};
use crate::support::run::{check, warm};
use crate::support::skip::{note, skipped};
use crate::support::tree::{Tree, copy_sources};

const AT_ONCE: usize = 2;

#[test]
fn its_own_standard_library_with_its_tests() {
    for_every_interpreter("standard library", |python| python.library.clone());
}

#[test]
fn a_site_packages() {
    match std::env::var_os("PYCWARM_TEST_SITE_PACKAGES") {
        Some(path) => for_every_interpreter("site-packages", |_| PathBuf::from(&path)),
        None => skipped("oracle::a_site_packages", "PYCWARM_TEST_SITE_PACKAGES names no directory"),
    }
}

/// Works through the list with two threads; a panic in one is passed on when all are done.
fn for_every_interpreter(what: &str, tree_of: impl Fn(&Interpreter) -> PathBuf + Sync) {
    let queue = Mutex::new(interpreters().iter());
    let next = || queue.lock().expect("no panic while it is held").next();
    thread::scope(|scope| {
        for _ in 0..AT_ONCE {
            scope.spawn(|| {
                while let Some(python) = next() {
                    warm_and_ask(what, python, &tree_of(python));
                }
            });
        }
    });
}

fn warm_and_ask(what: &str, python: &Interpreter, original: &Path) {
    let tree = Tree::new();
    let copied = copy_sources(original, &tree.root);
    assert!(copied > 0, "{original:?} has no sources");

    let first = warm(python, &tree.root);
    let counts = &first.counts;
    assert_eq!((counts.sources, counts.skipped), (copied, 0), "{}", first.raw);
    assert_eq!(counts.compiled + counts.failed, copied, "{}", first.raw);
    let verdict = Oracle { report: Some(&first), ..Oracle::default() }.ask(python, &tree.root);
    verdict.assert_good(python);
    assert_eq!((verdict.sources, verdict.accepted), (copied, counts.compiled), "{}", python.path.display());

    let second = warm(python, &tree.root).counts;
    assert_eq!((second.compiled, second.repaired, second.fresh), (0, 0, counts.compiled), "{}", python.path.display());
    assert_eq!(second.failed, counts.failed);
    // check compiles nothing, so what cannot be compiled is stale to it, and nothing else is.
    let checked = check(python, &tree.root).counts;
    assert_eq!((checked.stale, checked.fresh), (counts.failed, counts.compiled), "{}", python.path.display());

    let (failed, accepted) = (counts.failed, verdict.accepted);
    note(&format!("{what}: {} ({}): {accepted} accepted, {failed} not compilable", python.path.display(), python.tag));
}
