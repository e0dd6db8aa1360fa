//! One scenario from its seed to its end.

use std::cell::RefCell;
use std::fs;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};

use rustix::process::Signal;

use crate::disk::{self, TRAP};
use crate::disturbers::{Disturbers, Field, operations};
use crate::judge::Judge;
use crate::known::Problem;
use crate::rng::Dice;
use crate::scenarios::{Interruption, Scenario};
use crate::support::daemon::Daemon;
use crate::support::python::{Interpreter, interpreters, primary};
use crate::support::tree::{Tree, snapshot};
use crate::support::wait::wait_until_or;

/// What a campaign did.
#[derive(Debug, Default)]
pub struct Tally {
    pub operations: u64,
    pub interruptions: Vec<Interruption>,
    pub looks: u64,
    /// Problems that `known` tolerates and that were there at the end of a round.
    pub tolerated: Vec<Problem>,
}

pub struct Campaign<'a> {
    scenario: &'a Scenario,
    dice: Dice,
    place: Tree,
    pythons: [&'static Interpreter; 2],
    /// `None` only while it is exchanged.
    daemon: Option<Daemon>,
    bait: String,
    tally: Tally,
}

impl<'a> Campaign<'a> {
    /// Runs it; `None` where there is only one interpreter.
    pub fn run(scenario: &'a Scenario, seed: u64, rounds: u64, operations: u64) -> Option<Tally> {
        let mut campaign = Campaign::new(scenario, seed)?;
        for _ in 0..rounds {
            campaign.round(operations);
        }
        campaign.end();
        Some(std::mem::take(&mut campaign.tally))
    }

    fn new(scenario: &'a Scenario, seed: u64) -> Option<Self> {
        let (mut dice, place) = (Dice(seed), Tree::new());
        let first = primary();
        let others: Vec<_> = interpreters().iter().filter(|other| other.tag != first.tag && !other.is_pypy()).collect();
        if others.is_empty() {
            return None;
        }
        let pythons = [first, *dice.one(&others)];
        let mut campaign =
            Campaign { scenario, dice, place, pythons, daemon: None, bait: String::new(), tally: Tally::default() };
        campaign.prepare();
        campaign.daemon = Some(campaign.start());
        Some(campaign)
    }

    fn tree(&self) -> PathBuf {
        self.place.path("tree")
    }

    fn prepare(&mut self) {
        let place = &self.place;
        place.source("bait/bait.py", "BAIT = 1\n");
        place.file("bait/bait.pyc", "no cache\n");
        place.file("bait/pycache/bait.txt", "bait\n");
        fs::create_dir_all(place.path("aside")).expect("own directory");
        let roots = if self.scenario.linked_root { vec!["releases/1", "releases/2"] } else { vec!["tree"] };
        for root in roots {
            let trap = format!("{root}/{TRAP}");
            place.source(&format!("{trap}/x.py"), "X = 1\n");
            place.source(&format!("{root}/m0.py"), "M = 0\n");
            symlink(place.path("bait/pycache"), place.path(&trap).join("__pycache__")).expect("own directory");
            symlink(place.path("bait"), place.path(root).join("bait")).expect("own directory");
        }
        if self.scenario.linked_root {
            symlink("releases/1", self.tree()).expect("own directory");
        }
        let lines = |lines: &[&str]| lines.iter().map(|line| format!("{line}\n")).collect::<String>();
        let pythons: Vec<_> = self.pythons.iter().map(|python| &python.path).collect();
        let text = format!(
            "{}[defaults]\ncross-owners = true\npython = {pythons:?}\n[[tree]]\npath = {:?}\n{}",
            lines(self.scenario.config),
            self.tree(),
            lines(self.scenario.tree)
        );
        place.file("pycwarm.toml", text);
        self.bait = snapshot(&place.path("bait"));
    }

    /// Does not wait: it may be killed while it starts.
    fn start(&self) -> Daemon {
        Daemon::start(&mut crate::support::run::pycwarm_with("daemon", &self.place.path("pycwarm.toml")))
    }

    fn daemon(&self) -> &Daemon {
        self.daemon.as_ref().expect("one is running")
    }

    /// Few operations leave more of what each of them did than many do.
    fn round(&mut self, most: u64) {
        let operations = most / *self.dice.one(&[1, 3, 8, 20]);
        let (tree, aside, bait) = (self.tree(), self.place.path("aside"), self.place.path("bait"));
        let releases: Vec<PathBuf> =
            if self.scenario.linked_root { vec!["releases/1".into(), "releases/2".into()] } else { Vec::new() };
        let field = Field { tree: &tree, aside: &aside, bait: &bait, pythons: self.pythons, releases: &releases };
        let disturbers = Disturbers::start(&field, self.dice.next() >> 16, operations);
        let interruption = *self.dice.one(self.scenario.interruptions);
        let moments = [self.dice.below(operations), self.dice.below(operations)];
        disturbers.wait_for(moments[0].min(moments[1]));
        self.interrupt(interruption);
        if interruption == Interruption::Freeze {
            disturbers.wait_for(moments[0].max(moments[1]));
            self.daemon().signal(Signal::CONT);
        }
        self.tally.operations += disturbers.end();
        let sources = disk::manifest(&tree);
        self.wait_content();
        if let Some(difference) = disk::difference(&sources, &disk::manifest(&tree)) {
            panic!("a source was changed while nobody but the daemon was there: {difference}\n{}", self.story(&[]));
        }
        self.assert_bait_untouched();
        self.assert_nothing_missed();
    }

