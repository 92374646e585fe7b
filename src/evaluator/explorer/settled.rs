//! Ends paths early when nothing that follows could change what their module declares.

use super::{DECLARATION, FollowPurpose, PathExecutor};
use crate::evaluator::cpu::state::{CreatedModule, GilStatement, PathState};
use crate::evaluator::isa::{CallSite, InstructionSet};
use crate::evaluator::values::value::MachineValue;
use crate::evaluator::{isa, outcome};

/// Functions that make modules of which the caller is the owner, and that hooks may return.
const MAKERS: [&str; 6] = [
    "PyModule_Create2",
    "PyModule_Create2TraceRefs",
    "PyModule_FromDefAndSpec2",
    "PyModule_FromSlotsAndSpec",
    "PyModule_New",
    "PyModule_NewObject",
];
/// The function that makes a module from a definition.
const CREATE: &str = "PyModule_Create2";
/// Most places that are compared.
const MOST_PLACES: usize = 32;

impl<I: InstructionSet> PathExecutor<'_, '_, I> {
    /// Whether a module is certainly the one that the hook returns: it has the hook's name, or the hook makes no other.
    pub(super) fn is_the_hooks(&mut self, state: &PathState, module: u64) -> bool {
        let value = MachineValue::Known(module);
        let FollowPurpose::Hook(kind) = self.purpose else {
            return false;
        };
        let Some(outcome) = outcome::read(&self.machine, state, value, kind) else {
            return false;
        };
        let last = outcome
            .name
            .as_deref()
            .and_then(|name| name.rsplit('.').next());
        outcome.gil.is_ok()
            && (last == Some(self.module_name.as_str()) || self.is_the_only_one(state, module))
    }

    /// Whether the code has one place that makes a module, which is in the hook and is not met again, and no other way to
    /// come by one.
    fn is_the_only_one(&mut self, state: &PathState, module: u64) -> bool {
        const OTHERS: [&str; 4] = ["PyImport_", "PyModule_New", "PyModule_From", "PyState_"];
        const LOOKUPS: [&str; 3] = ["dlsym", "GetProcAddress", "PyObject_CallMethod"];
        let Some(made) = state.modules.iter().find(|it| it.handle == module) else {
            return false;
        };
        let image = self.machine.image;
        let is_other = |name: &str| {
            OTHERS.iter().any(|head| name.starts_with(head)) || LOOKUPS.contains(&name)
        };
        if state.modules.len() > 1 || image.imports().iter().any(|import| is_other(&import.name)) {
            return false;
        }
        let in_hook = state
            .frames
            .first()
            .is_some_and(|frame| frame.context == made.maker);
        let &[
            CallSite {
                transfer: Some(call),
                ..
            },
        ] = self.call_sites(CREATE)
        else {
            return false;
        };
        in_hook
            && call.returns
            && call.end == made.made_before
            && !self.may_lead_to(call.end, call.start)
    }

    /// Whether the path has made another module than the one that it declares, or several places in the code make modules
    /// from definitions: what follows may return another one.
    ///
    /// Compilers often double a call of which one copy is behind a check. Places that lead to this declaration within their
    /// function, and to which it does not lead back, are such copies: a call of the function makes one module, and declares
    /// it here, so they count as one place.
    fn may_return_another(&mut self, state: &PathState) -> bool {
        let Some(declared) = state.frames.last().map(|frame| frame.return_to) else {
            return true;
        };
        if state.modules.len() > 1 {
            return true;
        }
        let sites: Vec<CallSite> = MAKERS
            .iter()
            .flat_map(|maker| self.call_sites(maker).to_vec())
            .collect();
        let mut is_copy = |site: &CallSite| match site.transfer {
            Some(call) if call.returns => {
                self.leads_to(call.end, declared) == Some(true)
                    && self.leads_to(declared, call.start) == Some(false)
            }
            Some(_) | None => false,
        };
        sites.len() > 1 && !sites.iter().all(&mut is_copy)
    }

