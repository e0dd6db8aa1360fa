//! Both sides of the control socket, over real sockets: what any client sends, and what anything that listens in place
//! of the daemon answers.
//!
//! The first byte chooses who is led by the rest: the client, the daemon, or both, who then understand each other. The
//! second says how many bytes come at a time, and what is answered or called.

use std::path::Path;
use std::sync::LazyLock;
use std::time::Duration;

use arbitrary::Unstructured;
use pycwarm::control::{Client, ControlError, Request, Server};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{UnixListener, UnixStream};
use tokio::runtime::{Builder, Runtime};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::text::assert_harmless;

mod daemon;
mod understanding;

/// Nothing takes so long unless it hangs.
const HANGING: Duration = Duration::from_secs(60);
/// Ends the last message of a client, and asks something that no other call gets an error for.
const LAST_CALL: &[u8] =
    b"\0{\"method\":\"org.varlink.service.GetInterfaceDescription\",\"parameters\":{\"interface\":\"last.of.all\"}}\0";

static RUNTIME: LazyLock<Runtime> =
    LazyLock::new(|| Builder::new_current_thread().enable_all().build().expect("a runtime can be had"));

pub fn run(data: &[u8]) -> bool {
    let [kind, how, rest @ ..] = data else { return false };
    let directory = tempfile::tempdir().expect("a directory can be made");
    let socket = directory.path().join("control.sock");
    let conversation = async {
        match kind % 3 {
            0 => any_client(&socket, rest, *how).await,
            1 => any_daemon(&socket, rest, *how).await,
            _ => understanding::check(&socket, &mut Unstructured::new(rest)).await.unwrap_or(false),
        }
    };
    RUNTIME.block_on(async { timeout(HANGING, conversation).await.expect("the conversation comes to an end") })
}

/// A daemon's side of the socket, with what it is asked.
struct Listening {
    asked: mpsc::Receiver<Request>,
    stop: CancellationToken,
    serving: JoinHandle<()>,
}

impl Listening {
    fn at(socket: &Path) -> Self {
        let server = Server::bind(socket, watch::channel(None).1).expect("nobody else listens there");
        let (requests, asked) = mpsc::channel(4);
        let stop = CancellationToken::new();
        Self { asked, serving: tokio::spawn(server.serve(requests, stop.clone())), stop }
    }
}

/// Whatever a client sends: it gets messages, each an answer or an error, and the session ends with it.
async fn any_client(socket: &Path, bytes: &[u8], how: u8) -> bool {
    let Listening { asked, stop, serving } = Listening::at(socket);
    let daemon = tokio::spawn(daemon::answer_all(asked, how));
    let (mut from, mut to) = UnixStream::connect(socket).await.expect("the server listens").into_split();
    let sending = async {
        // The session may end early: it does at the first message that is none.
        let _ = send(&mut to, bytes, how).await;
        let _ = to.write_all(LAST_CALL).await;
    };
    let receiving = async {
        let mut received = Vec::new();
        let mut buffer = [0; 4096];
        while let Ok(count @ 1..) = from.read(&mut buffer).await {
            received.extend_from_slice(&buffer[..count]);
            if received.windows(11).any(|part| part == b"last.of.all") {
                break;
            }
        }
        received
    };
    let ((), received) = tokio::join!(sending, receiving);
    drop((from, to));
    stop.cancel();
    serving.await.expect("the server does not panic");
    daemon.await.expect("nobody asks any more");
    let messages = received.split_inclusive(|byte| *byte == 0).filter(|message| message.ends_with(b"\0"));
    messages.filter(|message| is_answer(&message[..message.len() - 1])).count() > 0
}

/// Whether a message is an answer; it is either that or an error.
fn is_answer(message: &[u8]) -> bool {
    let value: serde_json::Value =
        serde_json::from_slice(message).unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(message)));
    let object = value.as_object().expect("a message is an object");
    let name = object.get("error").map(|error| error.as_str().expect("an error has a name"));
    assert!(name.is_none_or(|name| name.starts_with("org.")), "{value}");
    assert!(object.keys().all(|key| matches!(key.as_str(), "error" | "parameters")), "{value}");
    assert!(object.get("parameters").is_none_or(serde_json::Value::is_object), "{value}");
    assert!(name.is_some() || object.contains_key("parameters"), "{value}");
    name.is_none()
}

/// Whatever is answered: the client understands it, or says in one line that it does not.
async fn any_daemon(socket: &Path, bytes: &[u8], how: u8) -> bool {
    let listener = UnixListener::bind(socket).expect("nobody else listens there");
    let answering = async {
        let (mut server, _) = listener.accept().await.expect("the client connects");
        let mut buffer = [0; 1024];
        while let Ok(count @ 1..) = server.read(&mut buffer).await {
            if buffer[..count].contains(&0) {
                break;
            }
        }
        let _ = send(&mut server, bytes, how).await;
    };
    let asking = async {
        let mut client = Client::connect(socket).await.expect("the daemon listens");
        if how & 1 == 0 { client.status().await.map(drop) } else { client.sync(&["/a".into()], None).await.map(drop) }
    };
    let ((), answer) = tokio::join!(answering, asking);
    match answer {
        Ok(()) => true,
        Err(error) => {
            assert_harmless(&error.to_string());
            !matches!(error, ControlError::Protocol(_) | ControlError::Closed)
        }
    }
}

/// Sends in pieces, so that the other side sees parts of messages; not in more than it takes to show that.
async fn send(to: &mut (impl AsyncWriteExt + Unpin), bytes: &[u8], how: u8) -> std::io::Result<()> {
    let piece = (usize::from(how >> 2) * 16).max(1).max(bytes.len() / 16);
    for piece in bytes.chunks(piece) {
        to.write_all(piece).await?;
        tokio::task::yield_now().await;
    }
    Ok(())
}
