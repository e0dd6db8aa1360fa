//! Is everything as it must be once the tree is quiet?

use std::collections::BTreeMap;
use std::fs::{self, Metadata};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use crate::disk::{TRAP, describe, entries, is_in_cache_directory, is_source};
use crate::known::{Class, Problem};
use crate::reports;
use crate::support::oracle::Oracle;
use crate::support::python::Interpreter;
use crate::support::skip::is_root;

/// The daemon gives a CPython ten seconds to write a cache. Later rounds see what is left of earlier ones.
const SURELY_LEFT: i64 = 20;
/// Directories that the disturbers make and do not come back to: they only write sources there.
const UNTOUCHED: [&str; 3] = ["burst", "unpacked", "package"];

pub struct Judge<'a> {
    pub tree: &'a Path,
    pub pythons: [&'a Interpreter; 2],
    /// Files that nothing gives away but their code: inode and time in ns.
    pub lies: Vec<(u64, i64)>,
    pub loses_events: bool,
}

impl Judge<'_> {
    /// Everything that is wrong; `log` is what the daemon has said since its start.
    pub fn look(&self, log: &str) -> Vec<Problem> {
        let mut problems = Vec::new();
        let entries = entries(self.tree);
        for python in self.pythons {
            let broken = self.ask(python, &mut problems);
            for (source, line) in &broken {
                let is_taken = problems.iter().any(|one| one.class == Class::BrokenButTaken && one.path == *source);
                let class = if is_taken { Class::BrokenButTaken } else { Class::Wrong };
                let wrong = |text| Problem { class, path: source.clone(), text };
                problems.extend(reports::missing(log, source, *line, &python.label()).map(wrong));
            }
            let sources = entries.iter().filter(|(path, _)| is_source(path));
            for (source, stat) in sources {
                problems.extend(self.attributes(python, source, stat, broken.contains_key(source)));
            }
        }
        for (path, stat) in &entries {
            problems.extend(self.leftover(path, stat, &entries));
        }
        problems
    }

    /// The interpreter's own word on all caches; gives the sources that do not compile, with the line.
    fn ask(&self, python: &Interpreter, problems: &mut Vec<Problem>) -> BTreeMap<PathBuf, u64> {
        let verdict = match (Oracle { moved: true, links: true, ..Oracle::default() }).ask_bravely(python, self.tree) {
            Ok(verdict) => verdict,
            Err(source) => {
                let text = format!("import crashes: {}", source.display());
                problems.push(self.classified(python, source, text));
                return BTreeMap::new();
            }
        };
        let trap = self.tree.join(TRAP);
        for text in verdict.problems {
            let source = quoted(&text);
            if !source.starts_with(&trap) {
                problems.push(self.classified(python, source, text));
            }
        }
        for source in verdict.taken.iter().map(|path| quoted(path)) {
            let (label, cache) = (python.label(), describe(&python.cache(&source)));
            let text = format!(
                "does not compile, and import takes its cache ({label}): {source:?}\n    source: {}\n    cache: {cache}",
                describe(&source)
            );
            problems.push(Problem { class: Class::BrokenButTaken, path: source, text });
        }
        verdict.uncompilable.iter().map(|path| quoted(path)).zip(verdict.lines).collect()
    }

    fn classified(&self, python: &Interpreter, path: PathBuf, text: String) -> Problem {
        let cache = python.cache(&path);
        let class = match (fs::metadata(&path), fs::symlink_metadata(&cache)) {
            (_, Ok(cache)) if self.lies.contains(&identity(&cache)) => Class::ForeignBody,
            (Ok(source), _) if source.nlink() > 1 => Class::HardLink,
            (Ok(source), Ok(cache)) if self.loses_events && text.starts_with("not the code of the source") => {
                let settled = cache.mtime() > source.mtime();
                let changed_after = (source.ctime(), source.ctime_nsec()) >= (cache.ctime(), cache.ctime_nsec());
                if settled && changed_after { Class::StampKeptUnheard } else { Class::Wrong }
            }
            _ if self.loses_events && text.starts_with("import fails") => Class::TornUnheard,
            _ => Class::Wrong,
        };
        let text =
            format!("{text} ({})\n    source: {}\n    cache: {}", python.label(), describe(&path), describe(&cache));
        Problem { class, path, text }
    }

    /// Owner, group and mode of a cache are those of its source.
    fn attributes(&self, python: &Interpreter, source: &Path, link: &Metadata, is_broken: bool) -> Option<Problem> {
        let real = fs::canonicalize(source).ok()?;
        let (stat, cache) = (fs::metadata(&real).ok()?, fs::symlink_metadata(python.cache(source)).ok()?);
        let is_ours = stat.is_file() && real.starts_with(fs::canonicalize(self.tree).ok()?);
        if !is_ours || !cache.is_file() || source.parent()?.ends_with(TRAP) {
            return None;
        }
        let mode = stat.mode() & 0o666 | 0o200;
        let owner = |stat: &Metadata| if is_root() { (stat.uid(), stat.gid()) } else { (0, 0) };
        let is = (cache.mode() & 0o7777, owner(&cache));
        let class = match is_broken {
            true if cache.mode() & 0o666 & !mode == 0 => return None,
            true => Class::BrokenButReadable,
            false if is == (mode, owner(&stat)) => return None,
            false if stat.nlink() > 1 => Class::HardLink,
            false => Class::Wrong,
        };
        let linked = if link.is_symlink() { " (a link)" } else { "" };
        let text = format!(
            "{source:?}{linked}: {}\n    its cache of {}: {}",
            describe(&real),
            python.label(),
            describe(&python.cache(source))
        );
        Some(Problem { class, path: source.to_owned(), text: format!("wrong owner or mode of the cache of {text}") })
    }

    /// Orphans, temporary files, cache directories that do not fit.
    fn leftover(&self, path: &Path, stat: &Metadata, all: &BTreeMap<PathBuf, Metadata>) -> Option<Problem> {
        let name = path.file_name()?.to_str()?;
        let problem = |class, text: &str| {
            Some(Problem { class, path: path.to_owned(), text: format!("{text}: {path:?}: {}", describe(path)) })
        };
        if name.starts_with(".pycwarm-") {
            return problem(Class::Wrong, "a temporary file of pycwarm is left");
        }
        if name == "__pycache__" && stat.is_dir() {
            let parent = fs::metadata(path.parent()?).ok()?;
            let is_right = (stat.uid(), stat.gid()) == (parent.uid(), parent.gid()) || !is_root();
            let fits = stat.mode() & 0o7777 == parent.mode() & 0o2777 | 0o700;
            let untouched = path.components().any(|part| UNTOUCHED.iter().any(|name| part.as_os_str() == *name));
            let class = if untouched { Class::CacheDirectoryMade } else { Class::CacheDirectory };
            return if is_right && fits { None } else { problem(class, "does not fit its parent") };
        }
        if !is_in_cache_directory(path) || !stat.is_file() {
            return None;
        }
        if let Some((_, number)) = name.rsplit_once(".pyc.")
            && number.bytes().all(|byte| byte.is_ascii_digit())
        {
            let is_old = stat.ctime() < crate::now() - SURELY_LEFT;
            return if is_old { problem(Class::CpythonLeftOver, "a temporary file of CPython is left") } else { None };
        }
        let is_of = |python: &&Interpreter| name.strip_suffix(&format!(".{}.pyc", python.tag));
        let stem = self.pythons.iter().find_map(is_of)?;
        let source = path.parent()?.parent()?.join(format!("{stem}.py"));
        // What does not start like a cache is nobody's to remove.
        let is_cache = fs::read(path).is_ok_and(|bytes| bytes.get(2..4) == Some(b"\r\n"));
        if is_cache && !all.contains_key(&source) { problem(Class::Wrong, "an orphan is left") } else { None }
    }
}

pub fn identity(stat: &Metadata) -> (u64, i64) {
    (stat.ino(), stat.mtime() * 1_000_000_000 + stat.mtime_nsec())
}

/// The path at the end of a line of the oracle, as Python's `ascii` writes it. Those of this test are plain.
fn quoted(text: &str) -> PathBuf {
    text.trim_end_matches('\'').rsplit('\'').next().unwrap_or_default().into()
}
