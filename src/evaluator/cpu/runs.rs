//! Runs of bytes: copied, filled, and forgotten.

use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::values::value::{
    ImageBounds, MachineValue, MemoryRegion, PointsTo, mask, region,
};

/// Longest run of bytes that is copied, filled or compared one by one.
pub(in crate::evaluator) const LONGEST_RUN: u64 = 4096;

impl SharedMachine<'_, '_> {
    /// Copies a run of bytes.
    pub(in crate::evaluator) fn copy_run(
        &mut self,
        state: &mut PathState,
        to: MachineValue,
        from: MachineValue,
        length: MachineValue,
    ) {
        let (MachineValue::Known(start), Some(length)) =
            (to, length.known().filter(|&length| length <= LONGEST_RUN))
        else {
            return self.overwrite(state, to, length);
        };
        self.fuel.consume(length);
        let mut units = Vec::new();
        let mut offset = 0;
        while offset < length {
            let unit = if length - offset >= 8 { 8 } else { 1 };
            units.push((offset, unit, self.load(state, from.offset(offset), unit)));
            offset += unit;
        }
        for (offset, unit, value) in units {
            self.store(
                state,
                MachineValue::Known(start.wrapping_add(offset)),
                unit,
                value,
            );
        }
    }

    /// Fills a run of `count` units.
    pub(in crate::evaluator) fn fill_run(
        &mut self,
        state: &mut PathState,
        to: MachineValue,
        unit: MachineValue,
        size: u64,
        count: MachineValue,
    ) {
        let bytes = count
            .known()
            .and_then(|count| count.checked_mul(size))
            .filter(|&bytes| bytes <= 16 * LONGEST_RUN);
        let (MachineValue::Known(start), Some(bytes)) = (to, bytes) else {
            let length = count.known().map_or(MachineValue::ANY, |count| {
                MachineValue::Known(count.saturating_mul(size))
            });
            return self.overwrite(state, to, length);
        };
        self.fuel.consume(bytes);
        let mut offset = 0;
        let wide = match unit {
            MachineValue::Known(number) if size < 8 => {
                Some((0..8 / size).fold(0, |word, index| {
                    word | (number & mask(8 * size as u32)) << (8 * size * index)
                }))
            }
            _ => None,
        };
        while offset < bytes {
            let place = MachineValue::Known(start.wrapping_add(offset));
            match wide {
                Some(word) if bytes - offset >= 8 => {
                    self.store(state, place, 8, MachineValue::Known(word));
                    offset += 8;
                }
                _ => {
                    self.store(state, place, size, unit);
                    offset += size;
                }
            }
        }
    }

    /// Something of unknown content or length is written.
    pub(in crate::evaluator) fn overwrite(
        &mut self,
        state: &mut PathState,
        to: MachineValue,
        length: MachineValue,
    ) {
        match to {
            MachineValue::Known(_) => self.forget(
                state,
                to,
                length.known().unwrap_or(LONGEST_RUN).min(LONGEST_RUN),
            ),
            MachineValue::Symbol { .. } => {}
            MachineValue::Unknown(reach) => {
                state
                    .memory
                    .taint(self.image, reach, MachineValue::Unknown(PointsTo::OUTSIDE))
            }
        }
        let exceeds = length.known().is_none_or(|length| length > LONGEST_RUN);
        if let MachineValue::Known(start) = to
            && exceeds
            && region(start) != MemoryRegion::Object
        {
            let extent = ImageBounds::of(self.image);
            state.memory.taint(
                self.image,
                to.points_to_in(extent),
                MachineValue::Unknown(PointsTo::OUTSIDE),
            );
        }
    }

    /// Forgets the pointers behind the arguments of a bit mask.
    pub(in crate::evaluator) fn forget_pointers(&self, state: &mut PathState, mask: u8) {
        for number in (0..8).filter(|number| mask & (1 << number) != 0) {
            let pointer = self.argument(state, number);
            self.forget(state, pointer, 8);
        }
    }

    /// Forgets what may have been written behind a passed pointer.
    pub(in crate::evaluator) fn forget(
        &self,
        state: &mut PathState,
        pointer: MachineValue,
        length: u64,
    ) {
        match pointer {
            MachineValue::Known(address) => match region(address) {
                MemoryRegion::Stack | MemoryRegion::Heap => {
                    state.memory.forget(self.image, address, length)
                }
                MemoryRegion::Image
                    if !self.image.is_read_only(address)
                        && self.image.segment_at(address).is_some() =>
                {
                    state.memory.forget(self.image, address, length);
                }
                MemoryRegion::Image | MemoryRegion::Thread | MemoryRegion::Object => {}
            },
            MachineValue::Unknown(reach)
                if reach.may(PointsTo::STACK.with(PointsTo::HEAP).with(PointsTo::IMAGE)) =>
            {
                state
                    .memory
                    .taint(self.image, reach, MachineValue::Unknown(PointsTo::OUTSIDE));
            }
            MachineValue::Symbol { .. } | MachineValue::Unknown(_) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::cpu::tests::{known, on_machine};

    #[test]
    fn runs_are_copied_filled_and_forgotten() {
        on_machine(|machine, state| {
            let (from, to) = (
                machine.allocate(state, MachineValue::Known(64)),
                machine.allocate(state, MachineValue::Known(64)),
            );
            machine.fill_run(
                state,
                from,
                MachineValue::Known(0xab),
                1,
                MachineValue::Known(20),
            );
            assert_eq!(known(machine, state, from.offset(16), 4), Some(0xabab_abab));
            assert_eq!(known(machine, state, from.offset(20), 4), Some(0));
            machine.copy_run(state, to, from, MachineValue::Known(17));
            assert_eq!(known(machine, state, to.offset(16), 2), Some(0x00ab));
            let before = machine.fuel.steps;
            machine.copy_run(state, to, from, MachineValue::Known(4096));
            assert!(machine.fuel.steps > before, "long runs cost");
            machine.forget(state, from, 8);
            assert_eq!(known(machine, state, from, 8), None);
            assert_eq!(
                known(machine, state, from.offset(8), 8),
                Some(0xabab_abab_abab_abab)
            );
            // Nobody knows how much: all of the heap may be hit.
            machine.fill_run(state, to, MachineValue::Known(0), 1, MachineValue::ANY);
            assert_eq!(known(machine, state, from.offset(8), 8), None);
        });
    }
}
