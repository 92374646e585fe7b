//! The calls of the C API that make modules, speak of the GIL, or fetch something from another module.

use super::super::explore::Bench;
use super::super::state::{Gil, Module, State};
use super::super::symbol::{Failure, Range, Symbol};
use super::super::trace::What;
use super::super::value::{Reach, Value};
use super::{Answer, Giver, Special, unmodelled};

/// Size of the largest static type object (3.15, free-threaded).
const TYPE_OBJECT: u64 = 440;
/// Longest module name that is read.
const LONGEST_NAME: usize = 256;

pub(super) fn call(bench: &mut Bench, state: &mut State, special: Special) -> Answer {
    let first = bench.argument(state, 0);
    let value = match special {
        Special::CreateModule => {
            let module = create(bench, state, first);
            if let Value::Known(handle) = module
                && bench.cannot_declare(state, handle)
            {
                bench.settle(state, handle);
                return Answer::Never;
            }
            module
        }
        Special::NewModule => create(bench, state, Value::ANY),
        Special::InitDefinition => {
            bench.note(state, What::Definition { value: first });
            first
        }
        Special::SetGil => return set_gil(bench, state, first),
        Special::ImportModule => {
            let origin = text(bench, state, first);
            from_elsewhere(bench, state, origin, Failure::Null)
        }
        Special::ImportCapsule => {
            let origin =
                text(bench, state, first).and_then(|path| path.rsplit_once('.').map(|(module, _)| module.into()));
            from_elsewhere(bench, state, origin, Failure::Null)
        }
        Special::Derive => match first {
            Value::Known(_) => bench.fresh(state, Symbol::new(Range::POINTER)),
            Value::Symbol { .. } | Value::Unknown(_) => first,
        },
        Special::DeriveOrError => {
            let origin = bench.origin(first);
            from_elsewhere(bench, state, origin, Failure::Null)
        }
        Special::GetDefinition => definition_of(bench, state, first),
        Special::FindModule => {
            // The first import: nobody has registered the module yet.
            let exists = state.modules.iter().any(|module| module.definition == first);
            if exists { bench.fresh(state, Symbol::new(Range::ALL)) } else { Value::Known(0) }
        }
        Special::TypeReady => ready(bench, state, first),
        Special::FetchError => {
            let error = take_error(bench, state);
            for number in 0..3 {
                let place = bench.argument(state, number);
                let value =
                    if number == 0 || error == Value::Known(0) { error } else { Value::Unknown(Reach::OUTSIDE) };
                bench.store(state, place, 8, value);
            }
            Value::Known(0)
        }
        Special::TakeError => take_error(bench, state),
        Special::RestoreError => {
            // Only what is certainly an exception makes the import fail.
            state.pending = bench.is_nonzero(state, first);
            Value::Known(0)
        }
        Special::ErrorOccurred if state.pending => bench.fresh(state, Symbol::new(Range::POINTER)),
        Special::ErrorOccurred => from_elsewhere(bench, state, None, Failure::NotNull),
        Special::Version => bench.version_text(state),
        Special::Interpreter => bench.interpreter(),
        Special::BoostInit => {
            let origin = bench.boost_library();
            return unmodelled(bench, state, Giver { origin, import: None });
        }
        _ => Value::ANY,
    };
    Answer::Gives(value)
}

/// The exception that is set, or null; none is set afterwards.
fn take_error(bench: &mut Bench, state: &mut State) -> Value {
    if std::mem::take(&mut state.pending) { bench.fresh(state, Symbol::new(Range::POINTER)) } else { Value::Known(0) }
}

fn create(bench: &mut Bench, state: &mut State, definition: Value) -> Value {
    let handle = bench.object(state);
    state.modules.retain(|module| module.handle != handle);
    state.modules.push(Module { handle, definition, gil: Gil::Absent });
    bench.note(state, What::Module { definition });
    Value::Known(handle)
}

fn set_gil(bench: &mut Bench, state: &mut State, module: Value) -> Answer {
    let value = bench.argument(state, 1);
    bench.note(state, What::SetGil { value });
    let gil = Gil::Set { value, address: state.pc };
    match module {
        Value::Known(handle) => {
            if let Some(module) = state.module(handle) {
                module.gil = gil;
                if bench.is_settled(state, handle) {
                    bench.settle(state, handle);
                    return Answer::Never;
                }
            }
        }
        // Some module, perhaps one of ours: what was said of each is no longer known.
        Value::Unknown(_) => {
            let doubt = Gil::Set { value: Value::Unknown(Reach::NOTHING), address: state.pc };
            state.modules.iter_mut().filter(|module| module.gil != gil).for_each(|module| module.gil = doubt);
        }
        Value::Symbol { .. } => {}
    }
    Answer::Gives(Value::Known(0))
}

fn from_elsewhere(bench: &mut Bench, state: &mut State, origin: Option<String>, failure: Failure) -> Value {
    bench.fresh(state, Symbol { failure, origin, ..Symbol::new(Range::ALL) })
}

fn text(bench: &Bench, state: &State, address: Value) -> Option<String> {
    let mut bytes = Vec::new();
    let start = address.known()?;
    for offset in 0..LONGEST_NAME as u64 {
        match state.memory.read(bench.image, start.wrapping_add(offset), 1) {
            Value::Known(0) => return String::from_utf8(bytes).ok().filter(|text| !text.is_empty()),
            Value::Known(byte) => bytes.push(byte as u8),
            Value::Symbol { .. } | Value::Unknown(_) => return None,
        }
    }
    None
}

fn definition_of(bench: &mut Bench, state: &mut State, module: Value) -> Value {
    let known = module.known().and_then(|handle| state.module(handle).map(|module| module.definition));
    known.unwrap_or_else(|| bench.fresh(state, Symbol::new(Range::ALL)))
}

/// `PyType_Ready` fills in what the static type left empty.
fn ready(bench: &Bench, state: &mut State, object: Value) -> Value {
    if let Value::Known(address) = object
        && bench.image.segment_at(address).is_some()
    {
        for place in (address..address.saturating_add(TYPE_OBJECT)).step_by(8) {
            if state.memory.read(bench.image, place, 8) == Value::Known(0) {
                state.memory.write(bench.image, place, 8, Value::Unknown(Reach::OUTSIDE));
            }
        }
    }
    Value::Known(0)
}
