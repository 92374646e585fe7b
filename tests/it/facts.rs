//! What symbols tell besides the flavour: the stable ABI, functions that want care, locks, writable data, and what names
//! claim. The files are those of `fixtures/binary`.

use std::path::PathBuf;

use ungil::examine::read;
use ungil::import::claims::audits;
use ungil::model::distribution::{AbiClaim, NativeKind, TagClaim};
use ungil::model::facts::{
    Abi, DocumentedLevel, Flavour, HazardConcern, ImageFacts, ImportOrigin, Interpreters,
    LimitedApi, PortingKind, StableAbiAudit, WritableData,
};

fn image(name: &str) -> ImageFacts {
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/binary/built")
        .join(name);
    read("package/sample.abi3.so", &std::fs::read(path).unwrap())
        .unwrap()
        .unwrap()
        .images
        .remove(0)
}

fn limited(name: &str) -> LimitedApi {
    image(name).limited_api.value().unwrap().clone()
}

#[test]
fn imports_are_compared_with_the_stable_abi() {
    // Name, outside, not CPython's, newer than 3.2 (`?`: it loads without), oldest version.
    type Row = (
        &'static str,
        &'static [&'static str],
        &'static [&'static str],
        &'static [&'static str],
        Option<u8>,
    );
    let biased: &[&str] = &["_Py_DecRefShared", "_Py_MergeZeroLocalRefcount"];
    let mutex: &[&str] = &[
        "PyMutex_Lock",
        "_Py_DecRefShared",
        "_Py_MergeZeroLocalRefcount",
    ];
    let added: &[&str] = &[
        "PyABIInfo_Check 15?",
        "PyCriticalSection_Begin 15",
        "PyDict_GetItemRef 13",
        "PyModuleDef_Init 5",
    ];
    let strong = &added[1..];
    let rows: &[Row] = &[
        (
            "elf-x86_64-not-used.so",
            biased,
            &[],
            &["PyModuleDef_Init 5"],
            Some(5),
        ),
        (
            "elf-x86_64-gil.so",
            &["PyUnicode_New"],
            &[],
            &["PyModuleDef_Init 5"],
            Some(5),
        ),
        (
            "elf-x86_64-abi3.so",
            &[],
            &[],
            &["PyModuleDef_Init 5", "_Py_DecRef 10", "_Py_IncRef 10"],
            Some(10),
        ),
        (
            "elf-x86_64-export.so",
            &[],
            &[],
            &["_Py_DecRef 10", "_Py_IncRef 10"],
            Some(10),
        ),
        ("elf-x86_64-plain.so", &[], &[], &[], None),
        // Neither the hook nor `PyOwn_Exported` counts: the file has them itself.
        (
            "elf-x86_64-symbols.so",
            mutex,
            &["PyOwn_Function"],
            added,
            Some(15),
        ),
        (
            "macho-arm64-symbols.so",
            mutex,
            &["PyOwn_Function"],
            added,
            Some(15),
        ),
        ("pe-x86_64-symbols.pyd", mutex, &[], strong, Some(15)),
    ];
    for (name, outside, foreign, added, oldest) in rows {
        let found = limited(name);
        let told = found.added.iter().map(|it| {
            format!(
                "{} {}{}",
                it.symbol,
                it.since,
                if it.optional { "?" } else { "" }
            )
        });
        assert_eq!(found.outside, *outside, "{name}");
        assert_eq!(found.foreign, *foreign, "{name}");
        assert_eq!(told.collect::<Vec<_>>(), *added, "{name}");
        assert_eq!(found.oldest, *oldest, "{name}");
    }
}

#[test]
fn functions_that_want_care_are_listed() {
    for name in [
        "elf-x86_64-symbols.so",
        "macho-arm64-symbols.so",
        "pe-x86_64-symbols.pyd",
    ] {
        let image = image(name);
        let hazards = image.hazards.value().unwrap();
        let found: Vec<_> = hazards
            .iter()
            .map(|it| (it.symbol.as_str(), it.level, it.concern))
            .collect();
        let expected = [
            (
                "PyDict_GetItem",
                Some(DocumentedLevel::Compatible),
                Some(HazardConcern::BorrowedReference),
            ),
            ("PyDict_SetItem", Some(DocumentedLevel::Shared), None),
            ("PyGILState_Ensure", None, Some(HazardConcern::ThreadState)),
            (
                "PyModule_GetDict",
                None,
                Some(HazardConcern::OwnedByArgument),
            ),
            ("PyObject_Malloc", None, Some(HazardConcern::ObjectMemory)),
        ];
        assert_eq!(found, expected, "{name}");
        assert!(
            hazards
                .iter()
                .all(|hazard| hazard.origin == ImportOrigin::Author),
            "{name}"
        );
        let replacement = hazards[0].replacement.clone().unwrap();
        assert_eq!(
            (replacement.name.as_str(), replacement.since),
            ("PyDict_GetItemRef", Some(13)),
            "{name}"
        );
    }
}

