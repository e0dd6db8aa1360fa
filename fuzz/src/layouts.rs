//! The forms of caches that there are: chosen by a byte of the input.

use pycwarm::domain::interpreter::CodeLayout;

/// The form of one range of versions.
#[derive(Debug, Clone, Copy)]
pub struct Format {
    pub header_size: usize,
    pub layout: CodeLayout,
}

const fn format(header_size: usize, integers: u8, objects: u8, last_objects: u8) -> Format {
    Format { header_size, layout: CodeLayout { integers, objects, last_objects } }
}

/// CPython 3.6; 3.7; 3.8 to 3.10 and PyPy 3.9; CPython 3.11 and later; PyPy 3.11.
const ALL: [Format; 5] =
    [format(12, 5, 8, 1), format(16, 5, 8, 1), format(16, 6, 8, 1), format(16, 5, 8, 2), format(16, 6, 9, 1)];

/// The form that the three lowest bits of a byte stand for.
pub fn chosen(by: u8) -> Format {
    ALL[usize::from(by & 7) % ALL.len()]
}
