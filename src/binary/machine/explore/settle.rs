//! Ends paths early when nothing that follows could change what their module declares.

use super::super::state::{Gil, State};
use super::super::value::Value;
use super::super::{constants, definition, references};
use super::{Bench, DECLARATION};

/// Most places that are compared.
const MOST_PLACES: usize = 32;

/// The places in the code that can declare what a module does with the GIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Places {
    /// There is one, and what it declares is not a constant.
    One,
    /// All declare this.
    Alike(u64),
    /// There is none, or they differ, or what one of them declares is not a constant.
    Various,
}

impl Bench<'_, '_> {
    /// Whether a module is certainly the one that the hook returns: it has the hook's name.
    fn is_the_hooks(&mut self, state: &State, module: u64) -> bool {
        let value = Value::Known(module);
        let Some(outcome) = definition::read(self, state, value, self.hook_kind) else { return false };
        let last = outcome.name.as_deref().and_then(|name| name.rsplit('.').next());
        outcome.gil.is_ok() && last == Some(self.module_name.as_str())
    }

    /// Whether nothing else in the code could declare otherwise a module that has just declared itself: there is one
    /// place that declares, or all of them say the same.
    pub(in crate::binary::machine) fn is_settled(&mut self, state: &State, module: u64) -> bool {
        if !self.is_the_hooks(state, module) {
            return false;
        }
        let gil = state.modules.iter().find(|it| it.handle == module).map(|it| it.gil);
        let Some(Gil::Set { value: Value::Known(value), .. }) = gil else { return false };
        match self.places() {
            Places::One => true,
            Places::Alike(all) => all == value,
            Places::Various => false,
        }
    }

    /// Code that is not followed could declare the modules that exist by now. What one of them has declared stays if
    /// every place in the code declares the same.
    pub(super) fn open_declarations(&mut self, state: &mut State) {
        if self.image.import_named(DECLARATION).is_none() {
            return;
        }
        let address = state.pc;
        let places = if state.modules.is_empty() { Places::Various } else { self.places() };
        for module in &mut state.modules {
            let stays =
                matches!(module.gil, Gil::Set { value: Value::Known(value), .. } if places == Places::Alike(value));
            if !stays {
                module.gil = Gil::Open { address };
            }
        }
    }

    fn places(&mut self) -> Places {
        let places = self.declarations.unwrap_or_else(|| {
            let Some(import) = self.image.import_named(DECLARATION) else { return Places::Various };
            let places = references::places(self.image, self.convention, import.address);
            let argument = |&place: &u64| constants::second_argument(self.image, self.convention, place);
            match places.as_slice() {
                [first, rest @ ..] if rest.len() < MOST_PLACES => match argument(first) {
                    Some(value) if rest.iter().all(|place| argument(place) == Some(value)) => Places::Alike(value),
                    None if rest.is_empty() => Places::One,
                    Some(_) | None => Places::Various,
                },
                _ => Places::Various,
            }
        });
        self.declarations = Some(places);
        places
    }

    /// Whether nothing in the code could declare what a module that was just created does with the GIL.
    pub(in crate::binary::machine) fn cannot_declare(&mut self, state: &State, module: u64) -> bool {
        const WAYS: [&str; 3] = [DECLARATION, "PyModuleDef_Init", "PyModule_FromSlotsAndSpec"];
        const BY_NAME: [&str; 2] = ["dlsym", "GetProcAddress"];
        let imported = |names: &[&str]| names.iter().any(|name| self.image.import_named(name).is_some());
        let spelled = || {
            let text = DECLARATION.as_bytes();
            let holds = |bytes: &[u8]| bytes.windows(text.len()).any(|window| window == text);
            self.image.segments.iter().filter(|segment| !segment.executable).any(|segment| holds(segment.bytes))
        };
        !imported(&WAYS) && self.is_the_hooks(state, module) && !(imported(&BY_NAME) && spelled())
    }

    /// Ends a path whose module is settled as if it returned it.
    pub(in crate::binary::machine) fn settle(&mut self, state: &State, module: u64) {
        let mut state = state.clone();
        state.pending = false;
        state.set_register(self.convention.result, Value::Known(module));
        self.finish(state);
    }
}
