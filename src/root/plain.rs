//! Plain reads by path, outside of trees: programs on PATH, `pyvenv.cfg` above a tree, configuration.

use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::PermissionsExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags};

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

/// Whether a path leads to a regular file, which this process may read.
///
/// # Errors
/// Those of `stat` and `access`.
pub fn is_readable_file(path: &Path) -> io::Result<bool> {
    if !std::fs::metadata(path)?.is_file() {
        return Ok(false);
    }
    rustix::fs::access(path, rustix::fs::Access::READ_OK)?;
    Ok(true)
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

/// Reads up to `limit` bytes from the start of a regular file. The file itself may not be a link, and
/// nothing that could keep us waiting is read: the directories may be anybody's.
///
/// # Errors
/// `InvalidInput` where it is no regular file; those of `open` and `read`.
pub fn read_start(path: &Path, limit: u64) -> io::Result<Vec<u8>> {
    let flags = OFlags::RDONLY | OFlags::NOFOLLOW | OFlags::NONBLOCK | OFlags::NOCTTY | OFlags::CLOEXEC;
    let not_a_file = || io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file");
    // A look before the opening, which may do something to a device.
    if !std::fs::symlink_metadata(path)?.is_file() {
        return Err(not_a_file());
    }
    let file = File::from(rustix::fs::open(path, flags, Mode::empty())?);
    if !file.metadata()?.is_file() || rustix::fs::fstatfs(&file)?.f_type == rustix::fs::PROC_SUPER_MAGIC {
        return Err(not_a_file());
    }
    let mut bytes = Vec::new();
    file.take(limit).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Where the links in a directory lead that have such names; nothing where there is no directory.
#[must_use]
pub fn links_to_directories(directory: &Path, is_named: fn(&OsStr) -> bool) -> Vec<PathBuf> {
    let Ok(listing) = std::fs::read_dir(directory) else { return Vec::new() };
    let links = listing
        .filter_map(Result::ok)
        .filter(|entry| is_named(&entry.file_name()) && entry.file_type().is_ok_and(|kind| kind.is_symlink()));
    links.filter_map(|link| std::fs::canonicalize(link.path()).ok()).filter(|target| target.is_dir()).collect()
}

/// Where temporary files are.
#[must_use]
pub fn temporary_directory() -> PathBuf {
    std::env::temp_dir()
}

/// The stat of what a path leads to, links followed.
///
/// # Errors
/// Those of `stat`.
pub fn stat(path: &Path) -> io::Result<FileStat> {
    Ok(super::dir::file_stat(&rustix::fs::stat(path)?))
}

/// The paths of all links that are followed on the way to an absolute path, each without links before
/// its own name. Ends where something is missing.
#[must_use]
pub fn links_on_the_way(path: &Path) -> Vec<PathBuf> {
    let mut links = Vec::new();
    let mut pending: Vec<OsString> = components(path);
    let mut here = PathBuf::from("/");
    while let Some(name) = pending.pop() {
        if name == ".." {
            here.pop();
            continue;
        }
        let next = here.join(&name);
        match std::fs::read_link(&next) {
            // As many as the kernel follows.
            Ok(_) if links.len() >= 40 => break,
            Ok(target) => {
                if target.is_absolute() {
                    here = PathBuf::from("/");
                }
                pending.extend(components(&target));
                links.push(next);
            }
            Err(_) => here = next,
        }
    }
    links
}

/// The names of a path, the last one first.
fn components(path: &Path) -> Vec<OsString> {
    let names = path.components().rev().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        _ => None,
    });
    names.collect()
}
