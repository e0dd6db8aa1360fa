//! Begins passes, takes their ends, and tries again what failed for a reason that may pass.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::{Duration, Instant};

use tokio::task::JoinError;

use super::Daemon;
use super::journal::Journal;
use super::observer::Watching;
use super::timers::back_off;
use super::trees::{Cause, Whole};
use crate::batch::{Age, Extent, Look, UNAWAITED};
use crate::domain::{Timestamp, escaped};
use crate::engine::{Pass, PassEnd, Purpose, Scope, Tree, until_after};
use crate::pyc::names::CACHE_DIRECTORY;
use crate::report::Sink;
use crate::root::actor;
use crate::watch::owner_of;

/// Looks at the same time.
const MOST_LOOKS: usize = 8;
/// Longer ago than this, in seconds, and a change has been looked at: caches that were changed since are read
/// to their end. Long enough for a daemon that has a lot to do.
const LATELY: i64 = 120;

/// A look that is due later than this is the work of a clock that was set back. Nothing waits longer than
/// left-over files do before they are removed.
const LONGEST_WAIT: Duration = Duration::from_secs(15);

/// When a tree is tried again, and how often it was.
#[derive(Debug, Default)]
pub(super) struct Again {
    at: Option<Instant>,
    tries: u32,
}

/// A pass that is over.
pub(super) struct Ended {
    /// The tree's path.
    tree: PathBuf,
    work: Work,
    end: PassEnd,
    journal: Arc<Journal>,
}

/// What a pass was over.
enum Work {
    /// The whole tree, with the number of the pass.
    Whole(u64),
    Look(Look),
}

