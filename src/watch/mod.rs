//! Sources of events. An event only says that something about a path has changed; what, the next look
//! finds out. Watching a directory comes before listing it, always.
//!
//! `watcher` is the one face of them all: `inotify`, `fanotify` (with `marker`, the thread that may mark, and
//! `record`, the bytes), and `polled` where there are no events; `source` chooses. They fill the `queue` with
//! `changes` of those paths in which there is an `interest`.

mod changes;
mod fanotify;
mod inotify;
mod interest;
mod marker;
mod mounts;
mod polled;
mod queue;
mod record;
mod source;
mod watcher;

pub use changes::{Change, directories_of, owner_of};
pub use fanotify::is_lack;
pub use inotify::WatchError;
pub use interest::{Interest, TreePath};
pub use marker::Marker;
pub use mounts::MountTable;
pub use polled::{PollReason, Polled};
pub use queue::{Drained, Queue};
pub use source::Source;
pub use watcher::{Watched, Watcher};
