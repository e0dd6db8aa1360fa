//! The receiving end of NOTIFY_SOCKET, as systemd holds it.

use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};

pub struct NotifySocket {
    socket: UnixDatagram,
    pub path: PathBuf,
    messages: Vec<String>,
}

impl NotifySocket {
    pub fn new(directory: &Path) -> Self {
        let path = directory.join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket can be made");
        socket.set_nonblocking(true).expect("own socket");
        NotifySocket { socket, path, messages: Vec::new() }
    }

    /// All messages so far; each is a datagram of `NAME=value` lines.
    pub fn messages(&mut self) -> &[String] {
        let mut buffer = [0; 4096];
        while let Ok(length) = self.socket.recv(&mut buffer) {
            self.messages.push(String::from_utf8_lossy(&buffer[..length]).into_owned());
        }
        &self.messages
    }

    /// How many messages have this line.
    pub fn count(&mut self, line: &str) -> usize {
        self.messages().iter().filter(|message| message.lines().any(|one| one == line)).count()
    }
}
