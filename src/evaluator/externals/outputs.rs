//! What outside functions write through the pointers that they are given, beside what they return.
//!
//! A call without a model is taken to write a little behind each pointer; here is who writes more, who has a model for the
//! result alone, and who takes pointers behind those that lie in registers. Sources: ISO C, POSIX, and
//! <https://docs.python.org/3.14/c-api/>.

use crate::evaluator::cpu::machine::SharedMachine;
use crate::evaluator::cpu::state::PathState;
use crate::evaluator::values::value::{MachineValue, MemoryRegion, region};

/// How many arguments on the stack are looked at where there may be any number.
const MOST_STACKED: usize = 24;
/// How much a function writes behind each of any number of pointers.
const WIDEST: u64 = 16;

/// What is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum WrittenOutput {
    /// So many bytes behind this argument.
    Bytes(usize, u64),
    /// As many bytes behind the first as the second says.
    Sized(usize, usize),
    /// As many units behind the first as the second says, of as many bytes as the third says.
    Units(usize, usize, usize),
    /// Nobody knows how much behind this argument.
    Text(usize),
    /// A few bytes behind every pointer among the arguments from this one on.
    Every(usize),
}

use WrittenOutput::{Bytes, Every, Sized, Text, Units};

/// Sorted by name.
const OUTPUTS: &[(&str, &[WrittenOutput])] = &[
    ("GetModuleHandleExA", &[Bytes(2, 8)]),
    ("GetModuleHandleExW", &[Bytes(2, 8)]),
    ("PyArg_Parse", &[Every(2)]),
    ("PyArg_ParseTuple", &[Every(2)]),
    ("PyArg_ParseTupleAndKeywords", &[Every(4)]),
    ("PyArg_UnpackTuple", &[Every(4)]),
    (
        "PyErr_NormalizeException",
        &[Bytes(0, 8), Bytes(1, 8), Bytes(2, 8)],
    ),
    ("PyLong_AsInt32", &[Bytes(1, 4)]),
    ("PyLong_AsInt64", &[Bytes(1, 8)]),
    ("PyLong_AsLongAndOverflow", &[Bytes(1, 4)]),
    ("PyLong_AsLongLongAndOverflow", &[Bytes(1, 4)]),
    ("PyLong_AsNativeBytes", &[Sized(1, 2)]),
    ("PyLong_AsUInt32", &[Bytes(1, 4)]),
    ("PyLong_AsUInt64", &[Bytes(1, 8)]),
    ("PyOS_snprintf", &[Sized(0, 1)]),
    ("PyOS_string_to_double", &[Bytes(1, 8)]),
    ("PyOS_strtol", &[Bytes(1, 8)]),
    ("PyOS_strtoul", &[Bytes(1, 8)]),
    ("PyOS_vsnprintf", &[Sized(0, 1)]),
    ("PyStructSequence_InitType", &[Bytes(0, 448)]),
    ("PyStructSequence_InitType2", &[Bytes(0, 448)]),
    ("PyThread_tss_create", &[Bytes(0, 8)]),
    ("PyUnicode_AsUTF8AndSize", &[Bytes(1, 8)]),
    ("PyUnicode_AsWideChar", &[Units(1, 2, usize::MAX)]),
    ("PyUnicode_InternImmortal", &[Bytes(0, 8)]),
    ("PyUnicode_InternInPlace", &[Bytes(0, 8)]),
    ("_PyArg_ParseTupleAndKeywords_SizeT", &[Every(4)]),
    ("_PyArg_ParseTuple_SizeT", &[Every(2)]),
    ("_PyArg_Parse_SizeT", &[Every(2)]),
    ("__fgets_chk", &[Sized(0, 2)]),
    ("__fread_chk", &[Units(0, 2, 3)]),
    ("__getcwd_chk", &[Sized(0, 1)]),
    ("__isoc23_fscanf", &[Every(2)]),
    ("__isoc23_sscanf", &[Every(2)]),
    ("__isoc23_strtol", &[Bytes(1, 8)]),
    ("__isoc23_strtoll", &[Bytes(1, 8)]),
    ("__isoc23_strtoul", &[Bytes(1, 8)]),
    ("__isoc23_strtoull", &[Bytes(1, 8)]),
    ("__isoc99_fscanf", &[Every(2)]),
    ("__isoc99_sscanf", &[Every(2)]),
    ("__pread_chk", &[Sized(1, 2)]),
    ("__read_chk", &[Sized(1, 2)]),
    ("__realpath_chk", &[Text(1)]),
    ("__snprintf_chk", &[Sized(0, 1)]),
    ("__sprintf_chk", &[Text(0)]),
    ("__stpcpy_chk", &[Text(0)]),
    ("__stpncpy_chk", &[Sized(0, 2)]),
    ("__vsnprintf_chk", &[Sized(0, 1)]),
    ("__vsprintf_chk", &[Text(0)]),
    ("bzero", &[Sized(0, 1)]),
    ("clock_gettime", &[Bytes(1, 16)]),
    ("explicit_bzero", &[Sized(0, 1)]),
    ("fgets", &[Sized(0, 1)]),
    ("fread", &[Units(0, 1, 2)]),
    ("fscanf", &[Every(2)]),
    ("fstat", &[Bytes(1, 144)]),
    ("getcwd", &[Sized(0, 1)]),
    ("getentropy", &[Sized(0, 1)]),
    ("gethostname", &[Sized(0, 1)]),
    ("getrandom", &[Sized(0, 1)]),
    ("getrlimit", &[Bytes(1, 16)]),
    ("getrusage", &[Bytes(1, 144)]),
    ("gettimeofday", &[Bytes(0, 16), Bytes(1, 8)]),
    ("lstat", &[Bytes(1, 144)]),
    ("memccpy", &[Sized(0, 3)]),
    ("pread", &[Sized(1, 2)]),
    ("pread64", &[Sized(1, 2)]),
    ("pthread_attr_getdetachstate", &[Bytes(1, 4)]),
    ("pthread_attr_getguardsize", &[Bytes(1, 8)]),
    ("pthread_attr_getschedpolicy", &[Bytes(1, 4)]),
    ("pthread_attr_getstack", &[Bytes(1, 8), Bytes(2, 8)]),
    ("pthread_attr_getstacksize", &[Bytes(1, 8)]),
    ("pthread_attr_init", &[Bytes(0, 64)]),
    ("pthread_cond_init", &[Bytes(0, 48)]),
    ("pthread_key_create", &[Bytes(0, 8)]),
    ("pthread_mutex_init", &[Bytes(0, 64)]),
    ("pthread_mutexattr_getpshared", &[Bytes(1, 4)]),
    ("pthread_mutexattr_getrobust", &[Bytes(1, 4)]),
    ("pthread_mutexattr_gettype", &[Bytes(1, 4)]),
    ("pthread_mutexattr_init", &[Bytes(0, 8)]),
    ("pthread_rwlock_init", &[Bytes(0, 56)]),
    ("qsort", &[Units(0, 1, 2)]),
    ("qsort_r", &[Units(0, 1, 2)]),
    ("read", &[Sized(1, 2)]),
    ("readlink", &[Sized(1, 2)]),
    ("realpath", &[Text(1)]),
    ("recv", &[Sized(1, 2)]),
    ("sigemptyset", &[Bytes(0, 128)]),
    ("sigfillset", &[Bytes(0, 128)]),
    ("snprintf", &[Sized(0, 1)]),
    ("sprintf", &[Text(0)]),
    ("sscanf", &[Every(2)]),
    ("stat", &[Bytes(1, 144)]),
    ("stpcpy", &[Text(0)]),
    ("stpncpy", &[Sized(0, 2)]),
    ("strftime", &[Sized(0, 1)]),
    ("strtod", &[Bytes(1, 8)]),
    ("strtol", &[Bytes(1, 8)]),
    ("strtoll", &[Bytes(1, 8)]),
    ("strtoul", &[Bytes(1, 8)]),
    ("strtoull", &[Bytes(1, 8)]),
    ("swab", &[Sized(1, 2)]),
    ("time", &[Bytes(0, 8)]),
    ("uname", &[Bytes(0, 390)]),
    ("vsnprintf", &[Sized(0, 1)]),
    ("vsprintf", &[Text(0)]),
];

