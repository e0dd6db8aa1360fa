//! Which files are read, and in which order: the later ones win.
#![allow(clippy::disallowed_methods, reason = "the configuration is the administrator's own and lies in no tree")]

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::fs::{self, File};
use std::io::{self, ErrorKind, Read};
use std::path::{Path, PathBuf};

use super::error::ConfigError;
use super::origin::Lines;

/// Below the root directory, lowest precedence first.
const MAIN_FILES: [&str; 2] = ["usr/lib/pycwarm/pycwarm.toml", "etc/pycwarm/pycwarm.toml"];

/// Below the root directory, lowest precedence first.
const DROP_IN_FOLDERS: [&str; 3] =
    ["usr/lib/pycwarm/pycwarm.toml.d", "run/pycwarm/pycwarm.toml.d", "etc/pycwarm/pycwarm.toml.d"];

/// The most that is read of one file, in bytes.
const LIMIT: u64 = 1 << 20;

/// The files that are there, in the order in which they are merged; with `explicit` that one, there or not.
///
/// Errors: a folder of drop-ins that is there but cannot be listed.
pub fn files(root: &Path, explicit: Option<&Path>) -> Result<Vec<PathBuf>, ConfigError> {
    if let Some(path) = explicit {
        return Ok(vec![path.to_owned()]);
    }
    let mut files = Vec::new();
    for file in MAIN_FILES {
        let path = root.join(file);
        match path.symlink_metadata() {
            Err(cause) if cause.kind() == ErrorKind::NotFound => {}
            // Whatever else is wrong with it, reading it will tell.
            _ => files.push(path),
        }
    }
    // By name over all folders. A name in a later folder takes the place of the earlier one: that is how an
    // empty file or a link to /dev/null masks a drop-in.
    let mut drop_ins = BTreeMap::new();
    for folder in DROP_IN_FOLDERS {
        let folder = root.join(folder);
        let names = list(&folder).map_err(|cause| ConfigError::Read { path: folder.clone(), cause })?;
        drop_ins.extend(names.into_iter().map(|name| {
            let path = folder.join(&name);
            (name, path)
        }));
    }
    files.extend(drop_ins.into_values());
    Ok(files)
}

/// The names of drop-ins in a folder; none if there is no such folder. Hidden files are an editor's business.
fn list(folder: &Path) -> io::Result<Vec<OsString>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == ErrorKind::NotFound && !folder.is_symlink() => {
            return Ok(Vec::new());
        }
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        let name = entry?.file_name();
        let bytes = name.as_encoded_bytes();
        if bytes.ends_with(b".toml") && !bytes.starts_with(b".") {
            names.push(name);
        }
    }
    Ok(names)
}

/// What is in a file, which may be a pipe.
///
/// Errors: it cannot be read, is a directory or too large.
pub fn read(path: &Path) -> Result<Vec<u8>, ConfigError> {
    let mut bytes = Vec::new();
    File::open(path)
        .and_then(|file| file.take(LIMIT + 1).read_to_end(&mut bytes))
        .map_err(|cause| ConfigError::Read { path: path.to_owned(), cause })?;
    if bytes.len() as u64 > LIMIT {
        return Err(ConfigError::TooLarge { path: path.to_owned(), limit: LIMIT });
    }
    Ok(bytes)
}

/// The text of a file that was read.
///
/// Errors: it is not UTF-8.
pub fn decode(path: &Path, content: Vec<u8>) -> Result<String, ConfigError> {
    String::from_utf8(content).map_err(|error| ConfigError::NotUtf8 {
        at: Lines::new(path, error.as_bytes()).origin(error.utf8_error().valid_up_to()),
    })
}
