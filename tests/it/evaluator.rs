//! The evaluator on small fixtures and on code that was put together by hand, hostile code included.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

use std::path::PathBuf;

use ungil::binary::image::{BinaryImage, images};
use ungil::evaluator::{
    EvaluationLimits, HookEvaluation, InitFunction, NoSiblings, TargetInterpreter, evaluate,
};
use ungil::model::facts::{Fact, GilDeclaration, HookKind, InitKind};

use crate::fixtures::Fixtures;

const FREE_THREADED: TargetInterpreter = TargetInterpreter {
    minor: 14,
    free_threaded: true,
};
const WITH_GIL: TargetInterpreter = TargetInterpreter {
    minor: 14,
    free_threaded: false,
};

fn built(name: &str) -> Vec<u8> {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/binary/built");
    std::fs::read(folder.join(name)).unwrap()
}

fn hook(image: &BinaryImage<'_>, kind: HookKind) -> u64 {
    let prefix = if kind == HookKind::Init {
        "PyInit"
    } else {
        "PyModExport_"
    };
    *image
        .exports()
        .iter()
        .find(|(name, _)| name.starts_with(prefix))
        .unwrap()
        .1
}

fn run(
    bytes: &[u8],
    kind: HookKind,
    context: TargetInterpreter,
    limits: EvaluationLimits,
) -> HookEvaluation {
    let images = images(bytes).unwrap();
    let image = images.first().unwrap();
    let init_function = InitFunction {
        address: hook(image, kind),
        kind,
        module: "sample",
        create: None,
    };
    evaluate(image, init_function, context, limits, &NoSiblings)
}

/// A fixture in which the hook's code is replaced. The hook stands at the beginning of at least 64 bytes of code.
fn patched(name: &str, code: &[u8]) -> Vec<u8> {
    let mut bytes = built(name);
    let place = {
        let images = images(&bytes).unwrap();
        let image = images.first().unwrap();
        let address = hook(image, HookKind::Init);
        let segment = image.segment_at(address).unwrap();
        let start = segment.bytes.as_ptr() as usize - bytes.as_ptr() as usize;
        start + usize::try_from(address - segment.address).unwrap()
    };
    bytes[place..place + code.len()].copy_from_slice(code);
    bytes
}

/// Addresses of the definition and of its slots in a fixture of two phases.
fn definition(name: &str) -> (u64, u64) {
    let bytes = built(name);
    let found = run(
        &bytes,
        HookKind::Init,
        FREE_THREADED,
        EvaluationLimits::default(),
    );
    let address = found
        .facts
        .init
        .evidence()
        .iter()
        .find(|evidence| evidence.what == "module definition")
        .unwrap()
        .address;
    let images = images(&bytes).unwrap();
    (
        address.unwrap(),
        images
            .first()
            .unwrap()
            .pointer(address.unwrap() + 88)
            .unwrap(),
    )
}

fn movabs_rax(value: u64) -> Vec<u8> {
    [&[0x48, 0xb8][..], &value.to_le_bytes()].concat()
}

fn why<T>(fact: &Fact<T>) -> &str {
    match fact {
        Fact::Unknown { why, .. } => why,
        Fact::Known { .. } => "",
    }
}

fn check(
    name: &str,
    kind: HookKind,
    context: TargetInterpreter,
    init: InitKind,
    gil: GilDeclaration,
) {
    let found = run(&built(name), kind, context, EvaluationLimits::default());
    assert_eq!(
        found.facts.init.value(),
        Some(&init),
        "{name}: {:?}",
        found.facts.init
    );
    assert_eq!(
        found.facts.gil.value(),
        Some(&gil),
        "{name}: {:?}",
        found.facts.gil
    );
    assert!(!found.trace.is_empty(), "{name}");
}

