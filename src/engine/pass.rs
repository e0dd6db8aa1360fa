//! The pass itself: walk, look, plan, and hand on what is to be done.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use tokio_util::task::TaskTracker;

use super::Engine;
use super::targets::{Selector, Targets};
use super::tree::{Tree, read_pyvenv};
use crate::domain::{Failure, FailureKind, FileKind, FileStat, Skip, Target, Timestamp, escaped};
use crate::interpreters::{Choice, pyvenv};
use crate::plan::{Plan, Reason, Rules, plan};
use crate::pyc::names::{self, CACHE_DIRECTORY};
use crate::report::{Item, Outcome, Sink};
use crate::root::{Entry, actor, resolve};
use crate::scan::walk::Obstacle;
use crate::scan::{Observed, Place, Site, Wanted, look, scripts, walk};
use crate::{engine::LARGEST_SOURCE, publish};

/// What a pass is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// Look only; nothing is written.
    Check,
    /// Bring up to date.
    Warm,
    /// Bring up to date, and remove the caches of removed sources.
    Keep,
}

/// How much of a tree.
#[derive(Debug, Clone, Copy)]
pub enum Scope<'a> {
    Whole,
    /// One directory. Those in it that the observer does not know are given back.
    Directory(&'a Path),
    /// These sources of one directory.
    Sources(&'a Path, &'a HashSet<OsString>),
}

/// Who wants to know which directories there are: the daemon, which watches them.
pub trait Observer: Sync {
    /// A directory (or a `__pycache__`) is about to be listed.
    fn enter(&self, path: &Path, stat: &FileStat);
    /// Whether a directory is known under this path already, and is still the same.
    fn knows(&self, path: &Path, stat: &FileStat) -> bool;
    /// All names in a directory.
    fn listed(&self, path: &Path, names: &HashSet<OsString>);
    /// The directories on which it depends where the links in a directory lead.
    fn linked(&self, path: &Path, passed: &HashSet<PathBuf>);
}

/// One pass over one tree.
pub struct Pass<'a> {
    pub tree: &'a Arc<Tree>,
    pub purpose: Purpose,
    pub scope: Scope<'a>,
    pub observer: Option<&'a dyn Observer>,
}

/// What a pass leaves to be done.
#[derive(Debug, Default)]
pub struct PassEnd {
    pub unsettled: Vec<Unsettled>,
    /// Directories below the tree's root that the observer does not know yet.
    pub found: Vec<PathBuf>,
    /// A script names an interpreter that the tree was not compiled for: it wants a whole pass.
    pub new_interpreters: bool,
}

/// A source that has to be looked at again. Its outcome has not been told.
#[derive(Debug, Clone)]
pub struct Unsettled {
    /// The directory, below the tree's root.
    pub relative: PathBuf,
    pub source: OsString,
    pub target: Target,
    /// What will have become of it if nothing changes any more; `None` where it changed while it was read.
    pub provisional: Option<Outcome>,
    /// Not before the end of this second since the epoch.
    pub after_second: Option<i64>,
}

/// What all parts of a pass share.
pub(super) struct Shared {
    pub(super) engine: Arc<Engine>,
    pub(super) tree: Arc<Tree>,
    pub(super) purpose: Purpose,
    pub(super) sink: Arc<dyn Sink + Send + Sync>,
    pub(super) tasks: TaskTracker,
    pub(super) end: Mutex<PassEnd>,
}

