//! What all paths share, and what instructions and models do through it: memory, new objects and names, facts of the
//! interpreter.

use crate::binary::image::{BinaryImage, IMPORT_WINDOW};
use crate::evaluator::cpu::convention::CallingConvention;
use crate::evaluator::cpu::flags::{BranchCondition, Facts};
use crate::evaluator::cpu::fuel::PathFuel;
use crate::evaluator::cpu::state::{PathFacts, PathState};
use crate::evaluator::cpu::trace::{StepTrace, TraceEvent};
use crate::evaluator::memory::guards::StaticGuards;
use crate::evaluator::values::hash::FastMap;
use crate::evaluator::values::symbol::{
    DefinitionSite, JumpTable, SymbolFacts, SymbolTable, ValueRange,
};
use crate::evaluator::values::value::{
    HEAP, HEAP_STRIDE, MachineValue, MemoryRegion, OBJECT_STRIDE, OBJECTS, PointsTo, THREAD,
    THREAD_BLOCK, THREAD_BLOCKS, region,
};
use crate::model::facts::ImageFormat;

/// What stack protectors compare with: any number would do.
pub(super) const CANARY: u64 = 0x00c0_ffee_1234_5600;
/// Allocations of one place that are followed separately.
const SEPARATE_ALLOCATIONS: u64 = 4;

/// The interpreter that a function is evaluated for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TargetInterpreter {
    /// Minor version of CPython 3.
    pub minor: u8,
    /// Whether the code was compiled for the free-threaded build: objects have another header there.
    pub free_threaded: bool,
}

/// What the paths of one evaluation share.
pub(in crate::evaluator) struct SharedMachine<'a, 'data> {
    pub(in crate::evaluator) image: &'a BinaryImage<'data>,
    pub(in crate::evaluator) convention: &'static CallingConvention,
    pub(in crate::evaluator) interpreter: TargetInterpreter,
    pub(in crate::evaluator) symbols: SymbolTable,
    pub(in crate::evaluator) trace: StepTrace,
    pub(in crate::evaluator) fuel: PathFuel,
    pub(in crate::evaluator) guards: StaticGuards,
    allocation_ids: FastMap<(u64, u64, u64), u64>,
}

impl<'a, 'data> SharedMachine<'a, 'data> {
    /// A machine that nothing was done on.
    pub(in crate::evaluator) fn new(
        image: &'a BinaryImage<'data>,
        convention: &'static CallingConvention,
        interpreter: TargetInterpreter,
        fuel: PathFuel,
    ) -> SharedMachine<'a, 'data> {
        SharedMachine {
            image,
            convention,
            interpreter,
            symbols: SymbolTable::default(),
            trace: StepTrace::default(),
            fuel,
            guards: StaticGuards::default(),
            allocation_ids: FastMap::default(),
        }
    }
}

impl SharedMachine<'_, '_> {
    /// Whether code of the image is at an address.
    pub(in crate::evaluator) fn is_code(&self, address: u64) -> bool {
        self.image
            .segment_at(address)
            .is_some_and(|segment| segment.executable)
    }

    pub(in crate::evaluator) fn import_index(&self, address: u64) -> Option<usize> {
        let import = self.image.import_at(address)?;
        let first = self.image.imports().first()?.address;
        usize::try_from((import.address - first) / IMPORT_WINDOW).ok()
    }

    /// An argument of the call that was just entered.
    pub(in crate::evaluator) fn argument(&self, state: &PathState, number: usize) -> MachineValue {
        let convention = self.convention;
        if let Some(&register) = convention.arguments.get(number) {
            return state.register(register);
        }
        let place = convention.stacked + 8 * (number - convention.arguments.len()) as u64;
        match state.register(convention.stack_pointer) {
            MachineValue::Known(stack) => {
                state.resolve(state.memory.read(self.image, stack.wrapping_add(place), 8))
            }
            MachineValue::Symbol { .. } | MachineValue::Unknown(_) => MachineValue::ANY,
        }
    }

    /// The answer to a condition; `None` when both ways are open, and then the instruction forks.
    pub(in crate::evaluator) fn ask(
        &self,
        state: &mut PathState,
        condition: BranchCondition,
    ) -> Option<bool> {
        state
            .pending_branch
            .take()
            .or_else(|| state.decide(condition, &self.symbols))
    }

    /// Notes a step of a path.
    pub(in crate::evaluator) fn note(&mut self, state: &mut PathState, what: TraceEvent) {
        state.trace = self.trace.push(state.trace, state.pc, what);
    }

    /// A new symbolic value, made at this place.
    pub(in crate::evaluator) fn fresh(
        &mut self,
        state: &mut PathState,
        symbol: SymbolFacts,
    ) -> MachineValue {
        self.fresh_part(state, symbol, 0)
    }

