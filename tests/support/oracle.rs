//! The interpreter itself as the judge of its caches: `oracle.py`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::Deserialize;

use super::process::{clean_command, must};
use super::python::Interpreter;
use super::run::Report;
use super::script;

#[derive(Debug, Deserialize)]
pub struct Verdict {
    pub sources: u64,
    /// Caches that import takes and that hold the code of the source.
    pub accepted: u64,
    /// Sources that the interpreter cannot compile, as Python's `ascii` writes them.
    pub uncompilable: Vec<String>,
    /// For each of them the line of the error; 0 where none is told.
    pub lines: Vec<u64>,
    /// Those of them whose caches import takes all the same.
    pub taken: Vec<String>,
    /// Sources for which the interpreter refuses its own caches too.
    pub refuses_own: u64,
    pub problems: Vec<String>,
}

/// How to ask; `Oracle::default()` asks at level 0 and does not look at failures.
#[derive(Default)]
pub struct Oracle<'a> {
    pub level: u8,
    /// Its failures must be exactly the sources that do not compile.
    pub report: Option<&'a Report>,
    /// Import may refuse what it would refuse of its own making (3.6 and times before 1970).
    pub own: bool,
    /// The tree, or a part of it, was somewhere else when the caches were made.
    pub moved: bool,
    /// Look at links to sources of the tree as well.
    pub links: bool,
}

impl Oracle<'_> {
    pub fn ask(&self, python: &Interpreter, tree: &Path) -> Verdict {
        let scratch = tempfile::tempdir().expect("a temporary directory");
        let report = self.report.map(|report| {
            let path = scratch.path().join("report.json");
            fs::write(&path, &report.raw).expect("a temporary file");
            path
        });
        let output = must(&mut self.command(python, tree, report.as_deref(), false));
        serde_json::from_slice(&output.stdout).expect("oracle.py prints JSON")
    }

    /// The same without a report, where a cache may be so bad that the interpreter crashes: then the source it was at.
    pub fn ask_bravely(&self, python: &Interpreter, tree: &Path) -> Result<Verdict, PathBuf> {
        let output = self.command(python, tree, None, true).output().expect("the interpreter runs");
        let told = String::from_utf8_lossy(&output.stderr);
        if output.status.code().is_none() {
            return Err(told.lines().last().unwrap_or_default().into());
        }
        assert!(output.status.success(), "oracle.py: {}\n{told}", output.status);
        Ok(serde_json::from_slice(&output.stdout).expect("oracle.py prints JSON"))
    }

    fn command(&self, python: &Interpreter, tree: &Path, report: Option<&Path>, aloud: bool) -> Command {
        let Oracle { own, moved, links, .. } = self;
        let question = serde_json::json!({
            "tree": tree, "report": report, "own": own, "moved": moved, "links": links, "aloud": aloud,
        });
        let mut command = clean_command(&python.path);
        command.args(["-E", "-s", "-B"]);
        match self.level {
            0 => {}
            1 => drop(command.arg("-O")),
            _ => drop(command.arg("-OO")),
        }
        command.arg(script("oracle.py")).arg(question.to_string());
        command
    }
}

impl Verdict {
    /// Every source that compiles has a cache that is taken, and there is at least one.
    #[track_caller]
    pub fn assert_good(&self, python: &Interpreter) -> &Self {
        let told: Vec<&String> = self.problems.iter().take(20).collect();
        let name = python.path.display();
        assert!(self.problems.is_empty(), "{name}: {} problems, the first: {told:#?}", self.problems.len());
        assert!(self.accepted > 0, "{name}: nothing was there to be judged");
        assert_eq!(self.sources, self.accepted + self.refuses_own + self.uncompilable.len() as u64, "{name}: {self:?}");
        self
    }
}

/// Every source of the tree has a good cache at level 0.
#[track_caller]
pub fn assert_all_good(python: &Interpreter, tree: &Path) {
    Oracle::default().ask(python, tree).assert_good(python);
}
