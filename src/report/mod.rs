//! What became of each source: collected, counted, shown.

pub mod json;
pub mod outcome;
pub mod status;
pub mod summary;
pub mod terminal;

pub use outcome::{Item, ItemKey, Outcome, Sink};
pub use summary::Summary;
