//! The file format of bytecode caches: names, headers, stamps, source hashes, the form of the code. Pure.

pub mod header;
pub mod holes;
pub mod marshal;
pub mod names;
pub mod source_hash;
pub mod stamp;
