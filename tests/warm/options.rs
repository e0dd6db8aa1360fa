//! Options, configuration and environment.

use std::fs;

use crate::support::oracle::assert_all_good;
use crate::support::process::must;
use crate::support::python::{distinct, pair, primary};
use crate::support::run::{json, pycwarm, pycwarm_with, run};
use crate::support::skip::skipped;
use crate::support::tree::Tree;

#[test]
fn several_interpreters_in_one_run() {
    let all = distinct();
    if all.len() < 2 {
        return skipped("options::several_interpreters_in_one_run", "one interpreter is here");
    }
    let tree = Tree::new();
    for number in 0..20 {
        tree.source(&format!("p/m{number}.py"), format!("N = {number}\n"));
    }
    let command = || {
        let mut command = pycwarm("warm");
        for python in &all {
            command.arg("--python").arg(&python.path);
        }
        command.arg(&tree.root);
        command
    };
    let report = json(&mut command());
    report.assert_compiled(20 * all.len() as u64);
    assert_eq!(report.counts.sources, 20);
    for python in &all {
        assert_all_good(python, &tree.root);
    }
    json(&mut command()).assert_nothing_done();
}

#[test]
fn a_failure_names_the_interpreter_that_fails() {
    let Some((first, second)) = pair() else {
        return skipped("options::a_failure_names_the_interpreter_that_fails", "one interpreter is here");
    };
    let tree = Tree::new();
    let broken = tree.source("broken.py", "(\n");
    tree.good();
    let mut command = pycwarm("warm");
    command.arg("--python").arg(&first.path).arg("--python").arg(&second.path).arg(&tree.root);
    let report = json(&mut command);
    assert_eq!((report.counts.sources, report.counts.compiled), (2, 2));
    let mut labels: Vec<_> = report.failures_of(&broken).iter().map(|failure| failure.python.clone()).collect();
    let mut expected = vec![Some(first.label()), Some(second.label())];
    labels.sort();
    expected.sort();
    assert_eq!(labels, expected);
}

#[test]
fn the_same_interpreter_twice_counts_once() {
    let (python, tree) = (primary(), Tree::new());
    tree.good();
    let mut command = pycwarm("warm");
    command.arg("--python").arg(&python.path).arg("--python").arg(&python.path).arg(&tree.root);
    json(&mut command).assert_compiled(1);
}

#[test]
fn one_worker_or_many() {
    let (python, tree) = (primary(), Tree::new());
    for number in 0..50 {
        tree.source(&format!("m{number}.py"), format!("N = {number}\n"));
    }
    for jobs in ["1", "7"] {
        let _ = fs::remove_dir_all(tree.path("__pycache__"));
        let report = json(pycwarm("warm").args(["-j", jobs, "--python"]).arg(&python.path).arg(&tree.root));
        report.assert_compiled(50);
        assert_all_good(python, &tree.root);
    }
}

#[test]
fn excluded_paths_are_not_seen() {
    let (python, tree) = (primary(), Tree::new());
    let kept = tree.good();
    let vendor = tree.source("vendor/deep/v.py", "V = 1\n");
    let generated = tree.source("p/made_gen.py", "= broken\n");
    let listed = tree.source("p/kept_gen.py", "K = 1\n");
    let config = tree.file(
        "pycwarm.toml",
        format!(
            "[[tree]]\npath = {:?}\npython = [{:?}]\nexclude = [\"vendor/\", \"*_gen.py\", \"!kept_gen.py\"]\n",
            tree.root, python.path
        ),
    );
    let report = json(&mut pycwarm_with("warm", &config));
    report.assert_compiled(2);
    assert_eq!((report.counts.sources, report.counts.skipped), (2, 0), "{}", report.raw);
    assert!(python.cache(&kept).exists() && python.cache(&listed).exists());
    assert!(!python.cache(&vendor).exists() && !python.cache(&generated).exists());
    // The same tree named on the command line has the same settings.
    json(pycwarm_with("check", &config).arg(&tree.root)).assert_nothing_done();
}

#[test]
fn python_variables_of_the_environment_do_not_matter() {
    let (python, tree) = (primary(), Tree::new());
    tree.good();
    let elsewhere = tree.path("elsewhere");
    let mut command = pycwarm("warm");
    command.env("PYTHONDONTWRITEBYTECODE", "1").env("PYTHONPYCACHEPREFIX", &elsewhere).env("PYTHONOPTIMIZE", "2");
    command.env("PYTHONHOME", "/nowhere").env("PYTHONPATH", "/nowhere").env("PYTHONSTARTUP", "/nowhere");
    json(command.arg("--python").arg(&python.path).arg(&tree.root)).assert_compiled(1);
    assert_all_good(python, &tree.root);
    assert!(!elsewhere.exists());
}

#[test]
fn a_bad_configuration_exits_with_2_and_names_file_and_line() {
    let tree = Tree::new();
    let source = tree.good();
    for (text, line) in
        [("jobs = 1\nnonsense = 1\n", 2), ("jobs = \"many\"\n", 1), ("[[tree]]\n\npath = 7\n", 3), ("\n=\n", 2)]
    {
        let config = tree.file("bad.toml", text);
        let ran = run(pycwarm_with("warm", &config).arg(&tree.root));
        assert_eq!((ran.status, ran.text().as_str()), (2, ""), "{text:?}: {}", ran.stderr);
        assert!(ran.stderr.contains(&format!("{}:{line}: ", config.display())), "{text:?}: {}", ran.stderr);
    }
    assert!(!primary().cache(&source).exists());
}

#[test]
fn a_configuration_file_that_is_not_there_exits_with_2() {
    let tree = Tree::new();
    let ran = run(pycwarm_with("warm", &tree.path("none.toml")).arg(&tree.root));
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("none.toml"), "{}", ran.stderr);
}

/// The interpreter itself, with import and nothing else, runs from the caches.
#[test]
fn import_uses_what_warm_wrote() {
    let (python, tree) = (primary(), Tree::new());
    tree.source("package/__init__.py", "from .inner import VALUE\n");
    tree.source("package/inner.py", "VALUE = 42\n");
    json(pycwarm("warm").arg("--python").arg(&python.path).arg(&tree.root)).assert_compiled(2);
    let mut command = crate::support::process::clean_command(&python.path);
    let program = "import sys; sys.path.insert(0, sys.argv[1]); import package; print(package.VALUE)";
    let output = must(command.args(["-v", "-c", program]).arg(&tree.root));
    let told = String::from_utf8_lossy(&output.stderr);
    let cache = python.cache(&tree.path("package/inner.py"));
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), "42");
    if !python.is_pypy() {
        assert!(told.contains(&format!("{} matches", cache.display())), "{told}");
    }
    assert!(!told.contains(&format!("wrote '{}'", cache.display())), "{told}");
}