    fn fresh_part(&mut self, state: &mut PathState, symbol: SymbolFacts, part: u8) -> MachineValue {
        let source = DefinitionSite {
            address: state.pc,
            context: state.context(),
            part,
        };
        let id = self.symbols.name(source, symbol);
        state.issue(id);
        MachineValue::Symbol { id, offset: 0 }
    }

    /// A new allocation, made at this place.
    pub(in crate::evaluator) fn allocate(
        &mut self,
        state: &mut PathState,
        zeros: MachineValue,
    ) -> MachineValue {
        let zeros = zeros.known().unwrap_or(0).min(HEAP_STRIDE / 2);
        for turn in 0..SEPARATE_ALLOCATIONS {
            let number = self.allocation_id((state.pc, state.context(), turn));
            let address = HEAP + number * HEAP_STRIDE;
            if address + HEAP_STRIDE > THREAD {
                break;
            }
            if !state.memory.is_allocated(address) {
                state.memory.allocate(address, zeros);
                return MachineValue::Known(address);
            }
        }
        self.fresh(state, SymbolFacts::new(ValueRange::POINTER))
    }

    /// An object of the interpreter whose identity matters, made at this place.
    pub(in crate::evaluator) fn object(&mut self, state: &mut PathState) -> u64 {
        for turn in 0..SEPARATE_ALLOCATIONS {
            let handle = OBJECTS
                + (1 + self.allocation_id((state.pc, state.context(), 16 + turn))) * OBJECT_STRIDE;
            if state.module(handle).is_none() {
                return handle;
            }
        }
        OBJECTS
    }

    /// The number of a slot that each thread has, asked for at this place.
    pub(in crate::evaluator) fn thread_slot_number(&mut self, state: &PathState) -> u64 {
        self.allocation_id((state.pc, state.context(), 32))
    }

    fn allocation_id(&mut self, key: (u64, u64, u64)) -> u64 {
        let next = self.allocation_ids.len() as u64;
        *self.allocation_ids.entry(key).or_insert(next)
    }

    /// Reads memory through a pointer.
    pub(in crate::evaluator) fn load(
        &mut self,
        state: &mut PathState,
        address: MachineValue,
        size: u64,
    ) -> MachineValue {
        match address {
            MachineValue::Known(address) => {
                if let Some(import) = self.import_index(address) {
                    return self.imported_datum(state, import, address % IMPORT_WINDOW, size);
                }
                if region(address) == MemoryRegion::Thread
                    && let Some(value) = self.thread_field(address - THREAD)
                {
                    return value.truncate(8 * size as u32);
                }
                if region(address) == MemoryRegion::Object
                    && let Some(value) = self.header_field(address % OBJECT_STRIDE, size)
                {
                    return MachineValue::Known(value);
                }
                state.resolve(state.memory.read(self.image, address, size))
            }
            MachineValue::Symbol { .. } if address.points_to() != PointsTo::OUTSIDE => {
                self.load(state, MachineValue::Unknown(address.points_to()), size)
            }
            MachineValue::Symbol { offset, .. } => {
                match u64::try_from(offset)
                    .ok()
                    .and_then(|offset| self.header_field(offset, size))
                {
                    Some(value) => MachineValue::Known(value),
                    None => MachineValue::Unknown(PointsTo::OUTSIDE),
                }
            }
            MachineValue::Unknown(reach) => {
                let own = if reach.may(PointsTo::STACK.with(PointsTo::HEAP)) {
                    state.memory.contents(reach).with(PointsTo::OUTSIDE)
                } else {
                    PointsTo::OUTSIDE
                };
                let own = own.read_from_memory();
                MachineValue::Unknown(if self.reaches_data(reach) {
                    own.with(PointsTo::IMAGE)
                } else {
                    own
                })
            }
        }
    }

    /// Whether a pointer of this reach may point to data of the image.
    fn reaches_data(&self, reach: PointsTo) -> bool {
        let (low, high) = reach.addresses();
        let overlaps = |start: u64, size: u64| low < start.saturating_add(size) && high >= start;
        reach.may(PointsTo::IMAGE)
            && self
                .image
                .segments
                .iter()
                .any(|segment| !segment.executable && overlaps(segment.address, segment.size))
    }

    /// A number that is not known, out of the bits of a mask: a small one is often the index into a table.
    pub(in crate::evaluator) fn masked(
        &mut self,
        state: &mut PathState,
        mask: MachineValue,
    ) -> MachineValue {
        match mask {
            MachineValue::Known(highest @ (3 | 7 | 15 | 31)) => self.fresh_part(
                state,
                SymbolFacts::new(ValueRange::new(0, highest.cast_signed())),
                10,
            ),
            _ => MachineValue::ANY,
        }
    }

