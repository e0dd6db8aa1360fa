//! Several processes do random operations on a tree while `pycwarm daemon` keeps it, is killed, started again, frozen, reloaded.
//! Whenever they pause, everything must come to be as it must be: see `judge`.
//!
//! Each run prints its seed. What the disturbers do comes from the seed, but several processes never meet twice in the same
//! way: a replay does the same kind of things, not the same thing. PYCWARM_CHAOS_SEED sets the seed, PYCWARM_CHAOS_ROUNDS and
//! PYCWARM_CHAOS_OPERATIONS the size, PYCWARM_CHAOS_KEEP keeps the files of a failure, PYCWARM_CHAOS_WITHOUT leaves
//! operations out, such as `edits.link,caches.garbage`. PYCWARM_CHAOS_TELL tells what was tolerated. PYCWARM_TEST_LOG=trace makes the daemon's log fuller.

#[path = "../support/mod.rs"]
mod support;

mod campaign;
mod disk;
mod disturbers;
mod judge;
mod known;
mod reports;
mod rng;
mod scenarios;

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use campaign::{Campaign, Tally};
use scenarios::{SCENARIOS, Scenario};
use support::skip::{needs_root, note, skipped};

/// One at a time: each has several processes of its own.
static ONE: Mutex<()> = Mutex::new(());

#[test]
fn plain() {
    short("plain");
}

#[test]
fn tiny_queue() {
    short("tiny_queue");
}

#[test]
fn restarts() {
    short("restarts");
}

#[test]
fn linked_root() {
    short("linked_root");
}

#[test]
fn fanotify() {
    short("fanotify");
}

#[test]
fn fanotify_restarts() {
    short("fanotify_restarts");
}

#[test]
fn poll() {
    short("poll");
}

/// All scenarios in turn, for PYCWARM_CHAOS_SECONDS; `make soak` runs it.
#[test]
#[ignore = "runs as long as one likes: make soak"]
fn soak() {
    let seconds = number("PYCWARM_CHAOS_SECONDS").unwrap_or(600);
    let end = Instant::now() + Duration::from_secs(seconds);
    for scenario in SCENARIOS.iter().cycle() {
        if Instant::now() > end {
            return;
        }
        run(scenario, 15, 900);
    }
}

fn short(name: &str) {
    let scenario = SCENARIOS.iter().find(|scenario| scenario.name == name).expect("it is in the list");
    run(scenario, 8, 600);
}

fn run(scenario: &Scenario, rounds: u64, operations: u64) {
    let _one = ONE.lock().unwrap_or_else(PoisonError::into_inner);
    let name = scenario.name;
    if scenario.needs_root && !needs_root(name) {
        return;
    }
    let seed = number("PYCWARM_CHAOS_SEED").unwrap_or_else(rng::fresh_seed);
    let rounds = number("PYCWARM_CHAOS_ROUNDS").unwrap_or(rounds);
    let operations = number("PYCWARM_CHAOS_OPERATIONS").unwrap_or(operations);
    let size = format!("PYCWARM_CHAOS_ROUNDS={rounds} PYCWARM_CHAOS_OPERATIONS={operations}");
    let replay = format!("PYCWARM_CHAOS_SEED={seed} {size} cargo test --test chaos {name}");
    note(&format!("CHAOS {name}: {replay}"));
    match catch_unwind(AssertUnwindSafe(|| Campaign::run(scenario, seed, rounds, operations))) {
        Ok(Some(tally)) => note(&summary(name, &tally)),
        Ok(None) => skipped(name, "needs two interpreters with different cache tags"),
        Err(panic) => {
            note(&format!("FAILED {name}; something like it again (PYCWARM_CHAOS_KEEP=1 keeps the files): {replay}"));
            resume_unwind(panic);
        }
    }
}

fn summary(name: &str, tally: &Tally) -> String {
    let mut tolerated = BTreeMap::new();
    for problem in &tally.tolerated {
        if std::env::var_os("PYCWARM_CHAOS_TELL").is_some() {
            note(&format!("TOLERATED {:?}: {}", problem.class, problem.text));
        }
        *tolerated.entry(problem.class).or_insert(0) += 1;
    }
    let Tally { operations, interruptions, looks, .. } = tally;
    format!("CHAOS {name}: {operations} operations, {interruptions:?}, {looks} looks, tolerated: {tolerated:?}")
}

fn number(variable: &str) -> Option<u64> {
    let text = std::env::var(variable).ok()?;
    Some(text.parse().unwrap_or_else(|_| panic!("{variable} is no number: {text:?}")))
}

/// Seconds since the epoch.
fn now() -> i64 {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("after 1970");
    i64::try_from(since.as_secs()).expect("a time")
}
