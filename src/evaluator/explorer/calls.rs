//! Jumps, calls and returns, into the image and out of it.

use super::{FollowPurpose, PathExecutor};
use crate::binary::image::ImportKind;
use crate::evaluator::cpu::flags::Flags;
use crate::evaluator::cpu::state::{END, LANES, PathState, REGISTERS, VECTORS};
use crate::evaluator::cpu::trace::TraceEvent;
use crate::evaluator::externals::{self, CallModel, CallOrigin, CallOutcome};
use crate::evaluator::isa::{InstructionSet, StaticSuccessor};
use crate::evaluator::values::symbol::{JumpTable, SymbolFacts, ValueRange};
use crate::evaluator::values::value::{MachineValue, PointsTo, mask, signed};

/// The name of what stands for a function that the image's own code chooses while it is loaded.
const INDIRECT_FUNCTION: &str = "<indirect function>";
/// Most instructions of a stub.
pub(super) const LONGEST_STUB: usize = 6;
/// How much behind a pointer a call that is skipped may have written.
const LARGEST_ARGUMENT: u64 = 4096;

impl<I: InstructionSet> PathExecutor<'_, '_, I> {
    pub(super) fn jump(&mut self, state: &mut PathState, target: MachineValue) -> bool {
        match target {
            MachineValue::Known(address) => {
                if (self.machine.is_code(address) || address == END)
                    && self.own_model(target).is_none()
                {
                    state.pc = address;
                    return true;
                }
                self.outside(state, target) && self.return_from_call(state)
            }
            MachineValue::Symbol { id, offset } => {
                if let Some(table) = self.machine.symbols.get(id).and_then(|symbol| symbol.table) {
                    self.fork_jump_table(state, table, offset);
                    return false;
                }
                self.tail_call(state, target)
            }
            MachineValue::Unknown(_) => self.tail_call(state, target),
        }
    }

    /// A jump through a pointer is a call when the stack is as it was at the call.
    fn tail_call(&mut self, state: &mut PathState, target: MachineValue) -> bool {
        let entry = state.frames.last().map(|frame| I::stack_at_entry(frame));
        if state
            .register(self.machine.convention.stack_pointer)
            .known()
            != entry
        {
            let address = state.pc;
            self.abandon(format!(
                "the jump at {address:#x} goes to an address that is not known"
            ));
            return false;
        }
        self.outside(state, target) && self.return_from_call(state)
    }

    fn fork_jump_table(&mut self, state: &PathState, table: JumpTable, offset: i64) {
        let mut targets = Vec::new();
        let size = u64::from(table.size);
        let end = table.start.saturating_add(table.count * size);
        let end = I::jump_table_end(self.machine.image, state.pc, (table.start, end));
        for index in 0..table.count {
            let place = table.start.wrapping_add(index * size);
            if place >= end || !self.machine.image.is_read_only(place) {
                break;
            }
            let MachineValue::Known(entry) = state.memory.read(self.machine.image, place, size)
            else {
                break;
            };
            let bits = 8 * u32::from(table.size);
            let entry = if table.signed {
                signed(entry, bits).cast_unsigned()
            } else {
                entry & mask(bits)
            };
            let target = (entry << table.shift).wrapping_add(offset.cast_unsigned());
            if !self.machine.is_code(target) || target.abs_diff(state.pc) > 1 << 20 {
                break;
            }
            if !targets.contains(&target) {
                targets.push(target);
            }
        }
        if targets.is_empty() {
            let address = state.pc;
            self.abandon(format!(
                "the jump at {address:#x} goes through a table that could not be read"
            ));
        }
        self.machine.fuel.forks += targets.len() as u64;
        for target in targets.into_iter().rev() {
            let mut branch = state.clone();
            branch.pc = target;
            self.enlist(branch);
        }
    }

