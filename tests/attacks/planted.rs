//! What is in place before root comes: hard links, a `__pycache__` of another kind or owner, poisoned caches.

use std::fs;
use std::os::unix::fs::{MetadataExt, chown, symlink};
use std::path::{Path, PathBuf};

use crate::canary::Canary;
use crate::host::{Host, give};
use crate::support::cache::{is_fresh, low32};
use crate::support::process::must;
use crate::support::skip::skipped;
use crate::support::tree::{set_mode, snapshot};
use crate::users::{ATTACKER, HONEST, VICTIM, acting};

/// Names in the attacker's directory of files that are not theirs: as sources, as caches, as temporary files.
#[test]
fn hard_links_to_the_files_of_others() {
    let name = "planted::hard_links_to_the_files_of_others";
    let Some(host) = Host::new(name) else { return };
    let caches = host.theirs("__pycache__");
    fs::create_dir(&caches).expect("own directory");
    give(&caches, ATTACKER);
    let link = |from: &str, to: PathBuf| fs::hard_link(host.place.path(from), to).expect("own directory");
    link("tree/victim/secret.py", host.theirs("near.py"));
    link("canary/secret.py", host.theirs("far.py"));
    link("canary/victims/secret.py", host.theirs("theirs.py"));
    link("canary/open.py", host.python.cache(&host.theirs("s00.py")));
    link("canary/labelled", host.python.cache(&host.theirs("gone.py")));
    link("canary/program", caches.join(".pycwarm-0123456789abcdef.tmp"));
    link("canary/s00.py", caches.join(format!("s01.{}.pyc.12345", host.python.tag)));
    let before = Canary::note(&host.place.path("canary")).but_for_links();
    let daemon = host.daemon();
    for source in ["near.py", "far.py", "theirs.py"] {
        let Ok(cache) = fs::metadata(host.python.cache(&host.theirs(source))) else { continue };
        let of = fs::metadata(host.theirs(source)).expect("it is there");
        assert_eq!((cache.uid(), cache.mode() & 0o777), (of.uid(), 0o600), "{source}");
    }
    before.assert_untouched_but_for_links();
    host.judge_but_for_canary(Some(&daemon));
}

/// A `__pycache__` that leads away, is no directory, or is somebody else's.
#[test]
fn a_pycache_that_is_none() {
    let name = "planted::a_pycache_that_is_none";
    let Some(host) = Host::new(name) else { return };
    let directory = |name: &str| {
        host.place.source(&format!("tree/attacker/{name}/s00.py"), "N = 1\n");
        host.theirs(name).join("__pycache__")
    };
    symlink(host.place.path("canary/__pycache__"), directory("link")).expect("own directory");
    symlink("../../victim", directory("link-to-a-neighbour")).expect("own directory");
    symlink("/proc/self/root", directory("link-to-magic")).expect("own directory");
    fs::write(directory("file"), "mine").expect("own directory");
    must(std::process::Command::new("mkfifo").arg(directory("fifo")));
    for name in ["link", "link-to-a-neighbour", "link-to-magic", "file", "fifo"] {
        give(&host.theirs(name), ATTACKER);
    }
    // A directory that a victim keeps secret, moved here by whoever could.
    let closed = directory("of-a-victim");
    host.place.file("tree/attacker/of-a-victim/__pycache__/diary", "private");
    give(&host.theirs("of-a-victim"), ATTACKER);
    for path in [closed.join("diary"), closed.clone()] {
        chown(path, Some(VICTIM), Some(VICTIM)).expect("root");
    }
    set_mode(&closed, 0o700);
    let before = snapshot(&closed);
    let daemon = host.daemon();
    host.warm();
    host.judge(Some(&daemon));
    let diary = |text: &str| text.lines().find(|line| line.contains("diary")).map(str::to_owned);
    assert_eq!(diary(&snapshot(&closed)), diary(&before));
    let read = acting(ATTACKER, "cat").arg(closed.join("diary")).output().expect("cat runs");
    assert!(!read.status.success() || mode_of(&closed) & 0o77 != 0, "{read:?}");
    assert_eq!(mode_of(&closed), 0o700, "a directory with other things in it was opened");
    assert_eq!(fs::read_to_string(host.theirs("file/__pycache__")).expect("a file"), "mine");
}

fn mode_of(path: &Path) -> u32 {
    fs::metadata(path).expect("it is there").mode() & 0o7777
}

