//! Programs that were asked what they are, so that each is asked once.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;

use crate::compile::{ProbeError, Probed, probe};
use crate::domain::path_text::escaped_text;
use crate::domain::permissions::Actor;
use crate::domain::{Confinement, Interpreter, escaped};
use crate::interpreters::{find, shebang};
use crate::jail::{Held, Warden};
use crate::root::{ancestry, plain};

/// An interpreter, or in words why it cannot be used.
pub type Answer = Result<Arc<Interpreter>, Arc<str>>;

/// Who chose a program.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChosenBy<'a> {
    /// The configuration or the command line.
    Administrator,
    /// What lies in the tree with this root.
    Tree(&'a Path),
}

#[derive(Debug)]
pub struct Registry {
    handle: Handle,
    actor: Actor,
    path: Vec<PathBuf>,
    known: Mutex<HashMap<PathBuf, Answer>>,
    /// All paths at which a program was looked for: what changes there may be another interpreter.
    places: Mutex<BTreeSet<PathBuf>>,
    warden: Arc<Warden>,
    /// What holds of the jail of each interpreter's workers.
    jails: Mutex<BTreeMap<PathBuf, Held>>,
}

impl Registry {
    /// Takes the PATH of this process.
    pub(super) fn new(handle: Handle, actor: Actor, warden: Arc<Warden>) -> Self {
        let path = std::env::var_os("PATH").map(|path| std::env::split_paths(&path).collect::<Vec<_>>());
        let path = path.unwrap_or_else(|| vec!["/usr/local/bin".into(), "/usr/bin".into(), "/bin".into()]);
        // An empty or relative entry would be a program in whatever directory this was started in.
        let path = path.into_iter().filter(|directory| directory.is_absolute()).collect();
        Self { handle, actor, path, known: Mutex::default(), places: Mutex::default(), warden, jails: Mutex::default() }
    }

    /// The service's PATH.
    pub(super) fn path(&self) -> &[PathBuf] {
        &self.path
    }

    /// Whether there is a program at a path.
    pub(super) fn is_program(&self, path: &Path) -> bool {
        self.note(path);
        plain::is_program(path)
    }

    /// All paths at which a program was looked for, those of links on the way to it among them.
    pub(super) fn places(&self) -> BTreeSet<PathBuf> {
        self.places.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// What holds of the jail of each interpreter's workers.
    pub(super) fn jails(&self) -> BTreeMap<PathBuf, Held> {
        self.jails.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn note(&self, path: &Path) {
        let mut places = self.places.lock().unwrap_or_else(PoisonError::into_inner);
        if path.is_absolute() && places.insert(path.to_owned()) {
            places.extend(plain::links_on_the_way(path));
        }
    }

    /// Asks a program, given by its path or its name on PATH, what it is. Not to be called on a thread of
    /// the asynchronous runtime.
    pub fn resolve(&self, program: &Path, by: ChosenBy<'_>) -> Answer {
        let found = self.find(program, by)?;
        // The lock is held while it is asked: several threads meet a new interpreter at the same time.
        let mut known = self.known();
        if let Some(answer) = known.get(&found) {
            return answer.clone();
        }
        let answer = self.ask(&found, by);
        // An error too: the daemon has all forgotten before it tries again.
        known.insert(found, answer.clone());
        answer
    }

    /// Forgets everything, so that interpreters that came, went or changed are seen.
    pub fn forget(&self) {
        self.known().clear();
        self.jails.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }

    fn known(&self) -> std::sync::MutexGuard<'_, HashMap<PathBuf, Answer>> {
        self.known.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// The program behind a name, outside of any virtual environment, without links, if it may be run.
    ///
    /// It is run under its real path: Python looks for `pyvenv.cfg` beside the name that it was called by,
    /// and would take its standard library from wherever that says.
    fn find(&self, program: &Path, by: ChosenBy<'_>) -> Result<PathBuf, Arc<str>> {
        let named = if program.components().count() == 1 && !program.is_absolute() {
            self.path.iter().for_each(|directory| self.note(&directory.join(program)));
            find::on_path(program, &self.path).ok_or("is not on the PATH of this process; give its full path")?
        } else {
            program.to_owned()
        };
        self.note(&named);
        let base = find::outside_of_venv(&named).ok_or(
            "lies in a virtual environment whose pyvenv.cfg names no interpreter that exists; name the base interpreter",
        )?;
        self.note(&base);
        let real = plain::canonical(&base).map_err(|error| format!("cannot be found: {error}"))?;
        self.note(&real);
        if !plain::is_program(&real) {
            return Err("is not an executable file".into());
        }
        if by != ChosenBy::Administrator && !shebang::is_python(real.file_name().unwrap_or_default().as_bytes()) {
            return Err(format!("leads to {}, which is not called python", escaped(&real)).into());
        }
        self.check(&real, by)?;
        Ok(real)
    }

    fn ask(&self, program: &Path, by: ChosenBy<'_>) -> Answer {
        let ask = |program: &Path| self.handle.block_on(probe(program, &self.warden));
        let words = |error: ProbeError| Arc::<str>::from(error.to_string());
        let mut probed = ask(program).map_err(words)?;
        if probed.interpreter.executable != program {
            // A shim leads to it; how closely it can be confined shows when it is started itself.
            let executable = probed.interpreter.executable;
            self.check(&executable, by)?;
            self.note(&executable);
            probed = ask(&executable).map_err(words)?;
        }
        let Probed { interpreter, held } = probed;
        self.check(&interpreter.executable, by)?;
        if interpreter.confinement == Confinement::SHIM {
            return Err("is a script, and does not say which program it starts; name that one".into());
        }
        for (layer, why) in &held.lacks {
            tracing::warn!(
                "{}: the jail of its workers is without \"{layer}\": {}",
                escaped(&interpreter.executable),
                escaped_text(why)
            );
        }
        self.jails.lock().unwrap_or_else(PoisonError::into_inner).insert(interpreter.executable.clone(), held);
        tracing::debug!(
            python = %interpreter.label,
            program = %escaped(&interpreter.executable),
            version = %interpreter.version,
            tag = %interpreter.cache_tag,
            magic = interpreter.magic_number(),
            "found an interpreter"
        );
        Ok(Arc::new(interpreter))
    }

    /// Refuses what others could replace by a program of theirs.
    fn check(&self, program: &Path, by: ChosenBy<'_>) -> Result<(), Arc<str>> {
        let also = (self.actor.uid != 0).then_some(self.actor.uid);
        if let (Some(_), ChosenBy::Administrator) = (also, by) {
            // A user may run whatever they like.
            return Ok(());
        }
        if let (Some(_), ChosenBy::Tree(root)) = (also, by)
            && program.starts_with(root)
        {
            return Err("lies in the tree that names it and is not run for that; ask for it with --python".into());
        }
        match ancestry::component_of_others(program, also) {
            Ok(None) => Ok(()),
            Ok(Some(component)) => Err(format!(
                "is not run: others than root can change {}; make it root's and not writable by others",
                escaped(&component)
            )
            .into()),
            Err(error) => Err(format!("cannot be checked: {error}").into()),
        }
    }
}
