//! What the daemon says of its passes: each failure once, each look that did something in one line.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::batch::Extent;
use crate::domain::passage::Barrier;
use crate::domain::{Failure, FailureKind, Skip, SkipReason, escaped};
use crate::report::terminal::failure_line;
use crate::report::{Item, Outcome, Sink};

/// The failures that stand, over all passes.
#[derive(Debug, Default)]
pub(super) struct Known {
    failures: Mutex<HashMap<PathBuf, Standing>>,
    /// Directories that are not entered, and why.
    barred: Mutex<HashMap<PathBuf, Barrier>>,
}

/// More directories than this are not told of: it is to stay a log, and memory is not theirs to take.
const MOST_BARRED: usize = 1024;

/// The failures of one source, directory or interpreter.
#[derive(Debug, Default)]
struct Standing {
    /// The tree in which it was met last.
    tree: PathBuf,
    /// By interpreter.
    failures: HashMap<String, Failure>,
}

impl Known {
    /// How many sources, directories and interpreters are broken.
    pub(super) fn broken(&self) -> usize {
        self.failures().len()
    }

    /// All that stand for a source at or below one of these paths, or for a tree with one of these paths.
    pub(super) fn below(&self, paths: &[PathBuf]) -> Vec<Failure> {
        let failures = self.failures();
        let concerned = failures.iter().filter(|(path, standing)| {
            paths.iter().any(|asked| {
                path.starts_with(asked) || !path.starts_with(&standing.tree) && standing.tree.starts_with(asked)
            })
        });
        let mut all: Vec<Failure> = concerned.flat_map(|(_, standing)| standing.failures.values().cloned()).collect();
        all.sort_by(|a, b| (&a.path, &a.python).cmp(&(&b.path, &b.python)));
        all
    }

    /// All that stand.
    pub(super) fn all(&self) -> Vec<Failure> {
        self.below(&[PathBuf::from("/")])
    }

    /// Logs that a directory is not entered, once.
    fn bar(&self, path: &Path, barrier: Barrier) {
        let mut barred = self.barred.lock().unwrap_or_else(PoisonError::into_inner);
        let is_known = barred.contains_key(path);
        if !is_known && barred.len() >= MOST_BARRED {
            return;
        }
        if barred.insert(path.to_owned(), barrier) != Some(barrier) {
            tracing::warn!("{} {barrier}", escaped(path));
        }
    }

    /// Logs a failure unless it stands already.
    fn fail(&self, failure: &Failure, tree: &Path) {
        let mut failures = self.failures();
        let standing = failures.entry(failure.path.clone()).or_default();
        tree.clone_into(&mut standing.tree);
        let before = standing.failures.insert(failure.python.clone(), failure.clone());
        drop(failures);
        if before.as_ref() != Some(failure) {
            tracing::warn!("{}", failure_line(failure));
        }
    }

    fn succeed(&self, path: &Path, python: &str) {
        let mut failures = self.failures();
        let Some(standing) = failures.get_mut(path) else { return };
        let stood = standing.failures.remove(python).is_some();
        if standing.failures.is_empty() {
            failures.remove(path);
        }
        drop(failures);
        if stood {
            tracing::info!("{}: is well again ({python})", escaped(path));
        }
    }

    /// Forgets those that a pass should have met again and has not.
    fn forget(&self, is_gone: impl Fn(&Path, &Path) -> bool) {
        self.failures().retain(|path, standing| !is_gone(path, &standing.tree));
    }

    /// A directory has gone or is another one: what failed below it is not there any more.
    pub(super) fn forget_below(&self, directory: &Path) {
        self.forget(|path, _| path != directory && path.starts_with(directory));
    }

    /// Forgets what failed in trees that are none any more.
    pub(super) fn keep(&self, trees: &[PathBuf]) {
        self.forget(|_, tree| !trees.iter().any(|kept| kept == tree));
    }

    fn is_empty(&self) -> bool {
        self.failures().is_empty()
    }

    fn failures(&self) -> MutexGuard<'_, HashMap<PathBuf, Standing>> {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Hears of one pass.
#[derive(Debug)]
pub(super) struct Journal {
    known: Arc<Known>,
    tree: PathBuf,
    counts: Mutex<Counts>,
}

#[derive(Debug, Default)]
struct Counts {
    sources: u64,
    compiled: u64,
    repaired: u64,
    removed: u64,
    failed: u64,
    /// Directories in which something failed for a reason that may pass.
    try_again: BTreeSet<PathBuf>,
    /// Directories that could not be read, nor what is below them.
    unread: BTreeSet<PathBuf>,
    interpreter_failed: bool,
    /// What has failed in this pass.
    failed_paths: HashSet<PathBuf>,
}

impl Journal {
    pub(super) fn new(known: Arc<Known>, tree: &Path) -> Self {
        Self { known, tree: tree.to_owned(), counts: Mutex::default() }
    }