#[test]
fn locks_and_strong_references_are_listed() {
    let check = |name: &str, expected: &[PortingKind]| {
        let image = image(name);
        let signs = image.porting.value().unwrap();
        assert_eq!(
            signs.iter().map(|sign| sign.kind).collect::<Vec<_>>(),
            expected,
            "{name}"
        );
        assert!(signs.iter().all(|sign| !sign.symbols.is_empty()), "{name}");
    };
    let python = [PortingKind::CriticalSection, PortingKind::PyMutex];
    let all = [
        &python[..],
        &[PortingKind::Pthread, PortingKind::StrongReference],
    ]
    .concat();
    check("elf-x86_64-symbols.so", &all);
    check("macho-arm64-symbols.so", &all);
    check(
        "pe-x86_64-symbols.pyd",
        &[&python[..], &[PortingKind::StrongReference]].concat(),
    );
    check("elf-x86_64-not-used.so", &[]);
}

#[test]
fn writable_data_is_measured_without_the_loaders_tables() {
    // The definition, the slots, 64 bytes and three pointers; and 4096 bytes of zeros.
    let expected = WritableData {
        initialised: 120 + 64 + 64 + 24,
        zeroed: 4096,
        pointers: 6,
    };
    for name in [
        "elf-x86_64-symbols.so",
        "elf-x86_64-symbols-bare.so",
        "macho-arm64-symbols.so",
    ] {
        let image = image(name);
        assert_eq!(
            image.writable_data.value(),
            Some(&expected),
            "{name}: {:?}",
            image.writable_data.evidence()
        );
        assert!(!image.writable_data.evidence().is_empty(), "{name}");
    }
    // Sections of PE files end on the file's alignment.
    let windows = image("pe-x86_64-symbols.pyd");
    let windows = windows.writable_data.value().unwrap();
    assert_eq!(
        (
            windows.pointers,
            windows.initialised + windows.zeroed >= 272 + 4096
        ),
        (6, true),
        "{windows:?}"
    );
}

#[test]
fn the_slot_about_interpreters_is_read() {
    let check = |name: &str, expected: Option<Interpreters>| {
        let image = image(name);
        let interpreters = image.hooks.value().unwrap()[0].facts.interpreters.clone();
        assert_eq!(interpreters.value(), Some(&expected), "{name}");
        assert!(!interpreters.evidence().is_empty(), "{name}");
    };
    check(
        "elf-x86_64-symbols.so",
        Some(Interpreters::PerInterpreterGil),
    );
    check(
        "pe-x86_64-symbols.pyd",
        Some(Interpreters::PerInterpreterGil),
    );
    check("elf-x86_64-not-used.so", None);
    check("elf-x86_64-single-gil.so", None);
}

/// Which claims are held against the imports, and what is then wrong.
#[test]
fn claims_to_the_stable_abi_are_audited() {
    let stable = |flavour, oldest| {
        AbiClaim::Cpython(Abi {
            flavour,
            versions: (Some(oldest), None),
        })
    };
    let tag = |tag: &str, claim| TagClaim {
        tag: tag.into(),
        claim,
    };
    let abi3 = |minor: u8| tag(&format!("cp3{minor}-abi3"), stable(Flavour::Abi3, minor));
    let version = tag(
        "cp314-cp314t",
        AbiClaim::Cpython(Abi {
            flavour: Flavour::FreeThreaded,
            versions: (Some(14), Some(14)),
        }),
    );
    let words = |audit: &StableAbiAudit| {
        let too_new = audit.too_new.iter().map(|symbol| symbol.symbol.clone());
        format!(
            "{}: {}",
            audit.claim,
            audit
                .outside
                .iter()
                .cloned()
                .chain(too_new)
                .collect::<Vec<_>>()
                .join(" ")
        )
    };
    let check = |name: &str, path: &str, tags: &[TagClaim], expected: &[&str]| {
        let audits = audits(path, &image(name), tags);
        assert_eq!(
            audits.iter().map(words).collect::<Vec<_>>(),
            expected,
            "{name} as {path}"
        );
    };
    let (plain, named) = ("package/sample.so", "package/sample.abi3.so");
    check("elf-x86_64-abi3.so", plain, &[], &[]);
    check("elf-x86_64-abi3.so", named, &[], &[".abi3.so: "]);
    check("elf-x86_64-abi3.so", named, &[abi3(12)], &["cp312-abi3: "]);
    check(
        "elf-x86_64-abi3.so",
        plain,
        &[abi3(9)],
        &["cp39-abi3: _Py_DecRef _Py_IncRef"],
    );
    check(
        "elf-x86_64-abi3.so",
        named,
        &[abi3(9), abi3(10)],
        &["cp39-abi3: _Py_DecRef _Py_IncRef", "cp310-abi3: "],
    );
    let both = [
        tag("cp315-abi3", stable(Flavour::Abi3, 15)),
        tag("cp315-abi3t", stable(Flavour::Abi3t, 15)),
    ];
    check(
        "elf-x86_64-export.so",
        named,
        &both,
        &["cp315-abi3, cp315-abi3t: "],
    );
    check(
        "elf-x86_64-gil.so",
        named,
        &[abi3(9)],
        &["cp39-abi3: PyUnicode_New"],
    );
    // Its name claims one interpreter, so the wheel's tag is not about it.
    check(
        "elf-x86_64-gil.so",
        "package/sample.cpython-314-x86_64-linux-gnu.so",
        &[abi3(9)],
        &[],
    );
    check(
        "elf-x86_64-not-used.so",
        plain,
        std::slice::from_ref(&version),
        &[],
    );
    // A library without a hook is not Python's, whatever it imports.
    check("elf-x86_64-plain.so", named, &[abi3(9)], &[]);
    // What it can do without is not too new.
    check(
        "elf-x86_64-symbols.so",
        named,
        &[abi3(13)],
        &[
            "cp313-abi3: PyMutex_Lock _Py_DecRefShared _Py_MergeZeroLocalRefcount PyCriticalSection_Begin",
        ],
    );
}

