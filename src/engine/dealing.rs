//! What is done with one directory: look, plan, tell, clear up, compile.

use std::cmp::Reverse;
use std::collections::HashSet;
use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;

use super::pass::{Purpose, Scope};
use super::targets::Targets;
use super::walking::{Walking, is_gone};
use crate::domain::{Failure, FailureKind, Skip, Target, Timestamp, escaped};
use crate::interpreters::Choice;
use crate::plan::{Plan, Reason, Rules, plan};
use crate::pyc::names::{self, CACHE_DIRECTORY, cache_name};
use crate::report::{Item, Outcome};
use crate::root::{Entry, actor};
use crate::scan::{Observed, Place, Site, Source, SourceState, Wanted, look};
use crate::{engine::LARGEST_SOURCE, publish};

/// What is in a directory.
pub(super) struct Listing {
    /// Those that are not excluded.
    pub(super) entries: Vec<Entry>,
    /// Of all.
    pub(super) names: HashSet<OsString>,
}

/// What holds in a directory because of those above it.
#[derive(Debug, Clone)]
pub(super) struct Below {
    pub(super) choice: Choice,
    /// All caches are to be read to their end.
    pub(super) suspect: bool,
}

/// Which part of the work on a directory is done now.
#[derive(Debug, Clone, Copy)]
pub(super) enum Turn<'a> {
    /// All but compiling; if there is something to compile, nothing: it is put down for later.
    Survey,
    /// Those that had a cache.
    InUse,
    Everything,
    /// Those that had none: what [`Turn::InUse`] has left.
    Rest(&'a HashSet<OsString>),
}

/// One directory while it is dealt with.
pub(super) struct Directory<'a> {
    pub(super) site: Site<'a>,
    pub(super) path: &'a Path,
    pub(super) observed: &'a Observed,
    pub(super) targets: &'a [Target],
}

