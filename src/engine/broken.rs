//! Sources that are known not to compile, so that a look at their directory does not try again.

use std::collections::HashMap;
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::domain::policy::OptimizationLevel;
use crate::domain::{FileStat, Target};
use crate::report::{Item, Outcome};

/// The very build of an interpreter, its cache tag, and a level.
type Key = (String, String, OptimizationLevel);

/// So often a source that its compiler died of is tried before the fault is surely its own.
const MOST_TRIES: u32 = 5;

#[derive(Debug)]
struct Memory {
    /// The source as it was.
    stat: FileStat,
    /// What became of it.
    outcome: Outcome,
    tries: u32,
}

impl Memory {
    fn is_final(&self) -> bool {
        self.tries >= MOST_TRIES || !matches!(self.outcome, Outcome::Failed { kind, .. } if kind.may_be_chance())
    }
}

type Sources = HashMap<OsString, HashMap<Key, Memory>>;

#[derive(Debug, Default)]
pub(super) struct Broken {
    directories: Mutex<HashMap<PathBuf, Sources>>,
}

impl Broken {
    /// What became of a source the last time, if it is still the very same and no other try is worth its while.
    pub(super) fn recall(&self, item: &Item<'_>, stat: &FileStat) -> Option<Outcome> {
        let directories = self.directories();
        let memory = directories.get(item.directory)?.get(item.source)?.get(&key(item.target))?;
        (memory.stat == *stat && memory.is_final()).then(|| memory.outcome.clone())
    }

    /// Whether there is any in a directory.
    pub(super) fn knows_some_in(&self, directory: &Path) -> bool {
        self.directories().contains_key(directory)
    }

    /// Takes down what became of a source: failures that lie in it are remembered, all else forgets them. Gives
    /// whether it is to be tried once more, although nothing changes.
    pub(super) fn note(&self, item: &Item<'_>, stat: &FileStat, outcome: &Outcome) -> bool {
        let mut directories = self.directories();
        match outcome {
            Outcome::Failed { kind, .. } if !kind.may_pass() => {
                let sources = directories.entry(item.directory.to_owned()).or_default();
                let targets = sources.entry(item.source.to_owned()).or_default();
                let key = key(item.target);
                let before =
                    targets.remove(&key).filter(|memory| memory.stat == *stat).map_or(0, |memory| memory.tries);
                let memory = Memory { stat: *stat, outcome: outcome.clone(), tries: before + 1 };
                let once_more = !memory.is_final();
                targets.insert(key, memory);
                once_more
            }
            _ => {
                if let Some(targets) =
                    directories.get_mut(item.directory).and_then(|sources| sources.get_mut(item.source))
                {
                    targets.remove(&key(item.target));
                }
                false
            }
        }
    }

    /// Forgets the sources of a directory that are not there any more.
    pub(super) fn retain(&self, directory: &Path, is_there: impl Fn(&OsStr) -> bool) {
        let mut directories = self.directories();
        let Some(sources) = directories.get_mut(directory) else { return };
        sources.retain(|name, targets| !targets.is_empty() && is_there(name));
        if sources.is_empty() {
            directories.remove(directory);
        }
    }

    /// Forgets all, so that everything is tried again.
    pub(super) fn forget(&self) {
        self.directories().clear();
    }

    fn directories(&self) -> MutexGuard<'_, HashMap<PathBuf, Sources>> {
        self.directories.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn key(target: &Target) -> Key {
    (target.interpreter.build.clone(), target.interpreter.cache_tag.clone(), target.level)
}
