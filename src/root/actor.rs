//! What this process may do.

use rustix::thread::CapabilitySet;

use crate::domain::permissions::Actor;

/// Asks the kernel for the effective user and whether files may be given away.
#[must_use]
pub fn current() -> Actor {
    let may_chown = rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::CHOWN));
    Actor { uid: rustix::process::geteuid().as_raw(), may_chown }
}
