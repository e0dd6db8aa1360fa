//! Output and exit status of the commands.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;

use serde_json::Value;

use crate::answering::Answering;
use crate::support::process::clean_command;
use crate::support::run::{binary, run};
use crate::support::tree::Tree;

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap_or_else(|error| panic!("{error}: {text:?}"))
}

#[test]
fn all_is_well() {
    let daemon = Answering::with(&[]);
    let ran = run(&mut daemon.pycwarm("sync"));
    assert_eq!((ran.status, ran.stderr.as_str()), (0, ""));
    assert!(ran.text().starts_with("up to date in ") && ran.text().ends_with(" s, 0 failed\n"), "{}", ran.text());
    let ran = run(daemon.pycwarm("sync").arg("-q").arg("a").args(["--timeout", "50.5"]));
    assert_eq!((ran.status, ran.text().as_str(), ran.stderr.as_str()), (0, "", ""));
    assert_eq!(run(&mut daemon.pycwarm("status")).status, 0);
}

#[test]
fn what_is_broken_is_told_as_warm_tells_it() {
    let daemon = Answering::start();
    let broken = daemon.tree.path("broken.py");
    let line = format!("{}:7: SyntaxError: invalid syntax (python3.11)\n", broken.display());
    let ran = run(daemon.pycwarm("sync").arg("--json"));
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.starts_with(&line), "{}", ran.stderr);
    let object = json(&ran.text());
    assert_eq!((&object["schema"], &object["failed"]), (&1.into(), &2.into()));
    assert_eq!(object["failures"][0]["path"], broken.to_str().expect("UTF-8"));
    assert_eq!(object["failures"][0]["kind"], "syntax");
    assert!(object["elapsed_seconds"].is_f64());

    let ran = run(&mut daemon.pycwarm("status"));
    assert_eq!((ran.status, ran.stderr.as_str()), (1, ""));
    assert!(ran.text().contains(&line) && ran.text().contains("changes by inotify"), "{}", ran.text());
    let object = json(&run(daemon.pycwarm("status").arg("--json")).text());
    assert_eq!((&object["schema"], &object["ready"]), (&1.into(), &true.into()));
    assert_eq!(object["broken"][1]["line"], 7);
}

#[test]
fn a_path_in_no_tree_is_wrong_usage() {
    let daemon = Answering::start();
    let ran = run(daemon.pycwarm("sync").arg(OsStr::from_bytes(b"/srv/outside\xff")));
    assert_eq!(ran.status, 2);
    assert!(ran.stderr.contains("/srv/outside\\xff: is in no tree of the daemon"), "{}", ran.stderr);
}

#[test]
fn the_time_is_over() {
    let daemon = Answering::start();
    let ran = run(daemon.pycwarm("sync").args(["slow", "--timeout", "0.01"]));
    assert_eq!(ran.status, 1);
    assert!(ran.stderr.contains("not done in time"), "{}", ran.stderr);
    for wrong in ["-1", "nan", "x", "1e99"] {
        assert_eq!(run(daemon.pycwarm("sync").arg(format!("--timeout={wrong}"))).status, 2, "{wrong}");
    }
}

#[test]
fn there_is_no_daemon() {
    let tree = Tree::new();
    let socket = tree.path("none.sock");
    for verb in ["sync", "status"] {
        let ran = run(clean_command(binary()).arg(verb).arg("--socket").arg(&socket));
        assert_eq!((ran.status, ran.text().as_str()), (3, ""));
        assert!(ran.stderr.contains("none.sock") && ran.stderr.contains("systemctl start pycwarm"), "{}", ran.stderr);
    }
}
