//! Puts a cache in place: a temporary file beside it, SELinux context, owner, mode and ACL, is the source still the
//! same?, rename.

mod error;

use std::ffi::OsStr;
use std::io;

use crate::domain::permissions::{Actor, cache_owner, cache_rights};
use crate::domain::policy::{InvalidationMode, ModePolicy, OwnerPolicy};
use crate::domain::{FileKind, FileStat, Interpreter, Rights};
use crate::pyc::header::Header;
use crate::pyc::names::CACHE_DIRECTORY;
use crate::pyc::stamp::{Stamp, racy_until};
use crate::root::label::Wish;
use crate::root::{Dir, OpenSource, Replacement, replacement};

pub use error::PublishError;

/// How a cache is to be.
#[derive(Debug, Clone, Copy)]
pub struct Manner<'a> {
    pub owner: &'a OwnerPolicy,
    pub mode: &'a ModePolicy,
    pub context: Option<&'a Wish<'a>>,
    pub actor: Actor,
}

/// What has been put in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Published {
    /// The source was changed in the second in which the cache was made: it has to be looked at again
    /// when this second, counted from the epoch, is over.
    pub racy_until: Option<i64>,
    /// The cache's own time does not show that: it was made after that second, of a source read in it.
    pub looks_settled: bool,
    /// The source was changed before its cache had its name: the cache holds the code of before.
    pub overtaken: bool,
    /// Whether the file system has kept owner, mode and ACL as they were set.
    pub attributes_kept: bool,
    /// Its user and group are not those that it should have, as we may not give files away.
    pub is_ours: bool,
}

/// The header for code that was made of `source`. `source_hash` counts where the mode wants one.
///
/// # Errors
/// [`PublishError::Refused`] where the mode wants a hash and there is none.
pub fn header(
    source: &FileStat,
    interpreter: &Interpreter,
    mode: InvalidationMode,
    source_hash: Option<[u8; 8]>,
) -> Result<Vec<u8>, PublishError> {
    let header = match (interpreter.effective_mode(mode), source_hash) {
        (InvalidationMode::Timestamp, _) => Some(Header::Timestamp(Stamp::of(source))),
        (mode, Some(hash)) => Some(Header::Hash { checked: mode == InvalidationMode::CheckedHash, hash }),
        (_, None) => None,
    };
    header
        .and_then(|header| header.encode(interpreter.magic, interpreter.header_size))
        .ok_or_else(|| PublishError::Refused("has no hash to put into its cache".to_owned()))
}

/// Puts `header` and `code` in place as the cache `name` of a source in `parent`.
///
/// # Errors
/// See [`PublishError`].
pub fn publish(
    parent: &Dir,
    source: &OpenSource,
    name: &OsStr,
    header: &[u8],
    code: &[u8],
    manner: Manner<'_>,
) -> Result<Published, PublishError> {
    let directory =
        parent.open_or_make_cache_directory(manner.actor, manner.context).map_err(|error| obstructed(parent, error))?;
    replace(&directory, source, name, &[header, code], manner)
}

/// Removes temporary files whose writers are dead.
///
/// # Errors
/// The first error; the others are tried all the same.
pub fn remove_abandoned(parent: &Dir, names: &[std::ffi::OsString]) -> io::Result<()> {
    let directory = match parent.open_cache_directory() {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        opened => opened?,
    };
    names.iter().map(|name| replacement::remove_abandoned(&directory, name).map(|_| ())).fold(Ok(()), io::Result::and)
}

/// Removes a temporary file that an interpreter has left. `false`: it is another file by now.
///
/// # Errors
/// Those of opening `__pycache__` and of removing.
pub fn remove_left_over(parent: &Dir, name: &OsStr, seen: &FileStat) -> io::Result<bool> {
    parent.open_cache_directory()?.remove_file(name, seen)
}

/// Removes the cache with this name, if there is one and it is a regular file: says whether there was.
///
/// # Errors
/// Those of opening `__pycache__`, unless it is missing, and of removing.
pub fn remove_cache(parent: &Dir, name: &OsStr) -> io::Result<bool> {
    let removed = parent.open_cache_directory().and_then(|directory| {
        let seen = directory.stat_entry(name)?;
        directory.remove_file(name, &seen)
    });
    match removed {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        removed => removed,
    }
}

/// Gives `__pycache__` the owner, mode, ACL and context that fit its directory. `false`: it is left alone, as it does not
/// look like one.
///
/// # Errors
/// Those of opening it and of changing it.
pub fn mend_cache_directory(parent: &Dir, actor: Actor, context: Option<&Wish<'_>>) -> io::Result<bool> {
    parent.mend_cache_directory(actor, context)
}

/// Removes a cache whose source is gone. `false`: it is another file by now.
///
/// # Errors
/// Those of opening `__pycache__` and of removing.
pub fn remove_orphan(parent: &Dir, source: &OsStr, name: &OsStr, seen: &FileStat) -> io::Result<bool> {
    // The source may have come back since the look.
    match parent.stat_entry(source) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {}
        Ok(_) => return Ok(false),
        Err(error) => return Err(error),
    }
    parent.open_cache_directory()?.remove_file(name, seen)
}

