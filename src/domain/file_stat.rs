//! What `stat` says about a file, as plain numbers.

/// A point in time as the kernel stores it: seconds since the epoch (negative before 1970) and nanoseconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp {
    /// Whole seconds, rounded towards minus infinity.
    pub seconds: i64,
    /// 0 to 999,999,999, counted forward from `seconds`.
    pub nanoseconds: u32,
}

impl Timestamp {
    /// Before everything.
    pub const EARLIEST: Self = Self { seconds: i64::MIN, nanoseconds: 0 };
}

/// The type of a directory entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum FileKind {
    Regular,
    Directory,
    Symlink,
    Fifo,
    Socket,
    CharacterDevice,
    BlockDevice,
    Unknown,
}

impl FileKind {
    /// The kind in words, with its article, for messages.
    #[must_use]
    pub fn describe(self) -> &'static str {
        match self {
            Self::Regular => "a regular file",
            Self::Directory => "a directory",
            Self::Symlink => "a symbolic link",
            Self::Fifo => "a FIFO",
            Self::Socket => "a socket",
            Self::CharacterDevice => "a character device",
            Self::BlockDevice => "a block device",
            Self::Unknown => "of an unknown type",
        }
    }
}

/// The result of one `fstat` or `fstatat`.
///
/// Two equal values mean: the same file, not written, renamed, linked, chmodded or chowned in
/// between (as far as the granularity of the kernel's clock can tell).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FileStat {
    pub device: u64,
    pub inode: u64,
    pub kind: FileKind,
    /// Permission bits, `st_mode & 0o7777`.
    pub mode: u32,
    pub uid: u32,
    pub gid: u32,
    pub links: u64,
    /// Bytes.
    pub size: u64,
    pub modified: Timestamp,
    pub changed: Timestamp,
}

/// A file or directory whatever its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Identity {
    pub device: u64,
    pub inode: u64,
}

impl FileStat {
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity { device: self.device, inode: self.inode }
    }

    /// Whether both describe the same inode.
    #[must_use]
    pub fn same_file(&self, other: &Self) -> bool {
        self.identity() == other.identity()
    }
}
