//! Every system call that there is, made in the jail: what is not in the list is refused.

use std::collections::BTreeSet;

use pycwarm::jail::allowed_calls;

use crate::inside::{confinements, jailed};
use crate::support::process::clean_command;
use crate::support::python::distinct;
use crate::support::skip::skipped;

/// Above those that any kernel has.
const MOST: i64 = 512;

/// Made by code that the kernel itself has put into a process that is probed, and let through by any filter: uretprobe and
/// uprobe on x86-64. Whoever else makes them is ended by a signal.
const OF_THE_KERNEL: &[i64] = &[335, 336];

/// Makes the call with arguments that no call does anything with, and prints those that were not refused.
const SCRIPT: &str = "import ctypes, sys
libc = ctypes.CDLL(None, use_errno=True)
for number in map(int, sys.argv[1].split(',')):
    ctypes.set_errno(0)
    result = libc.syscall(ctypes.c_long(number), *[ctypes.c_long(-1)] * 6)
    if (result, ctypes.get_errno()) != (-1, 1):
        print('not refused:', number, result, ctypes.get_errno(), flush=True)
print('done')
";

#[test]
fn all_others_are_refused() {
    let name = "calls::all_others_are_refused";
    let has_ctypes = |path: &std::path::Path| {
        clean_command(path)
            .args(["-I", "-S", "-c", "import ctypes; ctypes.CDLL(None)"])
            .output()
            .is_ok_and(|output| output.status.success())
    };
    let Some(python) = distinct().into_iter().find(|python| !python.is_pypy() && has_ctypes(&python.path)) else {
        return skipped(name, "no interpreter has ctypes");
    };
    let allowed: BTreeSet<i64> = allowed_calls().map(|(_, number)| number).collect();
    assert!(allowed.len() < 80, "{}", allowed.len());
    let others: Vec<String> = (0..MOST)
        .filter(|number| !allowed.contains(number) && !OF_THE_KERNEL.contains(number))
        .map(|number| number.to_string())
        .collect();
    for confinement in confinements() {
        let mut command = jailed(&python.path, confinement);
        let output = command.args(["-I", "-S", "-E", "-B", "-c", SCRIPT, &others.join(",")]).output().expect("it runs");
        if !output.status.success() && confinement.own_user {
            continue;
        }
        let text = String::from_utf8_lossy(&output.stdout);
        let told = text.split_once("done").map(|(before, _)| before);
        assert!(
            told.is_some_and(|text| !text.contains("not refused")),
            "{text}\n{}",
            String::from_utf8_lossy(&output.stderr)
        );
    }
}
