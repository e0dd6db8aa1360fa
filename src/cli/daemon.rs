//! `pycwarm daemon`.

use std::path::PathBuf;
use std::time::Duration;

use tokio::runtime::Runtime;

use super::args::Common;
use super::{Exit, ask, complain, give_up_privileges, settings};
use crate::daemon;
use crate::root::label::Labels;
use crate::root::privilege;
use crate::watch::Marker;

pub(super) fn run(common: &Common, paths: &[PathBuf]) -> Exit {
    privilege::raise_descriptor_limit();
    let labels = match settings::load(common).map(|settings| Labels::open(settings.file_contexts.as_deref())) {
        Ok(Ok(mut labels)) => {
            labels.keep_privilege();
            labels
        }
        Ok(Err(error)) => return complain(&error),
        Err(error) => return complain(&error),
    };
    // Before there is any other thread than that: all that are started from now on are without the capability.
    let marker = Marker::start();
    give_up_privileges();
    let socket = match ask::socket(common) {
        Ok(socket) => Some(socket),
        Err(error) => {
            tracing::info!("sync and status cannot ask this daemon: {error}");
            None
        }
    };
    let runtime = match Runtime::new() {
        Ok(runtime) => runtime,
        Err(error) => return complain(&format!("cannot start: {error}")),
    };
    // The directories of the command line stay in force over reloads; their settings may change.
    let load = || -> Result<_, _> {
        let mut settings = settings::load(common)?;
        settings.trees = settings::trees(&settings, paths);
        Ok(settings)
    };
    let result = runtime.block_on(daemon::run(&load, runtime.handle().clone(), labels, marker, socket.as_deref()));
    // What hangs in the kernel is not waited for.
    runtime.shutdown_timeout(Duration::from_millis(100));
    match result {
        Ok(()) => Exit::Well,
        Err(error) => complain(&error),
    }
}
