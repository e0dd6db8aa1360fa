//! Which directory is looked at when. Pure: time is passed in.
//!
//! The first change of a directory at rest is dealt with at once. While changes go on, looks follow
//! at growing distances, so that a file that is written for ever costs little and is still tried every
//! few seconds. A file that is being written gets a moment to be finished. What was compiled before goes
//! first, as it is in use; what is new has its turn after that, but is never left out.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// What a change without a sign of completion waits for more.
const SETTLE: Duration = Duration::from_millis(100);
/// Without a change for this long, a directory is at rest.
const QUIET: Duration = Duration::from_millis(200);
/// The distance between the first two looks under churn; it doubles up to [`LONGEST_DISTANCE`].
const FIRST_DISTANCE: Duration = Duration::from_millis(10);
const LONGEST_DISTANCE: Duration = Duration::from_secs(4);
/// So many looks of the first turn are taken one by one before one of the second, if one waits.
const MOST_PASSED_OVER: usize = 8;
/// So many directories at rest are kept before they are forgotten.
const FEW: usize = 1024;

/// When a change was noted, counted in calls for `sync`: all work of an age is done before a call of that
/// age is answered.
pub type Age = u64;
/// For work that no call waits for: another try, or a look for the sake of caution.
pub const UNAWAITED: Age = Age::MAX;

/// How much of a directory.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Extent {
    /// What is in it, and its `__pycache__`.
    Directory,
    /// All below it, too.
    Subtree,
}

/// One look that is to be taken now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Look {
    pub directory: PathBuf,
    pub extent: Extent,
    pub age: Age,
    /// Whether other directories wait, so that only sources that had a cache are to be compiled.
    pub in_use_only: bool,
}

/// The directories that wait for a look, those being looked at, and those that are not at rest.
#[derive(Debug, Default)]
pub struct Batch {
    directories: HashMap<PathBuf, State>,
    /// Who waits and is not being looked at, by turn and in order.
    turns: [BTreeMap<Place, PathBuf>; 2],
    last_number: u64,
    most: usize,
    /// Looks of the first turn that were taken while one of the second waited, since one of those was.
    passed_over: usize,
}

type Place = (Instant, u64);

#[derive(Debug, Default)]
struct State {
    due: Option<Due>,
    /// It is being looked at, for changes of this age.
    busy: Option<Age>,
    last_change: Option<Instant>,
    last_look: Option<Instant>,
    /// Looks since it was at rest.
    looks: u32,
}

#[derive(Debug, Clone, Copy)]
struct Due {
    at: Instant,
    number: u64,
    extent: Extent,
    age: Age,
    turn: usize,
}

const FIRST: usize = 0;
const SECOND: usize = 1;

impl Batch {
    /// Something in a directory has changed; `complete` if nothing more is to be expected.
    pub fn note(&mut self, directory: &Path, complete: bool, age: Age, now: Instant) {
        let state = self.state(directory);
        if state.last_change.is_none_or(|change| now.duration_since(change) >= QUIET) {
            state.looks = 0;
        }
        state.last_change = Some(now);
        let earliest = state.last_look.filter(|_| state.looks > 0).map_or(now, |look| look + distance(state.looks));
        let at = earliest.max(if complete { now } else { now + SETTLE });
        self.want(directory, Extent::Directory, at, age, FIRST);
    }

    /// A look is wanted at `at`, whether or not anything changes.
    pub fn schedule(&mut self, directory: &Path, extent: Extent, at: Instant, age: Age) {
        self.want(directory, extent, at, age, FIRST);
    }

    /// A look is wanted when nothing that is in use waits.
    pub fn postpone(&mut self, directory: &Path, now: Instant, age: Age) {
        self.want(directory, Extent::Directory, now, age, SECOND);
    }

