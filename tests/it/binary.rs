//! Facts of compiled files: every container format, architecture and kind of module, built from the small sources in
//! `fixtures/binary`.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "a test that cannot go on should stop where it is"
)]

use ungil::binary::image::{ImageError, ImportKind, images};
use ungil::evaluator::EvaluationLimits;
use ungil::examine::{BinaryError, SiblingLibraries, read};
use ungil::model::facts::Flavour::{Abi3, Abi3t, FreeThreaded, Gil};
use ungil::model::facts::Refcounts::{Calls, InlineBiased, InlineNonAtomic, NoneSeen};
use ungil::model::facts::{
    AbiInfo, Fact, Flavour, Generator, GilDeclaration, HookKind, ImageFacts, InitKind, ModuleFacts,
    Refcounts,
};

use crate::fixtures::Fixtures;

const BIG_ENDIAN: &str = "code for s390x is not followed";

const FIXTURES: Fixtures = Fixtures("binary");

fn facts(name: &str) -> ModuleFacts {
    read("package/sample.so", &FIXTURES.built(name))
        .unwrap()
        .unwrap()
}

#[test]
fn fixtures_are_what_the_recipe_built() {
    FIXTURES.check_sums();
}

/// What one image must say.
struct Expected {
    architecture: &'static str,
    flavour: Option<Flavour>,
    versions: (Option<u8>, Option<u8>),
    refcounts: Refcounts,
    hooks: &'static [ExpectedHook],
}

struct ExpectedHook {
    symbol: &'static str,
    init: Option<InitKind>,
    /// The declaration, or words of the reason why it is not known.
    gil: Result<GilDeclaration, &'static str>,
    slots: Option<&'static [u32]>,
}

const fn hook(
    init: Option<InitKind>,
    gil: Result<GilDeclaration, &'static str>,
    slots: Option<&'static [u32]>,
) -> ExpectedHook {
    ExpectedHook {
        symbol: "PyInit_sample",
        init,
        gil,
        slots,
    }
}

const fn slot(value: u64) -> Result<GilDeclaration, &'static str> {
    Ok(GilDeclaration::Slot { value })
}

const MULTI: Option<InitKind> = Some(InitKind::MultiPhase);
const SINGLE: Option<InitKind> = Some(InitKind::SinglePhase);
const NOT_USED: &[ExpectedHook] = &[hook(MULTI, slot(1), Some(&[2, 4]))];
const USED: &[ExpectedHook] = &[hook(MULTI, slot(0), Some(&[2, 4]))];
const VALUE_2: &[ExpectedHook] = &[hook(MULTI, slot(2), Some(&[2, 4]))];
const SYMBOLS: &[ExpectedHook] = &[hook(MULTI, slot(1), Some(&[2, 3, 4]))];
const ABSENT: &[ExpectedHook] = &[hook(MULTI, Ok(GilDeclaration::Absent), Some(&[2]))];
const SINGLE_ABSENT: &[ExpectedHook] = &[hook(SINGLE, Ok(GilDeclaration::Absent), Some(&[]))];
const SINGLE_SET: &[ExpectedHook] = &[hook(
    SINGLE,
    Ok(GilDeclaration::SetGil { value: 1 }),
    Some(&[]),
)];
const SINGLE_SET_USED: &[ExpectedHook] = &[hook(
    SINGLE,
    Ok(GilDeclaration::SetGil { value: 0 }),
    Some(&[]),
)];
const MAKES: &[u32] = &[1, 4];
const NO_MODULE: &[ExpectedHook] = &[hook(MULTI, Ok(GilDeclaration::NotAModule), Some(MAKES))];
const A_MODULE: &[ExpectedHook] = &[hook(MULTI, slot(1), Some(MAKES))];
const A_RESULT: &[ExpectedHook] = &[hook(
    MULTI,
    Err("gives the result of PyObject_CallNoArgs, perhaps not a module"),
    Some(MAKES),
)];
const EITHER: &[ExpectedHook] = &[hook(
    MULTI,
    Err("paths give both a module and something else"),
    Some(MAKES),
)];
const fn export(slots: &'static [u32]) -> ExpectedHook {
    ExpectedHook {
        symbol: "PyModExport_sample",
        init: Some(InitKind::Export),
        gil: slot(1),
        slots: Some(slots),
    }
}

