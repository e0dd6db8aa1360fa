//! Which rules count.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::Path;

use crate::host::{Host, SCRIPT, assert_context, context, set_context};
use crate::support::run::{json, pycwarm_with};

const LOCAL: &str = "system_u:object_r:httpd_cache_t:s0";

#[test]
fn local_rules_count() {
    let Some(host) = Host::new("rules::local_rules_count") else { return };
    let (source, other) = (host.source("app/a.py", "A = 1\n"), host.source("b.py", "B = 1\n"));
    host.add_local_rule(&format!("{}/app/__pycache__(/.*)?\t{LOCAL}", host.root.display()));
    host.warm("").assert_compiled(2);
    assert_context(&host.cache(&source), LOCAL);
    assert_context(&host.directory_of(&source), LOCAL);
    assert_context(&host.cache(&other), SCRIPT);
}

#[test]
fn a_rule_may_be_for_files_only() {
    let Some(host) = Host::new("rules::a_rule_may_be_for_files_only") else { return };
    let source = host.source("a.py", "A = 1\n");
    host.add_local_rule(&format!("{}/.*\\.pyc\t--\t{LOCAL}", host.root.display()));
    host.add_local_rule(&format!("{}/__pycache__\t-d\tsystem_u:object_r:var_t:s0", host.root.display()));
    host.warm("").assert_compiled(1);
    assert_context(&host.cache(&source), LOCAL);
    assert_context(&host.directory_of(&source), "system_u:object_r:var_t:s0");
}

#[test]
fn what_has_no_rule_is_left_alone() {
    let Some(host) = Host::new("rules::what_has_no_rule_is_left_alone") else { return };
    let source = host.source("a.py", "A = 1\n");
    host.add_local_rule(&format!("{}/__pycache__(/.*)?\t<<none>>", host.root.display()));
    host.warm("").assert_compiled(1);
    assert_eq!(context(&host.cache(&source)), None);
    let own = "system_u:object_r:own_t:s0";
    set_context(&host.cache(&source), own);
    host.warm("").assert_nothing_done();
    assert_context(&host.cache(&source), own);
}

/// `file_contexts.subs`, as for /srv/www as another name of /var/www.
#[test]
fn substitutions_count() {
    let Some(host) = Host::below("rules::substitutions_count", Path::new("/opt/pycwarm-test")) else { return };
    let source = host.source("a.py", "A = 1\n");
    fs::write(format!("{}.subs", host.rules.display()), format!("{} /var/www/cgi-bin\n", host.root.display()))
        .expect("own directory");
    host.warm("").assert_compiled(1);
    assert_context(&host.cache(&source), SCRIPT);
}

/// Rules know no links: the tree is called by its real path, as restorecon would.
#[test]
fn a_tree_that_is_reached_through_a_link() {
    let Some(host) = Host::new("rules::a_tree_that_is_reached_through_a_link") else { return };
    let source = host.source("sub/a.py", "A = 1\n");
    let link = host.scratch().join("current");
    symlink(&host.root, &link).expect("own directory");
    json(pycwarm_with("warm", &host.config("")).arg("--python").arg(&host.python().path).arg(&link)).assert_compiled(1);
    assert_context(&host.cache(&source), SCRIPT);
    assert_context(&host.directory_of(&source), SCRIPT);
}

/// The policy's own files, the compiled ones among them.
#[test]
fn the_installed_rules_can_be_used_as_they_are() {
    let Some(host) = Host::new("rules::the_installed_rules_can_be_used_as_they_are") else { return };
    let source = host.source("a.py", "A = 1\n");
    let top = "file-contexts = \"/etc/selinux/default/contexts/files/file_contexts\"";
    json(&mut pycwarm_with("warm", &host.config_with(top, ""))).assert_compiled(1);
    assert_context(&host.cache(&source), SCRIPT);
}