#[test]
fn hooks_are_followed_in_every_format() {
    use GilDeclaration::{Absent, SetGil, Slot};
    use InitKind::{MultiPhase, SinglePhase};
    for (name, init, gil) in [
        ("elf-x86_64-not-used.so", MultiPhase, Slot { value: 1 }),
        ("elf-x86_64-used.so", MultiPhase, Slot { value: 0 }),
        ("elf-x86_64-value-2.so", MultiPhase, Slot { value: 2 }),
        ("elf-x86_64-absent.so", MultiPhase, Absent),
        ("elf-x86_64-relr.so", MultiPhase, Slot { value: 1 }),
        ("elf-x86_64-no-sections.so", MultiPhase, Slot { value: 1 }),
        ("elf-x86_64-nested.so", MultiPhase, Slot { value: 1 }),
        ("elf-x86_64-single-absent.so", SinglePhase, Absent),
        ("elf-x86_64-single-set.so", SinglePhase, SetGil { value: 1 }),
        (
            "elf-x86_64-single-set-used.so",
            SinglePhase,
            SetGil { value: 0 },
        ),
        ("elf-aarch64-not-used.so", MultiPhase, Slot { value: 1 }),
        (
            "elf-aarch64-single-set.so",
            SinglePhase,
            SetGil { value: 1 },
        ),
        (
            "macho-arm64-opcodes-not-used.so",
            MultiPhase,
            Slot { value: 1 },
        ),
        (
            "macho-arm64-chains-not-used.so",
            MultiPhase,
            Slot { value: 1 },
        ),
        (
            "macho-x86_64-opcodes-used.so",
            MultiPhase,
            Slot { value: 0 },
        ),
        ("macho-x86_64-chains-absent.so", MultiPhase, Absent),
        (
            "macho-x86_64-single-set.so",
            SinglePhase,
            SetGil { value: 1 },
        ),
        ("pe-x86_64-not-used.pyd", MultiPhase, Slot { value: 1 }),
        ("pe-x86_64-used.pyd", MultiPhase, Slot { value: 0 }),
        ("pe-x86_64-single-set.pyd", SinglePhase, SetGil { value: 1 }),
        ("pe-aarch64-not-used.pyd", MultiPhase, Slot { value: 1 }),
    ] {
        check(name, HookKind::Init, FREE_THREADED, init, gil);
    }
    check(
        "elf-x86_64-gil.so",
        HookKind::Init,
        WITH_GIL,
        MultiPhase,
        Absent,
    );
    check(
        "elf-x86_64-export.so",
        HookKind::Export,
        FREE_THREADED,
        InitKind::Export,
        Slot { value: 1 },
    );
    check(
        "pe-x86_64-export.pyd",
        HookKind::Export,
        FREE_THREADED,
        InitKind::Export,
        Slot { value: 1 },
    );
}

/// CPython 3.13t keeps the GIL off for the first two and switches it on for the others.
#[test]
fn the_module_that_is_returned_counts() {
    let folder = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/several/built");
    let declared = GilDeclaration::SetGil { value: 1 };
    for (case, gil) in [
        ("copies", &declared),
        ("failure", &declared),
        ("other-after", &GilDeclaration::Absent),
        ("other-before", &GilDeclaration::Absent),
        ("other-made", &GilDeclaration::Absent),
        ("replaced", &GilDeclaration::Absent),
    ] {
        for machine in ["x86_64", "aarch64"] {
            let name = format!("elf-{machine}-{case}.so");
            let bytes = std::fs::read(folder.join(&name)).unwrap();
            let found = run(
                &bytes,
                HookKind::Init,
                FREE_THREADED,
                EvaluationLimits::default(),
            );
            assert_eq!(
                found.facts.gil.value(),
                Some(gil),
                "{name}: {:?}",
                found.facts.gil
            );
        }
    }
}

#[test]
fn what_another_module_makes_is_delegated() {
    let found = run(
        &built("elf-x86_64-delegated.so"),
        HookKind::Init,
        FREE_THREADED,
        EvaluationLimits::default(),
    );
    assert_eq!(
        found.facts.gil.value(),
        Some(&GilDeclaration::Delegated {
            to: "_cffi_backend".into()
        }),
        "{:?}",
        found.facts.gil
    );
}

#[test]
fn an_architecture_that_is_not_followed_is_unknown() {
    for (name, expected) in [
        ("elf-s390x-not-used.so", "code for s390x is not followed"),
        ("elf-i686-not-used.so", "code for i686 is not followed"),
        ("pe-i686-not-used.pyd", "code for i686 is not followed"),
    ] {
        let found = run(
            &built(name),
            HookKind::Init,
            FREE_THREADED,
            EvaluationLimits::default(),
        );
        assert_eq!(why(&found.facts.gil), expected, "{name}");
    }
}

