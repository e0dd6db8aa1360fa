//! A real file system without events: FUSE, by bindfs over a plain directory, which is changed below the mount.

use std::fs;
use std::path::PathBuf;

use crate::sources_below;
use crate::support::apart::Mount;
use crate::support::cache::{holds, is_fresh};
use crate::support::daemon::Daemon;
use crate::support::process::{clean_command, has_program, must, sh};
use crate::support::python::{Interpreter, primary};
use crate::support::run::{binary, pycwarm_with};
use crate::support::skip::skipped;
use crate::support::tree::Tree;

struct Fuse {
    python: &'static Interpreter,
    daemon: Daemon,
    /// Last, so that it is unmounted before its place is removed, and after the daemon has ended.
    mount: Option<Mount>,
    place: Tree,
}

/// `seen` is where `below` is mounted.
impl Fuse {
    fn new(name: &str, interval: u32) -> Option<Self> {
        if !has_program("bindfs") {
            skipped(name, "bindfs is not installed");
            return None;
        }
        let (python, place) = (primary(), Tree::new());
        place.source("below/a.py", "A = 'first'\n");
        place.source("below/package/b.py", "B = 'first'\n");
        let mount = Self::mount(name, &place)?;
        let config = format!(
            "poll-interval = {interval}\n[defaults]\nwatch = \"auto\"\npython = [{:?}]\n[[tree]]\npath = {:?}\n",
            python.path,
            place.path("seen")
        );
        let config = place.file("pycwarm.toml", config);
        let daemon = Daemon::start(&mut pycwarm_with("daemon", &config)).ready();
        Some(Fuse { python, daemon, mount: Some(mount), place })
    }

    /// Without caching of attributes, so that the mount shows at once what is below.
    fn mount(name: &str, place: &Tree) -> Option<Mount> {
        let below = place.path("below");
        let below = below.to_str().expect("a path of this test is UTF-8");
        let options = "attr_timeout=0,entry_timeout=0,negative_timeout=0";
        Mount::by(name, &["bindfs", "-o", options, below], &place.path("seen"))
    }

    /// Changes a source below, where no event tells of it; gives where it is seen.
    fn change(&self, relative: &str, text: &str) -> PathBuf {
        self.place.source(&format!("below/{relative}"), format!("C = '{text}'\n"));
        self.place.path(&format!("seen/{relative}"))
    }

    fn wait_code(&self, source: &std::path::Path, text: &str) {
        let cache = self.python.cache(source);
        self.daemon.wait_until(&format!("the code of {source:?} with {text}"), || holds(&cache, text));
    }
}

#[test]
fn changes_without_events_arrive() {
    let Some(fuse) = Fuse::new("polling::changes_without_events_arrive", 1) else { return };
    let tree = fuse.daemon.status()["trees"][0].clone();
    assert_eq!(tree["event_source"], "inotify + poll", "{tree}");
    assert!(tree["why"].as_str().is_some_and(|why| why.contains("fuse")), "{tree}");
    for round in 0..2 {
        for name in ["a.py", "package/b.py", "new/deep/c.py"] {
            let text = format!("round {round} of {name}");
            fuse.wait_code(&fuse.change(name, &text), &text);
        }
    }
    let gone = fuse.place.path("seen/package/b.py");
    fs::remove_file(fuse.place.path("below/package/b.py")).expect("own file");
    fuse.daemon.wait_until("the cache of the removed source goes away", || !fuse.python.cache(&gone).exists());
    fs::remove_dir_all(fuse.place.path("below/new/deep/__pycache__")).expect("own directory");
    fuse.daemon.wait_fresh(fuse.python, [&fuse.place.path("seen/new/deep/c.py")]);
    fuse.daemon.wait_good(fuse.python, &fuse.place.path("seen"));
}

/// With an interval that this test does not live to see, only `sync` looks.
#[test]
fn sync_looks_at_what_is_polled() {
    let Some(fuse) = Fuse::new("polling::sync_looks_at_what_is_polled", 3600) else { return };
    for round in 0..5 {
        let sources = ["a.py", "package/b.py", "new/c.py"].map(|name| fuse.change(name, &format!("{round} of {name}")));
        let path = if round % 2 == 0 { fuse.place.path("seen") } else { fuse.place.path("seen/package/b.py") };
        must(clean_command(binary()).arg("sync").arg("--socket").arg(&fuse.daemon.socket).arg(path));
        let asked = if round % 2 == 0 { &sources[..] } else { &sources[1..2] };
        for source in asked {
            assert!(is_fresh(fuse.python, source), "{source:?} in round {round}\n{}", fuse.daemon.stderr());
            assert!(holds(&fuse.python.cache(source), &format!("{round} of")), "{source:?} in round {round}");
        }
    }
}

#[test]
fn unmounted_and_mounted_again() {
    let name = "polling::unmounted_and_mounted_again";
    let Some(mut fuse) = Fuse::new(name, 1) else { return };
    for round in 0..3 {
        drop(fuse.mount.take());
        // What lies under the mount is a tree too.
        let under = fuse.place.file("seen/under.py", format!("U = 'round {round}'\n"));
        fuse.daemon.wait_fresh(fuse.python, [&under]);
        sh(&format!("rm -rf '{0}'/under.py '{0}'/__pycache__", fuse.place.path("seen").display()));
        fuse.mount = Fuse::mount(name, &fuse.place);
        assert!(fuse.mount.is_some(), "it was mounted before");
        let text = format!("after {round}");
        fuse.wait_code(&fuse.change("package/b.py", &text), &text);
        fuse.daemon.wait_fresh(fuse.python, &sources_below(&fuse.place.path("seen")));
    }
    fuse.daemon.wait_good(fuse.python, &fuse.place.path("seen"));
}
