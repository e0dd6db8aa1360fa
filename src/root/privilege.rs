//! What the process gives up, and what it asks for, at its start.
#![allow(unsafe_code, reason = "no library that is kept well has ioprio_set")]

use std::ops::Range;

use rustix::process::{Resource, Rlimit, getrlimit, setpriority_process, setrlimit};
use rustix::thread::{CapabilitySet, capabilities, set_capabilities};

/// Whether this thread may mark whole file systems.
#[must_use]
pub fn may_mark_file_systems() -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(MARKING))
}

/// Whether this thread has `CAP_SYS_ADMIN`.
#[must_use]
pub fn may_administrate() -> bool {
    capabilities(None).is_ok_and(|sets| sets.effective.contains(CapabilitySet::SYS_ADMIN))
}

const MARKING: CapabilitySet = CapabilitySet::SYS_ADMIN.union(CapabilitySet::DAC_READ_SEARCH);

/// What the daemon needs to do its work for others, and no more. `docs/threat-model.md` says what each is for.
const KEPT: CapabilitySet = CapabilitySet::CHOWN
    .union(CapabilitySet::DAC_OVERRIDE)
    .union(CapabilitySet::DAC_READ_SEARCH)
    .union(CapabilitySet::FOWNER)
    .union(CapabilitySet::FSETID)
    .union(CapabilitySet::KILL)
    .union(CapabilitySet::SETGID)
    .union(CapabilitySet::SETUID)
    .union(CapabilitySet::SETPCAP);

/// Gives up all capabilities but the few that the work needs; for this thread, for those that it starts from now on,
/// and for all programs that these run.
///
/// # Errors
/// Those of `capset`.
pub fn keep_needed_capabilities() -> std::io::Result<()> {
    keep(KEPT)
}

/// Has this thread keep what it needs to mark whole file systems, and nothing else.
///
/// # Errors
/// Those of `capset`.
pub fn keep_marking_capabilities() -> std::io::Result<()> {
    keep(MARKING)
}

/// Has this thread keep what it needs to set SELinux contexts on a kernel without SELinux, and nothing else.
///
/// # Errors
/// Those of `capset`.
pub fn keep_labelling_capabilities() -> std::io::Result<()> {
    keep(CapabilitySet::SYS_ADMIN)
}

fn keep(kept: CapabilitySet) -> std::io::Result<()> {
    for capability in CapabilitySet::all() - kept {
        // Only who may change the set at all has it to lose.
        let _ = rustix::thread::remove_capability_from_bounding_set(capability);
    }
    let mut sets = capabilities(None)?;
    sets.effective &= kept;
    sets.permitted &= kept;
    sets.inheritable = CapabilitySet::empty();
    Ok(set_capabilities(None, sets)?)
}

/// Whether a process of ours can become another user.
#[must_use]
pub fn may_change_user() -> bool {
    let needed = CapabilitySet::SETUID | CapabilitySet::SETGID;
    capabilities(None).is_ok_and(|sets| sets.effective.contains(needed))
}

/// Whether all these users, and groups, exist in the user namespace of this process.
#[must_use]
pub fn knows_users(numbers: &Range<u32>) -> bool {
    let maps = ["/proc/self/uid_map", "/proc/self/gid_map"];
    // Without /proc it will be seen when it is tried.
    maps.iter().all(|map| std::fs::read_to_string(map).map_or(true, |text| has_range(&text, numbers)))
}

/// Whether a line of a map has the whole range: first number here, first number outside, count; user_namespaces(7).
fn has_range(map: &str, numbers: &Range<u32>) -> bool {
    map.lines().any(|line| {
        let mut fields = line.split_ascii_whitespace().map(str::parse::<u64>);
        let (Some(Ok(first)), Some(Ok(_)), Some(Ok(count))) = (fields.next(), fields.next(), fields.next()) else {
            return false;
        };
        first <= u64::from(numbers.start) && u64::from(numbers.end) <= first.saturating_add(count)
    })
}

/// A number by chance; 0 where the kernel has none to give.
#[must_use]
pub fn random_number() -> u32 {
    let mut bytes = [0; 4];
    let _ = rustix::rand::getrandom(&mut bytes, rustix::rand::GetRandomFlags::empty());
    u32::from_ne_bytes(bytes)
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranges_of_a_user_namespace() {
        let all = "         0          0 4294967295\n";
        assert!(has_range(all, &(2_100_000_000..2_147_000_000)));
        let container = "         0     100000      65536\n";
        assert!(!has_range(container, &(2_100_000_000..2_147_000_000)));
        assert!(has_range(container, &(61_184..65_520)));
        let one = "         0       1000          1\n         1     100000      61183\n";
        assert!(!has_range(one, &(61_184..65_520)));
        assert!(!has_range("no map", &(0..1)));
    }
}
