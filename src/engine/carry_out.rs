//! Carries out a plan: compiles and publishes in tasks of their own.

use std::ffi::OsString;
use std::io;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;
use std::sync::{Arc, PoisonError};

use bytes::Bytes;
use tokio::sync::OwnedSemaphorePermit;

use super::LARGEST_SOURCE;
use super::dealing::{Directory, unreadable};
use super::in_progress::Claim;
use super::pass::{Purpose, Shared, Unsettled};
use crate::compile::{CompileError, Compiled, Request};
use crate::domain::path_text::escaped_text;
use crate::domain::policy::InvalidationMode;
use crate::domain::{FailureKind, Skip, SkipReason, Target, escaped};
use crate::plan::{Item as Planned, Plan, Reason};
use crate::publish::{self, Manner, PublishError, Published};
use crate::pyc::names::{CACHE_DIRECTORY, cache_name};
use crate::report::{Item, Outcome};
use crate::root::label::Wish;
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
    /// With the room that it takes.
    source: Arc<(OpenSource, OwnedSemaphorePermit)>,
    bytes: Bytes,
    /// What it will have been.
    done: Outcome,
    _claim: Claim,
}

impl Shared {
    /// Does what the plan says. Compiling goes on after this returns, in tasks that the pass waits for.
    pub(super) fn carry_out(self: &Arc<Self>, directory: &Directory<'_>, plan: &Plan) {
        for (planned, second) in &plan.unripe {
            let item = directory.item(*planned);
            self.put_off(directory.site.relative, &item, None, Some(*second));
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
        let source = &directory.observed.sources[index];
        let SourceState::File { stat, .. } = &source.state else { return };
        // The walk waits here when the workers cannot keep up.
        let Some(room) = self.engine.make_room(stat.size) else { return };
        let Some(opened) = self.open(directory, index) else { return };
        let mut claimed = Vec::new();
        for (planned, reason) in group {
            let item = directory.item(*planned);
            if self.purpose == Purpose::Keep && self.is_done(directory, &item, &opened) {
                continue;
            }
            match self.engine.in_progress.claim(item.key()) {
                Some(claim) => claimed.push((item, *reason, claim)),
                // Another pass is at it. It may have read the source before the change that led here.
                None => self.put_off(directory.site.relative, &item, None, None),
            }
        }
        if claimed.is_empty() {
            return;
        }
        let bytes = match opened.read(LARGEST_SOURCE) {
            Ok(bytes) => Bytes::from(bytes),
            Err(error) => {
                let outcome = failed(FailureKind::Unreadable, format!("cannot be read: {error}"));
                return claimed.iter().for_each(|(item, ..)| self.sink.outcome(item, &outcome));
            }
        };
        let shared_by_all = Arc::new((opened, room));
        for (item, reason, claim) in claimed {
            let job = Job {
                parent: Arc::clone(directory.site.dir),
                directory: directory.path.to_owned(),
                relative: directory.site.relative.to_owned(),
                name: item.source.to_owned(),
                target: item.target.clone(),
                source: Arc::clone(&shared_by_all),
                bytes: bytes.clone(),
                done: match reason {
                    Reason::Racy => Outcome::Confirmed,
                    Reason::Attributes | Reason::Context => Outcome::Repaired,
                    _ => Outcome::Compiled,
                },
                _claim: claim,
            };
            self.tasks.spawn_on(Arc::clone(self).compile(job), &self.engine.handle);
        }
    }

    /// Whether there is nothing to do after all: it failed before and has not changed since, or another
    /// pass has made a new cache since the look.
    fn is_done(&self, directory: &Directory<'_>, item: &Item<'_>, source: &OpenSource) -> bool {
        if let Some(outcome) = self.engine.broken.recall(item, source.stat()) {
            self.remove_useless(directory.site.dir, item);
            self.sink.outcome(item, &outcome);
            return true;
        }
        let cache = cache_name(item.source, &item.target.interpreter.cache_tag, item.target.level);
        let seen = directory.observed.caches.file(&cache).map(|file| file.stat.inode);
        let caches = directory.site.dir.open_cache_directory();
        let now = caches.and_then(|caches| caches.stat_entry(&cache)).ok().map(|stat| stat.inode);
        if now == seen {
            return false;
        }
        self.put_off(directory.site.relative, item, None, None);
        true
    }

    /// `None` where that has been reported, or the source has gone.
    fn open(&self, directory: &Directory<'_>, index: usize) -> Option<OpenSource> {
        let source = &directory.observed.sources[index];
        let SourceState::File { link, stat } = &source.state else { return None };
        let path = || directory.path.join(&source.name);
        let skip = |reason| self.sink.skip(&Skip { path: path(), reason });
        match open_source(&directory.site, &source.name, *link) {
            Ok(opened) => return Some(opened),
            Err(OpenFault::Io(error)) if error.kind() == io::ErrorKind::NotFound => skip(SkipReason::Vanished),
            Err(OpenFault::Io(error)) => self.sink.failure(&unreadable(path(), &error.to_string(), Some(stat.uid))),
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
            compiled = pool.compile(&request, job.source.0.stat().uid) => compiled,
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
            tracing::debug!("{}:{line}: {}", escaped(&job.item().path()), escaped_text(text));
        }
        let interpreter = &job.target.interpreter;
        let cache = cache_name(&job.name, &interpreter.cache_tag, job.target.level);
        let context = self.wish(&job.relative, &job.parent);
        let published = publish::header(
            job.source.0.stat(),
            interpreter,
            self.tree.settings.invalidation_mode,
            compiled.source_hash,
        )
        .and_then(|header| {
            publish::publish(&job.parent, &job.source.0, &cache, &header, &compiled.code, self.manner(context.as_ref()))
        });
        self.settle(job, published);
    }

    /// Tells what became of a publication, or that it has to be looked at again.
    fn settle(&self, job: &Job, published: Result<Published, PublishError>) {
        let published = match published {
            Ok(published) => published,
            Err(PublishError::SourceChanged) => return self.look_at_change(job),
            Err(PublishError::Refused(message)) => return self.fail(job, failed(FailureKind::Refused, message)),
            Err(error @ PublishError::Io { .. }) => {
                return self.fail(job, failed(FailureKind::Write, error.to_string()));
            }
        };
        if !published.attributes_kept {
            self.note_lax_device(&job.parent, &job.directory);
        }
        if published.is_ours && !self.engine.told_of_owners.swap(true, Ordering::Relaxed) {
            tracing::warn!(
                "caches of other users' sources belong to user {} and give others only what their sources surely do, \
                 as only root may give files away (the first: the one of {}); run pycwarm as root to have them right",
                self.engine.actor.uid,
                escaped(&job.item().path())
            );
        }
        if published.overtaken && self.purpose == Purpose::Keep {
            // The cache is younger than the change, and may look right.
            self.engine.to_confirm().insert(job.item().key());
            return self.look_at_change(job);
        }
        match published.racy_until {
            None => self.tell(job, &job.done),
            // The daemon does not wait for that second to tell.
            second if self.purpose == Purpose::Keep => {
                if published.looks_settled {
                    self.engine.to_confirm().insert(job.item().key());
                }
                self.tell(job, &job.done);
                self.look_again(job, None, second);
            }
            second => self.look_again(job, Some(job.done.clone()), second),
        }
    }

    pub(super) fn note_lax_device(&self, parent: &Dir, directory: &Path) {
        let Ok(stat) = parent.stat() else { return };
        let mut lax = self.engine.lax_devices.lock().unwrap_or_else(PoisonError::into_inner);
        if lax.insert(stat.device) {
            tracing::warn!(
                "the file system of {} does not keep owner, mode and ACL as they are set: caches on it stay as they are",
                escaped(directory)
            );
        }
    }

    /// A failure counts for what is there now: if that is another source by now, it is looked at again.
    fn fail(&self, job: &Job, outcome: Outcome) {
        if job.source.0.is_unchanged().unwrap_or(true) {
            if matches!(&outcome, Outcome::Failed { kind, .. } if !kind.may_pass()) {
                self.remove_useless(&job.parent, &job.item());
            }
            self.tell(job, &outcome);
        } else {
            self.look_at_change(job);
        }
    }

    /// Removes the cache of a source that does not compile. It holds the code of an earlier one: import might take it,
    /// by its stamp, and its mode might let more people read it than the source does now.
    fn remove_useless(&self, parent: &Dir, item: &Item<'_>) {
        let cache = cache_name(item.source, &item.target.interpreter.cache_tag, item.target.level);
        let path = || item.directory.join(CACHE_DIRECTORY).join(&cache);
        match publish::remove_cache(parent, &cache) {
            Ok(true) => tracing::info!("removed {}: its source does not compile any more", escaped(&path())),
            Ok(false) => {}
            Err(error) => {
                tracing::warn!("cannot remove {}, whose source does not compile any more: {error}", escaped(&path()));
            }
        }
    }

    fn tell(&self, job: &Job, outcome: &Outcome) {
        let item = job.item();
        if self.purpose == Purpose::Keep {
            let once_more = self.engine.broken.note(&item, job.source.0.stat(), outcome);
            if once_more {
                self.leave(|end| end.once_more.extend([job.relative.clone()]));
            }
        }
        self.sink.outcome(&item, outcome);
    }

    fn look_again(&self, job: &Job, provisional: Option<Outcome>, after_second: Option<i64>) {
        self.put_off(&job.relative, &job.item(), provisional, after_second);
    }

    /// The source is another one by now, or has other content.
    fn look_at_change(&self, job: &Job) {
        let unsettled = Unsettled {
            relative: job.relative.clone(),
            source: job.name.clone(),
            target: job.target.clone(),
            provisional: None,
            after_second: None,
            overtaken: true,
        };
        self.leave(|end| end.unsettled.push(unsettled));
    }

    fn put_off(&self, relative: &Path, item: &Item<'_>, provisional: Option<Outcome>, after_second: Option<i64>) {
        let unsettled = Unsettled {
            relative: relative.to_owned(),
            source: item.source.to_owned(),
            target: item.target.clone(),
            provisional,
            after_second,
            overtaken: false,
        };
        self.leave(|end| end.unsettled.push(unsettled));
    }

    fn manner<'a>(&'a self, context: Option<&'a Wish<'a>>) -> Manner<'a> {
        let settings = &self.tree.settings;
        Manner { owner: &settings.owner, mode: &settings.mode, context, actor: self.engine.actor }
    }

    /// The SELinux contexts that are wanted in a directory, called without links: rules know no others.
    pub(super) fn wish(&self, relative: &Path, dir: &Dir) -> Option<Wish<'_>> {
        let path = self.tree.root.canonical().join(relative);
        self.engine.labels.wish(&self.tree.settings.context, path, dir)
    }
}

impl Job {
    fn item(&self) -> Item<'_> {
        let owner = Some(self.source.0.stat().uid);
        Item { directory: &self.directory, source: &self.name, target: &self.target, owner }
    }
}

fn failed(kind: FailureKind, message: String) -> Outcome {
    Outcome::Failed { kind, line: None, message }
}
