//! What an event is made into. Pure.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use nix::sys::fanotify::MaskFlags;
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
    /// Whether the path is surely that of a directory.
    pub directory: bool,
    /// Whether a directory has come there of which nothing has been heard: all below it is new.
    pub appeared: bool,
}

impl Change {
    /// Both changes of one path.
    #[must_use]
    pub fn and(self, other: Self) -> Self {
        Self {
            moved: self.moved || other.moved,
            complete: self.complete || other.complete,
            directory: self.directory || other.directory,
            appeared: self.appeared || other.appeared,
        }
    }

    /// What a kind of inotify's events on `path` means; `None` for what cannot concern a cache. With `is_wanted` the
    /// file counts whatever its name.
    #[must_use]
    pub(super) fn from_inotify(kind: EventKind, path: &Path, is_wanted: bool) -> Option<Self> {
        let name = path.file_name().unwrap_or_default();
        // Our own files on their way to their names, where they are seen.
        if is_replacement_name(name) {
            return None;
        }
        let (moved, complete, is_content) = match kind {
            EventKind::Modify(ModifyKind::Data(_)) => (false, false, true),
            EventKind::Access(AccessKind::Close(AccessMode::Write)) => (false, true, true),
            EventKind::Access(_) => return None,
            EventKind::Modify(ModifyKind::Metadata(MetadataKind::AccessTime)) => return None,
            EventKind::Modify(ModifyKind::Metadata(_)) => (false, true, false),
            // A link is made so, too, whose name says nothing, and of which nothing more is heard.
            EventKind::Create(CreateKind::File) => (true, false, false),
            EventKind::Remove(RemoveKind::File) => (true, true, true),
            _ => (true, true, false),
        };
        (!is_content || is_wanted || may_matter(name)).then_some(Self { moved, complete, ..Self::default() })
    }

    /// What a fanotify event means for the entry `name`, or for the directory itself where that is `.`.
    #[must_use]
    pub(super) fn from_fanotify(mask: MaskFlags, name: &OsStr) -> Option<Self> {
        if is_replacement_name(name) {
            return None;
        }
        let names = MaskFlags::FAN_DELETE | MaskFlags::FAN_MOVED_FROM | MaskFlags::FAN_MOVED_TO;
        if mask.contains(MaskFlags::FAN_ONDIR) {
            let appeared = mask.intersects(MaskFlags::FAN_CREATE | MaskFlags::FAN_MOVED_TO);
            let moved = appeared || mask.intersects(names);
            return Some(Self { moved, complete: true, directory: true, appeared });
        }
        let moved = mask.intersects(names | MaskFlags::FAN_CREATE);
        let complete = mask.intersects(names | MaskFlags::FAN_CLOSE_WRITE | MaskFlags::FAN_ATTRIB);
        let is_content = !mask.intersects(
            MaskFlags::FAN_MOVED_FROM | MaskFlags::FAN_MOVED_TO | MaskFlags::FAN_ATTRIB | MaskFlags::FAN_CREATE,
        );
        (!is_content || may_matter(name)).then_some(Self { moved, complete, ..Self::default() })
    }
}

/// The directories to look at when something about `path` has changed, which may be a directory itself.
#[must_use]
pub fn directories_of(path: &Path, is_directory: bool) -> Vec<PathBuf> {
    let parent = path.parent().map(owner_of);
    let itself = is_directory.then(|| owner_of(path));
    let mut directories: Vec<PathBuf> = parent.into_iter().chain(itself).map(Path::to_owned).collect();
    directories.dedup();
    directories
}

/// The directory with which another is looked at: a `__pycache__` is dealt with together with the one that it is in.
#[must_use]
pub fn owner_of(directory: &Path) -> &Path {
    match directory.parent() {
        Some(parent) if directory.file_name() == Some(OsStr::new(CACHE_DIRECTORY)) => parent,
        _ => directory,
    }
}

/// Whether the content of a file with this name can concern a cache: sources, caches, `pyvenv.cfg`,
/// scripts, which may name an interpreter, and interpreters (`python3.13t`).
fn may_matter(name: &OsStr) -> bool {
    let name = name.as_bytes();
    let extension = name.iter().rposition(|byte| *byte == b'.').map(|dot| &name[dot + 1..]);
    matches!(extension, None | Some(b"py" | b"pyc" | b"cfg" | b"cgi" | b"wsgi" | [b'0'..=b'9', ..]))
}

