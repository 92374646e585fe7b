//! What a path through an init function ends with: the definition, slots or module that it returns, read through the
//! path's memory.

pub(in crate::evaluator) mod create_slot;

use crate::cpython::layouts::{ObjectLayout, layout_at, layout_of};
use crate::cpython::memory::PartialMemory;
use crate::cpython::slots::{self, SlotRecord};
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::{GilStatement, PathState};
use crate::evaluator::values::value::{MachineValue, MemoryRegion, region};
use crate::model::evidence::Evidence;
use crate::model::facts::{AbiInfo, Fact, GilDeclaration, HookKind, InitKind, Interpreters};

/// Size of a slot on 64-bit systems.
const SLOT: u64 = 16;

/// What one path ends with.
#[derive(Clone, Debug)]
pub(super) struct PathOutcome {
    /// How the module is initialised; `None` when another module decides.
    pub(super) init: Option<InitKind>,
    /// What is said of the GIL, or why that is not known.
    pub(super) gil: Result<GilDeclaration, String>,
    /// `Py_mod_abi`, where there is one.
    pub(super) abi: Result<Option<AbiInfo>, String>,
    /// Slot ids in their order.
    pub(super) slots: Result<Vec<u32>, String>,
    /// `Py_mod_multiple_interpreters`, where there is one.
    pub(super) interpreters: Result<Option<Interpreters>, String>,
    /// The module's name.
    pub(super) name: Option<String>,
    /// Address of the `Py_mod_create` function.
    pub(super) create: Option<u64>,
    /// The import whose result it is, when nothing else is known of it.
    pub(super) forwarded: Option<usize>,
    /// Where the definition names its slots, and the array of slots, as (start, end).
    pub(super) tables: Vec<(u64, u64)>,
    /// The object that it is in and that could not be read, as (start, end).
    pub(super) obscured: Option<(u64, u64)>,
    /// Where it was read.
    pub(super) evidence: Vec<Evidence>,
    /// The path's last step.
    pub(super) trace: u32,
}

impl PathOutcome {
    /// Whether two paths end alike.
    pub(super) fn agrees(&self, other: &PathOutcome) -> bool {
        self.init == other.init
            && self.forwarded == other.forwarded
            && self.gil == other.gil
            && self.create == other.create
            && self.abi == other.abi
            && self.slots == other.slots
            && self.interpreters == other.interpreters
    }

    /// Whether two paths declare alike: what makes the object matters only where something is declared.
    pub(super) fn declares_like(&self, other: &PathOutcome) -> bool {
        self.gil == other.gil
            && (self.create == other.create || self.gil == Ok(GilDeclaration::Absent))
    }

    /// In words.
    pub(super) fn describe(&self) -> String {
        let init = match self.init {
            Some(InitKind::SinglePhase) => "single-phase",
            Some(InitKind::MultiPhase) => "multi-phase",
            Some(InitKind::Export) => "exported slots",
            None => "made elsewhere",
        };
        let gil = match &self.gil {
            Ok(GilDeclaration::Slot { value }) => format!("Py_mod_gil = {value}"),
            Ok(GilDeclaration::SetGil { value }) => format!("PyUnstable_Module_SetGIL({value})"),
            Ok(GilDeclaration::Absent) => "no declaration".into(),
            Ok(GilDeclaration::NotAModule) => "no module".into(),
            Ok(GilDeclaration::Delegated { to }) => format!("delegated to {to}"),
            Err(why) => why.clone(),
        };
        format!("{init}, {gil}")
    }
}

/// Reads what a hook returned; `None` when the import fails.
pub(super) fn read(
    machine: &SharedMachine,
    state: &PathState,
    value: MachineValue,
    kind: HookKind,
) -> Option<PathOutcome> {
    let blank = PathOutcome {
        init: None,
        gil: Ok(GilDeclaration::Absent),
        abi: Ok(None),
        slots: Ok(Vec::new()),
        interpreters: Ok(None),
        name: None,
        create: None,
        forwarded: None,
        tables: Vec::new(),
        obscured: None,
        evidence: Vec::new(),
        trace: state.trace,
    };
    match value {
        MachineValue::Known(0) => None,
        MachineValue::Known(address) if region(address) == MemoryRegion::Object => {
            Some(single_phase(machine, state, address, blank))
        }
        MachineValue::Known(address) if kind == HookKind::Export => {
            let mut outcome = PathOutcome {
                init: Some(InitKind::Export),
                ..blank
            };
            outcome.read_slots(&MemoryView { machine, state }, address, SlotRecord::Unified);
            Some(outcome)
        }
        MachineValue::Known(address) => Some(multi_phase(machine, state, address, blank)),
        MachineValue::Symbol { .. } | MachineValue::Unknown(_) => {
            Some(elsewhere(machine, value, blank))
        }
    }
}

