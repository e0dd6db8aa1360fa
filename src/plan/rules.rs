//! What should be there.

use crate::domain::permissions::Actor;
use crate::domain::policy::{InvalidationMode, ModePolicy, OwnerPolicy};
use crate::domain::{Target, Timestamp};

/// The settings that hold for a directory.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    pub targets: &'a [Target],
    pub invalidation_mode: InvalidationMode,
    pub owner: &'a OwnerPolicy,
    pub mode: &'a ModePolicy,
    pub actor: Actor,
    /// Whether owner, mode and ACL are looked at: not on a file system that does not keep them.
    pub attributes: bool,
    /// For the daemon, which comes back, and which doubts what the kernel's own stamps do not show: the time.
    pub now: Option<Timestamp>,
}
