//! The loop: what has changed -> what is due -> one pass over it -> what is left to be done.
//!
//! Everything that happens is the same case with a narrower or wider scope: a change is a pass over one
//! directory; the start, an overflow, a reload and the clock are a pass over a whole tree.

mod journal;
mod links;
mod observer;
mod signals;
mod systemd;
mod timers;
mod trees;

use std::collections::{HashMap, HashSet};
use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::batch::Batch;
use crate::config::{ConfigError, Settings};
use crate::domain::escaped;
use crate::engine::{Engine, Pass, PassEnd, Purpose, Scope, until_after};
use crate::interpreters::pyvenv;
use crate::report::Sink;
use crate::watch::{Drained, Queue, WatchError, Watcher, directories_of};

use journal::{Journal, Known};
use links::Links;
use observer::Watching;
use signals::Signals;
use systemd::Systemd;
use timers::{back_off, interval, rescan_interval, tick, wait_until};
use trees::Trees;

/// How long a worker is kept without work.
const WORKER_IDLE: Duration = Duration::from_secs(60);
/// How long the end may take before what still runs is left behind.
const LONGEST_END: Duration = Duration::from_millis(1500);
/// Looks at the same time.
const MOST_LOOKS: usize = 8;
/// Reads the settings, at the start and again at each reload.
pub type Load<'a> = &'a dyn Fn() -> Result<Settings, ConfigError>;

/// Why the daemon cannot start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    #[error(transparent)]
    Config(#[from] ConfigError),
    #[error(transparent)]
    Watch(#[from] WatchError),
    #[error("cannot listen to signals: {0}")]
    Signals(std::io::Error),
}

/// Runs until SIGTERM or SIGINT.
///
/// # Errors
/// Only at the start; after that, what goes wrong is logged and tried again.
pub async fn run(load: Load<'_>, handle: Handle) -> Result<(), StartError> {
    let mut signals = Signals::listen().map_err(StartError::Signals)?;
    let mut daemon = Daemon::start(load, handle)?;
    loop {
        daemon.begin_passes();
        daemon.begin_looks();
        daemon.tell_when_ready();
        let (due, retry) = (daemon.next_due(), daemon.next_retry());
        tokio::select! {
            drained = daemon.queue.drain() => daemon.take_changes(drained),
            () = wait_until(due) => {}
            Some(ended) = daemon.running.join_next() => match ended {
                Ok(ended) => daemon.take_end(ended),
                Err(error) => daemon.take_breakdown(&error),
            },
            () = tick(&mut daemon.rescan) => daemon.rescan_all("it is time for the periodic look at everything"),
            () = wait_until(retry) => daemon.retry_trees(),
            () = tick(&mut daemon.retire) => daemon.retire_workers(),
            _ = signals.reload.recv() => daemon.reload(),
            _ = signals.terminate.recv() => break,
            _ = signals.interrupt.recv() => break,
        }
    }
    daemon.end().await;
    Ok(())
}

struct Daemon<'a> {
    load: Load<'a>,
    handle: Handle,
    settings: Settings,
    engine: Arc<Engine>,
    queue: Arc<Queue>,
    watcher: Arc<Watcher>,
    links: Arc<Links>,
    trees: Trees,
    batch: Batch,
    known: Arc<Known>,
    running: JoinSet<Ended>,
    /// Directories that are being looked at.
    busy: HashSet<PathBuf>,
    /// How often a directory was tried again.
    retries: HashMap<PathBuf, u32>,
    /// The trees at which an interpreter failed.
    again: HashMap<PathBuf, Again>,
    rescan: Option<Interval>,
    retire: Option<Interval>,
    ready: bool,
    systemd: Systemd,
    /// Ends everything; each engine has a child of it.
    stop: CancellationToken,
    engine_stop: CancellationToken,
}

/// When a tree is tried again, and how often it was.
#[derive(Debug, Default)]
struct Again {
    at: Option<Instant>,
    tries: u32,
}

/// A pass that is over.
struct Ended {
    /// The tree's path.
    tree: PathBuf,
    work: Work,
    end: PassEnd,
    journal: Arc<Journal>,
}

/// What a pass was over.
enum Work {
    /// The whole tree, with the number of the pass.
    Whole(u64),
    /// One directory.
    Look(PathBuf),
}

impl<'a> Daemon<'a> {
    fn start(load: Load<'a>, handle: Handle) -> Result<Self, StartError> {
        let settings = load()?;
        let queue = Arc::new(Queue::new(settings.queue_limit));
        let watcher = Arc::new(Watcher::new(Arc::clone(&queue))?);
        let stop = CancellationToken::new();
        let engine_stop = stop.child_token();
        let engine = new_engine(&handle, &settings, &engine_stop);
        let trees = Trees::new(&settings, &watcher);
        let rescan = rescan_interval(&settings);
        Ok(Self {
            load,
            handle,
            settings,
            engine,
            queue,
            watcher,
            links: Arc::default(),
            trees,
            batch: Batch::default(),
            known: Arc::default(),
            running: JoinSet::new(),
            busy: HashSet::new(),
            retries: HashMap::new(),
            again: HashMap::new(),
            rescan,
            retire: None,
            ready: false,
            systemd: Systemd::new(),
            stop,
            engine_stop,
        })
    }

