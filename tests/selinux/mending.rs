//! Wrong contexts are found and put right: of a cache by another file, of `__pycache__` where it is.

use std::fs;
use std::path::Path;

use crate::host::{CONTENT, Host, SCRIPT, assert_context, remove_context, set_context};
use crate::support::tree::{inode, snapshot};

const WRONG: &str = "system_u:object_r:user_home_t:s0";

#[test]
fn a_cache_with_a_wrong_context_is_replaced() {
    let Some(host) = Host::new("mending::a_cache_with_a_wrong_context_is_replaced") else { return };
    let (wrong, right) = (host.source("wrong.py", "W = 1\n"), host.source("right.py", "R = 1\n"));
    host.warm("").assert_compiled(2);
    let (cache, other) = (host.cache(&wrong), host.cache(&right));
    set_context(&cache, WRONG);
    let before = (inode(&cache), inode(&other));
    let held = fs::File::open(&cache).expect("own file");

    let counts = host.check("").counts;
    assert_eq!((counts.stale, counts.fresh), (1, 1));
    assert_context(&cache, WRONG);

    let counts = host.warm("").counts;
    assert_eq!((counts.repaired, counts.fresh, counts.failed), (1, 1, 0));
    assert_context(&cache, SCRIPT);
    assert_ne!(inode(&cache), before.0, "it is another file");
    assert_eq!(inode(&other), before.1, "the right one is not touched");
    assert_eq!(fs_context(&held), WRONG, "the old file keeps what it had");
    host.check("").assert_nothing_done();
}

fn fs_context(file: &fs::File) -> String {
    let mut buffer = [0; 256];
    let length = rustix::fs::fgetxattr(file, "security.selinux", &mut buffer[..]).expect("it has one");
    String::from_utf8_lossy(&buffer[..length]).trim_end_matches('\0').to_owned()
}

#[test]
fn a_cache_without_a_context_is_replaced() {
    let Some(host) = Host::new("mending::a_cache_without_a_context_is_replaced") else { return };
    let source = host.source("a.py", "A = 1\n");
    host.warm("").assert_compiled(1);
    remove_context(&host.cache(&source));
    assert_eq!(host.warm("").counts.repaired, 1);
    assert_context(&host.cache(&source), SCRIPT);
}

#[test]
fn a_cache_directory_is_relabelled_where_it_is() {
    let Some(host) = Host::new("mending::a_cache_directory_is_relabelled_where_it_is") else { return };
    let source = host.source("a.py", "A = 1\n");
    host.warm("").assert_compiled(1);
    let (directory, cache) = (host.directory_of(&source), inode(&host.cache(&source)));
    set_context(&directory, WRONG);
    assert_eq!(host.check("").counts.stale, 1);
    assert_eq!(host.warm("").counts.repaired, 1);
    assert_context(&directory, SCRIPT);
    assert_eq!(inode(&host.cache(&source)), cache, "what is right in it stays");
    host.check("").assert_nothing_done();
}

/// It may be a directory of somebody else, under this name to have it relabelled.
#[test]
fn a_cache_directory_with_other_things_in_it_is_left_alone() {
    let Some(host) = Host::new("mending::a_cache_directory_with_other_things_in_it_is_left_alone") else { return };
    let source = host.source("a.py", "A = 1\n");
    host.warm("").assert_compiled(1);
    let directory = host.directory_of(&source);
    set_context(&directory, WRONG);
    fs::write(directory.join("secret"), "").expect("own directory");
    host.warm("");
    assert_context(&directory, WRONG);
}

#[test]
fn nothing_else_is_relabelled() {
    let Some(host) = Host::new("mending::nothing_else_is_relabelled") else { return };
    let source = host.source("a.py", "A = 1\n");
    let others = [host.source("data.txt", ""), source.clone(), host.root.clone()];
    others.iter().for_each(|path| set_context(path, CONTENT));
    let linked = host.scratch().join("outside");
    fs::write(&linked, "").expect("own directory");
    set_context(&linked, WRONG);
    fs::create_dir(host.directory_of(&source)).expect("own directory");
    std::os::unix::fs::symlink(&linked, host.cache(&source)).expect("own directory");
    host.warm("").assert_compiled(1);
    others.iter().for_each(|path| assert_context(path, CONTENT));
    assert_context(&linked, WRONG);
    assert_context(&host.cache(&source), SCRIPT);
}

/// As restorecon without -F sees it: the type is what a policy is about.
#[test]
fn another_user_or_level_alone_is_not_wrong() {
    let Some(host) = Host::new("mending::another_user_or_level_alone_is_not_wrong") else { return };
    let source = host.source("a.py", "A = 1\n");
    host.warm("").assert_compiled(1);
    let developers = "unconfined_u:object_r:httpd_sys_script_exec_t:s0:c7";
    set_context(&host.cache(&source), developers);
    set_context(&host.directory_of(&source), developers);
    let before = snapshot(&host.root);
    host.warm("").assert_nothing_done();
    assert_eq!(snapshot(&host.root), before);
    assert_context(&host.cache(&source), developers);
}

#[test]
fn a_link_in_place_of_the_cache_directory_is_not_followed() {
    let Some(host) = Host::new("mending::a_link_in_place_of_the_cache_directory_is_not_followed") else { return };
    let source = host.source("a.py", "A = 1\n");
    let outside = host.scratch().join("outside");
    fs::create_dir(&outside).expect("own directory");
    set_context(&outside, WRONG);
    std::os::unix::fs::symlink(&outside, host.directory_of(&source)).expect("own directory");
    assert_eq!(host.warm("").counts.failed, 1);
    assert_context(Path::new(&outside), WRONG);
}
