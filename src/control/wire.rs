//! The shapes of `docs/org.pycwarm.Control.varlink`, and how they become values and the other way round.
//!
//! JSON has no bytes. A path that is not UTF-8 travels as text for people, with its bytes in base64 beside it.

use std::ffi::OsString;
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use super::values;
use crate::domain::{self, FailureKind};
use crate::jail::{Held, Layer};

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(zlink::introspect::CustomType))]
pub(super) struct Path {
    pub(super) path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) path_bytes: Option<String>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(zlink::introspect::CustomType))]
pub(super) struct Failure {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
    python: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    line: Option<u32>,
    kind: String,
    message: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(zlink::introspect::CustomType))]
pub(super) struct TreeStatus {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
    present: bool,
    event_source: String,
    why: String,
    warm: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(zlink::introspect::CustomType))]
pub(super) struct Lack {
    layer: String,
    why: String,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(zlink::introspect::CustomType))]
pub(super) struct Jail {
    path: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    path_bytes: Option<String>,
    holds: Vec<String>,
    lacks: Vec<Lack>,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(test, derive(zlink::introspect::CustomType))]
pub(super) struct Status {
    version: String,
    ready: bool,
    trees: Vec<TreeStatus>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    watched_directories: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    polled_directories: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    waiting: Option<u64>,
    broken: Vec<Failure>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    missed: Option<u64>,
    jails: Vec<Jail>,
    complete: bool,
}

/// What `Sync` returns.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SyncOutput {
    pub(super) failures: Vec<Failure>,
}

/// What `GetStatus` returns.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct StatusOutput {
    pub(super) status: Status,
}

/// Something on the wire that stands for no value.
#[derive(Debug, thiserror::Error)]
pub(super) enum Unreadable {
    #[error("path_bytes is not base64")]
    Base64,
    #[error("there is no kind of failure named {0:?}")]
    Kind(String),
    #[error("a jail has no layer named {0:?}")]
    Layer(String),
}

impl From<&std::path::Path> for Path {
    fn from(path: &std::path::Path) -> Self {
        let bytes = path.as_os_str().as_bytes();
        let path_bytes = str::from_utf8(bytes).is_err().then(|| STANDARD.encode(bytes));
        Self { path: path.to_string_lossy().into_owned(), path_bytes }
    }
}

impl TryFrom<Path> for PathBuf {
    type Error = Unreadable;

    fn try_from(path: Path) -> Result<Self, Unreadable> {
        match path.path_bytes {
            Some(bytes) => {
                let bytes = STANDARD.decode(bytes).map_err(|_| Unreadable::Base64)?;
                Ok(OsString::from_vec(bytes).into())
            }
            None => Ok(path.path.into()),
        }
    }
}

impl From<&domain::Failure> for Failure {
    fn from(failure: &domain::Failure) -> Self {
        let Path { path, path_bytes } = Path::from(failure.path.as_path());
        Self {
            path,
            path_bytes,
            python: failure.python.clone(),
            line: failure.line,
            kind: failure.kind.name().to_owned(),
            message: failure.message.clone(),
        }
    }
}

impl TryFrom<Failure> for domain::Failure {
    type Error = Unreadable;

    fn try_from(failure: Failure) -> Result<Self, Unreadable> {
        let Failure { path, path_bytes, python, line, kind, message } = failure;
        let kind = FailureKind::from_name(&kind).ok_or(Unreadable::Kind(kind))?;
        Ok(Self { path: Path { path, path_bytes }.try_into()?, python, line, kind, message, owner: None })
    }
}

impl From<&values::TreeStatus> for TreeStatus {
    fn from(tree: &values::TreeStatus) -> Self {
        let Path { path, path_bytes } = Path::from(tree.path.as_path());
        let (event_source, why) = (tree.event_source.clone(), tree.why.clone());
        Self { path, path_bytes, present: tree.present, event_source, why, warm: tree.warm }
    }
}

impl TryFrom<TreeStatus> for values::TreeStatus {
    type Error = Unreadable;

    fn try_from(tree: TreeStatus) -> Result<Self, Unreadable> {
        let TreeStatus { path, path_bytes, present, event_source, why, warm } = tree;
        Ok(Self { path: Path { path, path_bytes }.try_into()?, present, event_source, why, warm, owner: None })
    }
}

impl From<&values::JailStatus> for Jail {
    fn from(jail: &values::JailStatus) -> Self {
        let Path { path, path_bytes } = Path::from(jail.program.as_path());
        let holds = jail.held.holds.iter().map(|layer| layer.name().to_owned()).collect();
        let lack = |(layer, why): (&Layer, &String)| Lack { layer: layer.name().to_owned(), why: why.clone() };
        Self { path, path_bytes, holds, lacks: jail.held.lacks.iter().map(lack).collect() }
    }
}

impl TryFrom<Jail> for values::JailStatus {
    type Error = Unreadable;

    fn try_from(jail: Jail) -> Result<Self, Unreadable> {
        let Jail { path, path_bytes, holds, lacks } = jail;
        let layer = |name: String| Layer::from_name(&name).ok_or(Unreadable::Layer(name));
        let holds = holds.into_iter().map(layer).collect::<Result<_, _>>()?;
        let lacks =
            lacks.into_iter().map(|lack| Ok((layer(lack.layer)?, lack.why))).collect::<Result<_, Unreadable>>()?;
        Ok(Self { program: Path { path, path_bytes }.try_into()?, held: Held { holds, lacks } })
    }
}

impl From<&values::Status> for Status {
    fn from(status: &values::Status) -> Self {
        Self {
            version: status.version.clone(),
            ready: status.ready,
            trees: status.trees.iter().map(TreeStatus::from).collect(),
            watched_directories: status.watched_directories,
            polled_directories: status.polled_directories,
            waiting: status.waiting,
            broken: status.broken.iter().map(Failure::from).collect(),
            missed: status.missed,
            jails: status.jails.iter().map(Jail::from).collect(),
            complete: status.complete,
        }
    }
}

impl TryFrom<Status> for values::Status {
    type Error = Unreadable;

    fn try_from(status: Status) -> Result<Self, Unreadable> {
        Ok(Self {
            version: status.version,
            ready: status.ready,
            trees: status.trees.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            watched_directories: status.watched_directories,
            polled_directories: status.polled_directories,
            waiting: status.waiting,
            broken: failures(status.broken)?,
            missed: status.missed,
            jails: status.jails.into_iter().map(TryInto::try_into).collect::<Result<_, _>>()?,
            complete: status.complete,
        })
    }
}

/// The failures of an answer as values.
pub(super) fn failures(failures: Vec<Failure>) -> Result<Vec<domain::Failure>, Unreadable> {
    failures.into_iter().map(TryInto::try_into).collect()
}
