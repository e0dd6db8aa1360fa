//! The loop: what has changed -> what is due -> one pass over it -> what is left to be done.
//!
//! Everything that happens is the same case with a narrower or wider scope: a change is a pass over one
//! directory; the start, an overflow, a reload and the clock are a pass over a whole tree.
//!
//! `hearing` takes in what has changed, `passes` begins passes and takes their ends, `syncs` answers those who
//! wait, `missed` finds what no event told of.

mod hearing;
mod journal;
mod links;
mod missed;
mod observer;
mod passes;
mod signals;
mod status;
mod syncs;
mod systemd;
mod timers;
mod trees;
mod twins;

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use tokio::runtime::Handle;
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{Interval, timeout};
use tokio_util::sync::CancellationToken;

use crate::batch::{Age, Batch, UNAWAITED};
use crate::config::{ConfigError, Settings};
use crate::control::{ControlError, Request, Server};
use crate::domain::escaped;
use crate::engine::Engine;
use crate::root::label::Labels;
use crate::root::{CookieDirectory, plain};
use crate::watch::{Marker, MountTable, Queue, WatchError, Watcher};

use journal::Known;
use links::Links;
use missed::Missed;
use passes::{Again, Ended};
use signals::Signals;
use syncs::Syncs;
use systemd::Systemd;
use timers::{interval, rescan_interval, tick, wait_until};
use trees::{Cause, Trees};
use twins::Twins;

/// How long a worker is kept without work.
const WORKER_IDLE: Duration = Duration::from_secs(60);
/// How long the end may take before what still runs is left behind.
const LONGEST_END: Duration = Duration::from_millis(1500);
/// Questions that wait for the loop.
const MOST_REQUESTS: usize = 64;
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

