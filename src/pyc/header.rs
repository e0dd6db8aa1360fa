//! The 12 or 16 bytes before the marshalled code.
//!
//! CPython 3.6: magic, mtime, size. From 3.7 on (PEP 552): magic, flags, then mtime and size or an
//! 8-byte source hash. All numbers are unsigned, 32 bits, little-endian.

use super::stamp::Stamp;

/// The longest header there is, in bytes.
pub const LONGEST: usize = 16;

const FLAG_HASH: u32 = 1;
const FLAG_CHECK_SOURCE: u32 = 2;

/// What a header says about the source it was made from.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Header {
    Timestamp(Stamp),
    Hash { checked: bool, hash: [u8; 8] },
}

/// Why import would not accept a header, whatever the source.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum HeaderFault {
    Short,
    Magic,
    Flags,
}

impl Header {
    /// Reads the header of a cache for an interpreter with this magic number and header size.
    ///
    /// # Errors
    /// The same cases in which import ignores the file.
    pub fn parse(bytes: &[u8], magic: [u8; 4], size: usize) -> Result<Self, HeaderFault> {
        if bytes.len() >= 4 && bytes[..4] != magic {
            return Err(HeaderFault::Magic);
        }
        if bytes.len() < size || size < 12 {
            return Err(HeaderFault::Short);
        }
        if size < LONGEST {
            return Ok(Self::Timestamp(Stamp { mtime: word(bytes, 4), size: word(bytes, 8) }));
        }
        let flags = word(bytes, 4);
        if flags & !(FLAG_HASH | FLAG_CHECK_SOURCE) != 0 || flags == FLAG_CHECK_SOURCE {
            return Err(HeaderFault::Flags);
        }
        if flags == 0 {
            return Ok(Self::Timestamp(Stamp { mtime: word(bytes, 8), size: word(bytes, 12) }));
        }
        let mut hash = [0; 8];
        hash.copy_from_slice(&bytes[8..16]);
        Ok(Self::Hash { checked: flags & FLAG_CHECK_SOURCE != 0, hash })
    }

    /// The bytes of this header. A hash has no place in a header of 12 bytes: `None`.
    #[must_use]
    pub fn encode(self, magic: [u8; 4], size: usize) -> Option<Vec<u8>> {
        let mut bytes = magic.to_vec();
        match self {
            Self::Timestamp(stamp) => {
                if size == LONGEST {
                    bytes.extend(0u32.to_le_bytes());
                }
                bytes.extend(stamp.mtime.to_le_bytes());
                bytes.extend(stamp.size.to_le_bytes());
            }
            Self::Hash { checked, hash } => {
                bytes.extend((FLAG_HASH | if checked { FLAG_CHECK_SOURCE } else { 0 }).to_le_bytes());
                bytes.extend(hash);
            }
        }
        (bytes.len() == size).then_some(bytes)
    }
}

/// Whether the first bytes look like those of any interpreter's cache: a magic number ends in `\r\n`.
#[must_use]
pub fn plausible(bytes: &[u8]) -> bool {
    bytes.len() >= 4 && bytes[2..4] == *b"\r\n"
}

/// Whether the first bytes say that a source hash follows. Right for every format but that of
/// CPython 3.6, where a file of the first seconds of 1970 may be mistaken.
#[must_use]
pub fn may_hold_hash(bytes: &[u8]) -> bool {
    bytes.len() >= LONGEST && matches!(word(bytes, 4), 1 | 3)
}

fn word(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |four| u32::from_le_bytes([four[0], four[1], four[2], four[3]]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const MAGIC: [u8; 4] = *b"\xa7\x0d\r\n";

    proptest! {
        #[test]
        fn what_is_encoded_is_parsed(mtime: u32, size: u32, hash: [u8; 8], checked: bool, short: bool) {
            let header_size = if short { 12 } else { 16 };
            let stamped = Header::Timestamp(Stamp { mtime, size });
            let bytes = stamped.encode(MAGIC, header_size).unwrap();
            prop_assert_eq!(Header::parse(&bytes, MAGIC, header_size), Ok(stamped));
            let hashed = Header::Hash { checked, hash };
            match hashed.encode(MAGIC, header_size) {
                Some(bytes) => prop_assert_eq!(Header::parse(&bytes, MAGIC, header_size), Ok(hashed)),
                None => prop_assert!(short),
            }
        }

        #[test]
        fn any_bytes_give_an_answer(bytes: Vec<u8>, size in 0usize..40) {
            let _ = Header::parse(&bytes, MAGIC, size);
        }
    }

    #[test]
    fn faults_are_those_of_import() {
        assert_eq!(Header::parse(b"", MAGIC, 16), Err(HeaderFault::Short));
        assert_eq!(Header::parse(b"\xa7\x0d\r\n\0\0\0\0", MAGIC, 16), Err(HeaderFault::Short));
        assert_eq!(Header::parse(&[0; 16], MAGIC, 16), Err(HeaderFault::Magic));
        let mut bytes = MAGIC.to_vec();
        bytes.extend([4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        assert_eq!(Header::parse(&bytes, MAGIC, 16), Err(HeaderFault::Flags));
    }
}
