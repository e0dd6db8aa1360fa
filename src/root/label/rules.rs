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
    /// As it was asked for; `None`: those of the host's policy.
    path: Option<PathBuf>,
    /// `None` while nobody needs it: it takes more memory than all else in an idle daemon.
    handle: Option<Handle>,
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
        let handle = Some(Handle::open(path)?);
        let path = path.map(Path::to_owned);
        Ok(Self { path, handle, customizable: customizable_types(&main), canonical: HashMap::new(), files })
    }

    /// Whether they are not what is on the disk any more.
    pub(super) fn are_old(&self) -> bool {
        self.files.0.iter().any(|(path, stat)| plain::stat(path).ok() != *stat)
    }

    /// Gives memory back until somebody asks. Not where the rules on the disk are others: these may be the better ones.
    pub(super) fn rest(&mut self) {
        if !self.are_old()
            && let Some(handle) = self.handle.take()
        {
            handle.close();
        }
    }

    pub(super) fn are_resting(&self) -> bool {
        self.handle.is_none()
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
        let handle = match &self.handle {
            Some(handle) => handle,
            // If they have changed since, that is still seen by `are_old`, and everything looked at again.
            None => self.handle.insert(Handle::open(self.path.as_deref())?),
        };
        let Some(found) = handle.look_up(path, class)? else { return Ok(None) };
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

#[cfg(all(test, feature = "selinux"))]
mod tests {
    use super::*;

    const PATH: &str = "/srv/app/x";

    fn context_of(rules: &mut Rules) -> String {
        rules.look_up(Path::new(PATH), Class::File).unwrap().unwrap().to_string()
    }

    #[test]
    fn rules_that_rest_are_read_again_when_they_are_asked() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file_contexts");
        std::fs::write(&file, "/srv(/.*)?\tu:r:first_t:s0\n").unwrap();
        let mut rules = Rules::open(Some(&file)).unwrap();
        assert_eq!(context_of(&mut rules), "u:r:first_t:s0");
        rules.rest();
        assert!(rules.are_resting() && !rules.are_old());
        assert_eq!(context_of(&mut rules), "u:r:first_t:s0");

        rules.rest();
        std::fs::write(&file, "/srv(/.*)?\tu:r:other_t:s0\n").unwrap();
        assert_eq!(context_of(&mut rules), "u:r:other_t:s0");
        assert!(rules.are_old(), "everything is still to be looked at again");
    }

    #[test]
    fn rules_do_not_rest_where_those_on_the_disk_are_others() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file_contexts");
        std::fs::write(&file, "/srv(/.*)?\tu:r:first_t:s0\n").unwrap();
        let mut rules = Rules::open(Some(&file)).unwrap();
        std::fs::write(&file, "/x y z w\n").unwrap();
        rules.rest();
        assert_eq!(context_of(&mut rules), "u:r:first_t:s0");
    }

    #[test]
    fn without_rules_nothing_is_said() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("file_contexts");
        std::fs::write(&file, "/srv(/.*)?\tu:r:first_t:s0\n").unwrap();
        let mut rules = Rules::open(Some(&file)).unwrap();
        rules.rest();
        std::fs::write(&file, "/x y z w\n").unwrap();
        assert!(rules.look_up(Path::new(PATH), Class::File).is_err());
    }
}
