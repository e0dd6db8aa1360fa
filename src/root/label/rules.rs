//! Which context a path is to have: the file contexts of a policy, as they are on the disk.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::ffi::OsString;
use std::io;
use std::path::{Path, PathBuf};

use super::Class;
use super::library::{self, Handle};
use crate::domain::{Context, FileStat};
use crate::root::plain;

/// What libselinux reads beside the file contexts themselves.
const BESIDE: [&str; 8] = ["", ".bin", ".homedirs", ".homedirs.bin", ".local", ".local.bin", ".subs", ".subs_dist"];
/// The most that is read of the list of customizable types, in bytes; the largest there are have some hundred.
const LONGEST_LIST: u64 = 1 << 20;

/// The rules, as they were when they were read.
#[derive(Debug)]
pub(super) struct Rules {
    handle: Handle,
    customizable: HashSet<Vec<u8>>,
    /// What the kernel makes of the contexts that the rules name. There are some hundred of them.
    canonical: HashMap<Context, Context>,
    files: Files,
}

/// The files that the rules are in.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Files(Vec<(PathBuf, Option<FileStat>)>);

impl Rules {
    /// Reads them: from this file, with those beside it, or those of the host's policy.
    pub(super) fn open(path: Option<&Path>) -> io::Result<Self> {
        let main = path.map_or_else(library::file_contexts, |path| Ok(path.to_owned()))?;
        // Before they are read: what changes meanwhile is seen as a change afterwards.
        let files = Files::of(&main);
        let handle = Handle::open(path)?;
        Ok(Self { handle, customizable: customizable_types(&main), canonical: HashMap::new(), files })
    }

    /// Whether they are not what is on the disk any more.
    pub(super) fn are_old(&self) -> bool {
        self.files.0.iter().any(|(path, stat)| plain::stat(path).ok() != *stat)
    }

    /// All paths at which a change may make other rules of them: links on the way to them included.
    pub(super) fn places(&self) -> BTreeSet<PathBuf> {
        let paths = self.files.0.iter().map(|(path, _)| path);
        let all = paths.flat_map(|path| {
            let real = path.parent().and_then(|parent| Some(plain::canonical(parent).ok()?.join(path.file_name()?)));
            plain::links_on_the_way(path).into_iter().chain(real).chain([path.clone()])
        });
        all.collect()
    }

    /// The context for a path without links; `None` where there is no rule for it, or `<<none>>`.
    pub(super) fn look_up(&mut self, path: &Path, class: Class) -> io::Result<Option<Context>> {
        let Some(found) = self.handle.look_up(path, class)? else { return Ok(None) };
        Ok(Some(self.canonical(found)))
    }

    /// As the kernel will show it. One that the loaded policy does not have stays as it is: that it cannot be set is
    /// for the one to tell who tries.
    pub(super) fn canonical(&mut self, context: Context) -> Context {
        if !library::is_enabled() {
            return context;
        }
        let make = || library::canonical(&context).unwrap_or_else(|_| context.clone());
        if let Some(known) = self.canonical.get(&context) {
            return known.clone();
        }
        let made = make();
        self.canonical.insert(context, made.clone());
        made
    }

    /// Whether a type is one that administrators give to single files, and that relabelling leaves alone.
    pub(super) fn is_customizable(&self, context: &Context) -> bool {
        context.kind().is_some_and(|kind| self.customizable.contains(kind))
    }
}

impl Files {
    fn of(main: &Path) -> Self {
        let with = |suffix: &&str| {
            let mut path = OsString::from(main);
            path.push(suffix);
            PathBuf::from(path)
        };
        let all = BESIDE.iter().map(with).chain(customizable_types_path(main));
        Self(all.map(|path| (plain::stat(&path).ok(), path)).map(|(stat, path)| (path, stat)).collect())
    }
}

/// In a policy's directory the one is `contexts/files/file_contexts`, the other `contexts/customizable_types`.
fn customizable_types_path(main: &Path) -> Option<PathBuf> {
    Some(main.parent()?.parent()?.join("customizable_types"))
}

/// Where there is no such list, no type is.
fn customizable_types(main: &Path) -> HashSet<Vec<u8>> {
    let path = customizable_types_path(main).and_then(|path| plain::canonical(&path).ok());
    let text = path.and_then(|path| plain::read_start(&path, LONGEST_LIST).ok()).unwrap_or_default();
    let lines = text.split(|byte| *byte == b'\n').map(<[u8]>::trim_ascii);
    lines.filter(|line| !line.is_empty() && !line.starts_with(b"#")).map(<[u8]>::to_vec).collect()
}
