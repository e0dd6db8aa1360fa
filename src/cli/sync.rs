//! `pycwarm sync`: returns when the daemon has dealt with all that happened before the call.

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::args::Common;
use super::ask::{ask, no_answer};
use super::{Exit, complain, print_line, settings};
use crate::control::{Client, ControlError, SyncEnd};
use crate::report::json;
use crate::report::terminal::failure_line;
use crate::root::{actor, plain};

pub(super) fn run(common: &Common, paths: &[PathBuf], limit: Option<Duration>) -> Exit {
    let started = Instant::now();
    let paths: Vec<PathBuf> = paths.iter().map(|path| settings::absolute(path)).collect();
    let failures = match ask(common, limit, async |client| sync(client, &paths, limit).await) {
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

/// For who is not told everything, the daemon follows no link: that is done here, with the rights of who asks.
async fn sync(client: &mut Client, paths: &[PathBuf], limit: Option<Duration>) -> Result<SyncEnd, ControlError> {
    match client.sync(paths, limit).await {
        Err(ControlError::NotInTree(_)) if actor::current().uid != 0 => {}
        answer => return answer,
    }
    let real: Vec<PathBuf> = paths.iter().map(|path| without_links(path)).collect();
    client.sync(&real, limit).await
}

/// Where a path leads, as far as it is there.
fn without_links(path: &Path) -> PathBuf {
    let real = path.ancestors().find_map(|above| Some((plain::canonical(above).ok()?, path.strip_prefix(above).ok()?)));
    // Joining nothing would leave a slash at the end.
    match real {
        Some((real, rest)) if rest.as_os_str().is_empty() => real,
        Some((real, rest)) => real.join(rest),
        None => path.to_owned(),
    }
}
