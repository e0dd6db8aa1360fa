//! One running interpreter: started, greeted, asked, ended.

use std::collections::VecDeque;
use std::io;
use std::path::Path;
use std::pin::pin;
use std::process::Stdio;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::io::AsyncReadExt;
use tokio::process::{Child, ChildStderr, ChildStdin, ChildStdout, Command};
use tokio::time::timeout;
use tokio_util::codec::{FramedRead, FramedWrite, LengthDelimitedCodec};
use tokio_util::sync::CancellationToken;

use super::exit;
use super::protocol::{self, Answer, Garbage, Hello, Request, WORKER};
use crate::domain::Confinement;
use crate::jail::{Held, NOT_EXECUTED, Warden};

/// This very program, even if another one has its name by now.
const THIS_PROGRAM: &str = "/proc/self/exe";
/// How long an interpreter may take to start: a shim on a busy host takes a second or two.
const START_LIMIT: Duration = Duration::from_secs(30);
/// How long to wait for the end of a process whose pipe has closed.
const END_LIMIT: Duration = Duration::from_secs(1);
/// How much of its standard error is kept for the message, in bytes.
const KEPT_STDERR: usize = 2048;

/// A worker that has said hello.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    requests: FramedWrite<ChildStdin, LengthDelimitedCodec>,
    answers: FramedRead<ChildStdout, LengthDelimitedCodec>,
    stderr: Stderr,
    next_id: u32,
    /// Whose sources it compiles.
    pub owner: Option<u32>,
    /// How long it has been at work, all in all.
    pub busy: Duration,
    /// When it last finished something.
    pub idle_since: Instant,
}

/// How a worker is confined, and by whom.
#[derive(Debug, Clone, Copy)]
pub struct Jail<'a> {
    pub warden: &'a Warden,
    pub confinement: Confinement,
    /// Whose sources it is for; `None` to ask the interpreter what it is.
    pub owner: Option<u32>,
}

/// A worker that has just said hello.
#[derive(Debug)]
pub struct Started {
    pub worker: Worker,
    /// What the kernel gave of its jail.
    pub held: Held,
    pub hello: Hello,
}

/// Why there is no answer. After each of these the worker is of no more use.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    #[error("cannot start it: {0}")]
    Spawn(io::Error),
    /// It never became the interpreter: the jail says why.
    #[error("{0}")]
    NotExecuted(String),
    /// It ended before it answered; with how, and what it said on standard error.
    #[error("{0}")]
    Ended(String),
    #[error("{0}")]
    Garbage(String),
    #[error("it did not answer within {0:?}{1}")]
    TimedOut(Duration, String),
}

/// What the wire gave in place of an answer.
enum Fault {
    Closed,
    Garbage(String),
}

impl Worker {
    /// Starts a program as a worker, in a jail, and reads its hello.
    ///
    /// Its environment is empty, its working directory is `/`, and it dies with its [`Worker`].
    ///
    /// # Errors
    /// See [`WorkerError`].
    pub async fn start(program: &Path, jail: Jail<'_>) -> Result<Started, WorkerError> {
        let mut command = Command::new(THIS_PROGRAM);
        command.arg("jail").args(jail.warden.orders(program, jail.confinement, jail.owner).to_arguments());
        command.arg("--").arg(program).args(["-I", "-S", "-E", "-B", "-c", WORKER]);
        command.current_dir("/").env_clear();
        // What a shim needs to find the real interpreter.
        let kept = ["PATH", "HOME"].into_iter().filter(|_| jail.confinement == Confinement::SHIM);
        command.envs(kept.filter_map(|name| Some((name, std::env::var_os(name)?))));
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        // A group of its own: Ctrl-C in a terminal is for the daemon, which then ends its workers.
        command.process_group(0).kill_on_drop(true);
        let mut child = command.spawn().map_err(WorkerError::Spawn)?;
        let (Some(stdin), Some(stdout), Some(stderr)) = (child.stdin.take(), child.stdout.take(), child.stderr.take())
        else {
            return Err(WorkerError::Spawn(io::Error::other("no pipes")));
        };
        let mut worker = Self {
            child,
            requests: FramedWrite::new(stdin, protocol::codec()),
            answers: FramedRead::new(stdout, protocol::codec()),
            stderr: Stderr::collect(stderr),
            next_id: 1,
            owner: jail.owner,
            busy: Duration::ZERO,
            idle_since: Instant::now(),
        };
        let greeting = async {
            let held = Held::from_frame(&next_frame(&mut worker.answers).await?);
            let held = held.ok_or_else(|| Fault::Garbage("its jail did not say what holds".to_owned()))?;
            let hello = protocol::decode_hello(next_frame(&mut worker.answers).await?)?;
            Ok((held, hello))
        };
        match timeout(START_LIMIT, greeting).await {
            Err(_) => Err(WorkerError::TimedOut(START_LIMIT, worker.stderr.quoted().await)),
            Ok(Err(fault)) => Err(worker.explain(fault).await),
            Ok(Ok((held, hello))) => Ok(Started { worker, held, hello }),
        }
    }

