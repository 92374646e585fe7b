//! Why a declaration that all paths agree on may not be what CPython sees: code that no path followed may change it.

use std::rc::Rc;

use super::effects::CodeEffects;
use super::{DECLARATION, FollowPurpose, PathExecutor};
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::externals::CallModel;
use crate::evaluator::isa;
use crate::evaluator::isa::{AccessSite, ImageAccess, InstructionSet};
use crate::evaluator::outcome::PathOutcome;
use crate::evaluator::values::value::MachineValue;
use crate::model::facts::{GilDeclaration, InitKind};

/// Functions of which is known what they do with what they are given.
const FOLLOWED: [&str; 6] = [
    "InitOnceExecuteOnce",
    "PyModuleDef_Init",
    "PyModule_Create2",
    "PyModule_Create2TraceRefs",
    "PyUnstable_Module_SetGIL",
    "pthread_once",
];
/// How far from its start an object is taken to reach.
const LARGEST_OBJECT: u64 = 256;
/// Functions that keep what they are given for later, when the declaration has been read.
const FOR_LATER: [&str; 8] = [
    "Py_AtExit",
    "__cxa_atexit",
    "__cxa_thread_atexit_impl",
    "_crt_atexit",
    "_tlv_atexit",
    "atexit",
    "on_exit",
    "pthread_key_create",
];

impl<I: InstructionSet> PathExecutor<'_, '_, I> {
    /// Something outside is called, and may call functions of the image that it is given.
    pub(super) fn note_callbacks(
        &mut self,
        state: &mut PathState,
        name: &str,
        model: Option<CallModel>,
    ) {
        if FOLLOWED.contains(&name) || FOR_LATER.contains(&name) {
            return;
        }
        for number in 0..self.machine.convention.arguments.len() {
            match self.machine.argument(state, number) {
                MachineValue::Known(address) if self.machine.is_code(address) => {
                    self.is_exposed = true;
                    // Objects are kept, and call when they are used.
                    if model.is_none() {
                        self.call_back(state, address);
                    }
                }
                MachineValue::Known(address) if self.leads_to_code(address, 2) => {
                    self.is_exposed = true
                }
                MachineValue::Known(_) | MachineValue::Symbol { .. } | MachineValue::Unknown(_) => {
                }
            }
        }
    }

    /// Carries out what a function may do that somebody else calls.
    pub(super) fn call_back(&mut self, state: &mut PathState, function: u64) {
        let effects = match self.callbacks.get(&function) {
            Some(known) => Rc::clone(known),
            None => {
                let found: Rc<CodeEffects> = Rc::new(self.effects_of(&[function]));
                self.callbacks.insert(function, Rc::clone(&found));
                found
            }
        };
        for &(start, end) in &effects.writes {
            state
                .memory
                .forget(self.machine.image, start, end.saturating_sub(start));
        }
        state.memory.spoil(&effects.writes);
        self.handed_on.extend(&effects.names);
        if effects.declares {
            self.open_declarations(state);
        }
    }

    /// Whether a pointer to code lies in the data at an address, or where that points to.
    fn leads_to_code(&self, address: u64, depth: usize) -> bool {
        const FIRST: u64 = 64;
        let image = self.machine.image;
        let is_data = image
            .segment_at(address)
            .is_some_and(|segment| !segment.executable);
        is_data
            && (0..FIRST).step_by(8).any(|offset| {
                let place = address.wrapping_add(offset);
                let target = image
                    .is_relocated(place)
                    .then(|| image.pointer(place))
                    .flatten();
                target.is_some_and(|it| {
                    self.machine.is_code(it) || depth > 0 && self.leads_to_code(it, depth - 1)
                })
            })
    }

    /// Why the declaration of these paths may not be all: what code may change that was not followed.
    pub(in crate::evaluator) fn unfollowed(&mut self, outcomes: &[PathOutcome]) -> Option<String> {
        let FollowPurpose::Hook(_) = self.purpose else {
            return None;
        };
        outcomes
            .iter()
            .find_map(|outcome| match (outcome.init, &outcome.gil) {
                (Some(InitKind::SinglePhase), Ok(GilDeclaration::SetGil { value })) => {
                    self.other_call(*value)
                }
                // To declare nothing is as good as to declare that the GIL is used.
                (Some(InitKind::SinglePhase), Ok(GilDeclaration::Absent)) => self.other_call(0),
                (Some(InitKind::MultiPhase | InitKind::Export), Ok(_)) => {
                    let known = self.handed_on.iter().find(|&&name| {
                        outcome
                            .tables
                            .iter()
                            .any(|&(start, end)| name >= start && name < end)
                    });
                    match known {
                        Some(name) => Some(format!(
                            "code that no path follows gets the address of the slots, {name:#x}"
                        )),
                        None if self.is_exposed => self.other_writer(&outcome.tables),
                        None => None,
                    }
                }
                (
                    Some(InitKind::SinglePhase | InitKind::MultiPhase | InitKind::Export) | None,
                    _,
                ) => None,
            })
    }

    /// A call that declares something else, in code that others may call.
    fn other_call(&mut self, declared: u64) -> Option<String> {
        let sites = self.declaration_sites().to_vec();
        let is_past = declared == 0 && self.past_declarations.values().any(|&is_past| is_past);
        if sites.is_empty() || is_past || self.declared() == Some(declared) {
            return None;
        }
        let image = self.machine.image;
        let site = sites.iter().find(|site| {
            let argument = isa::second_argument::<I>(image, site);
            let starts = site.transfer.map_or_else(
                || I::starts_of(image, site.reference),
                |call| vec![call.start],
            );
            argument != Some(declared)
                && !self.is_any_followed(&starts)
                && !self.is_run_by_hooks_alone(&starts)
        })?;
        let place = site.transfer.map_or(site.reference, |call| call.start);
        Some(format!(
            "the call of {DECLARATION} at {place:#x} was not followed, and may be made before the import ends"
        ))
    }

