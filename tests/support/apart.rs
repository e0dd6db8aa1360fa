//! A daemon with namespaces of its own, whose mounts and limits are nobody else's.

use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use super::daemon::Daemon;
use super::process::{clean_command, must};
use super::skip::{needs_root, skipped};

/// `command` as the arguments of `wrapper`, with its environment: one that ends by running what it is given.
pub fn wrapped(wrapper: &[&str], command: &Command) -> Command {
    let mut outer = clean_command(wrapper[0]);
    outer.args(&wrapper[1..]).arg(command.get_program()).args(command.get_args());
    outer
}

/// True when this machine lets a test do that; otherwise the skip has been told.
pub fn can_run(name: &str, command: &[&str]) -> bool {
    let output = clean_command(command[0]).args(&command[1..]).output();
    let why = match output {
        Ok(output) if output.status.success() => return true,
        Ok(output) => String::from_utf8_lossy(&output.stderr).lines().next().unwrap_or_default().to_owned(),
        Err(error) => error.to_string(),
    };
    skipped(name, &format!("cannot run {}: {why}", command.join(" ")));
    false
}

pub const OWN_MOUNTS: &[&str] = &["unshare", "-m", "--propagation", "private"];

/// True when there can be a daemon with mounts of its own.
pub fn can_have_own_mounts(name: &str) -> bool {
    let mount = [OWN_MOUNTS, &["mount", "-t", "tmpfs", "none", "/mnt"]].concat();
    needs_root(name) && can_run(name, &mount)
}

impl Daemon {
    /// Runs a shell script where the daemon's mounts are.
    pub fn sh_inside(&self, script: &str) -> Output {
        let id = self.id().to_string();
        must(clean_command("nsenter").args(["-t", &id, "-m", "--", "/bin/sh", "-ec", script]))
    }

    /// Where this process finds what the daemon finds at `path`.
    pub fn seen(&self, path: &Path) -> PathBuf {
        PathBuf::from(format!("/proc/{}/root", self.id())).join(path.strip_prefix("/").expect("absolute"))
    }

    /// Writes a file, and the directories above it, where the daemon's mounts are. Gives where it is seen from here.
    pub fn write_inside(&self, path: &Path, content: impl AsRef<[u8]>) -> PathBuf {
        let seen = self.seen(path);
        fs::create_dir_all(seen.parent().expect("has a parent")).expect("directories can be made");
        fs::write(&seen, content).expect("files can be written");
        seen
    }

    /// The object of `pycwarm status --json`.
    pub fn status(&self) -> serde_json::Value {
        let mut command = clean_command(super::run::binary());
        let output = command.args([OsStr::new("status"), "--json".as_ref(), "--socket".as_ref()]).arg(&self.socket);
        let output = output.output().expect("pycwarm runs");
        let text = String::from_utf8_lossy(&output.stdout);
        serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {output:?}\n{}", self.stderr()))
    }

    /// How often a line of its log has all of these.
    pub fn told(&self, parts: &[&str]) -> usize {
        self.stderr().lines().filter(|line| parts.iter().all(|part| line.contains(part))).count()
    }
}

/// A mounted directory, unmounted with the test, however that ends.
pub struct Mount {
    at: PathBuf,
}

impl Mount {
    /// By a command that mounts, whose last argument is the directory. `None`, and told, where that cannot be done.
    pub fn by(name: &str, command: &[&str], at: &Path) -> Option<Self> {
        fs::create_dir_all(at).expect("own directory");
        let text = at.to_str().expect("a path of this test is UTF-8");
        can_run(name, &[command, &[text]].concat()).then(|| Mount { at: at.to_owned() })
    }

    /// A tmpfs with these options.
    pub fn tmpfs(name: &str, options: &str, at: &Path) -> Option<Self> {
        Mount::by(name, &["mount", "-t", "tmpfs", "-o", &format!("mode=755,{options}"), "none"], at)
    }

    pub fn remount(&self, options: &str) {
        must(clean_command("mount").args(["-o", &format!("remount,{options}")]).arg(&self.at));
    }
}

impl Drop for Mount {
    fn drop(&mut self) {
        let _ = clean_command("umount").arg("-l").arg(&self.at).status();
    }
}
