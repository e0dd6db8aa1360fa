use std::collections::HashMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use super::*;
use crate::domain::acl::Acl;
use crate::domain::permissions::{Actor, DirectoryState};
use crate::domain::policy::{InvalidationMode, ModePolicy, OptimizationLevel, OwnerPolicy};
use crate::domain::{Access, FileKind, Interpreter, SipVariant, Target, Timestamp};
use crate::pyc::header::Header;
use crate::pyc::stamp::Stamp;
use crate::scan::observed::CacheListing;
use crate::scan::{CacheFile, Head, Source};

const MAGIC: [u8; 4] = *b"\xa7\x0d\r\n";
const ROOT: Actor = Actor { uid: 0, may_chown: true };
const NAME: &str = "x.cpython-311.pyc";

fn target() -> Target {
    Target {
        interpreter: Arc::new(Interpreter {
            executable: PathBuf::from("/usr/bin/python3.11"),
            label: "python3.11".into(),
            implementation: "cpython".into(),
            version: "3.11.2".into(),
            build: String::new(),
            cache_tag: "cpython-311".into(),
            magic: MAGIC,
            header_size: 16,
            source_hash: Some(SipVariant::Sip13),
            code_layout: None,
            confinement: crate::domain::Confinement::SHIM,
        }),
        level: OptimizationLevel::try_from(0).unwrap(),
    }
}

fn source() -> FileStat {
    FileStat {
        device: 1,
        inode: 2,
        kind: FileKind::Regular,
        mode: 0o644,
        uid: 1000,
        gid: 100,
        links: 1,
        size: 6,
        modified: Timestamp { seconds: 1000, nanoseconds: 5 },
        changed: Timestamp { seconds: 1000, nanoseconds: 5 },
    }
}

fn cache_of(source: &FileStat) -> CacheFile {
    let modified = Timestamp { seconds: 1001, nanoseconds: 0 };
    let stat = FileStat { inode: 3, mode: 0o644, size: 200, modified, changed: modified, ..*source };
    let head = Head::Bytes(Header::Timestamp(Stamp::of(source)).encode(MAGIC, 16).unwrap());
    CacheFile { stat, head, torn: false, wrong_context: false, access: Access::Mode }
}

fn planned(source: FileStat, cache: Option<CacheFile>, mode: InvalidationMode, actor: Actor) -> Plan {
    let targets = [target()];
    let rules = rules(&targets, mode, actor);
    let wanted: HashMap<OsString, CacheFile> = cache.map(|cache| (OsString::from(NAME), cache)).into_iter().collect();
    let mut observed = Observed {
        directory: None,
        sources: vec![Source {
            name: "x.py".into(),
            state: SourceState::File { stat: source, link: false },
            access: Access::Mode,
            passed: Vec::new(),
        }],
        caches: CacheDirectory::Present(CacheListing { wanted, ..CacheListing::default() }),
    };
    plan(&rules, &mut observed)
}

fn rules(targets: &[Target], invalidation_mode: InvalidationMode, actor: Actor) -> Rules<'_> {
    let (owner, mode) = (&OwnerPolicy::Source, &ModePolicy::Source);
    Rules { targets, invalidation_mode, owner, mode, actor, attributes: true, now: None }
}

fn reason(cache: CacheFile) -> Option<Reason> {
    let plan = planned(source(), Some(cache), InvalidationMode::Timestamp, ROOT);
    plan.compile.first().map(|(_, reason)| *reason)
}

#[test]
fn a_cache_that_is_right_in_all_is_left_alone() {
    let plan = planned(source(), Some(cache_of(&source())), InvalidationMode::Timestamp, ROOT);
    assert!(plan.changes_nothing() && plan.leave.len() == 1, "{plan:?}");
}

