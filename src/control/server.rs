//! The daemon's side of the socket.

use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;
use tokio::time::{sleep, timeout};
use tokio_util::sync::CancellationToken;

use super::line::Line;
use super::places::Places;
use super::session::Session;
use super::values::{Peer, Request};
use super::{ControlError, LONGEST_REQUEST};
use crate::root::socket::ListeningSocket;
use crate::root::{actor, peer};

/// How long the last answers may take.
const LONGEST_END: Duration = Duration::from_millis(500);
/// How long nobody is let in after that has failed, as when there are no descriptors left.
const PAUSE: Duration = Duration::from_millis(200);

/// Listens; see [`bind`](Self::bind) and [`serve`](Self::serve).
#[derive(Debug)]
pub struct Server {
    socket: ListeningSocket,
    daemon_uid: u32,
    places: Arc<Places>,
    control_group: watch::Receiver<Option<u32>>,
}

impl Server {
    /// Listens at `path`, for every local user; those in `control_group`, a number, are told everything. The directory is made if it is missing, a socket at which nobody
    /// listens is replaced. The socket is removed when the server is dropped.
    ///
    /// # Errors
    /// [`ControlError::InUse`], [`ControlError::NotASocket`], [`ControlError::Io`].
    pub fn bind(path: &Path, control_group: watch::Receiver<Option<u32>>) -> Result<Self, ControlError> {
        let socket = ListeningSocket::listen(path).map_err(|error| ControlError::listen(path, error))?;
        Ok(Self { socket, daemon_uid: actor::current().uid, places: Arc::default(), control_group })
    }

    /// Turns what clients call into `requests` until `stop`; then tells those who wait that the daemon is ending,
    /// and removes the socket.
    pub async fn serve(self, requests: mpsc::Sender<Request>, stop: CancellationToken) {
        let listener = match self.listener() {
            Ok(listener) => listener,
            Err(error) => return tracing::error!("the control socket cannot be used: {error}"),
        };
        let mut sessions = JoinSet::new();
        loop {
            tokio::select! {
                () = stop.cancelled() => break,
                Some(ended) = sessions.join_next() => {
                    if let Err(error) = ended {
                        tracing::error!("a control session broke down, which is an error in pycwarm: {error}");
                    }
                }
                accepted = listener.accept() => match accepted {
                    Ok((stream, _)) => self.welcome(stream, &mut sessions, &requests, &stop),
                    Err(error) => {
                        tracing::warn!("cannot let anybody in at the control socket: {error}");
                        tokio::select! { () = sleep(PAUSE) => {}, () = stop.cancelled() => break }
                    }
                }
            }
        }
        drop((listener, self));
        let all = async { while sessions.join_next().await.is_some() {} };
        // Whoever does not read its answer by then is cut off.
        let _ = timeout(LONGEST_END, all).await;
    }

    fn listener(&self) -> io::Result<UnixListener> {
        UnixListener::from_std(self.socket.listener()?)
    }

    /// Begins a session, unless there are too many.
    fn welcome(
        &self,
        stream: UnixStream,
        sessions: &mut JoinSet<()>,
        requests: &mpsc::Sender<Request>,
        stop: &CancellationToken,
    ) {
        let Ok(credentials) = stream.peer_cred() else { return };
        // Who may not be known to be in a group is in none.
        let mut groups = peer::groups(&stream).unwrap_or_else(|error| {
            tracing::debug!("cannot ask for the groups of user {}: {error}", credentials.uid());
            Vec::new()
        });
        groups.push(credentials.gid());
        let peer = Peer { uid: credentials.uid(), groups, daemon_uid: self.daemon_uid };
        let Some(place) = self.places.take(&peer) else {
            return tracing::debug!("user {} has too many control connections, or all have", peer.uid);
        };
        let line = Line::new(stream, LONGEST_REQUEST);
        let session = Session {
            line,
            peer,
            control_group: self.control_group.clone(),
            requests: requests.clone(),
            stop: stop.clone(),
        };
        sessions.spawn(async move {
            session.run().await;
            drop(place);
        });
    }
}
