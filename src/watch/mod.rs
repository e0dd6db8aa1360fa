//! Sources of events. An event only says that something about a path has changed; what, the next look
//! finds out. Watching a directory comes before listing it, always.

mod changes;
mod inotify;
mod interest;
mod queue;

pub use changes::{Change, directories_of};
pub use inotify::{WatchError, Watcher};
pub use interest::Interest;
pub use queue::{Drained, Queue};
