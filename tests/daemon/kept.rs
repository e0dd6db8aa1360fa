//! A tree that a daemon keeps warm.

use std::fs;
use std::path::{Path, PathBuf};

use crate::support::daemon::Daemon;
use crate::support::python::{Interpreter, primary};
use crate::support::tree::Tree;

/// A tree with some sources, and a daemon that has warmed it.
pub struct Kept {
    pub python: &'static Interpreter,
    pub daemon: Daemon,
    pub tree: Tree,
}

impl Kept {
    pub fn new() -> Self {
        Kept::with(|_| {})
    }

    /// `prepare` makes more of the tree before the daemon starts.
    pub fn with(prepare: impl FnOnce(&Tree)) -> Self {
        let (python, tree) = (primary(), Tree::new());
        tree.source("a.py", "A = 'first'\n");
        tree.source("package/__init__.py", "");
        tree.source("package/b.py", "B = 'first'\n");
        prepare(&tree);
        let daemon = Daemon::over(python, &tree.root);
        Kept { python, daemon, tree }
    }

    pub fn cache(&self, source: &Path) -> PathBuf {
        self.python.cache(source)
    }

    pub fn wait_fresh(&self, source: &PathBuf) {
        self.daemon.wait_fresh(self.python, [source]);
    }

    /// Every source below has a good cache in the end, as import sees it.
    #[track_caller]
    pub fn assert_converges(&self) {
        let sources = sources_below(&self.tree.root);
        assert!(!sources.is_empty());
        self.daemon.wait_fresh(self.python, &sources);
        self.daemon.wait_good(self.python, &self.tree.root);
    }
}

pub fn sources_below(directory: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).unwrap_or_else(|error| panic!("{directory:?}: {error}")).flatten() {
        let path = entry.path();
        if entry.file_type().is_ok_and(|kind| kind.is_dir()) {
            found.extend(sources_below(&path));
        } else if path.extension().is_some_and(|suffix| suffix == "py") {
            found.push(path);
        }
    }
    found
}
