//! The order of work in a pass over many directories: first what had a cache, as it is in use, the most recently
//! used first; then what is new.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use super::dealing::{Below, Directory, Turn};
use super::walking::Walking;
use crate::domain::Timestamp;
use crate::plan::Plan;
use crate::scan::Place;
use crate::scan::walk::Obstacle;

/// A directory with something to compile.
pub(super) struct Later {
    relative: PathBuf,
    below: Below,
    /// The last use of a cache that is stale now; `None` where nothing that is to be compiled had one.
    last_use: Option<Timestamp>,
    /// What is new in a directory in which other sources are in use.
    rest: HashSet<OsString>,
}

impl Walking<'_> {
    pub(super) fn put_down(&self, place: &Place, below: &Below, directory: &Directory<'_>, plan: &Plan) {
        let last_use = directory.last_uses(plan).into_iter().flatten().max();
        let relative = place.relative.clone();
        let later = Later { relative, below: below.clone(), last_use, rest: HashSet::new() };
        self.later.lock().unwrap_or_else(PoisonError::into_inner).push(later);
    }

    /// Works off what was put down. Nothing is kept of the directories but their names, so that memory does
    /// not grow with what is in them; each is looked at again.
    pub(super) fn take_turns(&self, threads: usize) {
        let mut later = std::mem::take(&mut *self.later.lock().unwrap_or_else(PoisonError::into_inner));
        later.sort_by(|a, b| (Reverse(a.last_use), &a.relative).cmp(&(Reverse(b.last_use), &b.relative)));
        let new = later.split_off(later.partition_point(|later| later.last_use.is_some()));
        let mut left = self.work_off(later, threads, |walking, mut later| {
            later.rest = walking.deal_again(&later, Turn::InUse);
            (!later.rest.is_empty()).then_some(later)
        });
        left.extend(new);
        self.work_off(left, threads, |walking, later| {
            let turn = if later.rest.is_empty() { Turn::Everything } else { Turn::Rest(&later.rest) };
            walking.deal_again(&later, turn);
            None
        });
    }

    /// Several threads take one directory after the other; gives what they give back.
    fn work_off(
        &self,
        directories: Vec<Later>,
        threads: usize,
        deal: impl Fn(&Self, Later) -> Option<Later> + Sync,
    ) -> Vec<Later> {
        let directories: Vec<_> = directories.into_iter().map(|later| std::sync::Mutex::new(Some(later))).collect();
        let (next, left) = (AtomicUsize::new(0), std::sync::Mutex::new(Vec::new()));
        let work = || {
            while let Some(place) = directories.get(next.fetch_add(1, Ordering::Relaxed)) {
                if self.is_to_end() {
                    return;
                }
                let later = place.lock().unwrap_or_else(PoisonError::into_inner).take();
                let again = later.and_then(|later| deal(self, later));
                left.lock().unwrap_or_else(PoisonError::into_inner).extend(again);
            }
        };
        std::thread::scope(|scope| {
            for _ in 1..threads.min(directories.len()) {
                scope.spawn(work);
            }
            work();
        });
        left.into_inner().unwrap_or_else(PoisonError::into_inner)
    }

    fn deal_again(&self, later: &Later, turn: Turn<'_>) -> HashSet<OsString> {
        let place = match self.shared.tree.root.open_below(&later.relative) {
            Ok(dir) => Place { dir, relative: later.relative.clone() },
            Err(error) => {
                self.obstacle(later.relative.clone(), Obstacle::Io(error));
                return HashSet::new();
            }
        };
        match self.list(&place) {
            Ok(listing) => self.deal_with(&place, &later.below, &listing, turn),
            Err(error) => {
                self.obstacle(later.relative.clone(), Obstacle::Io(error));
                HashSet::new()
            }
        }
    }
}
