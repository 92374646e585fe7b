//! What the data alone says of how a hook initialises its module, and of the GIL.
//!
//! Each inference stands beside the reason why it holds. Code could always do something else than the data suggests;
//! an answer is given only where the usual compilers and generators leave no other way, and where the data suggests two.

use std::collections::BTreeSet;

use super::definition::Definition;
use super::slots::{self, Record};
use super::{Survey, imported};
use crate::binary::HookFacts;
use crate::binary::image::Image;
use crate::cpython::init_function;
use crate::model::evidence::Evidence;
use crate::model::facts::{Declaration, Fact, Hook, HookKind, InitKind};

/// Creates a module at once; single-phase hooks return what it makes.
const CREATE: [&str; 2] = ["PyModule_Create2", "PyModule_Create2TraceRefs"];
/// Makes a definition ready to be returned by a multi-phase hook.
const DEFINE: &str = "PyModuleDef_Init";
/// Create modules from definitions or slots inside of a running program.
const CREATE_FROM: [&str; 3] = ["PyModule_FromDefAndSpec", "PyModule_FromDefAndSpec2", "PyModule_FromSlotsAndSpec"];
const SET_GIL: &str = "PyUnstable_Module_SetGIL";

/// Functions by which code gets at others that it does not import.
const LOOKUPS: [&str; 10] = [
    "dlsym",
    "dlvsym",
    "dlopen",
    "GetProcAddress",
    "LoadLibraryA",
    "LoadLibraryW",
    "LoadLibraryExA",
    "LoadLibraryExW",
    "NSLookupSymbolInImage",
    "_dl_sym",
];

/// Beginnings of the names, in lower case, of libraries that do not call Python's C API.
const SYSTEM_LIBRARIES: [&str; 46] = [
    "libc.so",
    "libc.musl-",
    "libm.so",
    "libpthread.so",
    "librt.so",
    "libutil.so",
    "libdl.so",
    "libgcc_s.so",
    "libgcc_s.1.dylib",
    "libgcc_s_seh-1.dll",
    "libstdc++.so",
    "libstdc++-6.dll",
    "libstdc++.6.dylib",
    "libwinpthread-1.dll",
    "libatomic.so",
    "ld-linux",
    "ld64.so",
    "ld-musl-",
    "libsystem.b.dylib",
    "libc++.1.dylib",
    "libc++abi.dylib",
    "libobjc.a.dylib",
    "corefoundation",
    "foundation",
    "iokit",
    "security",
    "systemconfiguration",
    "kernel32.dll",
    "advapi32.dll",
    "user32.dll",
    "gdi32.dll",
    "shell32.dll",
    "shlwapi.dll",
    "ole32.dll",
    "oleaut32.dll",
    "ws2_32.dll",
    "ntdll.dll",
    "bcrypt.dll",
    "crypt32.dll",
    "psapi.dll",
    "iphlpapi.dll",
    "vcruntime140",
    "msvcp140",
    "ucrtbase.dll",
    "msvcrt.dll",
    "api-ms-win-",
];

fn unknown(why: impl Into<String>) -> HookFacts {
    let why = why.into();
    HookFacts {
        init: Fact::unknown(why.clone()),
        gil: Fact::unknown(why.clone()),
        abi_info: Fact::unknown(why.clone()),
        slots: Fact::unknown(why.clone()),
        interpreters: Fact::unknown(why),
    }
}

/// Reads what the data says of one hook.
pub(super) fn read(survey: &Survey<'_, '_>, hook: &Hook, hooks: &[Hook]) -> HookFacts {
    if hook.kind == HookKind::Export {
        // The hook returns an array of slots, and which one only its code says. That it returns slots is certain.
        let evaluation = unknown("the slots that it returns are named only in its code");
        let seen = Evidence::new("exported symbol").symbol(&hook.symbol).address(hook.address);
        return HookFacts { init: Fact::known(InitKind::Export, vec![seen]), ..evaluation };
    }
    if let Some(delegated) = delegated(survey, hooks) {
        return delegated;
    }
    let definition = match own_definition(survey, hook) {
        Ok(definition) => definition,
        Err(why) => return unknown(why),
    };
    if definition.slots == 0 { without_slots(survey, definition, hooks) } else { with_slots(survey, definition) }
}

