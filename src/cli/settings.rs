//! From the command line and the configuration files to settings.

use std::path::{Path, PathBuf};

use super::args::Common;
use crate::config::{self, ConfigError, Merged, Overrides, Settings, TreeSettings};
use crate::domain::escaped;
use crate::domain::policy::{ContextPolicy, PythonChoice};
use crate::root::label;

/// Reads the configuration; the options win over it.
pub(super) fn load(common: &Common) -> Result<Settings, ConfigError> {
    let settings = merged(common)?.settings(&overrides(common))?;
    for tree in &settings.trees {
        let asked_for = !matches!(tree.context, ContextPolicy::Policy | ContextPolicy::Off);
        if asked_for && !label::is_built_in() {
            let path = escaped(&tree.path);
            tracing::warn!(
                "{path}: context = \"{}\" is not in force: this pycwarm was built without SELinux",
                tree.context
            );
        }
    }
    Ok(settings)
}

/// The configuration with the options in it, each value with its origin.
pub(super) fn merged(common: &Common) -> Result<Merged, ConfigError> {
    config::load(Path::new("/"), common.config.as_deref())
}

/// What the options say.
pub(super) fn overrides(common: &Common) -> Overrides {
    Overrides {
        python: common.python.iter().map(absolute_program).collect(),
        optimize: common.optimize.clone(),
        jobs: common.jobs,
        invalidation_mode: common.invalidation_mode,
    }
}

/// The trees to deal with: those of the paths, or without any the configured ones.
pub(super) fn trees(settings: &Settings, paths: &[PathBuf]) -> Vec<TreeSettings> {
    if paths.is_empty() {
        return settings.trees.clone();
    }
    let mut trees: Vec<TreeSettings> = Vec::new();
    for mut tree in settings.for_paths(paths) {
        tree.path = absolute(&tree.path);
        if !trees.iter().any(|other| other.path == tree.path) {
            trees.push(tree);
        }
    }
    trees
}

/// Workers have another working directory.
fn absolute_program(python: &PythonChoice) -> PythonChoice {
    match python {
        PythonChoice::Program(program) if python.is_relative_path() => PythonChoice::Program(absolute(program)),
        other => other.clone(),
    }
}

/// Links are left as they are: a tree is called as its user calls it. `.` and, where no link stands
/// before it, `..` are taken out.
pub(super) fn absolute(path: &Path) -> PathBuf {
    let absolute = std::path::absolute(path).unwrap_or_else(|_| path.to_owned());
    if absolute.components().any(|component| component == std::path::Component::ParentDir) {
        return crate::root::plain::canonical(&absolute).unwrap_or(absolute);
    }
    absolute
}
