use proptest::prelude::*;

use super::*;
use crate::domain::permissions::{Actor, cache_directory_rights, cache_owner, cache_rights};
use crate::domain::policy::{ModePolicy, OwnerPolicy};
use crate::domain::{FileKind, FileStat, Timestamp};

fn sample() -> Acl {
    Acl { owner: 7, users: vec![(5, 4), (9, 6)], group: 5, groups: vec![(5, 7)], mask: 5, other: 4 }
}

#[test]
fn what_is_written_is_read_again() {
    let rights = Rights::of_list(sample());
    assert_eq!(rights.mode, 0o754);
    assert_eq!(Acl::parse(&rights.encode()), Ok(Some(sample())));
    assert_eq!(Acl::parse(&Rights::of_mode(0o640).encode()), Ok(None));
}

/// The bytes of the kernel, by hand: version 2, then tag, permissions and id.
#[test]
fn the_form_is_the_kernels() {
    let bytes = [
        &[2, 0, 0, 0][..],
        &[1, 0, 6, 0, 0xff, 0xff, 0xff, 0xff],
        &[2, 0, 4, 0, 0x39, 0x30, 0, 0],
        &[4, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
        &[0x10, 0, 4, 0, 0xff, 0xff, 0xff, 0xff],
        &[0x20, 0, 0, 0, 0xff, 0xff, 0xff, 0xff],
    ]
    .concat();
    let acl = Acl { owner: 6, users: vec![(12_345, 4)], group: 0, groups: vec![], mask: 4, other: 0 };
    assert_eq!(Acl::parse(&bytes), Ok(Some(acl.clone())));
    assert_eq!(Rights::of_list(acl).encode(), bytes);
}

#[test]
fn what_is_no_list_is_refused() {
    let whole = Rights::of_list(sample()).encode();
    for end in (0..whole.len()).filter(|end| *end != 4) {
        assert!(Acl::parse(&whole[..end]).is_err(), "{end}");
    }
    let changed = |at: usize, to: u8| {
        let mut bytes = whole.clone();
        bytes[at] = to;
        Acl::parse(&bytes)
    };
    assert!(changed(0, 3).is_err() && changed(4, 0x40).is_err() && changed(6, 8).is_err());
    assert!(changed(12, 1).is_err(), "the owner twice");
    assert!(changed(whole.len() - 16, 8).is_err(), "named users and no mask");
}

#[test]
fn an_id_of_another_namespace_is_noticed() {
    assert!(!sample().names_strangers());
    assert!(Acl { groups: vec![(NO_ID, 4)], ..sample() }.names_strangers());
}

/// The kernel would not look into that list, and count the two users among the others.
#[test]
fn an_empty_mask_does_not_make_others_of_those_who_are_named() {
    let denied = Acl { mask: 1, group: 1, users: vec![(5, 1)], groups: vec![], owner: 6, other: 4 };
    let rights = Rights::of_list(denied.clone().without(1));
    assert_eq!((rights.mode, rights.acl.map(|acl| acl.users)), (0o644, Some(vec![(5, 0)])));
    assert_eq!(Rights::of_list(Acl { other: 0, ..denied.clone() }.without(1)), Rights::of_mode(0o600));
    assert_eq!(Rights::of_list(Acl { users: vec![], ..denied }.without(1)), Rights::of_mode(0o604));
}

/// Somebody who asks for access.
#[derive(Debug, Clone)]
struct User {
    uid: u32,
    groups: Vec<u32>,
}

/// What the kernel lets a user do who is not root: `posix_acl_permission` and what comes before it.
fn may(user: &User, (uid, gid): (u32, u32), rights: &Rights, want: u32) -> bool {
    let class = |shift: u32| rights.mode >> shift & 7 & want == want;
    if user.uid == uid {
        return class(6);
    }
    let Some(acl) = rights.acl.as_ref().filter(|_| rights.mode & 0o070 != 0) else {
        return if user.groups.contains(&gid) { class(3) } else { class(0) };
    };
    if let Some((_, theirs)) = acl.users.iter().find(|(id, _)| *id == user.uid) {
        return theirs & acl.mask & want == want;
    }
    let own = user.groups.contains(&gid).then_some(acl.group);
    let named = acl.groups.iter().filter(|(id, _)| user.groups.contains(id)).map(|(_, theirs)| *theirs);
    let mut matching = own.into_iter().chain(named).peekable();
    if matching.peek().is_some() {
        return matching.any(|theirs| theirs & want == want) && acl.mask & want == want;
    }
    class(0)
}

/// Few ids, so that they meet. None is root's.
const IDS: std::ops::Range<u32> = 1..6;

fn acls() -> impl Strategy<Value = Acl> {
    let named = || prop::collection::btree_map(IDS, 0..8u32, 0..4);
    (0..8u32, named(), 0..8u32, named(), 0..8u32, 0..8u32).prop_map(|(owner, users, group, groups, mask, other)| Acl {
        owner,
        users: users.into_iter().collect(),
        group,
        groups: groups.into_iter().collect(),
        mask,
        other,
    })
}

/// A source or a directory: its rights as the kernel has them, and as we are told.
fn guarded() -> impl Strategy<Value = (FileStat, Access, Rights)> {
    (IDS, IDS, prop::option::of(acls()), 0..0o1000u32).prop_map(|(uid, gid, acl, mode)| {
        let mode = acl.as_ref().map_or(mode, |acl| acl.owner << 6 | acl.mask << 3 | acl.other);
        let stat = FileStat {
            device: 1,
            inode: 2,
            kind: FileKind::Regular,
            mode,
            uid,
            gid,
            links: 1,
            size: 3,
            modified: Timestamp::default(),
            changed: Timestamp::default(),
        };
        let access = acl.clone().filter(|_| mode & 0o070 != 0).map_or(Access::Mode, |acl| Access::List(Box::new(acl)));
        (stat, access, Rights { mode, acl })
    })
}

fn users() -> impl Strategy<Value = User> {
    (IDS, prop::collection::vec(IDS, 1..4)).prop_map(|(uid, groups)| User { uid, groups })
}

fn owner_policies() -> impl Strategy<Value = OwnerPolicy> {
    prop_oneof![Just(OwnerPolicy::Source), (0..6u32, 0..6u32).prop_map(|(uid, gid)| OwnerPolicy::Fixed { uid, gid })]
}

fn mode_policies() -> impl Strategy<Value = ModePolicy> {
    let modes = prop::sample::select(vec![0o400, 0o440, 0o444, 0o600, 0o604, 0o640, 0o644, 0o660, 0o666]);
    prop_oneof![Just(ModePolicy::Source), modes.prop_map(ModePolicy::Fixed)]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(20_000))]

    #[test]
    fn nobody_may_do_more_with_a_cache_than_with_its_source(
        (source, access, given) in guarded(),
        user in users(),
        owner in owner_policies(),
        mode in mode_policies(),
        // By root, or by a user in whatever group the new file gets.
        writer in prop::option::of((IDS, IDS)),
    ) {
        let actor = writer.map_or(Actor { uid: 0, may_chown: true }, |(uid, _)| Actor { uid, may_chown: false });
        let ids = cache_owner(&source, &access, &owner, actor).or(writer).unwrap();
        let rights = cache_rights(&source, &access, &mode, ids, actor);
        let ids_of_source = (source.uid, source.gid);
        // Who has compiled it has read it.
        if user.uid != actor.uid {
            prop_assert!(!may(&user, ids, &rights, 4) || may(&user, ids_of_source, &given, 4), "{rights:?}");
            if user.uid == ids.0 {
                prop_assert!(user.uid == source.uid || may(&user, ids_of_source, &given, 4), "owns what it may not read");
            } else {
                prop_assert!(!may(&user, ids, &rights, 2) || may(&user, ids_of_source, &given, 2), "{rights:?}");
            }
        }
        prop_assert!((1..8).step_by(2).all(|want| !may(&user, ids, &rights, want)), "{rights:?}");
        if let ModePolicy::Fixed(limit) = mode {
            prop_assert_eq!(rights.mode & 0o600 & !limit, 0);
            prop_assert!(limit & 0o044 != 0 || user.uid == ids.0 || !may(&user, ids, &rights, 4));
        }
    }

    #[test]
    fn whoever_may_read_a_source_may_read_its_cache((source, access, given) in guarded(), user in users()) {
        let actor = Actor { uid: 0, may_chown: true };
        let ids = cache_owner(&source, &access, &OwnerPolicy::Source, actor).unwrap();
        let rights = cache_rights(&source, &access, &ModePolicy::Source, ids, actor);
        prop_assert_eq!(may(&user, ids, &rights, 4), may(&user, ids, &given, 4), "{:?}", rights);
        prop_assert_eq!(rights.mode & 0o200, 0o200);
    }

    #[test]
    fn nobody_may_do_more_in_the_cache_directory_than_in_its_parent(
        (parent, access, given) in guarded(),
        user in users(),
        sticky in any::<bool>(),
        writer in prop::option::of((IDS, IDS)),
    ) {
        let ids = writer.unwrap_or((parent.uid, parent.gid));
        let parent = FileStat { mode: parent.mode | if sticky { 0o1000 } else { 0 }, ..parent };
        let rights = cache_directory_rights(&parent, &access, ids).unwrap();
        for want in (1..8).filter(|_| user.uid != ids.0) {
            let by_parent = may(&user, (parent.uid, parent.gid), &given, want);
            // Without its group and a list, those of the group are others; they do not come past the parent.
            let comes_past = may(&user, (parent.uid, parent.gid), &given, 1);
            let may_here = comes_past && may(&user, ids, &rights, want);
            let is_others = rights.acl.is_none() && ids.1 != parent.gid || user.uid == parent.uid;
            prop_assert!(!may_here || by_parent || is_others, "{want} {rights:?}");
            prop_assert!(!sticky || want & 2 == 0 || !may_here, "{rights:?}");
            if writer.is_none() && !sticky {
                prop_assert_eq!(may(&user, ids, &rights, want), by_parent, "{} {:?}", want, rights);
            }
        }
        prop_assert_eq!(rights.mode & 0o700, 0o700);
    }

    #[test]
    fn a_list_is_what_it_is_after_writing(acl in acls()) {
        let rights = Rights::of_list(acl);
        let read = Acl::parse(&rights.encode());
        prop_assert_eq!(read, Ok(rights.acl));
    }

    #[test]
    fn anything_is_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..80)) {
        let _ = Acl::parse(&bytes);
    }
}