    pub(super) fn call(
        &mut self,
        state: &mut PathState,
        target: MachineValue,
        return_to: u64,
    ) -> bool {
        if self.model_guard_call(state, return_to) {
            return true;
        }
        // Where what follows the call only throws or panics, the path has ended already, unless the exception is caught.
        let ends = self.isa.traps(self.machine.image, return_to) || !self.may_return(return_to);
        if ends && !self.is_caught(state, return_to) {
            return false;
        }
        if let MachineValue::Known(address) = target
            && self.machine.is_code(address)
            && !self.may_return(address)
        {
            self.throw_from(state, address, return_to);
            return false;
        }
        let has_model = self.own_model(target).is_some();
        match target {
            MachineValue::Known(address)
                if !has_model
                    && self.machine.is_code(address)
                    && self.is_too_deep(state)
                    && !self.is_stub(address) =>
            {
                self.skip(state);
                if self.is_caught(state, return_to) && !self.follows_settled {
                    self.throw_from(state, address, return_to);
                }
                state.pc = return_to;
                true
            }
            MachineValue::Known(address) if !has_model && self.machine.is_code(address) => {
                self.meet_guard_call(state, address, return_to);
                I::enter(&mut self.machine, state, return_to);
                state.pc = address;
                true
            }
            _ => {
                I::enter_external(&mut self.machine, state, return_to);
                self.outside(state, target) && self.return_from_call(state)
            }
        }
    }

    /// The model of a function of the image, when it belongs to the C++ run time.
    pub(super) fn own_model(&mut self, target: MachineValue) -> Option<CallModel> {
        self.models.own(self.machine.image, target.known()?)
    }

    fn is_too_deep(&self, state: &PathState) -> bool {
        state.frames.len() >= self.levels || self.follows_settled
    }

    /// Whether the code there only jumps on through a pointer out of the image: it stands for an import. The slot of a
    /// function that the image itself exports leads back into the image, and a call of that is a call like any other.
    fn is_stub(&mut self, address: u64) -> bool {
        let mut place = address;
        for _ in 0..LONGEST_STUB {
            match self.isa.static_successor(self.machine.image, place) {
                StaticSuccessor::Through { slot, next: None } => {
                    let target = self.machine.image.pointer(slot);
                    return target.is_none_or(|target| !self.machine.is_code(target));
                }
                StaticSuccessor::Next(next) => place = next,
                _ => return false,
            }
        }
        false
    }

    /// Goes on behind a call of the image's own code, which may have done anything.
    fn skip(&mut self, state: &mut PathState) {
        self.machine.note(state, TraceEvent::Skipped);
        self.machine.fuel.consume(LARGEST_ARGUMENT);
        self.open_declarations(state);
        for number in 0..self.machine.convention.arguments.len() {
            let pointer = self.machine.argument(state, number);
            self.machine.forget(state, pointer, LARGEST_ARGUMENT);
            state.memory.expose(self.machine.image, pointer);
        }
        // What lies on the stack can be reached over a pointer that lies there or in the heap, too.
        let given = (0..self.machine.convention.arguments.len())
            .map(|number| self.machine.argument(state, number).points_to());
        let given = given.fold(PointsTo::HEAP, PointsTo::with);
        if state.memory.contents(given).may(PointsTo::STACK) {
            state.memory.taint(
                self.machine.image,
                PointsTo::STACK,
                MachineValue::Unknown(PointsTo::OUTSIDE),
            );
        }
        state.memory.give_up_image(self.machine.image);
        for word in state.memory.words_with_handles(self.machine.image) {
            if !self.is_private(word) {
                state.memory.forget(self.machine.image, word, 8);
            }
        }
        state.memory.give_up_heap();
        // It may have failed, and the caller tells by what it gives back; or it may have dealt with an exception.
        state.exception_set = false;
        self.clobber(state);
        let result = self.machine.fresh(state, SymbolFacts::new(ValueRange::ALL));
        state.set_register(self.machine.convention.result, result);
    }

