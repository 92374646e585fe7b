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
