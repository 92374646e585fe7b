//! Hooks that hand over to a function of another library: looked for beside the file, followed there, or not known.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

use std::path::PathBuf;

use ungil::model::facts::{Fact, Flavour, GilDeclaration, Hook, InitKind};
use ungil::model::inspection::Inspection;
use ungil::scan::{InspectSettings, inspect};

const MODULE: &str = "sample.cpython-314t-x86_64-linux-gnu.so";
const LIBRARY: &str = "elf-x86_64-maker.so";

/// Looks into a folder with the module and these further files, each with the fixture that it is a copy of.
fn inspected(files: &[(&str, &str)]) -> Inspection {
    let folder = tempfile::tempdir().unwrap();
    let built = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/binary/built");
    for (path, fixture) in [&[(MODULE, "elf-x86_64-hands-over.so")], files].concat() {
        let path = folder.path().join(path);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::copy(built.join(fixture), path).unwrap();
    }
    inspect(&[folder.path().to_owned()], &InspectSettings::default()).unwrap()
}

fn hook(inspection: &Inspection) -> &Hook {
    let mut files = inspection
        .artifacts
        .iter()
        .flat_map(|artifact| &artifact.files);
    let file = files.find(|file| file.facts.path == MODULE).unwrap();
    file.facts
        .images
        .first()
        .unwrap()
        .hooks
        .value()
        .unwrap()
        .first()
        .unwrap()
}

#[test]
fn the_function_is_followed_in_the_library_beside_it() {
    let inspection = inspected(&[("lib/elf-x86_64-maker.so", LIBRARY)]);
    let hook = hook(&inspection);
    assert_eq!(
        hook.facts.gil.value(),
        Some(&GilDeclaration::SetGil { value: 1 }),
        "{:?}",
        hook.facts.gil
    );
    assert_eq!(hook.facts.init.value(), Some(&InitKind::SinglePhase));
    let first = hook.facts.gil.evidence().first().unwrap();
    assert_eq!(
        first.what,
        "the hook hands over to a function of lib/elf-x86_64-maker.so"
    );
    assert_eq!(first.symbol.as_deref(), Some("make_sample"));
    let files = &inspection.artifacts.first().unwrap().files;
    let abi = &files
        .iter()
        .find(|file| file.facts.path == MODULE)
        .unwrap()
        .facts
        .images
        .first()
        .unwrap()
        .abi;
    assert_eq!(
        abi.value().map(|abi| abi.flavour),
        Some(Flavour::FreeThreaded),
        "the library's, for lack of its own"
    );
}

#[test]
fn without_the_library_nothing_is_known() {
    for files in [
        &[][..],
        &[("lib/another.so", LIBRARY)],
        // Which of the two a loader takes is not known.
        &[
            ("a/elf-x86_64-maker.so", LIBRARY),
            ("b/elf-x86_64-maker.so", LIBRARY),
        ],
        // It lacks the function.
        &[("lib/elf-x86_64-maker.so", "elf-x86_64-plain.so")],
    ] {
        let inspection = inspected(files);
        let Fact::Unknown { why, .. } = &hook(&inspection).facts.gil else {
            panic!("{files:?} is known")
        };
        assert_eq!(
            why, "it is made by make_sample of elf-x86_64-maker.so, which was not found beside it",
            "{files:?}"
        );
    }
}
