//! Finds what no event told of: what the periodic look finds amiss, and nobody had heard of.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};
use std::time::Instant;

use super::Daemon;
use crate::batch::{Extent, UNAWAITED};
use crate::domain::escaped;

/// Directories that are not as they should be, each with those in which a source of it has another name.
type Amiss = BTreeMap<PathBuf, HashSet<PathBuf>>;

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
        self.expect(directory);
        // It may be a directory that came with all below it.
        if let Some(name) = path.file_name() {
            self.expect_below(&directory.join(name));
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

    /// Takes a cookie in. Once nothing is on its way any more, gives the directories of which nobody had heard, and
    /// all that are to be looked at.
    fn judge(&mut self, cookie: u64, sources: usize) -> Option<(Vec<PathBuf>, Vec<PathBuf>)> {
        match &mut self.expected.as_mut()?.cookie {
            Some((number, left)) if *number == cookie => *left = left.saturating_sub(sources),
            _ => return None,
        }
        let expected = self.expected.take_if(|expected| matches!(expected.cookie, Some((_, 0))))?;
        let missed: Vec<PathBuf> = expected.missed().cloned().collect();
        self.count += missed.len() as u64;
        Some((missed, expected.found.into_keys().collect()))
    }
}

impl Expected {
    fn missed(&self) -> impl Iterator<Item = &PathBuf> {
        let is_expected = |directory: &Path| {
            self.directories.contains(directory)
                || directory.ancestors().any(|above| self.with_all_below.contains(above))
        };
        let missed = self.found.iter().filter(move |(directory, siblings)| {
            !is_expected(directory) && !siblings.iter().any(|sibling| is_expected(sibling))
        });
        missed.map(|(directory, _)| directory)
    }
}

impl Daemon<'_> {
    /// A periodic look has found these directories amiss. They are looked at as soon as it is clear which of them
    /// were heard of: an event may still be on its way.
    pub(super) fn judge_amiss(&mut self, amiss: impl Iterator<Item = PathBuf>) {
        let found: Amiss = amiss.map(|directory| (directory.clone(), self.twins.siblings(&directory))).collect();
        let cookie = match self.watcher.bake_cookie() {
            Ok(cookie) if !found.is_empty() => cookie,
            Ok(_) => return self.missed.give_up(),
            Err(error) => {
                tracing::debug!("cannot tell what events have missed: {error}");
                self.missed.give_up();
                return self.look_at_amiss(found.into_keys());
            }
        };
        match &mut self.missed.expected {
            Some(expected) => (expected.found, expected.cookie) = (found, Some(cookie)),
            // Everything is looked at for another reason.
            None => self.look_at_amiss(found.into_keys()),
        }
    }

    /// Takes a cookie in that may be that of a periodic look.
    pub(super) fn take_cookie_of_missed(&mut self, cookie: u64, sources: usize) {
        let Some((missed, found)) = self.missed.judge(cookie, sources) else { return };
        for directory in missed {
            // Polling is no event: somebody has to be the first to look.
            let tree = self.trees.containing(&directory);
            if tree.is_some_and(|(tree, _)| self.watcher.polled().covers(tree.root().path(), &directory)) {
                self.missed.count = self.missed.count.saturating_sub(1);
                continue;
            }
            tracing::warn!(
                "{}: the periodic look found changes there of which no event had told; missed so far: {}",
                escaped(&directory),
                self.missed.count
            );
        }
        self.look_at_amiss(found.into_iter());
    }

    fn look_at_amiss(&mut self, directories: impl Iterator<Item = PathBuf>) {
        let now = Instant::now();
        for directory in directories {
            self.batch.schedule(&directory, Extent::Directory, now, UNAWAITED);
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
        let alone = |path: &str| (PathBuf::from(path), HashSet::new());
        expected.found = ["/waiting", "/heard", "/new/a/b", "/silent", "/heard/below", "/late"].map(alone).into();
        expected.found.insert("/twin".into(), ["/heard".into()].into());
        expected.cookie = Some((7, 2));
        assert!(missed.judge(6, 2).is_none() && missed.judge(7, 1).is_none());
        missed.expect(Path::new("/heard/below"));
        missed.hear(Path::new("/late"), Path::new("/late/__pycache__/x.pyc"));
        let (unheard, all) = missed.judge(7, 1).unwrap();
        assert_eq!((unheard, all.len(), missed.count), (vec![PathBuf::from("/silent")], 7, 1));
        assert!(missed.judge(7, 1).is_none(), "it is over");
    }
}
