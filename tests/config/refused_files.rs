//! Files that cannot be read, and the name of the right one in each error.

use std::fs;
use std::os::unix::fs::symlink;

use crate::machine::{ADMIN, Machine, VENDOR};

#[test]
fn the_file_of_the_value_is_named_and_not_another_one() {
    let machine = Machine::new(&[
        (VENDOR, "\n\n\n[defaults]\nmode = '0755'"),
        (ADMIN, "[[tree]]\npath = '/a'\n"),
        ("run/pycwarm/pycwarm.toml.d/x.toml", "jobs = 1"),
    ]);
    insta::assert_snapshot!(machine.error(), @r#"/usr/lib/pycwarm/pycwarm.toml:5: mode: "0755" makes caches executable, which they never need; use "source" or octal digits such as "0644""#);
}

#[test]
fn files_that_are_no_text() {
    let machine = Machine::new(&[]);
    machine.write(ADMIN, b"jobs = 1\n# caf\xe9\n");
    insta::assert_snapshot!(machine.error(), @"/etc/pycwarm/pycwarm.toml:2: not UTF-8; save the file as UTF-8");
    machine.write(ADMIN, b"\xff\xfej\0o\0b\0s\0");
    insta::assert_snapshot!(machine.error(), @"/etc/pycwarm/pycwarm.toml:1: not UTF-8; save the file as UTF-8");
    machine.write(ADMIN, &vec![b'#'; (1 << 20) + 1]);
    insta::assert_snapshot!(machine.error(), @"/etc/pycwarm/pycwarm.toml: larger than 1048576 bytes; check that it is a configuration file");
}

#[test]
fn things_that_are_no_files() {
    let machine = Machine::new(&[]);
    fs::create_dir_all(machine.path(ADMIN)).unwrap();
    insta::assert_snapshot!(machine.error(), @"/etc/pycwarm/pycwarm.toml: cannot read: Is a directory (os error 21); put a file in its place, or name a file");

    let machine = Machine::new(&[]);
    symlink("/nonexistent", machine.parent(ADMIN)).unwrap();
    insta::assert_snapshot!(machine.error(), @"/etc/pycwarm/pycwarm.toml: cannot read: No such file or directory (os error 2); restore what the link points to, or remove the link");

    let machine = Machine::new(&[("etc/pycwarm/pycwarm.toml.d", "")]);
    insta::assert_snapshot!(machine.error(), @"/etc/pycwarm/pycwarm.toml.d: cannot read: Not a directory (os error 20); put a folder in its place, or remove it");

    let machine = Machine::new(&[("etc/pycwarm/pycwarm.toml.d/x.toml/y", "")]);
    insta::assert_snapshot!(machine.error(), @"/etc/pycwarm/pycwarm.toml.d/x.toml: cannot read: Is a directory (os error 21); put a file in its place, or name a file");

    let machine = Machine::new(&[]);
    symlink("pycwarm.toml", machine.parent(ADMIN)).unwrap();
    insta::assert_snapshot!(machine.error(), @"/etc/pycwarm/pycwarm.toml: cannot read: Too many levels of symbolic links (os error 40); see what the system says about it, or remove it");
}

/// Opens for everybody, root or not; reading it from its start fails for everybody.
#[test]
fn a_file_that_cannot_be_read() {
    let machine = Machine::new(&[]);
    let link = machine.parent(ADMIN);
    symlink("/proc/self/mem", link).unwrap();
    insta::assert_snapshot!(machine.error(), @"/etc/pycwarm/pycwarm.toml: cannot read: Input/output error (os error 5); see what the system says about it, or remove it");
}