    /// Takes up to `most` looks whose time has come. Each is over with [`Batch::done`]; until then its
    /// directory is not taken again.
    pub fn take_due(&mut self, now: Instant, most: usize) -> Vec<Look> {
        let is_due = |place: &Place| place.0 <= now;
        let second_waits = self.turns[SECOND].first_key_value().is_some_and(|(place, _)| is_due(place));
        // One place is kept for those that would starve otherwise; where there is a single one, as whenever all the
        // others are taken, from time to time.
        let kept = second_waits && (most > 1 || self.passed_over >= MOST_PASSED_OVER);
        let for_first = most.saturating_sub(usize::from(kept));
        let mut looks = Vec::new();
        for (turn, limit) in [(FIRST, for_first), (SECOND, most)] {
            while looks.len() < limit
                && let Some(entry) = self.turns[turn].first_entry()
                && is_due(entry.key())
            {
                let directory = entry.remove();
                looks.extend(self.begin(directory, now));
                self.passed_over = if turn == FIRST && second_waits { self.passed_over + 1 } else { 0 };
            }
        }
        let others_wait = self.turns[FIRST].first_key_value().is_some_and(|(place, _)| is_due(place));
        for look in &mut looks {
            look.in_use_only &= others_wait && look.extent == Extent::Directory;
        }
        looks
    }

    fn begin(&mut self, directory: PathBuf, now: Instant) -> Option<Look> {
        let state = self.directories.get_mut(&directory)?;
        let due = state.due.take()?;
        state.busy = Some(due.age);
        state.last_look = Some(now);
        state.looks = state.looks.saturating_add(1);
        Some(Look { directory, extent: due.extent, age: due.age, in_use_only: due.turn == FIRST })
    }

    /// The look at a directory is over.
    pub fn done(&mut self, directory: &Path, now: Instant) {
        if let Some(state) = self.directories.get_mut(directory) {
            state.busy = None;
            if let Some(due) = state.due {
                self.turns[due.turn].insert((due.at, due.number), directory.to_owned());
            }
        }
        self.forget_those_at_rest(now);
    }

    /// When the next look is due, those aside that are being taken.
    #[must_use]
    pub fn next_due(&self) -> Option<Instant> {
        self.turns.iter().filter_map(|turn| turn.keys().next()).map(|place| place.0).min()
    }

    /// The age of the oldest work, waiting or in hand.
    #[must_use]
    pub fn oldest(&self) -> Option<Age> {
        self.directories.values().filter_map(State::oldest).min()
    }

    /// Whether a directory has work of this age or older, waiting or in hand.
    #[must_use]
    pub fn holds(&self, directory: &Path, age: Age) -> bool {
        self.directories.get(directory).and_then(State::oldest).is_some_and(|oldest| oldest <= age)
    }

    /// A directory that has such work, of those for which `concerns` holds.
    #[must_use]
    pub fn holding(&self, age: Age, concerns: impl Fn(&Path) -> bool) -> Option<&Path> {
        let holds = |state: &State| state.oldest().is_some_and(|oldest| oldest <= age);
        let mut held = self.directories.iter().filter(|(_, state)| holds(state)).map(|(path, _)| path.as_path());
        held.find(|directory| concerns(directory))
    }

    /// The directories that wait or are in hand.
    pub fn unfinished(&self) -> impl Iterator<Item = &Path> {
        let unfinished = |state: &State| state.due.is_some() || state.busy.is_some();
        self.directories.iter().filter(move |(_, state)| unfinished(state)).map(|(directory, _)| directory.as_path())
    }

    /// Forgets all that waits: everything will be looked at anyway. What is in hand stays so.
    pub fn clear(&mut self) {
        self.turns = Default::default();
        self.directories.retain(|_, state| {
            state.due = None;
            state.busy.is_some()
        });
    }

    /// Nothing is in hand any more, without an end.
    pub fn abandon(&mut self) {
        self.directories.retain(|_, state| {
            state.busy = None;
            state.due.is_some()
        });
        let waiting = self.directories.iter().filter_map(|(directory, state)| Some((state.due?, directory)));
        for (due, directory) in waiting {
            self.turns[due.turn].insert((due.at, due.number), directory.clone());
        }
    }