#[test]
fn a_wheel_says_what_it_brings_and_claims() {
    let built = |name: &str| {
        std::fs::read(
            PathBuf::from(env!("CARGO_MANIFEST_DIR"))
                .join("fixtures/binary/built")
                .join(name),
        )
    };
    let member = |path: &str, name: &str| (path.to_owned(), built(name).unwrap());
    let members = [
        member(
            "demo/sample.cpython-314t-x86_64-linux-gnu.so",
            "elf-x86_64-not-used.so",
        ),
        member(
            "demo/old/sample.cpython-314-x86_64-linux-gnu.so",
            "elf-x86_64-gil.so",
        ),
        member("demo/plain.so", "elf-x86_64-plain.so"),
        member("demo.libs/libplain-1a2b.so.3", "elf-x86_64-plain.so"),
        ("demo/tool.exe".to_owned(), b"MZ".to_vec()),
        ("demo/x.py".to_owned(), Vec::new()),
    ];
    let tags =
        b"Wheel-Version: 1.0\nGenerator: made (1)\nRoot-Is-Purelib: false\nTag: cp314-cp314t-linux_x86_64\n".to_vec();
    let described = [("demo-1.0.dist-info/WHEEL".to_owned(), tags)];
    let folder = tempfile::tempdir().unwrap();
    let inspect = |members: Vec<(String, Vec<u8>)>| {
        let path = folder
            .path()
            .join("demo-1.0-cp314-cp314t.cp314-linux_x86_64.whl");
        std::fs::write(&path, crate::archive::wheel_of(members)).unwrap();
        let mut inspection =
            ungil::scan::inspect(&[path], &ungil::scan::InspectSettings::default()).unwrap();
        inspection.artifacts.remove(0).distribution.unwrap()
    };
    let facts = inspect(members.iter().cloned().chain(described).collect());
    assert_eq!(facts.free_threading.value(), Some(&None));
    assert_eq!(facts.requires_python.value(), Some(&None));
    assert_eq!(facts.generator.value(), Some(&Some("made (1)".to_owned())));
    let tags = |claims: &[TagClaim]| {
        claims
            .iter()
            .map(|claim| claim.tag.clone())
            .collect::<Vec<_>>()
    };
    assert_eq!(
        tags(facts.name_claims.value().unwrap()),
        ["cp314-cp314t", "cp314-cp314"]
    );
    assert_eq!(tags(facts.wheel_claims.value().unwrap()), ["cp314-cp314t"]);
    let natives = facts.natives.value().unwrap();
    let found: Vec<_> = natives
        .iter()
        .map(|it| {
            (
                it.path.as_str(),
                it.kind,
                it.abis.iter().map(|abi| abi.flavour).collect::<Vec<_>>(),
            )
        })
        .collect();
    let expected = [
        ("demo.libs/libplain-1a2b.so.3", NativeKind::Unread, vec![]),
        (
            "demo/old/sample.cpython-314-x86_64-linux-gnu.so",
            NativeKind::Module,
            vec![Flavour::Gil],
        ),
        ("demo/plain.so", NativeKind::Library, vec![]),
        (
            "demo/sample.cpython-314t-x86_64-linux-gnu.so",
            NativeKind::Module,
            vec![Flavour::FreeThreaded],
        ),
        ("demo/tool.exe", NativeKind::Program, vec![]),
    ];
    assert_eq!(found, expected);
    assert_eq!(facts.release.value(), None, "no index was asked");
    // Without its WHEEL file, what that would say is unknown, and nothing else is.
    let facts = inspect(members.to_vec());
    assert_eq!(
        (facts.wheel_claims.value(), facts.generator.value()),
        (None, None)
    );
    assert!(facts.natives.value().is_some() && facts.free_threading.value().is_some());
}
