//! Cases in which changes were lost, or too much was done, once.

use std::fs;
use std::os::unix::fs::symlink;

use crate::support::daemon::Daemon;
use crate::support::python::primary;
use crate::support::run::{pycwarm, pycwarm_with};
use crate::support::tree::{Tree, set_mode, set_mtime};
use crate::{Kept, sources_below};

/// More than there are threads for blocking work.
#[test]
fn seven_hundred_directories_at_once() {
    let (python, place) = (primary(), Tree::new());
    for number in 0..700 {
        place.source(&format!("staging/d{number}/x.py"), "X = 1\n");
    }
    place.source("live/a.py", "A = 1\n");
    let daemon = Daemon::over(python, &place.path("live"));
    fs::rename(place.path("staging"), place.path("live/big")).expect("own directory");
    daemon.wait_fresh(python, &sources_below(&place.path("live")));
}

#[test]
fn the_outer_tree_does_not_take_the_watches_of_the_inner_one() {
    let (python, place) = (primary(), Tree::new());
    place.source("outer/a.py", "A = 1\n");
    place.source("outer/inner/b.py", "B = 1\n");
    let mut command = pycwarm("daemon");
    command.arg("--python").arg(&python.path).args([place.path("outer"), place.path("outer/inner")]);
    let daemon = Daemon::start(&mut command).ready();
    for round in 0..3 {
        let outer = place.file("outer/a.py", format!("A = 'round {round}'\n"));
        daemon.wait_fresh(python, [&outer]);
        let inner = place.file("outer/inner/b.py", format!("B = 'round {round}'\n"));
        daemon.wait_fresh(python, [&inner]);
    }
}

#[test]
fn two_trees_that_lead_to_one_directory() {
    let (python, place) = (primary(), Tree::new());
    place.source("releases/1/x.py", "X = 1\n");
    symlink("releases/1", place.path("current")).expect("own directory");
    let mut command = pycwarm("daemon");
    command.arg("--python").arg(&python.path).args([place.path("current"), place.path("releases")]);
    let daemon = Daemon::start(&mut command).ready();
    for round in 0..3 {
        let source = place.file("releases/1/x.py", format!("X = 'round {round}'\n"));
        daemon.wait_fresh(python, [&source]);
    }
}

#[test]
fn a_link_on_the_way_to_the_root_is_turned() {
    let (python, place) = (primary(), Tree::new());
    place.source("releases/1/x.py", "X = 'one'\n");
    let two = place.source("releases/2/x.py", "X = 'two'\n");
    fs::create_dir(place.path("shared")).expect("own directory");
    symlink("../releases/1", place.path("shared/latest")).expect("own directory");
    symlink("shared/latest", place.path("current")).expect("own directory");
    let daemon = Daemon::over(python, &place.path("current"));
    assert!(!python.cache(&two).exists());
    symlink("../releases/2", place.path("shared/new")).expect("own directory");
    fs::rename(place.path("shared/new"), place.path("shared/latest")).expect("own directory");
    daemon.wait_fresh(python, [&two]);
}

#[test]
fn a_source_that_is_linked_to_from_another_directory() {
    let kept = Kept::with(|tree| {
        tree.source("library/y.py", "Y = 1\n");
        symlink("../library/y.py", tree.path("package/linked.py")).expect("own directory");
    });
    let linked = kept.tree.path("package/linked.py");
    kept.tree.file("library/y.py", "Y = 'edited'\n");
    kept.daemon.wait_fresh(kept.python, [&linked]);
}

/// As `rsync -t` or an archive with clamped times leaves it: only the kernel's own stamp tells.
#[test]
fn another_file_with_the_same_size_and_time() {
    let kept = Kept::new();
    let source = kept.tree.source("version.py", "V = '1.0.1'\n");
    let time = fs::metadata(&source).expect("it is there").modified().expect("Linux");
    kept.wait_fresh(&source);
    for patch in 2..9 {
        let other = kept.tree.file("version.new", format!("V = '1.0.{patch}'\n"));
        set_mtime(&other, time);
        fs::rename(&other, &source).expect("own directory");
        kept.daemon.wait_good(kept.python, &kept.tree.root);
    }
}

