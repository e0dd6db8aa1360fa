//! One pass over a tree or a part of it: scan, plan, compile, publish, report.
//!
//! `cli` runs it once, `daemon` again and again. It knows the stages; they do not know each other.

mod broken;
mod carry_out;
mod pass;
mod registry;
mod settle;
mod targets;
mod tree;

use std::collections::HashMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio_util::sync::CancellationToken;

use crate::compile::Pool;
use crate::domain::Interpreter;
use crate::domain::permissions::Actor;
use crate::root::actor;

pub use pass::{Observer, Pass, PassEnd, Purpose, Scope, Unsettled};
pub use settle::until_after;
pub use tree::Tree;

/// No source above this size is compiled, in bytes.
pub const LARGEST_SOURCE: usize = 128 << 20;

/// What outlives a pass: interpreters, their workers, and what is known to be broken.
#[derive(Debug)]
pub struct Engine {
    handle: Handle,
    actor: Actor,
    jobs: usize,
    compile_limit: Duration,
    registry: registry::Registry,
    pools: Mutex<HashMap<PathBuf, Arc<Pool>>>,
    broken: broken::Broken,
    stop: CancellationToken,
}

impl Engine {
    /// Starts nothing yet. `jobs` is the number of workers per interpreter, `compile_limit` what one file
    /// may take. All ends soon after `stop` is cancelled.
    #[must_use]
    pub fn new(handle: Handle, jobs: usize, compile_limit: Duration, stop: CancellationToken) -> Self {
        let actor = actor::current();
        Self {
            registry: registry::Registry::new(handle.clone(), actor),
            handle,
            actor,
            jobs: jobs.max(1),
            compile_limit,
            pools: Mutex::default(),
            broken: broken::Broken::default(),
            stop,
        }
    }

    /// Ends workers that had nothing to do for this long; says how many are left.
    pub fn retire_workers(&self, idle: Duration) -> usize {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner).values().map(|pool| pool.retire(idle)).sum()
    }

    /// Has every interpreter asked again what it is.
    pub fn forget_interpreters(&self) {
        self.registry.forget();
    }

    fn pool(&self, interpreter: &Arc<Interpreter>) -> Arc<Pool> {
        let mut pools = self.pools.lock().unwrap_or_else(PoisonError::into_inner);
        let pool = pools.entry(interpreter.executable.clone()).or_insert_with(|| self.new_pool(interpreter));
        // The program was replaced by another version since.
        if pool.interpreter() != interpreter {
            *pool = self.new_pool(interpreter);
        }
        Arc::clone(pool)
    }

    fn new_pool(&self, interpreter: &Arc<Interpreter>) -> Arc<Pool> {
        Arc::new(Pool::new(Arc::clone(interpreter), self.jobs, self.compile_limit))
    }
}
