//! What an imported variable reads as.

use crate::evaluator::cpu::machine::{CANARY, Machine};
use crate::evaluator::cpu::state::State;
use crate::evaluator::values::symbol::{DefinitionSite, Range, Symbol};
use crate::evaluator::values::value::{PointsTo, Value};

impl Machine<'_, '_> {
    /// Reads an imported variable, so many bytes behind its beginning.
    pub(super) fn imported_datum(&mut self, state: &mut State, import: usize, offset: u64, size: u64) -> Value {
        let Some(found) = self.image.imports().get(import) else { return Value::ANY };
        match found.name.as_str() {
            "Py_Version" => Value::Known(self.version_hex()),
            "__stack_chk_guard" => Value::Known(CANARY).truncate(8 * size as u32),
            name if offset == 0 && size == 8 && name.starts_with("PyExc_") => {
                let source = DefinitionSite { address: found.address, context: 0, part: 1 };
                let id = self.symbols.name(source, Symbol::new(Range::POINTER));
                state.resolve(Value::Symbol { id, offset: 0 })
            }
            _ => match self.header_field(offset, size) {
                Some(value) => Value::Known(value),
                None => Value::Unknown(PointsTo::OUTSIDE),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::binary::image::{IMPORT_WINDOW, Image, images};
    use crate::evaluator::cpu::fuel::{EvaluationLimits, Fuel};
    use crate::evaluator::cpu::machine::TargetInterpreter;
    use crate::evaluator::cpu::tests::CONVENTION;
    use crate::evaluator::memory::Memory;

    #[test]
    fn exceptions_are_pointers_and_objects_are_immortal() {
        let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/generators/built");
        let bytes = std::fs::read(path.join("elf-x86_64-swig-4.5.1-silent.so")).unwrap();
        let images = images(&bytes).unwrap();
        let image: &Image<'_> = &images[0];
        let interpreter = TargetInterpreter { minor: 14, free_threaded: true };
        let mut machine = Machine::new(image, &CONVENTION, interpreter, Fuel::new(EvaluationLimits::default()));
        let mut state = State::new(0x1000, &CONVENTION, Memory::default());
        let place = image.import_named("PyExc_TypeError").unwrap().address;
        let number = machine.import_index(place).unwrap();
        let error = machine.load(&mut state, Value::Known(place), 8);
        assert!(machine.is_nonzero(&state, error), "{error:?}");
        assert_eq!(machine.load(&mut state, Value::Known(place), 8), error, "always the same");
        let other = image.import_named("PyExc_SystemError").unwrap().address;
        assert_ne!(machine.load(&mut state, Value::Known(other), 8), error);
        // The count of what is read as an object itself.
        assert_eq!(machine.imported_datum(&mut state, number, 12, 4), Value::Known(0xffff_ffff));
        assert_eq!(machine.imported_datum(&mut state, number, 16, 8), Value::Unknown(PointsTo::OUTSIDE));
        assert_eq!(machine.imported_datum(&mut state, usize::MAX, 0, 8), Value::ANY);
        assert!(place.is_multiple_of(IMPORT_WINDOW));
    }
}
