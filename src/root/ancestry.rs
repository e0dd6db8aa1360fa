//! Who could replace a program: everybody who may write to it or to a directory above it.

use std::io;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// Finds the first component of a canonical absolute path, from `/` down, that somebody other than
/// root (and `also`, if given) could change.
///
/// # Errors
/// Those of `lstat`.
pub fn component_of_others(path: &Path, also: Option<u32>) -> io::Result<Option<PathBuf>> {
    let mut components: Vec<&Path> = path.ancestors().collect();
    components.reverse();
    for component in components {
        let metadata = std::fs::symlink_metadata(component)?;
        let theirs = metadata.uid() != 0 && Some(metadata.uid()) != also;
        let group_writes = metadata.mode() & 0o020 != 0 && metadata.gid() != 0;
        // Not even where the sticky bit keeps them from replacing the program: beside it, a `pyvenv.cfg` of
        // theirs would tell it where its library is.
        let others_write = metadata.mode() & 0o002 != 0;
        if theirs || others_write || group_writes {
            return Ok(Some(component.to_owned()));
        }
    }
    Ok(None)
}

/// Finds the first directory above a program, from `/` down, that other users than its owner cannot enter; or the
/// program itself, if they cannot execute it.
#[must_use]
pub fn closed_to_others(program: &Path) -> Option<PathBuf> {
    let mut components: Vec<&Path> = program.ancestors().collect();
    components.reverse();
    let closed = |path: &&Path| std::fs::metadata(path).is_ok_and(|metadata| metadata.mode() & 0o001 == 0);
    components.into_iter().find(closed).map(Path::to_owned)
}
