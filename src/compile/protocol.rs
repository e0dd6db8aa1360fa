//! The frames between the daemon and a worker.
//!
//! Each frame is a length (u32, little-endian, not counting itself) and that many bytes. In it, a
//! *number* is a u32, little-endian; a *field* is a number and that many bytes.
//!
//! - hello, once, from the worker: fields `pycwarm worker 1`, implementation, version, build flags
//!   (`t` free-threaded, `d` debug), `sys.version`, cache tag (empty for none), magic number, header size in
//!   decimal, source hash of `pycwarm` (empty for none), path of the program, a marshalled sample
//! - request: number id, byte optimization level, byte 1 if the source hash is wanted, field path (used
//!   as `co_filename` only), and the source up to the end
//! - answer: number id, a byte, and
//!   - `K`: number of warnings, each a number (line) and a field; 8 bytes source hash if it was asked
//!     for; the code up to the end
//!   - `S` (syntax), `C` (too complex), `E` (other exception): number line (0: none), fields type and message

use bytes::{Buf, BufMut, Bytes, BytesMut};
use tokio_util::codec::LengthDelimitedCodec;

use crate::domain::interpreter::CodeLayout;
use crate::domain::policy::OptimizationLevel;
use crate::domain::{FailureKind, SipVariant};
use crate::pyc::marshal;
use crate::pyc::source_hash::source_hash;

/// The script that a worker runs.
pub const WORKER: &str = include_str!("worker.py");

const GREETING: &[u8] = b"pycwarm worker 1";
const HASHED: &[u8] = b"pycwarm";

/// The longest frame that is accepted, in bytes.
const LONGEST_FRAME: usize = 512 << 20;

/// The most warnings that a worker takes down for one source. More would cost more memory than the frame has bytes.
const MOST_WARNINGS: u32 = 100;

/// The longest text of a worker that is kept, in bytes. An error may quote a name, which may be as long as its source,
/// and what is wrong with a source is kept for as long as it is.
const LONGEST_TEXT: usize = 4096;

/// What a worker is asked.
#[derive(Debug, Clone)]
pub struct Request {
    pub level: OptimizationLevel,
    pub want_source_hash: bool,
    /// What `co_filename` is to be: the source's path, as bytes.
    pub path: Bytes,
    pub source: Bytes,
}

/// What an interpreter says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hello {
    pub implementation: String,
    pub version: String,
    pub build_flags: String,
    pub build: String,
    pub cache_tag: String,
    pub magic: [u8; 4],
    pub header_size: usize,
    pub source_hash: Option<SipVariant>,
    pub executable: Bytes,
    pub code_layout: Option<CodeLayout>,
}

/// What a worker made of a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Code { code: Bytes, source_hash: Option<[u8; 8]>, warnings: Vec<(u32, String)> },
    Rejected { kind: FailureKind, line: Option<u32>, message: String },
}

