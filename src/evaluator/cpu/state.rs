//! One path: registers, flags, memory, call stack, and what the path has learnt and done so far.

use std::rc::Rc;

use crate::evaluator::cpu::convention::CallingConvention;
use crate::evaluator::cpu::flags::{BranchCondition, Facts, Flags};
use crate::evaluator::memory::PathMemory;
use crate::evaluator::values::hash::hash_combine;
use crate::evaluator::values::symbol::{FailureSign, SymbolTable, ValueRange};
use crate::evaluator::values::value::{MachineValue, PointsTo, STACK_TOP, THREAD, signed};

/// General registers of the larger register file, the stack pointer included.
pub(in crate::evaluator) const REGISTERS: usize = 32;
/// Vector registers of the larger register file.
pub(in crate::evaluator) const VECTORS: usize = 32;
/// 64-bit lanes of a vector register that are followed.
pub(in crate::evaluator) const LANES: usize = 4;

/// Where the hook returns to: an address that no image has.
pub(in crate::evaluator) const END: u64 = 0x7fff_dead_0000;

/// The vector registers.
pub(in crate::evaluator) type VectorRegisters = [[MachineValue; LANES]; VECTORS];

/// One active call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::evaluator) struct CallFrame {
    /// Where it returns to.
    pub(in crate::evaluator) return_to: u64,
    /// The stack pointer before the call.
    pub(in crate::evaluator) stack: u64,
    /// The registers at the call: what the callee must preserve can be had from here.
    pub(in crate::evaluator) registers: [MachineValue; REGISTERS],
    /// Digest of this and all outer calls.
    pub(in crate::evaluator) context: u64,
}

/// What was said of a module's use of the GIL so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::evaluator) enum GilStatement {
    /// Nothing.
    Absent,
    /// `PyUnstable_Module_SetGIL` with this argument, called from this address.
    Set { value: MachineValue, address: u64 },
    /// Something, perhaps: code that could not be followed was called from this address.
    Open { address: u64 },
}

/// A module that the path created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::evaluator) struct CreatedModule {
    /// Address that stands for the object.
    pub(in crate::evaluator) handle: u64,
    /// Address of the definition it was made from, where known.
    pub(in crate::evaluator) definition: MachineValue,
    /// What was said of the GIL.
    pub(in crate::evaluator) gil: GilStatement,
    /// Digest of the calls that were active where it was made, without the one that made it.
    pub(in crate::evaluator) maker: u64,
    /// Where the call that made it returns to.
    pub(in crate::evaluator) made_before: u64,
}

/// One path.
#[derive(Clone, Debug)]
pub(in crate::evaluator) struct PathState {
    pub(in crate::evaluator) pc: u64,
    pub(in crate::evaluator) registers: [MachineValue; REGISTERS],
    pub(in crate::evaluator) vectors: Rc<VectorRegisters>,
    /// Lanes of which only the lower half is known, as (vector, lane, half): a small field and its padding, copied at once.
    pub(super) partial_lanes: Vec<(usize, usize, u32)>,
    pub(in crate::evaluator) flags: Flags,
    pub(in crate::evaluator) memory: PathMemory,
    pub(in crate::evaluator) frames: Vec<Rc<CallFrame>>,
    /// What branches have shown of symbolic values, sorted.
    pub(in crate::evaluator) facts: Vec<(u32, ValueRange)>,
    pub(in crate::evaluator) modules: Vec<CreatedModule>,
    /// The module that is taken for the one that the hook returns, once nothing can declare it otherwise.
    pub(in crate::evaluator) settled: Option<u64>,
    /// Whether a Python exception is set.
    pub(in crate::evaluator) exception_set: bool,
    /// The answer that the condition of the next instruction shall have.
    pub(in crate::evaluator) pending_branch: Option<bool>,
    /// Flags that a branch without flags of its own keeps while its condition is found out.
    pub(in crate::evaluator) saved_flags: Option<Flags>,
    /// Whether a call that was not followed itself goes on in a function of the image.
    pub(in crate::evaluator) in_callback: bool,
    /// Names that were given out on the path, as a bit set.
    pub(super) defined_symbols: Rc<Vec<u64>>,
    /// The last step of the path, in the explorer's list.
    pub(in crate::evaluator) trace: u32,
}

