//! From a path to the environment that is there: which folders hold its modules, and what they say of its Python.

use std::path::{Path, PathBuf};

use crate::archive::limits::ArchiveLimits;
use crate::lexical::normalised;
use crate::model::problem::Problem;

use super::python::{StatedPython, minor_of, of_folder};
use super::tree::FileTree;
use super::{InstalledEnvironment, PathKind, conda, listing};

/// Names of the folders in which installers put modules; the second is Debian's.
pub(super) const SITES: [&str; 2] = ["site-packages", "dist-packages"];
/// What environments are told by, in words.
pub(super) const LOOKED_FOR: &str = "pyvenv.cfg, conda-meta, and folders named site-packages or dist-packages, or with a .dist-info in them";
/// Longest `pyvenv.cfg` that is read, in bytes.
const LONGEST_CONFIG: u64 = 64 * 1024;

/// What kind of environment a folder is, going by the names in it.
pub(super) fn claim(path: &Path, names: &[String]) -> Option<PathKind> {
    let has = |name: &str| names.iter().any(|known| known == name);
    let is_site = || {
        path.file_name()
            .is_some_and(|name| SITES.iter().any(|site| name == *site))
    };
    if has("pyvenv.cfg") {
        Some(PathKind::Venv)
    } else if has(conda::FOLDER) {
        Some(PathKind::Conda)
    } else if is_site() || names.iter().any(|name| name.ends_with(".dist-info")) {
        Some(PathKind::SitePackages)
    } else {
        None
    }
}

/// A folder with a `pyvenv.cfg`, whoever made it.
///
/// <https://docs.python.org/3/library/venv.html>
pub(super) fn virtual_environment(
    tree: &FileTree,
    prefix: &Path,
    shown: &str,
) -> InstalledEnvironment {
    let config = VenvConfig::read(tree, prefix);
    let mut told = StatedPython {
        minor: config.minor(),
        ..StatedPython::default()
    };
    let sites = sites_below(tree, prefix, &mut told);
    if told.python.is_none()
        && let Some(minor) = told.minor.filter(|_| config.is_free_threaded())
    {
        told.python = format!("3.{minor}t").parse().ok();
    }
    let mut problems = Vec::new();
    if config
        .value("include-system-site-packages")
        .is_some_and(|value| value.eq_ignore_ascii_case("true"))
    {
        let message = "also takes packages from the Python that it was made with, which were not looked at \
                       (include-system-site-packages); --interpreter with its Python looks at them too";
        problems.push(listing::problem(
            &prefix.join("pyvenv.cfg"),
            message.to_owned(),
        ));
    }
    problems.extend(no_sites(prefix, &sites));
    InstalledEnvironment {
        sites,
        told,
        problems,
        ..InstalledEnvironment::empty(shown, tree.clone())
    }
}

/// A folder with a `conda-meta`.
pub(super) fn conda_prefix(
    tree: &FileTree,
    prefix: &Path,
    shown: &str,
    limits: &ArchiveLimits,
) -> InstalledEnvironment {
    let mut told = StatedPython::default();
    let sites = sites_below(tree, prefix, &mut told);
    let recorded = conda::told(tree, prefix, limits);
    // A prefix may keep folders of a Python that it had before.
    told = StatedPython {
        python: recorded.python.or(told.python),
        ..recorded
    };
    // One without Python is no environment of it, and not the worse for it.
    let problems = if told.minor.is_some() {
        no_sites(prefix, &sites)
    } else {
        Vec::new()
    };
    let conda = Some(prefix.to_path_buf());
    InstalledEnvironment {
        sites,
        told,
        conda,
        problems,
        ..InstalledEnvironment::empty(shown, tree.clone())
    }
}

fn no_sites(prefix: &Path, sites: &[PathBuf]) -> Vec<Problem> {
    let message = || "no site-packages in lib/python3.*, lib64/python3.* or Lib".to_owned();
    sites
        .is_empty()
        .then(|| listing::problem(prefix, message()))
        .into_iter()
        .collect()
}

/// The folders of a prefix that hold modules: `lib/python3.14t/site-packages`, and `Lib/site-packages` of Windows.
pub(super) fn sites_below(tree: &FileTree, prefix: &Path, told: &mut StatedPython) -> Vec<PathBuf> {
    let mut sites = Vec::new();
    for library in ["lib", "lib64"] {
        let library = prefix.join(library);
        // No such folder is no reason to worry: there is one of these, seldom both.
        for name in tree.names(&library).unwrap_or_default() {
            let Some(python) = of_folder(&name) else {
                continue;
            };
            let folder = library.join(&name);
            for site in SITES
                .iter()
                .map(|site| folder.join(site))
                .filter(|site| tree.has_folder(site))
            {
                told.python = Some(python);
                add(tree, &mut sites, &site);
            }
        }
    }
    let windows = prefix.join("Lib").join("site-packages");
    if tree.has_folder(&windows) {
        add(tree, &mut sites, &windows);
    }
    sites
}

/// Adds a folder unless it is there already under another name, as `lib64` often is.
pub(super) fn add(tree: &FileTree, sites: &mut Vec<PathBuf>, site: &Path) {
    if let Ok(real) = tree.real(site)
        && !sites.contains(&real)
    {
        sites.push(real);
    }
}

/// A folder that holds modules itself, or one module: the folders above may tell the Python.
pub(super) fn site(tree: &FileTree, path: &Path, shown: &str) -> InstalledEnvironment {
    let mut told = StatedPython::default();
    for above in path.ancestors().skip(1).take(4) {
        let name = above
            .file_name()
            .map(|name| name.to_string_lossy().into_owned())
            .unwrap_or_default();
        told.python = told.python.or_else(|| of_folder(&name));
        if tree.has_file(&above.join("pyvenv.cfg")) {
            let config = VenvConfig::read(tree, above);
            told.minor = config.minor();
            break;
        }
    }
    InstalledEnvironment {
        sites: vec![normalised(path)],
        told,
        ..InstalledEnvironment::empty(shown, tree.clone())
    }
}

/// `pyvenv.cfg`: lines of `key = value`.
struct VenvConfig {
    text: String,
}

impl VenvConfig {
    /// One that cannot be read says nothing.
    fn read(tree: &FileTree, prefix: &Path) -> VenvConfig {
        let bytes = tree
            .read(&prefix.join("pyvenv.cfg"), LONGEST_CONFIG)
            .unwrap_or_default();
        VenvConfig {
            text: String::from_utf8_lossy(&bytes).into_owned(),
        }
    }

    fn value(&self, key: &str) -> Option<&str> {
        self.text.lines().find_map(|line| {
            let (found, value) = line.split_once('=')?;
            found.trim().eq_ignore_ascii_case(key).then(|| value.trim())
        })
    }

    /// `venv` writes `version`, `virtualenv` and `uv` write `version_info`.
    fn minor(&self) -> Option<u8> {
        ["version", "version_info"]
            .into_iter()
            .find_map(|key| self.value(key))
            .and_then(minor_of)
    }

    /// Whether the interpreter that it was made with is called `python3.14t`.
    fn is_free_threaded(&self) -> bool {
        let executable = self
            .value("executable")
            .or_else(|| self.value("base-executable"))
            .unwrap_or_default();
        let name = executable
            .rsplit(['/', '\\'])
            .next()
            .unwrap_or_default()
            .to_ascii_lowercase();
        of_folder(name.strip_suffix(".exe").unwrap_or(&name))
            .is_some_and(|python| python.free_threaded)
    }
}
