//! Operands: registers of every width, memory, immediates.

use iced_x86::{Instruction, OpKind, Register, UsedMemory};

use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::values::symbol::JumpTable;
use crate::evaluator::values::value::{MachineValue, THREAD, THREAD_BLOCK, THREAD_BLOCKS, mask};

/// Width of an operand in bits.
pub(super) fn bits(instruction: &Instruction, index: u32) -> u32 {
    let bytes = match instruction.op_kind(index) {
        OpKind::Register => instruction.op_register(index).size(),
        OpKind::Memory => instruction.memory_size().size(),
        _ => 8,
    };
    8 * (bytes.clamp(1, 8) as u32)
}

/// Reads an operand; its upper bits are zero.
pub(super) fn read(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
    index: u32,
) -> MachineValue {
    match instruction.op_kind(index) {
        OpKind::Register => {
            let number = instruction.op_register(index);
            low_byte(machine, state, number).unwrap_or_else(|| register(state, number))
        }
        OpKind::Memory => {
            let size = u64::from(bits(instruction, index) / 8);
            if let Some(table) = table(machine, state, instruction, size) {
                return machine.load_entry(state, table);
            }
            if is_thread_block(state, instruction) {
                return MachineValue::Known(THREAD + THREAD_BLOCK);
            }
            let address = address(state, instruction, true);
            machine.load(state, address, size)
        }
        OpKind::NearBranch16 | OpKind::NearBranch32 | OpKind::NearBranch64 => {
            MachineValue::Known(instruction.near_branch_target())
        }
        _ => match instruction.try_immediate(index) {
            Ok(value) => MachineValue::Known(value & mask(bits(instruction, 0))),
            Err(_) => MachineValue::ANY,
        },
    }
}

/// Whether both operands are one register.
pub(super) fn is_same_register(instruction: &Instruction) -> bool {
    let both =
        instruction.op_kind(0) == OpKind::Register && instruction.op_kind(1) == OpKind::Register;
    both && instruction.op_register(0) == instruction.op_register(1)
}

/// Whether both operands are registers that hold the same.
pub(super) fn same(state: &PathState, instruction: &Instruction) -> bool {
    let both =
        instruction.op_kind(0) == OpKind::Register && instruction.op_kind(1) == OpKind::Register;
    let (left, right) = (instruction.op_register(0), instruction.op_register(1));
    both && matches!((register(state, left), register(state, right)), (MachineValue::Known(l), MachineValue::Known(r)) if l == r)
}

/// Whether the pointer to the image's thread-local block is read from the thread's table: whatever its index there, no
/// other entry is asked for.
fn is_thread_block(state: &PathState, instruction: &Instruction) -> bool {
    instruction.memory_index_scale() == 8
        && instruction.memory_index() != Register::None
        && instruction.memory_base() != Register::None
        && register(state, instruction.memory_base()) == MachineValue::Known(THREAD + THREAD_BLOCKS)
}

fn is_high_byte(register: Register) -> bool {
    matches!(
        register,
        Register::AH | Register::BH | Register::CH | Register::DH
    )
}

/// Number of the 64-bit register that a general register is a part of.
fn number(register: Register) -> usize {
    register.full_register().number()
}

/// Reads a general register of any width.
pub(super) fn register(state: &PathState, register: Register) -> MachineValue {
    if !register.is_gpr() {
        return MachineValue::ANY;
    }
    let whole = state.register(number(register));
    if is_high_byte(register) {
        return whole.known().map_or(MachineValue::ANY, |whole| {
            MachineValue::Known((whole >> 8) & 0xff)
        });
    }
    whole.truncate(8 * register.size() as u32)
}

/// Writes an operand.
pub(super) fn write(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
    index: u32,
    value: MachineValue,
) {
    match instruction.op_kind(index) {
        OpKind::Register => set(machine, state, instruction.op_register(index), value),
        OpKind::Memory => {
            let address = address(state, instruction, true);
            machine.store(
                state,
                address,
                u64::from(bits(instruction, index) / 8),
                value,
            );
        }
        _ => {}
    }
}

/// The lowest byte of a register of which nothing else is known.
fn low_byte(
    machine: &SharedMachine,
    state: &PathState,
    register: Register,
) -> Option<MachineValue> {
    if !register.is_gpr8() || is_high_byte(register) {
        return None;
    }
    let MachineValue::Symbol { id, offset: 0 } = state.register(number(register)) else {
        return None;
    };
    machine
        .symbols
        .get(id)?
        .low
        .map(|byte| MachineValue::Known(u64::from(byte)))
}

