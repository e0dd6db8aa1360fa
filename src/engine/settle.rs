//! Brings a tree up to date once, and looks again at what had not come to rest.

use std::collections::{HashMap, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use super::pass::{Pass, Purpose, Scope, Unsettled};
use super::{Engine, Tree};
use crate::domain::{Failure, FailureKind, Skip, SkipReason};
use crate::report::{Item, ItemKey, Outcome, Sink};

/// How often a source that changes all the time is tried.
const MOST_ROUNDS: usize = 10;
/// The kernel's file times lag behind its clock by up to one tick.
const TICK: Duration = Duration::from_millis(20);
/// A second that lies further ahead than this is the work of a clock that was set back.
const LONGEST_WAIT: Duration = Duration::from_secs(3);

impl Engine {
    /// A whole pass. Sources that changed within the last second are done again when that is over, so
    /// that their caches can be trusted by everybody from then on.
    pub fn whole(self: &Arc<Self>, tree: &Arc<Tree>, purpose: Purpose, sink: &Arc<dyn Sink + Send + Sync>) {
        let pass = Pass { tree, purpose, scope: Scope::Whole, observer: None, suspect_since: None, unhurried: None };
        let mut unsettled = self.pass(&pass, sink).unsettled;
        for _ in 0..MOST_ROUNDS {
            if unsettled.is_empty() || self.stop.is_cancelled() {
                break;
            }
            self.wait_for_rest(&unsettled);
            unsettled = self.again(tree, purpose, unsettled, sink);
        }
        for last in unsettled {
            let directory = tree.root().path_of(&last.relative);
            let item = Item { directory: &directory, source: &last.source, target: &last.target, owner: None };
            sink.outcome(&item, &last.provisional.unwrap_or_else(kept_changing));
        }
    }

    /// One more round for what is unsettled; gives what still is.
    fn again(
        self: &Arc<Self>,
        tree: &Arc<Tree>,
        purpose: Purpose,
        unsettled: Vec<Unsettled>,
        sink: &Arc<dyn Sink + Send + Sync>,
    ) -> Vec<Unsettled> {
        let mut directories: HashMap<PathBuf, HashSet<OsString>> = HashMap::new();
        let mut pending = HashMap::new();
        for one in unsettled {
            directories.entry(one.relative.clone()).or_default().insert(one.source.clone());
            pending.insert(key(tree, &one), one);
        }
        let settling = Arc::new(Settling { pending: Mutex::new(pending), inner: Arc::clone(sink) });
        let as_sink: Arc<dyn Sink + Send + Sync> = settling.clone();
        let mut still = Vec::new();
        for (relative, names) in &directories {
            let scope = Scope::Sources(relative, names);
            let pass = Pass { tree, purpose, scope, observer: None, suspect_since: None, unhurried: None };
            for mut one in self.pass(&pass, &as_sink).unsettled {
                if let Some(before) = settling.take(&key(tree, &one)) {
                    one.provisional = before.provisional.or(one.provisional);
                    still.push(one);
                }
            }
        }
        let mut vanished: Vec<PathBuf> = settling.pending().keys().map(|(path, ..)| path.clone()).collect();
        vanished.sort();
        vanished.dedup();
        if !self.stop.is_cancelled() {
            for path in vanished {
                sink.skip(&Skip { path, reason: SkipReason::Vanished });
            }
        }
        still
    }

    /// Waits until the seconds of all are over, or the end is near.
    fn wait_for_rest(&self, unsettled: &[Unsettled]) {
        let Some(second) = unsettled.iter().filter_map(|one| one.after_second).max() else { return };
        let Some(wait) = until_after(second, LONGEST_WAIT) else { return };
        let rest = async {
            tokio::select! {
                () = tokio::time::sleep(wait) => {}
                () = self.stop.cancelled() => {}
            }
        };
        self.handle.block_on(rest);
    }
}

/// How long it is until a second since the epoch is over. `None` where that is longer than it can be without the
/// clock having been set back.
#[must_use]
pub fn until_after(second: i64, longest: Duration) -> Option<Duration> {
    ahead(second, SystemTime::now(), longest)
}

fn ahead(second: i64, now: SystemTime, longest: Duration) -> Option<Duration> {
    let end = Duration::from_secs(u64::try_from(second.saturating_add(1)).unwrap_or(0)) + TICK;
    let now = now.duration_since(UNIX_EPOCH).unwrap_or(Duration::ZERO);
    let wait = end.saturating_sub(now);
    (wait <= longest).then_some(wait)
}

fn key(tree: &Tree, one: &Unsettled) -> ItemKey {
    let directory = tree.root().path_of(&one.relative);
    Item { directory: &directory, source: &one.source, target: &one.target, owner: None }.key()
}

/// Lets only the outcomes through that are waited for, so that nothing counts twice.
struct Settling {
    pending: Mutex<HashMap<ItemKey, Unsettled>>,
    inner: Arc<dyn Sink + Send + Sync>,
}

impl Settling {
    /// All of one source; says whether there was any.
    fn take_all(&self, path: &Path) -> bool {
        let mut pending = self.pending();
        let before = pending.len();
        pending.retain(|(other, ..), _| other != path);
        pending.len() < before
    }

    fn take(&self, key: &ItemKey) -> Option<Unsettled> {
        self.pending().remove(key)
    }

    fn pending(&self) -> MutexGuard<'_, HashMap<ItemKey, Unsettled>> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Sink for Settling {
    fn source(&self) {}

    fn outcome(&self, item: &Item<'_>, outcome: &Outcome) {
        let Some(before) = self.take(&item.key()) else { return };
        match (outcome, before.provisional) {
            (Outcome::Fresh | Outcome::Compiled | Outcome::Confirmed | Outcome::Repaired, Some(provisional)) => {
                self.inner.outcome(item, &provisional)
            }
            _ => self.inner.outcome(item, outcome),
        }
    }

    fn failure(&self, failure: &Failure) {
        if self.take_all(&failure.path) {
            self.inner.failure(failure);
        }
    }

    fn skip(&self, skip: &Skip) {
        if self.take_all(&skip.path) {
            self.inner.skip(skip);
        }
    }

    fn removed(&self, cache: &Path) {
        self.inner.removed(cache);
    }
}

fn kept_changing() -> Outcome {
    Outcome::Failed {
        kind: FailureKind::Changed,
        line: None,
        message: "kept changing while it was compiled; warm it again when it rests".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_was_set_back_is_not_waited_for() {
        let at = |millis: u64| UNIX_EPOCH + Duration::from_millis(millis);
        let wait = |second, now| ahead(second, now, LONGEST_WAIT);
        assert_eq!(wait(1000, at(1_000_400)), Some(Duration::from_millis(620)));
        assert_eq!(wait(1000, at(1_001_020)), Some(Duration::ZERO));
        assert_eq!(wait(1000, at(9_000_000)), Some(Duration::ZERO), "it is over");
        assert_eq!(wait(1000, at(998_019)), None, "set back by a little more than is worth waiting for");
        assert_eq!(wait(1000, at(0)), None);
        assert_eq!(wait(1000, UNIX_EPOCH - Duration::from_secs(5)), None, "before 1970");
        assert_eq!(wait(-5, at(1_000_000)), Some(Duration::ZERO));
        // Times that no clock shows, of a damaged file system: nothing overflows.
        assert_eq!((wait(i64::MAX, at(0)), wait(i64::MIN, at(0))), (None, Some(TICK)));
        assert_eq!(ahead(1010, at(1_000_500), Duration::from_secs(13)), Some(Duration::from_millis(10_520)));
    }
}