    /// One line for a look at a directory, if it changed anything. `postponed` if some of its sources were left for
    /// another look, which may be those that are broken.
    pub(super) fn tell_look(&self, directory: &Path, extent: Extent, postponed: bool) {
        let counts = self.counts();
        let is_here = |path: &Path| match extent {
            Extent::Directory => path == directory || path.parent() == Some(directory),
            Extent::Subtree => path.starts_with(directory),
        };
        if !postponed {
            self.known.forget(|path, _| is_here(path) && !counts.failed_paths.contains(path));
        }
        if counts.compiled + counts.repaired + counts.removed > 0 {
            tracing::info!("{}: {}", escaped(directory), counts.done());
        }
    }

    /// One line for a pass over a whole tree.
    pub(super) fn tell_whole(&self) {
        let counts = self.counts();
        self.known.forget(|path, tree| tree == self.tree && !counts.failed_paths.contains(path));
        tracing::info!("{}: {} sources, {}", escaped(&self.tree), counts.sources, counts.done());
    }

    pub(super) fn to_be_tried_again(&self) -> BTreeSet<PathBuf> {
        self.counts().try_again.clone()
    }

    /// How much is to be looked at when this is tried again.
    pub(super) fn extent_of(&self, directory: &Path) -> Extent {
        if self.counts().unread.contains(directory) { Extent::Subtree } else { Extent::Directory }
    }

    pub(super) fn interpreter_failed(&self) -> bool {
        self.counts().interpreter_failed
    }

    fn counts(&self) -> MutexGuard<'_, Counts> {
        self.counts.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Counts {
    fn done(&self) -> String {
        format!(
            "{} compiled, {} repaired, {} removed, {} failed",
            self.compiled, self.repaired, self.removed, self.failed
        )
    }
}

impl Sink for Journal {
    fn source(&self) {
        self.counts().sources += 1;
    }

    fn outcome(&self, item: &Item<'_>, outcome: &Outcome) {
        let mut counts = self.counts();
        match outcome {
            Outcome::Fresh | Outcome::Confirmed | Outcome::Stale(_) => {}
            Outcome::Compiled => counts.compiled += 1,
            Outcome::Repaired => counts.repaired += 1,
            Outcome::Failed { kind, line, message } => {
                counts.failed += 1;
                counts.interpreter_failed |= *kind == FailureKind::Interpreter;
                if kind.may_pass() {
                    counts.try_again.insert(item.directory.to_owned());
                }
                counts.failed_paths.insert(item.path());
                drop(counts);
                return self.known.fail(&item.failure(*kind, *line, message.clone()), &self.tree);
            }
        }
        drop(counts);
        if !self.known.is_empty() {
            self.known.succeed(&item.path(), &item.target.interpreter.label);
        }
        if !matches!(outcome, Outcome::Fresh | Outcome::Confirmed) {
            tracing::debug!("{}: {outcome:?} ({})", escaped(&item.path()), item.target.interpreter.label);
        }
    }

    fn failure(&self, failure: &Failure) {
        let mut counts = self.counts();
        counts.failed += 1;
        counts.failed_paths.insert(failure.path.clone());
        match failure.kind {
            FailureKind::Interpreter => counts.interpreter_failed = true,
            // A source is looked at with its directory. A directory that is watched already would not be entered
            // with its parent, one that is not known yet may be gone by itself.
            kind if kind.may_pass() => {
                counts.try_again.extend(failure.path.parent().map(Path::to_owned));
                counts.try_again.insert(failure.path.clone());
                counts.unread.extend((kind == FailureKind::Unreadable).then(|| failure.path.clone()));
            }
            _ => {}
        }
        drop(counts);
        self.known.fail(failure, &self.tree);
    }

    fn skip(&self, skip: &Skip) {
        if let SkipReason::Barred(barrier) = skip.reason {
            return self.known.bar(&skip.path, barrier);
        }
        tracing::debug!("{}: skipped, it {}", escaped(&skip.path), skip.reason);
    }

    fn removed(&self, cache: &Path) {
        self.counts().removed += 1;
        tracing::debug!("removed {}, whose source is gone", escaped(cache));
    }
}
