//! The kinds of things that are installed, or lie ready to be: their words, and how they are told.

use std::path::Path;

use crate::archive::blobs;
use crate::archive::candidates::Candidate;

use super::layout;

/// What a path holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// A virtual environment.
    Venv,
    /// A conda prefix.
    Conda,
    /// A folder in which modules are looked for.
    SitePackages,
    /// One compiled module.
    Module,
    /// Container images.
    Image,
    /// Wheels, which nobody has installed yet.
    Wheels,
}

/// Every kind.
pub const KINDS: &[Kind] = &[Kind::Venv, Kind::Conda, Kind::SitePackages, Kind::Module, Kind::Image, Kind::Wheels];

/// Files that make a folder a project, whatever else lies in it.
const PROJECT: [&str; 3] = ["pyproject.toml", "setup.py", "setup.cfg"];

impl Kind {
    /// One word for the kind, as `--from` takes it.
    pub fn word(self) -> &'static str {
        match self {
            Kind::Venv => "venv",
            Kind::Conda => "conda",
            Kind::SitePackages => "site-packages",
            Kind::Module => "module",
            Kind::Image => "image",
            Kind::Wheels => "wheels",
        }
    }

    /// The kind in the words of users, with what it is told by.
    pub fn description(self) -> &'static str {
        match self {
            Kind::Venv => "a virtual environment (folder with pyvenv.cfg)",
            Kind::Conda => "a conda environment (folder with conda-meta)",
            Kind::SitePackages => "a folder of installed packages (site-packages, dist-packages, pip's --target)",
            Kind::Module => "a compiled module (.so, .pyd)",
            Kind::Image => "a container image (OCI layout; tar file of `docker save`)",
            Kind::Wheels => "a folder of wheels",
        }
    }
}

/// What kind of thing is at a path, if it is one of these: told by what is there, not by how it is called.
pub fn claim(path: &Path) -> Option<Kind> {
    if path.is_file() {
        let is_module = path.file_name().is_some_and(|name| Candidate::of(&name.to_string_lossy()).is_some());
        return if is_module { Some(Kind::Module) } else { blobs::claims(path).then_some(Kind::Image) };
    }
    let entries = std::fs::read_dir(path).ok()?;
    let names: Vec<String> =
        entries.filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned())).collect();
    let is_project = || names.iter().any(|name| PROJECT.contains(&name.as_str()));
    let has_wheel = || names.iter().any(|name| name.ends_with(".whl"));
    match layout::claim(path, &names) {
        Some(kind) => Some(kind),
        None if blobs::claims(path) => Some(Kind::Image),
        None => (!is_project() && has_wheel()).then_some(Kind::Wheels),
    }
}
