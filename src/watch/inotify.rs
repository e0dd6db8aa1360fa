//! inotify, by the notify crate, one directory at a time.
//!
//! The crate's own recursion lists nothing: it loses what is written right after its directory is made.
//! So the engine's walk watches each directory before it lists it, and this only keeps account.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use notify::{
    Config, ErrorKind, EventKind, EventKindMask, INotifyWatcher, RecursiveMode, WatchPathConfig, Watcher as _,
};

use super::changes::Change;
use super::interest::Interest;
use super::queue::Queue;
use crate::domain::{FileStat, Identity, escaped};

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

/// So many watches are ended one by one; the crate looks through all of its own each time.
const FEW: usize = 1000;

/// The watched directories. Their changes go into the queue.
#[derive(Debug)]
pub struct Inotify {
    queue: Arc<Queue>,
    interest: Arc<RwLock<Interest>>,
    /// Never locked while `watched` is: the crate's thread answers only after it has delivered its events.
    inotify: Mutex<INotifyWatcher>,
    watched: Mutex<Watched>,
}

/// The account of the watches.
#[derive(Debug, Default)]
struct Watched {
    by_path: BTreeMap<PathBuf, Identity>,
    by_identity: HashMap<Identity, Vec<PathBuf>>,
    /// Counts the fresh starts.
    generation: u64,
}

impl Watched {
    fn insert(&mut self, path: &Path, identity: Identity) {
        self.remove(path);
        self.by_path.insert(path.to_owned(), identity);
        self.by_identity.entry(identity).or_default().push(path.to_owned());
    }

    fn remove(&mut self, path: &Path) {
        let Some(identity) = self.by_path.remove(path) else { return };
        if let Some(paths) = self.by_identity.get_mut(&identity) {
            paths.retain(|other| other != path);
            if paths.is_empty() {
                self.by_identity.remove(&identity);
            }
        }
    }
}

impl Inotify {
    /// Starts to listen, to nothing yet.
    ///
    /// # Errors
    /// [`WatchError::Start`].
    pub fn new(queue: Arc<Queue>, interest: Arc<RwLock<Interest>>) -> Result<Self, WatchError> {
        let inotify = Mutex::new(listen(&queue, &interest)?);
        Ok(Self { queue, interest, inotify, watched: Mutex::default() })
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
        // Another directory under this path has others below. One that is new here may be above what is watched.
        if self.is_watched(path) {
            self.forget(path);
        }
        let generation = self.watched().generation;
        let config = WatchPathConfig::new(RecursiveMode::NonRecursive).with_dereference_symlinks(follow);
        let result = self.inotify().watch_with(path, config);
        match result {
            Ok(()) => {
                let mut watched = self.watched();
                // A watch from before a fresh start may be lost: it stays unknown.
                if watched.generation == generation {
                    watched.insert(path, stat.identity());
                }
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
        self.watched().by_path.get(path) == Some(&stat.identity())
    }

    /// Whether anything is watched under this path.
    #[must_use]
    pub fn is_watched(&self, path: &Path) -> bool {
        self.watched().by_path.contains_key(path)
    }

    /// All paths under which a watched directory is watched, itself included: trees may lead to one
    /// directory by different links, and its events name only one of them.
    #[must_use]
    pub fn names_of(&self, path: &Path) -> Vec<PathBuf> {
        let watched = self.watched();
        let names = watched.by_path.get(path).and_then(|identity| watched.by_identity.get(identity));
        names.cloned().unwrap_or_else(|| vec![path.to_owned()])
    }

    /// How many directories are watched.
    #[must_use]
    pub fn count(&self) -> usize {
        self.watched().by_path.len()
    }

    /// Ends the watches on a path and on all below it. What is there is unknown from now on.
    pub fn forget(&self, path: &Path) {
        let below = self.watched_below(path);
        if below.len() > FEW {
            self.start_afresh();
            return self.queue.lose("a directory with many others in it was moved, replaced or given up");
        }
        for path in below {
            // The kernel may have ended it already, with the directory.
            let _ = self.inotify().unwatch(&path);
            self.watched().remove(&path);
        }
    }

    /// Ends the watches on those directories directly in `path` that `is_there` does not know.
    pub fn forget_missing(&self, path: &Path, is_there: impl Fn(&Path) -> bool) {
        let is_gone = |child: &PathBuf| child.parent() == Some(path) && !is_there(child);
        let gone: Vec<PathBuf> = self.watched_below(path).into_iter().filter(is_gone).collect();
        for child in gone {
            self.forget(&child);
        }
    }

    /// Ends all watches. After events were lost nobody knows which of them still hold.
    pub fn start_afresh(&self) {
        match listen(&self.queue, &self.interest) {
            Ok(inotify) => *self.inotify() = inotify,
            // The old ones are asked for again, and those that are lost are made.
            Err(error) => tracing::error!("{error}; changes may be missed until the next look at everything"),
        }
        let mut watched = self.watched();
        *watched = Watched { generation: watched.generation + 1, ..Watched::default() };
    }

    fn watched_below(&self, path: &Path) -> Vec<PathBuf> {
        let watched = self.watched();
        let from = watched.by_path.range(path.to_owned()..).map(|(path, _)| path);
        from.take_while(|other| other.starts_with(path)).cloned().collect()
    }

    fn inotify(&self) -> MutexGuard<'_, INotifyWatcher> {
        self.inotify.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn watched(&self) -> MutexGuard<'_, Watched> {
        self.watched.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn listen(queue: &Arc<Queue>, interest: &Arc<RwLock<Interest>>) -> Result<INotifyWatcher, WatchError> {
    let (queue, interest) = (Arc::clone(queue), Arc::clone(interest));
    // Neither opening nor reading: every import of a module would wake us.
    let kinds = EventKindMask::CORE | EventKindMask::ACCESS_CLOSE;
    let handler = move |event| hear(&queue, &interest, event);
    INotifyWatcher::new(handler, Config::default().with_event_kinds(kinds)).map_err(WatchError::Start)
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
    for path in &event.paths {
        if let Some(cookie) = interest.cookie(path) {
            // Of the events of one cookie only one counts.
            if matches!(event.kind, EventKind::Create(_)) {
                queue.put_cookie(cookie);
            }
        } else if interest.covers(path)
            && let Some(change) = Change::from_inotify(event.kind, path, interest.leads_to_labels(path))
        {
            queue.put(path, change);
        }
    }
}
