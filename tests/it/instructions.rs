//! Hooks that branch on what single instructions leave: what the evaluator says of the module is what CPython finds.

#![expect(
    clippy::unwrap_used,
    reason = "a test that cannot go on should stop where it is"
)]

use std::path::PathBuf;

use ungil::binary::image::images;
use ungil::evaluator::{EvaluationLimits, InitFunction, NoSiblings, TargetInterpreter, evaluate};
use ungil::model::facts::{Fact, GilDeclaration, HookKind};

/// Addresses in `elf-x86_64-room.so`: the hook, where it lies in the file, the definition, its slots, `PyModuleDef_Init`.
const HOOK: u64 = 0x1470;
const HOOK_OFFSET: usize = 0x470;
const DEFINITION: u64 = 0x3660;
const SLOTS: u64 = 0x3720;
const RETURN_DEFINITION: u64 = 0x14e0;

fn bytes(hex: &str) -> Vec<u8> {
    let digit = |index: usize| u8::from_str_radix(&hex[index..index + 2], 16).unwrap();
    (0..hex.len()).step_by(2).map(digit).collect()
}

/// A hook that carries out `setup` and then stores 0 as the value of `Py_mod_gil` where the branch of one byte is taken,
/// and 1 where it is not.
fn hook(setup: &[u8], branch: u8) -> Vec<u8> {
    let mut code = setup.to_vec();
    let relative = |code: &mut Vec<u8>, opcode: &str, target: u64| {
        code.extend(bytes(opcode));
        let next = HOOK + code.len() as u64 + 4;
        code.extend((target.wrapping_sub(next) as u32).to_le_bytes());
    };
    // lea rsi, [second slot]; mov dword ptr [rsi], Py_mod_gil
    relative(&mut code, "488d35", SLOTS + 16);
    code.extend(bytes("c70604000000"));
    // j.. over: mov qword ptr [rsi + 8], 1; jmp over: mov qword ptr [rsi + 8], 0
    code.extend([branch, 10]);
    code.extend(bytes("48c7460801000000eb0848c7460800000000"));
    relative(&mut code, "488d3d", DEFINITION);
    relative(&mut code, "e9", RETURN_DEFINITION);
    code
}

fn declaration(setup: &[u8], branch: u8) -> Fact<GilDeclaration> {
    let path =
        PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("fixtures/binary/built/elf-x86_64-room.so");
    let mut file = std::fs::read(path).unwrap();
    let code = hook(setup, branch);
    file[HOOK_OFFSET..HOOK_OFFSET + code.len()].copy_from_slice(&code);
    let images = images(&file).unwrap();
    let init_function = InitFunction {
        address: HOOK,
        kind: HookKind::Init,
        module: "sample",
        create: None,
    };
    let context = TargetInterpreter {
        minor: 14,
        free_threaded: true,
    };
    evaluate(
        images.first().unwrap(),
        init_function,
        context,
        EvaluationLimits::default(),
        &NoSiblings,
    )
    .facts
    .gil
}

/// CPython 3.13t and 3.14t switch the GIL on for each of these modules.
#[test]
fn flags_that_an_instruction_leaves_alone_decide_branches_after_it() {
    const BELOW: u8 = 0x72;
    const EQUAL: u8 = 0x74;
    for (what, setup, branch) in [
        // xor eax, eax; cmp eax, 1; mov ecx, 5; dec ecx
        ("dec keeps the carry", "31c083f801b905000000ffc9", BELOW),
        ("inc keeps the carry", "31c083f801b905000000ffc1", BELOW),
        // xor eax, eax; mov ecx, 1; ror ecx, 1
        ("ror keeps the zero flag", "31c0b901000000d1c9", EQUAL),
        ("rol keeps the zero flag", "31c0b901000000d1c1", EQUAL),
    ] {
        let found = declaration(&bytes(setup), branch);
        assert_eq!(
            found.value(),
            Some(&GilDeclaration::Slot { value: 0 }),
            "{what}: {found:?}"
        );
    }
}
