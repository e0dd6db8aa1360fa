//! What a worker says: frames out of a stream of bytes, and hello and answers out of frames.
//!
//! The first byte chooses what the rest is: a stream, a hello, an answer, or what leads the making of one of these. The
//! second says how many bytes come at a time, and whether a source hash was asked for.

use arbitrary::{Result, Unstructured};
use bytes::{BufMut, Bytes, BytesMut};
use pycwarm::compile::protocol::{Answer, Request, codec, decode_answer, decode_hello, encode_request};
use pycwarm::domain::path_text::escaped_text;
use pycwarm::domain::policy::OptimizationLevel;
use pycwarm::domain::{FailureKind, SipVariant};
use pycwarm::pyc::source_hash::source_hash;
use tokio_util::codec::Decoder;

use super::text::assert_harmless;

/// Longer ones are cut, and three dots follow.
const LONGEST_TEXT: usize = 4096;

pub fn run(data: &[u8]) -> bool {
    let [kind, how, rest @ ..] = data else { return false };
    let hash_wanted = how & 1 != 0;
    match kind & 3 {
        0 => stream(rest, usize::from(how >> 1) + 1, hash_wanted),
        1 => hello(rest),
        2 => {
            let id = rest.first_chunk().map_or(0, |id| u32::from_le_bytes(*id));
            answer(rest, id, hash_wanted)
        }
        _ => made(&mut Unstructured::new(rest), hash_wanted).unwrap_or(false),
    }
}

/// The frames are the same in whatever pieces the bytes come.
fn stream(bytes: &[u8], piece: usize, hash_wanted: bool) -> bool {
    let at_once = frames(bytes, bytes.len().max(1));
    assert_eq!(at_once, frames(bytes, piece), "in pieces of {piece}");
    let mut accepted = false;
    for (id, frame) in (0..).zip(&at_once.0) {
        accepted |= if id == 0 { hello(frame) } else { answer(frame, id, hash_wanted) };
    }
    accepted
}

/// The frames, and whether the stream ended in a fault.
fn frames(bytes: &[u8], piece: usize) -> (Vec<Bytes>, bool) {
    let (mut codec, mut buffer, mut frames) = (codec(), BytesMut::new(), Vec::new());
    for piece in bytes.chunks(piece) {
        buffer.extend_from_slice(piece);
        loop {
            match codec.decode(&mut buffer) {
                Ok(Some(frame)) => frames.push(frame.freeze()),
                Ok(None) => break,
                Err(_) => return (frames, true),
            }
        }
    }
    (frames, false)
}

fn hello(frame: &[u8]) -> bool {
    let hello = match decode_hello(Bytes::copy_from_slice(frame)) {
        Ok(hello) => hello,
        Err(garbage) => {
            assert_harmless(&garbage.to_string());
            return false;
        }
    };
    assert!(matches!(hello.header_size, 12 | 16));
    for said in [&hello.implementation, &hello.version, &hello.build_flags, &hello.build, &hello.cache_tag] {
        assert!(said.len() <= frame.len());
        assert_harmless(&escaped_text(said).to_string());
    }
    // Its fields stand one after the other, up to the end or before: nothing shorter is a hello.
    let fields = 16 + said_length(&hello) + 11 * 4;
    assert!(fields <= frame.len(), "{fields} of {}", frame.len());
    true
}

/// The bytes of those fields whose length the hello still shows.
fn said_length(hello: &pycwarm::compile::protocol::Hello) -> usize {
    let texts = [&hello.implementation, &hello.version, &hello.build_flags, &hello.build, &hello.cache_tag];
    let hash = hello.source_hash.map_or(0, |_| 8);
    // Two digits, at least, for the size of the header.
    texts.iter().map(|text| text.len()).sum::<usize>() + hello.magic.len() + hello.executable.len() + hash + 2
}

