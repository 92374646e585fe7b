//! The functions of the system, the C library and the run times of languages, as data: what each gives back.
//!
//! Sources: ISO C and POSIX for the C library, <https://itanium-cxx-abi.github.io/cxx-abi/abi.html> for the C++ run time,
//! <https://learn.microsoft.com/en-us/windows/win32/api/> for Windows. To add a function, add its name behind its model; a
//! model that is missing needs a variant of [`SystemCall`], and the compiler says where that is handled.

use std::collections::HashMap;
use std::sync::LazyLock;

/// What a call gives back, and what else it does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::evaluator) enum SystemCall {
    /// Nothing; its effects do not matter.
    Nothing,
    /// A pointer, or null.
    PointerOrNull,
    /// 0.
    Zero,
    /// 1.
    One,
    /// A number that is as good as any: that of processors.
    Processors,
    /// A number that is as good as any: that of the one thread.
    Thread,
    /// A handle or another pointer, not null.
    Pointer,
    /// Any number.
    Number,
    /// Any number; it writes one pointer through each argument of this bit mask.
    Writes(u8),
    /// It never returns, or not on a path on which the import succeeds.
    Never,
    /// It throws, or goes on with an exception that was thrown.
    Throws,
    /// One of its arguments.
    Argument(usize),
    /// Memory of as many bytes as this argument says, unknown at first.
    Allocate(usize),
    /// Memory of first times second argument bytes, zero at first.
    AllocateZeroed,
    /// Memory of third argument bytes, zero at first when the flags in the second say so: `HeapAlloc`.
    HeapAllocate,
    /// Memory with what was in that of the argument before this one.
    Reallocate(usize),
    /// Memory whose address is stored where the first argument points.
    PosixAllocate,
    Memcpy,
    Memset,
    Memcmp,
    Strcmp,
    Strncmp,
    Strlen,
    Strcpy,
    Strncpy,
    Strcat,
    Strncat,
    /// `__cxa_guard_acquire`
    GuardAcquire,
    /// `__cxa_guard_release`
    GuardRelease,
    /// The number of a slot in which each thread keeps a pointer, null at first.
    AllocateThreadSlot,
    ReadThreadSlot,
    WriteThreadSlot,
    /// Writes masks with a bit for each processor through the second and the third argument.
    ProcessorMasks,
    /// Calls the function in the second argument the first time.
    Once,
    /// The same with `InitOnceExecuteOnce`'s arguments.
    WindowsOnce,
    /// The address of a thread-local variable.
    ThreadLocal,
    /// Makes a module: what Boost.Python gives.
    BoostInit,
    /// A message on standard error is what panics begin with.
    WriteFile,
}

use self::SystemCall::{
    Allocate, AllocateThreadSlot, AllocateZeroed, Argument, BoostInit, GuardAcquire, GuardRelease,
    HeapAllocate, Memcmp, Memcpy, Memset, Never, Nothing, Number, Once, One, Pointer,
    PointerOrNull, PosixAllocate, ProcessorMasks, Processors, ReadThreadSlot, Reallocate, Strcat,
    Strcmp, Strcpy, Strlen, Strncat, Strncmp, Strncpy, Thread, ThreadLocal, Throws, WindowsOnce,
    WriteFile, WriteThreadSlot, Writes, Zero,
};

