//! The jail of the workers: what real workers are seen to have, and what a program in it can do.

#[path = "../support/mod.rs"]
mod support;

mod calls;
mod capabilities;
mod incomplete;
mod inside;
mod proc;
mod workers;
