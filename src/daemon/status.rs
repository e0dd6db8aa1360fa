//! What the daemon says of itself.

use std::path::{Path, PathBuf};

use super::Daemon;
use crate::control::{JailStatus, Status, TreeStatus};
use crate::domain::escaped;

impl Daemon<'_> {
    /// For systemd, on one line.
    pub(super) fn status_line(&self) -> String {
        format!(
            "{} trees, {} directories watched, {} waiting, {} broken",
            self.trees.present(),
            self.watcher.count(),
            self.batch.backlog(),
            self.known.broken()
        )
    }

    /// Each tree that is there, how its changes are heard of, and why so.
    pub(super) fn event_sources(&self) -> Vec<(PathBuf, String, String)> {
        let present = self.trees.each().filter_map(|(path, tree, _)| Some((path, tree?)));
        let told = present.filter_map(|(path, tree)| {
            let source = self.watcher.source_of(&tree.root().stat().ok()?, tree.watch())?;
            let unwatched = self.watcher.polled().unwatched_below(path);
            let (also, why_also) = match unwatched {
                0 => (String::new(), String::new()),
                count => (
                    " + poll".to_owned(),
                    format!("; {count} directories cannot be watched: raise fs.inotify.max_user_watches (sysctl)"),
                ),
            };
            Some((path.to_owned(), format!("{}{also}", source.name()), format!("{}{why_also}", source.why)))
        });
        told.collect()
    }

    /// Says how changes of a tree are heard of.
    pub(super) fn tell_event_source(&self, tree: &Path) {
        for (path, source, why) in self.event_sources().into_iter().filter(|(path, ..)| path == tree) {
            tracing::info!("{}: changes are heard of by {source}: {why}", escaped(&path));
        }
    }

    pub(super) fn status(&self) -> Status {
        let sources = self.event_sources();
        let trees = self.trees.each().map(|(path, tree, warm)| {
            let told = sources.iter().find(|(other, ..)| other == path).cloned();
            let (_, event_source, why) = told.unwrap_or_default();
            let owner = tree.and_then(|tree| tree.root().stat().ok()).map(|stat| stat.uid);
            TreeStatus { path: path.to_owned(), present: tree.is_some(), event_source, why, warm, owner }
        });
        let jails = self.engine.jails().into_iter().map(|(program, held)| JailStatus { program, held });
        Status {
            version: env!("CARGO_PKG_VERSION").to_owned(),
            ready: self.ready,
            trees: trees.collect(),
            watched_directories: Some(self.watcher.count() as u64),
            polled_directories: Some(self.watcher.polled().count() as u64),
            waiting: Some((self.batch.backlog() + self.batch.busy()) as u64),
            broken: self.known.all(),
            jails: jails.collect(),
            missed: Some(self.missed.count),
            complete: true,
        }
    }
}
