//! Reads the marshalled code of a cache for its form only: is it whole?
//!
//! Import fails, and goes on failing, on a cache with a right header and a torn body. So nothing is
//! published that is not, from its first byte to its last, one code object in the form that
//! `Python/marshal.c` reads. What the code does is not looked at.

use crate::domain::interpreter::CodeLayout;

/// The bit that says that an object may be referred to later.
const FLAG_REF: u8 = 0x80;

/// How many objects may be open at a time. CPython refuses to read more than 2,000; PyPy sets no limit, but what it
/// compiles comes nowhere near. Each costs 8 bytes here, and a single byte in what somebody made up to cost us memory.
const MOST_OPEN: usize = 1 << 20;

/// Where and why the form is wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("malformed marshal data at byte {at}: {what}")]
pub struct Malformed {
    pub at: usize,
    pub what: &'static str,
}

/// Finds the layout in which a sample of an interpreter's own making is whole. `None` if there is none, or no
/// telling which.
///
/// Known are 5-8-1 (CPython 3.6, 3.7), 6-8-1 (3.8 to 3.10, PyPy 3.9), 5-8-2 (3.11 to 3.15) and 6-9-1 (PyPy 3.11).
#[must_use]
pub fn layout_of(sample: &[u8]) -> Option<CodeLayout> {
    let mut fitting = (4..=7)
        .flat_map(|integers| (7..=10).map(move |objects| (integers, objects)))
        .flat_map(|(integers, objects)| (1..=3).map(move |last_objects| CodeLayout { integers, objects, last_objects }))
        .filter(|layout| check(sample, *layout).is_ok());
    let found = fitting.next()?;
    fitting.next().is_none().then_some(found)
}

/// Checks that the bytes are one code object and nothing else.
///
/// # Errors
/// See [`Malformed`].
pub fn check(bytes: &[u8], layout: CodeLayout) -> Result<(), Malformed> {
    let mut reader = Reader { bytes, at: 0, layout, references: 0 };
    if bytes.first().is_none_or(|first| first & !FLAG_REF != b'c') {
        return reader.fail("no code object");
    }
    reader.object()?;
    if reader.at != bytes.len() { reader.fail("more than one object") } else { Ok(()) }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
    layout: CodeLayout,
    /// How many objects may be referred to.
    references: u32,
}

/// An object whose parts are being read.
enum Open {
    /// So many objects are still to come.
    Items(u32),
    /// Keys and values up to NULL.
    Dictionary,
    /// A code object whose first objects have been read.
    Code,
}

/// What an object begins with.
enum Head {
    Whole,
    Null,
    Items(u32),
    Dictionary,
    Code,
}

