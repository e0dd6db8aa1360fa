//! What `sync` and `status` share: asking the daemon.

use std::path::PathBuf;
use std::time::Duration;

use super::args::Common;
use super::{Exit, complain};
use crate::control::{self, Client, ControlError};
use crate::root::actor;

/// How much longer than the daemon itself this side waits for it.
const GRACE: Duration = Duration::from_secs(1);

/// Connects to the daemon and lets `call` ask it. With a `limit` neither takes much longer than that.
pub(super) fn ask<T>(
    common: &Common,
    limit: Option<Duration>,
    call: impl AsyncFnOnce(&mut Client) -> Result<T, ControlError>,
) -> Result<T, ControlError> {
    let path = socket(common)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(|error| ControlError::Io { step: "start to ask at", path: path.clone(), error })?;
    let asking = async {
        let mut client = Client::connect(&path).await?;
        call(&mut client).await
    };
    runtime.block_on(async {
        match limit.and_then(|limit| limit.checked_add(GRACE)) {
            Some(limit) => tokio::time::timeout(limit, asking).await.unwrap_or(Err(ControlError::TimedOut)),
            None => asking.await,
        }
    })
}

/// Tells why the daemon did not answer.
pub(super) fn no_answer(error: &ControlError) -> Exit {
    complain(error);
    match error {
        ControlError::NotInTree(_) | ControlError::NoDefault | ControlError::TooMuch => Exit::Usage,
        ControlError::Absent(_) | ControlError::Stopping => Exit::NoDaemon,
        _ => Exit::NotWell,
    }
}

/// Where the daemon can be asked.
pub(super) fn socket(common: &Common) -> Result<PathBuf, ControlError> {
    match &common.socket {
        Some(path) => Ok(path.clone()),
        None => control::default_path(actor::current().uid, std::env::var_os("XDG_RUNTIME_DIR").as_deref()),
    }
}
