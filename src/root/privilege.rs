//! What the process gives up, and what it asks for, at its start.
#![allow(unsafe_code, reason = "no library that is kept well has ioprio_set")]

use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

/// Whether this thread may mark whole file systems.
#[must_use]
pub fn may_mark_file_systems() -> bool {
    let needed = CapabilitySet::SYS_ADMIN | CapabilitySet::DAC_READ_SEARCH;
    capabilities(None).is_ok_and(|sets| sets.effective.contains(needed))
}

/// Whether this thread has `CAP_SYS_ADMIN`.
#[must_use]
pub fn may_administrate() -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN))
}

/// Gives `CAP_SYS_ADMIN` up, for this thread, for those that it starts from now on, and for all programs
/// that these run.
///
/// # Errors
/// Those of `capset`.
pub fn give_up_administration() -> std::io::Result<()> {
    // Only who may change the set at all has it to lose.
    let _ = rustix::thread::remove_capability_from_bounding_set(CapabilitySet::SYS_ADMIN);
    let mut sets = capabilities(None)?;
    sets.effective.remove(CapabilitySet::SYS_ADMIN);
    sets.permitted.remove(CapabilitySet::SYS_ADMIN);
    sets.inheritable.remove(CapabilitySet::SYS_ADMIN);
    Ok(set_capabilities(None, sets)?)
}

/// Takes as many descriptors as the host allows for: a deep tree holds one for each directory on the way.
pub fn raise_descriptor_limit() {
    let limit = getrlimit(Resource::Nofile);
    let _ = setrlimit(Resource::Nofile, Rlimit { current: limit.maximum, maximum: limit.maximum });
}

/// Has this thread, and no other, use the disk and the processor only when nobody else wants them.
pub fn become_idle() {
    // ioprio_set(2): IOPRIO_WHO_PROCESS, this thread, IOPRIO_CLASS_IDLE << IOPRIO_CLASS_SHIFT.
    // SAFETY: three integers, no memory.
    unsafe { libc::syscall(libc::SYS_ioprio_set, 1, 0, 3 << 13) };
    // The whole process would be meant by POSIX; Linux means the thread.
    let _ = setpriority_process(None, 19);
}
