//! Which directories have names of the same source: an event tells of one of them.

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use crate::domain::Identity;

/// The sources with several names.
#[derive(Debug, Default)]
pub(super) struct Twins {
    both_ways: Mutex<BothWays>,
}

#[derive(Debug, Default)]
struct BothWays {
    sources: BTreeMap<PathBuf, HashSet<Identity>>,
    directories: HashMap<Identity, HashSet<PathBuf>>,
}

impl Twins {
    /// Takes down which sources in a directory have other names.
    pub(super) fn set(&self, directory: &Path, sources: &HashSet<Identity>) {
        let mut twins = self.both_ways.lock().unwrap_or_else(PoisonError::into_inner);
        twins.remove(directory);
        if sources.is_empty() {
            return;
        }
        for source in sources {
            twins.directories.entry(*source).or_default().insert(directory.to_owned());
        }
        twins.sources.insert(directory.to_owned(), sources.clone());
    }

    /// A directory has gone or is another one, and all below it.
    pub(super) fn forget(&self, directory: &Path) {
        let mut twins = self.both_ways.lock().unwrap_or_else(PoisonError::into_inner);
        let below = twins.sources.range(directory.to_owned()..).map(|(path, _)| path);
        let below: Vec<PathBuf> = below.take_while(|path| path.starts_with(directory)).cloned().collect();
        for directory in below {
            twins.remove(&directory);
        }
    }

    /// The directories in which a source of this one has a name.
    pub(super) fn siblings(&self, directory: &Path) -> HashSet<PathBuf> {
        let twins = self.both_ways.lock().unwrap_or_else(PoisonError::into_inner);
        let sources = twins.sources.get(directory).into_iter().flatten();
        sources.filter_map(|source| twins.directories.get(source)).flatten().cloned().collect()
    }

    /// The directories in which a source has a name, as far as they were looked at.
    pub(super) fn directories_of(&self, source: Identity) -> Vec<PathBuf> {
        let twins = self.both_ways.lock().unwrap_or_else(PoisonError::into_inner);
        twins.directories.get(&source).into_iter().flatten().cloned().collect()
    }
}

impl BothWays {
    fn remove(&mut self, directory: &Path) {
        for source in self.sources.remove(directory).into_iter().flatten() {
            if let Some(names) = self.directories.get_mut(&source) {
                names.remove(directory);
                if names.is_empty() {
                    self.directories.remove(&source);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_gone_are_forgotten() {
        let (twins, source) = (Twins::default(), Identity { device: 1, inode: 2 });
        let of = || {
            let mut directories = twins.directories_of(source);
            directories.sort();
            directories
        };
        twins.set(Path::new("/a"), &[source].into());
        twins.set(Path::new("/b"), &[source].into());
        assert_eq!(of(), [Path::new("/a"), Path::new("/b")]);
        twins.set(Path::new("/a"), &HashSet::new());
        assert_eq!(of(), [Path::new("/b")]);
        assert_eq!(twins.siblings(Path::new("/b")), HashSet::from(["/b".into()]));
        twins.forget(Path::new("/"));
        assert!(of().is_empty() && twins.both_ways.lock().unwrap().sources.is_empty());
    }
}
