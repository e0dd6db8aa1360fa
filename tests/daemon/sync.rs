//! `pycwarm sync`: when it returns, all is right that happened before. Nothing is waited for here but its return.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use crate::asking::{ask, must_sync, sync};
use crate::support::cache::{holds, is_fresh};
use crate::support::daemon::Daemon;
use crate::support::oracle::assert_all_good;
use crate::support::process::{has_program, sh};
use crate::support::python::primary;
use crate::support::run::run;
use crate::support::skip::skipped;
use crate::support::tree::Tree;
use crate::{Kept, sources_below};

/// Numbers without a pattern; the seed stands in every failure.
struct Chance {
    seed: u64,
    state: u64,
}

impl Chance {
    fn new() -> Self {
        let now = SystemTime::now().duration_since(SystemTime::UNIX_EPOCH).expect("after 1970");
        let seed = u64::from(now.subsec_nanos()) | 1;
        Chance { seed, state: seed }
    }

    fn below(&mut self, limit: usize) -> usize {
        self.state ^= self.state << 13;
        self.state ^= self.state >> 7;
        self.state ^= self.state << 17;
        usize::try_from(self.state % limit as u64).expect("small")
    }
}

/// A build of an application: `modules` files in some directories, whose code names the release.
fn build(place: &Tree, release: usize, modules: usize) -> PathBuf {
    for number in 0..modules {
        place.file(&format!("build/app/p{}/m{number}.py", number % 7), format!("R = 'release {release:04}'\n"));
    }
    place.path("build")
}

#[track_caller]
fn assert_holds(kept: &Kept, source: &Path, mark: &str, context: &str) {
    assert!(is_fresh(kept.python, source), "{source:?} is not fresh ({context})\n{}", kept.daemon.stderr());
    assert!(
        holds(&kept.cache(source), mark),
        "{source:?}: not the code with {mark} ({context})\n{}",
        kept.daemon.stderr()
    );
}

fn deploy_with(copy: &str) {
    let (python, place) = (primary(), Tree::new());
    fs::create_dir(place.path("releases")).expect("own directory");
    let daemon = Daemon::over(python, &place.path("releases"));
    for number in 0..5 {
        let build = build(&place, number, 60);
        let release = place.path(&format!("releases/{number}"));
        sh(&format!("{copy} '{}/' '{}'", build.display(), release.display()));
        must_sync(&daemon, &release);
        sh(&format!("ln -sfn '{}' '{}'", release.display(), place.path("current").display()));
        let sources = sources_below(&release);
        assert_eq!(sources.len(), 60);
        for source in &sources {
            assert!(is_fresh(python, source), "{source:?}");
            assert!(holds(&python.cache(source), &format!("release {number:04}")), "{source:?}");
        }
        assert_all_good(python, &release);
    }
}

#[test]
fn a_deployment_by_cp() {
    deploy_with("cp -r");
}

#[test]
fn a_deployment_by_rsync() {
    if !has_program("rsync") {
        return skipped("sync::a_deployment_by_rsync", "rsync is not installed");
    }
    deploy_with("rsync -a --delete");
}

/// Over the release that is served: the same size, mostly the same second.
#[test]
fn a_release_is_copied_over_the_one_before() {
    let (python, place) = (primary(), Tree::new());
    let live = place.path("live");
    fs::create_dir(&live).expect("own directory");
    let daemon = Daemon::over(python, &live);
    for number in 0..10 {
        let build = build(&place, number, 40);
        sh(&format!("cp -r '{}/.' '{}'", build.display(), live.display()));
        must_sync(&daemon, &live);
        for source in sources_below(&live) {
            assert!(holds(&python.cache(&source), &format!("release {number:04}")), "{source:?}\n{}", daemon.stderr());
        }
        assert_all_good(python, &live);
    }
}

#[test]
fn fifty_random_edits_of_one_size() {
    let kept = Kept::with(|tree| {
        for number in 0..30 {
            tree.source(&format!("d{}/m{number}.py", number % 5), "M = 'mark -001'\n");
        }
    });
    let sources = sources_below(&kept.tree.root);
    let mut chance = Chance::new();
    for round in 0..50 {
        let mark = format!("mark {round:04}");
        let edited: Vec<&PathBuf> = (0..=chance.below(4)).map(|_| &sources[chance.below(sources.len())]).collect();
        for source in &edited {
            let text = format!("M = '{mark}'\n");
            if chance.below(2) == 0 {
                fs::write(source, text).expect("own file");
            } else {
                let new = source.with_extension("new");
                fs::write(&new, text).and_then(|()| fs::rename(&new, source)).expect("own directory");
            }
        }
        let asked = if chance.below(2) == 0 { kept.tree.root.as_path() } else { edited[0].as_path() };
        must_sync(&kept.daemon, asked);
        for source in edited.iter().filter(|source| source.starts_with(asked)) {
            assert_holds(&kept, source, &mark, &format!("round {round}, seed {}", chance.seed));
        }
    }
}

