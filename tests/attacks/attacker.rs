//! The hostile program: this test binary once more, as another user, which does the same few steps in a tight loop.

use std::ffi::OsStr;
use std::fs::{self, File};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use rustix::event::{PollFd, PollFlags, Timespec, poll};
use rustix::fs::{AtFlags, CWD, RenameFlags, Timestamps, renameat_with, utimensat};
use serde::{Deserialize, Serialize};

use crate::support::process::Background;
use crate::users::acting;

const PLAN: &str = "PYCWARM_ATTACK";
/// After so many rounds it tells how far it is, and looks whether it is to end.
const ROUNDS: u64 = 64;

/// What is done once in each round; that it fails is nothing to stop for.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub enum Step {
    /// Two names change places, in one step of the kernel.
    Exchange(PathBuf, PathBuf),
    /// Whatever is called so makes room for a link with this target.
    Link { name: PathBuf, target: PathBuf },
    /// Each temporary file of pycwarm in a directory is moved away and gets a link in its place.
    Seize { directory: PathBuf, loot: PathBuf, target: PathBuf },
    /// Files in a directory are read; where one holds the secret, that is written down.
    Spy { directory: PathBuf, secret: String, trace: PathBuf },
    /// Gives a file another time of long ago, now and then.
    Touch(PathBuf),
}

#[derive(Serialize, Deserialize)]
struct Plan {
    steps: Vec<Step>,
    /// Where it counts what it has changed.
    count: PathBuf,
}

/// A running attacker; it ends with this value.
pub struct Attacker {
    count: PathBuf,
    _process: Background,
}

impl Attacker {
    /// As user `uid`; `count` is a file that it may make.
    pub fn start(uid: u32, count: PathBuf, steps: Vec<Step>) -> Self {
        let this = std::env::current_exe().expect("a running program has a path");
        let plan = serde_json::to_string(&Plan { steps, count: count.clone() }).expect("JSON");
        let mut command = acting(uid, this);
        command.args(["--exact", "attacker::act", "--ignored"]).env(PLAN, plan).stdin(Stdio::piped());
        command.stdout(Stdio::null()).stderr(Stdio::inherit());
        Attacker { count, _process: Background::start(&mut command) }
    }

    /// How many names it has changed so far.
    pub fn swaps(&self) -> u64 {
        let told = fs::read(&self.count).unwrap_or_default();
        told.first_chunk().map_or(0, |bytes| u64::from_le_bytes(*bytes))
    }
}

/// No test, but the program of the attacker.
#[test]
#[ignore = "the program of the attacker, which other tests start"]
fn act() {
    let Some(plan) = std::env::var(PLAN).ok() else { return };
    let Plan { steps, count } = serde_json::from_str(&plan).expect("the plan of a test");
    let count = File::create(count).expect("a place to count");
    let mut swaps: u64 = 0;
    for round in 1u64.. {
        for step in &steps {
            swaps += step.take(round).unwrap_or(0);
        }
        if round.is_multiple_of(ROUNDS) {
            count.write_all_at(&swaps.to_le_bytes(), 0).expect("own file");
            if is_over() {
                return;
            }
        }
    }
}

/// The test holds the other end of our standard input.
fn is_over() -> bool {
    let stdin = io::stdin();
    let mut descriptors = [PollFd::new(&stdin, PollFlags::IN)];
    poll(&mut descriptors, Some(&Timespec::default())).map_or(true, |ready| ready > 0)
}

impl Step {
    /// Gives how many names it has changed.
    fn take(&self, round: u64) -> io::Result<u64> {
        match self {
            Step::Exchange(one, other) => renameat_with(CWD, one, CWD, other, RenameFlags::EXCHANGE)?,
            Step::Link { name, target } => {
                let _ = fs::remove_file(name);
                symlink(target, name)?;
            }
            Step::Seize { directory, loot, target } => return seize(directory, loot, target),
            Step::Spy { directory, secret, trace } => {
                return spy(directory, round, secret, trace).map(|()| 0);
            }
            Step::Touch(path) if round % 256 == 1 => {
                let time = rustix::fs::Timespec { tv_sec: 1_500_000_000 + (round / 256).cast_signed(), tv_nsec: 0 };
                let times = Timestamps { last_access: time, last_modification: time };
                utimensat(CWD, path, &times, AtFlags::SYMLINK_NOFOLLOW)?;
                return Ok(0);
            }
            Step::Touch(_) => return Ok(0),
        }
        Ok(1)
    }
}

fn seize(directory: &Path, loot: &Path, target: &Path) -> io::Result<u64> {
    let mut seized = 0;
    for entry in fs::read_dir(directory)?.flatten() {
        let name = entry.file_name();
        if is_temporary(&name) && fs::rename(entry.path(), loot).is_ok() {
            seized += 1 + u64::from(symlink(target, entry.path()).is_ok());
        }
    }
    Ok(seized)
}

fn is_temporary(name: &OsStr) -> bool {
    name.to_str().is_some_and(|name| name.starts_with(".pycwarm-"))
}

fn spy(directory: &Path, round: u64, secret: &str, trace: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)?.flatten() {
        let temporary = is_temporary(&entry.file_name());
        // Those that stay can wait.
        if !temporary && !round.is_multiple_of(ROUNDS) {
            continue;
        }
        let Some(mut file) = open_insistently(&entry.path(), temporary) else { continue };
        let mut content = Vec::new();
        let read = file.read_to_end(&mut content);
        if read.is_ok() && content.windows(secret.len()).any(|window| window == secret.as_bytes()) {
            fs::write(trace, format!("read {:?}", entry.file_name()))?;
        }
    }
    Ok(())
}

/// A file that may get another mode at any moment is tried until it has gone.
fn open_insistently(path: &Path, temporary: bool) -> Option<File> {
    let flags = (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOFOLLOW).bits().cast_signed();
    loop {
        match fs::OpenOptions::new().read(true).custom_flags(flags).open(path) {
            Err(error) if temporary && error.kind() == io::ErrorKind::PermissionDenied => {}
            opened => return opened.ok(),
        }
    }
}
