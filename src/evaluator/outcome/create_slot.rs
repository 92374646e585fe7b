//! What a path through the function in the slot `Py_mod_create` ends with.

use crate::evaluator::cpu::machine::Machine;
use crate::evaluator::values::value::{Region, Value, region};

/// Beginnings of the names of functions that give a module.
const MODULES: [&str; 8] = [
    "PyImport_AddModule",
    "PyImport_ExecCodeModule",
    "PyImport_GetModule",
    "PyImport_Import",
    "PyModule_Create",
    "PyModule_From",
    "PyModule_New",
    "PyState_FindModule",
];

/// Beginnings of the names of functions that look up what somebody kept.
const KEEPERS: [&str; 6] = [
    "PyDict_GetItem",
    "PyDict_SetDefault",
    "PyMapping_GetItem",
    "PyObject_GetItem",
    "PyWeakref_Get",
    "_PyDict_GetItem",
];

/// Beginnings of the names of functions and objects that give, or are, something other than a module.
const OTHERS: [&str; 34] = [
    "PyBool_FromLong",
    "PyByteArray_From",
    "PyBytes_From",
    "PyCFunction_New",
    "PyCMethod_New",
    "PyCapsule_New",
    "PyCell_New",
    "PyClassMethod_New",
    "PyComplex_From",
    "PyDictProxy_New",
    "PyDict_Copy",
    "PyDict_Items",
    "PyDict_Keys",
    "PyDict_New",
    "PyDict_Values",
    "PyErr_NewException",
    "PyFloat_From",
    "PyFrozenSet_New",
    "PyImport_GetModuleDict",
    "PyList_New",
    "PyLong_From",
    "PyMemoryView_From",
    "PyMethod_New",
    "PyObject_Repr",
    "PyObject_Str",
    "PySet_New",
    "PySlice_New",
    "PyStaticMethod_New",
    "PyStructSequence_New",
    "PyTuple_New",
    "PyTuple_Pack",
    "PyType_From",
    "PyUnicode_",
    "_PyNamespace_New",
];

/// What one path through the function ends with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::evaluator) enum CreateResult {
    /// A module.
    Module,
    /// Something that is no module: where it comes from.
    Other(String),
    /// Perhaps a module: where it comes from.
    Perhaps(String),
    /// Something that was kept, or that paths which were taken together do not agree on.
    Kept,
}

/// Reads what a path through the function returns; `None` when it fails.
pub(in crate::evaluator) fn read(machine: &Machine, value: Value) -> Option<CreateResult> {
    Some(match value {
        Value::Known(0) => return None,
        Value::Known(address) if region(address) == Region::Object => CreateResult::Module,
        Value::Known(address) => match machine.image.import_at(address) {
            Some(import) if import.name.starts_with("Py") || import.name.starts_with("_Py") => {
                CreateResult::Other(import.name.clone())
            }
            Some(import) => CreateResult::Perhaps(import.name.clone()),
            None => CreateResult::Perhaps(format!("memory at {address:#x}")),
        },
        Value::Symbol { id, offset: 0 } => {
            match machine.symbols.defining_import(id).and_then(|it| machine.image.imports().get(it)) {
                Some(import) => by_name(&import.name),
                None => CreateResult::Perhaps("a call that could not be followed".to_owned()),
            }
        }
        Value::Symbol { .. } => CreateResult::Perhaps("a computed address".to_owned()),
        Value::Unknown(_) => CreateResult::Kept,
    })
}

fn by_name(name: &str) -> CreateResult {
    let begins = |list: &[&str]| list.iter().any(|head| name.starts_with(head));
    match () {
        () if begins(&OTHERS) => CreateResult::Other(name.to_owned()),
        () if begins(&KEEPERS) => CreateResult::Kept,
        () if begins(&MODULES) => CreateResult::Module,
        () => CreateResult::Perhaps(name.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_is_made() {
        for (name, expected) in [
            ("PyModule_NewObject", CreateResult::Module),
            ("PyImport_ImportModule", CreateResult::Module),
            ("PyImport_GetModuleDict", CreateResult::Other("PyImport_GetModuleDict".into())),
            ("_PyNamespace_New", CreateResult::Other("_PyNamespace_New".into())),
            ("PyDict_GetItemWithError", CreateResult::Kept),
            ("PyObject_CallNoArgs", CreateResult::Perhaps("PyObject_CallNoArgs".into())),
        ] {
            assert_eq!(by_name(name), expected, "{name}");
        }
    }
}