/// The cache of one version is being put in place while the next is written.
#[test]
fn an_edit_while_the_one_before_is_compiled() {
    let kept = Kept::new();
    let source = kept.tree.path("a.py");
    let mut chance = Chance::new();
    for round in 0..100 {
        kept.tree.file("a.py", format!("A = 'older {round:03}'\n"));
        for _ in 0..chance.below(400) {
            std::hint::black_box(fs::metadata(&source).is_ok());
        }
        let mark = format!("newer {round:03}");
        kept.tree.file("a.py", format!("A = '{mark}'\n"));
        must_sync(&kept.daemon, &source);
        assert_holds(&kept, &source, &mark, &format!("round {round}, seed {}", chance.seed));
    }
}

/// The daemon has heard of the directory, at best; it does not watch it yet.
#[test]
fn a_directory_that_was_just_made() {
    let kept = Kept::new();
    for round in 0..20 {
        let (deep, mark) = (format!("r{round}/x/y"), format!("mark {round}"));
        let sources = [format!("{deep}/z/m.py"), format!("{deep}/m.py")]
            .map(|name| kept.tree.file(&name, format!("M = '{mark}'\n")));
        must_sync(&kept.daemon, &kept.tree.path(&format!("r{round}/x")));
        for source in sources {
            assert_holds(&kept, &source, &mark, &format!("round {round}"));
        }
    }
}

#[test]
fn what_is_gone_is_no_reason_to_wait() {
    let kept = Kept::with(|tree| {
        tree.source("gone/deep/x.py", "X = 1\n");
    });
    let source = kept.tree.path("package/b.py");
    fs::remove_file(&source).expect("own file");
    must_sync(&kept.daemon, &source);
    fs::remove_dir_all(kept.tree.path("gone")).expect("own directory");
    must_sync(&kept.daemon, &kept.tree.path("gone/deep"));
    // It goes when its directory has come to rest, for which nobody waits.
    kept.daemon.wait_until("the cache is gone with its source", || !kept.cache(&source).exists());
}

#[test]
fn all_trees_where_no_path_is_given() {
    let (python, place) = (primary(), Tree::new());
    for name in ["one", "two"] {
        fs::create_dir(place.path(name)).expect("own directory");
    }
    let mut command = crate::support::run::pycwarm("daemon");
    command.arg("--python").arg(&python.path).args([place.path("one"), place.path("two"), place.path("absent")]);
    let daemon = Daemon::start(&mut command).ready();
    for round in 0..10 {
        let sources = ["one/d/x.py", "two/e/y.py"].map(|name| place.file(name, format!("N = 'mark {round}'\n")));
        assert_eq!(run(&mut ask(&daemon, "sync")).status, 0);
        for source in &sources {
            assert!(is_fresh(python, source) && holds(&python.cache(source), &format!("mark {round}")), "{source:?}");
        }
    }
}

/// `current` is the tree; the script knows the release by its real path.
#[test]
fn the_real_path_of_a_tree_that_is_a_link() {
    let (python, place) = (primary(), Tree::new());
    place.source("releases/1/p/x.py", "X = 1\n");
    symlink("releases/1", place.path("current")).expect("own directory");
    let daemon = Daemon::over(python, &place.path("current"));
    for round in 0..10 {
        let source = place.file("releases/1/p/x.py", format!("X = 'mark {round}'\n"));
        let asked = ["releases/1", "releases/1/p/x.py", "current", "current/p"][round % 4];
        must_sync(&daemon, &place.path(asked));
        assert!(is_fresh(python, &source) && holds(&python.cache(&source), &format!("mark {round}")), "{asked}");
    }
    fs::remove_dir_all(place.path("releases/1/p")).expect("own directory");
    must_sync(&daemon, &place.path("releases/1/p/x.py"));
}

/// The tree holds all releases; the script knows the newest by a link in it.
#[test]
fn a_link_within_the_tree() {
    let kept = Kept::new();
    kept.tree.file("releases/1/x.py", "X = 1\n");
    symlink("releases/1", kept.tree.path("current")).expect("own directory");
    must_sync(&kept.daemon, &kept.tree.root);
    for round in 0..30 {
        let (source, mark) = (kept.tree.path("releases/1/x.py"), format!("mark {round:04}"));
        kept.tree.file("releases/1/x.py", format!("X = '{mark}'\n"));
        must_sync(&kept.daemon, &kept.tree.path("current"));
        assert_holds(&kept, &source, &mark, &format!("round {round}"));
    }
    kept.tree.file("releases/1/x.py", "X = = 1\n");
    let ran = sync(&kept.daemon, &kept.tree.path("current"));
    assert!(ran.status == 1 && ran.stderr.contains("x.py:1: "), "{ran:?}");
}
