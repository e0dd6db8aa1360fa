//! The bytes in which fanotify tells its events (fanotify(7)). Pure.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use nix::sys::fanotify::MaskFlags;

/// `struct fanotify_event_metadata`, in bytes.
const METADATA: usize = 24;
/// `FAN_EVENT_INFO_TYPE_DFID_NAME`: a directory and a name in it.
const DIRECTORY_AND_NAME: u8 = 2;
/// Bytes before the handle in such a record: its head (4), the file system (8), the handle's length and type (8).
const BEFORE_HANDLE: usize = 20;

/// One event.
#[derive(Debug, PartialEq, Eq)]
pub struct Record<'a> {
    pub mask: MaskFlags,
    /// `None` where the event names no place: an overflow.
    pub place: Option<Place<'a>>,
}

/// Where something happened.
#[derive(Debug, PartialEq, Eq)]
pub struct Place<'a> {
    /// The directory as one key: file system, type and bytes of the handle.
    pub key: &'a [u8],
    /// `.` for the directory itself.
    pub name: &'a OsStr,
}

/// A key taken apart.
#[derive(Debug, PartialEq, Eq)]
pub struct Handle<'a> {
    /// As `statvfs` gives it.
    pub file_system: u64,
    pub kind: i32,
    pub bytes: &'a [u8],
}

/// The events in what was read. Ends at the first one that is not whole.
pub fn records(buffer: &[u8]) -> impl Iterator<Item = Record<'_>> {
    let mut rest = buffer;
    std::iter::from_fn(move || {
        let length = usize::try_from(word(rest, 0)?).ok()?;
        let event = rest.get(..length).filter(|event| event.len() >= METADATA)?;
        rest = &rest[length..];
        let mask = u64::from_ne_bytes(event.get(8..16)?.try_into().ok()?);
        let head = usize::from(u16::from_ne_bytes(event.get(6..8)?.try_into().ok()?)).max(METADATA);
        Some(Record { mask: MaskFlags::from_bits_retain(mask), place: place(event.get(head..).unwrap_or_default()) })
    })
}

/// The first record of an event that names a directory and an entry.
fn place(mut infos: &[u8]) -> Option<Place<'_>> {
    while let Some(length) = infos.get(2..4) {
        let length = usize::from(u16::from_ne_bytes(length.try_into().ok()?));
        let info = infos.get(..length).filter(|info| info.len() >= 4)?;
        if info[0] == DIRECTORY_AND_NAME {
            let end = BEFORE_HANDLE.checked_add(usize::try_from(word(info, 12)?).ok()?)?;
            let name = info.get(end..)?.split(|byte| *byte == 0).next()?;
            return Some(Place { key: info.get(4..end)?, name: OsStr::from_bytes(name) });
        }
        infos = &infos[length..];
    }
    None
}

/// Takes a key apart.
#[must_use]
pub fn handle(key: &[u8]) -> Option<Handle<'_>> {
    let file_system = u64::from(word(key, 0)?) | u64::from(word(key, 4)?) << 32;
    let kind = word(key, 12)?.cast_signed();
    Some(Handle { file_system, kind, bytes: key.get(16..)? })
}

fn word(bytes: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_ne_bytes(bytes.get(at..at.checked_add(4)?)?.try_into().ok()?))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(mask: u64, infos: &[u8]) -> Vec<u8> {
        let mut bytes = u32::try_from(METADATA + infos.len()).unwrap().to_ne_bytes().to_vec();
        bytes.extend([3, 0]);
        bytes.extend(24u16.to_ne_bytes());
        bytes.extend(mask.to_ne_bytes());
        bytes.extend((-1i32).to_ne_bytes());
        bytes.extend(7i32.to_ne_bytes());
        bytes.extend(infos);
        bytes
    }

    fn info(kind: u8, name: &[u8]) -> Vec<u8> {
        let mut bytes = vec![kind, 0];
        bytes.extend(u16::try_from(BEFORE_HANDLE + 8 + name.len()).unwrap().to_ne_bytes());
        bytes.extend(0x1111_u32.to_ne_bytes());
        bytes.extend(0x2222_u32.to_ne_bytes());
        bytes.extend(8u32.to_ne_bytes());
        bytes.extend(1i32.to_ne_bytes());
        bytes.extend(b"handle..");
        bytes.extend(name);
        bytes
    }

    #[test]
    fn events_are_read_one_after_the_other() {
        let create = MaskFlags::FAN_CREATE.bits();
        let bytes = [
            event(create, &[info(5, b"\0\0\0\0"), info(2, b"x.py\0\0\0\0")].concat()),
            event(MaskFlags::FAN_Q_OVERFLOW.bits(), &[]),
            event(create, &info(2, b"cut.py\0\0"))[..40].to_vec(),
        ]
        .concat();
        let records: Vec<_> = records(&bytes).collect();
        assert_eq!(records.len(), 2, "{records:?}");
        let place = records[0].place.as_ref().unwrap();
        assert_eq!(place.name, "x.py");
        let expected = Handle { file_system: 0x2222_0000_1111, kind: 1, bytes: b"handle.." };
        assert_eq!(handle(place.key), Some(expected));
        assert_eq!(records[1], Record { mask: MaskFlags::FAN_Q_OVERFLOW, place: None });
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_answer(bytes: Vec<u8>) {
            for record in records(&bytes) {
                let _ = record.place.and_then(|place| handle(place.key).map(|handle| handle.kind));
            }
        }
    }
}
