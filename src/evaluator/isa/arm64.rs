//! Carries out A64 instructions on a path. What has no model of its own makes its destination unknown.
//!
//! Reference: <https://developer.arm.com/documentation/ddi0602/latest/Base-Instructions>

mod access;
mod arithmetic;
mod atomic;
mod branches;
pub(super) mod encoding;
mod lookups;
mod memory;
mod operand;
mod vector;
mod xrefs;

use yaxpeax_arch::{Decoder, U8Reader};
use yaxpeax_arm::armv8::a64::{InstDecoder, Instruction, Opcode, Operand};

use crate::binary::image::{BinaryImage, ImageSegment};
use crate::evaluator::cpu::convention::CallingConvention;
use crate::evaluator::cpu::flags::{BranchCondition, Flags};
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::{CallFrame, PathState};
use crate::evaluator::isa::{
    AccessSite, CallSite, ConstantDefinition, ImageAccess, ImportStub, InstructionSet,
    InstructionSuccessor, NamedAddresses, StaticSuccessor, constants,
};
use crate::evaluator::values::hash::FastMap;
use crate::evaluator::values::value::{MachineValue, THREAD};
use crate::model::facts::ImageFormat;

use branches::{ask, test_and_branch, test_bit};

use lookups::{compares_with_minus_one, static_successor};

/// Number of the stack pointer, and of the zero register where that is meant.
const SP: usize = 31;
/// Number of the register that holds the return address.
const LINK: usize = 30;
/// Encodings of the thread pointer registers of Linux and of Apple's systems.
const THREAD_POINTERS: [u16; 2] = [0x5e82, 0x5e83];

/// AAPCS64, and Apple as far as it matters here:
/// <https://github.com/ARM-software/abi-aa/blob/main/aapcs64/aapcs64.rst>
static AAPCS64: CallingConvention = CallingConvention {
    arguments: &[0, 1, 2, 3, 4, 5, 6, 7],
    result: 0,
    selector: 1,
    stack_pointer: SP,
    preserved: &[19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29],
    preserved_vectors: 8..16,
    stacked: 0,
    thread: None,
};

/// Windows on arm64, where x18 points to the thread's block:
/// <https://learn.microsoft.com/en-us/cpp/build/arm64-windows-abi-conventions>
static WINDOWS: CallingConvention = CallingConvention {
    arguments: AAPCS64.arguments,
    result: AAPCS64.result,
    selector: AAPCS64.selector,
    stack_pointer: AAPCS64.stack_pointer,
    preserved: &[18, 19, 20, 21, 22, 23, 24, 25, 26, 27, 28, 29],
    preserved_vectors: 8..16,
    stacked: AAPCS64.stacked,
    thread: Some(18),
};

/// A64, with the instructions that were decoded so far by their words.
#[derive(Debug, Default)]
pub(in crate::evaluator) struct Arm64 {
    decoded: FastMap<u64, Instruction>,
}

impl Arm64 {
    fn decode(&mut self, word: u32) -> Option<Instruction> {
        if let Some(instruction) = self.decoded.get(&u64::from(word)) {
            return Some(*instruction);
        }
        let bytes = word.to_le_bytes();
        let instruction = InstDecoder::default()
            .decode(&mut U8Reader::new(&bytes))
            .ok()?;
        self.decoded.insert(u64::from(word), instruction);
        Some(instruction)
    }

    /// Carries out an instruction.
    pub(super) fn step_word(
        &mut self,
        machine: &mut SharedMachine,
        state: &mut PathState,
        word: u32,
    ) -> InstructionSuccessor {
        if let Some(successor) = special(state, word) {
            return successor;
        }
        if let Some(successor) = atomic::step(machine, state, word) {
            return successor;
        }
        let Some(instruction) = self.decode(word) else {
            return InstructionSuccessor::Stuck(
                "the bytes are no instruction that is known".into(),
            );
        };
        execute(machine, state, &instruction)
    }
}

