//! Which owner, mode and ACL a cache must have, and its `__pycache__`. Nobody may read a cache who may not read its
//! source; `docs/permissions.md` has the tables.

use super::acl::{Access, Acl, Rights};
use super::file_stat::FileStat;
use super::policy::{ModePolicy, OwnerPolicy};

const READ: u32 = 0o4;
const WRITE: u32 = 0o2;
const EXECUTE: u32 = 0o1;
const READ_WRITE: u32 = READ | WRITE;

/// What the process may do, found out once at the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Actor {
    pub uid: u32,
    /// Whether it may give files to other users (`CAP_CHOWN`).
    pub may_chown: bool,
}

/// The owner that a cache of `source` must have.
///
/// `None` where it cannot be chosen: without `CAP_CHOWN` a new file belongs to who makes it. An owner can change
/// the mode at any time: a configured user who may not surely read the source does not become one, and the cache
/// goes to the source's owner, in the configured group.
#[must_use]
pub fn cache_owner(source: &FileStat, access: &Access, policy: &OwnerPolicy, actor: Actor) -> Option<(u32, u32)> {
    actor.may_chown.then_some(match *policy {
        OwnerPolicy::Source => (source.uid, source.gid),
        OwnerPolicy::Fixed { uid, gid } if of_user(source, access, uid, actor) & READ != 0 => (uid, gid),
        OwnerPolicy::Fixed { gid, .. } => (source.uid, gid),
    })
}

/// The mode and the ACL of a cache of `source` that belongs to user `uid` and group `gid`.
///
/// By the policy `source` they are the source's without execution, and the owner may write; so does CPython, but for
/// ACL and umask. Nobody gets more than the source gives them. A configured mode can only take away from that.
#[must_use]
pub fn cache_rights(
    source: &FileStat,
    access: &Access,
    policy: &ModePolicy,
    (uid, gid): (u32, u32),
    actor: Actor,
) -> Rights {
    let own = of_user(source, access, uid, actor) & READ_WRITE | WRITE;
    let limit = match policy {
        ModePolicy::Source => 0o666,
        ModePolicy::Fixed(mode) => *mode,
    };
    match usable(access) {
        Access::List(acl) => {
            let acl = Acl::clone(acl).without(EXECUTE).given((source.uid, source.gid), (uid, gid), own);
            Rights::of_list(acl.with_owner(WRITE).limited(limit))
        }
        Access::Mode => {
            // Who owns the source and not the cache is one of its group or of the others.
            let all = if uid == source.uid { 0o7 } else { source.mode >> 6 };
            let (group, other) = (source.mode >> 3 & all, source.mode & all);
            let (group, other) = if gid == source.gid { (group, other) } else { (group & other, group & other) };
            Rights::of_mode((own << 6 | (group & READ_WRITE) << 3 | other & READ_WRITE) & limit)
        }
        Access::Unknown => Rights::of_mode(own << 6 & limit),
    }
}

/// What a user surely may do with a source of whose groups nothing is known. Root and `actor` have read it.
fn of_user(source: &FileStat, access: &Access, uid: u32, actor: Actor) -> u32 {
    match usable(access) {
        _ if uid == source.uid => source.mode >> 6 & 0o7,
        _ if uid == 0 || uid == actor.uid => READ_WRITE,
        Access::Mode => source.mode & source.mode >> 3 & 0o7,
        Access::List(acl) => acl.of_user(uid),
        Access::Unknown => 0,
    }
}

/// A list in which somebody stands whom we cannot name may take something from them: it is as good as not known.
fn usable(access: &Access) -> &Access {
    match access {
        Access::List(acl) if acl.names_strangers() => &Access::Unknown,
        access => access,
    }
}

/// The mode and the ACL that a `__pycache__` of group `gid` must have in a parent directory; of user `uid`. They are
/// the parent's, and the owner may do all. Without the parent's group, the group bits of its mode are for somebody
/// else; in a sticky directory nobody may replace another's file, so here only the owner may at all. `None` where they
/// cannot be known.
#[must_use]
pub fn cache_directory_rights(parent: &FileStat, access: &Access, (uid, gid): (u32, u32)) -> Option<Rights> {
    let same_group = gid == parent.gid;
    let limit = if parent.mode & 0o1000 == 0 { 0o777 } else { 0o755 };
    let rights = match usable(access) {
        Access::Unknown => return None,
        Access::Mode => Rights::of_mode(parent.mode & limit & if same_group { 0o777 } else { 0o707 } | 0o700),
        Access::List(acl) => {
            let acl = Acl::clone(acl).given((parent.uid, parent.gid), (uid, gid), 0o7);
            Rights::of_list(acl.with_owner(0o7).limited(limit))
        }
    };
    let setgid = if same_group { parent.mode & 0o2000 } else { 0 };
    Some(Rights { mode: rights.mode | setgid, ..rights })
}

