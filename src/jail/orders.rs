//! What a jail is told to do, as arguments of the process that becomes the worker.

use std::ffi::OsString;
use std::path::PathBuf;

/// Orders for one worker. Written and read by one and the same program.
#[derive(Debug, Clone, PartialEq, Eq, clap::Args)]
pub struct Orders {
    /// Become this user and this group
    #[arg(long, value_name = "NUMBER")]
    pub user: Option<u32>,
    /// A file or directory that may be read and executed
    #[arg(long = "file", value_name = "PATH")]
    pub files: Vec<PathBuf>,
    /// Do not run without a file system that is closed but for the files
    #[arg(long)]
    pub files_or_nothing: bool,
    /// Allow every system call, and new processes with them
    #[arg(long)]
    pub all_calls: bool,
    /// Bytes of address space
    #[arg(long, value_name = "BYTES")]
    pub memory: u64,
    /// Seconds of processor time, over all that the worker does
    #[arg(long, value_name = "SECONDS")]
    pub processor_time: u64,
}

impl Orders {
    /// As arguments; what clap reads is what was written.
    #[must_use]
    pub fn to_arguments(&self) -> Vec<OsString> {
        // A value goes with its option, so that one that starts with a dash is none.
        let with = |option: &str, value: &dyn AsRef<std::ffi::OsStr>| {
            let mut argument = OsString::from(option);
            argument.push(value.as_ref());
            argument
        };
        let mut arguments = Vec::new();
        arguments.extend(self.user.map(|user| with("--user=", &user.to_string())));
        arguments.extend(self.files.iter().map(|file| with("--file=", file)));
        arguments.extend(self.files_or_nothing.then(|| "--files-or-nothing".into()));
        arguments.extend(self.all_calls.then(|| "--all-calls".into()));
        arguments.push(with("--memory=", &self.memory.to_string()));
        arguments.push(with("--processor-time=", &self.processor_time.to_string()));
        arguments
    }
}

#[cfg(test)]
mod tests {
    use std::ffi::OsStr;
    use std::os::unix::ffi::OsStrExt;

    use clap::Parser;

    use super::*;

    #[derive(Debug, Parser)]
    struct Whole {
        #[command(flatten)]
        orders: Orders,
        #[arg(last = true)]
        program: Vec<OsString>,
    }

    #[test]
    fn what_is_written_is_read() {
        let odd = PathBuf::from(OsStr::from_bytes(b"/opt/\xff = --user=0"));
        let all = Orders {
            user: Some(2_100_000_001),
            files: vec!["/usr/lib".into(), odd],
            files_or_nothing: true,
            all_calls: true,
            memory: 1 << 30,
            processor_time: 1200,
        };
        let least = Orders {
            user: None,
            files: Vec::new(),
            files_or_nothing: false,
            all_calls: false,
            memory: 1,
            processor_time: 1,
        };
        for orders in [all, least] {
            let program = ["--", "/usr/bin/python3", "--user=0", "-c", ""].map(OsString::from);
            let arguments = [OsString::from("jail")].into_iter().chain(orders.to_arguments()).chain(program.clone());
            let read = Whole::try_parse_from(arguments).unwrap();
            assert_eq!(read.orders, orders);
            assert_eq!(read.program, program[1..]);
        }
    }
}
