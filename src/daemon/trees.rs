//! The trees of the daemon: which are there, which want a whole pass, which have had one.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::batch::Age;
use crate::config::{Settings, TreeSettings};
use crate::domain::{FileKind, Timestamp, escaped};
use crate::engine::Tree;
use crate::root::{UnsafeWay, actor, plain};
use crate::watch::{Interest, TreePath, Watcher, is_lack};

/// All configured trees.
pub(super) struct Trees {
    all: Vec<State>,
    interest: Interest,
    /// Where programs of interpreters are looked for.
    programs: BTreeSet<PathBuf>,
    /// Where the rules for SELinux contexts are.
    labels: BTreeSet<PathBuf>,
    passes: u64,
}

/// Why a tree is looked at as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Cause {
    /// The clock says so. Nothing is expected, and there is time.
    Clock,
    /// Events were lost, or what all depends on has changed.
    Change,
    /// Nothing is known of it.
    Cold,
}

/// A look at a whole tree that is wanted.
#[derive(Debug, Clone, Copy)]
struct Wanted {
    cause: Cause,
    age: Age,
}

/// A look at a whole tree.
#[derive(Debug, Clone, Copy)]
struct Running {
    number: u64,
    cause: Cause,
    age: Age,
    begun: Timestamp,
}

/// What there is to begin.
pub(super) struct Whole {
    pub(super) tree: Arc<Tree>,
    pub(super) number: u64,
    pub(super) cause: Cause,
    /// When the last one was begun that came to its end.
    pub(super) last: Option<Timestamp>,
}

/// What has ended.
pub(super) struct EndedWhole {
    pub(super) cause: Cause,
    pub(super) age: Age,
}

struct State {
    settings: TreeSettings,
    /// `None` while it is not there.
    tree: Option<Arc<Tree>>,
    wanted: Option<Wanted>,
    running: Option<Running>,
    /// The number of the last pass that was begun.
    begun: u64,
    /// When the last look at all of it was begun that came to its end.
    last: Option<Timestamp>,
    told_absent: bool,
}

impl Trees {
    /// Opens what is there, and watches for what is not.
    pub(super) fn new(settings: &Settings, labels: BTreeSet<PathBuf>, watcher: &Watcher) -> Self {
        let programs = BTreeSet::new();
        let mut trees = Self { all: Vec::new(), interest: Interest::default(), programs, labels, passes: 0 };
        trees.replace(settings, watcher, 0);
        trees
    }

    /// Takes new settings over. Every tree wants a whole pass then.
    pub(super) fn replace(&mut self, settings: &Settings, watcher: &Watcher, age: Age) {
        for old in &self.all {
            // Also where changes are heard of in another way from now on: what was polled is so no more.
            let stays = |new: &TreeSettings| (&new.path, new.watch) == (&old.settings.path, old.settings.watch);
            if !settings.trees.iter().any(stays) {
                watcher.forget(&old.settings.path);
            }
        }
        let state = |settings: &TreeSettings| State {
            settings: settings.clone(),
            tree: None,
            wanted: None,
            running: None,
            begun: 0,
            last: None,
            told_absent: false,
        };
        self.all = settings.trees.iter().map(state).collect();
        if self.all.is_empty() {
            tracing::warn!(
                "no trees are configured: there is nothing to do; add [[tree]] to /etc/pycwarm/pycwarm.toml"
            );
        }
        self.reopen(watcher, age);
    }

    /// Opens what has appeared, drops what has vanished, and exchanges what is another directory by now.
    pub(super) fn reopen(&mut self, watcher: &Watcher, age: Age) {
        // What leads to the roots is watched before it is looked at. A root may be a link, whose target
        // is only known once it is open.
        self.watch_above(watcher);
        let others: Vec<PathBuf> = self.all.iter().map(|state| state.settings.path.clone()).collect();
        for state in &mut self.all {
            state.reopen(watcher, &others, age);
        }
        let roots = self.all.iter().filter_map(|state| state.tree.as_ref()).map(|tree| Arc::clone(tree.root().dir()));
        watcher.keep_mounts(&roots.collect::<Vec<_>>());
        self.watch_above(watcher);
    }