const EXPORT: &[ExpectedHook] = &[export(&[100, 85, 109, 87])];
const NESTED: &[ExpectedHook] = &[
    hook(MULTI, slot(1), Some(&[92, 85, 109, 87])),
    export(&[85, 109, 87]),
];
const NOT_READ: &[ExpectedHook] = &[hook(None, Err(BIG_ENDIAN), None)];
const HANDS_OVER: &[ExpectedHook] = &[hook(None, Err("it is made by make_sample of "), None)];
const NON_ASCII: &[ExpectedHook] = &[ExpectedHook {
    symbol: "PyInitU_lanmt_2sa6t",
    init: MULTI,
    gil: slot(1),
    slots: Some(&[2, 4]),
}];

const BACKEND: &[ExpectedHook] = &[ExpectedHook {
    symbol: "PyInit__cffi_backend",
    init: MULTI,
    gil: slot(1),
    slots: Some(&[2, 4]),
}];
const BACKEND_ABSENT: &[ExpectedHook] = &[ExpectedHook {
    symbol: "PyInit__cffi_backend",
    init: MULTI,
    gil: Ok(GilDeclaration::Absent),
    slots: Some(&[2]),
}];

const FROM_14: (Option<u8>, Option<u8>) = (Some(14), None);
const FROM_13_TO_14: (Option<u8>, Option<u8>) = (Some(13), Some(14));
const ONLY_14: (Option<u8>, Option<u8>) = (Some(14), Some(14));
const OPEN: (Option<u8>, Option<u8>) = (None, None);

const fn free_threaded(
    architecture: &'static str,
    versions: (Option<u8>, Option<u8>),
    hooks: &'static [ExpectedHook],
) -> Expected {
    Expected {
        architecture,
        flavour: Some(FreeThreaded),
        versions,
        refcounts: InlineBiased,
        hooks,
    }
}

/// Flavour and counting of a build for x86-64 that is not free-threaded.
const fn other(
    flavour: Option<Flavour>,
    versions: (Option<u8>, Option<u8>),
    refcounts: Refcounts,
    hooks: &'static [ExpectedHook],
) -> Expected {
    Expected {
        architecture: "x86_64",
        flavour,
        versions,
        refcounts,
        hooks,
    }
}

