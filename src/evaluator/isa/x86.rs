//! Carries out x86-64 instructions on a path. What has no model of its own makes unknown whatever it writes.
//!
//! Reference: <https://www.intel.com/content/www/us/en/developer/articles/technical/intel-sdm.html>

mod arithmetic;
mod operand;
mod string_ops;
mod vector;

use iced_x86::{Code, ConditionCode, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};

use crate::binary::image::Image;
use crate::evaluator::constants::ConstantDefinition;
use crate::evaluator::cpu::flags::{Condition, Flags};
use crate::evaluator::cpu::state::State;
use crate::evaluator::explorer::{Executor, Successor};
use crate::evaluator::noreturn::StaticSuccessor;
use crate::evaluator::values::value::{Value, extend};

/// Longest x86 instruction in bytes.
const LONGEST: usize = 15;
/// Number of the stack pointer.
pub(in crate::evaluator) const RSP: usize = 4;
const RBP: usize = 5;

/// Carries out the instruction at the path's address.
pub(in crate::evaluator) fn step(executor: &mut Executor, state: &mut State) -> Successor {
    let Some(instruction) = fetch(executor, state.pc) else {
        return Successor::Stuck("the bytes are no instruction".into());
    };
    match instruction.flow_control() {
        FlowControl::Next => {}
        FlowControl::UnconditionalBranch => return Successor::Next(instruction.near_branch_target()),
        FlowControl::IndirectBranch => {
            let target = operand::read(executor, state, &instruction, 0);
            return Successor::Jump(target);
        }
        FlowControl::ConditionalBranch => return branch(executor, state, &instruction),
        FlowControl::Return => return ret(executor, state, &instruction),
        FlowControl::Call => {
            let target = Value::Known(instruction.near_branch_target());
            return Successor::Call { target, return_to: instruction.next_ip() };
        }
        FlowControl::IndirectCall => {
            let target = operand::read(executor, state, &instruction, 0);
            return Successor::Call { target, return_to: instruction.next_ip() };
        }
        FlowControl::Interrupt | FlowControl::XbeginXabortXend | FlowControl::Exception => {
            return if instruction.mnemonic() == Mnemonic::Syscall {
                unmodelled(executor, state, &instruction)
            } else {
                Successor::Dead
            };
        }
    }
    execute(executor, state, &instruction)
}

/// Whether the instruction there traps: what comes before it never returns.
pub(in crate::evaluator) fn traps(executor: &mut Executor, address: u64) -> bool {
    fetch(executor, address).is_some_and(|instruction| matches!(instruction.mnemonic(), Mnemonic::Ud2 | Mnemonic::Int3))
}

/// The variable that the instruction there compares with a 32-bit -1, when it does that.
pub(in crate::evaluator) fn compares_with_minus_one(executor: &mut Executor, address: u64) -> Option<u64> {
    let instruction = fetch(executor, address)?;
    let compares = instruction.mnemonic() == Mnemonic::Cmp
        && instruction.op0_kind() == OpKind::Memory
        && instruction.is_ip_rel_memory_operand()
        && instruction.memory_size().size() == 4
        && instruction.try_immediate(1).is_ok_and(|value| value as u32 == u32::MAX);
    compares.then(|| instruction.ip_rel_memory_address())
}

