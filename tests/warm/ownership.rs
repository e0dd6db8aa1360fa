//! Owner, group and mode of what is written: never readable where the source is not.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown};
use std::path::Path;

use crate::support::process::clean_command;
use crate::support::python::primary;
use crate::support::run::{binary, check, json, pycwarm_with, run, warm};
use crate::support::script;
use crate::support::skip::needs_root;
use crate::support::tree::{Tree, inode, mode, set_mode};

const OWNER: (u32, u32) = (12_345, 23_456);

fn owner(path: &Path) -> (u32, u32) {
    let stat = fs::symlink_metadata(path).unwrap_or_else(|error| panic!("{path:?}: {error}"));
    (stat.uid(), stat.gid())
}

#[test]
fn mode_follows_the_source() {
    let (python, tree) = (primary(), Tree::new());
    let modes = [(0o600, 0o600), (0o640, 0o640), (0o644, 0o644), (0o444, 0o644), (0o755, 0o644), (0o4664, 0o664)];
    let sources = modes.map(|(from, to)| {
        let source = tree.source(&format!("m{from:o}.py"), "M = 1\n");
        set_mode(&source, from);
        (source, to)
    });
    warm(python, &tree.root).assert_compiled(modes.len() as u64);
    for (source, expected) in sources {
        assert_eq!(mode(&python.cache(&source)), expected, "{source:?}");
    }
}

#[test]
fn owner_and_group_follow_the_source() {
    if !needs_root("ownership::owner_and_group_follow_the_source") {
        return;
    }
    let (python, tree) = (primary(), Tree::new());
    let source = tree.source("home/app/x.py", "X = 1\n");
    set_mode(&source, 0o600);
    set_mode(&tree.path("home/app"), 0o2750);
    chown(&source, Some(OWNER.0), Some(OWNER.1)).expect("root");
    chown(tree.path("home/app"), Some(OWNER.0), Some(777)).expect("root");
    set_mode(&tree.path("home/app"), 0o2750);
    warm(python, &tree.root).assert_compiled(1);
    let cache = python.cache(&source);
    assert_eq!((owner(&cache), mode(&cache)), (OWNER, 0o600));
    let directory = cache.parent().expect("__pycache__");
    assert_eq!((owner(directory), mode(directory) & 0o777), ((OWNER.0, 777), 0o750), "as the directory above");
    check(python, &tree.root).assert_nothing_done();
}

#[test]
fn an_existing_directory_gets_the_mode_of_the_one_above() {
    let (python, tree) = (primary(), Tree::new());
    let source = tree.good();
    fs::create_dir(tree.path("__pycache__")).expect("own directory");
    set_mode(&tree.path("__pycache__"), 0o700);
    warm(python, &tree.root).assert_compiled(1);
    assert_eq!(mode(&tree.path("__pycache__")), 0o755);
    assert!(python.cache(&source).is_file());
    set_mode(&tree.path("__pycache__"), 0o777);
    let checked = check(python, &tree.root);
    assert_eq!((checked.counts.stale, checked.ran.status), (1, 1), "{}", checked.raw);
    let report = warm(python, &tree.root);
    assert_eq!(report.counts.repaired, 1, "{}", report.raw);
    assert_eq!(mode(&tree.path("__pycache__")), 0o755);
    check(python, &tree.root).assert_nothing_done();
}

/// Its owner could have had another's directory given away under this name.
#[test]
fn a_directory_with_other_things_in_it_is_left_as_it_is() {
    let (python, tree) = (primary(), Tree::new());
    let source = tree.good();
    tree.file("__pycache__/letters.txt", "private");
    set_mode(&tree.path("__pycache__"), 0o700);
    warm(python, &tree.root).assert_compiled(1);
    assert_eq!(mode(&tree.path("__pycache__")), 0o700);
    assert!(python.cache(&source).is_file());
    check(python, &tree.root).assert_nothing_done();
}

#[test]
fn umask_does_not_matter() {
    for mask in ["000", "077", "777"] {
        let (python, tree) = (primary(), Tree::new());
        let source = tree.source("p/x.py", "X = 1\n");
        set_mode(&source, 0o644);
        set_mode(&tree.path("p"), 0o755);
        let mut command = clean_command("/bin/sh");
        command.args(["-c", &format!("umask {mask}; exec \"$@\""), "sh"]).arg(binary());
        command.args(["warm", "--config"]).arg(script("empty.toml")).arg("--python").arg(&python.path).arg(&tree.root);
        json(&mut command).assert_compiled(1);
        assert_eq!((mode(&python.cache(&source)), mode(&tree.path("p/__pycache__"))), (0o644, 0o755), "umask {mask}");
    }
}

