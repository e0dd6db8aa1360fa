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

/// The mode of a cache of `source` that belongs to user `uid` and group `gid`.
///
/// By the policy `source` it is what CPython takes, `source & 0666 | 0200`, but without the umask. Nobody
/// gets more than the source gives them: another group than the source's, and the others beside it,
/// get what the source lets group and others alike; so does another user, unless it is root or `actor`,
/// who read it. With an access ACL the bits of the source do not tell (`has_acl`): only the owner gets
/// anything. A configured mode can only take away from that.
#[must_use]
pub fn cache_mode(source: &FileStat, has_acl: bool, policy: &ModePolicy, (uid, gid): (u32, u32), actor: Actor) -> u32 {
    let everybody = source.mode & 0o006 & (source.mode >> 3);
    let own = if uid == source.uid || uid == 0 || uid == actor.uid { source.mode & 0o600 } else { everybody << 6 };
    let others = match (has_acl, gid == source.gid) {
        (true, _) => 0,
        (false, true) => source.mode & 0o066,
        (false, false) => everybody << 3 | everybody,
    };
    let allowed = own | others;
    match policy {
        ModePolicy::Source => allowed | 0o200,
        ModePolicy::Fixed(mode) => mode & (allowed | 0o200),
    }
}

/// The mode that a `__pycache__` must have in a parent directory. Without the parent's group, its group bits are
/// for somebody else; in a sticky directory nobody may replace another's file, so here only the owner may at all.
#[must_use]
pub fn cache_directory_mode(parent: &FileStat, same_group: bool) -> u32 {
    let mode = parent.mode & if same_group { 0o2777 } else { 0o707 };
    let mode = if parent.mode & 0o1000 == 0 { mode } else { mode & !0o022 };
    mode | 0o700
}

/// Whether a `__pycache__` has not the owner, group and mode that fit its parent, and `actor` can give them to it.
#[must_use]
pub fn is_cache_directory_to_be_mended(parent: &FileStat, is: &FileStat, actor: Actor) -> bool {
    let same_owner = (is.uid, is.gid) == (parent.uid, parent.gid);
    let mode = cache_directory_mode(parent, actor.may_chown || is.gid == parent.gid);
    if actor.may_chown { !same_owner || is.mode != mode } else { is.uid == actor.uid && is.mode != mode }
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

    const ROOT: Actor = Actor { uid: 0, may_chown: true };

    fn mode_of(source_mode: u32, policy: ModePolicy, owner: (u32, u32)) -> u32 {
        cache_mode(&source(source_mode), false, &policy, owner, ROOT)
    }

    #[test]
    fn another_user_never_reads_more_than_everybody_may() {
        assert_eq!(mode_of(0o600, ModePolicy::Source, (33, 33)), 0o200);
        assert_eq!(mode_of(0o644, ModePolicy::Source, (33, 33)), 0o644);
        assert_eq!(mode_of(0o600, ModePolicy::Source, (0, 0)), 0o600);
    }

    #[test]
    fn the_bits_beside_an_acl_are_not_believed() {
        assert_eq!(cache_mode(&source(0o640), true, &ModePolicy::Source, (1000, 100), ROOT), 0o600);
    }

    #[test]
    fn the_mode_is_the_sources_without_execute_and_with_owner_write() {
        for (mode, expected) in [(0o755, 0o644), (0o600, 0o600), (0o444, 0o644), (0o4755, 0o644), (0o664, 0o664)] {
            assert_eq!(mode_of(mode, ModePolicy::Source, (1000, 100)), expected);
        }
    }

    #[test]
    fn the_cache_directory_fits_its_parent_but_opens_nothing_more() {
        for (mode, same_group, expected) in [
            (0o755, true, 0o755),
            (0o2775, true, 0o2775),
            (0o1777, true, 0o755),
            (0o770, false, 0o700),
            (0o555, true, 0o755),
        ] {
            assert_eq!(cache_directory_mode(&source(mode), same_group), expected, "{mode:o}");
        }
    }

    #[test]
    fn a_cache_directory_is_mended_by_who_can() {
        let parent = source(0o755);
        let user = |uid| Actor { uid, may_chown: false };
        let to_be_mended = |is: FileStat, actor| is_cache_directory_to_be_mended(&parent, &is, actor);
        assert!(!to_be_mended(parent, ROOT));
        let (closed, roots) = (FileStat { mode: 0o700, ..parent }, FileStat { uid: 0, ..parent });
        assert!(to_be_mended(closed, ROOT) && to_be_mended(roots, ROOT));
        assert!(to_be_mended(closed, user(1000)) && !to_be_mended(closed, user(1001)));
        let other_group = FileStat { gid: 7, ..parent };
        assert!(to_be_mended(other_group, user(1000)), "its bits are for another group");
        assert!(!to_be_mended(FileStat { mode: 0o705, ..other_group }, user(1000)), "a user cannot give it away");
    }

    #[test]
    fn another_group_never_reads_more_than_group_and_others_may() {
        for (mode, expected) in [(0o640, 0o600), (0o644, 0o644), (0o604, 0o600), (0o600, 0o600)] {
            assert_eq!(mode_of(mode, ModePolicy::Source, (1000, 7)), expected);
        }
    }

    #[test]
    fn a_configured_mode_opens_nothing_that_the_source_keeps_closed() {
        assert_eq!(mode_of(0o600, ModePolicy::Fixed(0o644), (1000, 100)), 0o600);
        assert_eq!(mode_of(0o644, ModePolicy::Fixed(0o640), (1000, 100)), 0o640);
    }

    #[test]
    fn only_root_the_owner_and_the_configured_user_are_trusted() {
        let actor = ROOT;
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
