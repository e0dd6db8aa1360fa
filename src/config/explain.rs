//! [`Merged`] as TOML again, each value with its origin behind it.

use std::ffi::OsString;
use std::fmt;

use toml::Value;

use super::layer::PolicyLayer;
use super::merge::Merged;
use super::origin::Sourced;
use crate::domain::escaped;

impl Merged {
    /// The configuration as a TOML file that means the same. Keys that a tree takes from `[defaults]` are not
    /// repeated there.
    pub fn explain(&self) -> impl fmt::Display + '_ {
        Explained(self)
    }
}

struct Explained<'a>(&'a Merged);

impl fmt::Display for Explained<'_> {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        let merged = self.0;
        match merged.files.as_slice() {
            [] => writeln!(out, "# no configuration file")?,
            files => {
                writeln!(out, "# read in this order, the later ones win:")?;
                for file in files {
                    writeln!(out, "#   {}", escaped(file))?;
                }
            }
        }
        line(out, "jobs", &merged.jobs, integer)?;
        line(out, "compile-timeout", &merged.compile_timeout, integer)?;
        line(out, "worker-memory", &merged.worker_memory, integer)?;
        line(out, "rescan-interval", &merged.rescan_interval, integer)?;
        line(out, "poll-interval", &merged.poll_interval, integer)?;
        line(out, "queue-limit", &merged.queue_limit, integer)?;
        line(out, "control-group", &merged.control_group, |name| text(name))?;
        line(out, "file-contexts", &merged.file_contexts, |written| text(written))?;

        writeln!(out, "\n[defaults]")?;
        policy(out, &PolicyLayer::from(merged.defaults.clone()))?;

        for tree in &merged.trees {
            writeln!(out, "\n[[tree]]")?;
            line(out, "path", &tree.path, |path| Value::String(path.to_string_lossy().into_owned()))?;
            optional(out, "enabled", &tree.enabled, |enabled| Value::Boolean(*enabled))?;
            optional(out, "readers", &tree.readers, |items| texts(items))?;
            policy(out, &tree.policy)?;
        }
        Ok(())
    }
}

fn policy(out: &mut fmt::Formatter<'_>, layer: &PolicyLayer) -> fmt::Result {
    optional(out, "python", &layer.python, |items| programs(items))?;
    optional(out, "optimize", &layer.optimize, |items| levels(items))?;
    optional(out, "invalidation-mode", &layer.invalidation_mode, |written| text(written))?;
    optional(out, "owner", &layer.owner, |written| text(written))?;
    optional(out, "mode", &layer.mode, |written| text(written))?;
    optional(out, "context", &layer.context, |written| text(written))?;
    optional(out, "watch", &layer.watch, |written| text(written))?;
    optional(out, "cross-owners", &layer.cross_owners, |crossed| Value::Boolean(*crossed))?;
    optional(out, "cross-mounts", &layer.cross_mounts, |crossed| Value::Boolean(*crossed))?;
    optional(out, "exclude", &layer.exclude, |items| texts(items))
}

fn optional<T>(
    out: &mut fmt::Formatter<'_>,
    key: &str,
    written: &Option<Sourced<T>>,
    value: impl Fn(&T) -> Value,
) -> fmt::Result {
    match written {
        Some(written) => line(out, key, written, value),
        None => Ok(()),
    }
}

fn line<T>(out: &mut fmt::Formatter<'_>, key: &str, written: &Sourced<T>, value: impl Fn(&T) -> Value) -> fmt::Result {
    writeln!(out, "{key} = {}  # {}", value(&written.value), written.origin)
}

fn integer(number: &i64) -> Value {
    Value::Integer(*number)
}

fn text(text: &str) -> Value {
    Value::String(text.to_owned())
}

fn texts(items: &[Sourced<String>]) -> Value {
    items.iter().map(|item| item.value.as_str()).collect::<Vec<_>>().into()
}

fn levels(items: &[Sourced<i64>]) -> Value {
    items.iter().map(|item| item.value).collect::<Vec<_>>().into()
}

/// Only the command line can name a program that is not UTF-8; it is shown as well as can be.
fn programs(items: &[Sourced<OsString>]) -> Value {
    items.iter().map(|item| item.value.to_string_lossy().into_owned()).collect::<Vec<_>>().into()
}
