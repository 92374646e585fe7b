//! Imported functions of the C API that want care where several threads run.
//!
//! The table of the C API says which: by the levels of CPython's documentation, by its functions that return borrowed
//! references, and by what wants more thought than its level says. That a function is imported does not say that it is used
//! wrongly: nearly every module that was looked at with care imports some of them.

use std::collections::BTreeSet;

use super::baselines::origin;
use super::porting;
use crate::cpython::functions;
use crate::model::facts::{Hazard, HazardConcern, Toolchain};

/// Those among the imports, in their order.
pub(super) fn hazards(imports: &BTreeSet<String>, toolchain: Option<&Toolchain>) -> Vec<Hazard> {
    imports
        .iter()
        .filter_map(|symbol| hazard(symbol, toolchain))
        .collect()
}

fn hazard(symbol: &str, toolchain: Option<&Toolchain>) -> Option<Hazard> {
    // Who takes a lock is preparing for threads, whatever level the function has.
    if porting::is_sign(symbol) {
        return None;
    }
    let function = functions::find(symbol)?;
    // What lends a reference and wants no other thought lends what its argument holds on to.
    let concern = function
        .concern
        .or(function.lends.then_some(HazardConcern::OwnedByArgument));
    let (level, replacement) = (function.level, function.replacement.clone());
    if level.is_none() && concern.is_none() {
        return None;
    }
    let origin = origin(symbol, toolchain);
    Some(Hazard {
        symbol: symbol.to_owned(),
        level,
        concern,
        replacement,
        origin,
        call_sites: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::{DocumentedLevel, Generator, ImportOrigin};

    #[test]
    fn a_function_is_listed_with_level_concern_and_replacement() {
        let author = Toolchain {
            generator: Generator::CApi,
            version: None,
        };
        let found = |symbol: &str| hazard(symbol, Some(&author));
        let borrowed = found("PyDict_GetItem").unwrap();
        assert_eq!(borrowed.level, Some(DocumentedLevel::Compatible));
        assert_eq!(borrowed.concern, Some(HazardConcern::BorrowedReference));
        assert_eq!(
            borrowed.replacement.map(|it| it.name).as_deref(),
            Some("PyDict_GetItemRef")
        );
        assert_eq!(borrowed.origin, ImportOrigin::Author);
        assert_eq!(
            found("PyModule_GetDict").unwrap().concern,
            Some(HazardConcern::OwnedByArgument)
        );
        assert_eq!(
            found("PyGILState_Ensure").unwrap().concern,
            Some(HazardConcern::ThreadState)
        );
        assert_eq!(
            found("PyDict_SetItem").unwrap().level,
            Some(DocumentedLevel::Shared)
        );
        for harmless in [
            "PyList_New",
            "PyList_Append",
            "PyMutex_Lock",
            "PyErr_SetString",
            "memcpy",
        ] {
            assert_eq!(found(harmless), None, "{harmless}");
        }
        assert_eq!(
            hazard("PyDict_GetItem", None).unwrap().origin,
            ImportOrigin::Unclear
        );
    }
}
