//! What a person sees: a progress bar, failures as a compiler writes them, a short summary.

use std::fmt::Write;
use std::io::IsTerminal;
use std::path::Path;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressStyle};

use super::outcome::{Item, Outcome, Sink};
use super::summary::Summary;
use crate::domain::path_text::escaped_text;
use crate::domain::{Failure, Skip, escaped};

/// Counts everything, moves the bar, prints nothing else.
#[derive(Debug)]
pub struct Collector {
    summary: Mutex<Summary>,
    bar: ProgressBar,
}

impl Collector {
    /// With `progress`, a bar is drawn on standard error if that is a terminal; then `count` is asked how many
    /// sources there are.
    #[must_use]
    pub fn new(progress: bool, count: impl FnOnce() -> u64) -> Self {
        let bar = if progress && std::io::stderr().is_terminal() {
            let bar = ProgressBar::new(count()).with_style(style());
            bar.enable_steady_tick(Duration::from_millis(100));
            bar
        } else {
            ProgressBar::hidden()
        };
        Self { summary: Mutex::default(), bar }
    }

    /// Takes the bar away and gives the sorted summary.
    #[must_use]
    pub fn finish(&self) -> Summary {
        self.bar.finish_and_clear();
        let mut summary = std::mem::take(&mut *self.summary.lock().unwrap_or_else(PoisonError::into_inner));
        summary.sort();
        summary
    }

    fn update(&self, change: impl FnOnce(&mut Summary)) {
        change(&mut self.summary.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Sink for Collector {
    fn source(&self) {
        self.update(|summary| summary.sources += 1);
        self.bar.inc(1);
    }

    fn outcome(&self, item: &Item<'_>, outcome: &Outcome) {
        self.update(|summary| summary.count(item, outcome));
        if matches!(outcome, Outcome::Compiled | Outcome::Confirmed | Outcome::Repaired) && !self.bar.is_hidden() {
            self.bar.set_message(escaped(&item.path()).to_string());
        }
    }

    fn failure(&self, failure: &Failure) {
        self.update(|summary| summary.failures.push(failure.clone()));
    }

    fn skip(&self, skip: &Skip) {
        self.update(|summary| summary.skips.push(skip.clone()));
    }

    fn removed(&self, _cache: &Path) {}
}

/// `path:line: message (python3.11)`, as a compiler writes it.
#[must_use]
pub fn failure_line(failure: &Failure) -> String {
    let mut line = escaped(&failure.path).to_string();
    if let Some(number) = failure.line {
        // Writing to a String cannot fail.
        let _ = write!(line, ":{number}");
    }
    let _ = write!(line, ": {}", escaped_text(&failure.message));
    if !failure.python.is_empty() {
        let _ = write!(line, " ({})", failure.python);
    }
    line
}

/// One line: what there was and what was done.
#[must_use]
pub fn summary_line(summary: &Summary, elapsed: Duration) -> String {
    let mut line = format!("{} sources", summary.sources);
    for (count, what) in [
        (summary.fresh, "fresh"),
        (summary.compiled, "compiled"),
        (summary.repaired, "repaired"),
        (summary.stale, "stale"),
        (summary.failures.len() as u64, "failed"),
        (summary.skips.len() as u64, "skipped"),
    ] {
        if count > 0 || matches!(what, "fresh" | "failed") {
            let _ = write!(line, ", {count} {what}");
        }
    }
    let _ = write!(line, " in {:.1} s", elapsed.as_secs_f64());
    line
}

fn style() -> ProgressStyle {
    // The template is a constant of ours; the default style is no worse than a panic.
    ProgressStyle::with_template("{bar:24} {human_pos}/{human_len} {wide_msg}")
        .unwrap_or_else(|_| ProgressStyle::default_bar())
}
