//! The way into the jail, in the process that becomes the worker.

use std::convert::Infallible;
use std::ffi::{CString, OsString};
use std::io::Write;
use std::os::unix::ffi::OsStrExt;

use super::held::{Held, Layer};
use super::orders::Orders;
use super::{calls, files, limits, user};
use crate::root::descriptors;

/// The exit status of a worker that does not become one: as the shell has it for a program that cannot be executed.
pub const NOT_EXECUTED: i32 = 126;

/// Why a worker does not become one.
#[derive(Debug, thiserror::Error)]
pub enum JailError {
    #[error("there is no program to run")]
    NoProgram,
    #[error("an argument has a NUL byte")]
    NulByte,
    #[error("it is not run: as the daemon's own user its files have to be closed off, and {0}")]
    Open(String),
    #[error("it is not run as the daemon's own user, and {0}")]
    User(String),
    #[error("cannot tell what holds of its jail: {0}")]
    Tell(std::io::Error),
    #[error("cannot be executed: {0}")]
    Execute(&'static str),
}

/// Enters the jail and becomes the program, whose environment is that of this process. Returns only if that
/// fails. To be called while this process has one thread.
///
/// # Errors
/// See [`JailError`]. A layer that the kernel does not give is no error; it is told.
pub fn enter(orders: &Orders, program: &[OsString]) -> Result<Infallible, JailError> {
    let arguments: Vec<CString> = program
        .iter()
        .map(|argument| CString::new(argument.as_bytes()).map_err(|_| JailError::NulByte))
        .collect::<Result<_, _>>()?;
    let environment: Vec<CString> = std::env::vars_os()
        .filter_map(|(name, value)| CString::new([name.as_bytes(), b"=", value.as_bytes()].concat()).ok())
        .collect();
    let path = arguments.first().ok_or(JailError::NoProgram)?;
    let mut held = Held::default();
    descriptors::close_at_execution_from(3);

    // What needs privileges comes first, then they are given up; the filter of the calls is last, as it would
    // refuse all of this.
    user::close_bounding_set();
    if let Some(number) = orders.user {
        // Ordered only where it can be had: what comes next may count on it.
        user::become_user(number).map_err(JailError::User)?;
        held.note(Layer::User, Ok(()));
    }
    held.note(Layer::Privileges, user::give_up_privileges());
    if !orders.files.is_empty() {
        let closed = files::close(&orders.files);
        if let (Err(why), true) = (&closed, orders.files_or_nothing) {
            return Err(JailError::Open(why.clone()));
        }
        held.note(Layer::Files, closed);
    }
    held.note(Layer::Limits, limits::set(orders).map_err(|error| format!("cannot be set: {error}")));
    let filter = (!orders.all_calls).then(|| calls::filter(path));
    let prepared = filter.map(|filter| filter.and_then(|filter| calls::install(&filter)));
    if let Some(result) = prepared {
        held.note(Layer::Calls, result);
    }
    tell(&held).map_err(JailError::Tell)?;
    let Err(error) = nix::unistd::execve(path, &arguments, &environment);
    Err(JailError::Execute(error.desc()))
}

fn tell(held: &Held) -> std::io::Result<()> {
    let mut out = std::io::stdout().lock();
    out.write_all(&held.to_frame())?;
    out.flush()
}
