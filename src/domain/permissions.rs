//! Which owner and mode a cache must have. A cache is never readable where its source is not.

use super::file_stat::FileStat;
use super::policy::{ModePolicy, OwnerPolicy};

/// What the process may do, found out once at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    pub uid: u32,
    /// Whether it may give files to other users (`CAP_CHOWN`).
    pub may_chown: bool,
}

/// The owner that a cache of `source` must have.
///
/// `None` where it cannot be chosen: without `CAP_CHOWN` a new file belongs to who makes it.
#[must_use]
pub fn cache_owner(source: &FileStat, policy: &OwnerPolicy, actor: Actor) -> Option<(u32, u32)> {
    actor.may_chown.then_some(match policy {
        OwnerPolicy::Source => (source.uid, source.gid),
        OwnerPolicy::Fixed { uid, gid } => (*uid, *gid),
    })
}

/// The mode of a cache of `source` that belongs to group `gid`.
///
/// By the policy `source` it is what CPython takes, `source & 0666 | 0200`, but without the umask. If
/// the cache has another group than the source, neither that group nor the others may do more than the
/// source lets its own group and others alike. A configured mode can only take away from that.
#[must_use]
pub fn cache_mode(source: &FileStat, policy: &ModePolicy, gid: u32) -> u32 {
    let own = source.mode & 0o600 | 0o200;
    let allowed = if gid == source.gid {
        source.mode & 0o066
    } else {
        let others = source.mode & 0o006 & (source.mode >> 3);
        others << 3 | others
    };
    match policy {
        ModePolicy::Source => own | allowed,
        ModePolicy::Fixed(mode) => mode & (0o600 | allowed),
    }
}

/// Whether a cache written by `owner` may be believed to hold the code of `source`.
#[must_use]
pub fn trusted_writer(owner: u32, source: &FileStat, policy: &OwnerPolicy, actor: Actor) -> bool {
    owner == 0
        || owner == source.uid
        || owner == actor.uid
        || matches!(policy, OwnerPolicy::Fixed { uid, .. } if *uid == owner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::{FileKind, Timestamp};

    fn source(mode: u32) -> FileStat {
        FileStat {
            device: 1,
            inode: 2,
            kind: FileKind::Regular,
            mode,
            uid: 1000,
            gid: 100,
            links: 1,
            size: 3,
            modified: Timestamp::default(),
            changed: Timestamp::default(),
        }
    }

    #[test]
    fn the_mode_is_the_sources_without_execute_and_with_owner_write() {
        for (mode, expected) in [(0o755, 0o644), (0o600, 0o600), (0o444, 0o644), (0o4755, 0o644), (0o664, 0o664)] {
            assert_eq!(cache_mode(&source(mode), &ModePolicy::Source, 100), expected);
        }
    }

    #[test]
    fn another_group_never_reads_more_than_group_and_others_may() {
        for (mode, expected) in [(0o640, 0o600), (0o644, 0o644), (0o604, 0o600), (0o600, 0o600)] {
            assert_eq!(cache_mode(&source(mode), &ModePolicy::Source, 7), expected);
        }
    }

    #[test]
    fn a_configured_mode_opens_nothing_that_the_source_keeps_closed() {
        assert_eq!(cache_mode(&source(0o600), &ModePolicy::Fixed(0o644), 100), 0o600);
        assert_eq!(cache_mode(&source(0o644), &ModePolicy::Fixed(0o640), 100), 0o640);
    }

    #[test]
    fn only_root_the_owner_and_the_configured_user_are_trusted() {
        let actor = Actor { uid: 0, may_chown: true };
        let fixed = OwnerPolicy::Fixed { uid: 33, gid: 33 };
        for (owner, policy, expected) in [
            (0, &OwnerPolicy::Source, true),
            (1000, &OwnerPolicy::Source, true),
            (33, &OwnerPolicy::Source, false),
            (33, &fixed, true),
        ] {
            assert_eq!(trusted_writer(owner, &source(0o644), policy, actor), expected);
        }
    }
}
