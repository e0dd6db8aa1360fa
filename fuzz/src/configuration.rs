//! Configuration files of any bytes are read, or refused with their file and line.
//!
//! The first byte says whether the rest is one file, or two that are separated by a NUL byte and laid over each other.

use std::path::Path;

use pycwarm::config::{ConfigError, Merged, Overrides};

use super::text::assert_harmless;

pub fn run(data: &[u8]) -> bool {
    let Some((&kind, rest)) = data.split_first() else { return false };
    let files: Vec<&[u8]> = if kind & 1 != 0 { vec![rest] } else { rest.splitn(2, |byte| *byte == 0).collect() };
    let merged = match merged(&files) {
        Ok(merged) => merged,
        Err(error) => {
            refused(&error, &files);
            return false;
        }
    };
    // What is said of it means the same again, whatever its values are.
    let explained = explain(&merged);
    let again = self::merged(&[explained.as_bytes()])
        .unwrap_or_else(|error| panic!("what was explained cannot be read, {error}:\n{explained}"));
    assert_eq!(without_origins(&explain(&again)), without_origins(&explained));
    let overrides = Overrides::default();
    match (merged.settings(&overrides), again.settings(&overrides)) {
        (Ok(settings), Ok(again)) => {
            assert_eq!(settings, again);
            assert!(settings.jobs > 0 && settings.queue_limit > 0);
            settings.trees.iter().for_each(|tree| assert!(tree.path.is_absolute(), "{:?}", tree.path));
            true
        }
        (Err(error), Err(again)) => {
            refused(&error, &files);
            refused(&again, &[explained.as_bytes()]);
            false
        }
        (first, second) => panic!("{first:?}, but when it was explained {second:?}"),
    }
}

fn merged(files: &[&[u8]]) -> Result<Merged, ConfigError> {
    let mut merged = Merged::default();
    for (number, file) in files.iter().enumerate() {
        merged.add_file(Path::new(&format!("file {number}")), file.to_vec())?;
    }
    Ok(merged)
}

/// `FILE:LINE: what is wrong; what to do`, in one line.
fn refused(error: &ConfigError, files: &[&[u8]]) {
    let text = error.to_string();
    assert_harmless(&text);
    let place = text.strip_prefix("file ").and_then(|rest| rest.split_once(": "));
    let (place, rest) = place.unwrap_or_else(|| panic!("no place: {text}"));
    let numbers = place.split_once(':').and_then(|(file, line)| Some((file.parse().ok()?, line.parse().ok()?)));
    let (file, line): (usize, usize) = numbers.unwrap_or_else(|| panic!("no file and line: {text}"));
    let lines = 1 + files[file].iter().filter(|byte| **byte == b'\n').count();
    assert!((1..=lines).contains(&line), "no such line of {lines}: {text}");
    assert!(rest.contains("; "), "no remedy: {text}");
}

fn explain(merged: &Merged) -> String {
    merged.explain().to_string()
}

/// The lines up to where their origin follows, but for those about the files.
fn without_origins(explained: &str) -> Vec<&str> {
    let lines = explained.lines().filter(|line| !line.starts_with('#'));
    lines.map(|line| line.rsplit_once("  # ").map_or(line, |(line, _)| line)).collect()
}
