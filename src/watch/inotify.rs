//! inotify, by the notify crate, one directory at a time.
//!
//! The crate's own recursion lists nothing: it loses what is written right after its directory is made.
//! So the engine's walk watches each directory before it lists it, and this only keeps account.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError, RwLock};

use notify::{Config, ErrorKind, EventKindMask, INotifyWatcher, RecursiveMode, WatchPathConfig, Watcher as _};

use super::changes::Change;
use super::interest::Interest;
use super::queue::Queue;
use crate::domain::{FileStat, escaped};

/// Why a directory cannot be watched.
#[derive(Debug, thiserror::Error)]
pub enum WatchError {
    #[error("cannot watch {path}: out of inotify watches; raise fs.inotify.max_user_watches (sysctl)")]
    OutOfWatches { path: String },
    #[error("cannot watch {path}: {error}")]
    Other { path: String, error: notify::Error },
    #[error("cannot use inotify: {0}; fs.inotify.max_user_instances (sysctl) may be too low")]
    Start(notify::Error),
}

/// The watched directories. Their changes go into the queue.
#[derive(Debug)]
pub struct Watcher {
    /// Never locked while `watched` is: the crate's thread answers only after it has delivered its events.
    inotify: Mutex<INotifyWatcher>,
    watched: Mutex<BTreeMap<PathBuf, Identity>>,
    interest: Arc<RwLock<Interest>>,
}

/// A directory whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Identity {
    device: u64,
    inode: u64,
}

impl From<&FileStat> for Identity {
    fn from(stat: &FileStat) -> Self {
        Self { device: stat.device, inode: stat.inode }
    }
}

impl Watcher {
    /// Starts to listen, to nothing yet.
    ///
    /// # Errors
    /// [`WatchError::Start`].
    pub fn new(queue: Arc<Queue>) -> Result<Self, WatchError> {
        let interest: Arc<RwLock<Interest>> = Arc::default();
        let heard = Arc::clone(&interest);
        // Neither opening nor reading: every import of a module would wake us.
        let kinds = EventKindMask::CORE | EventKindMask::ACCESS_CLOSE;
        let handler = move |event| hear(&queue, &heard, event);
        let inotify =
            INotifyWatcher::new(handler, Config::default().with_event_kinds(kinds)).map_err(WatchError::Start)?;
        Ok(Self { inotify: Mutex::new(inotify), watched: Mutex::default(), interest })
    }

    /// Says which changes count from now on.
    pub fn set_interest(&self, interest: Interest) {
        *self.interest.write().unwrap_or_else(PoisonError::into_inner) = interest;
    }

    /// Watches a directory of which `stat` was taken through its descriptor. `follow` if the path itself
    /// may be a link: the root of a tree. One that is watched already costs nothing.
    ///
    /// # Errors
    /// See [`WatchError`]. That it is gone is no error: its parent tells.
    pub fn watch(&self, path: &Path, stat: &FileStat, follow: bool) -> Result<(), WatchError> {
        if self.knows(path, stat) {
            return Ok(());
        }
        self.forget(path);
        let config = WatchPathConfig::new(RecursiveMode::NonRecursive).with_dereference_symlinks(follow);
        let result = self.inotify().watch_with(path, config);
        match result {
            Ok(()) => {
                self.watched().insert(path.to_owned(), stat.into());
                Ok(())
            }
            Err(error) => {
                let gone = matches!(&error.kind, ErrorKind::PathNotFound)
                    || matches!(&error.kind, ErrorKind::Io(io) if io.kind() == std::io::ErrorKind::NotFound);
                let path = escaped(path).to_string();
                match error.kind {
                    _ if gone => Ok(()),
                    ErrorKind::MaxFilesWatch => Err(WatchError::OutOfWatches { path }),
                    _ => Err(WatchError::Other { path, error }),
                }
            }
        }
    }

    /// Whether this very directory is watched under this path.
    #[must_use]
    pub fn knows(&self, path: &Path, stat: &FileStat) -> bool {
        self.watched().get(path) == Some(&stat.into())
    }

    /// Whether anything is watched under this path.
    #[must_use]
    pub fn is_watched(&self, path: &Path) -> bool {
        self.watched().contains_key(path)
    }

    /// How many directories are watched.
    #[must_use]
    pub fn count(&self) -> usize {
        self.watched().len()
    }

    /// Ends the watches on a path and on all below it. What is there is unknown from now on.
    pub fn forget(&self, path: &Path) {
        self.end(self.watched_below(path));
    }

    /// Ends the watches on those directories directly in `path` that `is_there` does not know.
    pub fn forget_missing(&self, path: &Path, is_there: impl Fn(&Path) -> bool) {
        let below = self.watched_below(path);
        let gone: Vec<PathBuf> =
            below.into_iter().filter(|child| child.parent() == Some(path) && !is_there(child)).collect();
        for child in gone {
            self.forget(&child);
        }
    }

    fn watched_below(&self, path: &Path) -> Vec<PathBuf> {
        let watched = self.watched();
        watched
            .range(path.to_owned()..)
            .map(|(path, _)| path)
            .take_while(|other| other.starts_with(path))
            .cloned()
            .collect()
    }

    fn end(&self, paths: Vec<PathBuf>) {
        for path in paths {
            // The kernel may have ended it already, with the directory.
            let _ = self.inotify().unwatch(&path);
            self.watched().remove(&path);
        }
    }

    fn inotify(&self) -> std::sync::MutexGuard<'_, INotifyWatcher> {
        self.inotify.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watched(&self) -> std::sync::MutexGuard<'_, BTreeMap<PathBuf, Identity>> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Called on the crate's thread, for each event.
fn hear(queue: &Queue, interest: &RwLock<Interest>, event: notify::Result<notify::Event>) {
    let event = match event {
        Ok(event) if event.need_rescan() => {
            return queue.lose("the kernel's event queue overflowed; fs.inotify.max_queued_events (sysctl) bounds it");
        }
        Ok(event) => event,
        Err(error) => {
            tracing::warn!("inotify failed: {error}");
            return queue.lose("reading events failed");
        }
    };
    let interest = interest.read().unwrap_or_else(PoisonError::into_inner);
    for path in event.paths.iter().filter(|path| interest.covers(path)) {
        if let Some(change) = Change::from_event(event.kind, path) {
            queue.put(path, change);
        }
    }
}