/// A module made by CFFI in API mode is created by `_cffi_backend`, which also speaks of the GIL on its behalf:
/// <https://github.com/python-cffi/cffi/blob/main/src/c/cffi1_module.c>. Such a file has one hook, mentions the backend
/// and its entry point, and imports nothing that could create a module.
fn delegated(survey: &Survey<'_, '_>, hooks: &[Hook]) -> Option<HookFacts> {
    let creates = CREATE.iter().chain(&CREATE_FROM).chain(&[DEFINE]).any(|symbol| survey.imports(symbol));
    let hooks = hooks.iter().filter(|hook| hook.kind == HookKind::Init).count();
    let marks = survey.marks.cffi()?;
    if creates || hooks != 1 || !survey.imports("PyImport_ImportModule") {
        return None;
    }
    let gil = Declaration::Delegated { to: "_cffi_backend".to_owned() };
    Some(HookFacts {
        init: Fact::known(InitKind::SinglePhase, marks.clone()),
        gil: Fact::known(gil, marks.clone()),
        abi_info: Fact::known(None, marks.clone()),
        slots: Fact::known(Vec::new(), marks.clone()),
        interpreters: Fact::known(None, marks),
    })
}

/// The only static definition that carries the module's name, as its last component.
fn own_definition<'survey>(survey: &'survey Survey<'_, '_>, hook: &Hook) -> Result<&'survey Definition, String> {
    if let Some(why) = survey.objects.unread {
        return Err(why.to_owned());
    }
    let is_own = |definition: &&Definition| {
        let last = definition.name.rsplit('.').next();
        last.is_some_and(|last| init_function::is_same_module(last, &hook.module))
    };
    let own: Vec<&Definition> = survey.objects.definitions.iter().filter(is_own).collect();
    match own.as_slice() {
        [definition] => Ok(definition),
        [] => Err(format!("no module definition named {:?} is in the file's data", hook.module)),
        [first, second, ..] => {
            let (name, first, second) = (&hook.module, first.address, second.address);
            Err(format!("several module definitions are named {name:?}, at {first:#x} and {second:#x}"))
        }
    }
}

fn definition_evidence(definition: &Definition) -> Evidence {
    Evidence::new("static PyModuleDef").symbol(&definition.name).address(definition.address)
}

/// `PyModule_Create2` refuses a definition that has slots, so a hook with such a definition is multi-phase.
/// <https://docs.python.org/3/c-api/module.html#c.PyModule_Create2>
fn with_slots(survey: &Survey<'_, '_>, definition: &Definition) -> HookFacts {
    let image = survey.image;
    if !survey.imports(DEFINE) {
        return unknown(format!("its definition at {:#x} has slots, but {DEFINE} is not imported", definition.address));
    }
    let seen = vec![definition_evidence(definition), imported(DEFINE)];
    let init = Fact::known(InitKind::MultiPhase, seen.clone());
    let slots = match slots::decode(image, definition.slots, Record::Definition) {
        Ok(slots) => slots,
        Err(why) => return HookFacts { init, ..unknown(why) },
    };
    let declaration = slots::declaration(&slots, definition.slots);
    let absent = declaration.value() == Some(&Declaration::Absent);
    if slots.is_empty() || (absent && has_room(image, definition.slots, slots.len())) {
        // pybind11 fills an array that starts as zeros, and a program may append a slot for the versions that know it.
        let why = format!("its slots at {:#x} leave room that code could fill", definition.slots);
        return HookFacts { init, ..unknown(why) };
    }
    HookFacts {
        init,
        gil: with_evidence(declaration, &seen),
        abi_info: slots::abi_info(image, &slots),
        slots: Fact::known(slots::ids(&slots), vec![Evidence::new("slots").address(definition.slots)]),
        interpreters: slots::interpreters(&slots, definition.slots),
    }
}

