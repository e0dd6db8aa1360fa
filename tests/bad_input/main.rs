//! Bad input has a clear outcome and never stops the rest: in each test a good file beside the bad one is compiled.

#[path = "../support/mod.rs"]
mod support;

mod changing;
mod compilers;
mod file_systems;
mod interpreters;
mod names;
mod obstacles;
mod permissions;
mod special_files;
mod texts;
mod times;
mod twins;
mod workers;

use support::python::Interpreter;
use support::run::{Report, warm};
use support::tree::Tree;

/// Warms the tree with one interpreter; its good file must be compiled whatever else happens.
#[track_caller]
fn warm_beside_good(python: &Interpreter, tree: &Tree) -> Report {
    let good = tree.good();
    let report = warm(python, &tree.root);
    assert!(report.failures_of(&good).is_empty(), "{}", report.raw);
    support::oracle::assert_all_good(python, &good);
    report
}
