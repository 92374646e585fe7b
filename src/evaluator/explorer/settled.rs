//! Ends paths early when nothing that follows could change what their module declares.

use super::{DECLARATION, Executor, Purpose};
use crate::evaluator::cpu::state::{Gil, Module, State};
use crate::evaluator::isa::InstructionSet;
use crate::evaluator::values::value::Value;
use crate::evaluator::{isa, outcome};

/// Most places that are compared.
const MOST_PLACES: usize = 32;

impl<I: InstructionSet> Executor<'_, '_, I> {
    /// Whether a module is certainly the one that the hook returns: it has the hook's name.
    pub(super) fn is_the_hooks(&mut self, state: &State, module: u64) -> bool {
        let value = Value::Known(module);
        let Purpose::Hook(kind) = self.purpose else { return false };
        let Some(outcome) = outcome::read(&self.machine, state, value, kind) else { return false };
        let last = outcome.name.as_deref().and_then(|name| name.rsplit('.').next());
        outcome.gil.is_ok() && last == Some(self.module_name.as_str())
    }

    /// Whether nothing else in the code could declare otherwise a module that has just declared itself: there is one
    /// place that declares, or all of them say the same.
    pub(super) fn is_settled(&mut self, state: &State, module: u64) -> bool {
        if !self.is_the_hooks(state, module) {
            return false;
        }
        let gil = state.modules.iter().find(|it| it.handle == module).map(|it| it.gil);
        let Some(Gil::Set { value: Value::Known(value), .. }) = gil else { return false };
        self.declaration_sites().len() == 1 || self.declared() == Some(value)
    }

    /// Code that is not followed could declare the modules that exist by now. What one of them has declared stays if
    /// every place in the code declares the same.
    pub(super) fn open_declarations(&mut self, state: &mut State) {
        if self.machine.image.import_named(DECLARATION).is_none() {
            return;
        }
        let address = state.pc;
        let sets = |module: &Module| matches!(module.gil, Gil::Set { value: Value::Known(_), .. });
        let declared = if state.modules.iter().any(sets) { self.declared() } else { None };
        for module in &mut state.modules {
            let stays = matches!(module.gil, Gil::Set { value: Value::Known(value), .. } if declared == Some(value));
            if !stays {
                module.gil = Gil::Open { address };
            }
        }
    }

    /// The places in the code that can declare what a module does with the GIL.
    pub(super) fn declaration_sites(&mut self) -> &[u64] {
        let image = self.machine.image;
        self.declarations.get_or_insert_with(|| {
            let import = image.import_named(DECLARATION);
            import.map_or(Vec::new(), |import| isa::find_call_sites::<I>(image, import.address))
        })
    }

    /// What all of them declare, if that is the same constant.
    fn declared(&mut self) -> Option<u64> {
        if let Some(known) = self.declared {
            return known;
        }
        let places = self.declaration_sites().to_vec();
        let image = self.machine.image;
        let argument = |&place: &u64| isa::second_argument::<I>(image, place);
        let declared = match places.as_slice() {
            [first, rest @ ..] if rest.len() < MOST_PLACES => {
                argument(first).filter(|&value| rest.iter().all(|place| argument(place) == Some(value)))
            }
            _ => None,
        };
        self.declared = Some(declared);
        declared
    }

    /// Whether nothing in the code could declare what a module that was just created does with the GIL.
    pub(super) fn cannot_declare(&mut self, state: &State, module: u64) -> bool {
        const WAYS: [&str; 3] = [DECLARATION, "PyModuleDef_Init", "PyModule_FromSlotsAndSpec"];
        const BY_NAME: [&str; 2] = ["dlsym", "GetProcAddress"];
        let imported = |names: &[&str]| names.iter().any(|name| self.machine.image.import_named(name).is_some());
        let spelled = || {
            let text = DECLARATION.as_bytes();
            let begins = |window: &[u8]| window.first() == text.first() && window == text;
            let holds = |bytes: &[u8]| bytes.windows(text.len()).any(begins);
            self.machine.image.segments.iter().filter(|segment| !segment.executable).any(|segment| holds(segment.bytes))
        };
        !imported(&WAYS) && self.is_the_hooks(state, module) && !(imported(&BY_NAME) && spelled())
    }

    /// Ends a path whose module is settled as if it returned it.
    pub(super) fn settle(&mut self, state: &State, module: u64) {
        let mut state = state.clone();
        state.exception_set = false;
        state.set_register(self.machine.convention.result, Value::Known(module));
        self.finish(state);
    }
}
