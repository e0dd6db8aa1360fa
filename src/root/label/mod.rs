//! SELinux contexts: which one a file is to have, which one it has, and how it gets it.
//!
//! In force where the kernel has SELinux, and where the configuration names file contexts (`file-contexts`).
//! Elsewhere there is no [`Wish`], and nobody asks for an attribute.

mod attribute;
mod devices;
mod keeper;
#[cfg_attr(feature = "selinux", path = "selinux.rs")]
#[cfg_attr(not(feature = "selinux"), path = "without_selinux.rs")]
mod library;
mod rules;
mod wish;

use std::collections::BTreeSet;
use std::io;
use std::os::fd::BorrowedFd;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::{Dir, privilege};
use crate::domain::policy::{ContextPolicy, InvalidValue};
use crate::domain::{Context, escaped};
use devices::Devices;
use keeper::Keeper;
use rules::Rules;

pub use wish::Wish;

/// What a rule may depend on beside the path.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Class {
    File,
    Directory,
}

/// The rules cannot be used.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot use file-contexts = {path:?}: {error}; name the file_contexts of a policy, such as \
     /etc/selinux/targeted/contexts/files/file_contexts, or remove the key"
)]
pub struct LabelError {
    path: PathBuf,
    error: io::Error,
}

/// All that is known of contexts. One for the whole process.
#[derive(Debug, Default)]
pub struct Labels {
    /// Whether contexts are looked at and set at all.
    in_force: bool,
    /// Where the rules are; `None`: they are those of the host's policy.
    file_contexts: Option<PathBuf>,
    rules: Mutex<Option<Rules>>,
    devices: Devices,
    keeper: Option<Keeper>,
}

impl Labels {
    /// Reads the rules: those of this file, else those of the host's policy where the kernel has SELinux.
    ///
    /// # Errors
    /// `file_contexts` cannot be read, or has a line that libselinux does not understand: it writes that to standard
    /// error.
    pub fn open(file_contexts: Option<&Path>) -> Result<Self, LabelError> {
        let is_enabled = library::is_enabled();
        if file_contexts.is_none() && !is_enabled {
            tracing::debug!("SELinux is disabled: contexts are left alone");
            return Ok(Self::default());
        }
        let rules = match (Rules::open(file_contexts), file_contexts) {
            (Ok(rules), _) => Some(rules),
            (Err(error), Some(path)) => return Err(LabelError { path: path.to_owned(), error }),
            (Err(error), None) => {
                tracing::warn!(
                    "cannot read the file contexts of the SELinux policy ({error}): contexts that it gives are left \
                     alone until there are some; is a policy package installed?"
                );
                None
            }
        };
        let file_contexts = file_contexts.map(Path::to_owned);
        Ok(Self { in_force: true, file_contexts, rules: Mutex::new(rules), ..Self::default() })
    }

    /// Has a thread keep what it takes to set contexts, if that is more than this process is going to keep. To be
    /// called before it gives that up.
    pub fn keep_privilege(&mut self) {
        if !self.in_force || library::is_enabled() || !privilege::may_administrate() {
            return;
        }
        match Keeper::start() {
            Ok(keeper) => self.keeper = Some(keeper),
            Err(error) => tracing::warn!("cannot start the thread that sets contexts, so that none can be: {error}"),
        }
    }

    /// Where its rules were asked for; `None`: in the policy of the host.
    #[must_use]
    pub fn file_contexts(&self) -> Option<&Path> {
        self.file_contexts.as_deref()
    }

    /// All paths at which a change may make other rules.
    #[must_use]
    pub fn places(&self) -> BTreeSet<PathBuf> {
        self.rules().as_ref().map(Rules::places).unwrap_or_default()
    }

    /// Reads the rules again if they have changed. `true`: there are others now, for everything.
    pub fn reopen_if_changed(&self) -> bool {
        let mut rules = self.rules();
        if !self.in_force || rules.as_ref().is_some_and(|rules| !rules.are_old()) {
            return false;
        }
        match Rules::open(self.file_contexts.as_deref()) {
            Ok(new) => {
                *rules = Some(new);
                self.devices.forget();
                true
            }
            // Somebody may be about to write them; that is heard of, too.
            Err(error) => {
                let meanwhile = match rules.as_ref().is_some_and(Rules::are_resting) {
                    true => "what needs a context waits until they can",
                    false => "the old ones hold",
                };
                tracing::warn!("the SELinux file contexts have changed and cannot be read, {meanwhile}: {error}");
                false
            }
        }
    }

    /// Gives memory back until there is something to look up.
    pub fn rest(&self) {
        if let Some(rules) = self.rules().as_mut() {
            rules.rest();
        }
    }

    /// What contexts are to be in a directory, which is called `path` without links. `None`: any.
    #[must_use]
    pub fn wish(&self, policy: &ContextPolicy, path: PathBuf, directory: &Dir) -> Option<Wish<'_>> {
        if !self.in_force || *policy == ContextPolicy::Off || !self.devices.are_labelled(directory) {
            return None;
        }
        Wish::new(self, policy, path, directory)
    }

    fn write(&self, file: BorrowedFd<'_>, context: &Context) -> io::Result<()> {
        match &self.keeper {
            Some(keeper) => keeper.write(file, context),
            None => attribute::write(file, context),
        }
    }

    /// From now on the files of this device keep the contexts that they have.
    fn leave_alone(&self, device: u64, place: &Path, why: &str) {
        if self.devices.leave_alone(device) {
            tracing::warn!(
                "the file system of {} {why}: files on it keep the SELinux contexts that they have",
                escaped(place)
            );
        }
    }

    fn rules(&self) -> MutexGuard<'_, Option<Rules>> {
        self.rules.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Whether this program can deal with contexts at all.
#[must_use]
pub const fn is_built_in() -> bool {
    library::BUILT_IN
}

/// Asks the loaded policy, where there is one, whether it has a context.
///
/// # Errors
/// It has not.
pub fn check_context(text: &str) -> Result<(), InvalidValue> {
    let Some(context) = Context::new(text.as_bytes()).filter(|_| library::is_enabled()) else { return Ok(()) };
    match library::canonical(&context) {
        Err(error) if error.kind() == io::ErrorKind::InvalidInput => Err(InvalidValue::new(
            format!("the loaded SELinux policy has no context {text:?}"),
            "see `seinfo -t` for its types and `ls -Z` for whole contexts",
        )),
        // It does not answer: whoever sets it will hear.
        _ => Ok(()),
    }
}
