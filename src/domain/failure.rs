//! What can go wrong with one source, and what is left alone on purpose.

use std::path::PathBuf;

use super::file_stat::FileKind;
use super::passage::Barrier;

/// Why a source (or an interpreter) has no usable cache.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum FailureKind {
    /// The compiler rejected the source: `SyntaxError` and its children.
    Syntax,
    /// `compile()` raised something else that the source is to blame for.
    Source,
    /// The source is nested deeper, or needs more memory, than the compiler can take.
    TooComplex,
    /// The interpreter died while compiling.
    Crash,
    /// The interpreter did not answer within the time limit.
    Timeout,
    /// The worker answered something that is not an answer.
    Worker,
    /// A source or a directory could not be read.
    Unreadable,
    /// The source was changed each time it was read.
    Changed,
    /// Something that must not be touched stands where a cache should be.
    Refused,
    /// The cache could not be written.
    Write,
    /// The interpreter itself cannot be used.
    Interpreter,
    /// Two interpreters would overwrite each other's caches.
    Conflict,
}

impl FailureKind {
    const ALL: [Self; 12] = [
        Self::Syntax,
        Self::Source,
        Self::TooComplex,
        Self::Crash,
        Self::Timeout,
        Self::Worker,
        Self::Unreadable,
        Self::Changed,
        Self::Refused,
        Self::Write,
        Self::Interpreter,
        Self::Conflict,
    ];

    /// The kind of this name, as [`name`](Self::name) gives it; `None` where there is none.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.name() == name)
    }

    /// The name used in `--json`.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Syntax => "syntax",
            Self::Source => "source",
            Self::TooComplex => "too-complex",
            Self::Crash => "crash",
            Self::Timeout => "timeout",
            Self::Worker => "worker",
            Self::Unreadable => "unreadable",
            Self::Changed => "changed",
            Self::Refused => "refused",
            Self::Write => "write",
            Self::Interpreter => "interpreter",
            Self::Conflict => "conflict",
        }
    }

    /// Whether trying again without a change of the source may help: the cause lies with the host,
    /// not with the file.
    #[must_use]
    pub fn may_pass(self) -> bool {
        matches!(
            self,
            Self::Worker | Self::Unreadable | Self::Changed | Self::Refused | Self::Write | Self::Interpreter
        )
    }

    /// Whether it may be the file's fault or the host's, which killed or stopped the compiler: some more tries tell.
    #[must_use]
    pub fn may_be_chance(self) -> bool {
        matches!(self, Self::Crash | Self::Timeout)
    }
}

/// One source (or interpreter) that failed, for one interpreter.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    /// The source; the directory that could not be read; or the interpreter as it was asked for.
    pub path: PathBuf,
    /// Name of the interpreter, e.g. `python3.11`; empty where no interpreter is concerned.
    pub python: String,
    /// 1-based line in the source, where the compiler named one.
    pub line: Option<u32>,
    pub kind: FailureKind,
    /// One sentence: what happened and, where it helps, what to do. Not escaped.
    pub message: String,
    /// The user who owned what failed when it was looked at: whom it may be told beside the administrator. Of a link,
    /// the owner of the file that was read. `None` where that is not known, and where it concerns the host.
    pub owner: Option<u32>,
}

/// Why something named `*.py` is deliberately not compiled.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// It is not a regular file.
    NotAFile(FileKind),
    DanglingLink,
    LinkLoop,
    /// A link whose target lies outside the tree.
    LinkLeavesTree,
    /// It was gone before it could be read.
    Vanished,
    /// A file named `.py`: no module name, and its cache would be that of `py.py`.
    NoModuleName,
    /// A directory, or a link that leads through one, that is not entered.
    Barred(Barrier),
}

impl std::fmt::Display for SkipReason {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::NotAFile(kind) => write!(f, "is {}", kind.describe()),
            Self::DanglingLink => f.write_str("is a dangling link"),
            Self::LinkLoop => f.write_str("is a loop of links"),
            Self::LinkLeavesTree => f.write_str("is a link that leads out of the tree"),
            Self::Vanished => f.write_str("was gone before it could be read"),
            Self::NoModuleName => f.write_str("has no module name"),
            Self::Barred(barrier) => barrier.fmt(f),
        }
    }
}

/// One entry that was skipped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Skip {
    pub path: PathBuf,
    pub reason: SkipReason,
}
