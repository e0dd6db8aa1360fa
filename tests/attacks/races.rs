//! Names that change while root works on them: each test has its share of a million changes.

use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Instant;

use crate::attacker::{Attacker, Step};
use crate::canary::{OUTSIDE, SECRET};
use crate::host::{Host, give};
use crate::support::apart::{can_run, wrapped};
use crate::support::process::Background;
use crate::support::run::pycwarm;
use crate::support::skip::{needs_root, note};
use crate::support::tree::set_mode;
use crate::support::wait::wait_until;
use crate::users::{ATTACKER, VICTIM};

/// Changes of names that each race takes at least, and runs of `warm`.
const SWAPS: u64 = 145_000;
const RUNS: u32 = 12;
const RACES: u64 = 7;
const _: () = assert!(RACES * SWAPS >= 1_000_000);

/// Has attackers at work while a daemon and one `warm` after the other bring the trees up to date, until all have had their
/// share; then judges.
fn race(name: &str, host: &Host, attacks: Vec<(u32, Vec<Step>)>) {
    let begun = Instant::now();
    let daemon = host.daemon();
    let counts = |number: usize| host.place.path("counts").join(number.to_string());
    let attackers: Vec<Attacker> = attacks
        .into_iter()
        .enumerate()
        .map(|(number, (uid, steps))| Attacker::start(uid, counts(number), steps))
        .collect();
    let swaps = || attackers.iter().map(Attacker::swaps).sum::<u64>();
    let mut runs = 0;
    while runs < RUNS || swaps() < SWAPS {
        let edited = host.edit();
        host.warm();
        daemon.wait_fresh(host.python, [&edited]);
        runs += 1;
    }
    let swaps = swaps();
    drop(attackers);
    let took = begun.elapsed().as_secs();
    note(&format!("races::{name}: {swaps} changes of names during {runs} runs of warm, {took} s"));
    assert!(swaps >= SWAPS);
    host.judge(Some(&daemon));
}

/// All sources of the attacker get new times, so that there is always something to compile.
fn touches(directory: &Path) -> Vec<Step> {
    (0..12).map(|number| Step::Touch(directory.join(format!("s{number:02}.py")))).collect()
}

fn exchange(one: PathBuf, other: PathBuf) -> Step {
    Step::Exchange(one, other)
}

/// Reads all files in these directories as this user, and leaves a trace if a secret is in one. Root sees what was read
/// by mistake and is well kept.
fn spy(host: &Host, uid: u32, secret: &str, directories: &[PathBuf]) -> (u32, Vec<Step>) {
    let trace = host.place.path("traces").join(format!("spied-by-{uid}"));
    let spy = |directory: &PathBuf| Step::Spy {
        directory: directory.clone(),
        secret: secret.to_owned(),
        trace: trace.clone(),
    };
    (uid, directories.iter().map(spy).collect())
}

/// A link that belongs to the attacker.
fn plant(host: &Host, name: &str, target: &Path) -> PathBuf {
    let path = host.theirs(name);
    symlink(target, &path).expect("own directory");
    std::os::unix::fs::lchown(&path, Some(ATTACKER), Some(ATTACKER)).expect("root");
    path
}

#[test]
fn a_source_and_a_link_to_a_secret() {
    let name = "a_source_and_a_link_to_a_secret";
    let Some(host) = Host::new(&format!("races::{name}")) else { return };
    let out = plant(&host, "out", &host.place.path("canary/secret.py"));
    let within = plant(&host, "within", Path::new("../victim/secret.py"));
    let mut steps = vec![exchange(host.theirs("s00.py"), out), exchange(host.theirs("s01.py"), within)];
    steps.extend(touches(&host.theirs("")));
    let caches = [host.theirs("__pycache__")];
    race(name, &host, vec![(ATTACKER, steps), spy(&host, ATTACKER, SECRET, &caches), spy(&host, 0, OUTSIDE, &caches)]);
}

