//! Carries out x86-64 instructions on a path. What has no model of its own makes unknown whatever it writes.
//!
//! Reference: <https://www.intel.com/content/www/us/en/developer/articles/technical/intel-sdm.html>

mod arithmetic;
mod operand;
mod text;
mod vector;

use iced_x86::{Code, ConditionCode, Decoder, DecoderOptions, FlowControl, Instruction, Mnemonic, OpKind, Register};

use super::constants::Setting;
use super::explore::{Bench, Flow};
use super::flags::{Condition, Flags};
use super::returning::Lead;
use super::state::State;
use super::value::{Value, extend};
use crate::binary::image::Image;

/// Longest x86 instruction in bytes.
const LONGEST: usize = 15;
/// Number of the stack pointer.
pub(super) const RSP: usize = 4;
const RBP: usize = 5;

/// Carries out the instruction at the path's address.
pub(super) fn step(bench: &mut Bench, state: &mut State) -> Flow {
    let Some(instruction) = fetch(bench, state.pc) else {
        return Flow::Stuck("the bytes are no instruction".into());
    };
    match instruction.flow_control() {
        FlowControl::Next => {}
        FlowControl::UnconditionalBranch => return Flow::Next(instruction.near_branch_target()),
        FlowControl::IndirectBranch => {
            let target = operand::read(bench, state, &instruction, 0);
            return Flow::Jump(target);
        }
        FlowControl::ConditionalBranch => return branch(bench, state, &instruction),
        FlowControl::Return => return give_back(bench, state, &instruction),
        FlowControl::Call => {
            let target = Value::Known(instruction.near_branch_target());
            return Flow::Call { target, return_to: instruction.next_ip() };
        }
        FlowControl::IndirectCall => {
            let target = operand::read(bench, state, &instruction, 0);
            return Flow::Call { target, return_to: instruction.next_ip() };
        }
        FlowControl::Interrupt | FlowControl::XbeginXabortXend | FlowControl::Exception => {
            return if instruction.mnemonic() == Mnemonic::Syscall {
                unmodelled(bench, state, &instruction)
            } else {
                Flow::Dead
            };
        }
    }
    execute(bench, state, &instruction)
}

/// Whether the instruction there traps: what comes before it never returns.
pub(super) fn traps(bench: &mut Bench, address: u64) -> bool {
    fetch(bench, address).is_some_and(|instruction| matches!(instruction.mnemonic(), Mnemonic::Ud2 | Mnemonic::Int3))
}

/// The variable that the instruction there compares with a 32-bit -1, when it does that.
pub(super) fn compares_with_minus_one(bench: &mut Bench, address: u64) -> Option<u64> {
    let instruction = fetch(bench, address)?;
    let compares = instruction.mnemonic() == Mnemonic::Cmp
        && instruction.op0_kind() == OpKind::Memory
        && instruction.is_ip_rel_memory_operand()
        && instruction.memory_size().size() == 4
        && instruction.try_immediate(1).is_ok_and(|value| value as u32 == u32::MAX);
    compares.then(|| instruction.ip_rel_memory_address())
}

