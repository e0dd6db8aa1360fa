//! File names that are not UTF-8, or that would break a line of output.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use crate::support::oracle::Oracle;
use crate::support::python::primary;
use crate::support::run::{pycwarm, run, warm};
use crate::support::skip::skipped;
use crate::support::tree::{Tree, hour_ago, set_mtime};

const BROKEN: &str = "y = = 2\n";

/// A source with this name; `None` where the file system refuses it.
fn named(tree: &Tree, name: &[u8], content: &str) -> Option<PathBuf> {
    let path = tree.root.join(OsStr::from_bytes(name));
    fs::create_dir_all(path.parent().expect("has a parent")).ok()?;
    fs::write(&path, content).ok()?;
    set_mtime(&path, hour_ago());
    Some(path)
}

#[test]
fn good_sources_with_strange_names() {
    let (python, tree) = (primary(), Tree::new());
    let names: [&[u8]; 9] = [
        b"new\nline.py",
        b"tab\t.py",
        b" .py",
        b"quote\"'.py",
        b"\xff\xfe.py",
        b"\xe4\xf6/latin.py",
        "ä漢😀.py".as_bytes(),
        b"-rf.py",
        b"a.b.c.py",
    ];
    let made = names.iter().filter_map(|name| named(&tree, name, "N = 1\n")).count();
    let report = warm(python, &tree.root);
    report.assert_compiled(made as u64);
    Oracle { report: Some(&report), ..Oracle::default() }.ask(python, &tree.root).assert_good(python);
    warm(python, &tree.root).assert_nothing_done();
}

#[test]
fn a_name_of_the_greatest_length() {
    let (python, tree) = (primary(), Tree::new());
    tree.good();
    // 255 bytes are a name; the cache's would have more.
    let long = tree.source(&format!("{}.py", "n".repeat(252)), "N = 1\n");
    let report = warm(python, &tree.root);
    let failure = report.failure_of(&long);
    assert_eq!((failure.kind.as_str(), report.counts.compiled), ("write", 1), "{}", report.raw);
}

#[test]
fn failure_in_a_name_that_is_not_utf8() {
    let (python, tree) = (primary(), Tree::new());
    let Some(path) = named(&tree, b"d\xe4r/caf\xff.py", BROKEN) else {
        return skipped("names::failure_in_a_name_that_is_not_utf8", "the file system takes UTF-8 only");
    };
    tree.good();
    let report = warm(python, &tree.root);
    assert_eq!((report.counts.compiled, report.counts.failed), (1, 1), "{}", report.raw);
    assert!(report.raw.contains(r"d\udce4r/caf\udcff.py"), "as surrogateescape writes it: {}", report.raw);
    let bytes = report.counts.failures[0].path_bytes.as_deref().expect("path_bytes stands beside it");
    assert_eq!(STANDARD.decode(bytes).expect("base64"), path.as_os_str().as_bytes());
    // Python reads the same path from it.
    Oracle { report: Some(&report), ..Oracle::default() }.ask(python, &tree.root).assert_good(python);
}

#[test]
fn a_utf8_path_has_no_path_bytes() {
    let (python, tree) = (primary(), Tree::new());
    tree.source("käse.py", BROKEN);
    let report = warm(python, &tree.root);
    assert_eq!(report.counts.failures[0].path, tree.path("käse.py").to_str().expect("UTF-8"));
    assert_eq!(report.counts.failures[0].path_bytes, None);
}

#[test]
fn failure_in_a_name_with_control_characters() {
    let (python, tree) = (primary(), Tree::new());
    named(&tree, b"new\nline\x1b[31m.py", BROKEN).expect("any file system takes it");
    tree.good();
    let report = warm(python, &tree.root);
    report.failure_of(&tree.path("new\nline\x1b[31m.py"));

    let ran = run(pycwarm("warm").arg("--python").arg(&python.path).arg(&tree.root));
    let line = format!(r"{}/new\nline\x1b[31m.py:1: ", tree.root.display());
    assert!(ran.stderr.contains(&line), "{:?}", ran.stderr);
    assert!(!ran.stderr.contains('\x1b'), "a name must not steer the terminal: {:?}", ran.stderr);
}

#[test]
fn human_output_escapes_bytes_that_are_not_utf8() {
    let (python, tree) = (primary(), Tree::new());
    if named(&tree, b"caf\xff.py", BROKEN).is_none() {
        return skipped("names::human_output_escapes_bytes_that_are_not_utf8", "the file system takes UTF-8 only");
    }
    let ran = run(pycwarm("warm").arg("--python").arg(&python.path).arg(&tree.root));
    assert!(ran.stderr.contains(r"/caf\xff.py:1: "), "{:?}", ran.stderr);
}

/// The compiler quotes the source in some messages; that text is not to be trusted either.
#[test]
fn control_characters_of_the_source_do_not_reach_the_terminal() {
    let (python, tree) = (primary(), Tree::new());
    tree.source("x.py", "# coding: \x1b[31mred\nx = '\x1b]0;title\x07' = 1\n");
    tree.source("y.py", "import \x1b[31m\n");
    let ran = run(pycwarm("warm").arg("--python").arg(&python.path).arg(&tree.root));
    assert_eq!(ran.status, 1);
    assert!(!ran.stderr.contains(['\x1b', '\x07']), "{:?}", ran.stderr);
}