/// Every model. A name may end in `*`: then it stands for all names that begin like it; what stands between two `*` must
/// occur behind the beginning.
const TABLE: &[(SystemCall, &[&str])] = &[
    (
        Pointer,
        &[
            "CreateEventA",
            "CreateEventW",
            "CreateSemaphoreA",
            "CreateSemaphoreW",
            "GetCurrentProcess",
            "GetCurrentThread",
        ],
    ),
    (Writes(0b1000), &["DuplicateHandle"]),
    (
        Writes(0b1),
        &[
            "GetSystemTimeAsFileTime",
            "QueryPerformanceCounter",
            "QueryPerformanceFrequency",
        ],
    ),
    (Thread, &["GetCurrentThreadId"]),
    (ProcessorMasks, &["GetProcessAffinityMask"]),
    (AllocateThreadSlot, &["TlsAlloc", "FlsAlloc"]),
    (ReadThreadSlot, &["TlsGetValue", "FlsGetValue"]),
    (WriteThreadSlot, &["TlsSetValue", "FlsSetValue"]),
    (
        BoostInit,
        &[
            "_ZN5boost6python6detail11init_module*",
            "?init_module@detail@python@boost@@*",
        ],
    ),
    (
        PointerOrNull,
        &[
            "getenv",
            "secure_getenv",
            "dlopen",
            "LoadLibraryA",
            "LoadLibraryW",
            "GetModuleHandleA",
            "GetModuleHandleW",
            "LoadLibraryExW",
            "GetModuleHandleExW",
            "strchr",
            "strrchr",
            "strstr",
            "memchr",
            "strpbrk",
            "memrchr",
            "realpath",
            "getcwd",
        ],
    ),
    (
        Number,
        &[
            "time",
            "clock",
            "clock_gettime",
            "gettimeofday",
            "getpid",
            "sysconf",
            "GetLastError",
            "GetCurrentProcessId",
            "GetTickCount*",
            "getpagesize",
            "getauxval",
            "pthread_self",
            "gettid",
            "isatty",
            "open",
            "close",
            "rand",
            "sched_getcpu",
            "__errno_location",
            "__error",
            "_errno",
            "atoi",
            "strtol",
            "strtoul",
            "strtoll",
            "toupper",
            "tolower",
            "GetThreadPriority",
            "IsDebuggerPresent",
            "WaitForMultipleObjects",
            "WaitForSingleObject*",
        ],
    ),
    (
        Nothing,
        &[
            "free",
            "_ZdlPv*",
            "_ZdaPv*",
            "??3@*",
            "??_V@*",
            "__cxa_end_catch",
            "__cxa_atexit",
            "atexit",
            "__cxa_guard_abort",
            "_aligned_free",
            "HeapFree",
            "EnterCriticalSection",
            "LeaveCriticalSection",
            "AcquireSRWLock*",
            "ReleaseSRWLock*",
            "InitializeSListHead",
            "OutputDebugString*",
            "puts",
            "printf",
            "fprintf",
            "fflush",
            "fputs",
            "fputc",
            "putchar",
            "__cxa_thread_atexit*",
            "_tlv_atexit",
            "srand",
            "__libc_start_main",
            "DeleteCriticalSection",
            "FreeLibrary",
            "_Unwind_DeleteException",
            "os_unfair_lock_lock",
            "os_unfair_lock_unlock",
            "WakeAll*",
            "WakeByAddress*",
            "sched_yield",
            "SetLastError",
            "_invalid_parameter_noinfo",
            "__msvcp*",
            "openlog",
            "syslog",
            "InitializeCriticalSection*",
            "dlclose",
            "_lock_file",
            "_unlock_file",
            "_ITM_*",
            "__cxa_finalize",
            "tzset",
            "SwitchToThread",
            "Sleep",
        ],
    ),
    (
        Zero,
        &[
            "pthread_mutex_*",
            "pthread_mutexattr_*",
            "pthread_cond_*",
            "pthread_rwlock_*",
            "pthread_key_create",
            "pthread_setspecific",
            "pthread_atfork",
            "pthread_attr_*",
            "pthread_condattr_*",
            "sigemptyset",
            "_crt_atexit",
            "_register_onexit_function",
            "_Mtx_*",
            "_Cnd_*",
            "_Thrd_yield",
            "pthread_spin_*",
        ],
    ),
    (
        Processors,
        &[
            "_ZNSt6thread20hardware_concurrencyEv",
            "_ZNSt3__16thread20hardware_concurrencyEv",
            "_Thrd_hardware_concurrency",
            "get_nprocs",
            "get_nprocs_conf",
        ],
    ),
    (
        One,
        &[
            "InitializeCriticalSectionEx",
            "CloseHandle",
            "ReleaseSemaphore",
            "ResetEvent",
            "SetEvent",
            "SetThreadPriority",
            "TryEnterCriticalSection",
        ],
    ),
    (
        Never,
        &[
            "abort",
            "exit",
            "_exit",
            "_Exit",
            "quick_exit",
            "__stack_chk_fail",
            "__assert_fail",
            "__assert_rtn",
            "__assert",
            "_assert",
            "_wassert",
            "longjmp",
            "siglongjmp",
            "_longjmp",
            "__longjmp_chk",
            "_ZSt9terminatev",
            "_ZSt10unexpectedv",
            "__cxa_pure_virtual",
            "__cxa_call_unexpected",
            "__clang_call_terminate",
            "terminate",
            "_invoke_watson",
            "_invalid_parameter_noinfo_noreturn",
            "ExitProcess",
            "TerminateProcess",
            "RaiseException",
            "RtlFailFast",
            "__report_rangecheckfailure",
            "__fortify_fail",
            "__chk_fail",
            "__cxa_call_terminate",
            "__std_terminate",
            "_ZNSt3__122__libcpp_verbose_abort*",
            "_Unwind_Backtrace",
        ],
    ),
    (
        Throws,
        &[
            "__cxa_throw",
            "__cxa_rethrow",
            "_Unwind_Resume",
            "_Unwind_RaiseException",
            "_CxxThrowException",
            "_ZSt*__throw_*",
            "__cxa_bad_cast",
            "__cxa_bad_typeid",
            "__cxa_throw_bad_array_new_length",
            "_ZNSt3__1*__throw_*",
            "?_X*@std@@YAXPEBD@Z",
            "_ZSt20__throw_*",
            "_ZSt16__throw_*",
            "_ZSt17__throw_*",
            "_ZSt19__throw_*",
            "_ZSt24__throw_*",
            "_ZSt21__throw_*",
            "_ZSt25__throw_*",
            "_ZSt28__throw_*",
            "_ZSt18__throw_*",
            "_ZSt15__throw_*",
        ],
    ),
    (WriteFile, &["write"]),
    (
        Allocate(0),
        &[
            "malloc",
            "_Znwm*",
            "_Znam*",
            "??2@YAPEAX_K*",
            "??_U@YAPEAX_K*",
            "_malloc_base",
        ],
    ),
    (Allocate(1), &["aligned_alloc", "memalign"]),
    (AllocateZeroed, &["calloc", "_calloc_base"]),
    (HeapAllocate, &["HeapAlloc"]),
    (Reallocate(1), &["realloc", "_realloc_base"]),
    (Reallocate(3), &["HeapReAlloc"]),
    (PosixAllocate, &["posix_memalign"]),
    (
        Memcpy,
        &["memcpy", "memmove", "__memcpy_chk", "__memmove_chk"],
    ),
    (Memset, &["memset", "__memset_chk"]),
    (Memcmp, &["memcmp", "bcmp"]),
    (Strcmp, &["strcmp"]),
    (Strncmp, &["strncmp"]),
    (Strlen, &["strlen"]),
    (Strcpy, &["strcpy", "__strcpy_chk"]),
    (Strncpy, &["strncpy", "__strncpy_chk"]),
    (Strcat, &["strcat", "__strcat_chk"]),
    (Strncat, &["strncat", "__strncat_chk"]),
    (GuardAcquire, &["__cxa_guard_acquire"]),
    (GuardRelease, &["__cxa_guard_release"]),
    (Once, &["pthread_once"]),
    (WindowsOnce, &["InitOnceExecuteOnce"]),
    (ThreadLocal, &["__tls_get_addr", "_tlv_bootstrap"]),
    (
        Argument(0),
        &[
            "__cxa_begin_catch",
            "__cxa_get_exception_ptr",
            "EncodePointer",
            "DecodePointer",
        ],
    ),
];

