//! What the data alone says of how a hook initialises its module, and of the GIL.
//!
//! Each inference stands beside the reason why it holds. Code could always do something else than the data suggests;
//! an answer is given only where the usual compilers and generators leave no other way, and where the data suggests two.

use std::collections::BTreeSet;

use super::definition::StaticDefinition;
use super::{ImageContext, imported};
use crate::binary::image::BinaryImage;
use crate::cpython::init_function;
use crate::cpython::slots::{self, ModuleSlot, SlotMeaning, SlotRecord};
use crate::model::evidence::Evidence;
use crate::model::facts::{
    AbiInfo, Fact, GilDeclaration, Hook, HookKind, InitFacts, InitKind, Interpreters,
};

/// Creates a module at once; single-phase hooks return what it makes.
const CREATE: [&str; 2] = ["PyModule_Create2", "PyModule_Create2TraceRefs"];
/// Makes a definition ready to be returned by a multi-phase hook.
const DEFINE: &str = "PyModuleDef_Init";
/// Create modules from definitions or slots inside of a running program.
const CREATE_FROM: [&str; 3] = [
    "PyModule_FromDefAndSpec",
    "PyModule_FromDefAndSpec2",
    "PyModule_FromSlotsAndSpec",
];
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

/// What the data says of one hook.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticInit {
    /// How the module is initialised.
    pub init: Fact<InitKind>,
    /// What the module says of the GIL.
    pub gil: StaticDeclaration,
    /// `Py_mod_abi`.
    pub abi_info: Fact<Option<AbiInfo>>,
    /// Slot ids in order.
    pub slots: Fact<Vec<u32>>,
    /// `Py_mod_multiple_interpreters`.
    pub interpreters: Fact<Option<Interpreters>>,
    /// Address of the function in the slot `Py_mod_create`, where the data has one beside a declaration.
    pub create: Option<u64>,
}

/// A declaration as the data has it. What it is worth depends on what the function in `Py_mod_create` gives, which only its
/// code tells.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct StaticDeclaration(Fact<GilDeclaration>);

impl StaticDeclaration {
    /// What it is worth, as somebody says who has followed that function.
    pub fn finish_with(
        self,
        worth: impl FnOnce(Fact<GilDeclaration>) -> Fact<GilDeclaration>,
    ) -> Fact<GilDeclaration> {
        worth(self.0)
    }
}

fn unknown(why: impl Into<String>) -> StaticInit {
    let InitFacts {
        init,
        gil,
        abi_info,
        slots,
        interpreters,
    } = InitFacts::unknown(why);
    StaticInit {
        init,
        gil: StaticDeclaration(gil),
        abi_info,
        slots,
        interpreters,
        create: None,
    }
}

/// Reads what the data says of one hook.
pub(super) fn read(context: &ImageContext<'_, '_>, hook: &Hook, hooks: &[Hook]) -> StaticInit {
    let init = declared(context, hook, hooks);
    let declares = init
        .gil
        .0
        .value()
        .is_some_and(|gil| matches!(gil, GilDeclaration::Slot { .. }));
    StaticInit {
        create: if declares {
            create(context, hook)
        } else {
            None
        },
        ..init
    }
}

fn declared(context: &ImageContext<'_, '_>, hook: &Hook, hooks: &[Hook]) -> StaticInit {
    if hook.kind == HookKind::Export {
        // The hook returns an array of slots, and which one only its code says. That it returns slots is certain.
        let evaluation = unknown("the slots that it returns are named only in its code");
        let seen = Evidence::new("exported symbol")
            .symbol(&hook.symbol)
            .address(hook.address);
        return StaticInit {
            init: Fact::known(InitKind::Export, vec![seen]),
            ..evaluation
        };
    }
    if let Some(delegated) = delegated(context, hooks) {
        return delegated;
    }
    let definition = match own_definition(context, hook) {
        Ok(definition) => definition,
        Err(why) => return unknown(why),
    };
    if definition.slots == 0 {
        without_slots(context, definition, hooks)
    } else {
        with_slots(context, definition)
    }
}

