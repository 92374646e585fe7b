//! The state of a processor in rows: reads and writes it, makes a path's state of it, and compares the two.

use std::fmt;

use super::{CODE, MEMORY, Row, WORDS};
use crate::evaluator::cpu::convention::CallingConvention;
use crate::evaluator::cpu::flags::{BranchCondition, Flag, Flags};
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::{LANES, PathState};
use crate::evaluator::memory::PathMemory;
use crate::evaluator::values::symbol::{SymbolFacts, ValueRange};
use crate::evaluator::values::value::MachineValue;

/// Vector registers in a row.
pub(super) const VECTORS: usize = 4;
const X86_NAMES: [&str; 16] = [
    "rax", "rcx", "rdx", "rbx", "rsp", "rbp", "rsi", "rdi", "r8", "r9", "r10", "r11", "r12", "r13",
    "r14", "r15",
];

/// The state of a processor.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Cpu {
    pub(super) registers: [u64; 32],
    pub(super) vectors: [[u64; LANES]; VECTORS],
    pub(super) memory: [u64; WORDS],
    pub(super) carry: bool,
    pub(super) zero: bool,
    pub(super) negative: bool,
    pub(super) overflow: bool,
    pub(super) parity: bool,
    /// Whether a branch was taken.
    pub(super) taken: bool,
}

/// A part of the state.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Part {
    Register(usize),
    Vector(usize),
    Word(usize),
    Flags,
    /// A register that holds a symbolic value.
    Named(usize),
}

impl Part {
    /// The same part, under a name where it can have one.
    pub(super) fn named(self) -> Part {
        match self {
            Part::Register(index) => Part::Named(index),
            other => other,
        }
    }
}

/// Something that the evaluator takes for known, and that is not so.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Difference(String);

impl Cpu {
    /// Reads `name=value` pairs over this state.
    pub(super) fn with(mut self, text: &str) -> Cpu {
        for pair in text.split_whitespace() {
            let (name, value) = pair.split_once('=').unwrap();
            let hex = |text: &str| u64::from_str_radix(text, 16).unwrap();
            if name == "flags" {
                let has = |letter| value.contains(letter);
                (self.negative, self.zero, self.carry) = (has('n'), has('z'), has('c'));
                (self.overflow, self.parity) = (has('v'), has('p'));
            } else if name == "taken" {
                self.taken = value == "1";
            } else if let Some(index) = X86_NAMES.iter().position(|other| *other == name) {
                self.registers[index] = hex(value);
            } else if let Some(index) = name.strip_prefix('x') {
                self.registers[index.parse::<usize>().unwrap()] = hex(value);
            } else if name == "sp" {
                self.registers[31] = hex(value);
            } else if let Some(index) = name.strip_prefix('v') {
                let lanes: Vec<u64> = value.split(',').map(hex).collect();
                self.vectors[index.parse::<usize>().unwrap()][..lanes.len()]
                    .copy_from_slice(&lanes);
            } else {
                self.memory[hex(name.strip_prefix('m').unwrap()) as usize / 8] = hex(value);
            }
        }
        self
    }

    pub(super) fn flags(&self) -> String {
        let letters = [
            ('n', self.negative),
            ('z', self.zero),
            ('c', self.carry),
            ('v', self.overflow),
            ('p', self.parity),
        ];
        letters
            .into_iter()
            .filter(|(_, set)| *set)
            .map(|(letter, _)| letter)
            .collect()
    }

