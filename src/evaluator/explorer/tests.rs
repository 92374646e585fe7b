//! The worklist on code that was put together by hand, and what other tests of the explorer stand on.

use super::{FollowPurpose, PathExecutor};
use crate::binary::image::images;
use crate::evaluator::cpu::fuel::EvaluationLimits;
use crate::evaluator::cpu::machine::TargetInterpreter;
use crate::evaluator::cpu::state::{END, PathState};
use crate::evaluator::isa::InstructionSet;
use crate::evaluator::isa::x86::X86;
use crate::evaluator::memory::PathMemory;
use crate::evaluator::values::value::MachineValue;
use crate::model::facts::{GilDeclaration, HookKind, InitKind};

/// A small library whose hook may be replaced.
#[derive(Clone, Copy)]
pub(in crate::evaluator) struct Fixture {
    file: &'static str,
    /// Address of the hook, and of the code that may be replaced.
    pub(in crate::evaluator) hook: u64,
    /// How many bytes of code there are.
    room: usize,
    /// Where the code lies in the file.
    place: usize,
    /// Address of the definition.
    pub(in crate::evaluator) definition: u64,
}

/// A module of two phases.
pub(in crate::evaluator) const TWO_PHASES: Fixture = Fixture {
    file: "elf-x86_64-room.so",
    hook: 0x1470,
    room: 0x60,
    place: 0x470,
    definition: 0x3660,
};
/// A word of its data that is zero, and that nothing points to.
pub(in crate::evaluator) const VARIABLE: u64 = 0x3708;
/// What its code can call.
pub(in crate::evaluator) const INIT_DEFINITION: u64 = 0x14e0;
pub(in crate::evaluator) const FROM_STRING: u64 = 0x14f0;

/// A module of one phase that declares itself.
pub(in crate::evaluator) const ONE_PHASE: Fixture = Fixture {
    file: "elf-x86_64-single-set.so",
    hook: 0x13a0,
    room: 0x50,
    place: 0x3a0,
    definition: 0x3578,
};
/// What its code can call.
pub(in crate::evaluator) const CREATE: u64 = 0x1400;
pub(in crate::evaluator) const SET_GIL: u64 = 0x1410;

/// The same on Windows.
pub(in crate::evaluator) const ON_WINDOWS: Fixture = Fixture {
    file: "pe-x86_64-single-set.pyd",
    hook: 0x1_8000_1000,
    room: 0x4f,
    place: 0x400,
    definition: 0x1_8000_3000,
};

/// Machine code of x86-64.
pub(in crate::evaluator) struct Assembly {
    start: u64,
    bytes: Vec<u8>,
}

impl Assembly {
    /// Nothing, in place of a hook.
    pub(in crate::evaluator) fn of(fixture: Fixture) -> Assembly {
        Assembly {
            start: fixture.hook,
            bytes: Vec::new(),
        }
    }

    /// The address of what comes next.
    pub(in crate::evaluator) fn here(&self) -> u64 {
        self.start + self.bytes.len() as u64
    }

    /// These bytes.
    pub(in crate::evaluator) fn raw(mut self, bytes: &[u8]) -> Assembly {
        self.bytes.extend(bytes);
        self
    }

    /// An instruction that ends with a displacement, and perhaps a constant of four bytes behind it.
    fn relative(self, opcode: &[u8], target: u64, constant: &[u8]) -> Assembly {
        let end = self.here() + opcode.len() as u64 + 4 + constant.len() as u64;
        let displacement = (target.wrapping_sub(end) as u32).to_le_bytes();
        self.raw(opcode).raw(&displacement).raw(constant)
    }

    /// `call target`
    pub(in crate::evaluator) fn call(self, target: u64) -> Assembly {
        self.relative(&[0xe8], target, &[])
    }

    /// `jmp target`
    pub(in crate::evaluator) fn jump(self, target: u64) -> Assembly {
        self.relative(&[0xe9], target, &[])
    }

    /// `lea rdi, [target]`
    pub(in crate::evaluator) fn name(self, target: u64) -> Assembly {
        self.relative(&[0x48, 0x8d, 0x3d], target, &[])
    }

    /// `mov qword [target], 1`
    pub(in crate::evaluator) fn write(self, target: u64) -> Assembly {
        self.relative(&[0x48, 0xc7, 0x05], target, &1u32.to_le_bytes())
    }

    /// `rdtsc; test eax, eax; je` over so many bytes: a branch on an unknown.
    pub(in crate::evaluator) fn perhaps_over(self, skipped: u8) -> Assembly {
        self.raw(&[0x0f, 0x31, 0x85, 0xc0, 0x74, skipped])
    }

    /// `ret`
    pub(in crate::evaluator) fn ret(self) -> Assembly {
        self.raw(&[0xc3])
    }

    /// `nop` up to an address.
    pub(in crate::evaluator) fn up_to(self, address: u64) -> Assembly {
        let missing = usize::try_from(address - self.here()).unwrap();
        self.raw(&vec![0x90; missing])
    }
}

