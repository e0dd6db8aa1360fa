//! The trees of the daemon: which are there, which want a whole pass, which have had one.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use crate::config::{Settings, TreeSettings};
use crate::domain::escaped;
use crate::engine::Tree;
use crate::root::plain;
use crate::watch::{Interest, Watcher};

/// All configured trees.
pub(super) struct Trees {
    all: Vec<State>,
    interest: Interest,
    passes: u64,
}

struct State {
    settings: TreeSettings,
    /// `None` while it is not there.
    tree: Option<Arc<Tree>>,
    wanted: bool,
    /// The number of the pass that is running.
    running: Option<u64>,
    told_absent: bool,
}

impl Trees {
    /// Opens what is there, and watches for what is not.
    pub(super) fn new(settings: &Settings, watcher: &Watcher) -> Self {
        let mut trees = Self { all: Vec::new(), interest: Interest::default(), passes: 0 };
        trees.replace(settings, watcher);
        trees
    }

    /// Takes new settings over. Every tree wants a whole pass then.
    pub(super) fn replace(&mut self, settings: &Settings, watcher: &Watcher) {
        for old in &self.all {
            if !settings.trees.iter().any(|new| new.path == old.settings.path) {
                watcher.forget(&old.settings.path);
            }
        }
        let state = |settings: &TreeSettings| State {
            settings: settings.clone(),
            tree: None,
            wanted: false,
            running: None,
            told_absent: false,
        };
        self.all = settings.trees.iter().map(state).collect();
        if self.all.is_empty() {
            tracing::warn!(
                "no trees are configured: there is nothing to do; add [[tree]] to /etc/pycwarm/pycwarm.toml"
            );
        }
        self.reopen(watcher);
    }

    /// Opens what has appeared, drops what has vanished, and exchanges what is another directory by now.
    pub(super) fn reopen(&mut self, watcher: &Watcher) {
        // What leads to the roots is watched before it is looked at. A root may be a link, whose target
        // is only known once it is open.
        self.watch_above(watcher);
        let others: Vec<PathBuf> = self.all.iter().map(|state| state.settings.path.clone()).collect();
        for state in &mut self.all {
            state.reopen(watcher, &others);
        }
        self.watch_above(watcher);
    }

    fn watch_above(&mut self, watcher: &Watcher) {
        let mut roots: Vec<PathBuf> = self.all.iter().map(|state| state.settings.path.clone()).collect();
        roots.extend(self.all.iter().filter_map(|state| Some(state.tree.as_ref()?.root().canonical().to_owned())));
        let links: Vec<PathBuf> =
            self.all.iter().flat_map(|state| plain::links_on_the_way(&state.settings.path)).collect();
        self.interest = Interest::new(roots, &links);
        watcher.set_interest(self.interest.clone());
        let mut above: Vec<&Path> = self.interest.above().collect();
        above.sort();
        for directory in above {
            let Ok(stat) = plain::stat(directory) else { continue };
            if let Err(error) = watcher.watch(directory, &stat, true) {
                tracing::warn!("{error}; a tree below it that appears or is replaced is noticed late");
            }
        }
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

    /// The tree that was configured with this path, if it is there.
    pub(super) fn get(&self, path: &Path) -> Option<Arc<Tree>> {
        self.all.iter().find(|state| state.settings.path == path)?.tree.clone()
    }

    /// The next tree that wants a whole pass, and the number of that pass. One at a time, so that the host
    /// is left some air.
    pub(super) fn begin_whole(&mut self) -> Option<(Arc<Tree>, u64)> {
        if self.all.iter().any(|state| state.running.is_some()) {
            return None;
        }
        let state = self.all.iter_mut().find(|state| state.wanted && state.tree.is_some())?;
        self.passes += 1;
        state.wanted = false;
        state.running = Some(self.passes);
        let tree = state.tree.clone()?;
        tree.forget_scripts();
        Some((tree, self.passes))
    }

    /// The end of a pass. `false`: it is from before a reload, was ended by that, and means nothing any more.
    pub(super) fn end_whole(&mut self, pass: u64) -> bool {
        let state = self.all.iter_mut().find(|state| state.running == Some(pass));
        state.is_some_and(|state| state.running.take().is_some())
    }

    /// A pass ended without an end: whatever ran is not running.
    pub(super) fn end_all(&mut self) {
        for state in &mut self.all {
            state.wanted |= state.running.take().is_some();
        }
    }

    pub(super) fn want_whole(&mut self, tree: &Path) {
        if let Some(state) = self.all.iter_mut().find(|state| state.settings.path == tree) {
            state.wanted = true;
        }
    }

    pub(super) fn want_all(&mut self) {
        for state in &mut self.all {
            state.wanted = true;
        }
    }

    /// Whether every tree that is there has had its pass.
    pub(super) fn all_warm(&self) -> bool {
        self.all.iter().all(|state| state.tree.is_none() || !state.wanted && state.running.is_none())
    }

    /// How many are there.
    pub(super) fn present(&self) -> usize {
        self.all.iter().filter(|state| state.tree.is_some()).count()
    }
}

impl State {
    fn reopen(&mut self, watcher: &Watcher, others: &[PathBuf]) {
        let path = &self.settings.path;
        match Tree::open(self.settings.clone(), others) {
            Ok(opened) => {
                let same = self.tree.as_ref().is_some_and(|tree| {
                    let (old, new) = (tree.root().stat(), opened.root().stat());
                    matches!((old, new), (Ok(old), Ok(new)) if old.same_file(&new) && watcher.knows(opened.root().path(), &new))
                });
                if same {
                    return;
                }
                if self.tree.is_some() {
                    tracing::warn!("{} is another directory now: looking at all of it", escaped(path));
                } else if self.told_absent {
                    tracing::info!("{} is there now", escaped(path));
                }
                // What is watched below stays so where it is the same directory; the pass finds that out.
                self.tree = Some(Arc::new(opened));
                self.wanted = true;
                self.told_absent = false;
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
