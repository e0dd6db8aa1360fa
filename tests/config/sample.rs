//! The sample that is installed.

use pycwarm::config::{GLOBAL_KEYS, POLICY_KEYS, Settings, TREE_KEYS};

use crate::machine::Machine;

const SAMPLE: &str = include_str!("../../config/pycwarm.toml");

#[test]
fn the_sample_as_it_is_changes_nothing() {
    assert_eq!(Machine::with(SAMPLE).settings(), Machine::new(&[]).settings());
}

#[test]
fn the_sample_has_every_key_with_its_default() {
    // Prose has a blank behind its #.
    let keys: Vec<&str> = SAMPLE
        .lines()
        .filter_map(|line| line.strip_prefix('#'))
        .filter(|line| line.starts_with(|first: char| first.is_ascii_lowercase() || first == '['))
        .collect();
    let sample = Machine::with(&keys.join("\n")).settings();
    let without = Machine::new(&[]).settings();
    let tree = without.defaults.clone().into_tree("/var/www/cgi-bin".into(), Vec::new());
    assert_eq!(sample, Settings { trees: vec![tree], ..without });

    let names: Vec<&str> = keys.iter().filter_map(|line| Some(line.split_once(" = ")?.0)).collect();
    let known = [GLOBAL_KEYS, POLICY_KEYS, TREE_KEYS].concat();
    assert_eq!(names, known);
}
