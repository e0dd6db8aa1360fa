//! One look at one directory.

use std::collections::{HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::os::fd::BorrowedFd;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::observed::{CacheDirectory, CacheFile, CacheListing, Head, Observed, Source, SourceState};
use crate::domain::interpreter::CodeLayout;
use crate::domain::permissions::DirectoryState;
use crate::domain::{Access, FileKind, FileStat, SipVariant, SkipReason, Timestamp};
use crate::pyc::header::{self, LONGEST};
use crate::pyc::holes::has_holes;
use crate::pyc::marshal;
use crate::pyc::names::{self, CACHE_DIRECTORY};
use crate::pyc::source_hash::source_hash;
use crate::root::acl;
use crate::root::label::Wish;
use crate::root::passage::barrier_of;
use crate::root::resolve::{LinkFault, resolve};
use crate::root::source::OpenFault;
use crate::root::{Dir, Entry, OpenSource, TreeRoot, replacement};

/// No larger cache is read to its end, in bytes.
const LARGEST_CACHE: usize = 64 << 20;

/// Which caches are of interest.
#[derive(Debug, Default, Clone)]
pub struct Wanted {
    /// Tags of the interpreters that the directory is compiled for, and how their caches are formed.
    pub caches: HashMap<String, Form>,
    /// Caches that were changed at this time or later are read to their end; [`Timestamp::EARLIEST`] if nothing is known of
    /// them, not even whether the host went down while they were written.
    pub suspect_since: Option<Timestamp>,
    /// Whether to look for caches without a source.
    pub orphans: bool,
}

/// The form of an interpreter's caches.
#[derive(Debug, Clone, Copy)]
pub struct Form {
    /// Bytes.
    pub header_size: usize,
    pub layout: Option<CodeLayout>,
}

/// The directory that is looked at.
#[derive(Debug, Clone, Copy)]
pub struct Site<'a> {
    pub root: &'a Arc<TreeRoot>,
    pub dir: &'a Arc<Dir>,
    /// Below the root.
    pub relative: &'a Path,
    /// The SELinux contexts that are wanted in it, if any are.
    pub context: Option<&'a Wish<'a>>,
    /// Larger sources are not read for their hash, in bytes.
    pub largest: usize,
}

/// Looks at the sources among `entries` of a directory and at their caches. `present` are all names in it,
/// also of what is excluded: the cache of an excluded source is no orphan.
#[must_use]
pub fn look(site: &Site<'_>, entries: &[Entry], present: &HashSet<OsString>, wanted: &Wanted) -> Observed {
    let sources: Vec<Source> = entries
        .iter()
        .filter(|entry| names::is_source(&entry.name))
        .filter_map(|entry| source(site.root, site.dir, site.relative, entry))
        .collect();
    let caches = caches(site, &sources, present, wanted);
    Observed { directory: directory_state(site.dir), sources, caches }
}

fn directory_state(dir: &Dir) -> Option<DirectoryState> {
    let stat = dir.stat().ok()?;
    Some(DirectoryState { stat, access: dir.access(stat.mode) })
}

/// `None` where the entry is a directory or gone.
fn source(root: &Arc<TreeRoot>, dir: &Dir, relative: &Path, entry: &Entry) -> Option<Source> {
    let name = &entry.name;
    if entry.kind == FileKind::Directory {
        return None;
    }
    let (mut passed, mut access) = (Vec::new(), Access::Unknown);
    let state = match dir.stat_entry(name) {
        Ok(stat) => match stat.kind {
            FileKind::Directory => return None,
            FileKind::Regular if names::has_module_name(name) => {
                access = dir.access_of(name, stat.mode);
                SourceState::File { stat, link: false }
            }
            FileKind::Regular => SourceState::Skipped(SkipReason::NoModuleName),
            FileKind::Symlink => linked(root, &relative.join(name), &mut passed, &mut access)?,
            kind => SourceState::Skipped(SkipReason::NotAFile(kind)),
        },
        Err(error) if error.kind() == io::ErrorKind::NotFound => return None,
        Err(error) => SourceState::Unreadable(error.to_string()),
    };
    Some(Source { name: name.clone(), state, access, passed })
}

