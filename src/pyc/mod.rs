//! The file format of bytecode caches: names, headers, stamps, source hashes. Pure.

pub mod header;
pub mod names;
pub mod source_hash;
pub mod stamp;
