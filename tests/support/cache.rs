//! Cache files as bytes.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use super::python::Interpreter;

/// The header says that this is the cache of `source` as it is now. Nothing is said of the code.
pub fn is_fresh(python: &Interpreter, source: &Path) -> bool {
    let (Ok(stat), Ok(cache)) = (fs::metadata(source), fs::read(python.cache(source))) else { return false };
    let stamps = python.header_length() - 8;
    cache.len() > python.header_length()
        && cache[..4] == python.magic
        && cache[4..stamps].iter().all(|byte| *byte == 0)
        && cache[stamps..stamps + 4] == low32(stat.mtime())
        && cache[stamps + 4..stamps + 8] == low32(stat.size().cast_signed())
}

/// The low 32 bits, little-endian, as in a header.
pub fn low32(value: i64) -> [u8; 4] {
    let [a, b, c, d, ..] = value.to_le_bytes();
    [a, b, c, d]
}

/// The file holds these bytes. A short string of a source stands in its cache as it is, so this tells which code it is.
pub fn holds(file: &Path, text: &str) -> bool {
    let content = fs::read(file).unwrap_or_default();
    content.windows(text.len()).any(|window| window == text.as_bytes())
}

/// Changes one byte of a file in place.
pub fn spoil(file: &Path, offset: usize) {
    let mut content = fs::read(file).expect("the file is there");
    content[offset] ^= 0xFF;
    fs::write(file, content).expect("the file can be written");
}

/// pycwarm's own temporary files below a directory.
pub fn temporary_files(tree: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![tree.to_owned()];
    while let Some(directory) = open.pop() {
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let name = entry.file_name().to_string_lossy().into_owned();
            if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
                open.push(entry.path());
            } else if name.starts_with(".pycwarm-") || name.ends_with(".tmp") {
                found.push(entry.path());
            }
        }
    }
    found
}