impl InstructionSet for Arm64 {
    fn convention(format: ImageFormat) -> &'static CallingConvention {
        match format {
            ImageFormat::Pe => &WINDOWS,
            ImageFormat::Elf | ImageFormat::MachO => &AAPCS64,
        }
    }

    fn step(&mut self, machine: &mut SharedMachine, state: &mut PathState) -> InstructionSuccessor {
        let Some(word) = fetch(machine.image, state.pc) else {
            return InstructionSuccessor::Stuck("there is no code".into());
        };
        self.step_word(machine, state, word)
    }

    fn static_successor(&mut self, image: &BinaryImage, address: u64) -> StaticSuccessor {
        static_successor(image, address)
    }

    fn static_access(
        &mut self,
        image: &BinaryImage,
        address: u64,
        named: &mut NamedAddresses,
    ) -> Option<ImageAccess> {
        access::of(image, address, fetch(image, address)?, named)
    }

    fn accesses(image: &BinaryImage, range: (u64, u64)) -> Vec<AccessSite> {
        access::find(image, range)
    }

    fn starts_of(_: &BinaryImage, place: u64) -> Vec<u64> {
        vec![place]
    }

    fn traps(&mut self, image: &BinaryImage, address: u64) -> bool {
        const BREAK: (u32, u32) = (0xffe0_001f, 0xd420_0000);
        fetch(image, address).is_some_and(|word| word & BREAK.0 == BREAK.1 || word >> 16 == 0)
    }

    fn compares_with_minus_one(
        &mut self,
        machine: &SharedMachine,
        state: &PathState,
        return_to: u64,
    ) -> Option<u64> {
        compares_with_minus_one(machine, state, return_to)
    }

    fn enter(machine: &mut SharedMachine, state: &mut PathState, return_to: u64) {
        Arm64::enter_external(machine, state, return_to);
        state.set_register(LINK, MachineValue::Known(return_to));
    }

    fn enter_external(_: &mut SharedMachine, state: &mut PathState, return_to: u64) {
        let stack = state.register(SP).known().unwrap_or_default();
        state.push_frame(return_to, stack);
    }

    fn leave_external(_: &SharedMachine, _: &mut PathState) {}

    fn stack_at_entry(frame: &CallFrame) -> u64 {
        frame.stack
    }

    fn jump_table_end(_: &BinaryImage, _: u64, (_, end): (u64, u64)) -> u64 {
        end
    }

    fn references(segment: &ImageSegment<'_>, targets: &[u64]) -> Vec<CallSite> {
        xrefs::find(segment, targets)
    }

    fn stub(image: &BinaryImage, site: &CallSite) -> Option<ImportStub> {
        xrefs::stub(image, site)
    }

    fn constant_before(
        image: &BinaryImage,
        site: &CallSite,
        register: usize,
    ) -> Option<ConstantDefinition> {
        xrefs::setting(image, site.transfer?.start, register)
    }

    fn is_jumped_into(image: &BinaryImage, start: u64, last: u64) -> bool {
        constants::arm64_is_entered(image, start, last)
    }
}

fn fetch(image: &BinaryImage, address: u64) -> Option<u32> {
    let segment = image
        .segment_at(address)
        .filter(|segment| segment.executable)?;
    let start = usize::try_from(address - segment.address).ok()?;
    let bytes = segment.bytes.get(start..start.checked_add(4)?)?;
    Some(u32::from_le_bytes(bytes.try_into().ok()?))
}

/// Hints, pointer authentication and barriers, by their encodings.
fn special(state: &PathState, word: u32) -> Option<InstructionSuccessor> {
    const HINT: (u32, u32) = (0xffff_f01f, 0xd503_201f);
    const BARRIER: (u32, u32) = (0xffff_f01f, 0xd503_301f);
    const AUTHENTICATED_RETURN: (u32, u32) = (0xffff_fbff, 0xd65f_0bff);
    const POINTER_AUTHENTICATION: (u32, u32) = (0xffff_0000, 0xdac1_0000);
    const YIELD: u32 = 0xd503_203f;
    const WAIT_FOR_EVENT: u32 = 0xd503_205f;
    const WAIT_FOR_INTERRUPT: u32 = 0xd503_207f;
    /// What loops that wait are slowed down with, too.
    const SYNCHRONIZE_INSTRUCTIONS: u32 = 0xd503_3fdf;
    if [
        YIELD,
        WAIT_FOR_EVENT,
        WAIT_FOR_INTERRUPT,
        SYNCHRONIZE_INSTRUCTIONS,
    ]
    .contains(&word)
    {
        return Some(InstructionSuccessor::Wait(state.pc.wrapping_add(4)));
    }
    let is = |(mask, value): (u32, u32)| word & mask == value;
    let next = InstructionSuccessor::Next(state.pc.wrapping_add(4));
    if is(HINT) || is(BARRIER) || is(POINTER_AUTHENTICATION) {
        return Some(next);
    }
    if is(AUTHENTICATED_RETURN) {
        return Some(InstructionSuccessor::Return(state.register(LINK)));
    }
    None
}