    /// Starts a pass over a whole tree, if one is wanted and none is running.
    fn begin_passes(&mut self) {
        let Some((tree, number)) = self.trees.begin_whole() else { return };
        let (engine, watcher, links) = (Arc::clone(&self.engine), Arc::clone(&self.watcher), Arc::clone(&self.links));
        let journal = Arc::new(Journal::new(Arc::clone(&self.known), tree.path()));
        self.keep_workers();
        self.running.spawn_blocking(move || {
            let sink: Arc<dyn Sink + Send + Sync> = journal.clone();
            let observer = Watching::new(&watcher, &links, tree.root().path());
            let pass = Pass { tree: &tree, purpose: Purpose::Keep, scope: Scope::Whole, observer: Some(&observer) };
            let end = engine.pass(&pass, &sink);
            Ended { tree: tree.path().to_owned(), work: Work::Whole(number), end, journal }
        });
    }

    /// Starts looks at the directories whose time has come.
    fn begin_looks(&mut self) {
        let (busy, free) = (&self.busy, self.free_looks());
        for directory in self.batch.take_due(Instant::now(), free, |directory| busy.contains(directory)) {
            let Some((tree, relative)) = self.trees.containing(&directory) else { continue };
            tracing::trace!("looking at {}", escaped(&directory));
            let (engine, watcher, links) =
                (Arc::clone(&self.engine), Arc::clone(&self.watcher), Arc::clone(&self.links));
            let journal = Arc::new(Journal::new(Arc::clone(&self.known), tree.path()));
            self.busy.insert(directory.clone());
            self.running.spawn_blocking(move || {
                let sink: Arc<dyn Sink + Send + Sync> = journal.clone();
                let observer = Watching::new(&watcher, &links, tree.root().path());
                let scope = Scope::Directory(&relative);
                let pass = Pass { tree: &tree, purpose: Purpose::Keep, scope, observer: Some(&observer) };
                let end = engine.pass(&pass, &sink);
                Ended { tree: tree.path().to_owned(), work: Work::Look(directory), end, journal }
            });
        }
        if !self.busy.is_empty() {
            self.keep_workers();
        }
    }

    /// How many more looks may run: each holds a thread, and its publications need others.
    fn free_looks(&self) -> usize {
        MOST_LOOKS.min(self.settings.jobs + 1).saturating_sub(self.busy.len())
    }

    fn next_due(&self) -> Option<Instant> {
        if self.free_looks() == 0 {
            return None;
        }
        self.batch.next_due(|directory| self.busy.contains(directory))
    }

    /// READY once every tree that is there was warmed, with all its watches in place.
    fn tell_when_ready(&mut self) {
        if !self.ready && self.trees.all_warm() {
            self.ready = true;
            tracing::info!("watching {} directories in {} trees", self.watcher.count(), self.trees.present());
            let status = self.status();
            self.systemd.ready(status);
        }
    }

    fn take_changes(&mut self, drained: Drained) {
        if let Some(why) = drained.lost {
            tracing::warn!("events were lost ({why}): looking at everything again");
            self.watcher.start_afresh();
            return self.rescan_all("events were lost");
        }
        let (now, mut roots_changed) = (Instant::now(), false);
        for (path, change) in drained.changes {
            tracing::trace!("{}: {change:?}", escaped(&path));
            roots_changed |= change.moved && self.trees.leads_to_root(&path);
            for directory in directories_of(&path, |path| self.watcher.is_watched(path)) {
                for directory in self.watcher.names_of(&directory) {
                    self.note(&directory, &path, change.complete, now);
                }
            }
            if change.moved && self.watcher.is_watched(&path) {
                self.watcher.forget(&path);
            }
        }
        if roots_changed {
            self.trees.reopen(&self.watcher);
        }
    }

    /// A directory of a tree is to be looked at, because something about `path` has changed.
    fn note(&mut self, directory: &Path, path: &Path, complete: bool, now: Instant) {
        let Some((tree, _)) = self.trees.containing(directory) else { return };
        self.batch.note(directory, complete, now);
        for linking in self.links.through(directory) {
            self.batch.note(&linking, complete, now);
        }
        // It counts for all that is below.
        if path.file_name() == Some(OsStr::new(pyvenv::FILE)) {
            self.trees.want_whole(tree.path());
        }
    }