fn expectations() -> Vec<(&'static str, Vec<Expected>)> {
    let delegated: &[ExpectedHook] = Box::leak(Box::new([hook(
        SINGLE,
        Ok(GilDeclaration::Delegated {
            to: "_cffi_backend".to_owned(),
        }),
        Some(&[]),
    )]));
    let from_13 = (Some(13), None);
    vec![
        (
            "elf-x86_64-not-used.so",
            vec![free_threaded("x86_64", FROM_14, NOT_USED)],
        ),
        (
            "elf-x86_64-used.so",
            vec![free_threaded("x86_64", FROM_13_TO_14, USED)],
        ),
        (
            "elf-x86_64-absent.so",
            vec![free_threaded("x86_64", FROM_14, ABSENT)],
        ),
        (
            "elf-x86_64-room.so",
            vec![free_threaded("x86_64", FROM_14, ABSENT)],
        ),
        (
            "elf-x86_64-value-2.so",
            vec![free_threaded("x86_64", FROM_13_TO_14, VALUE_2)],
        ),
        (
            "elf-x86_64-non-ascii.so",
            vec![free_threaded("x86_64", FROM_14, NON_ASCII)],
        ),
        (
            "elf-x86_64-relr.so",
            vec![free_threaded("x86_64", FROM_14, NOT_USED)],
        ),
        (
            "elf-x86_64-no-sections.so",
            vec![free_threaded("x86_64", FROM_14, NOT_USED)],
        ),
        (
            "elf-x86_64-nested.so",
            vec![free_threaded("x86_64", (Some(15), Some(15)), NESTED)],
        ),
        (
            "elf-x86_64-gil.so",
            vec![other(Some(Gil), FROM_14, InlineNonAtomic, ABSENT)],
        ),
        (
            "elf-x86_64-abi3.so",
            vec![other(Some(Abi3), (Some(10), None), Calls, ABSENT)],
        ),
        (
            "elf-x86_64-export.so",
            vec![other(Some(Abi3t), (Some(15), None), Calls, EXPORT)],
        ),
        (
            "elf-x86_64-single-gil.so",
            vec![other(Some(Gil), FROM_14, InlineNonAtomic, SINGLE_ABSENT)],
        ),
        (
            "elf-x86_64-single-absent.so",
            vec![free_threaded("x86_64", FROM_14, SINGLE_ABSENT)],
        ),
        (
            "elf-x86_64-single-set.so",
            vec![free_threaded("x86_64", FROM_14, SINGLE_SET)],
        ),
        (
            "elf-x86_64-single-set-used.so",
            vec![free_threaded("x86_64", FROM_13_TO_14, SINGLE_SET_USED)],
        ),
        (
            "elf-x86_64-delegated.so",
            vec![other(None, OPEN, NoneSeen, delegated)],
        ),
        (
            "elf-x86_64-delegated-counted.so",
            vec![free_threaded("x86_64", from_13, delegated)],
        ),
        (
            "elf-x86_64-backend.so",
            vec![free_threaded("x86_64", FROM_14, BACKEND)],
        ),
        (
            "elf-x86_64-backend-absent.so",
            vec![free_threaded("x86_64", FROM_14, BACKEND_ABSENT)],
        ),
        (
            "elf-x86_64-delegated-calls.so",
            vec![other(Some(Abi3t), (Some(10), None), Calls, delegated)],
        ),
        (
            "elf-x86_64-maker.so",
            vec![free_threaded("x86_64", from_13, &[])],
        ),
        (
            "elf-x86_64-hands-over.so",
            vec![other(None, OPEN, NoneSeen, HANDS_OVER)],
        ),
        (
            "elf-x86_64-makes-dictionary.so",
            vec![free_threaded("x86_64", FROM_13_TO_14, NO_MODULE)],
        ),
        (
            "elf-x86_64-makes-module.so",
            vec![free_threaded("x86_64", FROM_13_TO_14, A_MODULE)],
        ),
        (
            "elf-x86_64-makes-result.so",
            vec![free_threaded("x86_64", FROM_13_TO_14, A_RESULT)],
        ),
        (
            "elf-x86_64-makes-either.so",
            vec![free_threaded("x86_64", FROM_13_TO_14, EITHER)],
        ),
        (
            "elf-aarch64-makes-dictionary.so",
            vec![free_threaded("aarch64", FROM_13_TO_14, NO_MODULE)],
        ),
        (
            "elf-x86_64-plain.so",
            vec![other(None, OPEN, NoneSeen, &[])],
        ),
        (
            "elf-x86_64-symbols.so",
            vec![free_threaded("x86_64", FROM_14, SYMBOLS)],
        ),
        (
            "elf-x86_64-symbols-bare.so",
            vec![free_threaded("x86_64", FROM_14, SYMBOLS)],
        ),
        (
            "elf-aarch64-not-used.so",
            vec![free_threaded("aarch64", FROM_14, NOT_USED)],
        ),
        (
            "elf-aarch64-single-set.so",
            vec![free_threaded("aarch64", FROM_14, SINGLE_SET)],
        ),
        (
            "elf-i686-not-used.so",
            vec![free_threaded("i686", FROM_14, NOT_USED)],
        ),
        (
            "elf-armv7l-used.so",
            vec![free_threaded("armv7l", FROM_13_TO_14, USED)],
        ),
        (
            "elf-s390x-not-used.so",
            vec![free_threaded("s390x", from_13, NOT_READ)],
        ),
        (
            "macho-arm64-opcodes-not-used.so",
            vec![free_threaded("aarch64", FROM_14, NOT_USED)],
        ),
        (
            "macho-arm64-chains-not-used.so",
            vec![free_threaded("aarch64", FROM_14, NOT_USED)],
        ),
        (
            "macho-x86_64-opcodes-used.so",
            vec![free_threaded("x86_64", FROM_13_TO_14, USED)],
        ),
        (
            "macho-x86_64-chains-absent.so",
            vec![free_threaded("x86_64", FROM_14, ABSENT)],
        ),
        (
            "macho-x86_64-single-set.so",
            vec![free_threaded("x86_64", FROM_14, SINGLE_SET)],
        ),
        (
            "macho-arm64-symbols.so",
            vec![free_threaded("aarch64", FROM_14, SYMBOLS)],
        ),
        (
            "macho-x86_64-plain-opcodes.so",
            vec![other(None, OPEN, NoneSeen, &[])],
        ),
        (
            "macho-x86_64-plain-chains.so",
            vec![other(None, OPEN, NoneSeen, &[])],
        ),
        (
            "macho-universal.so",
            vec![
                free_threaded("x86_64", FROM_13_TO_14, USED),
                free_threaded("aarch64", FROM_14, NOT_USED),
            ],
        ),
        (
            "pe-x86_64-not-used.pyd",
            vec![free_threaded("x86_64", ONLY_14, NOT_USED)],
        ),
        (
            "pe-x86_64-used.pyd",
            vec![free_threaded("x86_64", (Some(13), Some(13)), USED)],
        ),
        (
            "pe-x86_64-gil.pyd",
            vec![other(Some(Gil), ONLY_14, InlineNonAtomic, ABSENT)],
        ),
        (
            "pe-x86_64-abi3.pyd",
            vec![other(Some(Abi3), (Some(10), None), Calls, SINGLE_ABSENT)],
        ),
        (
            "pe-x86_64-export.pyd",
            vec![other(Some(Abi3t), (Some(15), None), Calls, EXPORT)],
        ),
        (
            "pe-x86_64-single-set.pyd",
            vec![free_threaded("x86_64", ONLY_14, SINGLE_SET)],
        ),
        (
            "pe-x86_64-symbols.pyd",
            vec![free_threaded("x86_64", ONLY_14, SYMBOLS)],
        ),
        (
            "pe-x86_64-plain.dll",
            vec![other(None, OPEN, NoneSeen, &[])],
        ),
        (
            "pe-i686-not-used.pyd",
            vec![free_threaded("i686", ONLY_14, NOT_USED)],
        ),
        (
            "pe-aarch64-not-used.pyd",
            vec![free_threaded("aarch64", ONLY_14, NOT_USED)],
        ),
    ]
}