    /// A number of which only the lowest byte is known.
    pub(in crate::evaluator) fn low_byte(
        &mut self,
        state: &mut PathState,
        byte: u8,
    ) -> MachineValue {
        self.fresh_part(
            state,
            SymbolFacts {
                low: Some(byte),
                ..SymbolFacts::new(ValueRange::ALL)
            },
            11,
        )
    }

    /// A table of code addresses in which an index points that is not known.
    pub(in crate::evaluator) fn table(
        &self,
        state: &PathState,
        start: u64,
        size: u64,
        index: MachineValue,
    ) -> JumpTable {
        let facts = PathFacts {
            symbols: &self.symbols,
            facts: &state.facts,
        };
        let range = Facts::range(&facts, index, 64);
        let highest = u64::try_from(range.high).ok().filter(|_| range.low >= 0);
        let count = highest.map_or(JumpTable::LONGEST, |highest| {
            highest.saturating_add(1).min(JumpTable::LONGEST)
        });
        JumpTable {
            start,
            size: size as u8,
            signed: false,
            shift: 0,
            count,
        }
    }

    /// An entry of a table of code addresses whose index is not known.
    pub(in crate::evaluator) fn load_entry(
        &mut self,
        state: &mut PathState,
        table: JumpTable,
    ) -> MachineValue {
        self.fresh_part(
            state,
            SymbolFacts {
                table: Some(table),
                ..SymbolFacts::new(ValueRange::ALL)
            },
            7,
        )
    }

    /// The same entry, shifted to the left.
    pub(in crate::evaluator) fn shift_entry(
        &mut self,
        state: &mut PathState,
        id: u32,
        amount: u32,
    ) -> MachineValue {
        match self.symbols.get(id).and_then(|symbol| symbol.table) {
            Some(table) if table.shift == 0 && amount < 8 => {
                let table = JumpTable {
                    shift: amount as u8,
                    ..table
                };
                self.fresh_part(
                    state,
                    SymbolFacts {
                        table: Some(table),
                        ..SymbolFacts::new(ValueRange::ALL)
                    },
                    8,
                )
            }
            Some(_) | None => MachineValue::ANY,
        }
    }

    /// The interpreter's state: always the same, since the module is imported into the main interpreter.
    pub(in crate::evaluator) fn interpreter_state(&mut self) -> MachineValue {
        let source = DefinitionSite {
            address: 0,
            context: 0,
            part: 2,
        };
        MachineValue::Symbol {
            id: self
                .symbols
                .name(source, SymbolFacts::new(ValueRange::POINTER)),
            offset: 0,
        }
    }

    /// Whether a value cannot be zero.
    pub(in crate::evaluator) fn is_nonzero(&self, state: &PathState, value: MachineValue) -> bool {
        let facts = PathFacts {
            symbols: &self.symbols,
            facts: &state.facts,
        };
        Facts::range(&facts, value, 64).excludes_zero()
    }

    /// A new unknown that is not zero, made at this place.
    pub(in crate::evaluator) fn nonzero(&mut self, state: &mut PathState) -> MachineValue {
        self.fresh_part(state, SymbolFacts::new(ValueRange::POINTER), 9)
    }

    /// Writes memory through a pointer.
    pub(in crate::evaluator) fn store(
        &mut self,
        state: &mut PathState,
        address: MachineValue,
        size: u64,
        value: MachineValue,
    ) {
        if size == 8 {
            state.memory.expose(self.image, value);
        }
        match address {
            MachineValue::Known(address) => {
                let outside =
                    region(address) == MemoryRegion::Object || self.import_index(address).is_some();
                if !outside {
                    state.memory.write(self.image, address, size, value);
                }
            }
            MachineValue::Symbol { .. } if address.points_to() == PointsTo::OUTSIDE => {}
            MachineValue::Symbol { .. } | MachineValue::Unknown(_) => {
                state.memory.taint(self.image, address.points_to(), value)
            }
        }
    }

    /// What the thread's block holds where that is known.
    fn thread_field(&self, offset: u64) -> Option<MachineValue> {
        match offset {
            0x28 if self.image.format == ImageFormat::Elf => Some(MachineValue::Known(CANARY)),
            0 | 0x30 => Some(MachineValue::Known(THREAD)),
            0x58 => Some(MachineValue::Known(THREAD + THREAD_BLOCKS)),
            THREAD_BLOCKS..THREAD_BLOCK => Some(MachineValue::Known(THREAD + THREAD_BLOCK)),
            0x10 if self.image.format == ImageFormat::Pe => Some(MachineValue::Known(0x1000)),
            _ => None,
        }
    }