    /// What differs from another state, as pairs.
    pub(super) fn changes(&self, before: &Cpu) -> String {
        let mut pairs = Vec::new();
        for (index, (value, old)) in self.registers.iter().zip(&before.registers).enumerate() {
            if value != old {
                pairs.push(format!(
                    "{}={value:x}",
                    X86_NAMES.get(index).unwrap_or(&"?")
                ));
            }
        }
        for (index, (lanes, old)) in self.vectors.iter().zip(&before.vectors).enumerate() {
            if lanes != old {
                pairs.push(format!(
                    "v{index}={}",
                    lanes.map(|lane| format!("{lane:x}")).join(",")
                ));
            }
        }
        for (index, (word, old)) in self.memory.iter().zip(&before.memory).enumerate() {
            if word != old {
                pairs.push(format!("m{:x}={word:x}", 8 * index));
            }
        }
        if self.flags() != before.flags() {
            pairs.push(format!("flags={}", self.flags()));
        }
        if self.taken != before.taken {
            pairs.push(format!("taken={}", u8::from(self.taken)));
        }
        pairs.join(" ")
    }

    /// The parts that are not zero.
    pub(super) fn parts(&self) -> Vec<Part> {
        let registers = self
            .registers
            .iter()
            .enumerate()
            .filter(|(_, value)| **value != 0);
        let vectors = self
            .vectors
            .iter()
            .enumerate()
            .filter(|(_, lanes)| **lanes != [0; LANES]);
        let words = self
            .memory
            .iter()
            .enumerate()
            .filter(|(_, word)| **word != 0);
        registers
            .map(|(index, _)| Part::Register(index))
            .chain(vectors.map(|(index, _)| Part::Vector(index)))
            .chain(words.map(|(index, _)| Part::Word(index)))
            .chain([Part::Flags])
            .collect()
    }

    /// The state of a path that is like this, where some parts are not known.
    pub(super) fn state(
        &self,
        machine: &mut SharedMachine,
        convention: &CallingConvention,
        inverts_carry: bool,
        hidden: &[Part],
    ) -> PathState {
        let mut state = PathState::new(CODE, convention, PathMemory::default());
        for (index, &value) in self.registers.iter().enumerate() {
            state.set_register(index, MachineValue::Known(value));
            if hidden.contains(&Part::Register(index)) {
                state.set_register(
                    index,
                    MachineValue::Unknown(MachineValue::Known(value).points_to()),
                );
            }
            if hidden.contains(&Part::Named(index)) && value < 0x80 {
                let range = ValueRange::new(0, if value < 2 { 1 } else { 0x7f });
                state.pc = 0x10_0000 + range.high.cast_unsigned();
                let value = machine.fresh(&mut state, SymbolFacts::new(range));
                state.set_register(index, value);
                state.pc = CODE;
            }
        }
        for (index, lanes) in self.vectors.iter().enumerate() {
            let is_hidden = hidden.contains(&Part::Vector(index));
            state.set_vector(
                index,
                lanes.map(|lane| {
                    if is_hidden {
                        MachineValue::ANY
                    } else {
                        MachineValue::Known(lane)
                    }
                }),
            );
        }
        state.memory.allocate(MEMORY, 0);
        for (index, &word) in self.memory.iter().enumerate() {
            let is_hidden = hidden.contains(&Part::Word(index));
            let value = if is_hidden {
                MachineValue::Unknown(MachineValue::Known(word).points_to())
            } else {
                MachineValue::Known(word)
            };
            state
                .memory
                .write(machine.image, MEMORY + 8 * index as u64, 8, value);
        }
        if !hidden.contains(&Part::Flags) {
            state.flags = Flags::UNKNOWN
                .with(Flag::Negative, Some(self.negative))
                .with(Flag::Zero, Some(self.zero))
                .with(Flag::Carry, Some(self.carry != inverts_carry))
                .with(Flag::Overflow, Some(self.overflow));
        }
        state
    }

    /// Whether a condition holds, and the letters of the flags that it depends on.
    fn holds(
        &self,
        condition: BranchCondition,
        inverts_carry: bool,
    ) -> Option<(bool, &'static str)> {
        use BranchCondition::*;
        let below = self.carry != inverts_carry;
        let less = self.negative != self.overflow;
        Some(match condition {
            Equal => (self.zero, "z"),
            NotEqual => (!self.zero, "z"),
            Below => (below, "c"),
            AboveOrEqual => (!below, "c"),
            BelowOrEqual => (below || self.zero, "cz"),
            Above => (!(below || self.zero), "cz"),
            Less => (less, "nv"),
            GreaterOrEqual => (!less, "nv"),
            LessOrEqual => (self.zero || less, "nzv"),
            Greater => (!(self.zero || less), "nzv"),
            Negative => (self.negative, "n"),
            NotNegative => (!self.negative, "n"),
            Overflow => (self.overflow, "v"),
            NoOverflow => (!self.overflow, "v"),
            Other => return None,
        })
    }
}