fn linked(
    root: &Arc<TreeRoot>,
    relative: &Path,
    passed: &mut Vec<PathBuf>,
    access: &mut Access,
) -> Option<SourceState> {
    let found = resolve(root, relative, passed).and_then(|target| {
        let stat = target.parent.stat_entry(&target.name).map_err(LinkFault::Io)?;
        if stat.kind == FileKind::Regular {
            *access = target.parent.access_of(&target.name, stat.mode);
        }
        Ok(stat)
    });
    Some(match found {
        Ok(stat) if stat.kind == FileKind::Regular => SourceState::File { stat, link: true },
        // A link to a directory is neither a source nor followed.
        Ok(stat) if stat.kind == FileKind::Directory => return None,
        Err(LinkFault::Io(error)) if error.kind() == io::ErrorKind::InvalidInput => return None,
        Ok(stat) => SourceState::Skipped(SkipReason::NotAFile(stat.kind)),
        Err(LinkFault::Dangling) => SourceState::Skipped(SkipReason::DanglingLink),
        Err(LinkFault::Loop) => SourceState::Skipped(SkipReason::LinkLoop),
        Err(LinkFault::LeavesTree) => SourceState::Skipped(SkipReason::LinkLeavesTree),
        Err(LinkFault::Io(error)) => match barrier_of(&error) {
            Some(barrier) => SourceState::Skipped(SkipReason::Barred(barrier)),
            None => SourceState::Unreadable(error.to_string()),
        },
    })
}

fn caches(site: &Site<'_>, sources: &[Source], present: &HashSet<OsString>, wanted: &Wanted) -> CacheDirectory {
    let name = OsStr::new(CACHE_DIRECTORY);
    let opened = match site.dir.open_cache_directory() {
        Ok(opened) => opened,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return CacheDirectory::Absent,
        Err(error) => {
            return match site.dir.stat_entry(name) {
                Ok(stat) if stat.kind != FileKind::Directory => CacheDirectory::Obstructed(stat.kind),
                _ => CacheDirectory::Unreadable(error.to_string()),
            };
        }
    };
    let entries = match opened.entries() {
        Ok(entries) => entries,
        Err(error) => return CacheDirectory::Unreadable(error.to_string()),
    };
    let by_name: HashMap<&OsStr, &Source> = sources.iter().map(|source| (source.name.as_os_str(), source)).collect();
    let mut listing = CacheListing {
        state: directory_state(&opened),
        has_default_acl: opened.has_default_acl(),
        wrong_context: site.context.is_some_and(|wish| !wish.suits_directory(&opened)),
        ..CacheListing::default()
    };
    for entry in entries {
        listing.foreign |= entry.kind == FileKind::Directory;
        if replacement::is_replacement_name(&entry.name) {
            listing.temporaries.push(entry.name);
            continue;
        }
        if names::is_temporary(&entry.name) {
            let stat = opened.stat_entry(&entry.name).ok().filter(|stat| stat.kind == FileKind::Regular);
            listing.foreign_temporaries.extend(stat.map(|stat| (entry.name, stat)));
            continue;
        }
        listing.foreign |= names::parse_cache_name(&entry.name).is_none();
        let mut named =
            wanted.caches.iter().filter_map(|(tag, form)| Some((names::source_of(&entry.name, tag)?, form)));
        if let Some((source, form)) = named.find_map(|(name, form)| Some((by_name.get(name.as_os_str())?, form))) {
            let suspect = |stat: &FileStat| wanted.suspect_since.is_some_and(|since| stat.changed >= since);
            if let Some(mut file) = cache_file(site, &opened, &entry.name, source) {
                // What is known of no file is not known of its blocks either: there may have been a power cut.
                let holes = wanted.suspect_since == Some(Timestamp::EARLIEST);
                file.torn = suspect(&file.stat) && is_torn(&opened, &entry.name, &file.stat, *form, holes);
                listing.wanted.insert(entry.name, file);
            }
        } else if wanted.orphans && is_orphan(&entry.name, present) {
            // Of a regular file that starts like a cache only.
            let start = opened.read_start(&entry.name, 4).ok().filter(|(_, start)| header::plausible(start));
            listing.orphans.extend(start.map(|(stat, _)| (entry.name, stat)));
        }
    }
    CacheDirectory::Present(listing)
}

