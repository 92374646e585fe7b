//! The work list: follows paths, forks them at branches on unknowns, takes them together where they meet too often,
//! and stops at the limits.
//!
//! Two paths that arrive at one fork with the same call stack and the same modules are compared: what is covered by an
//! earlier one is dropped, and once a fork has seen a few, later ones are joined into one that covers all of them. So
//! the work is proportional to the code that is reached, not to the number of paths through it.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::convention::Convention;
use super::definition::{self, Outcome};
use super::flags::Condition;
use super::state::{END, Gil, Mixer, State, mix};
use super::trace::{Trail, What};
use super::value::{
    HEAP, HEAP_STRIDE, OBJECT_STRIDE, OBJECTS, Range, Reach, Region, Source, Symbol, Symbols, THREAD, THREAD_BLOCK,
    THREAD_BLOCKS, Table, Value, mask, region, signed,
};
use super::world::{self, Answer, Gives};
use super::{Context, Limits, arm64, references, returning, x86};
use crate::binary::image::{Image, ImportKind};
use crate::model::facts::HookKind;

/// What stack protectors compare with: any number would do.
pub(super) const CANARY: u64 = 0x00c0_ffee_1234_5600;
/// The function that declares a single-phase module.
const DECLARATION: &str = "PyUnstable_Module_SetGIL";
/// Paths that one fork sees one by one before it joins them.
const SEPARATE_PATHS: usize = 3;
/// Allocations of one place that are followed separately.
const SEPARATE_ALLOCATIONS: u64 = 4;
/// Most entries of a table of code addresses.
const LONGEST_TABLE: u64 = 512;
/// Most reasons that are kept.
const MOST_REASONS: usize = 8;
/// Pages that one path may write.
const MOST_PAGES: usize = 512;

type Map<K, V> = HashMap<K, V, BuildHasherDefault<Mixer>>;

/// How an instruction goes on.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Flow {
    /// With the instruction at this address.
    Next(u64),
    /// Anywhere: a jump to a computed address.
    Jump(Value),
    /// Into a call.
    Call { target: Value, return_to: u64 },
    /// Back to the caller, to this address.
    Return(Value),
    /// Both ways: the condition depends on unknowns.
    Fork(Condition),
    /// Nowhere: the instruction traps.
    Dead,
    /// Unknown how: the instruction cannot be followed.
    Stuck(String),
}

/// What the paths of one run share.
pub(super) struct Bench<'a, 'data> {
    pub(super) image: &'a Image<'data>,
    pub(super) convention: &'static Convention,
    pub(super) context: Context,
    pub(super) symbols: Symbols,
    pub(super) models: Vec<Option<Gives>>,
    pub(super) code: Map<u64, iced_x86::Instruction>,
    pub(super) arm_code: Map<u64, yaxpeax_arm::armv8::a64::Instruction>,
    pub(super) trail: Trail,
    /// Functions of which is known whether they may return.
    pub(super) returning: Map<u64, bool>,
    /// Instructions looked at for that.
    pub(super) surveyed: u64,
    blank: std::rc::Rc<super::state::Vectors>,
    places: Map<(u64, u64, u64), u64>,
    /// How many places in the code can declare what a module does with the GIL, once counted.
    declarations: Option<usize>,
    /// Last component of the name of the module that the hook is for.
    module_names: Vec<String>,
    limits: Limits,
    hook_kind: HookKind,
    seen: Map<u64, Vec<State>>,
    waiting: Vec<State>,
    hopeless: Vec<State>,
    /// Paths on which the import may succeed.
    pub(super) outcomes: Vec<Outcome>,
    /// Why paths were given up that might have counted.
    pub(super) lost: Vec<String>,
    /// Instructions executed.
    pub(super) steps: u64,
    /// Paths forked.
    pub(super) forks: u64,
}

