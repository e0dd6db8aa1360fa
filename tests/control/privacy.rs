//! Who is told of what: by a real daemon, of real files, asked by real users.

use std::fs;
use std::os::unix::fs::{chown, lchown, symlink};
use std::path::{Path, PathBuf};

use rustix::process::Signal;
use serde_json::Value;

use crate::identity::{GROUP, MEMBER, OWNER, STRANGER, SUPPLEMENTARY, User, can_act};
use crate::support::daemon::Daemon;
use crate::support::process::{children, clean_command, signal};
use crate::support::python::primary;
use crate::support::run::{Ran, binary, run};
use crate::support::skip::needs_root;
use crate::support::tree::{Tree, set_mode};

/// Never again by itself: what was taken down at the first look stands.
const NO_LOOKS: &str = "rescan-interval = 0\npoll-interval = 31536000\n";

struct Host {
    place: Tree,
    daemon: Daemon,
}

impl Host {
    /// A daemon over `site`, which is root's, and `own`, which is the stranger's. `fill` makes the files.
    fn with(name: &str, fill: impl FnOnce(&Tree)) -> Option<Self> {
        if !needs_root(name) || !can_act(name) {
            return None;
        }
        let place = Tree::new();
        fs::create_dir(place.path("site")).expect("own directory");
        fs::create_dir(place.path("own")).expect("own directory");
        chown(place.path("own"), Some(STRANGER.uid), Some(STRANGER.gid)).expect("root");
        fill(&place);
        place.file("pycwarm.toml", config(&place, &format!("control-group = \"{GROUP}\"\n")));
        let daemon = Daemon::configured(&place.path("pycwarm.toml"));
        // Its directory is closed to others, as the socket of a service is not.
        set_mode(daemon.socket.parent().expect("a directory"), 0o755);
        Some(Self { place, daemon })
    }

    fn ask(&self, user: &User, verb: &str, arguments: &[&Path]) -> Ran {
        let mut command = clean_command(binary());
        command.arg(verb).arg("--json").arg("--socket").arg(&self.daemon.socket).args(arguments);
        run(&mut user.acting(&command))
    }

    fn status(&self, user: &User) -> Value {
        let ran = self.ask(user, "status", &[]);
        serde_json::from_str(&ran.text()).unwrap_or_else(|error| panic!("{error}: {ran:?}"))
    }

    /// The names of the files that a user is told of, below the place.
    fn told(&self, user: &User) -> Vec<PathBuf> {
        let status = self.status(user);
        let broken = status["broken"].as_array().expect("a list").iter();
        let paths = broken.map(|failure| PathBuf::from(failure["path"].as_str().expect("a path")));
        paths.map(|path| path.strip_prefix(&self.place.root).expect("below the place").to_owned()).collect()
    }
}

fn config(place: &Tree, group: &str) -> String {
    format!(
        "{group}{NO_LOOKS}[defaults]\ncross-owners = true\npython = [{:?}]\nwatch = \"poll\"\n[[tree]]\npath = {:?}\n[[tree]]\npath = {:?}\n",
        primary().path,
        place.path("site"),
        place.path("own")
    )
}

fn broken(place: &Tree, name: &str, owner: &User) -> PathBuf {
    let path = place.source(name, "the secret of a source =\n");
    chown(&path, Some(owner.uid), Some(owner.gid)).expect("root");
    set_mode(&path, 0o600);
    path
}

/// Neither a link of theirs nor another name of the file makes it the stranger's, though the directory is.
#[test]
fn a_file_is_told_to_its_owner_whatever_leads_to_it() {
    let name = "privacy::a_file_is_told_to_its_owner_whatever_leads_to_it";
    let fill = |place: &Tree| {
        let secret = broken(place, "own/theirs.py", &OWNER);
        symlink("theirs.py", place.path("own/link.py")).expect("own directory");
        lchown(place.path("own/link.py"), Some(STRANGER.uid), Some(STRANGER.gid)).expect("root");
        fs::hard_link(secret, place.path("own/hard.py")).expect("own directory");
        broken(place, "site/strangers.py", &STRANGER);
    };
    let Some(host) = Host::with(name, fill) else { return };
    let all = ["own/hard.py", "own/link.py", "own/theirs.py", "site/strangers.py"].map(PathBuf::from);
    for user in [&User::ROOT, &MEMBER, &SUPPLEMENTARY] {
        assert_eq!(host.told(user), all, "user {}", user.uid);
        let status = host.status(user);
        assert_eq!(status["complete"], true);
        assert!(status["waiting"].is_u64() && status["trees"].as_array().map(Vec::len) == Some(2), "{status}");
    }
    assert_eq!(host.told(&OWNER), all[..3]);
    assert_eq!(host.told(&STRANGER), all[3..]);
    let status = host.status(&STRANGER);
    assert_eq!(status["trees"].as_array().map(Vec::len), Some(1), "the own one: {status}");
    assert!(status["waiting"].is_null() && status["missed"].is_null() && status["complete"] == false, "{status}");
    assert_eq!(host.status(&OWNER)["trees"].as_array().map(Vec::len), Some(0));
    let synced = host.ask(&STRANGER, "sync", &[&host.place.path("own")]);
    assert!(synced.status == 0 && !synced.stderr.contains("theirs.py"), "{synced:?}");
    assert_eq!(host.ask(&OWNER, "sync", &[&host.place.path("own")]).status, 1);
}

