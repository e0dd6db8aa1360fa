//! What an administrator can choose for a tree: the values behind the keys of the configuration and the options
//! of the command line. Each is parsed from its written form by `FromStr` and written back by `Display`;
//! nothing here asks the system.

use std::ffi::{OsStr, OsString};
use std::fmt;
use std::path::{Path, PathBuf};
use std::str::FromStr;

/// A written value that cannot be used: what is wrong with it, and what to write instead.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{problem}; {remedy}")]
pub struct InvalidValue {
    problem: String,
    remedy: String,
}

impl InvalidValue {
    /// `problem` says what is wrong, `remedy` what to do; neither ends with a full stop.
    pub fn new(problem: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { problem: problem.into(), remedy: remedy.into() }
    }
}

/// How far the compiler optimizes: 0, 1 (`-O`: no assertions) or 2 (`-OO`: no docstrings either). Each level
/// has its own cache file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct OptimizationLevel(u8);

impl OptimizationLevel {
    /// What the name of a cache file has between the cache tag and `.pyc`.
    pub fn suffix(self) -> &'static str {
        match self.0 {
            0 => "",
            1 => ".opt-1",
            _ => ".opt-2",
        }
    }
}

impl From<OptimizationLevel> for u8 {
    /// 0, 1 or 2, as `compile()` takes it.
    fn from(level: OptimizationLevel) -> Self {
        level.0
    }
}

impl TryFrom<i64> for OptimizationLevel {
    type Error = InvalidValue;

    /// Errors: any number but 0, 1 and 2.
    fn try_from(level: i64) -> Result<Self, InvalidValue> {
        match u8::try_from(level) {
            Ok(level @ 0..=2) => Ok(Self(level)),
            _ => Err(InvalidValue::new(format!("there is no optimization level {level}"), "use 0, 1 or 2")),
        }
    }
}

impl FromStr for OptimizationLevel {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "0" => Ok(Self(0)),
            "1" => Ok(Self(1)),
            "2" => Ok(Self(2)),
            _ => Err(InvalidValue::new(format!("there is no optimization level {text:?}"), "use 0, 1 or 2")),
        }
    }
}

impl fmt::Display for OptimizationLevel {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(out, "{}", self.0)
    }
}

/// How an interpreter finds out that a cache is stale (PEP 552).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum InvalidationMode {
    /// The cache names the modification time and the size of its source.
    #[default]
    Timestamp,
    /// The cache names a hash of its source; the interpreter hashes the source at each import.
    CheckedHash,
    /// The cache names a hash of its source that the interpreter does not look at.
    UncheckedHash,
}

impl FromStr for InvalidationMode {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "timestamp" => Ok(Self::Timestamp),
            "checked-hash" => Ok(Self::CheckedHash),
            "unchecked-hash" => Ok(Self::UncheckedHash),
            _ => Err(InvalidValue::new(
                format!("there is no invalidation mode {text:?}"),
                "use \"timestamp\", \"checked-hash\" or \"unchecked-hash\"",
            )),
        }
    }
}

impl fmt::Display for InvalidationMode {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Timestamp => "timestamp",
            Self::CheckedHash => "checked-hash",
            Self::UncheckedHash => "unchecked-hash",
        })
    }
}

/// Whose a cache file is. Names are looked up by `config::owner`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum OwnerPolicy {
    /// Its source's user and group.
    #[default]
    Source,
    /// Always this user and group.
    Fixed {
        /// User.
        uid: u32,
        /// Group.
        gid: u32,
    },
}

/// The permission bits of a cache file.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub enum ModePolicy {
    /// `source & 0666 | 0200`.
    #[default]
    Source,
    /// Always these bits: some of 0666, 0400 among them.
    Fixed(u32),
}

impl FromStr for ModePolicy {
    type Err = InvalidValue;

