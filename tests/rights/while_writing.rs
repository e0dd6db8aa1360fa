//! While a cache is written nobody may read it who may not read its source, not even for a moment.

use std::fs::{self, File};
use std::io::Read;
use std::os::unix::fs::chown;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::support::acl::{have_acls, set_acl};
use crate::support::python::primary;
use crate::support::run::{pycwarm_with, run};
use crate::support::skip::needs_root;
use crate::support::tree::{Tree, set_mode};
use crate::users::{GROUP, NAMED, OWNER, SERVER_GROUP, SERVER_MEMBER, User};

const SOURCES: usize = 150;
const ROUNDS: usize = 4;

/// Opens what comes into the directory, as fast as it can; gives the names of all that it could read a byte of.
fn prey(user: User, caches: &Path, is_over: &AtomicBool, runs: &AtomicBool) -> Vec<String> {
    user.run(|| {
        let mut caught = Vec::new();
        runs.store(true, Ordering::Release);
        while !is_over.load(Ordering::Acquire) {
            for entry in fs::read_dir(caches).expect("it may list").flatten() {
                // Empty is what was just made.
                let read = File::open(entry.path()).and_then(|mut file| file.read(&mut [0]));
                if read.is_ok_and(|count| count > 0) {
                    caught.push(entry.file_name().to_string_lossy().into_owned());
                }
            }
        }
        caught
    })
}

/// `list` is the default ACL of `__pycache__`, through which `user` would get to the caches of `mode`.
fn hunt(name: &str, user: User, mode: u32, list: &str, source_list: &str, policy: &str) {
    if !needs_root(name) {
        return;
    }
    let tree = Tree::new();
    if !have_acls(name, &tree.file("probe", "")) {
        return;
    }
    let caches = tree.path("t/__pycache__");
    fs::create_dir_all(&caches).expect("own directory");
    let sources: Vec<_> = (0..SOURCES).map(|n| tree.source(&format!("t/m{n}.py"), "SECRET = 1\n")).collect();
    for source in &sources {
        chown(source, Some(OWNER.uid), Some(GROUP)).expect("root");
        set_mode(source, mode);
        if !source_list.is_empty() {
            set_acl(source_list, source);
        }
    }
    // What is in it keeps pycwarm from mending it: its own default ACL stays.
    fs::write(caches.join("note"), "").expect("own directory");
    set_mode(&caches, 0o755);
    if !list.is_empty() {
        set_acl(list, &caches);
    }
    let config = tree.file("pycwarm.toml", format!("[defaults]\npython = [{:?}]\n{policy}\n", primary().path));
    let (is_over, runs) = (AtomicBool::new(false), AtomicBool::new(false));
    let caught = std::thread::scope(|scope| {
        let hunter = scope.spawn(|| prey(user, &caches, &is_over, &runs));
        while !runs.load(Ordering::Acquire) {
            std::thread::yield_now();
        }
        for _ in 0..ROUNDS {
            let ran = run(pycwarm_with("warm", &config).arg(tree.path("t")));
            assert_eq!(ran.status, 0, "{}", ran.stderr);
            for source in &sources {
                fs::remove_file(primary().cache(source)).expect("a cache");
            }
        }
        is_over.store(true, Ordering::Release);
        hunter.join().expect("it does not panic")
    });
    assert_eq!(caught, Vec::<String>::new(), "the {} has read them", user.what);
}

/// A change of the mode alone would be one of the mask of what the directory hands on.
#[test]
fn through_the_list_that_the_directory_hands_on() {
    let list = format!("d:u:{}:rwx", NAMED.uid);
    hunt("while_writing::through_the_list_that_the_directory_hands_on", NAMED, 0o640, &list, "", "");
}

/// The group bits of the mode are for the mask: without the list they are for the group, whom the list denies it.
#[test]
fn before_the_list_is_there() {
    let list = format!("u:{}:r,g::-", OWNER.uid);
    let member = User { gids: &[31_902, GROUP], ..NAMED };
    hunt("while_writing::before_the_list_is_there", member, 0o640, "", &list, "");
}

#[test]
fn by_the_group_to_which_it_goes() {
    let policy = format!("owner = \"0:{SERVER_GROUP}\"");
    hunt("while_writing::by_the_group_to_which_it_goes", SERVER_MEMBER, 0o640, "", "", &policy);
}