    /// Calls something outside the image, or something unknown.
    fn outside(&mut self, state: &mut PathState, target: MachineValue) -> bool {
        let import = match target {
            MachineValue::Known(address) => self.machine.import_index(address),
            MachineValue::Symbol { .. } | MachineValue::Unknown(_) => None,
        };
        let answer = match import {
            Some(index) if self.is_indirect(index) => {
                // A function of the image that its own code chooses while it is loaded.
                self.skip(state);
                return true;
            }
            Some(index)
                if self
                    .machine
                    .image
                    .imports()
                    .get(index)
                    .is_some_and(|import| import.kind == ImportKind::Opaque) =>
            {
                let descriptor = state
                    .register(self.machine.convention.result)
                    .known()
                    .unwrap_or(0);
                CallOutcome::PreservesRegisters(MachineValue::Known(
                    0x10_0000 + (descriptor & 0xff_ffff),
                ))
            }
            Some(index) => self.external_call(state, index),
            None => match (target, self.own_model(target)) {
                (MachineValue::Known(address), Some(model)) => {
                    externals::call_own(&mut self.machine, state, address, model)
                }
                _ => self.unknown_call(state, target),
            },
        };
        let result = match answer {
            CallOutcome::NoReturn => return false,
            CallOutcome::Throws => {
                if !self.throws_for_memory(import) {
                    self.may_throw(state);
                }
                return false;
            }
            CallOutcome::CallsBack(address) => {
                // The function returns to our caller; its result stands for that of the call.
                state.pc = address;
                state.pending_branch = None;
                state.in_callback = true;
                return true;
            }
            CallOutcome::PreservesRegisters(value) => {
                state.set_register(self.machine.convention.result, value);
                return true;
            }
            CallOutcome::CreatesModule(handle) => {
                if state.settled.is_none() && self.cannot_declare(state, handle) {
                    self.settle(state, handle);
                    return false;
                }
                MachineValue::Known(handle)
            }
            CallOutcome::SetsGil(handle) => {
                if state.settled.is_none() && self.is_settled(state, handle) {
                    self.settle_early(state, handle);
                }
                MachineValue::Known(0)
            }
            CallOutcome::Returns(value) => value,
        };
        self.clobber(state);
        state.set_register(self.machine.convention.result, result);
        true
    }

    fn is_indirect(&self, import: usize) -> bool {
        let import = self.machine.image.imports().get(import);
        import.is_some_and(|it| it.kind == ImportKind::Opaque && it.name == INDIRECT_FUNCTION)
    }

    fn external_call(&mut self, state: &mut PathState, import: usize) -> CallOutcome {
        let model = self.models.get(self.machine.image, import);
        let image = self.machine.image;
        if let Some(import) = image.imports().get(import) {
            self.note_callbacks(state, &import.name, model);
        }
        let outcome = externals::call(&mut self.machine, state, import, model);
        if (self.purpose == FollowPurpose::Create || self.follows_settled)
            && !model.is_some_and(CallModel::hands_on)
            && let CallOutcome::Returns(MachineValue::Symbol { id, .. }) = outcome
        {
            self.machine.symbols.note_defining_import(id, import);
        }
        if self.is_throwing(import, model) {
            self.may_throw(state);
        }
        if model.is_none()
            && let CallOutcome::Returns(_) = outcome
            && let Some(number) = self.answer(import)
        {
            self.machine
                .note(state, TraceEvent::Answer { import, number });
            return CallOutcome::Returns(MachineValue::Known(number));
        }
        outcome
    }

    fn unknown_call(&mut self, state: &mut PathState, target: MachineValue) -> CallOutcome {
        self.machine.note(state, TraceEvent::Unfollowed);
        if target.known().is_some_and(|address| address < 4096) {
            return CallOutcome::NoReturn;
        }
        // Code of the image that is skipped could declare a module that exists by now.
        if target.points_to().may(PointsTo::IMAGE.with(PointsTo::CODE)) {
            self.open_declarations(state);
        }
        let origin = self.machine.origin(target);
        let outcome = externals::unmodelled(
            &mut self.machine,
            state,
            CallOrigin {
                origin,
                import: None,
            },
        );
        self.may_throw(state);
        outcome
    }

    pub(super) fn clobber(&mut self, state: &mut PathState) {
        for index in 0..REGISTERS {
            if index != self.machine.convention.stack_pointer
                && !self.machine.convention.preserved.contains(&index)
            {
                state.set_register(index, MachineValue::ANY);
            }
        }
        let kept = self.machine.convention.preserved_vectors.clone();
        if kept.is_empty() {
            state.forget_vectors(&self.blank);
        } else {
            for vector in (0..VECTORS).filter(|vector| !kept.contains(vector)) {
                state.set_vector(vector, [MachineValue::ANY; LANES]);
            }
        }
        state.flags = Flags::UNKNOWN;
    }

    /// Returns from what was called last.
    fn return_from_call(&mut self, state: &mut PathState) -> bool {
        if std::mem::take(&mut state.in_callback) {
            return true;
        }
        let target = state.frames.last().map_or(END, |frame| frame.return_to);
        I::leave_external(&self.machine, state);
        self.ret(state, MachineValue::Known(target))
    }