fn answer(frame: &[u8], id: u32, hash_wanted: bool) -> bool {
    let bytes = Bytes::copy_from_slice(frame);
    let own_id = frame.first_chunk().map_or(0, |id| u32::from_le_bytes(*id));
    let other = decode_answer(bytes.clone(), own_id ^ 1, hash_wanted);
    assert!(other.is_err(), "an answer to another request was taken");
    match decode_answer(bytes, id, hash_wanted) {
        Ok(Answer::Code { code, source_hash, warnings }) => {
            assert_eq!(source_hash.is_some(), hash_wanted);
            let said: usize = warnings.iter().map(|(_, text)| text.len() + 8).sum();
            let is_cut = warnings.iter().any(|(_, text)| text.len() >= LONGEST_TEXT);
            let all = 9 + said + source_hash.map_or(0, |hash| hash.len()) + code.len();
            assert!(all == frame.len() || is_cut && all <= frame.len(), "{all} of {}", frame.len());
            warnings.iter().for_each(|(_, text)| assert_harmless(&escaped_text(text).to_string()));
            true
        }
        Ok(Answer::Rejected { line, message, .. }) => {
            assert_ne!(line, Some(0));
            assert!(message.len() <= frame.len().min(2 * (LONGEST_TEXT + 3) + 2));
            assert_harmless(&escaped_text(&message).to_string());
            true
        }
        Err(garbage) => {
            assert_harmless(&garbage.to_string());
            false
        }
    }
}

/// What is written as the protocol says is read as it was meant; nothing shorter is, where it has no open end.
fn made(input: &mut Unstructured<'_>, hash_wanted: bool) -> Result<bool> {
    match input.int_in_range(0..=3u8)? {
        0 => made_hello(input)?,
        1 => made_code(input, hash_wanted)?,
        2 => made_rejection(input)?,
        _ => made_request(input, hash_wanted)?,
    }
    Ok(true)
}

fn made_hello(input: &mut Unstructured<'_>) -> Result<()> {
    let mut texts: [String; 5] = Default::default();
    for text in &mut texts {
        *text = input.arbitrary::<&str>()?.to_owned();
    }
    let magic: [u8; 4] = input.arbitrary()?;
    let size = *input.choose(&[12, 16])?;
    let variant = *input.choose(&[None, Some(SipVariant::Sip13), Some(SipVariant::Sip24)])?;
    let executable = input.arbitrary::<&[u8]>()?;
    let mut frame = BytesMut::new();
    field(&mut frame, b"pycwarm worker 1");
    texts.iter().for_each(|text| field(&mut frame, text.as_bytes()));
    field(&mut frame, &magic);
    field(&mut frame, size.to_string().as_bytes());
    match variant {
        Some(variant) => field(&mut frame, &source_hash(variant, magic, b"pycwarm")),
        None => field(&mut frame, b""),
    }
    field(&mut frame, executable);
    field(&mut frame, b"no sample");
    let frame = frame.freeze();
    let hello = decode_hello(frame.clone()).expect("a hello as it is described");
    let said = [hello.implementation, hello.version, hello.build_flags, hello.build, hello.cache_tag];
    assert_eq!(said, texts);
    assert_eq!((hello.magic, hello.header_size, hello.source_hash), (magic, size, variant));
    assert_eq!((&hello.executable[..], hello.code_layout), (executable, None));
    assert!(decode_hello(frame.slice(..input.choose_index(frame.len())?)).is_err(), "a hello that was cut off");
    Ok(())
}