fn execute(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) -> InstructionSuccessor {
    let next = InstructionSuccessor::Next(state.pc.wrapping_add(4));
    let here = state.pc;
    let target = |index: usize| match instruction.operands.get(index) {
        Some(Operand::PCOffset(offset)) => here.wrapping_add(offset.cast_unsigned()),
        Some(_) | None => here,
    };
    match instruction.opcode {
        Opcode::B => InstructionSuccessor::Next(target(0)),
        Opcode::Bcc(code) => {
            let taken = target(0);
            match ask(machine, state, code) {
                Ok(true) => InstructionSuccessor::Next(taken),
                Ok(false) => next,
                Err(fork) => fork,
            }
        }
        Opcode::BL => InstructionSuccessor::Call {
            target: MachineValue::Known(target(0)),
            return_to: state.pc.wrapping_add(4),
        },
        Opcode::BLR => {
            let target = operand::read(machine, state, instruction, 0);
            InstructionSuccessor::Call {
                target,
                return_to: state.pc.wrapping_add(4),
            }
        }
        Opcode::BR => InstructionSuccessor::Jump(operand::read(machine, state, instruction, 0)),
        Opcode::RET => InstructionSuccessor::Return(operand::read(machine, state, instruction, 0)),
        Opcode::CBZ | Opcode::CBNZ => {
            let left = operand::read(machine, state, instruction, 0);
            let flags = Flags::compare(left, MachineValue::Known(0), operand::bits(instruction, 0));
            let condition = if instruction.opcode == Opcode::CBZ {
                BranchCondition::Equal
            } else {
                BranchCondition::NotEqual
            };
            let taken = target(1);
            test_and_branch(machine, state, flags, condition, taken)
        }
        Opcode::TBZ | Opcode::TBNZ => test_bit(machine, state, instruction),
        Opcode::BRK | Opcode::HLT | Opcode::UDF => InstructionSuccessor::Dead,
        Opcode::SVC => {
            operand::clobber(state, machine.convention.result);
            next
        }
        Opcode::CCMP | Opcode::CCMN => arithmetic::conditional_compare(machine, state, instruction),
        Opcode::CSEL | Opcode::CSINC | Opcode::CSINV | Opcode::CSNEG => {
            arithmetic::select(machine, state, instruction)
        }
        Opcode::MRS => {
            let value = match instruction.operands.get(1) {
                Some(Operand::SystemReg(register)) if THREAD_POINTERS.contains(register) => {
                    MachineValue::Known(THREAD)
                }
                Some(_) | None => MachineValue::ANY,
            };
            operand::write(state, instruction, 0, value);
            next
        }
        Opcode::MSR => {
            // It may be the register of the flags.
            state.flags = Flags::UNKNOWN;
            next
        }
        Opcode::HINT
        | Opcode::PRFM
        | Opcode::PRFUM
        | Opcode::ISB
        | Opcode::DMB(_)
        | Opcode::DSB(_)
        | Opcode::CLREX => next,
        _ if memory::step(machine, state, instruction)
            || vector::step(machine, state, instruction)
            || arithmetic::step(machine, state, instruction) =>
        {
            next
        }
        _ => unmodelled(state, instruction, next),
    }
}

/// An instruction without a model: its destination, the first operand, becomes unknown, and so do the flags where it may
/// set them.
fn unmodelled(
    state: &mut PathState,
    instruction: &Instruction,
    next: InstructionSuccessor,
) -> InstructionSuccessor {
    let name = format!("{:?}", instruction.opcode);
    if ["CFINV", "SETF", "RMIF", "AXFLAG", "XAFLAG"]
        .iter()
        .any(|prefix| name.starts_with(prefix))
    {
        state.flags = Flags::UNKNOWN;
        return next;
    }
    // What stores, or loads more than its first operand, changes more than that.
    if name.starts_with("ST") || name.starts_with("LD") {
        return InstructionSuccessor::Stuck(format!("{name} is not followed"));
    }
    match (instruction.opcode, instruction.operands.first()) {
        // Their first operand is a source.
        (Opcode::FCMP | Opcode::FCMPE | Opcode::FCCMP | Opcode::FCCMPE, _) => {
            state.flags = Flags::UNKNOWN;
            next
        }
        (
            _,
            Some(
                Operand::Register(..)
                | Operand::RegisterOrSP(..)
                | Operand::SIMDRegister(..)
                | Operand::SIMDRegisterElements(..)
                | Operand::SIMDRegisterElementsLane(..)
                | Operand::SIMDRegisterElementsMultipleLane(..),
            ),
        ) => {
            operand::write(state, instruction, 0, MachineValue::ANY);
            next
        }
        (_, Some(_) | None) => InstructionSuccessor::Stuck(format!("{name} is not followed")),
    }
}