    pub(super) fn ret(&mut self, state: &mut PathState, target: MachineValue) -> bool {
        let Some(frame) = state.frames.last().cloned() else {
            return false;
        };
        match target {
            MachineValue::Known(address) if address != frame.return_to => {
                return self.jump(state, target);
            }
            MachineValue::Known(_) | MachineValue::Symbol { .. } | MachineValue::Unknown(_) => {}
        }
        state.frames.pop();
        let pointer = self.machine.convention.stack_pointer;
        if state.register(pointer).known().is_none() {
            state.set_register(pointer, MachineValue::Known(frame.stack));
        }
        for &index in self.machine.convention.preserved {
            if matches!(state.register(index), MachineValue::Unknown(_))
                && let Some(&before) = frame.registers.get(index)
            {
                state.set_register(index, before);
            }
        }
        state.pc = frame.return_to;
        self.recognise_guard_call(state);
        if state.settled.is_none()
            && let Some(module) = self.past_declaration(state)
        {
            self.settle_early(state, module);
        }
        true
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::explorer::tests::{
        Assembly, FROM_STRING, INIT_DEFINITION, TWO_PHASES, entered, on_code,
    };
    use crate::evaluator::isa::x86::X86;
    use crate::model::facts::InitKind;

    #[test]
    fn a_call_keeps_what_callees_preserve() {
        on_code(TWO_PHASES, Assembly::of(TWO_PHASES), |executor| {
            let mut state = entered(executor, TWO_PHASES);
            let (rbx, rcx) = (3, 1);
            state.set_register(rbx, MachineValue::Known(5));
            state.set_register(rcx, MachineValue::Known(6));
            state.set_vector(2, [MachineValue::Known(7); LANES]);
            let stack = state.register(executor.machine.convention.stack_pointer);
            executor.clobber(&mut state);
            assert_eq!(state.register(rbx), MachineValue::Known(5));
            assert_eq!(
                state.register(executor.machine.convention.stack_pointer),
                stack
            );
            assert!(state.register(rcx).known().is_none() && state.lane(2, 0).known().is_none());
            assert_eq!(state.flags, Flags::UNKNOWN);
        });
    }

    #[test]
    fn a_return_restores_what_was_lost_and_leads_to_the_caller() {
        on_code(TWO_PHASES, Assembly::of(TWO_PHASES), |executor| {
            let mut state = entered(executor, TWO_PHASES);
            let rbx = 3;
            state.set_register(rbx, MachineValue::Known(5));
            let return_to = TWO_PHASES.hook + 5;
            X86::enter(&mut executor.machine, &mut state, return_to);
            state.set_register(rbx, MachineValue::ANY);
            assert!(executor.ret(&mut state, MachineValue::ANY));
            assert_eq!(
                (state.pc, state.register(rbx), state.frames.len()),
                (return_to, MachineValue::Known(5), 1)
            );
            state.frames.clear();
            assert!(
                !executor.ret(&mut state, MachineValue::ANY),
                "nobody called"
            );
        });
    }

    #[test]
    fn a_jump_out_of_the_image_is_a_call_where_the_stack_is_as_at_the_call() {
        let code = Assembly::of(TWO_PHASES)
            .name(TWO_PHASES.definition)
            .jump(INIT_DEFINITION);
        on_code(TWO_PHASES, code, |executor| {
            executor.explore(TWO_PHASES.hook, usize::MAX);
            assert_eq!(
                executor
                    .outcomes
                    .iter()
                    .map(|it| it.init)
                    .collect::<Vec<_>>(),
                [Some(InitKind::MultiPhase)]
            );
        });
        // `rdtsc; push rax; jmp rax`
        let code = Assembly::of(TWO_PHASES).raw(&[0x0f, 0x31, 0x50, 0xff, 0xe0]);
        on_code(TWO_PHASES, code, |executor| {
            executor.explore(TWO_PHASES.hook, usize::MAX);
            let why = format!("{:?}", executor.abandoned);
            assert!(
                why.contains("goes to an address that is not known"),
                "{why}"
            );
        });
    }

    #[test]
    fn code_that_only_leads_out_of_the_image_is_a_stub() {
        on_code(
            TWO_PHASES,
            Assembly::of(TWO_PHASES).call(FROM_STRING).ret(),
            |executor| {
                assert!(executor.is_stub(INIT_DEFINITION) && executor.is_stub(FROM_STRING));
                assert!(!executor.is_stub(TWO_PHASES.hook));
            },
        );
    }
}
