//! `python = ["auto"]`: lib/pythonX.Y, then pyvenv.cfg, then `#!`, then python3 on the PATH.

use std::os::unix::fs::symlink;
use std::path::Path;

use crate::support::python::{Interpreter, pair};
use crate::support::run::{Report, json, pycwarm};
use crate::support::skip::skipped;
use crate::support::tree::{Tree, set_mode};

/// A machine with two interpreters: `python3` on the PATH is `common`; `other` is there under its version's name.
struct Machine {
    common: &'static Interpreter,
    other: &'static Interpreter,
    tree: Tree,
}

/// `None`, and told, if two interpreters or a place for programs are missing.
fn machine(name: &str) -> Option<Machine> {
    let (Some((common, other)), Some(tree)) = (pair(), Tree::trusted()) else {
        skipped(name, "needs two interpreters and a directory that only root writes to");
        return None;
    };
    std::fs::create_dir(tree.path("bin")).expect("own directory");
    let link =
        |name: &str, python: &Interpreter| symlink(&python.path, tree.path("bin").join(name)).expect("own directory");
    link("python3", common);
    link(&common.label(), common);
    link(&other.label(), other);
    Some(Machine { common, other, tree })
}

impl Machine {
    fn warm(&self, path: &Path) -> Report {
        let bin = self.tree.path("bin");
        let path_variable = std::env::join_paths([bin.as_path(), Path::new("/nonexistent")]).expect("no colon");
        json(pycwarm("warm").env("PATH", path_variable).arg(path))
    }

    #[track_caller]
    fn assert_only(&self, python: &Interpreter, source: &Path) {
        assert!(python.cache(source).is_file(), "no cache of {} for {source:?}", python.label());
        for one in [self.common, self.other] {
            assert!(one.tag == python.tag || !one.cache(source).exists(), "a cache of {} for {source:?}", one.label());
        }
    }
}

#[test]
fn python3_of_the_path_where_nothing_else_tells() {
    let Some(machine) = machine("choosing_interpreters::python3_of_the_path_where_nothing_else_tells") else { return };
    let source = machine.tree.source("app/x.py", "X = 1\n");
    machine.warm(&machine.tree.path("app")).assert_compiled(1);
    machine.assert_only(machine.common, &source);
}

#[test]
fn the_version_of_a_library_directory() {
    let Some(machine) = machine("choosing_interpreters::the_version_of_a_library_directory") else { return };
    let directory = format!("venv/lib/{}/site-packages", machine.other.label());
    let library = machine.tree.source(&format!("{directory}/p/x.py"), "X = 1\n");
    let plain = machine.tree.source("venv/share/y.py", "Y = 1\n");
    machine.warm(&machine.tree.path("venv")).assert_compiled(2);
    machine.assert_only(machine.other, &library);
    machine.assert_only(machine.common, &plain);
}

#[test]
fn a_path_inside_a_library_directory() {
    let Some(machine) = machine("choosing_interpreters::a_path_inside_a_library_directory") else { return };
    let directory = format!("venv/lib/{}/site-packages/p", machine.other.label());
    let library = machine.tree.source(&format!("{directory}/x.py"), "X = 1\n");
    machine.warm(&machine.tree.path(&directory)).assert_compiled(1);
    machine.assert_only(machine.other, &library);
}

#[test]
fn the_base_interpreter_of_a_venv() {
    let Some(machine) = machine("choosing_interpreters::the_base_interpreter_of_a_venv") else { return };
    let base = machine.other.path.parent().expect("bin").display();
    let (major, minor) = machine.other.version;
    let text = format!("home = {base}\ninclude-system-site-packages = false\nversion = {major}.{minor}.0\n");
    machine.tree.file("venv/pyvenv.cfg", text);
    let source = machine.tree.source("venv/app/x.py", "X = 1\n");
    machine.warm(&machine.tree.path("venv")).assert_compiled(1);
    machine.assert_only(machine.other, &source);
}

