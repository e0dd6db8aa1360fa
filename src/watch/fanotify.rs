//! fanotify: one mark on each whole file system, no matter how many directories it has.
//!
//! It tells of every change on the file system. What lies outside of the trees is dropped after one look
//! into a table; the path of a directory that is not in the table is asked from the kernel.

use std::collections::HashMap;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use nix::errno::Errno;
use nix::sys::fanotify::MaskFlags;

use super::changes::Change;
use super::interest::Interest;
use super::queue::Queue;
use super::record::{self, Place, Record};
use crate::root::{Dir, fanotify::Group, file_handle, file_system};

/// Bytes read at a time.
const BUFFER: usize = 256 << 10;
/// More events than this at a time, and the host is busy: then they are let gather, which makes each of them
/// cost the others less (the kernel merges them, and wakes nobody).
const BUSY: usize = 64;
const GATHER: Duration = Duration::from_millis(20);
/// How often, and at which distance, a path is asked for while the host has no descriptors or no memory left.
const MOST_TRIES: usize = 20;
const PAUSE: Duration = Duration::from_millis(100);
/// The table of directories is emptied when it has so many.
const MOST_KNOWN: usize = 16 << 10;

/// A group that is being read.
#[derive(Debug)]
pub struct Fanotify {
    mounts: Arc<Mutex<Mounts>>,
    failed: Arc<AtomicBool>,
}

/// What the kernel needs to find a directory by its handle: one on the same mount.
#[derive(Debug, Default)]
struct Mounts {
    directories: Vec<Mount>,
    /// Counts the changes after which the table of directories means nothing.
    generation: u64,
}

#[derive(Debug)]
struct Mount {
    /// Of the file system, as its events name it.
    identity: u64,
    mount: u64,
    directory: Arc<Dir>,
}

impl Fanotify {
    /// Starts to read a group.
    #[must_use]
    pub fn start(group: Arc<Group>, queue: Arc<Queue>, interest: Arc<RwLock<Interest>>) -> Self {
        let (mounts, failed) = (Arc::<Mutex<Mounts>>::default(), Arc::<AtomicBool>::default());
        let mut reader = Reader {
            queue,
            interest,
            mounts: Arc::clone(&mounts),
            known: HashMap::new(),
            generation: 0,
            renamed: false,
        };
        let has_failed = Arc::clone(&failed);
        std::thread::spawn(move || {
            if let Err(error) = reader.run(&group) {
                tracing::warn!("fanotify failed: {error}; going on with inotify");
                has_failed.store(true, Ordering::Relaxed);
                reader.queue.lose("reading fanotify's events failed");
            }
        });
        Self { mounts, failed }
    }

    /// Takes a directory down whose mount is marked.
    ///
    /// # Errors
    /// Those of `fstatvfs` and `statx`.
    pub fn add_mount(&self, directory: &Arc<Dir>) -> io::Result<()> {
        let (identity, mount) = (file_system::identity(directory)?, file_system::mount(directory)?);
        let mut mounts = self.mounts.lock().unwrap_or_else(PoisonError::into_inner);
        mounts.generation += 1;
        if !mounts.directories.iter().any(|known| (known.identity, known.mount) == (identity, mount)) {
            mounts.directories.push(Mount { identity, mount, directory: Arc::clone(directory) });
        }
        Ok(())
    }

    /// Lets go of the mounts that none of these directories is on, so that they can be unmounted.
    pub fn keep_mounts<'a>(&self, directories: impl Iterator<Item = &'a Dir>) {
        // What cannot be asked is kept.
        let Ok(kept) = directories.map(file_system::mount).collect::<io::Result<Vec<_>>>() else { return };
        let mut mounts = self.mounts.lock().unwrap_or_else(PoisonError::into_inner);
        let before = mounts.directories.len();
        mounts.directories.retain(|known| kept.contains(&known.mount));
        mounts.generation += u64::from(mounts.directories.len() < before);
    }

    /// Whether the path of a directory is found by which it was reached: not where a directory of a marked file system
    /// is bound to another place, whose mount is not known here.
    #[must_use]
    pub fn finds(&self, directory: &Dir) -> bool {
        let Ok(mount) = file_system::mount(directory) else { return true };
        let mounts = self.mounts.lock().unwrap_or_else(PoisonError::into_inner);
        mounts.directories.iter().any(|known| known.mount == mount)
    }

    /// Has every directory asked for its path again: other paths count now, or lead elsewhere.
    pub fn forget_paths(&self) {
        self.mounts.lock().unwrap_or_else(PoisonError::into_inner).generation += 1;
    }

    /// Whether no more events will come.
    #[must_use]
    pub fn has_failed(&self) -> bool {
        self.failed.load(Ordering::Relaxed)
    }
}

