//! What an event is made into. Pure.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use notify::EventKind;
use notify::event::{AccessKind, AccessMode, CreateKind, MetadataKind, ModifyKind, RemoveKind};

use crate::pyc::names::CACHE_DIRECTORY;
use crate::root::replacement::is_replacement_name;

/// Something about a path has changed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Change {
    /// A name came, went or is another file now: a watch on that path may be on the wrong directory.
    pub moved: bool,
    /// Whether it is complete, or more is surely to come: a file that is being written.
    pub complete: bool,
}

impl Change {
    /// Both changes of one path.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self { moved: self.moved || other.moved, complete: self.complete || other.complete }
    }

    /// What a kind of event on `path` means; `None` for what cannot concern a cache.
    #[must_use]
    pub(super) fn from_event(kind: EventKind, path: &Path) -> Option<Self> {
        let name = path.file_name().unwrap_or_default();
        // Our own files on their way to their names, where they are seen.
        if is_replacement_name(name) {
            return None;
        }
        let (moved, complete, is_file) = match kind {
            EventKind::Modify(ModifyKind::Data(_)) => (false, false, true),
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => (false, true, true),
            EventKind::Access(_) => return None,
            EventKind::Modify(ModifyKind::Metadata(MetadataKind::AccessTime)) => return None,
            EventKind::Modify(ModifyKind::Metadata(_)) => (false, true, false),
            EventKind::Create(CreateKind::File) => (false, false, true),
            EventKind::Remove(RemoveKind::File) => (true, true, true),
            _ => (true, true, false),
        };
        (!is_file || may_matter(name)).then_some(Self { moved, complete })
    }
}

/// The directories to look at when something about `path` has changed. `is_watched` tells directories
/// that are watched themselves.
#[must_use]
pub fn directories_of(path: &Path, is_watched: impl Fn(&Path) -> bool) -> Vec<PathBuf> {
    let parent = path.parent().map(owner_of);
    let itself = is_watched(path).then(|| owner_of(path));
    let mut directories: Vec<PathBuf> = parent.into_iter().chain(itself).map(Path::to_owned).collect();
    directories.dedup();
    directories
}

/// A `__pycache__` is dealt with together with the directory that it is in.
fn owner_of(directory: &Path) -> &Path {
    match directory.parent() {
        Some(parent) if directory.file_name() == Some(OsStr::new(CACHE_DIRECTORY)) => parent,
        _ => directory,
    }
}

/// Whether the content of a file with this name can concern a cache: sources, caches, `pyvenv.cfg`,
/// and scripts, which may name an interpreter.
fn may_matter(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let extension = name.iter().rposition(|byte| *byte == b'.').map(|dot| &name[dot + 1..]);
    matches!(extension, None | Some(b"py" | b"pyc" | b"cfg" | b"cgi" | b"wsgi"))
}

#[cfg(test)]
mod tests {
    use notify::event::{DataChange, RenameMode};

    use super::*;

    #[test]
    fn events_become_changes() {
        let change =
            |kind, path: &str| Change::from_event(kind, Path::new(path)).map(|change| (change.moved, change.complete));
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        assert_eq!(change(written, "/a/x.py"), Some((false, false)));
        assert_eq!(change(closed, "/a/x.py"), Some((false, true)));
        assert_eq!(change(renamed, "/a/x.py"), Some((true, true)));
        assert_eq!(change(renamed, "/a/release-1.2"), Some((true, true)));
        assert_eq!(change(EventKind::Remove(RemoveKind::File), "/a/__pycache__/x.cpython-311.pyc"), Some((true, true)));
        assert_eq!(change(closed, "/a/site.log"), None);
        assert_eq!(change(closed, "/a/hello"), Some((false, true)));
        assert_eq!(change(renamed, "/a/__pycache__/.pycwarm-0123456789abcdef.tmp"), None);
        assert_eq!(change(EventKind::Access(AccessKind::Open(AccessMode::Any)), "/a/x.py"), None);
    }

    #[test]
    fn a_cache_directory_is_looked_at_with_its_parent() {
        let of = |path: &str, watched: &str| directories_of(Path::new(path), |path| path == Path::new(watched));
        assert_eq!(of("/a/x.py", ""), [Path::new("/a")]);
        assert_eq!(of("/a/__pycache__/x.cpython-311.pyc", ""), [Path::new("/a")]);
        assert_eq!(of("/a/__pycache__", "/a/__pycache__"), [Path::new("/a")]);
        assert_eq!(of("/a/b", "/a/b"), [Path::new("/a"), Path::new("/a/b")]);
    }
}