fn elsewhere(machine: &SharedMachine, value: MachineValue, blank: PathOutcome) -> PathOutcome {
    match machine.origin(value) {
        Some(to) => {
            let evidence = vec![
                Evidence::new("the hook returns what another module gives").symbol(to.clone()),
            ];
            PathOutcome {
                gil: Ok(GilDeclaration::Delegated { to }),
                evidence,
                ..blank
            }
        }
        None => {
            let forwarded = machine.defining_import(value);
            let import = forwarded.and_then(|import| machine.image.imports().get(import));
            let why = match import.map(|import| (&import.name, &import.library)) {
                Some((name, Some(library))) => {
                    format!("the hook returns what {name} of {library} gives")
                }
                Some((name, None)) => {
                    format!("the hook returns what {name} of another library gives")
                }
                None => "the hook returns something that could not be followed".into(),
            };
            let mut outcome = PathOutcome { forwarded, ..blank };
            outcome.fail(&why);
            outcome
        }
    }
}

fn single_phase(
    machine: &SharedMachine,
    state: &PathState,
    handle: u64,
    blank: PathOutcome,
) -> PathOutcome {
    let module = state
        .modules
        .iter()
        .find(|module| module.handle == handle)
        .copied();
    let (gil, evidence) = match module.map(|module| module.gil) {
        Some(GilStatement::Absent) => (
            Ok(GilDeclaration::Absent),
            Evidence::new("no call on the path").symbol("PyUnstable_Module_SetGIL"),
        ),
        Some(GilStatement::Set {
            value: MachineValue::Known(value),
            address,
        }) => (
            Ok(GilDeclaration::SetGil { value }),
            Evidence::new("call")
                .symbol("PyUnstable_Module_SetGIL")
                .address(address)
                .value(value.to_string()),
        ),
        Some(GilStatement::Set { address, .. }) => (
            Err(format!(
                "the argument of PyUnstable_Module_SetGIL at {address:#x} is not known"
            )),
            Evidence::new("call")
                .symbol("PyUnstable_Module_SetGIL")
                .address(address),
        ),
        Some(GilStatement::Open { address }) => (
            Err(format!(
                "the call at {address:#x} goes to an address that is not known, and could declare the module"
            )),
            Evidence::new("call through an unknown pointer").address(address),
        ),
        None => (
            Err("the hook returns a module that it did not create".into()),
            Evidence::new("module"),
        ),
    };
    let definition = module.and_then(|module| module.definition.known());
    let memory = MemoryView { machine, state };
    let name = definition.and_then(|address| definition_name(&memory, address));
    PathOutcome {
        init: Some(InitKind::SinglePhase),
        gil,
        name,
        evidence: vec![evidence],
        ..blank
    }
}

fn multi_phase(
    machine: &SharedMachine,
    state: &PathState,
    address: u64,
    blank: PathOutcome,
) -> PathOutcome {
    let memory = MemoryView { machine, state };
    let mut outcome = PathOutcome {
        init: Some(InitKind::MultiPhase),
        ..blank
    };
    outcome
        .evidence
        .push(Evidence::new("module definition").address(address));
    let place = memory.definition_field(address, |layout| layout.definition_slots);
    outcome
        .tables
        .push((place, place.saturating_add(memory.pointer_size())));
    match memory.pointer(place) {
        Some(0) => outcome
            .evidence
            .push(Evidence::new("m_slots is null").address(place)),
        Some(array) => outcome.read_slots(&memory, array, SlotRecord::Definition),
        None => {
            let end = memory.definition_field(address, |layout| layout.definition_end());
            outcome.obscured = Some((address, end));
            outcome.fail(&format!(
                "the pointer to the slots at {place:#x} is not known"
            ));
        }
    }
    let name = || definition_name(&memory, address);
    PathOutcome {
        name: outcome.name.take().or_else(name),
        ..outcome
    }
}

