//! What the macros of each build of CPython leave in compiled files, on every platform: `fixtures/macros`.

use ungil::binary::image::images;
use ungil::binary::sweep::{CodeSweep, sweep};
use ungil::examine::{ExamineDepth, read, read_to};
use ungil::model::facts::Flavour::{Abi3, Abi3t, FreeThreaded, Gil, GilOrAbi3};
use ungil::model::facts::Refcounts::{Calls, InlineBiased, InlineNonAtomic};
use ungil::model::facts::{Fact, Flavour, ImageFacts, Refcounts};

/// What one build must show, whatever the platform.
struct Expected {
    flavour: Flavour,
    /// On Windows the name of the library says more.
    flavour_on_windows: Flavour,
    refcounts: Refcounts,
    /// Inline counting, not atomic and biased: of anything, of `None` and down. Up to 3.13, counting up something that
    /// nothing else shows to be an object looks like any other counter.
    counting: (u32, u32),
    sole_owner_tests: u32,
    /// One is the author's, two are of `PyMutex`.
    atomics: u32,
    /// Calls of functions of the C API, each of which the source has once but `PyList_GetItem`, three times.
    functions: usize,
}

const fn gil(flavour: Flavour, non_atomic: u32, atomics: u32, functions: usize) -> Expected {
    let counting = (non_atomic, 0);
    let (refcounts, flavour_on_windows) = (InlineNonAtomic, Gil);
    Expected {
        flavour,
        flavour_on_windows,
        refcounts,
        counting,
        sole_owner_tests: 1,
        atomics,
        functions,
    }
}

const FREE: Expected = Expected {
    flavour: FreeThreaded,
    flavour_on_windows: FreeThreaded,
    refcounts: InlineBiased,
    counting: (0, 3),
    sole_owner_tests: 1,
    atomics: 3,
    functions: 9,
};

use crate::fixtures::Fixtures;

/// The limited API up to 3.11: inline.
const fn limited(non_atomic: u32, functions: usize) -> Expected {
    Expected {
        flavour_on_windows: Abi3,
        ..gil(GilOrAbi3, non_atomic, 1, functions)
    }
}

/// From 3.12 on: by calls.
const fn by_calls(flavour: Flavour, sole_owner_tests: u32, functions: usize) -> Expected {
    let flavour_on_windows = flavour;
    Expected {
        flavour,
        flavour_on_windows,
        refcounts: Calls,
        counting: (0, 0),
        sole_owner_tests,
        atomics: 1,
        functions,
    }
}

const EXPECTED: [(&str, Expected); 29] = [
    ("gil-3.8", gil(GilOrAbi3, 2, 1, 4)),
    ("gil-3.9", gil(GilOrAbi3, 2, 1, 4)),
    ("gil-3.10", gil(GilOrAbi3, 2, 1, 4)),
    ("gil-3.11", gil(GilOrAbi3, 2, 1, 4)),
    ("gil-3.12", gil(GilOrAbi3, 2, 1, 4)),
    ("gil-3.13", gil(Gil, 2, 3, 6)),
    ("gil-3.14", gil(Gil, 3, 3, 6)),
    ("gil-3.15", gil(Gil, 3, 3, 6)),
    ("free-threaded-3.13", FREE),
    ("free-threaded-3.14", FREE),
    ("free-threaded-3.15", FREE),
    ("limited-3.2-headers-3.8", limited(2, 4)),
    ("limited-3.8-headers-3.8", limited(2, 4)),
    ("limited-3.9-headers-3.9", limited(2, 4)),
    ("limited-3.10-headers-3.10", limited(2, 4)),
    ("limited-3.3-headers-3.11", limited(2, 4)),
    ("limited-3.11-headers-3.11", limited(2, 4)),
    ("limited-3.2-headers-3.12", limited(2, 4)),
    ("limited-3.11-headers-3.12", limited(2, 4)),
    ("limited-3.11-headers-3.14", limited(3, 4)),
    // Headers of 3.15 call critical sections whatever the limit.
    ("limited-3.2-headers-3.15", limited(3, 6)),
    ("limited-3.6-headers-3.15", limited(3, 6)),
    ("limited-3.12-headers-3.12", by_calls(Abi3, 1, 5)),
    ("limited-3.13-headers-3.13", by_calls(Abi3, 1, 6)),
    ("limited-3.14-headers-3.14", by_calls(Abi3, 0, 8)),
    ("limited-3.14-headers-3.15", by_calls(Abi3, 0, 10)),
    ("limited-3.15-headers-3.15", by_calls(Abi3, 0, 11)),
    ("limited-free-threaded-3.15", by_calls(Abi3t, 0, 10)),
    ("abi3t-3.15", by_calls(Abi3t, 0, 10)),
];