/// `rdtsc; test eax, eax; je` over `skipped` bytes: an unknown that nobody models.
fn branch_over(skipped: u8) -> Vec<u8> {
    vec![0x0f, 0x31, 0x85, 0xc0, 0x74, skipped]
}

#[test]
fn a_path_that_returns_null_does_not_count() {
    const NAME: &str = "elf-x86_64-not-used.so";
    let code = [
        branch_over(11),
        movabs_rax(definition(NAME).0),
        vec![0xc3, 0x31, 0xc0, 0xc3],
    ]
    .concat();
    let found = run(
        &patched(NAME, &code),
        HookKind::Init,
        FREE_THREADED,
        EvaluationLimits::default(),
    );
    assert_eq!(
        found.facts.gil.value(),
        Some(&GilDeclaration::Slot { value: 1 }),
        "{:?}",
        found.facts.gil
    );
    assert_eq!(found.forks, 1);
}

/// `mov dword [rax], 4; mov qword [rax + 8], 1` on the second slot: a declaration that is made at run time.
fn fill(slots: u64) -> Vec<u8> {
    let stores = vec![0xc7, 0x00, 4, 0, 0, 0, 0x48, 0xc7, 0x40, 0x08, 1, 0, 0, 0];
    [movabs_rax(slots + 16), stores].concat()
}

#[test]
fn slots_that_code_fills_are_read() {
    const NAME: &str = "elf-x86_64-room.so";
    let (definition, slots) = definition(NAME);
    let code = [fill(slots), movabs_rax(definition), vec![0xc3]].concat();
    let found = run(
        &patched(NAME, &code),
        HookKind::Init,
        FREE_THREADED,
        EvaluationLimits::default(),
    );
    assert_eq!(
        found.facts.gil.value(),
        Some(&GilDeclaration::Slot { value: 1 }),
        "{:?}",
        found.facts.gil
    );
    assert_eq!(found.facts.slots.value(), Some(&vec![2, 4]));
}

#[test]
fn paths_that_end_differently_are_both_named() {
    const NAME: &str = "elf-x86_64-room.so";
    let (definition, slots) = definition(NAME);
    let fill = fill(slots);
    let code = [
        branch_over(fill.len() as u8),
        fill,
        movabs_rax(definition),
        vec![0xc3],
    ]
    .concat();
    let found = run(
        &patched(NAME, &code),
        HookKind::Init,
        FREE_THREADED,
        EvaluationLimits::default(),
    );
    let why = why(&found.facts.gil);
    assert!(
        why.contains("no declaration") && why.contains("Py_mod_gil = 1"),
        "{why}"
    );
}

#[test]
fn a_declaration_by_an_unknown_is_unknown() {
    const NAME: &str = "elf-x86_64-room.so";
    let (definition, slots) = definition(NAME);
    // rdtsc; mov rcx, rax; the slot's value is rcx.
    let read = vec![0x0f, 0x31, 0x48, 0x89, 0xc1];
    let stores = vec![0xc7, 0x00, 4, 0, 0, 0, 0x48, 0x89, 0x48, 0x08];
    let code = [
        read,
        movabs_rax(slots + 16),
        stores,
        movabs_rax(definition),
        vec![0xc3],
    ]
    .concat();
    let found = run(
        &patched(NAME, &code),
        HookKind::Init,
        FREE_THREADED,
        EvaluationLimits::default(),
    );
    assert!(
        why(&found.facts.gil).contains("Py_mod_gil"),
        "{:?}",
        found.facts.gil
    );
}

#[test]
fn a_call_that_gets_a_vague_pointer_may_have_filled_the_slots() {
    const NAME: &str = "elf-x86_64-room.so";
    let (definition, slots) = definition(NAME);
    // rdtsc; mov rdi, slots; add rdi, rax; call rax.
    let call = [
        &[0x0f, 0x31, 0x48, 0xbf][..],
        &slots.to_le_bytes(),
        &[0x48, 0x01, 0xc7, 0xff, 0xd0],
    ]
    .concat();
    let code = [call, movabs_rax(definition), vec![0xc3]].concat();
    let found = run(
        &patched(NAME, &code),
        HookKind::Init,
        FREE_THREADED,
        EvaluationLimits::default(),
    );
    assert!(found.facts.gil.value().is_none(), "{:?}", found.facts.gil);
}

