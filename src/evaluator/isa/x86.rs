//! Carries out x86-64 instructions on a path. What has no model of its own makes unknown whatever it writes.
//!
//! Reference: <https://www.intel.com/content/www/us/en/developer/articles/technical/intel-sdm.html>

mod access;
mod arithmetic;
mod control;
pub(in crate::evaluator) mod decode;
mod exchange;
mod operand;
mod shift;
mod stack;
mod string_ops;
mod unmodelled;
mod vector;

use iced_x86::{Code, FlowControl, Instruction, Mnemonic, OpKind, Register};

use self::decode::decode;
use crate::binary::image::{BinaryImage, ImageSegment};
use crate::evaluator::cpu::convention::CallingConvention;
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::{CallFrame, PathState};
use crate::evaluator::isa::{
    AccessSite, CallSite, ConstantDefinition, ImageAccess, ImportStub, InstructionSet,
    InstructionSuccessor, NamedAddresses, StaticSuccessor, constants, xrefs,
};
use crate::evaluator::values::hash::FastMap;
use crate::evaluator::values::value::{MachineValue, extend};
use crate::model::facts::ImageFormat;

/// Number of the stack pointer.
const RSP: usize = 4;

/// AMD64 System V: <https://gitlab.com/x86-psABIs/x86-64-ABI>
static SYSTEM_V: CallingConvention = CallingConvention {
    arguments: &[7, 6, 2, 1, 8, 9],
    result: 0,
    selector: 2,
    stack_pointer: RSP,
    preserved: &[3, 5, 12, 13, 14, 15],
    preserved_vectors: 0..0,
    stacked: 8,
    thread: None,
};

/// Windows x64: <https://learn.microsoft.com/en-us/cpp/build/x64-calling-convention>
static WINDOWS: CallingConvention = CallingConvention {
    arguments: &[1, 2, 8, 9],
    result: 0,
    selector: 2,
    stack_pointer: RSP,
    preserved: &[3, 5, 6, 7, 12, 13, 14, 15],
    preserved_vectors: 6..16,
    stacked: 40,
    thread: None,
};

/// x86-64, with the instructions that were decoded so far by their addresses.
#[derive(Debug, Default)]
pub(in crate::evaluator) struct X86 {
    decoded: FastMap<u64, Instruction>,
}

impl X86 {
    fn fetch(&mut self, image: &BinaryImage, address: u64) -> Option<Instruction> {
        if let Some(instruction) = self.decoded.get(&address) {
            return Some(*instruction);
        }
        let instruction = decode(image, address)?;
        self.decoded.insert(address, instruction);
        Some(instruction)
    }
}