fn definition_name(memory: &MemoryView<'_, '_, '_>, address: u64) -> Option<String> {
    let place = memory.definition_field(address, |layout| layout.definition_name);
    memory.text(memory.pointer(place).filter(|&start| start != 0)?)
}

/// A path's memory, as the interpreter will see it.
struct MemoryView<'r, 'a, 'data> {
    machine: &'r SharedMachine<'a, 'data>,
    state: &'r PathState,
}

impl PartialMemory for MemoryView<'_, '_, '_> {
    fn pointer_size(&self) -> u64 {
        8
    }

    fn number(&self, address: u64, size: u64) -> Option<u64> {
        self.state
            .resolve(self.state.memory.read(self.machine.image, address, size))
            .known()
    }
}

impl MemoryView<'_, '_, '_> {
    /// Where a field of a definition is: its static header tells its layout, or else the build that the run imitates.
    fn definition_field(&self, address: u64, offset: fn(&ObjectLayout) -> u64) -> u64 {
        let imitated = || layout_of(self.pointer_size(), self.machine.interpreter.free_threaded);
        let layout = layout_at(self, address).or_else(imitated);
        address.wrapping_add(layout.map_or(0, offset))
    }
}

impl PathOutcome {
    fn fail(&mut self, why: &str) {
        self.gil = Err(why.to_owned());
        self.slots = Err(why.to_owned());
        self.abi = Err(why.to_owned());
        self.interpreters = Err(why.to_owned());
    }

    /// Takes over what an array of slots says.
    fn read_slots(&mut self, memory: &impl PartialMemory, array: u64, record: SlotRecord) {
        let slots = match slots::read(memory, array, record) {
            Ok(slots) => slots,
            Err(why) => return self.fail(&why),
        };
        // The end counts: a slot may be put there.
        let size = SLOT.saturating_mul(slots.len() as u64 + 1);
        self.tables.push((array, array.saturating_add(size)));
        let gil = slots::declaration(&slots, array);
        if gil.value() != Some(&GilDeclaration::Absent) {
            self.evidence.extend(gil.evidence().iter().cloned());
        }
        self.slots = Ok(slots::ids(&slots));
        self.abi = settled(slots::abi_info(memory, &slots));
        self.interpreters = settled(slots::interpreters(&slots, array));
        self.name = slots::name(memory, &slots);
        (self.gil, self.create) = match slots::create(&slots) {
            Ok(create) => (settled(gil), create),
            Err(why) => (Err(why), None),
        };
    }
}

