//! Takes in what has changed: from events to directories that are to be looked at.

use std::ffi::OsStr;
use std::path::Path;
use std::time::{Duration, Instant};

use super::Daemon;
use super::trees::Cause;
use crate::batch::Extent;
use crate::domain::escaped;
use crate::interpreters::pyvenv;
use crate::watch::{Drained, directories_of};

/// A program is installed together with others, and a policy has several files.
const PROGRAMS_SETTLE: Duration = Duration::from_secs(1);

impl Daemon<'_> {
    pub(super) fn take_changes(&mut self, drained: Drained) {
        if let Some(why) = drained.lost {
            tracing::warn!("events were lost ({why}): looking at everything again");
            self.watcher.start_afresh();
            self.rescan_all("events were lost");
            // Everything is to be looked at, whatever has been heard of.
            self.take_all_cookies();
        }
        let (now, mut roots_changed) = (Instant::now(), false);
        for (path, change) in drained.changes {
            tracing::trace!("{}: {change:?}", escaped(&path));
            // Not only names: a directory on the way may be open to us by now.
            roots_changed |= (change.moved || change.complete) && self.trees.leads_to_root(&path);
            if (change.moved || change.complete) && self.trees.leads_to_program(&path) {
                self.programs_due = Some(now + PROGRAMS_SETTLE);
            }
            if (change.moved || change.complete) && self.trees.leads_to_labels(&path) {
                self.labels_due = Some(now + PROGRAMS_SETTLE);
            }
            let is_watched = self.watcher.is_watched(&path);
            for directory in directories_of(&path, change.directory || is_watched) {
                for directory in self.watcher.names_of(&directory) {
                    self.note(&directory, &path, change.complete, now);
                }
            }
            if change.appeared {
                self.look_below(&path, now);
            }
            if change.moved && is_watched {
                self.watcher.forget(&path);
            }
            if change.moved {
                self.forget_below(&path);
            }
        }
        if drained.mounts {
            roots_changed |= self.take_mounts(now);
        }
        if roots_changed {
            self.trees.reopen(&self.watcher, self.age);
        }
        // Last: what was done before a cookie was made is noted by now.
        self.take_cookies(&drained.cookies);
        if self.batch.backlog() > self.settings.queue_limit {
            tracing::warn!("more directories wait than queue-limit allows for: looking at everything again");
            self.rescan_all("too many directories wait");
        }
    }

    /// What was known of a directory, or of what is below it, is of no use: it has gone, or is another one.
    fn forget_below(&self, path: &Path) {
        self.links.forget(path);
        self.twins.forget(path);
        self.known.forget_below(path);
    }

    /// A directory of a tree is to be looked at, because something about `path` has changed.
    fn note(&mut self, directory: &Path, path: &Path, complete: bool, now: Instant) {
        let Some((tree, _)) = self.trees.containing(directory) else { return };
        self.batch.note(directory, complete, self.age, now);
        self.missed.hear(directory, path);
        for linking in self.links.through(directory) {
            self.batch.note(&linking, complete, self.age, now);
            self.missed.expect(&linking);
        }
        // It counts for all that is below.
        if path.file_name() == Some(OsStr::new(pyvenv::FILE)) {
            self.trees.want_whole(tree.path(), Cause::Change, self.age);
        }
    }

    /// All below a directory of a tree is new.
    fn look_below(&mut self, directory: &Path, now: Instant) {
        if self.trees.containing(directory).is_some() && directory.file_name() != Some(OsStr::new("__pycache__")) {
            self.batch.schedule(directory, Extent::Subtree, now, self.age);
            self.missed.expect_below(directory);
        }
    }

    /// Something was mounted or unmounted. Gives whether that may concern the root of a tree.
    pub(super) fn take_mounts(&mut self, now: Instant) -> bool {
        let mut roots_changed = false;
        let places = self.mounts.changed();
        if places.is_empty() {
            return false;
        }
        for place in places {
            let leads_to_root = self.trees.leads_to_root(&place);
            let names = self.trees.names_of(&place);
            roots_changed |= leads_to_root;
            if !leads_to_root && names.is_empty() {
                continue;
            }
            tracing::warn!(
                "{}: something was mounted or unmounted there: looking at what is there now",
                escaped(&place)
            );
            for name in names {
                self.watcher.forget(&name);
                if let Some(parent) = name.parent() {
                    self.note(parent, &name, true, now);
                }
                self.look_below(&name, now);
            }
        }
        self.watcher.forget_paths();
        roots_changed
    }

    /// An interpreter was upgraded, removed or installed.
    pub(super) fn look_at_programs(&mut self) {
        self.programs_due = None;
        tracing::info!("the programs of interpreters have changed: asking them again");
        self.engine.forget();
        // A directory on the way to one may have come.
        self.trees.watch_above(&self.watcher);
        // A worker of the old program is not asked any more.
        self.engine.retire_workers(Duration::ZERO);
        self.missed.give_up();
        self.trees.want_all(Cause::Change, self.age);
    }

    /// Rules for SELinux contexts were changed, by `semanage fcontext` or a new policy.
    pub(super) fn look_at_labels(&mut self) {
        self.labels_due = None;
        if self.labels.reopen_if_changed() {
            tracing::info!("the SELinux file contexts have changed: looking at everything again");
            self.missed.give_up();
            self.trees.want_all(Cause::Change, self.age);
        }
    }
}