impl Engine {
    /// Runs a pass and waits for its end. Not to be called on a thread of the asynchronous runtime.
    pub fn pass(self: &Arc<Self>, pass: &Pass<'_>, sink: &Arc<dyn Sink + Send + Sync>) -> PassEnd {
        let shared = Arc::new(Shared {
            engine: Arc::clone(self),
            tree: Arc::clone(pass.tree),
            purpose: pass.purpose,
            sink: Arc::clone(sink),
            tasks: TaskTracker::new(),
            end: Mutex::default(),
        });
        let stop = AtomicBool::new(false);
        let walking = Walking {
            shared: &shared,
            selector: Selector::new(&self.registry, pass.tree, sink.as_ref(), &stop),
            scope: pass.scope,
            observer: pass.observer,
            stop: &stop,
        };
        walking.run(self.jobs);
        shared.tasks.close();
        self.handle.block_on(shared.tasks.wait());
        std::mem::take(&mut *shared.end.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

struct Walking<'a> {
    shared: &'a Arc<Shared>,
    selector: Selector<'a>,
    scope: Scope<'a>,
    observer: Option<&'a dyn Observer>,
    stop: &'a AtomicBool,
}

impl Walking<'_> {
    fn run(&self, threads: usize) {
        let tree = &self.shared.tree;
        let relative = match self.scope {
            Scope::Whole => Path::new(""),
            Scope::Directory(relative) | Scope::Sources(relative, _) => relative,
        };
        if tree.excludes_directory(relative) {
            return;
        }
        let dir = match tree.root.open_below(relative) {
            Ok(dir) => dir,
            // Gone, or no directory any more: its parent has changed and is looked at.
            Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => return,
            Err(error) => return self.obstacle(relative.to_owned(), Obstacle::Io(error)),
        };
        let choice = tree.choice_for(relative);
        let start = Place { dir, relative: relative.to_owned() };
        let threads = if matches!(self.scope, Scope::Whole) { threads } else { 1 };
        walk(
            start,
            choice,
            threads,
            self.stop,
            |place, choice| self.visit(place, choice),
            |path, why| self.obstacle(path, why),
        );
    }

    /// Deals with one directory; gives those to enter.
    fn visit(&self, place: &Place, choice: &Choice) -> Vec<(OsString, Choice)> {
        let tree = &self.shared.tree;
        if self.shared.engine.stop.is_cancelled() {
            self.stop.store(true, std::sync::atomic::Ordering::Relaxed);
            return Vec::new();
        }
        let path = tree.root.path_of(&place.relative);
        let (entries, names) = match self.enter(place, &path) {
            Ok(listing) => listing,
            Err(error) => {
                self.obstacle(place.relative.clone(), Obstacle::Io(error));
                return Vec::new();
            }
        };
        let has_pyvenv = tree.is_auto() && entries.iter().any(|entry| entry.name == pyvenv::FILE);
        let choice = choice.enter(&path, has_pyvenv.then(|| read_pyvenv(&place.dir)).flatten());
        self.look_for_scripts(place, &choice, &entries);
        if entries.iter().any(|entry| names::is_source(&entry.name)) || self.has_cache_directory(&entries) {
            let targets = self.selector.targets(&choice);
            self.deal_with(place, &path, (&entries, &names), &targets);
        }
        self.below(place, &path, &choice, &entries)
    }

    /// Watches the directory first and lists it then: what comes in between is seen by both. Gives the
    /// entries that are not excluded, and the names of all.
    fn enter(&self, place: &Place, path: &Path) -> io::Result<(Vec<Entry>, HashSet<OsString>)> {
        if let Some(observer) = self.observer {
            observer.enter(path, &place.dir.stat()?);
        }
        let tree = &self.shared.tree;
        let mut entries = place.dir.entries()?;
        for entry in entries.iter_mut().filter(|entry| entry.kind == FileKind::Unknown) {
            entry.kind = place.dir.stat_entry(&entry.name).map_or(FileKind::Unknown, |stat| stat.kind);
        }
        let names: HashSet<OsString> = entries.iter().map(|entry| entry.name.clone()).collect();
        if let Some(observer) = self.observer {
            // All of them: what is excluded here may be watched as another tree, or on the way to one.
            observer.listed(path, &names);
        }
        entries.retain(|entry| !tree.excludes(&place.relative, &entry.name, entry.kind == FileKind::Directory));
        if let Some(observer) = self.observer
            && self.has_cache_directory(&entries)
            && let Ok(stat) = place.dir.stat_entry(OsStr::new(CACHE_DIRECTORY))
        {
            observer.enter(&path.join(CACHE_DIRECTORY), &stat);
        }
        Ok((entries, names))
    }

    fn has_cache_directory(&self, entries: &[Entry]) -> bool {
        entries.iter().any(|entry| entry.kind == FileKind::Directory && entry.name == CACHE_DIRECTORY)
    }

    fn look_for_scripts(&self, place: &Place, choice: &Choice, entries: &[Entry]) {
        let tree = &self.shared.tree;
        if !matches!(self.scope, Scope::Directory(_)) || !tree.is_auto() || !choice.is_open() {
            return;
        }
        let Some(known) = tree.scripts() else { return };
        if scripts::pythons(&place.dir, entries).iter().any(|python| !known.contains(python)) {
            self.shared.end.lock().unwrap_or_else(PoisonError::into_inner).new_interpreters = true;
        }
    }

    fn deal_with(
        &self,
        place: &Place,
        path: &Path,
        (entries, names): (&[Entry], &HashSet<OsString>),
        targets: &Targets,
    ) {
        let (shared, tree) = (self.shared, &self.shared.tree);
        let wanted = Wanted {
            caches: targets.caches.clone(),
            orphans: shared.purpose == Purpose::Keep,
            suspect_since: matches!(self.scope, Scope::Directory(_)).then(suspect_since),
        };
        let site = Site { root: &tree.root, dir: &place.dir, relative: &place.relative, largest: LARGEST_SOURCE };
        let mut observed = look(&site, entries, names, &wanted);
        if let Scope::Sources(_, names) = self.scope {
            observed.sources.retain(|source| names.contains(&source.name));
        }
        for _ in &observed.sources {
            shared.sink.source();
        }
        self.tell_observer(path, &observed);
        let mut plan = plan(&self.rules(place, targets), &mut observed);
        let directory = Directory { site, path, observed: &observed, targets: &targets.list };
        self.confirm(&directory, &mut plan);
        self.tell(&directory, &plan);
        if shared.purpose != Purpose::Check {
            self.clear_up(&directory, &plan);
            shared.carry_out(&directory, &plan);
        }
        shared.engine.broken.retain(path, |name| names.contains(name));
    }

    fn rules<'t>(&'t self, place: &Place, targets: &'t Targets) -> Rules<'t> {
        let (engine, settings) = (&self.shared.engine, &self.shared.tree.settings);
        let lax = engine.lax_devices.lock().unwrap_or_else(PoisonError::into_inner);
        let is_lax = !lax.is_empty() && place.dir.stat().is_ok_and(|stat| lax.contains(&stat.device));
        Rules {
            targets: &targets.list,
            invalidation_mode: settings.invalidation_mode,
            owner: &settings.owner,
            mode: &settings.mode,
            actor: engine.actor,
            attributes: !is_lax,
            now: (self.shared.purpose == Purpose::Keep).then(actor::now),
            after_change: matches!(self.scope, Scope::Directory(_)),
        }
    }

    /// The observer wants to know where links lead, as their sources change there.
    fn tell_observer(&self, path: &Path, observed: &Observed) {
        let Some(observer) = self.observer else { return };
        let passed = observed.sources.iter().flat_map(|source| &source.passed);
        observer.linked(path, &passed.map(|directory| self.shared.tree.root.path_of(directory)).collect());
    }

    /// Has compiled again what looks right and may not be: in a round for single sources, all of them.
    fn confirm(&self, directory: &Directory<'_>, plan: &mut Plan) {
        let mut to_confirm = self.shared.engine.to_confirm();
        let all = matches!(self.scope, Scope::Sources(..));
        if self.shared.purpose == Purpose::Check || !all && to_confirm.is_empty() {
            return;
        }
        plan.leave.retain(|item| {
            let wanted = all || to_confirm.remove(&directory.item(*item).key());
            if wanted {
                plan.compile.push((*item, Reason::Racy));
            }
            !wanted
        });
        plan.compile.sort_by_key(|(item, _)| item.source);
    }

    /// Reports what needs no work.
    fn tell(&self, directory: &Directory<'_>, plan: &Plan) {
        let sink = &self.shared.sink;
        for item in &plan.leave {
            sink.outcome(&directory.item(*item), &Outcome::Fresh);
        }
        for (item, kind, message) in &plan.fail {
            sink.outcome(
                &directory.item(*item),
                &Outcome::Failed { kind: *kind, line: None, message: message.clone() },
            );
        }
        for (source, reason) in &plan.skip {
            sink.skip(&Skip { path: directory.source_path(*source), reason: *reason });
        }
        for (source, why) in &plan.unreadable {
            sink.failure(&unreadable(directory.source_path(*source), why));
        }
        if self.shared.purpose == Purpose::Check {
            for (item, reason) in &plan.compile {
                sink.outcome(&directory.item(*item), &Outcome::Stale(reason.describe()));
            }
        }
    }

    /// Removes what should not be there.
    fn clear_up(&self, directory: &Directory<'_>, plan: &Plan) {
        let parent = directory.site.dir;
        if !plan.temporaries.is_empty()
            && let Err(error) = publish::remove_abandoned(parent, &plan.temporaries)
        {
            tracing::warn!(
                "cannot remove left-over temporary files in {}/{CACHE_DIRECTORY}: {error}",
                escaped(directory.path)
            );
        }
        for (name, stat) in &plan.orphans {
            let Some(cache) = names::parse_cache_name(name) else { continue };
            let path = directory.path.join(CACHE_DIRECTORY).join(name);
            match publish::remove_orphan(parent, &cache.source, name, stat) {
                Ok(true) => self.shared.sink.removed(&path),
                Ok(false) => {}
                Err(error) => tracing::warn!("cannot remove {}, whose source is gone: {error}", escaped(&path)),
            }
        }
    }

    fn below(&self, place: &Place, path: &Path, choice: &Choice, entries: &[Entry]) -> Vec<(OsString, Choice)> {
        if matches!(self.scope, Scope::Sources(..)) || self.shared.tree.only.is_some() {
            return Vec::new();
        }
        let mut directories = directories_in(entries);
        directories.remove(OsStr::new(CACHE_DIRECTORY));
        if let (Scope::Directory(_), Some(observer)) = (self.scope, self.observer) {
            directories
                .retain(|name| place.dir.stat_entry(name).is_ok_and(|stat| !observer.knows(&path.join(name), &stat)));
            let found = directories.into_iter().map(|name| place.relative.join(name));
            self.shared.end.lock().unwrap_or_else(PoisonError::into_inner).found.extend(found);
            return Vec::new();
        }
        directories.into_iter().map(|name| (name, choice.clone())).collect()
    }

    fn obstacle(&self, relative: PathBuf, why: Obstacle) {
        let message = match why {
            // It has gone since its parent was listed, or somebody put something else in its place.
            Obstacle::Io(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
                return;
            }
            Obstacle::Io(error) if resolve::is_loop(&error) => return,
            Obstacle::Io(error) => format!("cannot read the directory: {error}"),
            Obstacle::TooDeep => "is nested too deeply and is left alone, with all below it".to_owned(),
        };
        let path = self.shared.tree.root.path_of(&relative);
        self.shared.sink.failure(&Failure {
            path,
            python: String::new(),
            line: None,
            kind: FailureKind::Unreadable,
            message,
        });
    }
}

/// One directory while it is dealt with.
pub(super) struct Directory<'a> {
    pub(super) site: Site<'a>,
    pub(super) path: &'a Path,
    pub(super) observed: &'a Observed,
    pub(super) targets: &'a [Target],
}

impl<'a> Directory<'a> {
    pub(super) fn item(&self, item: crate::plan::Item) -> Item<'a> {
        Item {
            directory: self.path,
            source: &self.observed.sources[item.source].name,
            target: &self.targets[item.target],
        }
    }

    fn source_path(&self, index: usize) -> PathBuf {
        self.path.join(&self.observed.sources[index].name)
    }
}

pub(super) fn unreadable(path: PathBuf, why: &str) -> Failure {
    let message = format!("cannot be read: {why}");
    Failure { path, python: String::new(), line: None, kind: FailureKind::Unreadable, message }
}

fn directories_in(entries: &[Entry]) -> HashSet<OsString> {
    entries.iter().filter(|entry| entry.kind == FileKind::Directory).map(|entry| entry.name.clone()).collect()
}

/// A change of a directory may be that of a cache which somebody wrote in place: those that were changed
/// lately are read. Long enough for a daemon that has a lot to do.
fn suspect_since() -> Timestamp {
    let now = actor::now();
    Timestamp { seconds: now.seconds.saturating_sub(120), ..now }
}
