//! pycwarm keeps Python's bytecode caches warm.
//!
//! Level-triggered: an event only says "look at this directory again". The flow, one way:
//!
//! 1. `watch`    file events -> "directory D is dirty"
//! 2. `batch`    coalesces and settles what is dirty; pure, time is passed in
//! 3. `scan`     looks at a directory by descriptor: sources, caches, headers
//! 4. `plan`     compares that with what should be there; pure
//! 5. `compile`  long-lived interpreters: source bytes in, marshalled code out
//! 6. `publish`  temporary file, owner, mode, ACL, source still the same?, rename
//! 7. `report`   outcomes -> failures, counters, JSON, progress
//!
//! `engine` runs 3 to 7 over a scope; `cli` runs it once, `daemon` for as long as there are events.
//! `control` is where others ask the daemon; `jail` is what workers run in. `interpreters` finds out who compiles
//! what; `config` says what is wanted; `domain` and `pyc` are the nouns and the file format; `root` is the only
//! room that touches the disk.
// Five files of src/root/ allow it, each block with its SAFETY line.
#![deny(unsafe_code)]
#![deny(clippy::disallowed_methods)]

pub mod batch;
pub mod cli;
pub mod compile;
pub mod config;
pub mod control;
pub mod daemon;
pub mod domain;
pub mod engine;
pub mod interpreters;
pub mod jail;
pub mod plan;
pub mod publish;
pub mod pyc;
pub mod report;
pub mod root;
pub mod scan;
pub mod watch;
