//! A control socket whose daemon answers by the names of the paths.

use std::path::{Path, PathBuf};
use std::process::Command;

use pycwarm::control::{Request, Server, Status, SyncEnd, SyncRefusal, TreeStatus};
use pycwarm::domain::{Failure, FailureKind};
use tokio::runtime::Runtime;
use tokio::sync::watch;
use tokio_util::sync::CancellationToken;

use crate::support::process::clean_command;
use crate::support::run::binary;
use crate::support::tree::Tree;

/// Serves until it is dropped.
pub struct Answering {
    pub tree: Tree,
    runtime: Option<Runtime>,
    stop: CancellationToken,
}

impl Answering {
    /// A `Sync` of a path with `outside` in its name is refused, one with `slow` in it never answered, and all others
    /// tell of two broken files: `broken.py` and `other.py` of the tree, both in `GetStatus` too.
    pub fn start() -> Self {
        Self::with(&["broken.py", "other.py"])
    }

    /// The same, with these files told of as broken.
    pub fn with(broken: &[&str]) -> Self {
        let broken: Vec<(&str, Option<u32>)> = broken.iter().map(|name| (*name, None)).collect();
        Self::owned(&broken, None)
    }

    /// The same, with the owners of these files, and a group whose members are told everything.
    pub fn owned(broken: &[(&str, Option<u32>)], control_group: Option<u32>) -> Self {
        let tree = Tree::new();
        let broken: Vec<Failure> = broken.iter().map(|(name, owner)| failure(tree.path(name), *owner)).collect();
        let runtime = Runtime::new().expect("a runtime");
        let stop = CancellationToken::new();
        let (sender, mut requests) = tokio::sync::mpsc::channel(8);
        let server = Server::bind(&tree.path("control.sock"), watch::channel(control_group).1).expect("a socket");
        runtime.spawn(server.serve(sender, stop.clone()));
        let root = tree.root.clone();
        runtime.spawn(async move {
            let mut slow = Vec::new();
            while let Some(request) = requests.recv().await {
                match request {
                    Request::Status { answer } => drop(answer.send(status(&root, &broken))),
                    Request::Sync { paths, answer, .. } => match paths.iter().find(|path| holds(path, "outside")) {
                        Some(path) => drop(answer.send(Err(SyncRefusal::NotInTree(path.clone())))),
                        None if paths.iter().any(|path| holds(path, "slow")) => slow.push(answer),
                        None => drop(answer.send(Ok(SyncEnd { failures: broken.clone() }))),
                    },
                }
            }
        });
        Self { tree, runtime: Some(runtime), stop }
    }

    pub fn socket(&self) -> PathBuf {
        self.tree.path("control.sock")
    }

    /// `pycwarm VERB --socket` with this socket.
    pub fn pycwarm(&self, verb: &str) -> Command {
        let mut command = clean_command(binary());
        command.arg(verb).arg("--socket").arg(self.socket());
        command
    }

    /// Carries out what a client does here.
    pub fn block_on<T>(&self, client: impl Future<Output = T>) -> T {
        self.runtime.as_ref().expect("it runs until the drop").block_on(client)
    }
}

impl Drop for Answering {
    fn drop(&mut self) {
        self.stop.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_background();
        }
    }
}

fn holds(path: &Path, name: &str) -> bool {
    path.to_string_lossy().contains(name)
}

fn failure(path: PathBuf, owner: Option<u32>) -> Failure {
    Failure {
        path,
        python: "python3.11".into(),
        line: Some(7),
        kind: FailureKind::Syntax,
        message: "SyntaxError: invalid syntax".into(),
        owner,
    }
}

fn status(root: &Path, broken: &[Failure]) -> Status {
    let tree =
        TreeStatus { path: root.to_owned(), present: true, event_source: "inotify".into(), ..Default::default() };
    let broken = broken.to_vec();
    let waiting = Some(0);
    Status { version: "0.1.0".into(), ready: true, trees: vec![tree], waiting, broken, ..Default::default() }
}
