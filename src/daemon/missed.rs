//! Finds what no event told of: what the periodic look finds amiss, and nobody had heard of.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::ffi::{OsStr, OsString};
use std::path::{Path, PathBuf};

use super::Daemon;
use crate::domain::escaped;
use crate::pyc::names::CACHE_DIRECTORY;

/// Directories in which a look found something amiss, with the names of the caches that it put in place or removed.
pub(super) type Amiss = BTreeMap<PathBuf, HashSet<OsString>>;

/// What was heard of since a periodic look began.
#[derive(Debug, Default)]
pub(super) struct Missed {
    /// `None` while there is no such look, and nobody has to listen.
    expected: Option<Expected>,
    /// How many directories so far.
    pub(super) count: u64,
}

#[derive(Debug, Default)]
struct Expected {
    directories: HashSet<PathBuf>,
    with_all_below: HashSet<PathBuf>,
    /// By directory, the caches in it of which was heard: what the look itself does is heard of, too.
    caches: HashMap<PathBuf, HashSet<OsString>>,
    /// What the look has found, once it is over, and what is still on its way to us: the cookie, and how many
    /// sources of events have not brought it.
    found: Amiss,
    cookie: Option<(u64, usize)>,
}

impl Missed {
    /// A periodic look begins; what waits to be looked at was heard of, and so may be what has come below it.
    pub(super) fn begin<'a>(&mut self, waiting: impl Iterator<Item = &'a Path>) {
        let with_all_below = waiting.map(Path::to_owned).collect();
        self.expected = Some(Expected { with_all_below, ..Expected::default() });
    }

    /// Whether a cookie is still on its way to us: only one periodic look is judged at a time.
    pub(super) fn is_waiting(&self) -> bool {
        self.expected.as_ref().is_some_and(|expected| expected.cookie.is_some())
    }

    /// Something in this directory was heard of, or will be looked at for another reason.
    pub(super) fn expect(&mut self, directory: &Path) {
        if let Some(expected) = &mut self.expected {
            expected.directories.insert(directory.to_owned());
        }
    }

    /// An event told of `path`, for which this directory is looked at.
    pub(super) fn hear(&mut self, directory: &Path, path: &Path) {
        let Some(expected) = &mut self.expected else { return };
        let is_caches = |path: &Path| path.file_name() == Some(OsStr::new(CACHE_DIRECTORY));
        match path.file_name() {
            Some(name) if path.parent().is_some_and(is_caches) => {
                expected.caches.entry(directory.to_owned()).or_default().insert(name.to_owned());
            }
            _ if is_caches(path) => {}
            name => {
                expected.directories.insert(directory.to_owned());
                // It may be a directory that came with all below it.
                expected.with_all_below.extend(name.map(|name| directory.join(name)));
            }
        }
    }

    /// Anything may be new below this directory.
    pub(super) fn expect_below(&mut self, directory: &Path) {
        if let Some(expected) = &mut self.expected {
            expected.with_all_below.insert(directory.to_owned());
        }
    }

    /// Everything is looked at for another reason: nothing can be said.
    pub(super) fn give_up(&mut self) {
        self.expected = None;
    }

    /// Takes a cookie in. Gives the directories of which nobody had heard, once nothing is on its way any more.
    pub(super) fn take_cookie(&mut self, cookie: u64, sources: usize) -> Vec<PathBuf> {
        let Some(expected) = &mut self.expected else { return Vec::new() };
        match &mut expected.cookie {
            Some((number, left)) if *number == cookie => *left = left.saturating_sub(sources),
            _ => return Vec::new(),
        }
        if !matches!(expected.cookie, Some((_, 0))) {
            return Vec::new();
        }
        let Some(expected) = self.expected.take() else { return Vec::new() };
        let missed: Vec<PathBuf> = expected.missed().cloned().collect();
        self.count += missed.len() as u64;
        missed
    }
}

impl Expected {
    fn missed(&self) -> impl Iterator<Item = &PathBuf> {
        let is_expected = |directory: &PathBuf, touched: &HashSet<OsString>| {
            self.directories.contains(directory)
                || self.caches.get(directory).is_some_and(|heard| !heard.is_subset(touched))
                || directory.ancestors().any(|above| self.with_all_below.contains(above))
        };
        let missed = self.found.iter().filter(move |(directory, touched)| !is_expected(directory, touched));
        missed.map(|(directory, _)| directory)
    }
}

impl Daemon<'_> {
    /// A periodic look has found these directories amiss. An event may still be on its way.
    pub(super) fn look_for_missed(&mut self, mut amiss: Amiss) {
        // Polling is no event: somebody has to be the first to look.
        amiss.retain(|directory, _| {
            let tree = self.trees.containing(directory);
            tree.is_some_and(|(tree, _)| !self.watcher.polled().covers(tree.root().path(), directory))
        });
        let Some(expected) = &mut self.missed.expected else { return };
        expected.found = amiss;
        if expected.missed().next().is_none() {
            return self.missed.give_up();
        }
        match self.watcher.bake_cookie() {
            Ok(cookie) => expected.cookie = Some(cookie),
            Err(error) => {
                tracing::debug!("cannot tell what events have missed: {error}");
                self.missed.give_up();
            }
        }
    }

    /// Tells what was missed.
    pub(super) fn tell_missed(&self, missed: &[PathBuf]) {
        for directory in missed {
            tracing::warn!(
                "{}: the periodic look found changes there of which no event had told; missed so far: {}",
                escaped(directory),
                self.missed.count
            );
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_nobody_heard_of_is_missed() {
        let mut missed = Missed::default();
        missed.begin([Path::new("/waiting")].into_iter());
        missed.expect(Path::new("/heard"));
        missed.expect_below(Path::new("/new"));
        let expected = missed.expected.as_mut().unwrap();
        let found = ["/waiting", "/heard", "/new/a/b", "/silent", "/heard/below", "/echo", "/others"];
        expected.found = found.map(|path| (PathBuf::from(path), HashSet::from(["x.pyc".into()]))).into();
        expected.cookie = Some((7, 2));
        assert!(missed.take_cookie(6, 2).is_empty() && missed.take_cookie(7, 1).is_empty());
        missed.expect(Path::new("/heard/below"));
        for (directory, path) in [
            ("/echo", "/echo/__pycache__"),
            ("/echo", "/echo/__pycache__/x.pyc"),
            ("/others", "/others/__pycache__/y.pyc"),
        ] {
            missed.hear(Path::new(directory), Path::new(path));
        }
        assert_eq!(missed.take_cookie(7, 1), [Path::new("/echo"), Path::new("/silent")]);
        assert_eq!(missed.count, 2);
        assert!(missed.take_cookie(7, 1).is_empty(), "it is over");
    }
}
