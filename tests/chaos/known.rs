//! What can be wrong, and what of it today's daemon does not see to. To demand one of these, take it out of `TOLERATED`.
//! What is tolerated is counted, and told with PYCWARM_CHAOS_TELL.

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Class {
    /// Anything that is never tolerated.
    Wrong,
    /// The source was edited under the same size and time stamp while the daemon heard nothing: nothing shows it but the kernel's
    /// own time of the change.
    StampKeptUnheard,
    /// A cache was torn in place while the daemon heard nothing.
    TornUnheard,
    /// A source has several names, and was changed by one in another directory.
    HardLink,
    /// A right header over a whole code object of another version.
    ForeignBody,
    /// A temporary file of a CPython that was killed.
    CpythonLeftOver,
    /// Owner, group or mode of a `__pycache__` do not fit its parent directory, and a disturber may have done that.
    CacheDirectory,
    /// The same where no disturber changes a `__pycache__` or its parent: the daemon has made it so.
    CacheDirectoryMade,
    /// A source that does not compile has a cache which import takes: its stamp is that of the good source before it.
    /// A look at the whole tree believes that cache, too, and says that the source is well again.
    BrokenButTaken,
    /// The old cache of a source that does not compile may be read by more than its source now.
    BrokenButReadable,
}

pub const TOLERATED: &[Class] = &[Class::ForeignBody];

/// A thing that is wrong on the disk.
#[derive(Debug, PartialEq, Eq)]
pub struct Problem {
    pub class: Class,
    pub path: std::path::PathBuf,
    pub text: String,
}

impl Problem {
    pub fn is_tolerated(&self) -> bool {
        TOLERATED.contains(&self.class)
    }
}
