//! The keys that `[defaults]` and `[[tree]]` share, as they were written: some of them, or all.

use std::ffi::OsString;

use super::fragment::{Entry, ListEntry, PolicyFragment};
use super::origin::{Lines, List, Sourced};
use super::overrides::Overrides;

/// The keys that some files gave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PolicyLayer {
    /// Not a `String`, since the command line can name a path that is not UTF-8.
    pub python: Option<List<OsString>>,
    pub optimize: Option<List<i64>>,
    pub invalidation_mode: Option<Sourced<String>>,
    pub owner: Option<Sourced<String>>,
    pub mode: Option<Sourced<String>>,
    pub context: Option<Sourced<String>>,
    pub watch: Option<Sourced<String>>,
    pub cross_owners: Option<Sourced<bool>>,
    pub cross_mounts: Option<Sourced<bool>>,
    pub exclude: Option<List<String>>,
}

/// All keys.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Policy {
    pub python: List<OsString>,
    pub optimize: List<i64>,
    pub invalidation_mode: Sourced<String>,
    pub owner: Sourced<String>,
    pub mode: Sourced<String>,
    pub context: Sourced<String>,
    pub watch: Sourced<String>,
    pub cross_owners: Sourced<bool>,
    pub cross_mounts: Sourced<bool>,
    pub exclude: List<String>,
}

impl Default for Policy {
    /// What is built in.
    fn default() -> Self {
        let list = |value| Sourced::default(vec![value]);
        let text = |value: &str| Sourced::default(value.to_owned());
        Self {
            python: list(Sourced::default("auto".into())),
            optimize: Sourced::default(vec![Sourced::default(0)]),
            invalidation_mode: text("timestamp"),
            owner: text("source"),
            mode: text("source"),
            context: text("policy"),
            watch: text("auto"),
            cross_owners: Sourced::default(false),
            cross_mounts: Sourced::default(false),
            exclude: Sourced::default(Vec::new()),
        }
    }
}

impl From<Policy> for PolicyLayer {
    fn from(all: Policy) -> Self {
        Self {
            python: Some(all.python),
            optimize: Some(all.optimize),
            invalidation_mode: Some(all.invalidation_mode),
            owner: Some(all.owner),
            mode: Some(all.mode),
            context: Some(all.context),
            watch: Some(all.watch),
            cross_owners: Some(all.cross_owners),
            cross_mounts: Some(all.cross_mounts),
            exclude: Some(all.exclude),
        }
    }
}

impl PolicyLayer {
    /// What one file gives.
    pub fn of(fragment: PolicyFragment, lines: &Lines) -> Self {
        Self {
            python: list(fragment.python, lines, OsString::from),
            optimize: list(fragment.optimize, lines, |level| level),
            invalidation_mode: entry(fragment.invalidation_mode, lines),
            owner: entry(fragment.owner, lines),
            mode: entry(fragment.mode, lines),
            context: entry(fragment.context, lines),
            watch: entry(fragment.watch, lines),
            cross_owners: entry(fragment.cross_owners, lines),
            cross_mounts: entry(fragment.cross_mounts, lines),
            exclude: list(fragment.exclude, lines, |pattern| pattern),
        }
    }

    /// Lays `above` over this: its keys win, its lists replace.
    pub fn cover(&mut self, above: Self) {
        let below = std::mem::take(self);
        *self = Self {
            python: above.python.or(below.python),
            optimize: above.optimize.or(below.optimize),
            invalidation_mode: above.invalidation_mode.or(below.invalidation_mode),
            owner: above.owner.or(below.owner),
            mode: above.mode.or(below.mode),
            context: above.context.or(below.context),
            watch: above.watch.or(below.watch),
            cross_owners: above.cross_owners.or(below.cross_owners),
            cross_mounts: above.cross_mounts.or(below.cross_mounts),
            exclude: above.exclude.or(below.exclude),
        };
    }

    /// This with the rest from `base`.
    pub fn over(&self, base: &Policy) -> Policy {
        fn pick<T: Clone>(above: &Option<T>, below: &T) -> T {
            above.as_ref().unwrap_or(below).clone()
        }
        Policy {
            python: pick(&self.python, &base.python),
            optimize: pick(&self.optimize, &base.optimize),
            invalidation_mode: pick(&self.invalidation_mode, &base.invalidation_mode),
            owner: pick(&self.owner, &base.owner),
            mode: pick(&self.mode, &base.mode),
            context: pick(&self.context, &base.context),
            watch: pick(&self.watch, &base.watch),
            cross_owners: pick(&self.cross_owners, &base.cross_owners),
            cross_mounts: pick(&self.cross_mounts, &base.cross_mounts),
            exclude: pick(&self.exclude, &base.exclude),
        }
    }

    /// What the command line gives.
    pub fn of_command_line(overrides: &Overrides) -> Self {
        Self {
            python: given(&overrides.python, |python| python.to_os_string()),
            optimize: given(&overrides.optimize, |level| i64::from(u8::from(*level))),
            invalidation_mode: overrides.invalidation_mode.map(|mode| Sourced::command_line(mode.to_string())),
            ..Self::default()
        }
    }
}

/// A value of a file with its origin.
pub fn entry<T>(written: Entry<T>, lines: &Lines) -> Option<Sourced<T>> {
    written.map(|written| Sourced { origin: lines.origin(written.span().start), value: written.into_inner() })
}

/// A list of a file with its origins, its items turned into what is kept of them.
pub fn list<T, U>(written: ListEntry<T>, lines: &Lines, keep: impl Fn(T) -> U) -> Option<List<U>> {
    entry(written, lines).map(|list| Sourced {
        origin: list.origin,
        value: list
            .value
            .into_iter()
            .map(|item| Sourced { origin: lines.origin(item.span().start), value: keep(item.into_inner()) })
            .collect(),
    })
}

fn given<T, U>(options: &[T], keep: impl Fn(&T) -> U) -> Option<List<U>> {
    let items = options.iter().map(|item| Sourced::command_line(keep(item)));
    (!options.is_empty()).then(|| Sourced::command_line(items.collect()))
}