    /// `source`, or three octal digits with or without a leading 0.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        const REMEDY: &str = "use \"source\" or octal digits such as \"0644\"";
        if text == "source" {
            return Ok(Self::Source);
        }
        let digits = match text.len() {
            4 => text.strip_prefix('0').unwrap_or(text),
            _ => text,
        };
        if digits.len() != 3 || !digits.bytes().all(|digit| (b'0'..=b'7').contains(&digit)) {
            return Err(InvalidValue::new(format!("{text:?} is no mode"), REMEDY));
        }
        let bits = digits.bytes().fold(0, |bits, digit| bits << 3 | u32::from(digit - b'0'));
        if bits & !0o666 != 0 {
            return Err(InvalidValue::new(format!("{text:?} makes caches executable, which they never need"), REMEDY));
        }
        if bits & 0o400 == 0 {
            return Err(InvalidValue::new(format!("{text:?} keeps the owner from reading its own caches"), REMEDY));
        }
        Ok(Self::Fixed(bits))
    }
}

impl fmt::Display for ModePolicy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Source => out.write_str("source"),
            Self::Fixed(bits) => write!(out, "{bits:04o}"),
        }
    }
}

/// The SELinux context of a cache file.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub enum ContextPolicy {
    /// What the loaded policy says for the final path.
    #[default]
    Policy,
    /// That of the directory.
    Inherit,
    /// Contexts are left alone.
    Off,
    /// Always this one.
    Explicit(String),
}

impl FromStr for ContextPolicy {
    type Err = InvalidValue;

    /// `policy`, `inherit`, `off`, or `user:role:type` with or without a level. Whether the policy knows it is
    /// asked later.
    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "policy" => return Ok(Self::Policy),
            "inherit" => return Ok(Self::Inherit),
            "off" => return Ok(Self::Off),
            _ => {}
        }
        let fields: Vec<&str> = text.split(':').collect();
        let printable = text.bytes().all(|byte| byte.is_ascii_graphic());
        if fields.len() < 3 || fields.iter().any(|field| field.is_empty()) || !printable {
            return Err(InvalidValue::new(
                format!("{text:?} is no SELinux context"),
                "use \"policy\", \"inherit\", \"off\" or a context such as \"system_u:object_r:httpd_cache_t:s0\"",
            ));
        }
        Ok(Self::Explicit(text.to_owned()))
    }
}

impl fmt::Display for ContextPolicy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Policy => "policy",
            Self::Inherit => "inherit",
            Self::Off => "off",
            Self::Explicit(context) => context,
        })
    }
}

/// How the daemon hears of changes in a tree.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum WatchPolicy {
    /// What works here, and costs least.
    #[default]
    Auto,
    /// A watch on each directory.
    Inotify,
    /// One mark on each whole file system.
    Fanotify,
    /// No events: a look at everything, again and again.
    Poll,
}

impl FromStr for WatchPolicy {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        match text {
            "auto" => Ok(Self::Auto),
            "inotify" => Ok(Self::Inotify),
            "fanotify" => Ok(Self::Fanotify),
            "poll" => Ok(Self::Poll),
            _ => Err(InvalidValue::new(
                format!("there is no source of events {text:?}"),
                "use \"auto\", \"inotify\", \"fanotify\" or \"poll\"",
            )),
        }
    }
}

impl fmt::Display for WatchPolicy {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::Auto => "auto",
            Self::Inotify => "inotify",
            Self::Fanotify => "fanotify",
            Self::Poll => "poll",
        })
    }
}

/// An interpreter as it is asked for; what it really is, only probing tells.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PythonChoice {
    /// Found out for each directory.
    #[default]
    Auto,
    /// A path, or a bare name to be looked up on PATH.
    Program(PathBuf),
}

