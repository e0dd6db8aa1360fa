//! Decides how the workers of an interpreter are to be confined.

use std::path::Path;
use std::time::Duration;

use super::files;
use super::orders::Orders;
use super::users::Users;
use crate::domain::Confinement;

/// So often a file may take its time limit before its worker is replaced: the processor time of a process only grows.
const FILES_AT_THE_LIMIT: u32 = 10;

/// What the jails of one daemon have in common.
#[derive(Debug)]
pub struct Warden {
    users: Users,
    is_root: bool,
    memory: u64,
    processor_time: Duration,
}

impl Warden {
    /// `uid` is the user of this process, `memory` the address space of a worker in bytes, `compile_limit` what one
    /// file may take.
    #[must_use]
    pub fn new(uid: u32, memory: u64, compile_limit: Duration) -> Self {
        let processor_time = compile_limit.saturating_mul(FILES_AT_THE_LIMIT);
        Self { users: Users::default(), is_root: uid == 0, memory, processor_time }
    }

    /// How to start a program that is not known yet, in the order in which it is to be tried. A later one is for where
    /// the one before does not work: the interpreter lies in a directory that is closed to others, it needs libraries
    /// in unusual places, or it is a shim, a script that starts the interpreter.
    #[must_use]
    pub fn attempts(&self, program: &Path) -> Vec<Confinement> {
        let mut attempts = Vec::new();
        if self.users.are_to_be_had() {
            attempts.push(Confinement { own_user: true, own_files: true, few_calls: true });
        }
        attempts.push(Confinement { own_user: false, own_files: true, few_calls: true });
        // As root's user, a worker is never without closed files.
        if self.users.are_to_be_had() {
            attempts.push(Confinement { own_user: true, own_files: false, few_calls: true });
        } else if !self.is_root {
            attempts.push(Confinement { own_user: false, own_files: false, few_calls: true });
        }
        if files::runner_of(program).is_some() {
            attempts.push(Confinement::SHIM);
        }
        attempts
    }

    /// The orders for a worker that compiles the files of this owner.
    #[must_use]
    pub fn orders(&self, program: &Path, confinement: Confinement, owner: Option<u32>) -> Orders {
        Orders {
            user: if confinement.own_user { self.users.of(owner) } else { None },
            files: if confinement.own_files { files::files_of(program) } else { Vec::new() },
            files_or_nothing: self.users.are_to_be_had() && !confinement.own_user && confinement.own_files,
            all_calls: !confinement.few_calls,
            memory: self.memory,
            processor_time: self.processor_time.as_secs().max(1),
        }
    }

    /// How long a worker may have been at work before it is replaced, so that it never comes to its limit by honest
    /// work.
    #[must_use]
    pub fn longest_service(&self, compile_limit: Duration) -> Duration {
        self.processor_time.saturating_sub(compile_limit)
    }
}
