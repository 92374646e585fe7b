//! The world outside the image: what the functions of the interpreter and of the C library give back.
//!
//! The import succeeds in real life, so calls that fail only when memory is short are taken to succeed; calls of which
//! failure is an ordinary answer give an unknown on which the path forks when it looks at it. A call without a model
//! gives an unknown and may have written to what it was given.

mod memory;
mod outputs;
mod python;
mod runtime;
mod system;

use crate::binary::image::BinaryImage;
use crate::cpython::functions::{self, CallEffect, CallFacts, CallReturn, OnError};
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::cpu::trace::TraceEvent;
use crate::evaluator::values::hash::FastMap;
use crate::evaluator::values::symbol::{SymbolFacts, ValueRange};
use crate::evaluator::values::value::MachineValue;
pub(super) use system::SystemCall;
use system::system_call;

/// How many processors there are.
const PROCESSORS: u64 = 4;
/// The number of the one thread.
const THE_THREAD: u64 = 0x1d4c;
/// Bytes behind a passed pointer that a call without a model may have written.
const WRITTEN: u64 = 128;

/// How an outside call goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallOutcome {
    /// It returns this.
    Returns(MachineValue),
    /// It does not return on a path that counts.
    NoReturn,
    /// It throws an exception of C++, or goes on with one.
    Throws,
    /// It calls back a function first, whose result does not matter.
    CallsBack(u64),
    /// It leaves every register but the result alone.
    PreservesRegisters(MachineValue),
    /// It returns this new module, made from a definition.
    CreatesModule(u64),
    /// It has said what this module does with the GIL, and returns 0.
    SetsGil(u64),
}

/// Models of the imports that were called so far, and of the image's own functions that have one.
#[derive(Debug, Default)]
pub(super) struct CallModels {
    by_import: FastMap<usize, Option<CallModel>>,
    /// By address, once looked for.
    own: Option<FastMap<u64, CallModel>>,
}

impl CallModels {
    /// What an import's call gives back, when it has a model.
    pub(super) fn get(&mut self, image: &BinaryImage, import: usize) -> Option<CallModel> {
        let name = &image.imports().get(import)?.name;
        *self
            .by_import
            .entry(import)
            .or_insert_with(|| CallModel::of(name))
    }

    /// Notes the model of a function of the image.
    pub(super) fn note_own(&mut self, image: &BinaryImage, address: u64, model: CallModel) {
        self.own
            .get_or_insert_with(|| runtime::models(image))
            .insert(address, model);
    }

    /// What a call of a function of the image gives back, when it belongs to the C++ run time.
    pub(super) fn own(&mut self, image: &BinaryImage, address: u64) -> Option<CallModel> {
        self.own
            .get_or_insert_with(|| runtime::models(image))
            .get(&address)
            .copied()
    }
}

/// What is known of a function outside.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallModel {
    /// It is one of CPython's.
    Api(CallFacts),
    /// It is one of the system's.
    System(SystemCall),
}

impl CallModel {
    /// By the undecorated name.
    pub(super) fn of(name: &str) -> Option<CallModel> {
        functions::call(name)
            .map(CallModel::Api)
            .or_else(|| system_call(name).map(CallModel::System))
    }

    /// Whether a call never returns.
    pub(super) fn never_returns(self) -> bool {
        match self {
            CallModel::Api(facts) => facts.returns == CallReturn::Never,
            CallModel::System(call) => matches!(call, SystemCall::Never | SystemCall::Throws),
        }
    }

    /// Whether a function hands on what it was given, and so has not made it.
    pub(super) fn hands_on(self) -> bool {
        match self {
            CallModel::Api(CallFacts {
                effect: CallEffect::Derive,
                on_error,
                ..
            }) => on_error == OnError::Never,
            CallModel::Api(CallFacts {
                effect: CallEffect::None,
                returns,
                ..
            }) => {
                matches!(returns, CallReturn::Argument(_))
            }
            CallModel::Api(_) => false,
            CallModel::System(call) => matches!(call, SystemCall::Argument(_)),
        }
    }
}

/// Calls an import.
pub(super) fn call(
    machine: &mut SharedMachine,
    state: &mut PathState,
    import: usize,
    model: Option<CallModel>,
) -> CallOutcome {
    machine.note(state, TraceEvent::Call { import });
    let image = machine.image;
    if let Some(import) = image.imports().get(import) {
        outputs::forget(machine, state, &import.name);
    }
    match model {
        None => unmodelled(
            machine,
            state,
            CallOrigin {
                import: Some(import),
                origin: None,
            },
        ),
        Some(model) => modelled(machine, state, model),
    }
}

/// Calls a function of the C++ run time that is part of the image.
pub(super) fn call_own(
    machine: &mut SharedMachine,
    state: &mut PathState,
    address: u64,
    model: CallModel,
) -> CallOutcome {
    machine.note(state, TraceEvent::Runtime { address });
    modelled(machine, state, model)
}

fn modelled(machine: &mut SharedMachine, state: &mut PathState, model: CallModel) -> CallOutcome {
    match model {
        CallModel::Api(facts) => python::call(machine, state, facts),
        CallModel::System(call) => memory::call(machine, state, call),
    }
}

/// Who gives the result of a call of which nothing is known.
#[derive(Clone, Debug, Default)]
pub(super) struct CallOrigin {
    /// The importable module whose function it is.
    pub(super) origin: Option<String>,
    /// The import that was called.
    pub(super) import: Option<usize>,
}

/// A call of which nothing is known: an import without a model, or a function of another image.
pub(super) fn unmodelled(
    machine: &mut SharedMachine,
    state: &mut PathState,
    origin_of_call: CallOrigin,
) -> CallOutcome {
    for number in 0..machine.convention.arguments.len() {
        let pointer = machine.argument(state, number);
        machine.forget(state, pointer, WRITTEN);
        state.memory.expose(machine.image, pointer);
    }
    let CallOrigin { origin, import } = origin_of_call;
    CallOutcome::Returns(machine.fresh(
        state,
        SymbolFacts {
            origin,
            import,
            ..SymbolFacts::new(ValueRange::ALL)
        },
    ))
}

#[cfg(test)]
mod tests;
