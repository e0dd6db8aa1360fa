//! The walk over a scope: watches, lists, and says which directories come next.

use std::collections::HashSet;
use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use super::dealing::{Below, Listing, Turn};
use super::pass::{Pass, Purpose, Scope, Shared};
use super::targets::Selector;
use super::tree::read_pyvenv;
use super::turns::Later;
use crate::domain::passage::Barrier;
use crate::domain::{Failure, FailureKind, FileKind, Skip, SkipReason};
use crate::interpreters::{Choice, pyvenv};
use crate::pyc::names::{self, CACHE_DIRECTORY};
use crate::root::passage::barrier_of;
use crate::root::{Entry, resolve};
use crate::scan::walk::Obstacle;
use crate::scan::{Place, scripts, walk};

/// An unhurried pass rests so many times as long as it works.
const REST: u32 = 9;
/// It rests when it has worked for this long.
const STRETCH: Duration = Duration::from_millis(5);

pub(super) struct Walking<'a> {
    pub(super) shared: &'a Arc<Shared>,
    pub(super) selector: Selector<'a>,
    pub(super) pass: &'a Pass<'a>,
    /// Directories with something to compile, in a pass over many.
    pub(super) later: Mutex<Vec<Later>>,
    pub(super) stop: &'a AtomicBool,
}

impl Walking<'_> {
    pub(super) fn run(&self, threads: usize) {
        let tree = &self.shared.tree;
        let relative = match self.pass.scope {
            Scope::Whole => Path::new(""),
            Scope::Subtree(relative) | Scope::Directory { relative, .. } | Scope::Sources(relative, _) => relative,
        };
        if tree.excludes_directory(relative) {
            return;
        }
        let dir = match tree.root.open_below(relative) {
            Ok(dir) => dir,
            // Gone, or no directory any more: its parent has changed and is looked at.
            Err(error) if is_gone(&error) => return,
            Err(error) => return self.obstacle(relative.to_owned(), Obstacle::Io(error)),
        };
        let below = Below { choice: tree.choice_for(relative), suspect: false };
        let start = Place { dir, relative: relative.to_owned() };
        let threads = if self.covers_many() { threads } else { 1 };
        let worked = Mutex::new(Duration::ZERO);
        walk(
            start,
            tree.root.passage(),
            below,
            threads,
            self.stop,
            |place, below| {
                let begun = Instant::now();
                let next = self.visit(place, below);
                if self.pass.unhurried.as_ref().is_some_and(|hurry| !hurry.load(Ordering::Relaxed)) {
                    self.rest(&worked, begun.elapsed());
                }
                next
            },
            |path, why| self.obstacle(path, why),
        );
        self.take_turns(threads);
    }

    /// Whether the scope is that of many directories, in which an order can be kept.
    pub(super) fn covers_many(&self) -> bool {
        matches!(self.pass.scope, Scope::Whole | Scope::Subtree(_))
    }

    /// Deals with one directory, or puts it down for later; gives those to enter.
    fn visit(&self, place: &Place, above: &Below) -> Vec<(OsString, Below)> {
        let tree = &self.shared.tree;
        if self.is_to_end() {
            return Vec::new();
        }
        let path = tree.root.path_of(&place.relative);
        let listing = match self.enter(place, &path) {
            Ok(listing) => listing,
            Err(error) => {
                self.obstacle(place.relative.clone(), Obstacle::Io(error));
                return Vec::new();
            }
        };
        let entries = &listing.entries;
        let has_pyvenv = tree.is_auto() && entries.iter().any(|entry| entry.name == pyvenv::FILE);
        let below = Below {
            choice: above.choice.enter(&path, has_pyvenv.then(|| read_pyvenv(&place.dir)).flatten()),
            suspect: above.suspect || self.is_changed(place),
        };
        self.look_for_scripts(place, &below.choice, entries);
        if listing.may_concern_us() {
            let turn = match self.pass.scope {
                Scope::Directory { in_use_only: true, .. } => Turn::InUse,
                Scope::Whole | Scope::Subtree(_) if self.pass.purpose != Purpose::Check => Turn::Survey,
                _ => Turn::Everything,
            };
            self.deal_with(place, &below, &listing, turn);
        }
        self.below(place, &path, &below, entries)
    }

    /// Whether a directory of many has changed lately: what was moved in with all its caches shows it only by
    /// the change of its topmost directory.
    fn is_changed(&self, place: &Place) -> bool {
        let since = self.pass.suspect_since.filter(|_| self.covers_many());
        since.is_some_and(|since| place.dir.stat().is_ok_and(|stat| stat.changed >= since))
    }

    /// Whether the engine was stopped; then the walk ends too.
    pub(super) fn is_to_end(&self) -> bool {
        let is_cancelled = self.shared.engine.stop.is_cancelled();
        if is_cancelled {
            self.stop.store(true, Ordering::Relaxed);
        }
        is_cancelled
    }

    /// Watches the directory first and lists it then: what comes in between is seen by both.
    fn enter(&self, place: &Place, path: &Path) -> io::Result<Listing> {
        if let Some(observer) = self.pass.observer {
            observer.enter(path, &place.dir, &place.dir.stat()?);
        }
        let listing = self.list(place)?;
        if let Some(observer) = self.pass.observer {
            // All of them: what is excluded here may be watched as another tree, or on the way to one.
            observer.listed(path, &listing.names);
            if listing.has_cache_directory()
                && let Ok(stat) = place.dir.stat_entry(OsStr::new(CACHE_DIRECTORY))
            {
                observer.enter(&path.join(CACHE_DIRECTORY), &place.dir, &stat);
            }
        }
        Ok(listing)
    }

    /// The entries that are not excluded, and the names of all.
    pub(super) fn list(&self, place: &Place) -> io::Result<Listing> {
        let mut entries = place.dir.entries()?;
        for entry in entries.iter_mut().filter(|entry| entry.kind == FileKind::Unknown) {
            entry.kind = place.dir.stat_entry(&entry.name).map_or(FileKind::Unknown, |stat| stat.kind);
        }
        let names: HashSet<OsString> = entries.iter().map(|entry| entry.name.clone()).collect();
        let tree = &self.shared.tree;
        entries.retain(|entry| !tree.excludes(&place.relative, &entry.name, entry.kind == FileKind::Directory));
        Ok(Listing { entries, names })
    }

    fn look_for_scripts(&self, place: &Place, choice: &Choice, entries: &[Entry]) {
        let tree = &self.shared.tree;
        let is_whole = matches!(self.pass.scope, Scope::Whole | Scope::Sources(..));
        if is_whole || !tree.is_auto() || !choice.is_open() {
            return;
        }
        let Some(known) = tree.scripts() else { return };
        if scripts::pythons(&place.dir, entries).iter().any(|python| !known.contains(python)) {
            self.shared.leave(|end| end.new_interpreters = true);
        }
    }

    fn below(&self, place: &Place, path: &Path, below: &Below, entries: &[Entry]) -> Vec<(OsString, Below)> {
        if matches!(self.pass.scope, Scope::Sources(..)) || self.shared.tree.only.is_some() {
            return Vec::new();
        }
        let is_directory = |entry: &&Entry| entry.kind == FileKind::Directory && entry.name != CACHE_DIRECTORY;
        let directories = entries.iter().filter(is_directory).map(|entry| entry.name.clone());
        if let (Scope::Directory { .. }, Some(observer)) = (self.pass.scope, self.pass.observer) {
            let is_unknown =
                |name: &OsString| place.dir.stat_entry(name).is_ok_and(|stat| !observer.knows(&path.join(name), &stat));
            let found: Vec<PathBuf> = directories.filter(is_unknown).map(|name| place.relative.join(name)).collect();
            self.shared.leave(|end| end.found.extend(found));
            return Vec::new();
        }
        directories.map(|name| (name, below.clone())).collect()
    }

    /// Leaves the disk and the processor to others, after each stretch of work.
    fn rest(&self, worked: &Mutex<Duration>, just_now: Duration) {
        let mut worked = worked.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
        *worked += just_now;
        if *worked < STRETCH {
            return;
        }
        let rest = std::mem::take(&mut *worked) * REST;
        let engine = &self.shared.engine;
        engine.handle.block_on(async {
            tokio::select! {
                () = tokio::time::sleep(rest) => {}
                () = engine.stop.cancelled() => {}
            }
        });
    }

    pub(super) fn obstacle(&self, relative: PathBuf, why: Obstacle) {
        if let Obstacle::Io(error) = &why
            && let Some(barrier) = barrier_of(error)
        {
            return self.bar(&relative, barrier);
        }
        let message = match why {
            // It has gone since its parent was listed, or somebody put something else in its place.
            Obstacle::Io(error) if is_gone(&error) || resolve::is_loop(&error) => return,
            Obstacle::Io(error) => format!("cannot read the directory: {error}"),
            Obstacle::TooDeep => "is nested too deeply and is left alone, with all below it".to_owned(),
        };
        self.shared.sink.failure(&Failure {
            path: self.shared.tree.root.path_of(&relative),
            python: String::new(),
            line: None,
            kind: FailureKind::Unreadable,
            message,
            owner: None,
        });
    }
}

