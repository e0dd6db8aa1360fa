//! Which paths count: all below a tree's root, the roots' own paths down from `/`, the interpreters' too.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// A tree appears, vanishes or becomes another directory by a change of a name on the way to it, so the
/// directories above it are watched too; but of what happens in them, only these names count. The same
/// goes for the programs of interpreters, and for the files with the rules for SELinux contexts.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interest {
    trees: Vec<TreePath>,
    on_the_way: HashSet<PathBuf>,
    programs: HashSet<PathBuf>,
    labels: HashSet<PathBuf>,
    cookies: Option<PathBuf>,
}

/// What a tree is called.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TreePath {
    /// As it is configured.
    pub path: PathBuf,
    /// Without links; `None` while it is not there.
    pub canonical: Option<PathBuf>,
}

impl Interest {
    /// `links` are followed on the way to the trees.
    #[must_use]
    pub fn new(trees: Vec<TreePath>, links: &[PathBuf]) -> Self {
        let roots = trees.iter().flat_map(|tree| std::iter::once(&tree.path).chain(&tree.canonical));
        let on_the_way = roots.chain(links).flat_map(|path| path.ancestors().map(Path::to_owned)).collect();
        Self { trees, on_the_way, ..Self::default() }
    }

    /// With all paths at which a change may make another interpreter of one.
    #[must_use]
    pub fn with_programs(self, programs: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { programs: with_ancestors(programs), ..self }
    }

    /// With all files in which a change may give other SELinux contexts.
    #[must_use]
    pub fn with_labels(self, files: impl IntoIterator<Item = PathBuf>) -> Self {
        Self { labels: with_ancestors(files), ..self }
    }

    /// With the directory in which cookies are made, without links.
    #[must_use]
    pub fn with_cookies(self, directory: Option<&Path>) -> Self {
        Self { cookies: directory.map(Path::to_owned), ..self }
    }

    /// Whether a change of this path is to be heard.
    #[must_use]
    pub fn covers(&self, path: &Path) -> bool {
        [&self.on_the_way, &self.programs, &self.labels].iter().any(|paths| paths.contains(path))
            || self.trees.iter().any(|tree| tree.holds(path))
    }

    /// The number of a cookie, if that is what a path names.
    #[must_use]
    pub fn cookie(&self, path: &Path) -> Option<u64> {
        if self.cookies.is_none() || path.parent() != self.cookies.as_deref() {
            return None;
        }
        path.file_name()?.to_str()?.parse().ok()
    }

    /// Whether a directory, called by its path without links, is that of the cookies.
    #[must_use]
    pub fn is_for_cookies(&self, directory: &Path) -> bool {
        self.cookies.as_deref() == Some(directory)
    }

    /// Whether a path is that of a root or of a directory above one.
    #[must_use]
    pub fn leads_to_root(&self, path: &Path) -> bool {
        self.on_the_way.contains(path)
    }

    /// Whether a path is that of an interpreter, or of something on the way to one.
    #[must_use]
    pub fn leads_to_program(&self, path: &Path) -> bool {
        self.programs.contains(path)
    }

    /// Whether a path is that of a file with rules for SELinux contexts, or of something on the way to one.
    #[must_use]
    pub fn leads_to_labels(&self, path: &Path) -> bool {
        self.labels.contains(path)
    }

    /// The directories above the roots and the programs, to be watched for their sake.
    pub fn above(&self) -> impl Iterator<Item = &Path> {
        let is_root = |path: &Path| self.trees.iter().any(|tree| tree.is(path));
        let parents = self.programs.iter().chain(&self.labels).filter_map(|path| path.parent());
        self.on_the_way.iter().map(PathBuf::as_path).chain(parents).filter(move |path| !is_root(path))
    }

    /// All that a directory, given by its path without links, is called in the trees it is in.
    pub fn names_in_trees(&self, canonical: &Path) -> impl Iterator<Item = PathBuf> {
        self.trees.iter().filter_map(move |tree| {
            let below = canonical.strip_prefix(tree.canonical.as_ref()?).ok()?;
            Some(if below.as_os_str().is_empty() { tree.path.clone() } else { tree.path.join(below) })
        })
    }
}

fn with_ancestors(paths: impl IntoIterator<Item = PathBuf>) -> HashSet<PathBuf> {
    paths.into_iter().flat_map(|path| path.ancestors().map(Path::to_owned).collect::<Vec<_>>()).collect()
}

impl TreePath {
    fn is(&self, path: &Path) -> bool {
        self.path == path || self.canonical.as_deref() == Some(path)
    }

    fn holds(&self, path: &Path) -> bool {
        path.starts_with(&self.path) || self.canonical.as_ref().is_some_and(|canonical| path.starts_with(canonical))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn interest() -> Interest {
        let tree = TreePath { path: "/srv/app/current".into(), canonical: Some("/srv/app/releases/7".into()) };
        Interest::new(vec![tree], &["/srv/app/shared/latest".into()])
            .with_programs(["/usr/bin/python3".into()])
            .with_cookies(Some(Path::new("/run/cookies")))
    }

    #[test]
    fn only_what_leads_to_a_tree_or_lies_in_it_counts() {
        let interest = interest();
        for path in [
            "/srv",
            "/srv/app",
            "/srv/app/current",
            "/srv/app/current/a/x.py",
            "/srv/app/shared/latest",
            "/srv/app/releases/7/x.py",
            "/usr/bin/python3",
        ] {
            assert!(interest.covers(Path::new(path)), "{path}");
        }
        for path in ["/tmp", "/srv/other", "/srv/app/releases/1/x.py", "/srv/app/currently", "/usr/bin/perl"] {
            assert!(!interest.covers(Path::new(path)), "{path}");
        }
        assert!(interest.above().any(|path| path == Path::new("/usr/bin")));
        assert!(!interest.above().any(|path| path == Path::new("/srv/app/current")));
    }

    #[test]
    fn a_directory_is_called_by_its_tree() {
        let names = |path: &str| interest().names_in_trees(Path::new(path)).collect::<Vec<_>>();
        assert_eq!(names("/srv/app/releases/7/a"), [Path::new("/srv/app/current/a")]);
        assert_eq!(names("/srv/app/releases/7"), [Path::new("/srv/app/current")]);
        assert!(names("/srv/app/releases/71").is_empty());
    }

    #[test]
    fn cookies_are_numbers_in_their_directory() {
        let cookie = |path: &str| interest().cookie(Path::new(path));
        assert_eq!(cookie("/run/cookies/12"), Some(12));
        assert_eq!(cookie("/run/cookies/x"), None);
        assert_eq!(cookie("/run/12"), None);
        assert_eq!(Interest::default().cookie(Path::new("12")), None);
    }
}