    /// Watches what leads to the roots and to the programs of interpreters, as far as it is there by now.
    pub(super) fn watch_above(&mut self, watcher: &Watcher) {
        let tree_path = |state: &State| TreePath {
            path: state.settings.path.clone(),
            canonical: state.tree.as_ref().map(|tree| tree.root().canonical().to_owned()),
        };
        let links: Vec<PathBuf> =
            self.all.iter().flat_map(|state| plain::links_on_the_way(&state.settings.path)).collect();
        self.interest = Interest::new(self.all.iter().map(tree_path).collect(), &links)
            .with_programs(self.programs.iter().cloned())
            .with_labels(self.labels.iter().cloned());
        watcher.set_interest(self.interest.clone());
        let above: BTreeSet<&Path> = self.interest.above().collect();
        for directory in above {
            let Ok(stat) = plain::stat(directory) else { continue };
            if stat.kind == FileKind::Directory
                && let Err(error) = watcher.watch_on_the_way(directory, &stat)
            {
                tracing::warn!(
                    "{error}; a tree, an interpreter or a file_contexts below it that comes or goes is noticed late"
                );
            }
        }
    }

    /// Has the places watched where programs of interpreters, and the rules for SELinux contexts, may come and go.
    pub(super) fn set_programs(&mut self, programs: BTreeSet<PathBuf>, labels: BTreeSet<PathBuf>, watcher: &Watcher) {
        if programs != self.programs || labels != self.labels {
            (self.programs, self.labels) = (programs, labels);
            self.watch_above(watcher);
        }
    }

    pub(super) fn leads_to_program(&self, path: &Path) -> bool {
        self.interest.leads_to_program(path)
    }

    pub(super) fn leads_to_labels(&self, path: &Path) -> bool {
        self.interest.leads_to_labels(path)
    }

    pub(super) fn leads_to_root(&self, path: &Path) -> bool {
        self.interest.leads_to_root(path)
    }

    /// The innermost tree that a directory is in, and where in it.
    pub(super) fn containing(&self, directory: &Path) -> Option<(Arc<Tree>, PathBuf)> {
        self.all
            .iter()
            .filter_map(|state| state.tree.as_ref())
            .filter_map(|tree| Some((tree, directory.strip_prefix(tree.root().path()).ok()?)))
            .max_by_key(|(tree, _)| tree.root().path().components().count())
            .map(|(tree, relative)| (Arc::clone(tree), relative.to_owned()))
    }

    /// What a path without links is called in the trees that it is in.
    pub(super) fn names_of(&self, canonical: &Path) -> Vec<PathBuf> {
        self.interest.names_in_trees(canonical).collect()
    }

    /// The tree that was configured with this path, if it is there.
    pub(super) fn get(&self, path: &Path) -> Option<Arc<Tree>> {
        self.all.iter().find(|state| state.settings.path == path)?.tree.clone()
    }

    /// The next tree that wants a whole pass. One at a time, so that the host is left some air, and the one first that
    /// waits longest, so that none that wants one all the time keeps the others waiting; one by the clock only if
    /// `by_the_clock`.
    pub(super) fn begin_whole(&mut self, by_the_clock: bool) -> Option<Whole> {
        if self.all.iter().any(|state| state.running.is_some()) {
            return None;
        }
        let may_begin = |wanted: &Wanted| by_the_clock || wanted.cause != Cause::Clock;
        let ready =
            self.all.iter_mut().filter(|state| state.tree.is_some() && state.wanted.as_ref().is_some_and(may_begin));
        let by_clock = |state: &State| state.wanted.is_some_and(|wanted| wanted.cause == Cause::Clock);
        let state = ready.min_by_key(|state| (by_clock(state), state.begun))?;
        let (tree, wanted) = (state.tree.clone()?, state.wanted.take()?);
        self.passes += 1;
        let Wanted { cause, age } = wanted;
        state.begun = self.passes;
        state.running = Some(Running { number: self.passes, cause, age, begun: actor::now() });
        tree.forget_scripts();
        Some(Whole { tree, number: self.passes, cause, last: state.last })
    }

    /// The end of a pass. `None`: it is from before a reload, was ended by that, and means nothing any more.
    pub(super) fn end_whole(&mut self, pass: u64) -> Option<EndedWhole> {
        let state = self.all.iter_mut().find(|state| state.running.is_some_and(|running| running.number == pass))?;
        let Running { cause, age, begun, .. } = state.running.take()?;
        state.last = Some(begun);
        Some(EndedWhole { cause, age })
    }

    /// A pass ended without an end: whatever ran is not running.
    pub(super) fn end_all(&mut self) {
        for state in &mut self.all {
            if let Some(running) = state.running.take() {
                state.want(running.cause, running.age);
            }
        }
    }

