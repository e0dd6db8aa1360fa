//! `pycwarm jail`: what the daemon starts in place of an interpreter.

use std::ffi::OsString;
use std::io::Write;
use std::process::ExitCode;

use crate::domain::escaped;
use crate::jail::{self, Orders};

/// Returns only if it cannot become the program.
pub(super) fn run(orders: &Orders, program: &[OsString]) -> ExitCode {
    let Err(error) = jail::enter(orders, program);
    let name = program.first().map_or_else(String::new, |program| escaped(std::path::Path::new(program)).to_string());
    let _ = writeln!(std::io::stderr(), "{name}: {error}");
    ExitCode::from(u8::try_from(jail::NOT_EXECUTED).unwrap_or(u8::MAX))
}
