//! What holds of a jail, told by the jail itself before it becomes the interpreter.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

/// One part of a jail. Each holds, or does not, by itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Layer {
    /// A user and a group of its own, and no other groups.
    User,
    /// No capabilities, nor a way to get some.
    Privileges,
    /// Landlock: no file but the interpreter's own, to be read; no TCP, no signals to others.
    Files,
    /// Seccomp: no call but those that compiling needs; no processes, no sockets.
    Calls,
    /// Memory, processor time, descriptors.
    Limits,
}

impl Layer {
    const ALL: [Self; 5] = [Self::User, Self::Privileges, Self::Files, Self::Calls, Self::Limits];

    /// For programs.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Privileges => "privileges",
            Self::Files => "files",
            Self::Calls => "calls",
            Self::Limits => "limits",
        }
    }

    /// The layer with this [name](Self::name).
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|layer| layer.name() == name)
    }
}

/// For people.
impl fmt::Display for Layer {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        out.write_str(match self {
            Self::User => "own user",
            Self::Privileges => "no privileges",
            Self::Files => "own files only",
            Self::Calls => "few system calls",
            Self::Limits => "limits",
        })
    }
}

/// What holds, and what does not, with the reason in words.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    pub holds: Vec<Layer>,
    pub lacks: BTreeMap<Layer, String>,
}

impl Held {
    /// Takes down how it went with one layer.
    pub fn note(&mut self, layer: Layer, result: Result<(), String>) {
        match result {
            Ok(()) => self.holds.push(layer),
            Err(why) => drop(self.lacks.insert(layer, why)),
        }
    }

    /// As one frame on the worker's standard output: a length (u32, little-endian) and JSON.
    #[must_use]
    pub fn to_frame(&self) -> Vec<u8> {
        // No map with keys that are no text, no failing implementation: there is nothing that can go wrong.
        let text = serde_json::to_vec(self).unwrap_or_default();
        let length = u32::try_from(text.len()).unwrap_or(0);
        [&length.to_le_bytes()[..], &text].concat()
    }

    /// Reads the content of a frame. `None`: something else has written it.
    #[must_use]
    pub fn from_frame(frame: &[u8]) -> Option<Self> {
        serde_json::from_slice(frame).ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn layers_are_found_by_their_names() {
        for layer in Layer::ALL {
            assert_eq!(Layer::from_name(layer.name()), Some(layer));
            assert_eq!(serde_json::to_value(layer).unwrap(), layer.name());
        }
    }

    #[test]
    fn what_is_told_is_heard() {
        let mut held = Held::default();
        held.note(Layer::User, Err("no \"permission\"".to_owned()));
        held.note(Layer::Files, Ok(()));
        held.note(Layer::Calls, Ok(()));
        let frame = held.to_frame();
        assert_eq!(frame[..4], u32::try_from(frame.len() - 4).unwrap().to_le_bytes());
        assert_eq!(Held::from_frame(&frame[4..]), Some(held));
        assert_eq!(Held::from_frame(b"pycwarm worker 1"), None);
    }
}
