//! One path: registers, flags, memory, call stack, and what the path has learnt and done so far.

use std::rc::Rc;

use crate::evaluator::cpu::convention::Convention;
use crate::evaluator::cpu::flags::{Condition, Facts, Flags};
use crate::evaluator::memory::Memory;
use crate::evaluator::values::hash::hash_combine;
use crate::evaluator::values::symbol::{Failure, Range, Symbols};
use crate::evaluator::values::value::{PointsTo, STACK_TOP, THREAD, Value, signed};

/// General registers of the larger register file, the stack pointer included.
pub(in crate::evaluator) const REGISTERS: usize = 32;
/// Vector registers of the larger register file.
pub(in crate::evaluator) const VECTORS: usize = 32;
/// 64-bit lanes of a vector register that are followed.
pub(in crate::evaluator) const LANES: usize = 4;

/// Where the hook returns to: an address that no image has.
pub(in crate::evaluator) const END: u64 = 0x7fff_dead_0000;

/// The vector registers.
pub(in crate::evaluator) type Vectors = [[Value; LANES]; VECTORS];

/// One active call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::evaluator) struct Frame {
    /// Where it returns to.
    pub(in crate::evaluator) return_to: u64,
    /// The stack pointer before the call.
    pub(in crate::evaluator) stack: u64,
    /// The registers at the call: what the callee must preserve can be had from here.
    pub(in crate::evaluator) registers: [Value; REGISTERS],
    /// Digest of this and all outer calls.
    pub(in crate::evaluator) context: u64,
}

/// What was said of a module's use of the GIL so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::evaluator) enum Gil {
    /// Nothing.
    Absent,
    /// `PyUnstable_Module_SetGIL` with this argument, called from this address.
    Set { value: Value, address: u64 },
    /// Something, perhaps: code that could not be followed was called from this address.
    Open { address: u64 },
}

/// A module that the path created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::evaluator) struct Module {
    /// Address that stands for the object.
    pub(in crate::evaluator) handle: u64,
    /// Address of the definition it was made from, where known.
    pub(in crate::evaluator) definition: Value,
    /// What was said of the GIL.
    pub(in crate::evaluator) gil: Gil,
    /// Digest of the calls that were active where it was made, without the one that made it.
    pub(in crate::evaluator) maker: u64,
    /// Where the call that made it returns to.
    pub(in crate::evaluator) made_before: u64,
}

/// One path.
#[derive(Clone, Debug)]
pub(in crate::evaluator) struct State {
    pub(in crate::evaluator) pc: u64,
    pub(in crate::evaluator) registers: [Value; REGISTERS],
    pub(in crate::evaluator) vectors: Rc<Vectors>,
    /// Lanes of which only the lower half is known, as (vector, lane, half): a small field and its padding, copied at once.
    pub(super) partial_lanes: Vec<(usize, usize, u32)>,
    pub(in crate::evaluator) flags: Flags,
    pub(in crate::evaluator) memory: Memory,
    pub(in crate::evaluator) frames: Vec<Rc<Frame>>,
    /// What branches have shown of symbolic values, sorted.
    pub(in crate::evaluator) facts: Vec<(u32, Range)>,
    pub(in crate::evaluator) modules: Vec<Module>,
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
pub(in crate::evaluator) struct Known<'a> {
    pub(in crate::evaluator) symbols: &'a Symbols,
    pub(in crate::evaluator) facts: &'a [(u32, Range)],
}

impl Facts for Known<'_> {
    fn range(&self, value: Value, bits: u32) -> Range {
        match value {
            Value::Known(number) => Range::new(signed(number, bits), signed(number, bits)),
            Value::Symbol { id, offset } => {
                let range = fact(self.facts, id).or_else(|| self.symbols.get(id).map(|symbol| symbol.range));
                match range {
                    Some(range) if offset == 0 => range,
                    Some(range) if range.excludes_zero() && range.high == i64::MAX => Range::POINTER,
                    Some(_) | None => Range::ALL,
                }
            }
            Value::Unknown(reach) if reach == PointsTo::STACK => Range::POINTER,
            Value::Unknown(_) => Range::ALL,
        }
    }
}