/// A frame that is none of those above.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it answered something that is not an answer ({0})")]
pub struct Garbage(pub &'static str);

/// The framing.
#[must_use]
pub fn codec() -> LengthDelimitedCodec {
    LengthDelimitedCodec::builder().little_endian().max_frame_length(LONGEST_FRAME).new_codec()
}

/// A request as a frame's content.
#[must_use]
#[allow(clippy::cast_possible_truncation, reason = "a path has at most 4096 bytes")]
pub fn encode_request(id: u32, request: &Request) -> Bytes {
    let mut frame = BytesMut::with_capacity(10 + request.path.len() + request.source.len());
    frame.put_u32_le(id);
    frame.put_u8(request.level.into());
    frame.put_u8(u8::from(request.want_source_hash));
    frame.put_u32_le(request.path.len() as u32);
    frame.put_slice(&request.path);
    frame.put_slice(&request.source);
    frame.freeze()
}

/// Reads the first frame of a worker.
///
/// # Errors
/// [`Garbage`] says which part is not as it should be.
pub fn decode_hello(mut frame: Bytes) -> Result<Hello, Garbage> {
    if field(&mut frame)? != GREETING {
        return Err(Garbage("no greeting"));
    }
    let implementation = text(&mut frame)?;
    let version = text(&mut frame)?;
    let build_flags = text(&mut frame)?;
    let build = text(&mut frame)?;
    let cache_tag = text(&mut frame)?;
    let magic: [u8; 4] = field(&mut frame)?[..].try_into().map_err(|_| Garbage("magic number"))?;
    let header_size =
        text(&mut frame)?.parse().ok().filter(|size| matches!(size, 12 | 16)).ok_or(Garbage("header size"))?;
    let hash = field(&mut frame)?;
    let source_hash = if hash.is_empty() {
        None
    } else {
        let variants = [SipVariant::Sip13, SipVariant::Sip24];
        let known = variants.into_iter().find(|variant| source_hash(*variant, magic, HASHED)[..] == hash[..]);
        Some(known.ok_or(Garbage("source hash"))?)
    };
    let executable = field(&mut frame)?;
    let code_layout = marshal::layout_of(&field(&mut frame)?);
    Ok(Hello {
        implementation,
        version,
        build_flags,
        build,
        cache_tag,
        magic,
        header_size,
        source_hash,
        executable,
        code_layout,
    })
}

/// Reads the answer to the request with this id.
///
/// # Errors
/// [`Garbage`] says which part is not as it should be.
pub fn decode_answer(mut frame: Bytes, id: u32, hash_wanted: bool) -> Result<Answer, Garbage> {
    if number(&mut frame)? != id {
        return Err(Garbage("an answer to another request"));
    }
    let kind = match frame.try_get_u8().map_err(|_| Garbage("empty answer"))? {
        b'K' => return decode_code(frame, hash_wanted),
        b'S' => FailureKind::Syntax,
        b'C' => FailureKind::TooComplex,
        b'E' => FailureKind::Source,
        _ => return Err(Garbage("unknown kind of answer")),
    };
    let line = Some(number(&mut frame)?).filter(|line| *line > 0);
    let exception = prose(&mut frame)?;
    let message = prose(&mut frame)?;
    let message = if message.is_empty() { exception } else { format!("{exception}: {message}") };
    Ok(Answer::Rejected { kind, line, message })
}

fn decode_code(mut frame: Bytes, hash_wanted: bool) -> Result<Answer, Garbage> {
    let count = number(&mut frame)?;
    if count > MOST_WARNINGS {
        return Err(Garbage("too many warnings"));
    }
    let mut warnings = Vec::new();
    for _ in 0..count {
        warnings.push((number(&mut frame)?, prose(&mut frame)?));
    }
    let source_hash = if hash_wanted {
        let mut hash = [0; 8];
        frame.try_copy_to_slice(&mut hash).map_err(|_| Garbage("source hash"))?;
        Some(hash)
    } else {
        None
    };
    Ok(Answer::Code { code: frame, source_hash, warnings })
}

fn number(frame: &mut Bytes) -> Result<u32, Garbage> {
    frame.try_get_u32_le().map_err(|_| Garbage("truncated number"))
}

fn field(frame: &mut Bytes) -> Result<Bytes, Garbage> {
    let length = number(frame)? as usize;
    if length > frame.len() {
        return Err(Garbage("truncated field"));
    }
    Ok(frame.split_to(length))
}

/// A text that counts as a whole.
fn text(frame: &mut Bytes) -> Result<String, Garbage> {
    let field = field(frame)?;
    if field.len() > LONGEST_TEXT {
        return Err(Garbage("text that is too long"));
    }
    utf8(&field).map(str::to_owned)
}

/// A text for people, who are told the beginning of one that is too long.
fn prose(frame: &mut Bytes) -> Result<String, Garbage> {
    let field = field(frame)?;
    let text = utf8(&field)?;
    if text.len() <= LONGEST_TEXT {
        return Ok(text.to_owned());
    }
    let end = (0..=LONGEST_TEXT).rfind(|end| text.is_char_boundary(*end)).unwrap_or(0);
    Ok(format!("{}...", &text[..end]))
}

fn utf8(field: &[u8]) -> Result<&str, Garbage> {
    str::from_utf8(field).map_err(|_| Garbage("text that is not UTF-8"))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn any_bytes_give_an_answer_or_an_error(bytes: Vec<u8>, id: u32, hash: bool) {
            let _ = decode_hello(Bytes::from(bytes.clone()));
            let _ = decode_answer(Bytes::from(bytes), id, hash);
        }
    }

    /// A frame with so many warnings, each without a text.
    fn warned(count: u32) -> Bytes {
        let mut frame = BytesMut::from(&b"\x01\0\0\0K"[..]);
        frame.put_u32_le(count);
        frame.put_bytes(0, 8 * count as usize);
        frame.freeze()
    }

    #[test]
    fn a_count_that_lies_is_garbage_and_allocates_nothing() {
        let frame = Bytes::from_static(b"\x01\0\0\0K\x64\0\0\0");
        assert_eq!(decode_answer(frame, 1, false), Err(Garbage("truncated number")));
    }

    #[test]
    fn more_warnings_than_a_worker_takes_down_are_garbage() {
        assert!(decode_answer(warned(MOST_WARNINGS), 1, false).is_ok());
        assert_eq!(decode_answer(warned(MOST_WARNINGS + 1), 1, false), Err(Garbage("too many warnings")));
        assert!(WORKER.contains(&format!("len(seen) < {MOST_WARNINGS}:")), "as the worker does it");
    }

    #[test]
    fn a_long_message_is_cut_and_a_long_name_is_garbage() {
        let long = "\u{e4}".repeat(LONGEST_TEXT);
        let field = |frame: &mut BytesMut, text: &str| {
            frame.put_u32_le(text.len() as u32);
            frame.put_slice(text.as_bytes());
        };
        let mut frame = BytesMut::from(&b"\x01\0\0\0S\x07\0\0\0"[..]);
        field(&mut frame, "SyntaxError");
        field(&mut frame, &format!("x{long}"));
        let message = format!("SyntaxError: x{}...", &long[..LONGEST_TEXT - 2]);
        let cut = Answer::Rejected { kind: FailureKind::Syntax, line: Some(7), message };
        assert_eq!(decode_answer(frame.freeze(), 1, false), Ok(cut));

        let mut frame = BytesMut::new();
        field(&mut frame, "pycwarm worker 1");
        field(&mut frame, &long);
        assert_eq!(decode_hello(frame.freeze()), Err(Garbage("text that is too long")));
    }
}
