//! What this process may do, and what time it is for it.

use rustix::thread::CapabilitySet;

use crate::domain::Timestamp;
use crate::domain::permissions::Actor;

/// Asks the kernel for the effective user and whether files may be given away.
#[must_use]
pub fn current() -> Actor {
    let may_chown = rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::CHOWN));
    Actor { uid: rustix::process::geteuid().as_raw(), may_chown }
}

/// Now, by the clock that stamps files.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "nanoseconds are below 2^30")]
pub fn now() -> Timestamp {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::RealtimeCoarse);
    Timestamp { seconds: now.tv_sec, nanoseconds: now.tv_nsec as u32 }
}
