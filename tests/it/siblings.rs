//! Declarations that a function of a library decides: the library is looked for where a loader would find it, and believed
//! only if the function always gives the same number.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

use std::path::{Path, PathBuf};

use crate::fixtures::Fixtures;
use ungil::model::facts::{Fact, GilDeclaration};
use ungil::model::inspection::Inspection;
use ungil::scan::{InspectSettings, inspect};

const NOT_USED: Option<GilDeclaration> = Some(GilDeclaration::Slot { value: 1 });
const USED: Option<GilDeclaration> = Some(GilDeclaration::Slot { value: 0 });

const FIXTURES: Fixtures = Fixtures("siblings");

#[test]
fn fixtures_are_what_the_recipe_built() {
    FIXTURES.check_sums();
}

fn built(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/siblings/built")
        .join(name)
}

/// A folder with these files, each with the fixture that it is a copy of.
fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, fixture) in files {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(built(fixture), path).unwrap();
    }
    folder
}

fn gil(inspection: &Inspection, name: &str) -> Fact<GilDeclaration> {
    let mut files = inspection
        .artifacts
        .iter()
        .flat_map(|artifact| &artifact.files);
    let file = files.find(|file| file.facts.path.ends_with(name)).unwrap();
    file.facts
        .images
        .first()
        .unwrap()
        .hooks
        .value()
        .unwrap()
        .first()
        .unwrap()
        .facts
        .gil
        .clone()
}

fn inspected(path: &Path) -> Inspection {
    inspect(&[path.to_owned()], &InspectSettings::default()).unwrap()
}

/// What is known of a module at `sample/` with this file under the path where its loader looks.
fn check(
    module: &str,
    file: &str,
    library: Option<(&str, &str)>,
    expected: Option<&GilDeclaration>,
) {
    let module_path = format!("sample/{file}");
    let mut files = vec![(module_path.as_str(), module)];
    files.extend(library);
    let folder = folder(&files);
    // In a folder, and as a file by itself.
    for path in [folder.path().to_owned(), folder.path().join(&module_path)] {
        let found = gil(&inspected(&path), file);
        assert_eq!(found.value(), expected, "{module} {library:?}: {found:?}");
    }
}

const MODULE: &str = "sample.cpython-314t-x86_64-linux-gnu.so";
const PLACE: &str = "sample.libs/libanswers.so";

#[test]
fn a_function_that_always_gives_the_same_decides() {
    check(
        "elf-x86_64-asks.so",
        MODULE,
        Some((PLACE, "elf-x86_64-answers-1.so")),
        NOT_USED.as_ref(),
    );
    check(
        "elf-x86_64-asks.so",
        MODULE,
        Some((PLACE, "elf-x86_64-answers-0.so")),
        USED.as_ref(),
    );
    let arm = "sample.cpython-314t-aarch64-linux-gnu.so";
    check(
        "elf-aarch64-asks.so",
        arm,
        Some((PLACE, "elf-aarch64-answers-1.so")),
        NOT_USED.as_ref(),
    );
    let place = "sample.dylibs/libanswers.dylib";
    let macos = "sample.cpython-314t-darwin.so";
    check(
        "macho-arm64-asks.so",
        macos,
        Some((place, "macho-arm64-answers-1.dylib")),
        NOT_USED.as_ref(),
    );
}

#[test]
fn what_may_be_otherwise_decides_nothing() {
    for library in [
        // What the program may change, or what another library gives.
        Some((PLACE, "elf-x86_64-answers-variable.so")),
        Some((PLACE, "elf-x86_64-answers-imported.so")),
        // It has no such function, is for another processor, or is not where the loader looks.
        Some((PLACE, "elf-x86_64-asks.so")),
        Some((PLACE, "elf-aarch64-answers-1.so")),
        Some(("elsewhere/libanswers.so", "elf-x86_64-answers-1.so")),
        None,
    ] {
        check("elf-x86_64-asks.so", MODULE, library, None);
    }
    // It names no folder: the library of this name that the system has is the one that counts.
    check(
        "elf-x86_64-asks-nowhere.so",
        MODULE,
        Some((PLACE, "elf-x86_64-answers-1.so")),
        None,
    );
    check(
        "elf-x86_64-asks-nowhere.so",
        MODULE,
        Some(("sample/libanswers.so", "elf-x86_64-answers-1.so")),
        None,
    );
}

#[test]
fn the_explanation_names_the_library() {
    let folder = folder(&[
        ("sample/sample.so", "elf-x86_64-asks.so"),
        (PLACE, "elf-x86_64-answers-1.so"),
    ]);
    let settings = InspectSettings {
        explain: ungil::scan::ExplainMode::Paths,
        ..InspectSettings::default()
    };
    let inspection = inspect(&[folder.path().to_owned()], &settings).unwrap();
    let files = &inspection.artifacts.first().unwrap().files;
    let steps = files
        .iter()
        .flat_map(|file| &file.explanations)
        .flat_map(|explanation| &explanation.steps);
    let told = steps
        .filter(|step| step.what == "the library beside it always returns")
        .collect::<Vec<_>>();
    assert_eq!(told.len(), 1);
    assert_eq!(
        (told[0].symbol.as_deref(), told[0].value.as_deref()),
        (Some("sample_is_thread_safe"), Some("1"))
    );
}

#[test]
fn own_functions_are_called_like_any_other() {
    let declared = GilDeclaration::SetGil { value: 1 };
    check("elf-x86_64-calls-itself.so", MODULE, None, Some(&declared));
    check(
        "elf-aarch64-calls-itself.so",
        "sample.cpython-314t-aarch64-linux-gnu.so",
        None,
        Some(&declared),
    );
}

#[test]
fn one_place_that_is_met_twice_settles_nothing() {
    check("elf-x86_64-declares-twice.so", MODULE, None, None);
    check(
        "elf-aarch64-declares-twice.so",
        "sample.cpython-314t-aarch64-linux-gnu.so",
        None,
        None,
    );
}

#[test]
fn a_name_of_the_c_library_is_bound_to_the_c_library() {
    check("elf-x86_64-own-getpid.so", MODULE, None, None);
    check(
        "elf-x86_64-own-getpid-symbolic.so",
        MODULE,
        None,
        NOT_USED.as_ref(),
    );
}