/// A module made by CFFI in API mode is created by `_cffi_backend`, which also speaks of the GIL on its behalf:
/// <https://github.com/python-cffi/cffi/blob/main/src/c/cffi1_module.c>. Such a file has one hook, mentions the backend
/// and its entry point, and imports nothing that could create a module.
fn delegated(context: &ImageContext<'_, '_>, hooks: &[Hook]) -> Option<StaticInit> {
    let creates = CREATE
        .iter()
        .chain(&CREATE_FROM)
        .chain(&[DEFINE])
        .any(|symbol| context.imports(symbol));
    let hooks = hooks
        .iter()
        .filter(|hook| hook.kind == HookKind::Init)
        .count();
    let marks = context.marks.cffi()?;
    if creates || hooks != 1 || !context.imports("PyImport_ImportModule") {
        return None;
    }
    let gil = GilDeclaration::Delegated {
        to: "_cffi_backend".to_owned(),
    };
    Some(StaticInit {
        init: Fact::known(InitKind::SinglePhase, marks.clone()),
        gil: StaticDeclaration(Fact::known(gil, marks.clone())),
        abi_info: Fact::known(None, marks.clone()),
        slots: Fact::known(Vec::new(), marks.clone()),
        interpreters: Fact::known(None, marks),
        create: None,
    })
}

/// The only static definition that carries the module's name, as its last component.
fn own_definition<'context>(
    context: &'context ImageContext<'_, '_>,
    hook: &Hook,
) -> Result<&'context StaticDefinition, String> {
    if let Some(why) = context.objects.unread {
        return Err(why.to_owned());
    }
    let is_own = |definition: &&StaticDefinition| {
        let last = definition.name.rsplit('.').next();
        last.is_some_and(|last| init_function::is_same_module(last, &hook.module))
    };
    let own: Vec<&StaticDefinition> = context.objects.definitions.iter().filter(is_own).collect();
    match own.as_slice() {
        [definition] => Ok(definition),
        [] => Err(format!(
            "no module definition named {:?} is in the file's data",
            hook.module
        )),
        [first, second, ..] => {
            let (name, first, second) = (&hook.module, first.address, second.address);
            Err(format!(
                "several module definitions are named {name:?}, at {first:#x} and {second:#x}"
            ))
        }
    }
}

fn definition_evidence(definition: &StaticDefinition) -> Evidence {
    Evidence::new("static PyModuleDef")
        .symbol(&definition.name)
        .address(definition.address)
}

/// `PyModule_Create2` refuses a definition that has slots, so a hook with such a definition is multi-phase.
/// <https://docs.python.org/3/c-api/module.html#c.PyModule_Create2>
fn with_slots(context: &ImageContext<'_, '_>, definition: &StaticDefinition) -> StaticInit {
    let image = context.image;
    if !context.imports(DEFINE) {
        return unknown(format!(
            "its definition at {:#x} has slots, but {DEFINE} is not imported",
            definition.address
        ));
    }
    let seen = vec![definition_evidence(definition), imported(DEFINE)];
    let init = Fact::known(InitKind::MultiPhase, seen.clone());
    let slots = match static_slots(image, definition.slots) {
        Ok(slots) => slots,
        Err(why) => {
            return StaticInit {
                init,
                ..unknown(why)
            };
        }
    };
    let declaration = slots::declaration(&slots, definition.slots);
    let absent = declaration.value() == Some(&GilDeclaration::Absent);
    if slots.is_empty() || (absent && has_room(image, definition.slots, slots.len())) {
        // pybind11 fills an array that starts as zeros, and a program may append a slot for the versions that know it.
        let why = format!(
            "its slots at {:#x} leave room that code could fill",
            definition.slots
        );
        return StaticInit {
            init,
            ..unknown(why)
        };
    }
    StaticInit {
        init,
        gil: StaticDeclaration(with_evidence(declaration, &seen)),
        abi_info: slots::abi_info(image, &slots),
        slots: Fact::known(
            slots::ids(&slots),
            vec![Evidence::new("slots").address(definition.slots)],
        ),
        interpreters: slots::interpreters(&slots, definition.slots),
        create: None,
    }
}

/// The slots of a definition, with what data must look like that are slots: ids that modules have, addresses where the
/// loader writes them, and nothing in the gap behind an id.
fn static_slots(image: &BinaryImage<'_>, array: u64) -> Result<Vec<ModuleSlot>, String> {
    let slots = slots::read(image, array, SlotRecord::Definition)?;
    for slot in &slots {
        let ModuleSlot {
            id,
            value_address,
            address: place,
            ..
        } = *slot;
        let meaning = SlotMeaning::of(id)
            .ok_or_else(|| format!("slot id {id} at {place:#x} is not a module's"))?;
        if slot.value.is_none() {
            return Err(format!("the value of slot {id} at {place:#x} is not known"));
        }
        if meaning
            .holds_address()
            .is_some_and(|address| address != image.is_relocated(value_address))
        {
            return Err(format!(
                "the value of slot {id} at {place:#x} is not of the right kind"
            ));
        }
        let has_gap = value_address - place == 8;
        if image.is_relocated(place) || has_gap && image.u32(place.wrapping_add(4)) != Some(0) {
            return Err(format!("what is at {place:#x} is not a slot"));
        }
    }
    Ok(slots)
}

