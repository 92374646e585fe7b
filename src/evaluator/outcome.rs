//! What a path through an init function ends with: the definition, slots or module that the hook returns, read through the path's memory.
//!
//! Layouts: <https://github.com/python/cpython/blob/v3.14.0/Include/moduleobject.h>, for slots of 3.15
//! <https://peps.python.org/pep-0793/> and <https://peps.python.org/pep-0820/>.

pub(in crate::evaluator) mod create_slot;

use crate::evaluator::cpu::machine::Machine;
use crate::evaluator::cpu::state::{Gil, State};
use crate::evaluator::cpu::trace::number;
use crate::evaluator::values::value::{Region, Value, region};
use crate::model::evidence::Evidence;
use crate::model::facts::{AbiInfo, Declaration, HookKind, InitKind};

/// Most slots of one table.
const MOST_SLOTS: u64 = 128;
/// How deep tables of slots may nest: CPython allows five levels.
const DEEPEST_TABLE: usize = 5;
/// Longest module name.
const LONGEST_NAME: u64 = 256;
/// Size of a slot on 64-bit systems.
const SLOT: u64 = 16;

/// Ids of slots that matter here; the second of a pair is CPython 3.15's.
const CREATE: [u32; 2] = [1, 84];
const GIL: [u32; 2] = [4, 87];
const SUBSLOTS: u32 = 92;
const MODULE_SLOTS: u32 = 94;
const NAME: u32 = 100;
const ABI: u32 = 109;

/// What one path ends with.
#[derive(Clone, Debug)]
pub(super) struct Outcome {
    /// How the module is initialised; `None` when another module decides.
    pub(super) init: Option<InitKind>,
    /// What is said of the GIL, or why that is not known.
    pub(super) gil: Result<Declaration, String>,
    /// `Py_mod_abi`, where there is one.
    pub(super) abi: Result<Option<AbiInfo>, String>,
    /// Slot ids in their order.
    pub(super) slots: Result<Vec<u32>, String>,
    /// The module's name.
    pub(super) name: Option<String>,
    /// Address of the `Py_mod_create` function.
    pub(super) create: Option<u64>,
    /// The import whose result it is, when nothing else is known of it.
    pub(super) hand_over: Option<usize>,
    /// Where it was read.
    pub(super) evidence: Vec<Evidence>,
    /// The path's last step.
    pub(super) trace: u32,
}

impl Outcome {
    /// Whether two paths end alike.
    pub(super) fn agrees(&self, other: &Outcome) -> bool {
        self.init == other.init
            && self.hand_over == other.hand_over
            && self.gil == other.gil
            && self.create == other.create
            && self.abi == other.abi
            && self.slots == other.slots
    }

    /// Whether two paths declare alike: what makes the object matters only where something is declared.
    pub(super) fn declares_like(&self, other: &Outcome) -> bool {
        self.gil == other.gil && (self.create == other.create || self.gil == Ok(Declaration::Absent))
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
            Ok(Declaration::Slot { value }) => format!("Py_mod_gil = {value}"),
            Ok(Declaration::SetGil { value }) => format!("PyUnstable_Module_SetGIL({value})"),
            Ok(Declaration::Absent) => "no declaration".into(),
            Ok(Declaration::NotAModule) => "no module".into(),
            Ok(Declaration::Delegated { to }) => format!("delegated to {to}"),
            Err(why) => why.clone(),
        };
        format!("{init}, {gil}")
    }
}

/// Reads what a hook returned; `None` when the import fails.
pub(super) fn read(machine: &Machine, state: &State, value: Value, kind: HookKind) -> Option<Outcome> {
    let blank = Outcome {
        init: None,
        gil: Ok(Declaration::Absent),
        abi: Ok(None),
        slots: Ok(Vec::new()),
        name: None,
        create: None,
        hand_over: None,
        evidence: Vec::new(),
        trace: state.trace,
    };
    match value {
        Value::Known(0) => None,
        Value::Known(address) if region(address) == Region::Object => {
            Some(single_phase(machine, state, address, blank))
        }
        Value::Known(address) if kind == HookKind::Export => {
            let mut reader = Reader { machine, state, outcome: Outcome { init: Some(InitKind::Export), ..blank } };
            reader.table(address, 1);
            Some(reader.outcome)
        }
        Value::Known(address) => Some(multi_phase(machine, state, address, blank)),
        Value::Symbol { .. } | Value::Unknown(_) => Some(elsewhere(machine, value, blank)),
    }
}

