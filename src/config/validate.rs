//! [`Merged`] and [`Overrides`] -> [`Settings`]: the last stage, after which nothing can be wrong with a value
//! any more.

use std::ops::RangeInclusive;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ignore::gitignore::GitignoreBuilder;

use super::error::ConfigError;
use super::layer::Policy;
use super::merge::{Merged, TreeLayer};
use super::origin::{List, Origin, Sourced};
use super::overrides::Overrides;
use super::owner;
use super::settings::{Settings, TreeDefaults, TreeSettings};
use crate::domain::policy::{ContextPolicy, InvalidValue, OptimizationLevel, PythonChoice};
use crate::root::{label, plain};

/// The most that is taken for a time, in seconds: a year. Longer ones are slips of the pen, and could overflow
/// a deadline.
const YEAR: u32 = 31_536_000;

/// What an interpreter needs to start, in MiB of address space, with some to compile in.
const LEAST_MEMORY: u32 = 256;

impl Merged {
    /// Validates the configuration with the command line laid over it. Looks up users and groups, but no tree.
    ///
    /// Errors: a value that cannot be used. Those of disabled trees are not looked at.
    pub fn settings(&self, overrides: &Overrides) -> Result<Settings, ConfigError> {
        let merged = self.clone().overridden(overrides);
        let jobs = number(&merged.jobs, "jobs", 0..=1024)?;
        let compile_timeout = number(&merged.compile_timeout, "compile-timeout", 1..=YEAR)?;
        let worker_memory = number(&merged.worker_memory, "worker-memory", LEAST_MEMORY..=1 << 20)?;
        let rescan_interval = number(&merged.rescan_interval, "rescan-interval", 0..=YEAR)?;
        let poll_interval = number(&merged.poll_interval, "poll-interval", 1..=YEAR)?;
        let queue_limit = number(&merged.queue_limit, "queue-limit", 1..=1 << 24)?;
        let control_group = merged.control_group.check("control-group", |name| owner::group_if_any(name))?.value;
        let file_contexts = merged.file_contexts.check("file-contexts", |path| file_contexts(path))?.value;
        // The loaded policy knows nothing of the contexts of another host.
        let is_ours = file_contexts.is_none();
        let defaults = policy(&merged.defaults, is_ours)?;
        let trees = merged
            .trees
            .iter()
            .filter(|tree| tree.enabled.as_ref().is_none_or(|enabled| enabled.value))
            .map(|layer| tree(layer, &merged.defaults, is_ours));
        Ok(Settings {
            jobs: match jobs {
                0 => std::thread::available_parallelism().map_or(1, usize::from),
                jobs => jobs as usize,
            },
            compile_timeout: Duration::from_secs(compile_timeout.into()),
            worker_memory: u64::from(worker_memory) << 20,
            rescan_interval: (rescan_interval > 0).then(|| Duration::from_secs(rescan_interval.into())),
            poll_interval: Duration::from_secs(poll_interval.into()),
            queue_limit: queue_limit as usize,
            control_group,
            file_contexts,
            defaults,
            trees: trees.collect::<Result<_, _>>()?,
        })
    }
}

fn tree(layer: &TreeLayer, defaults: &Policy, is_ours: bool) -> Result<TreeSettings, ConfigError> {
    let readers = match &layer.readers {
        Some(readers) => items(readers, "readers", |name| reader(name))?,
        None => Vec::new(),
    };
    let policy = policy(&layer.policy.over(defaults), is_ours)?;
    Ok(policy.into_tree(layer.path.value.clone(), readers))
}

/// `is_ours`: SELinux contexts are those of the loaded policy, which can be asked.
fn policy(written: &Policy, is_ours: bool) -> Result<TreeDefaults, ConfigError> {
    Ok(TreeDefaults {
        python: pythons(&written.python)?,
        optimize: some(&written.optimize, "optimize", "`optimize = [0]`", |level| OptimizationLevel::try_from(*level))?,
        invalidation_mode: written.invalidation_mode.check("invalidation-mode", |text| text.parse())?.value,
        owner: written.owner.check("owner", |text| owner::parse(text))?.value,
        mode: written.mode.check("mode", |text| text.parse())?.value,
        context: written.context.check("context", |text| context(text, is_ours))?.value,
        watch: written.watch.check("watch", |text| text.parse())?.value,
        cross_owners: written.cross_owners.value,
        cross_mounts: written.cross_mounts.value,
        exclude: patterns(&written.exclude)?,
    })
}

fn context(text: &str, is_ours: bool) -> Result<ContextPolicy, InvalidValue> {
    let context = text.parse()?;
    if let (ContextPolicy::Explicit(context), true) = (&context, is_ours) {
        label::check_context(context)?;
    }
    Ok(context)
}

