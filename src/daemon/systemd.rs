//! What systemd is told. Without systemd nobody listens, and that is fine.
//!
//! From a thread of its own: a supervisor that does not read must not stop the loop.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::time::Duration;

use sd_notify::NotifyState;

/// No more status lines than this wait for a slow reader: the next one makes up for those left out.
const MOST_STATUS: usize = 4;
/// How long the end of the process waits for the last message to be taken.
const LAST_WORDS: Duration = Duration::from_millis(100);

enum Message {
    Ready(String),
    Status(String),
    /// With the monotonic time at which the reload began, in microseconds, as `Type=notify-reload` wants it.
    Reloading(NotifyState<'static>),
    Stopping(SyncSender<()>),
}

/// Speaks to systemd.
pub(super) struct Systemd {
    messages: Sender<Message>,
    /// Status lines that nobody has taken yet.
    waiting: Arc<AtomicUsize>,
    last_status: String,
}

impl Systemd {
    pub(super) fn new() -> Self {
        let (messages, spoken) = channel();
        let waiting: Arc<AtomicUsize> = Arc::default();
        let taken = Arc::clone(&waiting);
        std::thread::spawn(move || speak(&spoken, &taken));
        Self { messages, waiting, last_status: String::new() }
    }

    pub(super) fn ready(&mut self, status: String) {
        self.send(Message::Ready(status));
    }

    /// Says nothing where nothing has changed.
    pub(super) fn status(&mut self, status: String) {
        if status != self.last_status && self.waiting.load(Ordering::Relaxed) < MOST_STATUS {
            self.waiting.fetch_add(1, Ordering::Relaxed);
            self.last_status.clone_from(&status);
            self.send(Message::Status(status));
        }
    }

    pub(super) fn reloading(&mut self) {
        match NotifyState::monotonic_usec_now() {
            Ok(now) => self.send(Message::Reloading(now)),
            Err(error) => tracing::warn!("cannot read the monotonic clock: {error}"),
        }
    }

    pub(super) fn stopping(&mut self) {
        let (said, heard) = sync_channel(1);
        self.send(Message::Stopping(said));
        let _ = heard.recv_timeout(LAST_WORDS);
    }

    fn send(&self, message: Message) {
        // The thread ends with this sender only.
        let _ = self.messages.send(message);
    }
}

fn speak(messages: &Receiver<Message>, waiting: &AtomicUsize) {
    for message in messages {
        match message {
            Message::Ready(status) => tell(&[NotifyState::Ready, NotifyState::Status(&status)]),
            Message::Status(status) => {
                tell(&[NotifyState::Status(&status)]);
                waiting.fetch_sub(1, Ordering::Relaxed);
            }
            Message::Reloading(since) => tell(&[NotifyState::Reloading, since]),
            Message::Stopping(said) => {
                tell(&[NotifyState::Stopping]);
                let _ = said.try_send(());
            }
        }
    }
}

fn tell(state: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(state) {
        tracing::debug!("cannot notify systemd: {error}");
    }
}