impl InstructionSet for X86 {
    fn convention(format: ImageFormat) -> &'static CallingConvention {
        match format {
            ImageFormat::Pe => &WINDOWS,
            ImageFormat::Elf | ImageFormat::MachO => &SYSTEM_V,
        }
    }

    fn step(&mut self, machine: &mut SharedMachine, state: &mut PathState) -> InstructionSuccessor {
        match self.fetch(machine.image, state.pc) {
            Some(instruction) => step(machine, state, &instruction),
            None => InstructionSuccessor::Stuck("the bytes are no instruction".into()),
        }
    }

    fn static_successor(&mut self, image: &BinaryImage, address: u64) -> StaticSuccessor {
        self.fetch(image, address)
            .map_or(StaticSuccessor::Computed, |instruction| {
                static_successor(&instruction)
            })
    }

    fn static_access(
        &mut self,
        image: &BinaryImage,
        address: u64,
        _: &mut NamedAddresses,
    ) -> Option<ImageAccess> {
        access::of(image, &self.fetch(image, address)?)
    }

    fn accesses(image: &BinaryImage, range: (u64, u64)) -> Vec<AccessSite> {
        access::find(image, range)
    }

    fn starts_of(image: &BinaryImage, place: u64) -> Vec<u64> {
        // An opcode of one byte or of one and a mode, perhaps with a prefix: REX, BND or the size of addresses.
        let is_prefix = |address| {
            image
                .u8(address)
                .is_some_and(|it| it & 0xf0 == 0x40 || it == 0xf2 || it == 0x67)
        };
        let mut starts = vec![place.wrapping_sub(1), place.wrapping_sub(2)];
        starts.extend(Some(place.wrapping_sub(3)).filter(|&start| is_prefix(start)));
        starts
    }

    fn traps(&mut self, image: &BinaryImage, address: u64) -> bool {
        let instruction = self.fetch(image, address);
        instruction.is_some_and(|instruction| {
            matches!(instruction.mnemonic(), Mnemonic::Ud2 | Mnemonic::Int3)
        })
    }

    fn compares_with_minus_one(
        &mut self,
        machine: &SharedMachine,
        _: &PathState,
        return_to: u64,
    ) -> Option<u64> {
        let instruction = self.fetch(machine.image, return_to)?;
        let compares = instruction.mnemonic() == Mnemonic::Cmp
            && instruction.op0_kind() == OpKind::Memory
            && instruction.is_ip_rel_memory_operand()
            && instruction.memory_size().size() == 4
            && instruction
                .try_immediate(1)
                .is_ok_and(|value| value as u32 == u32::MAX);
        compares.then(|| instruction.ip_rel_memory_address())
    }

    fn enter(machine: &mut SharedMachine, state: &mut PathState, return_to: u64) {
        let before = state.register(RSP);
        state.push_frame(return_to, before.known().unwrap_or_default());
        stack::push(machine, state, 8, MachineValue::Known(return_to));
    }

    fn enter_external(machine: &mut SharedMachine, state: &mut PathState, return_to: u64) {
        X86::enter(machine, state, return_to);
    }

    fn leave_external(_: &SharedMachine, state: &mut PathState) {
        let after = state.register(RSP).add(MachineValue::Known(8));
        state.set_register(RSP, after);
    }

    fn stack_at_entry(frame: &CallFrame) -> u64 {
        frame.stack.wrapping_sub(8)
    }

    fn jump_table_end(image: &BinaryImage, place: u64, bounds: (u64, u64)) -> u64 {
        first_lea_target(image, place, bounds).unwrap_or(bounds.1)
    }

    fn references(segment: &ImageSegment<'_>, targets: &[u64]) -> Vec<CallSite> {
        xrefs::find_x86(segment, targets)
    }

    fn stub(image: &BinaryImage, site: &CallSite) -> Option<ImportStub> {
        xrefs::stub_x86(image, site)
    }

    fn constant_before(
        image: &BinaryImage,
        site: &CallSite,
        register: usize,
    ) -> Option<ConstantDefinition> {
        setting(image, site.reference, register, constants::REACH)
    }

    fn is_jumped_into(image: &BinaryImage, start: u64, last: u64) -> bool {
        constants::x86_is_entered(image, start, last)
    }
}

/// Carries out an instruction.
pub(super) fn step(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) -> InstructionSuccessor {
    if instruction.is_jmp_far_indirect() || instruction.is_call_far_indirect() {
        return InstructionSuccessor::Stuck("far jumps and calls are not followed".into());
    }
    match instruction.flow_control() {
        FlowControl::Next => {}
        FlowControl::UnconditionalBranch => {
            return InstructionSuccessor::Next(instruction.near_branch_target());
        }
        FlowControl::IndirectBranch => {
            let target = operand::read(machine, state, instruction, 0);
            return InstructionSuccessor::Jump(target);
        }
        FlowControl::ConditionalBranch => return control::branch(machine, state, instruction),
        FlowControl::Return => return control::ret(machine, state, instruction),
        FlowControl::Call => {
            let target = MachineValue::Known(instruction.near_branch_target());
            return InstructionSuccessor::Call {
                target,
                return_to: instruction.next_ip(),
            };
        }
        FlowControl::IndirectCall => {
            let target = operand::read(machine, state, instruction, 0);
            return InstructionSuccessor::Call {
                target,
                return_to: instruction.next_ip(),
            };
        }
        FlowControl::Interrupt | FlowControl::XbeginXabortXend | FlowControl::Exception => {
            return if instruction.mnemonic() == Mnemonic::Syscall {
                unmodelled::step(machine, state, instruction)
            } else {
                InstructionSuccessor::Dead
            };
        }
    }
    execute(machine, state, instruction)
}

