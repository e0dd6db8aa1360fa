//! `pycwarm warm` and `pycwarm check`: one pass.

use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use super::args::Common;
use super::{Exit, complain, give_up_privileges, print_line, settings};
use crate::config::{Settings, TreeSettings};
use crate::domain::{Failure, FailureKind, SkipReason, escaped};
use crate::engine::{Engine, Purpose, Tree};
use crate::report::terminal::{Collector, failure_line, summary_line};
use crate::report::{Sink, Summary, json};
use crate::root::UnsafeWay;
use crate::root::label::Labels;

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Warm,
    Check,
}

pub(super) fn run(common: &Common, paths: &[PathBuf], kind: Kind) -> Exit {
    let started = Instant::now();
    let settings = match settings::load(common) {
        Ok(settings) => settings,
        Err(error) => return complain(&error),
    };
    let labels = match Labels::open(settings.file_contexts.as_deref()) {
        Ok(mut labels) => {
            labels.keep_privilege();
            Arc::new(labels)
        }
        Err(error) => return complain(&error),
    };
    give_up_privileges();
    let (trees, refused) = match open(settings::trees(&settings, paths), paths.is_empty()) {
        Ok(opened) => opened,
        Err(error) => return complain(&error),
    };
    let mut summary = match pass(&settings, &trees, labels, kind, !common.quiet && !common.json) {
        Ok(summary) => summary,
        Err(error) => return complain(&format!("cannot start: {error}")),
    };
    summary.failures.extend(refused);
    let mut stderr = io::stderr().lock();
    for failure in &summary.failures {
        let _ = writeln!(stderr, "{}", failure_line(failure));
    }
    let barred = summary.skips.iter().filter(|skip| matches!(skip.reason, SkipReason::Barred(_)));
    for skip in barred.filter(|_| !common.quiet) {
        let _ = writeln!(stderr, "{} {}", escaped(&skip.path), skip.reason);
    }
    if common.json {
        match json::render(&summary, started.elapsed()) {
            Ok(object) => print_line(&object),
            Err(error) => return complain(&format!("cannot write JSON: {error}")),
        }
    } else if !common.quiet {
        print_line(&summary_line(&summary, started.elapsed()));
    }
    if summary.all_is_well() { Exit::Well } else { Exit::NotWell }
}

/// Opens the trees. One that was named on the command line has to be there; a configured one may come
/// later. One to which the way is not safe is a failure beside the others.
fn open(wanted: Vec<TreeSettings>, configured: bool) -> Result<(Vec<Arc<Tree>>, Vec<Failure>), String> {
    if wanted.is_empty() {
        return Err(
            "there is nothing to do: name a PATH, or configure a [[tree]] in /etc/pycwarm/pycwarm.toml".to_owned()
        );
    }
    let others: Vec<PathBuf> = wanted.iter().map(|tree| tree.path.clone()).collect();
    let (mut trees, mut refused) = (Vec::new(), Vec::new());
    for settings in wanted {
        let path = settings.path.clone();
        match Tree::open(settings, &others) {
            Ok(tree) => trees.push(Arc::new(tree)),
            Err(error) if configured && error.kind() == io::ErrorKind::NotFound => {
                tracing::info!("{} is not there", escaped(&path));
            }
            Err(error) if UnsafeWay::of(&error).is_some() => refused.push(Failure {
                path,
                python: String::new(),
                line: None,
                kind: FailureKind::Refused,
                message: error.to_string(),
                owner: None,
            }),
            Err(error) => return Err(format!("cannot open {}: {error}", escaped(&path))),
        }
    }
    Ok((trees, refused))
}

fn pass(
    settings: &Settings,
    trees: &[Arc<Tree>],
    labels: Arc<Labels>,
    kind: Kind,
    progress: bool,
) -> io::Result<Summary> {
    let runtime = Runtime::new()?;
    let stop = CancellationToken::new();
    let engine = Engine::new(runtime.handle().clone(), settings, labels, stop.clone());
    runtime.spawn(stop_on_signal(stop.clone()));
    let engine = Arc::new(engine);
    let purpose = match kind {
        Kind::Warm => Purpose::Warm,
        Kind::Check => Purpose::Check,
    };
    let collector = Arc::new(Collector::new(progress, || trees.iter().map(|tree| tree.count_sources()).sum()));
    let sink: Arc<dyn Sink + Send + Sync> = collector.clone();
    for tree in trees {
        engine.whole(tree, purpose, &sink);
    }
    let interrupted = stop.is_cancelled();
    runtime.shutdown_background();
    let mut summary = collector.finish();
    summary.interrupted = interrupted;
    Ok(summary)
}

/// Ends the pass in an orderly way: nothing half-done stays behind.
async fn stop_on_signal(stop: CancellationToken) {
    use tokio::signal::unix::{SignalKind, signal};
    let (Ok(mut terminate), Ok(mut interrupt)) = (signal(SignalKind::terminate()), signal(SignalKind::interrupt()))
    else {
        return tracing::warn!("cannot listen to signals");
    };
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
    }
    tracing::warn!("interrupted: what was not done stays as it was");
    stop.cancel();
}
