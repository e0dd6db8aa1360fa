//! The system calls of a worker: an allow-list, enforced by seccomp. Everything else fails with EPERM.
//!
//! What an interpreter does that compiles and has nothing to open but its own library: memory, reading of files,
//! its pipes, signals to itself. Made from the calls of CPython 3.6 to 3.15 and PyPy, and kept as wide as another
//! C library may need it. `docs/jail.md` has the same table for people; a test compares the two.

use std::collections::BTreeMap;
use std::ffi::CStr;

use libc::c_long;
use seccompiler::{
    BackendError, BpfProgram, SeccompAction, SeccompCmpArgLen, SeccompCmpOp, SeccompCondition, SeccompFilter,
    SeccompRule, TargetArch,
};

/// Allowed whatever their arguments are.
const ALWAYS: &[(&str, c_long)] = &[
    // What there is: memory, ...
    ("brk", libc::SYS_brk),
    ("madvise", libc::SYS_madvise),
    ("membarrier", libc::SYS_membarrier),
    ("mmap", libc::SYS_mmap),
    ("mprotect", libc::SYS_mprotect),
    ("mremap", libc::SYS_mremap),
    ("munmap", libc::SYS_munmap),
    // ... descriptors, ...
    ("close", libc::SYS_close),
    ("dup", libc::SYS_dup),
    ("dup3", libc::SYS_dup3),
    ("fstat", libc::SYS_fstat),
    ("getdents64", libc::SYS_getdents64),
    ("lseek", libc::SYS_lseek),
    ("pread64", libc::SYS_pread64),
    ("read", libc::SYS_read),
    ("readv", libc::SYS_readv),
    ("write", libc::SYS_write),
    ("writev", libc::SYS_writev),
    // ... names, of which Landlock lets few be opened, ...
    ("faccessat", libc::SYS_faccessat),
    ("faccessat2", libc::SYS_faccessat2),
    ("getcwd", libc::SYS_getcwd),
    ("newfstatat", libc::SYS_newfstatat),
    ("readlinkat", libc::SYS_readlinkat),
    ("statx", libc::SYS_statx),
    // ... signals of its own, time, chance, ...
    ("clock_getres", libc::SYS_clock_getres),
    ("clock_gettime", libc::SYS_clock_gettime),
    ("clock_nanosleep", libc::SYS_clock_nanosleep),
    ("getrandom", libc::SYS_getrandom),
    ("gettimeofday", libc::SYS_gettimeofday),
    ("nanosleep", libc::SYS_nanosleep),
    ("restart_syscall", libc::SYS_restart_syscall),
    ("rt_sigaction", libc::SYS_rt_sigaction),
    ("rt_sigprocmask", libc::SYS_rt_sigprocmask),
    ("rt_sigreturn", libc::SYS_rt_sigreturn),
    ("sigaltstack", libc::SYS_sigaltstack),
    // ... itself, and its only thread.
    ("exit", libc::SYS_exit),
    ("exit_group", libc::SYS_exit_group),
    ("futex", libc::SYS_futex),
    ("getegid", libc::SYS_getegid),
    ("geteuid", libc::SYS_geteuid),
    ("getgid", libc::SYS_getgid),
    ("getpid", libc::SYS_getpid),
    ("getppid", libc::SYS_getppid),
    ("getrusage", libc::SYS_getrusage),
    ("gettid", libc::SYS_gettid),
    ("getuid", libc::SYS_getuid),
    ("rseq", libc::SYS_rseq),
    ("sched_getaffinity", libc::SYS_sched_getaffinity),
    ("sched_yield", libc::SYS_sched_yield),
    ("set_robust_list", libc::SYS_set_robust_list),
    ("set_tid_address", libc::SYS_set_tid_address),
    ("sysinfo", libc::SYS_sysinfo),
    ("times", libc::SYS_times),
    ("uname", libc::SYS_uname),
];

/// Calls of older C libraries, which later architectures do not have any more.
#[cfg(target_arch = "x86_64")]
const ALWAYS_HERE: &[(&str, c_long)] = &[
    ("access", libc::SYS_access),
    ("arch_prctl", libc::SYS_arch_prctl),
    ("dup2", libc::SYS_dup2),
    ("getrlimit", libc::SYS_getrlimit),
    ("lstat", libc::SYS_lstat),
    ("poll", libc::SYS_poll),
    ("readlink", libc::SYS_readlink),
    ("stat", libc::SYS_stat),
    ("time", libc::SYS_time),
];
#[cfg(not(target_arch = "x86_64"))]
const ALWAYS_HERE: &[(&str, c_long)] = &[("ppoll", libc::SYS_ppoll)];

/// Allowed with some arguments only; see [`rules`].
const SOMETIMES: &[(&str, c_long)] = &[
    ("execve", libc::SYS_execve),
    ("fcntl", libc::SYS_fcntl),
    ("ioctl", libc::SYS_ioctl),
    ("kill", libc::SYS_kill),
    #[cfg(target_arch = "x86_64")]
    ("open", libc::SYS_open),
    ("openat", libc::SYS_openat),
    ("prlimit64", libc::SYS_prlimit64),
    ("tgkill", libc::SYS_tgkill),
];

/// The name and the number of each call that a worker may make, be it with some arguments only.
pub fn allowed() -> impl Iterator<Item = (&'static str, i64)> {
    #[allow(clippy::useless_conversion, reason = "the type differs between architectures")]
    [ALWAYS, ALWAYS_HERE, SOMETIMES].into_iter().flatten().map(|(name, number)| (*name, i64::from(*number)))
}

