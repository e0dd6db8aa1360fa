//! A test that cannot run here says so, by name; it never passes in silence.

use std::io::Write;

/// Prints one line on descriptor 2. `std::io::stderr` is not caught by libtest, unlike `eprintln!`.
pub fn note(line: &str) {
    let mut text = String::from(line);
    text.push('\n');
    // One write, so that lines of parallel tests do not mix. Nothing is left to do when standard error is closed.
    let _ = std::io::stderr().write_all(text.as_bytes());
}

pub fn skipped(name: &str, why: &str) {
    note(&format!("SKIPPED {name}: {why}"));
}

pub fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// True when the test may go on, which is told; otherwise the skip has been told.
pub fn needs_root(name: &str) -> bool {
    if is_root() {
        note(&format!("PRIVILEGED {name}: runs as root"));
    } else {
        skipped(name, "needs root");
    }
    is_root()
}
