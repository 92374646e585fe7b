//! The symbols of CPython: those of its stable ABI, with the version that added each, and those outside of it.
//!
//! That all imports are in it does not prove that a file was compiled for the stable ABI: small modules for one version
//! look the same. One import outside of it, of a name that is certainly CPython's, proves the contrary.
//! <https://docs.python.org/3/c-api/stable.html>

use crate::cpython::functions::{self, StableStatus};

/// The minor version of CPython 3 that added a symbol to the stable ABI.
pub(super) fn added(symbol: &str) -> Option<u8> {
    match functions::find(symbol)?.stable {
        StableStatus::Since(minor) => Some(minor),
        StableStatus::Unstable | StableStatus::Unknown => None,
    }
}

/// Whether a symbol is certainly CPython's own and outside of the stable ABI, so that only code for one version imports
/// it. A name that only looks so may be the project's own: several define functions called `Py…` or `_Py…`.
pub(super) fn is_version_specific(symbol: &str) -> bool {
    match functions::find(symbol).map(|function| function.stable) {
        Some(StableStatus::Unstable) => true,
        Some(StableStatus::Since(_)) => false,
        Some(StableStatus::Unknown) | None => symbol.starts_with("PyUnstable_"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tells_stable_from_version_specific() {
        assert_eq!(added("PyArg_ParseTuple"), Some(2));
        assert_eq!(added("PyABIInfo_Check"), Some(15));
        assert_eq!(added("PyUnicode_New"), None);
        for symbol in [
            "PyUnicode_New",
            "_PyDict_NewPresized",
            "PyUnstable_Module_SetGIL",
            "PyMutex_Lock",
            "PyBytesWriter_Create",
        ] {
            assert!(is_version_specific(symbol), "{symbol}");
        }
        for symbol in [
            "_Py_Dealloc",
            "PyArray_API",
            "PyList_New",
            "_PyImaging_Own",
            "PyInit_x",
            "PyModExport_x",
        ] {
            assert!(!is_version_specific(symbol), "{symbol}");
        }
    }
}