    /// Whether a pass is running that takes its time, while another one is wanted that should not wait.
    pub(super) fn is_in_the_way(&self) -> bool {
        let unhurried = |state: &State| state.running.is_some_and(|running| running.cause == Cause::Clock);
        let urgent = |state: &State| state.wanted.is_some_and(|wanted| wanted.cause != Cause::Clock);
        self.all.iter().any(unhurried) && self.all.iter().any(|state| state.tree.is_some() && urgent(state))
    }

    pub(super) fn want_whole(&mut self, tree: &Path, cause: Cause, age: Age) {
        if let Some(state) = self.all.iter_mut().find(|state| state.settings.path == tree) {
            state.want(cause, age);
        }
    }

    pub(super) fn want_all(&mut self, cause: Cause, age: Age) {
        for state in &mut self.all {
            state.want(cause, age);
        }
    }

    /// Whether every tree that is there has had its pass.
    pub(super) fn all_warm(&self) -> bool {
        let is_busy = |state: &State| state.wanted.is_some() || state.running.is_some();
        self.all.iter().all(|state| state.tree.is_none() || !is_busy(state))
    }

    /// The age of the oldest pass that is running or wanted, of those trees for which `concerns` holds.
    pub(super) fn oldest(&self, concerns: impl Fn(&Path) -> bool) -> Option<Age> {
        let there = self.all.iter().filter(|state| state.tree.is_some() && concerns(&state.settings.path));
        let ages = there.flat_map(|state| {
            state.wanted.map(|wanted| wanted.age).into_iter().chain(state.running.map(|running| running.age))
        });
        ages.min()
    }

    /// The paths of all.
    pub(super) fn paths(&self) -> Vec<PathBuf> {
        self.all.iter().map(|state| state.settings.path.clone()).collect()
    }

    /// Each tree: its path, itself if it is there, and whether it has been looked at as a whole.
    pub(super) fn each(&self) -> impl Iterator<Item = (&Path, Option<&Arc<Tree>>, bool)> {
        self.all.iter().map(|state| (state.settings.path.as_path(), state.tree.as_ref(), state.last.is_some()))
    }

    /// How many are there.
    pub(super) fn present(&self) -> usize {
        self.all.iter().filter(|state| state.tree.is_some()).count()
    }
}

impl State {
    fn want(&mut self, cause: Cause, age: Age) {
        let before = self.wanted.unwrap_or(Wanted { cause, age });
        self.wanted = Some(Wanted { cause: before.cause.max(cause), age: before.age.min(age) });
    }

    fn reopen(&mut self, watcher: &Watcher, others: &[PathBuf], age: Age) {
        let path = &self.settings.path;
        match Tree::open(self.settings.clone(), others) {
            Ok(opened) => {
                let root = opened.root();
                let now = root.stat();
                let same = self
                    .tree
                    .as_ref()
                    .is_some_and(|tree| matches!((tree.root().stat(), &now), (Ok(old), Ok(now)) if old.same_file(now)));
                if same {
                    let is_known = now.is_ok_and(|stat| watcher.knows(root.path(), root.path(), &stat, opened.watch()));
                    if !is_known {
                        self.want(Cause::Change, age);
                    }
                    return;
                }
                if self.tree.is_some() {
                    tracing::warn!("{} is another directory now: looking at all of it", escaped(path));
                } else if self.told_absent {
                    tracing::info!("{} is there now", escaped(path));
                }
                // What is watched below stays so where it is the same directory; the pass finds that out.
                self.tree = Some(Arc::new(opened));
                self.last = None;
                self.want(Cause::Cold, age);
                self.told_absent = false;
            }
            // That says nothing of the tree. What the pass cannot read for the same reason is tried again.
            Err(error) if is_lack(&error) && self.tree.is_some() => {
                tracing::warn!("{} cannot be opened ({error}): going on with what it was", escaped(path));
                self.want(Cause::Change, age);
            }
            Err(error) if UnsafeWay::of(&error).is_some() => {
                if self.tree.take().is_some() || !self.told_absent {
                    tracing::warn!("{} is not kept warm: {error}", escaped(path));
                }
                self.told_absent = true;
                watcher.forget(path);
            }
            Err(error) => {
                if self.tree.take().is_some() {
                    tracing::warn!("{} has gone ({error}): waiting for it", escaped(path));
                } else if !self.told_absent {
                    tracing::info!("{} is not there yet ({error}): waiting for it", escaped(path));
                }
                self.told_absent = true;
                watcher.forget(path);
            }
        }
    }
}
