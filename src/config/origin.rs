//! Which file and line a value comes from.

use std::fmt;
use std::path::Path;
use std::sync::Arc;

use super::error::ConfigError;
use crate::domain::escaped;
use crate::domain::policy::InvalidValue;

/// Where a value was written.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Origin {
    /// Nowhere: it is built in.
    #[default]
    Default,
    /// A configuration file.
    File {
        /// As it was opened.
        path: Arc<Path>,
        /// The first is 1.
        line: usize,
    },
    /// An option of the command line.
    CommandLine,
}

impl fmt::Display for Origin {
    /// `default`, `FILE:LINE` or `command line`, always one line.
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Default => out.write_str("default"),
            Self::File { path, line } => write!(out, "{}:{line}", escaped(path)),
            Self::CommandLine => out.write_str("command line"),
        }
    }
}

/// A value with its origin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sourced<T> {
    pub value: T,
    pub origin: Origin,
}

impl<T> Sourced<T> {
    /// A value that is built in.
    pub fn default(value: T) -> Self {
        Self { value, origin: Origin::Default }
    }

    /// A value from the command line.
    pub fn command_line(value: T) -> Self {
        Self { value, origin: Origin::CommandLine }
    }
}

impl<T> Sourced<T> {
    /// Turns the value into what `read` makes of it. Errors: what `read` says, with the origin and the name of the key.
    pub fn check<U>(
        &self,
        key: &'static str,
        read: impl FnOnce(&T) -> Result<U, InvalidValue>,
    ) -> Result<Sourced<U>, ConfigError> {
        match read(&self.value) {
            Ok(value) => Ok(Sourced { value, origin: self.origin.clone() }),
            Err(problem) => Err(ConfigError::Value { at: self.origin.clone(), key, problem }),
        }
    }
}

/// A list with its origin; each item has its own, since a list may go over many lines.
pub type List<T> = Sourced<Vec<Sourced<T>>>;

/// Finds the line of an offset in a file's text.
#[derive(Clone, Debug)]
pub struct Lines {
    path: Arc<Path>,
    newlines: Vec<usize>,
}

impl Lines {
    /// `path` is only kept for the origins given out, `text` is only looked at here.
    pub fn new(path: &Path, text: &[u8]) -> Self {
        let newlines = text.iter().enumerate();
        Self {
            path: path.into(),
            newlines: newlines.filter(|(_, byte)| **byte == b'\n').map(|(offset, _)| offset).collect(),
        }
    }

    /// The file that this is about.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// The origin of what stands at `offset` bytes from the start.
    pub fn origin(&self, offset: usize) -> Origin {
        Origin::File {
            path: Arc::clone(&self.path),
            line: 1 + self.newlines.partition_point(|newline| *newline < offset),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_count_from_one() {
        let lines = Lines::new(Path::new("f"), b"ab\n\nc");
        let at = |offset| lines.origin(offset).to_string();
        assert_eq!(at(0), "f:1");
        assert_eq!(at(2), "f:1", "a line's end belongs to it");
        assert_eq!(at(3), "f:2");
        assert_eq!(at(4), "f:3");
        assert_eq!(at(99), "f:3");
    }

    #[test]
    fn an_origin_is_one_line() {
        let lines = Lines::new(Path::new("a\nb\x1b"), b"");
        assert_eq!(lines.origin(0).to_string(), "a\\nb\\x1b:1");
    }
}
