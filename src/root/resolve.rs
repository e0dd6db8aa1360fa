//! Follows a link inside a tree, component by component, without ever leaving the tree.
//!
//! `openat2(RESOLVE_BENEATH)` would do most of it, but RHEL 8's kernel and many container sandboxes
//! do not have it, and it refuses absolute links that lead back into the tree.

use std::ffi::{OsStr, OsString};
use std::io;
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

use super::dir::Dir;
use super::passage::barred;
use super::tree_root::TreeRoot;
use crate::domain::FileKind;

/// Links followed before it is called a loop, as the kernel does.
const MOST_LINKS: usize = 40;

/// Why a path inside a tree leads to no file in it.
#[derive(Debug)]
pub enum LinkFault {
    Dangling,
    Loop,
    LeavesTree,
    Io(io::Error),
}

/// Where a path inside a tree leads.
#[derive(Debug)]
pub struct Resolved {
    pub parent: Arc<Dir>,
    /// In the parent; not a link at the time of the look.
    pub name: OsString,
}

/// Finds the file that `relative` (below the root) leads to. `passed` gets the directories, below the root,
/// in which a name decided where it leads: those of the links, and that of the file, there or not.
///
/// # Errors
/// See [`LinkFault`].
pub fn resolve(root: &Arc<TreeRoot>, relative: &Path, passed: &mut Vec<PathBuf>) -> Result<Resolved, LinkFault> {
    let mut pending: Vec<OsString> = Vec::new();
    push_components(&mut pending, relative);
    let mut above: Vec<Arc<Dir>> = Vec::new();
    let mut here = Arc::clone(root.dir());
    let mut names = PathBuf::new();
    let mut links = 0;
    // The directory of the first link: where the cache of what it leads to will be.
    let mut owner_of_link = None;
    while let Some(name) = pending.pop() {
        if name == ".." {
            here = above.pop().ok_or(LinkFault::LeavesTree)?;
            names.pop();
            continue;
        }
        let stat = match here.stat_entry(&name) {
            Ok(stat) => stat,
            Err(error) => {
                passed.push(names);
                return Err(missing(error));
            }
        };
        match stat.kind {
            FileKind::Symlink => {
                links += 1;
                owner_of_link.get_or_insert(here.stat().map_err(LinkFault::Io)?);
                passed.push(names.clone());
                if links > MOST_LINKS {
                    return Err(LinkFault::Loop);
                }
                let target = read_link(&here, &name).map_err(missing)?;
                if target.is_absolute() {
                    let inside = root.strip(&target).ok_or(LinkFault::LeavesTree)?;
                    above.clear();
                    names.clear();
                    here = Arc::clone(root.dir());
                    push_components(&mut pending, inside);
                } else {
                    push_components(&mut pending, &target);
                }
            }
            FileKind::Directory if !pending.is_empty() => {
                let next = Arc::new(here.enter(&name, root.passage()).map_err(missing)?);
                above.push(std::mem::replace(&mut here, next));
                names.push(&name);
            }
            _ if pending.is_empty() => {
                passed.push(names);
                if let Some(directory) = owner_of_link {
                    root.passage().follow(&directory, &stat).map_err(|barrier| LinkFault::Io(barred(barrier)))?;
                }
                return Ok(Resolved { parent: here, name });
            }
            _ => return Err(LinkFault::Dangling),
        }
    }
    // The link leads to a directory: to the root or to one named by `..`.
    Err(LinkFault::Io(io::Error::new(io::ErrorKind::InvalidInput, "it is a directory")))
}

fn push_components(pending: &mut Vec<OsString>, path: &Path) {
    let names = path.components().rev().filter_map(|component| match component {
        Component::Normal(name) => Some(name.to_owned()),
        Component::ParentDir => Some(OsString::from("..")),
        Component::CurDir | Component::RootDir | Component::Prefix(_) => None,
    });
    pending.extend(names);
}

fn read_link(dir: &Dir, name: &OsStr) -> io::Result<PathBuf> {
    let target = rustix::fs::readlinkat(dir, name, Vec::new())?;
    Ok(PathBuf::from(OsString::from_vec(target.into_bytes())))
}

fn missing(error: io::Error) -> LinkFault {
    match error.kind() {
        io::ErrorKind::NotFound | io::ErrorKind::NotADirectory => LinkFault::Dangling,
        _ if is_loop(&error) => LinkFault::Loop,
        _ => LinkFault::Io(error),
    }
}

/// `ELOOP`: too many links, or one where none is followed.
#[must_use]
pub fn is_loop(error: &io::Error) -> bool {
    rustix::io::Errno::from_io_error(error) == Some(rustix::io::Errno::LOOP)
}
