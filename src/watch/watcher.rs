//! One face for all sources of events: a directory is given to the source that fits it, and to the next one
//! where that fails.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError, RwLock};
use std::time::{Duration, Instant};

use super::fanotify::Fanotify;
use super::inotify::{Inotify, WatchError};
use super::interest::Interest;
use super::marker::Marker;
use super::polled::{Added, PollReason, Polled};
use super::queue::Queue;
use super::source::{Events, MANY_DIRECTORIES, Source, Why};
use crate::domain::policy::WatchPolicy;
use crate::domain::{FileStat, escaped};
use crate::root::{CookieDirectory, Dir, file_system};

/// What turns out to be polled is being looked at already.
const FIRST_POLL: Duration = Duration::from_secs(1);

/// All sources of events.
#[derive(Debug)]
pub struct Watcher {
    queue: Arc<Queue>,
    interest: Arc<RwLock<Interest>>,
    inotify: Inotify,
    marker: Marker,
    fanotify: OnceLock<Fanotify>,
    polled: Polled,
    /// By device, and by what is configured.
    sources: Mutex<HashMap<(u64, WatchPolicy), Source>>,
    /// Whether it was tried to go on with fanotify.
    changed_over: AtomicBool,
    cookies: Option<Arc<CookieDirectory>>,
    last_cookie: AtomicU64,
}

/// A directory that is to be watched.
#[derive(Debug, Clone, Copy)]
pub struct Watched<'a> {
    pub path: &'a Path,
    /// Of the directory itself, from its descriptor.
    pub stat: &'a FileStat,
    /// A directory on the same file system: itself, or its parent.
    pub dir: &'a Arc<Dir>,
    /// The root of its tree, which may be a link.
    pub root: &'a Path,
    pub policy: WatchPolicy,
}

impl Watcher {
    /// Starts to listen, to nothing yet. `cookies` is the directory in which cookies are made, if there is one.
    ///
    /// # Errors
    /// [`WatchError::Start`].
    pub fn new(queue: Arc<Queue>, marker: Marker, cookies: Option<CookieDirectory>) -> Result<Self, WatchError> {
        let interest: Arc<RwLock<Interest>> = Arc::default();
        let inotify = Inotify::new(Arc::clone(&queue), Arc::clone(&interest))?;
        let watcher = Self {
            queue,
            interest,
            inotify,
            marker,
            fanotify: OnceLock::new(),
            polled: Polled::default(),
            sources: Mutex::default(),
            changed_over: AtomicBool::new(false),
            cookies: cookies.map(Arc::new),
            last_cookie: AtomicU64::new(0),
        };
        watcher.watch_cookies();
        Ok(watcher)
    }

    /// Says which changes count from now on.
    pub fn set_interest(&self, interest: Interest) {
        let interest = interest.with_cookies(self.cookies.as_ref().map(|cookies| cookies.path()));
        *self.interest.write().unwrap_or_else(PoisonError::into_inner) = interest;
        if let Some(fanotify) = self.fanotify.get() {
            fanotify.forget_paths();
        }
    }

    /// Lets go of the file systems that none of these roots is on.
    pub fn keep_mounts(&self, roots: &[Arc<Dir>]) {
        if let (Some(fanotify), Some(cookies)) = (self.fanotify.get(), &self.cookies) {
            fanotify.keep_mounts(roots.iter().chain([cookies.dir()]).map(AsRef::as_ref));
        }
    }

    /// Watches a directory of a tree, or has it polled. One that is watched already costs next to nothing.
    ///
    /// # Errors
    /// See [`WatchError`]; the directory is polled then, and so is all below it. That it is gone is no error: its
    /// parent tells.
    pub fn watch(&self, watched: &Watched<'_>) -> Result<(), WatchError> {
        let source = self.source(watched);
        if source.polled {
            let why = match source.why {
                Why::WithoutEvents(name) => PollReason::WithoutEvents(name),
                _ => PollReason::Configured,
            };
            self.polled.add(watched.root, watched.path, why, Instant::now() + FIRST_POLL);
        }
        match source.events {
            Some(Events::Inotify) => self.watch_by_inotify(watched),
            Some(Events::Fanotify) => {
                self.follow_mount(watched);
                Ok(())
            }
            None => Ok(()),
        }
    }

