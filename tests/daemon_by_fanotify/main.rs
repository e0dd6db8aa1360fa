//! All tests of the daemon once more, with fanotify as the source of events. See `tests/support/run.rs`.

include!("../daemon/main.rs");
