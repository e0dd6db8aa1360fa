//! Counts the sources of a tree by their names alone, for a progress bar with an end.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use super::tree::Tree;
use crate::domain::FileKind;
use crate::pyc::names::{self, CACHE_DIRECTORY};
use crate::scan::{Place, walk};

impl Tree {
    /// How many sources a pass over the whole tree will see, more or less: what cannot be read counts nothing.
    #[must_use]
    pub fn count_sources(&self) -> u64 {
        let count = AtomicU64::new(0);
        let start = Place { dir: Arc::clone(self.root.dir()), relative: PathBuf::new() };
        let visit = |place: &Place, (): &()| {
            let entries = place.dir.entries().unwrap_or_default();
            let mut below = Vec::new();
            for entry in entries {
                let is_directory = entry.kind == FileKind::Directory;
                if self.excludes(&place.relative, &entry.name, is_directory) {
                    continue;
                }
                if !is_directory && names::is_source(&entry.name) {
                    count.fetch_add(1, Ordering::Relaxed);
                } else if is_directory && self.only.is_none() && entry.name != CACHE_DIRECTORY {
                    below.push((entry.name, ()));
                }
            }
            below
        };
        walk(start, self.root.passage(), (), 1, &AtomicBool::new(false), visit, |_, _| {});
        count.into_inner()
    }
}
