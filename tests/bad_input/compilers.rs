//! Sources that are too much for a compiler. A crash costs that file alone.

use std::fmt::Write;

use crate::support::oracle::assert_all_good;
use crate::support::python::{Interpreter, interpreters, primary};
use crate::support::run::warm;
use crate::support::skip::{note, skipped};
use crate::support::tree::Tree;
use crate::support::verdict::{assert_same, own_verdict};
use crate::warm_beside_good;

const ALLOWED: [&str; 5] = ["compiled", "syntax", "source", "too-complex", "crash"];

/// Each interpreter's outcome is its own, except that how deep is too deep depends on the stack at hand: there the kinds that a
/// compiler may end with are all right, as long as there is one clear outcome.
#[track_caller]
fn assert_clear_outcome(name: &str, content: &str) -> Vec<String> {
    let mut kinds = Vec::new();
    for python in interpreters() {
        let tree = Tree::new();
        // In the middle of others, so that the worker has some before and some after it.
        let others: Vec<_> = (0..20).map(|n| tree.source(&format!("m{n:02}.py"), format!("N = {n}\n"))).collect();
        let source = tree.source("m10_deep.py", content);
        let report = warm_beside_good(python, &tree);
        let kind = match report.failures_of(&source)[..] {
            [] => "compiled".to_owned(),
            [one] => one.kind.clone(),
            _ => panic!("more than one outcome: {}", report.raw),
        };
        assert!(ALLOWED.contains(&kind.as_str()), "{}: {}", python.label(), report.raw);
        assert_eq!(report.counts.compiled, 21 + u64::from(kind == "compiled"), "{}: {}", python.label(), report.raw);
        for other in &others {
            assert!(python.cache(other).is_file(), "{}: {other:?} paid for another file", python.label());
        }
        note(&format!("compilers::{name}: {}: {kind} (alone: {})", python.label(), own_verdict(python, &source).kind));
        kinds.push(kind);
    }
    kinds
}

#[test]
fn unary_operators_100_000_in_a_row() {
    assert_clear_outcome("unary_operators", &unary_operators());
}

/// 3.6 overflows its stack when it orders the blocks of this.
#[test]
fn loops_100_000_in_a_row() {
    assert_clear_outcome("loops", &loops());
}

fn unary_operators() -> String {
    format!("x = {}1\n", "-".repeat(100_000))
}

fn loops() -> String {
    "for a in b:\n pass\n".repeat(100_000)
}

/// Interpreters that die of one of these sources, with that source.
fn crashing() -> Vec<(&'static Interpreter, String)> {
    let tree = Tree::new();
    let mut found = Vec::new();
    for content in [unary_operators(), loops()] {
        let source = tree.source("crash.py", &content);
        let dying = interpreters().iter().filter(|python| own_verdict(python, &source).kind == "crash");
        found.extend(dying.map(|python| (python, content.clone())));
    }
    found
}

/// Where the interpreter alone dies of it, the report says crash and names the file, and the second run says so again.
#[test]
fn a_crash_is_named() {
    let crashing = crashing();
    if crashing.is_empty() {
        skipped("compilers::a_crash_is_named", "no interpreter here crashes on any of these sources");
    }
    for (python, content) in crashing {
        let tree = Tree::new();
        let source = tree.source("crash.py", &content);
        for _ in 0..2 {
            let report = warm_beside_good(python, &tree);
            let failure = report.failure_of(&source);
            assert_eq!((failure.kind.as_str(), failure.line), ("crash", None), "{failure:?}");
            assert_eq!(failure.python, Some(python.label()));
        }
    }
}

#[test]
fn several_crashes_in_one_tree() {
    let Some((python, content)) = crashing().pop() else {
        return skipped(
            "compilers::several_crashes_in_one_tree",
            "no interpreter here crashes on any of these sources",
        );
    };
    let tree = Tree::new();
    for number in 0..40 {
        tree.source(&format!("m{number:02}.py"), format!("N = {number}\n"));
        if number % 5 == 0 {
            tree.source(&format!("m{number:02}_crash.py"), &content);
        }
    }
    let report = warm(python, &tree.root);
    assert_eq!((report.counts.compiled, report.counts.failed), (40, 8), "{}", report.raw);
    assert!(
        report.counts.failures.iter().all(|failure| failure.kind == "crash" && failure.path.ends_with("_crash.py"))
    );
}

#[test]
fn parentheses_100_000_deep() {
    assert_clear_outcome("parentheses", &format!("x = {}{}\n", "(".repeat(100_000), ")".repeat(100_000)));
}

#[test]
fn attributes_100_000_deep() {
    assert_clear_outcome("attributes", &format!("x = a{}\n", ".a".repeat(100_000)));
}

#[test]
fn sum_of_100_000_terms() {
    assert_clear_outcome("sum", &format!("x = a{}\n", "+a".repeat(100_000)));
}

#[test]
fn blocks_150_deep() {
    let mut content = String::new();
    for depth in 0..150 {
        writeln!(content, "{}if x:", " ".repeat(depth)).expect("a string");
    }
    writeln!(content, "{}pass", " ".repeat(150)).expect("a string");
    assert_clear_outcome("blocks", &content);
}

/// Compiles everywhere, but some cannot marshal it: nested code objects.
#[test]
fn lambdas_2_000_deep() {
    assert_clear_outcome("lambdas", &format!("x = {}0\n", "lambda: ".repeat(2_000)));
}

#[test]
fn two_hundred_thousand_lines() {
    let (python, tree) = (primary(), Tree::new());
    let mut content = String::new();
    for line in 0..200_000 {
        writeln!(content, "name_{} = {line}", line % 1000).expect("a string");
    }
    let source = tree.source("long.py", content);
    let report = warm_beside_good(python, &tree);
    assert_eq!(assert_same(&report, python, &source).kind, "compiled");
    assert_all_good(python, &tree.root);
}

#[test]
fn the_line_of_an_error_at_the_end_of_a_long_file() {
    let (python, tree) = (primary(), Tree::new());
    let source = tree.source("long.py", format!("{}y = = 2\n", "x = 1\n".repeat(199_999)));
    let report = warm_beside_good(python, &tree);
    assert_eq!(report.failure_of(&source).line, Some(200_000));
}

#[test]
fn literal_of_50_megabytes() {
    let (python, tree) = (primary(), Tree::new());
    let source = tree.source("large.py", format!("x = '{}'\n", "a".repeat(50_000_000)));
    let report = warm_beside_good(python, &tree);
    assert_eq!(assert_same(&report, python, &source).kind, "compiled");
    assert_all_good(python, &tree.root);
}

/// The message holds the whole line; it must not flood anybody.
#[test]
fn error_in_a_line_of_5_megabytes() {
    let (python, tree) = (primary(), Tree::new());
    let source = tree.source("large.py", format!("x = '{}' = = 1\n", "a".repeat(5_000_000)));
    let report = warm_beside_good(python, &tree);
    assert_eq!(report.failure_of(&source).kind, "syntax");
    assert!(report.raw.len() < 100_000, "{} bytes of report for one error", report.raw.len());
}
