//! The interpreters of this machine, probed.

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

use super::process::clean_command;

const PROBE: &str = "
import binascii, importlib.util as u, os, sys
print(*sys.version_info[:2])
print(sys.implementation.name)
print(sys.implementation.cache_tag)
print(binascii.hexlify(u.MAGIC_NUMBER).decode())
print(sys.executable)
print(os.path.dirname(os.__file__))
";

#[derive(Clone, Debug)]
pub struct Interpreter {
    pub path: PathBuf,
    pub version: (u32, u32),
    pub implementation: String,
    pub tag: String,
    pub magic: [u8; 4],
    pub library: PathBuf,
}

impl Interpreter {
    /// Asks the interpreter itself; `None` if it is no Python 3.6 or later.
    pub fn probe(path: &Path) -> Option<Self> {
        let output = clean_command(path).args(["-I", "-S", "-B", "-c", PROBE]).output().ok()?;
        let text = String::from_utf8(output.stdout).ok().filter(|_| output.status.success())?;
        let lines: Vec<&str> = text.lines().collect();
        let [version, implementation, tag, magic, executable, library] = lines[..] else { return None };
        let (major, minor) = version.split_once(' ')?;
        let version = (major.parse().ok()?, minor.parse().ok()?);
        let magic = u32::from_str_radix(magic, 16).ok()?.to_be_bytes();
        (version >= (3, 6)).then(|| Interpreter {
            path: executable.into(),
            version,
            implementation: implementation.into(),
            tag: tag.into(),
            magic,
            library: library.into(),
        })
    }

    /// As pycwarm names it in its messages: `python3.11`, `pypy3.9`.
    pub fn label(&self) -> String {
        let name = if self.is_pypy() { "pypy" } else { "python" };
        format!("{name}{}.{}", self.version.0, self.version.1)
    }

    pub fn is_pypy(&self) -> bool {
        self.implementation == "pypy"
    }

    /// Bytes before the marshalled code.
    pub fn header_length(&self) -> usize {
        if self.version == (3, 6) && !self.is_pypy() { 12 } else { 16 }
    }

    /// Has hash-based caches (PEP 552).
    pub fn has_hash_modes(&self) -> bool {
        self.header_length() == 16
    }

    /// The cache beside `source` at optimization level 0, 1 or 2.
    pub fn cache_at(&self, source: &Path, level: u8) -> PathBuf {
        let mut name = source.file_stem().expect("a source has a name").to_owned();
        let suffix = if level == 0 { String::new() } else { format!(".opt-{level}") };
        name.push(format!(".{}{suffix}.pyc", self.tag));
        source.parent().expect("a source has a directory").join("__pycache__").join(name)
    }

    pub fn cache(&self, source: &Path) -> PathBuf {
        self.cache_at(source, 0)
    }
}

/// All that are found, each once, oldest first.
pub fn interpreters() -> &'static [Interpreter] {
    static FOUND: OnceLock<Vec<Interpreter>> = OnceLock::new();
    FOUND.get_or_init(|| {
        let mut seen = BTreeSet::new();
        let mut found: Vec<Interpreter> = candidates().iter().filter_map(|path| Interpreter::probe(path)).collect();
        found.retain(|one| seen.insert(fs::canonicalize(&one.path).unwrap_or_else(|_| one.path.clone())));
        found.sort_by_key(|one| (one.is_pypy(), one.version, one.path.clone()));
        assert!(!found.is_empty(), "these tests need a Python 3.6 or later");
        found
    })
}

fn candidates() -> Vec<PathBuf> {
    let mut paths: Vec<PathBuf> = std::env::var_os("PYCWARM_TEST_PYTHONS")
        .map(|list| std::env::split_paths(&list).filter(|path| !path.as_os_str().is_empty()).collect())
        .unwrap_or_default();
    if let Some(home) = std::env::var_os("HOME") {
        let versions = fs::read_dir(Path::new(&home).join(".pyenv/versions"));
        paths.extend(versions.into_iter().flatten().flatten().map(|entry| entry.path().join("bin/python3")));
    }
    paths.push("/usr/bin/python3".into());
    let path = std::env::var_os("PATH").unwrap_or_default();
    paths.extend(std::env::split_paths(&path).map(|directory| directory.join("pypy3")));
    paths.retain(|path| path.exists());
    paths
}

/// The one that most tests use: the system's, which any user may run; else the newest CPython.
pub fn primary() -> &'static Interpreter {
    let all = interpreters();
    let system = all.iter().find(|one| one.path.starts_with("/usr/bin") && !one.is_pypy());
    system.or_else(|| all.iter().rfind(|one| !one.is_pypy())).unwrap_or(&all[0])
}

/// One per magic number and tag: those that do not share a cache file.
pub fn distinct() -> Vec<&'static Interpreter> {
    let mut seen = BTreeSet::new();
    interpreters().iter().filter(|one| seen.insert((one.tag.clone(), one.magic))).collect()
}

/// The primary interpreter and another one with another tag, if there is one.
pub fn pair() -> Option<(&'static Interpreter, &'static Interpreter)> {
    let first = primary();
    let second = interpreters().iter().rfind(|one| one.tag != first.tag && !one.is_pypy())?;
    Some((first, second))
}