    /// The part of an object's header that reference counting looks at: every object outside is taken to be immortal,
    /// so that counting changes nothing. <https://peps.python.org/pep-0683/>, <https://peps.python.org/pep-0703/>
    pub(in crate::evaluator) fn header_field(&self, offset: u64, size: u64) -> Option<u64> {
        const IMMORTAL: u64 = 0xffff_ffff;
        match (offset, size, self.interpreter.free_threaded) {
            (12, 4, true) | (0, 4, false) => Some(IMMORTAL),
            _ => None,
        }
    }

    /// The module that an unknown comes from.
    pub(in crate::evaluator) fn origin(&self, value: MachineValue) -> Option<String> {
        match value {
            MachineValue::Symbol { id, .. } => self
                .symbols
                .get(id)
                .and_then(|symbol| symbol.origin.clone()),
            MachineValue::Known(_) | MachineValue::Unknown(_) => None,
        }
    }

    /// The import whose result a value is, when nothing else is known of it.
    pub(in crate::evaluator) fn defining_import(&self, value: MachineValue) -> Option<usize> {
        match value {
            MachineValue::Symbol { id, offset: 0 } => {
                self.symbols.get(id).and_then(|symbol| symbol.import)
            }
            MachineValue::Symbol { .. } | MachineValue::Known(_) | MachineValue::Unknown(_) => None,
        }
    }

    /// The Boost.Python library that the image needs.
    pub(in crate::evaluator) fn boost_library(&self) -> Option<String> {
        let found = self
            .image
            .libraries()
            .iter()
            .find(|library| library.contains("boost_python"));
        Some(found.cloned().unwrap_or_else(|| "libboost_python".into()))
    }

    /// `Py_Version` of the interpreter that the run imitates.
    pub(in crate::evaluator) fn version_hex(&self) -> u64 {
        0x0300_00f0 | u64::from(self.interpreter.minor) << 16
    }

    /// `Py_GetVersion()` of the interpreter that the run imitates, in memory.
    pub(in crate::evaluator) fn version_text(&mut self, state: &mut PathState) -> MachineValue {
        let build = if self.interpreter.free_threaded {
            " free-threading build"
        } else {
            ""
        };
        let text = format!("3.{}.0{build} (main) [C]\0", self.interpreter.minor);
        let block = self.allocate(state, MachineValue::Known(0));
        for (index, byte) in text.bytes().enumerate() {
            self.store(
                state,
                block.offset(index as u64),
                1,
                MachineValue::Known(u64::from(byte)),
            );
        }
        block
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::cpu::tests::{CONVENTION, known, on_machine};

    #[test]
    fn what_is_stored_is_loaded_and_objects_outside_are_immortal() {
        on_machine(|machine, state| {
            let stack = state.register(CONVENTION.stack_pointer);
            machine.store(state, stack, 8, MachineValue::Known(0x1122_3344_5566_7788));
            assert_eq!(known(machine, state, stack, 4), Some(0x5566_7788));
            assert_eq!(known(machine, state, stack.offset(7), 1), Some(0x11));
            let object = machine.fresh(state, SymbolFacts::new(ValueRange::POINTER));
            assert_eq!(
                known(machine, state, object.offset(12), 4),
                Some(0xffff_ffff),
                "the local count"
            );
            assert_eq!(known(machine, state, object.offset(16), 8), None);
            // Writes to objects of the interpreter are none of ours.
            machine.store(
                state,
                MachineValue::Known(OBJECTS + 32),
                8,
                MachineValue::Known(5),
            );
            assert_ne!(
                known(machine, state, MachineValue::Known(OBJECTS + 32), 8),
                Some(5)
            );
        });
    }

    #[test]
    fn arguments_are_in_registers_and_then_on_the_stack() {
        on_machine(|machine, state| {
            state.set_register(7, MachineValue::Known(1));
            state.set_register(6, MachineValue::Known(2));
            let third = state.register(CONVENTION.stack_pointer).offset(8);
            machine.store(state, third, 8, MachineValue::Known(3));
            let found: Vec<Option<u64>> = (0..3)
                .map(|number| machine.argument(state, number).known())
                .collect();
            assert_eq!(found, [Some(1), Some(2), Some(3)]);
        });
    }

    #[test]
    fn allocations_of_one_place_are_apart_until_there_are_many() {
        on_machine(|machine, state| {
            let blocks: Vec<MachineValue> = (0..5)
                .map(|_| machine.allocate(state, MachineValue::Known(16)))
                .collect();
            let mut addresses: Vec<u64> = blocks.iter().filter_map(|block| block.known()).collect();
            addresses.dedup();
            assert_eq!(addresses.len(), 4, "{blocks:?}");
            assert_eq!(
                known(machine, state, blocks[0].offset(8), 8),
                Some(0),
                "zeroed"
            );
            assert_eq!(
                known(machine, state, blocks[0].offset(16), 8),
                None,
                "beyond what is zeroed"
            );
            assert!(
                machine.is_nonzero(state, blocks[4]),
                "a pointer all the same"
            );
        });
    }
}
