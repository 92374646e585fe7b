//! Follows an import hook from its first instruction to the module definition or module that it gives the interpreter,
//! without running anything: a bounded evaluator that explores every path on which the import may succeed.
//!
//! `explorer` keeps the worklist of paths, `isa` carries out instructions on one path's `cpu` state, whose `values` and
//! `memory` are known or unknown, `externals` says what calls to the outside return, `definition` reads what a path ends
//! with, and `create_slot` tells what the function in `Py_mod_create` makes.
//! `docs/evaluator.md` tells how the parts work together.

mod cpu;
mod create_slot;
mod explorer;
mod externals;
mod isa;
mod memory;
mod outcome;
mod values;

use crate::binary::image::Image;
pub use crate::evaluator::cpu::fuel::EvaluationLimits;
pub use crate::evaluator::cpu::machine::TargetInterpreter;
pub use crate::evaluator::create_slot::apply_create_slot;
use crate::evaluator::explorer::{Executor, Purpose};
use crate::evaluator::isa::InstructionSet;
use crate::evaluator::isa::arm64::Arm64;
use crate::evaluator::isa::x86::X86;
use crate::evaluator::outcome::Outcome;
use crate::model::evidence::Evidence;
use crate::model::facts::{AbiInfo, Declaration, Fact, HandOver, HookKind, InitKind};

/// How many calls inside each other are followed, one number after the other, when not all can be.
const LEVELS: [usize; 4] = [1, 2, 3, 5];

/// What following a hook showed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Evaluation {
    /// How the module is initialised.
    pub init: Fact<InitKind>,
    /// What the module says of the GIL.
    pub gil: Fact<Declaration>,
    /// `Py_mod_abi`; the value is `None` when the definition has no such slot.
    pub abi_info: Fact<Option<AbiInfo>>,
    /// Slot ids in the order of the definition; empty for a module without slots.
    pub slots: Fact<Vec<u32>>,
    /// The name in the definition.
    pub name: Fact<String>,
    /// Whether there is only one path and it ends with null: importing the module fails.
    pub fails: bool,
    /// The function of another file whose result the hook gives back, when that is all that is known of it.
    pub hand_over: Option<HandOver>,
    /// Address of the function of the slot `Py_mod_create`, when there is one: [`apply_create_slot`] says what it does to the
    /// declaration.
    pub create: Option<u64>,
    /// The path that decided, step by step: calls in their order, branches on unknowns, what was read at the end.
    pub trace: Vec<Evidence>,
    /// Instructions carried out on all paths.
    pub steps: u64,
    /// Branches on unknowns on all paths.
    pub forks: u64,
}

/// A function that makes a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct InitFunction<'a> {
    /// Its address.
    pub address: u64,
    /// How the interpreter takes what it gives back.
    pub kind: HookKind,
    /// Last component of the name of the module that it is called for.
    pub module: &'a str,
}

/// Follows a hook, or a function that a hook hands over to.
pub fn evaluate(
    image: &Image,
    init_function: InitFunction<'_>,
    interpreter: TargetInterpreter,
    limits: EvaluationLimits,
) -> Evaluation {
    match image.architecture.as_str() {
        "x86_64" => follow::<X86>(image, init_function, interpreter, limits),
        "aarch64" => follow::<Arm64>(image, init_function, interpreter, limits),
        other => Evaluation::unknown(&format!("code for {other} is not followed")),
    }
}

fn follow<I: InstructionSet>(
    image: &Image,
    init_function: InitFunction<'_>,
    interpreter: TargetInterpreter,
    limits: EvaluationLimits,
) -> Evaluation {
    let purpose = Purpose::Hook(init_function.kind);
    let mut executor: Executor<'_, '_, I> = Executor::new(image, purpose, init_function.module, interpreter, limits);
    let outer = |executor: &mut Executor<'_, '_, I>, levels| {
        executor.explore(init_function.address, levels);
        Some(conclude(executor)).filter(|found| found.gil.value().is_some() && found.init.value().is_some())
    };
    // Modules that are made at once often do all of their work in the hook, and their declaration is outside of it.
    let imports = |name: &str| image.import_named(name).is_some();
    if imports("PyUnstable_Module_SetGIL")
        && !imports("PyModuleDef_Init")
        && let Some(found) = outer(&mut executor, 1)
    {
        return found;
    }
    executor.explore(init_function.address, usize::MAX);
    let all = conclude(&executor);
    if executor.abandoned.is_empty() || all.gil.value().is_some() {
        return all;
    }
    LEVELS.into_iter().find_map(|levels| outer(&mut executor, levels)).unwrap_or(all)
}

