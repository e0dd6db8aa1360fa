//! Walks a tree by descriptor, with several threads.
//!
//! A directory waits as its parent's descriptor and its name, and the newest is taken first, so that
//! the number of open descriptors follows the depth of the tree and not its breadth.

use std::ffi::OsString;
use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, PoisonError};

use crate::domain::passage::Passage;
use crate::root::Dir;

/// Directories nested deeper than this are not entered.
pub const DEEPEST: usize = 256;

/// A directory that the walk has reached.
#[derive(Debug, Clone)]
pub struct Place {
    pub dir: Arc<Dir>,
    /// Below the root; empty for the root.
    pub relative: PathBuf,
}

/// What the walk meets that it cannot enter.
#[derive(Debug)]
pub enum Obstacle {
    Io(io::Error),
    TooDeep,
}

/// Calls `visit` for the starting directory and for each directory below that a visit names.
///
/// `visit` gets the place and what its parent handed down, and returns the names to enter, each with
/// what is handed down to it. `obstacle` hears of those that could not be opened, or may not be entered by
/// `passage`. Ends early when `stop` becomes true. Several threads call both at the same time.
pub fn walk<C: Clone + Send>(
    start: Place,
    passage: Passage,
    context: C,
    threads: usize,
    stop: &AtomicBool,
    visit: impl Fn(&Place, &C) -> Vec<(OsString, C)> + Sync,
    obstacle: impl Fn(PathBuf, Obstacle) + Sync,
) {
    let queue = Queue::new(Waiting { parent: start, name: None, context, depth: 0 });
    let work = || {
        while let Some(waiting) = queue.take(stop) {
            let depth = waiting.depth;
            match waiting.enter(passage) {
                Ok((place, context)) => {
                    for (name, context) in visit(&place, &context) {
                        if depth >= DEEPEST {
                            obstacle(place.relative.join(name), Obstacle::TooDeep);
                        } else {
                            queue.put(Waiting { parent: place.clone(), name: Some(name), context, depth: depth + 1 });
                        }
                    }
                }
                Err((path, error)) => obstacle(path, Obstacle::Io(error)),
            }
            queue.done();
        }
    };
    std::thread::scope(|scope| {
        for _ in 1..threads.max(1) {
            scope.spawn(work);
        }
        work();
    });
}

/// A directory that nobody has entered yet.
struct Waiting<C> {
    parent: Place,
    /// `None`: the parent itself, where the walk starts.
    name: Option<OsString>,
    context: C,
    depth: usize,
}

impl<C> Waiting<C> {
    fn enter(self, passage: Passage) -> Result<(Place, C), (PathBuf, io::Error)> {
        let Some(name) = self.name else { return Ok((self.parent, self.context)) };
        let relative = self.parent.relative.join(&name);
        match self.parent.dir.enter(&name, passage) {
            Ok(dir) => Ok((Place { dir: Arc::new(dir), relative }, self.context)),
            Err(error) => Err((relative, error)),
        }
    }
}

/// The stack of waiting directories, and the number of threads that may still add to it.
struct Queue<C> {
    state: Mutex<State<C>>,
    changed: Condvar,
}

struct State<C> {
    waiting: Vec<Waiting<C>>,
    busy: usize,
}

impl<C> Queue<C> {
    fn new(first: Waiting<C>) -> Self {
        Self { state: Mutex::new(State { waiting: vec![first], busy: 0 }), changed: Condvar::new() }
    }

    fn put(&self, waiting: Waiting<C>) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).waiting.push(waiting);
        self.changed.notify_one();
    }

    /// The next directory; `None` when all is done or the walk is to stop.
    fn take(&self, stop: &AtomicBool) -> Option<Waiting<C>> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        loop {
            if stop.load(Ordering::Relaxed) {
                return None;
            }
            if let Some(waiting) = state.waiting.pop() {
                state.busy += 1;
                return Some(waiting);
            }
            if state.busy == 0 {
                return None;
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
    }

    fn done(&self) {
        self.state.lock().unwrap_or_else(PoisonError::into_inner).busy -= 1;
        self.changed.notify_all();
    }
}
