//! `pycwarm config`: shows the merged configuration, or checks it.

use std::io::Write;

use super::args::Common;
use super::{Exit, complain, settings};

pub(super) fn run(common: &Common, check: bool) -> Exit {
    let overrides = settings::overrides(common);
    let merged = match settings::merged(common) {
        Ok(merged) => merged,
        Err(error) => return complain(&error),
    };
    if let Err(error) = merged.settings(&overrides) {
        return complain(&error);
    }
    if !check {
        let _ = write!(std::io::stdout(), "{}", merged.overridden(&overrides).explain());
    }
    Exit::Well
}