    fn take_end(&mut self, ended: Ended) {
        let Ended { tree, work, end, journal } = ended;
        match &work {
            Work::Look(directory) => {
                self.busy.remove(directory);
                journal.tell_look(directory);
            }
            Work::Whole(number) => {
                if !self.trees.end_whole(*number) {
                    return;
                }
                journal.tell_whole();
            }
        }
        if end.new_interpreters {
            tracing::info!("a script in {} names another interpreter", escaped(&tree));
            self.trees.want_whole(&tree);
        }
        let Some(tree) = self.trees.get(&tree) else { return };
        let now = Instant::now();
        for relative in end.found {
            self.batch.schedule(&tree.root().path_of(&relative), now);
        }
        for unsettled in end.unsettled {
            let directory = tree.root().path_of(&unsettled.relative);
            match unsettled.after_second.map(until_after) {
                Some(Some(wait)) => self.batch.schedule(&directory, now + wait),
                Some(None) => {}
                // As a change, so that one that never comes to rest is looked at less and less often.
                None => self.batch.note(&directory, false, now),
            }
        }
        self.retry(tree.path(), &work, &journal, now);
        if self.ready {
            let status = self.status();
            self.systemd.status(status);
        }
    }

    /// A pass that broke down says neither what it was nor what it did: everything is looked at again.
    fn take_breakdown(&mut self, error: &JoinError) {
        tracing::error!("a pass broke down, which is an error in pycwarm: {error}");
        self.busy.clear();
        self.trees.end_all();
        self.rescan_all("a pass broke down");
    }

    /// What failed for a reason that may pass is tried again, at growing distances.
    fn retry(&mut self, tree: &Path, work: &Work, journal: &Journal, now: Instant) {
        let failed = journal.to_be_tried_again();
        if let Work::Look(directory) = work
            && !failed.contains(directory)
        {
            self.retries.remove(directory);
        }
        if journal.interpreter_failed() {
            self.engine.forget();
            let again = self.again.entry(tree.to_owned()).or_default();
            again.at = Some(again.at.unwrap_or(now + back_off(again.tries)));
        } else if let Work::Whole(_) = work {
            self.again.remove(tree);
        }
        for directory in failed {
            let tries = self.retries.entry(directory.clone()).or_default();
            self.batch.schedule(&directory, now + back_off(*tries));
            *tries += 1;
        }
    }

    /// Tries the trees again at which an interpreter failed, those whose time has come.
    fn retry_trees(&mut self) {
        let now = Instant::now();
        self.engine.forget();
        for (tree, again) in &mut self.again {
            if again.at.is_some_and(|at| at <= now) {
                *again = Again { at: None, tries: again.tries + 1 };
                self.trees.want_whole(tree);
            }
        }
    }

    fn next_retry(&self) -> Option<Instant> {
        self.again.values().filter_map(|again| again.at).min()
    }

    fn rescan_all(&mut self, why: &str) {
        tracing::debug!("{why}");
        self.batch.clear();
        self.engine.forget();
        self.trees.reopen(&self.watcher);
        self.trees.want_all();
    }

    /// A configuration that cannot be used changes nothing.
    fn reload(&mut self) {
        if self.ready {
            self.systemd.reloading();
        }
        match (self.load)() {
            Ok(settings) => {
                self.engine_stop.cancel();
                self.engine_stop = self.stop.child_token();
                self.engine = new_engine(&self.handle, &settings, &self.engine_stop);
                if settings.queue_limit != self.settings.queue_limit {
                    tracing::warn!("queue-limit is only read at the start; restart pycwarm to change it");
                }
                self.rescan = rescan_interval(&settings);
                self.trees.replace(&settings, &self.watcher);
                self.settings = settings;
                self.retries.clear();
                self.again.clear();
                tracing::info!("the configuration was reloaded: {} trees", self.settings.trees.len());
            }
            Err(error) => tracing::error!("the configuration was not reloaded, the old one stays in force: {error}"),
        }
        if self.ready {
            let status = self.status();
            self.systemd.ready(status);
        }
    }

    fn keep_workers(&mut self) {
        if self.retire.is_none() {
            self.retire = Some(interval(WORKER_IDLE));
        }
    }

    /// Without workers there is nothing to wake up for.
    fn retire_workers(&mut self) {
        if self.engine.retire_workers(WORKER_IDLE) == 0 && self.running.is_empty() {
            self.retire = None;
        }
    }

    fn status(&self) -> String {
        format!(
            "{} trees, {} directories watched, {} waiting, {} broken",
            self.trees.present(),
            self.watcher.count(),
            self.batch.backlog(),
            self.known.broken()
        )
    }

    /// Ends the workers and waits for what is being written.
    async fn end(mut self) {
        self.systemd.stopping();
        self.stop.cancel();
        let all = async { while self.running.join_next().await.is_some() {} };
        if timeout(LONGEST_END, all).await.is_err() {
            tracing::warn!("a pass did not end in time and is left behind");
        }
        tracing::info!("ended");
    }
}

fn new_engine(handle: &Handle, settings: &Settings, stop: &CancellationToken) -> Arc<Engine> {
    Arc::new(Engine::new(handle.clone(), settings.jobs, settings.compile_timeout, stop.clone()))
}