#[test]
fn each_kind_of_stale_cache_has_its_reason() {
    let right = || cache_of(&source());
    let head = |stamp: Stamp| Head::Bytes(Header::Timestamp(stamp).encode(MAGIC, 16).unwrap());
    let stamp = Stamp::of(&source());
    let mut flags = Header::Timestamp(stamp).encode(MAGIC, 16).unwrap();
    flags[4] = 8;
    for (expected, cache) in [
        (Reason::Mtime, CacheFile { head: head(Stamp { mtime: 999, ..stamp }), ..right() }),
        (Reason::Size, CacheFile { head: head(Stamp { size: 7, ..stamp }), ..right() }),
        (Reason::Magic, CacheFile { head: Head::Bytes(vec![0; 16]), ..right() }),
        (Reason::Flags, CacheFile { head: Head::Bytes(flags), ..right() }),
        (Reason::Short, CacheFile { head: Head::Bytes(MAGIC.to_vec()), ..right() }),
        (Reason::Short, CacheFile { stat: FileStat { size: 16, ..right().stat }, ..right() }),
        (Reason::Unreadable, CacheFile { head: Head::Unreadable(String::new()), ..right() }),
        (Reason::Link, CacheFile { stat: FileStat { kind: FileKind::Symlink, ..right().stat }, ..right() }),
        (Reason::Torn, CacheFile { torn: true, ..right() }),
        (Reason::Context, CacheFile { wrong_context: true, ..right() }),
        (Reason::Stranger, CacheFile { stat: FileStat { uid: 1001, ..right().stat }, ..right() }),
        (Reason::Racy, CacheFile { stat: FileStat { modified: source().modified, ..right().stat }, ..right() }),
    ] {
        assert_eq!(reason(cache), Some(expected));
    }
    assert_eq!(planned(source(), None, InvalidationMode::Timestamp, ROOT).compile[0].1, Reason::Missing);
}

#[test]
fn a_source_dated_into_the_future_comes_to_rest() {
    let future = FileStat { modified: Timestamp { seconds: 5_000_000_000, nanoseconds: 0 }, ..source() };
    let plan = planned(future, Some(cache_of(&future)), InvalidationMode::Timestamp, ROOT);
    assert_eq!(plan.leave.len(), 1, "{plan:?}");
}

#[test]
fn hash_caches_are_compared_by_hash_and_converted_between_modes() {
    let hash = *b"8 bytes!";
    let cache = |checked, now| {
        let bytes = Header::Hash { checked, hash }.encode(MAGIC, 16).unwrap();
        CacheFile { head: Head::Hashed { bytes, sip13: now, sip24: [0; 8] }, ..cache_of(&source()) }
    };
    let reason = |mode, cache| planned(source(), Some(cache), mode, ROOT).compile.first().map(|(_, reason)| *reason);
    assert_eq!(reason(InvalidationMode::CheckedHash, cache(true, hash)), None);
    assert_eq!(reason(InvalidationMode::UncheckedHash, cache(false, hash)), None);
    assert_eq!(reason(InvalidationMode::CheckedHash, cache(true, *b"another!")), Some(Reason::Hash));
    assert_eq!(reason(InvalidationMode::UncheckedHash, cache(false, *b"another!")), Some(Reason::Hash));
    assert_eq!(reason(InvalidationMode::CheckedHash, cache(false, hash)), Some(Reason::Mode));
    assert_eq!(reason(InvalidationMode::Timestamp, cache(true, hash)), Some(Reason::Mode));
    assert_eq!(reason(InvalidationMode::CheckedHash, cache_of(&source())), Some(Reason::Mode));
}

#[test]
fn a_wrong_owner_or_mode_is_a_reason_of_its_own() {
    for stat in [FileStat { mode: 0o600, ..cache_of(&source()).stat }, FileStat { uid: 0, ..cache_of(&source()).stat }]
    {
        assert_eq!(reason(CacheFile { stat, ..cache_of(&source()) }), Some(Reason::Attributes));
    }
}

