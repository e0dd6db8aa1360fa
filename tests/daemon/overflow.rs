//! More happens than the queue can hold: everything is looked at again, and nothing is lost.

use std::fs;

use rustix::process::Signal;

use crate::sources_below;
use crate::support::daemon::Daemon;
use crate::support::process::{clean_command, must};
use crate::support::python::{Interpreter, primary};
use crate::support::tree::Tree;

fn daemon_with_a_tiny_queue(python: &Interpreter, place: &Tree) -> Daemon {
    let tree = place.path("tree");
    fs::create_dir_all(&tree).expect("own directory");
    let text = format!("queue-limit = 1\n[defaults]\npython = [{:?}]\n[[tree]]\npath = {tree:?}\n", python.path);
    Daemon::configured(&place.file("pycwarm.toml", text))
}

/// Makes, edits, moves and deletes in some hundred directories, as fast as it can.
const STORM: &str = "
import os, sys
root = sys.argv[1]
for n in range(400):
    d = '%s/d%d/e' % (root, n)
    os.makedirs(d)
    for m in range(3):
        with open('%s/m%d.py' % (d, m), 'w') as f: f.write('N = %d\\n' % n)
for n in range(0, 400, 3):
    os.rename('%s/d%d' % (root, n), '%s/moved%d' % (root, n))
for n in range(1, 400, 3):
    os.unlink('%s/d%d/e/m0.py' % (root, n))
    with open('%s/d%d/e/m1.py' % (root, n), 'w') as f: f.write('N = \"edited %d\"\\n' % n)
";

#[test]
fn a_full_queue_means_a_rescan() {
    let (python, place) = (primary(), Tree::new());
    let daemon = daemon_with_a_tiny_queue(python, &place);
    must(clean_command(&python.path).args(["-B", "-c", STORM]).arg(place.path("tree")));
    daemon.wait_fresh(python, &sources_below(&place.path("tree")));
    for number in (1..400).step_by(3) {
        let orphan = python.cache(&place.path(&format!("tree/d{number}/e/m0.py")));
        daemon.wait_until(&format!("{orphan:?} goes away"), || !orphan.exists());
    }
    daemon.wait_good(python, &place.path("tree"));
    // And it still watches, old directories and new ones.
    for name in ["tree/moved3/e/m1.py", "tree/d1/e/m1.py", "tree/d2/new/x.py", "tree/top.py"] {
        let source = place.file(name, format!("N = 'after the storm at {name}'\n"));
        daemon.wait_fresh(python, [&source]);
    }
}

/// The kernel's own queue overflows (`IN_Q_OVERFLOW`): the daemon stands still while a storm goes on.
#[test]
fn the_queue_of_the_kernel_overflows() {
    let (python, place) = (primary(), Tree::new());
    let sources: Vec<_> = (0..50).map(|n| place.source(&format!("tree/p{n}/m.py"), "N = 1\n")).collect();
    let limit = fs::read_to_string("/proc/sys/fs/inotify/max_queued_events").unwrap_or_else(|_| "16384".into());
    let limit: usize = limit.trim().parse().expect("a number");
    let daemon = Daemon::over(python, &place.path("tree"));
    daemon.signal(Signal::STOP);
    let storm = "
import os, sys
root, limit = sys.argv[1], int(sys.argv[2])
a, b = root + '/noise-a', root + '/noise-b'
open(a, 'w').close()
for n in range(limit):
    os.rename(a, b)
    os.rename(b, a)
os.unlink(a)
for n in range(50):
    with open('%s/p%d/m.py' % (root, n), 'w') as f: f.write('N = \"in the storm %d\"\\n' % n)
os.makedirs(root + '/new/deep')
with open(root + '/new/deep/x.py', 'w') as f: f.write('N = 1\\n')
";
    must(clean_command(&python.path).args(["-B", "-c", storm]).arg(place.path("tree")).arg(limit.to_string()));
    daemon.signal(Signal::CONT);
    daemon.wait_fresh(python, &sources);
    let new = place.path("tree/new/deep/x.py");
    daemon.wait_fresh(python, [&new]);
    daemon.wait_good(python, &place.path("tree"));
    let edited = place.file("tree/new/deep/x.py", "N = 'after the storm'\n");
    daemon.wait_fresh(python, [&edited]);
}
