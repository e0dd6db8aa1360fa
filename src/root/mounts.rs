//! What is mounted where.

use std::collections::BTreeSet;
use std::ffi::OsString;
use std::fs::File;
use std::io::{self, Read, Seek};
use std::os::unix::ffi::OsStringExt;
use std::path::PathBuf;

use rustix::event::{PollFd, PollFlags, poll};
use rustix::io::Errno;

/// The kernel's list of mounts, as this process sees it.
#[derive(Debug)]
pub struct Mounts {
    file: File,
}

/// A mount by its number, and where it is.
pub type Mount = (PathBuf, u64);

impl Mounts {
    /// # Errors
    /// Those of `open`: /proc may not be mounted.
    pub fn open() -> io::Result<Self> {
        Ok(Self { file: File::open("/proc/self/mountinfo")? })
    }

    /// Waits until something is mounted, unmounted or moved.
    ///
    /// # Errors
    /// Those of `poll`.
    pub fn wait(&self) -> io::Result<()> {
        let mut wanted = [PollFd::new(&self.file, PollFlags::PRI)];
        match poll(&mut wanted, None) {
            Ok(_) | Err(Errno::INTR) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// All mounts.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn list(&mut self) -> io::Result<BTreeSet<Mount>> {
        Ok(self.read()?.split(|byte| *byte == b'\n').filter_map(parse).collect())
    }

    /// Whether the mount with this number has an option of its file system. `None`: there is no such mount.
    ///
    /// # Errors
    /// Those of `read`.
    pub fn has_option(&mut self, number: u64, option: &[u8]) -> io::Result<Option<bool>> {
        let text = self.read()?;
        let line = text.split(|byte| *byte == b'\n').find(|line| parse(line).is_some_and(|mount| mount.1 == number));
        Ok(line.map(|line| has_option(line, option)))
    }

    fn read(&mut self) -> io::Result<Vec<u8>> {
        let mut text = Vec::new();
        self.file.rewind()?;
        self.file.read_to_end(&mut text)?;
        Ok(text)
    }
}

/// The options of the file system are the last field of a line.
fn has_option(line: &[u8], option: &[u8]) -> bool {
    let last = line.rsplit(|byte| *byte == b' ').next().unwrap_or_default();
    last.split(|byte| *byte == b',').any(|one| one == option)
}

/// `36 35 98:0 /mnt1 /mnt2 rw,noatime ...`: the first field is the number, the fifth the place (proc(5)).
fn parse(line: &[u8]) -> Option<Mount> {
    let mut fields = line.split(|byte| *byte == b' ');
    let number = str::from_utf8(fields.next()?).ok()?.parse().ok()?;
    Some((unescaped(fields.nth(3)?), number))
}

/// Space, tab, newline and backslash are written as a backslash and three octal digits.
fn unescaped(field: &[u8]) -> PathBuf {
    let mut path = Vec::with_capacity(field.len());
    let mut rest = field;
    while let Some((&first, behind)) = rest.split_first() {
        let digits = behind.get(..3).filter(|_| first == b'\\').and_then(|digits| str::from_utf8(digits).ok());
        match digits.and_then(|digits| u8::from_str_radix(digits, 8).ok()) {
            Some(byte) => {
                path.push(byte);
                rest = &behind[3..];
            }
            None => {
                path.push(first);
                rest = behind;
            }
        }
    }
    PathBuf::from(OsString::from_vec(path))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn places_with_spaces_are_read() {
        let line = b"36 35 98:0 /mnt1 /srv/a\\040b\\134c rw,noatime master:1 - ext3 /dev/root rw";
        assert_eq!(parse(line), Some((PathBuf::from("/srv/a b\\c"), 36)));
        assert_eq!(parse(b""), None);
        assert_eq!(parse(b"x y z"), None);
    }

    #[test]
    fn options_of_the_file_system_are_whole_words() {
        let line = b"36 35 98:0 / / rw,seclabel_not - ext4 /dev/root rw,seclabel,data=ordered";
        assert!(has_option(line, b"seclabel"));
        assert!(!has_option(line, b"seclabel_not") && !has_option(line, b"data") && !has_option(b"", b"rw"));
    }

    #[test]
    fn the_root_is_mounted() {
        let mounts = Mounts::open().and_then(|mut mounts| mounts.list()).unwrap();
        assert!(mounts.iter().any(|(path, _)| path == std::path::Path::new("/")), "{mounts:?}");
    }
}