    /// fanotify's events name a directory by a path on the mounts that it knows. That of a root is held open anyway; to
    /// hold another one would keep it from being unmounted, so what is bound there is polled.
    fn follow_mount(&self, watched: &Watched<'_>) {
        let Some(fanotify) = self.fanotify.get() else { return };
        if self.polled.covers(watched.root, watched.path) || fanotify.finds(watched.dir) {
            return;
        }
        if watched.path != watched.root || fanotify.add_mount(watched.dir).is_err() {
            let why = PollReason::WithoutEvents("a bind mount");
            self.polled.add(watched.root, watched.path, why, Instant::now() + FIRST_POLL);
        }
    }

    /// Watches a directory on the way to a tree or a program.
    ///
    /// # Errors
    /// See [`WatchError`].
    pub fn watch_on_the_way(&self, path: &Path, stat: &FileStat) -> Result<(), WatchError> {
        self.inotify.watch(path, stat, true)
    }

    fn watch_by_inotify(&self, watched: &Watched<'_>) -> Result<(), WatchError> {
        let path = watched.path;
        if self.polled.is_below_unwatched(watched.root, path) {
            return Ok(());
        }
        match self.inotify.watch(path, watched.stat, path == watched.root) {
            Ok(()) => {
                let degraded =
                    matches!(self.polled.reason(path), Some(PollReason::OutOfWatches | PollReason::Unwatchable));
                if degraded && self.polled.remove(path) {
                    tracing::info!("{} is watched again", escaped(path));
                }
            }
            Err(error) => {
                let why = match error {
                    WatchError::OutOfWatches { .. } => PollReason::OutOfWatches,
                    _ => PollReason::Unwatchable,
                };
                // What the kernel refuses for good is told once, when the polling begins; that it has no more
                // watches at all, for the first directory of perhaps thousands.
                return match self.polled.add(watched.root, path, why, Instant::now() + FIRST_POLL) {
                    Added::First => Err(error),
                    Added::Another if why != PollReason::OutOfWatches => Err(error),
                    Added::Another | Added::Already => Ok(()),
                };
            }
        }
        let many = watched.policy == WatchPolicy::Auto && self.inotify.count() >= MANY_DIRECTORIES;
        if many && self.marker.is_there() && !self.changed_over.swap(true, Ordering::Relaxed) {
            self.change_over(watched);
        }
        Ok(())
    }

    /// What is heard of changes on the file system of a directory.
    fn source(&self, watched: &Watched<'_>) -> Source {
        let key = (watched.stat.device, watched.policy);
        // Held until it is chosen: several threads meet a file system at the same time.
        let mut sources = self.sources();
        match sources.get(&key).copied() {
            Some(Source { events: Some(Events::Fanotify), .. }) if self.fanotify_has_failed() => {}
            Some(source) => return source,
            None => {}
        }
        let without_events = file_system::without_events(watched.dir);
        let mut source = Source::choose(watched.policy, without_events);
        if source.events == Some(Events::Fanotify)
            && let Err(error) = self.mark(watched)
        {
            tracing::warn!(
                "cannot use fanotify for the file system of {}: {error}; going on with inotify",
                escaped(watched.path)
            );
            source = Source::without_fanotify(without_events);
        }
        sources.insert(key, source);
        tracing::debug!("{}: {} ({})", escaped(watched.path), source.name(), source.why);
        source
    }

    fn mark(&self, watched: &Watched<'_>) -> std::io::Result<()> {
        let failed = |why: &str| std::io::Error::other(why.to_owned());
        if self.fanotify_has_failed() {
            return Err(failed("it has failed before"));
        }
        let cookies = self.cookies.as_ref().ok_or_else(|| failed("there is no place for a cookie"))?;
        let group = self.marker.mark(watched.dir, cookies)?;
        let fanotify = self.fanotify.get_or_init(|| {
            let fanotify = Fanotify::start(group, Arc::clone(&self.queue), Arc::clone(&self.interest));
            if let Err(error) = fanotify.add_mount(cookies.dir()) {
                tracing::warn!("cannot identify the file system of {}: {error}", escaped(cookies.path()));
            }
            fanotify
        });
        fanotify.add_mount(watched.dir)
    }

