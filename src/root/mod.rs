//! The only room that touches the disk with the rights of the process, always by descriptor.
//!
//! Below a tree's root every step is one component, opened with `O_NOFOLLOW` relative to the
//! directory before it, so that nobody can bend a path between a check and its use. The other rooms
//! hold [`Dir`], [`OpenSource`] and [`Replacement`] values and cannot name a path to the kernel.
//! It is also the only room with `unsafe`: what the kernel offers and no library that is kept well does.

#![allow(clippy::disallowed_methods, reason = "this is the room that may")]

pub mod acl;
pub mod actor;
pub mod ancestry;
pub mod cache_directory;
pub mod cookie;
pub mod descriptors;
pub mod dir;
pub mod fanotify;
pub mod file_handle;
pub mod file_system;
pub mod label;
pub mod mounts;
pub mod passage;
pub mod peer;
pub mod plain;
pub mod privilege;
pub mod replacement;
pub mod resolve;
pub mod socket;
pub mod source;
pub mod tree_root;
pub mod way;

pub use cookie::CookieDirectory;
pub use dir::{Dir, Entry};
pub use replacement::Replacement;
pub use source::OpenSource;
pub use tree_root::TreeRoot;
pub use way::UnsafeWay;
