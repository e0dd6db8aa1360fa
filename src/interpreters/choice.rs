//! What a directory says about the interpreter of its sources. Pure.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use super::pyvenv::Pyvenv;

/// What is known of the interpreter of a directory from the directories above it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Choice {
    /// The nearest `lib/pythonX.Y` above, below the virtual environment if there is one.
    pub version: Option<Version>,
    /// The nearest `pyvenv.cfg` above.
    pub venv: Option<Pyvenv>,
}

/// A version that a directory's name tells.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Version {
    /// The program's name: `python3.11`, `python3.13t`, `pypy3.9`.
    pub program: String,
    /// The directory that has `lib` and, most likely, `bin`.
    pub prefix: PathBuf,
}

impl Choice {
    /// Whether nothing is known: the scripts of the tree decide.
    #[must_use]
    pub fn is_open(&self) -> bool {
        self.version.is_none() && self.venv.is_none()
    }

    /// What holds in a directory with this absolute path and, perhaps, a `pyvenv.cfg`, given what holds
    /// in its parent.
    #[must_use]
    pub fn enter(&self, path: &Path, pyvenv: Option<Pyvenv>) -> Self {
        match (pyvenv, version_of(path)) {
            (Some(pyvenv), version) => Self { version, venv: Some(pyvenv) },
            (None, Some(version)) => Self { version: Some(version), venv: self.venv.clone() },
            (None, None) => self.clone(),
        }
    }
}

/// The version that a directory itself names: `.../lib/python3.11`.
#[must_use]
pub fn version_of(path: &Path) -> Option<Version> {
    let name = path.file_name()?;
    let above = path.parent()?;
    let in_lib = matches!(above.file_name()?.as_bytes(), b"lib" | b"lib64");
    let prefix = above.parent()?.to_owned();
    let program = name.to_str().filter(|_| in_lib && is_versioned(name))?.to_owned();
    Some(Version { program, prefix })
}

/// `python3.11`, `python3.13t`, `pypy3.9`.
fn is_versioned(name: &OsStr) -> bool {
    let bytes = name.as_bytes();
    let Some(version) = bytes.strip_prefix(b"python3.").or_else(|| bytes.strip_prefix(b"pypy3.")) else { return false };
    let digits = version.strip_suffix(b"t").unwrap_or(version);
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn directories_name_versions() {
        let program = |path: &str| version_of(Path::new(path)).map(|version| version.program);
        assert_eq!(program("/usr/lib/python3.11").as_deref(), Some("python3.11"));
        assert_eq!(program("/usr/lib64/python3.13t").as_deref(), Some("python3.13t"));
        assert_eq!(program("/usr/lib/pypy3.9").as_deref(), Some("pypy3.9"));
        for other in ["/usr/lib/python3", "/usr/lib/python3.11/site-packages", "/usr/share/python3.11", "/", "/lib"] {
            assert_eq!(program(other), None, "{other}");
        }
    }

    #[test]
    fn a_virtual_environment_hides_the_version_above_it() {
        let above = Choice::default().enter(Path::new("/usr/lib/python3.9"), None);
        assert_eq!(above.version.as_ref().map(|version| version.program.as_str()), Some("python3.9"));
        let venv = above.enter(Path::new("/usr/lib/python3.9/venv"), Some(Pyvenv::default()));
        assert_eq!(venv, Choice { version: None, venv: Some(Pyvenv::default()) });
        let inside = venv.enter(Path::new("/usr/lib/python3.9/venv/lib/python3.12"), None);
        assert_eq!(inside.version.map(|version| version.program).as_deref(), Some("python3.12"));
        assert!(inside.venv.is_some());
    }
}
