//! What has to hold for any bytes, one module for each fuzz target.
//!
//! Each has a function `run`, which takes an input, panics if something does not hold, and says whether the input was
//! accepted by what was to read it. The targets call it with what libFuzzer makes up; `tests/fuzz_corpus` calls it with
//! what is kept in `corpus/`.

pub mod cache_reader;
pub mod configuration;
pub mod control_socket;
pub mod frame_protocol;
pub mod layouts;
pub mod marshal_reader;
pub mod marshal_writer;
pub mod text;