/// Symbolic values and a path's facts about them.
pub(in crate::evaluator) struct PathFacts<'a> {
    pub(in crate::evaluator) symbols: &'a SymbolTable,
    pub(in crate::evaluator) facts: &'a [(u32, ValueRange)],
}

impl Facts for PathFacts<'_> {
    fn range(&self, value: MachineValue, bits: u32) -> ValueRange {
        match value {
            MachineValue::Known(number) => {
                ValueRange::new(signed(number, bits), signed(number, bits))
            }
            MachineValue::Symbol { id, offset } => {
                let range = fact(self.facts, id)
                    .or_else(|| self.symbols.get(id).map(|symbol| symbol.range));
                match range {
                    Some(range) if offset == 0 => range,
                    Some(range) if range.excludes_zero() && range.high == i64::MAX => {
                        ValueRange::POINTER
                    }
                    Some(_) | None => ValueRange::ALL,
                }
            }
            MachineValue::Unknown(reach) if reach == PointsTo::STACK => ValueRange::POINTER,
            MachineValue::Unknown(_) => ValueRange::ALL,
        }
    }
}

pub(super) fn fact(facts: &[(u32, ValueRange)], id: u32) -> Option<ValueRange> {
    let index = facts.binary_search_by_key(&id, |&(id, _)| id).ok()?;
    facts.get(index).map(|&(_, range)| range)
}

impl PathState {
    /// The state in which the interpreter calls a hook.
    pub(in crate::evaluator) fn new(
        hook: u64,
        convention: &CallingConvention,
        memory: PathMemory,
    ) -> PathState {
        let mut registers = [MachineValue::ANY; REGISTERS];
        let stack = STACK_TOP - 4096;
        if let Some(pointer) = registers.get_mut(convention.stack_pointer) {
            *pointer = MachineValue::Known(stack);
        }
        if let Some(block) = convention.thread.and_then(|index| registers.get_mut(index)) {
            *block = MachineValue::Known(THREAD);
        }
        PathState {
            pc: hook,
            registers,
            vectors: Rc::new([[MachineValue::ANY; LANES]; VECTORS]),
            partial_lanes: Vec::new(),
            flags: Flags::UNKNOWN,
            memory,
            frames: Vec::new(),
            facts: Vec::new(),
            modules: Vec::new(),
            settled: None,
            exception_set: false,
            pending_branch: None,
            saved_flags: None,
            in_callback: false,
            defined_symbols: Rc::default(),
            trace: u32::MAX,
        }
    }

    /// A register, with what the path knows of it.
    pub(in crate::evaluator) fn register(&self, index: usize) -> MachineValue {
        self.resolve(
            self.registers
                .get(index)
                .copied()
                .unwrap_or(MachineValue::ANY),
        )
    }

    /// Sets a register.
    pub(in crate::evaluator) fn set_register(&mut self, index: usize, value: MachineValue) {
        if let Some(register) = self.registers.get_mut(index) {
            *register = value;
        }
    }

    /// A symbolic value that can only be one number is that number.
    pub(in crate::evaluator) fn resolve(&self, value: MachineValue) -> MachineValue {
        match value {
            MachineValue::Symbol { id, offset } => match fact(&self.facts, id)
                .and_then(ValueRange::single)
            {
                Some(number) => MachineValue::Known(number.wrapping_add(offset).cast_unsigned()),
                None => value,
            },
            MachineValue::Known(_) | MachineValue::Unknown(_) => value,
        }
    }

