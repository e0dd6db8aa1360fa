//! How several files and the command line become one configuration.

use std::path::Path;

use pycwarm::config::Overrides;
use pycwarm::domain::policy::{InvalidationMode, ModePolicy, OwnerPolicy};

use crate::machine::{ADMIN, Machine, VENDOR};
use crate::{level, program};

#[test]
fn trees_are_merged_by_path_key_by_key_and_lists_are_replaced() {
    let machine = Machine::new(&[
        (
            VENDOR,
            r#"
            [[tree]]
            path = "/var/www/cgi-bin"
            readers = ["apache"]
            mode = "0644"
            exclude = ["/old/", "*.bak.py"]
            [[tree]]
            path = "/usr/lib/cgi-bin"
            "#,
        ),
        (
            ADMIN,
            r#"
            [defaults]
            mode = "0600"
            exclude = ["everywhere"]
            [[tree]]
            path = "/srv/app"
            [[tree]]
            path = "/var/www/cgi-bin/"
            owner = "0:0"
            exclude = ["/new/"]
            [[tree]]
            path = "/usr/lib/cgi-bin"
            enabled = false
            mode = "not looked at"
            "#,
        ),
    ]);
    let trees = machine.settings().trees;
    let paths: Vec<_> = trees.iter().map(|tree| tree.path.as_path()).collect();
    assert_eq!(paths, [Path::new("/var/www/cgi-bin"), Path::new("/srv/app")]);
    assert_eq!(trees[0].readers, ["apache"]);
    assert_eq!(trees[0].mode, ModePolicy::Fixed(0o644), "its own, not the later default");
    assert_eq!(trees[0].owner, OwnerPolicy::Fixed { uid: 0, gid: 0 });
    assert_eq!(trees[0].exclude, ["/new/"]);
    assert_eq!(trees[1].mode, ModePolicy::Fixed(0o600));
    assert_eq!(trees[1].exclude, ["everywhere"]);
    assert!(trees[1].readers.is_empty());
}

#[test]
fn a_later_file_can_enable_a_tree_and_mend_a_value() {
    let machine = Machine::new(&[
        (VENDOR, "[defaults]\nmode = \"bad\"\n[[tree]]\npath = \"/a\"\nenabled = false"),
        (ADMIN, "[defaults]\nmode = \"source\"\n[[tree]]\npath = \"/a\"\nenabled = true"),
    ]);
    assert_eq!(machine.settings().trees.len(), 1);
}

#[test]
fn the_command_line_wins_over_defaults_and_trees() {
    let machine = Machine::with(
        r#"
        jobs = 3
        [[tree]]
        path = "/a"
        python = ["/usr/bin/python3"]
        optimize = [1]
        invalidation-mode = "checked-hash"
        mode = "0644"
        "#,
    );
    let overrides = Overrides {
        python: vec![program("venv/bin/python")],
        optimize: vec![level(2)],
        jobs: Some(0),
        invalidation_mode: Some(InvalidationMode::UncheckedHash),
    };
    let settings = machine.merged().settings(&overrides).unwrap();
    let cores = std::thread::available_parallelism().unwrap().get();
    assert_eq!(settings.jobs, cores);
    for (python, optimize, mode) in [
        (&settings.defaults.python, &settings.defaults.optimize, settings.defaults.invalidation_mode),
        (&settings.trees[0].python, &settings.trees[0].optimize, settings.trees[0].invalidation_mode),
    ] {
        assert_eq!(python, &[program("venv/bin/python")]);
        assert_eq!(optimize, &[level(2)]);
        assert_eq!(mode, InvalidationMode::UncheckedHash);
    }
    assert_eq!(settings.trees[0].mode, ModePolicy::Fixed(0o644));

    let overrides = Overrides { jobs: Some(usize::MAX), ..Overrides::default() };
    let error = machine.merged().settings(&overrides).unwrap_err();
    insta::assert_snapshot!(error, @"command line: jobs: 9223372036854775807 is out of range; use 0 to 1024");
}
