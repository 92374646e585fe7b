//! Imported functions of the C API that want care where several threads run.
//!
//! Three tables say which: the levels of CPython's documentation, its functions that return borrowed references, and
//! those that want more thought than their level says. That a function is imported does not say that it is used wrongly:
//! nearly every module that was looked at with care imports some of them.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::LazyLock;

use super::baselines::origin;
use super::porting;
use super::tables::rows;
use crate::model::facts::{Concern, DocumentedLevel, Hazard, Replacement, Toolchain};

const LEVELS: &str = include_str!("tables/levels.tsv");
const BORROWED: &str = include_str!("tables/borrowed.tsv");
const CONCERNS: &str = include_str!("tables/concerns.tsv");

static LEVEL: LazyLock<HashMap<&'static str, DocumentedLevel>> = LazyLock::new(|| {
    rows(LEVELS)
        .filter_map(|row| match row.as_slice() {
            [symbol, word] => Some((*symbol, level(word)?)),
            _ => None,
        })
        .collect()
});

static BORROWING: LazyLock<HashSet<&'static str>> =
    LazyLock::new(|| rows(BORROWED).filter_map(|row| row.first().copied()).collect());

static CONCERN: LazyLock<HashMap<&'static str, (Concern, Option<Replacement>)>> = LazyLock::new(|| {
    rows(CONCERNS)
        .filter_map(|row| match row.as_slice() {
            [symbol, word, name, since, limited] => {
                let replacement = (*name != "-").then(|| Replacement {
                    name: (*name).to_owned(),
                    since: since.parse().ok(),
                    limited_since: limited.parse().ok(),
                });
                Some((*symbol, (concern(word)?, replacement)))
            }
            _ => None,
        })
        .collect()
});

fn level(word: &str) -> Option<DocumentedLevel> {
    match word {
        "incompatible" => Some(DocumentedLevel::Incompatible),
        "compatible" => Some(DocumentedLevel::Compatible),
        "distinct" => Some(DocumentedLevel::Distinct),
        "shared" => Some(DocumentedLevel::Shared),
        _ => None,
    }
}

fn concern(word: &str) -> Option<Concern> {
    match word {
        "borrowed-reference" => Some(Concern::BorrowedReference),
        "owned-by-argument" => Some(Concern::OwnedByArgument),
        "thread-state" => Some(Concern::ThreadState),
        "obsolete" => Some(Concern::Obsolete),
        "object-memory" => Some(Concern::ObjectMemory),
        "allocator-hook" => Some(Concern::AllocatorHook),
        "reference-count" => Some(Concern::ReferenceCount),
        _ => None,
    }
}

/// Those among the imports, in their order.
pub(super) fn hazards(imports: &BTreeSet<String>, toolchain: Option<&Toolchain>) -> Vec<Hazard> {
    imports.iter().filter_map(|symbol| hazard(symbol, toolchain)).collect()
}

fn hazard(symbol: &str, toolchain: Option<&Toolchain>) -> Option<Hazard> {
    // Who takes a lock is preparing for threads, whatever level the function has.
    if porting::is_sign(symbol) {
        return None;
    }
    let level = LEVEL.get(symbol).copied();
    let (concern, replacement) = match CONCERN.get(symbol) {
        Some((concern, replacement)) => (Some(*concern), replacement.clone()),
        // What lends a reference and is not in the table above lends what its argument holds on to.
        None => (BORROWING.contains(symbol).then_some(Concern::OwnedByArgument), None),
    };
    if level.is_none() && concern.is_none() {
        return None;
    }
    let origin = origin(symbol, toolchain);
    Some(Hazard { symbol: symbol.to_owned(), level, concern, replacement, origin, call_sites: None })
}

#[cfg(test)]
mod tests {
    use super::super::stable_abi;
    use super::super::tables::count;
    use super::*;
    use crate::model::facts::{Generator, Origin};

    #[test]
    fn every_line_of_the_tables_is_read() {
        let atomic = rows(LEVELS).filter(|row| row.get(1) == Some(&"atomic")).count();
        assert_eq!(LEVEL.len() + atomic, count(LEVELS));
        assert_eq!(BORROWING.len(), count(BORROWED));
        assert_eq!(CONCERN.len(), count(CONCERNS));
    }

    #[test]
    fn replacements_are_no_younger_in_the_limited_api_than_the_stable_abi_says() {
        for (symbol, (_, replacement)) in &*CONCERN {
            let Some(replacement) = replacement else { continue };
            if let Some(minor) = stable_abi::added(&replacement.name) {
                assert_eq!(replacement.limited_since, Some(minor), "{symbol} -> {}", replacement.name);
            }
        }
    }

    #[test]
    fn a_function_is_listed_with_level_concern_and_replacement() {
        let author = Toolchain { generator: Generator::CApi, version: None };
        let found = |symbol: &str| hazard(symbol, Some(&author));
        let borrowed = found("PyDict_GetItem").unwrap();
        assert_eq!(borrowed.level, Some(DocumentedLevel::Compatible));
        assert_eq!(borrowed.concern, Some(Concern::BorrowedReference));
        assert_eq!(borrowed.replacement.map(|it| it.name).as_deref(), Some("PyDict_GetItemRef"));
        assert_eq!(borrowed.origin, Origin::Author);
        assert_eq!(found("PyModule_GetDict").unwrap().concern, Some(Concern::OwnedByArgument));
        assert_eq!(found("PyGILState_Ensure").unwrap().concern, Some(Concern::ThreadState));
        assert_eq!(found("PyDict_SetItem").unwrap().level, Some(DocumentedLevel::Shared));
        for harmless in ["PyList_New", "PyList_Append", "PyMutex_Lock", "PyErr_SetString", "memcpy"] {
            assert_eq!(found(harmless), None, "{harmless}");
        }
        assert_eq!(hazard("PyDict_GetItem", None).unwrap().origin, Origin::Unclear);
    }
}