#[test]
fn links_that_lead_elsewhere_all_at_once() {
    let kept = Kept::with(|tree| {
        tree.source("releases/1/y.py", "Y = 1\n");
        tree.source("releases/2/y.py", "Y = 'another release'\n");
        symlink("releases/1", tree.path("current")).expect("own directory");
        symlink("../current/y.py", tree.path("package/through.py")).expect("own directory");
        symlink("../library/late.py", tree.path("package/dangling.py")).expect("own directory");
        fs::create_dir(tree.path("library")).expect("own directory");
    });
    symlink("releases/2", kept.tree.path("new")).expect("own directory");
    fs::rename(kept.tree.path("new"), kept.tree.path("current")).expect("own directory");
    kept.tree.file("library/late.py", "L = 1\n");
    let linked = [kept.tree.path("package/through.py"), kept.tree.path("package/dangling.py")];
    kept.daemon.wait_fresh(kept.python, &linked);
    kept.tree.file("library/late.py", "L = 'later still'\n");
    kept.daemon.wait_fresh(kept.python, &linked);
}

#[test]
fn a_broken_source_is_reported_again_when_it_comes_back() {
    let kept = Kept::new();
    let reports = || kept.daemon.stderr().matches("bad.py:1: SyntaxError").count();
    for round in 1..=3 {
        let bad = kept.tree.file("package/bad.py", "def f(:\n");
        kept.daemon.wait_until("the report", || reports() == round);
        fs::remove_file(&bad).expect("own file");
        // Once this is fresh, the directory has been looked at without the broken source.
        let beside = kept.tree.file("package/b.py", "B = 1\n".repeat(round + 5));
        kept.wait_fresh(&beside);
    }
}

#[test]
fn caches_of_excluded_sources_and_of_other_files_are_no_orphans() {
    let (python, place) = (primary(), Tree::new());
    let excluded = place.source("app/generated.py", "G = 1\n");
    place.file("app/plugin.cgi", "P = 1\n");
    let plugin = python.cache(&place.path("app/plugin.py"));
    let orphan = python.cache(&place.path("app/gone.py"));
    fs::create_dir_all(place.path("app/__pycache__")).expect("own directory");
    for cache in [&python.cache(&excluded), &plugin, &orphan] {
        fs::write(cache, [&python.magic[..], &[0; 20]].concat()).expect("own directory");
    }
    let config = place.file(
        "pycwarm.toml",
        format!(
            "[defaults]\npython = [{:?}]\nexclude = [\"generated.py\"]\n[[tree]]\npath = {:?}\n",
            python.path,
            place.path("app")
        ),
    );
    let daemon = Daemon::start(&mut pycwarm_with("daemon", &config)).ready();
    daemon.wait_until("the removal of the orphan", || !orphan.exists());
    assert!(python.cache(&excluded).exists(), "an excluded source is not seen, and its cache is not touched");
    assert!(plugin.exists(), "a cache that was loaded from plugin.cgi");
}

#[test]
fn an_interpreter_that_fails_at_first_is_tried_again() {
    let Some(place) = Tree::trusted() else {
        return crate::support::skip::skipped(
            "hard_cases::an_interpreter_that_fails_at_first",
            "no place for programs",
        );
    };
    let python = primary();
    let program = place.file("bin/python3", "#!/bin/sh\nexit 1\n");
    set_mode(&program, 0o755);
    let source = place.source("app/x.py", "X = 1\n");
    let mut command = pycwarm("daemon");
    command.arg("--python").arg(&program).arg(place.path("app"));
    let daemon = Daemon::start(&mut command).ready();
    assert!(!python.cache(&source).exists());
    let good = place.file("bin/new", format!("#!/bin/sh\nexec '{}' \"$@\"\n", python.path.display()));
    set_mode(&good, 0o755);
    fs::rename(&good, &program).expect("own directory");
    daemon.wait_fresh(python, [&source]);
}
