//! The models, as data: what each outside function gives back.
//!
//! Sources: <https://docs.python.org/3.14/c-api/> for the interpreter, ISO C and POSIX for the C library,
//! <https://itanium-cxx-abi.github.io/cxx-abi/abi.html> for the C++ run time.

use std::collections::HashMap;
use std::sync::OnceLock;

/// What a call gives back, and what else it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::binary::machine) enum Gives {
    /// Nothing; its effects do not matter.
    Nothing,
    /// An object; never null unless memory is short.
    Object,
    /// An object, or null with an exception.
    ObjectOrError,
    /// A pointer, or null without an exception.
    ObjectOrNull,
    /// 0; an error only when memory is short.
    Status,
    /// 0.
    Zero,
    /// 1.
    One,
    /// A number that is as good as any: that of processors.
    Processors,
    /// 0, or -1 with an exception.
    StatusOrError,
    /// 0 or 1.
    Truth,
    /// 0 or 1, or -1 with an exception.
    TruthOrError,
    /// A number that is not negative, or -1 with an exception.
    CountOrError,
    /// Any number.
    Number,
    /// It never returns, or not on a path on which the import succeeds.
    Never,
    /// Null, with an exception set.
    Raises,
    /// Anything; no exception is set afterwards.
    ClearsError,
    /// One of its arguments.
    Argument(usize),
    /// Any number; it writes one pointer through each argument of this bit mask.
    Writes(u8),
    /// Something of its own.
    Special(Special),
}

/// Calls that need code of their own.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::binary::machine) enum Special {
    CreateModule,
    NewModule,
    InitDefinition,
    SetGil,
    ImportModule,
    ImportCapsule,
    /// The result comes from wherever the first argument comes from.
    Derive,
    /// The same, or null with an exception.
    DeriveOrError,
    GetDefinition,
    FindModule,
    TypeReady,
    ErrorOccurred,
    /// Moves the exception to where the three arguments point.
    FetchError,
    /// Gives the exception back and forgets it.
    TakeError,
    /// Sets the exception in the first argument, which may be null.
    RestoreError,
    Version,
    /// Memory of as many bytes as this argument says, unknown at first.
    Allocate(usize),
    /// Memory of first times second argument bytes, zero at first.
    AllocateZeroed,
    /// Memory of second argument bytes, zero at first (Rust's `__rust_alloc_zeroed`-like and `HeapAlloc`).
    HeapAllocate,
    Reallocate(usize),
    PosixAllocate,
    CopyMemory,
    SetMemory,
    CompareMemory,
    CompareText,
    CompareTextBounded,
    TextLength,
    GuardAcquire,
    GuardRelease,
    /// Calls the function in the second argument the first time.
    Once,
    /// The same with `InitOnceExecuteOnce`'s arguments.
    WindowsOnce,
    ThreadLocal,
    BoostInit,
}

use self::Gives::{
    Special as Own, Argument, ClearsError, CountOrError, Never, Nothing, Number, Object, ObjectOrError, ObjectOrNull, One, Processors, Raises, Status,
    StatusOrError, Truth, TruthOrError, Writes, Zero,
};
use self::Special::{
    Allocate, AllocateZeroed, BoostInit, CompareMemory, CompareText, CompareTextBounded, CopyMemory, CreateModule, Derive,
    DeriveOrError, ErrorOccurred, FetchError, FindModule, GetDefinition, GuardAcquire, GuardRelease, HeapAllocate, ImportCapsule, ImportModule,
    InitDefinition, NewModule, Once, PosixAllocate, Reallocate, RestoreError, SetGil, SetMemory, TakeError, TextLength, ThreadLocal, TypeReady,
    Version, WindowsOnce,
};

