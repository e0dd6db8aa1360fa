//! Sources that are known not to compile, so that a look at their directory does not try again.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::domain::policy::OptimizationLevel;
use crate::domain::{FileStat, Target};
use crate::report::Outcome;

/// A cache tag and a level.
type Key = (String, OptimizationLevel);

/// The source as it was, and what became of it.
type Memory = (FileStat, Outcome);

#[derive(Debug, Default)]
pub(super) struct Broken {
    known: Mutex<HashMap<PathBuf, HashMap<Key, Memory>>>,
}

impl Broken {
    /// What became of a source the last time, if it is still the very same.
    pub(super) fn recall(&self, path: &Path, target: &Target, stat: &FileStat) -> Option<Outcome> {
        let known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let (then, outcome) = known.get(path)?.get(&key(target))?;
        (then == stat).then(|| outcome.clone())
    }

    /// Takes down what became of a source: failures that lie in it are remembered, all else forgets them.
    pub(super) fn note(&self, path: &Path, target: &Target, stat: &FileStat, outcome: &Outcome) {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Outcome::Failed { kind, .. } if !kind.may_pass() => {
                known.entry(path.to_owned()).or_default().insert(key(target), (*stat, outcome.clone()));
            }
            _ => {
                if let Some(targets) = known.get_mut(path) {
                    targets.remove(&key(target));
                    if targets.is_empty() {
                        known.remove(path);
                    }
                }
            }
        }
    }

    /// Forgets what is known of a source that is gone.
    pub(super) fn forget(&self, path: &Path) {
        self.known.lock().unwrap_or_else(PoisonError::into_inner).remove(path);
    }
}

fn key(target: &Target) -> Key {
    (target.interpreter.cache_tag.clone(), target.level)
}