#[test]
fn every_fixture_says_what_it_was_built_as() {
    let expectations = expectations();
    let mut listed: Vec<&str> = expectations.iter().map(|(name, _)| *name).collect();
    listed.sort_unstable();
    assert_eq!(listed, FIXTURES.names(), "every fixture has its line");
    for (name, expected) in expectations {
        let found = facts(name).images;
        assert_eq!(found.len(), expected.len(), "{name}: number of images");
        for (found, expected) in found.iter().zip(&expected) {
            check(name, found, expected);
        }
    }
}

fn check(name: &str, found: &ImageFacts, expected: &Expected) {
    assert_eq!(found.architecture, expected.architecture, "{name}");
    let abi = found.abi.value();
    assert_eq!(
        abi.map(|abi| abi.flavour),
        expected.flavour,
        "{name}: {:?}",
        found.abi
    );
    assert_eq!(
        abi.map_or(OPEN, |abi| abi.versions),
        expected.versions,
        "{name}: {:?}",
        found.abi
    );
    assert!(
        abi.is_none() || !found.abi.evidence().is_empty(),
        "{name}: a flavour has evidence"
    );
    assert_eq!(found.refcounts.value(), Some(&expected.refcounts), "{name}");
    let hooks = found.hooks.value().unwrap();
    let symbols: Vec<&str> = hooks.iter().map(|hook| hook.symbol.as_str()).collect();
    assert_eq!(
        symbols,
        expected
            .hooks
            .iter()
            .map(|hook| hook.symbol)
            .collect::<Vec<_>>(),
        "{name}"
    );
    for (hook, expected) in hooks.iter().zip(expected.hooks) {
        assert_eq!(
            hook.facts.init.value().copied(),
            expected.init,
            "{name}: {:?}",
            hook.facts.init
        );
        assert_eq!(
            hook.facts.slots.value().map(Vec::as_slice),
            expected.slots,
            "{name}: {:?}",
            hook.facts.slots
        );
        assert_eq!(hook.matches_file_name, hook.module == "sample", "{name}");
        assert_eq!(
            hook.kind == HookKind::Export,
            hook.symbol.starts_with("PyModExport"),
            "{name}"
        );
        match (&hook.facts.gil, &expected.gil) {
            (Fact::Known { value, evidence }, Ok(expected)) => {
                assert_eq!(value, expected, "{name}");
                assert!(!evidence.is_empty(), "{name}: a declaration has evidence");
            }
            (Fact::Unknown { why, .. }, Err(words)) => {
                assert!(why.contains(words), "{name}: {why}")
            }
            (found, expected) => panic!("{name}: {found:?}, expected {expected:?}"),
        }
    }
}

