//! Fragments laid over each other, and the command line over all of them. Values are still as they were written.

use std::path::{Component, Path, PathBuf};

use super::error::ConfigError;
use super::fragment::TreeFragment;
use super::layer::{Policy, PolicyLayer, entry, list};
use super::load;
use super::origin::{Lines, List, Origin, Sourced};
use super::overrides::Overrides;
use super::parse::{self, Parsed};
use crate::domain::policy::InvalidValue;

/// The configuration of a machine before it is validated. The default is that of a machine without any file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Merged {
    /// In the order in which they were merged.
    pub(super) files: Vec<PathBuf>,
    pub(super) jobs: Sourced<i64>,
    pub(super) compile_timeout: Sourced<i64>,
    pub(super) worker_memory: Sourced<i64>,
    pub(super) rescan_interval: Sourced<i64>,
    pub(super) poll_interval: Sourced<i64>,
    pub(super) queue_limit: Sourced<i64>,
    pub(super) control_group: Sourced<String>,
    pub(super) file_contexts: Sourced<String>,
    pub(super) defaults: Policy,
    /// In the order in which they were first named.
    pub(super) trees: Vec<TreeLayer>,
}

/// What the files say about one tree.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TreeLayer {
    /// Absolute, without `.`, `..` or doubled slashes.
    pub path: Sourced<PathBuf>,
    pub enabled: Option<Sourced<bool>>,
    pub readers: Option<List<String>>,
    pub policy: PolicyLayer,
}

impl Default for Merged {
    fn default() -> Self {
        Self {
            files: Vec::new(),
            jobs: Sourced::default(0),
            compile_timeout: Sourced::default(120),
            worker_memory: Sourced::default(1024),
            rescan_interval: Sourced::default(3600),
            poll_interval: Sourced::default(10),
            queue_limit: Sourced::default(65536),
            control_group: Sourced::default(String::new()),
            file_contexts: Sourced::default(String::new()),
            defaults: Policy::default(),
            trees: Vec::new(),
        }
    }
}

impl Merged {
    /// The files that were read, the later ones winning.
    pub fn files(&self) -> &[PathBuf] {
        &self.files
    }

    /// Lays one more file over what is there: its path, for messages, and what is in it.
    ///
    /// Errors: not UTF-8, no TOML, an unknown key, a value of a wrong type, a tree without a usable path, or twice in
    /// this file.
    pub fn add_file(&mut self, path: &Path, content: Vec<u8>) -> Result<(), ConfigError> {
        let text = load::decode(path, content)?;
        self.add(parse::parse(path, &text)?)
    }

    fn add(&mut self, parsed: Parsed) -> Result<(), ConfigError> {
        let Parsed { lines, fragment } = parsed;
        self.files.push(lines.path().to_owned());
        replace(&mut self.jobs, entry(fragment.jobs, &lines));
        replace(&mut self.compile_timeout, entry(fragment.compile_timeout, &lines));
        replace(&mut self.worker_memory, entry(fragment.worker_memory, &lines));
        replace(&mut self.rescan_interval, entry(fragment.rescan_interval, &lines));
        replace(&mut self.poll_interval, entry(fragment.poll_interval, &lines));
        replace(&mut self.queue_limit, entry(fragment.queue_limit, &lines));
        replace(&mut self.control_group, entry(fragment.control_group, &lines));
        replace(&mut self.file_contexts, entry(fragment.file_contexts, &lines));
        self.defaults = PolicyLayer::of(fragment.defaults, &lines).over(&self.defaults);

        let mut here: Vec<Sourced<PathBuf>> = Vec::new();
        for tree in fragment.tree {
            let start = lines.origin(tree.span().start);
            let tree = TreeLayer::of(tree.into_inner(), start, &lines)?;
            refuse_second(&here, &tree.path)?;
            here.push(tree.path.clone());
            self.add_tree(tree);
        }
        Ok(())
    }

    fn add_tree(&mut self, above: TreeLayer) {
        let known = self.trees.iter_mut().find(|tree| tree.path.value == above.path.value);
        match known {
            None => self.trees.push(above),
            Some(tree) => {
                tree.enabled = above.enabled.or(tree.enabled.take());
                tree.readers = above.readers.or(tree.readers.take());
                tree.policy.cover(above.policy);
            }
        }
    }

    /// Lays the command line over everything: over `[defaults]`, and over the trees' own keys.
    #[must_use]
    pub fn overridden(mut self, overrides: &Overrides) -> Self {
        let layer = PolicyLayer::of_command_line(overrides);
        self.defaults = layer.over(&self.defaults);
        for tree in &mut self.trees {
            tree.policy.cover(layer.clone());
        }
        if let Some(jobs) = overrides.jobs {
            // A number that does not fit is too large in any case, and refused as such.
            self.jobs = Sourced::command_line(i64::try_from(jobs).unwrap_or(i64::MAX));
        }
        self
    }
}

impl TreeLayer {
    fn of(mut tree: TreeFragment, start: Origin, lines: &Lines) -> Result<Self, ConfigError> {
        let policy = PolicyLayer::of(tree.take_policy(), lines);
        let path = entry(tree.path, lines).ok_or_else(|| ConfigError::Value {
            at: start,
            key: "path",
            problem: InvalidValue::new(
                "the tree has none",
                "write below [[tree]] which one it is, like `path = \"/var/www/cgi-bin\"`",
            ),
        })?;
        Ok(Self {
            path: path.check("path", |path| tree_path(path))?,
            enabled: entry(tree.enabled, lines),
            readers: list(tree.readers, lines, |reader| reader),
            policy,
        })
    }
}

/// The path in the form by which trees are told apart.
fn tree_path(written: &str) -> Result<PathBuf, InvalidValue> {
    let path = Path::new(written);
    let problem = if written.contains('\0') {
        "has a NUL byte"
    } else if !path.is_absolute() {
        "is not absolute"
    } else if path.components().any(|part| part == Component::ParentDir) {
        "has `..` in it"
    } else {
        return Ok(path.components().collect());
    };
    Err(InvalidValue::new(format!("{written:?} {problem}"), "write the whole path, from / on"))
}

fn refuse_second(here: &[Sourced<PathBuf>], tree: &Sourced<PathBuf>) -> Result<(), ConfigError> {
    let Some(first) = here.iter().find(|first| first.value == tree.value) else {
        return Ok(());
    };
    Err(ConfigError::DuplicateTree {
        at: tree.origin.clone(),
        path: tree.value.clone(),
        first: match &first.origin {
            Origin::File { line, .. } => *line,
            _ => 0,
        },
    })
}

fn replace<T>(slot: &mut Sourced<T>, above: Option<Sourced<T>>) {
    if let Some(above) = above {
        *slot = above;
    }
}
