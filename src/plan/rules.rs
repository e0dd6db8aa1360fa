//! What should be there.

use crate::domain::Target;
use crate::domain::permissions::Actor;
use crate::domain::policy::{InvalidationMode, ModePolicy, OwnerPolicy};

/// The settings that hold for a directory.
#[derive(Debug, Clone, Copy)]
pub struct Rules<'a> {
    pub targets: &'a [Target],
    pub invalidation_mode: InvalidationMode,
    pub owner: &'a OwnerPolicy,
    pub mode: &'a ModePolicy,
    pub actor: Actor,
}
