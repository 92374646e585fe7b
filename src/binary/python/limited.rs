//! What an image's imports say of the stable ABI.
//!
//! Only imports count. What an image defines itself, such as its hooks or functions that happen to be called `Py…`, is
//! nobody's ABI. Where the format tells which library an import is expected in, that decides whether it is CPython's.

use super::abi::uses_headers;
use super::counting::COUNT_BY_CALL;
use super::library::python_library;
use super::stable_abi::{added, is_version_specific};
use super::{ImageContext, is_python};
use crate::binary::image::{ImportKind, ImportedSymbol};
use crate::model::facts::{Fact, Hook, LimitedApi, StableSymbol, Toolchain};

/// The first version of the stable ABI; its symbols are in every version.
const FIRST: u8 = 2;
/// The `Py_LIMITED_API` from which on counting is by function calls.
const FIRST_TO_CALL: u8 = 12;
/// Headers write slot ids above 4 only where `Py_LIMITED_API` is 3.15 or newer (PEP 820).
const NEW_SLOTS: (u32, u8) = (4, 15);

/// Compares the imports with the stable ABI.
pub(super) fn limited_api(
    context: &ImageContext<'_, '_>,
    hooks: &[Hook],
    toolchain: Option<&Toolchain>,
) -> Fact<LimitedApi> {
    let mut limited = LimitedApi::default();
    let symbols = context
        .image
        .imports()
        .iter()
        .filter(|import| import.kind == ImportKind::Symbol);
    for import in symbols.filter(|import| is_python(&import.name)) {
        match (added(&import.name), owner(import)) {
            (_, SymbolOwner::Other) => limited.foreign.push(import.name.clone()),
            (Some(since), _) => {
                if !import.weak {
                    limited.oldest = limited.oldest.max(Some(since));
                }
                if since > FIRST {
                    let symbol = StableSymbol {
                        symbol: import.name.clone(),
                        since,
                        optional: import.weak,
                    };
                    limited.added.push(symbol);
                }
            }
            (None, SymbolOwner::Python) => limited.outside.push(import.name.clone()),
            (None, SymbolOwner::Untold) if is_version_specific(&import.name) => {
                limited.outside.push(import.name.clone())
            }
            (None, SymbolOwner::Untold) => limited.foreign.push(import.name.clone()),
        }
    }
    for symbols in [&mut limited.outside, &mut limited.foreign] {
        symbols.sort();
        symbols.dedup();
    }
    limited.added.sort();
    limited.added.dedup();
    if limited.outside.is_empty() {
        limited.compiled_for = compiled_for(context, limited.oldest, hooks, toolchain);
    }
    Fact::known(limited, Vec::new())
}

/// Headers declare a function of the limited API only for the version that added it and newer ones.
fn compiled_for(
    context: &ImageContext<'_, '_>,
    oldest: Option<u8>,
    hooks: &[Hook],
    toolchain: Option<&Toolchain>,
) -> Option<u8> {
    if !uses_headers(toolchain) {
        return None;
    }
    let by_counting = COUNT_BY_CALL
        .iter()
        .any(|symbol| context.imports(symbol))
        .then_some(FIRST_TO_CALL);
    let mut ids = hooks
        .iter()
        .filter_map(|hook| hook.facts.slots.value())
        .flatten();
    let by_slots = ids.any(|&id| id > NEW_SLOTS.0).then_some(NEW_SLOTS.1);
    oldest.max(by_counting).max(by_slots)
}

/// Whose symbol an import is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum SymbolOwner {
    /// The interpreter's library.
    Python,
    /// Another library.
    Other,
    /// The format does not say.
    Untold,
}

fn owner(import: &ImportedSymbol) -> SymbolOwner {
    match &import.library {
        None => SymbolOwner::Untold,
        Some(library) if python_library(library).is_some() => SymbolOwner::Python,
        Some(_) => SymbolOwner::Other,
    }
}
