//! The form of marshalled code: what is accepted is whole, and nothing less or more is.
//!
//! The first byte chooses the layout, and whether the rest is read as it is or leads the making of a code object.

use arbitrary::Unstructured;
use pycwarm::pyc::marshal::{Malformed, check, layout_of};

use super::layouts;
use super::marshal_writer as writer;

/// Every prefix of code up to this length is tried, of longer code a few.
const ALL_PREFIXES: usize = 256;

pub fn run(data: &[u8]) -> bool {
    let Some((&kind, rest)) = data.split_first() else { return false };
    let layout = layouts::chosen(kind).layout;
    if kind & 8 == 0 {
        let accepted = within(rest, check(rest, layout));
        if accepted {
            nothing_less_or_more(rest, &|bytes| within(bytes, check(bytes, layout)));
        }
        sample(rest);
        return accepted;
    }
    let mut input = Unstructured::new(rest);
    let Ok(mut code) = writer::code(&mut input, layout) else { return false };
    assert_eq!(check(&code, layout), Ok(()), "{code:02x?}");
    nothing_less_or_more(&code, &|bytes| within(bytes, check(bytes, layout)));
    // One byte changed: no telling what is said to that, but it is said.
    let (Ok(at), Ok(byte)) = (input.choose_index(code.len()), input.arbitrary()) else { return true };
    code[at] = byte;
    within(&code, check(&code, layout));
    true
}

/// Whether the bytes were accepted; the place of a fault lies within them.
fn within(bytes: &[u8], checked: Result<(), Malformed>) -> bool {
    match checked {
        Ok(()) => true,
        Err(malformed) => {
            assert!(malformed.at <= bytes.len(), "{malformed} of {}", bytes.len());
            false
        }
    }
}

fn nothing_less_or_more(whole: &[u8], accepts: &dyn Fn(&[u8]) -> bool) {
    let shorter = match whole.len() {
        length @ ..=ALL_PREFIXES => (0..length).collect(),
        length => vec![0, 1, length / 3, length / 2, length - 2, length - 1],
    };
    for end in shorter {
        assert!(!accepts(&whole[..end]), "accepted when cut off at {end} of {}: {whole:02x?}", whole.len());
    }
    for byte in [0, b'N', b'0', 0xff] {
        assert!(!accepts(&[whole, &[byte]].concat()), "accepted with a {byte:#04x} more: {whole:02x?}");
    }
}

/// The layout that a sample shows is one in which it can be read.
fn sample(bytes: &[u8]) {
    if let Some(layout) = layout_of(bytes) {
        assert_eq!(check(bytes, layout), Ok(()), "{layout:?}");
    }
}
