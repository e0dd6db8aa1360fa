//! Watches each directory that a pass is about to list.

use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use super::links::Links;
use crate::domain::FileStat;
use crate::engine::Observer;
use crate::watch::{WatchError, Watcher};

pub(super) struct Watching<'a> {
    watcher: &'a Watcher,
    links: &'a Links,
    root: &'a Path,
    told_of_limit: AtomicBool,
}

impl<'a> Watching<'a> {
    pub(super) fn new(watcher: &'a Watcher, links: &'a Links, root: &'a Path) -> Self {
        Self { watcher, links, root, told_of_limit: AtomicBool::new(false) }
    }
}

impl Observer for Watching<'_> {
    fn enter(&self, path: &Path, stat: &FileStat) {
        match self.watcher.watch(path, stat, path == self.root) {
            Ok(()) => {}
            Err(error @ WatchError::OutOfWatches { .. }) => {
                if !self.told_of_limit.swap(true, Ordering::Relaxed) {
                    tracing::warn!("{error}; until then its changes are found by the periodic look only");
                }
            }
            Err(error) => tracing::warn!("{error}; its changes are found by the periodic look only"),
        }
    }

    fn knows(&self, path: &Path, stat: &FileStat) -> bool {
        self.watcher.knows(path, stat)
    }

    fn listed(&self, path: &Path, names: &HashSet<OsString>) {
        self.watcher.forget_missing(path, |child| child.file_name().is_some_and(|name| names.contains(name)));
    }

    fn linked(&self, path: &Path, passed: &HashSet<PathBuf>) {
        self.links.set(path, passed);
    }
}
