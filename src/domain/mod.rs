//! The nouns. Plain values that the stages exchange; nothing here does any input or output.

pub mod acl;
pub mod confinement;
pub mod context;
pub mod failure;
pub mod file_stat;
pub mod interpreter;
pub mod passage;
pub mod path_text;
pub mod permissions;
pub mod policy;

pub use acl::{Access, Rights};
pub use confinement::Confinement;
pub use context::Context;
pub use failure::{Failure, FailureKind, Skip, SkipReason};
pub use file_stat::{FileKind, FileStat, Identity, Timestamp};
pub use interpreter::{Interpreter, SipVariant, Target};
pub use path_text::escaped;
