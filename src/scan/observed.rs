//! What one look at one directory has found.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

use crate::domain::permissions::DirectoryState;
use crate::domain::{Access, FileKind, FileStat, Identity, SkipReason};

/// A directory, its sources and its caches, at one moment.
#[derive(Debug)]
pub struct Observed {
    /// The directory itself; `None` where it could not be had.
    pub directory: Option<DirectoryState>,
    pub sources: Vec<Source>,
    pub caches: CacheDirectory,
}

/// An entry named `*.py` that is no directory.
#[derive(Debug)]
pub struct Source {
    pub name: OsString,
    pub state: SourceState,
    /// Its access ACL, where it is a file.
    pub access: Access,
    /// Where the entry is a link: the directories, below the root, on which it depends where it leads.
    pub passed: Vec<PathBuf>,
}

impl Source {
    /// Which file it is, where that has other names, too.
    #[must_use]
    pub fn twin(&self) -> Option<Identity> {
        match &self.state {
            SourceState::File { stat, link: false } if stat.links > 1 => Some(stat.identity()),
            _ => None,
        }
    }
}

#[derive(Debug)]
pub enum SourceState {
    File {
        stat: FileStat,
        /// Whether the entry is a link to a file elsewhere in the tree.
        link: bool,
    },
    Skipped(SkipReason),
    /// With the reason in words.
    Unreadable(String),
}

/// `__pycache__`.
#[derive(Debug)]
pub enum CacheDirectory {
    Absent,
    /// Something else has its name.
    Obstructed(FileKind),
    /// With the reason in words.
    Unreadable(String),
    Present(CacheListing),
}

/// What is in `__pycache__`.
#[derive(Debug, Default)]
pub struct CacheListing {
    /// `__pycache__` itself; `None` where it could not be had.
    pub state: Option<DirectoryState>,
    /// Whether what is made in it gets an ACL by that.
    pub has_default_acl: bool,
    /// Whether it has another SELinux context than the one that is wanted.
    pub wrong_context: bool,
    /// Something is in it that neither interpreters nor pycwarm put there.
    pub foreign: bool,
    /// The caches that were asked for, by file name.
    pub wanted: HashMap<OsString, CacheFile>,
    /// Files named like caches whose source is gone, with their stat.
    pub orphans: Vec<(OsString, FileStat)>,
    /// Temporary files of ours.
    pub temporaries: Vec<OsString>,
    /// Temporary files of interpreters, with their stat.
    pub foreign_temporaries: Vec<(OsString, FileStat)>,
}

/// An entry where a cache is expected.
#[derive(Debug)]
pub struct CacheFile {
    pub stat: FileStat,
    pub head: Head,
    /// Whether its body was read and is no whole code object.
    pub torn: bool,
    /// Whether it has another SELinux context than the one that is wanted.
    pub wrong_context: bool,
    /// Its access ACL.
    pub access: Access,
}

/// The start of a cache.
#[derive(Debug)]
pub enum Head {
    Bytes(Vec<u8>),
    /// The start of a hash-based cache, and the hashes of the source as it is now, for both variants
    /// under the magic number that the cache carries.
    Hashed {
        bytes: Vec<u8>,
        sip13: [u8; 8],
        sip24: [u8; 8],
    },
    /// Not a regular file, or no permission; with the reason in words.
    Unreadable(String),
}

impl CacheDirectory {
    /// The cache with this file name, if one was seen.
    #[must_use]
    pub fn file(&self, name: &OsStr) -> Option<&CacheFile> {
        match self {
            Self::Present(listing) => listing.wanted.get(name),
            _ => None,
        }
    }
}