    /// Whether nothing else in the code could declare otherwise a module that has just declared itself: all places that
    /// declare say the same, or there is one that is not met again.
    pub(super) fn is_settled(&mut self, state: &PathState, module: u64) -> bool {
        if !self.is_the_hooks(state, module) || self.may_return_another(state) {
            return false;
        }
        let Some(made) = state.modules.iter().find(|it| it.handle == module) else {
            return false;
        };
        let GilStatement::Set {
            value: MachineValue::Known(value),
            ..
        } = made.gil
        else {
            return false;
        };
        self.declared() == Some(value) || self.declares_once(state, made.maker)
    }

    /// Whether the call that just declares a module is the only one in the code, and cannot be made again for this
    /// module: it is in the hook, or in the function that has made the module, and what follows there does not lead back.
    fn declares_once(&mut self, state: &PathState, maker: u64) -> bool {
        /// The hook's call and that of the function that declares.
        const IN_HOOK: usize = 2;
        let &[
            CallSite {
                transfer: Some(call),
                ..
            },
        ] = self.declaration_sites()
        else {
            return false;
        };
        let is_met = state
            .frames
            .last()
            .is_some_and(|frame| frame.return_to == call.end);
        let is_own = state.frames.len() == IN_HOOK || state.caller() == maker;
        call.returns && is_met && is_own && !self.may_lead_to(call.end, call.start)
    }

    /// Code that is not followed could declare the modules that exist by now. What one of them has declared stays if
    /// every place in the code declares the same.
    pub(super) fn open_declarations(&mut self, state: &mut PathState) {
        if self.machine.image.import_named(DECLARATION).is_none() {
            return;
        }
        let address = state.pc;
        let sets = |module: &CreatedModule| {
            matches!(
                module.gil,
                GilStatement::Set {
                    value: MachineValue::Known(_),
                    ..
                }
            )
        };
        let declared = if state.modules.iter().any(sets) {
            self.declared()
        } else {
            None
        };
        for module in &mut state.modules {
            let stays = matches!(module.gil, GilStatement::Set { value: MachineValue::Known(value), .. } if declared == Some(value));
            if !stays && state.settled != Some(module.handle) {
                module.gil = GilStatement::Open { address };
            }
        }
    }

    /// The places in the code that can declare what a module does with the GIL.
    pub(super) fn declaration_sites(&mut self) -> &[CallSite] {
        self.call_sites(DECLARATION)
    }

    /// The places in the code that can call an import.
    fn call_sites(&mut self, name: &'static str) -> &[CallSite] {
        let image = self.machine.image;
        self.call_sites.entry(name).or_insert_with(|| {
            image.import_named(name).map_or(Vec::new(), |import| {
                isa::find_call_sites::<I>(image, import.address)
            })
        })
    }

    /// What all of them declare, if that is the same constant.
    pub(super) fn declared(&mut self) -> Option<u64> {
        if let Some(known) = self.declared {
            return known;
        }
        let sites = self.declaration_sites().to_vec();
        let image = self.machine.image;
        let argument = |site: &CallSite| isa::second_argument::<I>(image, site);
        let declared = match sites.as_slice() {
            [first, rest @ ..] if rest.len() < MOST_PLACES => argument(first)
                .filter(|&value| rest.iter().all(|site| argument(site) == Some(value))),
            _ => None,
        };
        self.declared = Some(declared);
        declared
    }

