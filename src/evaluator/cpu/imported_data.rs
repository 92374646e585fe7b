//! What an imported variable reads as.

use crate::evaluator::cpu::machine::{CANARY, SharedMachine};
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::values::symbol::{DefinitionSite, SymbolFacts, ValueRange};
use crate::evaluator::values::value::{MachineValue, PointsTo};

impl SharedMachine<'_, '_> {
    /// Reads an imported variable, so many bytes behind its beginning.
    pub(super) fn imported_datum(
        &mut self,
        state: &mut PathState,
        import: usize,
        offset: u64,
        size: u64,
    ) -> MachineValue {
        let Some(found) = self.image.imports().get(import) else {
            return MachineValue::ANY;
        };
        match found.name.as_str() {
            "Py_Version" => MachineValue::Known(self.version_hex()),
            "__stack_chk_guard" => MachineValue::Known(CANARY).truncate(8 * size as u32),
            name if offset == 0 && size == 8 && name.starts_with("PyExc_") => {
                let source = DefinitionSite {
                    address: found.address,
                    context: 0,
                    part: 1,
                };
                let id = self
                    .symbols
                    .name(source, SymbolFacts::new(ValueRange::POINTER));
                state.resolve(MachineValue::Symbol { id, offset: 0 })
            }
            _ => match self.header_field(offset, size) {
                Some(value) => MachineValue::Known(value),
                None => MachineValue::Unknown(PointsTo::OUTSIDE),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::image::{BinaryImage, IMPORT_WINDOW, images};
    use crate::evaluator::cpu::fuel::{EvaluationLimits, PathFuel};
    use crate::evaluator::cpu::machine::TargetInterpreter;
    use crate::evaluator::cpu::tests::CONVENTION;
    use crate::evaluator::memory::PathMemory;

    #[test]
    fn exceptions_are_pointers_and_objects_are_immortal() {
        let path =
            std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/generators/built");
        let bytes = std::fs::read(path.join("elf-x86_64-swig-4.5.1-silent.so")).unwrap();
        let images = images(&bytes).unwrap();
        let image: &BinaryImage<'_> = &images[0];
        let interpreter = TargetInterpreter {
            minor: 14,
            free_threaded: true,
        };
        let mut machine = SharedMachine::new(
            image,
            &CONVENTION,
            interpreter,
            PathFuel::new(EvaluationLimits::default()),
        );
        let mut state = PathState::new(0x1000, &CONVENTION, PathMemory::default());
        let place = image.import_named("PyExc_TypeError").unwrap().address;
        let number = machine.import_index(place).unwrap();
        let error = machine.load(&mut state, MachineValue::Known(place), 8);
        assert!(machine.is_nonzero(&state, error), "{error:?}");
        assert_eq!(
            machine.load(&mut state, MachineValue::Known(place), 8),
            error,
            "always the same"
        );
        let other = image.import_named("PyExc_SystemError").unwrap().address;
        assert_ne!(
            machine.load(&mut state, MachineValue::Known(other), 8),
            error
        );
        // The count of what is read as an object itself.
        assert_eq!(
            machine.imported_datum(&mut state, number, 12, 4),
            MachineValue::Known(0xffff_ffff)
        );
        assert_eq!(
            machine.imported_datum(&mut state, number, 16, 8),
            MachineValue::Unknown(PointsTo::OUTSIDE)
        );
        assert_eq!(
            machine.imported_datum(&mut state, usize::MAX, 0, 8),
            MachineValue::ANY
        );
        assert!(place.is_multiple_of(IMPORT_WINDOW));
    }
}
