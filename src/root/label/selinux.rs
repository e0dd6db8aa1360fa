//! What is asked of libselinux. Without the feature `selinux`, `without_selinux` takes its place.
#![allow(
    unsafe_code,
    reason = "the crate does not say that a handle may go from one thread to another; no library has malloc_trim"
)]

use std::ffi::{CString, c_int, c_void};
use std::io;
use std::marker::PhantomData;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use selinux::label::{Labeler, back_end};
use selinux::{FileAccessMode, KernelSupport, SecurityContext};

use super::Class;
use crate::domain::Context;

/// Whether this program can deal with SELinux at all.
pub const BUILT_IN: bool = true;

/// Whether the kernel has SELinux, and a policy is loaded.
pub fn is_enabled() -> bool {
    selinux::kernel_support() != KernelSupport::Unsupported
}

/// Where the file contexts of the host's policy are.
pub fn file_contexts() -> io::Result<PathBuf> {
    selinux::path::file_context().map(Path::to_owned).map_err(io_error)
}

/// What the kernel makes of a context: aliases resolved, categories in order.
pub fn canonical(context: &Context) -> io::Result<Context> {
    let canonical = SecurityContext::from_c_str(context.as_c_str(), true).canonicalize().map_err(io_error)?;
    taken(&canonical).ok_or_else(|| io::ErrorKind::InvalidData.into())
}

/// The rules of file contexts, those of `FILE.local` and `FILE.homedirs` and the substitutions beside it included.
#[derive(Debug)]
pub struct Handle(Labeler<back_end::File>);

// SAFETY: a handle of selabel_open(3) is memory of its own, to which nothing of the thread that made it belongs; it is
// used by one thread at a time, as it is not `Sync`.
unsafe impl Send for Handle {}

impl Handle {
    /// Reads the rules; without a path those of the host's policy.
    pub fn open(path: Option<&Path>) -> io::Result<Self> {
        let path = path.map(|path| CString::new(path.as_os_str().as_bytes())).transpose()?;
        let option = path.as_ref().map(|path| {
            let kind = c_int::try_from(selinux_sys::SELABEL_OPT_PATH).unwrap_or_default();
            (kind, path.as_ptr().cast::<c_void>())
        });
        Labeler::new(option.as_slice(), true).map(Self).map_err(io_error)
    }

    /// Gives its memory back to the system, not only to the allocator, which would keep it for thousands of small pieces.
    pub fn close(self) {
        drop(self);
        #[cfg(target_env = "gnu")]
        // SAFETY: an integer, no memory of ours; it may be called at any time from any thread.
        unsafe {
            libc::malloc_trim(0)
        };
    }

    /// The context for a path without links; `None` where the rules have none for it, or `<<none>>`.
    pub fn look_up(&self, path: &Path, class: Class) -> io::Result<Option<Context>> {
        let mode = match class {
            Class::File => libc::S_IFREG,
            Class::Directory => libc::S_IFDIR,
        };
        match self.0.look_up_by_path(path, FileAccessMode::new(mode)) {
            Ok(found) => Ok(taken(&found)),
            Err(error) => match io_error(error) {
                error if error.kind() == io::ErrorKind::NotFound => Ok(None),
                error => Err(error),
            },
        }
    }
}

/// As long as this lives, what this thread makes has a context from the start.
pub struct CreateAs(PhantomData<*const ()>);

impl CreateAs {
    /// `None` where the policy does not let us say so: then the context is set afterwards.
    pub fn begin(context: &Context) -> Option<Self> {
        let context = SecurityContext::from_c_str(context.as_c_str(), true);
        context.set_for_new_file_system_objects(true).ok().map(|()| Self(PhantomData))
    }
}

impl Drop for CreateAs {
    fn drop(&mut self) {
        if let Err(error) = SecurityContext::set_default_context_for_new_file_system_objects() {
            tracing::error!("cannot end the setting of contexts for new files: {}", io_error(error));
        }
    }
}

fn taken(context: &SecurityContext<'_>) -> Option<Context> {
    Context::new(context.as_bytes())
}

/// The crate's errors say which function failed; what it was is what people look for.
fn io_error(error: selinux::errors::Error) -> io::Error {
    let source = std::error::Error::source(&error).and_then(|source| source.downcast_ref::<io::Error>());
    match source.and_then(io::Error::raw_os_error) {
        Some(number) => io::Error::from_raw_os_error(number),
        None => io::Error::other(error),
    }
}
