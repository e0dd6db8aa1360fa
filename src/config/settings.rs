//! The validated settings: what the rest of the program works with.

use std::path::{Component, Path, PathBuf};
use std::time::Duration;

use crate::domain::policy::{
    ContextPolicy, InvalidationMode, ModePolicy, OptimizationLevel, OwnerPolicy, PythonChoice, WatchPolicy,
};

/// Everything that can be set.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Settings {
    /// Workers per interpreter, at least 1; a configured 0 is the number of cores already.
    pub jobs: usize,
    /// For one file.
    pub compile_timeout: Duration,
    /// Of a worker's address space, in bytes.
    pub worker_memory: u64,
    /// Between two looks at everything; `None`: never.
    pub rescan_interval: Option<Duration>,
    /// Between two looks at what gives no events.
    pub poll_interval: Duration,
    /// Directories remembered as changed, at least 1, before everything is looked at instead.
    pub queue_limit: usize,
    /// The group whose members are told everything at the control socket, by its number.
    pub control_group: Option<u32>,
    /// From which file SELinux contexts are taken; `None`: from the loaded policy.
    pub file_contexts: Option<PathBuf>,
    /// For paths that are in no configured tree.
    pub defaults: TreeDefaults,
    /// Those that are enabled, in the order in which the files name them. No two have the same path.
    pub trees: Vec<TreeSettings>,
}

/// Everything that can be set for a tree. No list but `exclude` has an item twice.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeSettings {
    /// Absolute, if it is from a file; as the user wrote it, if it is from the command line.
    pub path: PathBuf,
    /// Not empty.
    pub python: Vec<PythonChoice>,
    /// Not empty.
    pub optimize: Vec<OptimizationLevel>,
    /// Of every cache.
    pub invalidation_mode: InvalidationMode,
    /// Of every cache.
    pub owner: OwnerPolicy,
    /// Of every cache.
    pub mode: ModePolicy,
    /// Of every cache.
    pub context: ContextPolicy,
    /// How changes are heard of.
    pub watch: WatchPolicy,
    /// Whether directories of one user are entered from those of another.
    pub cross_owners: bool,
    /// Whether mount points below the root are entered.
    pub cross_mounts: bool,
    /// gitignore patterns, each known to be a valid one; their order counts.
    pub exclude: Vec<String>,
    /// Where `path` lies below the tree that the patterns were written for: they are matched against this prefix
    /// and what is below `path`. Empty, unless the command line names a part of a configured tree.
    pub exclude_prefix: PathBuf,
    /// Names of users who must be able to use the caches. Not known to exist.
    pub readers: Vec<String>,
}

/// The settings of a tree that is not named in any file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeDefaults {
    /// Not empty.
    pub python: Vec<PythonChoice>,
    /// Not empty.
    pub optimize: Vec<OptimizationLevel>,
    /// Of every cache.
    pub invalidation_mode: InvalidationMode,
    /// Of every cache.
    pub owner: OwnerPolicy,
    /// Of every cache.
    pub mode: ModePolicy,
    /// Of every cache.
    pub context: ContextPolicy,
    /// How changes are heard of.
    pub watch: WatchPolicy,
    /// Whether directories of one user are entered from those of another.
    pub cross_owners: bool,
    /// Whether mount points below the root are entered.
    pub cross_mounts: bool,
    /// gitignore patterns, each known to be a valid one; their order counts.
    pub exclude: Vec<String>,
}

impl TreeDefaults {
    /// The settings of a tree that has nothing of its own but its path and readers.
    pub fn into_tree(self, path: PathBuf, readers: Vec<String>) -> TreeSettings {
        TreeSettings {
            path,
            python: self.python,
            optimize: self.optimize,
            invalidation_mode: self.invalidation_mode,
            owner: self.owner,
            mode: self.mode,
            context: self.context,
            watch: self.watch,
            cross_owners: self.cross_owners,
            cross_mounts: self.cross_mounts,
            exclude: self.exclude,
            exclude_prefix: PathBuf::new(),
            readers,
        }
    }
}

impl Settings {
    /// The settings for paths of the command line, in their order: those of the innermost tree that a path is
    /// in or is, else the defaults; in either case with that path as it was given.
    pub fn for_paths(&self, paths: &[PathBuf]) -> Vec<TreeSettings> {
        paths.iter().map(|path| self.for_path(path)).collect()
    }

    fn for_path(&self, path: &Path) -> TreeSettings {
        let place = place(path);
        let innermost = self
            .trees
            .iter()
            .filter_map(|tree| Some((tree, place.strip_prefix(&tree.path).ok()?)))
            .max_by_key(|(tree, _)| tree.path.components().count());
        match innermost {
            Some((tree, below)) => {
                TreeSettings { path: path.to_owned(), exclude_prefix: below.to_owned(), ..tree.clone() }
            }
            None => self.defaults.clone().into_tree(path.to_owned(), Vec::new()),
        }
    }
}

/// Where a path is. Its links are left as they are, so that a tree that is configured through a link is
/// recognised; but where `..` leads to behind a link only the system can tell.
fn place(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if absolute.components().all(|part| part != Component::ParentDir) {
        return absolute;
    }
    absolute.canonicalize().unwrap_or_else(|_| without_parents(&absolute))
}

/// The best guess for a path that is not there.
fn without_parents(path: &Path) -> PathBuf {
    let mut place = PathBuf::new();
    for part in path.components() {
        match part {
            Component::ParentDir => drop(place.pop()),
            part => place.push(part),
        }
    }
    place
}