    /// How many directories wait.
    #[must_use]
    pub fn backlog(&self) -> usize {
        self.directories.values().filter(|state| state.due.is_some()).count()
    }

    /// How many are being looked at.
    #[must_use]
    pub fn busy(&self) -> usize {
        self.directories.values().filter(|state| state.busy.is_some()).count()
    }

    fn want(&mut self, directory: &Path, extent: Extent, at: Instant, age: Age, turn: usize) {
        self.last_number += 1;
        let number = self.last_number;
        let state = self.state(directory);
        let before = state.due;
        let due = before.map_or(Due { at, number, extent, age, turn }, |due| Due {
            at: due.at.min(at),
            number: due.number,
            extent: due.extent.max(extent),
            age: due.age.min(age),
            turn: due.turn.min(turn),
        });
        state.due = Some(due);
        if state.busy.is_some() {
            return;
        }
        if let Some(before) = before {
            self.turns[before.turn].remove(&(before.at, before.number));
        }
        self.turns[due.turn].insert((due.at, due.number), directory.to_owned());
    }

    fn state(&mut self, directory: &Path) -> &mut State {
        self.directories.entry(directory.to_owned()).or_default()
    }

    fn forget_those_at_rest(&mut self, now: Instant) {
        if self.directories.len() > self.most.max(FEW) {
            self.directories.retain(|_, state| {
                let is_quiet = state.last_change.is_none_or(|change| now.duration_since(change) >= QUIET);
                state.due.is_some() || state.busy.is_some() || !is_quiet
            });
            self.most = self.directories.len() * 2;
        }
    }
}

impl State {
    fn oldest(&self) -> Option<Age> {
        self.due.map(|due| due.age).into_iter().chain(self.busy).min()
    }
}

