//! Mode, owner and ACL of sources and directories that change, and of caches that others change.

use std::ffi::CString;
use std::fs::{self, OpenOptions};
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::Path;

use rustix::fs::{XattrFlags, setxattr};

use crate::Kept;
use crate::asking::must_sync;
use crate::support::acl::{access_acl, acl, have_acls};
use crate::support::process::{clean_command, must, processor_time};
use crate::support::python::pair;
use crate::support::skip::{needs_root, skipped};
use crate::support::tree::{inode, mode, set_mode};

const OWNER: (u32, u32) = (12_345, 23_456);

fn owner(path: &Path) -> (u32, u32) {
    let stat = fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    (stat.uid(), stat.gid())
}

fn give(path: &Path, (uid, gid): (u32, u32)) {
    chown(path, Some(uid), Some(gid)).expect("root");
}

#[test]
fn the_mode_of_a_source_is_followed_both_ways() {
    let kept = Kept::new();
    let source = kept.tree.path("a.py");
    for (from, to) in [(0o600, 0o600), (0o640, 0o640), (0o444, 0o644), (0o664, 0o664), (0o600, 0o600), (0o755, 0o644)] {
        set_mode(&source, from);
        must_sync(&kept.daemon, &source);
        assert_eq!(mode(&kept.cache(&source)), to, "of a source with {from:o}");
    }
    kept.assert_converges();
}

#[test]
fn the_owner_of_a_source_is_followed() {
    if !needs_root("attributes::the_owner_of_a_source_is_followed") {
        return;
    }
    let kept = Kept::new();
    let source = kept.tree.path("package/b.py");
    for ids in [OWNER, (OWNER.0, 0), (0, 0)] {
        give(&source, ids);
        must_sync(&kept.daemon, &source);
        assert_eq!(owner(&kept.cache(&source)), ids);
    }
    kept.assert_converges();
}

/// None of these changes the mode.
#[test]
fn the_acl_of_a_source_is_followed() {
    let kept = Kept::new();
    let source = kept.tree.path("a.py");
    if !have_acls("attributes::the_acl_of_a_source_is_followed", &source) {
        return;
    }
    for change in [&["-m", "u:12345:r"][..], &["-m", "g:12345:-"], &["-x", "u:12345"], &["-b"]] {
        must(clean_command("setfacl").args(change).arg(&source));
        must_sync(&kept.daemon, &source);
        assert_eq!((mode(&source), mode(&kept.cache(&source))), (0o644, 0o644));
        assert_eq!(acl(&kept.cache(&source)), acl(&source), "{change:?}");
    }
    kept.assert_converges();
}

#[test]
fn the_acl_of_a_cache_is_put_right() {
    let kept = Kept::new();
    let source = kept.tree.path("a.py");
    let cache = kept.cache(&source);
    if !have_acls("attributes::the_acl_of_a_cache_is_put_right", &source) {
        return;
    }
    must(clean_command("setfacl").args(["-m", "u:12345:r"]).arg(&source));
    must_sync(&kept.daemon, &source);
    for wrong in [&["-m", "u:54321:r"][..], &["-m", "u:12345:-"], &["-b"]] {
        must(clean_command("setfacl").args(wrong).arg(&cache));
        must_sync(&kept.daemon, &source);
        assert_eq!(acl(&cache), acl(&source), "after {wrong:?}");
    }
    kept.assert_converges();
}

#[test]
fn the_acl_of_a_directory_is_followed_by_its_caches() {
    let kept = Kept::new();
    let (directory, caches) = (kept.tree.path("package"), kept.tree.path("package/__pycache__"));
    if !have_acls("attributes::the_acl_of_a_directory_is_followed_by_its_caches", &directory) {
        return;
    }
    for change in [&["-m", "u:12345:rx"][..], &["-m", "d:u:54321:rwx"], &["-b"]] {
        must(clean_command("setfacl").args(change).arg(&directory));
        must_sync(&kept.daemon, &directory);
        assert_eq!(acl(&caches), access_acl(&directory), "{change:?}");
    }
    must(clean_command("setfacl").args(["-m", "u:12345:rwx,d:u:12345:rwx"]).arg(&caches));
    must_sync(&kept.daemon, &directory);
    assert_eq!(acl(&caches), access_acl(&directory), "it had one of its own");
    kept.assert_converges();
}

#[test]
fn the_directory_of_caches_follows_its_parent() {
    let kept = Kept::new();
    let (directory, caches) = (kept.tree.path("package"), kept.tree.path("package/__pycache__"));
    let right = mode(&caches);
    for changed in [0o750, 0o700, 0o755] {
        set_mode(&directory, changed);
        must_sync(&kept.daemon, &directory);
        assert_eq!(mode(&caches), changed, "of a directory with {changed:o}");
    }
    assert_eq!(mode(&caches), right);
    if needs_root("attributes::the_directory_of_caches_follows_its_parent") {
        give(&directory, OWNER);
        must_sync(&kept.daemon, &directory);
        assert_eq!(owner(&caches), OWNER);
    }
    kept.assert_converges();
}

