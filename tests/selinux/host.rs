//! A tree at a path that the policy knows, the policy's rules, and the attributes of files.

use std::collections::BTreeSet;
use std::fs;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, PoisonError};

use rustix::fs::{XattrFlags, lgetxattr, lremovexattr, lsetxattr};
use rustix::io::Errno;
use tempfile::TempDir;

use crate::support::daemon::Daemon;
use crate::support::python::{Interpreter, primary};
use crate::support::run::{Report, json, pycwarm_with};
use crate::support::skip::{needs_root, skipped};
use crate::support::tree::{hour_ago, set_mode, set_mtime};

/// What Debian's policy gives to /var/www/cgi-bin and all below it.
pub const SCRIPT: &str = "system_u:object_r:httpd_sys_script_exec_t:s0";
/// And to /var/www.
pub const CONTENT: &str = "system_u:object_r:httpd_sys_content_t:s0";
pub const CGI_BIN: &str = "/var/www/cgi-bin";

const INSTALLED: &str = "/etc/selinux/default/contexts/files/file_contexts";
const ATTRIBUTE: &str = "security.selinux";

pub struct Host {
    /// The tree.
    pub root: PathBuf,
    /// A copy of the policy's rules, which a test may change.
    pub rules: PathBuf,
    directory: TempDir,
    _tree: TempDir,
}

impl Host {
    /// With a tree in /var/www/cgi-bin. `None`, and told, where this machine does not allow for the test.
    pub fn new(name: &str) -> Option<Self> {
        Host::below(name, Path::new(CGI_BIN))
    }

    /// With a tree in this directory, which is made if it is not there.
    pub fn below(name: &str, parent: &Path) -> Option<Self> {
        if !needs_root(name) {
            return None;
        }
        let (Ok(rules), directory) = (fs::read(INSTALLED), tempfile::tempdir().expect("a temporary directory")) else {
            skipped(name, &format!("{INSTALLED} is not here (package selinux-policy-default)"));
            return None;
        };
        let tree = tree_in(parent);
        let host = Host {
            root: tree.path().to_owned(),
            rules: directory.path().join("contexts/files/file_contexts"),
            directory,
            _tree: tree,
        };
        fs::create_dir_all(host.rules.parent().expect("has one")).expect("own directory");
        fs::write(&host.rules, rules).expect("own directory");
        let types = Path::new(INSTALLED).ancestors().nth(2).expect("has one").join("customizable_types");
        fs::copy(types, host.directory.path().join("contexts/customizable_types")).expect("the policy has them");
        let probe = host.source("probe", "");
        if let Err(error) = lsetxattr(&probe, ATTRIBUTE, b"u:r:t:s0\0", XattrFlags::empty()) {
            skipped(name, &format!("cannot set {ATTRIBUTE} in {}: {error}", host.root.display()));
            return None;
        }
        fs::remove_file(probe).expect("own file");
        Some(host)
    }

    /// Writes a source of an hour ago, and the directories above it.
    pub fn source(&self, relative: impl AsRef<Path>, content: &str) -> PathBuf {
        let path = self.root.join(relative);
        fs::create_dir_all(path.parent().expect("has a parent")).expect("own directory");
        fs::write(&path, content).expect("own directory");
        set_mtime(&path, hour_ago());
        path
    }

    /// Writes a rule as `semanage fcontext -a` does.
    pub fn add_local_rule(&self, line: &str) {
        let local = PathBuf::from(format!("{}.local", self.rules.display()));
        let new = self.directory.path().join("new");
        let before = fs::read_to_string(&local).unwrap_or_default();
        fs::write(&new, format!("{before}{line}\n")).expect("own directory");
        fs::rename(new, local).expect("own directory");
    }

    pub fn python(&self) -> &'static Interpreter {
        primary()
    }

    pub fn cache(&self, source: &Path) -> PathBuf {
        self.python().cache(source)
    }

    pub fn directory_of(&self, source: &Path) -> PathBuf {
        self.cache(source).parent().expect("has one").to_owned()
    }

    /// A configuration with the rules, more at the top, and keys of [defaults].
    pub fn config(&self, defaults: &str) -> PathBuf {
        self.config_with(&format!("file-contexts = {:?}", self.rules), defaults)
    }

    pub fn config_with(&self, top: &str, defaults: &str) -> PathBuf {
        let config = self.directory.path().join("pycwarm.toml");
        let python = &self.python().path;
        let text = format!("{top}\n[defaults]\npython = [{python:?}]\n{defaults}\n[[tree]]\npath = {:?}\n", self.root);
        fs::write(&config, text).expect("own directory");
        config
    }

    pub fn warm(&self, defaults: &str) -> Report {
        json(&mut pycwarm_with("warm", &self.config(defaults)))
    }

    pub fn check(&self, defaults: &str) -> Report {
        json(&mut pycwarm_with("check", &self.config(defaults)))
    }

    pub fn daemon(&self, defaults: &str) -> Daemon {
        Daemon::configured(&self.config(defaults))
    }

    /// A place for files of the test that are in no tree.
    pub fn scratch(&self) -> &Path {
        self.directory.path()
    }
}

impl Drop for Host {
    /// What these tests have made above the tree goes again, as soon as it is empty.
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.root);
        let mut made = made_above();
        for directory in self.root.ancestors().skip(1) {
            if made.contains(directory) && fs::remove_dir(directory).is_ok() {
                made.remove(directory);
            }
        }
    }
}

/// The directories above trees that these tests have made.
fn made_above() -> MutexGuard<'static, BTreeSet<PathBuf>> {
    static MADE: Mutex<BTreeSet<PathBuf>> = Mutex::new(BTreeSet::new());
    MADE.lock().unwrap_or_else(PoisonError::into_inner)
}

fn tree_in(parent: &Path) -> TempDir {
    // Held, as another test may be about to remove them.
    let mut made = made_above();
    let mut above: Vec<&Path> = parent.ancestors().collect();
    above.reverse();
    for directory in above {
        if !directory.exists() {
            fs::create_dir(directory).unwrap_or_else(|error| panic!("{directory:?}: {error}"));
            made.insert(directory.to_owned());
        }
    }
    let tree = tempfile::Builder::new().prefix("pycwarm-test-").tempdir_in(parent).expect("root may make directories");
    set_mode(tree.path(), 0o755);
    tree
}

/// The context of a file, without the NUL at its end. `None`: it has none.
pub fn context(path: &Path) -> Option<String> {
    let mut buffer = vec![0; 4096];
    match lgetxattr(path, ATTRIBUTE, &mut buffer[..]) {
        Ok(length) => {
            let bytes = &buffer[..length];
            let text = bytes.strip_suffix(b"\0").unwrap_or_else(|| panic!("no NUL at the end: {bytes:?}"));
            Some(String::from_utf8(text.to_vec()).expect("contexts are ASCII"))
        }
        Err(Errno::NODATA) => None,
        Err(error) => panic!("{}: {error}", path.as_os_str().as_bytes().escape_ascii()),
    }
}

/// As `chcon`.
pub fn set_context(path: &Path, context: &str) {
    let set = lsetxattr(path, ATTRIBUTE, format!("{context}\0").as_bytes(), XattrFlags::empty());
    set.unwrap_or_else(|error| panic!("{path:?}: {error}"));
}

pub fn remove_context(path: &Path) {
    lremovexattr(path, ATTRIBUTE).unwrap_or_else(|error| panic!("{path:?}: {error}"));
}

#[track_caller]
pub fn assert_context(path: &Path, expected: &str) {
    assert_eq!(context(path).as_deref(), Some(expected), "{path:?}");
}