/// Runs until SIGTERM or SIGINT. `socket` is where it can be asked, if anywhere.
///
/// # Errors
/// Only at the start; after that, what goes wrong is logged and tried again.
pub async fn run(
    load: Load<'_>,
    handle: Handle,
    labels: Labels,
    marker: Marker,
    socket: Option<&Path>,
) -> Result<(), StartError> {
    let mut signals = Signals::listen().map_err(StartError::Signals)?;
    let mut daemon = Daemon::start(load, handle, labels, marker, socket)?;
    loop {
        daemon.begin_passes();
        daemon.begin_looks();
        daemon.answer_syncs();
        daemon.tell_when_ready();
        let (due, retry) = (daemon.next_due(), daemon.next_retry());
        let (programs, labels) = (daemon.programs_due, daemon.labels_due);
        tokio::select! {
            drained = daemon.queue.drain() => daemon.take_changes(drained),
            () = wait_until(due) => {}
            Some(ended) = daemon.running.join_next() => match ended {
                Ok(ended) => daemon.take_end(ended),
                Err(error) => daemon.take_breakdown(&error),
            },
            Some(request) = daemon.requests.recv() => daemon.take_request(request),
            () = tick(&mut daemon.rescan) => daemon.look_by_the_clock(),
            () = wait_until(retry) => daemon.retry_trees(),
            () = wait_until(programs) => daemon.look_at_programs(),
            () = wait_until(labels) => daemon.look_at_labels(),
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
    mounts: MountTable,
    links: Arc<Links>,
    twins: Arc<Twins>,
    trees: Trees,
    batch: Batch,
    known: Arc<Known>,
    running: JoinSet<Ended>,
    requests: mpsc::Receiver<Request>,
    /// It has a sender of its own, so that it is never without one.
    _asking: mpsc::Sender<Request>,
    /// Whose members are told everything.
    control_group: watch::Sender<Option<u32>>,
    syncs: Syncs,
    missed: Missed,
    /// The age of what is noted now.
    age: Age,
    /// How often a directory was tried again.
    retries: HashMap<PathBuf, u32>,
    /// The trees at which an interpreter failed.
    again: HashMap<PathBuf, Again>,
    /// When the programs of interpreters are looked at, because something has changed where they are.
    programs_due: Option<Instant>,
    /// What is known of SELinux contexts, over all reloads.
    labels: Arc<Labels>,
    /// When their rules are looked at, because the files in which they are have changed.
    labels_due: Option<Instant>,
    /// Has the passes hurry that took their time.
    hurry: Arc<AtomicBool>,
    rescan: Option<Interval>,
    retire: Option<Interval>,
    ready: bool,
    /// Work of this age or older is waited for before it is ready; `None` as long as passes are.
    ready_after: Option<Age>,
    systemd: Systemd,
    /// Ends everything; each engine has a child of it.
    stop: CancellationToken,
    engine_stop: CancellationToken,
}

impl<'a> Daemon<'a> {
    fn start(
        load: Load<'a>,
        handle: Handle,
        labels: Labels,
        marker: Marker,
        socket: Option<&Path>,
    ) -> Result<Self, StartError> {
        let settings = load()?;
        let labels = Arc::new(labels);
        let stop = CancellationToken::new();
        let (asking, requests) = mpsc::channel(MOST_REQUESTS);
        let (control_group, group) = watch::channel(settings.control_group);
        let served = socket.is_some_and(|socket| serve(socket, group, &handle, asking.clone(), stop.clone()));
        let queue = Arc::new(Queue::new(settings.queue_limit));
        let cookies = cookie_directory(socket.filter(|_| served));
        let watcher = Arc::new(Watcher::new(Arc::clone(&queue), marker, cookies)?);
        // Before the trees are opened: what is mounted meanwhile is heard of.
        let mounts = MountTable::watch(&queue);
        let engine_stop = stop.child_token();
        let engine = new_engine(&handle, &settings, &labels, &engine_stop);
        let trees = Trees::new(&settings, labels.places(), &watcher);
        // They are watched from now on; what changed before that is seen here.
        labels.reopen_if_changed();
        let rescan = rescan_interval(&settings);
        Ok(Self {
            load,
            handle,
            settings,
            engine,
            queue,
            watcher,
            mounts,
            links: Arc::default(),
            twins: Arc::default(),
            trees,
            batch: Batch::default(),
            known: Arc::default(),
            running: JoinSet::new(),
            requests,
            _asking: asking,
            control_group,
            syncs: Syncs::default(),
            missed: Missed::default(),
            age: 0,
            retries: HashMap::new(),
            again: HashMap::new(),
            programs_due: None,
            labels,
            labels_due: None,
            hurry: Arc::default(),
            rescan,
            retire: None,
            ready: false,
            ready_after: None,
            systemd: Systemd::new(),
            stop,
            engine_stop,
        })
    }

    /// READY once every tree that is there was warmed, with all its watches in place.
    fn tell_when_ready(&mut self) {
        if !self.ready && self.trees.all_warm() && self.is_dealt_with() {
            self.ready = true;
            self.watcher.end_marking();
            tracing::info!("watching {} directories in {} trees", self.watcher.count(), self.trees.present());
            let status = self.status_line();
            self.systemd.ready(status);
        }
    }

    /// Whether all looks are over that were due when the passes were: some of the work may have been theirs.
    fn is_dealt_with(&mut self) -> bool {
        let age = match self.ready_after {
            Some(age) => age,
            None => {
                self.age += 1;
                *self.ready_after.insert(self.age - 1)
            }
        };
        self.batch.oldest().is_none_or(|oldest| oldest > age)
    }

    /// The last net: what events should have shown, and did not.
    fn look_by_the_clock(&mut self) {
        tracing::debug!("it is time for the periodic look at everything");
        self.engine.forget_interpreters();
        self.labels.reopen_if_changed();
        self.trees.reopen(&self.watcher, self.age);
        self.trees.want_all(Cause::Clock, UNAWAITED);
    }

    fn rescan_all(&mut self, why: &str) {
        // It stands for whatever waited, however old.
        self.rescan_all_since(self.oldest_age(), why);
    }

    fn rescan_all_since(&mut self, age: Age, why: &str) {
        tracing::debug!("{why}");
        self.batch.clear();
        self.watcher.polled().begin_again(Instant::now() + self.settings.poll_interval);
        self.missed.give_up();
        self.engine.forget();
        self.trees.reopen(&self.watcher, age);
        self.trees.want_all(Cause::Change, age);
    }

    /// The age of what stands for all that waits or is in hand, passes over whole trees among it.
    fn oldest_age(&self) -> Age {
        let oldest = self.batch.oldest().into_iter().chain(self.trees.oldest(|_| true));
        oldest.fold(self.age, Age::min)
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
                self.engine = new_engine(&self.handle, &settings, &self.labels, &self.engine_stop);
                if settings.queue_limit != self.settings.queue_limit {
                    tracing::warn!("queue-limit is only read at the start; restart pycwarm to change it");
                }
                if settings.file_contexts.as_deref() != self.labels.file_contexts() {
                    tracing::warn!("file-contexts is only read at the start; restart pycwarm to change it");
                }
                self.labels.reopen_if_changed();
                self.rescan = rescan_interval(&settings);
                self.control_group.send_replace(settings.control_group);
                self.missed.give_up();
                let age = self.oldest_age();
                self.trees.replace(&settings, &self.watcher, age);
                self.known.keep(&self.trees.paths());
                self.settings = settings;
                self.retries.clear();
                self.again.clear();
                tracing::info!("the configuration was reloaded: {} trees", self.settings.trees.len());
            }
            Err(error) => tracing::error!("the configuration was not reloaded, the old one stays in force: {error}"),
        }
        if self.ready {
            let status = self.status_line();
            self.systemd.ready(status);
        }
    }

    fn keep_workers(&mut self) {
        if self.retire.is_none() {
            self.retire = Some(interval(WORKER_IDLE));
        }
    }

    /// Without workers there is nothing to wake up for, and nothing to look up.
    fn retire_workers(&mut self) {
        if self.engine.retire_workers(WORKER_IDLE) == 0 && self.running.is_empty() {
            self.retire = None;
            self.labels.rest();
        }
    }

    /// Ends the workers and waits for what is being written.
    async fn end(mut self) {
        self.systemd.stopping();
        self.syncs.refuse_all();
        self.stop.cancel();
        let all = async { while self.running.join_next().await.is_some() {} };
        if timeout(LONGEST_END, all).await.is_err() {
            tracing::warn!("a pass did not end in time and is left behind");
        }
        tracing::info!("ended");
    }
}