pub(super) fn fact(facts: &[(u32, Range)], id: u32) -> Option<Range> {
    let index = facts.binary_search_by_key(&id, |&(id, _)| id).ok()?;
    facts.get(index).map(|&(_, range)| range)
}

impl State {
    /// The state in which the interpreter calls a hook.
    pub(in crate::evaluator) fn new(hook: u64, convention: &Convention, memory: Memory) -> State {
        let mut registers = [Value::ANY; REGISTERS];
        let stack = STACK_TOP - 4096;
        if let Some(pointer) = registers.get_mut(convention.stack_pointer) {
            *pointer = Value::Known(stack);
        }
        if let Some(block) = convention.thread.and_then(|index| registers.get_mut(index)) {
            *block = Value::Known(THREAD);
        }
        State {
            pc: hook,
            registers,
            vectors: Rc::new([[Value::ANY; LANES]; VECTORS]),
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
    pub(in crate::evaluator) fn register(&self, index: usize) -> Value {
        self.resolve(self.registers.get(index).copied().unwrap_or(Value::ANY))
    }

    /// Sets a register.
    pub(in crate::evaluator) fn set_register(&mut self, index: usize, value: Value) {
        if let Some(register) = self.registers.get_mut(index) {
            *register = value;
        }
    }

    /// A symbolic value that can only be one number is that number.
    pub(in crate::evaluator) fn resolve(&self, value: Value) -> Value {
        match value {
            Value::Symbol { id, offset } => match fact(&self.facts, id).and_then(Range::single) {
                Some(number) => Value::Known(number.wrapping_add(offset).cast_unsigned()),
                None => value,
            },
            Value::Known(_) | Value::Unknown(_) => value,
        }
    }

    /// A lane of a vector register.
    pub(in crate::evaluator) fn lane(&self, vector: usize, lane: usize) -> Value {
        self.resolve(self.vectors.get(vector).and_then(|lanes| lanes.get(lane)).copied().unwrap_or(Value::ANY))
    }

    /// Sets a vector register.
    pub(in crate::evaluator) fn set_vector(&mut self, vector: usize, value: [Value; LANES]) {
        self.partial_lanes.retain(|&(other, ..)| other != vector);
        if let Some(lanes) = Rc::make_mut(&mut self.vectors).get_mut(vector) {
            *lanes = value;
        }
    }

    /// The lower half of a lane, where that is all that is known of it.
    pub(in crate::evaluator) fn half(&self, vector: usize, lane: usize) -> Option<u32> {
        self.partial_lanes.iter().find(|&&(other, place, _)| (other, place) == (vector, lane)).map(|&(.., half)| half)
    }

    /// Notes the lower half of a lane that is unknown as a whole.
    pub(in crate::evaluator) fn set_half(&mut self, vector: usize, lane: usize, half: u32) {
        if matches!(self.lane(vector, lane), Value::Unknown(_)) {
            self.partial_lanes.push((vector, lane, half));
        }
    }

    /// Every vector register becomes unknown.
    pub(in crate::evaluator) fn forget_vectors(&mut self, blank: &Rc<Vectors>) {
        self.vectors = Rc::clone(blank);
        self.partial_lanes.clear();
    }

    /// Digest of the call stack.
    pub(in crate::evaluator) fn context(&self) -> u64 {
        self.frames.last().map_or(0, |frame| frame.context)
    }

    /// Digest of the calls that are active outside of the innermost one.
    pub(in crate::evaluator) fn caller(&self) -> u64 {
        self.frames.iter().rev().nth(1).map_or(0, |frame| frame.context)
    }

    /// Enters a call.
    pub(in crate::evaluator) fn push_frame(&mut self, return_to: u64, stack: u64) {
        let context = hash_combine(hash_combine(self.context(), return_to), stack);
        self.frames.push(Rc::new(Frame { return_to, stack, registers: self.registers, context }));
    }

    /// Whether a condition holds on this path.
    pub(in crate::evaluator) fn decide(&self, condition: Condition, symbols: &Symbols) -> Option<bool> {
        self.resolved_flags().decide(condition, &Known { symbols, facts: &self.facts })
    }

    pub(super) fn resolved_flags(&self) -> Flags {
        self.flags.map(|value| self.resolve(value))
    }

    /// Goes on as if a condition holds; false when it cannot.
    pub(in crate::evaluator) fn assume(&mut self, condition: Condition, symbols: &Symbols) -> bool {
        let flags = self.resolved_flags();
        let implied = flags.imply(condition, &Known { symbols, facts: &self.facts });
        match implied {
            Some((Value::Symbol { id, .. }, range)) => self.narrow(id, range, symbols),
            Some(_) | None => true,
        }
    }

    /// Narrows a symbolic value; false when nothing remains. A result that now shows failure sets the exception.
    pub(in crate::evaluator) fn narrow(&mut self, id: u32, range: Range, symbols: &Symbols) -> bool {
        let Some(symbol) = symbols.get(id) else { return true };
        let before = fact(&self.facts, id).unwrap_or(symbol.range);
        let Some(after) = before.intersect(range) else { return false };
        match self.facts.binary_search_by_key(&id, |&(id, _)| id) {
            Ok(index) => {
                if let Some(fact) = self.facts.get_mut(index) {
                    fact.1 = after;
                }
            }
            Err(index) => self.facts.insert(index, (id, after)),
        }
        self.exception_set |= match symbol.failure {
            Failure::Never => false,
            Failure::Null => after.is_zero(),
            Failure::Negative => after.high < 0,
            Failure::NotNull => after.excludes_zero(),
        };
        true
    }

    /// A source gives a value: if it gave one before, older copies of the name no longer stand for anything known.
    pub(in crate::evaluator) fn issue(&mut self, id: u32) {
        let (word, bit) = (id as usize / 64, 1 << (id % 64));
        if self.defined_symbols.get(word).is_some_and(|bits| bits & bit != 0) {
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
        let forget = |value: &mut Value| {
            if matches!(*value, Value::Symbol { id: other, .. } if other == id) {
                *value = Value::Unknown(PointsTo::OUTSIDE);
            }
        };
        self.registers.iter_mut().for_each(forget);
        for frame in &mut self.frames {
            if frame.registers.iter().any(|value| matches!(*value, Value::Symbol { id: other, .. } if other == id)) {
                Rc::make_mut(frame).registers.iter_mut().for_each(forget);
            }
        }
        let named = |value: &Value| matches!(*value, Value::Symbol { id: other, .. } if other == id);
        if self.vectors.iter().flatten().any(named) {
            Rc::make_mut(&mut self.vectors).iter_mut().flatten().for_each(forget);
        }
        self.flags = Flags::UNKNOWN;
        self.memory.rename(id);
    }

    /// The module behind a handle.
    pub(in crate::evaluator) fn module(&mut self, handle: u64) -> Option<&mut Module> {
        self.modules.iter_mut().find(|module| module.handle == handle)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::cpu::tests::on_machine;
    use crate::evaluator::values::symbol::Symbol;

    #[test]
    fn a_branch_on_a_result_that_shows_failure_sets_the_exception() {
        on_machine(|machine, state| {
            let status = Symbol { failure: Failure::Negative, ..Symbol::new(Range::new(-1, 0)) };
            let result = machine.fresh(state, status);
            state.flags = Flags::compare(result, Value::Known(0), 32);
            assert_eq!(machine.ask(state, Condition::Negative), None, "both ways are open");
            let mut failed = state.clone();
            assert!(failed.assume(Condition::Negative, &machine.symbols) && failed.exception_set);
            assert!(state.assume(Condition::NotNegative, &machine.symbols) && !state.exception_set);
            assert_eq!(state.resolve(result), Value::Known(0));
            assert_eq!(machine.ask(state, Condition::Negative), Some(false), "it cannot be both");
        });
    }

    #[test]
    fn a_name_that_is_given_out_again_leaves_older_copies_unknown() {
        on_machine(|machine, state| {
            let first = machine.fresh(state, Symbol::new(Range::ALL));
            state.set_register(3, first);
            let second = machine.fresh(state, Symbol::new(Range::ALL));
            assert_eq!(first, second, "one place, one name");
            assert_eq!(state.register(3), Value::Unknown(PointsTo::OUTSIDE));
        });
    }
}
