//! The decision about one cache of one source.

use std::ffi::OsStr;

use super::rules::Rules;
use crate::domain::permissions::{cache_owner, cache_rights, trusted_writer};
use crate::domain::policy::InvalidationMode;
use crate::domain::{Access, FailureKind, FileKind, FileStat, SipVariant, Target};
use crate::pyc::header::{Header, HeaderFault};
use crate::pyc::names::cache_name;
use crate::pyc::stamp::{Stamp, racy_until};
use crate::scan::{CacheDirectory, CacheFile, Head};

pub(super) enum Decision {
    Leave,
    /// It is right as far as one can tell before the end of this second since the epoch.
    LeaveUntil(i64),
    Compile(Reason),
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
    /// Its body is not whole: import would fail on it.
    Torn,
    /// Made by another version.
    Magic,
    /// Flags that import does not know.
    Flags,
    /// Another invalidation mode than the configured one.
    Mode,
    Mtime,
    Size,
    Hash,
    /// The source may have changed without a change of its stamp: the cache was made in the second of its
    /// last change, or before a change that the kernel has taken down.
    Racy,
    /// The owner, the mode or the ACL is wrong. It is compiled again, not copied: whoever may rename files in that
    /// directory could have put a cache there whose code is not for everybody's eyes.
    Attributes,
    /// The SELinux context is wrong. It is compiled again for the same reason.
    Context,
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
            Self::Torn => "has a torn cache",
            Self::Magic => "has a cache of another version",
            Self::Flags => "has a cache with unknown flags",
            Self::Mode => "has a cache of another invalidation mode",
            Self::Mtime => "is newer or older than its cache",
            Self::Size => "has another size than its cache says",
            Self::Hash => "has another hash than its cache says",
            Self::Racy => "may have changed since its cache was made",
            Self::Attributes => "has a cache with a wrong owner, mode or ACL",
            Self::Context => "has a cache with a wrong SELinux context",
            Self::Stranger => "has a cache that a stranger wrote",
        }
    }
}

pub(super) fn decide(
    rules: &Rules<'_>,
    name: &OsStr,
    source: &FileStat,
    access: &Access,
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
    if rules.attributes && !attributes_are_right(rules, source, access, cache) {
        return Decision::Compile(Reason::Attributes);
    }
    if cache.wrong_context {
        return Decision::Compile(Reason::Context);
    }
    if rules.invalidation_mode == InvalidationMode::Timestamp || target.interpreter.source_hash.is_none() {
        return doubt(rules, source, cache);
    }
    Decision::Leave
}

fn attributes_are_right(rules: &Rules<'_>, source: &FileStat, access: &Access, cache: &CacheFile) -> bool {
    if *access == Access::Unknown {
        return true;
    }
    let is = (cache.stat.uid, cache.stat.gid);
    let owner = cache_owner(source, access, rules.owner, rules.actor).unwrap_or(is);
    let rights = cache_rights(source, access, rules.mode, owner, rules.actor);
    owner == is && cache.stat.mode == rights.mode && cache.access.is_as(&rights)
}

/// Whether the source may have changed without a change of its stamp.
fn doubt(rules: &Rules<'_>, source: &FileStat, cache: &CacheFile) -> Decision {
    // The clock was set back between the two: their times say nothing of each other, and no cache that is made now
    // would be later than that change.
    if rules.now.is_some_and(|now| cache.stat.changed <= now && now < source.changed) {
        return Decision::Leave;
    }
    let made_before_change = cache.stat.changed <= source.changed;
    let second = racy_until(source);
    if cache.stat.modified.seconds <= second {
        // Nothing is gained by compiling it again before that second is over.
        return match rules.now {
            Some(now) if now.seconds <= second && !made_before_change => Decision::LeaveUntil(second),
            _ => Decision::Compile(Reason::Racy),
        };
    }
    // The kernel's own stamp of the change cannot be set back, but by setting the clock.
    match rules.now {
        Some(now) if made_before_change && source.changed <= now => Decision::Compile(Reason::Racy),
        _ => Decision::Leave,
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
    if cache.torn {
        return Some(Reason::Torn);
    }
    match header {
        Header::Timestamp(stamp) => {
            let now = Stamp::of(source);
            if interpreter.effective_mode(rules.invalidation_mode) != InvalidationMode::Timestamp {
                Some(Reason::Mode)
            } else if stamp.mtime != now.mtime {
                Some(Reason::Mtime)
            } else {
                (stamp.size != now.size).then_some(Reason::Size)
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