fn elsewhere(machine: &Machine, value: Value, blank: Outcome) -> Outcome {
    match machine.origin(value) {
        Some(to) => {
            let evidence = vec![Evidence::new("the hook returns what another module gives").symbol(to.clone())];
            Outcome { gil: Ok(Declaration::Delegated { to }), evidence, ..blank }
        }
        None => {
            let hand_over = machine.defining_import(value);
            let import = hand_over.and_then(|import| machine.image.imports().get(import));
            let why = match import.map(|import| (&import.name, &import.library)) {
                Some((name, Some(library))) => format!("the hook returns what {name} of {library} gives"),
                Some((name, None)) => format!("the hook returns what {name} of another library gives"),
                None => "the hook returns something that could not be followed".into(),
            };
            Outcome { gil: Err(why.clone()), abi: Err(why.clone()), slots: Err(why), hand_over, ..blank }
        }
    }
}

fn single_phase(machine: &Machine, state: &State, handle: u64, blank: Outcome) -> Outcome {
    let module = state.modules.iter().find(|module| module.handle == handle).copied();
    let (gil, evidence) = match module.map(|module| module.gil) {
        Some(Gil::Absent) => {
            (Ok(Declaration::Absent), Evidence::new("no call on the path").symbol("PyUnstable_Module_SetGIL"))
        }
        Some(Gil::Set { value: Value::Known(value), address }) => (
            Ok(Declaration::SetGil { value }),
            Evidence::new("call").symbol("PyUnstable_Module_SetGIL").address(address).value(value.to_string()),
        ),
        Some(Gil::Set { address, .. }) => (
            Err(format!("the argument of PyUnstable_Module_SetGIL at {address:#x} is not known")),
            Evidence::new("call").symbol("PyUnstable_Module_SetGIL").address(address),
        ),
        Some(Gil::Open { address }) => (
            Err(format!("the call at {address:#x} goes to an address that is not known, and could declare the module")),
            Evidence::new("call through an unknown pointer").address(address),
        ),
        None => (Err("the hook returns a module that it did not create".into()), Evidence::new("module")),
    };
    let definition = module.and_then(|module| module.definition.known());
    let name = definition.and_then(|address| {
        let layout = Layout::of(machine, state, address);
        text(machine, state, state.memory.read(machine.image, address.wrapping_add(layout.name), 8))
    });
    Outcome { init: Some(InitKind::SinglePhase), gil, name, evidence: vec![evidence], ..blank }
}

fn multi_phase(machine: &Machine, state: &State, address: u64, blank: Outcome) -> Outcome {
    let layout = Layout::of(machine, state, address);
    let table = state.memory.read(machine.image, address.wrapping_add(layout.slots), 8);
    let name = text(machine, state, state.memory.read(machine.image, address.wrapping_add(layout.name), 8));
    let outcome = Outcome { init: Some(InitKind::MultiPhase), ..blank };
    let mut reader = Reader { machine, state, outcome };
    reader.tell(Evidence::new("module definition").address(address));
    match table {
        Value::Known(0) => reader.tell(Evidence::new("m_slots is null").address(address.wrapping_add(layout.slots))),
        Value::Known(start) => reader.table(start, 1),
        Value::Symbol { .. } | Value::Unknown(_) => {
            let place = address.wrapping_add(layout.slots);
            reader.fail(&format!("the pointer to the slots at {place:#x} is not known"));
        }
    }
    Outcome { name: reader.outcome.name.take().or(name), ..reader.outcome }
}

/// Offsets in `PyModuleDef` that depend on the size of an object's header.
struct Layout {
    name: u64,
    slots: u64,
}

impl Layout {
    const GIL: Layout = Layout { name: 40, slots: 72 };
    const FREE_THREADED: Layout = Layout { name: 56, slots: 88 };

    /// The layout of a definition: its static header tells, or else the flavour that the run imitates.
    fn of(machine: &Machine, state: &State, address: u64) -> Layout {
        let half = |offset| state.memory.read(machine.image, address.wrapping_add(offset), 4).known();
        let free_threaded = match (half(0), half(4), half(8), half(12)) {
            (Some(0), Some(0), Some(0 | 4), Some(0xffff_ffff)) => true,
            (Some(1 | 0xffff_ffff | 0xc000_0000), _, _, _) => false,
            _ => machine.interpreter.free_threaded,
        };
        if free_threaded { Layout::FREE_THREADED } else { Layout::GIL }
    }
}

