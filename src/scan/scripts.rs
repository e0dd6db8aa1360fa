//! Scripts: executable files that name their interpreter.

use std::collections::BTreeSet;
use std::path::PathBuf;

use crate::domain::FileKind;
use crate::interpreters::shebang;
use crate::root::{Dir, Entry};

/// The Pythons that the executable files among `entries` name in their first lines.
#[must_use]
pub fn pythons(dir: &Dir, entries: &[Entry]) -> BTreeSet<PathBuf> {
    entries
        .iter()
        .filter(|entry| matches!(entry.kind, FileKind::Regular | FileKind::Unknown))
        .filter(|entry| dir.stat_entry(&entry.name).is_ok_and(|stat| stat.mode & 0o111 != 0))
        .filter_map(|entry| dir.read_start(&entry.name, shebang::LINE).ok())
        .filter_map(|(_, start)| shebang::python(&start))
        .collect()
}
