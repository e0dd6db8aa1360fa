//! A tree that is open: its settings, its root, what is excluded, what its scripts say.

use std::collections::{BTreeSet, HashSet};
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use ignore::gitignore::{Gitignore, GitignoreBuilder};

use crate::config::TreeSettings;
use crate::domain::passage::Passage;
use crate::domain::policy::{PythonChoice, WatchPolicy};
use crate::interpreters::Choice;
use crate::interpreters::pyvenv::{self, Pyvenv};
use crate::pyc::names;
use crate::root::{Dir, TreeRoot, actor, plain};

/// An open tree.
#[derive(Debug)]
pub struct Tree {
    pub(super) settings: TreeSettings,
    pub(super) root: Arc<TreeRoot>,
    /// Where the tree is one file, its name in the root.
    pub(super) only: Option<OsString>,
    /// What the directories above the root say about the interpreter.
    pub(super) above: Choice,
    excludes: Gitignore,
    /// Other trees inside this one, which have settings of their own.
    inner: HashSet<PathBuf>,
    /// The Pythons that the tree's scripts name; unknown until they were looked for.
    scripts: Mutex<Option<BTreeSet<PathBuf>>>,
}

impl Tree {
    /// Opens the tree that the settings name: a directory, or one file. Those of `others` that lie in it
    /// are not part of it.
    ///
    /// # Errors
    /// Those of opening the root, among them `NotFound` for a tree that is not there.
    pub fn open(settings: TreeSettings, others: &[PathBuf]) -> io::Result<Self> {
        let path = &settings.path;
        let (directory, only) = match plain::kind(path)? {
            crate::domain::FileKind::Directory => (path.clone(), None),
            _ if !path.file_name().is_some_and(names::is_source) => {
                return Err(io::Error::new(io::ErrorKind::InvalidInput, "it is neither a directory nor a .py file"));
            }
            _ => {
                let (Some(parent), Some(name)) = (path.parent(), path.file_name()) else {
                    return Err(io::ErrorKind::NotADirectory.into());
                };
                (parent.to_owned(), Some(name.to_owned()))
            }
        };
        let passage = Passage::new(settings.cross_owners, settings.cross_mounts, actor::current().uid == 0);
        let root = Arc::new(TreeRoot::open(&directory, passage)?);
        let mut excludes = GitignoreBuilder::new("");
        for pattern in &settings.exclude {
            excludes.add_line(None, pattern).map_err(io::Error::other)?;
        }
        let excludes = excludes.build().map_err(io::Error::other)?;
        let above = match directory.parent() {
            Some(parent) => choice_at(parent).enter(&directory, read_pyvenv(root.dir())),
            None => Choice::default(),
        };
        let inside = |other: &&PathBuf| **other != directory && other.starts_with(&directory);
        let inner = others.iter().filter(inside).cloned().collect();
        Ok(Self { settings, root, only, above, excludes, inner, scripts: Mutex::default() })
    }

    /// The path of the tree as configured.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.settings.path
    }

    /// How its changes are heard of.
    #[must_use]
    pub fn watch(&self) -> WatchPolicy {
        self.settings.watch
    }

    /// The root, which stays the same directory whatever becomes of its path.
    #[must_use]
    pub fn root(&self) -> &Arc<TreeRoot> {
        &self.root
    }

    /// Whether an entry of the directory `relative` is not to be seen at all.
    pub(super) fn excludes(&self, relative: &Path, name: &OsStr, is_directory: bool) -> bool {
        if let Some(only) = &self.only {
            return name != only && (is_directory || crate::pyc::names::is_source(name));
        }
        if !self.inner.is_empty() && self.inner.contains(&self.root.path_of(relative).join(name)) {
            return true;
        }
        let excluded = |path: PathBuf| self.excludes.matched(path, is_directory).is_ignore();
        !self.excludes.is_empty() && excluded(self.settings.exclude_prefix.join(relative).join(name))
    }

    /// Whether a directory lies in an excluded one, or is one.
    pub(super) fn excludes_directory(&self, relative: &Path) -> bool {
        let path = self.settings.exclude_prefix.join(relative);
        self.only.is_none()
            && !path.as_os_str().is_empty()
            && self.excludes.matched_path_or_any_parents(path, true).is_ignore()
    }

    /// Whether the interpreters depend on what lies in the tree.
    pub(super) fn is_auto(&self) -> bool {
        self.settings.python.iter().any(|choice| matches!(choice, PythonChoice::Auto))
    }

    /// What is known of the interpreter for a directory below the root, by going there from the root.
    pub(super) fn choice_for(&self, relative: &Path) -> Choice {
        let mut choice = self.above.clone();
        let mut directory = Arc::clone(self.root.dir());
        let mut path = self.root.path().to_owned();
        for name in relative {
            let Ok(next) = directory.enter(name, self.root.passage()) else { return choice };
            directory = Arc::new(next);
            path.push(name);
            choice = choice.enter(&path, read_pyvenv(&directory));
        }
        choice
    }

    /// The Pythons that scripts name, if they were looked for.
    pub(super) fn scripts(&self) -> Option<BTreeSet<PathBuf>> {
        self.scripts.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Has them looked for again.
    pub fn forget_scripts(&self) {
        *self.scripts.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }

    pub(super) fn set_scripts(&self, found: BTreeSet<PathBuf>) {
        *self.scripts.lock().unwrap_or_else(PoisonError::into_inner) = Some(found);
    }
}

/// `pyvenv.cfg` in a directory of the tree.
pub(super) fn read_pyvenv(dir: &Dir) -> Option<Pyvenv> {
    let (_, bytes) = dir.read_start(OsStr::new(pyvenv::FILE), pyvenv::LARGEST).ok()?;
    Some(pyvenv::parse(&bytes))
}

/// What is known in a directory above a tree, from `/` down.
fn choice_at(directory: &Path) -> Choice {
    let mut above: Vec<&Path> = directory.ancestors().collect();
    above.reverse();
    above.into_iter().fold(Choice::default(), |choice, path| {
        let config = plain::read_start(&path.join(pyvenv::FILE), pyvenv::LARGEST as u64);
        choice.enter(path, config.ok().map(|bytes| pyvenv::parse(&bytes)))
    })
}
