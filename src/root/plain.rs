//! Plain reads by path, outside of trees: programs on PATH, `pyvenv.cfg` above a tree, configuration.

use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::domain::{FileKind, FileStat};

/// The path without links.
///
/// # Errors
/// Those of `realpath`.
pub fn canonical(path: &Path) -> io::Result<PathBuf> {
    std::fs::canonicalize(path)
}

/// Whether a path leads to a regular file that somebody may execute.
#[must_use]
pub fn is_program(path: &Path) -> bool {
    std::fs::metadata(path).is_ok_and(|metadata| metadata.is_file() && metadata.permissions().mode() & 0o111 != 0)
}

/// What a path leads to, links followed.
///
/// # Errors
/// Those of `stat`.
pub fn kind(path: &Path) -> io::Result<FileKind> {
    let metadata = std::fs::metadata(path)?;
    Ok(if metadata.is_dir() {
        FileKind::Directory
    } else if metadata.is_file() {
        FileKind::Regular
    } else {
        FileKind::Unknown
    })
}

/// Reads up to `limit` bytes from the start of a regular file.
///
/// # Errors
/// `InvalidInput` where it is no regular file; those of `open` and `read`.
pub fn read_start(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    if kind(path)? != FileKind::Regular {
        return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"));
    }
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// The stat of what a path leads to, links followed.
///
/// # Errors
/// Those of `stat`.
pub fn stat(path: &Path) -> io::Result<FileStat> {
    Ok(super::dir::file_stat(&rustix::fs::stat(path)?))
}
