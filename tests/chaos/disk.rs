//! What is on the disk below a tree.

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Where sources lie that cannot have a cache: their `__pycache__` is a link.
pub const TRAP: &str = "trap";

/// All below the root by path, links as links. The trap is left out.
pub fn entries(tree: &Path) -> BTreeMap<PathBuf, Metadata> {
    let mut found = BTreeMap::new();
    let mut open = vec![tree.to_owned()];
    while let Some(directory) = open.pop() {
        // What is gone by now was a temporary file of the daemon.
        for entry in fs::read_dir(&directory).into_iter().flatten().flatten() {
            let Ok(stat) = entry.metadata() else { continue };
            if stat.is_dir() && entry.file_name() != TRAP {
                open.push(entry.path());
            }
            found.insert(entry.path(), stat);
        }
    }
    found
}

pub fn is_source(path: &Path) -> bool {
    path.extension().is_some_and(|extension| extension == "py")
}

pub fn is_in_cache_directory(path: &Path) -> bool {
    path.parent().and_then(Path::file_name).is_some_and(|name| name == "__pycache__")
}

/// Content and stat of each source, to be compared.
pub fn manifest(tree: &Path) -> BTreeMap<PathBuf, String> {
    let mut sources = entries(tree);
    sources.retain(|path, stat| stat.is_file() && is_source(path));
    let line = |(path, stat): (PathBuf, Metadata)| {
        let times = (stat.mtime(), stat.mtime_nsec(), stat.ctime(), stat.ctime_nsec());
        let what = (stat.ino(), stat.mode(), stat.uid(), stat.gid(), stat.nlink(), times);
        let content = fs::read(&path).unwrap_or_default();
        (path, format!("{what:?} {}", content.escape_ascii()))
    };
    sources.into_iter().map(line).collect()
}

/// The first difference between two manifests.
pub fn difference(before: &BTreeMap<PathBuf, String>, after: &BTreeMap<PathBuf, String>) -> Option<String> {
    let paths = before.keys().chain(after.keys());
    let changed = paths.into_iter().find(|path| before.get(*path) != after.get(*path))?;
    Some(format!("{changed:?}: {:?} before, {:?} after", before.get(changed), after.get(changed)))
}

/// In words, for a report: times and owner of a file.
pub fn describe(path: &Path) -> String {
    let Ok(stat) = fs::symlink_metadata(path) else { return "is not there".into() };
    format!(
        "inode {} links {} mode {:o} owner {}:{} size {} mtime {}.{:09} ctime {}.{:09}",
        stat.ino(),
        stat.nlink(),
        stat.mode(),
        stat.uid(),
        stat.gid(),
        stat.size(),
        stat.mtime(),
        stat.mtime_nsec(),
        stat.ctime(),
        stat.ctime_nsec()
    )
}
