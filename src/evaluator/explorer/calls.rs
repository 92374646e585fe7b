//! Jumps, calls and returns, into the image and out of it.

use super::Executor;
use crate::binary::image::ImportKind;
use crate::evaluator::cpu::flags::Flags;
use crate::evaluator::cpu::state::{END, LANES, REGISTERS, State, VECTORS};
use crate::evaluator::externals::{self, CallOrigin, CallOutcome};
use crate::evaluator::isa::{arm64, x86};
use crate::evaluator::noreturn;
use crate::evaluator::noreturn::StaticSuccessor;
use crate::evaluator::trace::TraceEvent;
use crate::evaluator::values::symbol::{Range, Symbol, Table};
use crate::evaluator::values::value::{PointsTo, Value, mask, signed};

/// Most instructions of a stub.
const LONGEST_STUB: usize = 4;
/// How much behind a pointer a call that is skipped may have written.
const LARGEST_ARGUMENT: u64 = 4096;

impl Executor<'_, '_> {
    pub(super) fn jump(&mut self, state: &mut State, target: Value) -> bool {
        match target {
            Value::Known(address) => {
                if (self.is_code(address) || address == END) && self.runtime_model(address).is_none() {
                    state.pc = address;
                    return true;
                }
                self.outside(state, target) && self.return_from_call(state)
            }
            Value::Symbol { id, offset } => {
                if let Some(table) = self.symbols.get(id).and_then(|symbol| symbol.table) {
                    self.fork_jump_table(state, table, offset);
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
            self.abandon(format!("the jump at {address:#x} goes to an address that is not known"));
            return false;
        }
        self.outside(state, target) && self.return_from_call(state)
    }

    fn fork_jump_table(&mut self, state: &State, table: Table, offset: i64) {
        let mut targets = Vec::new();
        let size = u64::from(table.size);
        let end = table.start.saturating_add(table.count * size);
        let end = match self.convention.link {
            // What code names is an object of its own, and where it begins the table has ended.
            None => x86::first_lea_target(self.image, state.pc, (table.start, end)).unwrap_or(end),
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
            self.abandon(format!("the jump at {address:#x} goes through a table that could not be read"));
        }
        self.forks += targets.len() as u64;
        for target in targets.into_iter().rev() {
            let mut branch = state.clone();
            branch.pc = target;
            self.enlist(branch);
        }
    }

    pub(super) fn call(&mut self, state: &mut State, target: Value, return_to: u64) -> bool {
        if self.model_guard_call(state, return_to) {
            return true;
        }
        let never_returns = match self.convention.link {
            Some(_) => arm64::traps(self, return_to),
            None => x86::traps(self, return_to),
        };
        let target_returns = |executor: &mut Executor| match target {
            Value::Known(address) if executor.is_code(address) => noreturn::may_return(executor, address),
            Value::Known(_) | Value::Symbol { .. } | Value::Unknown(_) => true,
        };
        if never_returns || !target_returns(self) {
            return false;
        }
        let models = target.known().is_some_and(|address| self.runtime_model(address).is_some());
        match target {
            _ if models => self.call_outside(state, target, return_to),
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
            _ => self.call_outside(state, target, return_to),
        }
    }

    fn call_outside(&mut self, state: &mut State, target: Value, return_to: u64) -> bool {
        match self.convention.link {
            Some(_) => {
                let stack = state.register(self.convention.stack_pointer).known().unwrap_or_default();
                state.push_frame(return_to, stack);
            }
            None => self.push_return(state, return_to),
        }
        self.outside(state, target) && self.return_from_call(state)
    }

    fn is_too_deep(&self, state: &State) -> bool {
        state.frames.len() >= self.levels
    }

    /// Whether the code there only jumps on through a pointer: it stands for an import.
    fn is_stub(&mut self, address: u64) -> bool {
        let mut place = address;
        for _ in 0..LONGEST_STUB {
            let successor = match self.convention.link {
                Some(_) => arm64::static_successor(self, place),
                None => x86::static_successor(self, place),
            };
            match successor {
                StaticSuccessor::Through { next: None, .. } => return true,
                StaticSuccessor::Next(next) => place = next,
                _ => return false,
            }
        }
        false
    }

    /// Goes on behind a call of the image's own code, which may have done anything.
    fn skip(&mut self, state: &mut State) {
        self.note(state, TraceEvent::Skipped);
        self.consume_fuel(LARGEST_ARGUMENT);
        self.open_declarations(state);
        for number in 0..self.convention.arguments.len() {
            let pointer = self.argument(state, number);
            externals::forget(self, state, pointer, LARGEST_ARGUMENT);
            state.memory.expose(self.image, pointer);
        }
        // What lies on the stack can be reached over a pointer that lies there or in the heap, too.
        let given = (0..self.convention.arguments.len()).map(|number| self.argument(state, number).points_to());
        let given = given.fold(PointsTo::HEAP, PointsTo::with);
        if state.memory.contents(given).may(PointsTo::STACK) {
            state.memory.taint(self.image, PointsTo::STACK, Value::Unknown(PointsTo::OUTSIDE));
        }
        state.memory.give_up_image(self.image);
        state.memory.give_up_heap();
        // It may have failed, and the caller tells by what it gives back; or it may have dealt with an exception.
        state.exception_set = false;
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
        let import = target.known().and_then(|address| self.import_index(address));
        let own = target.known().and_then(|address| Some((address, self.runtime_model(address)?)));
        let answer = match import {
            None if let Some((address, model)) = own => externals::call_runtime(self, state, address, model),
            Some(index) if self.image.imports().get(index).is_some_and(|import| import.kind == ImportKind::Opaque) => {
                let descriptor = state.register(self.convention.result).known().unwrap_or(0);
                CallOutcome::PreservesRegisters(Value::Known(0x10_0000 + (descriptor & 0xff_ffff)))
            }
            Some(index) => externals::call(self, state, index),
            None => self.unknown_call(state, target),
        };
        let result = match answer {
            CallOutcome::NoReturn => return false,
            CallOutcome::CallsBack(address) => {
                // The function returns to our caller; its result stands for that of the call.
                state.pc = address;
                return self.leave_by(state, address);
            }
            CallOutcome::PreservesRegisters(value) => {
                state.set_register(self.convention.result, value);
                return true;
            }
            CallOutcome::Returns(value) => value,
        };
        self.clobber(state);
        state.set_register(self.convention.result, result);
        true
    }

    fn leave_by(&mut self, state: &mut State, address: u64) -> bool {
        state.pc = address;
        state.pending_branch = None;
        state.in_callback = true;
        true
    }

    fn unknown_call(&mut self, state: &mut State, target: Value) -> CallOutcome {
        self.note(state, TraceEvent::Unfollowed);
        if target.known().is_some_and(|address| address < 4096) {
            return CallOutcome::NoReturn;
        }
        // Code of the image that is skipped could declare a module that exists by now.
        if target.points_to().may(PointsTo::IMAGE.with(PointsTo::CODE)) {
            self.open_declarations(state);
        }
        let origin = self.origin(target);
        externals::unmodelled(self, state, CallOrigin { origin, import: None })
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
    fn return_from_call(&mut self, state: &mut State) -> bool {
        if std::mem::take(&mut state.in_callback) {
            return true;
        }
        let target = state.frames.last().map_or(END, |frame| frame.return_to);
        if self.convention.link.is_none() {
            let pointer = self.convention.stack_pointer;
            let after = state.register(pointer).add(Value::Known(8));
            state.set_register(pointer, after);
        }
        self.ret(state, Value::Known(target))
    }

    pub(super) fn ret(&mut self, state: &mut State, target: Value) -> bool {
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
