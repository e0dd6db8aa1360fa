//! The one thread that may set contexts, on a kernel without SELinux, in a daemon.
//!
//! There this takes `CAP_SYS_ADMIN`, which the daemon gives up; with SELinux it takes none.

use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};

use super::super::privilege;
use super::attribute;
use crate::domain::Context;

#[derive(Debug)]
pub(super) struct Keeper {
    requests: Sender<Request>,
}

#[derive(Debug)]
struct Request {
    file: OwnedFd,
    context: Context,
    answer: SyncSender<io::Result<()>>,
}

impl Keeper {
    /// Begins the thread, which keeps that one capability of the calling thread, and ends with this value.
    pub(super) fn start() -> io::Result<Self> {
        let (requests, asked) = channel();
        std::thread::Builder::new().name("labels".to_owned()).spawn(move || {
            if let Err(error) = privilege::keep_labelling_capabilities() {
                tracing::warn!("cannot give up capabilities: {error}");
            }
            serve(&asked);
        })?;
        Ok(Self { requests })
    }

    /// See [`attribute::write`].
    pub(super) fn write(&self, file: BorrowedFd<'_>, context: &Context) -> io::Result<()> {
        let gone = || io::Error::other("the thread that sets contexts has ended");
        let (answer, answered) = sync_channel(1);
        let request = Request { file: file.try_clone_to_owned()?, context: context.clone(), answer };
        self.requests.send(request).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }
}

fn serve(requests: &Receiver<Request>) {
    for Request { file, context, answer } in requests {
        // Who asked may have gone.
        let _ = answer.send(attribute::write(file.as_fd(), &context));
    }
}
