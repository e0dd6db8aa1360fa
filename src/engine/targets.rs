//! Which interpreters and levels a directory is compiled for.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, PoisonError};

use super::registry::{Answer, ChosenBy, Registry};
use super::tree::Tree;
use crate::domain::policy::PythonChoice;
use crate::domain::{Failure, FailureKind, FileKind, Interpreter, Target, escaped};
use crate::interpreters::{Choice, find, pyvenv};
use crate::report::Sink;
use crate::scan::{Form, Place, scripts, walk};

/// The targets of one directory.
#[derive(Debug, Default)]
pub(super) struct Targets {
    pub(super) list: Vec<Target>,
    pub(super) caches: HashMap<String, Form>,
}

/// Answers for one pass: each choice is worked out once, each problem told once.
pub(super) struct Selector<'a> {
    registry: &'a Registry,
    tree: &'a Tree,
    sink: &'a dyn Sink,
    stop: &'a AtomicBool,
    known: Mutex<HashMap<Choice, Arc<Targets>>>,
    told: Mutex<HashSet<(PathBuf, String)>>,
}

impl<'a> Selector<'a> {
    pub(super) fn new(registry: &'a Registry, tree: &'a Tree, sink: &'a dyn Sink, stop: &'a AtomicBool) -> Self {
        Self { registry, tree, sink, stop, known: Mutex::default(), told: Mutex::default() }
    }

    /// The targets of a directory of which `choice` is known.
    pub(super) fn targets(&self, choice: &Choice) -> Arc<Targets> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(targets) = known.get(choice) {
            return Arc::clone(targets);
        }
        let targets = Arc::new(self.work_out(choice));
        known.insert(choice.clone(), Arc::clone(&targets));
        targets
    }

    fn work_out(&self, choice: &Choice) -> Targets {
        let mut interpreters: Vec<Arc<Interpreter>> = Vec::new();
        for python in &self.tree.settings.python {
            match python {
                PythonChoice::Program(program) => {
                    let answer = self.registry.resolve(program, ChosenBy::Administrator);
                    self.add(&mut interpreters, program, answer);
                }
                PythonChoice::Auto => self.add_auto(&mut interpreters, choice),
            }
        }
        let levels = &self.tree.settings.optimize;
        let list: Vec<Target> = interpreters
            .iter()
            .flat_map(|interpreter| {
                levels.iter().map(|level| Target { interpreter: Arc::clone(interpreter), level: *level })
            })
            .collect();
        let form = |interpreter: &Arc<Interpreter>| {
            let form = Form { header_size: interpreter.header_size, layout: interpreter.code_layout };
            (interpreter.cache_tag.clone(), form)
        };
        Targets { list, caches: interpreters.iter().map(form).collect() }
    }

    fn add_auto(&self, interpreters: &mut Vec<Arc<Interpreter>>, choice: &Choice) {
        let by = ChosenBy::Tree(self.tree.root.canonical());
        if !choice.is_open() {
            let mut refused = None;
            for candidate in find::places(choice, self.registry.path()) {
                if !self.registry.is_program(&candidate) {
                    continue;
                }
                match self.registry.resolve(&candidate, by) {
                    Ok(interpreter) => return self.add(interpreters, &candidate, Ok(interpreter)),
                    Err(why) => refused = refused.or(Some((candidate, why))),
                }
            }
            let (program, why) =
                refused.unwrap_or_else(|| (name_of(choice), "is not installed; its sources are left alone".into()));
            return self.add(interpreters, &program, Err(why));
        }
        let before = interpreters.len();
        for program in self.scripts() {
            match self.registry.resolve(&program, by) {
                Ok(interpreter) => self.add(interpreters, &program, Ok(interpreter)),
                Err(why) if self.tell_once(&program, &why) => {
                    tracing::warn!(
                        "{}, which a script in {} names, {why}",
                        escaped(&program),
                        escaped(self.tree.path())
                    );
                }
                Err(_) => {}
            }
        }
        if interpreters.len() == before {
            let program = Path::new("python3");
            self.add(interpreters, program, self.registry.resolve(program, by));
        }
    }

    /// Adds an interpreter unless its caches are another's already.
    fn add(&self, interpreters: &mut Vec<Arc<Interpreter>>, program: &Path, answer: Answer) {
        let interpreter = match answer {
            Ok(interpreter) => interpreter,
            Err(why) => return self.fail(program, FailureKind::Interpreter, &why),
        };
        match interpreters.iter().find(|other| other.cache_tag == interpreter.cache_tag) {
            None => interpreters.push(interpreter),
            Some(other) if other.shares_caches_with(&interpreter) => {}
            Some(other) => {
                let why = format!(
                    "and {} would overwrite each other's caches: both have the tag {}, but magic numbers {} and {}; only the latter's are kept",
                    escaped(&other.executable),
                    interpreter.cache_tag,
                    interpreter.magic_number(),
                    other.magic_number(),
                );
                self.fail(program, FailureKind::Conflict, &why);
            }
        }
    }

    fn fail(&self, program: &Path, kind: FailureKind, why: &str) {
        if self.tell_once(program, why) {
            let python = program.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
            let (path, message) = (program.to_owned(), why.to_owned());
            self.sink.failure(&Failure { path, python, line: None, kind, message, owner: None });
        }
    }

    fn tell_once(&self, program: &Path, why: &str) -> bool {
        self.told.lock().unwrap_or_else(PoisonError::into_inner).insert((program.to_owned(), why.to_owned()))
    }

    /// The Pythons that the tree's scripts name, outside of virtual environments and `lib/pythonX.Y`.
    fn scripts(&self) -> BTreeSet<PathBuf> {
        if let Some(found) = self.tree.scripts() {
            return found;
        }
        let found = Mutex::new(BTreeSet::new());
        let start = Place { dir: Arc::clone(self.tree.root.dir()), relative: PathBuf::new() };
        let visit = |place: &Place, (): &()| {
            let Ok(entries) = place.dir.entries() else { return Vec::new() };
            let path = self.tree.root.path_of(&place.relative);
            let has_pyvenv = entries.iter().any(|entry| entry.name == pyvenv::FILE);
            if has_pyvenv || !Choice::default().enter(&path, None).is_open() {
                return Vec::new();
            }
            found.lock().unwrap_or_else(PoisonError::into_inner).append(&mut scripts::pythons(&place.dir, &entries));
            let directories = entries.into_iter().filter(|entry| entry.kind == FileKind::Directory);
            directories
                .filter(|entry| !self.tree.excludes(&place.relative, &entry.name, true))
                .map(|entry| (entry.name, ()))
                .collect()
        };
        // What cannot be read is told when the directory itself is looked at.
        walk(start, self.tree.root.passage(), (), 1, self.stop, visit, |_, _| {});
        let found = found.into_inner().unwrap_or_else(PoisonError::into_inner);
        self.tree.set_scripts(found.clone());
        found
    }
}

/// What the missing interpreter is called.
fn name_of(choice: &Choice) -> PathBuf {
    let version = choice.version.as_ref().map(|version| version.program.clone());
    let venv = choice.venv.as_ref().and_then(|venv| venv.version.as_ref()).map(|version| format!("python{version}"));
    PathBuf::from(version.or(venv).unwrap_or_else(|| "python3".to_owned()))
}