fn new_engine(handle: &Handle, settings: &Settings, labels: &Arc<Labels>, stop: &CancellationToken) -> Arc<Engine> {
    Arc::new(Engine::new(handle.clone(), settings, Arc::clone(labels), stop.clone()))
}

/// Whether others can ask from now on.
fn serve(
    socket: &Path,
    group: watch::Receiver<Option<u32>>,
    handle: &Handle,
    asking: mpsc::Sender<Request>,
    stop: CancellationToken,
) -> bool {
    match Server::bind(socket, group) {
        Ok(server) => {
            handle.spawn(server.serve(asking, stop));
            true
        }
        Err(error @ ControlError::InUse { .. }) => {
            tracing::warn!("{error}; status and sync ask that one");
            false
        }
        Err(error) => {
            tracing::warn!("{error}; status and sync will find nobody");
            false
        }
    }
}

/// A directory for cookies: beside the socket, else where temporary files are.
fn cookie_directory(socket: Option<&Path>) -> Option<CookieDirectory> {
    let beside = socket.and_then(Path::parent).map(Path::to_owned);
    let places: Vec<PathBuf> = beside.into_iter().chain([plain::temporary_directory()]).collect();
    let mut errors = Vec::new();
    for place in places {
        match CookieDirectory::make(&place) {
            Ok(directory) => return Some(directory),
            Err(error) => errors.push(format!("{}: {error}", escaped(&place))),
        }
    }
    tracing::warn!("cannot make a directory for cookies ({}): sync will not answer", errors.join("; "));
    None
}
