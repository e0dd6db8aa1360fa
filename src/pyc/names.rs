//! Names: `x.py` is cached as `__pycache__/x.cpython-311.pyc`, or `x.cpython-311.opt-1.pyc`.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};

use crate::domain::policy::OptimizationLevel;

/// The directory that import looks into.
pub const CACHE_DIRECTORY: &str = "__pycache__";

/// Whether a name is that of a source: `*.py`.
#[must_use]
pub fn is_source(name: &OsStr) -> bool {
    name.as_bytes().ends_with(b".py")
}

/// Whether a source's name has something before `.py` that could be imported.
#[must_use]
pub fn has_module_name(name: &OsStr) -> bool {
    name.as_bytes() != b".py"
}

/// The file name of the cache of `source` (`importlib.util.cache_from_source`).
#[must_use]
pub fn cache_name(source: &OsStr, cache_tag: &str, level: OptimizationLevel) -> OsString {
    let stem = source.as_bytes().strip_suffix(b".py").unwrap_or(source.as_bytes());
    let mut name = stem.to_vec();
    name.push(b'.');
    name.extend(cache_tag.as_bytes());
    name.extend(level.suffix().as_bytes());
    name.extend(b".pyc");
    OsString::from_vec(name)
}

/// The name of the source whose cache with this tag, of any optimization level, has this name.
#[must_use]
pub fn source_of(name: &OsStr, cache_tag: &str) -> Option<OsString> {
    let rest = name.as_bytes().strip_suffix(b".pyc")?;
    // The tag first, as it may look like a level itself.
    let tagged = |rest: &'_ [u8]| Some(rest.strip_suffix(cache_tag.as_bytes())?.strip_suffix(b".")?.to_vec());
    let stem = tagged(rest).or_else(|| match split_last_dot(rest) {
        Some((rest, level)) if level.starts_with(b"opt-") => tagged(rest),
        _ => None,
    })?;
    let mut source = stem;
    source.extend(b".py");
    Some(OsString::from_vec(source))
}

/// A cache's name taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CacheName {
    /// The name of the source beside `__pycache__`.
    pub source: OsString,
    pub cache_tag: String,
}

/// Takes a name apart. `None` for all that is not surely a cache that an interpreter wrote: other
/// tools keep files of their own there (pytest: `x.cpython-311-pytest-7.4.0.pyc`).
#[must_use]
pub fn parse_cache_name(name: &OsStr) -> Option<CacheName> {
    let rest = name.as_bytes().strip_suffix(b".pyc")?;
    let (rest, last) = split_last_dot(rest)?;
    let (stem, tag) = match last.strip_prefix(b"opt-") {
        Some(level) if !level.is_empty() && level.iter().all(u8::is_ascii_alphanumeric) => split_last_dot(rest)?,
        _ => (rest, last),
    };
    if stem.is_empty() || !is_cache_tag(tag) {
        return None;
    }
    let mut source = stem.to_vec();
    source.extend(b".py");
    Some(CacheName { source: OsString::from_vec(source), cache_tag: str::from_utf8(tag).ok()?.to_owned() })
}

/// Whether a name is that of a file in which an interpreter writes a cache before it renames it:
/// `x.cpython-311.pyc.140234567`. One whose writer was killed stays behind.
#[must_use]
pub fn is_temporary(name: &OsStr) -> bool {
    let Some((cache, number)) = split_last_dot(name.as_bytes()) else { return false };
    let is_number = !number.is_empty() && number.iter().all(u8::is_ascii_digit);
    is_number && parse_cache_name(OsStr::from_bytes(cache)).is_some()
}

/// `cpython-311`, `cpython-313t`, `pypy39`, `graalpy-38`: letters, perhaps a dash, digits, perhaps letters.
fn is_cache_tag(tag: &[u8]) -> bool {
    let letters = tag.iter().take_while(|byte| byte.is_ascii_lowercase()).count();
    let rest = &tag[letters..];
    let rest = rest.strip_prefix(b"-").unwrap_or(rest);
    let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
    letters > 0 && digits > 0 && rest[digits..].iter().all(u8::is_ascii_lowercase)
}

fn split_last_dot(bytes: &[u8]) -> Option<(&[u8], &[u8])> {
    let dot = bytes.iter().rposition(|byte| *byte == b'.')?;
    Some((&bytes[..dot], &bytes[dot + 1..]))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_taken_apart() {
        let parse =
            |name: &str| parse_cache_name(OsStr::new(name)).map(|n| (n.source.into_string().unwrap(), n.cache_tag));
        let known = |source: &str, tag: &str| Some((source.to_owned(), tag.to_owned()));
        assert_eq!(parse("x.cpython-311.pyc"), known("x.py", "cpython-311"));
        assert_eq!(parse("x.y.cpython-313t.opt-2.pyc"), known("x.y.py", "cpython-313t"));
        assert_eq!(parse("x.pypy39.pyc"), known("x.py", "pypy39"));
        for other in [
            "x.pyc",
            "x.cpython-311-pytest-7.4.0.pyc",
            "x.cpython-311.pyc.1234",
            ".cpython-311.pyc",
            "x.cpython-311.opt-.pyc",
            "notes.txt",
            "x..pyc",
        ] {
            assert_eq!(parse(other), None, "{other}");
        }
    }

    #[test]
    fn a_known_tag_is_found_whatever_it_looks_like() {
        let of = |name: &str, tag: &str| source_of(OsStr::new(name), tag).map(|source| source.into_string().unwrap());
        assert_eq!(of("x.graalpy241-311-native.pyc", "graalpy241-311-native").as_deref(), Some("x.py"));
        assert_eq!(of("a.b.cpython-311.opt-2.pyc", "cpython-311").as_deref(), Some("a.b.py"));
        assert_eq!(of("x.cpython-311.pyc", "cpython-31"), None);
        assert_eq!(of("x.cpython-311.opt-1.pyc", "cpython-311.opt-1").as_deref(), Some("x.py"));
    }

    #[test]
    fn temporary_files_of_interpreters_are_known() {
        assert!(is_temporary(OsStr::new("x.cpython-311.pyc.140234567")));
        assert!(is_temporary(OsStr::new("x.y.pypy39.opt-2.pyc.1")));
        for other in ["x.cpython-311.pyc", "x.cpython-311.pyc.", "x.cpython-311.pyc.bak", "x.pyc.12", "x.tar.12", "12"]
        {
            assert!(!is_temporary(OsStr::new(other)), "{other}");
        }
    }

    #[test]
    fn a_name_survives_the_round_trip() {
        for source in ["x.py", "a.b.py", ".hidden.py", "opt-1.py", "\u{e4}.py"] {
            for level in 0..3 {
                let name = cache_name(OsStr::new(source), "cpython-311", OptimizationLevel::try_from(level).unwrap());
                assert_eq!(parse_cache_name(&name).unwrap().source, OsStr::new(source));
            }
        }
    }
}
