//! How the workers of an interpreter are confined, beside what is always in force.

/// Found out when the interpreter was asked what it is: the closest one in which it starts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Confinement {
    /// A user of its own for each owner of sources.
    pub own_user: bool,
    /// No other files than the interpreter's own.
    pub own_files: bool,
    /// No other system calls than those that compiling needs.
    pub few_calls: bool,
}

impl Confinement {
    /// For a script that finds the interpreter and starts it; it gets no source of anybody.
    pub const SHIM: Self = Self { own_user: false, own_files: false, few_calls: false };
}
