//! `#!` lines that name a Python.

use std::ffi::{OsStr, OsString};
use std::os::unix::ffi::{OsStrExt, OsStringExt};
use std::path::PathBuf;

/// How many bytes of a script are looked at; the kernel itself reads 256.
pub const LINE: usize = 256;

/// The program that a script's first line names, if that is a Python 3: an absolute path, or the bare
/// name behind `env`.
#[must_use]
pub fn python(start: &[u8]) -> Option<PathBuf> {
    let line = start.strip_prefix(b"#!")?.split(|byte| *byte == b'\n').next()?;
    let mut words = line.split(u8::is_ascii_whitespace).filter(|word| !word.is_empty());
    let mut program = words.next()?;
    if base_name(program) == b"env" {
        // `env -S VAR=value python3 -I`
        program = words.find(|word| !word.starts_with(b"-") && !word.contains(&b'='))?;
        if program.contains(&b'/') && !program.starts_with(b"/") {
            return None;
        }
    } else if !program.starts_with(b"/") {
        return None;
    }
    is_python(base_name(program)).then(|| PathBuf::from(OsString::from_vec(program.to_vec())))
}

/// Whether a program has the name of a Python: `python`, `python3`, `python3.11`, `pypy3`, `pypy3.9`; not
/// Python 2, nor its tools.
#[must_use]
pub fn is_python(name: &[u8]) -> bool {
    let Some(version) = name.strip_prefix(b"python").or_else(|| name.strip_prefix(b"pypy")) else { return false };
    let version = version.strip_suffix(b"-dbg").unwrap_or(version);
    let numbers = version.strip_suffix(b"t").or(version.strip_suffix(b"d")).unwrap_or(version);
    numbers.is_empty() || numbers.starts_with(b"3") && numbers.iter().all(|byte| byte.is_ascii_digit() || *byte == b'.')
}

fn base_name(program: &[u8]) -> &[u8] {
    std::path::Path::new(OsStr::from_bytes(program)).file_name().map_or(program, OsStrExt::as_bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_pythons_are_found() {
        let found = |line: &str| python(line.as_bytes()).map(|path| path.into_os_string().into_string().unwrap());
        for (line, expected) in [
            ("#!/usr/bin/python3\nimport os", Some("/usr/bin/python3")),
            ("#! /usr/bin/python3.11 -I", Some("/usr/bin/python3.11")),
            ("#!/usr/bin/env python3", Some("python3")),
            ("#!/usr/bin/env -S LANG=C pypy3 -O", Some("pypy3")),
            ("#!/srv/venv/bin/python\r\n", Some("/srv/venv/bin/python")),
            ("#!/usr/bin/env ./python3", None),
            ("#!python3", None),
            ("#!/usr/bin/python2", None),
            ("#!/bin/sh\n# python3", None),
            ("#!/usr/bin/python3-config", None),
            ("import os", None),
            ("#!", None),
        ] {
            assert_eq!(found(line).as_deref(), expected, "{line}");
        }
    }
}
