//! The jail of the workers: a compiler written in C that is fed the files of others.
//!
//! The daemon starts itself once more, as `pycwarm jail ORDERS -- PROGRAM`, in place of the interpreter. That
//! process has one thread; it takes from itself what it does not need, tells on its standard output what holds,
//! and becomes the interpreter. Nothing runs between fork and exec, and the code needs no `unsafe`.
//!
//! ```text
//! daemon: Confinement -> Orders -> arguments
//!                                  arguments -> Orders -> user, files, limits, calls -> Held -> exec    :the jail
//! daemon: Held <- first frame of the worker
//! ```

mod calls;
mod enter;
mod files;
mod held;
mod limits;
mod orders;
mod user;
mod users;
mod warden;

pub use calls::allowed as allowed_calls;
pub use enter::{JailError, NOT_EXECUTED, enter};
pub use held::{Held, Layer};
pub use orders::Orders;
pub use warden::Warden;