/// The first address between two others that a `LEA` in the code around a place names. Compilers lay the tables of
/// functions that follow each other side by side.
fn first_lea_target(image: &BinaryImage, place: u64, (start, end): (u64, u64)) -> Option<u64> {
    const AROUND: u64 = 1 << 16;
    let segment = image.segment_at(place)?;
    let from =
        usize::try_from(place.saturating_sub(segment.address).saturating_sub(AROUND)).ok()?;
    let to = usize::try_from(place.saturating_sub(segment.address).saturating_add(AROUND)).ok()?;
    let code = segment.bytes.get(from..to.min(segment.bytes.len()))?;
    let first = segment.address.checked_add(from as u64)?;
    let named = code
        .windows(7)
        .zip(first..)
        .filter_map(|(bytes, address)| match *bytes {
            // REX.W, LEA, a ModR/M byte for RIP and a displacement of 32 bits, which counts from the next instruction.
            [0x48 | 0x4c, 0x8d, modes, low, second, third, high] if modes & 0xc7 == 0x05 => {
                let displacement = i32::from_le_bytes([low, second, third, high]);
                Some(
                    address
                        .wrapping_add(7)
                        .wrapping_add_signed(i64::from(displacement)),
                )
            }
            _ => None,
        });
    named.filter(|named| start < *named && *named < end).min()
}

/// The instruction that sets a register to a constant before the call or jump whose displacement lies at `place`, with nothing
/// between that branches or writes the register.
fn setting(
    image: &BinaryImage,
    place: u64,
    register: usize,
    reach: u64,
) -> Option<ConstantDefinition> {
    let is_register = |it: Register| it.is_gpr() && it.full_register().number() == register;
    (1..=reach).find_map(|distance| {
        let mut address = place.checked_sub(1)?.checked_sub(distance)?;
        let mut found: Option<(u64, u64)> = None;
        while address < place {
            let instruction = decode(image, address)?;
            if instruction.flow_control() != FlowControl::Next {
                let leaves = matches!(
                    instruction.flow_control(),
                    FlowControl::Call
                        | FlowControl::IndirectCall
                        | FlowControl::UnconditionalBranch
                        | FlowControl::IndirectBranch
                );
                let is_ours = leaves && instruction.next_ip() == place.checked_add(4)?;
                return found
                    .filter(|_| is_ours)
                    .map(|(end, value)| ConstantDefinition {
                        end,
                        call: address,
                        value,
                    });
            }
            let written = instruction.op0_kind() == OpKind::Register
                && is_register(instruction.op0_register());
            let value = match instruction.mnemonic() {
                Mnemonic::Mov => instruction.try_immediate(1).ok(),
                Mnemonic::Xor if instruction.op_kind(1) == OpKind::Register => {
                    (instruction.op0_register() == instruction.op1_register()).then_some(0)
                }
                _ => None,
            };
            match (written, value, found) {
                (true, Some(value), None) if instruction.op0_register().size() >= 4 => {
                    found = Some((instruction.next_ip(), value & u64::from(u32::MAX)));
                }
                // The first instruction must be the one, and nothing else may write the register.
                (true, ..) | (false, _, None) => return None,
                (false, _, Some(_)) => {}
            }
            address = instruction.next_ip();
        }
        None
    })
}

