//! Finds out which interpreters will run the sources of a directory, as `python = ["auto"]` means it,
//! and where their programs are. Starts nothing.

pub mod choice;
pub mod find;
pub mod pyvenv;
pub mod shebang;

pub use choice::{Choice, Version};