/// Whether it can be understood, who reads it will say. Nothing stands for the loaded policy.
fn file_contexts(written: &str) -> Result<Option<PathBuf>, InvalidValue> {
    if written.is_empty() {
        return Ok(None);
    }
    const REMEDY: &str =
        "name a file such as \"/etc/selinux/targeted/contexts/files/file_contexts\", or remove the key";
    let path = Path::new(written);
    let problem = if !label::is_built_in() {
        return Err(InvalidValue::new(
            "this pycwarm was built without SELinux",
            "remove the key, or install one with it",
        ));
    } else if !path.is_absolute() || written.contains('\0') {
        "is no absolute path".to_owned()
    } else {
        match plain::is_readable_file(path) {
            Ok(true) => return Ok(Some(path.to_owned())),
            Ok(false) => "is no regular file".to_owned(),
            Err(error) => format!("cannot be read: {error}"),
        }
    };
    Err(InvalidValue::new(format!("{written:?} {problem}"), REMEDY))
}

fn pythons(written: &List<std::ffi::OsString>) -> Result<Vec<PythonChoice>, ConfigError> {
    let in_a_file = written.origin != Origin::CommandLine;
    some(written, "python", "`python = [\"auto\"]`", |text| {
        let python = PythonChoice::parse(text)?;
        if in_a_file && python.is_relative_path() {
            return Err(InvalidValue::new(
                format!("{text:?} depends on the working directory"),
                "write the whole path, from / on, or the name of a program on the PATH",
            ));
        }
        Ok(python)
    })
}

/// Patterns are not made unique: gitignore's last match wins, so that a repeated one can matter.
fn patterns(written: &List<String>) -> Result<Vec<String>, ConfigError> {
    written.value.iter().map(|item| Ok(item.check("exclude", |text| pattern(text))?.value)).collect()
}

fn pattern(text: &str) -> Result<String, InvalidValue> {
    const REMEDY: &str = "write it as in a .gitignore file";
    if text.contains(['\n', '\r', '\0']) {
        let problem = format!("{text:?} is more than one line");
        return Err(InvalidValue::new(problem, REMEDY));
    }
    let mut builder = GitignoreBuilder::new("");
    let built = builder.add_line(None, text).and_then(|builder| builder.build());
    match built {
        Ok(matcher) if matcher.is_empty() => {
            Err(InvalidValue::new(format!("{text:?} is blank or a comment"), "remove it, or write a leading # as \\#"))
        }
        Ok(_) => Ok(text.to_owned()),
        Err(error) => Err(InvalidValue::new(format!("{text:?} is no pattern: {}", glob_problem(&error)), REMEDY)),
    }
}

/// The part of the message that does not repeat the pattern.
fn glob_problem(error: &ignore::Error) -> String {
    match error {
        ignore::Error::Glob { err, .. } => err.clone(),
        other => other.to_string(),
    }
}

/// A name that a user could have. Whether there is one, `doctor` says: the server may be installed after us.
fn reader(name: &str) -> Result<String, InvalidValue> {
    if name.is_empty() || name.contains([':', '/', '\0']) || name.contains(char::is_whitespace) {
        return Err(InvalidValue::new(
            format!("{name:?} is no name of a user"),
            "name the user that the server runs as, such as \"apache\" or \"www-data\"",
        ));
    }
    Ok(name.to_owned())
}

/// A number in a range. Errors say which one.
fn number(written: &Sourced<i64>, key: &'static str, range: RangeInclusive<u32>) -> Result<u32, ConfigError> {
    let checked = written.check(key, |number| match u32::try_from(*number) {
        Ok(number) if range.contains(&number) => Ok(number),
        _ => Err(InvalidValue::new(
            format!("{number} is out of range"),
            format!("use {} to {}", range.start(), range.end()),
        )),
    })?;
    Ok(checked.value)
}

/// The items of a list that must not be empty.
fn some<T, U: PartialEq>(
    written: &List<T>,
    key: &'static str,
    remedy: &str,
    read: impl Fn(&T) -> Result<U, InvalidValue>,
) -> Result<Vec<U>, ConfigError> {
    if written.value.is_empty() {
        return Err(ConfigError::Value {
            at: written.origin.clone(),
            key,
            problem: InvalidValue::new("the list is empty", format!("write {remedy}, or remove the key")),
        });
    }
    items(written, key, read)
}

/// The items of a list, each once.
fn items<T, U: PartialEq>(
    written: &List<T>,
    key: &'static str,
    read: impl Fn(&T) -> Result<U, InvalidValue>,
) -> Result<Vec<U>, ConfigError> {
    let mut unique = Vec::new();
    for item in &written.value {
        let value = item.check(key, &read)?.value;
        if !unique.contains(&value) {
            unique.push(value);
        }
    }
    Ok(unique)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn patterns_of_gitignore() {
        for text in ["*.py", "/build/", "!keep.py", "\\#x", "a/**/b", "[ab]?", "ä"] {
            assert_eq!(pattern(text).as_deref(), Ok(text));
        }
        for text in ["", "  ", "# all", "[z-a]", "{a", "a\nb", "a\\"] {
            assert!(pattern(text).is_err(), "{text:?}");
        }
    }

    #[test]
    fn readers_are_names() {
        assert!(reader("www-data").is_ok());
        for name in ["", "a b", "apache:apache", "a\n", "/home"] {
            assert!(reader(name).is_err(), "{name:?}");
        }
    }
}
