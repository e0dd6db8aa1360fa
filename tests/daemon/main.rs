// `pycwarm daemon` with real files and real processes. Each test waits for an effect, never for a time.

#[path = "../support/mod.rs"]
mod support;

mod asking;
mod kept;

mod attributes;
mod caches;
mod crashes;
mod directories;
mod editors;
mod ending;
mod faults;
mod hard_cases;
mod interpreters;
mod limits;
mod missed;
mod mounts;
mod order;
mod overflow;
mod polling;
mod quiet;
mod reload;
mod same_second;
mod sources;
mod storms;
mod sync;
mod sync_under_load;
mod tools;
mod trees;

use kept::{Kept, sources_below};
