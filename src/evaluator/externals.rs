//! The world outside the image: what the functions of the interpreter and of the C library give back.
//!
//! The import succeeds in real life, so calls that fail only when memory is short are taken to succeed; calls of which
//! failure is an ordinary answer give an unknown on which the path forks when it looks at it. A call without a model
//! gives an unknown and may have written to what it was given.

mod memory;
mod python;
mod table;

use crate::binary::image::Image;
use crate::evaluator::cpu::machine::Machine;
use crate::evaluator::cpu::state::State;
use crate::evaluator::cpu::trace::TraceEvent;
use crate::evaluator::values::hash::FastMap;
use crate::evaluator::values::symbol::{Failure, Range, Symbol};
use crate::evaluator::values::value::Value;
pub(super) use table::{CallHandler, CallModel, model};

/// Bytes behind a passed pointer that a call without a model may have written.
const WRITTEN: u64 = 128;

/// How an outside call goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum CallOutcome {
    /// It returns this.
    Returns(Value),
    /// It does not return on a path that counts.
    NoReturn,
    /// It calls back a function first, whose result does not matter.
    CallsBack(u64),
    /// It leaves every register but the result alone.
    PreservesRegisters(Value),
    /// It returns this new module, made from a definition.
    CreatesModule(u64),
    /// It has said what this module does with the GIL, and returns 0.
    SetsGil(u64),
}

/// Models of the imports that were called so far.
#[derive(Debug, Default)]
pub(super) struct CallModels {
    by_import: FastMap<usize, Option<CallModel>>,
}

impl CallModels {
    /// What an import's call gives back, when it has a model.
    pub(super) fn get(&mut self, image: &Image, import: usize) -> Option<CallModel> {
        let name = &image.imports().get(import)?.name;
        *self.by_import.entry(import).or_insert_with(|| model(name))
    }
}

/// Whether a function hands on what it was given, and so has not made it.
pub(super) fn hands_on(model: Option<CallModel>) -> bool {
    matches!(model, Some(CallModel::Argument(_) | CallModel::CallHandler(CallHandler::Derive)))
}

/// Calls an import.
pub(super) fn call(machine: &mut Machine, state: &mut State, import: usize, model: Option<CallModel>) -> CallOutcome {
    machine.note(state, TraceEvent::Call { import });
    match model {
        None => unmodelled(machine, state, CallOrigin { import: Some(import), origin: None }),
        Some(gives) => modelled(machine, state, gives),
    }
}

fn modelled(machine: &mut Machine, state: &mut State, gives: CallModel) -> CallOutcome {
    let symbol = |range, failure| Symbol { failure, ..Symbol::new(range) };
    let result = match gives {
        CallModel::Nothing => Value::ANY,
        CallModel::Object => machine.fresh(state, Symbol::new(Range::POINTER)),
        CallModel::ObjectOrError => machine.fresh(state, symbol(Range::ALL, Failure::Null)),
        CallModel::ObjectOrNull | CallModel::Number => machine.fresh(state, Symbol::new(Range::ALL)),
        CallModel::Status | CallModel::Zero => Value::Known(0),
        CallModel::One => Value::Known(1),
        CallModel::Processors => Value::Known(4),
        CallModel::StatusOrError => machine.fresh(state, symbol(Range::new(-1, 0), Failure::Negative)),
        CallModel::Truth => machine.fresh(state, Symbol::new(Range::new(0, 1))),
        CallModel::TruthOrError => machine.fresh(state, symbol(Range::new(-1, 1), Failure::Negative)),
        CallModel::CountOrError => machine.fresh(state, symbol(Range::new(-1, i64::MAX), Failure::Negative)),
        CallModel::Never => return CallOutcome::NoReturn,
        CallModel::Raises => {
            state.exception_set = true;
            Value::Known(0)
        }
        CallModel::ClearsError => {
            state.exception_set = false;
            machine.fresh(state, Symbol::new(Range::ALL))
        }
        CallModel::Argument(number) => machine.argument(state, number),
        CallModel::Writes(mask) => {
            for number in (0..8).filter(|number| mask & (1 << number) != 0) {
                let pointer = machine.argument(state, number);
                machine.forget(state, pointer, 8);
            }
            machine.fresh(state, Symbol::new(Range::ALL))
        }
        CallModel::CallHandler(special) => return special_call(machine, state, special),
    };
    CallOutcome::Returns(result)
}

fn special_call(machine: &mut Machine, state: &mut State, special: CallHandler) -> CallOutcome {
    match special {
        CallHandler::CreateModule
        | CallHandler::NewModule
        | CallHandler::InitDefinition
        | CallHandler::SetGil
        | CallHandler::ImportModule
        | CallHandler::ImportCapsule
        | CallHandler::Derive
        | CallHandler::DeriveOrError
        | CallHandler::GetDefinition
        | CallHandler::FindModule
        | CallHandler::TypeReady
        | CallHandler::ErrorOccurred
        | CallHandler::FetchError
        | CallHandler::TakeError
        | CallHandler::RestoreError
        | CallHandler::Version
        | CallHandler::Interpreter
        | CallHandler::BoostInit => python::call(machine, state, special),
        _ => memory::call(machine, state, special),
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
pub(super) fn unmodelled(machine: &mut Machine, state: &mut State, origin_of_call: CallOrigin) -> CallOutcome {
    for number in 0..machine.convention.arguments.len() {
        let pointer = machine.argument(state, number);
        machine.forget(state, pointer, WRITTEN);
        state.memory.expose(machine.image, pointer);
    }
    let CallOrigin { origin, import } = origin_of_call;
    CallOutcome::Returns(machine.fresh(state, Symbol { origin, import, ..Symbol::new(Range::ALL) }))
}