#[test]
fn a_byte_that_is_written_alone_is_known_and_the_rest_of_its_register_is_not() {
    const NAME: &str = "elf-x86_64-not-used.so";
    let definition = movabs_rax(definition(NAME).0);
    // rdtsc; mov al, 1; test al, al; je over the definition: never taken.
    let byte = [
        vec![0x0f, 0x31, 0xb0, 1, 0x84, 0xc0, 0x74, 11],
        definition.clone(),
        vec![0xc3, 0x06],
    ]
    .concat();
    let found = run(
        &patched(NAME, &byte),
        HookKind::Init,
        FREE_THREADED,
        EvaluationLimits::default(),
    );
    assert_eq!(
        (found.facts.gil.value(), found.forks),
        (Some(&GilDeclaration::Slot { value: 1 }), 0),
        "{:?}",
        found.facts.gil
    );
    // rdtsc; mov al, 0; test eax, eax; the same jump: nobody knows.
    let whole = [
        vec![0x0f, 0x31, 0xb0, 0, 0x85, 0xc0, 0x74, 11],
        definition,
        vec![0xc3, 0x06],
    ]
    .concat();
    let found = run(
        &patched(NAME, &whole),
        HookKind::Init,
        FREE_THREADED,
        EvaluationLimits::default(),
    );
    assert!(
        why(&found.facts.gil).contains("no instruction"),
        "{:?}",
        found.facts.gil
    );
}

#[test]
fn hostile_code_ends_at_a_limit() {
    const X86: &str = "elf-x86_64-not-used.so";
    const ARM64: &str = "elf-aarch64-not-used.so";
    let limits = EvaluationLimits {
        steps: 20_000,
        forks: 50,
        depth: 40,
    };
    let instructions = "the limit of 20000 instructions was reached";
    let cases: [(&str, &[u8], &str); 7] = [
        (
            "two jumps to each other",
            &[0xeb, 0x00, 0xeb, 0xfc],
            instructions,
        ),
        (
            "a function that calls itself",
            &[0xe8, 0xfb, 0xff, 0xff, 0xff],
            "calls nest deeper than 40",
        ),
        // shl rbx, 1; or rbx, 1; rdtsc; test eax, eax; je; inc r12; jmp: every round differs.
        (
            "a fork in each of endless rounds",
            &[
                0x48, 0xff, 0xc3, 0x50, 0x0f, 0x31, 0x85, 0xc0, 0x74, 0x00, 0xeb, 0xf4,
            ],
            "",
        ),
        (
            "a jump to nowhere that is known",
            &[0x50, 0x0f, 0x31, 0xff, 0xe0],
            "goes to an address that is not known",
        ),
        ("no instruction", &[0x06], "the bytes are no instruction"),
        // lea rdi, [rip]; mov rcx, -1; rep stosb; ret
        (
            "a fill without end",
            &[
                0x48, 0x8d, 0x3d, 0, 0, 0, 0, 0x48, 0xc7, 0xc1, 0xff, 0xff, 0xff, 0xff, 0xf3, 0xaa,
                0xc3,
            ],
            "could not be followed",
        ),
        // sub rsp, rcx with a huge rcx; push; ret
        (
            "a stack that is moved far away",
            &[0x48, 0x81, 0xec, 0, 0, 0, 0x70, 0x50, 0xeb, 0xf6],
            "",
        ),
    ];
    for (what, code, expected) in cases {
        let found = run(&patched(X86, code), HookKind::Init, FREE_THREADED, limits);
        assert!(
            why(&found.facts.gil).contains(expected) && found.facts.gil.value().is_none(),
            "{what}: {:?}",
            found.facts.gil
        );
        assert!(
            found.steps <= limits.steps && found.forks <= limits.forks,
            "{what}"
        );
    }
    // b .+4; b .-4
    let found = run(
        &patched(ARM64, &[1, 0, 0, 0x14, 0xff, 0xff, 0xff, 0x17]),
        HookKind::Init,
        FREE_THREADED,
        limits,
    );
    assert_eq!(why(&found.facts.gil), instructions);
}

