//! Carries out a plan: repairs at once, compiles and publishes in tasks of their own.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::PathBuf;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;

use super::LARGEST_SOURCE;
use super::pass::{Directory, Purpose, Shared, Unsettled, unreadable};
use crate::compile::{CompileError, Compiled, Request};
use crate::domain::policy::InvalidationMode;
use crate::domain::{FailureKind, Skip, SkipReason, Target};
use crate::plan::{Item as Planned, Plan, Reason};
use crate::publish::{self, Manner, PublishError, Published};
use crate::pyc::names::cache_name;
use crate::report::{Item, Outcome};
use crate::root::resolve::LinkFault;
use crate::root::source::OpenFault;
use crate::root::{Dir, OpenSource};
use crate::scan::SourceState;
use crate::scan::look::open_source;

/// One source on its way to one cache.
struct Job {
    parent: Arc<Dir>,
    directory: PathBuf,
    relative: PathBuf,
    name: OsString,
    target: Target,
    source: Arc<OpenSource>,
    bytes: Bytes,
    /// What it will have been.
    done: Outcome,
}

impl Shared {
    /// Does what the plan says. Compiling goes on after this returns, in tasks that the pass waits for.
    pub(super) fn carry_out(self: &Arc<Self>, directory: &Directory<'_>, plan: &Plan) {
        for (item, seen) in &plan.repair {
            let Some(source) = self.open(directory, item.source) else { continue };
            let target = &directory.targets[item.target];
            let name = &directory.observed.sources[item.source].name;
            let cache = cache_name(name, &target.interpreter.cache_tag, target.level);
            let published = publish::republish(&directory.place.dir, &source, &cache, seen, self.manner());
            let job = Job::new(directory, item.source, target, Arc::new(source), Bytes::new(), Outcome::Repaired);
            self.settle(&job, published);
        }
        for group in plan.compile.chunk_by(|a, b| a.0.source == b.0.source) {
            if self.engine.stop.is_cancelled() {
                return;
            }
            self.compile_group(directory, group);
        }
    }

    /// Reads a source once and has it compiled for several targets.
    fn compile_group(self: &Arc<Self>, directory: &Directory<'_>, group: &[(Planned, Reason)]) {
        let Some(index) = group.first().map(|(item, _)| item.source) else { return };
        // The walk waits here when the workers cannot keep up.
        let permit = self.engine.handle.block_on(Arc::clone(&self.in_flight).acquire_owned());
        let Some(source) = self.open(directory, index) else { return };
        let targets: Vec<(&Target, Reason)> = group
            .iter()
            .map(|(item, reason)| (&directory.targets[item.target], *reason))
            .filter(|(target, _)| !self.recalled(directory, index, &source, target))
            .collect();
        if targets.is_empty() {
            return;
        }
        let bytes = match source.read(LARGEST_SOURCE) {
            Ok(bytes) => Bytes::from(bytes),
            Err(error) => {
                for (target, _) in targets {
                    let outcome = failed(FailureKind::Unreadable, format!("cannot be read: {error}"));
                    self.sink.outcome(&item(directory, index, target), &outcome);
                }
                return;
            }
        };
        let (source, permit) = (Arc::new(source), Arc::new(permit));
        for (target, reason) in targets {
            let done = if reason == Reason::Racy { Outcome::Confirmed } else { Outcome::Compiled };
            let job = Job::new(directory, index, target, Arc::clone(&source), bytes.clone(), done);
            let (shared, permit) = (Arc::clone(self), Arc::clone(&permit));
            let task = async move {
                shared.compile(job).await;
                drop(permit);
            };
            self.tasks.spawn_on(task, &self.engine.handle);
        }
    }

    /// Reports a source that failed before and has not changed since.
    fn recalled(&self, directory: &Directory<'_>, index: usize, source: &OpenSource, target: &Target) -> bool {
        if self.purpose != Purpose::Keep {
            return false;
        }
        let item = item(directory, index, target);
        let Some(outcome) = self.engine.broken.recall(&item.path(), target, source.stat()) else { return false };
        self.sink.outcome(&item, &outcome);
        true
    }

    /// `None` where that has been reported, or the source has gone.
    fn open(&self, directory: &Directory<'_>, index: usize) -> Option<OpenSource> {
        let source = &directory.observed.sources[index];
        let SourceState::File { link, .. } = source.state else { return None };
        let path = || directory.path.join(&source.name);
        let skip = |reason| self.sink.skip(&Skip { path: path(), reason });
        match open_source(&self.tree.root, &directory.place.dir, &directory.place.relative, &source.name, link) {
            Ok(opened) => return Some(opened),
            Err(OpenFault::Io(error)) if error.kind() == io::ErrorKind::NotFound => {}
            Err(OpenFault::Io(error)) => self.sink.failure(&unreadable(path(), &error.to_string())),
            Err(OpenFault::Link(LinkFault::Loop)) => skip(SkipReason::LinkLoop),
            Err(OpenFault::Link(LinkFault::LeavesTree)) => skip(SkipReason::LinkLeavesTree),
            Err(OpenFault::Link(LinkFault::Dangling | LinkFault::Io(_))) => skip(SkipReason::DanglingLink),
        }
        None
    }

