//! Finds out what an interpreter is by asking it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::protocol::Hello;
use super::worker::{Jail, Started, Worker, WorkerError};
use crate::domain::{Confinement, Interpreter, escaped};
use crate::jail::{Held, Layer, Warden};
use crate::root::{ancestry, plain};

/// Why a program cannot be used as an interpreter.
#[derive(Debug, thiserror::Error)]
pub enum ProbeError {
    #[error("cannot be used as a Python interpreter: {0}")]
    Worker(#[from] WorkerError),
    #[error("writes no bytecode caches: its cache tag is None")]
    NoCacheTag,
    #[error("marshals code in a form that this pycwarm does not know; update pycwarm")]
    UnknownForm,
}

/// What came of asking.
#[derive(Debug)]
pub struct Probed {
    pub interpreter: Interpreter,
    /// What holds of the jail of its workers.
    pub held: Held,
}

/// Starts a program once and takes down what it says of itself, in the closest confinement in which it starts. The
/// program named in the answer is the one that really runs, behind all links and shims.
///
/// # Errors
/// See [`ProbeError`].
pub async fn probe(program: &Path, warden: &Warden) -> Result<Probed, ProbeError> {
    let mut refused: Vec<(Confinement, String)> = Vec::new();
    let mut errors = Vec::new();
    for confinement in warden.attempts(program) {
        match Worker::start(program, Jail { warden, confinement, owner: None }).await {
            Ok(started) => return probed(program, confinement, started, &refused),
            Err(error @ (WorkerError::Ended(_) | WorkerError::NotExecuted(_) | WorkerError::Spawn(_))) => {
                refused.push((confinement, error.to_string()));
                errors.push(error);
            }
            Err(error) => return Err(error.into()),
        }
    }
    // The program's own last words tell more than that it could not be executed by another user.
    let is_own = |error: &WorkerError| matches!(error, WorkerError::Ended(_));
    let told = errors.iter().position(is_own).unwrap_or(0);
    let nothing = || WorkerError::NotExecuted("there is no jail that it could be started in".to_owned());
    Err(errors.into_iter().nth(told).unwrap_or_else(nothing).into())
}

fn probed(
    program: &Path,
    confinement: Confinement,
    started: Started,
    refused: &[(Confinement, String)],
) -> Result<Probed, ProbeError> {
    let Started { hello, mut held, .. } = started;
    if hello.cache_tag.is_empty() {
        return Err(ProbeError::NoCacheTag);
    }
    // It becomes a part of a file's name.
    if hello.cache_tag.bytes().any(|byte| byte == b'/' || byte.is_ascii_control()) {
        return Err(ProbeError::Worker(WorkerError::Garbage("its cache tag cannot be a part of a name".to_owned())));
    }
    if hello.code_layout.is_none() {
        return Err(ProbeError::UnknownForm);
    }
    // What it was tried with first and did not start in.
    for (tried, error) in refused {
        if tried.own_user && !confinement.own_user {
            let why = match ancestry::closed_to_others(program) {
                Some(closed) => format!(
                    "it lies in {}, which other users cannot enter; install it elsewhere, or let them (chmod o+x)",
                    escaped(&closed)
                ),
                None => format!("it does not start as another user: {error}"),
            };
            held.lacks.insert(Layer::User, why);
        }
        if tried.own_files && !confinement.own_files {
            held.lacks.insert(Layer::Files, format!("it does not start with its own files only: {error}"));
        }
    }
    Ok(Probed { interpreter: interpreter(program, hello, confinement), held })
}

/// Turns the hello of a program into an interpreter.
pub(super) fn interpreter(program: &Path, hello: Hello, confinement: Confinement) -> Interpreter {
    let named = PathBuf::from(OsString::from_vec(hello.executable.to_vec()));
    let named = if named.is_absolute() { named } else { program.to_owned() };
    let executable = plain::canonical(&named).unwrap_or(named);
    Interpreter {
        executable,
        label: label(&hello),
        implementation: hello.implementation,
        version: hello.version,
        build: hello.build,
        cache_tag: hello.cache_tag,
        magic: hello.magic,
        header_size: hello.header_size,
        source_hash: hello.source_hash,
        code_layout: hello.code_layout,
        confinement,
    }
}

/// `python3.11`, `python3.13t`, `pypy3.9`.
fn label(hello: &Hello) -> String {
    let name = if hello.implementation == "cpython" { "python" } else { &hello.implementation };
    let minor: Vec<&str> = hello.version.splitn(3, '.').take(2).collect();
    format!("{name}{}{}", minor.join("."), hello.build_flags)
}