impl fmt::Display for Cpu {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{}",
            self.changes(&Cpu {
                parity: !self.parity,
                ..Cpu::default()
            })
        )
    }
}

impl Row {
    /// What the evaluator says that it knows, and what the processor found otherwise.
    pub(super) fn differences(
        &self,
        machine: &SharedMachine,
        state: &PathState,
        taken: bool,
    ) -> Vec<Difference> {
        let mut found = Vec::new();
        let mut differs = |what: String| found.push(Difference(what));
        for (index, &expected) in self.after.registers.iter().enumerate() {
            let value = state.register(index);
            if !covers(machine, state, value, expected) {
                differs(format!("register {index}: {value:x?}, not {expected:x}"));
            }
        }
        for (index, lanes) in self.after.vectors.iter().enumerate() {
            for (lane, &expected) in lanes.iter().enumerate() {
                let value = state.lane(index, lane);
                let half = state.half(index, lane);
                let is_half = half.is_none_or(|half| half == expected as u32);
                if !covers(machine, state, value, expected) || !is_half {
                    differs(format!(
                        "lane {index}.{lane}: {value:x?} {half:x?}, not {expected:x}"
                    ));
                }
            }
        }
        for (index, &expected) in self.after.memory.iter().enumerate() {
            let place = MEMORY + 8 * index as u64;
            let value = state.memory.read(machine.image, place, 8);
            if !covers(machine, state, value, expected) {
                differs(format!(
                    "memory {:x}: {value:x?}, not {expected:x}",
                    8 * index
                ));
            }
            for byte in 0..8 {
                let value = state.memory.read(machine.image, place + byte, 1);
                if !covers(machine, state, value, expected >> (8 * byte) & 0xff) {
                    differs(format!(
                        "byte {:x}: {value:x?}, not that of {expected:x}",
                        8 * index as u64 + byte
                    ));
                }
            }
        }
        for condition in BranchCondition::DECIDED
            .into_iter()
            .chain([BranchCondition::Other])
        {
            let Some(answer) = state.decide(condition, &machine.symbols) else {
                continue;
            };
            match self.after.holds(condition, self.inverts_carry) {
                None => differs(format!("{condition:?} is decided")),
                // What depends on a flag that is not defined may be decided by another one.
                Some((holds, letters)) => {
                    let all_undefined = letters
                        .chars()
                        .all(|letter| self.undefined.contains(letter));
                    if holds != answer || all_undefined {
                        differs(format!(
                            "{condition:?}: {answer}, flags {} of {:?}",
                            self.after.flags(),
                            state.flags
                        ));
                    }
                }
            }
        }
        if taken != self.after.taken {
            differs(format!("branch: {taken}"));
        }
        found
    }
}

/// Whether a value stands for a number.
fn covers(machine: &SharedMachine, state: &PathState, value: MachineValue, number: u64) -> bool {
    match value {
        MachineValue::Known(known) => known == number,
        MachineValue::Unknown(_) => true,
        MachineValue::Symbol { id, offset } => {
            let Some(symbol) = machine.symbols.get(id) else {
                return false;
            };
            let range = state
                .facts
                .iter()
                .find(|(other, _)| *other == id)
                .map_or(symbol.range, |(_, range)| *range);
            let first = number.cast_signed().wrapping_sub(offset);
            let is_low = symbol.low.is_none_or(|low| u64::from(low) == number & 0xff);
            let in_range =
                first >= range.low && first <= range.high && !(range.nonzero && first == 0);
            in_range && is_low
        }
    }
}