    /// Whether an instruction that may begin at these addresses was carried out.
    pub(super) fn is_any_followed(&self, starts: &[u64]) -> bool {
        starts.iter().any(|start| self.followed.contains_key(start))
    }

    /// An instruction that was not followed, and may write what the declaration was read from.
    fn other_writer(&mut self, tables: &[(u64, u64)]) -> Option<String> {
        let image = self.machine.image;
        for &(start, end) in tables
            .iter()
            .filter(|(start, _)| !image.is_read_only(*start))
        {
            if image
                .segment_at(start)
                .is_none_or(|segment| !segment.writable)
            {
                continue;
            }
            let found = I::accesses(image, (start, end));
            // Who reads the pointer to the slots may write through it; who reads a slot gets only what that holds.
            let is_array = end.saturating_sub(start) > 8;
            let is_harmless =
                |site: &AccessSite| is_array && matches!(site.access, ImageAccess::Read { .. });
            let other = found
                .iter()
                .find(|site| !is_harmless(site) && !self.is_any_followed(&site.starts));
            if let Some(place) = other.and_then(|site| site.starts.first()) {
                return Some(format!(
                    "code at {place:#x} that was not followed may change the slots at {start:#x}"
                ));
            }
        }
        None
    }

    /// Whether only instructions that were followed change a variable: no code takes the address of an object that it may
    /// be a part of, and no pointer to such an object lies among the data. Then code that is skipped leaves it alone.
    pub(super) fn is_private(&mut self, word: u64) -> bool {
        let image = self.machine.image;
        let object = (
            word.saturating_sub(LARGEST_OBJECT - 1),
            word.saturating_add(8),
        );
        let sites = self.writers.entry(word).or_insert_with(|| {
            let is_pointed_at = image
                .relocations()
                .iter()
                .any(|&(_, value)| object.0 <= value && value < object.1);
            let changes = |site: &AccessSite| match site.access {
                ImageAccess::Read { .. } => false,
                ImageAccess::Write { address, size } => address.saturating_add(size) > word,
                ImageAccess::Name { .. } => true,
            };
            let sites = || {
                I::accesses(image, object)
                    .into_iter()
                    .filter(changes)
                    .collect()
            };
            if is_pointed_at { None } else { Some(sites()) }
        });
        let Some(sites) = sites.clone() else {
            return false;
        };
        sites.iter().all(|site| match site.access {
            ImageAccess::Read { .. } => true,
            ImageAccess::Write { .. } => self.is_any_followed(&site.starts),
            // The run time gets the addresses of guards.
            ImageAccess::Name { address } => self.machine.guards.contains(address),
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::explorer::tests::{Assembly, TWO_PHASES, VARIABLE, entered, on_code};

    #[test]
    fn who_gets_code_may_call_it_unless_that_is_modelled_or_comes_later() {
        for (name, argument, is_exposed) in [
            ("qsort", TWO_PHASES.hook, true),
            // A table with a pointer to code, and what points to such a table.
            ("some_function", 0x36e0, true),
            ("some_function", 0x36b0, true),
            ("some_function", TWO_PHASES.definition + 8, false),
            ("some_function", 5, false),
            ("atexit", TWO_PHASES.hook, false),
            ("PyModuleDef_Init", TWO_PHASES.definition, false),
        ] {
            on_code(TWO_PHASES, Assembly::of(TWO_PHASES).ret(), |executor| {
                let mut state = entered(executor, TWO_PHASES);
                for &register in executor.machine.convention.arguments {
                    state.set_register(register, MachineValue::Known(0));
                }
                state.set_register(
                    executor.machine.convention.arguments[0],
                    MachineValue::Known(argument),
                );
                executor.note_callbacks(&mut state, name, None);
                assert_eq!(executor.is_exposed, is_exposed, "{name} {argument:#x}");
            });
        }
    }

    #[test]
    fn what_a_callback_writes_is_not_known_afterwards() {
        on_code(
            TWO_PHASES,
            Assembly::of(TWO_PHASES).write(VARIABLE).ret(),
            |executor| {
                let mut state = entered(executor, TWO_PHASES);
                let read = |state: &PathState, executor: &PathExecutor<'_, '_, _>, place| {
                    state.memory.read(executor.machine.image, place, 8).known()
                };
                assert_eq!(read(&state, executor, VARIABLE), Some(0));
                executor.call_back(&mut state, TWO_PHASES.hook);
                assert_eq!(
                    (
                        read(&state, executor, VARIABLE),
                        read(&state, executor, VARIABLE + 8)
                    ),
                    (None, Some(0))
                );
            },
        );
    }

    #[test]
    fn code_beside_the_paths_that_writes_the_slots_makes_them_doubtful() {
        let table = TWO_PHASES.definition + 0x50;
        let beside = TWO_PHASES.hook + 0x30;
        for (target, is_doubtful) in [(table, true), (VARIABLE, false)] {
            let code = Assembly::of(TWO_PHASES)
                .ret()
                .up_to(beside)
                .write(target)
                .ret();
            on_code(TWO_PHASES, code, |executor| {
                executor.explore(TWO_PHASES.hook, usize::MAX);
                let found = executor.other_writer(&[(table, table + 8)]);
                assert_eq!(found.is_some(), is_doubtful, "{found:?}");
            });
        }
    }
}
