//! Those who wait until all is dealt with that happened before they asked.
//!
//! A cookie goes the way of all events. When it comes, all that happened before is noted; when nothing of that
//! age waits any more, or is in hand, the answer is given.

use std::collections::HashMap;
use std::path::{Component, Path, PathBuf};
use std::time::Instant;

use tokio::sync::oneshot;

use super::Daemon;
use crate::batch::Age;
use crate::control::{Audience, Request, SyncEnd, SyncRefusal};
use crate::root::plain;

type Answer = oneshot::Sender<Result<SyncEnd, SyncRefusal>>;

#[derive(Debug, Default)]
pub(super) struct Syncs {
    waiting: Vec<Sync>,
}

#[derive(Debug)]
struct Sync {
    /// What is waited for, as the trees call it.
    paths: Vec<PathBuf>,
    /// Below which it is told what failed.
    told: Vec<PathBuf>,
    answer: Answer,
    stage: Stage,
    /// A directory with work that has to be done first, the last one that was met.
    blocker: Option<PathBuf>,
}

#[derive(Debug)]
enum Stage {
    /// The cookie, and how many sources of events have not brought it.
    Hearing(u64, usize),
    /// Until nothing of this age is left.
    Working(Age),
}

impl Syncs {
    /// The daemon ends.
    pub(super) fn refuse_all(&mut self) {
        for sync in self.waiting.drain(..) {
            let _ = sync.answer.send(Err(SyncRefusal::Stopping));
        }
    }
}

impl Sync {
    /// Whether work on a directory is on something asked for, or may find it: a new directory is found by a look
    /// at the one above it.
    fn concerns(&self, directory: &Path) -> bool {
        self.paths.iter().any(|path| directory.starts_with(path) || path.starts_with(directory))
    }

    fn concerns_tree(&self, tree: &Path) -> bool {
        self.paths.iter().any(|path| path.starts_with(tree) || tree.starts_with(path))
    }
}

