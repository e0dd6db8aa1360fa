//! Runs the inputs of one target, and names those on which something broke.

use std::cell::RefCell;
use std::fs;
use std::panic::{self, AssertUnwindSafe};
use std::path::{Path, PathBuf};
use std::sync::Once;

thread_local! {
    /// What panicked in this thread. A task of tokio that panics does so unseen by who called it.
    static PANICS: RefCell<Vec<String>> = const { RefCell::new(Vec::new()) };
}

/// Panics if `run` does on any input; if one that an interpreter made is refused; or if all inputs are accepted, or
/// none: then they show little.
pub fn replay(target: &str, run: fn(&[u8]) -> bool) {
    note_panics();
    let folder = fuzz_folder().join("corpus").join(target);
    let (mut accepted, mut refused, mut broken) = (0, 0, Vec::new());
    for name in names(&format!("corpus/{target}")) {
        let input = fs::read(folder.join(&name)).expect("an input can be read");
        match panic::catch_unwind(AssertUnwindSafe(|| run(&input))) {
            Ok(true) => accepted += 1,
            Ok(false) => {
                refused += 1;
                if name.starts_with("cpython-") || name.starts_with("pypy") {
                    broken.push(format!("fuzz/corpus/{target}/{name}: made by an interpreter, and refused"));
                }
            }
            Err(_) => {}
        }
        let panics = PANICS.take();
        if !panics.is_empty() {
            broken.push(format!("fuzz/corpus/{target}/{name}: {}", panics.join("; ")));
        }
    }
    assert!(broken.is_empty(), "{} inputs of {target} break it:\n{}", broken.len(), broken.join("\n"));
    assert!(accepted > 0 && refused > 0, "of the inputs of {target} {accepted} are accepted, {refused} refused");
}

/// The names in a folder of `fuzz/`, in order.
pub fn names(folder: &str) -> Vec<String> {
    let entries = fs::read_dir(fuzz_folder().join(folder)).expect("the folder can be read");
    let name = |entry: std::io::Result<fs::DirEntry>| entry.expect("it can be listed").file_name().into_string();
    let mut names: Vec<String> = entries.map(name).collect::<Result<_, _>>().expect("names are UTF-8");
    names.sort();
    names
}

fn fuzz_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz")
}

fn note_panics() {
    static HOOK: Once = Once::new();
    HOOK.call_once(|| {
        let usual = panic::take_hook();
        panic::set_hook(Box::new(move |info| {
            PANICS.with_borrow_mut(|panics| panics.push(in_short(&info.to_string())));
            usual(info);
        }));
    });
}

/// On one line, and not so long that the names of other inputs would be lost behind it.
fn in_short(text: &str) -> String {
    text.replace('\n', " ").chars().take(200).collect()
}