/// The first address between two others that a `LEA` in the code around a place names. Compilers lay the tables of
/// functions that follow each other side by side.
pub(in crate::evaluator) fn first_lea_target(image: &Image, place: u64, (start, end): (u64, u64)) -> Option<u64> {
    const AROUND: u64 = 1 << 16;
    let segment = image.segment_at(place)?;
    let from = usize::try_from(place.saturating_sub(segment.address).saturating_sub(AROUND)).ok()?;
    let to = usize::try_from(place.saturating_sub(segment.address).saturating_add(AROUND)).ok()?;
    let code = segment.bytes.get(from..to.min(segment.bytes.len()))?;
    let first = segment.address.checked_add(from as u64)?;
    let named = code.windows(7).zip(first..).filter_map(|(bytes, address)| match *bytes {
        // REX.W, LEA, a ModR/M byte for RIP and a displacement of 32 bits, which counts from the next instruction.
        [0x48 | 0x4c, 0x8d, modes, low, second, third, high] if modes & 0xc7 == 0x05 => {
            let displacement = i32::from_le_bytes([low, second, third, high]);
            Some(address.wrapping_add(7).wrapping_add_signed(i64::from(displacement)))
        }
        _ => None,
    });
    named.filter(|named| start < *named && *named < end).min()
}

/// The instruction that sets a register to a constant before the call whose displacement lies at `place`, with nothing
/// between that branches or writes the register.
pub(in crate::evaluator) fn setting(
    image: &Image,
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
                let is_call = matches!(instruction.flow_control(), FlowControl::Call | FlowControl::IndirectCall);
                let is_ours = is_call && instruction.next_ip() == place.checked_add(4)?;
                return found.filter(|_| is_ours).map(|(end, value)| ConstantDefinition { end, call: address, value });
            }
            let written = instruction.op0_kind() == OpKind::Register && is_register(instruction.op0_register());
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

/// Where the instructions of a run begin that starts at `start`, up to `last`; behind bytes that are none, everywhere.
pub(in crate::evaluator) fn instruction_starts(image: &Image, start: u64, last: u64) -> Vec<u64> {
    let mut found = Vec::new();
    let mut address = start;
    while address <= last {
        found.push(address);
        address = decode(image, address).map_or(address.saturating_add(1), |instruction| instruction.next_ip());
    }
    found
}

/// Where the instruction at an address leads, whatever the values.
pub(in crate::evaluator) fn static_successor(executor: &mut Executor, address: u64) -> StaticSuccessor {
    let Some(instruction) = fetch(executor, address) else { return StaticSuccessor::Away };
    let next = instruction.next_ip();
    let slot = || {
        (instruction.op0_kind() == OpKind::Memory && instruction.is_ip_rel_memory_operand())
            .then(|| instruction.ip_rel_memory_address())
    };
    match instruction.flow_control() {
        FlowControl::Next if matches!(instruction.mnemonic(), Mnemonic::Hlt) => StaticSuccessor::Dead,
        FlowControl::Next | FlowControl::XbeginXabortXend => StaticSuccessor::Next(next),
        FlowControl::UnconditionalBranch => StaticSuccessor::Jump(instruction.near_branch_target()),
        FlowControl::ConditionalBranch => StaticSuccessor::Branch(instruction.near_branch_target(), next),
        FlowControl::Call => StaticSuccessor::Call { target: instruction.near_branch_target(), next },
        FlowControl::IndirectCall => {
            slot().map_or(StaticSuccessor::Next(next), |slot| StaticSuccessor::Through { slot, next: Some(next) })
        }
        FlowControl::IndirectBranch => {
            slot().map_or(StaticSuccessor::Away, |slot| StaticSuccessor::Through { slot, next: None })
        }
        FlowControl::Return => StaticSuccessor::Away,
        FlowControl::Interrupt if instruction.mnemonic() == Mnemonic::Syscall => StaticSuccessor::Next(next),
        FlowControl::Interrupt | FlowControl::Exception => StaticSuccessor::Dead,
    }
}

fn fetch(executor: &mut Executor, address: u64) -> Option<Instruction> {
    if let Some(instruction) = executor.code.get(&address) {
        return Some(*instruction);
    }
    let instruction = decode(executor.image, address)?;
    executor.code.insert(address, instruction);
    Some(instruction)
}