/// Everything that a file can say of its build is in its instructions.
const OPEN: [(&str, Flavour, Refcounts, (u32, u32)); 7] = [
    ("open-gil-3.8", GilOrAbi3, InlineNonAtomic, (1, 0)),
    ("open-gil-3.12", GilOrAbi3, InlineNonAtomic, (1, 0)),
    ("open-gil-3.14", GilOrAbi3, InlineNonAtomic, (1, 0)),
    ("open-gil-3.15", GilOrAbi3, InlineNonAtomic, (1, 0)),
    (
        "open-free-threaded-3.13",
        FreeThreaded,
        InlineBiased,
        (0, 1),
    ),
    (
        "open-free-threaded-3.14",
        FreeThreaded,
        InlineBiased,
        (0, 1),
    ),
    (
        "open-free-threaded-3.15",
        FreeThreaded,
        InlineBiased,
        (0, 1),
    ),
];

const PLATFORMS: [&str; 7] = [
    "elf-x86_64-gcc-",
    "elf-x86_64-",
    "elf-aarch64-",
    "macho-x86_64-",
    "macho-arm64-",
    "pe-x86_64-",
    "pe-aarch64-",
];

const FIXTURES: Fixtures = Fixtures("macros");

/// The build that a file is of.
fn build(name: &str) -> &str {
    let platform = PLATFORMS
        .iter()
        .find(|platform| name.starts_with(*platform))
        .unwrap();
    name[platform.len()..].rsplit_once('.').unwrap().0
}

fn image(name: &str, depth: ExamineDepth) -> ImageFacts {
    read_to(depth, name, &FIXTURES.built(name))
        .unwrap()
        .unwrap()
        .images
        .remove(0)
}

fn swept(name: &str) -> CodeSweep {
    sweep(&images(&FIXTURES.built(name)).unwrap()[0]).unwrap()
}

/// Fails with the name of the file.
fn check(name: &str, flavour: Flavour, refcounts: Refcounts, counting: (u32, u32)) {
    let facts = image(name, ExamineDepth::Everything);
    assert_eq!(
        facts.abi.value().map(|abi| abi.flavour),
        Some(flavour),
        "{name}: {:?}",
        facts.abi
    );
    assert_eq!(
        facts.refcounts.value(),
        Some(&refcounts),
        "{name}: {:?}",
        facts.refcounts
    );
    let code = facts.code.value().unwrap();
    assert!(code.is_complete && code.bytes > 100, "{name}");
    assert_eq!(
        (code.non_atomic_counting.count, code.biased_counting.count),
        counting,
        "{name}"
    );
    assert_eq!(
        code.non_atomic_counting.example.is_some(),
        counting.0 > 0,
        "{name}"
    );
}

#[test]
fn fixtures_are_what_the_recipe_built() {
    FIXTURES.check_sums();
}

#[test]
fn every_build_shows_what_its_macros_became() {
    let mut seen = 0;
    for name in FIXTURES
        .names()
        .iter()
        .filter(|name| !name.contains("-open-"))
    {
        let (_, expected) = EXPECTED
            .iter()
            .find(|(known, _)| *known == build(name))
            .unwrap();
        let flavour = if name.starts_with("pe-") {
            expected.flavour_on_windows
        } else {
            expected.flavour
        };
        check(name, flavour, expected.refcounts, expected.counting);
        let sweep = swept(name);
        assert_eq!(
            sweep.sole_owner_tests.count, expected.sole_owner_tests,
            "{name}: tests for a sole owner"
        );
        assert_eq!(sweep.atomics.count, expected.atomics, "{name}: atomics");
        let calls = sweep.calls.iter().map(|calls| calls.function.as_str());
        let functions: Vec<&str> = calls
            .filter(|name| name.trim_start_matches('_').starts_with("Py"))
            .collect();
        assert_eq!(functions.len(), expected.functions, "{name}: {functions:?}");
        seen += 1;
    }
    assert!(seen > 90);
    let known = |wanted: &str| FIXTURES.names().iter().any(|name| build(name) == wanted);
    assert!(EXPECTED.iter().all(|(wanted, _)| known(wanted)));
}

