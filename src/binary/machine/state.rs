//! One path: registers, flags, memory, call stack, and what the path has learnt and done so far.

mod merge;

use std::hash::{Hash, Hasher};
use std::rc::Rc;

use super::convention::Convention;
use super::flags::{Condition, Facts, Flags};
use super::memory::Memory;
use super::symbol::{Failure, Range, Symbols};
use super::value::{Reach, STACK_TOP, THREAD, Value, signed};

/// General registers of the larger register file, the stack pointer included.
pub(super) const REGISTERS: usize = 32;
/// Vector registers of the larger register file.
pub(super) const VECTORS: usize = 32;
/// 64-bit lanes of a vector register that are followed.
pub(super) const LANES: usize = 4;

/// Where the hook returns to: an address that no image has.
pub(super) const END: u64 = 0x7fff_dead_0000;

/// The vector registers.
pub(super) type Vectors = [[Value; LANES]; VECTORS];

/// One active call.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Frame {
    /// Where it returns to.
    pub(super) return_to: u64,
    /// The stack pointer before the call.
    pub(super) stack: u64,
    /// The registers at the call: what the callee must preserve can be had from here.
    pub(super) registers: [Value; REGISTERS],
    /// Digest of this and all outer calls.
    pub(super) context: u64,
}

/// What was said of a module's use of the GIL so far.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Gil {
    /// Nothing.
    Absent,
    /// `PyUnstable_Module_SetGIL` with this argument, called from this address.
    Set { value: Value, address: u64 },
    /// Something, perhaps: code that could not be followed was called from this address.
    Open { address: u64 },
}

/// A module that the path created.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Module {
    /// Address that stands for the object.
    pub(super) handle: u64,
    /// Address of the definition it was made from, where known.
    pub(super) definition: Value,
    /// What was said of the GIL.
    pub(super) gil: Gil,
}

/// One path.
#[derive(Clone, Debug)]
pub(super) struct State {
    pub(super) pc: u64,
    pub(super) registers: [Value; REGISTERS],
    pub(super) vectors: Rc<Vectors>,
    /// Lanes of which only the lower half is known, as (vector, lane, half): a small field and its padding, copied at once.
    halves: Vec<(usize, usize, u32)>,
    pub(super) flags: Flags,
    pub(super) memory: Memory,
    pub(super) frames: Vec<Rc<Frame>>,
    /// What branches have shown of named unknowns, sorted.
    pub(super) facts: Vec<(u32, Range)>,
    pub(super) modules: Vec<Module>,
    /// Whether a Python exception is set.
    pub(super) pending: bool,
    /// The answer that the condition of the next instruction shall have.
    pub(super) forced: Option<bool>,
    /// Flags that a branch without flags of its own keeps while its condition is found out.
    pub(super) aside: Option<Flags>,
    /// Whether a call that was not followed itself goes on in a function of the image.
    pub(super) entered: bool,
    /// Names that were given out on the path, as a bit set.
    issued: Rc<Vec<u64>>,
    /// The last step of the path, in the explorer's list.
    pub(super) trail: u32,
}

/// Named unknowns and a path's facts about them.
pub(super) struct Known<'a> {
    pub(super) symbols: &'a Symbols,
    pub(super) facts: &'a [(u32, Range)],
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
            Value::Unknown(reach) if reach == Reach::STACK => Range::POINTER,
            Value::Unknown(_) => Range::ALL,
        }
    }
}

fn fact(facts: &[(u32, Range)], id: u32) -> Option<Range> {
    let index = facts.binary_search_by_key(&id, |&(id, _)| id).ok()?;
    facts.get(index).map(|&(_, range)| range)
}