struct Reader {
    queue: Arc<Queue>,
    interest: Arc<RwLock<Interest>>,
    mounts: Arc<Mutex<Mounts>>,
    /// By key; nothing for a directory outside of the trees.
    known: HashMap<Box<[u8]>, Arc<[Called]>>,
    generation: u64,
    /// A directory has got another name: those of all below it are wrong.
    renamed: bool,
}

/// What a directory is to us.
#[derive(Debug, Clone)]
enum Called {
    InTree(PathBuf),
    OfCookies,
}

impl Reader {
    fn run(&mut self, group: &Group) -> io::Result<()> {
        let mut buffer = vec![0; BUFFER];
        loop {
            group.wait()?;
            let mut events = 0;
            loop {
                let count = group.read(&mut buffer)?;
                if count == 0 {
                    break;
                }
                for record in record::records(&buffer[..count]) {
                    events += 1;
                    self.hear(&record);
                }
            }
            if events > BUSY {
                std::thread::sleep(GATHER);
            }
        }
    }

    fn hear(&mut self, record: &Record<'_>) {
        if record.mask.contains(MaskFlags::FAN_Q_OVERFLOW) {
            return self.queue.lose("fanotify's queue overflowed; the kernel was out of memory");
        }
        let Some(place) = &record.place else { return };
        let change = Change::from_fanotify(record.mask, place.name);
        self.renamed |= change.is_some_and(|change| change.moved && change.directory);
        let Some(change) = change else { return };
        for called in self.called(place).iter() {
            match called {
                Called::OfCookies => {
                    let cookie = place.name.to_str().and_then(|name| name.parse().ok());
                    if let (Some(cookie), true) = (cookie, record.mask.contains(MaskFlags::FAN_CREATE)) {
                        self.queue.put_cookie(cookie);
                    }
                }
                Called::InTree(directory) if place.name == "." => self.queue.put(directory, change),
                Called::InTree(directory) => self.queue.put(&directory.join(place.name), change),
            }
        }
    }

    fn called(&mut self, place: &Place<'_>) -> Arc<[Called]> {
        let generation = self.mounts.lock().unwrap_or_else(PoisonError::into_inner).generation;
        if generation != self.generation || self.renamed || self.known.len() >= MOST_KNOWN {
            self.known.clear();
            (self.generation, self.renamed) = (generation, false);
        }
        if let Some(called) = self.known.get(place.key) {
            return Arc::clone(called);
        }
        for _ in 0..MOST_TRIES {
            match self.ask(place.key) {
                Ok(called) => {
                    let called: Arc<[Called]> = called.into();
                    self.known.insert(place.key.into(), Arc::clone(&called));
                    return called;
                }
                // The events wait in the kernel meanwhile, and so does whoever waits for a cookie.
                Err(_) => std::thread::sleep(PAUSE),
            }
        }
        self.queue.lose("there were no descriptors or no memory left to find what had changed");
        Arc::default()
    }

    /// What a directory is to us.
    ///
    /// # Errors
    /// The host has not what it takes to tell, for now.
    fn ask(&self, key: &[u8]) -> io::Result<Vec<Called>> {
        let Some(handle) = record::handle(key) else { return Ok(Vec::new()) };
        let mounts = self.mounts.lock().unwrap_or_else(PoisonError::into_inner);
        let interest = self.interest.read().unwrap_or_else(PoisonError::into_inner);
        let mut called = Vec::new();
        for mount in mounts.directories.iter().filter(|mount| mount.identity == handle.file_system) {
            match file_handle::path_of(&mount.directory, handle.kind, handle.bytes) {
                Ok(Some(path)) if interest.is_for_cookies(&path) => called.push(Called::OfCookies),
                Ok(Some(path)) => called.extend(names(&interest, &path)),
                Ok(None) => {}
                Err(error) if is_lack(&error) => return Err(error),
                Err(error) => tracing::debug!("a changed directory cannot be found by its handle: {error}"),
            }
        }
        Ok(called)
    }
}

/// Whether an error says nothing of the file, but that the host has no descriptors or no memory left.
#[must_use]
pub fn is_lack(error: &io::Error) -> bool {
    let lacks = [Errno::EMFILE, Errno::ENFILE, Errno::ENOMEM];
    lacks.iter().any(|lack| error.raw_os_error() == Some(*lack as i32))
}

fn names(interest: &Interest, path: &Path) -> Vec<Called> {
    let mut names: Vec<PathBuf> = interest.names_in_trees(path).collect();
    names.sort();
    names.dedup();
    names.into_iter().map(Called::InTree).collect()
}
