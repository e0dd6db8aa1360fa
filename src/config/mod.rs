//! Where the settings come from. Each stage is a type of its own, and data goes through them in one direction:
//!
//! 1. `load` finds the files: vendor's, administrator's, drop-ins; or the one of `--config`.
//! 2. `parse` makes a `fragment` of each: TOML with every key optional, unknown ones refused.
//! 3. `merge` lays the fragments over each other: [`Merged`], where every value knows its `origin`, still as it
//!    was written.
//! 4. `validate` turns that, and the [`Overrides`] of the command line, into [`Settings`]: every value is of
//!    its own type, and users and groups are numbers (`owner`).
//!
//! `explain` writes the third stage as TOML again. Whatever is wrong becomes a [`ConfigError`] that names file
//! and line and says what to do. Nothing here is remembered between calls: a reload is the same way, walked
//! again.

mod error;
mod explain;
mod fragment;
mod layer;
mod load;
mod merge;
mod origin;
mod overrides;
mod owner;
mod parse;
mod settings;
mod validate;

use std::path::Path;

pub use error::ConfigError;
pub use fragment::{GLOBAL_KEYS, POLICY_KEYS, TREE_KEYS};
pub use merge::Merged;
pub use origin::Origin;
pub use overrides::Overrides;
pub use settings::{Settings, TreeDefaults, TreeSettings};

/// Reads and merges the configuration.
///
/// `root` is the directory that stands for `/`. With `explicit` only that file is read, wherever it is, and it
/// has to exist; otherwise every file may be absent, and without any the result is the defaults, with no tree.
///
/// Errors: a file that is there but cannot be read, is no TOML, has an unknown key, a value of a wrong type, a
/// tree without an absolute path or the same tree twice.
pub fn load(root: &Path, explicit: Option<&Path>) -> Result<Merged, ConfigError> {
    let mut merged = Merged::default();
    for path in load::files(root, explicit)? {
        merged.add_file(&path, load::read(&path)?)?;
    }
    Ok(merged)
}
