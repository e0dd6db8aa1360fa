//! Hostile users against `pycwarm warm` and `pycwarm daemon` that run as root: real processes of users that no account
//! has, real files, real races.
//!
//! Each attack ends with the same judgement ([`host::Host::judge`]): nothing outside of the trees has changed, no secret
//! has come to where the attacker can read it, nothing of the attacker was executed, there is no new setuid file, and the
//! honest files beside the attacked ones and in another tree are warm.
//!
//! What a worker can lie about is shown in `tests/bad_input/workers.rs`, what breaks compilers without an attacker in
//! `tests/bad_input/compilers.rs`, and single obstacles in `tests/bad_input/obstacles.rs` and `special_files.rs`.

#[path = "../support/mod.rs"]
mod support;

mod attacker;
mod bombs;
mod canary;
mod host;
mod mounts;
mod planted;
mod programs;
mod races;
mod users;
