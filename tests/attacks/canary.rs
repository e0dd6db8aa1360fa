//! A directory outside of all trees, of which everything is compared before and after.

use std::collections::BTreeMap;
use std::ffi::CString;
use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::{Path, PathBuf};

use crate::support::python::Interpreter;
use crate::support::tree::{Tree, set_mode};
use crate::users::VICTIM;

/// Stands in every source that is nobody's business; in its cache it would stand as it is, too.
pub const SECRET: &str = "a-secret-of-somebody-else";

/// The same in what lies outside of all trees, and is not to be read at all.
pub const OUTSIDE: &str = "a-secret-of-somebody-else-outside";

/// All that a write, a chmod, a chown, a link, a relabelling would change, for each file.
#[derive(Debug, PartialEq, Eq)]
pub struct Canary {
    root: PathBuf,
    before: BTreeMap<PathBuf, Facts>,
}

#[derive(Debug, PartialEq, Eq)]
struct Facts {
    inode: u64,
    mode: u32,
    owner: (u32, u32),
    links: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    /// Of a file.
    content: Vec<u8>,
    /// Names and values of the extended attributes, of a file or directory.
    attributes: Vec<(Vec<u8>, Vec<u8>)>,
}

/// Makes sources of several owners, and caches where those of the attacker would come to lie by a bent path.
pub fn lay_out(place: &Tree, python: &Interpreter) -> PathBuf {
    assert!(OUTSIDE.contains(SECRET), "who looks for the one finds the other");
    let secret = format!("SECRET = {OUTSIDE:?}\n");
    for name in ["canary/secret.py", "canary/victims/secret.py", "canary/s00.py", "canary/deep/below/s00.py"] {
        set_mode(&place.source(name, &secret), 0o600);
    }
    place.source("canary/open.py", "OPEN = 1\n");
    for name in ["secret", "s00", "open"] {
        place.file(&format!("canary/__pycache__/{name}.{}.pyc", python.tag), "an old cache");
    }
    let program = place.file("canary/program", "#!/bin/sh\n");
    set_mode(&program, 0o4755);
    let labelled = place.file("canary/labelled", "x");
    let set = rustix::fs::setxattr(&labelled, c"user.canary", b"kept", rustix::fs::XattrFlags::empty());
    // Not every file system has them; then there is nothing to lose.
    let _ = set;
    for path in ["canary/victims", "canary/victims/secret.py"] {
        chown(place.path(path), Some(VICTIM), Some(VICTIM)).expect("root");
    }
    set_mode(&place.path("canary/victims"), 0o700);
    place.path("canary")
}

impl Canary {
    pub fn note(root: &Path) -> Self {
        let mut before = BTreeMap::new();
        let mut open = vec![root.to_owned()];
        while let Some(path) = open.pop() {
            let facts = Facts::of(&path);
            if facts.mode & 0o170_000 == 0o040_000 {
                open.extend(fs::read_dir(&path).expect("own directory").flatten().map(|entry| entry.path()));
            }
            before.insert(path, facts);
        }
        assert!(before.len() > 1, "{root:?} is empty");
        Canary { root: root.to_owned(), before }
    }

    #[track_caller]
    pub fn assert_untouched(&self) {
        let after = Canary::note(&self.root).before;
        for (path, facts) in &self.before {
            assert_eq!(Some(facts), after.get(path), "{path:?} was touched");
        }
        let new: Vec<&PathBuf> = after.keys().filter(|path| !self.before.contains_key(*path)).collect();
        assert!(new.is_empty(), "new outside of the trees: {new:?}");
    }

    /// For files that have a name in a tree, too: to remove that name, which anybody may who owns its directory,
    /// changes their count of links and the time of that.
    pub fn but_for_links(mut self) -> Self {
        self.before.values_mut().for_each(Facts::forget_links);
        self
    }

    #[track_caller]
    pub fn assert_untouched_but_for_links(&self) {
        let after = Canary::note(&self.root).but_for_links();
        assert_eq!(self, &after);
    }
}

impl Facts {
    fn of(path: &Path) -> Self {
        let stat = fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
        Facts {
            inode: stat.ino(),
            mode: stat.mode(),
            owner: (stat.uid(), stat.gid()),
            links: stat.nlink(),
            size: stat.size(),
            modified: (stat.mtime(), stat.mtime_nsec()),
            changed: (stat.ctime(), stat.ctime_nsec()),
            content: if stat.is_file() { fs::read(path).expect("own file") } else { Vec::new() },
            attributes: attributes(path),
        }
    }

    fn forget_links(&mut self) {
        (self.links, self.changed) = (0, (0, 0));
    }
}

fn attributes(path: &Path) -> Vec<(Vec<u8>, Vec<u8>)> {
    let mut names = vec![0; 4096];
    let length = rustix::fs::llistxattr(path, &mut names[..]).unwrap_or(0);
    let mut found = Vec::new();
    for name in names[..length].split(|byte| *byte == 0).filter(|name| !name.is_empty()) {
        let mut value = vec![0; 4096];
        let name = CString::new(name).expect("split at the NUL bytes");
        let length = rustix::fs::lgetxattr(path, &name, &mut value[..]).unwrap_or(0);
        value.truncate(length);
        found.push((name.into_bytes(), value));
    }
    found.sort();
    found
}