    /// Whether nothing in the code could declare what a module that was just created does with the GIL.
    pub(super) fn cannot_declare(&mut self, state: &PathState, module: u64) -> bool {
        const WAYS: [&str; 3] = [DECLARATION, "PyModuleDef_Init", "PyModule_FromSlotsAndSpec"];
        const BY_NAME: [&str; 2] = ["dlsym", "GetProcAddress"];
        let imported = |names: &[&str]| {
            names
                .iter()
                .any(|name| self.machine.image.import_named(name).is_some())
        };
        let spelled = || {
            let text = DECLARATION.as_bytes();
            let begins = |window: &[u8]| window.first() == text.first() && window == text;
            let holds = |bytes: &[u8]| bytes.windows(text.len()).any(begins);
            self.machine
                .image
                .segments
                .iter()
                .filter(|segment| !segment.executable)
                .any(|segment| holds(segment.bytes))
        };
        !imported(&WAYS) && self.is_the_hooks(state, module) && !(imported(&BY_NAME) && spelled())
    }

    /// Ends a path whose module is settled as if it returned it.
    pub(super) fn settle(&mut self, state: &PathState, module: u64) {
        let mut state = state.clone();
        state.settled = None;
        state.exception_set = false;
        state.set_register(self.machine.convention.result, MachineValue::Known(module));
        self.finish(state);
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::explorer::tests::{
        Assembly, CREATE, ONE_PHASE, SET_GIL, TWO_PHASES, on_code,
    };
    use crate::model::facts::GilDeclaration;

    /// `push rbx`, a module made in the hook, and calls that declare it with these numbers.
    fn declares(values: &[u8]) -> Assembly {
        let code = Assembly::of(ONE_PHASE)
            .raw(&[0x53])
            .name(ONE_PHASE.definition)
            .call(CREATE);
        let code = values
            .iter()
            .fold(code.raw(&[0x48, 0x89, 0xc3]), |code, &value| {
                code.raw(&[0x48, 0x89, 0xdf, 0xbe, value, 0, 0, 0])
                    .call(SET_GIL)
            });
        code.raw(&[0x48, 0x89, 0xd8, 0x5b]).ret()
    }

    #[test]
    fn a_path_ends_where_no_other_call_declares_otherwise() {
        for (values, all, is_early, value) in [
            (&[1][..], Some(1), true, 1),
            (&[1, 1], Some(1), true, 1),
            (&[1, 0], None, false, 0),
            (&[0, 1], None, false, 1),
        ] {
            on_code(ONE_PHASE, declares(values), |executor| {
                executor.explore(ONE_PHASE.hook, usize::MAX);
                let declared: Vec<_> = executor
                    .outcomes
                    .iter()
                    .map(|outcome| outcome.gil.clone())
                    .collect();
                assert_eq!(
                    declared,
                    [Ok(GilDeclaration::SetGil { value })],
                    "{values:?}"
                );
                assert_eq!(executor.declared(), all, "{values:?}");
                assert_eq!(executor.declaration_sites().len(), values.len());
                // What ends early is gone on with apart.
                assert_eq!(!executor.settled_paths.is_empty(), is_early, "{values:?}");
            });
        }
    }

    #[test]
    fn what_is_not_followed_may_declare_otherwise() {
        for (values, stays) in [(&[1, 1][..], true), (&[1, 0], false)] {
            on_code(ONE_PHASE, declares(values), |executor| {
                let mut state = crate::evaluator::explorer::tests::entered(executor, ONE_PHASE);
                let gil = GilStatement::Set {
                    value: MachineValue::Known(1),
                    address: 0,
                };
                let made = CreatedModule {
                    handle: 8,
                    definition: MachineValue::ANY,
                    gil,
                    maker: 0,
                    made_before: 0,
                };
                state.modules = vec![
                    made,
                    CreatedModule {
                        handle: 16,
                        gil: GilStatement::Absent,
                        ..made
                    },
                ];
                executor.open_declarations(&mut state);
                assert_eq!(state.modules[0].gil == gil, stays, "{values:?}");
                assert!(matches!(state.modules[1].gil, GilStatement::Open { .. }));
            });
        }
        // Nothing in this one can declare.
        on_code(TWO_PHASES, Assembly::of(TWO_PHASES), |executor| {
            assert_eq!(
                (executor.declared(), executor.declaration_sites().len()),
                (None, 0)
            );
        });
    }
}
