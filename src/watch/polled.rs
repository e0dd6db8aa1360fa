//! What is looked at again and again, because no events tell of it. Pure: time is passed in.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use super::changes::owner_of;

/// A look may take this part of the time, at most.
const SHARE: u32 = 10;

/// Directories that are polled, each with all below it.
#[derive(Debug, Default)]
pub struct Polled {
    tops: Mutex<BTreeMap<PathBuf, Top>>,
}

#[derive(Debug)]
struct Top {
    why: PollReason,
    due: Instant,
    /// Since when a look is going on.
    begun: Option<Instant>,
}

/// What is new about a directory that is to be polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// Nothing.
    Already,
    /// It is the only one that is polled for this reason.
    First,
    Another,
}

/// Why a directory is polled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PollReason {
    /// It is configured so.
    Configured,
    /// The file system, by its name.
    WithoutEvents(&'static str),
    /// The kernel gives no more watches.
    OutOfWatches,
    /// It cannot be watched, for whatever reason.
    Unwatchable,
}

impl Polled {
    /// Has a directory of the tree with this root polled, with all below it, unless it is so already.
    pub fn add(&self, root: &Path, path: &Path, why: PollReason, first: Instant) -> Added {
        if self.covers(root, path) {
            return Added::Already;
        }
        let mut tops = self.tops();
        let is_first = tops.values().all(|top| top.why != why);
        tops.insert(path.to_owned(), Top { why, due: first, begun: None });
        if is_first { Added::First } else { Added::Another }
    }

    /// Ends the polling that begins at this very directory. Gives whether there was any.
    pub fn remove(&self, path: &Path) -> bool {
        self.tops().remove(path).is_some()
    }

    /// Ends the polling of all at and below a path.
    pub fn remove_below(&self, path: &Path) {
        self.tops().retain(|top, _| !top.starts_with(path));
    }

    /// Why the polling begins at this very directory, if it does.
    #[must_use]
    pub fn reason(&self, path: &Path) -> Option<PollReason> {
        self.tops().get(path).map(|top| top.why)
    }

    /// Whether a directory of the tree with this root is polled, itself or with one above it. What is above the
    /// root is another tree's, which leaves this one out.
    #[must_use]
    pub fn covers(&self, root: &Path, path: &Path) -> bool {
        let tops = self.tops();
        !tops.is_empty() && up_to(root, path).any(|above| tops.contains_key(above))
    }

    /// Whether a directory is polled with one above it, because that could not be watched.
    #[must_use]
    pub fn is_below_unwatched(&self, root: &Path, path: &Path) -> bool {
        let tops = self.tops();
        let unwatched = |above: &Path| {
            tops.get(above).is_some_and(|top| matches!(top.why, PollReason::OutOfWatches | PollReason::Unwatchable))
        };
        !tops.is_empty() && up_to(root, path).skip(1).any(unwatched)
    }

    /// Those directly in `path` that `is_there` does not know are forgotten.
    pub fn forget_missing(&self, path: &Path, is_there: impl Fn(&Path) -> bool) {
        let mut tops = self.tops();
        if !tops.is_empty() {
            tops.retain(|top, _| top.parent() != Some(path) || is_there(top));
        }
    }

    /// Takes those whose time has come; each is to be given back by [`Polled::done`].
    pub fn take_due(&self, now: Instant) -> Vec<PathBuf> {
        let mut tops = self.tops();
        let due = tops.iter_mut().filter(|(_, top)| top.begun.is_none() && top.due <= now);
        due.map(|(path, top)| {
            top.begun = Some(now);
            path.clone()
        })
        .collect()
    }

    /// The look at a directory is over. The next one is an interval away, or more if it took long.
    pub fn done(&self, path: &Path, now: Instant, interval: Duration) {
        if let Some(top) = self.tops().get_mut(path)
            && let Some(begun) = top.begun.take()
        {
            top.due = now + interval.max(now.saturating_duration_since(begun) * (SHARE - 1));
        }
    }

    /// The looks that were taken as due are not taken after all; all are due at this time.
    pub fn begin_again(&self, due: Instant) {
        for top in self.tops().values_mut() {
            (top.begun, top.due) = (None, due);
        }
    }

    /// When the next one is due.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.tops().values().filter(|top| top.begun.is_none()).map(|top| top.due).min()
    }

    /// Where the polling begins of all at, below or above one of these paths.
    #[must_use]
    pub fn concerning(&self, paths: &[PathBuf]) -> Vec<PathBuf> {
        let concerns = |top: &&PathBuf| {
            let owner = owner_of(top);
            paths.iter().any(|path| top.starts_with(path) || path.starts_with(owner))
        };
        self.tops().keys().filter(concerns).cloned().collect()
    }

    /// How many directories at or below a path are polled because they cannot be watched, those below them aside.
    #[must_use]
    pub fn unwatched_below(&self, path: &Path) -> usize {
        let unwatched = |top: &Top| matches!(top.why, PollReason::OutOfWatches | PollReason::Unwatchable);
        self.tops().iter().filter(|(top, state)| unwatched(state) && top.starts_with(path)).count()
    }

    /// How many directories polling begins at.
    #[must_use]
    pub fn count(&self) -> usize {
        self.tops().len()
    }

    fn tops(&self) -> MutexGuard<'_, BTreeMap<PathBuf, Top>> {
        self.tops.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A path and those above it, to the root of its tree.
fn up_to<'a>(root: &Path, path: &'a Path) -> impl Iterator<Item = &'a Path> {
    path.ancestors().take_while(move |above| above.starts_with(root))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_below_is_polled_with_it() {
        let (polled, now) = (Polled::default(), Instant::now());
        let path = Path::new;
        assert_eq!(polled.add(path("/"), path("/a"), PollReason::OutOfWatches, now), Added::First);
        assert_eq!(polled.add(path("/"), path("/a/b"), PollReason::OutOfWatches, now), Added::Already);
        assert_eq!(polled.add(path("/"), path("/c"), PollReason::OutOfWatches, now), Added::Another);
        assert!(polled.covers(path("/"), path("/a/b/c")) && !polled.covers(path("/"), path("/ab")));
        assert!(
            polled.is_below_unwatched(path("/"), path("/a/b")) && !polled.is_below_unwatched(path("/"), path("/a"))
        );
        assert!(!polled.covers(path("/a/b"), path("/a/b/c")), "another tree");
        assert!(polled.remove(path("/a")) && !polled.covers(path("/"), path("/a/b/c")));
    }

    #[test]
    fn a_long_look_is_followed_by_a_longer_rest() {
        let (polled, start) = (Polled::default(), Instant::now());
        let (path, interval) = (Path::new("/a"), Duration::from_secs(10));
        polled.add(path, path, PollReason::Configured, start);
        assert_eq!(polled.take_due(start), [path]);
        assert!(polled.take_due(start).is_empty(), "it is being looked at");
        assert_eq!(polled.next_due(), None);
        let end = start + Duration::from_secs(2);
        polled.done(path, end, interval);
        assert_eq!(polled.next_due(), Some(end + Duration::from_secs(18)));
        assert_eq!(polled.concerning(&["/a/b".into()]), [path]);
        assert_eq!(polled.concerning(&["/".into()]), [path]);
        assert!(polled.concerning(&["/b".into()]).is_empty());
        let caches = Path::new("/c/__pycache__");
        polled.add(Path::new("/c"), caches, PollReason::OutOfWatches, start);
        assert_eq!(polled.concerning(&["/c/x.py".into()]), [caches]);
    }
}
