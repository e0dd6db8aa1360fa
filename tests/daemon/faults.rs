//! A disk that is full, over its quota, read-only or broken for a while: work resumes by itself, and nothing is torn.

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::process::Signal;

use crate::sources_below;
use crate::support::apart::{Mount, can_run};
use crate::support::cache::{is_fresh, temporary_files};
use crate::support::daemon::Daemon;
use crate::support::process::{Background, clean_command, must, signal};
use crate::support::python::{Interpreter, primary};
use crate::support::skip::{needs_root, skipped};
use crate::support::tree::Tree;

/// Directories whose `__pycache__` has still to be made: more than the edits give back of anything.
const COLD: usize = 15;

/// A tree on a small file system, warm, and edits of its sources that need no more room: each is a rename.
struct Small {
    python: &'static Interpreter,
    daemon: Daemon,
    place: Tree,
    mount: Mount,
}

impl Small {
    fn new(name: &str, options: &str) -> Option<Self> {
        if !needs_root(name) {
            return None;
        }
        let (python, place) = (primary(), Tree::new());
        let mount = Mount::tmpfs(name, options, &place.path("fs"))?;
        for number in 0..10 {
            let source = place.source(&format!("fs/p{}/m{number}.py", number % 2), format!("N = 'first {number}'\n"));
            // So that the edit gives no room back.
            fs::hard_link(&source, source.with_extension("kept")).expect("own directory");
            place.file(&format!("fs/p{}/m{number}.new", number % 2), format!("N = 'second {number}'\n"));
        }
        for number in 0..COLD {
            place.file(&format!("fs/cold{number}/x.new"), "X = 1\n");
        }
        let daemon = Daemon::over(python, &place.path("fs"));
        Some(Small { python, daemon, place, mount })
    }

    fn edit(&self) {
        for number in 0..10 {
            let path = self.place.path(&format!("fs/p{}/m{number}.new", number % 2));
            fs::rename(&path, path.with_extension("py")).expect("own directory");
        }
        for number in 0..COLD {
            let path = self.place.path(&format!("fs/cold{number}/x.new"));
            fs::rename(&path, path.with_extension("py")).expect("own directory");
        }
    }

    fn wait_told(&self, message: &str) {
        self.daemon.wait_until(message, || self.daemon.told(&["warning", message]) > 0);
    }

    /// The caches that are there are whole, old or new, and no other file is.
    fn assert_whole(&self) {
        self.daemon.wait_until("no temporary file is left", || temporary_files(&self.place.root).is_empty());
        let program = "import glob, marshal, sys
for path in glob.glob(sys.argv[1] + '/**/*.pyc', recursive=True):
    marshal.loads(open(path, 'rb').read()[int(sys.argv[2]):])";
        let header = self.python.header_length().to_string();
        must(clean_command(&self.python.path).args(["-I", "-S", "-c", program]).arg(&self.place.root).arg(header));
    }

    /// The edits, and one more, are all dealt with.
    fn assert_resumes(&self) {
        let sources = sources_below(&self.place.path("fs"));
        assert_eq!(sources.len(), 10 + COLD);
        self.daemon.wait_fresh(self.python, &sources);
        self.daemon.wait_until("it is told", || self.daemon.told(&["is well again"]) > 0);
        let later = self.place.file("fs/later/y.py", "Y = 1\n");
        self.daemon.wait_fresh(self.python, [&later]);
        self.daemon.wait_good(self.python, &self.place.path("fs"));
        self.assert_whole();
    }
}

/// Until not one byte more goes in.
fn fill(path: &Path) {
    let mut file = File::create(path).expect("own directory");
    for size in [4096, 1] {
        while file.write_all(&vec![b'x'; size]).is_ok() {}
    }
}

#[test]
fn a_full_disk() {
    let Some(small) = Small::new("faults::a_full_disk", "size=512k") else { return };
    fill(&small.place.path("fs/filler"));
    small.edit();
    small.wait_told("No space left on device");
    small.assert_whole();
    fs::remove_file(small.place.path("fs/filler")).expect("own file");
    small.assert_resumes();
}

#[test]
fn a_disk_without_inodes() {
    let Some(small) = Small::new("faults::a_disk_without_inodes", "nr_inodes=150") else { return };
    let mut fillers = Vec::new();
    while let Ok(path) = {
        let path = small.place.path(&format!("fs/filler{}", fillers.len()));
        File::create(&path).map(|_| path)
    } {
        fillers.push(path);
    }
    small.edit();
    small.wait_told("No space left on device");
    small.assert_whole();
    for filler in fillers {
        fs::remove_file(filler).expect("own file");
    }
    small.assert_resumes();
}

