// SELinux contexts, with real attributes on real files, by the rules of the policy that Debian ships. They run on kernels
// without SELinux, where root may set the attribute.
#![cfg(feature = "selinux")]

#[path = "../support/mod.rs"]
mod support;

mod host;

mod choices;
mod creation;
mod customized;
mod disabled;
mod file_systems;
mod levels;
mod mending;
mod names;
mod refused;
mod rules;
mod running;
