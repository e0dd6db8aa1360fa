//! When the loop wakes up by itself.

use std::time::{Duration, Instant};

use tokio::time::{Interval, MissedTickBehavior, interval_at};

use crate::config::Settings;
use crate::root::actor;

/// What failed by the host's fault is tried again after this, and after twice as long each time.
const FIRST_RETRY: Duration = Duration::from_secs(2);
const LONGEST_RETRY: Duration = Duration::from_secs(600);

/// Ticks after each such period, and never catches up.
pub(super) fn interval(period: Duration) -> Interval {
    let mut interval = interval_at(tokio::time::Instant::now() + period, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    interval
}

/// When everything is looked at again; never, where that is not wanted. The first time comes somewhat earlier, by
/// chance, so that hosts that were started together do not look at one file server together.
pub(super) fn rescan_interval(settings: &Settings) -> Option<Interval> {
    let period = settings.rescan_interval?;
    let early = period / 10 * u32::from(actor::chance()) / u32::from(u8::MAX);
    let mut interval = interval_at(tokio::time::Instant::now() + period - early, period);
    interval.set_missed_tick_behavior(MissedTickBehavior::Delay);
    Some(interval)
}

/// The next tick; never, where there is no interval.
pub(super) async fn tick(interval: &mut Option<Interval>) {
    match interval {
        Some(interval) => {
            interval.tick().await;
        }
        None => std::future::pending().await,
    }
}

/// How long to wait before the next try, after so many.
pub(super) fn back_off(tries: u32) -> Duration {
    FIRST_RETRY.saturating_mul(1 << tries.min(16)).min(LONGEST_RETRY)
}

/// Until this point in time; for ever, where there is none.
pub(super) async fn wait_until(due: Option<Instant>) {
    match due {
        Some(due) => tokio::time::sleep_until(due.into()).await,
        None => std::future::pending().await,
    }
}
