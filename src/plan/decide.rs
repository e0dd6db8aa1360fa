//! The decision about one cache of one source.

use std::ffi::OsStr;

use super::rules::Rules;
use crate::domain::permissions::{cache_mode, cache_owner, trusted_writer};
use crate::domain::policy::InvalidationMode;
use crate::domain::{FailureKind, FileKind, FileStat, SipVariant, Target};
use crate::pyc::header::{Header, HeaderFault};
use crate::pyc::names::cache_name;
use crate::pyc::stamp::{Stamp, racy_until};
use crate::scan::{CacheDirectory, CacheFile, Head};

pub(super) enum Decision {
    Leave,
    Compile(Reason),
    Repair(FileStat),
    Fail(FailureKind, String),
}

/// Why a source is compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reason {
    Missing,
    /// A link stands where the cache should be. It is replaced, as import does; never followed.
    Link,
    /// The cache cannot be read.
    Unreadable,
    /// The cache ends before its code begins.
    Short,
    /// Made by another version.
    Magic,
    /// Flags that import does not know.
    Flags,
    /// Another invalidation mode than the configured one.
    Mode,
    Mtime,
    Size,
    Hash,
    /// Made within the second of the source's last change: a later change in that second would not show.
    Racy,
    /// Written by somebody who is neither root nor the source's owner.
    Stranger,
}

impl Reason {
    /// In words, to follow the name of a source.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Missing => "has no cache",
            Self::Link => "has a link in place of its cache",
            Self::Unreadable => "has a cache that cannot be read",
            Self::Short => "has a truncated cache",
            Self::Magic => "has a cache of another version",
            Self::Flags => "has a cache with unknown flags",
            Self::Mode => "has a cache of another invalidation mode",
            Self::Mtime => "is newer or older than its cache",
            Self::Size => "has another size than its cache says",
            Self::Hash => "has another hash than its cache says",
            Self::Racy => "was changed in the second in which its cache was made",
            Self::Stranger => "has a cache that a stranger wrote",
        }
    }
}

pub(super) fn decide(
    rules: &Rules<'_>,
    name: &OsStr,
    source: &FileStat,
    target: &Target,
    caches: &CacheDirectory,
) -> Decision {
    match caches {
        CacheDirectory::Obstructed(kind) => {
            let why = format!(
                "cannot be cached: __pycache__ beside it is {}, which is never followed or replaced; remove it",
                kind.describe()
            );
            return Decision::Fail(FailureKind::Refused, why);
        }
        CacheDirectory::Unreadable(why) => {
            return Decision::Fail(FailureKind::Unreadable, format!("cannot read the __pycache__ beside it: {why}"));
        }
        CacheDirectory::Absent | CacheDirectory::Present(_) => {}
    }
    let Some(cache) = caches.file(&cache_name(name, &target.interpreter.cache_tag, target.level)) else {
        return Decision::Compile(Reason::Missing);
    };
    match cache.stat.kind {
        FileKind::Regular => {}
        FileKind::Symlink => return Decision::Compile(Reason::Link),
        kind => {
            let why = format!(
                "cannot be cached: its cache is {}, on which import fails or hangs; remove it",
                kind.describe()
            );
            return Decision::Fail(FailureKind::Refused, why);
        }
    }
    if let Some(reason) = staleness(rules, source, target, cache) {
        return Decision::Compile(reason);
    }
    if !trusted_writer(cache.stat.uid, source, rules.owner, rules.actor) {
        return Decision::Compile(Reason::Stranger);
    }
    let owner = cache_owner(source, rules.owner, rules.actor);
    let gid = owner.map_or(cache.stat.gid, |(_, gid)| gid);
    let owner_is_right = owner.is_none_or(|owner| owner == (cache.stat.uid, cache.stat.gid));
    if owner_is_right && cache.stat.mode == cache_mode(source, rules.mode, gid) {
        Decision::Leave
    } else {
        Decision::Repair(cache.stat)
    }
}

/// Why the cache does not surely hold the code of the source; `None` if it does.
fn staleness(rules: &Rules<'_>, source: &FileStat, target: &Target, cache: &CacheFile) -> Option<Reason> {
    let interpreter = &target.interpreter;
    let (bytes, hashes) = match &cache.head {
        Head::Bytes(bytes) => (bytes, None),
        Head::Hashed { bytes, sip13, sip24 } => (bytes, Some((sip13, sip24))),
        Head::Unreadable(_) => return Some(Reason::Unreadable),
    };
    let header = match Header::parse(bytes, interpreter.magic, interpreter.header_size) {
        Ok(header) => header,
        Err(HeaderFault::Short) => return Some(Reason::Short),
        Err(HeaderFault::Magic) => return Some(Reason::Magic),
        Err(HeaderFault::Flags) => return Some(Reason::Flags),
    };
    if cache.stat.size <= interpreter.header_size as u64 {
        return Some(Reason::Short);
    }
    match header {
        Header::Timestamp(stamp) => {
            let now = Stamp::of(source);
            if interpreter.effective_mode(rules.invalidation_mode) != InvalidationMode::Timestamp {
                Some(Reason::Mode)
            } else if stamp.mtime != now.mtime {
                Some(Reason::Mtime)
            } else if stamp.size != now.size {
                Some(Reason::Size)
            } else if cache.stat.modified.seconds <= racy_until(source) {
                Some(Reason::Racy)
            } else {
                None
            }
        }
        Header::Hash { checked, hash } => {
            let configured = match rules.invalidation_mode {
                InvalidationMode::Timestamp => return Some(Reason::Mode),
                InvalidationMode::CheckedHash => true,
                InvalidationMode::UncheckedHash => false,
            };
            let now = match (hashes, interpreter.source_hash) {
                (Some((sip13, _)), Some(SipVariant::Sip13)) => sip13,
                (Some((_, sip24)), Some(SipVariant::Sip24)) => sip24,
                _ => return Some(Reason::Hash),
            };
            if checked != configured { Some(Reason::Mode) } else { (*now != hash).then_some(Reason::Hash) }
        }
    }
}
