//! `pycwarm status`: tells what the daemon knows.

use std::io::Write;
use std::time::Duration;

use super::args::Common;
use super::ask::{ask, no_answer};
use super::{Exit, complain, print_line};
use crate::report::{json, status};

/// The daemon answers at once; one that hangs is not waited for.
const PATIENCE: Duration = Duration::from_secs(30);

pub(super) fn run(common: &Common) -> Exit {
    let known = match ask(common, Some(PATIENCE), async |client| client.status().await) {
        Ok(known) => known,
        Err(error) => return no_answer(&error),
    };
    if common.json {
        match json::render_status(&known) {
            Ok(object) => print_line(&object),
            Err(error) => return complain(&format!("cannot write JSON: {error}")),
        }
    } else {
        let _ = write!(std::io::stdout(), "{}", status::screen(&known));
    }
    if known.broken.is_empty() { Exit::Well } else { Exit::NotWell }
}
