//! Tests of the daemon once more, without events: everything is polled. See `tests/support/run.rs`.

#[path = "../support/mod.rs"]
mod support;

#[path = "../daemon/kept.rs"]
mod kept;

#[path = "../daemon/caches.rs"]
mod caches;
#[path = "../daemon/directories.rs"]
mod directories;
#[path = "../daemon/sources.rs"]
mod sources;
#[path = "../daemon/trees.rs"]
mod trees;

use kept::{Kept, sources_below};
