//! The capabilities that the daemon itself keeps.

use rustix::thread::CapabilitySet;

use crate::proc::Process;
use crate::support::daemon::Daemon;
use crate::support::python::primary;
use crate::support::run::pycwarm_with;
use crate::support::skip::needs_root;
use crate::support::tree::Tree;

fn kept() -> u64 {
    let kept = CapabilitySet::CHOWN
        | CapabilitySet::DAC_OVERRIDE
        | CapabilitySet::DAC_READ_SEARCH
        | CapabilitySet::FOWNER
        | CapabilitySet::FSETID
        | CapabilitySet::KILL
        | CapabilitySet::SETGID
        | CapabilitySet::SETUID
        | CapabilitySet::SETPCAP;
    kept.bits()
}

#[test]
fn every_thread_of_the_daemon_keeps_few() {
    if !needs_root("capabilities::every_thread_of_the_daemon_keeps_few") {
        return;
    }
    let place = Tree::new();
    place.good();
    for watch in ["inotify", "fanotify"] {
        let config = place.file(
            "pycwarm.toml",
            format!("[[tree]]\npath = {:?}\npython = [{:?}]\nwatch = {watch:?}\n", place.root, primary().path),
        );
        let daemon = Daemon::start(&mut pycwarm_with("daemon", &config)).ready();
        let own = Process::new(std::process::id());
        let expected = kept() & own.capabilities("CapEff");
        daemon.wait_until("no thread has more capabilities than are needed", || {
            let threads = Process::new(daemon.id()).threads();
            assert!(threads.len() > 1);
            threads.iter().all(|thread| {
                ["CapEff", "CapPrm", "CapBnd"].iter().all(|set| thread.capabilities(set) == expected)
                    && ["CapInh", "CapAmb"].iter().all(|set| thread.capabilities(set) == 0)
            })
        });
    }
}