impl Evaluation {
    fn unknown(why: &str) -> Evaluation {
        Evaluation {
            init: Fact::unknown(why),
            gil: Fact::unknown(why),
            abi_info: Fact::unknown(why),
            slots: Fact::unknown(why),
            name: Fact::unknown(why),
            fails: false,
            hand_over: None,
            create: None,
            trace: Vec::new(),
            steps: 0,
            forks: 0,
        }
    }
}

/// What all paths together say.
fn conclude<I: InstructionSet>(executor: &Executor<'_, '_, I>) -> Evaluation {
    let measured = |evaluation| Evaluation {
        steps: executor.machine.fuel.steps,
        forks: executor.machine.fuel.forks,
        ..evaluation
    };
    let Some(first) = executor.outcomes.first() else {
        let why = match executor.abandoned.first() {
            Some(why) => why.clone(),
            None => "no path through the hook ends in success".into(),
        };
        return measured(Evaluation {
            fails: executor.abandoned.is_empty() && executor.machine.fuel.forks == 0,
            ..Evaluation::unknown(&why)
        });
    };
    let mut trace = executor.machine.trace.render(first.trace, executor.machine.image);
    trace.extend(first.evidence.iter().cloned());
    let evidence = first.evidence.clone();
    let all = |same: fn(&Outcome, &Outcome) -> bool| executor.outcomes.iter().all(|other| same(first, other));
    let doubt = doubt(executor);
    let init = match (first.init, &doubt) {
        (Some(init), None) if all(|first, other| first.init == other.init) => Fact::known(init, evidence.clone()),
        (None, None) => Fact::unknown("another module makes this one"),
        (_, None) => Fact::unknown(disagreement(executor)),
        (_, Some(why)) => Fact::unknown(why.clone()),
    };
    let gil = match (&first.gil, &doubt) {
        (Ok(gil), None) if all(Outcome::declares_like) => Fact::known(gil.clone(), evidence.clone()),
        (Err(why), _) => Fact::unknown(why.clone()),
        (Ok(_), None) => Fact::unknown(disagreement(executor)),
        (Ok(_), Some(why)) => Fact::unknown(why.clone()),
    };
    let settle = |known: bool, why: &Result<(), String>| match (known, why, &doubt) {
        (_, Err(why), _) | (_, _, Some(why)) => Some(why.clone()),
        (false, ..) => Some(disagreement(executor)),
        (true, Ok(()), None) => None,
    };
    let abi_info = match settle(all(|first, other| first.abi == other.abi), &first.abi.clone().map(|_| ())) {
        Some(why) => Fact::unknown(why),
        None => Fact::known(first.abi.clone().ok().flatten(), evidence.clone()),
    };
    let slots = match settle(all(|first, other| first.slots == other.slots), &first.slots.clone().map(|_| ())) {
        Some(why) => Fact::unknown(why),
        None => Fact::known(first.slots.clone().unwrap_or_default(), evidence.clone()),
    };
    let name = match &first.name {
        Some(name) => Fact::known(name.clone(), evidence),
        None => Fact::unknown("the name in the definition could not be read"),
    };
    let hand_over =
        first.hand_over.filter(|_| doubt.is_none() && all(|first, other| first.hand_over == other.hand_over));
    measured(Evaluation {
        hand_over: hand_over.and_then(|import| HandOver::of(executor.machine.image, import)),
        init,
        gil,
        abi_info,
        slots,
        name,
        fails: false,
        create: first.create,
        trace,
        steps: 0,
        forks: 0,
    })
}

impl HandOver {
    fn of(image: &Image, import: usize) -> Option<HandOver> {
        let import = image.imports().get(import)?;
        let libraries = match &import.library {
            Some(library) => vec![library.clone()],
            None => image.libraries().to_vec(),
        };
        Some(HandOver { symbol: import.name.clone(), libraries })
    }
}

fn disagreement<I: InstructionSet>(executor: &Executor<'_, '_, I>) -> String {
    let ends: Vec<String> = executor.outcomes.iter().map(Outcome::describe).collect();
    format!("paths end differently: {}", ends.join("; "))
}

/// Why what was found may not be all that can happen.
fn doubt<I: InstructionSet>(executor: &Executor<'_, '_, I>) -> Option<String> {
    executor.abandoned.first().cloned()
}
