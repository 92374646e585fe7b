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
mod siblings;
mod values;

use crate::binary::image::BinaryImage;
pub use crate::evaluator::cpu::fuel::EvaluationLimits;
pub use crate::evaluator::cpu::machine::TargetInterpreter;
pub use crate::evaluator::create_slot::CreatedObject;
use crate::evaluator::explorer::{FollowPurpose, PathExecutor};
use crate::evaluator::isa::InstructionSet;
use crate::evaluator::isa::arm64::Arm64;
use crate::evaluator::isa::x86::X86;
use crate::evaluator::outcome::PathOutcome;
pub use crate::evaluator::siblings::{ImportResolver, NoSiblings};
use crate::model::evidence::Evidence;
use crate::model::facts::{Fact, HookKind, InitFacts};

/// How many calls inside each other are followed, one number after the other, when not all can be.
const LEVELS: [usize; 4] = [1, 2, 3, 5];

/// What following a hook showed. It is final: what the function in `Py_mod_create` gives has been taken into account.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HookEvaluation {
    /// What is known of the module.
    pub facts: InitFacts,
    /// The name in the definition.
    pub name: Fact<String>,
    /// Whether there is only one path and it ends with null: importing the module fails.
    pub fails: bool,
    /// The function of another file whose result the hook gives back, when that is all that is known of it.
    pub forwarded: Option<ForwardedInit>,
    /// What the function in `Py_mod_create` gives: it also decides what a declaration is worth that was read elsewhere.
    pub created: CreatedObject,
    /// Whether every path was followed to its end.
    pub is_complete: bool,
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
    /// The function in the slot `Py_mod_create` that the file's data names beside a declaration: followed where no path
    /// shows one.
    pub create: Option<u64>,
}

/// A function of another library that makes a module in place of the file's hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ForwardedInit {
    /// Undecorated name of the function.
    pub symbol: String,
    /// The libraries that may have it, as the file names them; one where the format tells.
    pub libraries: Vec<String>,
}

/// Follows a hook, or a function that a hook hands over to. Functions of the libraries beside the file that are called on
/// the way are followed where `siblings` knows them.
pub fn evaluate(
    image: &BinaryImage,
    init_function: InitFunction<'_>,
    interpreter: TargetInterpreter,
    limits: EvaluationLimits,
    siblings: &dyn ImportResolver,
) -> HookEvaluation {
    let request = EvaluationRequest {
        image,
        init_function,
        interpreter,
        limits,
        siblings,
    };
    match image.architecture.as_str() {
        "x86_64" => follow::<X86>(request),
        "aarch64" => follow::<Arm64>(request),
        other => HookEvaluation::not_followed(
            &format!("code for {other} is not followed"),
            init_function,
        ),
    }
}

/// What is followed, as what, and with what at hand.
#[derive(Clone, Copy)]
struct EvaluationRequest<'a, 'data> {
    image: &'a BinaryImage<'data>,
    init_function: InitFunction<'a>,
    interpreter: TargetInterpreter,
    limits: EvaluationLimits,
    siblings: &'a dyn ImportResolver,
}

fn follow<I: InstructionSet>(request: EvaluationRequest<'_, '_>) -> HookEvaluation {
    let EvaluationRequest {
        image,
        init_function,
        interpreter,
        limits,
        ..
    } = request;
    let found = follow_hook::<I>(request);
    let create = match found.evaluation.facts.gil.value() {
        // What an export hook's slots say is obeyed before anything is made of them.
        _ if init_function.kind == HookKind::Export => None,
        Some(gil) if create_slot::matters_for(gil) => found.create.or(init_function.create),
        Some(_) => None,
        // The data may declare what no path shows.
        None => init_function
            .create
            .map(|create| found.create.unwrap_or(create)),
    };
    let created = CreatedObject::of::<I>(image, create, interpreter, limits);
    let facts = InitFacts {
        gil: created.apply(found.evaluation.facts.gil),
        ..found.evaluation.facts
    };
    HookEvaluation {
        facts,
        created,
        ..found.evaluation
    }
}

/// What the paths through a hook say, before anybody has followed what makes the object.
struct HookPaths {
    evaluation: HookEvaluation,
    /// Address of the function in the slot `Py_mod_create`, when there is one.
    create: Option<u64>,
}

