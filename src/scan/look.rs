//! One look at one directory.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;
use std::sync::Arc;

use super::observed::{CacheDirectory, CacheFile, CacheListing, Head, Observed, Source, SourceState};
use crate::domain::{FileKind, SipVariant, SkipReason};
use crate::pyc::header::{self, LONGEST};
use crate::pyc::names::{self, CACHE_DIRECTORY};
use crate::pyc::source_hash::source_hash;
use crate::root::resolve::LinkFault;
use crate::root::source::OpenFault;
use crate::root::{Dir, Entry, OpenSource, TreeRoot, replacement};

/// Which caches are of interest.
#[derive(Debug, Default, Clone)]
pub struct Wanted {
    /// Tags of the interpreters that the directory is compiled for.
    pub cache_tags: HashSet<String>,
    /// Whether to look for caches without a source.
    pub orphans: bool,
}

/// Looks at the sources among `entries` of a directory and at their caches.
///
/// `relative` is the directory's path below the root. `largest` bounds what is read of a
/// source where a hash is to be compared, in bytes.
#[must_use]
pub fn look(
    root: &Arc<TreeRoot>,
    dir: &Arc<Dir>,
    relative: &Path,
    entries: &[Entry],
    wanted: &Wanted,
    largest: usize,
) -> Observed {
    let sources: Vec<Source> = entries
        .iter()
        .filter(|entry| names::is_source(&entry.name))
        .filter_map(|entry| source(root, dir, relative, entry))
        .collect();
    let present: HashSet<&OsStr> = entries.iter().map(|entry| entry.name.as_os_str()).collect();
    let hash_source = |name: &OsStr| read_source(root, dir, relative, &sources, name, largest);
    let caches = caches(dir, &present, wanted, hash_source);
    Observed { sources, caches }
}

/// `None` where the entry is a directory or gone.
fn source(root: &Arc<TreeRoot>, dir: &Dir, relative: &Path, entry: &Entry) -> Option<Source> {
    let name = &entry.name;
    if entry.kind == FileKind::Directory {
        return None;
    }
    let state = match dir.stat_entry(name) {
        Ok(stat) => match stat.kind {
            FileKind::Directory => return None,
            FileKind::Regular if names::has_module_name(name) => SourceState::File { stat, link: false },
            FileKind::Regular => SourceState::Skipped(SkipReason::NoModuleName),
            FileKind::Symlink => linked(root, &relative.join(name))?,
            kind => SourceState::Skipped(SkipReason::NotAFile(kind)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => SourceState::Unreadable(error.to_string()),
    };
    Some(Source { name: name.clone(), state })
}

fn linked(root: &Arc<TreeRoot>, relative: &Path) -> Option<SourceState> {
    let found = crate::root::resolve::resolve(root, relative)
        .and_then(|(parent, name)| parent.stat_entry(&name).map_err(LinkFault::Io));
    Some(match found {
        Ok(stat) if stat.kind == FileKind::Regular => SourceState::File { stat, link: true },
        // A link to a directory is neither a source nor followed.
        Ok(stat) if stat.kind == FileKind::Directory => return None,
        Err(LinkFault::Io(error)) if error.kind() == io::ErrorKind::InvalidInput => return None,
        Ok(stat) => SourceState::Skipped(SkipReason::NotAFile(stat.kind)),
        Err(LinkFault::Dangling) => SourceState::Skipped(SkipReason::DanglingLink),
        Err(LinkFault::Loop) => SourceState::Skipped(SkipReason::LinkLoop),
        Err(LinkFault::LeavesTree) => SourceState::Skipped(SkipReason::LinkLeavesTree),
        Err(LinkFault::Io(error)) => SourceState::Unreadable(error.to_string()),
    })
}

fn caches(
    dir: &Dir,
    present: &HashSet<&OsStr>,
    wanted: &Wanted,
    hash_source: impl Fn(&OsStr) -> Option<Vec<u8>>,
) -> CacheDirectory {
    let opened = match dir.open_dir(OsStr::new(CACHE_DIRECTORY)) {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return CacheDirectory::Absent,
        Err(error) => {
            return match dir.stat_entry(OsStr::new(CACHE_DIRECTORY)) {
                Ok(stat) if stat.kind != FileKind::Directory => CacheDirectory::Obstructed(stat.kind),
                _ => CacheDirectory::Unreadable(error.to_string()),
            };
        }
    };
    let entries = match opened.entries() {
        Ok(entries) => entries,
        Err(error) => return CacheDirectory::Unreadable(error.to_string()),
    };
    let mut listing = CacheListing::default();
    for entry in entries {
        if replacement::is_replacement_name(&entry.name) {
            listing.temporaries.push(entry.name);
            continue;
        }
        let Some(cache) = names::parse_cache_name(&entry.name) else { continue };
        if !present.contains(cache.source.as_os_str()) {
            if wanted.orphans {
                listing.orphans.extend(orphan(&opened, entry.name));
            }
        } else if wanted.cache_tags.contains(&cache.cache_tag)
            && let Some(file) = cache_file(&opened, &entry.name, || hash_source(&cache.source))
        {
            listing.wanted.insert(entry.name, file);
        }
    }
    CacheDirectory::Present(listing)
}

/// A cache without a source, if it is a regular file that starts like a cache.
fn orphan(dir: &Dir, name: OsString) -> Option<(OsString, crate::domain::FileStat)> {
    let (stat, start) = dir.read_start(&name, 4).ok()?;
    header::plausible(&start).then_some((name, stat))
}

fn cache_file(dir: &Dir, name: &OsStr, hash_source: impl FnOnce() -> Option<Vec<u8>>) -> Option<CacheFile> {
    match dir.read_start(name, LONGEST) {
        Ok((stat, bytes)) => {
            let head = if header::may_hold_hash(&bytes) { hashed(bytes, hash_source()) } else { Head::Bytes(bytes) };
            Some(CacheFile { stat, head })
        }
        Err(error) => match dir.stat_entry(name) {
            Ok(stat) => Some(CacheFile { stat, head: Head::Unreadable(error.to_string()) }),
            Err(_) => None,
        },
    }
}

fn hashed(bytes: Vec<u8>, source: Option<Vec<u8>>) -> Head {
    let (Some(source), Some(&magic)) = (source, bytes.first_chunk::<4>()) else { return Head::Bytes(bytes) };
    let sip13 = source_hash(SipVariant::Sip13, magic, &source);
    let sip24 = source_hash(SipVariant::Sip24, magic, &source);
    Head::Hashed { bytes, sip13, sip24 }
}

fn read_source(
    root: &Arc<TreeRoot>,
    dir: &Arc<Dir>,
    relative: &Path,
    sources: &[Source],
    name: &OsStr,
    largest: usize,
) -> Option<Vec<u8>> {
    let source = sources.iter().find(|source| source.name == name)?;
    let SourceState::File { link, .. } = source.state else { return None };
    open_source(root, dir, relative, name, link).ok()?.read(largest).ok()
}

/// Opens a source that was seen, through its link if it is one.
///
/// # Errors
/// See [`OpenSource::open`] and [`OpenSource::open_link`].
pub fn open_source(
    root: &Arc<TreeRoot>,
    dir: &Arc<Dir>,
    relative: &Path,
    name: &OsStr,
    link: bool,
) -> Result<OpenSource, OpenFault> {
    if link { OpenSource::open_link(root, relative.join(name)) } else { OpenSource::open(dir, name) }
}
