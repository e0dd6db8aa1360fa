//! What the settings are, and whose a path takes.

use std::path::{Path, PathBuf};
use std::time::Duration;

use pycwarm::domain::policy::{ContextPolicy, InvalidationMode, ModePolicy, OwnerPolicy, PythonChoice};

use crate::machine::Machine;
use crate::{level, program};

#[test]
fn without_files_there_are_the_defaults_and_no_tree() {
    let settings = Machine::new(&[]).settings();
    assert!(settings.jobs >= 1);
    assert_eq!(settings.compile_timeout, Duration::from_secs(120));
    assert_eq!(settings.rescan_interval, Some(Duration::from_secs(3600)));
    assert_eq!(settings.queue_limit, 65536);
    assert_eq!(settings.control_group, None);
    assert_eq!(settings.trees, []);
    let defaults = settings.defaults;
    assert_eq!(defaults.python, [PythonChoice::Auto]);
    assert_eq!(defaults.optimize, [level(0)]);
    assert_eq!(defaults.invalidation_mode, InvalidationMode::Timestamp);
    assert_eq!(defaults.owner, OwnerPolicy::Source);
    assert_eq!(defaults.mode, ModePolicy::Source);
    assert_eq!(defaults.context, ContextPolicy::Policy);
    assert!(defaults.exclude.is_empty());
}

#[test]
fn every_key_arrives() {
    let settings = Machine::with(
        r#"
        jobs = 3
        compile-timeout = 5
        rescan-interval = 0
        queue-limit = 1
        control-group = "root"
        [defaults]
        optimize = [2, 0, 2]
        [[tree]]
        path = "/srv//app/./"
        readers = ["apache", "apache", "www-data"]
        python = ["python3.11", "/opt/py/bin/python", "auto", "python3.11"]
        invalidation-mode = "unchecked-hash"
        owner = "0:7"
        mode = "640"
        context = "system_u:object_r:httpd_cache_t:s0"
        exclude = ["/build/", "!keep.py", "/build/"]
        "#,
    )
    .settings();
    assert_eq!(settings.jobs, 3);
    assert_eq!(settings.compile_timeout, Duration::from_secs(5));
    assert_eq!(settings.rescan_interval, None);
    assert_eq!(settings.queue_limit, 1);
    assert_eq!(settings.control_group, Some(0));
    let tree = &settings.trees[0];
    assert_eq!(tree.path, Path::new("/srv/app"));
    assert_eq!(tree.path.as_os_str(), "/srv/app");
    assert_eq!(tree.exclude_prefix, Path::new(""));
    assert_eq!(tree.readers, ["apache", "www-data"]);
    let python = [program("python3.11"), program("/opt/py/bin/python"), PythonChoice::Auto];
    assert_eq!(tree.python, python);
    assert_eq!(tree.optimize, [level(2), level(0)], "from the defaults, each once");
    assert_eq!(tree.invalidation_mode, InvalidationMode::UncheckedHash);
    assert_eq!(tree.owner, OwnerPolicy::Fixed { uid: 0, gid: 7 });
    assert_eq!(tree.mode, ModePolicy::Fixed(0o640));
    assert_eq!(tree.context, ContextPolicy::Explicit("system_u:object_r:httpd_cache_t:s0".into()));
    assert_eq!(tree.exclude, ["/build/", "!keep.py", "/build/"], "the last match wins");
}

#[test]
fn a_path_of_the_command_line_takes_the_settings_of_the_innermost_tree() {
    let settings = Machine::with(
        r#"
        [defaults]
        mode = "0600"
        [[tree]]
        path = "/no-such"
        mode = "0640"
        readers = ["apache"]
        [[tree]]
        path = "/no-such/app/lib"
        mode = "0644"
        "#,
    )
    .settings();
    let paths = [
        "/no-such/app/lib/x.py",
        "/no-such/app",
        "/no-such/app/library",
        "/no-such",
        "/no-suchx",
        "relative",
        "/no-such/../etc",
    ];
    let paths: Vec<PathBuf> = paths.iter().map(PathBuf::from).collect();
    let trees = settings.for_paths(&paths);
    let modes: Vec<String> = trees.iter().map(|tree| tree.mode.to_string()).collect();
    assert_eq!(modes, ["0644", "0640", "0640", "0640", "0600", "0600", "0600"]);
    assert!(trees.iter().map(|tree| &tree.path).eq(&paths), "as they were given");
    let prefixes: Vec<_> = trees.iter().map(|tree| tree.exclude_prefix.to_str().unwrap()).collect();
    assert_eq!(prefixes, ["x.py", "app", "app/library", "", "", "", ""]);
    assert_eq!(trees[1].readers, ["apache"]);
    assert!(trees[4].readers.is_empty());
}