#[test]
fn the_interpreter_that_scripts_name() {
    let Some(machine) = machine("choosing_interpreters::the_interpreter_that_scripts_name") else { return };
    let script = machine.tree.source("cgi/run.cgi", format!("#!{}\nimport x\n", machine.other.path.display()));
    set_mode(&script, 0o755);
    let source = machine.tree.source("cgi/x.py", "X = 1\n");
    machine.warm(&machine.tree.path("cgi")).assert_compiled(1);
    machine.assert_only(machine.other, &source);
}

#[test]
fn scripts_by_way_of_env() {
    let Some(machine) = machine("choosing_interpreters::scripts_by_way_of_env") else { return };
    let script = machine.tree.source("cgi/run", format!("#!/usr/bin/env {}\nimport x\n", machine.other.label()));
    set_mode(&script, 0o755);
    let source = machine.tree.source("cgi/x.py", "X = 1\n");
    machine.warm(&machine.tree.path("cgi")).assert_compiled(1);
    machine.assert_only(machine.other, &source);
}

#[test]
fn an_interpreter_asked_for_wins() {
    let Some(machine) = machine("choosing_interpreters::an_interpreter_asked_for_wins") else { return };
    let directory = format!("venv/lib/{}/site-packages", machine.other.label());
    let source = machine.tree.source(&format!("{directory}/x.py"), "X = 1\n");
    json(pycwarm("warm").arg("--python").arg(&machine.common.path).arg(machine.tree.path("venv"))).assert_compiled(1);
    machine.assert_only(machine.common, &source);
}

/// Python takes its standard library from where a `pyvenv.cfg` beside the name that it was called by says. A script in
/// the tree may name a link of somebody's own: what runs is what it leads to, under its own name.
#[test]
fn a_link_with_a_home_of_its_own_does_not_bring_its_library_along() {
    let name = "choosing_interpreters::a_link_with_a_home_of_its_own_does_not_bring_its_library_along";
    let Some(machine) = machine(name) else { return };
    let tree = &machine.tree;
    let (major, minor) = machine.other.version;
    let proof = tree.path("proof");
    tree.file(&format!("evil/lib/python{major}.{minor}/os.py"), "");
    let attack = format!("open({proof:?}, 'w').close()\n");
    tree.file(&format!("evil/lib/python{major}.{minor}/encodings/__init__.py"), attack);
    std::fs::create_dir_all(tree.path("evil/bin")).expect("own directory");
    std::fs::create_dir_all(tree.path("theirs")).expect("own directory");
    symlink(&machine.other.path, tree.path("theirs/python3")).expect("own directory");
    tree.file("theirs/pyvenv.cfg", format!("home = {}\n", tree.path("evil/bin").display()));
    let script = tree.source("cgi/run.cgi", format!("#!{}\n", tree.path("theirs/python3").display()));
    set_mode(&script, 0o755);
    tree.source("cgi/x.py", "X = 1\n");
    machine.warm(&tree.path("cgi"));
    assert!(!proof.exists(), "code of the tree's owner was run");
}

#[test]
fn a_script_cannot_have_just_any_program_run() {
    let name = "choosing_interpreters::a_script_cannot_have_just_any_program_run";
    let Some(machine) = machine(name) else { return };
    let tree = &machine.tree;
    let proof = tree.path("proof");
    let program = tree.file("sbin/maintenance", format!("#!/bin/sh\n: >'{}'\n", proof.display()));
    set_mode(&program, 0o755);
    std::fs::create_dir_all(tree.path("theirs")).expect("own directory");
    symlink(&program, tree.path("theirs/python3")).expect("own directory");
    let script = tree.source("cgi/run.cgi", format!("#!{}\n", tree.path("theirs/python3").display()));
    set_mode(&script, 0o755);
    let source = tree.source("cgi/x.py", "X = 1\n");
    machine.warm(&tree.path("cgi")).assert_compiled(1);
    machine.assert_only(machine.common, &source);
    assert!(!proof.exists(), "a program that is no Python was run");
}
