//! Names that could be taken for something else than names.

use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::path::{Path, PathBuf};

use crate::host::{Host, SCRIPT, assert_context};

#[test]
fn names_with_the_characters_of_regular_expressions() {
    let Some(host) = Host::new("names::names_with_the_characters_of_regular_expressions") else { return };
    let directories = ["a.b", "[x]", "(y|z)", "c+", "d*", "^e$", "f\\g", "{2}", "h?"];
    let sources: Vec<PathBuf> =
        directories.iter().map(|name| host.source(Path::new(name).join("m.py"), "M = 1\n")).collect();
    let named = host.source("[a-z](.*)+.py", "N = 1\n");
    host.warm("").assert_compiled(sources.len() as u64 + 1);
    for source in sources.iter().chain([&named]) {
        assert_context(&host.cache(source), SCRIPT);
        assert_context(&host.directory_of(source), SCRIPT);
    }
    host.check("").assert_nothing_done();
}

/// A rule is about the whole name, whatever bytes it has: a dot stands for one of them.
#[test]
fn names_that_are_not_utf8_or_have_several_lines() {
    let Some(host) = Host::new("names::names_that_are_not_utf8_or_have_several_lines") else { return };
    let cases: [(&[u8], &str); 4] = [
        (b"\xff\xfe", ".."),
        (b"caf\xe9", "caf."),
        (b"two\nlines", "two.lines"),
        ("\u{e4}\u{4e2d}".as_bytes(), "....."),
    ];
    let name = |bytes: &'static [u8]| PathBuf::from(OsStr::from_bytes(bytes));
    let sources = cases.map(|(bytes, _)| host.source(name(bytes).join("m.py"), "M = 1\n"));
    let special = "system_u:object_r:httpd_cache_t:s0";
    for (_, pattern) in cases {
        host.add_local_rule(&format!("{}/{pattern}/__pycache__/m\\..*\t--\t{special}", host.root.display()));
    }
    host.warm("").assert_compiled(cases.len() as u64);
    for source in &sources {
        assert_context(&host.cache(source), special);
        assert_context(&host.directory_of(source), SCRIPT);
    }
    host.check("").assert_nothing_done();
}
