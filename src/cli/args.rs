//! The arguments as they are written.

use std::ffi::OsString;
use std::path::PathBuf;
use std::time::Duration;

use clap::builder::{OsStringValueParser, TypedValueParser};
use clap::{Args, ColorChoice, Parser, Subcommand};

use crate::domain::policy::{InvalidationMode, OptimizationLevel, PythonChoice};
use crate::jail::Orders;

/// Keeps Python's bytecode caches warm.
#[derive(Debug, Parser)]
#[command(name = "pycwarm", version, about, long_about = None, propagate_version = true)]
#[command(
    after_help = "Exit status: 0 all is well; 1 something is stale, broken, refused or unreadable; 2 usage or configuration; 3 the daemon is not there."
)]
pub(super) struct Arguments {
    #[command(flatten)]
    pub(super) common: Common,
    #[command(subcommand)]
    pub(super) command: Command,
}

/// What every sub-command takes.
#[derive(Debug, Args)]
pub(super) struct Common {
    /// Read this configuration file and no other
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// Compile for this interpreter: a path, a name on PATH, or auto [may be repeated]
    #[arg(long, global = true, value_name = "PATH", value_parser = OsStringValueParser::new().try_map(|text| PythonChoice::parse(&text)))]
    pub(super) python: Vec<PythonChoice>,
    /// Workers per interpreter; 0: one per core
    #[arg(short, long, global = true, value_name = "N")]
    pub(super) jobs: Option<usize>,
    /// Optimization level: 0, 1 or 2 [may be repeated]
    #[arg(short, long, global = true, value_name = "LEVEL")]
    pub(super) optimize: Vec<OptimizationLevel>,
    /// How import sees that a cache is stale: timestamp, checked-hash or unchecked-hash
    #[arg(long, global = true, value_name = "MODE")]
    pub(super) invalidation_mode: Option<InvalidationMode>,
    /// Say less: failures only
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub(super) quiet: bool,
    /// Say more [may be repeated]
    #[arg(short, long, global = true, action = clap::ArgAction::Count)]
    pub(super) verbose: u8,
    /// Print one JSON object at the end
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// When to use colors
    #[arg(long, global = true, value_name = "WHEN", default_value_t = ColorChoice::Auto, value_enum)]
    pub(super) color: ColorChoice,
    /// The daemon's control socket
    #[arg(long, global = true, value_name = "PATH")]
    pub(super) socket: Option<PathBuf>,
}

#[derive(Debug, Subcommand)]
pub(super) enum Command {
    /// Bring everything up to date once
    Warm {
        /// Directories or .py files; without any, the configured trees
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Take the same look as warm, and write nothing
    Check {
        /// Directories or .py files; without any, the configured trees
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Warm, then watch and keep warm; this is what the service runs
    Daemon {
        /// Directories; without any, the configured trees
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Return when the daemon has dealt with all that happened before the call
    Sync {
        /// Directories or files of the daemon's trees; without any, all its trees
        #[arg(value_name = "PATH")]
        paths: Vec<PathBuf>,
        /// Wait no longer than this
        #[arg(long, value_name = "SECONDS", value_parser = seconds)]
        timeout: Option<Duration>,
    },
    /// Tell what the daemon knows: its trees, what waits, what is broken
    Status,
    /// Become a worker: what the daemon starts in place of an interpreter
    #[command(hide = true)]
    Jail {
        #[command(flatten)]
        orders: Orders,
        #[arg(last = true, required = true)]
        program: Vec<OsString>,
    },
    /// Show the merged configuration and where each value comes from
    Config {
        /// Only say whether it can be used
        #[arg(long)]
        check: bool,
    },
}

/// Seconds, with a fraction or without.
fn seconds(text: &str) -> Result<Duration, String> {
    let number: f64 = text.parse().map_err(|_| "it is not a number of seconds".to_owned())?;
    Duration::try_from_secs_f64(number).map_err(|_| "it is not a time that one could wait".to_owned())
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_definitions_are_consistent() {
        Arguments::command().debug_assert();
    }
}
