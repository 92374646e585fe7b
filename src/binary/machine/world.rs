//! The world outside the image: what the functions of the interpreter and of the C library give back.
//!
//! The import succeeds in real life, so calls that fail only when memory is short are taken to succeed; calls of which
//! failure is an ordinary answer give an unknown on which the path forks when it looks at it. A call without a model
//! gives an unknown and may have written to what it was given.

mod memory;
mod python;
mod table;

use super::explore::{Bench, Purpose};
use super::state::State;
use super::symbol::{Failure, Range, Source, Symbol};
use super::trace::What;
use super::value::{Reach, Region, Value, region};
pub(super) use memory::{copy_run, fill_run};
pub(super) use table::{Gives, Special, model};

/// Bytes behind a passed pointer that a call without a model may have written.
const WRITTEN: u64 = 128;

/// How an outside call goes on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Answer {
    /// It returns this.
    Gives(Value),
    /// It does not return on a path that counts.
    Never,
    /// It calls back a function first, whose result does not matter.
    Enters(u64),
    /// It leaves every register but the result alone.
    Quietly(Value),
}

/// Calls an import.
pub(super) fn call(bench: &mut Bench, state: &mut State, import: usize) -> Answer {
    bench.note(state, What::Call { import });
    let gives = bench.model(import);
    let answer = match gives {
        None => unmodelled(bench, state, Giver { import: Some(import), origin: None }),
        Some(gives) => modelled(bench, state, gives),
    };
    // Who hands on what it was given has not made it.
    let hands_on = matches!(gives, Some(Gives::Argument(_) | Gives::Special(Special::Derive)));
    if bench.purpose == Purpose::Create
        && !hands_on
        && let Answer::Gives(Value::Symbol { id, .. }) = answer
    {
        bench.symbols.given(id, import);
    }
    answer
}

fn modelled(bench: &mut Bench, state: &mut State, gives: Gives) -> Answer {
    let symbol = |range, failure| Symbol { failure, ..Symbol::new(range) };
    let result = match gives {
        Gives::Nothing => Value::ANY,
        Gives::Object => bench.fresh(state, Symbol::new(Range::POINTER)),
        Gives::ObjectOrError => bench.fresh(state, symbol(Range::ALL, Failure::Null)),
        Gives::ObjectOrNull | Gives::Number => bench.fresh(state, Symbol::new(Range::ALL)),
        Gives::Status | Gives::Zero => Value::Known(0),
        Gives::One => Value::Known(1),
        Gives::Processors => Value::Known(4),
        Gives::StatusOrError => bench.fresh(state, symbol(Range::new(-1, 0), Failure::Negative)),
        Gives::Truth => bench.fresh(state, Symbol::new(Range::new(0, 1))),
        Gives::TruthOrError => bench.fresh(state, symbol(Range::new(-1, 1), Failure::Negative)),
        Gives::CountOrError => bench.fresh(state, symbol(Range::new(-1, i64::MAX), Failure::Negative)),
        Gives::Never => return Answer::Never,
        Gives::Raises => {
            state.pending = true;
            Value::Known(0)
        }
        Gives::ClearsError => {
            state.pending = false;
            bench.fresh(state, Symbol::new(Range::ALL))
        }
        Gives::Argument(number) => bench.argument(state, number),
        Gives::Writes(mask) => {
            for number in (0..8).filter(|number| mask & (1 << number) != 0) {
                let pointer = bench.argument(state, number);
                forget(bench, state, pointer, 8);
            }
            bench.fresh(state, Symbol::new(Range::ALL))
        }
        Gives::Special(special) => return special_call(bench, state, special),
    };
    Answer::Gives(result)
}

fn special_call(bench: &mut Bench, state: &mut State, special: Special) -> Answer {
    match special {
        Special::CreateModule
        | Special::NewModule
        | Special::InitDefinition
        | Special::SetGil
        | Special::ImportModule
        | Special::ImportCapsule
        | Special::Derive
        | Special::DeriveOrError
        | Special::GetDefinition
        | Special::FindModule
        | Special::TypeReady
        | Special::ErrorOccurred
        | Special::FetchError
        | Special::TakeError
        | Special::RestoreError
        | Special::Version
        | Special::Interpreter
        | Special::BoostInit => python::call(bench, state, special),
        _ => memory::call(bench, state, special),
    }
}

/// Who gives the result of a call of which nothing is known.
#[derive(Clone, Debug, Default)]
pub(super) struct Giver {
    /// The importable module whose function it is.
    pub(super) origin: Option<String>,
    /// The import that was called.
    pub(super) import: Option<usize>,
}

/// A call of which nothing is known: an import without a model, or a function of another image.
pub(super) fn unmodelled(bench: &mut Bench, state: &mut State, giver: Giver) -> Answer {
    for number in 0..bench.convention.arguments.len() {
        let pointer = bench.argument(state, number);
        forget(bench, state, pointer, WRITTEN);
        state.memory.expose(bench.image, pointer);
    }
    let Giver { origin, import } = giver;
    Answer::Gives(bench.fresh(state, Symbol { origin, import, ..Symbol::new(Range::ALL) }))
}

/// Forgets what may have been written behind a passed pointer.
pub(super) fn forget(bench: &Bench, state: &mut State, pointer: Value, length: u64) {
    match pointer {
        Value::Known(address) => match region(address) {
            Region::Stack | Region::Heap => state.memory.forget(bench.image, address, length),
            Region::Image if !bench.image.is_read_only(address) && bench.image.segment_at(address).is_some() => {
                state.memory.forget(bench.image, address, length);
            }
            Region::Image | Region::Thread | Region::Object => {}
        },
        Value::Unknown(reach) if reach.may(Reach::STACK.with(Reach::HEAP).with(Reach::IMAGE)) => {
            state.memory.taint(bench.image, reach, Value::Unknown(Reach::OUTSIDE));
        }
        Value::Symbol { .. } | Value::Unknown(_) => {}
    }
}

/// What an imported datum reads as.
pub(super) fn datum(bench: &mut Bench, state: &mut State, import: usize, offset: u64, size: u64) -> Value {
    let Some(found) = bench.image.imports().get(import) else { return Value::ANY };
    match found.name.as_str() {
        "Py_Version" => Value::Known(bench.version_hex()),
        "__stack_chk_guard" => Value::Known(super::explore::CANARY).truncate(8 * size as u32),
        name if offset == 0 && size == 8 && name.starts_with("PyExc_") => {
            let source = Source { address: found.address, context: 0, part: 1 };
            let id = bench.symbols.name(source, Symbol::new(Range::POINTER));
            state.resolve(Value::Symbol { id, offset: 0 })
        }
        _ => match bench.header_field(offset, size) {
            Some(value) => Value::Known(value),
            None => Value::Unknown(Reach::OUTSIDE),
        },
    }
}
