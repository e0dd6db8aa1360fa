//! Interpreters that are none, or not what they seem. The others go on.

use std::fs;
use std::os::unix::fs::{chown, symlink};
use std::path::{Path, PathBuf};

use crate::support::oracle::assert_all_good;
use crate::support::python::{Interpreter, interpreters, primary};
use crate::support::run::{Report, json, pycwarm};
use crate::support::skip::{needs_root, skipped};
use crate::support::tree::{Tree, set_mode};

fn warm_with(tree: &Tree, pythons: &[&Path]) -> Report {
    let mut command = pycwarm("warm");
    for python in pythons {
        command.arg("--python").arg(python);
    }
    json(command.arg(tree.path("tree")))
}

/// A trusted place for programs, and below it a tree with two good sources.
fn place(name: &str) -> Option<Tree> {
    let place = Tree::trusted();
    match &place {
        Some(place) => {
            place.source("tree/a.py", "A = 1\n");
            place.source("tree/b.py", "B = 1\n");
        }
        None => skipped(name, "there is no directory that only root writes to"),
    }
    place
}

/// One clear error for the bad one, named as it was asked for; the good one does its work. Returns the message.
#[track_caller]
fn assert_costs_itself(tree: &Tree, bad: &Path) -> String {
    let python = primary();
    let report = warm_with(tree, &[bad, &python.path]);
    let failure = report.failure_of(bad);
    assert_eq!((failure.kind.as_str(), failure.line), ("interpreter", None), "{}", report.raw);
    assert_eq!((report.counts.failed, report.counts.compiled, report.counts.sources), (1, 2, 2), "{}", report.raw);
    assert!(!failure.message.trim().is_empty());
    assert_all_good(python, &tree.path("tree"));

    let alone = warm_with(tree, &[bad]);
    assert_eq!((alone.counts.failed, alone.counts.compiled), (1, 0), "{}", alone.raw);
    failure.message.clone()
}

fn program(place: &Tree, name: &str, text: &str) -> PathBuf {
    let path = place.file(name, text);
    set_mode(&path, 0o755);
    path
}

#[test]
fn one_that_does_not_exist() {
    let Some(place) = place("interpreters::one_that_does_not_exist") else { return };
    assert_costs_itself(&place, &place.path("bin/python3.99"));
}

#[test]
fn programs_that_are_no_python() {
    let Some(place) = place("interpreters::programs_that_are_no_python") else { return };
    for program in ["/bin/true", "/bin/cat", "/bin/sh"].map(Path::new) {
        assert_costs_itself(&place, program);
        let _ = fs::remove_dir_all(place.path("tree/__pycache__"));
    }
}

#[test]
fn a_directory() {
    let Some(place) = place("interpreters::a_directory") else { return };
    fs::create_dir(place.path("python3")).expect("own directory");
    assert_costs_itself(&place, &place.path("python3"));
}

#[test]
fn a_file_that_may_not_be_run() {
    let Some(place) = place("interpreters::a_file_that_may_not_be_run") else { return };
    let file = place.file("python3", "#!/bin/sh\n");
    assert_costs_itself(&place, &file);
}

#[test]
fn a_program_for_another_machine() {
    let Some(place) = place("interpreters::a_program_for_another_machine") else { return };
    let file = program(&place, "python3", "\x7fELF no machine at all");
    assert_costs_itself(&place, &file);
}

#[test]
fn python_2() {
    let home = std::env::var_os("HOME").map(PathBuf::from).unwrap_or_default();
    let versions = fs::read_dir(home.join(".pyenv/versions")).into_iter().flatten().flatten();
    let found = versions.map(|entry| entry.path().join("bin/python2.7")).find(|path| path.exists());
    let Some(python2) = found.or_else(|| Some("/usr/bin/python2".into()).filter(|path: &PathBuf| path.exists())) else {
        return skipped("interpreters::python_2", "none is installed");
    };
    let Some(place) = place("interpreters::python_2") else { return };
    assert_costs_itself(&place, &python2);
}

#[test]
fn one_that_dies_tells_its_last_words() {
    let Some(place) = place("interpreters::one_that_dies_tells_its_last_words") else { return };
    let shim = program(&place, "python3", "#!/bin/sh\necho 'pyenv: version 3.99 is not installed' >&2\nexit 1\n");
    let message = assert_costs_itself(&place, &shim);
    assert!(message.contains("version 3.99 is not installed"), "{message}");
}