/// Forgets what a function of this name writes.
pub(super) fn forget(machine: &mut SharedMachine, state: &mut PathState, name: &str) {
    let Ok(found) = OUTPUTS.binary_search_by_key(&name, |(name, _)| name) else {
        return;
    };
    for output in OUTPUTS.get(found).map_or(&[][..], |(_, outputs)| outputs) {
        let argument = |number| machine.argument(state, number);
        let (number, length) = match *output {
            Bytes(number, length) => (number, MachineValue::Known(length)),
            Sized(number, length) => (number, argument(length)),
            Units(number, count, size) => {
                let size = if size == usize::MAX {
                    MachineValue::Known(4)
                } else {
                    argument(size)
                };
                let length = argument(count).known().zip(size.known());
                (
                    number,
                    length.map_or(MachineValue::ANY, |(count, size)| {
                        MachineValue::Known(count.saturating_mul(size))
                    }),
                )
            }
            Text(number) => (number, MachineValue::ANY),
            Every(first) => {
                every(machine, state, first);
                continue;
            }
        };
        let pointer = machine.argument(state, number);
        if pointer != MachineValue::Known(0) {
            machine.overwrite(state, pointer, length);
        }
    }
}

/// Any number of pointers, of which those that do not fit into registers lie on the stack.
fn every(machine: &SharedMachine, state: &mut PathState, first: usize) {
    let registers = machine.convention.arguments.len();
    for number in first..registers.max(first) + MOST_STACKED {
        let pointer = machine.argument(state, number);
        let is_own = matches!(pointer, MachineValue::Known(address) if region(address) != MemoryRegion::Image);
        // What lies behind the last argument is the caller's own, and may be any address of the image.
        if number < registers || is_own {
            machine.forget(state, pointer, WIDEST);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_sorted_and_stand_once() {
        for pair in OUTPUTS.windows(2) {
            assert!(pair[0].0 < pair[1].0, "{} {}", pair[0].0, pair[1].0);
        }
    }
}
