//! Sources whose bytes are unusual or wrong. Every interpreter is asked for its own verdict.

use crate::support::oracle::Oracle;
use crate::support::python::{interpreters, primary};
use crate::support::tree::Tree;
use crate::support::verdict::{OwnVerdict, assert_same};
use crate::warm_beside_good;

/// Warms one source with this content with every interpreter; each outcome must be that interpreter's own. Returns the primary's.
#[track_caller]
fn outcome(content: impl AsRef<[u8]>) -> OwnVerdict {
    let mut of_primary = None;
    for python in interpreters() {
        let tree = Tree::new();
        let source = tree.source("odd.py", content.as_ref());
        let report = warm_beside_good(python, &tree);
        let own = assert_same(&report, python, &source);
        Oracle { report: Some(&report), ..Oracle::default() }.ask(python, &tree.root).assert_good(python);
        if python.path == primary().path {
            of_primary = Some(own);
        }
    }
    of_primary.expect("the primary is one of all")
}

#[track_caller]
fn assert_compiles(content: impl AsRef<[u8]>) {
    assert_eq!(outcome(content).kind, "compiled");
}

#[track_caller]
fn assert_fails(content: impl AsRef<[u8]>) {
    assert_ne!(outcome(content).kind, "compiled");
}

#[test]
fn syntax_error() {
    let own = outcome("a = 1\nb = 2\ndef f(:\n    pass\n");
    assert_eq!((own.kind.as_str(), own.line), ("syntax", Some(3)));
}

#[test]
fn wrong_indentation() {
    assert_eq!(outcome("if 1:\n    a\n  b\n").line, Some(3));
}

#[test]
fn return_outside_a_function() {
    assert_fails("x = 1\nreturn x\n");
}

#[test]
fn unknown_encoding() {
    assert_fails("# -*- coding: no-such-encoding -*-\nx = 1\n");
}

#[test]
fn lying_encoding() {
    assert_fails(b"# -*- coding: ascii -*-\nx = '\xc3\xa4'\n");
}

#[test]
fn encoding_on_the_second_line() {
    assert_compiles(b"#!/usr/bin/python3\n# vim: set fileencoding=latin-1 :\nx = '\xe4'\n");
}

#[test]
fn encoding_of_several_bytes() {
    assert_compiles(b"# coding: shift_jis\nx = '\x83\x65\x83\x58\x83\x67'\n");
}

#[test]
fn not_utf8_without_an_encoding() {
    assert_fails(b"x = 1\ny = '\xff\xfe'\n");
}

#[test]
fn byte_order_mark() {
    assert_compiles(b"\xef\xbb\xbfx = '\xc3\xa4'\n");
}

#[test]
fn byte_order_mark_and_another_encoding() {
    assert_fails(b"\xef\xbb\xbf# coding: latin-1\nx = 1\n");
}

#[test]
fn utf16() {
    let text: Vec<u8> = "\u{feff}x = 1\n".encode_utf16().flat_map(u16::to_le_bytes).collect();
    assert_fails(text);
}

#[test]
fn nul_bytes() {
    assert_fails(b"x = 1\ny = 2\0\n");
}

#[test]
fn only_nul_bytes() {
    assert_fails([0; 4096]);
}

#[test]
fn carriage_returns() {
    assert_compiles("x = 1\ry = '''a\rb'''\r");
}

#[test]
fn carriage_returns_and_line_feeds() {
    assert_compiles("x = 1\r\ny = '''a\r\nb'''\r\nif x:\r\n    z = 3\r\n");
}

#[test]
fn form_feeds_and_no_last_newline() {
    assert_compiles("\x0cx = 1\n\x0c\ny = 2");
}

#[test]
fn empty() {
    assert_compiles("");
}

#[test]
fn only_a_comment() {
    assert_compiles("# nothing");
}

#[test]
fn lone_surrogate_in_a_literal() {
    assert_compiles("x = '\\udc80'\n");
}

#[test]
fn message_with_text_that_is_not_ascii() {
    assert_fails("x = \u{201c}quoted\u{201d}\n");
}

#[test]
fn warnings_are_no_failures() {
    assert_compiles("x = '\\d'\ny = 1 is 1\nassert (x, 'always true')\n");
}

#[test]
fn constants_that_compare_strangely() {
    assert_compiles(
        "x = (0.0, -0.0, 1e999 - 1e999, -1e999, 0j, -0j, 1, True, 1.0)\ny = 5 in {1, 2.0, 'a', b'a', None}\nz = ...\n",
    );
}

/// The compiler quotes the name, which is as long as the source; the message is kept for as long as the source fails.
#[test]
fn message_as_long_as_its_source() {
    let name = "a".repeat(1_000_000);
    let content = format!("def f():\n    {name} = 1\n    global {name}\n");
    for python in interpreters() {
        let tree = Tree::new();
        let source = tree.source("odd.py", &content);
        let report = warm_beside_good(python, &tree);
        let failure = report.failure_of(&source);
        let (kind, length) = (failure.kind.as_str(), failure.message.len());
        assert!(kind == "syntax" && (100..10_000).contains(&length), "{}: {kind}, {length} bytes", python.label());
    }
}
