//! `pycwarm sync` and `pycwarm status`, and clients that are not ours, at the real control socket. The daemon behind it
//! answers by the names of the paths; what the real one answers is for tests/daemon, and for `privacy` here.

#[path = "../support/mod.rs"]
mod support;

mod answering;
mod commands;
mod identity;
mod interoperation;
mod privacy;
mod users;