/// Address of the function in the slot `Py_mod_create` of the static definition that carries the module's name.
pub(super) fn create(survey: &Survey<'_, '_>, hook: &Hook) -> Option<u64> {
    const CREATE: [u32; 2] = [1, 84];
    let slots = own_definition(survey, hook).ok()?.slots;
    let slots = slots::decode(survey.image, slots, Record::Definition).ok()?;
    slots.iter().find(|slot| CREATE.contains(&slot.id)).map(|slot| slot.value)
}

/// What decides comes first.
fn with_evidence<T>(fact: Fact<T>, rest: &[Evidence]) -> Fact<T> {
    match fact {
        Fact::Known { value, evidence } => Fact::Known { value, evidence: [&evidence, rest].concat() },
        Fact::Unknown { why, evidence } => Fact::Unknown { why, evidence: [&evidence, rest].concat() },
    }
}

/// Whether another, empty record follows the end of a writable array.
fn has_room(image: &Image<'_>, array: u64, slots: usize) -> bool {
    let size = slots::record_size(image, Record::Definition);
    let next = array.saturating_add(size * (slots as u64 + 1));
    let is_empty = image.read(next, size as usize).is_some_and(|bytes| bytes.iter().all(|&byte| byte == 0));
    is_empty && !image.is_read_only(array)
}

/// A definition without slots, in a file that imports the function for single-phase modules and none for others, and
/// has one hook, makes a single-phase module. It says something of the GIL only by calling `PyUnstable_Module_SetGIL`:
/// a file that does not import it, cannot look it up while running and loads no library that could call it on its
/// behalf says nothing.
fn without_slots(survey: &Survey<'_, '_>, definition: &Definition, hooks: &[Hook]) -> HookFacts {
    let Some(create) = CREATE.iter().find(|symbol| survey.imports(symbol)) else {
        return unknown(format!("its definition at {:#x} has no slots in the file's data", definition.address));
    };
    if let Some(other) = CREATE_FROM.iter().chain(&[DEFINE]).find(|symbol| survey.imports(symbol)) {
        return unknown(format!(
            "it imports both {create} and {other}; which of them the hook uses is decided in code"
        ));
    }
    if hooks.len() != 1 || survey.objects.definitions.len() != 1 {
        return unknown("it has more than one hook or definition; which goes with which is decided in code");
    }
    let seen = vec![definition_evidence(definition), imported(create)];
    let single = HookFacts {
        init: Fact::known(InitKind::SinglePhase, seen.clone()),
        abi_info: Fact::known(None, seen.clone()),
        slots: Fact::known(Vec::new(), seen.clone()),
        interpreters: Fact::known(None, seen.clone()),
        gil: Fact::known(Declaration::Absent, seen),
    };
    let symbols: BTreeSet<&str> = survey.image.imports().iter().map(|import| import.name.as_str()).collect();
    let why = if symbols.contains(SET_GIL) {
        Some(format!("it imports {SET_GIL}; whether and with which value it calls it is decided in code"))
    } else if let Some(lookup) = LOOKUPS.iter().find(|symbol| symbols.contains(**symbol)) {
        Some(format!("it imports {lookup}, by which its code could call {SET_GIL}"))
    } else {
        let foreign = survey.image.libraries().iter().find(|library| !is_system_library(library));
        foreign.map(|library| format!("it loads {library}, which could call {SET_GIL} on its behalf"))
    };
    match why {
        Some(why) => HookFacts { gil: Fact::Unknown { why, evidence: single.gil.evidence().to_vec() }, ..single },
        None => single,
    }
}

pub(in crate::binary) fn is_system_library(library: &str) -> bool {
    let name = library.rsplit('/').next().unwrap_or(library).to_ascii_lowercase();
    let is_python = super::library::python_library(&name).is_some();
    is_python || SYSTEM_LIBRARIES.iter().any(|known| name.starts_with(known))
}
