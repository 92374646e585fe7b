//! Build backends: those whose wheels without compiled code are known to have none, and those that a project brings along.
//!
//! Any other backend is a program: it may fetch what it packs, or refuse.

use crate::model::source::SourceStop;

use super::manifest::BuildSystem;
use super::script::BuildScript;

/// Modules of backends that compile what the sources name, and nothing else.
const KNOWN: [&str; 18] = [
    "setuptools.build_meta",
    "flit_core.buildapi",
    "flit.buildapi",
    "hatchling.build",
    "poetry.core.masonry.api",
    "poetry.masonry.api",
    "poetry_dynamic_versioning.backend",
    "pdm.backend",
    "pdm.pep517.api",
    "uv_build",
    "maturin",
    "mesonpy",
    "scikit_build_core.build",
    "scikit_build_core.setuptools.build_meta",
    "pbr.build",
    "whey",
    "jupyter_packaging.build_api",
    "setuptools_rust",
];

/// The script of a backend that the project brings along.
pub(super) fn own<'a>(system: &BuildSystem, scripts: &'a [BuildScript]) -> Option<&'a BuildScript> {
    let module = system
        .backend
        .as_deref()?
        .split(':')
        .next()?
        .replace('.', "/");
    let folders = system
        .backend_path
        .iter()
        .map(|folder| folder.trim_start_matches("./").trim_end_matches(['/', '.']));
    let paths = folders.flat_map(|folder| {
        let start = if folder.is_empty() {
            module.clone()
        } else {
            format!("{folder}/{module}")
        };
        [format!("{start}.py"), format!("{start}/__init__.py")]
    });
    let paths: Vec<String> = paths.collect();
    scripts.iter().find(|script| paths.contains(&script.path))
}

/// Why nobody knows what the backend does; `has_modules` when sources of compiled modules were found.
pub(super) fn doubt(
    system: &BuildSystem,
    scripts: &[BuildScript],
    has_modules: bool,
) -> Option<String> {
    let backend = system.backend.as_deref()?;
    if !system.backend_path.is_empty() {
        return match own(system, scripts) {
            Some(script) if leads_on(script, has_modules) => None,
            Some(script) => Some(format!(
                "{} is a build backend of the project's own",
                script.path
            )),
            None => Some(format!("the build backend {backend} is the project's own")),
        };
    }
    let module = backend.split(':').next().unwrap_or(backend);
    (!has_modules && !KNOWN.contains(&module))
        .then(|| format!("what the build backend {backend} does is not known"))
}

/// Whether a backend hands its work to one that is known. Where nothing is found that it would compile, it must not have a
/// hook or command of its own.
fn leads_on(script: &BuildScript, has_modules: bool) -> bool {
    let code = script.code.replace(' ', "");
    let leads = KNOWN.iter().any(|known| code.contains(known))
        || code.contains("fromsetuptoolsimportbuild_meta");
    leads
        && (has_modules
            || !["build_wheel", "build_ext", "ext_modules"]
                .iter()
                .any(|word| script.has_word(word)))
}

/// Where the backend ends every build: in `setup.py`, which setuptools runs, or in a backend of the project's own.
pub(super) fn stops(system: &BuildSystem, scripts: &[BuildScript]) -> Vec<SourceStop> {
    let of_backend = own(system, scripts)
        .into_iter()
        .flat_map(|script| script.stops.iter().chain(&script.hook_stops));
    let has_setup = system
        .backend
        .as_deref()
        .is_none_or(|backend| backend.contains("setuptools"))
        || own(system, scripts).is_some_and(|script| script.says("setuptools"));
    let setup = scripts
        .iter()
        .filter(|script| has_setup && script.path == "setup.py")
        .flat_map(|script| &script.stops);
    of_backend.chain(setup).cloned().collect()
}

/// The script that says that the wheel is for one platform, or has modules of its own.
pub(super) fn for_one_platform(scripts: &[BuildScript]) -> Option<&BuildScript> {
    let words = [
        "has_ext_modules",
        "root_is_pure",
        "pure_python",
        "infer_tag",
    ];
    scripts
        .iter()
        .find(|script| words.iter().any(|word| script.has_word(word)))
}
