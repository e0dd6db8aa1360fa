//! The root of a tree: the one path that is opened as it stands, links and all, because it is the
//! administrator's own word.

use std::ffi::OsStr;
use std::io;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::dir::Dir;
use super::passage::barred;
use super::way::{self, End};
use crate::domain::FileStat;
use crate::domain::passage::Passage;

/// An opened tree root. It stays the same directory even if the path is bent afterwards.
#[derive(Debug)]
pub struct TreeRoot {
    path: PathBuf,
    canonical: PathBuf,
    dir: Arc<Dir>,
    passage: Passage,
}

impl TreeRoot {
    /// Opens the directory at an absolute path; links in it are followed. `passage` says where one may go from there;
    /// where owners count, they do on the way to it, too.
    ///
    /// # Errors
    /// Those of `open`, among them `NotFound` for a tree that is not there (yet); an
    /// [`UnsafeWay`](super::UnsafeWay).
    pub fn open(path: &Path, passage: Passage) -> io::Result<Self> {
        let End { dir, canonical } = way::go(path, !passage.any_owner)?;
        Ok(Self { path: path.to_owned(), canonical, dir: Arc::new(dir), passage })
    }

    /// Where one may go from here.
    #[must_use]
    pub fn passage(&self) -> Passage {
        self.passage
    }

    /// The path as configured, which is how its sources are called.
    #[must_use]
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What a directory below the root is called; `relative` may be empty.
    #[must_use]
    pub fn path_of(&self, relative: &Path) -> PathBuf {
        // Joining nothing would leave a slash at the end.
        if relative.as_os_str().is_empty() { self.path.clone() } else { self.path.join(relative) }
    }

    /// The path without links.
    #[must_use]
    pub fn canonical(&self) -> &Path {
        &self.canonical
    }

    #[must_use]
    pub fn dir(&self) -> &Arc<Dir> {
        &self.dir
    }

    /// The stat of the directory that was opened.
    ///
    /// # Errors
    /// Those of `fstat`.
    pub fn stat(&self) -> io::Result<FileStat> {
        self.dir.stat()
    }

    /// The part of an absolute path below this root, under either of its names.
    #[must_use]
    pub fn strip<'a>(&self, absolute: &'a Path) -> Option<&'a Path> {
        absolute.strip_prefix(&self.path).or_else(|_| absolute.strip_prefix(&self.canonical)).ok()
    }

    /// Opens a directory below the root, one component at a time, following no link.
    ///
    /// # Errors
    /// `InvalidInput` where `relative` has components other than names; those of `openat`.
    pub fn open_below(&self, relative: &Path) -> io::Result<Arc<Dir>> {
        let mut here = Arc::clone(&self.dir);
        self.passage.stand(&here.stat()?).map_err(barred)?;
        for component in relative.components() {
            let name: &OsStr = match component {
                Component::Normal(name) => name,
                Component::CurDir => continue,
                _ => return Err(io::Error::new(io::ErrorKind::InvalidInput, "not a path below a tree's root")),
            };
            here = Arc::new(here.enter(name, self.passage)?);
        }
        Ok(here)
    }
}
