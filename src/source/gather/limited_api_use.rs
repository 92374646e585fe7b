//! Where a build asks for the limited API, and what its sources need that this does not have.

use std::collections::BTreeMap;

use crate::model::facts::Generator;
use crate::model::source::{
    LimitedApiUse, LimitedApiUser, ModuleStanding, SourceModule, SourcePlace,
};

use super::super::{SourceReader, is_aside, rust};

/// What the source of a module needs and the limited API of free-threaded builds does not have.
pub(super) fn left_out(
    reader: &SourceReader,
    module: &SourceModule,
) -> Option<(String, SourcePlace)> {
    let is_built = module.generator == Generator::CApi
        && matches!(module.standing, ModuleStanding::Named { .. });
    let path = &module.place.path;
    let (line, what) = reader
        .native
        .get(path)
        .filter(|_| is_built)?
        .left_out
        .clone()?;
    Some((
        what,
        SourcePlace {
            path: path.clone(),
            line,
        },
    ))
}

/// The feature that asks PyO3 for the limited API of builds with the GIL; none where the one of free-threaded builds is asked for too.
pub(super) fn abi3_feature(reader: &SourceReader) -> Option<SourcePlace> {
    let own = || reader.cargos.iter().filter(|(path, _)| !is_aside(path));
    // A feature of the crate stands for others, and `default` is always on.
    let opened = |name: &str| -> Vec<String> {
        let found = own()
            .flat_map(|(_, cargo)| &cargo.own_features)
            .filter(|(own, _)| own == name);
        found
            .flat_map(|(_, inner)| inner.clone())
            .chain([name.to_owned()])
            .collect()
    };
    let mut on: Vec<(String, SourcePlace)> = Vec::new();
    for (path, cargo) in own() {
        let place = |line: u32| SourcePlace {
            path: path.clone(),
            line,
        };
        on.extend(
            cargo
                .features
                .iter()
                .map(|(feature, line)| (feature.clone(), place(*line))),
        );
        let default = cargo
            .own_features
            .iter()
            .filter(|(name, _)| name == "default")
            .flat_map(|(_, inner)| inner);
        on.extend(
            default
                .flat_map(|name| opened(name))
                .map(|feature| (feature, place(1))),
        );
    }
    for (feature, line) in &reader.system.features {
        let place = SourcePlace {
            path: "pyproject.toml".to_owned(),
            line: *line,
        };
        on.extend(
            opened(feature)
                .into_iter()
                .map(|feature| (feature, place.clone())),
        );
    }
    let last = |feature: &str| feature.rsplit('/').next().unwrap_or_default().to_owned();
    let is_of = |name: &str, feature: &str| {
        last(feature) == name || last(feature).starts_with(&format!("{name}-py"))
    };
    let has_both = on.iter().any(|(feature, _)| is_of("abi3t", feature));
    on.into_iter()
        .find(|(feature, _)| !has_both && is_of("abi3", feature))
        .map(|(_, place)| place)
}

/// Uses of the limited API in build files and in files that define modules.
pub(super) fn limited_api(
    reader: &SourceReader,
    modules: &[SourceModule],
    has_rust: bool,
) -> Vec<LimitedApiUse> {
    let mut uses: Vec<LimitedApiUse> = reader
        .scripts
        .iter()
        .flat_map(|script| &script.limited_api)
        .filter(|it| counts(reader, it))
        .cloned()
        .collect();
    let is_told = reader
        .scripts
        .iter()
        .any(|script| script.has_word("_CFFI_NO_LIMITED_API"));
    let of: BTreeMap<&str, Generator> = modules
        .iter()
        .map(|module| (module.place.path.as_str(), module.generator))
        .collect();
    let counts = |path: &str| match of.get(path) {
        Some(Generator::Cffi) => !is_told,
        Some(_) => true,
        None => has_rust && rust::is_build_script(path) && !is_aside(path),
    };
    for (path, native) in reader.native.iter().filter(|(path, _)| counts(path)) {
        uses.extend(
            native
                .limited_api
                .iter()
                .map(|(line, reach)| LimitedApiUse {
                    user: LimitedApiUser::Headers,
                    means: "Py_LIMITED_API".to_owned(),
                    reach: *reach,
                    place: SourcePlace {
                        path: path.clone(),
                        line: *line,
                    },
                }),
        );
    }
    uses
}

/// Options of setuptools count where setuptools builds.
fn counts(reader: &SourceReader, found: &LimitedApiUse) -> bool {
    let backend = reader.system.backend.as_deref().unwrap_or("setuptools");
    let is_of_setuptools = matches!(found.place.path.as_str(), "setup.py" | "setup.cfg");
    let is_own = !reader.system.backend_path.is_empty();
    !is_of_setuptools || backend.contains("setuptools") || is_own
}
