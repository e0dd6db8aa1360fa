//! Source bytes in, marshalled code out, by interpreters that live for long and are given no path.

mod exit;
pub mod pool;
mod probe;
pub mod protocol;
mod worker;

pub use pool::{CompileError, Compiled, Pool};
pub use probe::{ProbeError, Probed, probe};
pub use protocol::Request;
