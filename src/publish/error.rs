//! Why a cache could not be put in place.

use std::io;

/// The error of one publication; nothing was left behind.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    /// The source is not what was compiled any more: to be looked at again.
    #[error("changed while it was compiled")]
    SourceChanged,
    /// What stands in the way must not be touched.
    #[error("{0}")]
    Refused(String),
    /// A step failed.
    #[error("cannot {step}: {error}{}", remedy(error))]
    Io { step: &'static str, error: io::Error },
}

impl PublishError {
    /// For `map_err`: says which step an error belongs to.
    pub(super) fn at(step: &'static str) -> impl Fn(io::Error) -> Self {
        move |error| Self::Io { step, error }
    }
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::StorageFull => "; make room, it is tried again",
        io::ErrorKind::QuotaExceeded => "; raise the quota of the cache's owner",
        io::ErrorKind::ReadOnlyFilesystem => "; warm the tree before it is mounted read-only",
        io::ErrorKind::PermissionDenied => "; run pycwarm as root or as the owner of the directory",
        _ => "",
    }
}
