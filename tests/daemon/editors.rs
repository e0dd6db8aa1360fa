//! The ways in which real editors save.

use std::path::Path;
use std::process::Command;

use crate::Kept;
use crate::asking::must_sync;
use crate::support::cache::{holds, is_fresh};
use crate::support::process::{clean_command, has_program, must};
use crate::support::skip::skipped;

/// Saves a source several times; right after each the cache is right, by `sync` and without.
fn saved_with(name: &str, program: &str, save: impl Fn(&Path, &str, &str) -> Command) {
    if !has_program(program) {
        return skipped(&format!("editors::{name}"), &format!("{program} is not installed"));
    }
    let kept = Kept::with(|tree| {
        tree.file("package/edited.py", "E = 'mark 00'\n");
    });
    let source = kept.tree.path("package/edited.py");
    for round in 1..6 {
        let (old, new) = (format!("mark {:02}", round - 1), format!("mark {round:02}"));
        must(save(&source, &old, &new).current_dir(&kept.tree.root));
        assert!(holds(&source, &new), "{program} did its work");
        if round % 2 == 0 {
            must_sync(&kept.daemon, &source);
            assert!(is_fresh(kept.python, &source) && holds(&kept.cache(&source), &new), "{}", kept.daemon.stderr());
        } else {
            kept.daemon.wait_until("the new code", || holds(&kept.cache(&source), &new));
        }
    }
    kept.assert_converges();
}

fn vim(settings: &'static str) -> impl Fn(&Path, &str, &str) -> Command {
    move |source, old, new| {
        let mut vim = clean_command("vim");
        vim.args(["-es", "-u", "NONE", "-i", "NONE", "-c", settings, "-c", &format!("%s/{old}/{new}/"), "-c", "wq"]);
        vim.arg(source);
        vim
    }
}

#[test]
fn vim_as_it_is() {
    saved_with("vim_as_it_is", "vim", vim("set writebackup"));
}

#[test]
fn vim_in_place() {
    saved_with("vim_in_place", "vim", vim("set writebackup backupcopy=yes"));
}

#[test]
fn vim_without_a_backup() {
    saved_with("vim_without_a_backup", "vim", vim("set nobackup nowritebackup"));
}

fn emacs(settings: &'static str) -> impl Fn(&Path, &str, &str) -> Command {
    move |source, old, new| {
        let mut emacs = clean_command("emacs");
        emacs.args(["--batch", "-Q", "--eval", settings]).arg(source);
        emacs.args(["--eval", &format!("(progn (goto-char 1) (replace-string \"{old}\" \"{new}\") (save-buffer))")]);
        emacs
    }
}

#[test]
fn emacs_with_a_backup() {
    saved_with("emacs_with_a_backup", "emacs", emacs("(setq make-backup-files t)"));
}

#[test]
fn emacs_in_place_and_by_rename() {
    saved_with("emacs_in_place", "emacs", emacs("(setq backup-by-copying t)"));
    saved_with("emacs_by_rename", "emacs", emacs("(setq file-precious-flag t)"));
}

#[test]
fn sed_in_place() {
    saved_with("sed_in_place", "sed", |source, old, new| {
        let mut sed = clean_command("sed");
        sed.arg("-i").arg(format!("s/{old}/{new}/")).arg(source);
        sed
    });
}

/// As most other editors do it: a new file beside it, flushed, and renamed over it; or the file itself, written in pieces.
#[test]
fn by_hand() {
    let script = |how: &'static str| {
        move |source: &Path, _: &str, new: &str| {
            let mut python = clean_command(&crate::support::python::primary().path);
            python.args(["-B", "-c", how]).arg(source).arg(format!("E = '{new}'\n"));
            python
        }
    };
    let renames = "import os, sys
with open(sys.argv[1] + '~', 'w') as f: f.write(sys.argv[2]); f.flush(); os.fsync(f.fileno())
os.replace(sys.argv[1] + '~', sys.argv[1])";
    let pieces = "import sys
with open(sys.argv[1], 'wb', buffering=0) as f:
    for byte in sys.argv[2].encode(): f.write(bytes([byte]))";
    saved_with("by_hand", "sh", script(renames));
    saved_with("by_hand", "sh", script(pieces));
    // The old one is moved aside first, and there is none for a moment.
    let aside = "import os, sys
os.rename(sys.argv[1], sys.argv[1] + '~')
with open(sys.argv[1], 'w') as f: f.write(sys.argv[2])";
    saved_with("by_hand", "sh", script(aside));
}
