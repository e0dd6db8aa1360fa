//! The only room that touches the disk with the rights of the process, always by descriptor.
//!
//! Below a tree's root every step is one component, opened with `O_NOFOLLOW` relative to the
//! directory before it, so that nobody can bend a path between a check and its use. The other rooms
//! hold [`Dir`], [`OpenSource`] and [`Replacement`] values and cannot name a path to the kernel.

#![allow(clippy::disallowed_methods, reason = "this is the room that may")]

pub mod actor;
pub mod ancestry;
pub mod cache_directory;
pub mod dir;
pub mod plain;
pub mod replacement;
pub mod resolve;
pub mod socket;
pub mod source;
pub mod tree_root;

pub use dir::{Dir, Entry};
pub use replacement::Replacement;
pub use source::OpenSource;
pub use tree_root::TreeRoot;