impl State {
    /// The state in which the interpreter calls a hook.
    pub(super) fn new(hook: u64, convention: &Convention, memory: Memory) -> State {
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
            halves: Vec::new(),
            flags: Flags::Unknown,
            memory,
            frames: Vec::new(),
            facts: Vec::new(),
            modules: Vec::new(),
            pending: false,
            forced: None,
            aside: None,
            entered: false,
            issued: Rc::default(),
            trail: u32::MAX,
        }
    }

    /// A register, with what the path knows of it.
    pub(super) fn register(&self, index: usize) -> Value {
        self.resolve(self.registers.get(index).copied().unwrap_or(Value::ANY))
    }

    /// Sets a register.
    pub(super) fn set_register(&mut self, index: usize, value: Value) {
        if let Some(register) = self.registers.get_mut(index) {
            *register = value;
        }
    }

    /// A named unknown that can only be one number is that number.
    pub(super) fn resolve(&self, value: Value) -> Value {
        match value {
            Value::Symbol { id, offset } => match fact(&self.facts, id).and_then(Range::single) {
                Some(number) => Value::Known(number.wrapping_add(offset).cast_unsigned()),
                None => value,
            },
            Value::Known(_) | Value::Unknown(_) => value,
        }
    }

    /// A lane of a vector register.
    pub(super) fn lane(&self, vector: usize, lane: usize) -> Value {
        self.resolve(self.vectors.get(vector).and_then(|lanes| lanes.get(lane)).copied().unwrap_or(Value::ANY))
    }

    /// Sets a vector register.
    pub(super) fn set_vector(&mut self, vector: usize, value: [Value; LANES]) {
        self.halves.retain(|&(other, ..)| other != vector);
        if let Some(lanes) = Rc::make_mut(&mut self.vectors).get_mut(vector) {
            *lanes = value;
        }
    }

    /// The lower half of a lane, where that is all that is known of it.
    pub(super) fn half(&self, vector: usize, lane: usize) -> Option<u32> {
        self.halves.iter().find(|&&(other, place, _)| (other, place) == (vector, lane)).map(|&(.., half)| half)
    }

    /// Notes the lower half of a lane that is unknown as a whole.
    pub(super) fn set_half(&mut self, vector: usize, lane: usize, half: u32) {
        if matches!(self.lane(vector, lane), Value::Unknown(_)) {
            self.halves.push((vector, lane, half));
        }
    }

    /// Every vector register becomes unknown.
    pub(super) fn forget_vectors(&mut self, blank: &Rc<Vectors>) {
        self.vectors = Rc::clone(blank);
        self.halves.clear();
    }

    /// Digest of the call stack.
    pub(super) fn context(&self) -> u64 {
        self.frames.last().map_or(0, |frame| frame.context)
    }

    /// Enters a call.
    pub(super) fn push_frame(&mut self, return_to: u64, stack: u64) {
        let context = mix(mix(self.context(), return_to), stack);
        self.frames.push(Rc::new(Frame { return_to, stack, registers: self.registers, context }));
    }

    /// Whether a condition holds on this path.
    pub(super) fn decide(&self, condition: Condition, symbols: &Symbols) -> Option<bool> {
        self.resolved_flags().decide(condition, &Known { symbols, facts: &self.facts })
    }

    fn resolved_flags(&self) -> Flags {
        match self.flags {
            Flags::Compare { left, right, bits } => {
                Flags::Compare { left: self.resolve(left), right: self.resolve(right), bits }
            }
            Flags::Test { left, right, bits } => {
                Flags::Test { left: self.resolve(left), right: self.resolve(right), bits }
            }
            Flags::Result { value, bits, below, overflow } => {
                Flags::Result { value: self.resolve(value), bits, below, overflow }
            }
            Flags::Unknown => Flags::Unknown,
        }
    }

    /// Goes on as if a condition holds; false when it cannot.
    pub(super) fn assume(&mut self, condition: Condition, symbols: &Symbols) -> bool {
        let flags = self.resolved_flags();
        let implied = flags.imply(condition, &Known { symbols, facts: &self.facts });
        match implied {
            Some((Value::Symbol { id, .. }, range)) => self.narrow(id, range, symbols),
            Some(_) | None => true,
        }
    }

    /// Narrows a named unknown; false when nothing remains. A result that now shows failure sets the exception.
    pub(super) fn narrow(&mut self, id: u32, range: Range, symbols: &Symbols) -> bool {
        let Some(symbol) = symbols.get(id) else { return true };
        let before = fact(&self.facts, id).unwrap_or(symbol.range);
        let Some(after) = before.meet(range) else { return false };
        match self.facts.binary_search_by_key(&id, |&(id, _)| id) {
            Ok(index) => {
                if let Some(fact) = self.facts.get_mut(index) {
                    fact.1 = after;
                }
            }
            Err(index) => self.facts.insert(index, (id, after)),
        }
        self.pending |= match symbol.failure {
            Failure::Never => false,
            Failure::Null => after.is_zero(),
            Failure::Negative => after.high < 0,
            Failure::NotNull => after.excludes_zero(),
        };
        true
    }

    /// A source gives a value: if it gave one before, older copies of the name no longer stand for anything known.
    pub(super) fn issue(&mut self, id: u32) {
        let (word, bit) = (id as usize / 64, 1 << (id % 64));
        if self.issued.get(word).is_some_and(|bits| bits & bit != 0) {
            return self.reissue(id);
        }
        let issued = Rc::make_mut(&mut self.issued);
        if issued.len() <= word {
            issued.resize(word + 1, 0);
        }
        if let Some(bits) = issued.get_mut(word) {
            *bits |= bit;
        }
    }

    fn reissue(&mut self, id: u32) {
        if let Ok(index) = self.facts.binary_search_by_key(&id, |&(id, _)| id) {
            self.facts.remove(index);
        }
        let forget = |value: &mut Value| {
            if matches!(*value, Value::Symbol { id: other, .. } if other == id) {
                *value = Value::Unknown(Reach::OUTSIDE);
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
        self.flags = Flags::Unknown;
        self.memory.rename(id);
    }

    /// The module behind a handle.
    pub(super) fn module(&mut self, handle: u64) -> Option<&mut Module> {
        self.modules.iter_mut().find(|module| module.handle == handle)
    }
}

/// Mixes a number into a digest.
pub(super) fn mix(digest: u64, number: u64) -> u64 {
    (digest.rotate_left(5) ^ number).wrapping_mul(0x9e37_79b9_7f4a_7c15)
}

/// A small, fast hash for keys that nobody outside can choose freely enough to matter: collisions cost time only
/// where states are compared afterwards.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Mixer(u64);

impl Hasher for Mixer {
    fn finish(&self) -> u64 {
        self.0 ^ (self.0 >> 29)
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = mix(self.0, u64::from(byte));
        }
    }

    fn write_u64(&mut self, number: u64) {
        self.0 = mix(self.0, number);
    }

    fn write_usize(&mut self, number: usize) {
        self.0 = mix(self.0, number as u64);
    }

    fn write_u32(&mut self, number: u32) {
        self.0 = mix(self.0, u64::from(number));
    }

    fn write_u8(&mut self, number: u8) {
        self.0 = mix(self.0, u64::from(number));
    }
}