/// None of these changes the mode.
#[test]
fn a_wrong_acl_is_a_reason_too() {
    let list = |user: u8| {
        // Owner, user, group, mask, others.
        let entries = [(1, 6, 255), (2, 4, user), (4, 4, 255), (16, 4, 255), (32, 4, 255)];
        let bytes = entries.map(|(tag, permissions, id)| vec![tag, 0, permissions, 0, id, 0, 0, 0]).concat();
        Access::List(Box::new(Acl::parse(&[&[2, 0, 0, 0][..], &bytes].concat()).unwrap().unwrap()))
    };
    let reason = |of_source: Access, access: Access| {
        let targets = [target()];
        let caches = CacheListing {
            wanted: [(NAME.into(), CacheFile { access, ..cache_of(&source()) })].into(),
            ..CacheListing::default()
        };
        let mut observed = Observed {
            directory: None,
            sources: vec![Source {
                name: "x.py".into(),
                state: SourceState::File { stat: source(), link: false },
                access: of_source,
                passed: Vec::new(),
            }],
            caches: CacheDirectory::Present(caches),
        };
        let plan = plan(&rules(&targets, InvalidationMode::Timestamp, ROOT), &mut observed);
        plan.compile.first().map(|(_, reason)| *reason)
    };
    let wrong = Some(Reason::Attributes);
    assert_eq!((reason(list(5), list(5)), reason(list(5), list(6))), (None, wrong));
    assert_eq!((reason(list(5), Access::Mode), reason(Access::Mode, list(5))), (wrong, wrong));
    assert_eq!((reason(Access::Unknown, list(5)), reason(list(5), Access::Unknown)), (None, None), "who knows");
}

#[test]
fn without_the_right_to_chown_only_the_mode_counts() {
    let actor = Actor { uid: 1001, may_chown: false };
    let stat = FileStat { uid: 1001, gid: 7, ..cache_of(&source()).stat };
    let plan = planned(source(), Some(CacheFile { stat, ..cache_of(&source()) }), InvalidationMode::Timestamp, actor);
    assert_eq!(plan.leave.len(), 1, "{plan:?}");
}

#[test]
fn what_is_no_file_is_neither_replaced_nor_followed() {
    for kind in [FileKind::Fifo, FileKind::Directory, FileKind::Socket, FileKind::CharacterDevice] {
        let stat = FileStat { kind, ..cache_of(&source()).stat };
        let plan =
            planned(source(), Some(CacheFile { stat, ..cache_of(&source()) }), InvalidationMode::Timestamp, ROOT);
        assert_eq!(plan.fail[0].1, FailureKind::Refused, "{plan:?}");
    }
}

/// The decision of the daemon at second `now` about a cache made at `made`, for a source changed at `changed`.
fn daemons(made: (i64, u32), changed: (i64, u32), now: i64) -> Plan {
    daemons_of(source().modified, made, changed, now)
}

/// The same for a source with this date.
fn daemons_of(modified: Timestamp, made: (i64, u32), changed: (i64, u32), now: i64) -> Plan {
    let time = |(seconds, nanoseconds)| Timestamp { seconds, nanoseconds };
    let source = FileStat { modified, changed: time(changed), ..source() };
    let cache = CacheFile {
        stat: FileStat { modified: time(made), changed: time(made), ..cache_of(&source).stat },
        ..cache_of(&source)
    };
    let targets = [target()];
    let rules = Rules { now: Some(time((now, 0))), ..rules(&targets, InvalidationMode::Timestamp, ROOT) };
    let mut observed = Observed {
        directory: None,
        sources: vec![Source {
            name: "x.py".into(),
            state: SourceState::File { stat: source, link: false },
            access: Access::Mode,
            passed: Vec::new(),
        }],
        caches: CacheDirectory::Present(CacheListing {
            wanted: [(NAME.into(), cache)].into(),
            ..CacheListing::default()
        }),
    };
    plan(&rules, &mut observed)
}

#[test]
fn the_daemon_comes_back_when_the_second_is_over() {
    let early = daemons((1000, 9), (1000, 5), 1000);
    assert_eq!((early.unripe.len(), early.compile.len()), (1, 0), "{early:?}");
    assert_eq!(daemons((1000, 9), (1000, 5), 1001).compile[0].1, Reason::Racy);
    assert_eq!(daemons((1000, 4), (1000, 5), 1000).compile[0].1, Reason::Racy, "changed since it was made");
}