fn text(machine: &Machine, state: &State, address: Value) -> Option<String> {
    let start = address.known().filter(|&start| start != 0)?;
    let mut bytes = Vec::new();
    for offset in 0..LONGEST_NAME {
        match state.memory.read(machine.image, start.wrapping_add(offset), 1) {
            Value::Known(0) => return String::from_utf8(bytes).ok(),
            Value::Known(byte) => bytes.push(byte as u8),
            Value::Symbol { .. } | Value::Unknown(_) => return None,
        }
    }
    None
}

struct Reader<'r, 'a, 'data> {
    machine: &'r Machine<'a, 'data>,
    state: &'r State,
    outcome: Outcome,
}

impl Reader<'_, '_, '_> {
    fn tell(&mut self, evidence: Evidence) {
        self.outcome.evidence.push(evidence);
    }

    fn fail(&mut self, why: &str) {
        self.outcome.gil = Err(why.to_owned());
        self.outcome.slots = Err(why.to_owned());
        self.outcome.abi = Err(why.to_owned());
    }

    fn read(&self, address: u64, size: u64) -> Value {
        self.state.resolve(self.state.memory.read(self.machine.image, address, size))
    }

    /// Walks a table of slots: `PyModuleDef_Slot` and `PySlot` have the same size and place of the value.
    fn table(&mut self, start: u64, depth: usize) {
        for place in (0..MOST_SLOTS).map(|index| start.wrapping_add(index * SLOT)) {
            let id = match self.read(place, 4) {
                Value::Known(number) if number > 0xffff => number & 0xffff,
                Value::Known(number) => number,
                Value::Symbol { .. } | Value::Unknown(_) => {
                    return self.fail(&format!("the slot id at {place:#x} is not known"));
                }
            };
            if id == 0 {
                return;
            }
            self.slot(id as u32, place, depth);
        }
        self.fail(&format!("the table of slots at {start:#x} has no end"));
    }

    fn slot(&mut self, id: u32, place: u64, depth: usize) {
        if let Ok(slots) = &mut self.outcome.slots {
            slots.push(id);
        }
        let value = self.read(place.wrapping_add(8), 8);
        match id {
            SUBSLOTS | MODULE_SLOTS => match value {
                Value::Known(0) => {}
                Value::Known(start) if depth < DEEPEST_TABLE => self.table(start, depth + 1),
                _ => self.fail(&format!("the table of slots in the slot at {place:#x} could not be read")),
            },
            ABI => self.outcome.abi = self.abi(value, place).map(Some),
            NAME => self.outcome.name = text(self.machine, self.state, value),
            _ if GIL.contains(&id) => self.gil(value, place),
            _ if CREATE.contains(&id) => match value {
                Value::Known(create) => self.outcome.create = Some(create).filter(|&create| create != 0),
                Value::Symbol { .. } | Value::Unknown(_) => {
                    self.outcome.gil =
                        Err(format!("the function of the slot Py_mod_create at {place:#x} is not known"));
                }
            },
            _ => {}
        }
    }

    fn gil(&mut self, value: Value, place: u64) {
        let decimal = value.known().map_or_else(|| number(value), |value| value.to_string());
        let evidence = Evidence::new("slot Py_mod_gil").address(place).value(decimal);
        self.tell(evidence);
        self.outcome.gil = match (value, &self.outcome.gil) {
            (Value::Known(value), Ok(Declaration::Absent)) => Ok(Declaration::Slot { value }),
            (_, Err(why)) => Err(why.clone()),
            (Value::Known(_), _) => Err(format!("the slot Py_mod_gil occurs twice, the second time at {place:#x}")),
            _ => Err(format!("the value of the slot Py_mod_gil at {place:#x} is not known")),
        };
    }

    fn abi(&mut self, value: Value, place: u64) -> Result<AbiInfo, String> {
        let why = || format!("the PyABIInfo of the slot at {place:#x} could not be read");
        let start = value.known().filter(|&start| start != 0).ok_or_else(why)?;
        let field = |offset, size| self.read(start.wrapping_add(offset), size).known().ok_or_else(why);
        Ok(AbiInfo {
            major: field(0, 1)? as u8,
            minor: field(1, 1)? as u8,
            flags: field(2, 2)? as u16,
            build_version: field(4, 4)? as u32,
            abi_version: field(8, 4)? as u32,
        })
    }
}
