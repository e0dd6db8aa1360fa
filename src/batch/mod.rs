//! Which directory is looked at when. Pure: time is passed in.
//!
//! The first change of a directory at rest is dealt with at once. While changes go on, looks follow
//! at growing distances, so that a file that is written for ever costs little and is still compiled every
//! few seconds. A file that is being written gets a moment to be finished.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What a change without a sign of completion waits for more.
const SETTLE: Duration = Duration::from_millis(100);
/// Without a change for this long, a directory is at rest.
const QUIET: Duration = Duration::from_millis(200);
/// The distance between the first two looks under churn; it doubles up to [`LONGEST_DISTANCE`].
const FIRST_DISTANCE: Duration = Duration::from_millis(10);
const LONGEST_DISTANCE: Duration = Duration::from_secs(4);

/// The directories that wait for a look, and those that are not at rest.
#[derive(Debug, Default)]
pub struct Batch {
    directories: HashMap<PathBuf, State>,
}

#[derive(Debug, Default)]
struct State {
    due: Option<Instant>,
    last_change: Option<Instant>,
    last_look: Option<Instant>,
    /// Looks since it was at rest.
    looks: u32,
}

impl Batch {
    /// Something in a directory has changed; `complete` if nothing more is to be expected.
    pub fn note(&mut self, directory: &Path, complete: bool, now: Instant) {
        let state = self.state(directory);
        if state.last_change.is_none_or(|change| now.duration_since(change) >= QUIET) {
            state.looks = 0;
        }
        state.last_change = Some(now);
        let earliest = state.last_look.filter(|_| state.looks > 0).map_or(now, |look| look + distance(state.looks));
        state.want(earliest.max(if complete { now } else { now + SETTLE }));
    }

    /// A look is wanted at `at`, whether or not anything changes.
    pub fn schedule(&mut self, directory: &Path, at: Instant) {
        self.state(directory).want(at);
    }

    /// Takes up to `most` directories whose time has come, but not those that `is_busy` holds back.
    pub fn take_due(&mut self, now: Instant, most: usize, is_busy: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
        let mut taken = Vec::new();
        self.directories.retain(|directory, state| match state.due {
            Some(due) if due <= now && taken.len() < most && !is_busy(directory) => {
                state.due = None;
                state.last_look = Some(now);
                state.looks = state.looks.saturating_add(1);
                taken.push(directory.clone());
                true
            }
            Some(_) => true,
            None => state.last_change.is_some_and(|change| now.duration_since(change) < QUIET),
        });
        taken
    }

    fn state(&mut self, directory: &Path) -> &mut State {
        self.directories.entry(directory.to_owned()).or_default()
    }

    /// When the next look is due, leaving out those that `is_busy` holds back.
    #[must_use]
    pub fn next_due(&self, is_busy: impl Fn(&Path) -> bool) -> Option<Instant> {
        self.directories.iter().filter(|(directory, _)| !is_busy(directory)).filter_map(|(_, state)| state.due).min()
    }

    /// Forgets all that waits: everything will be looked at anyway.
    pub fn clear(&mut self) {
        self.directories.clear();
    }

    /// How many directories wait.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.directories.values().filter(|state| state.due.is_some()).count()
    }
}

impl State {
    fn want(&mut self, at: Instant) {
        self.due = Some(self.due.map_or(at, |due| due.min(at)));
    }
}

/// How far the next look is from the last one, after so many since it was at rest.
fn distance(looks: u32) -> Duration {
    FIRST_DISTANCE.saturating_mul(1 << looks.saturating_sub(1).min(16)).min(LONGEST_DISTANCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOBODY: fn(&Path) -> bool = |_| false;

    #[test]
    fn a_directory_at_rest_is_looked_at_at_once() {
        let (mut batch, now) = (Batch::default(), Instant::now());
        batch.note(Path::new("/a"), true, now);
        assert_eq!(batch.take_due(now, 9, NOBODY), [Path::new("/a")]);
        assert_eq!(batch.next_due(NOBODY), None);
    }

    #[test]
    fn a_file_that_is_being_written_gets_a_moment() {
        let (mut batch, now) = (Batch::default(), Instant::now());
        batch.note(Path::new("/a"), false, now);
        assert!(batch.take_due(now, 9, NOBODY).is_empty());
        batch.note(Path::new("/a"), true, now);
        assert_eq!(batch.take_due(now, 9, NOBODY).len(), 1, "and is looked at as soon as it is complete");
    }

    #[test]
    fn churn_costs_less_and_less_but_never_starves() {
        let (mut batch, start) = (Batch::default(), Instant::now());
        let mut looks = Vec::new();
        for millisecond in 0..60_000 {
            let now = start + Duration::from_millis(millisecond);
            batch.note(Path::new("/a"), true, now);
            if !batch.take_due(now, 9, NOBODY).is_empty() {
                looks.push(now);
            }
        }
        assert!((20..40).contains(&looks.len()), "{}", looks.len());
        assert!(looks.windows(2).all(|pair| pair[1] - pair[0] <= LONGEST_DISTANCE));
    }

    #[test]
    fn rest_makes_it_quick_again() {
        let (mut batch, mut now) = (Batch::default(), Instant::now());
        for _ in 0..8 {
            batch.note(Path::new("/a"), true, now);
            now = batch.next_due(NOBODY).unwrap();
            batch.take_due(now, 9, NOBODY);
        }
        now += QUIET;
        batch.note(Path::new("/a"), true, now);
        assert_eq!(batch.next_due(NOBODY), Some(now));
    }

    #[test]
    fn a_busy_directory_waits() {
        let (mut batch, now) = (Batch::default(), Instant::now());
        batch.note(Path::new("/a"), true, now);
        assert!(batch.take_due(now, 9, |_| true).is_empty());
        assert_eq!((batch.next_due(|_| true), batch.backlog()), (None, 1));
        assert_eq!(batch.take_due(now, 9, NOBODY).len(), 1);
    }
}
