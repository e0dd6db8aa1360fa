//! The hash of a source in hash-based caches: SipHash keyed with the magic number (PEP 552).

use std::hash::Hasher;

use siphasher::sip::{SipHasher13, SipHasher24};

use crate::domain::SipVariant;

/// `_imp.source_hash(magic, source)` of an interpreter with this magic number and variant.
#[must_use]
pub fn source_hash(variant: SipVariant, magic: [u8; 4], source: &[u8]) -> [u8; 8] {
    let key = u64::from(u32::from_le_bytes(magic));
    let hash = match variant {
        SipVariant::Sip13 => finish(SipHasher13::new_with_keys(key, 0), source),
        SipVariant::Sip24 => finish(SipHasher24::new_with_keys(key, 0), source),
    };
    hash.to_le_bytes()
}

fn finish(mut hasher: impl Hasher, bytes: &[u8]) -> u64 {
    hasher.write(bytes);
    hasher.finish()
}