fn follow_hook<I: InstructionSet>(request: EvaluationRequest<'_, '_>) -> HookPaths {
    let EvaluationRequest {
        image,
        init_function,
        interpreter,
        limits,
        siblings,
    } = request;
    let purpose = FollowPurpose::Hook(init_function.kind);
    let mut executor: PathExecutor<'_, '_, I> =
        PathExecutor::new(image, purpose, init_function.module, interpreter, limits);
    executor.siblings = siblings;
    let outer = |executor: &mut PathExecutor<'_, '_, I>, levels| {
        executor.explore(init_function.address, levels);
        let is_known =
            |facts: &InitFacts| facts.gil.value().is_some() && facts.init.value().is_some();
        Some(doubted(executor)).filter(|found| is_known(&found.evaluation.facts))
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
    let all = doubted(&mut executor);
    if executor.abandoned.is_empty() || all.evaluation.facts.gil.value().is_some() {
        return all;
    }
    LEVELS
        .into_iter()
        .find_map(|levels| outer(&mut executor, levels))
        .unwrap_or(all)
}

impl HookEvaluation {
    fn not_followed(why: &str, init_function: InitFunction<'_>) -> HookEvaluation {
        let create = init_function
            .create
            .filter(|_| init_function.kind == HookKind::Init);
        let created = create.map_or(CreatedObject::Undefined, |create| {
            CreatedObject::not_followed(create, why)
        });
        HookEvaluation {
            created,
            ..HookEvaluation::unknown(why)
        }
    }

    fn unknown(why: &str) -> HookEvaluation {
        HookEvaluation {
            facts: InitFacts::unknown(why),
            name: Fact::unknown(why),
            fails: false,
            forwarded: None,
            created: CreatedObject::Undefined,
            is_complete: false,
            trace: Vec::new(),
            steps: 0,
            forks: 0,
        }
    }
}

/// What all paths together say, where no other code may change it.
fn doubted<I: InstructionSet>(executor: &mut PathExecutor<'_, '_, I>) -> HookPaths {
    let mut found = conclude(executor);
    let outcomes = std::mem::take(&mut executor.outcomes);
    let gil = &mut found.evaluation.facts.gil;
    if let Some(why) = gil.value().and_then(|_| executor.unfollowed(&outcomes)) {
        *gil = Fact::Unknown {
            why,
            evidence: gil.evidence().to_vec(),
        };
    }
    executor.outcomes = outcomes;
    found
}

/// What all paths together say.
fn conclude<I: InstructionSet>(executor: &PathExecutor<'_, '_, I>) -> HookPaths {
    let fuel = executor.machine.fuel;
    let measured = |evaluation, create| HookPaths {
        evaluation: HookEvaluation {
            steps: fuel.steps,
            forks: fuel.forks,
            ..evaluation
        },
        create,
    };
    let Some(first) = executor.outcomes.first() else {
        let why = match executor.abandoned.first() {
            Some(why) => why.clone(),
            None => "no path through the hook ends in success".into(),
        };
        let fails = executor.abandoned.is_empty() && fuel.forks == 0;
        return measured(
            HookEvaluation {
                fails,
                ..HookEvaluation::unknown(&why)
            },
            None,
        );
    };
    let mut trace = executor
        .machine
        .trace
        .render(first.trace, executor.machine.image);
    trace.extend(first.evidence.iter().cloned());
    let evidence = first.evidence.clone();
    let all = |same: fn(&PathOutcome, &PathOutcome) -> bool| {
        executor.outcomes.iter().all(|other| same(first, other))
    };
    let doubt = doubt(executor);
    let init = match (first.init, &doubt) {
        (Some(init), None) if all(|first, other| first.init == other.init) => {
            Fact::known(init, evidence.clone())
        }
        (None, None) => Fact::unknown("another module makes this one"),
        (_, None) => Fact::unknown(disagreement(executor)),
        (_, Some(why)) => Fact::unknown(why.clone()),
    };
    let facts = InitFacts {
        init,
        gil: agreed(executor, |outcome| &outcome.gil, PathOutcome::declares_like),
        abi_info: agreed(
            executor,
            |outcome| &outcome.abi,
            |first, other| first.abi == other.abi,
        ),
        slots: agreed(
            executor,
            |outcome| &outcome.slots,
            |first, other| first.slots == other.slots,
        ),
        interpreters: agreed(
            executor,
            |outcome| &outcome.interpreters,
            |first, other| first.interpreters == other.interpreters,
        ),
    };
    let name = match &first.name {
        Some(name) => Fact::known(name.clone(), evidence),
        None => Fact::unknown("the name in the definition could not be read"),
    };
    let forwarded = first
        .forwarded
        .filter(|_| doubt.is_none() && all(|first, other| first.forwarded == other.forwarded));
    let evaluation = HookEvaluation {
        facts,
        forwarded: forwarded.and_then(|import| ForwardedInit::of(executor.machine.image, import)),
        name,
        is_complete: executor.abandoned.is_empty(),
        trace,
        ..HookEvaluation::unknown("")
    };
    measured(evaluation, first.create)
}

/// What the first path shows, if all paths agree on it and none was given up.
fn agreed<T: Clone, I: InstructionSet>(
    executor: &PathExecutor<'_, '_, I>,
    fact: fn(&PathOutcome) -> &Result<T, String>,
    same: fn(&PathOutcome, &PathOutcome) -> bool,
) -> Fact<T> {
    let Some(first) = executor.outcomes.first() else {
        return Fact::unknown("no path ends in success");
    };
    match (fact(first), doubt(executor)) {
        (Err(why), _) => Fact::unknown(why.clone()),
        (Ok(_), Some(why)) => Fact::unknown(why),
        (Ok(value), None) if executor.outcomes.iter().all(|other| same(first, other)) => {
            Fact::known(value.clone(), first.evidence.clone())
        }
        (Ok(_), None) => Fact::unknown(disagreement(executor)),
    }
}

impl ForwardedInit {
    fn of(image: &BinaryImage, import: usize) -> Option<ForwardedInit> {
        let import = image.imports().get(import)?;
        let libraries = match &import.library {
            Some(library) => vec![library.clone()],
            None => image.libraries().to_vec(),
        };
        Some(ForwardedInit {
            symbol: import.name.clone(),
            libraries,
        })
    }
}

fn disagreement<I: InstructionSet>(executor: &PathExecutor<'_, '_, I>) -> String {
    let ends: Vec<String> = executor
        .outcomes
        .iter()
        .map(PathOutcome::describe)
        .collect();
    format!("paths end differently: {}", ends.join("; "))
}

/// Why what was found may not be all that can happen.
fn doubt<I: InstructionSet>(executor: &PathExecutor<'_, '_, I>) -> Option<String> {
    executor.abandoned.first().cloned()
}

#[cfg(test)]
mod tests;
