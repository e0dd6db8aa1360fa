//! Caches that others delete or overwrite.

use std::fs;
use std::os::unix::fs::symlink;

use crate::Kept;
use crate::support::process::{clean_command, must};
use crate::support::tree::{Tree, inode, set_mode};

#[test]
fn a_deleted_cache() {
    let kept = Kept::new();
    let source = kept.tree.path("package/b.py");
    fs::remove_file(kept.cache(&source)).expect("own file");
    kept.wait_fresh(&source);
    kept.assert_converges();
}

#[test]
fn a_deleted_directory_of_caches() {
    let kept = Kept::new();
    for _ in 0..10 {
        fs::remove_dir_all(kept.tree.path("package/__pycache__")).expect("own directory");
        kept.wait_fresh(&kept.tree.path("package/b.py"));
        kept.wait_fresh(&kept.tree.path("package/__init__.py"));
    }
    kept.assert_converges();
}

#[test]
fn a_cache_overwritten_with_garbage() {
    let kept = Kept::new();
    let source = kept.tree.path("a.py");
    fs::write(kept.cache(&source), "garbage").expect("own file");
    kept.wait_fresh(&source);
    kept.assert_converges();
}

/// The worst a writer can do: import takes the header and fails at the rest, until somebody deletes the file.
#[test]
fn garbage_under_a_good_header() {
    let kept = Kept::new();
    let source = kept.tree.path("a.py");
    let cache = kept.cache(&source);
    let mut content = fs::read(&cache).expect("a cache");
    content.truncate(kept.python.header_length());
    content.extend(b"no code at all");
    fs::write(&cache, &content).expect("own file");
    kept.daemon.wait_good(kept.python, &kept.tree.root);
}

#[test]
fn a_cache_that_is_cut_off() {
    let kept = Kept::new();
    let source = kept.tree.path("a.py");
    let cache = kept.cache(&source);
    let length = fs::metadata(&cache).expect("a cache").len();
    let file = fs::OpenOptions::new().write(true).open(&cache).expect("own file");
    file.set_len(length - 5).expect("own file");
    kept.daemon.wait_good(kept.python, &kept.tree.root);
}

#[test]
fn another_cache_renamed_over_it() {
    let kept = Kept::new();
    let (one, other) =
        (kept.cache(&kept.tree.path("package/b.py")), kept.cache(&kept.tree.path("package/__init__.py")));
    fs::rename(&other, &one).expect("own directory");
    kept.assert_converges();
}

#[test]
fn a_link_in_place_of_the_cache() {
    let kept = Kept::new();
    let outside = Tree::new();
    let target = outside.file("precious", "content");
    let source = kept.tree.path("a.py");
    let cache = kept.cache(&source);
    fs::remove_file(&cache).expect("own file");
    // The daemon may have been faster.
    let _ = fs::remove_file(&cache);
    let _ = symlink(&target, &cache);
    kept.daemon.wait_until("a real file", || fs::symlink_metadata(&cache).is_ok_and(|stat| stat.is_file()));
    kept.assert_converges();
    assert_eq!(fs::read(&target).expect("there"), b"content");
}

#[test]
fn a_cache_whose_mode_is_changed() {
    let kept = Kept::with(|tree| set_mode(&tree.path("a.py"), 0o600));
    let cache = kept.cache(&kept.tree.path("a.py"));
    set_mode(&cache, 0o644);
    kept.daemon.wait_until("it is closed again", || crate::support::tree::mode(&cache) == 0o600);
    kept.assert_converges();
}

/// A real interpreter that writes over ours, and over and over: neither torn nor fought about.
#[test]
fn a_real_python_writes_the_caches_too() {
    let kept = Kept::new();
    let program =
        "import compileall, sys\nfor n in range(20): compileall.compile_dir(sys.argv[1], quiet=2, force=True)";
    must(clean_command(&kept.python.path).args(["-E", "-s", "-c", program]).arg(&kept.tree.root));
    kept.assert_converges();
    // Once both agree, the file stays what it is.
    let later = kept.tree.source("later.py", "L = 1\n");
    kept.wait_fresh(&later);
    let cache = kept.cache(&kept.tree.path("a.py"));
    let settled = inode(&cache);
    let again = kept.tree.source("again.py", "L = 1\n");
    kept.wait_fresh(&again);
    assert_eq!(inode(&cache), settled);
}

/// Import itself as the other writer, after an edit: whoever is first, the end is right.
#[test]
fn a_program_imports_right_after_each_edit() {
    let kept = Kept::new();
    let program = "import sys; sys.path.insert(0, sys.argv[1]); import a; print(a.A)";
    for number in 0..20 {
        kept.tree.file("a.py", format!("A = '{}number {number}'\n", " ".repeat(number)));
        let output = must(clean_command(&kept.python.path).args(["-E", "-s", "-c", program]).arg(&kept.tree.root));
        assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), format!("number {number}"));
    }
    kept.assert_converges();
}
