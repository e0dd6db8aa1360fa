//! An interpreter as it described itself, and what is compiled for it.

use std::path::PathBuf;
use std::sync::Arc;

use super::confinement::Confinement;
use super::policy::{InvalidationMode, OptimizationLevel};

/// The variant of SipHash that an interpreter uses for hash-based caches.
///
/// CPython up to 3.10 uses SipHash-2-4, from 3.11 SipHash-1-3; which one is found out by asking.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum SipVariant {
    Sip13,
    Sip24,
}

/// The parts of a code object, which differ between versions: so many integers, so many objects, the
/// first line number, and so many objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct CodeLayout {
    pub integers: u8,
    pub objects: u8,
    pub last_objects: u8,
}

/// A Python interpreter that was started once and told what it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Interpreter {
    /// The program that really runs, with every link and shim resolved.
    pub executable: PathBuf,
    /// Short name for people: `python3.11`, `python3.13t`, `pypy3.9`.
    pub label: String,
    /// `sys.implementation.name`.
    pub implementation: String,
    /// e.g. `3.11.7`.
    pub version: String,
    /// `sys.version`: names the very build.
    pub build: String,
    /// `sys.implementation.cache_tag`, e.g. `cpython-311`.
    pub cache_tag: String,
    /// The first four bytes of its caches.
    pub magic: [u8; 4],
    /// Bytes before the marshalled code: 12 (CPython 3.6) or 16.
    pub header_size: usize,
    /// `None` where it knows no hash-based caches.
    pub source_hash: Option<SipVariant>,
    /// How it marshals code objects; `None` where that could not be found out.
    pub code_layout: Option<CodeLayout>,
    /// How its workers are confined.
    pub confinement: Confinement,
}

impl Interpreter {
    /// The magic number as people know it, e.g. 3495.
    #[must_use]
    pub fn magic_number(&self) -> u16 {
        u16::from_le_bytes([self.magic[0], self.magic[1]])
    }

    /// The mode that its caches get: one without hash-based caches (CPython 3.6) takes time stamps always.
    #[must_use]
    pub fn effective_mode(&self, configured: InvalidationMode) -> InvalidationMode {
        if self.source_hash.is_some() { configured } else { InvalidationMode::Timestamp }
    }

    /// Whether caches of both have one name and are accepted by both.
    #[must_use]
    pub fn shares_caches_with(&self, other: &Self) -> bool {
        self.cache_tag == other.cache_tag && self.magic == other.magic
    }
}

/// What one cache is made for.
#[derive(Debug, Clone)]
pub struct Target {
    pub interpreter: Arc<Interpreter>,
    pub level: OptimizationLevel,
}
