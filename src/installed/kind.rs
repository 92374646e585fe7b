//! The kinds of things that are installed, or lie ready to be: their words, and how they are told.

use std::path::Path;

use crate::archive::blobs;
use crate::archive::candidates::ModuleCandidate;

use super::layout;

/// What a path holds.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PathKind {
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
pub const KINDS: &[PathKind] = &[
    PathKind::Venv,
    PathKind::Conda,
    PathKind::SitePackages,
    PathKind::Module,
    PathKind::Image,
    PathKind::Wheels,
];

/// Files that make a folder a project, whatever else lies in it.
const PROJECT: [&str; 3] = ["pyproject.toml", "setup.py", "setup.cfg"];

impl PathKind {
    /// One word for the kind, as `--from` takes it.
    pub fn word(self) -> &'static str {
        match self {
            PathKind::Venv => "venv",
            PathKind::Conda => "conda",
            PathKind::SitePackages => "site-packages",
            PathKind::Module => "module",
            PathKind::Image => "image",
            PathKind::Wheels => "wheels",
        }
    }

    /// The kind in the words of users, with what it is told by.
    pub fn description(self) -> &'static str {
        match self {
            PathKind::Venv => "a virtual environment (folder with pyvenv.cfg)",
            PathKind::Conda => "a conda environment (folder with conda-meta)",
            PathKind::SitePackages => {
                "a folder of installed packages (site-packages, dist-packages, pip's --target)"
            }
            PathKind::Module => "a compiled module (.so, .pyd)",
            PathKind::Image => "a container image (OCI layout; tar file of `docker save`)",
            PathKind::Wheels => "a folder of wheels",
        }
    }
}

/// What kind of thing is at a path, if it is one of these: told by what is there, not by how it is called.
pub fn claim(path: &Path) -> Option<PathKind> {
    if path.is_file() {
        let is_module = path
            .file_name()
            .is_some_and(|name| ModuleCandidate::of(&name.to_string_lossy()).is_some());
        return if is_module {
            Some(PathKind::Module)
        } else {
            blobs::claims(path).then_some(PathKind::Image)
        };
    }
    let entries = std::fs::read_dir(path).ok()?;
    let names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.file_name().to_string_lossy().into_owned()))
        .collect();
    let is_project = || names.iter().any(|name| PROJECT.contains(&name.as_str()));
    let has_wheel = || names.iter().any(|name| name.ends_with(".whl"));
    match layout::claim(path, &names) {
        Some(kind) => Some(kind),
        None if blobs::claims(path) => Some(PathKind::Image),
        None => (!is_project() && has_wheel()).then_some(PathKind::Wheels),
    }
}
