//! A full disk and a read-only file system.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};

use crate::support::cache::temporary_files;
use crate::support::oracle::assert_all_good;
use crate::support::process::clean_command;
use crate::support::python::primary;
use crate::support::run::{check, json, pycwarm, warm};
use crate::support::skip::skipped;
use crate::support::tree::Tree;

/// A mounted directory, unmounted with the test.
struct Mount(PathBuf);

impl Mount {
    /// `None`, and told, where mounting is not allowed.
    fn new(name: &str, arguments: &[&str], at: &Path) -> Option<Self> {
        let output = clean_command("mount").args(arguments).arg(at).output();
        match output {
            Ok(output) if output.status.success() => Some(Mount(at.to_owned())),
            Ok(output) => {
                skipped(name, &format!("cannot mount: {}", String::from_utf8_lossy(&output.stderr).trim()));
                None
            }
            Err(error) => {
                skipped(name, &format!("cannot mount: {error}"));
                None
            }
        }
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = clean_command("umount").arg("-l").arg(&self.0).status();
    }
}

#[test]
fn full_disk() {
    let (python, tree) = (primary(), Tree::new());
    let full = tree.path("full");
    fs::create_dir(&full).expect("own directory");
    let Some(_mount) =
        Mount::new("file_systems::full_disk", &["-t", "tmpfs", "-o", "size=512k,mode=755", "none"], &full)
    else {
        return;
    };
    for number in 0..5 {
        tree.source(&format!("full/m{number}.py"), format!("N = {number}\n"));
    }
    let old = tree.source("full/old.py", "OLD = 'before'\n");
    warm(python, &old).assert_compiled(1);
    let before = fs::read(python.cache(&old)).expect("a cache");
    tree.source("full/old.py", "OLD = 'after it'\n");
    fill(&tree.path("full/filler"));

    let beside = Tree::new();
    let good = beside.good();
    let report = json(pycwarm("warm").arg("--python").arg(&python.path).args([&full, &beside.root]));
    assert_eq!((report.counts.compiled, report.counts.failed), (1, 6), "{}", report.raw);
    assert!(report.counts.failures.iter().all(|failure| failure.kind == "write"), "{}", report.raw);
    assert_all_good(python, &good);
    assert_eq!(temporary_files(&full), Vec::<PathBuf>::new());
    assert_eq!(
        fs::read(python.cache(&old)).expect("a cache"),
        before,
        "the old cache stays whole until it is replaced"
    );

    fs::remove_file(tree.path("full/filler")).expect("own file");
    warm(python, &full).assert_compiled(6);
    assert_all_good(python, &full);
}

/// Until not one byte more goes in.
fn fill(path: &Path) {
    let mut file = File::create(path).expect("own directory");
    for size in [4096, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
}

#[test]
fn read_only_file_system() {
    let (python, tree) = (primary(), Tree::new());
    let name = "file_systems::read_only_file_system";
    let warm_one = tree.source("fs/warm/w.py", "W = 1\n");
    warm(python, &tree.path("fs")).assert_compiled(1);
    let cold = tree.source("fs/cold/c.py", "C = 1\n");
    let edited = tree.source("fs/warm/e.py", "E = 1\n");
    let at = tree.path("fs");
    let text = at.to_str().expect("UTF-8").to_owned();
    let Some(_mount) = Mount::new(name, &["--bind", &text], &at) else { return };
    let Some(_read_only) = Mount::new(name, &["-o", "remount,bind,ro"], &at) else { return };
    assert!(fs::write(at.join("probe"), "").is_err(), "the mount is read-only");

    let beside = Tree::new();
    beside.good();
    let report = json(pycwarm("warm").arg("--python").arg(&python.path).args([&at, &beside.root]));
    assert_eq!((report.counts.compiled, report.counts.fresh, report.counts.failed), (1, 1, 2), "{}", report.raw);
    assert_eq!((report.failure_of(&cold).kind.as_str(), report.failure_of(&edited).kind.as_str()), ("write", "write"));
    assert_all_good(python, &warm_one);
    assert_all_good(python, &beside.root);
}

/// A read-only root that was warmed before: there is nothing to do and nothing to complain of.
#[test]
fn read_only_file_system_that_is_warm() {
    let (python, tree) = (primary(), Tree::new());
    let name = "file_systems::read_only_file_system_that_is_warm";
    tree.good();
    warm(python, &tree.root).assert_compiled(1);
    let text = tree.root.to_str().expect("UTF-8").to_owned();
    let Some(_mount) = Mount::new(name, &["--bind", &text], &tree.root) else { return };
    let Some(_read_only) = Mount::new(name, &["-o", "remount,bind,ro"], &tree.root) else { return };
    warm(python, &tree.root).assert_nothing_done();
    check(python, &tree.root).assert_nothing_done();
}
