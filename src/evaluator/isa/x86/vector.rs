//! Vector registers as far as compilers use them to move and build pairs of words.

use iced_x86::{EncodingKind, Instruction, Mnemonic, OpKind};

use super::operand;
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::{LANES, PathState};
use crate::evaluator::values::value::{MachineValue, mask};

type VectorLanes = [MachineValue; LANES];

/// Carries out a move or a simple operation of vector registers; false when it is none.
pub(super) fn step(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
) -> bool {
    use Mnemonic::*;
    if instruction.has_op_mask() || instruction.is_broadcast() {
        return false;
    }
    match instruction.mnemonic() {
        Movaps | Movups | Movapd | Movupd | Movdqa | Movdqu | Lddqu | Movntdq | Movntps
        | Vmovaps | Vmovups | Vmovapd | Vmovupd | Vmovdqa | Vmovdqu | Vmovdqu8 | Vmovdqu16
        | Vmovdqu32 | Vmovdqu64 | Vmovdqa32 | Vmovdqa64 | Vlddqu => {
            whole(machine, state, instruction)
        }
        Vzeroupper => clear_upper(state),
        Movq | Movd | Vmovq | Vmovd | Movsd | Vmovsd | Movss | Vmovss => {
            low(machine, state, instruction)
        }
        Movhps | Movhpd | Movlps | Movlpd => half(machine, state, instruction),
        Pxor | Xorps | Xorpd | Vpxor | Vxorps | Vxorpd | Vpxord | Vpxorq => {
            exclusive(state, instruction)
        }
        Punpcklqdq | Vpunpcklqdq | Unpcklpd | Movlhps | Vmovlhps => {
            join(machine, state, instruction)
        }
        Pinsrq | Vpinsrq => insert(machine, state, instruction),
        Pshufd
            if instruction.immediate(2) == 0x44
                || instruction.immediate(2) == 0x4e
                || instruction.immediate(2) == 0xee =>
        {
            shuffle(machine, state, instruction)
        }
        Pextrq => {
            let lane = (instruction.immediate(2) & 1) as usize;
            let value = state.lane(instruction.op_register(1).number(), lane);
            operand::write(machine, state, instruction, 0, value);
            true
        }
        _ => false,
    }
}

/// `VZEROUPPER`; what is not known is left as it is.
fn clear_upper(state: &mut PathState) -> bool {
    for number in 0..16 {
        let [low, high, third, fourth] = [0, 1, 2, 3].map(|lane| state.lane(number, lane));
        if [third, fourth]
            .iter()
            .any(|lane| !matches!(lane, MachineValue::Unknown(_) | MachineValue::Known(0)))
        {
            state.set_vector(
                number,
                [low, high, MachineValue::Known(0), MachineValue::Known(0)],
            );
        }
    }
    true
}

/// Sets the lower lanes of the first operand. The older encoding keeps the upper ones, the newer one clears them.
fn set_low(
    state: &mut PathState,
    instruction: &Instruction,
    low: MachineValue,
    high: MachineValue,
) {
    let number = instruction.op_register(0).number();
    let (third, fourth) = match instruction.encoding() {
        EncodingKind::Legacy => (state.lane(number, 2), state.lane(number, 3)),
        _ => (MachineValue::Known(0), MachineValue::Known(0)),
    };
    state.set_vector(number, [low, high, third, fourth]);
}

fn is_register(instruction: &Instruction, index: u32) -> bool {
    instruction.op_kind(index) == OpKind::Register
        && instruction.op_register(index).is_vector_register()
}

fn lanes_of(instruction: &Instruction, index: u32) -> Option<usize> {
    let bytes = match instruction.op_kind(index) {
        OpKind::Register => instruction.op_register(index).size(),
        _ => instruction.memory_size().size(),
    };
    Some(bytes / 8).filter(|&lanes| (1..=8).contains(&lanes))
}

fn read(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
    index: u32,
    count: usize,
) -> VectorLanes {
    let mut lanes = [MachineValue::Known(0); LANES];
    if is_register(instruction, index) {
        let number = instruction.op_register(index).number();
        for (lane, value) in lanes.iter_mut().enumerate().take(count) {
            *value = state.lane(number, lane);
        }
        return lanes;
    }
    let address = operand::address(state, instruction, true);
    for (lane, value) in lanes.iter_mut().enumerate().take(count) {
        *value = machine.load(state, address.offset(8 * lane as u64), 8);
    }
    lanes
}

fn whole(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) -> bool {
    let Some(count) = lanes_of(instruction, 0).or_else(|| lanes_of(instruction, 1)) else {
        return false;
    };
    let lanes = read(machine, state, instruction, 1, count);
    if is_register(instruction, 0) {
        let number = instruction.op_register(0).number();
        let partial_lanes: Vec<Option<u32>> = (0..count)
            .map(|lane| lower_half(machine, state, instruction, lane))
            .collect();
        if count == 2 {
            set_low(state, instruction, lanes[0], lanes[1]);
        } else {
            state.set_vector(number, lanes);
        }
        for (lane, half) in partial_lanes.into_iter().enumerate() {
            if let Some(half) = half {
                state.set_half(number, lane, half);
            }
        }
        return true;
    }
    let address = operand::address(state, instruction, true);
    let number = instruction.op_register(1).number();
    for lane in 0..count {
        let value = lanes.get(lane).copied().unwrap_or(MachineValue::ANY);
        let place = address.offset(8 * lane as u64);
        machine.store(state, place, 8, value);
        if let Some(half) = state.half(number, lane) {
            machine.store(state, place, 4, MachineValue::Known(u64::from(half)));
        }
    }
    true
}

