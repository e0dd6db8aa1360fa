//! One pass over a tree or a part of it: scan, plan, compile, publish, report.
//!
//! `cli` runs it once, `daemon` again and again. It knows the stages; they do not know each other.

mod broken;
mod carry_out;
mod count;
mod dealing;
mod in_progress;
mod pass;
mod registry;
mod settle;
mod targets;
mod tree;
mod turns;
mod walking;

use std::collections::{BTreeMap, HashMap, HashSet};
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use tokio::runtime::Handle;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio_util::sync::CancellationToken;

use crate::compile::Pool;
use crate::config::Settings;
use crate::domain::Interpreter;
use crate::domain::permissions::Actor;
use crate::jail::{Held, Warden};
use crate::report::ItemKey;
use crate::root::actor;
use crate::root::label::Labels;

pub use pass::{Observer, Pass, PassEnd, Purpose, Scope, Unsettled};
pub use settle::until_after;
pub use tree::Tree;

/// No source above this size is compiled, in bytes.
pub const LARGEST_SOURCE: usize = 128 << 20;
/// The bytes of sources that are in memory at a time, in KiB; of each there are two copies.
const IN_FLIGHT_KIB: u32 = 128 << 10;

/// What outlives a pass: interpreters, their workers, and what is known to be broken.
#[derive(Debug)]
pub struct Engine {
    handle: Handle,
    actor: Actor,
    jobs: usize,
    compile_limit: Duration,
    warden: Arc<Warden>,
    registry: registry::Registry,
    pools: Mutex<HashMap<PathBuf, Arc<Pool>>>,
    broken: broken::Broken,
    in_progress: Arc<in_progress::InProgress>,
    /// Bounds the sources that are open and in memory, over all passes: one permit per KiB.
    in_flight: Arc<Semaphore>,
    /// Sources whose caches do not show that they are racy.
    to_confirm: Mutex<HashSet<ItemKey>>,
    /// File systems that do not keep owner, mode and ACL as they are set.
    lax_devices: Mutex<HashSet<u64>>,
    labels: Arc<Labels>,
    /// It has been told that caches of the sources of others are ours.
    told_of_owners: AtomicBool,
    stop: CancellationToken,
}

impl Engine {
    /// Starts nothing yet. All ends soon after `stop` is cancelled.
    #[must_use]
    pub fn new(handle: Handle, settings: &Settings, labels: Arc<Labels>, stop: CancellationToken) -> Self {
        let actor = actor::current();
        let compile_limit = settings.compile_timeout;
        let warden = Arc::new(Warden::new(actor.uid, settings.worker_memory, compile_limit));
        Self {
            registry: registry::Registry::new(handle.clone(), actor, Arc::clone(&warden)),
            handle,
            actor,
            jobs: settings.jobs.max(1),
            compile_limit,
            warden,
            pools: Mutex::default(),
            broken: broken::Broken::default(),
            in_progress: Arc::default(),
            in_flight: Arc::new(Semaphore::new(IN_FLIGHT_KIB as usize)),
            to_confirm: Mutex::default(),
            lax_devices: Mutex::default(),
            labels,
            told_of_owners: AtomicBool::new(false),
            stop,
        }
    }

    /// Ends workers that had nothing to do for this long; says how many are left.
    pub fn retire_workers(&self, idle: Duration) -> usize {
        self.pools.lock().unwrap_or_else(PoisonError::into_inner).values().map(|pool| pool.retire(idle)).sum()
    }

    /// All paths at which an interpreter was looked for so far.
    pub fn program_places(&self) -> std::collections::BTreeSet<PathBuf> {
        self.registry.places()
    }

    /// What holds of the jail of each interpreter's workers.
    pub fn jails(&self) -> BTreeMap<PathBuf, Held> {
        self.registry.jails()
    }

    /// Has every interpreter asked again what it is.
    pub fn forget_interpreters(&self) {
        self.registry.forget();
    }

    /// Has every interpreter asked again what it is, and every broken source tried again.
    pub fn forget(&self) {
        self.registry.forget();
        self.broken.forget();
        self.to_confirm().clear();
    }

    fn to_confirm(&self) -> MutexGuard<'_, HashSet<ItemKey>> {
        self.to_confirm.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Waits until there is room for a source of so many bytes.
    fn make_room(&self, size: u64) -> Option<OwnedSemaphorePermit> {
        // A small one has its price too, so that there are never more than eight per worker.
        let least = IN_FLIGHT_KIB / u32::try_from(self.jobs.saturating_mul(8)).unwrap_or(IN_FLIGHT_KIB).max(1);
        let size = u32::try_from(size >> 10).unwrap_or(IN_FLIGHT_KIB);
        let permits = size.max(least).clamp(1, IN_FLIGHT_KIB);
        self.handle.block_on(Arc::clone(&self.in_flight).acquire_many_owned(permits)).ok()
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
        Arc::new(Pool::new(Arc::clone(interpreter), self.jobs, self.compile_limit, Arc::clone(&self.warden)))
    }
}
