//! Where a walk may go: from which directory into which other one.

use super::file_stat::FileStat;

/// What may be entered below the root of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Passage {
    /// Directories of other users than the owner of the directory above.
    pub any_owner: bool,
    /// Directories that everybody may write to.
    pub world_writable: bool,
    /// What is mounted there.
    pub mounts: bool,
}

/// Why a directory is not entered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum Barrier {
    /// The directory above belongs to one user, and this one to another: who owns that one could have moved it here.
    #[error("belongs to user {to}, and the directory above it to user {from}: it is entered with cross-owners = true")]
    OtherOwner { from: u32, to: u32 },
    /// Everybody can put something there, and move it away while it is worked on.
    #[error("can be written to by everybody, and is left alone with all below it; chmod o-w it to have it kept warm")]
    WorldWritable,
    /// A link in the directory of one user leads to a file of another one, whose cache would be that user's.
    #[error("leads from a directory of user {from} to a file of user {to}: it is followed with cross-owners = true")]
    FileOfAnother { from: u32, to: u32 },
    /// A `__pycache__` that is another place.
    #[error("is a mount point, which is left as it is; unmount it")]
    MountedCaches,
    /// Something is mounted there.
    #[error("is a mount point: it is entered with cross-mounts = true")]
    MountPoint,
}

impl Passage {
    /// Everything may be entered.
    pub const FREE: Self = Self { any_owner: true, world_writable: true, mounts: true };

    /// As configured. Who is not privileged has nothing that a user could have done for them by moving directories
    /// about: owners and modes do not matter then.
    #[must_use]
    pub fn new(cross_owners: bool, cross_mounts: bool, privileged: bool) -> Self {
        Self { any_owner: cross_owners || !privileged, world_writable: !privileged, mounts: cross_mounts }
    }

    /// Whether the step from one directory into another one in it is allowed, by owner and mode. What is root's can
    /// be entered from everywhere: nobody else can have moved it, as that takes the right to write to it.
    ///
    /// # Errors
    /// The barrier between them.
    pub fn step(self, above: &FileStat, below: &FileStat) -> Result<(), Barrier> {
        let (from, to) = (above.uid, below.uid);
        if !self.any_owner && from != 0 && to != 0 && from != to {
            return Err(Barrier::OtherOwner { from, to });
        }
        self.stand(below)
    }

    /// Whether a link in a directory may be followed to a file, by their owners.
    ///
    /// # Errors
    /// [`Barrier::FileOfAnother`].
    pub fn follow(self, directory: &FileStat, file: &FileStat) -> Result<(), Barrier> {
        let (from, to) = (directory.uid, file.uid);
        let is_free = self.any_owner || from == 0 || to == 0 || from == to;
        if is_free { Ok(()) } else { Err(Barrier::FileOfAnother { from, to }) }
    }

    /// Whether work may be done in a directory, by its mode.
    ///
    /// # Errors
    /// [`Barrier::WorldWritable`].
    pub fn stand(self, directory: &FileStat) -> Result<(), Barrier> {
        if !self.world_writable && is_world_writable(directory) { Err(Barrier::WorldWritable) } else { Ok(()) }
    }
}

/// Whether everybody may make, rename and remove names in a directory; with the sticky bit only their own.
#[must_use]
pub fn is_world_writable(directory: &FileStat) -> bool {
    directory.mode & 0o002 != 0
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FileKind, Timestamp};

    fn directory(uid: u32, mode: u32) -> FileStat {
        let time = Timestamp::default();
        FileStat {
            device: 1,
            inode: 1,
            kind: FileKind::Directory,
            mode,
            uid,
            gid: 0,
            links: 2,
            size: 0,
            modified: time,
            changed: time,
        }
    }

    #[test]
    fn from_one_user_to_another_only_by_way_of_root() {
        let strict = Passage::new(false, false, true);
        for (from, to, allowed) in [(0, 0, true), (0, 7, true), (7, 7, true), (7, 0, true), (7, 8, false)] {
            let step = |passage: Passage| passage.step(&directory(from, 0o755), &directory(to, 0o755)).is_ok();
            assert_eq!(step(strict), allowed, "{from} {to}");
            assert!(step(Passage::new(true, false, true)) && step(Passage::new(false, false, false)));
        }
    }

    #[test]
    fn what_everybody_may_write_to_is_not_entered() {
        let strict = Passage::new(true, true, true);
        for (mode, allowed) in [(0o755, true), (0o775, true), (0o777, false), (0o1777, false), (0o702, false)] {
            assert_eq!(strict.step(&directory(0, 0o755), &directory(0, mode)).is_ok(), allowed, "{mode:o}");
            assert_eq!(strict.stand(&directory(0, mode)).is_ok(), allowed, "{mode:o}");
            assert!(Passage::new(false, false, false).stand(&directory(0, mode)).is_ok());
        }
    }
}
