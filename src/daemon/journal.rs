//! What the daemon says of its passes: each failure once, each look that did something in one line.

use std::collections::{BTreeSet, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use crate::domain::{Failure, FailureKind, Skip, escaped};
use crate::report::terminal::failure_line;
use crate::report::{Item, Outcome, Sink};

/// The failures that stand, over all passes.
#[derive(Debug, Default)]
pub(super) struct Known {
    failures: Mutex<HashMap<PathBuf, HashMap<String, String>>>,
}

impl Known {
    /// How many sources are broken.
    pub(super) fn broken(&self) -> usize {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).len()
    }

    /// Logs a failure unless it stands already.
    fn fail(&self, failure: &Failure) {
        let line = failure_line(failure);
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let before = failures.entry(failure.path.clone()).or_default().insert(failure.python.clone(), line.clone());
        drop(failures);
        if before.as_ref() != Some(&line) {
            tracing::warn!("{line}");
        }
    }

    fn succeed(&self, path: &Path, python: &str) {
        let mut failures = self.failures.lock().unwrap_or_else(PoisonError::into_inner);
        let Some(pythons) = failures.get_mut(path) else { return };
        let stood = pythons.remove(python).is_some();
        if pythons.is_empty() {
            failures.remove(path);
        }
        drop(failures);
        if stood {
            tracing::info!("{}: is well again ({python})", escaped(path));
        }
    }

    fn forget(&self, path: &Path) {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }

    fn is_empty(&self) -> bool {
        self.failures.lock().unwrap_or_else(PoisonError::into_inner).is_empty()
    }
}

/// Hears of one pass.
#[derive(Debug)]
pub(super) struct Journal {
    known: Arc<Known>,
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
    interpreter_failed: bool,
}

impl Journal {
    pub(super) fn new(known: Arc<Known>) -> Self {
        Self { known, counts: Mutex::default() }
    }

    /// One line for a look at a directory, if it changed anything.
    pub(super) fn tell_look(&self, directory: &Path) {
        let counts = self.counts();
        if counts.compiled + counts.repaired + counts.removed > 0 {
            tracing::info!("{}: {}", escaped(directory), counts.done());
        }
    }

    /// One line for a pass over a whole tree.
    pub(super) fn tell_whole(&self, tree: &Path) {
        let counts = self.counts();
        tracing::info!("{}: {} sources, {}", escaped(tree), counts.sources, counts.done());
    }

    pub(super) fn to_be_tried_again(&self) -> BTreeSet<PathBuf> {
        self.counts().try_again.clone()
    }

    pub(super) fn interpreter_failed(&self) -> bool {
        self.counts().interpreter_failed
    }

    fn counts(&self) -> std::sync::MutexGuard<'_, Counts> {
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
                drop(counts);
                return self.known.fail(&item.failure(*kind, *line, message.clone()));
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
        self.counts().failed += 1;
        self.known.fail(failure);
    }

    fn skip(&self, skip: &Skip) {
        tracing::debug!("{}: skipped, it {}", escaped(&skip.path), skip.reason);
    }

    fn removed(&self, cache: &Path) {
        self.counts().removed += 1;
        self.known.forget(cache);
        tracing::debug!("removed {}, whose source is gone", escaped(cache));
    }
}
