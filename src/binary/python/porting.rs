//! Signs that somebody has prepared the code for several threads: locks, functions that run once, strong references.
//!
//! Only what is imported can be seen here. A lock made of atomic instructions, or a library that is linked in, leaves no
//! import; so what is missing proves nothing.

use std::collections::BTreeMap;

use super::baselines::origin;
use crate::binary::image::{BinaryImage, ImportKind};
use crate::model::facts::{ImageFormat, ImportOrigin, PortingKind, PortingSign, Toolchain};

/// Names, and beginnings of names where they end in `*`.
const SIGNS: &[(PortingKind, &[&str])] = &[
    (
        PortingKind::CriticalSection,
        &["PyCriticalSection_*", "PyCriticalSection2_*"],
    ),
    (PortingKind::PyMutex, &["PyMutex_*", "_PyMutex_*"]),
    (
        PortingKind::PythonLock,
        &[
            "PyThread_allocate_lock",
            "PyThread_acquire_lock",
            "PyThread_acquire_lock_timed",
            "PyThread_release_lock",
            "PyThread_free_lock",
        ],
    ),
    (
        // libc++ and Microsoft's library; libstdc++ has std::mutex in its headers, which call POSIX threads.
        PortingKind::StdMutex,
        &[
            "_ZNSt3__15mutex*",
            "_ZNSt3__115recursive_mutex*",
            "_ZNSt3__111timed_mutex*",
            "_ZNSt3__119__shared_mutex_base*",
            "_ZNSt3__118condition_variable*",
            "_ZNSt18condition_variable*",
            "_Mtx_*",
            "_Cnd_*",
            "__std_atomic_*",
        ],
    ),
    (
        PortingKind::Pthread,
        &[
            "pthread_mutex_*",
            "pthread_rwlock_*",
            "pthread_spin_*",
            "os_unfair_lock_*",
            "mtx_lock",
            "mtx_unlock",
        ],
    ),
    (
        PortingKind::WindowsLock,
        &[
            "EnterCriticalSection",
            "TryEnterCriticalSection",
            "AcquireSRWLock*",
            "TryAcquireSRWLock*",
            "SleepConditionVariable*",
        ],
    ),
    (
        PortingKind::CallOnce,
        &[
            "pthread_once",
            "call_once",
            "dispatch_once*",
            "InitOnce*",
            "__std_init_once_*",
            "__once_proxy",
            "_ZSt15__once_callable",
            "_ZSt11__once_call",
            "_ZNSt3__111__call_once*",
        ],
    ),
    (PortingKind::LocalStatic, &["__cxa_guard_acquire"]),
    (
        PortingKind::StrongReference,
        &[
            "PyDict_GetItemRef",
            "PyDict_GetItemStringRef",
            "PyDict_SetDefaultRef",
            "PyEval_GetFrameBuiltins",
            "PyEval_GetFrameGlobals",
            "PyEval_GetFrameLocals",
            "PyImport_AddModuleRef",
            "PyList_GetItemRef",
            "PySys_GetAttr*",
            "PySys_GetOptionalAttr*",
            "PyType_GetModuleByToken",
            "PyWeakref_GetRef",
        ],
    ),
    (
        PortingKind::UniqueReference,
        &[
            "PyUnstable_EnableTryIncRef",
            "PyUnstable_TryIncRef",
            "PyUnstable_Object_IsUniquelyReferenced",
            "PyUnstable_Object_IsUniqueReferencedTemporary",
        ],
    ),
];

fn kind(symbol: &str) -> Option<PortingKind> {
    let fits = |pattern: &str| match pattern.strip_suffix('*') {
        Some(beginning) => symbol.starts_with(beginning),
        None => symbol == pattern,
    };
    SIGNS
        .iter()
        .find(|(_, patterns)| patterns.iter().any(|pattern| fits(pattern)))
        .map(|(kind, _)| *kind)
}

/// Whether a symbol is such a sign.
pub(super) fn is_sign(symbol: &str) -> bool {
    kind(symbol).is_some()
}

/// The signs among an image's imports, by kind.
pub(super) fn porting(image: &BinaryImage<'_>, toolchain: Option<&Toolchain>) -> Vec<PortingSign> {
    let mut found: BTreeMap<PortingKind, Vec<&str>> = BTreeMap::new();
    for import in image
        .imports()
        .iter()
        .filter(|import| import.kind == ImportKind::Symbol)
    {
        // A versioned or decorated name of the same function counts as well.
        if let Some(kind) = kind(&import.name) {
            found.entry(kind).or_default().push(&import.name);
        }
    }
    let sign = |(kind, mut symbols): (PortingKind, Vec<&str>)| {
        symbols.sort_unstable();
        symbols.dedup();
        let origins = symbols
            .iter()
            .map(|symbol| owner(symbol, image.format, toolchain));
        // `Author` is the least and `Unclear` the greatest: one import of the author's is enough.
        let origin = match origins.clone().min() {
            Some(ImportOrigin::Author) => ImportOrigin::Author,
            _ if origins
                .clone()
                .any(|origin| origin == ImportOrigin::Unclear) =>
            {
                ImportOrigin::Unclear
            }
            _ => ImportOrigin::Generator,
        };
        PortingSign {
            kind,
            symbols: symbols.into_iter().map(str::to_owned).collect(),
            origin,
        }
    };
    found.into_iter().map(sign).collect()
}

/// What is not CPython's differs between systems, and generators were only looked at on Linux.
fn owner(symbol: &str, format: ImageFormat, toolchain: Option<&Toolchain>) -> ImportOrigin {
    let is_python = symbol.trim_start_matches('_').starts_with("Py");
    match origin(symbol, toolchain) {
        ImportOrigin::Author if !is_python && format != ImageFormat::Elf => ImportOrigin::Unclear,
        origin => origin,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_the_kind() {
        let cases = [
            (
                "PyCriticalSection2_Begin",
                Some(PortingKind::CriticalSection),
            ),
            ("PyMutex_Lock", Some(PortingKind::PyMutex)),
            ("pthread_mutex_lock", Some(PortingKind::Pthread)),
            ("_ZNSt3__15mutex4lockEv", Some(PortingKind::StdMutex)),
            ("AcquireSRWLockExclusive", Some(PortingKind::WindowsLock)),
            ("InitOnceExecuteOnce", Some(PortingKind::CallOnce)),
            ("__cxa_guard_acquire", Some(PortingKind::LocalStatic)),
            ("PyList_GetItemRef", Some(PortingKind::StrongReference)),
            ("PyUnstable_TryIncRef", Some(PortingKind::UniqueReference)),
            ("PyThread_get_thread_ident", None),
            ("PyList_GetItem", None),
            ("pthread_create", None),
            ("pthread_once_x", None),
        ];
        for (symbol, expected) in cases {
            assert_eq!(kind(symbol), expected, "{symbol}");
        }
    }
}
