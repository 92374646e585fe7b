//! Ends paths early when nothing that follows could change what their module declares.

use super::super::state::State;
use super::super::value::Value;
use super::super::{definition, references};
use super::{Bench, DECLARATION};

impl Bench<'_, '_> {
    /// Whether a module is certainly the one that the hook returns: it has the hook's name.
    fn is_the_hooks(&mut self, state: &State, module: u64) -> bool {
        let value = Value::Known(module);
        let Some(outcome) = definition::read(self, state, value, self.hook_kind) else { return false };
        let last = outcome.name.as_deref().and_then(|name| name.rsplit('.').next());
        outcome.gil.is_ok() && last == Some(self.module_name.as_str())
    }

    /// Whether nothing else in the code could declare a module that has just declared itself: there is one place that
    /// declares.
    pub(in crate::binary::machine) fn is_settled(&mut self, state: &State, module: u64) -> bool {
        if !self.is_the_hooks(state, module) {
            return false;
        }
        let count = match (self.declarations, self.image.import_named(DECLARATION)) {
            (Some(count), _) => count,
            (None, Some(import)) => references::count(self.image, self.convention, import.address),
            (None, None) => 0,
        };
        self.declarations = Some(count);
        count == 1
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
