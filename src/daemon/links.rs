//! Which directories have links that depend on which other directories of their tree.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A change in a directory that a link passes is a change for the directory of the link, too.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// From a directory to those with links that pass it.
    passing: Mutex<HashMap<PathBuf, HashSet<PathBuf>>>,
}

impl Links {
    /// Takes down which directories the links of a directory pass.
    pub(super) fn set(&self, directory: &Path, passed: &HashSet<PathBuf>) {
        let mut passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        if passing.is_empty() && passed.is_empty() {
            return;
        }
        passing.retain(|other, directories| {
            if !passed.contains(other) {
                directories.remove(directory);
            }
            !directories.is_empty()
        });
        for other in passed.iter().filter(|other| *other != directory) {
            passing.entry(other.clone()).or_default().insert(directory.to_owned());
        }
    }

    /// The directories with links that pass this one.
    pub(super) fn through(&self, directory: &Path) -> Vec<PathBuf> {
        let passing = self.passing.lock().unwrap_or_else(PoisonError::into_inner);
        passing.get(directory).into_iter().flatten().cloned().collect()
    }
}