/// Flags of `open` with which something could be written or made.
const WRITING: i32 = libc::O_ACCMODE
    | libc::O_CREAT
    | libc::O_EXCL
    | libc::O_TRUNC
    | libc::O_APPEND
    | (libc::O_TMPFILE & !libc::O_DIRECTORY);
/// What may be done to a descriptor by `fcntl`.
const DESCRIPTOR_COMMANDS: &[i32] =
    &[libc::F_DUPFD, libc::F_DUPFD_CLOEXEC, libc::F_GETFD, libc::F_SETFD, libc::F_GETFL];
/// And by `ioctl`: is it a terminal, and is it closed at execution.
const DEVICE_COMMANDS: &[libc::Ioctl] = &[libc::TCGETS, TCGETS2, libc::FIOCLEX, libc::FIONCLEX];

/// As later C libraries ask: _IOR('T', 0x2A, struct termios2).
const TCGETS2: libc::Ioctl = 0x802C_542A;

/// The filter for a worker that is about to execute the program at this address: only from there, so that what
/// it becomes can execute nothing any more.
///
/// # Errors
/// In words: an architecture that the library does not know.
pub(super) fn filter(program: &CStr) -> Result<BpfProgram, String> {
    let architecture = TargetArch::try_from(std::env::consts::ARCH)
        .map_err(|_| format!("there is no filter of system calls for {}", std::env::consts::ARCH))?;
    let pid = u64::from(std::process::id());
    let rules = rules(program.as_ptr().addr() as u64, pid).map_err(|error| format!("the filter is wrong: {error}"))?;
    let refuse = SeccompAction::Errno(libc::EPERM.unsigned_abs());
    SeccompFilter::new(rules, refuse, SeccompAction::Allow, architecture)
        .and_then(BpfProgram::try_from)
        .map_err(|error| format!("the filter is wrong: {error}"))
}

/// Puts a filter in force.
///
/// # Errors
/// In words: what the kernel says.
pub(super) fn install(filter: &BpfProgram) -> Result<(), String> {
    seccompiler::apply_filter(filter).map_err(|error| format!("system calls cannot be filtered: {error}"))
}

type Rules = BTreeMap<c_long, Vec<SeccompRule>>;

fn rules(program: u64, pid: u64) -> Result<Rules, BackendError> {
    let mut rules: Rules = ALWAYS.iter().chain(ALWAYS_HERE).map(|(_, number)| (*number, Vec::new())).collect();
    let writing = SeccompCmpOp::MaskedEq(u64::from(WRITING.unsigned_abs()));
    rules.insert(libc::SYS_openat, vec![rule(2, SeccompCmpArgLen::Dword, writing.clone(), 0)?]);
    #[cfg(target_arch = "x86_64")]
    rules.insert(libc::SYS_open, vec![rule(1, SeccompCmpArgLen::Dword, writing, 0)?]);
    let commands = DESCRIPTOR_COMMANDS.iter().map(|command| is(1, u64::from(command.unsigned_abs())));
    rules.insert(libc::SYS_fcntl, commands.collect::<Result<_, _>>()?);
    #[allow(clippy::unnecessary_cast, reason = "the type differs between C libraries")]
    let commands = DEVICE_COMMANDS.iter().map(|command| is(1, *command as u64 & u64::from(u32::MAX)));
    rules.insert(libc::SYS_ioctl, commands.collect::<Result<_, _>>()?);
    // To itself: abort() and a signal handler that raises again.
    for call in [libc::SYS_kill, libc::SYS_tgkill] {
        rules.insert(call, vec![is(0, pid)?]);
    }
    // Limits may be read, its own only.
    let own = || SeccompCondition::new(0, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, 0);
    let reading = || SeccompCondition::new(2, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, 0);
    rules.insert(libc::SYS_prlimit64, vec![SeccompRule::new(vec![own()?, reading()?])?]);
    rules.insert(libc::SYS_execve, vec![rule(0, SeccompCmpArgLen::Qword, SeccompCmpOp::Eq, program)?]);
    Ok(rules)
}

/// One argument is this value.
fn is(argument: u8, value: u64) -> Result<SeccompRule, BackendError> {
    rule(argument, SeccompCmpArgLen::Dword, SeccompCmpOp::Eq, value)
}

fn rule(
    argument: u8,
    length: SeccompCmpArgLen,
    compare: SeccompCmpOp,
    value: u64,
) -> Result<SeccompRule, BackendError> {
    SeccompRule::new(vec![SeccompCondition::new(argument, length, compare, value)?])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_filter_can_be_made_here() {
        assert!(filter(c"/usr/bin/python3").unwrap().len() > ALWAYS.len());
    }

    /// The table in the documentation has each call, and no other.
    #[test]
    fn the_documentation_has_the_same_calls() {
        let text = include_str!("../../docs/jail.md");
        let (_, table) = text.split_once("<!-- calls -->").unwrap();
        let (table, _) = table.split_once("<!-- end of calls -->").unwrap();
        let mut documented: Vec<&str> = table.split('`').skip(1).step_by(2).collect();
        let mut allowed: Vec<&str> = allowed().map(|(name, _)| name).collect();
        if cfg!(not(target_arch = "x86_64")) {
            return;
        }
        documented.sort_unstable();
        allowed.sort_unstable();
        assert_eq!(documented, allowed);
    }
}