/// Address of the function in the slot `Py_mod_create` of the static definition that carries the module's name.
fn create(context: &ImageContext<'_, '_>, hook: &Hook) -> Option<u64> {
    let slots = own_definition(context, hook).ok()?.slots;
    let slots = static_slots(context.image, slots).ok()?;
    slots::create(&slots).ok().flatten()
}

/// What decides comes first.
fn with_evidence<T>(fact: Fact<T>, rest: &[Evidence]) -> Fact<T> {
    match fact {
        Fact::Known { value, evidence } => Fact::Known {
            value,
            evidence: [&evidence, rest].concat(),
        },
        Fact::Unknown { why, evidence } => Fact::Unknown {
            why,
            evidence: [&evidence, rest].concat(),
        },
    }
}

/// Whether another, empty record follows the end of a writable array.
fn has_room(image: &BinaryImage<'_>, array: u64, slots: usize) -> bool {
    let size = SlotRecord::Definition.size(image.pointer_size as u64);
    let next = array.saturating_add(size * (slots as u64 + 1));
    let is_empty = image
        .read(next, size as usize)
        .is_some_and(|bytes| bytes.iter().all(|&byte| byte == 0));
    is_empty && !image.is_read_only(array)
}

/// A definition without slots, in a file that imports the function for single-phase modules and none for others, and
/// has one hook, makes a single-phase module. It says something of the GIL only by calling `PyUnstable_Module_SetGIL`:
/// a file that does not import it, cannot look it up while running and loads no library that could call it on its
/// behalf says nothing.
fn without_slots(
    context: &ImageContext<'_, '_>,
    definition: &StaticDefinition,
    hooks: &[Hook],
) -> StaticInit {
    let Some(create) = CREATE.iter().find(|symbol| context.imports(symbol)) else {
        return unknown(format!(
            "its definition at {:#x} has no slots in the file's data",
            definition.address
        ));
    };
    if let Some(other) = CREATE_FROM
        .iter()
        .chain(&[DEFINE])
        .find(|symbol| context.imports(symbol))
    {
        return unknown(format!(
            "it imports both {create} and {other}; which of them the hook uses is decided in code"
        ));
    }
    if hooks.len() != 1 || context.objects.definitions.len() != 1 {
        return unknown(
            "it has more than one hook or definition; which goes with which is decided in code",
        );
    }
    let seen = vec![definition_evidence(definition), imported(create)];
    let single = StaticInit {
        init: Fact::known(InitKind::SinglePhase, seen.clone()),
        abi_info: Fact::known(None, seen.clone()),
        slots: Fact::known(Vec::new(), seen.clone()),
        interpreters: Fact::known(None, seen.clone()),
        gil: StaticDeclaration(Fact::known(GilDeclaration::Absent, seen.clone())),
        create: None,
    };
    let symbols: BTreeSet<&str> = context
        .image
        .imports()
        .iter()
        .map(|import| import.name.as_str())
        .collect();
    let why = if symbols.contains(SET_GIL) {
        Some(format!(
            "it imports {SET_GIL}; whether and with which value it calls it is decided in code"
        ))
    } else if let Some(lookup) = LOOKUPS.iter().find(|symbol| symbols.contains(**symbol)) {
        Some(format!(
            "it imports {lookup}, by which its code could call {SET_GIL}"
        ))
    } else {
        let foreign = context
            .image
            .libraries()
            .iter()
            .find(|library| !is_system_library(library));
        foreign
            .map(|library| format!("it loads {library}, which could call {SET_GIL} on its behalf"))
    };
    match why {
        Some(why) => StaticInit {
            gil: StaticDeclaration(Fact::Unknown {
                why,
                evidence: seen,
            }),
            ..single
        },
        None => single,
    }
}

/// Whether a library belongs to the system or the interpreter, and so makes nobody's modules.
pub fn is_system_library(library: &str) -> bool {
    let name = library
        .rsplit('/')
        .next()
        .unwrap_or(library)
        .to_ascii_lowercase();
    let is_python = super::library::python_library(&name).is_some();
    is_python || SYSTEM_LIBRARIES.iter().any(|known| name.starts_with(known))
}
