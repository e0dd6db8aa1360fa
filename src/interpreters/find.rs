//! Which programs to try for a choice, in order.

use std::path::{Path, PathBuf};

use super::choice::Choice;
use super::pyvenv::{self, Pyvenv};
use crate::root::plain;

/// Where the programs that fit what is known of a directory may be, best first. `path` is the service's PATH.
#[must_use]
pub fn places(choice: &Choice, path: &[PathBuf]) -> Vec<PathBuf> {
    let home = choice.venv.as_ref().and_then(|venv| venv.home.clone());
    let mut wanted = Vec::new();
    if let Some(version) = &choice.version {
        wanted.extend(home.iter().map(|home| home.join(&version.program)));
        wanted.push(version.prefix.join("bin").join(&version.program));
        wanted.extend(path.iter().map(|directory| directory.join(&version.program)));
    } else if let Some(venv) = &choice.venv {
        wanted.extend(base_programs(venv));
        let named = venv.version.as_ref().map(|version| format!("python{version}"));
        wanted.extend(path.iter().flat_map(|directory| named.iter().map(|name| directory.join(name))));
    }
    wanted
}

/// Where a program of this name is on PATH.
#[must_use]
pub fn on_path(name: &Path, path: &[PathBuf]) -> Option<PathBuf> {
    path.iter().map(|directory| directory.join(name)).find(|program| plain::is_program(program))
}

/// The program to use in place of one that lies in a virtual environment, which gives the version but
/// never the binary; the program itself where it lies in none. `None` where the environment names no
/// base interpreter that exists.
#[must_use]
pub fn outside_of_venv(program: &Path) -> Option<PathBuf> {
    let config = program.parent().and_then(Path::parent).map(|top| top.join(pyvenv::FILE));
    let Some(Ok(bytes)) = config.map(|config| plain::read_start(&config, pyvenv::LARGEST as u64)) else {
        return Some(program.to_owned());
    };
    base_programs(&pyvenv::parse(&bytes)).find(|base| plain::is_program(base))
}

fn base_programs(venv: &Pyvenv) -> impl Iterator<Item = PathBuf> + use<> {
    let versioned = venv.version.iter().flat_map(|version| [format!("python{version}"), format!("pypy{version}")]);
    let names: Vec<String> = versioned.chain(["python3", "pypy3", "python"].map(str::to_owned)).collect();
    let home = venv.home.clone();
    home.into_iter().flat_map(move |home| names.clone().into_iter().map(move |name| home.join(name)))
}
