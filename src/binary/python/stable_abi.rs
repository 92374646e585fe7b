//! The symbols of CPython's stable ABI, with the version that added each.
//!
//! That all imports are in it does not prove that a file was compiled for the stable ABI: small modules for one version
//! look the same. One import outside of it, of a name that is certainly CPython's, proves the contrary.
//! <https://docs.python.org/3/c-api/stable.html>

use std::collections::HashMap;
use std::sync::LazyLock;

const TABLE: &str = include_str!("stable_abi.tsv");

static ADDED: LazyLock<HashMap<&'static str, u8>> = LazyLock::new(|| {
    let lines = TABLE.lines().filter(|line| !line.starts_with('#'));
    lines
        .filter_map(|line| line.split_once('\t'))
        .filter_map(|(name, minor)| Some((name, minor.parse().ok()?)))
        .collect()
});

/// Functions outside of the stable ABI that code for one version often calls, besides those that are private by name.
const VERSION_SPECIFIC: [&str; 20] = [
    "PyCode_NewEmpty",
    "PyDict_Contains_KnownHash",
    "PyEval_SetProfile",
    "PyEval_SetTrace",
    "PyFrame_New",
    "PyFunction_Type",
    "PyGen_New",
    "PyList_Extend",
    "PyMethod_New",
    "PyMethod_Type",
    "PyMutex_Lock",
    "PyMutex_Unlock",
    "PyObject_CallOneArg",
    "PyObject_GetArenaAllocator",
    "PyRun_StringFlags",
    "PySet_Clear_Unlocked",
    "PyThreadState_EnterTracing",
    "PyUnicode_CopyCharacters",
    "PyUnicode_FromKindAndData",
    "PyUnicode_New",
];

/// The minor version of CPython 3 that added a symbol to the stable ABI.
pub(super) fn added(symbol: &str) -> Option<u8> {
    ADDED.get(symbol).copied()
}

/// Whether a symbol is CPython's own and outside of the stable ABI, so that only code for one version imports it.
pub(super) fn is_version_specific(symbol: &str) -> bool {
    let is_private =
        symbol.strip_prefix("_Py").is_some_and(|rest| rest.starts_with(|first: char| first.is_ascii_uppercase()))
            || symbol.starts_with("_Py_")
            || symbol.starts_with("PyUnstable_");
    added(symbol).is_none() && (is_private || VERSION_SPECIFIC.contains(&symbol))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_stable_from_version_specific() {
        assert_eq!(ADDED.len(), TABLE.lines().filter(|line| !line.starts_with('#')).count(), "a line was not read");
        assert_eq!(added("PyArg_ParseTuple"), Some(2));
        assert_eq!(added("PyABIInfo_Check"), Some(15));
        assert_eq!(added("PyUnicode_New"), None);
        let specific = |symbol| is_version_specific(symbol);
        assert!(specific("PyUnicode_New") && specific("_PyDict_NewPresized") && specific("PyUnstable_Module_SetGIL"));
        assert!(!specific("_Py_Dealloc") && !specific("PyArray_API") && !specific("PyList_New"));
        for symbol in VERSION_SPECIFIC {
            assert_eq!(added(symbol), None, "{symbol} is in the stable ABI");
        }
    }
}
