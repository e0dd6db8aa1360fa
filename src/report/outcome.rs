//! The outcomes of a pass, as they come.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use crate::domain::policy::OptimizationLevel;
use crate::domain::{Failure, FailureKind, Skip, Target};

/// What tells one cache to be from all others: the path of its source, the cache tag and the level.
pub type ItemKey = (PathBuf, String, OptimizationLevel);

/// One cache to be.
#[derive(Debug, Clone, Copy)]
pub struct Item<'a> {
    /// The directory, as it is called by the tree's path.
    pub directory: &'a Path,
    pub source: &'a OsStr,
    pub target: &'a Target,
    /// The user who owned the source when it was looked at, if that is known.
    pub owner: Option<u32>,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// It was right already.
    Fresh,
    Compiled,
    /// It was compiled again because its cache was racy, and may well be what it was.
    Confirmed,
    /// Its code was right; owner, mode or ACL were not, and are now.
    Repaired,
    /// It is not right, and it was only to be looked at. With the reason in words.
    Stale(&'static str),
    Failed {
        kind: FailureKind,
        line: Option<u32>,
        message: String,
    },
}

impl Item<'_> {
    /// The path of the source.
    #[must_use]
    pub fn path(&self) -> PathBuf {
        self.directory.join(self.source)
    }

    /// What tells it from all others.
    #[must_use]
    pub fn key(&self) -> ItemKey {
        (self.path(), self.target.interpreter.cache_tag.clone(), self.target.level)
    }

    /// The failure of this item.
    #[must_use]
    pub fn failure(&self, kind: FailureKind, line: Option<u32>, message: String) -> Failure {
        let python = self.target.interpreter.label.clone();
        Failure { path: self.path(), python, line, kind, message, owner: self.owner }
    }
}

/// Hears of everything, from several threads.
pub trait Sink: Sync {
    /// A source was seen; it is called once per source, before its outcomes.
    fn source(&self);
    fn outcome(&self, item: &Item<'_>, outcome: &Outcome);
    /// Something failed that is no item: an interpreter, a directory, a source as a whole.
    fn failure(&self, failure: &Failure);
    fn skip(&self, skip: &Skip);
    /// A cache whose source is gone was removed.
    fn removed(&self, cache: &Path);
}
