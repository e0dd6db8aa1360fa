//! The receiving end of NOTIFY_SOCKET, as systemd holds it.

use std::net::Shutdown;
use std::os::unix::net::UnixDatagram;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::thread::{self, JoinHandle};

pub struct NotifySocket {
    socket: UnixDatagram,
    pub path: PathBuf,
    messages: Arc<Mutex<Vec<String>>>,
    reader: Option<JoinHandle<()>>,
}

impl NotifySocket {
    /// Reads all the time, as systemd does: the kernel holds about ten datagrams and then stops the sender.
    pub fn new(directory: &Path) -> Self {
        let path = directory.join("notify");
        let socket = UnixDatagram::bind(&path).expect("a socket can be made");
        let messages = Arc::new(Mutex::new(Vec::new()));
        let (ear, heard) = (socket.try_clone().expect("a descriptor"), Arc::clone(&messages));
        let reader = thread::spawn(move || {
            let mut buffer = [0; 4096];
            // Nothing is what a socket gives that was shut down.
            while let Ok(length @ 1..) = ear.recv(&mut buffer) {
                let message = String::from_utf8_lossy(&buffer[..length]).into_owned();
                heard.lock().expect("nobody panics with it").push(message);
            }
        });
        NotifySocket { socket, path, messages, reader: Some(reader) }
    }

    /// All messages so far; each is a datagram of `NAME=value` lines.
    pub fn messages(&self) -> Vec<String> {
        self.messages.lock().expect("nobody panics with it").clone()
    }

    /// How many messages have this line.
    pub fn count(&self, line: &str) -> usize {
        self.messages().iter().filter(|message| message.lines().any(|one| one == line)).count()
    }
}

impl Drop for NotifySocket {
    fn drop(&mut self) {
        let _ = self.socket.shutdown(Shutdown::Both);
        if let Some(reader) = self.reader.take() {
            let _ = reader.join();
        }
    }
}
