//! Levels: a cache is never open to who may not read its source.

use crate::host::{Host, assert_context, set_context};

#[test]
fn a_cache_has_the_level_of_its_source() {
    let Some(host) = Host::new("levels::a_cache_has_the_level_of_its_source") else { return };
    let source = host.source("secret.py", "S = 1\n");
    set_context(&source, "staff_u:object_r:httpd_sys_script_exec_t:s0:c3,c7");
    host.warm("").assert_compiled(1);
    assert_context(&host.cache(&source), "system_u:object_r:httpd_sys_script_exec_t:s0:c3,c7");
    host.check("").assert_nothing_done();
}

#[test]
fn an_explicit_context_has_its_own() {
    let Some(host) = Host::new("levels::an_explicit_context_has_its_own") else { return };
    let source = host.source("secret.py", "S = 1\n");
    set_context(&source, "staff_u:object_r:httpd_sys_script_exec_t:s0:c3");
    host.warm("context = \"system_u:object_r:httpd_cache_t:s0\"").assert_compiled(1);
    assert_context(&host.cache(&source), "system_u:object_r:httpd_cache_t:s0");
}
