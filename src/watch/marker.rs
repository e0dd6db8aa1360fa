//! The one thread that may mark whole file systems: it alone keeps `CAP_SYS_ADMIN`, and ends when the marks are
//! made.

use std::io;
use std::sync::mpsc::{Receiver, Sender, SyncSender, channel, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};

use crate::root::fanotify::Group;
use crate::root::{CookieDirectory, Dir, privilege};

/// Has marks made, as long as that is possible.
#[derive(Debug)]
pub struct Marker {
    requests: Mutex<Option<Sender<Request>>>,
}

#[derive(Debug)]
struct Request {
    directory: Arc<Dir>,
    cookies: Arc<CookieDirectory>,
    answer: SyncSender<io::Result<Arc<Group>>>,
}

impl Marker {
    /// To be called before this thread gives its capabilities up.
    #[must_use]
    pub fn start() -> Self {
        let requests = privilege::may_mark_file_systems().then(|| {
            let (requests, asked) = channel();
            std::thread::spawn(move || {
                if let Err(error) = privilege::keep_marking_capabilities() {
                    tracing::warn!("cannot give up capabilities: {error}");
                }
                serve(&asked);
            });
            requests
        });
        Self { requests: Mutex::new(requests) }
    }

    /// Whether marks can still be made.
    #[must_use]
    pub fn is_there(&self) -> bool {
        self.requests.lock().unwrap_or_else(PoisonError::into_inner).is_some()
    }

    /// Marks the file system that a directory is on. Gives the group that all marks belong to; cookies come
    /// through it, too.
    ///
    /// # Errors
    /// `PermissionDenied` when the capability was given up, or never there; those of the marks.
    pub fn mark(&self, directory: &Arc<Dir>, cookies: &Arc<CookieDirectory>) -> io::Result<Arc<Group>> {
        let gone = || io::Error::new(io::ErrorKind::PermissionDenied, "CAP_SYS_ADMIN is needed at the start");
        let (answer, answered) = sync_channel(1);
        let request = Request { directory: Arc::clone(directory), cookies: Arc::clone(cookies), answer };
        let requests = self.requests.lock().unwrap_or_else(PoisonError::into_inner).clone().ok_or_else(gone)?;
        requests.send(request).map_err(|_| gone())?;
        answered.recv().map_err(|_| gone())?
    }

    /// Gives the capability up: no more marks are made.
    pub fn end(&self) {
        *self.requests.lock().unwrap_or_else(PoisonError::into_inner) = None;
    }
}

fn serve(requests: &Receiver<Request>) {
    let mut group = None;
    for Request { directory, cookies, answer } in requests {
        // Who asked may have gone.
        let _ = answer.send(mark(&mut group, &directory, &cookies));
    }
}

fn mark(group: &mut Option<Arc<Group>>, directory: &Dir, cookies: &CookieDirectory) -> io::Result<Arc<Group>> {
    if let Some(group) = group {
        group.mark_file_system(directory)?;
        return Ok(Arc::clone(group));
    }
    let new = Arc::new(Group::new()?);
    new.mark_directory(cookies.dir())?;
    new.mark_file_system(directory)?;
    Ok(Arc::clone(group.insert(new)))
}
