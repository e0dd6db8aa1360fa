//! Counts and lists.

use crate::domain::{Failure, Skip};

use super::outcome::{Item, Outcome};

/// What a pass amounts to. The counts are per source, interpreter and optimization level, but for
/// `sources` and the skips, which are per source.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Summary {
    pub sources: u64,
    pub fresh: u64,
    pub compiled: u64,
    pub repaired: u64,
    pub stale: u64,
    pub failures: Vec<Failure>,
    pub skips: Vec<Skip>,
    /// It was ended before all was done.
    pub interrupted: bool,
}

impl Summary {
    /// Takes one outcome into account.
    pub fn count(&mut self, item: &Item<'_>, outcome: &Outcome) {
        match outcome {
            Outcome::Fresh => self.fresh += 1,
            Outcome::Compiled | Outcome::Confirmed => self.compiled += 1,
            Outcome::Repaired => self.repaired += 1,
            Outcome::Stale(_) => self.stale += 1,
            Outcome::Failed { kind, line, message } => self.failures.push(item.failure(*kind, *line, message.clone())),
        }
    }

    /// Puts the lists in the order of paths, so that two runs over one tree read alike.
    pub fn sort(&mut self) {
        self.failures.sort_by(|a, b| (&a.path, &a.python, a.line).cmp(&(&b.path, &b.python, b.line)));
        self.skips.sort_by(|a, b| a.path.cmp(&b.path));
    }

    /// Whether everything that should be there is there.
    #[must_use]
    pub fn all_is_well(&self) -> bool {
        self.stale == 0 && self.failures.is_empty() && !self.interrupted
    }
}
