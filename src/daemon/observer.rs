//! Watches each directory that a pass is about to list.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use super::links::Links;
use super::twins::Twins;
use crate::domain::policy::WatchPolicy;
use crate::domain::{FileStat, Identity};
use crate::engine::{Observer, Tree};
use crate::root::Dir;
use crate::watch::{WatchError, Watched, Watcher};

pub(super) struct Watching<'a> {
    watcher: &'a Watcher,
    links: &'a Links,
    twins: &'a Twins,
    root: &'a Path,
    policy: WatchPolicy,
}

impl<'a> Watching<'a> {
    pub(super) fn new(watcher: &'a Watcher, links: &'a Links, twins: &'a Twins, tree: &'a Tree) -> Self {
        Self { watcher, links, twins, root: tree.root().path(), policy: tree.watch() }
    }
}

impl Observer for Watching<'_> {
    fn enter(&self, path: &Path, dir: &Arc<Dir>, stat: &FileStat) {
        let watched = Watched { path, stat, dir, root: self.root, policy: self.policy };
        match self.watcher.watch(&watched) {
            Ok(()) => {}
            Err(error @ WatchError::OutOfWatches { .. }) => {
                tracing::warn!("{error}; until then it is polled, and so are all others that get none");
            }
            Err(error) => tracing::warn!("{error}; it is polled, with all below it"),
        }
    }

    fn knows(&self, path: &Path, stat: &FileStat) -> bool {
        self.watcher.knows(self.root, path, stat, self.policy)
    }

    fn listed(&self, path: &Path, names: &HashSet<OsString>) {
        self.watcher.forget_missing(path, |child| child.file_name().is_some_and(|name| names.contains(name)));
    }

    fn linked(&self, path: &Path, passed: &HashSet<PathBuf>) {
        self.links.set(path, passed);
    }

    fn twins(&self, path: &Path, sources: &HashSet<Identity>) {
        self.twins.set(path, sources);
    }
}