    /// A lane of a vector register.
    pub(in crate::evaluator) fn lane(&self, vector: usize, lane: usize) -> MachineValue {
        self.resolve(
            self.vectors
                .get(vector)
                .and_then(|lanes| lanes.get(lane))
                .copied()
                .unwrap_or(MachineValue::ANY),
        )
    }

    /// Sets a vector register.
    pub(in crate::evaluator) fn set_vector(&mut self, vector: usize, value: [MachineValue; LANES]) {
        self.partial_lanes.retain(|&(other, ..)| other != vector);
        if let Some(lanes) = Rc::make_mut(&mut self.vectors).get_mut(vector) {
            *lanes = value;
        }
    }

    /// The lower half of a lane, where that is all that is known of it.
    pub(in crate::evaluator) fn half(&self, vector: usize, lane: usize) -> Option<u32> {
        self.partial_lanes
            .iter()
            .find(|&&(other, place, _)| (other, place) == (vector, lane))
            .map(|&(.., half)| half)
    }

    /// Notes the lower half of a lane that is unknown as a whole.
    pub(in crate::evaluator) fn set_half(&mut self, vector: usize, lane: usize, half: u32) {
        if matches!(self.lane(vector, lane), MachineValue::Unknown(_)) {
            self.partial_lanes.push((vector, lane, half));
        }
    }

    /// Every vector register becomes unknown.
    pub(in crate::evaluator) fn forget_vectors(&mut self, blank: &Rc<VectorRegisters>) {
        self.vectors = Rc::clone(blank);
        self.partial_lanes.clear();
    }

    /// Digest of the call stack.
    pub(in crate::evaluator) fn context(&self) -> u64 {
        self.frames.last().map_or(0, |frame| frame.context)
    }

    /// Digest of the calls that are active outside of the innermost one.
    pub(in crate::evaluator) fn caller(&self) -> u64 {
        self.frames
            .iter()
            .rev()
            .nth(1)
            .map_or(0, |frame| frame.context)
    }

    /// Enters a call.
    pub(in crate::evaluator) fn push_frame(&mut self, return_to: u64, stack: u64) {
        let context = hash_combine(hash_combine(self.context(), return_to), stack);
        self.frames.push(Rc::new(CallFrame {
            return_to,
            stack,
            registers: self.registers,
            context,
        }));
    }

    /// Whether a condition holds on this path.
    pub(in crate::evaluator) fn decide(
        &self,
        condition: BranchCondition,
        symbols: &SymbolTable,
    ) -> Option<bool> {
        self.resolved_flags().decide(
            condition,
            &PathFacts {
                symbols,
                facts: &self.facts,
            },
        )
    }

    pub(super) fn resolved_flags(&self) -> Flags {
        self.flags.map(|value| self.resolve(value))
    }

    /// Goes on as if a condition holds; false when it cannot.
    pub(in crate::evaluator) fn assume(
        &mut self,
        condition: BranchCondition,
        symbols: &SymbolTable,
    ) -> bool {
        let flags = self.resolved_flags();
        let implied = flags.imply(
            condition,
            &PathFacts {
                symbols,
                facts: &self.facts,
            },
        );
        match implied {
            Some((MachineValue::Symbol { id, .. }, range)) => self.narrow(id, range, symbols),
            Some(_) | None => true,
        }
    }

    /// Narrows a symbolic value; false when nothing remains. A result that now shows failure sets the exception.
    pub(in crate::evaluator) fn narrow(
        &mut self,
        id: u32,
        range: ValueRange,
        symbols: &SymbolTable,
    ) -> bool {
        let Some(symbol) = symbols.get(id) else {
            return true;
        };
        let before = fact(&self.facts, id).unwrap_or(symbol.range);
        let Some(after) = before.intersect(range) else {
            return false;
        };
        match self.facts.binary_search_by_key(&id, |&(id, _)| id) {
            Ok(index) => {
                if let Some(fact) = self.facts.get_mut(index) {
                    fact.1 = after;
                }
            }
            Err(index) => self.facts.insert(index, (id, after)),
        }
        self.exception_set |= match symbol.failure {
            FailureSign::Never => false,
            FailureSign::Null => after.is_zero(),
            FailureSign::Negative => after.high < 0,
            FailureSign::NotNull => after.excludes_zero(),
        };
        true
    }

