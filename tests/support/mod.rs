//! What all integration tests share: interpreters, commands, trees, the daemon, waiting.
//!
//! Everything here goes through the command line, files and signals, as an administrator would; nothing of the library is used.
#![allow(dead_code)] // Each test binary uses a part of it.

pub mod acl;
pub mod apart;
pub mod cache;
pub mod daemon;
pub mod json;
pub mod notify;
pub mod oracle;
pub mod process;
pub mod python;
pub mod run;
pub mod skip;
pub mod tree;
pub mod verdict;
pub mod wait;

use std::path::PathBuf;

/// A Python script of this folder.
pub fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/support").join(name)
}