#[test]
fn abi_information_is_read_where_it_is() {
    let hooks = facts("elf-x86_64-nested.so").images.remove(0).hooks;
    let hooks = hooks.value().unwrap();
    let expected = AbiInfo {
        major: 1,
        minor: 0,
        flags: 4,
        build_version: 0x030f_02f0,
        abi_version: 0x030f_02f0,
    };
    assert_eq!(hooks[0].facts.abi_info.value(), Some(&Some(expected)));
    assert_eq!(hooks[1].facts.abi_info.value(), Some(&Some(expected)));
    let hooks = facts("elf-x86_64-not-used.so").images.remove(0).hooks;
    assert_eq!(
        hooks.value().unwrap()[0].facts.abi_info.value(),
        Some(&None)
    );
}

#[test]
fn symbols_libraries_and_generators_are_listed() {
    let image = facts("pe-x86_64-single-set.pyd").images.remove(0);
    let imports = [
        "PyModule_Create2",
        "PyUnstable_Module_SetGIL",
        "_Py_DecRefShared",
        "_Py_MergeZeroLocalRefcount",
    ];
    assert_eq!(
        image.python_imports.value().unwrap(),
        &imports.map(str::to_owned)
    );
    assert_eq!(
        image.libraries.value().unwrap(),
        &["python314t.dll".to_owned()]
    );
    assert_eq!(image.python_exports.value().unwrap(), &Vec::<String>::new());
    assert_eq!(image.toolchain.value().unwrap().generator, Generator::CApi);
    let image = facts("elf-x86_64-delegated.so").images.remove(0);
    assert_eq!(image.toolchain.value().unwrap().generator, Generator::Cffi);
}

#[test]
fn images_read_as_a_loader_would_leave_them() {
    let check = |name: &str, has_foreign_pointers: bool| {
        let bytes = FIXTURES.built(name);
        let image = images(&bytes).unwrap().remove(0);
        let table = image.exports()["pointers"];
        let at = |index: u64| {
            image
                .pointer(table + index * image.pointer_size as u64)
                .unwrap()
        };
        assert_eq!(
            image.c_string(at(0), 100).as_deref(),
            Some("read me"),
            "{name}"
        );
        assert_eq!(
            image.c_string(at(0), 6),
            None,
            "{name}: longer than the limit"
        );
        assert!(image.segment_at(at(1)).unwrap().executable, "{name}");
        assert!(
            image.is_read_only(at(1)) && !image.is_read_only(image.exports()["zeros"]),
            "{name}"
        );
        assert_eq!(at(2), image.exports()["zeros"] + 12, "{name}");
        assert_eq!(
            image.read(at(2), 64),
            Some(vec![0; 64]),
            "{name}: memory that starts as zero"
        );
        assert_eq!(image.read(table, 1 << 40), None, "{name}");
        assert_eq!(
            image.read(0x7000_0000_0000, 1),
            None,
            "{name}: outside of every segment"
        );
        assert!(
            image.is_relocated(table) && !image.is_relocated(table + 1),
            "{name}"
        );
        let mut middle = [0; 3];
        assert!(image.read_into(table + 1, &mut middle), "{name}");
        assert_eq!(
            middle,
            at(0).to_le_bytes()[1..4],
            "{name}: a read may begin within a pointer"
        );
        assert_eq!(
            image.symbol_name_at(image.exports()["call"]),
            Some("call"),
            "{name}"
        );
        let function = image.import_named("foreign_function").unwrap();
        assert!(image.segment_at(function.address).is_none(), "{name}");
        if has_foreign_pointers {
            let data = image.import_at(at(3)).unwrap();
            assert_eq!(
                (data.name.as_str(), at(3) - data.address),
                ("foreign_data", 8),
                "{name}"
            );
            assert_eq!(image.import_at(at(4)), Some(function), "{name}");
            assert_eq!(at(5), at(0), "{name}");
        }
    };
    check("elf-x86_64-plain.so", true);
    check("macho-x86_64-plain-opcodes.so", true);
    check("macho-x86_64-plain-chains.so", true);
    check("pe-x86_64-plain.dll", false);
}