#[test]
fn the_directory_of_a_source_and_a_link() {
    let name = "the_directory_of_a_source_and_a_link";
    let Some(host) = Host::new(&format!("races::{name}")) else { return };
    let sub = host.theirs("a/b/sub");
    for number in 0..12 {
        host.place.source(&format!("tree/attacker/a/b/sub/s{number:02}.py"), "N = 1\n");
    }
    for directory in ["a", "a/b", "a/b/sub"] {
        give(&host.theirs(directory), ATTACKER);
    }
    let (near, far) =
        (plant(&host, "a/b/near", &host.place.path("canary")), plant(&host, "far", &host.place.path("canary/deep")));
    fs::create_dir(host.place.path("canary/b")).expect("own directory");
    host.note_canary_again();
    let mut steps = vec![exchange(sub.clone(), near), exchange(host.theirs("a"), far)];
    steps.extend(touches(&sub));
    race(name, &host, vec![(ATTACKER, steps)]);
}

#[test]
fn pycache_and_a_link() {
    let name = "pycache_and_a_link";
    let Some(host) = Host::new(&format!("races::{name}")) else { return };
    let caches = host.theirs("__pycache__");
    fs::create_dir(&caches).expect("own directory");
    give(&caches, ATTACKER);
    let link = plant(&host, "link", &host.place.path("canary/__pycache__"));
    let mut steps = vec![exchange(caches, link)];
    steps.extend(touches(&host.theirs("")));
    race(name, &host, vec![(ATTACKER, steps)]);
}

/// The name of the cache, and those of the temporary files, lead to files that are not to be written.
#[test]
fn caches_and_temporary_files_and_links() {
    let name = "caches_and_temporary_files_and_links";
    let Some(host) = Host::new(&format!("races::{name}")) else { return };
    let caches = host.theirs("__pycache__");
    fs::create_dir(&caches).expect("own directory");
    give(&caches, ATTACKER);
    let target = host.place.path("canary/open.py");
    let cache = host.python.cache(&host.theirs("s00.py"));
    let link = Step::Link { name: cache.clone(), target: target.clone() };
    let other = caches.join("other");
    let seize = Step::Seize { directory: caches, loot: host.place.path("outside/loot"), target: target.clone() };
    let mut swaps = vec![link, Step::Link { name: other.clone(), target }, exchange(cache, other)];
    swaps.extend(touches(&host.theirs("")));
    race(name, &host, vec![(ATTACKER, swaps), (ATTACKER, vec![seize])]);
}

/// Where the attacker owns the directory in which a tree has its root, that name leads elsewhere from time to time.
#[test]
fn the_root_of_a_tree_and_a_link() {
    let name = "the_root_of_a_tree_and_a_link";
    let Some(host) = Host::new(&format!("races::{name}")) else { return };
    for number in 0..12 {
        host.place.source(&format!("outside/site/s{number:02}.py"), "N = 1\n");
    }
    give(&host.place.path("outside/site"), ATTACKER);
    let (site, link) = (host.place.path("outside/site"), host.place.path("outside/link"));
    symlink(host.place.path("canary"), &link).expect("own directory");
    give(&host.place.path("outside"), ATTACKER);
    host.configure(&format!("[{:?}]", host.python.path), &["outside/site"]);
    let mut steps = vec![exchange(site.clone(), link)];
    steps.extend(touches(&site));
    race(name, &host, vec![(ATTACKER, steps)]);
}

