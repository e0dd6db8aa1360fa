//! Finds out what an interpreter is by asking it.

use std::ffi::OsString;
use std::os::unix::ffi::OsStringExt;
use std::path::{Path, PathBuf};

use super::protocol::Hello;
use super::worker::{Worker, WorkerError};
use crate::domain::Interpreter;
use crate::root::plain;

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

/// Starts a program once and takes down what it says of itself. The program named in the answer is
/// the one that really runs, behind all links and shims.
///
/// # Errors
/// See [`ProbeError`].
pub async fn probe(program: &Path) -> Result<Interpreter, ProbeError> {
    let (_worker, hello) = Worker::start(program).await?;
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
    Ok(interpreter(program, hello))
}

/// Turns the hello of a program into an interpreter.
pub(super) fn interpreter(program: &Path, hello: Hello) -> Interpreter {
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
    }
}

/// `python3.11`, `python3.13t`, `pypy3.9`.
fn label(hello: &Hello) -> String {
    let name = if hello.implementation == "cpython" { "python" } else { &hello.implementation };
    let minor: Vec<&str> = hello.version.splitn(3, '.').take(2).collect();
    format!("{name}{}{}", minor.join("."), hello.build_flags)
}
