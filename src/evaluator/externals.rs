//! The world outside the image: what the functions of the interpreter and of the C library give back.
//!
//! The import succeeds in real life, so calls that fail only when memory is short are taken to succeed; calls of which
//! failure is an ordinary answer give an unknown on which the path forks when it looks at it. A call without a model
//! gives an unknown and may have written to what it was given.

mod memory;
mod python;
mod table;

use crate::evaluator::cpu::state::State;
use crate::evaluator::explorer::{Executor, Purpose};
use crate::evaluator::trace::TraceEvent;
use crate::evaluator::values::symbol::{DefinitionSite, Failure, Range, Symbol};
use crate::evaluator::values::value::{PointsTo, Region, Value, region};
pub(super) use memory::{copy_run, fill_run};
pub(super) use table::{CallHandler, CallModel, model};

/// Bytes behind a passed pointer that a call without a model may have written.
const WRITTEN: u64 = 128;

/// How many processors there are.
const PROCESSORS: u64 = 4;
/// The number of the one thread.
const THE_THREAD: u64 = 0x1d4c;

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
}

/// Calls an import.
pub(super) fn call(executor: &mut Executor, state: &mut State, import: usize) -> CallOutcome {
    executor.note(state, TraceEvent::Call { import });
    let gives = executor.model(import);
    let answer = match gives {
        None => unmodelled(executor, state, CallOrigin { import: Some(import), origin: None }),
        Some(gives) => modelled(executor, state, gives),
    };
    // Who hands on what it was given has not made it.
    let hands_on = matches!(gives, Some(CallModel::Argument(_) | CallModel::CallHandler(CallHandler::Derive)));
    if executor.purpose == Purpose::Create
        && !hands_on
        && let CallOutcome::Returns(Value::Symbol { id, .. }) = answer
    {
        executor.symbols.note_defining_import(id, import);
    }
    answer
}

/// Calls a function of the C++ run time that is part of the image.
pub(super) fn call_runtime(executor: &mut Executor, state: &mut State, address: u64, gives: CallModel) -> CallOutcome {
    executor.note(state, TraceEvent::Runtime { address });
    modelled(executor, state, gives)
}

fn modelled(executor: &mut Executor, state: &mut State, gives: CallModel) -> CallOutcome {
    let symbol = |range, failure| Symbol { failure, ..Symbol::new(range) };
    let result = match gives {
        CallModel::Nothing => Value::ANY,
        CallModel::Object => executor.fresh(state, Symbol::new(Range::POINTER)),
        CallModel::ObjectOrError => executor.fresh(state, symbol(Range::ALL, Failure::Null)),
        CallModel::ObjectOrNull | CallModel::Number => executor.fresh(state, Symbol::new(Range::ALL)),
        CallModel::Status | CallModel::Zero => Value::Known(0),
        CallModel::One => Value::Known(1),
        CallModel::Processors => Value::Known(PROCESSORS),
        CallModel::Thread => Value::Known(THE_THREAD),
        CallModel::StatusOrError => executor.fresh(state, symbol(Range::new(-1, 0), Failure::Negative)),
        CallModel::Truth => executor.fresh(state, Symbol::new(Range::new(0, 1))),
        CallModel::TruthOrError => executor.fresh(state, symbol(Range::new(-1, 1), Failure::Negative)),
        CallModel::CountOrError => executor.fresh(state, symbol(Range::new(-1, i64::MAX), Failure::Negative)),
        CallModel::Never => return CallOutcome::NoReturn,
        CallModel::Raises => {
            state.exception_set = true;
            Value::Known(0)
        }
        CallModel::ClearsError => {
            state.exception_set = false;
            executor.fresh(state, Symbol::new(Range::ALL))
        }
        CallModel::Argument(number) => executor.argument(state, number),
        CallModel::Writes(mask) => {
            for number in (0..8).filter(|number| mask & (1 << number) != 0) {
                let pointer = executor.argument(state, number);
                forget(executor, state, pointer, 8);
            }
            executor.fresh(state, Symbol::new(Range::ALL))
        }
        CallModel::CallHandler(special) => return special_call(executor, state, special),
    };
    CallOutcome::Returns(result)
}

fn special_call(executor: &mut Executor, state: &mut State, special: CallHandler) -> CallOutcome {
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
        | CallHandler::BoostInit => python::call(executor, state, special),
        _ => memory::call(executor, state, special),
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
pub(super) fn unmodelled(executor: &mut Executor, state: &mut State, origin_of_call: CallOrigin) -> CallOutcome {
    for number in 0..executor.convention.arguments.len() {
        let pointer = executor.argument(state, number);
        forget(executor, state, pointer, WRITTEN);
        state.memory.expose(executor.image, pointer);
    }
    let CallOrigin { origin, import } = origin_of_call;
    CallOutcome::Returns(executor.fresh(state, Symbol { origin, import, ..Symbol::new(Range::ALL) }))
}

/// Forgets what may have been written behind a passed pointer.
pub(super) fn forget(executor: &Executor, state: &mut State, pointer: Value, length: u64) {
    match pointer {
        Value::Known(address) => match region(address) {
            Region::Stack | Region::Heap => state.memory.forget(executor.image, address, length),
            Region::Image if !executor.image.is_read_only(address) && executor.image.segment_at(address).is_some() => {
                state.memory.forget(executor.image, address, length);
            }
            Region::Image | Region::Thread | Region::Object => {}
        },
        Value::Unknown(reach) if reach.may(PointsTo::STACK.with(PointsTo::HEAP).with(PointsTo::IMAGE)) => {
            state.memory.taint(executor.image, reach, Value::Unknown(PointsTo::OUTSIDE));
        }
        Value::Symbol { .. } | Value::Unknown(_) => {}
    }
}

/// What an imported datum reads as.
pub(super) fn datum(executor: &mut Executor, state: &mut State, import: usize, offset: u64, size: u64) -> Value {
    let Some(found) = executor.image.imports().get(import) else { return Value::ANY };
    match found.name.as_str() {
        "Py_Version" => Value::Known(executor.version_hex()),
        "__stack_chk_guard" => Value::Known(crate::evaluator::explorer::CANARY).truncate(8 * size as u32),
        name if offset == 0 && size == 8 && name.starts_with("PyExc_") => {
            let source = DefinitionSite { address: found.address, context: 0, part: 1 };
            let id = executor.symbols.name(source, Symbol::new(Range::POINTER));
            state.resolve(Value::Symbol { id, offset: 0 })
        }
        _ => match executor.header_field(offset, size) {
            Some(value) => Value::Known(value),
            None => Value::Unknown(PointsTo::OUTSIDE),
        },
    }
}
