//! What contexts are to be in one directory.

use std::ffi::OsStr;
use std::io;
use std::os::fd::{AsFd, BorrowedFd};
use std::path::PathBuf;

use super::library::{self, CreateAs};
use super::{Class, Labels, attribute};
use crate::domain::policy::ContextPolicy;
use crate::domain::{Context, escaped};
use crate::pyc::names::CACHE_DIRECTORY;
use crate::root::{Dir, OpenSource, Replacement};

/// The contexts of the caches of one directory, and of the `__pycache__` that they are in.
#[derive(Debug)]
pub struct Wish<'a> {
    labels: &'a Labels,
    /// `__pycache__`, without links.
    caches: PathBuf,
    device: u64,
    base: Base,
}

#[derive(Debug)]
enum Base {
    /// The administrator's word for all.
    Always(Context),
    /// That of a directory.
    Like(Context),
    /// What the rules give to the path.
    Rules,
}

/// A context could not be set.
#[derive(Debug, thiserror::Error)]
#[error("it cannot get the SELinux context {context}: {error}; {}", remedy(error))]
struct Refused {
    context: Context,
    error: io::Error,
}

impl<'a> Wish<'a> {
    /// A type that the administrator has given to `__pycache__` or to the directory, one of those that restorecon leaves
    /// alone, holds for what is made in them; else it is what the policy says. `None`: nothing is to be done.
    pub(super) fn new(labels: &'a Labels, policy: &ContextPolicy, path: PathBuf, directory: &Dir) -> Option<Self> {
        let base = match policy {
            ContextPolicy::Off => return None,
            ContextPolicy::Explicit(text) => {
                let context = Context::new(text.as_bytes())?;
                let canonical = labels.rules().as_mut().map(|rules| rules.canonical(context.clone()));
                Base::Always(canonical.unwrap_or(context))
            }
            ContextPolicy::Inherit | ContextPolicy::Policy => {
                let read = |dir: &Dir| attribute::read(dir.as_fd()).ok().flatten();
                let (above, own) = (read(directory), directory.open_dir(CACHE_DIRECTORY.as_ref()).ok());
                let own = own.and_then(|own| read(&own));
                let customized = own.into_iter().chain(above.clone()).find(|context| labels.is_customizable(context));
                match (customized, policy) {
                    (Some(context), _) => Base::Like(context),
                    (None, ContextPolicy::Inherit) => Base::Like(above?),
                    (None, _) => Base::Rules,
                }
            }
        };
        let device = directory.stat().ok()?.device;
        Some(Self { labels, caches: path.join(CACHE_DIRECTORY), device, base })
    }

    /// Whether an open cache with this name has the context that it is to have.
    #[must_use]
    pub fn suits_cache(&self, name: &OsStr, cache: BorrowedFd<'_>) -> bool {
        self.told(self.of_cache(name)).is_none_or(|wanted| self.suits(cache, &wanted))
    }

    /// Whether `__pycache__` has the context that it is to have.
    #[must_use]
    pub fn suits_directory(&self, caches: &Dir) -> bool {
        self.told(self.of_directory()).is_none_or(|wanted| self.suits(caches.as_fd(), &wanted))
    }

    /// Gives a cache that is being written the context that it is to have under its name. Its level, if contexts have
    /// levels, is that of its source: nobody reads it who could not read that.
    ///
    /// # Errors
    /// The rules cannot be read, the policy forbids it, or does not have the context.
    pub fn label_cache(&self, file: &Replacement<'_>, name: &OsStr, source: &OpenSource) -> io::Result<()> {
        let Some(wanted) = self.of_cache(name)? else { return Ok(()) };
        let wanted = match (&self.base, attribute::read(source.as_fd())) {
            (Base::Rules | Base::Like(_), Ok(Some(source))) => wanted.with_level_of(&source),
            _ => wanted,
        };
        self.set(file.as_fd(), wanted)
    }