/// A directory leaves the tree while root is in it, and another one takes its name.
#[test]
fn a_directory_that_is_moved_out_of_the_tree() {
    let name = "a_directory_that_is_moved_out_of_the_tree";
    let Some(host) = Host::new(&format!("races::{name}")) else { return };
    for directory in ["tree/attacker/moving", "outside/moved"] {
        for number in 0..12 {
            host.place.source(&format!("{directory}/s{number:02}.py"), "N = 1\n");
        }
        symlink("../s00.py", host.place.path(directory).join("up.py")).expect("own directory");
        symlink("../../canary/secret.py", host.place.path(directory).join("out.py")).expect("own directory");
        give(&host.place.path(directory), ATTACKER);
    }
    symlink("../canary/secret.py", host.place.path("outside/s00.py")).expect("own directory");
    let (inside, outside) = (host.theirs("moving"), host.place.path("outside/moved"));
    let mut steps = vec![exchange(inside.clone(), outside)];
    steps.extend(touches(&inside));
    let caches = [host.theirs("moving/__pycache__"), host.place.path("outside/moved/__pycache__")];
    race(name, &host, vec![(ATTACKER, steps), spy(&host, 0, OUTSIDE, &caches)]);
}

/// Between the look and the compilation, or the compilation and the cache, a name gets another file: the attacker's,
/// which all may read, and one that only its owner may.
#[test]
fn a_name_of_an_open_file_and_of_a_secret_one() {
    let name = "a_name_of_an_open_file_and_of_a_secret_one";
    let Some(host) = Host::new(&format!("races::{name}")) else { return };
    // The kernel may keep users from linking what is not theirs (fs.protected_hardlinks); not every host has that.
    fs::hard_link(host.place.path("tree/victim/secret.py"), host.theirs("hard.py")).expect("own directory");
    let mut steps = vec![exchange(host.theirs("s00.py"), host.theirs("hard.py"))];
    steps.extend(touches(&host.theirs("")));
    let caches = [host.theirs("__pycache__")];
    race(name, &host, vec![(ATTACKER, steps), spy(&host, ATTACKER, SECRET, &caches)]);
}

/// A source is closed to others and then gets a secret, just after root has opened it and before it is read: no cache of
/// that secret can be read by others for a moment, not even the temporary file. strace makes the moments long enough.
#[test]
fn a_source_that_is_closed_while_it_is_read() {
    let name = "races::a_source_that_is_closed_while_it_is_read";
    let slow_read = "inject=pread64:delay_enter=300000";
    let slow_chmod = "inject=fchmod:delay_exit=500000";
    let trace = ["strace", "-f", "-o", "/dev/null", "-e", "trace=pread64,fchmod", "-e", slow_read, "-e", slow_chmod];
    if !needs_root(name) || !can_run(name, &[trace.as_slice(), &["true"]].concat()) {
        return;
    }
    let Some(host) = Host::new(name) else { return };
    let directory = host.place.path("tree/victim/sub");
    let source = host.place.source("tree/victim/sub/flip.py", "SECRET = ''\n");
    set_mode(&source, 0o644);
    give(&directory, VICTIM);
    let (_, spy) = spy(&host, ATTACKER, SECRET, &[directory.join("__pycache__")]);
    let _spy = Attacker::start(ATTACKER, host.place.path("counts/0"), spy);
    let mut warm = pycwarm("warm");
    warm.arg("--python").arg(&host.python.path).arg(&directory);
    let mut warm = Background::start(&mut wrapped(&trace, &warm));
    wait_until("the source is open", || is_open(&source) || warm.0.try_wait().is_ok_and(|ended| ended.is_some()));
    set_mode(&source, 0o600);
    fs::write(&source, format!("SECRET = {SECRET:?}\n")).expect("root");
    wait_until("warm comes to its end", || warm.0.try_wait().expect("own child").is_some());
    assert_eq!(host.traces(), [] as [String; 0]);
    host.judge(None);
}

/// Whether some process has a file open.
fn is_open(file: &Path) -> bool {
    let processes = fs::read_dir("/proc").expect("/proc").flatten();
    let descriptors = processes.filter_map(|process| fs::read_dir(process.path().join("fd")).ok()).flatten().flatten();
    descriptors.filter_map(|descriptor| fs::read_link(descriptor.path()).ok()).any(|target| target == file)
}
