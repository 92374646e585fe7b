//! Calls of functions outside: what they give back and do.

use super::{CallModel, CallOutcome, SystemCall, call};
use crate::cpython::functions::CallEffect;
use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::cpu::tests::on_machine;
use crate::evaluator::values::value::MachineValue;

/// Calls a function by its name with these arguments.
pub(super) fn called(
    machine: &mut SharedMachine,
    state: &mut PathState,
    name: &str,
    arguments: &[MachineValue],
) -> CallOutcome {
    for (&register, &value) in machine.convention.arguments.iter().zip(arguments) {
        state.set_register(register, value);
    }
    call(machine, state, 0, CallModel::of(name))
}

/// What a function returns that certainly does.
pub(super) fn gives(
    machine: &mut SharedMachine,
    state: &mut PathState,
    name: &str,
    arguments: &[MachineValue],
) -> MachineValue {
    match called(machine, state, name, arguments) {
        CallOutcome::Returns(value) => value,
        other => panic!("{name}: {other:?}"),
    }
}

fn check(name: &str, arguments: &[u64], expected: CallOutcome) {
    on_machine(|machine, state| {
        let arguments: Vec<MachineValue> = arguments
            .iter()
            .map(|&number| MachineValue::Known(number))
            .collect();
        assert_eq!(called(machine, state, name, &arguments), expected, "{name}");
    });
}

#[test]
fn calls_give_what_the_tables_say() {
    let returns = |number| CallOutcome::Returns(MachineValue::Known(number));
    check("PyModule_AddObjectRef", &[1, 2], returns(0));
    check("PyErr_SetString", &[1, 2], returns(0));
    check("PyModuleDef_Init", &[0x4000], returns(0x4000));
    check("PyState_FindModule", &[0x4000], returns(0));
    check("strcpy", &[7, 8], returns(7));
    check("pthread_mutex_lock", &[7], returns(0));
    check("Py_FatalError", &[7], CallOutcome::NoReturn);
    check("abort", &[], CallOutcome::NoReturn);
    check("write", &[2, 0], CallOutcome::NoReturn);
    check("Py_DecRef", &[7], CallOutcome::Returns(MachineValue::ANY));
}

#[test]
fn exceptions_are_set_moved_and_cleared() {
    on_machine(|machine, state| {
        called(machine, state, "PyErr_SetString", &[MachineValue::Known(1)]);
        assert!(state.exception_set);
        let CallOutcome::Returns(error) = called(machine, state, "PyErr_GetRaisedException", &[])
        else {
            panic!("it returns the exception")
        };
        assert!(!state.exception_set && machine.is_nonzero(state, error));
        called(machine, state, "PyErr_SetRaisedException", &[error]);
        assert!(state.exception_set);
        called(machine, state, "PyErr_Clear", &[]);
        assert!(!state.exception_set);
        called(
            machine,
            state,
            "PyErr_SetRaisedException",
            &[MachineValue::Known(0)],
        );
        assert!(!state.exception_set, "null restores nothing");
    });
}

#[test]
fn modules_are_created_and_declared() {
    on_machine(|machine, state| {
        let created = called(
            machine,
            state,
            "PyModule_Create2",
            &[MachineValue::Known(0x4000)],
        );
        let CallOutcome::CreatesModule(handle) = created else {
            panic!("{created:?}")
        };
        assert_eq!(state.modules.len(), 1);
        let arguments = [MachineValue::Known(handle), MachineValue::Known(1)];
        assert_eq!(
            called(machine, state, "PyUnstable_Module_SetGIL", &arguments),
            CallOutcome::SetsGil(handle)
        );
        // Another module's declaration is nothing that is followed.
        let other = [MachineValue::Known(handle + 8), MachineValue::Known(1)];
        let returned = called(machine, state, "PyUnstable_Module_SetGIL", &other);
        assert_eq!(returned, CallOutcome::Returns(MachineValue::Known(0)));
    });
}

#[test]
fn memory_and_text_are_looked_at() {
    on_machine(|machine, state| {
        let CallOutcome::Returns(text) = called(machine, state, "Py_GetVersion", &[]) else {
            panic!("a text")
        };
        let length = "3.14.0 free-threading build (main) [C]".len() as u64;
        assert_eq!(
            called(machine, state, "strlen", &[text]),
            CallOutcome::Returns(MachineValue::Known(length))
        );
        let CallOutcome::Returns(block) =
            called(machine, state, "PyMem_Malloc", &[MachineValue::Known(9)])
        else {
            panic!("memory")
        };
        let same = called(machine, state, "strcmp", &[text, text]);
        assert_eq!(same, CallOutcome::Returns(MachineValue::Known(0)));
        let copied = called(machine, state, "memcpy", &[block, text]);
        assert_eq!(copied, CallOutcome::Returns(block), "of unknown length");
        assert_eq!(machine.load(state, block, 1).known(), None);
    });
}

#[test]
fn a_function_that_nobody_knows_may_have_written_behind_its_arguments() {
    on_machine(|machine, state| {
        let stack = state.register(machine.convention.stack_pointer).offset(64);
        machine.store(state, stack, 8, MachineValue::Known(5));
        let outcome = called(machine, state, "some_function_of_another_library", &[stack]);
        assert!(matches!(
            outcome,
            CallOutcome::Returns(MachineValue::Symbol { .. })
        ));
        assert_eq!(machine.load(state, stack, 8).known(), None);
    });
}

#[test]
fn names_find_their_models() {
    let api = |name| match CallModel::of(name) {
        Some(CallModel::Api(facts)) => Some(facts.effect),
        Some(CallModel::System(_)) | None => None,
    };
    assert_eq!(api("PyModule_Create2"), Some(CallEffect::CreateModule));
    assert_eq!(api("PyDict_GetItemRef"), Some(CallEffect::Writes(0b100)));
    assert_eq!(
        CallModel::of("strlen"),
        Some(CallModel::System(SystemCall::Strlen))
    );
    assert_eq!(CallModel::of("some_function_of_another_library"), None);
    assert!(CallModel::of("Py_FatalError").is_some_and(CallModel::never_returns));
    assert!(CallModel::of("Py_NewRef").is_some_and(CallModel::hands_on));
    assert!(
        !CallModel::of("PyObject_GetAttr").is_some_and(CallModel::hands_on),
        "it may make something new"
    );
}