/// A directory as it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryState {
    pub stat: FileStat,
    pub access: Access,
}

/// Whether a `__pycache__` has not the owner, group, mode and ACL that fit its parent, and `actor` can give them to
/// it. It must hand on no ACL to what is made in it: that would let more people read a cache than its source does.
#[must_use]
pub fn is_cache_directory_to_be_mended(
    parent: &DirectoryState,
    is: &DirectoryState,
    has_default_acl: bool,
    actor: Actor,
) -> bool {
    let ids = |stat: &FileStat| (stat.uid, stat.gid);
    let owner = if actor.may_chown { ids(&parent.stat) } else { ids(&is.stat) };
    let Some(rights) = cache_directory_rights(&parent.stat, &parent.access, owner) else { return false };
    let is_right = ids(&is.stat) == owner && is.stat.mode == rights.mode && is.access.is_as(&rights);
    (actor.may_chown || is.stat.uid == actor.uid) && (!is_right || has_default_acl)
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
        let rights = cache_rights(&source(source_mode), &Access::Mode, &policy, owner, ROOT);
        assert_eq!(rights.acl, None);
        rights.mode
    }

    #[test]
    fn another_user_never_reads_more_than_everybody_may() {
        assert_eq!(mode_of(0o600, ModePolicy::Source, (33, 33)), 0o200);
        assert_eq!(mode_of(0o644, ModePolicy::Source, (33, 33)), 0o644);
        assert_eq!(mode_of(0o600, ModePolicy::Source, (0, 0)), 0o600);
        assert_eq!(mode_of(0o044, ModePolicy::Source, (33, 100)), 0o600, "nor does the owner, as one of the others");
    }

    #[test]
    fn a_user_who_may_not_surely_read_the_source_is_not_given_its_cache() {
        let fixed = OwnerPolicy::Fixed { uid: 33, gid: 34 };
        let owner = |mode| cache_owner(&source(mode), &Access::Mode, &fixed, ROOT);
        assert_eq!(owner(0o644), Some((33, 34)));
        for mode in [0o600, 0o640, 0o604] {
            assert_eq!(owner(mode), Some((1000, 34)), "{mode:o}");
        }
        assert_eq!(cache_owner(&source(0o644), &Access::Unknown, &fixed, ROOT), Some((1000, 34)));
        let user = Actor { uid: 1000, may_chown: false };
        assert_eq!(cache_owner(&source(0o644), &Access::Mode, &fixed, user), None);
    }

    #[test]
    fn of_what_is_not_known_only_the_owner_gets_anything() {
        let rights = cache_rights(&source(0o644), &Access::Unknown, &ModePolicy::Source, (1000, 100), ROOT);
        assert_eq!(rights, Rights::of_mode(0o600));
    }

    #[test]
    fn the_mode_is_the_sources_without_execute_and_with_owner_write() {
        for (mode, expected) in [(0o755, 0o644), (0o600, 0o600), (0o444, 0o644), (0o4755, 0o644), (0o664, 0o664)] {
            assert_eq!(mode_of(mode, ModePolicy::Source, (1000, 100)), expected);
        }
    }

    #[test]
    fn the_cache_directory_fits_its_parent_but_opens_nothing_more() {
        for (mode, gid, expected) in
            [(0o755, 100, 0o755), (0o2775, 100, 0o2775), (0o1777, 100, 0o755), (0o770, 7, 0o700), (0o555, 100, 0o755)]
        {
            let rights = cache_directory_rights(&source(mode), &Access::Mode, (1000, gid));
            assert_eq!(rights, Some(Rights::of_mode(expected)), "{mode:o}");
        }
    }

    #[test]
    fn a_cache_directory_is_mended_by_who_can() {
        let parent = source(0o755);
        let user = |uid| Actor { uid, may_chown: false };
        let state = |stat| DirectoryState { stat, access: Access::Mode };
        let to_be_mended =
            |is: FileStat, actor| is_cache_directory_to_be_mended(&state(parent), &state(is), false, actor);
        assert!(!to_be_mended(parent, ROOT));
        let (closed, roots) = (FileStat { mode: 0o700, ..parent }, FileStat { uid: 0, ..parent });
        assert!(to_be_mended(closed, ROOT) && to_be_mended(roots, ROOT));
        assert!(to_be_mended(closed, user(1000)) && !to_be_mended(closed, user(1001)));
        let other_group = FileStat { gid: 7, ..parent };
        assert!(to_be_mended(other_group, user(1000)), "its bits are for another group");
        assert!(!to_be_mended(FileStat { mode: 0o705, ..other_group }, user(1000)), "a user cannot give it away");
        assert!(is_cache_directory_to_be_mended(&state(parent), &state(parent), true, ROOT), "it hands on an ACL");
        let unknown = DirectoryState { stat: parent, access: Access::Unknown };
        assert!(!is_cache_directory_to_be_mended(&unknown, &state(closed), false, ROOT), "nobody knows what is right");
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
