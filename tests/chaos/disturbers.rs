//! The processes that change the tree: `disturb.py`, several at once.

use std::fs;
use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::thread::JoinHandle;

use crate::support::process::clean_command;
use crate::support::python::{Interpreter, primary};
use crate::support::wait::wait_until;

const AT_ONCE: u64 = 3;

/// What all of them are told.
pub struct Field<'a> {
    pub tree: &'a Path,
    /// A directory for what they need outside of the tree, and for their logs.
    pub aside: &'a Path,
    pub bait: &'a Path,
    pub pythons: [&'a Interpreter; 2],
    pub releases: &'a [PathBuf],
}

pub struct Disturbers {
    children: Vec<Child>,
    readers: Vec<JoinHandle<()>>,
    done: Arc<AtomicU64>,
}

impl Disturbers {
    /// Starts them; together they do `count` operations.
    pub fn start(field: &Field<'_>, seed: u64, count: u64) -> Self {
        let mut all = Disturbers { children: Vec::new(), readers: Vec::new(), done: Arc::default() };
        for number in 0..AT_ONCE {
            all.add(field, seed.wrapping_mul(AT_ONCE).wrapping_add(number), count / AT_ONCE);
        }
        all
    }

    fn add(&mut self, field: &Field<'_>, seed: u64, count: u64) {
        let python =
            |one: &&Interpreter| serde_json::json!({ "path": one.path, "tag": one.tag, "header": one.header_length() });
        let question = serde_json::json!({
            "seed": seed,
            "count": count,
            "tree": field.tree,
            "outside": field.aside.join(format!("outside-{seed:x}")),
            "bait": field.bait,
            "pythons": field.pythons.iter().map(python).collect::<Vec<_>>(),
            "root": crate::support::skip::is_root(),
            "releases": field.releases,
            "without": std::env::var("PYCWARM_CHAOS_WITHOUT").unwrap_or_default().split(',').collect::<Vec<_>>(),
            "log": field.aside.join(format!("operations-{seed:x}")),
        });
        let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/chaos/disturb.py");
        let mut command = clean_command(&primary().path);
        command.args(["-E", "-s", "-B"]).arg(script).arg(question.to_string()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the interpreter runs");
        let mut output = child.stdout.take().expect("a pipe");
        let done = Arc::clone(&self.done);
        self.readers.push(std::thread::spawn(move || {
            let mut bytes = [0; 64];
            while let Ok(length @ 1..) = output.read(&mut bytes) {
                done.fetch_add(length as u64, Ordering::Relaxed);
            }
        }));
        self.children.push(child);
    }

    /// Waits until so many operations are done, or all.
    pub fn wait_for(&self, count: u64) {
        let ended = || self.readers.iter().all(JoinHandle::is_finished);
        wait_until("operations of the disturbers", || self.done.load(Ordering::Relaxed) >= count || ended());
    }

    /// Waits for their end; how much they did.
    pub fn end(mut self) -> u64 {
        self.wait_for(u64::MAX);
        for child in &mut self.children {
            let status = child.wait().expect("own child");
            assert!(status.success(), "a disturber failed: {status}");
        }
        self.readers.drain(..).for_each(|reader| reader.join().expect("a reader"));
        self.done.load(Ordering::Relaxed)
    }
}

impl Drop for Disturbers {
    fn drop(&mut self) {
        for child in &mut self.children {
            let _ = child.kill();
            let _ = child.wait();
        }
    }
}

/// The operations that named one of these, in the order of their ends, the last ones.
pub fn operations(aside: &Path, about: &[String], most: usize) -> String {
    let mut lines: Vec<String> = Vec::new();
    for entry in fs::read_dir(aside).into_iter().flatten().flatten() {
        if entry.file_name().to_string_lossy().starts_with("operations-") {
            let text = fs::read_to_string(entry.path()).unwrap_or_default();
            lines.extend(text.lines().filter(|line| about.iter().any(|one| line.contains(one))).map(str::to_owned));
        }
    }
    lines.sort();
    lines.split_off(lines.len().saturating_sub(most)).join("\n")
}