#[test]
fn what_only_the_running_program_knows_is_opaque() {
    let bytes = FIXTURES.built("elf-x86_64-plain.so");
    let image = images(&bytes).unwrap().remove(0);
    let opaque: Vec<&str> = image
        .imports()
        .iter()
        .filter(|import| import.kind == ImportKind::Opaque)
        .map(|import| import.name.as_str())
        .collect();
    assert_eq!(opaque, ["<thread-local storage>", "<indirect function>"]);
}

#[test]
fn other_files_are_not_images_and_damaged_ones_say_so() {
    let other: [&[u8]; 6] = [
        b"",
        b"#!/bin/sh\n",
        b"\x7fEL",
        b"PK\x03\x04",
        b"!<arch>\n",
        &[0xca, 0xfe, 0xba, 0xbe, 0, 0, 0, 65, 0, 0],
    ];
    for bytes in other {
        assert_eq!(
            images(bytes).err(),
            Some(ImageError::NotAnObject),
            "{bytes:?}"
        );
        assert_eq!(read("x", bytes), Ok(None), "{bytes:?}");
    }
    for name in FIXTURES.names() {
        let bytes = FIXTURES.built(&name);
        let found = read("package/sample.so", &bytes[..bytes.len() / 3]);
        let error = found.expect_err(&name);
        let BinaryError::Image { path, source } = &error;
        assert_eq!(path, "package/sample.so");
        assert!(
            matches!(source, ImageError::Damaged { .. }),
            "{name}: {error}"
        );
        assert!(
            error.to_string().starts_with("package/sample.so: damaged "),
            "{error}"
        );
    }
}

/// Numbers without a pattern, the same in every run: xorshift by Marsaglia.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % below.max(1) as u64) as usize
    }
}

/// Reads damaged bytes; gives how many instructions and branches were followed for each hook.
fn work_on(bytes: &[u8]) -> Vec<u64> {
    let Ok(Some(facts)) = read("package/sample.so", bytes) else {
        return Vec::new();
    };
    let explanations = ungil::examine::explain(&facts, bytes, &SiblingLibraries::none());
    explanations
        .iter()
        .map(|explanation| explanation.instructions + explanation.branches)
        .collect()
}

#[test]
fn hostile_bytes_neither_panic_nor_take_more_than_the_limits() {
    let EvaluationLimits { steps, forks, .. } = EvaluationLimits::default();
    let mut followed = 0;
    let mut read = |name: &str, bytes: &[u8]| {
        let work = work_on(bytes);
        // All calls, and then the outer ones alone, with a share of the limits each.
        assert!(
            work.iter().all(|done| *done <= 2 * (steps + forks)),
            "{name}: {work:?}"
        );
        assert!(work.len() <= 4, "{name}: {} hooks", work.len());
        followed += usize::from(work.iter().any(|done| *done > 0));
    };
    let mut numbers = Numbers(0x9e37_79b9_7f4a_7c15);
    for name in FIXTURES.names() {
        let bytes = FIXTURES.built(&name);
        for _ in 0..20 {
            let length = numbers.next(bytes.len());
            read(&name, &bytes[..length]);
        }
        for round in 0..100 {
            let mut mutated = bytes.clone();
            // Tables are found by what stands near the beginning, so that half of the changes go there.
            let range = if round % 2 == 0 {
                bytes.len()
            } else {
                bytes.len().min(1024)
            };
            for _ in 0..=numbers.next(6) {
                let position = numbers.next(range);
                mutated[position] = match numbers.next(4) {
                    0 => 0xff,
                    1 => 0,
                    2 => mutated[position] ^ (1 << numbers.next(8)),
                    _ => numbers.next(256) as u8,
                };
            }
            read(&name, &mutated);
        }
    }
    assert!(followed > 1_000, "{followed} were followed");
}