impl<'a, 'data> Bench<'a, 'data> {
    /// Prepares a run.
    pub(super) fn new(
        image: &'a Image<'data>,
        convention: &'static Convention,
        hook_kind: HookKind,
        context: Context,
        limits: Limits,
    ) -> Bench<'a, 'data> {
        let models = image.imports().iter().map(|import| world::model(&import.name)).collect();
        Bench {
            image,
            convention,
            context,
            symbols: Symbols::default(),
            models,
            code: Map::default(),
            arm_code: Map::default(),
            trail: Trail::default(),
            returning: Map::default(),
            surveyed: 0,
            blank: State::new(0, convention, super::memory::Memory::default()).vectors,
            places: Map::default(),
            declarations: None,
            module_names: Vec::new(),
            limits,
            hook_kind,
            seen: Map::default(),
            waiting: Vec::new(),
            hopeless: Vec::new(),
            outcomes: Vec::new(),
            lost: Vec::new(),
            steps: 0,
            forks: 0,
        }
    }

    /// Follows every path from a hook.
    pub(super) fn explore(&mut self, hook: u64) {
        let names = self.image.exports().iter().filter(|&(_, &address)| address == hook);
        self.module_names = names.filter_map(|(name, _)| Some(name.strip_prefix("PyInit_")?.to_owned())).collect();
        let mut state = State::new(hook, self.convention, super::memory::Memory::new(self.image));
        let stack = state.register(self.convention.stack_pointer);
        match self.convention.link {
            Some(link) => {
                state.push_frame(END, stack.known().unwrap_or_default());
                state.set_register(link, Value::Known(END));
            }
            None => self.push_return(&mut state, END),
        }
        self.waiting.push(state);
        while let Some(state) = self.waiting.pop().or_else(|| self.hopeless.pop()) {
            self.follow(state);
            if let Some(limit) = self.exhausted() {
                self.lose(limit);
                return;
            }
        }
    }

    fn exhausted(&self) -> Option<String> {
        if self.steps >= self.limits.steps {
            return Some(format!("the limit of {} instructions was reached", self.limits.steps));
        }
        (self.forks >= self.limits.forks)
            .then(|| format!("the limit of {} branches on unknowns was reached", self.limits.forks))
    }

    fn lose(&mut self, why: String) {
        if self.lost.len() < MOST_REASONS && !self.lost.contains(&why) {
            self.lost.push(why);
        }
    }

    fn follow(&mut self, mut state: State) {
        while self.steps < self.limits.steps {
            self.steps += 1;
            if state.pc == END {
                return self.finish(state);
            }
            let address = state.pc;
            let flow = match self.convention.link {
                Some(_) => arm64::step(self, &mut state),
                None => x86::step(self, &mut state),
            };
            let on = match flow {
                // A jump to itself never ends.
                Flow::Next(target) if target == address => return,
                Flow::Next(address) => {
                    state.pc = address;
                    true
                }
                Flow::Fork(condition) => return self.fork(state, condition),
                Flow::Jump(target) => self.jump(&mut state, target),
                Flow::Call { target, return_to } => self.call(&mut state, target, return_to),
                Flow::Return(target) => self.give_back(&mut state, target),
                Flow::Dead => return,
                Flow::Stuck(why) => {
                    self.lose(format!("{why} at {address:#x}"));
                    return;
                }
            };
            if !on {
                return;
            }
            if state.frames.len() > self.limits.depth {
                self.lose(format!("calls nest deeper than {} at {address:#x}", self.limits.depth));
                return;
            }
            if state.memory.size() > MOST_PAGES {
                state.memory.give_up_heap();
            }
            if state.memory.size() > MOST_PAGES {
                self.lose(format!("a path writes more than {MOST_PAGES} pages at {address:#x}"));
                return;
            }
        }
    }

    fn finish(&mut self, mut state: State) {
        let value = state.register(self.convention.result);
        state.pc = END;
        self.note(&mut state, What::Return { value });
        if state.pending {
            return;
        }
        if let Some(outcome) = definition::read(self, &state, value, self.hook_kind) {
            let same = |other: &Outcome| other.agrees(&outcome);
            if !self.outcomes.iter().any(same) && self.outcomes.len() < MOST_REASONS {
                self.outcomes.push(outcome);
            }
        }
    }

