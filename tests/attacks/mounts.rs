//! Something of another owner is mounted below a tree: by the administrator, as no other user can do that where root
//! sees it.

use crate::canary::Canary;
use crate::host::Host;
use crate::support::apart::{OWN_MOUNTS, can_have_own_mounts};
use crate::support::process::clean_command;
use crate::support::run::{binary, run};
use crate::users::ATTACKER;
use std::fs;
use std::os::unix::fs::chown;

/// A directory with secrets, and one with caches, each bound to a name in the attacker's directory.
#[test]
fn bind_mounts_below_a_tree() {
    let name = "mounts::bind_mounts_below_a_tree";
    if !can_have_own_mounts(name) {
        return;
    }
    let Some(host) = Host::new(name) else { return };
    for directory in ["bound", "sub", "sub/__pycache__"] {
        fs::create_dir(host.theirs(directory)).expect("own directory");
        chown(host.theirs(directory), Some(ATTACKER), Some(ATTACKER)).expect("root");
    }
    host.place.source("tree/attacker/sub/s00.py", "N = 1\n");
    let canary = Canary::note(&host.place.path("canary"));
    let (to, from) = (host.place.path("tree/attacker"), host.place.path("canary"));
    let script = format!(
        "mount --bind '{from}' '{to}/bound'; mount --bind '{from}/__pycache__' '{to}/sub/__pycache__'; exec \"$@\"",
        from = from.display(),
        to = to.display()
    );
    let mut warm = clean_command(OWN_MOUNTS[0]);
    warm.args(&OWN_MOUNTS[1..]).args(["/bin/sh", "-ec", &script, "sh"]).arg(binary());
    let ran = run(warm.arg("warm").arg("--config").arg(host.place.path("pycwarm.toml")));
    assert!(ran.status == 0 || ran.status == 1, "{ran:?}");
    canary.assert_untouched();
    host.judge(None);
}
