//! One connection: calls one after the other, each answered before the next is read.

use std::time::Duration;

use tokio::sync::{mpsc, oneshot, watch};
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use serde_json::json;

use super::call::{self, Asked, Call, Fault};
use super::line::{Line, elapsed};
use super::values::{Audience, Peer, Request, SyncRefusal};
use super::{interface, privacy, wire};

/// How long a connection may stay without a call.
const LONGEST_SILENCE: Duration = Duration::from_secs(30);

/// One client and the daemon.
#[derive(Debug)]
pub(super) struct Session {
    pub(super) line: Line,
    pub(super) peer: Peer,
    /// The group whose members are told everything; it may change while somebody waits.
    pub(super) control_group: watch::Receiver<Option<u32>>,
    pub(super) requests: mpsc::Sender<Request>,
    pub(super) stop: CancellationToken,
}

/// A call that gets no answer: its client is gone.
struct Gone;

impl Session {
    /// Answers calls until the client is gone or the daemon ends.
    pub(super) async fn run(mut self) {
        while let Some(Asked { call, oneway }) = self.next_call().await {
            let answer = match call {
                Ok(call) => self.carry_out(call).await,
                Err(fault) => Ok(Err(fault)),
            };
            let Ok(answer) = answer else { return };
            let message = answer.unwrap_or_else(|fault| fault.message());
            if !oneway && !self.line.send(message).await {
                return;
            }
        }
    }

    /// `None` ends the connection: its client has, is silent for too long, or speaks no Varlink.
    async fn next_call(&mut self) -> Option<Asked> {
        let message = tokio::select! {
            message = timeout(LONGEST_SILENCE, self.line.receive()) => message.ok()??,
            () = self.stop.cancelled() => return None,
        };
        call::parse(&message)
    }

    /// The message to answer with, or the error.
    async fn carry_out(&mut self, call: Call) -> Result<Result<String, Fault>, Gone> {
        let message = match call {
            Call::Info => call::reply(&interface::info()),
            Call::Description(text) => call::reply(&json!({ "description": text })),
            Call::Status => match self.ask(None, |answer| Request::Status { answer }).await? {
                Ok(status) => {
                    let status = privacy::status(status, self.audience());
                    call::reply(&wire::StatusOutput { status: wire::Status::from(&status) })
                }
                Err(fault) => return Ok(Err(fault)),
            },
            Call::Sync { paths, limit } => {
                let audience = self.audience();
                match self.ask(limit, |answer| Request::Sync { paths, audience, answer }).await? {
                    Ok(Ok(end)) => {
                        let failures = privacy::failures(end.failures, self.audience());
                        call::reply(&wire::SyncOutput { failures: failures.iter().map(wire::Failure::from).collect() })
                    }
                    Ok(Err(SyncRefusal::Stopping)) => return Ok(Err(stopping())),
                    Ok(Err(SyncRefusal::NotInTree(path))) => {
                        let path = wire::Path::from(path.as_path());
                        return Ok(Err(Fault::own("NotInTree", Some(json!({ "path": path })))));
                    }
                    Err(fault) => return Ok(Err(fault)),
                }
            }
        };
        // Nothing of what is sent can fail to be written as JSON.
        message.map(Ok).map_err(|_| Gone)
    }

    /// Asks the daemon and waits for its answer, for as long as the client does.
    async fn ask<T>(
        &mut self,
        limit: Option<Duration>,
        request: impl FnOnce(oneshot::Sender<T>) -> Request,
    ) -> Result<Result<T, Fault>, Gone> {
        let (answer, answered) = oneshot::channel();
        let asking = async {
            self.requests.send(request(answer)).await.ok()?;
            answered.await.ok()
        };
        tokio::select! {
            biased;
            answer = asking => Ok(answer.ok_or_else(stopping)),
            () = self.line.gone() => Err(Gone),
            () = self.stop.cancelled() => Ok(Err(stopping())),
            () = elapsed(limit) => Ok(Err(Fault::own("TimedOut", None))),
        }
    }

    /// What the peer may be told now.
    fn audience(&self) -> Audience {
        self.peer.audience(*self.control_group.borrow())
    }
}

fn stopping() -> Fault {
    Fault::own("Stopping", None)
}
