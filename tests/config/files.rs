//! Which files are read, in which order, and how they may be written.

use std::os::unix::fs::symlink;
use std::path::Path;
use std::time::Duration;

use pycwarm::config::Overrides;
use pycwarm::domain::policy::ModePolicy;

use crate::machine::{ADMIN, Machine, VENDOR};

#[test]
fn the_administrator_wins_over_the_vendor_and_drop_ins_over_both() {
    let machine = Machine::new(&[
        (VENDOR, "jobs = 1\nqueue-limit = 1\ncompile-timeout = 1\nrescan-interval = 1"),
        (ADMIN, "jobs = 2\nqueue-limit = 2\ncompile-timeout = 2"),
        ("etc/pycwarm/pycwarm.toml.d/10-a.toml", "jobs = 3\nqueue-limit = 3"),
        ("run/pycwarm/pycwarm.toml.d/20-b.toml", "jobs = 4"),
    ]);
    let settings = machine.settings();
    assert_eq!(settings.rescan_interval, Some(Duration::from_secs(1)));
    assert_eq!(settings.compile_timeout, Duration::from_secs(2));
    assert_eq!(settings.queue_limit, 3);
    assert_eq!(settings.jobs, 4);
}

#[test]
fn drop_ins_go_by_name_and_a_name_in_a_later_folder_hides_the_earlier_one() {
    let machine = Machine::new(&[
        ("usr/lib/pycwarm/pycwarm.toml.d/30-c.toml", "jobs = 30"),
        ("usr/lib/pycwarm/pycwarm.toml.d/40-d.toml", "syntax error"),
        ("run/pycwarm/pycwarm.toml.d/40-d.toml", "syntax error"),
        ("run/pycwarm/pycwarm.toml.d/50-e.toml", "syntax error"),
        ("run/pycwarm/pycwarm.toml.d/60-f.toml", "syntax error"),
        ("etc/pycwarm/pycwarm.toml.d/20-b.toml", "jobs = 20"),
        ("etc/pycwarm/pycwarm.toml.d/40-d.toml", "queue-limit = 40"),
        ("etc/pycwarm/pycwarm.toml.d/50-e.toml", ""),
        ("etc/pycwarm/pycwarm.toml.d/.hidden.toml", "syntax error"),
        ("etc/pycwarm/pycwarm.toml.d/README", "syntax error"),
        ("etc/pycwarm/pycwarm.toml.d/90-z.toml~", "syntax error"),
    ]);
    symlink("/dev/null", machine.path("etc/pycwarm/pycwarm.toml.d/60-f.toml")).unwrap();
    let merged = machine.merged();
    let files: Vec<String> = merged.files().iter().map(|file| machine.cut(file.to_str().unwrap())).collect();
    assert_eq!(
        files,
        [
            "/etc/pycwarm/pycwarm.toml.d/20-b.toml",
            "/usr/lib/pycwarm/pycwarm.toml.d/30-c.toml",
            "/etc/pycwarm/pycwarm.toml.d/40-d.toml",
            "/etc/pycwarm/pycwarm.toml.d/50-e.toml",
            "/etc/pycwarm/pycwarm.toml.d/60-f.toml",
        ]
    );
    let settings = machine.settings();
    assert_eq!((settings.jobs, settings.queue_limit), (30, 40));
}

#[test]
fn an_explicit_file_is_the_only_one() {
    let machine = Machine::new(&[(ADMIN, "syntax error"), ("mine", "jobs = 7")]);
    let merged = machine.load(Some(&machine.path("mine"))).unwrap();
    assert_eq!(merged.settings(&Overrides::default()).unwrap().jobs, 7);

    let missing = machine.load(Some(&machine.path("missing"))).unwrap_err();
    insta::assert_snapshot!(machine.cut(&missing.to_string()), @"/missing: cannot read: No such file or directory (os error 2); check the path given to --config");
    let null = machine.load(Some(Path::new("/dev/null"))).unwrap();
    assert_eq!(null.settings(&Overrides::default()).unwrap().trees, []);
}

#[test]
fn a_byte_order_mark_and_other_line_ends_change_nothing() {
    let machine = Machine::with("\u{feff}jobs = 2\r\n\r\n[defaults]\r\nmode = \"0644\"\r\n");
    let settings = machine.settings();
    assert_eq!((settings.jobs, settings.defaults.mode), (2, ModePolicy::Fixed(0o644)));
    let machine = Machine::with("\u{feff}jobs = 2\r\n\r\njobs = 3\r\n");
    insta::assert_snapshot!(machine.error(), @"/etc/pycwarm/pycwarm.toml:3: duplicate key; correct the TOML");
}
