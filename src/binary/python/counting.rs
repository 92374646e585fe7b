//! How reference counts are changed: by the symbols that the macros leave behind, and where those say nothing, by the code.

use std::collections::BTreeSet;

use super::{imported, is_python};
use crate::binary::image::BinaryImage;
use crate::binary::sweep::CodeSweep;
use crate::model::evidence::Evidence;
use crate::model::facts::{CallSites, CodeFacts, CodeSightings, Fact, Hazard, Refcounts};

/// What `Py_INCREF` and `Py_DECREF` call where `Py_LIMITED_API` is 3.12 or newer, while the functions are older.
/// <https://github.com/python/cpython/blob/3.14/Include/refcount.h>
pub(super) const COUNT_BY_CALL: [&str; 2] = ["_Py_IncRef", "_Py_DecRef"];

/// The symbols that `Py_INCREF` and `Py_DECREF` leave behind in each build, the most telling first: a function may be
/// called by name in code whose macros are inline. <https://github.com/python/cpython/blob/3.14/Include/refcount.h>
const SIGNS: [(Refcounts, &[&str]); 3] = [
    (
        Refcounts::InlineBiased,
        &[
            "_Py_DecRefShared",
            "_Py_DecRefSharedDebug",
            "_Py_MergeZeroLocalRefcount",
        ],
    ),
    (Refcounts::InlineNonAtomic, &["_Py_Dealloc"]),
    (
        Refcounts::Calls,
        &["_Py_IncRef", "_Py_DecRef", "Py_IncRef", "Py_DecRef"],
    ),
];

/// How reference counts are changed, by the imports, and by the code where it was read.
pub(super) fn refcounts(imports: &BTreeSet<String>, code: Option<&CodeSweep>) -> Fact<Refcounts> {
    let by_symbol = SIGNS.iter().find_map(|(refcounts, symbols)| {
        let seen: Vec<Evidence> = symbols
            .iter()
            .filter(|&&symbol| imports.contains(symbol))
            .map(imported)
            .collect();
        (!seen.is_empty()).then_some((*refcounts, seen))
    });
    let (known, mut evidence) = by_symbol.unwrap_or((Refcounts::NoneSeen, Vec::new()));
    let Some(code) = code else {
        return Fact::known(known, evidence);
    };
    let inline = [
        (
            Refcounts::InlineBiased,
            "inline biased counting",
            code.biased,
        ),
        (
            Refcounts::InlineNonAtomic,
            "inline counting that is not atomic",
            code.non_atomic,
        ),
    ];
    let seen: Vec<_> = inline
        .into_iter()
        .filter(|(_, _, sightings)| sightings.count > 0)
        .collect();
    evidence.extend(
        seen.iter()
            .filter_map(|&(_, what, sightings)| sighted(what, sightings)),
    );
    let is_inline = matches!(known, Refcounts::InlineBiased | Refcounts::InlineNonAtomic);
    match seen.as_slice() {
        [] => Fact::known(known, evidence),
        &[(refcounts, ..)] if !is_inline || refcounts == known => Fact::known(refcounts, evidence),
        _ => {
            let why = "some of its counting is that of a free-threaded build and some that of a build with the GIL"
                .to_owned();
            Fact::Unknown { why, evidence }
        }
    }
}

/// What was seen in code, as evidence.
pub(super) fn sighted(what: &str, sightings: CodeSightings) -> Option<Evidence> {
    let seen = Evidence::new(what.to_owned()).address(sightings.example?);
    Some(seen.value(format!("{} times", sightings.count)))
}

/// What the code shows, as a fact.
pub(super) fn code(image: &BinaryImage<'_>, swept: Option<&Option<CodeSweep>>) -> Fact<CodeFacts> {
    match swept {
        None => Fact::unknown("only what a verdict needs was looked at"),
        Some(None) => Fact::unknown(format!(
            "the instructions of {} are not read",
            image.architecture
        )),
        Some(Some(sweep)) => Fact::known(
            CodeFacts {
                bytes: sweep.bytes,
                is_complete: sweep.is_complete,
                non_atomic_counting: sweep.non_atomic,
                biased_counting: sweep.biased,
                sole_owner_tests: sweep.sole_owner_tests,
                atomics: sweep.atomics,
                calls: sweep
                    .calls
                    .iter()
                    .filter(|calls| is_python(&calls.function))
                    .cloned()
                    .collect(),
            },
            Vec::new(),
        ),
    }
}

/// Tells of each hazard where it is called.
pub(super) fn place(hazards: &mut Fact<Vec<Hazard>>, code: Option<&CodeSweep>) {
    let (Fact::Known { value: hazards, .. }, Some(code)) = (hazards, code) else {
        return;
    };
    for hazard in hazards {
        let calls = code
            .calls
            .binary_search_by(|calls| calls.function.cmp(&hazard.symbol))
            .ok();
        let sites = calls
            .and_then(|index| code.calls.get(index))
            .map(|calls| calls.sites.clone());
        hazard.call_sites = Some(sites.unwrap_or(CallSites {
            count: 0,
            example: None,
            functions: Vec::new(),
        }));
    }
}
