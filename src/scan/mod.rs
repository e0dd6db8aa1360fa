//! Looks at what is there: directories, sources, caches. Reads, and changes nothing.

pub mod look;
pub mod observed;
pub mod scripts;
pub mod walk;

pub use look::{Form, Site, Wanted, look};
pub use observed::{CacheDirectory, CacheFile, Head, Observed, Source, SourceState};
pub use walk::{Place, walk};
