//! Another user, no groups, no capabilities.

use nix::unistd::{Gid, Uid, setgroups, setresgid, setresuid};
use rustix::thread::{CapabilitySet, CapabilitySets};

/// Becomes a user and a group of that number, without any other group.
///
/// # Errors
/// In words, which step failed and why. The process may then have another group, but not another user.
pub(super) fn become_user(number: u32) -> Result<(), String> {
    let (user, group) = (Uid::from_raw(number), Gid::from_raw(number));
    setgroups(&[]).map_err(|error| format!("the groups cannot be given up: {}", error.desc()))?;
    setresgid(group, group, group).map_err(|error| format!("the group cannot be changed: {}", error.desc()))?;
    setresuid(user, user, user).map_err(|error| format!("the user cannot be changed: {}", error.desc()))
}

/// Sees to it that no program that is executed from here on gets a capability. To be called while there still are some.
pub(super) fn close_bounding_set() {
    for capability in CapabilitySet::all() {
        // Without CAP_SETPCAP it stays open; but then `no_new_privs` closes all ways to use it except root's.
        let _ = rustix::thread::remove_capability_from_bounding_set(capability);
    }
}

/// Gives up all capabilities, for good.
///
/// # Errors
/// In words.
pub(super) fn give_up_privileges() -> Result<(), String> {
    // Kernels without the ambient set have nothing in it.
    let _ = rustix::thread::clear_ambient_capability_set();
    let none = CapabilitySets {
        effective: CapabilitySet::empty(),
        permitted: CapabilitySet::empty(),
        inheritable: CapabilitySet::empty(),
    };
    rustix::thread::set_capabilities(None, none)
        .map_err(|error| format!("capabilities cannot be given up: {error}"))?;
    rustix::thread::set_no_new_privs(true).map_err(|error| format!("no_new_privs cannot be set: {error}"))?;
    // As root, execve gives what the bounding set has.
    let is_root = nix::unistd::geteuid().is_root();
    let bounded = CapabilitySet::all()
        .iter()
        .any(|capability| rustix::thread::capability_is_in_bounding_set(capability).unwrap_or(false));
    if is_root && bounded { Err("as root, the bounding set cannot be closed".to_owned()) } else { Ok(()) }
}
