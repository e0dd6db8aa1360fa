//! The control socket: how others ask the daemon, and how the commands `sync` and `status` do it.
//!
//! It speaks Varlink. What can be asked stands in `docs/org.pycwarm.Control.varlink`, who is told what in
//! `docs/control.md`. The daemon sees plain values only: [`Request`]s that come out of a channel, each with
//! the place for its answer.
//!
//! ```text
//! client -> socket -> session -> call -> Request -> daemon
//!                             <- reply <- privacy <- answer
//! ```

mod call;
mod client;
mod error;
mod interface;
mod line;
mod places;
mod privacy;
mod server;
mod session;
mod values;
mod wire;

#[cfg(test)]
mod tests;

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

pub use client::Client;
pub use error::ControlError;
pub use server::Server;
pub use values::{Audience, JailStatus, Peer, Request, Status, SyncEnd, SyncRefusal, TreeStatus};

/// Where the daemon of the system is asked.
pub const SYSTEM_SOCKET: &str = "/run/pycwarm/control.sock";

/// The longest message from a client, in bytes.
pub const LONGEST_REQUEST: usize = 1 << 20;

/// The most paths of one `Sync`.
pub const MOST_PATHS: usize = 4096;

/// The socket of the daemon of this user, where none is named. `runtime_directory` is `$XDG_RUNTIME_DIR`.
///
/// # Errors
/// [`ControlError::NoDefault`] for a user other than root without such a directory.
pub fn default_path(uid: u32, runtime_directory: Option<&OsStr>) -> Result<PathBuf, ControlError> {
    if uid == 0 {
        return Ok(PathBuf::from(SYSTEM_SOCKET));
    }
    let directory = runtime_directory.map(Path::new).filter(|directory| directory.is_absolute());
    directory.map(|directory| directory.join("pycwarm/control.sock")).ok_or(ControlError::NoDefault)
}