#[test]
fn a_change_that_keeps_the_stamp_is_seen_by_the_kernels_own() {
    assert_eq!(daemons((2000, 0), (3000, 0), 3001).compile[0].1, Reason::Racy);
    assert_eq!(daemons((4000, 0), (3000, 0), 4001).leave.len(), 1);
    assert_eq!(daemons((2000, 0), (9000, 0), 3001).leave.len(), 1, "a clock that was set back is no reason");
}

#[test]
fn an_edit_before_the_clock_was_set_back_is_compiled_once() {
    let edited = Timestamp { seconds: 9000, nanoseconds: 5 };
    // The cache was made before that, too, and is not later than the edit.
    assert_eq!(daemons_of(edited, (9000, 4), (9000, 5), 3000).compile[0].1, Reason::Racy);
    // Then it is made at the new time, which will be behind for hours.
    let again = daemons_of(edited, (3000, 0), (9000, 5), 3000);
    assert_eq!((again.leave.len(), again.unripe.len(), again.compile.len()), (1, 0, 0), "{again:?}");
    assert_eq!(daemons_of(edited, (3000, 0), (9000, 5), 8999).compile.len(), 0);
    // When the clock has caught up it is verified, once.
    assert_eq!(daemons_of(edited, (3000, 0), (9000, 5), 9001).compile[0].1, Reason::Racy);
    assert_eq!(daemons_of(edited, (9001, 6), (9000, 5), 9002).leave.len(), 1);
}

#[test]
fn what_an_interpreter_left_goes_when_it_is_old_and_when_the_clock_was_set_back() {
    let left_at = |changed, now| {
        let time = |seconds| Timestamp { seconds, nanoseconds: 0 };
        let stat = FileStat { changed: time(changed), ..source() };
        let targets = [target()];
        let rules = Rules { now: Some(time(now)), ..rules(&targets, InvalidationMode::Timestamp, ROOT) };
        let listing =
            CacheListing { foreign_temporaries: vec![("x.cpython-311.pyc.7".into(), stat)], ..CacheListing::default() };
        let mut observed = Observed { directory: None, sources: Vec::new(), caches: CacheDirectory::Present(listing) };
        let plan = plan(&rules, &mut observed);
        (plan.left_over.len(), plan.removable_after)
    };
    assert_eq!(left_at(1000, 1000), (0, Some(1010)));
    assert_eq!(left_at(1000, 1010), (0, Some(1010)));
    assert_eq!(left_at(1000, 1011), (1, None));
    assert_eq!(left_at(9000, 1000), (1, None), "not in hours");
    assert_eq!(left_at(i64::MAX, 1000), (1, None));
}

#[test]
fn a_directory_that_may_be_about_to_go_is_left_in_peace() {
    let orphans_at = |now: i64| {
        let directory = FileStat { changed: Timestamp { seconds: 1000, nanoseconds: 5 }, ..source() };
        let orphans = vec![("gone.cpython-311.pyc".into(), source())];
        let mut observed = Observed {
            directory: Some(DirectoryState { stat: directory, access: Access::Mode }),
            sources: Vec::new(),
            caches: CacheDirectory::Present(CacheListing { orphans, ..CacheListing::default() }),
        };
        let now = Some(Timestamp { seconds: now, nanoseconds: 9 });
        let plan = plan(&Rules { now, ..rules(&[], InvalidationMode::Timestamp, ROOT) }, &mut observed);
        (plan.orphans.len(), plan.removable_after)
    };
    assert_eq!(orphans_at(1000), (0, Some(1002)));
    assert_eq!(orphans_at(1001), (0, Some(1002)));
    assert_eq!(orphans_at(1002), (1, None));
    assert_eq!(orphans_at(999), (1, None), "a clock that was set back");
}
