//! Jumps, calls and returns, into the image and out of it.

use super::super::flags::Flags;
use super::super::returning::Lead;
use super::super::state::{END, LANES, REGISTERS, State, VECTORS};
use super::super::symbol::{Range, Symbol, Table};
use super::super::trace::What;
use super::super::value::{Reach, Value, mask, signed};
use super::super::world::{self, Answer, Giver};
use super::super::{arm64, returning, x86};
use super::Bench;
use crate::binary::image::ImportKind;

/// Most instructions of a stub.
const LONGEST_STUB: usize = 4;
/// How much behind a pointer a call that is skipped may have written.
const LARGEST_ARGUMENT: u64 = 4096;

impl Bench<'_, '_> {
    pub(super) fn jump(&mut self, state: &mut State, target: Value) -> bool {
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
        let size = u64::from(table.size);
        let end = table.start.saturating_add(table.count * size);
        let end = match self.convention.link {
            // What code names is an object of its own, and where it begins the table has ended.
            None => x86::first_named(self.image, state.pc, (table.start, end)).unwrap_or(end),
            Some(_) => end,
        };
        for index in 0..table.count {
            let place = table.start.wrapping_add(index * size);
            if place >= end || !self.image.is_read_only(place) {
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

    pub(super) fn call(&mut self, state: &mut State, target: Value, return_to: u64) -> bool {
        if self.guards(state, return_to) {
            return true;
        }
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
            Value::Known(address) if self.is_code(address) && self.is_too_deep(state) && !self.is_stub(address) => {
                self.skip(state);
                state.pc = return_to;
                true
            }
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

    fn is_too_deep(&self, state: &State) -> bool {
        state.frames.len() >= self.levels
    }

    /// Whether the code there only jumps on through a pointer: it stands for an import.
    fn is_stub(&mut self, address: u64) -> bool {
        let mut place = address;
        for _ in 0..LONGEST_STUB {
            let lead = match self.convention.link {
                Some(_) => arm64::lead(self, place),
                None => x86::lead(self, place),
            };
            match lead {
                Lead::Through { next: None, .. } => return true,
                Lead::Next(next) => place = next,
                _ => return false,
            }
        }
        false
    }

    /// Goes on behind a call of the image's own code, which may have done anything.
    fn skip(&mut self, state: &mut State) {
        self.note(state, What::Skipped);
        self.charge(LARGEST_ARGUMENT);
        self.open_declarations(state);
        for number in 0..self.convention.arguments.len() {
            let pointer = self.argument(state, number);
            world::forget(self, state, pointer, LARGEST_ARGUMENT);
            state.memory.expose(self.image, pointer);
        }
        // What lies on the stack can be reached over a pointer that lies there or in the heap, too.
        let given = (0..self.convention.arguments.len()).map(|number| self.argument(state, number).reach());
        let given = given.fold(Reach::HEAP, Reach::with);
        if state.memory.contents(given).may(Reach::STACK) {
            state.memory.taint(self.image, Reach::STACK, Value::Unknown(Reach::OUTSIDE));
        }
        state.memory.give_up_image(self.image);
        state.memory.give_up_heap();
        // It may have failed, and the caller tells by what it gives back; or it may have dealt with an exception.
        state.pending = false;
        self.clobber(state);
        let result = self.fresh(state, Symbol::new(Range::ALL));
        state.set_register(self.convention.result, result);
    }

    pub(super) fn push_return(&mut self, state: &mut State, return_to: u64) {
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
        if target.reach().may(Reach::IMAGE.with(Reach::CODE)) {
            self.open_declarations(state);
        }
        let origin = self.origin(target);
        world::unmodelled(self, state, Giver { origin, import: None })
    }

    pub(super) fn clobber(&mut self, state: &mut State) {
        for index in 0..REGISTERS {
            if index != self.convention.stack_pointer && !self.convention.preserved.contains(&index) {
                state.set_register(index, Value::ANY);
            }
        }
        let kept = self.convention.preserved_vectors.clone();
        if kept.is_empty() {
            state.forget_vectors(&self.blank);
        } else {
            for vector in (0..VECTORS).filter(|vector| !kept.contains(vector)) {
                state.set_vector(vector, [Value::ANY; LANES]);
            }
        }
        state.flags = Flags::Unknown;
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

    pub(super) fn give_back(&mut self, state: &mut State, target: Value) -> bool {
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
}