#[test]
fn a_shell_shim_is_what_it_runs() {
    let Some(place) = place("interpreters::a_shell_shim_is_what_it_runs") else { return };
    let python = primary();
    let shim = program(&place, "python3", &format!("#!/bin/sh\nexec '{}' \"$@\"\n", python.path.display()));
    let report = warm_with(&place, &[&shim, &python.path]);
    report.assert_compiled(2);
    assert_eq!(report.counts.sources, 2);
    assert_all_good(python, &place.path("tree"));
}

#[test]
fn a_shim_that_leads_to_another_version_is_that_version() {
    let name = "interpreters::a_shim_that_leads_to_another_version_is_that_version";
    let Some((first, second)) = crate::support::python::pair() else { return skipped(name, "one interpreter is here") };
    let Some(place) = place(name) else { return };
    let text = format!("#!/bin/sh\nexec '{}' \"$@\"\n", second.path.display());
    let shim = program(&place, &format!("python{}.{}", first.version.0, first.version.1), &text);
    warm_with(&place, &[&shim]).assert_compiled(2);
    assert_all_good(second, &place.path("tree"));
    assert!(!first.cache(&place.path("tree/a.py")).exists());
}

#[test]
fn a_chain_of_links_is_what_it_ends_in() {
    let Some(place) = place("interpreters::a_chain_of_links_is_what_it_ends_in") else { return };
    let python = primary();
    symlink(&python.path, place.path("one")).expect("own directory");
    symlink("one", place.path("two")).expect("own directory");
    symlink(place.path("two"), place.path("python3")).expect("own directory");
    warm_with(&place, &[&place.path("python3"), &python.path, &place.path("one")]).assert_compiled(2);
    assert_all_good(python, &place.path("tree"));
}

#[test]
fn a_loop_of_links() {
    let Some(place) = place("interpreters::a_loop_of_links") else { return };
    symlink("two", place.path("one")).expect("own directory");
    symlink("one", place.path("two")).expect("own directory");
    assert_costs_itself(&place, &place.path("one"));
}

/// Two patch releases share their caches.
#[test]
fn the_same_tag_and_magic_count_once() {
    let name = "interpreters::the_same_tag_and_magic_count_once";
    let all = interpreters();
    let twin = |one: &&Interpreter| {
        all.iter().any(|two| two.path != one.path && (&two.tag, two.magic) == (&one.tag, one.magic))
    };
    let twins: Vec<&Interpreter> = all.iter().filter(twin).collect();
    let Some(first) = twins.first() else {
        return skipped(name, "no two interpreters here share a tag and a magic number");
    };
    let pair: Vec<&Path> = twins.iter().filter(|one| one.tag == first.tag).map(|one| one.path.as_path()).collect();
    let Some(place) = place(name) else { return };
    warm_with(&place, &pair).assert_compiled(2);
    for python in twins.iter().filter(|one| one.tag == first.tag) {
        assert_all_good_but_code(python, &place);
    }
}

/// The other patch release may compile differently, but it takes the cache.
fn assert_all_good_but_code(python: &Interpreter, place: &Tree) {
    assert!(crate::support::cache::is_fresh(python, &place.path("tree/a.py")));
}

/// Who else can replace the program, and how that is brought about.
type Case = (&'static str, fn(&Path));

/// As root: what others can replace is not run, not even to be asked what it is.
#[test]
fn a_program_that_others_can_replace_is_not_run() {
    if !needs_root("interpreters::a_program_that_others_can_replace_is_not_run") {
        return;
    }
    let Some(place) = place("interpreters::a_program_that_others_can_replace_is_not_run") else { return };
    let mark = place.path("it-was-run");
    let text = format!("#!/bin/sh\ntouch '{}'\nexec '{}' \"$@\"\n", mark.display(), primary().path.display());
    let cases: [Case; 4] = [
        ("file of another owner", |path| chown(path, Some(65_534), None).expect("root")),
        ("file that others write", |path| set_mode(path, 0o757)),
        ("directory of another owner", |path| chown(path.parent().expect("bin"), Some(65_534), None).expect("root")),
        ("directory that others write", |path| set_mode(path.parent().expect("bin"), 0o757)),
    ];
    for (number, (what, spoil)) in cases.into_iter().enumerate() {
        let path = program(&place, &format!("bin{number}/python3"), &text);
        spoil(&path);
        assert_costs_itself(&place, &path);
        assert!(!mark.exists(), "{what}");
        let _ = fs::remove_dir_all(place.path("tree/__pycache__"));
    }
}