/// The owner is that of the time of the look: who takes the name of a file does not learn what was wrong with it.
#[test]
fn who_owns_the_name_now_is_not_told_of_the_file_before() {
    let name = "privacy::who_owns_the_name_now_is_not_told_of_the_file_before";
    let Some(host) = Host::with(name, |place| drop(broken(place, "own/theirs.py", &OWNER))) else { return };
    let path = host.place.path("own/theirs.py");
    fs::remove_file(&path).expect("own directory");
    broken(&host.place, "own/theirs.py", &STRANGER);
    assert_eq!(host.told(&STRANGER), [] as [PathBuf; 0]);
    assert_eq!(host.told(&OWNER), [PathBuf::from("own/theirs.py")]);
    fs::remove_file(&path).expect("own directory");
    assert_eq!(host.told(&OWNER), [PathBuf::from("own/theirs.py")], "it was not looked for");
}

/// The answer to `sync` says where trees are configured, and nothing of what is on the disk.
#[test]
fn sync_does_not_look_around_for_others() {
    let name = "privacy::sync_does_not_look_around_for_others";
    let fill = |place: &Tree| {
        for closed in ["closed", "site/closed"] {
            fs::create_dir(place.path(closed)).expect("own directory");
            set_mode(&place.path(closed), 0o700);
            symlink(place.path("site"), place.path(&format!("{closed}/way"))).expect("own directory");
        }
        symlink(place.path("site"), place.path("open-way")).expect("own directory");
    };
    let Some(host) = Host::with(name, fill) else { return };
    let sync = |user: &User, path: &str| host.ask(user, "sync", &[&host.place.path(path)]).status;
    assert_eq!((sync(&User::ROOT, "closed/way"), sync(&User::ROOT, "closed/none")), (0, 2));
    assert_eq!((sync(&MEMBER, "closed/way"), sync(&MEMBER, "closed/none")), (0, 2));
    assert_eq!((sync(&STRANGER, "closed/way"), sync(&STRANGER, "closed/none")), (2, 2));
    // Below a tree each name is as good as any other; a link is followed by who may.
    assert_eq!((sync(&STRANGER, "site/closed"), sync(&STRANGER, "site/none")), (0, 0));
    assert_eq!((sync(&STRANGER, "open-way"), sync(&STRANGER, "open-way/a.py")), (0, 0));
}

#[test]
fn a_reload_changes_the_group() {
    let name = "privacy::a_reload_changes_the_group";
    let Some(host) = Host::with(name, |place| drop(broken(place, "site/theirs.py", &OWNER))) else { return };
    assert_eq!(host.told(&MEMBER).len(), 1);
    fs::write(host.place.path("pycwarm.toml"), config(&host.place, "")).expect("own file");
    host.daemon.signal(Signal::HUP);
    host.daemon.wait_until("the member is told no more", || host.told(&MEMBER).is_empty());
    assert_eq!(host.status(&MEMBER)["complete"], false);
    assert_eq!(host.status(&User::ROOT)["complete"], true);
}

/// How long `sync` of a name takes says nothing of that name to others: they wait for the whole tree, as long as there is
/// work in it anywhere.
#[test]
fn others_wait_for_the_whole_tree() {
    let name = "privacy::others_wait_for_the_whole_tree";
    let fill = |place: &Tree| {
        place.source("site/quiet/a.py", "A = 1\n");
        place.source("site/busy/b.py", "B = 1\n");
    };
    let Some(mut host) = Host::with(name, fill) else { return };
    let text = config(&host.place, "").replace("watch = \"poll\"", "watch = \"inotify\"");
    fs::write(host.place.path("pycwarm.toml"), text).expect("own file");
    host.daemon = Daemon::configured(&host.place.path("pycwarm.toml"));
    set_mode(host.daemon.socket.parent().expect("a directory"), 0o755);
    let sync = |user: &User, path: &str, seconds: &str| {
        let (path, timeout) = (host.place.path(path), format!("--timeout={seconds}"));
        host.ask(user, "sync", &[&path, Path::new(&timeout)])
    };
    assert_eq!(sync(&STRANGER, "site/quiet", "60").status, 0);
    // Each of 40,000 functions gets its own copy of 40,000 names: that takes every compiler minutes.
    let names: String = (0..40_000).map(|number| format!("x{number}=")).collect();
    host.place.file("site/busy/b.py", format!("def f():\n {names}0\n ({})\n", "lambda:0,".repeat(40_000)));
    host.daemon.wait_until("a compiler is at work", || !children(host.daemon.id()).is_empty());
    host.daemon.wait_until("there is work", || host.status(&User::ROOT)["waiting"].as_u64() > Some(0));
    assert_eq!(sync(&User::ROOT, "site/quiet", "60").status, 0);
    for path in ["site/quiet", "site/none", "site/busy"] {
        let ran = sync(&STRANGER, path, "0.2");
        assert!(ran.status == 1 && ran.stderr.contains("not done in time"), "{path}: {ran:?}");
    }
    assert_eq!(sync(&STRANGER, "own", "60").status, 0, "another tree");
    host.place.file("site/busy/b.py", "B = 22\n");
    children(host.daemon.id()).into_iter().for_each(|worker| signal(worker, Signal::KILL));
    assert_eq!(sync(&STRANGER, "site/quiet", "60").status, 0);
}