/// Models by exact name, and by how a name begins and what it contains after that.
#[derive(Default)]
struct SystemTable {
    exact: HashMap<&'static str, SystemCall>,
    families: Vec<(&'static str, &'static str, SystemCall)>,
}

static MODELS: LazyLock<SystemTable> = LazyLock::new(|| {
    let mut models = SystemTable::default();
    for &(call, names) in TABLE {
        for name in names {
            match name.split_once('*') {
                None => drop(models.exact.insert(*name, call)),
                Some((head, tail)) => {
                    models
                        .families
                        .push((head, tail.trim_end_matches('*'), call))
                }
            }
        }
    }
    models
});

/// The model of a function, by its undecorated name.
pub(super) fn system_call(name: &str) -> Option<SystemCall> {
    MODELS.exact.get(name).copied().or_else(|| {
        let families = MODELS.families.iter();
        families
            .filter(|(head, tail, _)| {
                name.strip_prefix(head)
                    .is_some_and(|rest| rest.contains(tail))
            })
            .max_by_key(|(head, ..)| head.len())
            .map(|&(.., call)| call)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_find_their_models() {
        for (name, call) in [
            ("_ZSt20__throw_length_errorPKc", Some(Throws)),
            ("_Znwm", Some(Allocate(0))),
            ("memmove", Some(Memcpy)),
            ("some_function_of_another_library", None),
            ("PyModule_Create2", None),
        ] {
            assert_eq!(system_call(name), call, "{name}");
        }
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
