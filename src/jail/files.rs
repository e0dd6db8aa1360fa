//! The files of an interpreter, and Landlock, which leaves a worker those alone.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, AccessNet, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError,
    RulesetStatus, Scope, path_beneath_rules,
};

use crate::root::plain;

/// Where the loader and the libraries of a distribution are, and the standard libraries of its interpreters.
const LIBRARIES: &[&str] = &[
    "/lib",
    "/lib32",
    "/lib64",
    "/usr/lib",
    "/usr/lib32",
    "/usr/lib64",
    "/usr/local/lib",
    "/usr/local/lib64",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/dev/null",
    "/dev/urandom",
    // How large the stack is: CPython's limit on nesting, from 3.14 on.
    "/proc/self/maps",
    // How large a nursery is best for PyPy's collector.
    "/proc/cpuinfo",
    "/proc/meminfo",
];
/// Directories of programs of all kinds, of which an interpreter needs no other.
const PROGRAMS: &[&str] = &["/bin", "/sbin", "/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin"];
/// What is below the prefix of an interpreter that was installed in a place of its own: `lib-python` and
/// `lib_pypy` are PyPy's.
const BELOW_PREFIX: &[&str] = &["lib", "lib32", "lib64", "lib-python", "lib_pypy"];
/// A store whose packages find each other by absolute paths.
const STORES: &[&str] = &["/nix/store", "/gnu/store"];
/// As long as a `#!` line may be, in bytes.
const LONGEST_LINE: u64 = 256;

/// What a program without links needs of the file system to start as an interpreter and to import its
/// standard library. Some of it may not be there.
#[must_use]
pub fn files_of(program: &Path) -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = LIBRARIES.iter().map(PathBuf::from).collect();
    add_own(program, &mut files);
    // A script is run by another program; the kernel follows such a line once or twice.
    if let Some(runner) = runner_of(program) {
        add_own(&runner, &mut files);
    }
    files
}

/// The program that the kernel runs in place of a script.
#[must_use]
pub fn runner_of(program: &Path) -> Option<PathBuf> {
    let start = plain::read_start(program, LONGEST_LINE).ok()?;
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let runner = line.trim_ascii_start().split(u8::is_ascii_whitespace).next()?;
    plain::canonical(Path::new(OsStr::from_bytes(runner))).ok()
}

fn add_own(program: &Path, files: &mut Vec<PathBuf>) {
    files.push(program.to_owned());
    files.extend(STORES.iter().map(PathBuf::from).filter(|store| program.starts_with(store)));
    let Some(directory) = program.parent() else { return };
    if PROGRAMS.iter().any(|programs| directory == Path::new(programs)) || directory == Path::new("/") {
        return;
    }
    // PyPy has its library beside the program; `pyvenv.cfg` would lie there as well.
    files.push(directory.to_owned());
    if let Some(prefix) = directory.parent().filter(|prefix| *prefix != Path::new("/")) {
        for library in BELOW_PREFIX.iter().map(|name| prefix.join(name)) {
            files.extend(plain::links_to_directories(&library, is_named_like_an_interpreter));
            files.push(library);
        }
    }
}

/// A standard library, as `lib/python3.12`, may be a link to where it really is.
fn is_named_like_an_interpreter(name: &OsStr) -> bool {
    [&b"python"[..], b"pypy"].iter().any(|start| name.as_bytes().starts_with(start))
}

/// Closes the file system but for these files and what is below them; and TCP, and signals to others, where
/// the kernel can. Sets `no_new_privs`.
///
/// # Errors
/// In words, where nothing of it holds.
pub(super) fn close(files: &[PathBuf]) -> Result<(), String> {
    let status = rules(files).map_err(|error| format!("Landlock refuses: {error}"))?;
    match status {
        RulesetStatus::FullyEnforced | RulesetStatus::PartiallyEnforced => Ok(()),
        RulesetStatus::NotEnforced => Err("this kernel has no Landlock, or it is switched off".to_owned()),
    }
}

fn rules(files: &[PathBuf]) -> Result<RulesetStatus, RulesetError> {
    // What a later kernel can restrict in addition is left out by an earlier one.
    let newest = ABI::V6;
    let rules = Ruleset::default()
        .set_compatibility(CompatLevel::BestEffort)
        .handle_access(AccessFs::from_all(newest))?
        .handle_access(AccessNet::from_all(newest))?
        .scope(Scope::from_all(newest))?
        .create()?
        .add_rules(path_beneath_rules(files, AccessFs::from_read(newest)))?;
    Ok(rules.restrict_self()?.ruleset)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(program: &str) -> Vec<PathBuf> {
        files_of(Path::new(program))
            .into_iter()
            .filter(|file| !LIBRARIES.iter().any(|lib| file == Path::new(lib)))
            .collect()
    }

    fn paths(paths: &[&str]) -> Vec<PathBuf> {
        paths.iter().map(PathBuf::from).collect()
    }

    #[test]
    fn an_interpreter_of_the_distribution_gets_no_other_program() {
        assert_eq!(own("/usr/bin/python3.11"), paths(&["/usr/bin/python3.11"]));
        assert_eq!(own("/python"), paths(&["/python"]));
    }

    #[test]
    fn one_in_a_place_of_its_own_gets_what_is_below_that() {
        let found = own("/opt/py/bin/python3.13");
        assert_eq!(found[..3], paths(&["/opt/py/bin/python3.13", "/opt/py/bin", "/opt/py/lib"]));
        // The home of root is not the prefix.
        let found = own("/root/bin/python");
        assert!(found.iter().all(|file| file != Path::new("/root")), "{found:?}");
        assert_eq!(own("/opt/python"), paths(&["/opt/python", "/opt"]));
    }

    #[test]
    fn a_store_is_one_place() {
        assert!(own("/nix/store/abc-python3-3.12/bin/python3.12").contains(&PathBuf::from("/nix/store")));
        assert!(!own("/opt/py/bin/python3").contains(&PathBuf::from("/nix/store")));
    }
}
