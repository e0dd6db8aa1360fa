//! Rules that cannot be used are an error at the start, not wrong labels.

use std::fs;

use crate::host::{Host, assert_context};
use crate::support::run::{pycwarm_with, run};

#[test]
fn rules_with_a_mistake() {
    let Some(host) = Host::new("refused::rules_with_a_mistake") else { return };
    let source = host.source("a.py", "A = 1\n");
    fs::write(&host.rules, "/var/www(/.*)?\tsystem_u:object_r:a_t:s0\n/var/[\tsystem_u:object_r:b_t:s0\n/x y z w\n")
        .expect("own file");
    let ran = run(&mut pycwarm_with("warm", &host.config("")));
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("file-contexts") && ran.stderr.contains(host.rules.to_str().expect("UTF-8")),
        "{ran:?}"
    );
    assert!(!host.cache(&source).exists());
}

#[test]
fn a_file_that_is_not_there() {
    let Some(host) = Host::new("refused::a_file_that_is_not_there") else { return };
    let top = "\nfile-contexts = \"/no/such/file\"";
    let config = host.config_with(top, "");
    let ran = run(&mut pycwarm_with("warm", &config));
    assert_eq!(ran.status, 2, "{ran:?}");
    assert!(ran.stderr.contains(&format!("{}:2: file-contexts", config.display())), "{ran:?}");
}

/// An image is for another policy than that of this kernel: its contexts are taken at their word.
#[test]
fn contexts_that_no_policy_here_has() {
    let Some(host) = Host::new("refused::contexts_that_no_policy_here_has") else { return };
    let source = host.source("a.py", "A = 1\n");
    let other = "other_u:object_r:other_t:s0";
    host.warm(&format!("context = \"{other}\"")).assert_compiled(1);
    assert_context(&host.cache(&source), other);
}
