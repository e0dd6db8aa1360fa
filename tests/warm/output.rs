//! What is printed, where, and the exit status.

use std::fs;

use serde_json::Value;

use crate::support::python::{Interpreter, primary};
use crate::support::run::{check, json, pycwarm, run, warm};
use crate::support::tree::{Tree, snapshot};

const BROKEN: &str = "x = 1\ny = = 2\n";

/// A good source, a broken one (line 2), and one to skip.
fn mixed() -> (&'static Interpreter, Tree) {
    let tree = Tree::new();
    tree.good();
    tree.source("package/broken.py", BROKEN);
    std::os::unix::fs::symlink("nowhere", tree.path("dangling.py")).expect("own directory");
    (primary(), tree)
}

#[test]
fn json_has_exactly_the_documented_fields() {
    let (python, tree) = mixed();
    for verb in ["warm", "check"] {
        let report = json(pycwarm(verb).arg("--python").arg(&python.path).arg(&tree.root));
        let value: Value = serde_json::from_str(&report.raw).expect("one JSON object and nothing else");
        let mut names: Vec<&String> = value.as_object().expect("an object").keys().collect();
        names.sort();
        let mut expected = [
            "schema",
            "sources",
            "fresh",
            "compiled",
            "repaired",
            "stale",
            "failed",
            "skipped",
            "failures",
            "skips",
            "elapsed_seconds",
        ];
        expected.sort_unstable();
        assert_eq!(names, expected);
        let skip = &value["skips"][0];
        assert!(skip["path"].is_string() && skip["reason"].is_string(), "{skip}");
    }
    let report = warm(python, &tree.root);
    let value: Value = serde_json::from_str(&report.raw).expect("JSON");
    let mut names: Vec<&String> = value["failures"][0].as_object().expect("an object").keys().collect();
    names.sort();
    assert_eq!(names, ["kind", "line", "message", "path", "python"]);
}

#[test]
fn counts_of_warm() {
    let (python, tree) = mixed();
    let report = warm(python, &tree.root);
    let counts = &report.counts;
    assert_eq!((counts.sources, counts.compiled, counts.failed, counts.skipped), (3, 1, 1, 1), "{}", report.raw);
    assert_eq!((counts.fresh, counts.repaired, counts.stale), (0, 0, 0), "{}", report.raw);
    assert!(counts.elapsed_seconds > 0.0);
    let failure = report.failure_of(&tree.path("package/broken.py"));
    assert_eq!((failure.kind.as_str(), failure.line), ("syntax", Some(2)));
    assert_eq!(failure.python, Some(python.label()));
    assert_eq!(report.ran.status, 1);
}

#[test]
fn check_gives_the_same_counts_and_writes_nothing() {
    let (python, tree) = mixed();
    let before = snapshot(&tree.root);
    let report = check(python, &tree.root);
    let counts = &report.counts;
    assert_eq!((counts.sources, counts.stale, counts.skipped), (3, 2, 1), "{}", report.raw);
    assert_eq!((counts.compiled, counts.repaired, counts.failed), (0, 0, 0), "{}", report.raw);
    assert_eq!(report.ran.status, 1);
    assert_eq!(before, snapshot(&tree.root));

    warm(python, &tree.root);
    let before = snapshot(&tree.root);
    let counts = check(python, &tree.root).counts;
    assert_eq!((counts.sources, counts.fresh, counts.stale), (3, 1, 1));
    assert_eq!(before, snapshot(&tree.root));
}

#[test]
fn status_is_0_when_all_is_well() {
    let (python, tree) = mixed();
    fs::remove_file(tree.path("package/broken.py")).expect("own file");
    assert_eq!(check(python, &tree.root).ran.status, 1, "stale");
    assert_eq!(warm(python, &tree.root).ran.status, 0, "a skip is no failure");
    assert_eq!(check(python, &tree.root).ran.status, 0);
}

#[test]
fn failures_are_lines_as_a_compiler_prints_them() {
    let (python, tree) = mixed();
    let ran = run(pycwarm("warm").arg("--python").arg(&python.path).arg(&tree.root));
    let broken = tree.path("package/broken.py");
    let start = format!("{}:2: ", broken.display());
    let end = format!(" ({})", python.label());
    let lines: Vec<&str> = ran.stderr.lines().filter(|line| line.contains("broken.py")).collect();
    let [line] = lines[..] else { panic!("not one line: {:?}", ran.stderr) };
    assert!(line.starts_with(&start) && line.ends_with(&end) && line.len() > start.len() + end.len(), "{line:?}");
    assert!(!ran.stdout.is_empty(), "a summary");
    assert!(!ran.text().contains('\x1b') && !ran.stderr.contains('\x1b'), "no colour where no terminal is");
}

#[test]
fn quiet_prints_no_summary_but_the_failures() {
    let (python, tree) = mixed();
    let ran = run(pycwarm("warm").arg("-q").arg("--python").arg(&python.path).arg(&tree.root));
    assert_eq!((ran.text().as_str(), ran.status), ("", 1));
    assert!(ran.stderr.contains("broken.py:2: "), "{}", ran.stderr);
}

#[test]
fn json_alone_is_on_standard_output_even_when_verbose() {
    let (python, tree) = mixed();
    let report = json(pycwarm("warm").arg("-v").arg("--python").arg(&python.path).arg(&tree.root));
    assert!(report.raw.trim_start().starts_with('{') && report.raw.trim_end().ends_with('}'));
}

#[test]
fn usage_errors_exit_with_2() {
    let tree = Tree::new();
    for arguments in [["--optimize", "3"], ["--invalidation-mode", "never"], ["--jobs", "x"], ["--nonsense", "x"]] {
        let ran = run(pycwarm("warm").args(arguments).arg(&tree.root));
        assert_eq!(ran.status, 2, "{arguments:?}: {}", ran.stderr);
        assert!(!ran.stderr.is_empty());
    }
}
