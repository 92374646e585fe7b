//! Carries out x86-64 instructions on a path. What has no model of its own makes unknown whatever it writes.
//!
//! Reference: <https://www.intel.com/content/www/us/en/developer/articles/technical/intel-sdm.html>

mod arithmetic;
pub(in crate::evaluator) mod decode;
mod exchange;
mod operand;
mod shift;
mod string_ops;
mod vector;

use iced_x86::{ConditionCode, FlowControl, Instruction, Mnemonic, OpKind, Register, RflagsBits};

use self::decode::decode;
use crate::binary::image::{Image, Segment};
use crate::evaluator::cpu::convention::Convention;
use crate::evaluator::cpu::flags::{Condition, Flag};
use crate::evaluator::cpu::machine::Machine;
use crate::evaluator::cpu::state::{Frame, State};
use crate::evaluator::isa::{
    CallSite, ConstantDefinition, InstructionSet, StaticSuccessor, Stub, Successor, constants, xrefs,
};
use crate::evaluator::values::hash::FastMap;
use crate::evaluator::values::value::{Value, extend};
use crate::model::facts::Format;

/// Number of the stack pointer.
const RSP: usize = 4;
const RBP: usize = 5;
/// The decoder's bits for the flags that conditions are made of.
const FLAGS: [(u32, Flag); 4] = [
    (RflagsBits::CF, Flag::Carry),
    (RflagsBits::ZF, Flag::Zero),
    (RflagsBits::SF, Flag::Negative),
    (RflagsBits::OF, Flag::Overflow),
];

/// AMD64 System V: <https://gitlab.com/x86-psABIs/x86-64-ABI>
static SYSTEM_V: Convention = Convention {
    arguments: &[7, 6, 2, 1, 8, 9],
    result: 0,
    stack_pointer: RSP,
    preserved: &[3, 5, 12, 13, 14, 15],
    preserved_vectors: 0..0,
    stacked: 8,
    thread: None,
};

/// Windows x64: <https://learn.microsoft.com/en-us/cpp/build/x64-calling-convention>
static WINDOWS: Convention = Convention {
    arguments: &[1, 2, 8, 9],
    result: 0,
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
    fn fetch(&mut self, image: &Image, address: u64) -> Option<Instruction> {
        if let Some(instruction) = self.decoded.get(&address) {
            return Some(*instruction);
        }
        let instruction = decode(image, address)?;
        self.decoded.insert(address, instruction);
        Some(instruction)
    }
}

impl InstructionSet for X86 {
    fn convention(format: Format) -> &'static Convention {
        match format {
            Format::Pe => &WINDOWS,
            Format::Elf | Format::MachO => &SYSTEM_V,
        }
    }

    fn step(&mut self, machine: &mut Machine, state: &mut State) -> Successor {
        match self.fetch(machine.image, state.pc) {
            Some(instruction) => step(machine, state, &instruction),
            None => Successor::Stuck("the bytes are no instruction".into()),
        }
    }

    fn static_successor(&mut self, image: &Image, address: u64) -> StaticSuccessor {
        self.fetch(image, address).map_or(StaticSuccessor::Computed, |instruction| static_successor(&instruction))
    }

    fn traps(&mut self, image: &Image, address: u64) -> bool {
        let instruction = self.fetch(image, address);
        instruction.is_some_and(|instruction| matches!(instruction.mnemonic(), Mnemonic::Ud2 | Mnemonic::Int3))
    }

    fn compares_with_minus_one(&mut self, machine: &Machine, _: &State, return_to: u64) -> Option<u64> {
        let instruction = self.fetch(machine.image, return_to)?;
        let compares = instruction.mnemonic() == Mnemonic::Cmp
            && instruction.op0_kind() == OpKind::Memory
            && instruction.is_ip_rel_memory_operand()
            && instruction.memory_size().size() == 4
            && instruction.try_immediate(1).is_ok_and(|value| value as u32 == u32::MAX);
        compares.then(|| instruction.ip_rel_memory_address())
    }

    fn enter(machine: &mut Machine, state: &mut State, return_to: u64) {
        let before = state.register(RSP);
        state.push_frame(return_to, before.known().unwrap_or_default());
        push(machine, state, Value::Known(return_to));
    }

    fn enter_external(machine: &mut Machine, state: &mut State, return_to: u64) {
        X86::enter(machine, state, return_to);
    }

    fn leave_external(_: &Machine, state: &mut State) {
        let after = state.register(RSP).add(Value::Known(8));
        state.set_register(RSP, after);
    }

    fn stack_at_entry(frame: &Frame) -> u64 {
        frame.stack.wrapping_sub(8)
    }

    fn jump_table_end(image: &Image, place: u64, bounds: (u64, u64)) -> u64 {
        first_lea_target(image, place, bounds).unwrap_or(bounds.1)
    }

    fn references(segment: &Segment<'_>, targets: &[u64]) -> Vec<CallSite> {
        xrefs::find_x86(segment, targets)
    }

    fn stub(image: &Image, site: &CallSite) -> Option<Stub> {
        xrefs::stub_x86(image, site)
    }

    fn constant_before(image: &Image, site: &CallSite, register: usize) -> Option<ConstantDefinition> {
        setting(image, site.reference, register, constants::REACH)
    }

    fn is_jumped_into(image: &Image, start: u64, last: u64) -> bool {
        constants::x86_is_entered(image, start, last)
    }
}

