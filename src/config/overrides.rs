//! What the command line says about the settings.

use crate::domain::policy::{InvalidationMode, OptimizationLevel, PythonChoice};

/// Options that win over every file, for `[defaults]` and for every tree. Empty lists and `None` change nothing.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Overrides {
    /// `--python`. Relative paths are allowed.
    pub python: Vec<PythonChoice>,
    /// `--optimize`.
    pub optimize: Vec<OptimizationLevel>,
    /// `--jobs`; 0 means one per core.
    pub jobs: Option<usize>,
    /// `--invalidation-mode`.
    pub invalidation_mode: Option<InvalidationMode>,
}