/// Every model. A name may end in `*`: then it stands for all names that begin like it.
const TABLE: &[(Gives, &[&str])] = &[
    (Own(CreateModule), &["PyModule_Create2", "PyModule_Create2TraceRefs"]),
    (Own(NewModule), &["PyModule_New", "PyModule_NewObject", "PyModule_FromDefAndSpec2"]),
    (Own(InitDefinition), &["PyModuleDef_Init"]),
    (Own(SetGil), &["PyUnstable_Module_SetGIL"]),
    (Own(ImportModule), &["PyImport_ImportModule", "PyImport_ImportModuleNoBlock"]),
    (Own(ImportCapsule), &["PyCapsule_Import"]),
    (Own(FindModule), &["PyState_FindModule"]),
    (Own(TypeReady), &["PyType_Ready"]),
    (Own(GetDefinition), &["PyModule_GetDef"]),
    (
        Own(DeriveOrError),
        &[
            "PyObject_GetAttrString", "PyObject_GetAttr", "PyObject_Call", "PyObject_CallObject", "PyObject_CallMethod",
            "_PyObject_CallMethod_SizeT", "PyObject_CallFunction", "_PyObject_CallFunction_SizeT",
            "PyObject_CallMethodObjArgs", "PyObject_CallFunctionObjArgs", "PyObject_CallNoArgs", "PyObject_CallOneArg",
            "PyObject_Vectorcall", "PyObject_VectorcallMethod", "PyCapsule_GetPointer", "PyObject_VectorcallDict",
        ],
    ),
    (Own(Derive), &["PyModule_GetDict", "Py_NewRef", "_Py_NewRef"]),
    (Own(FetchError), &["PyErr_Fetch"]),
    (Own(TakeError), &["PyErr_GetRaisedException"]),
    (Own(RestoreError), &["PyErr_Restore", "PyErr_SetRaisedException"]),
    (Own(ErrorOccurred), &["PyErr_Occurred"]),
    (Own(Version), &["Py_GetVersion"]),
    (Own(BoostInit), &["_ZN5boost6python6detail11init_module*", "?init_module@detail@python@boost@@*"]),
    (
        Object,
        &[
            "PyList_New", "PyDict_New", "PyDict_Copy", "PyTuple_New", "PyTuple_Pack", "PySet_New", "PyFrozenSet_New",
            "PyLong_From*", "PyFloat_FromDouble", "PyComplex_From*", "PyBool_FromLong", "PyUnicode_From*",
            "PyUnicode_InternFromString", "PyUnicode_Decode*", "PyUnicode_New", "PyUnicode_Concat", "PyUnicode_Join",
            "PyBytes_From*", "PyByteArray_From*", "PyMemoryView_From*", "PyCapsule_New", "PyCFunction_New*",
            "PyCMethod_New", "PyType_FromSpec*", "PyType_FromModuleAndSpec", "PyType_FromMetaclass", "PyErr_NewException*",
            "PyModule_GetState", "PyModule_GetNameObject", "PyStructSequence_New*", "Py_BuildValue*", "_Py_BuildValue*",
            "PyImport_GetModuleDict", "PyEval_GetBuiltins", "PyThreadState_Get", "PyThreadState_GetUnchecked",
            "_PyThreadState_UncheckedGet", "PyInterpreterState_Get", "PyInterpreterState_Main", "PyCode_New*",
            "PyUnstable_Code_New*", "PyFrame_New", "PyDescr_New*", "PyDictProxy_New", "PySeqIter_New", "PySlice_New",
            "PyStaticMethod_New", "PyClassMethod_New", "PyProperty_New", "PyObject_Type", "PyType_GetName",
            "PyType_GetQualName", "PyThread_allocate_lock", "_PyObject_New", "_PyObject_GC_New", "_PyObject_GC_NewVar",
            "PyType_GenericAlloc", "PyType_GenericNew", "PyWeakref_New*", "PyDateTime_*", "PySequence_List",
            "PySequence_Tuple", "PyDict_Keys", "PyDict_Values", "PyDict_Items", "Py_GetConstant*", "_PyDict_NewPresized",
            "PyThreadState_New", "PyObject_Str", "PyObject_Repr", "PyType_GetModuleName", "Py_GetPlatform",
            "Py_GetCompiler", "Py_GetBuildInfo", "PyCell_New", "PyMethod_New", "PyObject_Init", "PyObject_InitVar",
            "PyInterpreterState_GetDict", "PyThreadState_GetDict", "PyUnicode_AsUTF8*", "PyBytes_AsString",
            "PyBytes_AS_STRING", "PyModule_GetName", "PyModule_GetFilename*", "PyType_GetSlot", "PyTuple_GetSlice",
        ],
    ),
    (
        Status,
        &[
            "PyModule_Add*", "PyModule_SetDocString", "PyModule_ExecDef", "PyDict_SetItem*",
            "PyObject_SetAttr*", "PyObject_GenericSetAttr", "PyList_Append", "PyList_SetItem", "PyTuple_SetItem",
            "PySet_Add", "PyDict_Update", "PyDict_Merge", "PyDict_MergeFromSeq2", "PyList_Insert", "PyList_Sort",
            "PyState_AddModule", "PyStructSequence_InitType2", "PyThread_tss_create", "PyThread_tss_set",
            "PyCapsule_SetContext", "PyCapsule_SetName", "PyCapsule_SetDestructor", "PyCapsule_SetPointer", "Py_AtExit",
            "PyImport_AppendInittab", "PyModule_SetState", "PyObject_SetItem", "PyMapping_SetItemString",
            "PySys_SetObject", "PyList_SetSlice", "Py_AddPendingCall", "PyUnstable_Object_EnableDeferredRefcount",
            "_PyDict_SetItem*", "PyDict_Clear", "PyDict_DelItem*", "PyUnicode_CopyCharacters",
        ],
    ),
    (
        ObjectOrError,
        &[
            "PyImport_Import", "PyImport_ImportModuleLevel*", "PyImport_ReloadModule", "PyObject_GetItem", "PyIter_Next",
            "PyObject_GetIter", "PyNumber_*", "PySequence_GetItem", "PyMapping_GetItemString", "PyEval_EvalCode*",
            "PyRun_*", "Py_CompileString*", "PyDict_GetItemWithError", "PyObject_GenericGetAttr", "PyList_GetItem*",
            "PyTuple_GetItem", "PyImport_AddModule*", "PySequence_Fast", "PyObject_RichCompare", "PyObject_Dir",
            "PyUnicode_Format", "PyUnicode_Split", "PyType_GetModule*", "PyEval_GetFrameGlobals",
        ],
    ),
    (
        ObjectOrNull,
        &[
            "PyDict_GetItem", "PyDict_GetItemString", "PySys_GetObject", "PyImport_GetModule", "PyEval_GetFrame",
            "PyEval_GetGlobals", "PyEval_GetLocals", "PyCapsule_GetName", "PyCapsule_GetContext", "PyThread_tss_get",
            "PyThread_get_key_value", "PyGILState_GetThisThreadState", "getenv", "secure_getenv",
            "dlopen", "LoadLibraryA", "LoadLibraryW", "GetModuleHandleA", "GetModuleHandleW", "LoadLibraryExW",
            "GetModuleHandleExW", "strchr", "strrchr", "strstr", "memchr", "strpbrk", "memrchr", "realpath", "getcwd",
            "_PyType_Lookup", "PyDict_SetDefault", "_PyDict_GetItem*",
        ],
    ),
    (StatusOrError, &["PyObject_DelAttr*", "PyObject_DelItem*", "PySys_Audit", "PyErr_Warn*", "PyCapsule_GetDestructor"]),
    (
        Truth,
        &[
            "PyErr_ExceptionMatches", "PyErr_GivenExceptionMatches", "PyType_IsSubtype", "PyCallable_Check",
            "PyObject_HasAttr*", "PyCapsule_IsValid", "Py_IsInitialized", "PyGILState_Check", "PyGILState_Ensure",
            "Py_IsTrue", "Py_IsFalse", "Py_IsNone", "Py_Is", "PyGC_IsEnabled", "PyUnicode_EqualToUTF8*",
            "PyUnicode_CompareWithASCIIString", "PyMapping_Check", "PySequence_Check", "PyIndex_Check", "PyIter_Check",
            "PyMapping_HasKey*", "PyNumber_Check", "Py_IsFinalizing", "_Py_IsFinalizing", "PyObject_CheckBuffer",
        ],
    ),
    (
        TruthOrError,
        &[
            "PyObject_IsTrue", "PyObject_Not", "PyObject_IsInstance", "PyObject_IsSubclass", "PyObject_RichCompareBool",
            "PyDict_Contains*", "PySequence_Contains", "PySet_Contains", "PyUnicode_Contains", "PySet_Discard",
        ],
    ),
    (
        Writes(0b100),
        &["PyDict_GetItemRef", "PyDict_GetItemStringRef", "PyObject_GetOptionalAttr*", "PyMapping_GetOptionalItem*",
          "_PyObject_LookupAttr", "PyUnicode_AsUTF8AndSize_"],
    ),
    (Writes(0b1000), &["PyDict_SetDefaultRef", "_PyDict_SetDefaultRef"]),
    (Writes(0b1110), &["PyDict_Next"]),
    (Writes(0b10), &["PyWeakref_GetRef"]),
    (
        CountOrError,
        &["PyList_Size", "PyTuple_Size", "PyDict_Size", "PyObject_Size", "PyObject_Length", "PySequence_Size",
          "PySequence_Length", "PyBytes_Size", "PyUnicode_GetLength", "PyMapping_Size", "PySet_Size"],
    ),
    (
        Number,
        &[
            "PyLong_As*", "PyFloat_As*", "PyNumber_AsSsize_t", "PyUnicode_Compare", "PyObject_Hash", "PyThread_get_thread_ident",
            "PyType_GetFlags", "PyInterpreterState_GetID", "PyUnicode_ReadChar", "PyOS_*", "PyEval_SaveThread",
            "PyThread_acquire_lock*", "PyThread_create_key", "time", "clock", "clock_gettime", "gettimeofday", "getpid",
            "sysconf", "GetLastError", "GetCurrentThreadId", "GetCurrentProcessId", "GetTickCount*", "getpagesize",
            "getauxval", "pthread_self", "gettid", "isatty", "open", "close", "PyType_GetModuleState", "rand", "sched_getcpu",
            "__errno_location", "__error", "_errno", "atoi", "strtol", "strtoul", "strtoll", "toupper", "tolower",
        ],
    ),
    (
        Raises,
        &[
            "PyErr_SetString", "PyErr_SetObject", "PyErr_SetNone", "PyErr_Format", "PyErr_FormatV", "PyErr_NoMemory",
            "PyErr_BadArgument", "PyErr_BadInternalCall", "PyErr_SetImportError*", "PyErr_SetFromErrno*",
            "PyErr_SetExcFromWindowsErr*", "PyErr_SetFromWindowsErr*",
            "_PyErr_FormatFromCause", "PyErr_SetInterrupt_", "_PyErr_SetFromErrno",
        ],
    ),
    (ClearsError, &["PyErr_Clear", "PyErr_Print*", "PyErr_WriteUnraisable", "PyErr_FormatUnraisable"]),
    (
        Nothing,
        &[
            "Py_IncRef", "Py_DecRef", "_Py_IncRef", "_Py_DecRef", "_Py_Dealloc", "_Py_DecRefShared", "_Py_DecRefSharedDebug",
            "_Py_MergeZeroLocalRefcount", "PyMem_Free", "PyMem_RawFree", "PyObject_Free", "PyObject_GC_Del",
            "PyObject_GC_Track", "PyObject_GC_UnTrack", "PyGILState_Release", "PyEval_RestoreThread", "PyEval_InitThreads",
            "PyType_Modified", "PyMutex_Lock", "PyMutex_Unlock", "PyCriticalSection*", "PyThread_release_lock",
            "PyThread_free_lock", "PyUnicode_InternInPlace", "PyUnicode_InternImmortal", "PyErr_NormalizeException",
            "PyException_Set*", "PyTraceBack_Here", "Py_SetRefcnt", "_Py_SetRefcnt", "Py_Set*", "PyObject_ClearWeakRefs",
            "PyObject_SetInstance_", "Py_EnterRecursiveCall", "Py_LeaveRecursiveCall", "free", "_ZdlPv*", "_ZdaPv*",
            "??3@*", "??_V@*", "__cxa_end_catch", "__cxa_atexit", "atexit", "__cxa_guard_abort", "_aligned_free",
            "HeapFree", "EnterCriticalSection", "LeaveCriticalSection", "AcquireSRWLock*", "ReleaseSRWLock*",
            "InitializeSListHead", "OutputDebugString*", "puts", "printf", "fprintf", "fflush", "fputs", "fputc", "putchar",
            "__cxa_thread_atexit*", "_tlv_atexit", "srand", "__libc_start_main", "DeleteCriticalSection", "FreeLibrary",
            "_Unwind_DeleteException", "os_unfair_lock_lock", "os_unfair_lock_unlock", "WakeAll*", "WakeByAddress*",
            "PyThread_tss_delete", "sched_yield", "PyBuffer_Release", "PyDict_AddWatcher_", "SetLastError",
            "_invalid_parameter_noinfo", "__msvcp*", "openlog", "syslog", "InitializeCriticalSection*", "dlclose",
            "_lock_file", "_unlock_file", "__gmon_start__", "_ITM_*", "__cxa_finalize", "tzset", "SwitchToThread", "Sleep",
        ],
    ),
    (
        Zero,
        &[
            "pthread_mutex_*", "pthread_mutexattr_*", "pthread_cond_*", "pthread_rwlock_*", "pthread_key_create",
            "pthread_setspecific", "pthread_atfork", "pthread_attr_*", "pthread_condattr_*", "sigemptyset", "sigaction_",
            "InitializeCriticalSectionAndSpinCount_", "_crt_atexit", "_register_onexit_function", "_Mtx_*", "_Cnd_*",
            "_Thrd_yield", "pthread_spin_*",
        ],
    ),
    (Processors, &["_ZNSt6thread20hardware_concurrencyEv", "_ZNSt3__16thread20hardware_concurrencyEv", "_Thrd_hardware_concurrency"]),
    (One, &["TlsSetValue", "FlsSetValue", "InitializeCriticalSectionEx", "PyABIInfo_Check_"]),
    (
        Never,
        &[
            "abort", "exit", "_exit", "_Exit", "quick_exit", "Py_FatalError", "_Py_FatalErrorFunc", "_Py_FatalErrorFormat",
            "__stack_chk_fail", "__assert_fail", "__assert_rtn", "__assert", "_assert", "_wassert", "longjmp", "siglongjmp",
            "_longjmp", "__longjmp_chk", "__cxa_throw", "__cxa_rethrow", "_Unwind_Resume", "_Unwind_RaiseException",
            "_CxxThrowException", "_ZSt*__throw_*", "_ZSt9terminatev", "_ZSt10unexpectedv", "__cxa_bad_cast",
            "__cxa_bad_typeid", "__cxa_pure_virtual", "__cxa_throw_bad_array_new_length", "__cxa_call_unexpected",
            "__clang_call_terminate", "terminate", "_invoke_watson", "_invalid_parameter_noinfo_noreturn", "ExitProcess",
            "TerminateProcess", "RaiseException", "RtlFailFast", "__report_rangecheckfailure", "__fortify_fail",
            "__chk_fail", "_ZNSt3__1*__throw_*", "?_X*@std@@YAXPEBD@Z", "Py_Exit", "__cxa_call_terminate",
            "_ZSt20__throw_*", "_ZSt16__throw_*", "_ZSt17__throw_*", "_ZSt19__throw_*", "_ZSt24__throw_*",
            "_ZSt21__throw_*", "_ZSt25__throw_*", "_ZSt28__throw_*", "_ZSt18__throw_*", "__std_terminate",
            "PyThread_exit_thread", "_ZNSt3__122__libcpp_verbose_abort*", "_ZSt15__throw_*",
        ],
    ),
    (Own(Allocate(0)), &["malloc", "PyMem_Malloc", "PyMem_RawMalloc", "PyObject_Malloc", "_Znwm*", "_Znam*", "??2@YAPEAX_K*", "??_U@YAPEAX_K*", "_malloc_base"]),
    (Own(Allocate(1)), &["aligned_alloc", "memalign"]),
    (Own(AllocateZeroed), &["calloc", "PyMem_Calloc", "PyMem_RawCalloc", "PyObject_Calloc", "_calloc_base"]),
    (Own(HeapAllocate), &["HeapAlloc"]),
    (Own(Reallocate(1)), &["realloc", "PyMem_Realloc", "PyMem_RawRealloc", "PyObject_Realloc", "_realloc_base"]),
    (Own(Reallocate(3)), &["HeapReAlloc"]),
    (Own(PosixAllocate), &["posix_memalign"]),
    (Own(CopyMemory), &["memcpy", "memmove", "__memcpy_chk", "__memmove_chk"]),
    (Own(SetMemory), &["memset", "__memset_chk", "bzero_"]),
    (Own(CompareMemory), &["memcmp", "bcmp"]),
    (Own(CompareText), &["strcmp"]),
    (Own(CompareTextBounded), &["strncmp"]),
    (Own(TextLength), &["strlen"]),
    (Own(GuardAcquire), &["__cxa_guard_acquire"]),
    (Own(GuardRelease), &["__cxa_guard_release"]),
    (Own(Once), &["pthread_once"]),
    (Own(WindowsOnce), &["InitOnceExecuteOnce"]),
    (Own(ThreadLocal), &["__tls_get_addr", "_tlv_bootstrap"]),
    (Argument(0), &["strcpy", "strncpy", "strcat", "__strcpy_chk", "__strcat_chk", "strncat", "__cxa_begin_catch", "__cxa_get_exception_ptr", "EncodePointer", "DecodePointer"]),
];

