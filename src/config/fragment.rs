//! One file as it was written: every key optional, values not looked at yet, each with its place in the text.

use serde::Deserialize;
use toml::Spanned;

/// The keys at the top of a file, tables left out. The same names as in `Fragment`.
pub const GLOBAL_KEYS: &[&str] = &[
    "jobs",
    "compile-timeout",
    "worker-memory",
    "rescan-interval",
    "poll-interval",
    "queue-limit",
    "control-group",
    "file-contexts",
];

/// The keys of `[defaults]`, which every `[[tree]]` may have too. The same names as in `PolicyFragment`.
pub const POLICY_KEYS: &[&str] = &[
    "python",
    "optimize",
    "invalidation-mode",
    "owner",
    "mode",
    "context",
    "watch",
    "cross-owners",
    "cross-mounts",
    "exclude",
];

/// The keys that only a `[[tree]]` has. With those of [`POLICY_KEYS`] the same names as in `TreeFragment`.
pub const TREE_KEYS: &[&str] = &["path", "enabled", "readers"];

/// A value with its place.
pub type Entry<T> = Option<Spanned<T>>;
/// A list with its place and that of each item.
pub type ListEntry<T> = Entry<Vec<Spanned<T>>>;

/// A whole file.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub struct Fragment {
    pub jobs: Entry<i64>,
    pub compile_timeout: Entry<i64>,
    pub worker_memory: Entry<i64>,
    pub rescan_interval: Entry<i64>,
    pub poll_interval: Entry<i64>,
    pub queue_limit: Entry<i64>,
    pub control_group: Entry<String>,
    pub file_contexts: Entry<String>,
    #[serde(default)]
    pub defaults: PolicyFragment,
    #[serde(default)]
    pub tree: Vec<Spanned<TreeFragment>>,
}

/// `[defaults]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub struct PolicyFragment {
    pub python: ListEntry<String>,
    pub optimize: ListEntry<i64>,
    pub invalidation_mode: Entry<String>,
    pub owner: Entry<String>,
    pub mode: Entry<String>,
    pub context: Entry<String>,
    pub watch: Entry<String>,
    pub cross_owners: Entry<bool>,
    pub cross_mounts: Entry<bool>,
    pub exclude: ListEntry<String>,
}

/// One `[[tree]]`. The keys of [`PolicyFragment`] are repeated because serde can neither keep the places in a
/// flattened struct nor refuse unknown keys there.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", expecting = "a table")]
pub struct TreeFragment {
    pub path: Entry<String>,
    pub enabled: Entry<bool>,
    pub readers: ListEntry<String>,
    python: ListEntry<String>,
    optimize: ListEntry<i64>,
    invalidation_mode: Entry<String>,
    owner: Entry<String>,
    mode: Entry<String>,
    context: Entry<String>,
    watch: Entry<String>,
    cross_owners: Entry<bool>,
    cross_mounts: Entry<bool>,
    exclude: ListEntry<String>,
}

impl TreeFragment {
    /// Takes out what a tree shares with `[defaults]`.
    pub fn take_policy(&mut self) -> PolicyFragment {
        PolicyFragment {
            python: self.python.take(),
            optimize: self.optimize.take(),
            invalidation_mode: self.invalidation_mode.take(),
            owner: self.owner.take(),
            mode: self.mode.take(),
            context: self.context.take(),
            watch: self.watch.take(),
            cross_owners: self.cross_owners.take(),
            cross_mounts: self.cross_mounts.take(),
            exclude: self.exclude.take(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// serde lists the fields it knows when it refuses one.
    fn expected<T: serde::de::DeserializeOwned + std::fmt::Debug>() -> Vec<String> {
        let error = toml::from_str::<T>("no-such-key = 1").unwrap_err();
        let (_, list) = error.message().split_once("expected one of ").unwrap();
        list.split(", ").map(|name| name.trim_matches('`').to_owned()).collect()
    }

    #[test]
    fn the_lists_of_keys_are_those_of_the_structs() {
        assert_eq!(expected::<Fragment>(), [GLOBAL_KEYS, &["defaults", "tree"]].concat());
        assert_eq!(expected::<PolicyFragment>(), POLICY_KEYS);
        assert_eq!(expected::<TreeFragment>(), [TREE_KEYS, POLICY_KEYS].concat());
    }
}