impl Daemon<'_> {
    /// Starts a pass over a whole tree, if one is wanted and none is running.
    pub(super) fn begin_passes(&mut self) {
        self.hurry.store(self.trees.is_in_the_way(), Ordering::Relaxed);
        let Some(Whole { tree, number, cause, last }) = self.trees.begin_whole(!self.missed.is_waiting()) else {
            return;
        };
        if cause == Cause::Clock {
            self.missed.begin(self.batch.unfinished());
        }
        let suspect_since = match cause {
            // A torn cache fails each import until somebody looks; who tore it left no trace.
            Cause::Cold => Some(Timestamp::EARLIEST),
            Cause::Change | Cause::Clock => Some(last.unwrap_or_else(lately).min(lately())),
        };
        self.begin(tree, Work::Whole(number), suspect_since, cause == Cause::Clock);
    }

    /// Starts looks at the directories whose time has come.
    pub(super) fn begin_looks(&mut self) {
        let (now, free) = (Instant::now(), self.free_looks());
        for top in self.watcher.polled().take_due(now) {
            self.look_at_polled(&top, now, UNAWAITED);
        }
        for look in self.batch.take_due(now, free) {
            let Some((tree, _)) = self.trees.containing(&look.directory) else {
                self.batch.done(&look.directory, now);
                self.watcher.polled().remove(&look.directory);
                continue;
            };
            tracing::trace!("looking at {} ({:?})", escaped(&look.directory), look.extent);
            // What has come from elsewhere brings caches of which nothing is known.
            let is_new = look.extent == Extent::Subtree && self.watcher.polled().reason(&look.directory).is_none();
            let suspect_since = if is_new { Timestamp::EARLIEST } else { lately() };
            self.begin(tree, Work::Look(look), Some(suspect_since), false);
        }
    }

    /// Has a look taken at a directory where polling begins. A `__pycache__` alone is one of which its directory is
    /// watched, which is what knows what should be in it.
    pub(super) fn look_at_polled(&mut self, top: &Path, now: Instant, age: Age) {
        match owner_of(top) {
            owner if owner == top => {
                self.batch.schedule(top, Extent::Subtree, now, age);
                self.missed.expect_below(top);
            }
            owner => {
                self.batch.schedule(owner, Extent::Directory, now, age);
                self.missed.expect(owner);
            }
        }
    }

    fn begin(&mut self, tree: Arc<Tree>, work: Work, suspect_since: Option<Timestamp>, unhurried: bool) {
        let (engine, watcher) = (Arc::clone(&self.engine), Arc::clone(&self.watcher));
        let (links, twins) = (Arc::clone(&self.links), Arc::clone(&self.twins));
        let journal = Arc::new(Journal::new(Arc::clone(&self.known), tree.path()));
        let hurry = unhurried.then(|| Arc::clone(&self.hurry));
        self.keep_workers();
        self.running.spawn_blocking(move || {
            let sink: Arc<dyn Sink + Send + Sync> = journal.clone();
            let observer = Watching::new(&watcher, &links, &twins, &tree);
            let scope = match &work {
                Work::Whole(_) => Scope::Whole,
                Work::Look(look) => scope_of(look, &tree),
            };
            let pass = Pass {
                tree: &tree,
                purpose: Purpose::Keep,
                scope,
                observer: Some(&observer),
                suspect_since,
                unhurried: hurry,
            };
            let end = engine.pass(&pass, &sink);
            Ended { tree: tree.path().to_owned(), work, end, journal }
        });
    }

    /// How many more looks may run: each holds a thread, and its publications need others.
    fn free_looks(&self) -> usize {
        MOST_LOOKS.min(self.settings.jobs + 1).saturating_sub(self.batch.busy())
    }

    pub(super) fn next_due(&self) -> Option<Instant> {
        let looks = if self.free_looks() == 0 { None } else { self.batch.next_due() };
        looks.into_iter().chain(self.watcher.polled().next_due()).min()
    }

    pub(super) fn take_end(&mut self, ended: Ended) {
        let Ended { tree, work, mut end, journal } = ended;
        let now = Instant::now();
        let age = match &work {
            Work::Look(look) => {
                self.batch.done(&look.directory, now);
                if look.extent == Extent::Subtree {
                    self.watcher.polled().done(&look.directory, now, self.settings.poll_interval);
                }
                let caches = look.directory.join(CACHE_DIRECTORY);
                self.watcher.polled().done(&caches, now, self.settings.poll_interval);
                journal.tell_look(&look.directory, look.extent, end.postponed);
                look.age
            }
            Work::Whole(number) => {
                let Some(whole) = self.trees.end_whole(*number) else { return };
                journal.tell_whole();
                if whole.cause == Cause::Cold {
                    self.tell_event_source(&tree);
                }
                self.trees.set_programs(self.engine.program_places(), self.labels.places(), &self.watcher);
                if whole.cause == Cause::Clock {
                    let root = self.trees.get(&tree).map(|tree| Arc::clone(tree.root()));
                    let amiss = std::mem::take(&mut end.amiss).into_iter();
                    self.judge_amiss(amiss.filter_map(|relative| Some(root.as_ref()?.path_of(&relative))));
                }
                whole.age
            }
        };
        if end.new_interpreters {
            tracing::info!("a script in {} names another interpreter", escaped(&tree));
            self.trees.want_whole(&tree, Cause::Change, age);
        }
        let Some(tree) = self.trees.get(&tree) else { return };
        let mut failed = journal.to_be_tried_again();
        failed.extend(end.once_more.iter().map(|relative| tree.root().path_of(relative)));
        self.take_rest(&tree, &work, end, age, now);
        self.retry(tree.path(), &work, &journal, failed, now);
        if self.ready {
            let status = self.status_line();
            self.systemd.status(status);
        }
    }

    /// What a pass has left to be done.
    fn take_rest(&mut self, tree: &Tree, work: &Work, end: PassEnd, age: Age, now: Instant) {
        for relative in end.found {
            let directory = tree.root().path_of(&relative);
            self.missed.expect_below(&directory);
            self.batch.schedule(&directory, Extent::Subtree, now, age);
        }
        for twin in end.changed_twins {
            for directory in self.twins.directories_of(twin) {
                if !matches!(work, Work::Look(look) if look.directory == directory) {
                    self.missed.expect(&directory);
                    self.batch.schedule(&directory, Extent::Directory, now, age);
                }
            }
        }
        if let (true, Work::Look(look)) = (end.postponed, work) {
            self.batch.postpone(&look.directory, now, age);
        }
        // The change came during this look, and tells of itself: it is no older than what is noted now.
        let age_of = |overtaken: bool| if overtaken { self.age } else { age };
        let due_ones = end
            .unsettled
            .iter()
            .map(|unsettled| (&unsettled.relative, unsettled.after_second, age_of(unsettled.overtaken)));
        let removable = end.removable_after.iter().map(|(relative, second)| (relative, Some(*second), age));
        for (relative, after_second, age) in due_ones.chain(removable) {
            let directory = tree.root().path_of(relative);
            self.missed.expect(&directory);
            match after_second.map(|second| until_after(second, LONGEST_WAIT)) {
                Some(Some(wait)) => self.batch.schedule(&directory, Extent::Directory, now + wait, UNAWAITED),
                Some(None) => {}
                // As a change, so that one that never comes to rest is looked at less and less often.
                None => self.batch.note(&directory, false, age, now),
            }
        }
    }

    /// A pass that broke down says neither what it was nor what it did: everything is looked at again.
    pub(super) fn take_breakdown(&mut self, error: &JoinError) {
        tracing::error!("a pass broke down, which is an error in pycwarm: {error}");
        // Somebody may wait for what it was to do.
        let age = self.oldest_age();
        self.batch.abandon();
        self.trees.end_all();
        self.rescan_all_since(age, "a pass broke down");
    }

    /// What failed for a reason that may pass is tried again, at growing distances.
    fn retry(&mut self, tree: &Path, work: &Work, journal: &Journal, failed: BTreeSet<PathBuf>, now: Instant) {
        if let Work::Look(look) = work
            && !failed.contains(&look.directory)
        {
            self.retries.remove(&look.directory);
        }
        if journal.interpreter_failed() {
            self.engine.forget();
            let again = self.again.entry(tree.to_owned()).or_default();
            again.at = Some(again.at.unwrap_or(now + back_off(again.tries)));
        } else if let Work::Whole(_) = work {
            self.again.remove(tree);
        }
        for directory in failed {
            let tries = self.retries.entry(directory.clone()).or_default();
            self.batch.schedule(&directory, journal.extent_of(&directory), now + back_off(*tries), UNAWAITED);
            *tries += 1;
            self.missed.expect(&directory);
        }
    }

    /// Tries the trees again at which an interpreter failed, those whose time has come.
    pub(super) fn retry_trees(&mut self) {
        let now = Instant::now();
        self.engine.forget();
        for (tree, again) in &mut self.again {
            if again.at.is_some_and(|at| at <= now) {
                *again = Again { at: None, tries: again.tries + 1 };
                self.trees.want_whole(tree, Cause::Change, UNAWAITED);
            }
        }
    }

    pub(super) fn next_retry(&self) -> Option<Instant> {
        self.again.values().filter_map(|again| again.at).min()
    }
}

fn scope_of<'a>(look: &'a Look, tree: &Tree) -> Scope<'a> {
    let relative = look.directory.strip_prefix(tree.root().path()).unwrap_or(Path::new(""));
    match look.extent {
        Extent::Subtree => Scope::Subtree(relative),
        Extent::Directory => Scope::Directory { relative, in_use_only: look.in_use_only },
    }
}

fn lately() -> Timestamp {
    let now = actor::now();
    Timestamp { seconds: now.seconds.saturating_sub(LATELY), ..now }
}