fn table() -> &'static (HashMap<&'static str, Gives>, Vec<(&'static str, &'static str, Gives)>) {
    static MODELS: OnceLock<(HashMap<&'static str, Gives>, Vec<(&'static str, &'static str, Gives)>)> = OnceLock::new();
    MODELS.get_or_init(|| {
        let mut exact = HashMap::new();
        let mut families = Vec::new();
        for &(gives, names) in TABLE {
            for name in names {
                match name.split_once('*') {
                    None => {
                        exact.insert(*name, gives);
                    }
                    Some((head, tail)) => families.push((head, tail.trim_end_matches('*'), gives)),
                }
            }
        }
        (exact, families)
    })
}

/// The model of an outside function, by its undecorated name.
pub(in crate::binary::machine) fn model(name: &str) -> Option<Gives> {
    let (exact, families) = table();
    exact.get(name).copied().or_else(|| {
        families
            .iter()
            .filter(|(head, tail, _)| name.strip_prefix(head).is_some_and(|rest| rest.contains(tail)))
            .max_by_key(|(head, ..)| head.len())
            .map(|&(.., gives)| gives)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_find_their_models() {
        for (name, gives) in [
            ("PyModule_Create2", Special(CreateModule)),
            ("PyModule_AddObjectRef", Status),
            ("PyLong_FromLong", Object),
            ("PyLong_AsLong", Number),
            ("_ZSt20__throw_length_errorPKc", Never),
            ("_Znwm", Special(Allocate(0))),
        ] {
            assert_eq!(model(name), Some(gives), "{name}");
        }
        assert_eq!(model("some_function_of_another_library"), None);
    }

    #[test]
    fn no_name_has_two_models() {
        let mut seen = std::collections::HashSet::new();
        for (_, names) in TABLE {
            for name in *names {
                assert!(seen.insert(name), "{name} is listed twice");
            }
        }
    }
}
