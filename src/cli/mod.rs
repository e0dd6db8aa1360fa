//! The command line: one file per sub-command.

mod args;
mod ask;
mod config;
mod daemon;
mod jail;
mod logging;
mod once;
mod settings;
mod status;
mod sync;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;

use crate::root::{actor, privilege};
use args::{Arguments, Command};

/// What a run amounts to, as an exit status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Exit {
    /// All is well.
    Well = 0,
    /// Something is stale, broken, refused or unreadable.
    NotWell = 1,
    /// The command line or the configuration cannot be used.
    Usage = 2,
    /// The daemon is not there.
    NoDaemon = 3,
}

/// Runs the program with the arguments of this process.
#[must_use]
pub fn run() -> ExitCode {
    let arguments = match Arguments::try_parse() {
        Ok(arguments) => arguments,
        Err(error) => {
            let _ = error.print();
            return ExitCode::from(if error.use_stderr() { Exit::Usage as u8 } else { Exit::Well as u8 });
        }
    };
    let common = &arguments.common;
    if let Command::Jail { orders, program } = &arguments.command {
        return jail::run(orders, program);
    }
    actor::set_private_umask();
    logging::start(common, matches!(arguments.command, Command::Daemon { .. }));
    let exit = match &arguments.command {
        Command::Warm { paths } => once::run(common, paths, once::Kind::Warm),
        Command::Check { paths } => once::run(common, paths, once::Kind::Check),
        Command::Daemon { paths } => daemon::run(common, paths),
        Command::Sync { paths, timeout } => sync::run(common, paths, *timeout),
        Command::Status => status::run(common),
        Command::Config { check } => config::run(common, *check),
        // It has no use for what was started above.
        Command::Jail { .. } => Exit::Usage,
    };
    ExitCode::from(exit as u8)
}

/// Keeps the capabilities that the work needs. To be called before there is any other thread: all that are started from
/// then on have no more either.
fn give_up_privileges() {
    if let Err(error) = privilege::keep_needed_capabilities() {
        tracing::warn!("cannot give up the capabilities that are not needed: {error}");
    }
}

/// Tells an error that ends the program.
fn complain(error: &dyn std::fmt::Display) -> Exit {
    let _ = writeln!(std::io::stderr(), "pycwarm: {error}");
    Exit::Usage
}

/// Prints a line; a reader that has gone is no reason to fail.
fn print_line(line: &dyn std::fmt::Display) {
    let _ = writeln!(std::io::stdout(), "{line}");
}