/// Runs a check on an executor for a library whose hook is replaced; without code the library is as it is.
pub(in crate::evaluator) fn on_code(
    fixture: Fixture,
    code: Assembly,
    check: impl FnOnce(&mut PathExecutor<'_, '_, X86>),
) {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/binary/built")
        .join(fixture.file);
    let mut bytes = std::fs::read(path).unwrap();
    assert!(
        code.bytes.len() <= fixture.room,
        "{} bytes of {}",
        code.bytes.len(),
        fixture.room
    );
    if !code.bytes.is_empty() {
        // `int3` behind it: nothing of the old hook is left.
        bytes[fixture.place..fixture.place + fixture.room].fill(0xcc);
    }
    bytes[fixture.place..fixture.place + code.bytes.len()].copy_from_slice(&code.bytes);
    let images = images(&bytes).unwrap();
    let interpreter = TargetInterpreter {
        minor: 14,
        free_threaded: true,
    };
    let purpose = FollowPurpose::Hook(HookKind::Init);
    check(&mut PathExecutor::new(
        &images[0],
        purpose,
        "sample",
        interpreter,
        EvaluationLimits::default(),
    ));
}

/// A path at the beginning of a hook.
pub(in crate::evaluator) fn entered(
    executor: &mut PathExecutor<'_, '_, X86>,
    fixture: Fixture,
) -> PathState {
    let mut state = PathState::new(
        fixture.hook,
        executor.machine.convention,
        PathMemory::default(),
    );
    X86::enter(&mut executor.machine, &mut state, END);
    state
}

#[test]
fn paths_that_meet_are_taken_together() {
    // Ten branches on unknowns: a thousand paths, if each went its own way.
    let code = (0..10).fold(Assembly::of(TWO_PHASES), |code, _| code.perhaps_over(0));
    let code = code.name(TWO_PHASES.definition).jump(INIT_DEFINITION);
    on_code(TWO_PHASES, code, |executor| {
        executor.explore(TWO_PHASES.hook, usize::MAX);
        assert!(
            executor.machine.fuel.forks <= 30,
            "{}",
            executor.machine.fuel.forks
        );
        assert_eq!(
            (executor.outcomes.len(), executor.abandoned.len()),
            (1, 0),
            "{:?}",
            executor.abandoned
        );
        assert_eq!(executor.outcomes[0].init, Some(InitKind::MultiPhase));
    });
}

#[test]
fn what_waits_forever_ends_and_what_cannot_be_followed_is_said() {
    // `jmp` to itself, and `pause` with a jump back to it.
    for (code, abandoned) in [
        (&[0xeb, 0xfe][..], 0),
        (&[0xf3, 0x90, 0xeb, 0xfc], 0),
        (&[0x0f, 0x0b], 0),
        (&[0x06], 1),
    ] {
        on_code(TWO_PHASES, Assembly::of(TWO_PHASES).raw(code), |executor| {
            executor.explore(TWO_PHASES.hook, usize::MAX);
            assert!(executor.outcomes.is_empty(), "{code:x?}");
            assert_eq!(
                executor.abandoned.len(),
                abandoned,
                "{code:x?}: {:?}",
                executor.abandoned
            );
        });
    }
}

#[test]
fn a_path_that_returns_null_is_no_outcome() {
    // `xor eax, eax; ret` where the branch is not taken.
    let code = Assembly::of(TWO_PHASES)
        .perhaps_over(3)
        .raw(&[0x31, 0xc0, 0xc3]);
    let code = code.name(TWO_PHASES.definition).jump(INIT_DEFINITION);
    on_code(TWO_PHASES, code, |executor| {
        executor.explore(TWO_PHASES.hook, usize::MAX);
        let declared: Vec<_> = executor
            .outcomes
            .iter()
            .map(|outcome| outcome.gil.clone())
            .collect();
        assert_eq!(declared, [Ok(GilDeclaration::Absent)]);
        assert!(
            executor.followed.contains_key(&(TWO_PHASES.hook + 6)),
            "both ways were followed"
        );
    });
}

#[test]
fn calls_deeper_than_asked_are_skipped() {
    let inner = TWO_PHASES.hook + 0x20;
    let code = Assembly::of(TWO_PHASES)
        .call(inner)
        .name(TWO_PHASES.definition)
        .jump(INIT_DEFINITION);
    let code = code.up_to(inner).raw(&[0x31, 0xc0]).ret();
    for (levels, is_followed) in [(1, false), (2, true), (usize::MAX, true)] {
        let code = Assembly {
            start: code.start,
            bytes: code.bytes.clone(),
        };
        on_code(TWO_PHASES, code, |executor| {
            executor.explore(TWO_PHASES.hook, levels);
            assert_eq!(
                executor.followed.contains_key(&inner),
                is_followed,
                "{levels}"
            );
            assert_eq!(executor.outcomes.len(), 1);
            assert_eq!(executor.worklist.len() + executor.raising.len(), 0);
        });
    }
}

#[test]
fn a_path_is_only_new_where_no_earlier_one_covers_it() {
    on_code(TWO_PHASES, Assembly::of(TWO_PHASES), |executor| {
        let mut state = entered(executor, TWO_PHASES);
        state.set_register(3, MachineValue::Known(0));
        assert!(executor.merge_at_fork(state.clone()).is_some());
        assert!(
            executor.merge_at_fork(state.clone()).is_none(),
            "the same again"
        );
        let mut other = state.clone();
        other.set_register(3, MachineValue::Known(1));
        assert!(
            executor.merge_at_fork(other.clone()).is_some(),
            "another register"
        );
        other.set_register(3, MachineValue::Known(2));
        let joined = executor.merge_at_fork(other).unwrap();
        assert!(
            matches!(joined.register(3), MachineValue::Unknown(_)),
            "the third is joined"
        );
        let mut raising = state;
        raising.exception_set = true;
        assert!(
            executor.merge_at_fork(raising).is_some(),
            "an exception is set"
        );
    });
}
