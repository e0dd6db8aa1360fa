//! Changes that wait to be dealt with: one entry per path, and never more than so many.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tokio::sync::Notify;

use super::changes::Change;

/// Filled by the threads that read events, emptied by the daemon.
#[derive(Debug)]
pub struct Queue {
    limit: usize,
    waiting: Mutex<Drained>,
    filled: Notify,
}

/// What was in the queue.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Drained {
    pub changes: HashMap<PathBuf, Change>,
    /// Something was lost, and why: everything is to be looked at again.
    pub lost: Option<&'static str>,
    /// Cookies that have come, with how many sources of events have brought each.
    pub cookies: HashMap<u64, usize>,
    /// Something was mounted or unmounted.
    pub mounts: bool,
}

impl Queue {
    /// A queue for at most `limit` paths.
    #[must_use]
    pub fn new(limit: usize) -> Self {
        Self { limit: limit.max(1), waiting: Mutex::default(), filled: Notify::new() }
    }

    /// Adds a change. Where there is no room, all that waits is given up for a look at everything.
    pub fn put(&self, path: &Path, change: Change) {
        let mut waiting = self.waiting();
        if waiting.lost.is_some() {
            return;
        }
        let full = waiting.changes.len() >= self.limit;
        match waiting.changes.entry(path.to_owned()) {
            Entry::Occupied(mut entry) => *entry.get_mut() = entry.get().and(change),
            Entry::Vacant(_) if full => lose(&mut waiting, "more paths changed at once than queue-limit allows for"),
            Entry::Vacant(entry) => {
                entry.insert(change);
            }
        }
        drop(waiting);
        self.filled.notify_one();
    }

    /// Says that events were lost before they came here.
    pub fn lose(&self, why: &'static str) {
        lose(&mut self.waiting(), why);
        self.filled.notify_one();
    }

    /// One source of events has brought this cookie: all that happened before it was made is known.
    pub fn put_cookie(&self, cookie: u64) {
        *self.waiting().cookies.entry(cookie).or_default() += 1;
        self.filled.notify_one();
    }

    /// Something was mounted or unmounted.
    pub fn put_mounts(&self) {
        self.waiting().mounts = true;
        self.filled.notify_one();
    }

    /// Waits until there is something and takes it all.
    pub async fn drain(&self) -> Drained {
        loop {
            let drained = std::mem::take(&mut *self.waiting());
            if drained != Drained::default() {
                return drained;
            }
            self.filled.notified().await;
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Drained> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn lose(waiting: &mut Drained, why: &'static str) {
    waiting.changes = HashMap::new();
    waiting.lost = Some(why);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn a_full_queue_says_so_and_takes_new_changes_after_that() {
        let queue = Queue::new(2);
        for name in ["/a", "/b", "/b", "/c", "/d"] {
            queue.put(Path::new(name), Change { complete: true, ..Change::default() });
        }
        assert!(queue.drain().await.lost.is_some());
        queue.put(Path::new("/e"), Change::default());
        queue.put(Path::new("/e"), Change { moved: true, ..Change::default() });
        let drained = queue.drain().await;
        assert_eq!(drained.changes.get(Path::new("/e")), Some(&Change { moved: true, ..Change::default() }));
        assert_eq!((drained.changes.len(), drained.lost), (1, None));
    }

    #[tokio::test]
    async fn a_cookie_survives_an_overflow() {
        let queue = Queue::new(1);
        queue.put_cookie(7);
        queue.put(Path::new("/a"), Change::default());
        queue.put(Path::new("/b"), Change::default());
        queue.put_cookie(7);
        let drained = queue.drain().await;
        assert!(drained.lost.is_some());
        assert_eq!(drained.cookies.get(&7), Some(&2));
    }
}
