//! Two interpreters with one tag and two magic numbers fight over the same files: reported, not alternated.

use std::ffi::OsStr;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use crate::support::oracle::assert_all_good;
use crate::support::python::{Interpreter, interpreters};
use crate::support::run::{Report, json, pycwarm};
use crate::support::skip::{note, skipped};
use crate::support::tree::{Tree, set_mode};

#[test]
fn one_tag_and_two_magic_numbers() {
    let name = "twins::one_tag_and_two_magic_numbers";
    let Some(place) = Tree::trusted() else {
        return skipped(name, "there is no directory that only root writes to");
    };
    let made = interpreters().iter().find_map(|python| Some((python, twin(&place, python)?)));
    let Some((python, twin)) = made else {
        return skipped(name, "the magic number of no interpreter here can be changed");
    };
    note(&format!("{name}: {} and its twin with magic {:?}", python.path.display(), twin.magic));
    let source = place.source("tree/a.py", "A = 1\n");
    let both = || warm(&place, &[&python.path, &twin.path]);

    let report = both();
    let kinds: Vec<&str> = report.counts.failures.iter().map(|failure| failure.kind.as_str()).collect();
    assert!(!kinds.is_empty() && kinds.iter().all(|kind| *kind == "conflict"), "{}", report.raw);
    let cache = || fs::read(python.cache(&source)).ok();
    let before = cache();
    assert_eq!(both().counts.compiled, 0);
    assert_eq!(cache(), before, "they alternate");

    // Each alone is a good interpreter.
    for one in [python, &twin] {
        assert_eq!(warm(&place, &[&one.path]).counts.failed, 0);
        assert_all_good(one, &source);
    }
}

fn warm(place: &Tree, pythons: &[&Path]) -> Report {
    let mut command = pycwarm("warm");
    for python in pythons {
        command.arg("--python").arg(python);
    }
    json(command.arg(place.path("tree")))
}

/// A copy of an installed interpreter whose magic number is greater by one: changed in the importlib that is frozen into its
/// binary or its library. `None` if that is not possible with this one.
fn twin(place: &Tree, python: &Interpreter) -> Option<Interpreter> {
    let real = fs::canonicalize(&python.path).ok()?;
    let root = format!("twin-{}", python.label());
    let copy = place.file(&format!("{root}/bin/python3"), changed(python, &real)?);
    set_mode(&copy, 0o755);
    let library = python.library.parent()?;
    for shared in shared_libraries(python, library) {
        let name = shared.file_name()?.to_str()?;
        place.file(&format!("{root}/lib/{name}"), changed(python, &shared)?);
    }
    fs::create_dir_all(place.path(&root).join("lib")).ok()?;
    symlink(&python.library, place.path(&root).join("lib").join(python.library.file_name()?)).ok()?;
    let twin = Interpreter::probe(&copy)?;
    (twin.tag == python.tag && twin.magic != python.magic).then_some(twin)
}

/// The file with the number changed, and with the directory in which the binary looks for its library made relative.
fn changed(python: &Interpreter, file: &Path) -> Option<Vec<u8>> {
    let mut content = fs::read(file).ok()?;
    let number = u16::from_le_bytes([python.magic[0], python.magic[1]]);
    // The constant as marshal writes it: `i`, or with FLAG_REF `\xe9`, and 32 bits.
    for code in [b'i', 0xE9] {
        let [low, high] = number.to_le_bytes();
        for at in occurrences(&content, &[code, low, high, 0, 0]) {
            content[at + 1..at + 3].copy_from_slice(&(number + 1).to_le_bytes());
        }
    }
    let library = python.library.parent()?.to_str()?;
    let relative = format!("{:\0<width$}", "$ORIGIN/../lib", width = library.len());
    if relative.len() == library.len() {
        for at in occurrences(&content, format!("\0{library}\0").as_bytes()) {
            content[at + 1..=at + library.len()].copy_from_slice(relative.as_bytes());
        }
    }
    Some(content)
}

fn occurrences(content: &[u8], pattern: &[u8]) -> Vec<usize> {
    content.windows(pattern.len()).enumerate().filter(|(_, window)| *window == pattern).map(|(at, _)| at).collect()
}

fn shared_libraries(python: &Interpreter, directory: &Path) -> Vec<PathBuf> {
    let start = format!("libpython{}.{}", python.version.0, python.version.1);
    let is_one = |name: &OsStr| name.to_str().is_some_and(|name| name.starts_with(&start) && name.contains(".so."));
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    entries.map(|entry| entry.path()).filter(|path| path.file_name().is_some_and(is_one)).collect()
}
