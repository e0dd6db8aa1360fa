//! Which paths count: all below a tree's root, and the roots' own paths down from `/`.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

/// A tree appears, vanishes or becomes another directory by a change of a name on the way to it, so the
/// directories above it are watched too; but of what happens in them, only these names count.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Interest {
    roots: Vec<PathBuf>,
    on_the_way: HashSet<PathBuf>,
}

impl Interest {
    /// `roots` are the paths of the trees and, where they are links, what these lead to; `links` those that
    /// are followed on the way.
    #[must_use]
    pub fn new(roots: Vec<PathBuf>, links: &[PathBuf]) -> Self {
        let on_the_way = roots.iter().chain(links).flat_map(|path| path.ancestors().map(Path::to_owned)).collect();
        Self { roots, on_the_way }
    }

    /// Whether a change of this path is to be heard.
    #[must_use]
    pub fn covers(&self, path: &Path) -> bool {
        self.on_the_way.contains(path) || self.roots.iter().any(|root| path.starts_with(root))
    }

    /// Whether a path is that of a root or of a directory above one.
    #[must_use]
    pub fn leads_to_root(&self, path: &Path) -> bool {
        self.on_the_way.contains(path)
    }

    /// The directories above the roots, to be watched for the roots' sake.
    pub fn above(&self) -> impl Iterator<Item = &Path> {
        self.on_the_way.iter().map(PathBuf::as_path).filter(|path| !self.roots.iter().any(|root| root == path))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_leads_to_a_tree_or_lies_in_it_counts() {
        let interest = Interest::new(vec!["/srv/app/current".into()], &["/srv/app/shared/latest".into()]);
        for path in ["/srv", "/srv/app", "/srv/app/current", "/srv/app/current/a/x.py", "/srv/app/shared/latest"] {
            assert!(interest.covers(Path::new(path)), "{path}");
        }
        for path in ["/tmp", "/srv/other", "/srv/app/releases/1/x.py", "/srv/app/currently"] {
            assert!(!interest.covers(Path::new(path)), "{path}");
        }
    }
}
