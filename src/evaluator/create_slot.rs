//! What the function in the slot `Py_mod_create` makes: a module, or something else, for which CPython switches the GIL
//! on, whatever the slot `Py_mod_gil` says.
//!
//! The function runs after the hook, and perhaps not for the first time. So it begins with nothing known of the image's
//! variables, and what it kept from an earlier call is taken to be what it makes on its other paths.
//! `_PyImport_CheckGILForModule` in <https://github.com/python/cpython/blob/v3.14.0/Python/import.c>

use crate::binary::image::Image;
use crate::evaluator::explorer::{Executor, Purpose};
use crate::evaluator::isa::convention::Convention;
use crate::evaluator::values::value::{Region, Value, region};
use crate::evaluator::{Context, Limits};
use crate::model::evidence::Evidence;
use crate::model::facts::{Declaration, Fact, HookKind};

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
pub(super) enum CreateResult {
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
pub(super) fn read(executor: &Executor, value: Value) -> Option<CreateResult> {
    Some(match value {
        Value::Known(0) => return None,
        Value::Known(address) if region(address) == Region::Object => CreateResult::Module,
        Value::Known(address) => match executor.image.import_at(address) {
            Some(import) if import.name.starts_with("Py") || import.name.starts_with("_Py") => {
                CreateResult::Other(import.name.clone())
            }
            Some(import) => CreateResult::Perhaps(import.name.clone()),
            None => CreateResult::Perhaps(format!("memory at {address:#x}")),
        },
        Value::Symbol { id, offset: 0 } => {
            match executor.symbols.defining_import(id).and_then(|it| executor.image.imports().get(it)) {
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

/// What a hook's declaration is worth, given the function in its definition's slot `Py_mod_create`.
pub fn apply_create_slot(
    image: &Image,
    kind: HookKind,
    gil: Fact<Declaration>,
    create: Option<u64>,
    context: Context,
    limits: Limits,
) -> Fact<Declaration> {
    let declares = matches!(gil.value(), Some(Declaration::Slot { value }) if *value != 0);
    // What an export hook's slots say is obeyed before anything is made of them.
    let Some(create) = create.filter(|_| declares && kind == HookKind::Init) else { return gil };
    let seen = Evidence::new("slot Py_mod_create").address(create);
    match follow(image, create, context, limits) {
        Ok(CreateResult::Module) => gil,
        Ok(CreateResult::Other(what)) => {
            let evidence = std::iter::once(seen.value(what)).chain(gil.evidence().iter().cloned()).collect();
            Fact::Known { value: Declaration::NotAModule, evidence }
        }
        Ok(CreateResult::Perhaps(what)) => because(
            format!("the function at {create:#x} in Py_mod_create gives the result of {what}, perhaps not a module"),
            &gil,
            seen,
        ),
        Ok(CreateResult::Kept) => because(
            format!("what the function at {create:#x} in Py_mod_create makes could not be followed"),
            &gil,
            seen,
        ),
        Err(why) => because(format!("the function at {create:#x} in Py_mod_create: {why}"), &gil, seen),
    }
}

fn because(why: String, gil: &Fact<Declaration>, seen: Evidence) -> Fact<Declaration> {
    Fact::Unknown { why, evidence: std::iter::once(seen).chain(gil.evidence().iter().cloned()).collect() }
}

/// What all paths through the function have in common.
fn follow(image: &Image, create: u64, context: Context, limits: Limits) -> Result<CreateResult, String> {
    let convention = Convention::of(image).ok_or_else(|| format!("code for {} is not followed", image.architecture))?;
    let mut executor = Executor::new(image, convention, Purpose::Create, "", context, limits);
    executor.explore(create, usize::MAX);
    agree(&executor.create_results, executor.abandoned.first())
}

/// What ends of paths say together. What was kept earlier was made earlier, by this function.
fn agree(made: &[CreateResult], lost: Option<&String>) -> Result<CreateResult, String> {
    let find = |wanted: fn(&CreateResult) -> bool| made.iter().find(|it| wanted(it)).cloned();
    let other = find(|it| matches!(it, CreateResult::Other(_)));
    let rest = find(|it| !matches!(it, CreateResult::Other(_)));
    match (other, rest, lost) {
        (Some(CreateResult::Other(_)), Some(_), _) => {
            Err("paths give both a module and something else, or perhaps so".into())
        }
        (_, _, Some(lost)) => Err(lost.clone()),
        (Some(other), None, None) => Ok(other),
        (None, None, None) => Err("no path through it ends in success".into()),
        (_, Some(rest), None) => {
            let doubtful = find(|it| matches!(it, CreateResult::Perhaps(_)));
            let module = find(|it| *it == CreateResult::Module);
            Ok(doubtful.or(module).unwrap_or(rest))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(made: &[CreateResult], lost: Option<&str>, expected: Option<&CreateResult>) {
        let found = agree(made, lost.map(str::to_owned).as_ref());
        assert_eq!(found.as_ref().ok(), expected, "{made:?} {lost:?}: {found:?}");
    }

    #[test]
    fn paths_must_not_disagree() {
        let other = CreateResult::Other("PyDict_New".into());
        let perhaps = CreateResult::Perhaps("PyObject_CallNoArgs".into());
        check(&[CreateResult::Module], None, Some(&CreateResult::Module));
        check(&[CreateResult::Kept, CreateResult::Module], None, Some(&CreateResult::Module));
        check(&[CreateResult::Kept], None, Some(&CreateResult::Kept));
        check(std::slice::from_ref(&other), None, Some(&other));
        check(&[CreateResult::Module, perhaps.clone()], None, Some(&perhaps));
        check(&[CreateResult::Module, other.clone()], None, None);
        check(&[CreateResult::Kept, other], None, None);
        check(&[CreateResult::Module], Some("a limit"), None);
        check(&[], None, None);
    }

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
