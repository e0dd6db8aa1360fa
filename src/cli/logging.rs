//! Logs go to standard error, one plain line each.

use std::fmt;
use std::io::IsTerminal;

use clap::ColorChoice;
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::EnvFilter;
use tracing_subscriber::fmt::FmtContext;
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::registry::LookupSpan;

use super::args::Common;

/// Filters by target and level, in the syntax of `tracing`: for those who debug pycwarm itself.
const FILTER: &str = "PYCWARM_LOG";

/// Starts logging: warnings, and for the daemon what it does.
pub(super) fn start(common: &Common, daemon: bool) {
    let usual = if daemon { 1 } else { 0 };
    let level = match usual + i16::from(common.verbose) - if common.quiet { 2 } else { 0 } {
        ..=-2 => Level::ERROR,
        -1 | 0 => Level::WARN,
        1 => Level::INFO,
        2 => Level::DEBUG,
        _ => Level::TRACE,
    };
    let filter = EnvFilter::try_from_env(FILTER).unwrap_or_else(|_| EnvFilter::new(format!("pycwarm={level}")));
    let color = match common.color {
        ColorChoice::Always => true,
        ColorChoice::Never => false,
        ColorChoice::Auto => std::io::stderr().is_terminal(),
    };
    tracing_subscriber::fmt()
        .with_env_filter(filter)
        .with_writer(std::io::stderr)
        .with_ansi(color)
        .event_format(Plain { color })
        .init();
}

/// `pycwarm: warning: message key=value`.
struct Plain {
    color: bool,
}

impl<S, N> FormatEvent<S, N> for Plain
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
{
    fn format_event(&self, context: &FmtContext<'_, S, N>, mut writer: Writer<'_>, event: &Event<'_>) -> fmt::Result {
        let (word, paint) = match *event.metadata().level() {
            Level::ERROR => ("error: ", "31"),
            Level::WARN => ("warning: ", "33"),
            Level::INFO => ("", ""),
            Level::DEBUG => ("debug: ", "2"),
            Level::TRACE => ("trace: ", "2"),
        };
        writer.write_str("pycwarm: ")?;
        if self.color && !paint.is_empty() {
            write!(writer, "\x1b[{paint}m{word}\x1b[0m")?;
        } else {
            writer.write_str(word)?;
        }
        context.format_fields(writer.by_ref(), event)?;
        writeln!(writer)
    }
}