    /// Has one source compiled.
    ///
    /// # Errors
    /// See [`WorkerError`]; the worker is ended.
    pub async fn compile(&mut self, request: &Request, limit: Duration) -> Result<Answer, WorkerError> {
        let id = self.next_id;
        self.next_id = self.next_id.wrapping_add(1);
        let frame = protocol::encode_request(id, request);
        let begun = Instant::now();
        let exchange = async {
            let mut sending = pin!(send(&mut self.requests, frame));
            let mut answering = pin!(next_frame(&mut self.answers));
            // Both at once: a worker that talks before it has listened must not block us. What it
            // answers counts for more than that it would not listen.
            let answer = tokio::select! {
                biased;
                answer = &mut answering => answer,
                _ = &mut sending => answering.await,
            };
            protocol::decode_answer(answer?, id, request.want_source_hash).map_err(Fault::from)
        };
        let result = timeout(limit, exchange).await;
        self.idle_since = Instant::now();
        self.busy += self.idle_since.saturating_duration_since(begun);
        match result {
            Ok(Ok(answer)) => Ok(answer),
            Ok(Err(fault)) => Err(self.explain(fault).await),
            Err(_) => {
                self.end().await;
                Err(WorkerError::TimedOut(limit, self.stderr.quoted().await))
            }
        }
    }

    /// The kernel's number for the process, while it runs.
    #[must_use]
    pub fn id(&self) -> Option<u32> {
        self.child.id()
    }

    async fn end(&mut self) {
        let _ = self.child.start_kill();
        let _ = timeout(END_LIMIT, self.child.wait()).await;
    }

    /// Ends the worker and says why it failed: its own end and words count for more than the pipe's.
    async fn explain(&mut self, fault: Fault) -> WorkerError {
        match fault {
            Fault::Closed => {
                let end = match timeout(END_LIMIT, self.child.wait()).await {
                    Ok(Ok(status)) if status.code() == Some(NOT_EXECUTED) => {
                        return WorkerError::NotExecuted(format!("it is not started{}", self.stderr.quoted().await));
                    }
                    Ok(Ok(status)) => exit::describe(status),
                    _ => "it closed its pipe".to_owned(),
                };
                self.end().await;
                WorkerError::Ended(format!("{end}{}", self.stderr.quoted().await))
            }
            Fault::Garbage(what) => {
                self.end().await;
                WorkerError::Garbage(format!("{what}{}", self.stderr.quoted().await))
            }
        }
    }
}

impl From<Garbage> for Fault {
    fn from(garbage: Garbage) -> Self {
        Self::Garbage(garbage.to_string())
    }
}

async fn send(requests: &mut FramedWrite<ChildStdin, LengthDelimitedCodec>, frame: Bytes) -> io::Result<()> {
    use futures_util::SinkExt;
    requests.send(frame).await
}

async fn next_frame(answers: &mut FramedRead<ChildStdout, LengthDelimitedCodec>) -> Result<Bytes, Fault> {
    use futures_util::StreamExt;
    match answers.next().await {
        Some(Ok(frame)) => Ok(frame.freeze()),
        None => Err(Fault::Closed),
        Some(Err(error)) if error.kind() == io::ErrorKind::InvalidData => {
            Err(Fault::Garbage("it answered something that is not an answer (its length)".to_owned()))
        }
        // A frame that ends too early, or a pipe that broke: it ended in the middle of it.
        Some(Err(_)) => Err(Fault::Closed),
    }
}

/// The last words of a process.
#[derive(Debug)]
struct Stderr {
    tail: Arc<Mutex<VecDeque<u8>>>,
    closed: CancellationToken,
}

impl Stderr {
    fn collect(mut pipe: ChildStderr) -> Self {
        let collected = Self { tail: Arc::default(), closed: CancellationToken::new() };
        let (tail, closed) = (Arc::clone(&collected.tail), collected.closed.clone());
        tokio::spawn(async move {
            let mut buffer = [0; 1024];
            while let Ok(count @ 1..) = pipe.read(&mut buffer).await {
                let mut tail = tail.lock().unwrap_or_else(PoisonError::into_inner);
                tail.extend(&buffer[..count]);
                let surplus = tail.len().saturating_sub(KEPT_STDERR);
                tail.drain(..surplus);
            }
            closed.cancel();
        });
        collected
    }

    /// `; it said: ...` on one line, or nothing. To be asked after the end of the process.
    async fn quoted(&self) -> String {
        let _ = timeout(END_LIMIT, self.closed.cancelled()).await;
        let tail = self.tail.lock().unwrap_or_else(PoisonError::into_inner);
        let bytes: Vec<u8> = tail.iter().copied().collect();
        let text = bytes.utf8_chunks().map(|chunk| chunk.valid()).collect::<String>();
        let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
        if lines.is_empty() { String::new() } else { format!("; it said: {}", lines.join(" | ")) }
    }
}