/// The value of a fact, or why it is not known.
fn settled<T>(fact: Fact<T>) -> Result<T, String> {
    match fact {
        Fact::Known { value, .. } => Ok(value),
        Fact::Unknown { why, .. } => Err(why),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::cpu::state::CreatedModule;
    use crate::evaluator::explorer::tests::{
        Assembly, ONE_PHASE, TWO_PHASES, VARIABLE, entered, on_code,
    };
    use crate::evaluator::values::symbol::{SymbolFacts, ValueRange};
    use crate::evaluator::values::value::OBJECTS;

    /// Runs a check on a machine and a path of a module of two phases.
    fn on_path(check: impl FnOnce(&mut SharedMachine, &mut PathState)) {
        on_code(TWO_PHASES, Assembly::of(TWO_PHASES), |executor| {
            let mut state = entered(executor, TWO_PHASES);
            check(&mut executor.machine, &mut state);
        });
    }

    #[test]
    fn null_is_no_outcome_and_what_others_make_is_theirs() {
        on_path(|machine, state| {
            assert!(read(machine, state, MachineValue::Known(0), HookKind::Init).is_none());
            let theirs = SymbolFacts {
                origin: Some("numpy".into()),
                ..SymbolFacts::new(ValueRange::POINTER)
            };
            let theirs = machine.fresh(state, theirs);
            let found = read(machine, state, theirs, HookKind::Init).unwrap();
            assert_eq!(
                (found.init, found.gil),
                (None, Ok(GilDeclaration::Delegated { to: "numpy".into() }))
            );
            state.pc += 4;
            let called = machine.fresh(
                state,
                SymbolFacts {
                    import: Some(0),
                    ..SymbolFacts::new(ValueRange::ALL)
                },
            );
            let found = read(machine, state, called, HookKind::Init).unwrap();
            assert_eq!(found.forwarded, Some(0));
            assert!(
                found
                    .gil
                    .is_err_and(|why| why.contains(&machine.image.imports()[0].name))
            );
            let found = read(machine, state, MachineValue::ANY, HookKind::Init).unwrap();
            assert!(
                found
                    .gil
                    .is_err_and(|why| why.contains("could not be followed"))
            );
        });
    }

    #[test]
    fn a_definition_is_read_through_what_the_path_wrote() {
        on_path(|machine, state| {
            let outcome = |machine: &SharedMachine, state: &PathState| {
                read(
                    machine,
                    state,
                    MachineValue::Known(TWO_PHASES.definition),
                    HookKind::Init,
                )
                .unwrap()
            };
            let found = outcome(machine, state);
            assert_eq!(
                (found.init, &found.gil),
                (Some(InitKind::MultiPhase), &Ok(GilDeclaration::Absent))
            );
            assert_eq!(found.name.as_deref(), Some("package.sample"));
            assert!(found.agrees(&outcome(machine, state)));
            // The slot at the end of the table becomes a declaration.
            let slots = state
                .memory
                .read(machine.image, TWO_PHASES.definition + 88, 8)
                .known()
                .unwrap();
            let ids = found.slots.clone().unwrap();
            let end = slots + SLOT * ids.len() as u64;
            state
                .memory
                .write(machine.image, end, 8, MachineValue::Known(4));
            state
                .memory
                .write(machine.image, end + 8, 8, MachineValue::Known(1));
            let declared = outcome(machine, state);
            assert_eq!(declared.gil, Ok(GilDeclaration::Slot { value: 1 }));
            assert!(!declared.agrees(&found) && !declared.declares_like(&found));
            assert!(
                declared.describe().contains("Py_mod_gil = 1"),
                "{}",
                declared.describe()
            );
            state.memory.write(
                machine.image,
                TWO_PHASES.definition + 88,
                8,
                MachineValue::ANY,
            );
            let lost = outcome(machine, state);
            assert!(lost.gil.is_err() && lost.obscured.is_some());
            state.memory.write(
                machine.image,
                TWO_PHASES.definition + 88,
                8,
                MachineValue::Known(0),
            );
            assert_eq!(outcome(machine, state).slots, Ok(Vec::new()));
        });
    }

    #[test]
    fn a_module_says_what_was_said_of_it() {
        let at = |gil| CreatedModule {
            handle: OBJECTS + 64,
            definition: MachineValue::ANY,
            gil,
            maker: 0,
            made_before: 0,
        };
        for (gil, expected) in [
            (GilStatement::Absent, Some(GilDeclaration::Absent)),
            (
                GilStatement::Set {
                    value: MachineValue::Known(1),
                    address: 8,
                },
                Some(GilDeclaration::SetGil { value: 1 }),
            ),
            (
                GilStatement::Set {
                    value: MachineValue::ANY,
                    address: 8,
                },
                None,
            ),
            (GilStatement::Open { address: 8 }, None),
        ] {
            on_code(ONE_PHASE, Assembly::of(ONE_PHASE), |executor| {
                let mut state = entered(executor, ONE_PHASE);
                state.modules = vec![CreatedModule {
                    definition: MachineValue::Known(ONE_PHASE.definition),
                    ..at(gil)
                }];
                let value = MachineValue::Known(OBJECTS + 64);
                let found = read(&executor.machine, &state, value, HookKind::Init).unwrap();
                assert_eq!(found.gil.ok(), expected, "{gil:?}");
                assert_eq!(
                    (found.init, found.name.as_deref()),
                    (Some(InitKind::SinglePhase), Some("sample"))
                );
                let other = read(
                    &executor.machine,
                    &state,
                    MachineValue::Known(OBJECTS + 128),
                    HookKind::Init,
                )
                .unwrap();
                assert!(other.gil.is_err_and(|why| why.contains("did not create")));
            });
        }
    }

    #[test]
    fn a_table_of_slots_that_is_exported_is_read_as_such() {
        on_path(|machine, state| {
            // One slot of two words: `Py_mod_gil` in the numbering of exported tables, and the end.
            let found = read(
                machine,
                state,
                MachineValue::Known(VARIABLE),
                HookKind::Export,
            )
            .unwrap();
            assert_eq!(
                (found.init, found.slots),
                (Some(InitKind::Export), Ok(Vec::new()))
            );
        });
    }
}