#[cfg(test)]
mod tests {
    use notify::event::{DataChange, RenameMode};

    use super::*;

    #[test]
    fn events_become_changes() {
        let change = |kind, path: &str| {
            Change::from_inotify(kind, Path::new(path), false).map(|change| (change.moved, change.complete))
        };
        let written = EventKind::Modify(ModifyKind::Data(DataChange::Any));
        let closed = EventKind::Access(AccessKind::Close(AccessMode::Write));
        let renamed = EventKind::Modify(ModifyKind::Name(RenameMode::To));
        assert_eq!(change(written, "/a/x.py"), Some((false, false)));
        assert_eq!(change(closed, "/a/x.py"), Some((false, true)));
        assert_eq!(change(renamed, "/a/x.py"), Some((true, true)));
        assert_eq!(change(renamed, "/a/release-1.2"), Some((true, true)));
        assert_eq!(change(EventKind::Create(CreateKind::File), "/a/release-1.2"), Some((true, false)), "a link?");
        assert_eq!(change(EventKind::Remove(RemoveKind::File), "/a/__pycache__/x.cpython-311.pyc"), Some((true, true)));
        assert_eq!(change(closed, "/a/site.log"), None);
        let wanted = Change::from_inotify(closed, Path::new("/a/file_contexts.local"), true);
        assert_eq!(wanted.map(|change| change.complete), Some(true));
        assert_eq!(change(closed, "/a/hello"), Some((false, true)));
        assert_eq!(change(EventKind::Remove(RemoveKind::File), "/usr/bin/python3.13t"), Some((true, true)));
        assert_eq!(change(renamed, "/a/__pycache__/.pycwarm-0123456789abcdef.tmp"), None);
        assert_eq!(change(EventKind::Access(AccessKind::Open(AccessMode::Any)), "/a/x.py"), None);
    }

    #[test]
    fn both_kinds_of_events_mean_the_same() {
        let change = |mask, name: &str| Change::from_fanotify(mask, OsStr::new(name));
        let of_file = |moved, complete| Some(Change { moved, complete, ..Change::default() });
        let directory = |moved, appeared| Some(Change { moved, complete: true, directory: true, appeared });
        assert_eq!(change(MaskFlags::FAN_MODIFY, "x.py"), of_file(false, false));
        assert_eq!(change(MaskFlags::FAN_MODIFY | MaskFlags::FAN_CLOSE_WRITE, "x.py"), of_file(false, true));
        assert_eq!(change(MaskFlags::FAN_MODIFY | MaskFlags::FAN_CLOSE_WRITE, "site.log"), None);
        assert_eq!(change(MaskFlags::FAN_MOVED_TO, "release-1.2"), of_file(true, true));
        assert_eq!(change(MaskFlags::FAN_CREATE, "release-1.2"), of_file(true, false), "a link?");
        assert_eq!(change(MaskFlags::FAN_DELETE, "x.py"), of_file(true, true));
        assert_eq!(change(MaskFlags::FAN_DELETE, "site.log"), None);
        assert_eq!(change(MaskFlags::FAN_ATTRIB, "x.py"), of_file(false, true));
        assert_eq!(change(MaskFlags::FAN_MODIFY, ".pycwarm-0123456789abcdef.tmp"), None);
        assert_eq!(change(MaskFlags::FAN_CREATE | MaskFlags::FAN_ONDIR, "d"), directory(true, true));
        assert_eq!(change(MaskFlags::FAN_MOVED_FROM | MaskFlags::FAN_ONDIR, "d"), directory(true, false));
        assert_eq!(change(MaskFlags::FAN_ATTRIB | MaskFlags::FAN_ONDIR, "."), directory(false, false));
    }

    #[test]
    fn a_cache_directory_is_looked_at_with_its_parent() {
        let of = |path: &str, is_directory| directories_of(Path::new(path), is_directory);
        assert_eq!(of("/a/x.py", false), [Path::new("/a")]);
        assert_eq!(of("/a/__pycache__/x.cpython-311.pyc", false), [Path::new("/a")]);
        assert_eq!(of("/a/__pycache__", true), [Path::new("/a")]);
        assert_eq!(of("/a/b", true), [Path::new("/a"), Path::new("/a/b")]);
    }
}
