//! The workers of one interpreter: started on demand, kept, restarted with back-off, retired.

use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::Semaphore;

use super::probe::interpreter;
use super::protocol::{Answer, Request};
use super::worker::{Jail, Started, Worker, WorkerError};
use crate::domain::{FailureKind, Interpreter};
use crate::jail::Warden;
use crate::pyc::marshal;

/// The bounds of the delay after a start that failed.
const FIRST_DELAY: Duration = Duration::from_millis(50);
const LONGEST_DELAY: Duration = Duration::from_secs(5);

/// The code of one source for one interpreter and level.
#[derive(Debug, Clone)]
pub struct Compiled {
    /// As `marshal.dumps` wrote it.
    pub code: Bytes,
    /// Present if it was asked for.
    pub source_hash: Option<[u8; 8]>,
    /// Line and text.
    pub warnings: Vec<(u32, String)>,
}

/// Why one source has no code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CompileError {
    pub kind: FailureKind,
    pub line: Option<u32>,
    pub message: String,
}

/// At most `size` workers of one interpreter.
#[derive(Debug)]
pub struct Pool {
    interpreter: Arc<Interpreter>,
    limit: Duration,
    warden: Arc<Warden>,
    size: usize,
    places: Semaphore,
    state: Mutex<State>,
}

#[derive(Debug, Default)]
struct State {
    /// The last one used is the first to be used again, so that the others can retire.
    idle: Vec<Worker>,
    /// Starts that failed.
    failures_in_a_row: u32,
    /// The last one, and until when no other is tried.
    failed_start: Option<(Instant, CompileError)>,
}

impl Pool {
    /// A pool without a running worker yet. `limit` is what one file may take.
    #[must_use]
    pub fn new(interpreter: Arc<Interpreter>, size: usize, limit: Duration, warden: Arc<Warden>) -> Self {
        let size = size.max(1);
        Self { interpreter, limit, warden, size, places: Semaphore::new(size), state: Mutex::default() }
    }

    #[must_use]
    pub fn interpreter(&self) -> &Arc<Interpreter> {
        &self.interpreter
    }

    /// Has one source of this owner compiled, by a worker that never saw one of somebody else. Waits for a place.
    ///
    /// # Errors
    /// Whatever goes wrong costs this source alone; the worker is replaced.
    pub async fn compile(&self, request: &Request, owner: u32) -> Result<Compiled, CompileError> {
        let _place = self.places.acquire().await;
        let mut worker = self.take_worker(owner).await?;
        let answer = worker.compile(request, self.limit).await;
        match answer {
            Ok(Answer::Code { code, source_hash, warnings }) => {
                // What a worker says is not believed: a torn body would make import fail for ever.
                if let Err(malformed) =
                    self.interpreter.code_layout.map_or(Ok(()), |layout| marshal::check(&code, layout))
                {
                    let message = format!("the interpreter failed while compiling it: it answered {malformed}");
                    return Err(CompileError { kind: FailureKind::Worker, line: None, message });
                }
                self.give_back(worker);
                Ok(Compiled { code, source_hash, warnings })
            }
            Ok(Answer::Rejected { kind, line, message }) => {
                // What came near the limits of an interpreter may have left it near them.
                if kind != FailureKind::TooComplex {
                    self.give_back(worker);
                }
                Err(CompileError { kind, line, message })
            }
            Err(error) => {
                let kind = match error {
                    WorkerError::TimedOut(..) => FailureKind::Timeout,
                    WorkerError::Garbage(_) => FailureKind::Worker,
                    WorkerError::Ended(_) | WorkerError::NotExecuted(_) | WorkerError::Spawn(_) => FailureKind::Crash,
                };
                let message = format!("the interpreter failed while compiling it: {error}");
                Err(CompileError { kind, line: None, message })
            }
        }
    }

    /// Ends the workers that have had nothing to do for this long; says how many are left.
    pub fn retire(&self, idle: Duration) -> usize {
        let now = Instant::now();
        let mut state = self.state();
        state.idle.retain(|worker| now.saturating_duration_since(worker.idle_since) < idle);
        state.idle.len()
    }

    /// An idle worker of this owner's, or a new one. After a start that failed, none is tried for a while: a source that
    /// kills its worker costs a start, an interpreter that is gone costs next to nothing.
    async fn take_worker(&self, owner: u32) -> Result<Worker, CompileError> {
        {
            let mut state = self.state();
            if let Some(place) = state.idle.iter().rposition(|worker| worker.owner == Some(owner)) {
                return Ok(state.idle.remove(place));
            }
            // Those of others make room.
            while state.idle.len() >= self.size {
                state.idle.remove(0);
            }
            if let Some((until, error)) = &state.failed_start
                && Instant::now() < *until
            {
                return Err(error.clone());
            }
        }
        let started = self.start(owner).await;
        let mut state = self.state();
        match &started {
            Ok(_) => {
                state.failures_in_a_row = 0;
                state.failed_start = None;
            }
            Err(error) => {
                let delay = FIRST_DELAY.saturating_mul(1 << state.failures_in_a_row.min(16)).min(LONGEST_DELAY);
                state.failures_in_a_row += 1;
                state.failed_start = Some((Instant::now() + delay, error.clone()));
            }
        }
        started
    }

    async fn start(&self, owner: u32) -> Result<Worker, CompileError> {
        let program = &self.interpreter.executable;
        let failed = |message: String| CompileError { kind: FailureKind::Interpreter, line: None, message };
        let confinement = self.interpreter.confinement;
        let jail = Jail { warden: &self.warden, confinement, owner: Some(owner) };
        let Started { worker, hello, .. } = Worker::start(program, jail)
            .await
            .map_err(|error| failed(format!("cannot start {}: {error}", crate::domain::escaped(program))))?;
        let now = interpreter(program, hello, confinement);
        if now != *self.interpreter {
            let (old, new) = (&self.interpreter.version, &now.version);
            return Err(failed(format!("{} was {old} and is {new} now", crate::domain::escaped(program))));
        }
        tracing::debug!(python = %self.interpreter.label, pid = worker.id(), "started a worker");
        Ok(worker)
    }

    fn give_back(&self, worker: Worker) {
        if worker.busy < self.warden.longest_service(self.limit) {
            self.state().idle.push(worker);
        }
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