/// The quota is that of the sources' owner, to whom each cache is given.
#[test]
fn over_the_quota() {
    let options = "size=4m,usrquota_block_hardlimit=200k,usrquota_inode_hardlimit=1000";
    let Some(small) = Small::new("faults::over_the_quota", options) else { return };
    const OWNER: u32 = 12345;
    let filler = small.place.file("fs/filler", "");
    let tree = small.place.path("fs");
    must(clean_command("chown").arg("-R").arg(OWNER.to_string()).arg(&tree));
    let sources = sources_below(&tree);
    small.daemon.wait_fresh(small.python, &sources);
    let mut python = clean_command(&small.python.path);
    let program = "import os, sys
os.setuid(int(sys.argv[2]))
with open(sys.argv[1], 'wb', buffering=0) as file:
    try:
        while True: file.write(b'x' * 4096)
    except OSError as error: assert 'quota' in str(error), error";
    python.args(["-I", "-S", "-c", program]).arg(&filler).arg(OWNER.to_string());
    if !python.status().is_ok_and(|status| status.success()) {
        return skipped("faults::over_the_quota", "the quota is not enforced here");
    }
    small.edit();
    small.wait_told("quota exceeded");
    small.assert_whole();
    fs::write(&filler, "").expect("own file");
    small.assert_resumes();
}

#[test]
fn read_only_for_a_while() {
    let Some(small) = Small::new("faults::read_only_for_a_while", "size=4m") else { return };
    small.daemon.signal(Signal::STOP);
    small.edit();
    small.mount.remount("ro");
    small.daemon.signal(Signal::CONT);
    small.wait_told("Read-only file system");
    let still_there = || {
        sources_below(&small.place.path("fs")).into_iter().filter(|source| small.python.cache(source).exists()).count()
    };
    assert_eq!(still_there(), 10, "the old caches stay");
    small.mount.remount("rw");
    small.assert_resumes();
}

/// The system calls that fail for a while, and what is told then; nothing is told where only a removal fails.
const BROKEN: [(&str, &str); 9] = [
    ("getdents64:error=EIO", "Input/output error"),
    ("newfstatat,statx:error=EIO", "Input/output error"),
    ("pread64:error=EIO", "Input/output error"),
    ("mkdirat:error=EIO", "Input/output error"),
    ("fchown:error=EDQUOT", "uota exceeded"),
    ("fchmod:error=EIO", "Input/output error"),
    ("renameat,renameat2:error=EIO", "Input/output error"),
    ("openat:error=EIO:when=1+3", "Input/output error"),
    ("unlinkat:error=EIO", ""),
];

#[test]
fn a_disk_with_errors() {
    if !can_run(
        "faults::a_disk_with_errors",
        &["strace", "-f", "-o", "/dev/null", "-e", "inject=getpid:error=EIO", "true"],
    ) {
        return;
    }
    let (python, tree) = (primary(), Tree::new());
    let daemon = Daemon::over(python, &tree.root);
    for (round, (broken, message)) in BROKEN.iter().enumerate() {
        let told = || daemon.stderr().matches(message).count();
        let before = told();
        let mut strace = clean_command("strace");
        strace.args(["-f", "-q", "-o", "/dev/null", "-p", &daemon.id().to_string(), "-e", &format!("inject={broken}")]);
        let strace = Background::start(strace.stderr(Stdio::null()));
        daemon.wait_until("strace has got hold of it", || all_traced(daemon.id()));
        for number in 0..5 {
            tree.file(&format!("d{number}/m.py"), format!("N = 'round {round}'\n"));
            tree.file(&format!("new{round}/m{number}.py"), format!("N = 'round {round}'\n"));
        }
        fs::remove_file(tree.file(&format!("d0/gone{round}.py"), "G = 1\n")).expect("own file");
        if !message.is_empty() {
            daemon.wait_until(&format!("it feels {broken}"), || told() > before);
        }
        signal(strace.0.id(), Signal::TERM);
        daemon.wait_until("strace lets go", || !all_traced(daemon.id()));
        let sources = sources_below(&tree.root);
        daemon.wait_fresh(python, &sources);
        daemon.wait_good(python, &tree.root);
        assert!(sources.iter().all(|source| is_fresh(python, source)));
    }
    // What could not be removed while the disk was broken goes with the next look.
    for round in 0..BROKEN.len() {
        tree.file("d0/m.py", format!("N = 'last look {round}'\n"));
    }
    daemon.wait_until("no temporary file is left", || temporary_files(&tree.root).is_empty());
    let orphan = |round| python.cache(&tree.path(&format!("d0/gone{round}.py")));
    daemon.wait_until("no orphan is left", || !(0..BROKEN.len()).any(|round| orphan(round).exists()));
}

fn all_traced(process: u32) -> bool {
    let tasks = fs::read_dir(format!("/proc/{process}/task")).expect("the process runs").flatten();
    let statuses: Vec<PathBuf> = tasks.map(|task| task.path().join("status")).collect();
    statuses.iter().all(|status| {
        let text = fs::read_to_string(status).unwrap_or_default();
        text.lines().any(|line| line.starts_with("TracerPid:") && !line.ends_with("\t0"))
    })
}
