//! The configuration of whole machines: what is read, how it is merged, and what is said about mistakes.

mod explained;
mod files;
mod machine;
mod merging;
mod refused_files;
mod refused_values;
mod sample;
mod settings;

use pycwarm::domain::policy::{OptimizationLevel, PythonChoice};

fn level(level: i64) -> OptimizationLevel {
    OptimizationLevel::try_from(level).unwrap()
}

fn program(path: &str) -> PythonChoice {
    PythonChoice::Program(path.into())
}
