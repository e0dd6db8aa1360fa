//! What can be wrong with a configuration. Each text is `FILE:LINE: what is wrong; what to do`, in one line that drives
//! no terminal, and complete: no error here hides another one behind it.

use std::io;
use std::path::{Path, PathBuf};

use super::origin::Origin;
use crate::domain::escaped;
use crate::domain::path_text::escaped_text;
use crate::domain::policy::InvalidValue;

/// Why there are no settings. One line of text each.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    /// A file or a folder of drop-ins that is there, or was asked for, and cannot be read.
    #[error("{}: cannot read: {cause}; {}", escaped(path), remedy(path, cause))]
    Read {
        /// The file or folder.
        path: PathBuf,
        /// What the system said.
        cause: io::Error,
    },

    /// Nobody writes so much by hand.
    #[error("{}: larger than {limit} bytes; check that it is a configuration file", escaped(path))]
    TooLarge {
        /// The file.
        path: PathBuf,
        /// The most that is read, in bytes.
        limit: u64,
    },

    /// The line is that of the first wrong byte.
    #[error("{at}: not UTF-8; save the file as UTF-8")]
    NotUtf8 {
        /// Where.
        at: Origin,
    },

    /// Not TOML.
    #[error("{at}: {}; correct the TOML", escaped_text(message))]
    Syntax {
        /// Where.
        at: Origin,
        /// What the parser said.
        message: String,
    },

    /// A key or table that has no meaning there.
    #[error("{at}: unknown key {key:?}; {remedy}")]
    UnknownKey {
        /// Where.
        at: Origin,
        /// As it was written.
        key: String,
        /// The key that may have been meant, or those that are allowed.
        remedy: String,
    },

    /// A string instead of a number and the like.
    #[error("{at}: {}: {}; {remedy}", escaped_text(key), escaped_text(message))]
    WrongType {
        /// Where.
        at: Origin,
        /// Whose value it is.
        key: String,
        /// What was found and what was expected.
        message: String,
        /// An example.
        remedy: String,
    },

    /// One file names a tree twice.
    #[error("{at}: the tree {path:?} is in line {first} already; keep one of the two")]
    DuplicateTree {
        /// Where the second one is.
        at: Origin,
        /// The tree.
        path: PathBuf,
        /// The line of the first one.
        first: usize,
    },

    /// A value of the right type that cannot be used.
    #[error("{at}: {key}: {}", escaped_text(&problem.to_string()))]
    Value {
        /// Where.
        at: Origin,
        /// Whose value it is.
        key: &'static str,
        /// Why, and what to write instead.
        problem: InvalidValue,
    },
}

fn remedy(path: &Path, cause: &io::Error) -> &'static str {
    use io::ErrorKind as Kind;
    match cause.kind() {
        Kind::NotFound if path.is_symlink() => "restore what the link points to, or remove the link",
        Kind::NotFound => "check the path given to --config",
        Kind::PermissionDenied => "give this user the right to read it, or run as one who may",
        Kind::IsADirectory => "put a file in its place, or name a file",
        Kind::NotADirectory => "put a folder in its place, or remove it",
        _ => "see what the system says about it, or remove it",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The message of the crate that reads patterns quotes their characters as they are.
    #[test]
    fn what_a_file_says_drives_no_terminal() {
        let error = |text: &str| {
            let mut merged = crate::config::Merged::default();
            let added = merged.add_file(Path::new("f"), text.into());
            added
                .and_then(|()| merged.settings(&crate::config::Overrides::default()).map(drop))
                .unwrap_err()
                .to_string()
        };
        insta::assert_snapshot!(error(r#"defaults.exclude = ["[z-\u001b]"]"#), @r#"f:1: exclude: "[z-\u{1b}]" is no pattern: invalid range; 'z' > '\x1b'; write it as in a .gitignore file"#);
        insta::assert_snapshot!(error(r#""\u001b\u202e" = 1"#), @r#"f:1: unknown key "\u{1b}\u{202e}"; here can be: jobs, compile-timeout, worker-memory, rescan-interval, poll-interval, queue-limit, control-group, file-contexts, defaults, tree"#);
    }

    /// The tests run as root, whom no mode keeps from reading.
    #[test]
    fn a_file_that_this_user_may_not_read() {
        let error = ConfigError::Read {
            path: "/etc/pycwarm/pycwarm.toml".into(),
            cause: io::ErrorKind::PermissionDenied.into(),
        };
        insta::assert_snapshot!(error, @"/etc/pycwarm/pycwarm.toml: cannot read: permission denied; give this user the right to read it, or run as one who may");
    }
}