    /// Whether a module is certainly the one that the hook returns: it has the hook's name.
    fn is_the_hooks(&mut self, state: &State, module: u64) -> bool {
        let value = Value::Known(module);
        let Some(outcome) = definition::read(self, state, value, self.hook_kind) else { return false };
        let last = outcome.name.as_deref().and_then(|name| name.rsplit('.').next());
        outcome.gil.is_ok() && last.is_some_and(|last| self.module_names.iter().any(|name| name == last))
    }

    /// Whether nothing else in the code could declare a module that has just declared itself: there is one place that
    /// declares.
    pub(super) fn is_settled(&mut self, state: &State, module: u64) -> bool {
        if !self.is_the_hooks(state, module) {
            return false;
        }
        let count = match (self.declarations, self.image.import_named(DECLARATION)) {
            (Some(count), _) => count,
            (None, Some(import)) => references::count(self.image, self.convention, import.address),
            (None, None) => 0,
        };
        self.declarations = Some(count);
        count == 1
    }

    /// Whether nothing in the code could declare what a module that was just created does with the GIL.
    pub(super) fn cannot_declare(&mut self, state: &State, module: u64) -> bool {
        const WAYS: [&str; 3] = [DECLARATION, "PyModuleDef_Init", "PyModule_FromSlotsAndSpec"];
        const BY_NAME: [&str; 2] = ["dlsym", "GetProcAddress"];
        let imported = |names: &[&str]| names.iter().any(|name| self.image.import_named(name).is_some());
        let spelled = || {
            let text = DECLARATION.as_bytes();
            let holds = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text);
            self.image.segments.iter().filter(|segment| !segment.executable).any(|segment| holds(segment.bytes))
        };
        !imported(&WAYS) && self.is_the_hooks(state, module) && !(imported(&BY_NAME) && spelled())
    }

    /// Ends a path whose module is settled as if it returned it.
    pub(super) fn settle(&mut self, state: &State, module: u64) {
        let mut state = state.clone();
        state.pending = false;
        state.set_register(self.convention.result, Value::Known(module));
        self.finish(state);
    }

    fn fork(&mut self, mut state: State, condition: Condition) {
        self.forks += 1;
        if let Some(stack) = state.register(self.convention.stack_pointer).known()
            && region(stack) == Region::Stack
        {
            state.memory.trim(stack);
        }
        let Some(state) = self.meet(state) else { return };
        for (taken, condition) in [(true, condition), (false, condition.opposite())] {
            let mut branch = state.clone();
            if !branch.assume(condition, &self.symbols) {
                continue;
            }
            branch.forced = Some(taken);
            self.note(&mut branch, What::Branch { taken });
            self.enlist(branch);
        }
    }

    fn enlist(&mut self, state: State) {
        if state.pending { self.hopeless.push(state) } else { self.waiting.push(state) }
    }

    /// Compares a path with those that were here before; `None` when nothing new would come of it.
    fn meet(&mut self, mut state: State) -> Option<State> {
        let mut key = state.key(self.convention);
        for _ in 0..4 {
            match self.seen.get(&key).and_then(|others| others.first()) {
                Some(other) if !same_place(other, &state) => key = mix(key, 1),
                Some(_) | None => break,
            }
        }
        let others = self.seen.entry(key).or_default();
        others.retain(|other| same_place(other, &state));
        if others.iter().any(|other| state.within(other, self.image, self.convention)) {
            return None;
        }
        if others.len() >= SEPARATE_PATHS
            && let Some(widest) = others.pop()
        {
            state.join(&widest, self.image, self.convention);
        }
        others.push(state.clone());
        Some(state)
    }

    /// The answer to a condition; `None` when both ways are open, and then the instruction gives [`Flow::Fork`].
    pub(super) fn ask(&self, state: &mut State, condition: Condition) -> Option<bool> {
        state.forced.take().or_else(|| state.decide(condition, &self.symbols))
    }

    fn jump(&mut self, state: &mut State, target: Value) -> bool {
        match target {
            Value::Known(address) => {
                if self.is_code(address) || address == END {
                    state.pc = address;
                    return true;
                }
                self.outside(state, target) && self.leave(state)
            }
            Value::Symbol { id, offset } => {
                if let Some(table) = self.symbols.get(id).and_then(|symbol| symbol.table) {
                    self.scatter(state, table, offset);
                    return false;
                }
                self.tail_call(state, target)
            }
            Value::Unknown(_) => self.tail_call(state, target),
        }
    }

    /// A jump through a pointer is a call when the stack is as it was at the call.
    fn tail_call(&mut self, state: &mut State, target: Value) -> bool {
        let entry = state.frames.last().map(|frame| match self.convention.link {
            Some(_) => frame.stack,
            None => frame.stack.wrapping_sub(8),
        });
        if state.register(self.convention.stack_pointer).known() != entry {
            let address = state.pc;
            self.lose(format!("the jump at {address:#x} goes to an address that is not known"));
            return false;
        }
        self.outside(state, target) && self.leave(state)
    }

    fn scatter(&mut self, state: &State, table: Table, offset: i64) {
        let mut targets = Vec::new();
        for index in 0..LONGEST_TABLE {
            let size = u64::from(table.size);
            let place = table.start.wrapping_add(index * size);
            if !self.image.is_read_only(place) {
                break;
            }
            let Value::Known(entry) = state.memory.read(self.image, place, size) else { break };
            let bits = 8 * u32::from(table.size);
            let entry = if table.signed { signed(entry, bits).cast_unsigned() } else { entry & mask(bits) };
            let target = (entry << table.shift).wrapping_add(offset.cast_unsigned());
            if !self.is_code(target) || target.abs_diff(state.pc) > 1 << 20 {
                break;
            }
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        if targets.is_empty() {
            let address = state.pc;
            self.lose(format!("the jump at {address:#x} goes through a table that could not be read"));
        }
        self.forks += targets.len() as u64;
        for target in targets.into_iter().rev() {
            let mut branch = state.clone();
            branch.pc = target;
            self.enlist(branch);
        }
    }

    fn call(&mut self, state: &mut State, target: Value, return_to: u64) -> bool {
        let never_returns = match self.convention.link {
            Some(_) => arm64::traps(self, return_to),
            None => x86::traps(self, return_to),
        };
        let target_returns = |bench: &mut Bench| match target {
            Value::Known(address) if bench.is_code(address) => returning::may_return(bench, address),
            Value::Known(_) | Value::Symbol { .. } | Value::Unknown(_) => true,
        };
        if never_returns || !target_returns(self) {
            return false;
        }
        match target {
            Value::Known(address) if self.is_code(address) => {
                match self.convention.link {
                    Some(link) => {
                        let stack = state.register(self.convention.stack_pointer).known().unwrap_or_default();
                        state.push_frame(return_to, stack);
                        state.set_register(link, Value::Known(return_to));
                    }
                    None => self.push_return(state, return_to),
                }
                state.pc = address;
                true
            }
            _ => {
                match self.convention.link {
                    Some(_) => {
                        let stack = state.register(self.convention.stack_pointer).known().unwrap_or_default();
                        state.push_frame(return_to, stack);
                    }
                    None => self.push_return(state, return_to),
                }
                self.outside(state, target) && self.leave(state)
            }
        }
    }

    fn push_return(&mut self, state: &mut State, return_to: u64) {
        let pointer = self.convention.stack_pointer;
        let before = state.register(pointer);
        state.push_frame(return_to, before.known().unwrap_or_default());
        let after = before.sub(Value::Known(8));
        state.set_register(pointer, after);
        self.store(state, after, 8, Value::Known(return_to));
    }

    /// Calls something outside the image, or something unknown.
    fn outside(&mut self, state: &mut State, target: Value) -> bool {
        let import = match target {
            Value::Known(address) => self.import_index(address),
            Value::Symbol { .. } | Value::Unknown(_) => None,
        };
        let answer = match import {
            Some(index) if self.image.imports().get(index).is_some_and(|import| import.kind == ImportKind::Opaque) => {
                let descriptor = state.register(self.convention.result).known().unwrap_or(0);
                Answer::Quietly(Value::Known(0x10_0000 + (descriptor & 0xff_ffff)))
            }
            Some(index) => world::call(self, state, index),
            None => self.unknown_call(state, target),
        };
        let result = match answer {
            Answer::Never => return false,
            Answer::Enters(address) => {
                // The function returns to our caller; its result stands for that of the call.
                state.pc = address;
                return self.leave_by(state, address);
            }
            Answer::Quietly(value) => {
                state.set_register(self.convention.result, value);
                return true;
            }
            Answer::Gives(value) => value,
        };
        self.clobber(state);
        state.set_register(self.convention.result, result);
        true
    }

    fn leave_by(&mut self, state: &mut State, address: u64) -> bool {
        state.pc = address;
        state.forced = None;
        state.entered = true;
        true
    }

    fn unknown_call(&mut self, state: &mut State, target: Value) -> Answer {
        self.note(state, What::Unfollowed);
        if target.known().is_some_and(|address| address < 4096) {
            return Answer::Never;
        }
        // Code of the image that is skipped could declare a module that exists by now.
        if target.reach().may(Reach::IMAGE) && self.image.import_named(DECLARATION).is_some() {
            let address = state.pc;
            state.modules.iter_mut().for_each(|module| module.gil = Gil::Open { address });
        }
        let origin = self.origin(target);
        world::unmodelled(self, state, origin)
    }

    fn clobber(&mut self, state: &mut State) {
        for index in 0..super::state::REGISTERS {
            if index != self.convention.stack_pointer && !self.convention.preserved.contains(&index) {
                state.set_register(index, Value::ANY);
            }
        }
        let kept = self.convention.preserved_vectors.clone();
        if kept.is_empty() {
            state.vectors = std::rc::Rc::clone(&self.blank);
        } else {
            for vector in (0..super::state::VECTORS).filter(|vector| !kept.contains(vector)) {
                state.set_vector(vector, [Value::ANY; super::state::LANES]);
            }
        }
        state.flags = super::flags::Flags::Unknown;
    }

    /// Returns from what was called last.
    fn leave(&mut self, state: &mut State) -> bool {
        if std::mem::take(&mut state.entered) {
            return true;
        }
        let target = state.frames.last().map_or(END, |frame| frame.return_to);
        if self.convention.link.is_none() {
            let pointer = self.convention.stack_pointer;
            let after = state.register(pointer).add(Value::Known(8));
            state.set_register(pointer, after);
        }
        self.give_back(state, Value::Known(target))
    }

    fn give_back(&mut self, state: &mut State, target: Value) -> bool {
        let Some(frame) = state.frames.last().cloned() else { return false };
        match target {
            Value::Known(address) if address != frame.return_to => return self.jump(state, target),
            Value::Known(_) | Value::Symbol { .. } | Value::Unknown(_) => {}
        }
        state.frames.pop();
        let pointer = self.convention.stack_pointer;
        if state.register(pointer).known().is_none() {
            state.set_register(pointer, Value::Known(frame.stack));
        }
        for &index in self.convention.preserved {
            if matches!(state.register(index), Value::Unknown(_))
                && let Some(&before) = frame.registers.get(index)
            {
                state.set_register(index, before);
            }
        }
        state.pc = frame.return_to;
        true
    }

    /// Whether code of the image is at an address.
    pub(super) fn is_code(&self, address: u64) -> bool {
        self.image.segment_at(address).is_some_and(|segment| segment.executable)
    }

    pub(super) fn import_index(&self, address: u64) -> Option<usize> {
        let import = self.image.import_at(address)?;
        let first = self.image.imports().first()?.address;
        usize::try_from((import.address - first) / crate::binary::image::IMPORT_WINDOW).ok()
    }

    /// An argument of the call that was just entered.
    pub(super) fn argument(&self, state: &State, number: usize) -> Value {
        self.convention.argument(state, self.image, number)
    }

    /// Notes a step of a path.
    pub(super) fn note(&mut self, state: &mut State, what: What) {
        state.trail = self.trail.push(state.trail, state.pc, what);
    }

    /// A new named unknown, made at this place.
    pub(super) fn fresh(&mut self, state: &mut State, symbol: Symbol) -> Value {
        self.fresh_part(state, symbol, 0)
    }

    fn fresh_part(&mut self, state: &mut State, symbol: Symbol, part: u8) -> Value {
        let source = Source { address: state.pc, context: state.context(), part };
        let id = self.symbols.name(source, symbol);
        state.issue(id);
        Value::Symbol { id, offset: 0 }
    }

    /// A new allocation, made at this place.
    pub(super) fn allocate(&mut self, state: &mut State, zeros: Value) -> Value {
        let zeros = zeros.known().unwrap_or(0).min(HEAP_STRIDE / 2);
        for turn in 0..SEPARATE_ALLOCATIONS {
            let number = self.place((state.pc, state.context(), turn));
            let address = HEAP + number * HEAP_STRIDE;
            if address + HEAP_STRIDE > THREAD {
                break;
            }
            if !state.memory.is_allocated(address) {
                state.memory.allocate(address, zeros);
                return Value::Known(address);
            }
        }
        self.fresh(state, Symbol::new(Range::POINTER))
    }

    /// An object of the interpreter whose identity matters, made at this place.
    pub(super) fn object(&mut self, state: &mut State) -> u64 {
        for turn in 0..SEPARATE_ALLOCATIONS {
            let handle = OBJECTS + (1 + self.place((state.pc, state.context(), 16 + turn))) * OBJECT_STRIDE;
            if state.module(handle).is_none() {
                return handle;
            }
        }
        OBJECTS
    }

    fn place(&mut self, key: (u64, u64, u64)) -> u64 {
        let next = self.places.len() as u64;
        *self.places.entry(key).or_insert(next)
    }

    /// Reads memory through a pointer.
    pub(super) fn load(&mut self, state: &mut State, address: Value, size: u64) -> Value {
        match address {
            Value::Known(address) => {
                if let Some(import) = self.import_index(address) {
                    return world::datum(self, state, import, address % crate::binary::image::IMPORT_WINDOW, size);
                }
                if region(address) == Region::Thread
                    && let Some(value) = self.thread_field(address - THREAD)
                {
                    return value.truncate(8 * size as u32);
                }
                if region(address) == Region::Object
                    && let Some(value) = self.header_field(address % OBJECT_STRIDE, size)
                {
                    return Value::Known(value);
                }
                state.resolve(state.memory.read(self.image, address, size))
            }
            Value::Symbol { offset, .. } => {
                match u64::try_from(offset).ok().and_then(|offset| self.header_field(offset, size)) {
                    Some(value) => Value::Known(value),
                    None => Value::Unknown(Reach::OUTSIDE),
                }
            }
            Value::Unknown(reach) => {
                let own = if reach.may(Reach::STACK.with(Reach::HEAP)) {
                    state.memory.contents(reach).with(Reach::OUTSIDE)
                } else {
                    Reach::OUTSIDE
                };
                Value::Unknown(if self.reaches_data(reach) { own.with(Reach::IMAGE) } else { own })
            }
        }
    }

    /// Whether a pointer of this reach may point to data of the image.
    fn reaches_data(&self, reach: Reach) -> bool {
        let (low, high) = reach.addresses();
        let overlaps = |start: u64, size: u64| low < start.saturating_add(size) && high >= start;
        reach.may(Reach::IMAGE)
            && self.image.segments.iter().any(|segment| !segment.executable && overlaps(segment.address, segment.size))
    }

    /// An entry of a table of code addresses whose index is not known.
    pub(super) fn load_entry(&mut self, state: &mut State, start: u64, size: u64, is_signed: bool) -> Value {
        let table = Table { start, size: size as u8, signed: is_signed, shift: 0 };
        self.fresh_part(state, Symbol { table: Some(table), ..Symbol::new(Range::ALL) }, 7)
    }

    /// The same entry, shifted to the left.
    pub(super) fn shift_entry(&mut self, state: &mut State, id: u32, amount: u32) -> Value {
        match self.symbols.get(id).and_then(|symbol| symbol.table) {
            Some(table) if table.shift == 0 && amount < 8 => {
                let table = Table { shift: amount as u8, ..table };
                self.fresh_part(state, Symbol { table: Some(table), ..Symbol::new(Range::ALL) }, 8)
            }
            Some(_) | None => Value::ANY,
        }
    }

    /// Whether a value cannot be zero.
    pub(super) fn is_nonzero(&self, state: &State, value: Value) -> bool {
        let facts = super::state::Known { symbols: &self.symbols, facts: &state.facts };
        super::flags::Facts::range(&facts, value, 64).excludes_zero()
    }

    /// A new unknown that is not zero, made at this place.
    pub(super) fn nonzero(&mut self, state: &mut State) -> Value {
        self.fresh_part(state, Symbol::new(Range::POINTER), 9)
    }

    /// Writes memory through a pointer.
    pub(super) fn store(&mut self, state: &mut State, address: Value, size: u64, value: Value) {
        if size == 8 {
            state.memory.expose(self.image, value);
        }
        match address {
            Value::Known(address) => {
                let outside = region(address) == Region::Object || self.import_index(address).is_some();
                if !outside {
                    state.memory.write(self.image, address, size, value);
                }
            }
            Value::Symbol { .. } => {}
            Value::Unknown(reach) => state.memory.taint(self.image, reach, value),
        }
    }

    /// What the thread's block holds where that is known.
    fn thread_field(&self, offset: u64) -> Option<Value> {
        match offset {
            0x28 if self.image.format == crate::model::facts::Format::Elf => Some(Value::Known(CANARY)),
            0 | 0x30 => Some(Value::Known(THREAD)),
            0x58 => Some(Value::Known(THREAD + THREAD_BLOCKS)),
            THREAD_BLOCKS..THREAD_BLOCK => Some(Value::Known(THREAD + THREAD_BLOCK)),
            0x10 if self.image.format == crate::model::facts::Format::Pe => Some(Value::Known(0x1000)),
            _ => None,
        }
    }

    /// The part of an object's header that reference counting looks at: every object outside is taken to be immortal,
    /// so that counting changes nothing. <https://peps.python.org/pep-0683/>, <https://peps.python.org/pep-0703/>
    pub(super) fn header_field(&self, offset: u64, size: u64) -> Option<u64> {
        const IMMORTAL: u64 = 0xffff_ffff;
        match (offset, size, self.context.free_threaded) {
            (12, 4, true) | (0, 4, false) => Some(IMMORTAL),
            _ => None,
        }
    }

    /// The module that an unknown comes from.
    pub(super) fn origin(&self, value: Value) -> Option<String> {
        match value {
            Value::Symbol { id, .. } => self.symbols.get(id).and_then(|symbol| symbol.origin.clone()),
            Value::Known(_) | Value::Unknown(_) => None,
        }
    }

    /// The Boost.Python library that the image needs.
    pub(super) fn boost_library(&self) -> Option<String> {
        let found = self.image.libraries().iter().find(|library| library.contains("boost_python"));
        Some(found.cloned().unwrap_or_else(|| "libboost_python".into()))
    }

    /// `Py_Version` of the interpreter that the run imitates.
    pub(super) fn version_hex(&self) -> u64 {
        0x0300_00f0 | u64::from(self.context.minor) << 16
    }

    /// `Py_GetVersion()` of the interpreter that the run imitates, in memory.
    pub(super) fn version_text(&mut self, state: &mut State) -> Value {
        let build = if self.context.free_threaded { " free-threading build" } else { "" };
        let text = format!("3.{}.0{build} (main) [C]\0", self.context.minor);
        let block = self.allocate(state, Value::Known(0));
        for (index, byte) in text.bytes().enumerate() {
            self.store(state, block.offset(index as u64), 1, Value::Known(u64::from(byte)));
        }
        block
    }
}

fn same_place(left: &State, right: &State) -> bool {
    left.pc == right.pc
        && left.pending == right.pending
        && left.modules == right.modules
        && left.frames.len() == right.frames.len()
        && left.frames.iter().zip(&right.frames).all(|(left, right)| {
            std::rc::Rc::ptr_eq(left, right) || left.return_to == right.return_to && left.stack == right.stack
        })
}