/// Carries out an instruction.
fn step(machine: &mut Machine, state: &mut State, instruction: &Instruction) -> Successor {
    match instruction.flow_control() {
        FlowControl::Next => {}
        FlowControl::UnconditionalBranch => return Successor::Next(instruction.near_branch_target()),
        FlowControl::IndirectBranch => {
            let target = operand::read(machine, state, instruction, 0);
            return Successor::Jump(target);
        }
        FlowControl::ConditionalBranch => return branch(machine, state, instruction),
        FlowControl::Return => return ret(machine, state, instruction),
        FlowControl::Call => {
            let target = Value::Known(instruction.near_branch_target());
            return Successor::Call { target, return_to: instruction.next_ip() };
        }
        FlowControl::IndirectCall => {
            let target = operand::read(machine, state, instruction, 0);
            return Successor::Call { target, return_to: instruction.next_ip() };
        }
        FlowControl::Interrupt | FlowControl::XbeginXabortXend | FlowControl::Exception => {
            return if instruction.mnemonic() == Mnemonic::Syscall {
                unmodelled(machine, state, instruction)
            } else {
                Successor::Dead
            };
        }
    }
    execute(machine, state, instruction)
}

/// The first address between two others that a `LEA` in the code around a place names. Compilers lay the tables of
/// functions that follow each other side by side.
fn first_lea_target(image: &Image, place: u64, (start, end): (u64, u64)) -> Option<u64> {
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

/// The instruction that sets a register to a constant before the call or jump whose displacement lies at `place`, with nothing
/// between that branches or writes the register.
fn setting(image: &Image, place: u64, register: usize, reach: u64) -> Option<ConstantDefinition> {
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

/// Where an instruction leads, whatever the values.
fn static_successor(instruction: &Instruction) -> StaticSuccessor {
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
            slot().map_or(StaticSuccessor::Computed, |slot| StaticSuccessor::Through { slot, next: None })
        }
        FlowControl::Return => StaticSuccessor::Return,
        FlowControl::Interrupt if instruction.mnemonic() == Mnemonic::Syscall => StaticSuccessor::Next(next),
        FlowControl::Interrupt | FlowControl::Exception => StaticSuccessor::Dead,
    }
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

fn branch(machine: &mut Machine, state: &mut State, instruction: &Instruction) -> Successor {
    let condition = if instruction.condition_code() == ConditionCode::None {
        // JRCXZ, LOOP and their kin.
        Condition::Other
    } else {
        condition(instruction)
    };
    match machine.ask(state, condition) {
        Some(true) => Successor::Next(instruction.near_branch_target()),
        Some(false) => Successor::Next(instruction.next_ip()),
        None => Successor::Fork(condition),
    }
}

fn ret(machine: &mut Machine, state: &mut State, instruction: &Instruction) -> Successor {
    let stack = state.register(RSP);
    let target = machine.load(state, stack, 8);
    let extra = if instruction.op_count() == 1 { instruction.immediate(0) } else { 0 };
    state.set_register(RSP, stack.offset(8 + extra));
    Successor::Return(target)
}

fn execute(machine: &mut Machine, state: &mut State, instruction: &Instruction) -> Successor {
    use Mnemonic::*;
    let next = Successor::Next(instruction.next_ip());
    match instruction.mnemonic() {
        Pause => return Successor::Wait(instruction.next_ip()),
        Nop | Endbr64 | Lfence | Mfence | Sfence | Vzeroupper | Prefetcht0 | Prefetcht1 | Prefetcht2 | Prefetchnta
        | Prefetchw | Emms | Cld | Fnop => {}
        Ud2 | Int3 | Hlt | Ud0 | Ud1 => return Successor::Dead,
        Mov | Movzx | Movnti | Movbe if !is_vector(instruction) => {
            if instruction.mnemonic() == Movbe || uses_special(instruction) {
                return unmodelled(machine, state, instruction);
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
        Push => {
            let value = operand::read(machine, state, instruction, 0);
            push(machine, state, value);
        }
        Pop => {
            let stack = state.register(RSP);
            let value = machine.load(state, stack, 8);
            state.set_register(RSP, stack.offset(8));
            operand::write(machine, state, instruction, 0, value);
        }
        Leave => {
            let frame = state.register(RBP);
            let value = machine.load(state, frame, 8);
            state.set_register(RSP, frame.offset(8));
            state.set_register(RBP, value);
        }
        Cdqe | Cwde | Cdq | Cqo => arithmetic::widen(state, instruction.mnemonic()),
        _ if instruction.condition_code() != ConditionCode::None => {
            return conditional(machine, state, instruction, next);
        }
        Cmpxchg | Xadd | Xchg => return exchange::step(machine, state, instruction),
        Stosb | Stosd | Stosq | Stosw | Movsb | Movsq | Movsw if !is_vector(instruction) => {
            string_ops::step(machine, state, instruction);
        }
        _ if arithmetic::step(machine, state, instruction)
            || shift::step(machine, state, instruction)
            || vector::step(machine, state, instruction) => {}
        _ => return unmodelled(machine, state, instruction),
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

fn push(machine: &mut Machine, state: &mut State, value: Value) {
    let stack = state.register(RSP).sub(Value::Known(8));
    state.set_register(RSP, stack);
    machine.store(state, stack, 8, value);
}

/// `CMOVcc` and `SETcc`: both ways are followed when the condition is unknown.
fn conditional(machine: &mut Machine, state: &mut State, instruction: &Instruction, next: Successor) -> Successor {
    let condition = condition(instruction);
    if condition == Condition::Other {
        return unmodelled(machine, state, instruction);
    }
    let moves = instruction.op_count() == 2;
    let alike = moves && operand::same(state, instruction);
    let holds = if alike { Some(true) } else { machine.ask(state, condition) };
    let Some(holds) = holds else { return Successor::Fork(condition) };
    let value = match (moves, holds) {
        (false, holds) => Value::Known(u64::from(holds)),
        (true, true) => operand::read(machine, state, instruction, 1),
        (true, false) => operand::read(machine, state, instruction, 0),
    };
    operand::write(machine, state, instruction, 0, value);
    next
}

/// An instruction without a model: all that it writes becomes unknown.
fn unmodelled(machine: &mut Machine, state: &mut State, instruction: &Instruction) -> Successor {
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
            machine.store(state, address.offset(offset), part, Value::ANY);
        }
    }
    let modified = instruction.rflags_modified();
    for (bit, flag) in FLAGS {
        if modified & bit != 0 {
            state.flags = state.flags.with(flag, None);
        }
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
