//! What is run: the daemon's configuration, and what is done to the daemon meanwhile. Data only.

/// What happens to the daemon in the middle of a round, when the disturbers have done so many operations.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Interruption {
    Nothing,
    /// SIGKILL, and a new one.
    Kill,
    /// SIGTERM, and a new one.
    Terminate,
    /// SIGHUP.
    Reload,
    /// SIGSTOP, and SIGCONT some operations later.
    Freeze,
}

pub struct Scenario {
    pub name: &'static str,
    /// Lines of the configuration before the first table.
    pub config: &'static [&'static str],
    /// Lines for the tree.
    pub tree: &'static [&'static str],
    /// The root of the tree is a link to one of two releases, and is turned.
    pub linked_root: bool,
    pub needs_root: bool,
    /// One of these in each round.
    pub interruptions: &'static [Interruption],
    /// Changes come about of which the daemon hears nothing: it is not running, the queue overflows, or the other
    /// release is changed. What it then finds cold is judged by `known::TOLERATED`.
    pub loses_events: bool,
}

use Interruption::{Freeze, Kill, Nothing, Reload, Terminate};

const PLAIN: Scenario = Scenario {
    name: "plain",
    config: &["rescan-interval = 2"],
    tree: &[],
    linked_root: false,
    needs_root: false,
    interruptions: &[Nothing, Nothing, Freeze],
    loses_events: false,
};

pub const SCENARIOS: &[Scenario] = &[
    PLAIN,
    Scenario { name: "tiny_queue", config: &["queue-limit = 3"], loses_events: true, ..PLAIN },
    Scenario { name: "restarts", interruptions: &[Kill, Kill, Terminate, Reload], loses_events: true, ..PLAIN },
    Scenario {
        name: "linked_root",
        linked_root: true,
        interruptions: &[Nothing, Kill, Reload],
        loses_events: true,
        ..PLAIN
    },
    Scenario { name: "fanotify", tree: &["watch = \"fanotify\""], needs_root: true, ..PLAIN },
    Scenario {
        name: "fanotify_restarts",
        tree: &["watch = \"fanotify\""],
        needs_root: true,
        interruptions: &[Kill, Terminate, Reload],
        loses_events: true,
        ..PLAIN
    },
    Scenario {
        name: "poll",
        config: &["poll-interval = 1"],
        tree: &["watch = \"poll\""],
        interruptions: &[Nothing, Kill, Reload],
        loses_events: true,
        ..PLAIN
    },
];
