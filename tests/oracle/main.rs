//! Each interpreter is asked itself, file by file, whether it takes the caches and whether they hold the right code.

#[path = "../support/mod.rs"]
mod support;

mod every_interpreter;
mod modes_and_levels;