#[test]
fn damaged_code_never_panics() {
    for name in [
        "elf-x86_64-single-set.so",
        "elf-aarch64-single-set.so",
        "pe-x86_64-single-set.pyd",
    ] {
        let mut state = 0x2545_f491_4f6c_dd1d_u64;
        for _ in 0..2_000 {
            let mut code = [0; 48];
            for byte in &mut code {
                state ^= state << 13;
                state ^= state >> 7;
                state ^= state << 17;
                *byte = state.to_le_bytes()[3];
            }
            let limits = EvaluationLimits {
                steps: 2_000,
                forks: 50,
                depth: 20,
            };
            let found = run(&patched(name, &code), HookKind::Init, FREE_THREADED, limits);
            assert!(found.steps <= limits.steps);
        }
    }
}

/// Code for Windows on arm64 that initialises a variable once and then returns the definition. The guard's address comes
/// from this register; `with_page` sets it between the call that opens the guard and the load.
fn initialises_once(register: u32, with_page: Option<()>) -> HookEvaluation {
    const NAME: &str = "pe-aarch64-not-used.pyd";
    let definition = definition(NAME).0;
    // Behind the definition nothing is there.
    let guard = definition + 0x68;
    let here = hook(
        images(&built(NAME)).unwrap().first().unwrap(),
        HookKind::Init,
    );
    let page = |index: u64, register: u32, target: u64| {
        let pages = (target >> 12).wrapping_sub((here + 4 * index) >> 12) as u32;
        0x9000_0000 | (pages & 3) << 29 | (pages >> 2 & 0x7_ffff) << 5 | register
    };
    let low = |address: u64| (address & 0xfff) as u32;
    let add = |to: u32, from: u32, address: u64| 0x9100_0000 | low(address) << 10 | from << 5 | to;
    let (back, nothing) = (0xd65f_03c0, 0xd280_0000);
    // `bl` to the last instruction, which returns at once.
    let call = |distance: u32| 0x9400_0000 | distance;
    let mut code = vec![
        page(0, register, guard),
        add(0, register, guard),
        call(8 + u32::from(with_page.is_some())),
    ];
    code.extend(with_page.map(|()| page(3, register, guard)));
    // `ldr w8, [register, #low]; cmn w8, #1; b.ne` over the three that return the definition.
    code.extend([
        0xb940_0008 | (low(guard) / 4) << 10 | register << 5,
        0x3100_051f,
        0x5400_0081,
    ]);
    code.extend([
        page(code.len() as u64, 0, definition),
        add(0, 0, definition),
        back,
        nothing,
        back,
    ]);
    let bytes: Vec<u8> = code.iter().flat_map(|word| word.to_le_bytes()).collect();
    run(
        &patched(NAME, &bytes),
        HookKind::Init,
        FREE_THREADED,
        EvaluationLimits::default(),
    )
}

#[test]
fn guards_of_windows_on_arm64_are_known_by_what_follows_the_call() {
    for (register, with_page) in [(19, None), (8, Some(())), (19, Some(()))] {
        let found = initialises_once(register, with_page);
        assert_eq!(
            found.facts.gil.value(),
            Some(&GilDeclaration::Slot { value: 1 }),
            "x{register}: {:?}",
            found.facts.gil
        );
    }
    // The call may have changed this register, and then nobody knows what is compared.
    assert_eq!(initialises_once(9, None).facts.init.value(), None);
}

#[test]
fn a_definition_is_apart_from_what_lies_before_it_and_not_from_what_points_to_it() {
    const FIXTURES: Fixtures = Fixtures("objects");
    let interpreter = TargetInterpreter {
        minor: 13,
        free_threaded: true,
    };
    let found = |name: &str| {
        run(
            &FIXTURES.built(name),
            HookKind::Init,
            interpreter,
            EvaluationLimits::default(),
        )
    };
    FIXTURES.check_sums();
    // CPython 3.13 leaves the GIL off for these.
    for name in ["neighbour.so", "spins.so", "nameless.so"] {
        assert_eq!(
            found(name).facts.gil.value(),
            Some(&GilDeclaration::Slot { value: 1 }),
            "{name}: {:?}",
            found(name).facts.gil
        );
    }
    assert!(
        found("spins.so").steps < 100,
        "a lock that is taken is waited for once"
    );
    // For these it switches it on.
    for name in ["pointer.so", "stored.so", "enclosing.so"] {
        assert!(
            why(&found(name).facts.gil).contains("pointer to the slots"),
            "{name}: {:?}",
            found(name).facts.gil
        );
    }
}

