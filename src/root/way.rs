//! The way to the root of a tree, component by component and by descriptor, links among them: they are the
//! administrator's word, or that of whoever may write to a directory on the way.

use std::ffi::OsString;
use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;

use super::dir::{Dir, file_stat};
use crate::domain::passage::is_world_writable;
use crate::domain::{FileKind, FileStat, escaped};

/// Links followed before it is called a loop, as the kernel does.
const MOST_LINKS: usize = 40;

/// Somebody who is not root could make the path of a tree lead to what is not theirs.
#[derive(Debug, thiserror::Error)]
#[error("{} {why}; have the way to the tree belong to root or to one user, or set cross-owners = true", escaped(.at))]
pub struct UnsafeWay {
    /// What is wrong on the way, by its path without links.
    at: PathBuf,
    why: String,
}

/// The end of a way.
pub(super) struct End {
    pub(super) dir: Dir,
    /// The path without links.
    pub(super) canonical: PathBuf,
}

/// A directory on the way, opened by its path alone.
struct Step {
    fd: OwnedFd,
    stat: FileStat,
}

const BY_PATH: OFlags = OFlags::PATH.union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// Goes to the directory at an absolute path; looks whether the way is safe if `check` says so.
///
/// # Errors
/// Those of `openat`, among them `NotFound`; an [`UnsafeWay`] as the inner error, see [`UnsafeWay::of`].
pub(super) fn go(path: &Path, check: bool) -> io::Result<End> {
    let mut pending = Vec::new();
    push(&mut pending, path);
    let mut above: Vec<Step> = Vec::new();
    let mut here = start()?;
    let mut canonical = PathBuf::from("/");
    // Who chose where the way goes on, beside the owners of the directories: by links.
    let mut choosers: Vec<(u32, PathBuf)> = Vec::new();
    let mut links = 0;
    while let Some(name) = pending.pop() {
        if name == ".." {
            if let Some(step) = above.pop() {
                here = step;
                canonical.pop();
            }
            continue;
        }
        let fd = rustix::fs::openat(&here.fd, &name, BY_PATH, Mode::empty())?;
        let next = Step { stat: file_stat(&rustix::fs::fstat(&fd)?), fd };
        if check {
            look(&here.stat, &next.stat, &canonical, &name)?;
        }
        if next.stat.kind != FileKind::Symlink {
            above.push(std::mem::replace(&mut here, next));
            canonical.push(&name);
            continue;
        }
        links += 1;
        if links > MOST_LINKS {
            return Err(Errno::LOOP.into());
        }
        if next.stat.uid != 0 {
            choosers.push((next.stat.uid, canonical.join(&name)));
        }
        let target = rustix::fs::readlinkat(&next.fd, c"", Vec::new())?;
        let target = PathBuf::from(OsString::from_vec(target.into_bytes()));
        if target.is_absolute() {
            above.clear();
            here = start()?;
            canonical = PathBuf::from("/");
        }
        push(&mut pending, &target);
    }
    if let Some((owner, link)) = choosers.into_iter().find(|(owner, _)| check && *owner != here.stat.uid) {
        let why = format!("is a link of user {owner} to a directory of user {}", here.stat.uid);
        return Err(UnsafeWay { at: link, why }.into());
    }
    let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
    let dir = Dir::from_fd(rustix::fs::openat(&here.fd, c".", flags, Mode::empty())?);
    Ok(End { dir, canonical })
}

/// The step to a name in a directory.
fn look(above: &FileStat, below: &FileStat, path: &Path, name: &OsString) -> Result<(), UnsafeWay> {
    let is_sticky = above.mode & 0o1000 != 0;
    if is_world_writable(above) && !is_sticky {
        let why = "can be written to by everybody, who could put another directory in its place".to_owned();
        return Err(UnsafeWay { at: path.to_owned(), why });
    }
    let (from, to) = (above.uid, below.uid);
    if from != 0 && to != 0 && from != to {
        let why = format!("belongs to user {to}, and the directory above it to user {from}");
        return Err(UnsafeWay { at: path.join(name), why });
    }
    Ok(())
}

fn start() -> io::Result<Step> {
    let fd = rustix::fs::open("/", BY_PATH | OFlags::DIRECTORY, Mode::empty())?;
    Ok(Step { stat: file_stat(&rustix::fs::fstat(&fd)?), fd })
}

/// The names of a path, the last one first.
fn push(pending: &mut Vec<OsString>, path: &Path) {
    let names = path.components().rev().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    });
    pending.extend(names);
}

impl UnsafeWay {
    /// The one that an error stands for.
    #[must_use]
    pub fn of(error: &io::Error) -> Option<&Self> {
        error.get_ref()?.downcast_ref()
    }
}

impl From<UnsafeWay> for io::Error {
    fn from(way: UnsafeWay) -> Self {
        Self::new(io::ErrorKind::PermissionDenied, way)
    }
}
