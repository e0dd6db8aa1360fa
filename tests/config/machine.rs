//! A machine to configure: a folder that stands for `/`.

use std::fs;
use std::path::{Path, PathBuf};

use pycwarm::config::{self, ConfigError, Merged, Overrides, Settings};

/// The vendor's file.
pub const VENDOR: &str = "usr/lib/pycwarm/pycwarm.toml";
/// The administrator's file.
pub const ADMIN: &str = "etc/pycwarm/pycwarm.toml";

pub struct Machine(tempfile::TempDir);

impl Machine {
    pub fn new(files: &[(&str, &str)]) -> Self {
        let machine = Self(tempfile::tempdir().unwrap());
        for (path, text) in files {
            machine.write(path, text.as_bytes());
        }
        machine
    }

    /// With the administrator's file alone.
    pub fn with(text: &str) -> Self {
        Self::new(&[(ADMIN, text)])
    }

    pub fn path(&self, path: &str) -> PathBuf {
        self.0.path().join(path)
    }

    /// The path, its folder made.
    pub fn parent(&self, path: &str) -> PathBuf {
        let path = self.path(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        path
    }

    pub fn write(&self, path: &str, bytes: &[u8]) {
        fs::write(self.parent(path), bytes).unwrap();
    }

    pub fn load(&self, explicit: Option<&Path>) -> Result<Merged, ConfigError> {
        config::load(self.0.path(), explicit)
    }

    pub fn merged(&self) -> Merged {
        self.load(None).unwrap()
    }

    pub fn settings(&self) -> Settings {
        self.merged().settings(&Overrides::default()).unwrap()
    }

    /// The text of the error, with the folder that stands for `/` cut off.
    pub fn error(&self) -> String {
        let settings = self.load(None).and_then(|merged| merged.settings(&Overrides::default()));
        self.cut(&settings.unwrap_err().to_string())
    }

    pub fn cut(&self, text: &str) -> String {
        text.replace(self.0.path().to_str().unwrap(), "")
    }
}