/// Caches with the right header and code of the attacker, in a `__pycache__` that is open by mistake. They are replaced
/// before their readers come, whether they were there first or come while the daemon runs.
#[test]
fn poisoned_caches() {
    let name = "planted::poisoned_caches";
    let Some(host) = Host::new(name) else { return };
    let caches = host.place.path("tree/honest/__pycache__");
    fs::create_dir(&caches).expect("own directory");
    chown(&caches, Some(HONEST), Some(HONEST)).expect("root");
    set_mode(&caches, 0o777);
    let source = |number: u32| host.place.path(&format!("tree/honest/s{number:02}.py"));
    poison(&host, &source(0));
    let elsewhere = host.place.path("outside/poison");
    fs::rename(poison(&host, &source(1)), &elsewhere).expect("own directory");
    symlink(&elsewhere, host.python.cache(&source(1))).expect("own directory");
    // The trap works: who imports it as it is, runs it.
    if import(&host, HONEST, "s00") != "poisoned" {
        return skipped(name, "this interpreter does not take the planted cache");
    }
    fs::remove_file(host.place.path("traces/import")).expect("the trace of the trap");
    let daemon = host.daemon();
    assert_clean(&host, &[source(0), source(1)]);
    set_mode(&caches, 0o777);
    poison(&host, &source(2));
    daemon.wait_until("the planted cache is replaced", || owner(&host.python.cache(&source(2))) == Some(HONEST));
    assert_clean(&host, &[source(2)]);
    host.judge(Some(&daemon));
}

/// A link of the honest user to a source of the attacker. The cache of that must not be a file of the attacker's in a
/// directory of the honest user's: once the link has made room for a source, its content would be what they like.
#[test]
fn a_link_to_a_source_of_the_attacker() {
    let name = "planted::a_link_to_a_source_of_the_attacker";
    let Some(host) = Host::new(name) else { return };
    let link = host.place.path("tree/honest/link.py");
    symlink("../attacker/s00.py", &link).expect("own directory");
    std::os::unix::fs::lchown(&link, Some(HONEST), Some(HONEST)).expect("root");
    let daemon = host.daemon();
    let caches = fs::read_dir(host.place.path("tree/honest/__pycache__")).expect("made by the daemon").flatten();
    let theirs: Vec<PathBuf> = caches.map(|entry| entry.path()).filter(|path| owner(path) == Some(ATTACKER)).collect();
    fs::remove_file(&link).expect("own directory");
    host.judge(Some(&daemon));
    assert_eq!(theirs, [] as [PathBuf; 0], "the attacker can write to them");
}

/// Plants a cache of a source, as the attacker's; gives its path.
fn poison(host: &Host, source: &Path) -> PathBuf {
    let stat = fs::metadata(source).expect("it is there");
    let trace = host.place.path("traces/import");
    let code = format!(
        "import marshal,sys;c=compile('open({trace:?},\"a\").close();POISON=1','x','exec');sys.stdout.buffer.write(marshal.dumps(c))"
    );
    let code = must(std::process::Command::new(&host.python.path).args(["-I", "-S", "-c", &code])).stdout;
    let header = [&host.python.magic[..], &[0; 4], &low32(stat.mtime()), &low32(stat.size().cast_signed())].concat();
    let cache = host.python.cache(source);
    fs::write(&cache, [header, code].concat()).expect("own directory");
    set_mode(&cache, 0o644);
    chown(&cache, Some(ATTACKER), Some(ATTACKER)).expect("root");
    cache
}

/// What a user's import of a honest module comes to.
fn import(host: &Host, uid: u32, module: &str) -> &'static str {
    let script = format!("import {module}; print(hasattr({module}, 'POISON'))");
    let mut python = acting(uid, &host.python.path);
    let path = host.place.path("tree/honest");
    let output = must(python.args(["-s", "-S", "-B", "-c", &script]).env("PYTHONPATH", path));
    if output.stdout.starts_with(b"True") { "poisoned" } else { "clean" }
}

fn assert_clean(host: &Host, sources: &[PathBuf]) {
    for source in sources {
        assert!(is_fresh(host.python, source), "{source:?}");
        let cache = host.python.cache(source);
        assert_eq!(owner(&cache), Some(HONEST), "{cache:?}");
        let module = source.file_stem().and_then(|stem| stem.to_str()).expect("a name of this test");
        assert_eq!(import(host, HONEST, module), "clean", "{module}");
    }
    assert_eq!(host.traces(), [] as [String; 0]);
}

fn owner(path: &Path) -> Option<u32> {
    fs::symlink_metadata(path).ok().map(|stat| stat.uid())
}