/// Writes a general register of any width; the upper half of a 64-bit register is cleared with its lower one.
pub(super) fn set(
    machine: &mut SharedMachine,
    state: &mut PathState,
    register: Register,
    value: MachineValue,
) {
    if !register.is_gpr() {
        return;
    }
    let number = number(register);
    let width = 8 * register.size() as u32;
    let value = match (width, is_high_byte(register)) {
        (32 | 64, _) => value.truncate(width),
        (_, high) => {
            let shift = if high { 8 } else { 0 };
            match (state.register(number), value) {
                (MachineValue::Known(whole), MachineValue::Known(part)) => {
                    let hole = mask(width) << shift;
                    MachineValue::Known((whole & !hole) | ((part << shift) & hole))
                }
                // A flag or a result in the low byte is the whole number where nothing is above it.
                (MachineValue::Known(whole), MachineValue::Symbol { .. })
                    if !high && whole & !mask(width) == 0 =>
                {
                    value.truncate(width)
                }
                (_, MachineValue::Known(byte)) if !high && width == 8 => {
                    machine.low_byte(state, byte as u8)
                }
                _ => MachineValue::ANY,
            }
        }
    };
    state.set_register(number, value);
}

/// The address of a memory operand; without its segment for `LEA`.
pub(super) fn address(
    state: &PathState,
    instruction: &Instruction,
    with_segment: bool,
) -> MachineValue {
    if instruction.is_ip_rel_memory_operand() {
        return MachineValue::Known(instruction.ip_rel_memory_address());
    }
    let displacement = instruction.memory_displacement64();
    let mut sum = match instruction.memory_base() {
        Register::None => MachineValue::Known(displacement),
        base => register(state, base).offset(displacement),
    };
    if with_segment && matches!(instruction.segment_prefix(), Register::FS | Register::GS) {
        sum = sum.add(MachineValue::Known(THREAD));
    }
    let index = instruction.memory_index();
    if index != Register::None && index.is_gpr() {
        let scale = instruction.memory_index_scale();
        let index = match register(state, index) {
            MachineValue::Known(index) => MachineValue::Known(index.wrapping_mul(u64::from(scale))),
            value if scale == 1 => value,
            MachineValue::Symbol { .. } | MachineValue::Unknown(_) => MachineValue::ANY,
        };
        sum = sum.add(index);
    }
    let is_narrow = instruction.memory_base().size() == 4 || instruction.memory_index().size() == 4;
    if is_narrow { sum.truncate(32) } else { sum }
}

/// The address of memory that the decoder says is used; `None` where it does not say which.
pub(super) fn used_address(state: &PathState, used: &UsedMemory) -> Option<MachineValue> {
    let is_plain = |register: Register| {
        register == Register::None || register.is_gpr64() || register == Register::RIP
    };
    if !is_plain(used.base()) {
        return None;
    }
    let displacement = MachineValue::Known(used.displacement());
    let start = match used.base() {
        // The displacement is an address then.
        Register::None | Register::RIP => displacement,
        base => register(state, base).offset(used.displacement()),
    };
    let start = match used.segment() {
        Register::FS | Register::GS => start.add(MachineValue::Known(THREAD)),
        _ => start,
    };
    Some(match used.index() {
        Register::None => start,
        index if index.is_gpr64() => match register(state, index) {
            MachineValue::Known(index) => start.offset(index.wrapping_mul(u64::from(used.scale()))),
            MachineValue::Symbol { .. } | MachineValue::Unknown(_) => {
                MachineValue::Unknown(start.points_to())
            }
        },
        _ => MachineValue::Unknown(start.points_to()),
    })
}

/// The constant table of which an unknown element is read.
fn table(
    machine: &SharedMachine,
    state: &PathState,
    instruction: &Instruction,
    size: u64,
) -> Option<JumpTable> {
    let index = instruction.memory_index();
    if !index.is_gpr()
        || !matches!(size, 4 | 8)
        || u64::from(instruction.memory_index_scale()) != size
    {
        return None;
    }
    let index = register(state, index);
    if index.known().is_some() {
        return None;
    }
    let base = match instruction.memory_base() {
        Register::None => 0,
        base => register(state, base).known()?,
    };
    let start = base.wrapping_add(instruction.memory_displacement64());
    let signed = instruction.mnemonic() == iced_x86::Mnemonic::Movsxd;
    machine.image.is_read_only(start).then(|| JumpTable {
        signed,
        ..machine.table(state, start, size, index)
    })
}