impl Walking<'_> {
    /// A directory that is not entered is skipped; where it is the whole tree, that is a failure. `relative` is that
    /// directory, or lies below it.
    fn bar(&self, relative: &Path, barrier: Barrier) {
        let root = &self.shared.tree.root;
        let is_barred = |path: &&Path| root.open_below(path).is_err_and(|error| barrier_of(&error).is_some());
        let mut on_the_way: Vec<&Path> = relative.ancestors().collect();
        on_the_way.reverse();
        let barred = on_the_way.into_iter().find(is_barred).unwrap_or(relative);
        let path = root.path_of(barred);
        if let Some(observer) = self.pass.observer {
            // What happens below is not followed; when it may be entered again, all of it will be new.
            observer.listed(&path, &HashSet::new());
        }
        if !barred.as_os_str().is_empty() {
            return self.shared.sink.skip(&Skip { path, reason: SkipReason::Barred(barrier) });
        }
        let owner = root.stat().ok().map(|stat| stat.uid);
        let (kind, message) = (FailureKind::Refused, barrier.to_string());
        self.shared.sink.failure(&Failure { path, python: String::new(), line: None, kind, message, owner });
    }
}

impl Listing {
    /// Whether there are sources, or caches of sources that were there.
    fn may_concern_us(&self) -> bool {
        self.has_cache_directory() || self.entries.iter().any(|entry| names::is_source(&entry.name))
    }

    fn has_cache_directory(&self) -> bool {
        self.entries.iter().any(|entry| entry.kind == FileKind::Directory && entry.name == CACHE_DIRECTORY)
    }
}

pub(super) fn is_gone(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory)
}