#[test]
fn a_wrong_mode_is_repaired_by_a_new_file() {
    let (python, tree) = (primary(), Tree::new());
    let source = tree.good();
    set_mode(&source, 0o600);
    warm(python, &tree.root).assert_compiled(1);
    let cache = python.cache(&source);
    let (old, content) = (inode(&cache), fs::read(&cache).expect("own file"));
    // Held open, so that the inode number cannot be given to the new file.
    let held = fs::File::open(&cache).expect("own file");
    set_mode(&cache, 0o666);
    assert_eq!(check(python, &tree.root).counts.stale, 1);
    let report = warm(python, &tree.root);
    assert_eq!((report.counts.repaired, report.counts.compiled, report.counts.failed), (1, 0, 0), "{}", report.raw);
    assert_eq!((mode(&cache), fs::read(&cache).expect("own file")), (0o600, content));
    assert_ne!(inode(&cache), old, "replaced, not changed in place");
    assert_eq!(held.metadata().expect("open").mode() & 0o777, 0o666, "the old file is not touched");
    warm(python, &tree.root).assert_nothing_done();
}

#[test]
fn a_wrong_owner_is_repaired() {
    if !needs_root("ownership::a_wrong_owner_is_repaired") {
        return;
    }
    let (python, tree) = (primary(), Tree::new());
    let source = tree.good();
    warm(python, &tree.root).assert_compiled(1);
    chown(&source, Some(OWNER.0), Some(OWNER.1)).expect("root");
    let report = warm(python, &tree.root);
    assert_eq!(report.counts.repaired + report.counts.compiled, 1, "{}", report.raw);
    assert_eq!(owner(&python.cache(&source)), OWNER);
    warm(python, &tree.root).assert_nothing_done();
}

#[test]
fn an_existing_cache_is_replaced_and_never_written_into() {
    let (python, tree) = (primary(), Tree::new());
    let source = tree.good();
    warm(python, &tree.root).assert_compiled(1);
    let cache = python.cache(&source);
    let content = fs::read(&cache).expect("own file");
    let linked = tree.path("hard-link-of-a-reader");
    fs::hard_link(&cache, &linked).expect("own directory");
    tree.source("good.py", "GOOD = 'another text'\n");
    warm(python, &tree.root).assert_compiled(1);
    assert_eq!(fs::read(&linked).expect("own file"), content);
    assert_ne!(inode(&linked), inode(&cache));
}

#[test]
fn configured_owner_and_mode() {
    if !needs_root("ownership::configured_owner_and_mode") {
        return;
    }
    let (python, tree) = (primary(), Tree::new());
    let source = tree.good();
    let text = format!("[defaults]\npython = [{:?}]\nowner = \"nobody:daemon\"\nmode = \"0640\"\n", python.path);
    let config = tree.file("pycwarm.toml", text);
    let ran = run(pycwarm_with("warm", &config).arg(&tree.root));
    assert_eq!(ran.status, 0, "{}", ran.stderr);
    let expected = |flag: &str, name: &str| {
        let output = clean_command("id").args([flag, name]).output().expect("id");
        String::from_utf8_lossy(&output.stdout).trim().parse::<u32>().expect("a number")
    };
    let cache = python.cache(&source);
    let group = fs::read_to_string("/etc/group").expect("groups");
    let daemon = group.lines().find_map(|line| line.strip_prefix("daemon:")?.split(':').nth(1)?.parse().ok());
    assert_eq!((owner(&cache), mode(&cache)), ((expected("-u", "nobody"), daemon.expect("a group daemon")), 0o640));
}

/// Whoever may rename files in a directory could put a cache in the place of another's, under a stamp that fits.
#[test]
fn the_code_of_a_closed_source_is_not_handed_out_by_a_repair() {
    if !needs_root("ownership::the_code_of_a_closed_source_is_not_handed_out_by_a_repair") {
        return;
    }
    let (python, tree) = (primary(), Tree::new());
    let secret = tree.source("secret.py", "S = 's3cret-of-root'\n");
    set_mode(&secret, 0o600);
    warm(python, &tree.root).assert_compiled(1);
    let open = tree.source("open.py", "O = 'just as long!!'\n");
    assert_eq!(fs::metadata(&open).expect("it").len(), fs::metadata(&secret).expect("it").len());
    let time = fs::metadata(&secret).expect("it").modified().expect("Linux");
    crate::support::tree::set_mtime(&open, time);
    chown(&open, Some(OWNER.0), Some(OWNER.1)).expect("root");
    fs::rename(python.cache(&secret), python.cache(&open)).expect("own directory");
    warm(python, &tree.root);
    let published = fs::read(python.cache(&open)).expect("a cache");
    assert!(!published.windows(6).any(|part| part == b"s3cret"), "the secret is in the open cache");
    assert_eq!(owner(&python.cache(&open)), OWNER);
}

#[test]
fn in_a_sticky_directory_only_the_owner_may_write_caches() {
    let (python, tree) = (primary(), Tree::new());
    if crate::support::skip::is_root() {
        return crate::support::skip::skipped(
            "ownership::in_a_sticky_directory_only_the_owner_may_write_caches",
            "root leaves such a directory alone",
        );
    }
    let source = tree.source("shared/x.py", "X = 1\n");
    set_mode(&tree.path("shared"), 0o1777);
    warm(python, &tree.root).assert_compiled(1);
    assert_eq!(mode(python.cache(&source).parent().expect("__pycache__")) & 0o7777, 0o755);
}