impl Walking<'_> {
    /// Gives the names of the sources that were left for the last turn.
    pub(super) fn deal_with(
        &self,
        place: &Place,
        below: &Below,
        listing: &Listing,
        turn: Turn<'_>,
    ) -> HashSet<OsString> {
        let (shared, tree) = (self.shared, &self.shared.tree);
        let path = tree.root.path_of(&place.relative);
        let targets = self.selector.targets(&below.choice);
        let wanted = Wanted {
            caches: targets.caches.clone(),
            orphans: shared.purpose == Purpose::Keep,
            suspect_since: if below.suspect { Some(Timestamp::EARLIEST) } else { self.pass.suspect_since },
        };
        let context = shared.wish(&place.relative, &place.dir);
        let site = Site {
            root: &tree.root,
            dir: &place.dir,
            relative: &place.relative,
            context: context.as_ref(),
            largest: LARGEST_SOURCE,
        };
        let mut observed = look(&site, &listing.entries, &listing.names, &wanted);
        if let (Scope::Sources(_, names), _) | (_, Turn::Rest(names)) = (self.pass.scope, turn) {
            observed.sources.retain(|source| names.contains(&source.name));
        }
        self.tell_observer(&path, &observed, turn);
        let mut plan = plan(&self.rules(place, &targets), &mut observed);
        let directory = Directory { site, path: &path, observed: &observed, targets: &targets.list };
        if self.pass.unhurried.is_some() {
            self.audit(&directory, &mut plan);
            return HashSet::new();
        }
        self.confirm(&directory, &mut plan);
        if matches!(turn, Turn::Survey) && !plan.compile.is_empty() {
            self.put_down(place, below, &directory, &plan);
            return HashSet::new();
        }
        let left = self.sort(&directory, &mut plan, turn);
        if !matches!(turn, Turn::Rest(_)) {
            for _ in &observed.sources {
                shared.sink.source();
            }
        }
        self.tell_of_twins(&directory, &plan);
        self.mend_directory(&directory, &plan);
        self.tell(&directory, &plan);
        if shared.purpose != Purpose::Check {
            self.clear_up(&directory, &plan);
            shared.carry_out(&directory, &plan);
        }
        shared.engine.broken.retain(&path, |name| listing.names.contains(name));
        left
    }

    /// Takes down whether the directory is as it should be, and changes nothing: what is done to it would be heard
    /// of, and hide that nothing was heard before.
    fn audit(&self, directory: &Directory<'_>, plan: &mut Plan) {
        let shared = self.shared;
        for _ in &directory.observed.sources {
            shared.sink.source();
        }
        plan.compile.retain(|(item, _)| match &directory.observed.sources[item.source].state {
            SourceState::File { stat, .. } => match shared.engine.broken.recall(&directory.item(*item), stat) {
                Some(outcome) => {
                    shared.sink.outcome(&directory.item(*item), &outcome);
                    false
                }
                None => true,
            },
            _ => true,
        });
        if !plan.compile.is_empty() || !plan.orphans.is_empty() || plan.mend_directory {
            for (item, reason) in &plan.compile {
                tracing::debug!("{}: {}", escaped(&directory.item(*item).path()), reason.describe());
            }
            shared.leave(|end| end.amiss.insert(directory.site.relative.to_owned()));
        }
        plan.mend_directory = false;
        self.tell(directory, plan);
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
        }
    }

    /// The observer wants to know where links lead, as their sources change there.
    fn tell_observer(&self, path: &Path, observed: &Observed, turn: Turn<'_>) {
        let (Some(observer), false) = (self.pass.observer, matches!(turn, Turn::Rest(_))) else { return };
        let passed = observed.sources.iter().flat_map(|source| &source.passed);
        observer.linked(path, &passed.map(|directory| self.shared.tree.root.path_of(directory)).collect());
        observer.twins(path, &observed.sources.iter().filter_map(Source::twin).collect());
    }

    /// An event names one of the directories in which a source has a name. What is not right here is not right
    /// there.
    fn tell_of_twins(&self, directory: &Directory<'_>, plan: &Plan) {
        let of = |(item, _): &(crate::plan::Item, Reason)| directory.observed.sources[item.source].twin();
        let changed: Vec<_> = plan.compile.iter().filter_map(of).collect();
        if !changed.is_empty() {
            self.shared.leave(|end| end.changed_twins.extend(changed));
        }
    }

    /// Has compiled again what looks right and may not be: in a round for single sources, all of them; and what is
    /// known not to compile, for which somebody has put a cache there.
    fn confirm(&self, directory: &Directory<'_>, plan: &mut Plan) {
        let mut to_confirm = self.shared.engine.to_confirm();
        let all = matches!(self.pass.scope, Scope::Sources(..));
        let some_broken = self.shared.engine.broken.knows_some_in(directory.path);
        if self.shared.purpose == Purpose::Check || !all && to_confirm.is_empty() && !some_broken {
            return;
        }
        let is_broken = |item: crate::plan::Item| match &directory.observed.sources[item.source].state {
            SourceState::File { stat, .. } => {
                some_broken && self.shared.engine.broken.recall(&directory.item(item), stat).is_some()
            }
            _ => false,
        };
        plan.leave.retain(|item| {
            let wanted = all || to_confirm.remove(&directory.item(*item).key()) || is_broken(*item);
            if wanted {
                plan.compile.push((*item, Reason::Racy));
            }
            !wanted
        });
        plan.compile.sort_by_key(|(item, _)| item.source);
    }

    /// Puts what is to be compiled in order, the most recently used first. In the turn of those in use, those
    /// that never had a cache are taken out, and their names given.
    fn sort(&self, directory: &Directory<'_>, plan: &mut Plan, turn: Turn<'_>) -> HashSet<OsString> {
        if plan.compile.len() > 1 {
            let uses = directory.last_uses(plan);
            plan.compile.sort_by_key(|(item, _)| (Reverse(uses[item.source]), item.source));
        }
        let mut left = HashSet::new();
        if let Turn::InUse = turn {
            plan.compile.retain(|(item, _)| {
                let is_new = !directory.had_cache(item.source);
                if is_new {
                    left.insert(directory.observed.sources[item.source].name.clone());
                }
                !is_new
            });
            if !left.is_empty() {
                self.shared.leave(|end| end.postponed = true);
            }
        }
        left
    }

    /// Gives `__pycache__` its owner, mode, ACL and context. It is told with the caches that are in it.
    fn mend_directory(&self, directory: &Directory<'_>, plan: &Plan) {
        if !plan.mend_directory || self.shared.purpose == Purpose::Check {
            return;
        }
        let caches = directory.path.join(CACHE_DIRECTORY);
        let actor = self.shared.engine.actor;
        match publish::mend_cache_directory(directory.site.dir, actor, directory.site.context) {
            Ok(true) => tracing::info!(
                "{}: has the owner, mode, ACL and context again that fit its directory",
                escaped(&caches)
            ),
            Ok(false) => tracing::debug!("{}: is left as it is, since not only caches are in it", escaped(&caches)),
            // It has gone, or is no directory any more.
            Err(error) if is_gone(&error) => {}
            Err(error) => {
                tracing::warn!(
                    "cannot give {} the owner, mode, ACL and context that fit its directory: {error}",
                    escaped(&caches)
                );
                if !publish::keeps_attributes_in(directory.site.dir, actor) {
                    self.shared.note_lax_device(directory.site.dir, directory.path);
                }
            }
        }
    }

    /// Reports what needs no work.
    fn tell(&self, directory: &Directory<'_>, plan: &Plan) {
        let sink = &self.shared.sink;
        let is_check = self.shared.purpose == Purpose::Check;
        let left = match (plan.mend_directory, is_check) {
            (false, _) => Outcome::Fresh,
            (true, false) => Outcome::Repaired,
            (true, true) => {
                Outcome::Stale("is cached in a __pycache__ with a wrong owner, mode, ACL or SELinux context")
            }
        };
        for item in &plan.leave {
            sink.outcome(&directory.item(*item), &left);
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
            sink.failure(&unreadable(directory.source_path(*source), why, None));
        }
        if is_check {
            for (item, reason) in &plan.compile {
                sink.outcome(&directory.item(*item), &Outcome::Stale(reason.describe()));
            }
        }
    }

    /// Removes what should not be there.
    fn clear_up(&self, directory: &Directory<'_>, plan: &Plan) {
        let parent = directory.site.dir;
        let caches = directory.path.join(CACHE_DIRECTORY);
        if !plan.temporaries.is_empty()
            && let Err(error) = publish::remove_abandoned(parent, &plan.temporaries)
        {
            tracing::warn!("cannot remove left-over temporary files in {}: {error}", escaped(&caches));
        }
        for (name, stat) in &plan.left_over {
            match publish::remove_left_over(parent, name, stat) {
                Ok(_) => tracing::debug!("removed {}, which an interpreter had left", escaped(&caches.join(name))),
                Err(error) => tracing::warn!("cannot remove {}: {error}", escaped(&caches.join(name))),
            }
        }
        if let Some(second) = plan.removable_after {
            self.shared.leave(|end| end.removable_after.push((directory.site.relative.to_owned(), second)));
        }
        for (name, stat) in &plan.orphans {
            let Some(cache) = names::parse_cache_name(name) else { continue };
            let path = caches.join(name);
            match publish::remove_orphan(parent, &cache.source, name, stat) {
                Ok(true) => self.shared.sink.removed(&path),
                Ok(false) => {}
                // Somebody was faster.
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
                Err(error) => tracing::warn!("cannot remove {}, whose source is gone: {error}", escaped(&path)),
            }
        }
    }
}