fn decode(image: &Image, address: u64) -> Option<Instruction> {
    let segment = image.segment_at(address).filter(|segment| segment.executable)?;
    let start = usize::try_from(address - segment.address).ok()?;
    let bytes = segment.bytes.get(start..)?;
    let bytes = bytes.get(..bytes.len().min(LONGEST))?;
    let instruction = Decoder::with_ip(64, bytes, address, DecoderOptions::NONE).decode();
    (instruction.code() != Code::INVALID).then_some(instruction)
}

/// The condition of a conditional instruction.
fn condition(instruction: &Instruction) -> Condition {
    match instruction.condition_code() {
        ConditionCode::o => Condition::Overflow,
        ConditionCode::no => Condition::NoOverflow,
        ConditionCode::b => Condition::Below,
        ConditionCode::ae => Condition::AboveOrEqual,
        ConditionCode::e => Condition::Equal,
        ConditionCode::ne => Condition::NotEqual,
        ConditionCode::be => Condition::BelowOrEqual,
        ConditionCode::a => Condition::Above,
        ConditionCode::s => Condition::Negative,
        ConditionCode::ns => Condition::NotNegative,
        ConditionCode::l => Condition::Less,
        ConditionCode::ge => Condition::GreaterOrEqual,
        ConditionCode::le => Condition::LessOrEqual,
        ConditionCode::g => Condition::Greater,
        ConditionCode::None | ConditionCode::p | ConditionCode::np => Condition::Other,
    }
}

fn branch(executor: &mut Executor, state: &mut State, instruction: &Instruction) -> Successor {
    let condition = if instruction.condition_code() == ConditionCode::None {
        // JRCXZ, LOOP and their kin.
        Condition::Other
    } else {
        condition(instruction)
    };
    match executor.ask(state, condition) {
        Some(true) => Successor::Next(instruction.near_branch_target()),
        Some(false) => Successor::Next(instruction.next_ip()),
        None => Successor::Fork(condition),
    }
}

fn ret(executor: &mut Executor, state: &mut State, instruction: &Instruction) -> Successor {
    let stack = state.register(RSP);
    let target = executor.load(state, stack, 8);
    let extra = if instruction.op_count() == 1 { instruction.immediate(0) } else { 0 };
    state.set_register(RSP, stack.offset(8 + extra));
    Successor::Return(target)
}

fn execute(executor: &mut Executor, state: &mut State, instruction: &Instruction) -> Successor {
    use Mnemonic::*;
    let next = Successor::Next(instruction.next_ip());
    match instruction.mnemonic() {
        Pause => return Successor::Wait(instruction.next_ip()),
        Nop | Endbr64 | Lfence | Mfence | Sfence | Vzeroupper | Prefetcht0 | Prefetcht1 | Prefetcht2
        | Prefetchnta | Prefetchw | Emms | Cld | Fnop => {}
        Ud2 | Int3 | Hlt | Ud0 | Ud1 => return Successor::Dead,
        Mov | Movzx | Movnti | Movbe if !is_vector(instruction) => {
            if instruction.mnemonic() == Movbe || uses_special(instruction) {
                return unmodelled(executor, state, instruction);
            }
            let value = operand::read(executor, state, instruction, 1);
            operand::write(executor, state, instruction, 0, value);
        }
        Movsx | Movsxd => {
            let bits = operand::bits(instruction, 1);
            let value = operand::read(executor, state, instruction, 1);
            let value = extend(value, bits);
            operand::write(executor, state, instruction, 0, value);
        }
        Lea => {
            let value = operand::address(state, instruction, false);
            operand::write(executor, state, instruction, 0, value);
        }
        Push => {
            let value = operand::read(executor, state, instruction, 0);
            push(executor, state, value);
        }
        Pop => {
            let stack = state.register(RSP);
            let value = executor.load(state, stack, 8);
            state.set_register(RSP, stack.offset(8));
            operand::write(executor, state, instruction, 0, value);
        }
        Leave => {
            let frame = state.register(RBP);
            let value = executor.load(state, frame, 8);
            state.set_register(RSP, frame.offset(8));
            state.set_register(RBP, value);
        }
        Cdqe | Cwde | Cdq | Cqo => arithmetic::widen(state, instruction.mnemonic()),
        _ if instruction.condition_code() != ConditionCode::None => {
            return conditional(executor, state, instruction, next);
        }
        Cmpxchg | Xadd | Xchg => return arithmetic::exchange(executor, state, instruction),
        Stosb | Stosd | Stosq | Stosw | Movsb | Movsq | Movsw if !is_vector(instruction) => {
            string_ops::step(executor, state, instruction);
        }
        _ if arithmetic::step(executor, state, instruction) || vector::step(executor, state, instruction) => {}
        _ => return unmodelled(executor, state, instruction),
    }
    next
}

