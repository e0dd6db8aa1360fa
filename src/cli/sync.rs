//! `pycwarm sync`: returns when the daemon has dealt with all that happened before the call.

use std::io::{self, Write};
use std::path::PathBuf;
use std::time::{Duration, Instant};

use super::args::Common;
use super::ask::{ask, no_answer};
use super::{Exit, complain, print_line, settings};
use crate::report::json;
use crate::report::terminal::failure_line;

pub(super) fn run(common: &Common, paths: &[PathBuf], limit: Option<Duration>) -> Exit {
    let started = Instant::now();
    let paths: Vec<PathBuf> = paths.iter().map(|path| settings::absolute(path)).collect();
    let failures = match ask(common, limit, async |client| client.sync(&paths, limit).await) {
        Ok(end) => end.failures,
        Err(error) => return no_answer(&error),
    };
    let mut stderr = io::stderr().lock();
    for failure in &failures {
        let _ = writeln!(stderr, "{}", failure_line(failure));
    }
    if common.json {
        match json::render_sync(&failures, started.elapsed()) {
            Ok(object) => print_line(&object),
            Err(error) => return complain(&format!("cannot write JSON: {error}")),
        }
    } else if !common.quiet {
        print_line(&format!("up to date in {:.1} s, {} failed", started.elapsed().as_secs_f64(), failures.len()));
    }
    if failures.is_empty() { Exit::Well } else { Exit::NotWell }
}
