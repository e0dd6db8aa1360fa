//! What is asked of a cache on the disk: what its name says, what its header says, whether it is whole.
//!
//! The first byte chooses the form, and whether the magic number is the right one. Then come a file name up to a NUL
//! byte, and the file.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use pycwarm::domain::policy::OptimizationLevel;
use pycwarm::pyc::header::{self, Header, HeaderFault};
use pycwarm::pyc::holes::has_holes;
use pycwarm::pyc::marshal;
use pycwarm::pyc::names;

use super::layouts::{self, Format};

/// What a file system writes as a whole.
const BLOCK: usize = 4096;

pub fn run(data: &[u8]) -> bool {
    let Some((&kind, rest)) = data.split_first() else { return false };
    let (name, file) = match rest.iter().position(|byte| *byte == 0) {
        Some(end) => (&rest[..end], &rest[end + 1..]),
        None => (rest, &b""[..]),
    };
    cache_names(OsStr::from_bytes(name));
    source_names(OsStr::from_bytes(name));
    let format = layouts::chosen(kind);
    let magic = match file.first_chunk() {
        Some(own) if kind & 8 == 0 => *own,
        _ => *b"\xa7\x0d\r\n",
    };
    let has_header = headers(file, magic, format.header_size);
    bodies(file, format);
    has_header && is_whole(file, format)
}

/// A name in `__pycache__`.
fn cache_names(name: &OsStr) {
    let Some(cache) = names::parse_cache_name(name) else { return };
    assert!(!names::is_temporary(name) && !names::is_source(name), "{name:?}");
    assert!(names::is_source(&cache.source), "{cache:?}");
    assert!(!cache.cache_tag.contains(['/', '.']), "{cache:?}");
    // No interpreter has a tag that looks like a level.
    if !cache.cache_tag.starts_with("opt-") {
        assert_eq!(names::source_of(name, &cache.cache_tag), Some(cache.source), "{name:?}");
    }
    let temporary = [name.as_bytes(), b".140234567"].concat();
    assert!(names::is_temporary(OsStr::from_bytes(&temporary)), "{name:?}");
}

/// A name beside `__pycache__`.
fn source_names(name: &OsStr) {
    let name = [name.as_bytes(), b".py"].concat();
    let source = OsStr::from_bytes(&name);
    assert!(names::is_source(source));
    if !names::has_module_name(source) {
        return;
    }
    for level in 0..3 {
        let Ok(level) = OptimizationLevel::try_from(level) else { continue };
        for tag in ["cpython-311", "cpython-313t", "pypy39"] {
            let cache = names::cache_name(source, tag, level);
            assert_eq!(names::source_of(&cache, tag).as_deref(), Some(source), "{cache:?}");
            let parsed = names::parse_cache_name(&cache).expect("a name that we give is one that we know");
            assert_eq!((parsed.source.as_os_str(), parsed.cache_tag.as_str()), (source, tag));
        }
    }
}

/// Whether the header can be read; one that can is written again as it was.
fn headers(file: &[u8], magic: [u8; 4], size: usize) -> bool {
    let start = &file[..file.len().min(header::LONGEST)];
    let parsed = Header::parse(start, magic, size);
    assert_eq!(parsed, Header::parse(file, magic, size), "the start of a file is enough");
    let Ok(header) = parsed else { return false };
    assert_eq!(header.encode(magic, size).as_deref(), Some(&file[..size]));
    assert_eq!(Header::parse(&file[..size - 1], magic, size), Err(HeaderFault::Short));
    let other = magic.map(|byte| byte ^ 1);
    assert_eq!(Header::parse(file, other, size), Err(HeaderFault::Magic));
    if matches!(header, Header::Hash { .. }) {
        assert!(header::may_hold_hash(start));
    }
    true
}

/// As a look at a directory asks it.
fn is_whole(file: &[u8], format: Format) -> bool {
    file.get(format.header_size..).is_some_and(|body| marshal::check(body, format.layout).is_ok())
}

/// What is lost of a whole cache is missed.
fn bodies(file: &[u8], format: Format) {
    let _ = header::plausible(file);
    let _ = has_holes(file);
    if !is_whole(file, format) {
        return;
    }
    assert!(!is_whole(&file[..file.len() - 1], format), "accepted without its last byte");
    // A power cut: the file has its size, and zeros from some block on.
    for start in (0..file.len().saturating_sub(8)).step_by(BLOCK) {
        let mut cut = file.to_vec();
        cut[start..].fill(0);
        assert!(!is_whole(&cut, format) || has_holes(&cut), "zeros from {start} on were not seen");
    }
    // Or of one block, and not of those after it.
    for start in (0..file.len() / BLOCK * BLOCK).step_by(BLOCK) {
        let mut cut = file.to_vec();
        cut[start..start + BLOCK].fill(0);
        assert!(has_holes(&cut), "a block of zeros at {start} was not seen");
    }
}
