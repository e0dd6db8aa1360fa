//! One connection as messages: JSON objects, each ended by a NUL byte.

use std::collections::VecDeque;
use std::future::pending;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{SinkExt, StreamExt};
use tokio::net::UnixStream;
use tokio::time::timeout;
use tokio_util::codec::{AnyDelimiterCodec, Framed};

/// How long the other side may take to read what it is sent.
const LONGEST_SENDING: Duration = Duration::from_secs(10);

/// Sends and receives messages of a bounded length. Descriptors that are sent along are closed by the kernel, as
/// nobody asks for them.
#[derive(Debug)]
pub(super) struct Line {
    framed: Framed<UnixStream, AnyDelimiterCodec>,
    /// Messages that came while another was answered.
    early: VecDeque<Bytes>,
    /// What those take, in bytes.
    early_size: usize,
    longest: usize,
}

impl Line {
    /// `longest` is the most bytes of a message that is received, and of all together that wait.
    pub(super) fn new(stream: UnixStream, longest: usize) -> Self {
        let codec = AnyDelimiterCodec::new_with_max_length(b"\0".to_vec(), b"\0".to_vec(), longest);
        Self { framed: Framed::new(stream, codec), early: VecDeque::new(), early_size: 0, longest }
    }

    /// The next message; `None` if there will be none: the other side has ended the connection, or sent too much.
    pub(super) async fn receive(&mut self) -> Option<Bytes> {
        if let Some(message) = self.early.pop_front() {
            self.early_size -= size(&message);
            return Some(message);
        }
        self.framed.next().await?.ok()
    }

    /// Completes when the other side is gone, or sends more than is kept for later.
    pub(super) async fn gone(&mut self) {
        while let Some(Ok(message)) = self.framed.next().await {
            self.early_size += size(&message);
            if self.early_size > self.longest {
                return;
            }
            self.early.push_back(message);
        }
    }

    /// Sends a message; tells whether the other side took it.
    pub(super) async fn send(&mut self, message: String) -> bool {
        timeout(LONGEST_SENDING, self.framed.send(message)).await.is_ok_and(|sent| sent.is_ok())
    }
}

/// An empty message takes room too.
fn size(message: &Bytes) -> usize {
    message.len() + size_of::<Bytes>()
}

/// Waits for so long; without a limit, for ever.
pub(super) async fn elapsed(limit: Option<Duration>) {
    match limit {
        Some(limit) => tokio::time::sleep(limit).await,
        None => pending().await,
    }
}