#[test]
fn calls_are_counted_on_every_platform() {
    for name in FIXTURES
        .names()
        .iter()
        .filter(|name| !name.contains("-open-"))
    {
        let sweep = swept(name);
        let items = sweep
            .calls
            .iter()
            .find(|calls| calls.function == "PyList_GetItem")
            .unwrap();
        assert_eq!(items.sites.count, 3, "{name}");
        let slices = sweep
            .calls
            .iter()
            .find(|calls| calls.function == "PyList_SetSlice")
            .unwrap();
        assert_eq!(slices.sites.count, 1, "{name}");
        // Files for 3.14 keep their symbol tables; those of Windows have none.
        let holders: &[&str] = if name.ends_with("-3.14.so") {
            &["first_or_last"]
        } else {
            &[]
        };
        assert_eq!(items.sites.functions, holders, "{name}");
    }
}

#[test]
fn instructions_tell_where_nothing_else_does() {
    let open: Vec<String> = FIXTURES
        .names()
        .into_iter()
        .filter(|name| name.contains("-open-"))
        .collect();
    assert_eq!(open.len(), 2 * OPEN.len());
    for name in &open {
        let &(_, flavour, refcounts, counting) = OPEN
            .iter()
            .find(|(known, ..)| *known == build(name))
            .unwrap();
        check(name, flavour, refcounts, counting);
        // The flavour decides verdicts, so it does not depend on how closely the file is looked at.
        assert_eq!(
            image(name, ExamineDepth::Verdict).abi,
            image(name, ExamineDepth::Everything).abi,
            "{name}"
        );
    }
}

#[test]
fn code_is_not_read_for_a_verdict_unless_it_must_be() {
    let facts = image("elf-x86_64-gil-3.14.so", ExamineDepth::Verdict);
    assert_eq!(
        facts.code,
        Fact::unknown("only what a verdict needs was looked at")
    );
    assert!(
        image("elf-x86_64-open-gil-3.14.so", ExamineDepth::Verdict)
            .code
            .value()
            .is_some()
    );
    let same = read("x.so", &FIXTURES.built("elf-x86_64-gil-3.14.so"))
        .unwrap()
        .unwrap();
    assert_eq!(same.images[0].code, facts.code);
}

#[test]
fn machines_that_are_not_known_are_unknown() {
    let image = Fixtures("binary").built("elf-s390x-not-used.so");
    let facts = read_to(ExamineDepth::Everything, "x.so", &image)
        .unwrap()
        .unwrap();
    assert_eq!(
        facts.images[0].code,
        Fact::unknown("the instructions of s390x are not read")
    );
}

/// Whatever the code is, it is read to its end and nothing breaks.
#[test]
fn damaged_code_is_read_to_its_end() {
    for name in [
        "elf-x86_64-free-threaded-3.14.so",
        "elf-aarch64-free-threaded-3.14.so",
        "pe-x86_64-gil-3.14.pyd",
    ] {
        let bytes = FIXTURES.built(name);
        let start = images(&bytes).unwrap()[0].code()[0];
        let place = start.bytes.as_ptr() as usize - bytes.as_ptr() as usize;
        for seed in 1..200_u32 {
            let mut damaged = bytes.clone();
            let mut random = seed.wrapping_mul(0x9e37_79b9);
            for byte in damaged.iter_mut().skip(place).take(start.bytes.len()) {
                random = random.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
                if random >> 28 == 0 {
                    *byte = (random >> 16) as u8;
                }
            }
            let sweep = sweep(&images(&damaged).unwrap()[0]).unwrap();
            assert_eq!(sweep.bytes, swept(name).bytes, "{name} with seed {seed}");
        }
    }
}
