//! Types that administrators give to single trees with `chcon`, and that restorecon leaves alone.

use crate::host::{Host, SCRIPT, assert_context, set_context};

/// It is in the policy's list, contexts/customizable_types.
const PUBLIC: &str = "system_u:object_r:public_content_t:s0";

#[test]
fn a_customized_cache_is_left_alone() {
    let Some(host) = Host::new("customized::a_customized_cache_is_left_alone") else { return };
    let source = host.source("a.py", "A = 1\n");
    host.warm("").assert_compiled(1);
    set_context(&host.cache(&source), PUBLIC);
    host.check("").assert_nothing_done();
    host.warm("").assert_nothing_done();
    assert_context(&host.cache(&source), PUBLIC);
}

#[test]
fn a_customized_directory_hands_its_type_down() {
    let Some(host) = Host::new("customized::a_customized_directory_hands_its_type_down") else { return };
    let (source, other) = (host.source("public/a.py", "A = 1\n"), host.source("b.py", "B = 1\n"));
    set_context(source.parent().expect("has one"), PUBLIC);
    host.warm("").assert_compiled(2);
    assert_context(&host.directory_of(&source), PUBLIC);
    assert_context(&host.cache(&source), PUBLIC);
    assert_context(&host.cache(&other), SCRIPT);
    host.check("").assert_nothing_done();
}

#[test]
fn so_does_a_customized_cache_directory() {
    let Some(host) = Host::new("customized::so_does_a_customized_cache_directory") else { return };
    let source = host.source("a.py", "A = 1\n");
    host.warm("").assert_compiled(1);
    set_context(&host.directory_of(&source), PUBLIC);
    assert_eq!(host.warm("").counts.repaired, 1, "the cache, which is of another type");
    assert_context(&host.directory_of(&source), PUBLIC);
    assert_context(&host.cache(&source), PUBLIC);
    host.check("").assert_nothing_done();
}
