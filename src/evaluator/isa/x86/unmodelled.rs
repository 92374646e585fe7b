//! Instructions without a model: all that they write, by the decoder's account, becomes unknown.

use iced_x86::{
    Instruction, InstructionInfoFactory, Mnemonic, OpAccess, Register, RflagsBits, UsedMemory,
};

use super::{RSP, operand};
use crate::evaluator::cpu::flags::Flag;
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::{LANES, PathState};
use crate::evaluator::isa::InstructionSuccessor;
use crate::evaluator::values::value::MachineValue;

/// The decoder's bits for the flags that conditions are made of.
const FLAGS: [(u32, Flag); 4] = [
    (RflagsBits::CF, Flag::Carry),
    (RflagsBits::ZF, Flag::Zero),
    (RflagsBits::SF, Flag::Negative),
    (RflagsBits::OF, Flag::Overflow),
];
/// Most bytes that are made unknown one by one.
const LONGEST: u64 = 512;

/// Makes unknown whatever the instruction writes.
pub(super) fn step(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) -> InstructionSuccessor {
    let mut factory = InstructionInfoFactory::new();
    let info = factory.info(instruction);
    let writes = |access| {
        matches!(
            access,
            OpAccess::Write | OpAccess::CondWrite | OpAccess::ReadWrite | OpAccess::ReadCondWrite
        )
    };
    // Rotations through the carry by one more than the width change nothing by the manual, and overflow in practice.
    let rotated = match instruction.mnemonic() {
        Mnemonic::Rcl | Mnemonic::Rcr => RflagsBits::CF | RflagsBits::OF,
        _ => 0,
    };
    let modified = instruction.rflags_modified() | rotated;
    if modified & RflagsBits::DF != 0 {
        return InstructionSuccessor::Stuck(
            "the direction of string instructions is not followed".into(),
        );
    }
    for used in info
        .used_memory()
        .iter()
        .filter(|used| writes(used.access()))
    {
        if !write_memory(machine, state, instruction, used) {
            return InstructionSuccessor::Stuck(format!(
                "{:?} is not followed",
                instruction.mnemonic()
            ));
        }
    }
    let moved = instruction.stack_pointer_increment();
    for used in info
        .used_registers()
        .iter()
        .filter(|used| writes(used.access()))
    {
        if moved == 0 || used.register() != Register::RSP {
            forget(state, used.register());
        }
    }
    let stack = state.register(RSP).offset(i64::from(moved).cast_unsigned());
    state.set_register(RSP, stack);
    for (bit, flag) in FLAGS {
        if modified & bit != 0 {
            state.flags = state.flags.with(flag, None);
        }
    }
    InstructionSuccessor::Next(instruction.next_ip())
}

/// Makes unknown what is written through an address; false where it is not known which one.
fn write_memory(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
    used: &UsedMemory,
) -> bool {
    let size = used.memory_size().size() as u64;
    let is_run = instruction.is_string_instruction()
        || matches!(instruction.mnemonic(), Mnemonic::Maskmovdqu);
    let Some(address) = operand::used_address(state, used) else {
        return false;
    };
    if is_run || size == 0 || size > LONGEST || used.vsib_size() != 0 {
        machine.store(
            state,
            MachineValue::Unknown(address.points_to()),
            8,
            MachineValue::ANY,
        );
        return true;
    }
    for offset in (0..size).step_by(8) {
        let part = (size - offset).min(8);
        let part = if part.is_power_of_two() { part } else { 8 };
        machine.store(state, address.offset(offset), part, MachineValue::ANY);
    }
    true
}

fn forget(state: &mut PathState, register: Register) {
    let whole = register.full_register();
    if whole.is_gpr() {
        state.set_register(whole.number(), MachineValue::ANY);
    } else if whole.is_vector_register() {
        state.set_vector(whole.number(), [MachineValue::ANY; LANES]);
    }
}