/// Where an instruction leads, whatever the values.
fn static_successor(instruction: &Instruction) -> StaticSuccessor {
    let next = instruction.next_ip();
    let slot = || {
        (instruction.op0_kind() == OpKind::Memory && instruction.is_ip_rel_memory_operand())
            .then(|| instruction.ip_rel_memory_address())
    };
    match instruction.flow_control() {
        FlowControl::Next if matches!(instruction.mnemonic(), Mnemonic::Hlt) => {
            StaticSuccessor::Dead
        }
        FlowControl::Next | FlowControl::XbeginXabortXend => StaticSuccessor::Next(next),
        FlowControl::UnconditionalBranch => StaticSuccessor::Jump(instruction.near_branch_target()),
        FlowControl::ConditionalBranch => {
            StaticSuccessor::Branch(instruction.near_branch_target(), next)
        }
        FlowControl::Call => StaticSuccessor::Call {
            target: instruction.near_branch_target(),
            next,
        },
        FlowControl::IndirectCall => slot().map_or(StaticSuccessor::Next(next), |slot| {
            StaticSuccessor::Through {
                slot,
                next: Some(next),
            }
        }),
        FlowControl::IndirectBranch => slot().map_or(StaticSuccessor::Computed, |slot| {
            StaticSuccessor::Through { slot, next: None }
        }),
        FlowControl::Return => StaticSuccessor::Return,
        FlowControl::Interrupt if instruction.mnemonic() == Mnemonic::Syscall => {
            StaticSuccessor::Next(next)
        }
        FlowControl::Interrupt | FlowControl::Exception => StaticSuccessor::Dead,
    }
}

fn execute(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) -> InstructionSuccessor {
    use Mnemonic::*;
    let next = InstructionSuccessor::Next(instruction.next_ip());
    match instruction.mnemonic() {
        Pause => return InstructionSuccessor::Wait(instruction.next_ip()),
        Nop | Endbr64 | Lfence | Mfence | Sfence | Prefetcht0 | Prefetcht1 | Prefetcht2
        | Prefetchnta | Prefetchw | Emms | Cld | Fnop => {}
        Ud2 | Int3 | Hlt | Ud0 | Ud1 => return InstructionSuccessor::Dead,
        Mov | Movzx | Movnti | Movbe if !is_vector(instruction) => {
            if instruction.mnemonic() == Movbe || uses_special(instruction) {
                return unmodelled::step(machine, state, instruction);
            }
            let value = operand::read(machine, state, instruction, 1);
            operand::write(machine, state, instruction, 0, value);
        }
        Movsx | Movsxd => {
            let bits = operand::bits(instruction, 1);
            let value = operand::read(machine, state, instruction, 1);
            let value = extend(value, bits);
            operand::write(machine, state, instruction, 0, value);
        }
        Lea => {
            let value = operand::address(state, instruction, false);
            operand::write(machine, state, instruction, 0, value);
        }
        Push => stack::push_operand(machine, state, instruction),
        Pop => stack::pop(machine, state, instruction),
        Leave if instruction.code() == Code::Leaveq => stack::leave(machine, state),
        Enter => return InstructionSuccessor::Stuck("ENTER is not followed".into()),
        Cdqe | Cwde | Cdq | Cqo => arithmetic::widen(state, instruction.mnemonic()),
        _ if control::is_conditional(instruction) => {
            return control::conditional(machine, state, instruction);
        }
        Cmpxchg | Xadd | Xchg => return exchange::step(machine, state, instruction),
        Std => return InstructionSuccessor::Stuck("STD is not followed".into()),
        Stosb | Stosd | Stosq | Stosw | Movsb | Movsd | Movsq | Movsw
            if string_ops::is_followed(instruction) =>
        {
            string_ops::step(machine, state, instruction);
        }
        _ if arithmetic::step(machine, state, instruction)
            || shift::step(machine, state, instruction)
            || vector::step(machine, state, instruction) => {}
        _ => return unmodelled::step(machine, state, instruction),
    }
    next
}

fn is_vector(instruction: &Instruction) -> bool {
    (0..instruction.op_count()).any(|index| {
        instruction.op_kind(index) == OpKind::Register
            && instruction.op_register(index).is_vector_register()
    })
}

/// Moves from and to segment and control registers.
fn uses_special(instruction: &Instruction) -> bool {
    (0..instruction.op_count()).any(|index| {
        instruction.op_kind(index) == OpKind::Register && !instruction.op_register(index).is_gpr()
    })
}
