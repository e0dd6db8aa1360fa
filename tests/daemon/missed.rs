//! The periodic look, and what it finds that no event told of.

use std::fs;
use std::path::PathBuf;

use crate::asking::{events, missed, must_sync, status};
use crate::sources_below;
use crate::support::cache::{holds, is_fresh};
use crate::support::daemon::Daemon;
use crate::support::process::{clean_command, must};
use crate::support::python::{Interpreter, primary};
use crate::support::tree::Tree;

/// A daemon that looks at everything once a second, over `tree`.
fn daemon(python: &Interpreter, place: &Tree) -> Daemon {
    let tree = place.path("tree");
    let text = format!(
        "rescan-interval = 1\n[defaults]\n{}python = [{:?}]\n[[tree]]\npath = {tree:?}\n",
        events(),
        python.path
    );
    Daemon::configured(&place.file("pycwarm.toml", text))
}

/// Makes, edits, moves and deletes for a while in which several periodic looks begin and end.
const BUSY: &str = "
import os, random, shutil, sys, time
root, end = sys.argv[1], time.monotonic() + float(sys.argv[2])
n = 0
while time.monotonic() < end:
    n += 1
    d = '%s/d%d' % (root, random.randrange(20))
    os.makedirs(d + '/e', exist_ok=True)
    for m in range(3):
        with open('%s/e/m%d.py' % (d, m), 'w') as f: f.write('N = %d\\n' % n)
    if n % 7 == 0: os.unlink(d + '/e/m0.py')
    if n % 11 == 0: shutil.rmtree(d, ignore_errors=True)
    if n % 13 == 0 and os.path.isdir(d): os.rename(d, '%s/moved%d' % (root, n))
";

#[test]
fn nothing_is_missed_while_much_happens() {
    let (python, place) = (primary(), Tree::new());
    place.source("tree/x.py", "X = 1\n");
    let daemon = daemon(python, &place);
    must(clean_command(&python.path).args(["-B", "-c", BUSY]).arg(place.path("tree")).arg("8"));
    must_sync(&daemon, &place.path("tree"));
    daemon.wait_fresh(python, &sources_below(&place.path("tree")));
    assert_eq!(missed(&daemon), 0, "{}", daemon.stderr());
    assert!(!daemon.stderr().contains("of which no event had told"), "{}", daemon.stderr());
}

/// Written through another name, outside of the tree: no directory that is watched tells of it. A look for the sake of
/// the second of the edit before may find the next one, too, and that is no miss; so there are some more tries.
#[test]
fn what_gives_no_event_is_found_and_told() {
    let (python, place) = (primary(), Tree::new());
    let source = place.source("tree/package/x.py", "X = 'first'\n");
    let other = place.path("elsewhere");
    fs::hard_link(&source, &other).expect("own directory");
    let daemon = daemon(python, &place);
    let (mut counted, mut tries) = (0, 0);
    while counted < 3 {
        tries += 1;
        assert!(tries <= 15, "{counted} of 15 edits were counted: {}", daemon.stderr());
        let mark = format!("silent edit {tries}");
        daemon.wait_until("nothing waits, and all events were heard", || {
            must_sync(&daemon, &place.path("tree"));
            status(&daemon)["waiting"] == 0
        });
        fs::write(&other, format!("X = '{mark}'\n")).expect("own file");
        daemon.wait_until("the new code", || is_fresh(python, &source) && holds(&python.cache(&source), &mark));
        // It is counted before it is dealt with.
        let now = missed(&daemon);
        assert!(now == counted || now == counted + 1, "{counted}, then {now}: {}", daemon.stderr());
        counted = now;
        let told = format!("{}: the periodic look found changes", place.path("tree/package").display());
        assert_eq!(daemon.stderr().matches(&told).count() as u64, counted, "{}", daemon.stderr());
    }
    // What is heard of is not counted, in the same directory either.
    let heard: Vec<PathBuf> =
        (0..5).map(|number| place.file(&format!("tree/package/m{number}.py"), "M = 'heard of'\n")).collect();
    must_sync(&daemon, &place.path("tree"));
    daemon.wait_fresh(python, &heard);
    assert_eq!(missed(&daemon), 3, "{}", daemon.stderr());
}
