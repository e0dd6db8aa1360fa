//! What this process may do, and what time it is for it.

use rustix::fs::Mode;
use rustix::thread::CapabilitySet;

use crate::domain::Timestamp;
use crate::domain::permissions::Actor;

/// Asks the kernel for the effective user and whether files may be given away.
#[must_use]
pub fn current() -> Actor {
    let may_chown = rustix::thread::capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::CHOWN));
    Actor { uid: rustix::process::geteuid().as_raw(), may_chown }
}

/// Now. Not by the coarse clock: the kernel may stamp a change more finely than that, and a change would lie
/// in the future.
#[must_use]
#[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "nanoseconds are below 2^30")]
pub fn now() -> Timestamp {
    let now = rustix::time::clock_gettime(rustix::time::ClockId::Realtime);
    Timestamp { seconds: now.tv_sec, nanoseconds: now.tv_nsec as u32 }
}

/// Has new files and directories belong to us alone until they get the mode that they are to have, whatever
/// the umask was.
pub fn set_private_umask() {
    rustix::process::umask(Mode::RWXG | Mode::RWXO);
}

/// A number by chance; 0 where the kernel has none to give.
#[must_use]
pub fn chance() -> u8 {
    let mut byte = [0];
    let _ = rustix::rand::getrandom(&mut byte, rustix::rand::GetRandomFlags::empty());
    byte[0]
}
