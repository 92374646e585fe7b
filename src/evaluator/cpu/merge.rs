//! Compares paths that meet, and takes them together.

use std::hash::{Hash, Hasher};
use std::rc::Rc;

use super::state::{PathState, REGISTERS, fact};
use crate::binary::image::BinaryImage;
use crate::evaluator::cpu::convention::CallingConvention;
use crate::evaluator::cpu::flags::Flags;
use crate::evaluator::values::hash::FastHasher;
use crate::evaluator::values::value::{ImageBounds, MachineValue, MemoryRegion, OBJECTS, region};

impl PathState {
    /// What two paths must have in common to be taken together.
    pub(in crate::evaluator) fn key(&self, convention: &CallingConvention) -> u64 {
        let mut hasher = FastHasher::default();
        (
            self.pc,
            self.context(),
            self.frames.len(),
            &self.modules,
            self.exception_set,
        )
            .hash(&mut hasher);
        for &index in convention.preserved {
            match self.register(index) {
                MachineValue::Known(address) if region(address) == MemoryRegion::Object => {
                    (index, address - OBJECTS).hash(&mut hasher)
                }
                MachineValue::Known(_) | MachineValue::Symbol { .. } | MachineValue::Unknown(_) => {
                }
            }
        }
        hasher.finish()
    }

    fn stack(&self, convention: &CallingConvention) -> u64 {
        self.register(convention.stack_pointer)
            .known()
            .filter(|&stack| region(stack) == MemoryRegion::Stack)
            .unwrap_or(0)
    }

    /// Whether everything this path may do is covered by another one with the same key.
    pub(in crate::evaluator) fn is_subsumed_by(
        &self,
        other: &PathState,
        image: &BinaryImage,
        convention: &CallingConvention,
    ) -> bool {
        let extent = ImageBounds::of(image);
        let registers = |left: &[MachineValue; REGISTERS], right: &[MachineValue; REGISTERS]| {
            left.iter()
                .zip(right)
                .all(|(left, right)| left.is_subsumed_by(*right, extent))
        };
        registers(&self.registers, &other.registers)
            && self.flags.is_subsumed_by(other.flags, extent)
            && other
                .partial_lanes
                .iter()
                .all(|half| self.partial_lanes.contains(half))
            && (self.saved_flags == other.saved_flags || other.saved_flags == Some(Flags::UNKNOWN))
            && (Rc::ptr_eq(&self.vectors, &other.vectors)
                || self
                    .vectors
                    .iter()
                    .flatten()
                    .zip(other.vectors.iter().flatten())
                    .all(|(left, right)| left.is_subsumed_by(*right, extent)))
            && self.frames.iter().zip(&other.frames).all(|(left, right)| {
                Rc::ptr_eq(left, right) || registers(&left.registers, &right.registers)
            })
            && other.facts.iter().all(|&(id, range)| {
                fact(&self.facts, id).is_some_and(|mine| range.join(mine) == range)
            })
            && self
                .memory
                .is_subsumed_by(&other.memory, image, self.stack(convention))
    }

    /// Covers another path with the same key, too.
    pub(in crate::evaluator) fn join(
        &mut self,
        other: &PathState,
        image: &BinaryImage,
        convention: &CallingConvention,
    ) {
        let (stack, extent) = (self.stack(convention), ImageBounds::of(image));
        self.settle();
        let mut other = other.clone();
        other.settle();
        for (mine, theirs) in self.registers.iter_mut().zip(&other.registers) {
            *mine = mine.join(*theirs, extent);
        }
        self.flags = self.flags.join(other.flags, extent);
        self.partial_lanes
            .retain(|half| other.partial_lanes.contains(half));
        self.saved_flags = match (self.saved_flags, other.saved_flags) {
            (Some(mine), Some(theirs)) => Some(mine.join(theirs, extent)),
            (None, None) => None,
            (Some(_), None) | (None, Some(_)) => Some(Flags::UNKNOWN),
        };
        if !Rc::ptr_eq(&self.vectors, &other.vectors) {
            let vectors = Rc::make_mut(&mut self.vectors);
            for (mine, theirs) in vectors
                .iter_mut()
                .flatten()
                .zip(other.vectors.iter().flatten())
            {
                *mine = mine.join(*theirs, extent);
            }
        }
        for (mine, theirs) in self.frames.iter_mut().zip(&other.frames) {
            if !Rc::ptr_eq(mine, theirs) && mine.registers != theirs.registers {
                for (mine, theirs) in Rc::make_mut(mine)
                    .registers
                    .iter_mut()
                    .zip(&theirs.registers)
                {
                    *mine = mine.join(*theirs, extent);
                }
            }
        }
        if self.defined_symbols != other.defined_symbols {
            let defined_symbols = Rc::make_mut(&mut self.defined_symbols);
            defined_symbols.resize(defined_symbols.len().max(other.defined_symbols.len()), 0);
            defined_symbols
                .iter_mut()
                .zip(other.defined_symbols.iter())
                .for_each(|(mine, theirs)| *mine |= theirs);
        }
        self.facts
            .retain_mut(|(id, range)| match fact(&other.facts, *id) {
                Some(theirs) => {
                    *range = range.join(theirs);
                    true
                }
                None => false,
            });
        self.memory.join(&other.memory, image, stack);
    }

    /// Writes what facts say of the registers into them, before facts are given up.
    fn settle(&mut self) {
        for index in 0..REGISTERS {
            let value = self.register(index);
            self.set_register(index, value);
        }
        self.flags = self.resolved_flags();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::cpu::tests::{CONVENTION, known, on_machine};

    #[test]
    fn a_joined_state_covers_both() {
        on_machine(|machine, state| {
            let image = machine.image;
            let stack = state.register(CONVENTION.stack_pointer);
            let mut other = state.clone();
            for (path, number) in [(&mut *state, 1), (&mut other, 2)] {
                path.set_register(3, MachineValue::Known(number));
                machine.store(path, stack, 8, MachineValue::Known(number));
                path.flags =
                    Flags::compare(MachineValue::Known(number), MachineValue::Known(0), 64);
            }
            assert!(!state.is_subsumed_by(&other, image, &CONVENTION));
            let mut joined = state.clone();
            joined.join(&other, image, &CONVENTION);
            for path in [&*state, &other] {
                assert!(path.is_subsumed_by(&joined, image, &CONVENTION));
            }
            assert!(matches!(joined.register(3), MachineValue::Unknown(_)));
            assert_eq!(known(machine, &mut joined, stack, 8), None);
        });
    }
}