    /// Gives `__pycache__` the context that it is to have, if it has not.
    ///
    /// # Errors
    /// The rules cannot be read, the policy forbids it, or does not have the context.
    pub fn label_directory(&self, caches: &Dir) -> io::Result<()> {
        match self.of_directory()? {
            Some(wanted) if !self.suits(caches.as_fd(), &wanted) => self.set(caches.as_fd(), wanted),
            _ => Ok(()),
        }
    }

    /// Has a `__pycache__` that this thread makes get its context from the kernel, as long as the answer lives. On a
    /// kernel without SELinux there is no such thing.
    pub(in crate::root) fn create_directory(&self) -> Option<CreateAs> {
        let wanted = self.of_directory().ok().flatten().filter(|_| library::is_enabled())?;
        CreateAs::begin(&wanted)
    }

    fn of_cache(&self, name: &OsStr) -> io::Result<Option<Context>> {
        self.wanted(|| self.caches.join(name), Class::File)
    }

    fn of_directory(&self) -> io::Result<Option<Context>> {
        self.wanted(|| self.caches.clone(), Class::Directory)
    }

    fn wanted(&self, path: impl Fn() -> PathBuf, class: Class) -> io::Result<Option<Context>> {
        let mut rules = self.labels.rules();
        match (&self.base, rules.as_mut()) {
            (Base::Always(context) | Base::Like(context), _) => Ok(Some(context.clone())),
            (Base::Rules, Some(rules)) => rules.look_up(&path(), class).map_err(|error| {
                io::Error::other(format!("its SELinux context cannot be looked up: {error}; repair the file contexts"))
            }),
            (Base::Rules, None) => Ok(None),
        }
    }

    /// For a look only: what cannot be looked up cannot be wrong.
    fn told(&self, wanted: io::Result<Option<Context>>) -> Option<Context> {
        wanted.unwrap_or_else(|error| {
            tracing::debug!("{}: {error}", escaped(&self.caches));
            None
        })
    }

    /// As restorecon sees it: by the type. User and level say who made the file; one type that the administrator chose
    /// for it stays. What cannot be read cannot be judged.
    fn suits(&self, file: BorrowedFd<'_>, wanted: &Context) -> bool {
        match attribute::read(file) {
            Ok(Some(is)) => match self.base {
                Base::Always(_) => is == *wanted,
                Base::Like(_) | Base::Rules => is.has_type_of(wanted) || self.labels.is_customizable(&is),
            },
            Ok(None) => false,
            Err(_) => true,
        }
    }

    fn set(&self, file: BorrowedFd<'_>, wanted: Context) -> io::Result<()> {
        let leave_alone = |why| self.labels.leave_alone(self.device, &self.caches, why);
        match self.labels.write(file, &wanted) {
            // Else it would be set again at each look.
            Ok(()) if !self.suits(file, &wanted) => leave_alone("does not keep the SELinux context that is set"),
            Ok(()) => {}
            Err(error) if error.kind() == io::ErrorKind::Unsupported => leave_alone("keeps no SELinux contexts"),
            Err(error) if error.kind() == io::ErrorKind::PermissionDenied && !rustix::process::geteuid().is_root() => {
                leave_alone("does not let this user set SELinux contexts");
            }
            Err(error) => return Err(io::Error::other(Refused { context: wanted, error })),
        }
        Ok(())
    }
}

impl Labels {
    fn is_customizable(&self, context: &Context) -> bool {
        self.rules().as_ref().is_some_and(|rules| rules.is_customizable(context))
    }
}

fn remedy(error: &io::Error) -> &'static str {
    match error.kind() {
        io::ErrorKind::InvalidInput => {
            "the loaded policy does not have it: load the policy whose file contexts these are, or correct `context`"
        }
        io::ErrorKind::PermissionDenied if library::is_enabled() => {
            "let the policy allow it (see `ausearch -m avc -c pycwarm`), or set context = \"off\" for this tree"
        }
        io::ErrorKind::PermissionDenied => "run pycwarm with CAP_SYS_ADMIN, or remove `file-contexts`",
        _ => "see what the system says about it, or set context = \"off\" for this tree",
    }
}