impl PythonChoice {
    /// `auto` or a program; need not be UTF-8. Errors: the empty string, a NUL byte.
    pub fn parse(text: &OsStr) -> Result<Self, InvalidValue> {
        const REMEDY: &str = "use \"auto\", an absolute path or the name of a program";
        let bytes = text.as_encoded_bytes();
        if bytes.is_empty() {
            return Err(InvalidValue::new("an interpreter has no name", REMEDY));
        }
        if bytes.contains(&0) {
            return Err(InvalidValue::new(format!("{text:?} has a NUL byte"), REMEDY));
        }
        Ok(match bytes {
            b"auto" => Self::Auto,
            _ => Self::Program(PathBuf::from(text)),
        })
    }

    /// Whether it depends on the working directory: fine on a command line, meaningless in a file.
    pub fn is_relative_path(&self) -> bool {
        match self {
            Self::Auto => false,
            Self::Program(program) => !program.is_absolute() && program.as_os_str().as_encoded_bytes().contains(&b'/'),
        }
    }

    /// As it was written.
    pub fn to_os_string(&self) -> OsString {
        match self {
            Self::Auto => "auto".into(),
            Self::Program(program) => program.as_os_str().to_owned(),
        }
    }
}

impl FromStr for PythonChoice {
    type Err = InvalidValue;

    fn from_str(text: &str) -> Result<Self, InvalidValue> {
        Self::parse(text.as_ref())
    }
}

impl fmt::Display for PythonChoice {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Auto => out.write_str("auto"),
            Self::Program(program) => Path::display(program).fmt(out),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn levels() {
        let level = |number| OptimizationLevel::try_from(number).map(OptimizationLevel::suffix);
        assert_eq!(level(0), Ok(""));
        assert_eq!(level(1), Ok(".opt-1"));
        assert_eq!(level(2), Ok(".opt-2"));
        for number in [-1, 3, 256, i64::MIN, i64::MAX] {
            assert!(level(number).is_err(), "{number}");
        }
        assert_eq!("2".parse(), OptimizationLevel::try_from(2));
        for text in ["", "3", "-1", "00", " 1", "two"] {
            assert!(text.parse::<OptimizationLevel>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn what_is_written_is_read_back() {
        for text in ["timestamp", "checked-hash", "unchecked-hash"] {
            let mode: InvalidationMode = text.parse().unwrap();
            assert_eq!(mode.to_string(), text);
        }
        for text in ["source", "0644", "0400", "0666"] {
            let mode: ModePolicy = text.parse().unwrap();
            assert_eq!(mode.to_string(), text);
        }
        for text in ["policy", "inherit", "off", "u:r:t", "u:r:t:s0:c1,c2"] {
            let context: ContextPolicy = text.parse().unwrap();
            assert_eq!(context.to_string(), text);
        }
        for text in ["auto", "/usr/bin/python3", "python3.11"] {
            let python: PythonChoice = text.parse().unwrap();
            assert_eq!(python.to_string(), text);
        }
    }

    #[test]
    fn modes() {
        assert_eq!("640".parse(), Ok(ModePolicy::Fixed(0o640)));
        for text in
            ["", "0", "64", "0o644", "00644", "1644", "0648", "+644", "rw-r--r--", "0755", "0200", "0000", "²44"]
        {
            assert!(text.parse::<ModePolicy>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn contexts() {
        for text in ["", "httpd_t", "a:b", "a::c", "a:b:c d", "a:b:c\n", ":::"] {
            assert!(text.parse::<ContextPolicy>().is_err(), "{text:?}");
        }
    }

    #[test]
    fn interpreters() {
        let relative = |text: &str| text.parse::<PythonChoice>().map(|python| python.is_relative_path());
        assert_eq!(relative("venv/bin/python"), Ok(true));
        assert_eq!(relative("./python"), Ok(true));
        assert_eq!(relative("python3"), Ok(false));
        assert_eq!(relative("auto"), Ok(false));
        assert_eq!(relative("/usr/bin/python3"), Ok(false));
        assert!(relative("").is_err());
        assert!(relative("py\0thon").is_err());
    }
}