#[test]
fn a_module_is_settled_where_the_only_call_that_may_declare_it_is_left_behind() {
    let interpreter = TargetInterpreter {
        minor: 13,
        free_threaded: true,
    };
    let found = |name: &str| {
        run(
            &Fixtures("objects").built(name),
            HookKind::Init,
            interpreter,
            EvaluationLimits::default(),
        )
        .facts
        .gil
    };
    assert_eq!(
        found("left.so").value(),
        Some(&GilDeclaration::Absent),
        "{:?}",
        found("left.so")
    );
    // This one calls it again, and CPython leaves the GIL off.
    assert!(
        found("again.so").value().is_none(),
        "{:?}",
        found("again.so")
    );
}

#[test]
fn the_run_time_in_a_module_is_known_by_its_names() {
    let interpreter = TargetInterpreter {
        minor: 13,
        free_threaded: true,
    };
    let bytes = Fixtures("objects").built("runtime.so");
    let found = run(
        &bytes,
        HookKind::Init,
        interpreter,
        EvaluationLimits::default(),
    );
    assert_eq!(
        found.facts.gil.value(),
        Some(&GilDeclaration::Absent),
        "{:?}",
        found.facts.gil
    );
    // The second call of a function is not what the first is not known to be.
    let versions = run(
        &Fixtures("objects").built("versions.so"),
        HookKind::Init,
        interpreter,
        EvaluationLimits::default(),
    );
    assert_eq!(
        versions.facts.gil.value(),
        Some(&GilDeclaration::Absent),
        "{:?}",
        versions.facts.gil
    );
    let called = |name: &str| {
        found
            .trace
            .iter()
            .any(|step| step.symbol.as_deref() == Some(name))
    };
    assert!(
        called("__cxa_guard_acquire") && called("__cxa_guard_release"),
        "{:?}",
        found.trace
    );
}

#[test]
fn a_jump_table_ends_where_its_index_does_or_where_code_names_something_else() {
    const INDEX: usize = 2;
    const NAMING: usize = 0x34;
    let name = "elf-x86_64-not-used.so";
    let mut code = [
        // mov eax, edi; and eax, 3; lea rdx, [table]; movsxd rax, [rdx + 4 * rax]; add rax, rdx; jmp rax
        &[
            0x89, 0xf8, 0x83, 0xe0, 0x03, 0x48, 0x8d, 0x15, 0x14, 0, 0, 0,
        ][..],
        &[0x48, 0x63, 0x04, 0x82, 0x48, 0x01, 0xd0, 0xff, 0xe0],
        // Where all four entries lead: the definition is returned.
        &movabs_rax(definition(name).0),
        &[0xc3],
        &[0xf5, 0xff, 0xff, 0xff].repeat(4),
        // A number behind the table that would lead to the last byte; lea rdx, [that number]; no instruction.
        &[0x1c, 0, 0, 0],
        &[0x48, 0x8d, 0x15, 0xf5, 0xff, 0xff, 0xff],
        &[0x90, 0x06],
    ]
    .concat();
    let gil = |code: &[u8]| {
        run(
            &patched(name, code),
            HookKind::Init,
            FREE_THREADED,
            EvaluationLimits::default(),
        )
        .facts
        .gil
    };
    let nothing = [0x0f, 0x1f, 0x00];
    assert_eq!(
        gil(&code).value(),
        Some(&GilDeclaration::Slot { value: 1 }),
        "both end it"
    );
    let bounded = [&code[..NAMING], &[0x90; 7], &code[NAMING + 7..]].concat();
    assert_eq!(
        gil(&bounded).value(),
        Some(&GilDeclaration::Slot { value: 1 }),
        "the index ends it"
    );
    code[INDEX..INDEX + nothing.len()].copy_from_slice(&nothing);
    assert_eq!(
        gil(&code).value(),
        Some(&GilDeclaration::Slot { value: 1 }),
        "a name ends it"
    );
    code[NAMING..NAMING + 7].fill(0x90);
    assert!(
        why(&gil(&code)).contains("no instruction"),
        "nothing ends it: {:?}",
        gil(&code)
    );
}