    /// A source gives a value: if it gave one before, older copies of the name no longer stand for anything known.
    pub(in crate::evaluator) fn issue(&mut self, id: u32) {
        let (word, bit) = (id as usize / 64, 1 << (id % 64));
        if self
            .defined_symbols
            .get(word)
            .is_some_and(|bits| bits & bit != 0)
        {
            return self.reissue(id);
        }
        let defined_symbols = Rc::make_mut(&mut self.defined_symbols);
        if defined_symbols.len() <= word {
            defined_symbols.resize(word + 1, 0);
        }
        if let Some(bits) = defined_symbols.get_mut(word) {
            *bits |= bit;
        }
    }

    fn reissue(&mut self, id: u32) {
        if let Ok(index) = self.facts.binary_search_by_key(&id, |&(id, _)| id) {
            self.facts.remove(index);
        }
        let forget = |value: &mut MachineValue| {
            if matches!(*value, MachineValue::Symbol { id: other, .. } if other == id) {
                *value = MachineValue::Unknown(PointsTo::OUTSIDE);
            }
        };
        self.registers.iter_mut().for_each(forget);
        for frame in &mut self.frames {
            if frame.registers.iter().any(
                |value| matches!(*value, MachineValue::Symbol { id: other, .. } if other == id),
            ) {
                Rc::make_mut(frame).registers.iter_mut().for_each(forget);
            }
        }
        let named = |value: &MachineValue| matches!(*value, MachineValue::Symbol { id: other, .. } if other == id);
        if self.vectors.iter().flatten().any(named) {
            Rc::make_mut(&mut self.vectors)
                .iter_mut()
                .flatten()
                .for_each(forget);
        }
        self.flags = Flags::UNKNOWN;
        self.memory.rename(id);
    }

    /// The module behind a handle.
    pub(in crate::evaluator) fn module(&mut self, handle: u64) -> Option<&mut CreatedModule> {
        self.modules
            .iter_mut()
            .find(|module| module.handle == handle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::cpu::tests::on_machine;
    use crate::evaluator::values::symbol::SymbolFacts;

    #[test]
    fn a_branch_on_a_result_that_shows_failure_sets_the_exception() {
        on_machine(|machine, state| {
            let status = SymbolFacts {
                failure: FailureSign::Negative,
                ..SymbolFacts::new(ValueRange::new(-1, 0))
            };
            let result = machine.fresh(state, status);
            state.flags = Flags::compare(result, MachineValue::Known(0), 32);
            assert_eq!(
                machine.ask(state, BranchCondition::Negative),
                None,
                "both ways are open"
            );
            let mut failed = state.clone();
            assert!(
                failed.assume(BranchCondition::Negative, &machine.symbols) && failed.exception_set
            );
            assert!(
                state.assume(BranchCondition::NotNegative, &machine.symbols)
                    && !state.exception_set
            );
            assert_eq!(state.resolve(result), MachineValue::Known(0));
            assert_eq!(
                machine.ask(state, BranchCondition::Negative),
                Some(false),
                "it cannot be both"
            );
        });
    }

    #[test]
    fn a_name_that_is_given_out_again_leaves_older_copies_unknown() {
        on_machine(|machine, state| {
            let first = machine.fresh(state, SymbolFacts::new(ValueRange::ALL));
            state.set_register(3, first);
            let second = machine.fresh(state, SymbolFacts::new(ValueRange::ALL));
            assert_eq!(first, second, "one place, one name");
            assert_eq!(state.register(3), MachineValue::Unknown(PointsTo::OUTSIDE));
        });
    }
}