impl Daemon<'_> {
    pub(super) fn take_request(&mut self, request: Request) {
        match request {
            Request::Status { answer } => {
                let _ = answer.send(self.status());
            }
            Request::Sync { paths, audience, answer } => self.take_sync(paths, audience, answer),
        }
    }

    fn take_sync(&mut self, paths: Vec<PathBuf>, audience: Audience, answer: Answer) {
        let mut called = if paths.is_empty() { self.trees.paths() } else { Vec::new() };
        for path in paths {
            let names = match audience {
                Audience::All => self.names_in_trees(&path),
                Audience::Owner(_) => self.names_by_text(&path),
            };
            match names {
                names if names.is_empty() => {
                    let _ = answer.send(Err(SyncRefusal::NotInTree(path)));
                    return;
                }
                names => called.extend(names),
            }
        }
        let stage = match self.watcher.bake_cookie() {
            Ok((cookie, sources)) => Stage::Hearing(cookie, sources),
            Err(error) => {
                tracing::warn!("cannot make a cookie for sync ({error}): looking at everything instead");
                self.rescan_all("sync without a cookie");
                self.next_stage()
            }
        };
        let paths = match audience {
            Audience::All => called.clone(),
            Audience::Owner(_) => self.trees_around(&called),
        };
        self.syncs.waiting.push(Sync { paths, told: called, answer, stage, blocker: None });
    }

    /// What a path is called in the trees that it is in, now or when it comes to be.
    fn names_in_trees(&self, path: &Path) -> Vec<PathBuf> {
        // By another way: links that lead there. What is gone was where its directory is.
        let real = path.ancestors().find_map(|above| Some((plain::canonical(above).ok()?, above)));
        let real = real.and_then(|(real, above)| Some(real.join(path.strip_prefix(above).ok()?)));
        let others = real.map(|real| self.trees.names_of(&real)).unwrap_or_default();
        self.names_with(path, others)
    }

    /// The same for who is not to learn from the answer what is there, and not to have us go where they lead us: by
    /// the text of the path alone.
    fn names_by_text(&self, path: &Path) -> Vec<PathBuf> {
        if is_plain(path) { self.names_with(path, self.trees.names_of(path)) } else { Vec::new() }
    }

    /// The path itself, if it is that of a tree, or in or above one; and these `others`.
    fn names_with(&self, path: &Path, others: Vec<PathBuf>) -> Vec<PathBuf> {
        let trees = self.trees.paths();
        let as_it_is = is_plain(path) && trees.iter().any(|tree| path.starts_with(tree) || tree.starts_with(path));
        let mut names: Vec<PathBuf> = as_it_is.then(|| path.to_owned()).into_iter().chain(others).collect();
        names.dedup();
        names
    }

    /// The trees that these paths are in or above: how long one of them has work tells nothing of a name below it.
    fn trees_around(&self, names: &[PathBuf]) -> Vec<PathBuf> {
        let concerns = |tree: &PathBuf| names.iter().any(|name| name.starts_with(tree) || tree.starts_with(name));
        self.trees.paths().into_iter().filter(concerns).collect()
    }

    /// Takes cookies in that have come.
    pub(super) fn take_cookies(&mut self, cookies: &HashMap<u64, usize>) {
        for (cookie, sources) in cookies {
            self.take_cookie_of_missed(*cookie, *sources);
            let heard: Vec<usize> = (0..self.syncs.waiting.len())
                .filter(|index| match &mut self.syncs.waiting[*index].stage {
                    Stage::Hearing(number, left) if number == cookie => {
                        *left = left.saturating_sub(*sources);
                        *left == 0
                    }
                    _ => false,
                })
                .collect();
            for index in heard {
                self.begin_work(index);
            }
        }
    }

    /// Events were lost, and cookies with them; but everything is looked at again.
    pub(super) fn take_all_cookies(&mut self) {
        for index in 0..self.syncs.waiting.len() {
            if matches!(self.syncs.waiting[index].stage, Stage::Hearing(..)) {
                self.begin_work(index);
            }
        }
    }

    fn begin_work(&mut self, index: usize) {
        let now = Instant::now();
        // What is mounted is told of by another way than the cookie's, and may come later.
        if self.take_mounts(now) {
            self.trees.reopen(&self.watcher, self.age);
        }
        // What gives no events is looked at now.
        for top in self.watcher.polled().concerning(&self.syncs.waiting[index].paths) {
            self.look_at_polled(&top, now, self.age);
        }
        if self.programs_due.is_some() {
            self.look_at_programs();
        }
        self.syncs.waiting[index].stage = self.next_stage();
    }

    /// All that is noted by now is of the age that is over with this.
    fn next_stage(&mut self) -> Stage {
        self.age += 1;
        Stage::Working(self.age - 1)
    }

    /// Answers those for whom all is dealt with.
    pub(super) fn answer_syncs(&mut self) {
        if self.syncs.waiting.is_empty() {
            return;
        }
        let waiting = std::mem::take(&mut self.syncs.waiting);
        for mut sync in waiting {
            // Who asked may have gone.
            if sync.answer.is_closed() {
                continue;
            }
            if self.is_done(&mut sync) {
                let _ = sync.answer.send(Ok(SyncEnd { failures: self.known.below(&sync.told) }));
            } else {
                self.syncs.waiting.push(sync);
            }
        }
    }

    fn is_done(&self, sync: &mut Sync) -> bool {
        let Stage::Working(age) = sync.stage else { return false };
        if self.trees.oldest(|tree| sync.concerns_tree(tree)).is_some_and(|oldest| oldest <= age) {
            return false;
        }
        // As long as the same directory blocks, the others are not looked through.
        if sync.blocker.as_ref().is_none_or(|blocker| !self.batch.holds(blocker, age)) {
            sync.blocker = self.batch.holding(age, |directory| sync.concerns(directory)).map(Path::to_owned);
        }
        sync.blocker.is_none()
    }
}

/// Whether a path leads where its text says, links left aside.
fn is_plain(path: &Path) -> bool {
    path.components().all(|component| component != Component::ParentDir)
}
