//! `context = "inherit"`, `"off"`, and an explicit one.

use crate::host::{Host, SCRIPT, assert_context, context, set_context};
use crate::support::tree::{inode, snapshot};

const PARENTS: &str = "system_u:object_r:httpd_user_content_t:s0";
const INHERIT: &str = "context = \"inherit\"";
const OFF: &str = "context = \"off\"";
const CHOSEN: &str = "staff_u:object_r:httpd_cache_t:s0";

fn explicit() -> String {
    format!("context = \"{CHOSEN}\"")
}

#[test]
fn inherit_takes_that_of_the_directory() {
    let Some(host) = Host::new("choices::inherit_takes_that_of_the_directory") else { return };
    let source = host.source("sub/a.py", "A = 1\n");
    set_context(source.parent().expect("has one"), PARENTS);
    host.warm(INHERIT).assert_compiled(1);
    assert_context(&host.cache(&source), PARENTS);
    assert_context(&host.directory_of(&source), PARENTS);
    host.check(INHERIT).assert_nothing_done();

    set_context(&host.cache(&source), SCRIPT);
    set_context(&host.directory_of(&source), SCRIPT);
    assert_eq!(host.warm(INHERIT).counts.repaired, 1);
    assert_context(&host.cache(&source), PARENTS);
    assert_context(&host.directory_of(&source), PARENTS);
}

#[test]
fn where_the_directory_has_none_nothing_is_inherited() {
    let Some(host) = Host::new("choices::where_the_directory_has_none_nothing_is_inherited") else { return };
    let source = host.source("sub/a.py", "A = 1\n");
    host.warm(INHERIT).assert_compiled(1);
    assert_eq!(context(&host.cache(&source)), None);
    host.check(INHERIT).assert_nothing_done();
}

#[test]
fn off_leaves_all_alone() {
    let Some(host) = Host::new("choices::off_leaves_all_alone") else { return };
    let source = host.source("a.py", "A = 1\n");
    host.warm(OFF).assert_compiled(1);
    assert_eq!(context(&host.cache(&source)), None);
    assert_eq!(context(&host.directory_of(&source)), None);
    set_context(&host.cache(&source), PARENTS);
    let before = snapshot(&host.root);
    host.warm(OFF).assert_nothing_done();
    assert_eq!(snapshot(&host.root), before);
}

#[test]
fn an_explicit_one_is_given_as_it_is() {
    let Some(host) = Host::new("choices::an_explicit_one_is_given_as_it_is") else { return };
    let source = host.source("a.py", "A = 1\n");
    host.warm(&explicit()).assert_compiled(1);
    assert_context(&host.cache(&source), CHOSEN);
    assert_context(&host.directory_of(&source), CHOSEN);
    let before = inode(&host.cache(&source));
    host.check(&explicit()).assert_nothing_done();

    // Here the user counts, too.
    set_context(&host.cache(&source), &CHOSEN.replace("staff_u", "user_u"));
    assert_eq!(host.warm(&explicit()).counts.repaired, 1);
    assert_context(&host.cache(&source), CHOSEN);
    assert_ne!(inode(&host.cache(&source)), before);
}

#[test]
fn another_choice_relabels() {
    let Some(host) = Host::new("choices::another_choice_relabels") else { return };
    let source = host.source("a.py", "A = 1\n");
    host.warm(OFF).assert_compiled(1);
    for (choice, expected) in [(String::new(), SCRIPT), (explicit(), CHOSEN), (String::new(), SCRIPT)] {
        assert_eq!(host.check(&choice).counts.stale, 1);
        assert_eq!(host.warm(&choice).counts.repaired, 1);
        assert_context(&host.cache(&source), expected);
        assert_context(&host.directory_of(&source), expected);
    }
}
