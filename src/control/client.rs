//! The side of those who ask.

use std::path::{Path, PathBuf};
use std::time::Duration;

use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::line::Line;
use super::values::{Status, SyncEnd};
use super::{ControlError, LONGEST_REQUEST, MOST_PATHS, interface, wire};
use crate::root::socket;

/// The longest answer that is read, in bytes.
const LONGEST_ANSWER: usize = 256 << 20;
/// The name of the method `Sync` with its interface, and of the others.
const SYNC: &str = "org.pycwarm.Control.Sync";
const GET_STATUS: &str = "org.pycwarm.Control.GetStatus";

/// A connection to the daemon.
#[derive(Debug)]
pub struct Client {
    line: Line,
}

impl Client {
    /// Connects to the daemon that listens at `path`.
    ///
    /// # Errors
    /// [`ControlError::Absent`] if nobody listens there, [`ControlError::Io`].
    pub async fn connect(path: &Path) -> Result<Self, ControlError> {
        let stream = socket::connect(path).await.map_err(|error| ControlError::connect(path, error))?;
        Ok(Self { line: Line::new(stream, LONGEST_ANSWER) })
    }

    /// What the daemon knows, as far as this user may be told.
    ///
    /// # Errors
    /// [`ControlError::Stopping`], [`ControlError::Closed`], [`ControlError::Protocol`].
    pub async fn status(&mut self) -> Result<Status, ControlError> {
        #[derive(Serialize)]
        struct Nothing {}
        let output: wire::StatusOutput = self.call(GET_STATUS, &Nothing {}).await?;
        output.status.try_into().map_err(not_understood)
    }

    /// Waits until the daemon has dealt with all that happened before the call below these absolute paths; without
    /// paths, in all trees. `limit` is how long it may take.
    ///
    /// # Errors
    /// [`ControlError::NotInTree`], [`ControlError::TimedOut`], [`ControlError::Stopping`], [`ControlError::TooMuch`],
    /// [`ControlError::Closed`], [`ControlError::Protocol`].
    pub async fn sync(&mut self, paths: &[PathBuf], limit: Option<Duration>) -> Result<SyncEnd, ControlError> {
        #[derive(Serialize)]
        struct Input {
            paths: Vec<wire::Path>,
            #[serde(skip_serializing_if = "Option::is_none")]
            timeout_seconds: Option<f64>,
        }
        if paths.len() > MOST_PATHS {
            return Err(ControlError::TooMuch);
        }
        let paths = paths.iter().map(|path| path.as_path().into()).collect();
        let input = Input { paths, timeout_seconds: limit.map(|limit| limit.as_secs_f64()) };
        let output: wire::SyncOutput = self.call(SYNC, &input).await?;
        Ok(SyncEnd { failures: wire::failures(output.failures).map_err(not_understood)? })
    }

    async fn call<T: DeserializeOwned>(&mut self, method: &str, input: &impl Serialize) -> Result<T, ControlError> {
        #[derive(Serialize)]
        struct Message<'a, T> {
            method: &'a str,
            parameters: &'a T,
        }
        let message = serde_json::to_string(&Message { method, parameters: input }).map_err(not_understood)?;
        if message.len() > LONGEST_REQUEST {
            return Err(ControlError::TooMuch);
        }
        if !self.line.send(message).await {
            return Err(ControlError::Closed);
        }
        let answer = self.line.receive().await.ok_or(ControlError::Closed)?;
        read(&answer)
    }
}

/// The output of a method, or the error that the daemon answered with.
fn read<T: DeserializeOwned>(answer: &Bytes) -> Result<T, ControlError> {
    #[derive(Deserialize)]
    struct Message {
        error: Option<String>,
        #[serde(default)]
        parameters: Value,
    }
    let Message { error, parameters } = serde_json::from_slice(answer).map_err(not_understood)?;
    let Some(error) = error else { return serde_json::from_value(parameters).map_err(not_understood) };
    let own = error.strip_prefix(interface::NAME).and_then(|rest| rest.strip_prefix('.'));
    match own {
        Some("NotInTree") => {
            #[derive(Deserialize)]
            struct NotInTree {
                path: wire::Path,
            }
            let NotInTree { path } = serde_json::from_value(parameters).map_err(not_understood)?;
            Err(ControlError::NotInTree(path.try_into().map_err(not_understood)?))
        }
        Some("TimedOut") => Err(ControlError::TimedOut),
        Some("Stopping") => Err(ControlError::Stopping),
        _ => Err(ControlError::Protocol(format!("it answers {error}"))),
    }
}

fn not_understood(error: impl std::fmt::Display) -> ControlError {
    ControlError::Protocol(error.to_string())
}