    /// The periodic look is the last net; whatever it catches is an event that was lost in silence.
    fn assert_nothing_missed(&self) {
        let log = self.daemon().stderr();
        assert!(!log.contains("of which no event had told"), "events were missed:\n{}", self.story(&[]));
    }

    fn interrupt(&mut self, how: Interruption) {
        match how {
            Interruption::Nothing => return,
            Interruption::Kill => {
                self.daemon.as_mut().expect("one is running").kill();
                self.daemon = Some(self.start());
            }
            Interruption::Terminate => {
                self.stop();
                self.daemon = Some(self.start());
            }
            // One that does not listen to the signal yet would be ended by it.
            Interruption::Reload if self.daemon().notified("READY=1") == 0 => return,
            Interruption::Reload => self.daemon().signal(Signal::HUP),
            Interruption::Freeze => self.daemon().signal(Signal::STOP),
        }
        self.tally.interruptions.push(how);
    }

    /// SIGTERM. Before it is ready it may end by that as well.
    fn stop(&mut self) {
        let daemon = self.daemon.as_mut().expect("one is running");
        let was_ready = daemon.notified("READY=1") > 0;
        daemon.signal(Signal::TERM);
        let status = daemon.wait_exit();
        assert!(status.success() || !was_ready, "the daemon ended with {status}:\n{}", daemon.stderr());
    }

    /// Polls the judge until nothing is wrong but what is tolerated, which has to be the same twice: it may be about to be mended.
    fn wait_content(&mut self) {
        let tree = self.tree();
        let lies = self.lies();
        let judge = Judge { tree: &tree, pythons: self.pythons, lies, loses_events: self.scenario.loses_events };
        let (found, looks) = (RefCell::new(Vec::new()), RefCell::new(0));
        let context = || self.story(&found.borrow());
        wait_until_or("the tree is as it must be", context, || {
            *looks.borrow_mut() += 1;
            let problems = judge.look(&self.daemon().stderr());
            let is_content = problems.iter().all(Problem::is_tolerated) && self.daemon().notified("READY=1") > 0;
            let before = found.replace(problems);
            is_content && before == *found.borrow()
        });
        self.tally.looks += looks.into_inner();
        self.tally.tolerated.extend(found.into_inner());
    }

    fn lies(&self) -> Vec<(u64, i64)> {
        let logs = fs::read_dir(self.place.path("aside")).into_iter().flatten().flatten();
        let logs = logs.filter(|entry| entry.file_name().to_string_lossy().ends_with("-lies"));
        let text: String = logs.map(|entry| fs::read_to_string(entry.path()).unwrap_or_default()).collect();
        let pair =
            |line: &str| line.split_once(' ').and_then(|(inode, time)| Some((inode.parse().ok()?, time.parse().ok()?)));
        text.lines().filter_map(pair).collect()
    }

    fn assert_bait_untouched(&self) {
        assert_eq!(self.bait, snapshot(&self.place.path("bait")), "outside of the tree something was touched");
    }

    /// Nothing changes any more when the daemon ends.
    fn end(&mut self) {
        self.stop();
        self.assert_bait_untouched();
        self.wait_content();
    }

    /// What a person needs who looks for the cause.
    fn story(&self, problems: &[Problem]) -> String {
        let wrong: Vec<&Problem> = problems.iter().filter(|problem| !problem.is_tolerated()).collect();
        let mut text = format!("{} problems:\n", wrong.len());
        for problem in wrong.iter().take(12) {
            text += &format!("{:?}: {}\n", problem.class, problem.text);
        }
        let about: Vec<String> = wrong.iter().take(3).flat_map(|problem| sought(&self.tree(), &problem.path)).collect();
        let log = self.daemon().stderr();
        let lines: Vec<&str> = log.lines().collect();
        text += &format!("operations on the first of them:\n{}\n", operations(&self.place.path("aside"), &about, 60));
        text + &format!("the daemon's log:\n{}", lines[lines.len().saturating_sub(300)..].join("\n"))
    }
}

/// What the operations are found by that a source or cache has to do with: its own name, and all directories above it.
fn sought(tree: &Path, path: &Path) -> Vec<String> {
    let (Some(directory), Some(name)) = (path.parent(), path.file_name().and_then(|name| name.to_str())) else {
        return Vec::new();
    };
    let above = path.ancestors().take_while(|above| *above != tree).map(|above| format!("{}'", above.display()));
    let stem = name.split('.').next().unwrap_or(name);
    let module = directory.to_string_lossy().trim_end_matches("/__pycache__").to_owned() + "/" + stem + ".";
    let cache = format!("{}/__pycache__/{stem}.", directory.display());
    above.chain([module, cache]).collect()
}

impl Drop for Campaign<'_> {
    fn drop(&mut self) {
        self.daemon = None;
        if std::thread::panicking() && std::env::var_os("PYCWARM_CHAOS_KEEP").is_some() {
            crate::support::skip::note(&format!("KEPT {}", self.place.root.display()));
            std::mem::forget(std::mem::replace(&mut self.place, Tree::new()));
        }
    }
}
