//! Compares what is there with what should be there, and says what is to be done and why. Pure: no
//! clock, no disk, no process.

mod decide;
mod rules;

use std::ffi::OsString;

use crate::domain::permissions::is_cache_directory_to_be_mended;
use crate::domain::{FailureKind, FileStat, SkipReason};
use crate::scan::{CacheDirectory, Observed, SourceState};

pub use decide::Reason;
pub use rules::Rules;

use decide::Decision;

/// No interpreter takes longer to write a cache, in seconds; and one that did would only write it again.
const LONGEST_WRITE: i64 = 10;

/// A directory in which nothing has come or gone for so many seconds is not being removed or replaced.
const REST: i64 = 2;

/// What is to be done in one directory, in buckets. Every source is, for every target, in one of
/// `leave`, `compile`, `fail`; or it is in `skip` or `unreadable` as a whole.
#[derive(Debug, Default)]
pub struct Plan {
    pub leave: Vec<Item>,
    /// Those of `leave` are right, but the `__pycache__` that they are in has a wrong owner, mode, ACL or context.
    pub mend_directory: bool,
    /// Those of `leave` that want another look after this second since the epoch.
    pub unripe: Vec<(Item, i64)>,
    pub compile: Vec<(Item, Reason)>,
    /// Nothing can be done, and why.
    pub fail: Vec<(Item, FailureKind, String)>,
    /// Indices into the sources.
    pub skip: Vec<(usize, SkipReason)>,
    pub unreadable: Vec<(usize, String)>,
    /// Caches whose source is gone.
    pub orphans: Vec<(OsString, FileStat)>,
    /// Temporary files of ours that may have been left by a writer that died.
    pub temporaries: Vec<OsString>,
    /// Temporary files of interpreters that were surely left.
    pub left_over: Vec<(OsString, FileStat)>,
    /// When the second is over, counted from the epoch, in which the last of the others can be removed, and of the
    /// caches of sources that have just gone.
    pub removable_after: Option<i64>,
}

/// One cache to be: indices into the sources of [`Observed`] and the targets of [`Rules`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Item {
    pub source: usize,
    pub target: usize,
}

impl Plan {
    /// Whether carrying it out would change nothing.
    #[must_use]
    pub fn changes_nothing(&self) -> bool {
        let nothing_to_remove = self.orphans.is_empty() && self.temporaries.is_empty() && self.left_over.is_empty();
        self.compile.is_empty() && nothing_to_remove && !self.mend_directory
    }
}

/// Makes the plan for a directory.
#[must_use]
pub fn plan(rules: &Rules<'_>, observed: &mut Observed) -> Plan {
    let mut plan = Plan::default();
    if let CacheDirectory::Present(listing) = &mut observed.caches {
        let last_change = observed.directory.iter().chain(&listing.state).map(|state| state.stat.changed).max();
        match rules.now.zip(last_change) {
            // Whoever removes a whole directory stumbles over what is removed meanwhile.
            Some((now, last)) if last <= now && last.seconds + REST > now.seconds && !listing.orphans.is_empty() => {
                plan.removable_after = Some(last.seconds + REST);
            }
            _ => plan.orphans = std::mem::take(&mut listing.orphans),
        }
        plan.temporaries = std::mem::take(&mut listing.temporaries);
        for (name, stat) in std::mem::take(&mut listing.foreign_temporaries) {
            let Some(now) = rules.now else { continue };
            let end = stat.changed.seconds.saturating_add(LONGEST_WRITE);
            // A clock that was set back must not keep it for ever.
            if end < now.seconds || stat.changed > now {
                plan.left_over.push((name, stat));
            } else {
                plan.removable_after = plan.removable_after.max(Some(end));
            }
        }
        if let (Some(is), Some(parent), false) = (&listing.state, &observed.directory, listing.foreign) {
            let may_label = rules.actor.may_chown || is.stat.uid == rules.actor.uid;
            plan.mend_directory = listing.wrong_context && may_label
                || rules.attributes
                    && is_cache_directory_to_be_mended(parent, is, listing.has_default_acl, rules.actor);
        }
    }
    for (index, source) in observed.sources.iter().enumerate() {
        let stat = match &source.state {
            SourceState::File { stat, .. } => stat,
            SourceState::Skipped(reason) => {
                plan.skip.push((index, *reason));
                continue;
            }
            SourceState::Unreadable(why) => {
                plan.unreadable.push((index, why.clone()));
                continue;
            }
        };
        for (target_index, target) in rules.targets.iter().enumerate() {
            let item = Item { source: index, target: target_index };
            match decide::decide(rules, &source.name, stat, &source.access, target, &observed.caches) {
                Decision::Leave => plan.leave.push(item),
                Decision::LeaveUntil(second) => {
                    plan.leave.push(item);
                    plan.unripe.push((item, second));
                }
                Decision::Compile(reason) => plan.compile.push((item, reason)),
                Decision::Fail(kind, why) => plan.fail.push((item, kind, why)),
            }
        }
    }
    plan
}

#[cfg(test)]
mod tests;
