//! Waiting for an effect, never for a time.

use std::time::{Duration, Instant};

/// So generous that only something that never happens reaches it.
const DEADLINE: Duration = Duration::from_secs(60);

/// Gives the processor away between two looks; nothing depends on its length.
pub fn nap_between_polls() {
    std::thread::sleep(Duration::from_millis(5));
}

/// Polls until `condition` holds. `context` is asked for what to tell when it never does.
pub fn wait_until_or(what: &str, context: impl Fn() -> String, mut condition: impl FnMut() -> bool) {
    let end = Instant::now() + DEADLINE;
    while !condition() {
        if Instant::now() > end {
            panic!("not within {} s: {what}\n{}", DEADLINE.as_secs(), context());
        }
        nap_between_polls();
    }
}

pub fn wait_until(what: &str, condition: impl FnMut() -> bool) {
    wait_until_or(what, String::new, condition);
}