/// How far the next look is from the last one, after so many since it was at rest.
fn distance(looks: u32) -> Duration {
    FIRST_DISTANCE.saturating_mul(1 << looks.saturating_sub(1).min(16)).min(LONGEST_DISTANCE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(batch: &mut Batch, now: Instant) -> Vec<PathBuf> {
        batch.take_due(now, 9).into_iter().map(|look| look.directory).collect()
    }

    #[test]
    fn a_directory_at_rest_is_looked_at_at_once() {
        let (mut batch, now) = (Batch::default(), Instant::now());
        batch.note(Path::new("/a"), true, 0, now);
        assert_eq!(taken(&mut batch, now), [Path::new("/a")]);
        assert_eq!(batch.next_due(), None);
    }

    #[test]
    fn a_file_that_is_being_written_gets_a_moment() {
        let (mut batch, now) = (Batch::default(), Instant::now());
        batch.note(Path::new("/a"), false, 0, now);
        assert!(taken(&mut batch, now).is_empty());
        batch.note(Path::new("/a"), true, 0, now);
        assert_eq!(taken(&mut batch, now).len(), 1, "and is looked at as soon as it is complete");
    }

    #[test]
    fn churn_costs_less_and_less_but_never_starves() {
        let (mut batch, start) = (Batch::default(), Instant::now());
        let mut looks = Vec::new();
        for millisecond in 0..60_000 {
            let now = start + Duration::from_millis(millisecond);
            batch.note(Path::new("/a"), true, 0, now);
            if !taken(&mut batch, now).is_empty() {
                batch.done(Path::new("/a"), now);
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
            batch.note(Path::new("/a"), true, 0, now);
            now = batch.next_due().unwrap();
            assert_eq!(taken(&mut batch, now).len(), 1);
            batch.done(Path::new("/a"), now);
        }
        now += QUIET;
        batch.note(Path::new("/a"), true, 0, now);
        assert_eq!(batch.next_due(), Some(now));
    }

    #[test]
    fn a_busy_directory_waits() {
        let (mut batch, now) = (Batch::default(), Instant::now());
        batch.note(Path::new("/a"), true, 0, now);
        assert_eq!(taken(&mut batch, now).len(), 1);
        batch.schedule(Path::new("/a"), Extent::Subtree, now, 3);
        assert!(taken(&mut batch, now).is_empty());
        assert_eq!((batch.next_due(), batch.backlog(), batch.busy()), (None, 1, 1));
        batch.done(Path::new("/a"), now);
        let looks = batch.take_due(now, 9);
        let expected = Look { directory: "/a".into(), extent: Extent::Subtree, age: 3, in_use_only: false };
        assert_eq!(looks, [expected]);
    }

    #[test]
    fn what_is_in_use_goes_first_and_nothing_starves() {
        let (mut batch, now) = (Batch::default(), Instant::now());
        for number in 0..6 {
            batch.note(Path::new(&format!("/in-use/{number}")), true, 0, now);
        }
        batch.postpone(Path::new("/new"), now, 0);
        let looks = batch.take_due(now, 3);
        assert_eq!(looks.len(), 3);
        assert!(looks[..2].iter().all(|look| look.directory.starts_with("/in-use") && look.in_use_only));
        assert!(looks[2].directory == Path::new("/new") && !looks[2].in_use_only);
        assert!(batch.take_due(now, 9).iter().all(|look| !look.in_use_only), "nobody waits any more");
    }

    #[test]
    fn what_is_new_does_not_starve_where_one_look_ends_after_the_other() {
        let (mut batch, now) = (Batch::default(), Instant::now());
        batch.postpone(Path::new("/new"), now, 0);
        let mut taken_of_first = 0;
        loop {
            for number in 0..3 {
                batch.schedule(Path::new(&format!("/in-use/{number}")), Extent::Directory, now, 0);
            }
            let looks = batch.take_due(now, 1);
            assert_eq!(looks.len(), 1);
            batch.done(&looks[0].directory, now);
            if looks[0].directory == Path::new("/new") {
                break;
            }
            taken_of_first += 1;
            assert!(taken_of_first <= MOST_PASSED_OVER);
        }
        assert!(batch.take_due(now, 1)[0].directory.starts_with("/in-use"), "and is not preferred after that");
    }

    #[test]
    fn the_oldest_work_is_known() {
        let (mut batch, now) = (Batch::default(), Instant::now());
        let oldest =
            |batch: &Batch| (0..9).find(|age| batch.holding(*age, |directory| directory.starts_with("/a")).is_some());
        batch.note(Path::new("/b"), true, 1, now);
        assert_eq!(oldest(&batch), None);
        batch.schedule(Path::new("/a/c"), Extent::Directory, now + SETTLE, 5);
        batch.note(Path::new("/a/c"), false, 4, now);
        assert_eq!(oldest(&batch), Some(4), "a later change does not make it younger");
        taken(&mut batch, now + SETTLE);
        assert_eq!(oldest(&batch), Some(4), "it is in hand");
        batch.note(Path::new("/a/c"), true, 7, now + SETTLE);
        batch.done(Path::new("/a/c"), now + SETTLE);
        assert_eq!((oldest(&batch), batch.oldest()), (Some(7), Some(1)));
        assert!(batch.holds(Path::new("/a/c"), 8) && !batch.holds(Path::new("/a/c"), 6));
        batch.clear();
        assert_eq!(oldest(&batch), None);
    }

    #[test]
    fn directories_at_rest_are_forgotten() {
        let (mut batch, mut now) = (Batch::default(), Instant::now());
        for number in 0..FEW * 3 {
            let directory = PathBuf::from(format!("/{number}"));
            batch.note(&directory, true, 0, now);
            taken(&mut batch, now);
            now += QUIET;
            batch.done(&directory, now);
        }
        assert!(batch.directories.len() <= FEW + 1, "{}", batch.directories.len());
    }
}
