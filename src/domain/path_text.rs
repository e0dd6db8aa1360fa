//! Paths are bytes. This shows them to people without letting them drive the terminal.

use std::fmt::{self, Display, Write};
use std::os::unix::ffi::OsStrExt;
use std::path::Path;

/// Displays a path with control characters escaped (`\n`, `\x1b`, `\u{202e}`) and bytes that are not UTF-8
/// as `\xNN`.
pub fn escaped(path: &(impl AsRef<Path> + ?Sized)) -> impl Display + '_ {
    Escaped(path.as_ref().as_os_str().as_bytes())
}

/// Displays text that came from a source, a worker or an interpreter, escaped in the same way.
pub fn escaped_text(text: &str) -> impl Display + '_ {
    Escaped(text.as_bytes())
}

struct Escaped<'a>(&'a [u8]);

impl Display for Escaped<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for chunk in self.0.utf8_chunks() {
            for character in chunk.valid().chars() {
                if matches!(character, '\n' | '\r' | '\t') || drives_terminal(character) && !character.is_ascii() {
                    write!(f, "{}", character.escape_default())?;
                } else if drives_terminal(character) {
                    write!(f, "\\x{:02x}", u32::from(character))?;
                } else {
                    f.write_char(character)?;
                }
            }
            for byte in chunk.invalid() {
                write!(f, "\\x{byte:02x}")?;
            }
        }
        Ok(())
    }
}

/// Control characters, line separators and the marks that reorder text.
fn drives_terminal(character: char) -> bool {
    character.is_control()
        || matches!(character, '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;

    use super::*;

    #[test]
    fn what_could_drive_a_terminal_is_escaped() {
        let path = Path::new(OsStr::from_bytes(b"/a b/\xff\n\x1b[2J\xe2\x80\xae/\xc3\xa4.py"));
        assert_eq!(escaped(path).to_string(), "/a b/\\xff\\n\\x1b[2J\\u{202e}/ä.py");
    }
}
