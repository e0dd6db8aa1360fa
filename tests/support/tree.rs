//! Trees of sources, made for one test.

use std::fs::{self, File, FileTimes};
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use tempfile::TempDir;

use super::skip::is_root;

/// A temporary tree; its path has no links, so that it can be compared with reported ones.
pub struct Tree {
    directory: TempDir,
    pub root: PathBuf,
}

impl Tree {
    pub fn new() -> Self {
        Tree::inside(&std::env::temp_dir())
    }

    /// In a directory in which root may run programs: all above it is root's, and nobody else may write there.
    /// `None` if there is no such place.
    pub fn trusted() -> Option<Self> {
        let target = PathBuf::from(env!("CARGO_TARGET_TMPDIR"));
        let home = std::env::var_os("HOME").map(PathBuf::from);
        let places = [Some(target), home, Some("/var/lib".into())];
        let place = places.into_iter().flatten().find(|place| !is_root() || only_root_writes(place))?;
        Some(Tree::inside(&place))
    }

    /// The same, where every user can come to.
    pub fn trusted_and_open() -> Option<Self> {
        let places = [PathBuf::from(env!("CARGO_TARGET_TMPDIR")), "/var/lib".into()];
        let place = places.into_iter().find(|place| only_root_writes(place) && everybody_enters(place))?;
        Some(Tree::inside(&place))
    }

    fn inside(parent: &Path) -> Self {
        let directory =
            tempfile::Builder::new().prefix("pycwarm-test-").tempdir_in(parent).expect("a temporary directory");
        // Any user may look in, as in a web root; temporary directories are closed.
        fs::set_permissions(directory.path(), fs::Permissions::from_mode(0o755)).expect("own directory");
        let root = fs::canonicalize(directory.path()).expect("own directory");
        Tree { directory, root }
    }

    pub fn path(&self, relative: &str) -> PathBuf {
        self.root.join(relative)
    }

    /// Writes a file and the directories above it.
    pub fn file(&self, relative: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.path(relative);
        fs::create_dir_all(path.parent().expect("has a parent")).expect("directories can be made");
        fs::write(&path, content).expect("files can be written");
        path
    }

    /// A source of an hour ago, so that the rule for sources of this second says nothing about it.
    pub fn source(&self, relative: &str, content: impl AsRef<[u8]>) -> PathBuf {
        let path = self.file(relative, content);
        set_mtime(&path, hour_ago());
        path
    }

    /// The good file beside a bad one.
    pub fn good(&self) -> PathBuf {
        self.source("good.py", "GOOD = 'good'\n")
    }
}

fn only_root_writes(path: &Path) -> bool {
    let Ok(path) = fs::canonicalize(path) else { return false };
    path.ancestors().all(|part| fs::metadata(part).is_ok_and(|stat| stat.uid() == 0 && stat.mode() & 0o022 == 0))
}

fn everybody_enters(path: &Path) -> bool {
    path.ancestors().all(|part| fs::metadata(part).is_ok_and(|stat| stat.mode() & 0o001 != 0))
}

pub fn hour_ago() -> SystemTime {
    SystemTime::now() - Duration::from_secs(3600)
}

pub fn set_mtime(path: &Path, time: SystemTime) {
    let times = FileTimes::new().set_modified(time).set_accessed(time);
    let set = File::open(path).and_then(|file| file.set_times(times));
    set.unwrap_or_else(|error| panic!("cannot set the time of {path:?}: {error}"));
}

pub fn set_mode(path: &Path, mode: u32) {
    fs::set_permissions(path, fs::Permissions::from_mode(mode)).expect("own file");
}

pub fn mode(path: &Path) -> u32 {
    fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{path:?}: {error}")).mode() & 0o7777
}

pub fn inode(path: &Path) -> u64 {
    fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{path:?}: {error}")).ino()
}

/// Everything that a write would change, for each file and directory below `root`, as text to compare.
pub fn snapshot(root: &Path) -> String {
    let mut lines = Vec::new();
    let mut open = vec![root.to_owned()];
    while let Some(path) = open.pop() {
        let stat = fs::symlink_metadata(&path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        let times = (stat.mtime(), stat.mtime_nsec(), stat.ctime(), stat.ctime_nsec());
        let what = (stat.ino(), stat.mode(), stat.uid(), stat.gid(), stat.size(), stat.nlink());
        lines.push(format!("{} {what:?} {times:?}", path.as_os_str().as_bytes().escape_ascii()));
        if stat.is_dir() {
            open.extend(fs::read_dir(&path).expect("own directory").map(|entry| entry.expect("own directory").path()));
        }
    }
    lines.sort();
    lines.join("\n")
}

/// Copies the sources of `from` and nothing else; links become files.
pub fn copy_sources(from: &Path, to: &Path) -> u64 {
    let mut copied = 0;
    fs::create_dir_all(to).expect("directories can be made");
    for entry in fs::read_dir(from).unwrap_or_else(|error| panic!("{from:?}: {error}")).flatten() {
        let (source, name) = (entry.path(), entry.file_name());
        let is_directory = entry.file_type().is_ok_and(|kind| kind.is_dir());
        if is_directory && name != "__pycache__" && name != "site-packages" && name != "dist-packages" {
            copied += copy_sources(&source, &to.join(name));
        } else if !is_directory && source.extension().is_some_and(|suffix| suffix == "py") && source.is_file() {
            let target = to.join(name);
            fs::copy(&source, &target).unwrap_or_else(|error| panic!("{source:?}: {error}"));
            set_mode(&target, 0o644);
            set_mtime(&target, hour_ago());
            copied += 1;
        }
    }
    copied
}
