//! Who may read what: caches and their directories against sources and theirs, asked of the kernel as real users.

#[path = "../support/mod.rs"]
mod support;

mod directories;
mod lists;
mod policies;
mod table;
mod unprivileged;
mod users;
mod while_writing;