/// Whether a name is surely that of a cache, of whose source nothing is left. A module may be loaded from
/// a file with another ending (`SourceFileLoader("plugin", "plugin.cgi")`), whose cache has the same name.
fn is_orphan(name: &OsStr, present: &HashSet<OsString>) -> bool {
    let Some(cache) = names::parse_cache_name(name) else { return false };
    let stem = cache.source.as_bytes().strip_suffix(b"py").unwrap_or_default();
    let without_dot = stem.strip_suffix(b".").unwrap_or_default();
    !present.iter().any(|other| other.as_bytes() == without_dot || other.as_bytes().starts_with(stem))
}

fn cache_file(site: &Site<'_>, dir: &Dir, name: &OsStr, source: &Source) -> Option<CacheFile> {
    let open = || match &source.state {
        SourceState::File { link, .. } => open_source(site, &source.name, *link).ok(),
        _ => None,
    };
    let ask = |file: BorrowedFd<'_>, stat: &FileStat| {
        let wrong_context = site.context.is_some_and(|wish| !wish.suits_cache(name, file));
        (wrong_context, acl::access(file, stat.mode))
    };
    match dir.read_start_and(name, LONGEST, ask) {
        Ok((stat, bytes, (wrong_context, access))) => {
            let head = if header::may_hold_hash(&bytes) {
                hashed(bytes, open().and_then(|source| source.read(site.largest).ok()))
            } else {
                Head::Bytes(bytes)
            };
            Some(CacheFile { stat, head, torn: false, wrong_context, access })
        }
        Err(error) => {
            let head = Head::Unreadable(error.to_string());
            let (torn, wrong_context, access) = (false, false, Access::Unknown);
            dir.stat_entry(name).ok().map(|stat| CacheFile { stat, head, torn, wrong_context, access })
        }
    }
}

/// Whether a cache is not one whole code object behind its header, or has `holes`, where these count. One that
/// cannot be read is not judged.
fn is_torn(dir: &Dir, name: &OsStr, stat: &FileStat, form: Form, holes: bool) -> bool {
    let (Some(layout), Ok(size)) = (form.layout, usize::try_from(stat.size)) else { return false };
    if size > LARGEST_CACHE {
        return false;
    }
    let Ok((_, bytes)) = dir.read_start(name, size) else { return false };
    let is_whole = bytes.get(form.header_size..).is_some_and(|body| marshal::check(body, layout).is_ok());
    !is_whole || holes && has_holes(&bytes)
}

fn hashed(bytes: Vec<u8>, source: Option<Vec<u8>>) -> Head {
    let (Some(source), Some(&magic)) = (source, bytes.first_chunk::<4>()) else { return Head::Bytes(bytes) };
    let sip13 = source_hash(SipVariant::Sip13, magic, &source);
    let sip24 = source_hash(SipVariant::Sip24, magic, &source);
    Head::Hashed { bytes, sip13, sip24 }
}

/// Opens a source that was seen, through its link if it is one.
///
/// # Errors
/// See [`OpenSource::open`] and [`OpenSource::open_link`].
pub fn open_source(site: &Site<'_>, name: &OsStr, link: bool) -> Result<OpenSource, OpenFault> {
    if link { OpenSource::open_link(site.root, site.relative.join(name)) } else { OpenSource::open(site.dir, name) }
}
