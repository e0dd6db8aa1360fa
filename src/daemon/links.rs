//! Which directories have links to sources in which other directories of their tree.

use std::collections::{HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A change of a source is a change for those that link to it, too.
#[derive(Debug, Default)]
pub(super) struct Links {
    /// From the directory of the target to those with links to it.
    from: Mutex<HashMap<PathBuf, HashSet<PathBuf>>>,
}

impl Links {
    /// Takes down where the links of a directory lead.
    pub(super) fn set(&self, directory: &Path, targets: &HashSet<PathBuf>) {
        let mut from = self.from.lock().unwrap_or_else(PoisonError::into_inner);
        if from.is_empty() && targets.is_empty() {
            return;
        }
        from.retain(|target, directories| {
            if !targets.contains(target) {
                directories.remove(directory);
            }
            !directories.is_empty()
        });
        for target in targets {
            from.entry(target.clone()).or_default().insert(directory.to_owned());
        }
    }

    /// The directories with links to sources in this one.
    pub(super) fn to(&self, target: &Path) -> Vec<PathBuf> {
        let from = self.from.lock().unwrap_or_else(PoisonError::into_inner);
        from.get(target).into_iter().flatten().cloned().collect()
    }
}
