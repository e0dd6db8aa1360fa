//! An SELinux context: `user:role:type`, on most hosts with a level behind.

use std::ffi::{CStr, CString};
use std::fmt;
use std::path::Path;

use super::path_text::escaped;

/// A context in the form in which the kernel keeps it. Not known to be one that a policy has.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Context(CString);

impl Context {
    /// Takes the bytes of an extended attribute, with or without a NUL at their end. `None` where that is no context:
    /// nothing, or with a NUL inside.
    #[must_use]
    pub fn new(bytes: &[u8]) -> Option<Self> {
        let text = bytes.strip_suffix(&[0]).unwrap_or(bytes);
        CString::new(text).ok().filter(|text| !text.is_empty()).map(Self)
    }

    #[must_use]
    pub fn as_c_str(&self) -> &CStr {
        &self.0
    }

    /// The third field, which is what most rules of a policy are about. `None` where there are no three.
    #[must_use]
    pub fn kind(&self) -> Option<&[u8]> {
        self.0.as_bytes().splitn(4, |byte| *byte == b':').nth(2)
    }

    /// All behind the type: the sensitivity and the categories. It has colons of its own.
    fn level(&self) -> Option<&[u8]> {
        self.0.as_bytes().splitn(4, |byte| *byte == b':').nth(3)
    }

    /// Whether both have the same type.
    #[must_use]
    pub fn has_type_of(&self, other: &Self) -> bool {
        self.kind() == other.kind()
    }

    /// This with the level of `other`, if both have one.
    #[must_use]
    pub fn with_level_of(&self, other: &Self) -> Self {
        let (Some(own), Some(level)) = (self.level(), other.level()) else { return self.clone() };
        let whole = self.0.as_bytes();
        let bytes = [&whole[..whole.len() - own.len()], level].concat();
        Self::new(&bytes).unwrap_or_else(|| self.clone())
    }
}

impl fmt::Display for Context {
    fn fmt(&self, out: &mut fmt::Formatter<'_>) -> fmt::Result {
        use std::os::unix::ffi::OsStrExt;
        escaped(Path::new(std::ffi::OsStr::from_bytes(self.0.as_bytes()))).fmt(out)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn context(text: &str) -> Context {
        Context::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn an_attribute_may_end_with_a_nul() {
        assert_eq!(Context::new(b"u:r:t:s0\0"), Context::new(b"u:r:t:s0"));
        for bytes in [&b""[..], b"\0", b"u:r\0:t", b"u:r:t\0\0"] {
            assert_eq!(Context::new(bytes), None, "{bytes:?}");
        }
    }

    #[test]
    fn only_the_type_makes_two_alike() {
        assert!(context("u:r:t:s0").has_type_of(&context("v:r:t:s0:c1,c2")));
        assert!(context("u:r:t").has_type_of(&context("u:r:t:s0")));
        assert!(!context("u:r:t:s0").has_type_of(&context("u:r:x:s0")));
    }

    #[test]
    fn a_level_has_colons_of_its_own() {
        let secret = context("v:r:x:s0-s3:c0.c5");
        assert_eq!(context("u:r:t:s0").with_level_of(&secret), context("u:r:t:s0-s3:c0.c5"));
        assert_eq!(context("u:r:t").with_level_of(&secret), context("u:r:t"), "a policy without levels");
        assert_eq!(context("u:r:t:s0:c1").with_level_of(&context("v:r:x")), context("u:r:t:s0:c1"));
    }
}