/// The first address between two others that a `LEA` in the code around a place names. Compilers lay the tables of
/// functions that follow each other side by side.
pub(super) fn first_named(image: &Image, place: u64, (start, end): (u64, u64)) -> Option<u64> {
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
pub(super) fn setting(image: &Image, place: u64, register: usize, reach: u64) -> Option<Setting> {
    let is_register = |it: Register| it.is_gpr() && it.full_register().number() == register;
    (1..=reach).find_map(|distance| {
        let mut address = place.checked_sub(1)?.checked_sub(distance)?;
        let mut found: Option<(u64, u64)> = None;
        while address < place {
            let instruction = decode(image, address)?;
            if instruction.flow_control() != FlowControl::Next {
                let is_call = matches!(instruction.flow_control(), FlowControl::Call | FlowControl::IndirectCall);
                let is_ours = is_call && instruction.next_ip() == place.checked_add(4)?;
                return found.filter(|_| is_ours).map(|(end, value)| Setting { end, call: address, value });
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
pub(super) fn beginnings(image: &Image, start: u64, last: u64) -> Vec<u64> {
    let mut found = Vec::new();
    let mut address = start;
    while address <= last {
        found.push(address);
        address = decode(image, address).map_or(address.saturating_add(1), |instruction| instruction.next_ip());
    }
    found
}

/// Where the instruction at an address leads, whatever the values.
pub(super) fn lead(bench: &mut Bench, address: u64) -> Lead {
    let Some(instruction) = fetch(bench, address) else { return Lead::Away };
    let next = instruction.next_ip();
    let slot = || {
        (instruction.op0_kind() == OpKind::Memory && instruction.is_ip_rel_memory_operand())
            .then(|| instruction.ip_rel_memory_address())
    };
    match instruction.flow_control() {
        FlowControl::Next if matches!(instruction.mnemonic(), Mnemonic::Hlt) => Lead::Dead,
        FlowControl::Next | FlowControl::XbeginXabortXend => Lead::Next(next),
        FlowControl::UnconditionalBranch => Lead::Jump(instruction.near_branch_target()),
        FlowControl::ConditionalBranch => Lead::Branch(instruction.near_branch_target(), next),
        FlowControl::Call => Lead::Call { target: instruction.near_branch_target(), next },
        FlowControl::IndirectCall => slot().map_or(Lead::Next(next), |slot| Lead::Through { slot, next: Some(next) }),
        FlowControl::IndirectBranch => slot().map_or(Lead::Away, |slot| Lead::Through { slot, next: None }),
        FlowControl::Return => Lead::Away,
        FlowControl::Interrupt if instruction.mnemonic() == Mnemonic::Syscall => Lead::Next(next),
        FlowControl::Interrupt | FlowControl::Exception => Lead::Dead,
    }
}

fn fetch(bench: &mut Bench, address: u64) -> Option<Instruction> {
    if let Some(instruction) = bench.code.get(&address) {
        return Some(*instruction);
    }
    let instruction = decode(bench.image, address)?;
    bench.code.insert(address, instruction);
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

fn branch(bench: &mut Bench, state: &mut State, instruction: &Instruction) -> Flow {
    let condition = if instruction.condition_code() == ConditionCode::None {
        // JRCXZ, LOOP and their kin.
        Condition::Other
    } else {
        condition(instruction)
    };
    match bench.ask(state, condition) {
        Some(true) => Flow::Next(instruction.near_branch_target()),
        Some(false) => Flow::Next(instruction.next_ip()),
        None => Flow::Fork(condition),
    }
}

fn give_back(bench: &mut Bench, state: &mut State, instruction: &Instruction) -> Flow {
    let stack = state.register(RSP);
    let target = bench.load(state, stack, 8);
    let extra = if instruction.op_count() == 1 { instruction.immediate(0) } else { 0 };
    state.set_register(RSP, stack.offset(8 + extra));
    Flow::Return(target)
}

fn execute(bench: &mut Bench, state: &mut State, instruction: &Instruction) -> Flow {
    use Mnemonic::*;
    let next = Flow::Next(instruction.next_ip());
    match instruction.mnemonic() {
        Nop | Endbr64 | Pause | Lfence | Mfence | Sfence | Vzeroupper | Prefetcht0 | Prefetcht1 | Prefetcht2
        | Prefetchnta | Prefetchw | Emms | Cld | Fnop => {}
        Ud2 | Int3 | Hlt | Ud0 | Ud1 => return Flow::Dead,
        Mov | Movzx | Movnti | Movbe if !is_vector(instruction) => {
            if instruction.mnemonic() == Movbe || uses_special(instruction) {
                return unmodelled(bench, state, instruction);
            }
            let value = operand::read(bench, state, instruction, 1);
            operand::write(bench, state, instruction, 0, value);
        }
        Movsx | Movsxd => {
            let bits = operand::bits(instruction, 1);
            let value = operand::read(bench, state, instruction, 1);
            let value = extend(value, bits);
            operand::write(bench, state, instruction, 0, value);
        }
        Lea => {
            let value = operand::address(state, instruction, false);
            operand::write(bench, state, instruction, 0, value);
        }
        Push => {
            let value = operand::read(bench, state, instruction, 0);
            push(bench, state, value);
        }
        Pop => {
            let stack = state.register(RSP);
            let value = bench.load(state, stack, 8);
            state.set_register(RSP, stack.offset(8));
            operand::write(bench, state, instruction, 0, value);
        }
        Leave => {
            let frame = state.register(RBP);
            let value = bench.load(state, frame, 8);
            state.set_register(RSP, frame.offset(8));
            state.set_register(RBP, value);
        }
        Cdqe | Cwde | Cdq | Cqo => arithmetic::widen(state, instruction.mnemonic()),
        _ if instruction.condition_code() != ConditionCode::None => {
            return conditional(bench, state, instruction, next);
        }
        Cmpxchg | Xadd | Xchg => return arithmetic::exchange(bench, state, instruction),
        Stosb | Stosd | Stosq | Stosw | Movsb | Movsq | Movsw if !is_vector(instruction) => {
            text::step(bench, state, instruction);
        }
        _ if arithmetic::step(bench, state, instruction) || vector::step(bench, state, instruction) => {}
        _ => return unmodelled(bench, state, instruction),
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

fn push(bench: &mut Bench, state: &mut State, value: Value) {
    let stack = state.register(RSP).sub(Value::Known(8));
    state.set_register(RSP, stack);
    bench.store(state, stack, 8, value);
}

/// `CMOVcc` and `SETcc`: both ways are followed when the condition is unknown.
fn conditional(bench: &mut Bench, state: &mut State, instruction: &Instruction, next: Flow) -> Flow {
    let condition = condition(instruction);
    if condition == Condition::Other {
        return unmodelled(bench, state, instruction);
    }
    let moves = instruction.op_count() == 2;
    let alike = moves && operand::same(state, instruction);
    let holds = if alike { Some(true) } else { bench.ask(state, condition) };
    let Some(holds) = holds else { return Flow::Fork(condition) };
    let value = match (moves, holds) {
        (false, holds) => Value::Known(u64::from(holds)),
        (true, true) => operand::read(bench, state, instruction, 1),
        (true, false) => operand::read(bench, state, instruction, 0),
    };
    operand::write(bench, state, instruction, 0, value);
    next
}

/// An instruction without a model: all that it writes becomes unknown.
fn unmodelled(bench: &mut Bench, state: &mut State, instruction: &Instruction) -> Flow {
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
            return Flow::Stuck(format!("{:?} is not followed", instruction.mnemonic()));
        }
        let address = operand::address(state, instruction, true);
        let size = instruction.memory_size().size().clamp(1, 512) as u64;
        for offset in (0..size).step_by(8) {
            let part = (size - offset).min(8);
            let part = if part.is_power_of_two() { part } else { 8 };
            bench.store(state, address.offset(offset), part, Value::ANY);
        }
    }
    if instruction.rflags_modified() != 0 {
        state.flags = Flags::Unknown;
    }
    Flow::Next(instruction.next_ip())
}

fn forget(state: &mut State, register: Register) {
    let whole = register.full_register();
    if whole.is_gpr() {
        state.set_register(whole.number(), Value::ANY);
    } else if whole.is_vector_register() {
        state.set_vector(whole.number(), [Value::ANY; super::state::LANES]);
    }
}