    /// From inotify to fanotify, for the file system of a directory.
    fn change_over(&self, watched: &Watched<'_>) {
        match self.mark(watched) {
            Ok(()) => {
                let source = Source { events: Some(Events::Fanotify), polled: false, why: Why::ManyDirectories };
                self.sources().insert((watched.stat.device, watched.policy), source);
                tracing::info!("more than {MANY_DIRECTORIES} directories: going on with fanotify");
                // The mark sees what happens from now on; what the watches saw is looked at again.
                self.start_afresh();
                self.queue.lose("going on with fanotify");
            }
            Err(error) => tracing::info!("cannot use fanotify ({error}): going on with inotify"),
        }
    }

    /// Whether this very directory of the tree with this root is watched under this path, with all that will come
    /// to be in it.
    #[must_use]
    pub fn knows(&self, root: &Path, path: &Path, stat: &FileStat, policy: WatchPolicy) -> bool {
        let source = self.sources().get(&(stat.device, policy)).copied();
        match source.map(|source| (source.events, source.polled)) {
            Some((Some(Events::Fanotify), _)) => !self.fanotify_has_failed(),
            Some((None, _)) => self.polled.covers(root, path),
            _ => self.inotify.knows(path, stat) || self.polled.is_below_unwatched(root, path),
        }
    }

    /// Whether a directory is watched by itself under this path.
    #[must_use]
    pub fn is_watched(&self, path: &Path) -> bool {
        self.inotify.is_watched(path)
    }

    /// See [`Inotify::names_of`].
    #[must_use]
    pub fn names_of(&self, path: &Path) -> Vec<PathBuf> {
        self.inotify.names_of(path)
    }

    /// Ends the watches on a path and on all below it. What is there is unknown from now on.
    pub fn forget(&self, path: &Path) {
        self.inotify.forget(path);
        self.polled.remove_below(path);
        if self.cookies.as_ref().is_some_and(|cookies| cookies.path().starts_with(path)) {
            self.watch_cookies();
        }
    }

    /// Ends the watches on those directories directly in `path` that `is_there` does not know.
    pub fn forget_missing(&self, path: &Path, is_there: impl Fn(&Path) -> bool) {
        self.inotify.forget_missing(path, &is_there);
        self.polled.forget_missing(path, is_there);
    }

    /// Ends all watches. After events were lost nobody knows which of them still hold.
    pub fn start_afresh(&self) {
        self.inotify.start_afresh();
        self.watch_cookies();
        if let Some(fanotify) = self.fanotify.get() {
            fanotify.forget_paths();
        }
    }

    /// What was mounted or unmounted may have changed what paths mean.
    pub fn forget_paths(&self) {
        if let Some(fanotify) = self.fanotify.get() {
            fanotify.forget_paths();
        }
    }

    /// Has no more file systems marked: the capability for it is given up.
    pub fn end_marking(&self) {
        self.marker.end();
    }

    /// What is polled.
    #[must_use]
    pub fn polled(&self) -> &Polled {
        &self.polled
    }

    /// How many directories are watched one by one.
    #[must_use]
    pub fn count(&self) -> usize {
        self.inotify.count()
    }

    /// What was chosen for the file system of a directory.
    #[must_use]
    pub fn source_of(&self, stat: &FileStat, policy: WatchPolicy) -> Option<Source> {
        self.sources().get(&(stat.device, policy)).copied()
    }

    /// Makes a cookie. When so many sources of events have brought it, everything that happened before this
    /// call is in the queue, or has been.
    ///
    /// # Errors
    /// Those of making a file.
    pub fn bake_cookie(&self) -> std::io::Result<(u64, usize)> {
        let cookies = self.cookies.as_ref().ok_or_else(|| std::io::Error::other("there is no place for a cookie"))?;
        let number = self.last_cookie.fetch_add(1, Ordering::Relaxed) + 1;
        let sources = 1 + usize::from(self.fanotify.get().is_some_and(|fanotify| !fanotify.has_failed()));
        cookies.bake(&OsString::from(number.to_string()))?;
        Ok((number, sources))
    }

    fn watch_cookies(&self) {
        let Some(cookies) = &self.cookies else { return };
        let watched = cookies.dir().stat().map(|stat| self.inotify.watch(cookies.path(), &stat, false));
        if let Ok(Err(error)) = watched {
            tracing::warn!("{error}: sync will not answer");
        }
    }

    fn fanotify_has_failed(&self) -> bool {
        self.fanotify.get().is_some_and(Fanotify::has_failed)
    }

    fn sources(&self) -> MutexGuard<'_, HashMap<(u64, WatchPolicy), Source>> {
        self.sources.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
