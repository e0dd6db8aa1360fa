//! `warm` and `check`: counts, exit statuses, freshness, names, owner and mode.

#[path = "../support/mod.rs"]
mod support;

mod choosing_interpreters;
mod freshness;
mod links;
mod options;
mod output;
mod ownership;
mod paths;