fn replace(
    directory: &Dir,
    source: &OpenSource,
    name: &OsStr,
    parts: &[&[u8]],
    manner: Manner<'_>,
) -> Result<Published, PublishError> {
    let stat = source.stat();
    refuse_what_is_no_file(directory, name)?;
    let file = Replacement::create(directory).map_err(PublishError::at("make a file in __pycache__"))?;
    for part in parts {
        file.write(part).map_err(PublishError::at("write its cache"))?;
    }
    // As long as it is ours: a policy may let only the owner do that.
    if let Some(wish) = manner.context {
        wish.label_cache(&file, name, source).map_err(PublishError::at("label its cache"))?;
    }
    let access = source.access();
    // Until here the file is ours alone. What was read after somebody closed the source, or gave it to somebody else, is
    // not for those who could read it before: not even under a temporary name.
    refuse_what_has_changed(source)?;
    let owner = cache_owner(stat, &access, manner.owner, manner.actor);
    match owner {
        Some((uid, gid)) => give_away(&file, uid, gid)?,
        None => file.try_group(stat.gid),
    }
    let made = file.stat().map_err(PublishError::at("stat its cache"))?;
    let wanted = cache_owner(stat, &access, manner.owner, Actor { may_chown: true, ..manner.actor });
    let rights = cache_rights(stat, &access, manner.mode, (made.uid, made.gid), manner.actor);
    let can_be_set = set_rights(&file, made.mode, &rights)?;
    let kept = file.stat().map_err(PublishError::at("stat its cache"))?;
    let is_as_set = kept.mode == rights.mode && owner.is_none_or(|owner| owner == (kept.uid, kept.gid));
    refuse_what_has_changed(source)?;
    file.put_in_place(name).map_err(PublishError::at("rename its cache into place"))?;
    let overtaken = !source.is_unchanged().unwrap_or(false);
    let second = racy_until(stat);
    Ok(Published {
        overtaken,
        racy_until: Some(second).filter(|second| source.opened().min(made.modified.seconds) <= *second),
        looks_settled: made.modified.seconds > second,
        attributes_kept: is_as_set || can_be_set && keeps_attributes(directory, owner),
        is_ours: owner.is_none() && wanted != Some((made.uid, made.gid)),
    })
}

fn refuse_what_has_changed(source: &OpenSource) -> Result<(), PublishError> {
    match source.is_unchanged().map_err(PublishError::at("look at the source again"))? {
        true => Ok(()),
        false => Err(PublishError::SourceChanged),
    }
}

/// Whether the file system of a directory keeps owner and mode as they are set: asked in its `__pycache__`.
#[must_use]
pub fn keeps_attributes_in(parent: &Dir, actor: Actor) -> bool {
    let owner = parent.stat().ok().filter(|_| actor.may_chown).map(|stat| (stat.uid, stat.gid));
    parent.open_cache_directory().map_or(true, |directory| keeps_attributes(&directory, owner))
}

/// Whether owner and mode are kept as they are set. Asked by a file of ours: one that was given away can be changed
/// by its new owner at any time. Where it cannot be asked, it is taken for granted.
fn keeps_attributes(directory: &Dir, owner: Option<(u32, u32)>) -> bool {
    let ask = || -> io::Result<bool> {
        let file = Replacement::create(directory)?;
        let set = file.set_mode(0o640);
        if set.as_ref().is_err_and(is_not_to_be_had) || file.stat()?.mode != 0o640 {
            return Ok(false);
        }
        let Some((uid, gid)) = owner else { return Ok(true) };
        // The owner cannot be changed by anybody else; the group can, by the new owner.
        Ok(!file.set_owner(uid, gid).as_ref().is_err_and(is_not_to_be_had) && file.stat()?.uid == uid)
    };
    ask().unwrap_or(true)
}

/// Where mode and ACL cannot be set, the file may stay as it was made if that is no wider: `false`.
fn set_rights(file: &Replacement<'_>, made: u32, rights: &Rights) -> Result<bool, PublishError> {
    match file.set_rights(rights) {
        Err(error) if is_not_to_be_had(&error) && made & !rights.mode == 0 => Ok(false),
        result => result.map(|()| true).map_err(PublishError::at("set the mode and the ACL of its cache")),
    }
}

/// A file system or a sandbox may not let even root do that: then the cache stays ours, and its mode lets
/// nobody read it who could not read the source.
fn give_away(file: &Replacement<'_>, uid: u32, gid: u32) -> Result<(), PublishError> {
    match file.set_owner(uid, gid) {
        Err(error) if is_not_to_be_had(&error) => Ok(()),
        result => result.map_err(PublishError::at("give its cache to its owner")),
    }
}

/// No permission, an owner that this user namespace does not know, or a file system without owners.
fn is_not_to_be_had(error: &io::Error) -> bool {
    let kinds = [io::ErrorKind::PermissionDenied, io::ErrorKind::InvalidInput, io::ErrorKind::Unsupported];
    kinds.contains(&error.kind())
}

/// A link and a file are replaced, as import does; all else is left to its owner.
fn refuse_what_is_no_file(directory: &Dir, name: &OsStr) -> Result<(), PublishError> {
    match directory.stat_entry(name) {
        Ok(stat) if matches!(stat.kind, FileKind::Regular | FileKind::Symlink) => Ok(()),
        Ok(stat) => {
            Err(PublishError::Refused(format!("cannot be cached: its cache is {}; remove it", stat.kind.describe())))
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(PublishError::at("look at its cache")(error)),
    }
}

fn obstructed(parent: &Dir, error: io::Error) -> PublishError {
    match parent.stat_entry(OsStr::new(CACHE_DIRECTORY)) {
        Ok(stat) if stat.kind != FileKind::Directory => PublishError::Refused(format!(
            "cannot be cached: __pycache__ beside it is {}, which is never followed or replaced; remove it",
            stat.kind.describe()
        )),
        _ => PublishError::at("open or make __pycache__")(error),
    }
}