/// The lower half of a lane of the second operand, where it is known.
fn lower_half(
    machine: &mut SharedMachine,
    state: &mut PathState,
    instruction: &Instruction,
    lane: usize,
) -> Option<u32> {
    if is_register(instruction, 1) {
        return state.half(instruction.op_register(1).number(), lane);
    }
    let address = operand::address(state, instruction, true).offset(8 * lane as u64);
    machine
        .load(state, address, 4)
        .known()
        .and_then(|half| u32::try_from(half).ok())
}

/// Moves of the lowest 4 or 8 bytes.
fn low(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) -> bool {
    if instruction.op_count() != 2 {
        return false;
    }
    let bits = if matches!(
        instruction.mnemonic(),
        Mnemonic::Movd | Mnemonic::Vmovd | Mnemonic::Movss | Mnemonic::Vmovss
    ) {
        32
    } else {
        64
    };
    let scalar = matches!(
        instruction.mnemonic(),
        Mnemonic::Movsd | Mnemonic::Movss | Mnemonic::Vmovsd | Mnemonic::Vmovss
    );
    let value = if is_register(instruction, 1) {
        state
            .lane(instruction.op_register(1).number(), 0)
            .truncate(bits)
    } else {
        operand::read(machine, state, instruction, 1).truncate(bits)
    };
    if !is_register(instruction, 0) {
        if instruction.op_kind(0) == OpKind::Memory {
            let address = operand::address(state, instruction, true);
            machine.store(state, address, u64::from(bits / 8), value);
        } else {
            operand::write(machine, state, instruction, 0, value);
        }
        return true;
    }
    let number = instruction.op_register(0).number();
    if scalar && is_register(instruction, 1) {
        let low = match (bits, state.lane(number, 0), value) {
            (64, _, value) => value,
            (_, MachineValue::Known(old), MachineValue::Known(new)) => {
                MachineValue::Known((old & !mask(32)) | new)
            }
            _ => MachineValue::ANY,
        };
        let high = state.lane(number, 1);
        set_low(state, instruction, low, high);
    } else {
        set_low(state, instruction, value, MachineValue::Known(0));
    }
    true
}

/// Moves of one half between memory and a register.
fn half(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) -> bool {
    let lane = usize::from(matches!(
        instruction.mnemonic(),
        Mnemonic::Movhps | Mnemonic::Movhpd
    ));
    if is_register(instruction, 0) {
        let number = instruction.op_register(0).number();
        let value = operand::read(machine, state, instruction, 1);
        let mut lanes = [state.lane(number, 0), state.lane(number, 1)];
        if let Some(place) = lanes.get_mut(lane) {
            *place = value;
        }
        let [low, high] = lanes;
        set_low(state, instruction, low, high);
    } else {
        let value = state.lane(instruction.op_register(1).number(), lane);
        operand::write(machine, state, instruction, 0, value);
    }
    true
}

/// A register combined with itself becomes zero.
fn exclusive(state: &mut PathState, instruction: &Instruction) -> bool {
    let last = instruction.op_count().saturating_sub(1);
    let sources = if last == 2 { (1, 2) } else { (0, 1) };
    let same = is_register(instruction, sources.1)
        && instruction.op_register(sources.0).full_register()
            == instruction.op_register(sources.1).full_register();
    if same {
        match instruction.encoding() {
            EncodingKind::Legacy => set_low(
                state,
                instruction,
                MachineValue::Known(0),
                MachineValue::Known(0),
            ),
            _ => state.set_vector(
                instruction.op_register(0).number(),
                [MachineValue::Known(0); LANES],
            ),
        }
    }
    same
}

/// Low lanes side by side.
fn join(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) -> bool {
    if lanes_of(instruction, 0) != Some(2) {
        return false;
    }
    let (first, second) = if instruction.op_count() == 3 {
        (1, 2)
    } else {
        (0, 1)
    };
    let [low, ..] = read(machine, state, instruction, first, 1);
    let [high, ..] = read(machine, state, instruction, second, 1);
    set_low(state, instruction, low, high);
    true
}

fn insert(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) -> bool {
    let last = instruction.op_count().saturating_sub(1);
    let lane = (instruction.immediate(last) & 1) as usize;
    let source = if last == 3 { 1 } else { 0 };
    let number = instruction.op_register(source).number();
    let mut lanes = [state.lane(number, 0), state.lane(number, 1)];
    let value = operand::read(machine, state, instruction, last - 1);
    if let Some(place) = lanes.get_mut(lane) {
        *place = value;
    }
    let [low, high] = lanes;
    set_low(state, instruction, low, high);
    true
}

/// `PSHUFD` that moves whole words.
fn shuffle(machine: &mut SharedMachine, state: &mut PathState, instruction: &Instruction) -> bool {
    let [low, high, ..] = read(machine, state, instruction, 1, 2);
    let lanes = match instruction.immediate(2) {
        0x44 => [low, low],
        0x4e => [high, low],
        _ => [high, high],
    };
    let [first, second] = lanes;
    set_low(state, instruction, first, second);
    true
}
