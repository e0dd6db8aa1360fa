//! Which directories have links that depend on which other directories of their tree.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

/// A change in a directory that a link passes is a change for the directory of the link, too.
#[derive(Debug, Default)]
pub(super) struct Links {
    both_ways: Mutex<BothWays>,
}

#[derive(Debug, Default)]
struct BothWays {
    /// From a directory with links to those that they pass.
    passed: BTreeMap<PathBuf, HashSet<PathBuf>>,
    /// From a directory to those with links that pass it.
    passing: HashMap<PathBuf, HashSet<PathBuf>>,
}

impl Links {
    /// Takes down which directories the links of a directory pass.
    pub(super) fn set(&self, directory: &Path, passed: &HashSet<PathBuf>) {
        let mut links = self.both_ways.lock().unwrap_or_else(PoisonError::into_inner);
        links.remove(directory);
        let others: HashSet<PathBuf> = passed.iter().filter(|other| *other != directory).cloned().collect();
        for other in &others {
            links.passing.entry(other.clone()).or_default().insert(directory.to_owned());
        }
        if !others.is_empty() {
            links.passed.insert(directory.to_owned(), others);
        }
    }

    /// A directory has gone or is another one, and all below it.
    pub(super) fn forget(&self, directory: &Path) {
        let mut links = self.both_ways.lock().unwrap_or_else(PoisonError::into_inner);
        let below = links.passed.range(directory.to_owned()..).map(|(path, _)| path);
        let below: Vec<PathBuf> = below.take_while(|path| path.starts_with(directory)).cloned().collect();
        for directory in below {
            links.remove(&directory);
        }
    }

    /// The directories with links that pass this one.
    pub(super) fn through(&self, directory: &Path) -> Vec<PathBuf> {
        let links = self.both_ways.lock().unwrap_or_else(PoisonError::into_inner);
        links.passing.get(directory).into_iter().flatten().cloned().collect()
    }
}

impl BothWays {
    fn remove(&mut self, directory: &Path) {
        for other in self.passed.remove(directory).into_iter().flatten() {
            if let Some(directories) = self.passing.get_mut(&other) {
                directories.remove(directory);
                if directories.is_empty() {
                    self.passing.remove(&other);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_lead_elsewhere_now_are_forgotten() {
        let links = Links::default();
        let set = |passed: &[&str]| links.set(Path::new("/a"), &passed.iter().map(PathBuf::from).collect());
        set(&["/a", "/b", "/c"]);
        assert_eq!(links.through(Path::new("/b")), [Path::new("/a")]);
        assert!(links.through(Path::new("/a")).is_empty(), "itself is looked at anyway");
        set(&["/c"]);
        assert!(links.through(Path::new("/b")).is_empty());
        assert_eq!(links.through(Path::new("/c")), [Path::new("/a")]);
        links.forget(Path::new("/"));
        assert!(links.through(Path::new("/c")).is_empty());
    }
}
