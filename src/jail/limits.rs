//! What a worker may use up.

use std::io;

use rustix::process::{Resource, Rlimit, setrlimit};

use super::orders::Orders;

/// More than an interpreter needs at its start.
const DESCRIPTORS: u64 = 64;

/// Puts the limits in force. To be called as the user that the worker is to be: a limit of no processes keeps
/// root from becoming a user who has some.
///
/// # Errors
/// Those of `setrlimit`: only where the process has lower ones already, which hold then.
pub(super) fn set(orders: &Orders) -> io::Result<()> {
    set_one(Resource::As, orders.memory)?;
    set_one(Resource::Cpu, orders.processor_time)?;
    set_one(Resource::Core, 0)?;
    if !orders.all_calls {
        set_one(Resource::Fsize, 0)?;
        set_one(Resource::Nproc, 0)?;
        set_one(Resource::Nofile, DESCRIPTORS)?;
    }
    Ok(())
}

/// Never above what is in force.
fn set_one(resource: Resource, most: u64) -> io::Result<()> {
    let now = rustix::process::getrlimit(resource);
    let most = now.maximum.map_or(most, |maximum| maximum.min(most));
    Ok(setrlimit(resource, Rlimit { current: Some(most), maximum: Some(most) })?)
}
