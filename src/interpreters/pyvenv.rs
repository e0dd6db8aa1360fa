//! `pyvenv.cfg`: names the interpreter that a virtual environment was made with.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

/// The name of the file, at the top of the environment.
pub const FILE: &str = "pyvenv.cfg";
/// More than this is not read, in bytes.
pub const LARGEST: usize = 64 << 10;

/// What counts of it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct Pyvenv {
    /// The directory of the base interpreter's program; absolute.
    pub home: Option<PathBuf>,
    /// e.g. `3.11`.
    pub version: Option<String>,
}

/// Reads the file's `key = value` lines as `site.py` does; `version` is venv's key, `version_info`
/// virtualenv's and uv's.
#[must_use]
pub fn parse(bytes: &[u8]) -> Pyvenv {
    let mut found = Pyvenv::default();
    for line in bytes.split(|byte| *byte == b'\n') {
        let Some(equals) = line.iter().position(|byte| *byte == b'=') else { continue };
        let (key, value) = (line[..equals].trim_ascii(), line[equals + 1..].trim_ascii());
        match key.to_ascii_lowercase().as_slice() {
            b"home" => {
                found.home = Some(PathBuf::from(OsString::from_vec(value.to_vec()))).filter(|path| path.is_absolute())
            }
            b"version" | b"version_info" => found.version = minor(value).or(found.version),
            _ => {}
        }
    }
    found
}

/// `3.11` of `3.11.7.final.0`.
fn minor(value: &[u8]) -> Option<String> {
    let mut numbers = str::from_utf8(value).ok()?.split('.');
    let (major, minor): (u32, u32) = (numbers.next()?.parse().ok()?, numbers.next()?.parse().ok()?);
    Some(format!("{major}.{minor}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_writers_are_understood() {
        let venv = parse(b"home = /usr/bin\ninclude-system-site-packages = false\nversion = 3.11.2\nexecutable = /usr/bin/python3.11\n");
        let virtualenv = parse(b"HOME=/usr/bin\r\nimplementation = CPython\nversion_info = 3.11.2.final.0\n");
        let expected = Pyvenv { home: Some("/usr/bin".into()), version: Some("3.11".into()) };
        assert_eq!((&venv, &virtualenv), (&expected, &expected));
    }

    #[test]
    fn nonsense_names_nothing() {
        assert_eq!(parse(b"home = bin\nversion = three\n=\n\xff=\xff"), Pyvenv::default());
    }
}
