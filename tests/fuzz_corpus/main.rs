//! What was found by fuzzing, and what it began with, as an ordinary test: each input of `fuzz/corpus` goes through the
//! same function as in the fuzz target of that name.

#[path = "../../fuzz/src/lib.rs"]
mod fuzz;
mod replay;

use replay::replay;

#[test]
fn cache_reader() {
    replay("cache_reader", fuzz::cache_reader::run);
}

#[test]
fn marshal_reader() {
    replay("marshal_reader", fuzz::marshal_reader::run);
}

#[test]
fn frame_protocol() {
    replay("frame_protocol", fuzz::frame_protocol::run);
}

#[test]
fn configuration() {
    replay("configuration", fuzz::configuration::run);
}

#[test]
fn control_socket() {
    replay("control_socket", fuzz::control_socket::run);
}

/// A target without a test here would be left out where fuzzing is.
#[test]
fn every_target_is_replayed() {
    let mut targets = replay::names("fuzz_targets");
    targets.iter_mut().for_each(|name| name.truncate(name.len() - ".rs".len()));
    assert_eq!(targets, ["cache_reader", "configuration", "control_socket", "frame_protocol", "marshal_reader"]);
    assert_eq!(targets, replay::names("corpus"));
}
