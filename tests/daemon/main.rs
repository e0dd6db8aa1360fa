// `pycwarm daemon` with real files and real processes. Each test waits for an effect, never for a time.

#[path = "../support/mod.rs"]
mod support;

mod asking;
mod kept;

mod caches;
mod directories;
mod ending;
mod hard_cases;
mod overflow;
mod quiet;
mod reload;
mod same_second;
mod sources;
mod sync;
mod sync_under_load;
mod trees;

use kept::{Kept, sources_below};