fn made_code(input: &mut Unstructured<'_>, hash_wanted: bool) -> Result<()> {
    let id: u32 = input.arbitrary()?;
    let warnings = (0..input.int_in_range(0..=4)?)
        .map(|_| Ok((input.arbitrary()?, text(input)?)))
        .collect::<Result<Vec<(u32, String)>>>()?;
    let hash: Option<[u8; 8]> = if hash_wanted { Some(input.arbitrary()?) } else { None };
    let code = input.arbitrary::<&[u8]>()?;
    let mut frame = BytesMut::new();
    frame.put_u32_le(id);
    frame.put_u8(b'K');
    frame.put_u32_le(warnings.len() as u32);
    for (line, text) in &warnings {
        frame.put_u32_le(*line);
        field(&mut frame, text.as_bytes());
    }
    frame.put_slice(hash.as_ref().map_or(&[], |hash| &hash[..]));
    let before_code = frame.len();
    frame.put_slice(code);
    let frame = frame.freeze();
    let warnings = warnings.into_iter().map(|(line, text)| (line, cut(text))).collect();
    let answer = Answer::Code { code: Bytes::copy_from_slice(code), source_hash: hash, warnings };
    assert_eq!(decode_answer(frame.clone(), id, hash_wanted).as_ref(), Ok(&answer));
    let end = input.choose_index(before_code)?;
    assert!(decode_answer(frame.slice(..end), id, hash_wanted).is_err(), "an answer that was cut off at {end}");
    Ok(())
}

fn made_rejection(input: &mut Unstructured<'_>) -> Result<()> {
    let id: u32 = input.arbitrary()?;
    let kinds = [(b'S', FailureKind::Syntax), (b'C', FailureKind::TooComplex), (b'E', FailureKind::Source)];
    let (letter, kind) = *input.choose(&kinds)?;
    let (line, exception, message): (u32, _, _) = (input.arbitrary()?, text(input)?, text(input)?);
    let mut frame = BytesMut::new();
    frame.put_u32_le(id);
    frame.put_u8(letter);
    frame.put_u32_le(line);
    field(&mut frame, exception.as_bytes());
    field(&mut frame, message.as_bytes());
    let frame = frame.freeze();
    let line = (line > 0).then_some(line);
    let (exception, message) = (cut(exception), cut(message));
    let message = if message.is_empty() { exception } else { format!("{exception}: {message}") };
    assert_eq!(decode_answer(frame.clone(), id, false), Ok(Answer::Rejected { kind, line, message }));
    assert!(decode_answer(frame.slice(..input.choose_index(frame.len())?), id, false).is_err(), "it was cut off");
    Ok(())
}

/// Reads a request as the worker does.
fn made_request(input: &mut Unstructured<'_>, hash_wanted: bool) -> Result<()> {
    let id: u32 = input.arbitrary()?;
    let level = input.int_in_range(0..=2u8)?;
    let (path, source) = (input.arbitrary::<&[u8]>()?, input.arbitrary::<&[u8]>()?);
    let request = Request {
        level: OptimizationLevel::try_from(i64::from(level)).expect("a level that there is"),
        want_source_hash: hash_wanted,
        path: Bytes::copy_from_slice(path),
        source: Bytes::copy_from_slice(source),
    };
    let frame = encode_request(id, &request);
    assert_eq!((&frame[..4], frame[4], frame[5]), (&id.to_le_bytes()[..], level, u8::from(hash_wanted)));
    let end = 10 + path.len();
    assert_eq!((&frame[6..10], &frame[10..end]), (&(path.len() as u32).to_le_bytes()[..], path));
    assert_eq!(&frame[end..], source);
    Ok(())
}

fn field(frame: &mut BytesMut, bytes: &[u8]) {
    frame.put_u32_le(bytes.len() as u32);
    frame.put_slice(bytes);
}

/// Some are longer than what is kept.
fn text(input: &mut Unstructured<'_>) -> Result<String> {
    let text = input.arbitrary::<&str>()?;
    let times = if input.ratio(1, 8)? { input.int_in_range(1..=1000)? } else { 1 };
    Ok(text.repeat(times))
}

/// What is kept of a text.
fn cut(mut text: String) -> String {
    if text.len() > LONGEST_TEXT {
        while text.len() > LONGEST_TEXT {
            text.pop();
        }
        text.push_str("...");
    }
    text
}