#[test]
fn the_directory_of_caches_is_put_right() {
    let kept = Kept::new();
    let caches = kept.tree.path("package/__pycache__");
    for wrong in [0o700, 0o777, 0o500] {
        set_mode(&caches, wrong);
        must_sync(&kept.daemon, &kept.tree.path("package"));
        assert_eq!(mode(&caches), 0o755, "after {wrong:o}");
    }
    fs::remove_dir_all(&caches).or_else(|_| fs::remove_dir_all(&caches)).expect("own directory");
    must_sync(&kept.daemon, &kept.tree.path("package"));
    assert_eq!(mode(&caches), 0o755);
    if needs_root("attributes::the_directory_of_caches_is_put_right") {
        give(&caches, OWNER);
        must_sync(&kept.daemon, &kept.tree.path("package"));
        assert_eq!(owner(&caches), (0, 0));
    }
    kept.assert_converges();
}

#[test]
fn a_cache_is_put_right() {
    let kept = Kept::new();
    let source = kept.tree.path("a.py");
    let cache = kept.cache(&source);
    let good = fs::read(&cache).expect("a cache");
    let outside = crate::support::tree::Tree::new();
    let precious = outside.file("precious", "content");
    let ways: [(&str, &dyn Fn()); 7] = [
        ("removed", &|| fs::remove_file(&cache).expect("own file")),
        ("emptied", &|| drop(OpenOptions::new().write(true).truncate(true).open(&cache).expect("own file"))),
        ("cut off", &|| OpenOptions::new().write(true).open(&cache).and_then(|f| f.set_len(30)).expect("own file")),
        ("its mode", &|| set_mode(&cache, 0o666)),
        ("closed", &|| set_mode(&cache, 0)),
        ("garbage", &|| fs::write(&cache, "garbage").expect("own file")),
        ("a link", &|| {
            symlink(&precious, outside.path("link"))
                .and_then(|()| fs::rename(outside.path("link"), &cache))
                .expect("own")
        }),
    ];
    for (how, spoil) in ways {
        spoil();
        must_sync(&kept.daemon, &source);
        let stat = fs::symlink_metadata(&cache).unwrap_or_else(|error| panic!("{how}: {error}"));
        assert!(stat.is_file() && mode(&cache) == 0o644, "{how}: {stat:?}");
        assert_eq!(fs::read(&cache).expect("a cache"), good, "{how}");
    }
    if needs_root("attributes::a_cache_is_put_right") {
        give(&cache, OWNER);
        must_sync(&kept.daemon, &source);
        assert_eq!(owner(&cache), (0, 0));
    }
    assert_eq!(fs::read(&precious).expect("there"), b"content");
    kept.assert_converges();
}

/// Under our name lies what another version of Python made.
#[test]
fn a_cache_of_another_python_under_the_name_of_ours() {
    let Some((_, other)) = pair() else {
        return skipped("attributes::a_cache_of_another_python_under_the_name_of_ours", "one interpreter is here");
    };
    let kept = Kept::new();
    let source = kept.tree.path("a.py");
    let good = fs::read(kept.cache(&source)).expect("a cache");
    let program = "import py_compile, sys; py_compile.compile(sys.argv[1], sys.argv[2], doraise=True)";
    must(clean_command(&other.path).args(["-E", "-s", "-c", program]).arg(&source).arg(kept.cache(&source)));
    must_sync(&kept.daemon, &source);
    assert_eq!(fs::read(kept.cache(&source)).expect("a cache"), good);
}

/// The kernel's time of the change moves and nothing else does: the daemon looks, and is quiet afterwards.
#[test]
fn an_extended_attribute_of_a_source() {
    if !needs_root("attributes::an_extended_attribute_of_a_source") {
        return;
    }
    let kept = Kept::new();
    let source = kept.tree.path("a.py");
    for (name, value) in [("user.note", "by a test"), ("security.selinux", "system_u:object_r:etc_t:s0\0")] {
        let name = CString::new(name).expect("no NUL");
        if let Err(error) = setxattr(&source, &name, value.as_bytes(), XattrFlags::empty()) {
            skipped("attributes::an_extended_attribute_of_a_source", &format!("{name:?}: {error}"));
            continue;
        }
        must_sync(&kept.daemon, &source);
        // What was looked at is younger than the change, so that it is not looked at again.
        let changed = |path: &Path| fs::metadata(path).map(|stat| (stat.ctime(), stat.ctime_nsec())).expect("there");
        assert!(changed(&kept.cache(&source)) > changed(&source), "{name:?}");
        let settled = inode(&kept.cache(&source));
        kept.daemon.wait_until("it comes to rest", || {
            let before = processor_time(kept.daemon.id());
            for _ in 0..12 {
                must(clean_command(&kept.python.path).args(["-I", "-S", "-c", "pass"]));
            }
            processor_time(kept.daemon.id()) - before < 3_000_000
        });
        must_sync(&kept.daemon, &kept.tree.root);
        assert_eq!(inode(&kept.cache(&source)), settled, "{name:?}: it was written again");
    }
    kept.assert_converges();
}