fn is_vector(instruction: &Instruction) -> bool {
    (0..instruction.op_count()).any(|index| {
        instruction.op_kind(index) == OpKind::Register && instruction.op_register(index).is_vector_register()
    })
}

/// Moves from and to segment and control registers.
fn uses_special(instruction: &Instruction) -> bool {
    (0..instruction.op_count())
        .any(|index| instruction.op_kind(index) == OpKind::Register && !instruction.op_register(index).is_gpr())
}

fn push(executor: &mut Executor, state: &mut State, value: Value) {
    let stack = state.register(RSP).sub(Value::Known(8));
    state.set_register(RSP, stack);
    executor.store(state, stack, 8, value);
}

/// `CMOVcc` and `SETcc`: both ways are followed when the condition is unknown.
fn conditional(executor: &mut Executor, state: &mut State, instruction: &Instruction, next: Successor) -> Successor {
    let condition = condition(instruction);
    if condition == Condition::Other {
        return unmodelled(executor, state, instruction);
    }
    let moves = instruction.op_count() == 2;
    let alike = moves && operand::same(state, instruction);
    let holds = if alike { Some(true) } else { executor.ask(state, condition) };
    let Some(holds) = holds else { return Successor::Fork(condition) };
    let value = match (moves, holds) {
        (false, holds) => Value::Known(u64::from(holds)),
        (true, true) => operand::read(executor, state, instruction, 1),
        (true, false) => operand::read(executor, state, instruction, 0),
    };
    operand::write(executor, state, instruction, 0, value);
    next
}

/// An instruction without a model: all that it writes becomes unknown.
fn unmodelled(executor: &mut Executor, state: &mut State, instruction: &Instruction) -> Successor {
    use iced_x86::{InstructionInfoFactory, OpAccess};
    let mut factory = InstructionInfoFactory::new();
    let info = factory.info(instruction);
    let writes = |access| {
        matches!(access, OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite)
    };
    for used in info.used_registers().iter().filter(|used| writes(used.access())) {
        forget(state, used.register());
    }
    let writes_memory = info.used_memory().iter().any(|used| writes(used.access()));
    if writes_memory {
        let has_operand = (0..instruction.op_count()).any(|index| instruction.op_kind(index) == OpKind::Memory);
        if !has_operand {
            return Successor::Stuck(format!("{:?} is not followed", instruction.mnemonic()));
        }
        let address = operand::address(state, instruction, true);
        let size = instruction.memory_size().size().clamp(1, 512) as u64;
        for offset in (0..size).step_by(8) {
            let part = (size - offset).min(8);
            let part = if part.is_power_of_two() { part } else { 8 };
            executor.store(state, address.offset(offset), part, Value::ANY);
        }
    }
    if instruction.rflags_modified() != 0 {
        state.flags = Flags::Unknown;
    }
    Successor::Next(instruction.next_ip())
}

fn forget(state: &mut State, register: Register) {
    let whole = register.full_register();
    if whole.is_gpr() {
        state.set_register(whole.number(), Value::ANY);
    } else if whole.is_vector_register() {
        state.set_vector(whole.number(), [Value::ANY; crate::evaluator::cpu::state::LANES]);
    }
}