    async fn compile(self: Arc<Self>, job: Job) {
        let pool = self.engine.pool(&job.target.interpreter);
        let mode = job.target.interpreter.effective_mode(self.tree.settings.invalidation_mode);
        let request = Request {
            level: job.target.level,
            want_source_hash: mode != InvalidationMode::Timestamp,
            path: Bytes::from(job.directory.join(&job.name).as_os_str().as_bytes().to_vec()),
            source: job.bytes.clone(),
        };
        let compiled = tokio::select! {
            () = self.engine.stop.cancelled() => return,
            compiled = pool.compile(&request) => compiled,
        };
        drop(request);
        // The disk may be slow; it is not waited for on the threads that serve the workers.
        let finished = tokio::task::spawn_blocking(move || self.finish(&job, compiled)).await;
        if let Err(error) = finished {
            tracing::error!("cannot publish a cache: {error}");
        }
    }

    fn finish(&self, job: &Job, compiled: Result<Compiled, CompileError>) {
        let compiled = match compiled {
            Ok(compiled) => compiled,
            Err(error) => {
                return self.fail(job, Outcome::Failed { kind: error.kind, line: error.line, message: error.message });
            }
        };
        for (line, text) in &compiled.warnings {
            tracing::debug!("{}:{line}: {text}", crate::domain::escaped(&job.item().path()));
        }
        let interpreter = &job.target.interpreter;
        let cache = cache_name(&job.name, &interpreter.cache_tag, job.target.level);
        let published =
            publish::header(job.source.stat(), interpreter, self.tree.settings.invalidation_mode, compiled.source_hash)
                .and_then(|header| {
                    publish::publish(&job.parent, &job.source, &cache, &header, &compiled.code, self.manner())
                });
        self.settle(job, published);
    }

    /// Tells what became of a publication, or that it has to be looked at again.
    fn settle(&self, job: &Job, published: Result<Published, PublishError>) {
        match published {
            Ok(Published { racy_until: None }) => self.tell(job, &job.done),
            // The daemon does not wait for that second to tell.
            Ok(Published { racy_until: second }) if self.purpose == Purpose::Keep => {
                self.tell(job, &job.done);
                self.look_again(job, None, second);
            }
            Ok(Published { racy_until: second }) => self.look_again(job, Some(job.done.clone()), second),
            Err(PublishError::SourceChanged) => self.look_again(job, None, None),
            Err(PublishError::Refused(message)) => self.fail(job, failed(FailureKind::Refused, message)),
            Err(error @ PublishError::Io { .. }) => self.fail(job, failed(FailureKind::Write, error.to_string())),
        }
    }

    /// A failure counts for what is there now: if that is another source by now, it is looked at again.
    fn fail(&self, job: &Job, outcome: Outcome) {
        if job.source.is_unchanged().unwrap_or(true) {
            self.tell(job, &outcome);
        } else {
            self.look_again(job, None, None);
        }
    }

    fn tell(&self, job: &Job, outcome: &Outcome) {
        let item = job.item();
        if self.purpose == Purpose::Keep {
            self.engine.broken.note(&item.path(), &job.target, job.source.stat(), outcome);
        }
        self.sink.outcome(&item, outcome);
    }

    fn look_again(&self, job: &Job, provisional: Option<Outcome>, after_second: Option<i64>) {
        let unsettled = Unsettled {
            relative: job.relative.clone(),
            source: job.name.clone(),
            target: job.target.clone(),
            provisional,
            after_second,
        };
        self.end.lock().unwrap_or_else(PoisonError::into_inner).unsettled.push(unsettled);
    }

    fn manner(&self) -> Manner<'_> {
        let settings = &self.tree.settings;
        Manner { owner: &settings.owner, mode: &settings.mode, actor: self.engine.actor }
    }
}

impl Job {
    fn new(
        directory: &Directory<'_>,
        index: usize,
        target: &Target,
        source: Arc<OpenSource>,
        bytes: Bytes,
        done: Outcome,
    ) -> Self {
        Self {
            parent: Arc::clone(&directory.place.dir),
            directory: directory.path.to_owned(),
            relative: directory.place.relative.clone(),
            name: directory.observed.sources[index].name.clone(),
            target: target.clone(),
            source,
            bytes,
            done,
        }
    }

    fn item(&self) -> Item<'_> {
        Item { directory: &self.directory, source: &self.name, target: &self.target }
    }
}

fn item<'a>(directory: &Directory<'a>, index: usize, target: &'a Target) -> Item<'a> {
    Item { directory: directory.path, source: &directory.observed.sources[index].name, target }
}

fn failed(kind: FailureKind, message: String) -> Outcome {
    Outcome::Failed { kind, line: None, message }
}
