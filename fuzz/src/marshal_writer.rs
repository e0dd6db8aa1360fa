//! Writes well-formed marshal data, led by the bytes of an input.

use arbitrary::{Result, Unstructured};
use pycwarm::domain::interpreter::CodeLayout;

const FLAG_REF: u8 = 0x80;
/// Objects within objects.
const DEEPEST: usize = 12;

/// One code object in this layout.
///
/// # Errors
/// Never for want of input: what is missing is taken as zeros.
pub fn code(input: &mut Unstructured<'_>, layout: CodeLayout) -> Result<Vec<u8>> {
    let mut writer = Writer { input, layout, references: 0, out: Vec::new() };
    writer.code(0)?;
    Ok(writer.out)
}

struct Writer<'a, 'b> {
    input: &'a mut Unstructured<'b>,
    layout: CodeLayout,
    references: u32,
    out: Vec<u8>,
}

impl Writer<'_, '_> {
    fn code(&mut self, depth: usize) -> Result<()> {
        self.kind(b'c')?;
        self.bytes(4 * usize::from(self.layout.integers))?;
        self.objects(self.layout.objects.into(), depth)?;
        self.bytes(4)?;
        self.objects(self.layout.last_objects.into(), depth)
    }

    fn objects(&mut self, count: usize, depth: usize) -> Result<()> {
        (0..count).try_for_each(|_| self.object(depth + 1))
    }

    fn object(&mut self, depth: usize) -> Result<()> {
        // Those from `)` on have others in them. An input that has come to its end gives the first.
        const KINDS: &[u8] = b"NTFS.iIgyfxlstuaAzZr)([<>:{c";
        let choices = if depth > DEEPEST || self.input.is_empty() { 20 } else { KINDS.len() };
        let kind = KINDS[self.input.choose_index(choices)?];
        if kind == b'r' {
            return self.reference();
        }
        if kind == b'c' {
            return self.code(depth);
        }
        self.kind(kind)?;
        match kind {
            b'i' => self.bytes(4),
            b'I' | b'g' => self.bytes(8),
            b'y' => self.bytes(16),
            b'f' | b'z' | b'Z' => self.short_text(),
            b'x' => self.short_text().and_then(|()| self.short_text()),
            b'l' => {
                let digits = i32::from(self.input.arbitrary::<i8>()?);
                self.out.extend(digits.to_le_bytes());
                self.bytes(2 * digits.unsigned_abs() as usize)
            }
            b's' | b't' | b'u' | b'a' | b'A' => {
                let length = u32::from(self.input.arbitrary::<u8>()?);
                self.out.extend(length.to_le_bytes());
                self.bytes(length as usize)
            }
            b')' => {
                let count = self.input.int_in_range(0..=5u8)?;
                self.out.push(count);
                self.objects(count.into(), depth)
            }
            b'(' | b'[' | b'<' | b'>' => {
                let count = self.input.int_in_range(0..=5u32)?;
                self.out.extend(count.to_le_bytes());
                self.objects(count as usize, depth)
            }
            b':' => self.objects(3, depth),
            b'{' => {
                let pairs = self.input.int_in_range(0..=3usize)?;
                self.objects(2 * pairs, depth)?;
                self.out.push(b'0');
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// The byte of a type, perhaps with the mark that it may be referred to.
    fn kind(&mut self, kind: u8) -> Result<()> {
        let marked = self.input.arbitrary()?;
        self.references += u32::from(marked);
        self.out.push(if marked { kind | FLAG_REF } else { kind });
        Ok(())
    }

    fn reference(&mut self) -> Result<()> {
        if self.references == 0 {
            return self.kind(b'N');
        }
        let to = self.input.int_in_range(0..=self.references - 1)?;
        self.out.push(b'r');
        self.out.extend(to.to_le_bytes());
        Ok(())
    }

    fn short_text(&mut self) -> Result<()> {
        let length = self.input.arbitrary::<u8>()?;
        self.out.push(length);
        self.bytes(length.into())
    }

    fn bytes(&mut self, count: usize) -> Result<()> {
        let start = self.out.len();
        self.out.resize(start + count, 0);
        self.input.fill_buffer(&mut self.out[start..])
    }
}