impl Reader<'_> {
    fn fail<T>(&self, what: &'static str) -> Result<T, Malformed> {
        Err(Malformed { at: self.at, what })
    }

    /// Reads one object with all that is in it. Not by recursion: PyPy sets no limit to the depth.
    fn object(&mut self) -> Result<(), Malformed> {
        let mut open = vec![Open::Items(1)];
        loop {
            let depth = open.len();
            let Some(innermost) = open.last_mut() else { return Ok(()) };
            if depth > MOST_OPEN {
                return self.fail("it is nested too deeply");
            }
            match innermost {
                Open::Items(0) => {
                    open.pop();
                    continue;
                }
                Open::Code => {
                    // All but the line number and what comes after it has been read.
                    *innermost = Open::Items(u32::from(self.layout.last_objects));
                    self.skip(4)?;
                    continue;
                }
                Open::Items(left) => *left -= 1,
                Open::Dictionary => {}
            }
            let in_dictionary = matches!(innermost, Open::Dictionary);
            match self.head()? {
                Head::Whole => {}
                Head::Null if in_dictionary => {
                    open.pop();
                }
                Head::Null => return self.fail("NULL in place of an object"),
                Head::Items(count) => open.push(Open::Items(count)),
                Head::Dictionary => open.push(Open::Dictionary),
                Head::Code => open.extend([Open::Code, Open::Items(u32::from(self.layout.objects))]),
            }
        }
    }

    /// Reads an object up to the objects in it.
    fn head(&mut self) -> Result<Head, Malformed> {
        let code = self.byte()?;
        if code & FLAG_REF != 0 {
            self.references = self.references.saturating_add(1);
        }
        match code & !FLAG_REF {
            b'0' => return Ok(Head::Null),
            b'N' | b'T' | b'F' | b'S' | b'.' => {}
            b'i' => self.skip(4)?,
            b'I' | b'g' => self.skip(8)?,
            b'y' => self.skip(16)?,
            b'f' => self.short_text()?,
            b'x' => {
                self.short_text()?;
                self.short_text()?;
            }
            b'l' => {
                // Digits of 15 bits; the sign of the count is that of the number.
                let digits = self.number()?.cast_signed().unsigned_abs() as usize;
                self.skip(digits.saturating_mul(2))?;
            }
            b's' | b't' | b'u' | b'a' | b'A' => {
                let length = self.number()? as usize;
                self.skip(length)?;
            }
            b'z' | b'Z' => self.short_text()?,
            b'r' => {
                if self.number()? >= self.references {
                    return self.fail("a reference to nothing");
                }
            }
            b')' => return Ok(Head::Items(u32::from(self.byte()?))),
            b'(' | b'[' | b'<' | b'>' => return Ok(Head::Items(self.number()?)),
            b':' => return Ok(Head::Items(3)),
            b'{' => return Ok(Head::Dictionary),
            b'c' => {
                self.skip(4 * usize::from(self.layout.integers))?;
                return Ok(Head::Code);
            }
            _ => return self.fail("an unknown type"),
        }
        Ok(Head::Whole)
    }

    fn short_text(&mut self) -> Result<(), Malformed> {
        let length = usize::from(self.byte()?);
        self.skip(length)
    }

    fn number(&mut self) -> Result<u32, Malformed> {
        match self.bytes[self.at..].first_chunk() {
            Some(four) => {
                self.at += 4;
                Ok(u32::from_le_bytes(*four))
            }
            None => self.fail("it ends in a number"),
        }
    }

    fn byte(&mut self) -> Result<u8, Malformed> {
        match self.bytes.get(self.at) {
            Some(byte) => {
                self.at += 1;
                Ok(*byte)
            }
            None => self.fail("it ends where an object should begin"),
        }
    }

    fn skip(&mut self, count: usize) -> Result<(), Malformed> {
        if count > self.bytes.len() - self.at {
            return self.fail("it ends in an object");
        }
        self.at += count;
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LAYOUT: CodeLayout = CodeLayout { integers: 5, objects: 8, last_objects: 2 };

    /// `compile("", "", "exec")` as CPython 3.11 marshals it, put together by hand.
    fn empty_module() -> Vec<u8> {
        let mut bytes = vec![b'c' | FLAG_REF];
        bytes.extend([0; 20]);
        bytes.extend(b"s\x08\0\0\0\x97\0d\0S\0\0\0"); // bytecode
        bytes.extend(b")\x01N"); // constants
        bytes.extend(b"\xa9\0"); // names; the second reference
        bytes.extend(b"r\x01\0\0\0"); // local names
        bytes.extend(b"\xf3\0\0\0\0"); // their kinds
        bytes.extend(b"\xda\0\xfa\x08<module>r\x03\0\0\0"); // file, name, qualified name
        bytes.extend([1, 0, 0, 0]);
        bytes.extend(b"s\0\0\0\0r\x02\0\0\0"); // line table, exception table
        bytes
    }

    #[test]
    fn a_whole_code_object_is_whole_and_nothing_less_or_more() {
        let whole = empty_module();
        assert_eq!(check(&whole, LAYOUT), Ok(()));
        for end in 0..whole.len() {
            assert!(check(&whole[..end], LAYOUT).is_err(), "cut off at {end}");
        }
        assert!(check(&[&whole[..], b"N"].concat(), LAYOUT).is_err());
        assert!(check(b"N", LAYOUT).is_err());
    }

    #[test]
    fn counts_that_lie_are_refused_at_once() {
        assert!(check(&[b"c".as_slice(), &[0; 20], b"(\xff\xff\xff\xff"].concat(), LAYOUT).is_err());
    }

    #[test]
    fn depth_does_not_matter() {
        let mut bytes = empty_module();
        let constants = bytes.windows(3).position(|part| part == b")\x01N").unwrap();
        bytes.splice(constants + 2..constants + 2, b")\x01".repeat(1_000_000));
        assert_eq!(check(&bytes, LAYOUT), Ok(()));
    }

    /// Each byte would cost eight and more, and there may be half a gigabyte of them.
    #[test]
    fn what_is_made_up_to_cost_memory_is_refused() {
        let nested = [b"c".as_slice(), &[0; 20], &b"{".repeat(2 * MOST_OPEN)].concat();
        let refused = check(&nested, LAYOUT).unwrap_err();
        assert_eq!((refused.what, refused.at <= 22 + MOST_OPEN), ("it is nested too deeply", true), "{refused}");
    }

    proptest! {
        #[test]
        fn any_bytes_give_an_answer(bytes: Vec<u8>) {
            let _ = check(&bytes, LAYOUT);
            let _ = check(&[b"c", &bytes[..]].concat(), LAYOUT);
        }
    }
}