impl<'a> Directory<'a> {
    pub(super) fn item(&self, item: crate::plan::Item) -> Item<'a> {
        let source = &self.observed.sources[item.source];
        let owner = match &source.state {
            SourceState::File { stat, .. } => Some(stat.uid),
            _ => None,
        };
        Item { directory: self.path, source: &source.name, target: &self.targets[item.target], owner }
    }

    fn source_path(&self, index: usize) -> PathBuf {
        self.path.join(&self.observed.sources[index].name)
    }

    /// Whether a source has a cache for any target: then it was imported or compiled before.
    pub(super) fn had_cache(&self, source: usize) -> bool {
        self.caches_of(source).next().is_some()
    }

    fn caches_of(&self, source: usize) -> impl Iterator<Item = OsString> {
        let name = &self.observed.sources[source].name;
        let caches = self.targets.iter().map(|target| cache_name(name, &target.interpreter.cache_tag, target.level));
        caches.filter(|cache| self.observed.caches.file(cache).is_some())
    }

    /// For each source that is to be compiled: when a cache of it was read last; `None` where there is none.
    pub(super) fn last_uses(&self, plan: &Plan) -> Vec<Option<Timestamp>> {
        let mut uses = vec![None; self.observed.sources.len()];
        let Ok(caches) = self.site.dir.open_cache_directory() else { return uses };
        for (item, _) in &plan.compile {
            if uses[item.source].is_none() {
                let last = self.caches_of(item.source).filter_map(|cache| caches.last_use(&cache).ok()).max();
                uses[item.source] = last;
            }
        }
        uses
    }
}

/// `owner` is whose it was when it was looked at.
pub(super) fn unreadable(path: PathBuf, why: &str, owner: Option<u32>) -> Failure {
    let message = format!("cannot be read: {why}");
    Failure { path, python: String::new(), line: None, kind: FailureKind::Unreadable, message, owner }
}
