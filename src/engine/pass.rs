//! What a pass is: over how much, for what, who is told, what it leaves.

use std::collections::{BTreeSet, HashSet};
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::task::TaskTracker;

use super::Engine;
use super::targets::Selector;
use super::tree::Tree;
use super::walking::Walking;
use crate::domain::{FileStat, Identity, Target, Timestamp};
use crate::report::{Outcome, Sink};
use crate::root::{Dir, privilege};

/// What a pass is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Look only; nothing is written.
    Check,
    /// Bring up to date.
    Warm,
    /// Bring up to date, and remove the caches of removed sources.
    Keep,
}

/// How much of a tree.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    Whole,
    /// A directory and all below it.
    Subtree(&'a Path),
    /// One directory. Those in it that the observer does not know are given back.
    Directory {
        relative: &'a Path,
        /// Sources that never had a cache are left for another look.
        in_use_only: bool,
    },
    /// These sources of one directory.
    Sources(&'a Path, &'a HashSet<OsString>),
}

/// Who wants to know which directories there are: the daemon, which watches them.
pub trait Observer: Sync {
    /// A directory (or a `__pycache__`) is about to be listed; `dir` is itself, or its parent.
    fn enter(&self, path: &Path, dir: &Arc<Dir>, stat: &FileStat);
    /// Whether a directory is known under this path already, and is still the same.
    fn knows(&self, path: &Path, stat: &FileStat) -> bool;
    /// All names in a directory.
    fn listed(&self, path: &Path, names: &HashSet<OsString>);
    /// The directories on which it depends where the links in a directory lead.
    fn linked(&self, path: &Path, passed: &HashSet<PathBuf>);
    /// The sources in a directory that have other names, too.
    fn twins(&self, path: &Path, sources: &HashSet<Identity>);
}

/// One pass over one tree.
pub struct Pass<'a> {
    pub tree: &'a Arc<Tree>,
    pub purpose: Purpose,
    pub scope: Scope<'a>,
    pub observer: Option<&'a dyn Observer>,
    /// Caches that were changed at this time or later are read to their end: somebody may have torn one.
    pub suspect_since: Option<Timestamp>,
    /// Only takes down which directories want a look; takes its time until this is set, and uses the disk when
    /// nobody else does.
    pub unhurried: Option<Arc<AtomicBool>>,
}

/// What a pass leaves to be done.
#[derive(Debug, Default)]
pub struct PassEnd {
    pub unsettled: Vec<Unsettled>,
    /// Directories below the tree's root that the observer does not know yet.
    pub found: Vec<PathBuf>,
    /// There are sources that never had a cache, and they were to be left for another look.
    pub postponed: bool,
    /// A script names an interpreter that the tree was not compiled for: it wants a whole pass.
    pub new_interpreters: bool,
    /// Sources that have other names, too, and whose caches were not right under the one that was looked at.
    pub changed_twins: Vec<Identity>,
    /// Directories, below the tree's root, that an unhurried pass has found not as they should be.
    pub amiss: BTreeSet<PathBuf>,
    /// Directories with files that can be removed when this second since the epoch is over.
    pub removable_after: Vec<(PathBuf, i64)>,
    /// Directories with a source that its compiler died of, perhaps by chance.
    pub once_more: BTreeSet<PathBuf>,
}

/// A source that has to be looked at again. Its outcome has not been told.
#[derive(Debug, Clone)]
pub struct Unsettled {
    /// The directory, below the tree's root.
    pub relative: PathBuf,
    pub source: OsString,
    pub target: Target,
    /// What will have become of it if nothing changes any more; `None` where it changed while it was read.
    pub provisional: Option<Outcome>,
    /// Not before the end of this second since the epoch.
    pub after_second: Option<i64>,
    /// The source was changed while it was worked on. Whoever asked before that does not wait for it.
    pub overtaken: bool,
}

/// What all parts of a pass share.
pub(super) struct Shared {
    pub(super) engine: Arc<Engine>,
    pub(super) tree: Arc<Tree>,
    pub(super) purpose: Purpose,
    pub(super) sink: Arc<dyn Sink + Send + Sync>,
    pub(super) tasks: TaskTracker,
    pub(super) end: Mutex<PassEnd>,
}

impl Shared {
    /// Takes down something that is left to be done.
    pub(super) fn leave<T>(&self, note: impl FnOnce(&mut PassEnd) -> T) {
        note(&mut self.end.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Engine {
    /// Runs a pass and waits for its end. Not to be called on a thread of the asynchronous runtime.
    pub fn pass(self: &Arc<Self>, pass: &Pass<'_>, sink: &Arc<dyn Sink + Send + Sync>) -> PassEnd {
        let shared = Arc::new(Shared {
            engine: Arc::clone(self),
            tree: Arc::clone(pass.tree),
            purpose: pass.purpose,
            sink: Arc::clone(sink),
            tasks: TaskTracker::new(),
            end: Mutex::default(),
        });
        let stop = AtomicBool::new(false);
        let walking = Walking {
            shared: &shared,
            selector: Selector::new(&self.registry, pass.tree, sink.as_ref(), &stop),
            pass,
            later: Mutex::default(),
            stop: &stop,
        };
        if pass.unhurried.is_some() {
            // In a thread of its own: nobody gets its haste back.
            std::thread::scope(|scope| {
                scope.spawn(|| {
                    privilege::become_idle();
                    walking.run(1);
                });
            });
        } else {
            walking.run(self.jobs);
        }
        shared.tasks.close();
        self.handle.block_on(shared.tasks.wait());
        std::mem::take(&mut *shared.end.lock().unwrap_or_else(PoisonError::into_inner))
    }
}
