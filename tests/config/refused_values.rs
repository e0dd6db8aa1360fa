//! Each mistake in a file is told with its line and what to do.

use crate::machine::Machine;

#[test]
fn unknown_keys() {
    let error = |text: &str| Machine::with(text).error();
    insta::assert_snapshot!(error("\njobbs = 1"), @r#"/etc/pycwarm/pycwarm.toml:2: unknown key "jobbs"; did you mean "jobs"?"#);
    insta::assert_snapshot!(error("compile_timeout = 1"), @r#"/etc/pycwarm/pycwarm.toml:1: unknown key "compile_timeout"; did you mean "compile-timeout"?"#);
    insta::assert_snapshot!(error("frequency = 1"), @r#"/etc/pycwarm/pycwarm.toml:1: unknown key "frequency"; here can be: jobs, compile-timeout, worker-memory, rescan-interval, poll-interval, queue-limit, control-group, file-contexts, defaults, tree"#);
    insta::assert_snapshot!(error("optimize = [2]"), @r#"/etc/pycwarm/pycwarm.toml:1: unknown key "optimize"; it belongs under [defaults] or a [[tree]]"#);
    insta::assert_snapshot!(error("[defaults]\n# here\njobs = 2"), @r#"/etc/pycwarm/pycwarm.toml:3: unknown key "jobs"; it belongs at the top of the file, before any [table]"#);
    insta::assert_snapshot!(error("[defaults]\nreaders = ['apache']"), @r#"/etc/pycwarm/pycwarm.toml:2: unknown key "readers"; it belongs under a [[tree]]"#);
    insta::assert_snapshot!(error("[[tree]]\npath = '/a'\n[[tree]]\npath = '/b'\nexcludes = []"), @r#"/etc/pycwarm/pycwarm.toml:5: unknown key "excludes"; did you mean "exclude"?"#);
    insta::assert_snapshot!(error("[[tree]]\npath = '/a'\nfoo.bar = 1"), @r#"/etc/pycwarm/pycwarm.toml:3: unknown key "foo"; here can be: path, enabled, readers, python, optimize, invalidation-mode, owner, mode, context, watch, cross-owners, cross-mounts, exclude"#);
    insta::assert_snapshot!(error("[[trees]]\npath = '/a'"), @r#"/etc/pycwarm/pycwarm.toml:1: unknown key "trees"; did you mean "tree"?"#);
    insta::assert_snapshot!(error("\n\"a\\nb\" = 1"), @r#"/etc/pycwarm/pycwarm.toml:2: unknown key "a\nb"; here can be: jobs, compile-timeout, worker-memory, rescan-interval, poll-interval, queue-limit, control-group, file-contexts, defaults, tree"#);
}

#[test]
fn wrong_types() {
    let error = |text: &str| Machine::with(text).error();
    insta::assert_snapshot!(error("jobs = \"four\""), @r#"/etc/pycwarm/pycwarm.toml:1: jobs: invalid type: string "four", expected an integer; write it like `jobs = 4`"#);
    insta::assert_snapshot!(error("jobs = 1.5"), @"/etc/pycwarm/pycwarm.toml:1: jobs: invalid type: floating point `1.5`, expected an integer; write it like `jobs = 4`");
    insta::assert_snapshot!(error("jobs = 99999999999999999999"), @"/etc/pycwarm/pycwarm.toml:1: jobs: invalid type: integer `99999999999999999999`, expected one of 64 bits; write it like `jobs = 4`");
    insta::assert_snapshot!(error("[defaults]\nmode = 644"), @r#"/etc/pycwarm/pycwarm.toml:2: mode: invalid type: integer `644`, expected a string; write it like `mode = "0644"`"#);
    insta::assert_snapshot!(error("[defaults]\npython = \"auto\""), @r#"/etc/pycwarm/pycwarm.toml:2: python: invalid type: string "auto", expected a list; write it like `python = ["auto"]`"#);
    insta::assert_snapshot!(error("[defaults]\noptimize = [\n  0,\n  \"1\",\n]"), @r#"/etc/pycwarm/pycwarm.toml:4: optimize: invalid type: string "1", expected an integer; write it like `optimize = [0, 2]`"#);
    insta::assert_snapshot!(error("[tree]\npath = '/a'"), @r#"/etc/pycwarm/pycwarm.toml:1: tree: invalid type: table, expected a list; write it like `[[tree]]` with `path = "/var/www/cgi-bin"` below it"#);
    insta::assert_snapshot!(error("tree = [1]"), @r#"/etc/pycwarm/pycwarm.toml:1: tree: invalid type: integer `1`, expected a table; write it like `[[tree]]` with `path = "/var/www/cgi-bin"` below it"#);
    insta::assert_snapshot!(error("defaults = true"), @"/etc/pycwarm/pycwarm.toml:1: defaults: invalid type: boolean `true`, expected a table; write it like `[defaults]` with keys below it");
    insta::assert_snapshot!(error("[[defaults]]\nmode = 'source'"), @"/etc/pycwarm/pycwarm.toml:1: defaults: invalid type: list, expected a table; write it like `[defaults]` with keys below it");
    insta::assert_snapshot!(error("tree = [\n['/a']]"), @r#"/etc/pycwarm/pycwarm.toml:2: tree: invalid type: list, expected a table; write it like `[[tree]]` with `path = "/var/www/cgi-bin"` below it"#);
    insta::assert_snapshot!(error("jobs = 9223372036854775808"), @"/etc/pycwarm/pycwarm.toml:1: jobs: invalid value: integer `9223372036854775808`, expected an integer; write it like `jobs = 4`");
    insta::assert_snapshot!(error("[[tree]]\npath = '/a'\nenabled = 'no'"), @r#"/etc/pycwarm/pycwarm.toml:3: enabled: invalid type: string "no", expected a boolean; write it like `enabled = false`"#);
}

#[test]
fn no_toml() {
    let error = |text: &str| Machine::with(text).error();
    insta::assert_snapshot!(error("jobs = 1\n[defaults\n"), @"/etc/pycwarm/pycwarm.toml:2: unclosed table, expected `]`; correct the TOML");
    insta::assert_snapshot!(error("mode = 0644"), @"/etc/pycwarm/pycwarm.toml:1: unexpected leading zero, expected nothing; correct the TOML");
    insta::assert_snapshot!(error("[defaults]\nowner = root"), @"/etc/pycwarm/pycwarm.toml:2: string values must be quoted, expected literal string; correct the TOML");
    insta::assert_snapshot!(error("[defaults]\n\n[defaults]"), @"/etc/pycwarm/pycwarm.toml:3: duplicate key; correct the TOML");
    insta::assert_snapshot!(error("[defaults]\nexclude = [\n\"a\""), @"/etc/pycwarm/pycwarm.toml:3: unclosed array, expected `]`; correct the TOML");
    insta::assert_snapshot!(error("jobs = 1\u{0}"), @"/etc/pycwarm/pycwarm.toml:1: string values must be quoted, expected literal string; correct the TOML");
    insta::assert_snapshot!(error(&format!("{}a = 1", "a.".repeat(100_000))), @"/etc/pycwarm/pycwarm.toml:1: recursion limit; correct the TOML");
    insta::assert_snapshot!(error(&format!("[{}a]", "a.".repeat(100_000))), @"/etc/pycwarm/pycwarm.toml:1: recursion limit; correct the TOML");
    insta::assert_snapshot!(error(&format!("a = {}", "[".repeat(100_000))), @"/etc/pycwarm/pycwarm.toml:1: cannot recurse further; max recursion depth met; correct the TOML");
}

#[test]
fn numbers_out_of_range() {
    let error = |text: &str| Machine::with(text).error();
    insta::assert_snapshot!(error("jobs = -1"), @"/etc/pycwarm/pycwarm.toml:1: jobs: -1 is out of range; use 0 to 1024");
    insta::assert_snapshot!(error("jobs = 1025"), @"/etc/pycwarm/pycwarm.toml:1: jobs: 1025 is out of range; use 0 to 1024");
    insta::assert_snapshot!(error("compile-timeout = 0"), @"/etc/pycwarm/pycwarm.toml:1: compile-timeout: 0 is out of range; use 1 to 31536000");
    insta::assert_snapshot!(error("rescan-interval = 9223372036854775807"), @"/etc/pycwarm/pycwarm.toml:1: rescan-interval: 9223372036854775807 is out of range; use 0 to 31536000");
    insta::assert_snapshot!(error("\nfile-contexts = 'contexts'"), @r#"/etc/pycwarm/pycwarm.toml:2: file-contexts: "contexts" is no absolute path; name a file such as "/etc/selinux/targeted/contexts/files/file_contexts", or remove the key"#);
    insta::assert_snapshot!(error("file-contexts = '/'"), @r#"/etc/pycwarm/pycwarm.toml:1: file-contexts: "/" is no regular file; name a file such as "/etc/selinux/targeted/contexts/files/file_contexts", or remove the key"#);
    insta::assert_snapshot!(error("file-contexts = '/no/such'"), @r#"/etc/pycwarm/pycwarm.toml:1: file-contexts: "/no/such" cannot be read: No such file or directory (os error 2); name a file such as "/etc/selinux/targeted/contexts/files/file_contexts", or remove the key"#);
    insta::assert_snapshot!(error("queue-limit = 0"), @"/etc/pycwarm/pycwarm.toml:1: queue-limit: 0 is out of range; use 1 to 16777216");
    insta::assert_snapshot!(error("[defaults]\noptimize = [0, 3]"), @"/etc/pycwarm/pycwarm.toml:2: optimize: there is no optimization level 3; use 0, 1 or 2");
    insta::assert_snapshot!(error("[defaults]\noptimize = []"), @"/etc/pycwarm/pycwarm.toml:2: optimize: the list is empty; write `optimize = [0]`, or remove the key");
}

#[test]
fn values_without_a_meaning() {
    let error = |line: &str| Machine::with(&format!("[defaults]\n{line}")).error();
    insta::assert_snapshot!(error("python = []"), @r#"/etc/pycwarm/pycwarm.toml:2: python: the list is empty; write `python = ["auto"]`, or remove the key"#);
    insta::assert_snapshot!(error("python = [\n'auto',\n'venv/bin/python']"), @r#"/etc/pycwarm/pycwarm.toml:4: python: "venv/bin/python" depends on the working directory; write the whole path, from / on, or the name of a program on the PATH"#);
    insta::assert_snapshot!(error("python = ['']"), @r#"/etc/pycwarm/pycwarm.toml:2: python: an interpreter has no name; use "auto", an absolute path or the name of a program"#);
    insta::assert_snapshot!(error("invalidation-mode = 'CHECKED_HASH'"), @r#"/etc/pycwarm/pycwarm.toml:2: invalidation-mode: there is no invalidation mode "CHECKED_HASH"; use "timestamp", "checked-hash" or "unchecked-hash""#);
    insta::assert_snapshot!(error("mode = '0755'"), @r#"/etc/pycwarm/pycwarm.toml:2: mode: "0755" makes caches executable, which they never need; use "source" or octal digits such as "0644""#);
    insta::assert_snapshot!(error("mode = '0200'"), @r#"/etc/pycwarm/pycwarm.toml:2: mode: "0200" keeps the owner from reading its own caches; use "source" or octal digits such as "0644""#);
    insta::assert_snapshot!(error("mode = 'u=rw'"), @r#"/etc/pycwarm/pycwarm.toml:2: mode: "u=rw" is no mode; use "source" or octal digits such as "0644""#);
    insta::assert_snapshot!(error("owner = 'no-such-user-here'"), @r#"/etc/pycwarm/pycwarm.toml:2: owner: there is no user "no-such-user-here"; create it, or use one that exists"#);
    insta::assert_snapshot!(error("owner = 'root:no-such-group-here'"), @r#"/etc/pycwarm/pycwarm.toml:2: owner: there is no group "no-such-group-here"; create it, or use one that exists"#);
    insta::assert_snapshot!(error("owner = '4000000001'"), @r#"/etc/pycwarm/pycwarm.toml:2: owner: there is no user "4000000001"; name the group too, as user:group"#);
    insta::assert_snapshot!(error("owner = ':0'"), @r#"/etc/pycwarm/pycwarm.toml:2: owner: ":0" is no owner; use "source", "user", "user:group" or numbers"#);
    insta::assert_snapshot!(error("context = 'httpd_cache_t'"), @r#"/etc/pycwarm/pycwarm.toml:2: context: "httpd_cache_t" is no SELinux context; use "policy", "inherit", "off" or a context such as "system_u:object_r:httpd_cache_t:s0""#);
    insta::assert_snapshot!(error("exclude = [\n'ok',\n'[z-a]']"), @r#"/etc/pycwarm/pycwarm.toml:4: exclude: "[z-a]" is no pattern: invalid range; 'z' > 'a'; write it as in a .gitignore file"#);
    insta::assert_snapshot!(error("exclude = ['# all']"), @r##"/etc/pycwarm/pycwarm.toml:2: exclude: "# all" is blank or a comment; remove it, or write a leading # as \#"##);
}

#[test]
fn trees_that_cannot_be() {
    let error = |text: &str| Machine::with(text).error();
    insta::assert_snapshot!(error("\n[[tree]]\nmode = '0644'"), @r#"/etc/pycwarm/pycwarm.toml:2: path: the tree has none; write below [[tree]] which one it is, like `path = "/var/www/cgi-bin"`"#);
    insta::assert_snapshot!(error("[[tree]]\npath = 'var/www'"), @r#"/etc/pycwarm/pycwarm.toml:2: path: "var/www" is not absolute; write the whole path, from / on"#);
    insta::assert_snapshot!(error("[[tree]]\npath = ''"), @r#"/etc/pycwarm/pycwarm.toml:2: path: "" is not absolute; write the whole path, from / on"#);
    insta::assert_snapshot!(error("[[tree]]\npath = '/srv/../etc'"), @r#"/etc/pycwarm/pycwarm.toml:2: path: "/srv/../etc" has `..` in it; write the whole path, from / on"#);
    insta::assert_snapshot!(error("[[tree]]\npath = '/a'\nreaders = [\n'a:b']"), @r#"/etc/pycwarm/pycwarm.toml:4: readers: "a:b" is no name of a user; name the user that the server runs as, such as "apache" or "www-data""#);
    insta::assert_snapshot!(error("[[tree]]\npath = '/a'\n[[tree]]\npath = '/b'\n[[tree]]\npath = '//a/'"), @r#"/etc/pycwarm/pycwarm.toml:6: the tree "/a" is in line 2 already; keep one of the two"#);
}

#[test]
fn groups_that_are_none() {
    let error = |text: &str| Machine::with(text).error();
    insta::assert_snapshot!(error("jobs = 1\ncontrol-group = 'no-such-group-here'"), @r#"/etc/pycwarm/pycwarm.toml:2: control-group: there is no group "no-such-group-here"; create it, or use one that exists"#);
    insta::assert_snapshot!(error("control-group = 7"), @r#"/etc/pycwarm/pycwarm.toml:1: control-group: invalid type: integer `7`, expected a string; write it like `control-group = "adm"`"#);
}
