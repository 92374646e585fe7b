//! Which interpreters' memory layout an image was compiled for, by the strongest sign that it has.
//!
//! In order: the name of the Python library on Windows, where it names the build; `Py_mod_abi`; symbols that only
//! free-threaded headers produce, and the headers of static objects; the symbols of reference counting; its instructions;
//! what CFFI is known to generate; the name of the Python library elsewhere. Where signs of equal strength contradict each
//! other, the answer is unknown.

use std::collections::BTreeSet;

use super::counting::{COUNT_BY_CALL, sighted};
use super::library::{self, PythonLibrary};
use super::{ImageContext, baselines, imported, stable_abi};
use crate::binary::image::BinaryImage;
use crate::cpython::abi_info;
use crate::cpython::layouts::ObjectHeader;
use crate::model::evidence::Evidence;
use crate::model::facts::{
    Abi, AbiInfo, Fact, Flavour, Generator, Hook, ImageFormat, ImportOrigin, Toolchain,
};

/// Declared by free-threaded headers only, and absent from builds with the GIL:
/// <https://github.com/python/cpython/blob/3.14/Include/refcount.h>
const FREE_THREADED_ONLY: [&str; 5] = [
    "PyUnstable_Module_SetGIL",
    "_Py_DecRefShared",
    "_Py_DecRefSharedDebug",
    "_Py_GetThreadLocal_Addr",
    "_Py_MergeZeroLocalRefcount",
];
/// Flags of `PyABIInfo`: <https://docs.python.org/3.15/c-api/stable.html#c.PyABIInfo>
const STABLE: u16 = 1;
const GIL: u16 = 2;
const FREE_THREADED: u16 = 4;
const KNOWN_FLAGS: u16 = 15;
/// The id of `Py_mod_abi`.
const ABI_SLOT: u16 = 109;
/// How much evidence of one kind is shown.
const MOST_SHOWN: usize = 3;

/// Minor versions, oldest and newest.
type VersionSpan = (Option<u8>, Option<u8>);

/// Decides the flavour.
pub(super) fn abi(
    context: &ImageContext<'_, '_>,
    hooks: &[Hook],
    toolchain: Option<&Toolchain>,
) -> Fact<Abi> {
    let libraries = library::python_libraries(context.image);
    let by_library = || (!libraries.is_empty()).then(|| from_libraries(context, &libraries));
    let by_name = if context.image.format == ImageFormat::Pe {
        by_library()
    } else {
        None
    };
    by_name
        .or_else(|| from_abi_info(context, hooks))
        .or_else(|| from_code(context, hooks, toolchain))
        .or_else(|| from_counting(context))
        .or_else(|| from_instructions(context, hooks))
        .or_else(|| from_backend(context, toolchain))
        .or_else(by_library)
        .unwrap_or_else(|| {
            Fact::unknown("neither its symbols nor its data tell which build it was compiled for")
        })
}

fn known(flavour: Flavour, versions: VersionSpan, evidence: Vec<Evidence>) -> Fact<Abi> {
    Fact::known(Abi { flavour, versions }, evidence)
}

fn from_libraries(
    context: &ImageContext<'_, '_>,
    libraries: &[(String, PythonLibrary)],
) -> Fact<Abi> {
    let evidence = libraries
        .iter()
        .map(|(name, _)| Evidence::new("imported library").symbol(name))
        .collect();
    // A file for one version may load the library of the stable ABI as well; the version then decides.
    let versioned: BTreeSet<_> = libraries
        .iter()
        .map(|(_, library)| *library)
        .filter(|it| it.minor.is_some())
        .collect();
    let any: BTreeSet<_> = libraries.iter().map(|(_, library)| *library).collect();
    let deciding = if versioned.is_empty() {
        &any
    } else {
        &versioned
    };
    let mut deciding = deciding.iter();
    match (deciding.next(), deciding.next()) {
        (Some(library), None) => {
            let (flavour, versions) = match (library.minor, library.free_threaded) {
                (Some(minor), true) => (Flavour::FreeThreaded, (Some(minor), Some(minor))),
                (Some(minor), false) => (Flavour::Gil, (Some(minor), Some(minor))),
                (None, true) => (Flavour::Abi3t, (oldest_stable(context).max(Some(15)), None)),
                (None, false) => (Flavour::Abi3, (oldest_stable(context), None)),
            };
            known(flavour, versions, evidence)
        }
        _ => Fact::Unknown {
            why: "it imports the libraries of several builds of Python".to_owned(),
            evidence,
        },
    }
}

/// The version that added the newest symbol that it imports from the stable ABI.
fn oldest_stable(context: &ImageContext<'_, '_>) -> Option<u8> {
    context
        .python_imports
        .iter()
        .filter_map(|symbol| stable_abi::added(symbol))
        .max()
}

/// `Py_mod_abi` states it outright. Records of it are also found without knowing which hook returns them, since a file is
/// compiled for one ABI.
fn from_abi_info(context: &ImageContext<'_, '_>, hooks: &[Hook]) -> Option<Fact<Abi>> {
    let mut stated: Vec<(Abi, Vec<Evidence>)> = Vec::new();
    for hook in hooks {
        if let Some(Some(info)) = hook.facts.abi_info.value()
            && let Some(abi) = stated_abi(info)
        {
            stated.push((abi, hook.facts.abi_info.evidence().to_vec()));
        }
    }
    if stated.is_empty() && !hooks.is_empty() {
        stated = abi_slots(context.image);
    }
    let (first, _) = stated.first()?.clone();
    let evidence = stated
        .iter()
        .take(MOST_SHOWN)
        .flat_map(|(_, evidence)| evidence.clone())
        .collect();
    if stated.iter().any(|(abi, _)| *abi != first) {
        return Some(Fact::Unknown {
            why: "its slots Py_mod_abi contradict each other".to_owned(),
            evidence,
        });
    }
    Some(Fact::known(first, evidence))
}

fn stated_abi(info: &AbiInfo) -> Option<Abi> {
    let minor = (info.abi_version != 0).then_some((info.abi_version >> 16) as u8);
    let from = minor.or(Some(15));
    let (flavour, versions) = match info.flags & (STABLE | GIL | FREE_THREADED) {
        GIL => (Flavour::Gil, (from, minor)),
        FREE_THREADED => (Flavour::FreeThreaded, (from, minor)),
        flags if flags == STABLE | GIL => (Flavour::Abi3, (from, None)),
        flags if flags == STABLE | GIL | FREE_THREADED => (Flavour::Abi3t, (from, None)),
        _ => return None,
    };
    (info.major == 1).then_some(Abi { flavour, versions })
}

/// Records of `PySlot` with the id of `Py_mod_abi` that point to a credible `PyABIInfo`.
fn abi_slots(image: &BinaryImage<'_>) -> Vec<(Abi, Vec<Evidence>)> {
    let mut found = Vec::new();
    for &(place, target) in image.relocations() {
        let Some(record) = place.checked_sub(8) else {
            continue;
        };
        if image.u16(record) != Some(ABI_SLOT) || image.u32(place - 4) != Some(0) {
            continue;
        }
        let Some(info) = abi_info::read(image, target) else {
            continue;
        };
        let is_version = |version: u32| version == 0 || version >> 24 == 3;
        let is_credible = info.minor == 0
            && info.flags & !KNOWN_FLAGS == 0
            && is_version(info.build_version)
            && is_version(info.abi_version);
        if let Some(abi) = stated_abi(&info).filter(|_| is_credible) {
            let seen = Evidence::new("slot Py_mod_abi").address(record);
            found.push((abi, vec![seen, abi_info::evidence(target, &info)]));
        }
    }
    found
}

/// Symbols that only free-threaded headers produce, and what the headers wrote into static objects. Definitions are
/// recognised by more fields than types are, so types count only where there is no definition.
fn from_code(
    context: &ImageContext<'_, '_>,
    hooks: &[Hook],
    toolchain: Option<&Toolchain>,
) -> Option<Fact<Abi>> {
    let symbols = FREE_THREADED_ONLY
        .iter()
        .filter(|symbol| context.imports(symbol))
        .map(imported);
    let mut evidence: Vec<Evidence> = symbols.collect();
    let by_symbol = !evidence.is_empty();
    let definitions = context
        .objects
        .definitions
        .iter()
        .map(|it| ("PyModuleDef", it.address, it.header));
    let types = context
        .objects
        .types
        .iter()
        .map(|it| ("PyTypeObject", it.address, it.header));
    let objects: Vec<_> = if context.objects.definitions.is_empty() {
        types.collect()
    } else {
        definitions.collect()
    };
    let headers: BTreeSet<ObjectHeader> = objects.iter().map(|&(_, _, header)| header).collect();
    for header in &headers {
        let of_kind = objects
            .iter()
            .filter(|(_, _, other)| other == header)
            .take(MOST_SHOWN);
        evidence.extend(of_kind.map(|(what, address, header)| {
            Evidence::new(format!("header of a static {what}"))
                .address(*address)
                .value(header.words())
        }));
    }
    let free_threaded = by_symbol || headers.iter().any(|header| header.is_free_threaded());
    let with_gil = headers.iter().any(|header| !header.is_free_threaded());
    match (free_threaded, with_gil) {
        (true, true) => {
            let why = "some signs are of a free-threaded build and others of a build with the GIL"
                .to_owned();
            Some(Fact::Unknown { why, evidence })
        }
        (true, false) => Some(known(
            Flavour::FreeThreaded,
            free_threaded_versions(&headers, hooks, toolchain),
            evidence,
        )),
        (false, true) => Some(with_the_gil(
            context,
            gil_versions(&headers, toolchain),
            evidence,
        )),
        (false, false) => None,
    }
}

/// Whether the generator compiles C against CPython's own headers, so that what those write is certain.
pub(super) fn uses_headers(toolchain: Option<&Toolchain>) -> bool {
    use Generator::{BoostPython, Cffi, Cython, F2py, Mypyc, Nanobind, Pybind11, Pythran, Swig};
    toolchain.is_some_and(|toolchain| {
        matches!(
            toolchain.generator,
            BoostPython | Cffi | Cython | F2py | Mypyc | Nanobind | Pybind11 | Pythran | Swig
        )
    })
}

fn free_threaded_versions(
    headers: &BTreeSet<ObjectHeader>,
    hooks: &[Hook],
    toolchain: Option<&Toolchain>,
) -> VersionSpan {
    let ids = || {
        hooks
            .iter()
            .filter_map(|hook| hook.facts.slots.value())
            .flatten()
    };
    // Ids above 4 are refused by everything older than 3.15, and what the headers of 3.15 write has only such.
    let needs_315 = ids().any(|&id| id > 4);
    let before_315 = uses_headers(toolchain) && ids().any(|&id| id <= 4);
    if needs_315 {
        return (Some(15), None);
    }
    let (oldest, newest) = if headers.contains(&ObjectHeader::FreeThreadedMarked) {
        (14, None)
    } else if headers.contains(&ObjectHeader::FreeThreadedPlain) {
        (13, Some(if uses_headers(toolchain) { 13 } else { 14 }))
    } else {
        (13, None)
    };
    (Some(oldest), newest.or(before_315.then_some(14)))
}

fn gil_versions(headers: &BTreeSet<ObjectHeader>, toolchain: Option<&Toolchain>) -> VersionSpan {
    let mut headers = headers.iter();
    match (headers.next(), headers.next()) {
        (Some(ObjectHeader::Counted), None) if uses_headers(toolchain) => (None, Some(12)),
        (Some(ObjectHeader::Immortal313), None) => (Some(13), Some(13)),
        (Some(ObjectHeader::Immortal314), None) => (Some(14), None),
        _ => (None, None),
    }
}

/// For builds with the GIL, the symbols may tell whether it is one version's or the stable ABI.
fn with_the_gil(
    context: &ImageContext<'_, '_>,
    versions: VersionSpan,
    mut evidence: Vec<Evidence>,
) -> Fact<Abi> {
    let imports = &context.python_imports;
    if let Some(symbol) = imports
        .iter()
        .find(|symbol| stable_abi::is_version_specific(symbol))
    {
        evidence.push(Evidence::new("imported symbol outside of the stable ABI").symbol(symbol));
        return known(Flavour::Gil, versions, evidence);
    }
    // Headers for one version never count by calling functions unless they are for debugging.
    if let Some(symbol) = COUNT_BY_CALL.iter().find(|symbol| context.imports(symbol)) {
        evidence.push(imported(symbol));
        return known(Flavour::Abi3, (oldest_stable(context), None), evidence);
    }
    // What version the headers were of says nothing of the stable ABI's oldest version.
    known(Flavour::GilOrAbi3, (None, None), evidence)
}

/// A module that CFFI's backend makes has no static objects. What CFFI generates looks into no object itself, so where it
/// also counts by calling functions, nothing in it depends on how objects are laid out, and it fits every build. Code of
/// the author's that does more imports more. <https://github.com/python-cffi/cffi/blob/main/src/cffi/_cffi_include.h>
fn from_backend(
    context: &ImageContext<'_, '_>,
    toolchain: Option<&Toolchain>,
) -> Option<Fact<Abi>> {
    let marks = context.marks.cffi()?;
    let toolchain = toolchain.filter(|toolchain| toolchain.generator == Generator::Cffi)?;
    let is_cffis =
        |symbol: &String| baselines::origin(symbol, Some(toolchain)) == ImportOrigin::Generator;
    let inline = FREE_THREADED_ONLY
        .iter()
        .chain(&["_Py_Dealloc"])
        .any(|symbol| context.imports(symbol));
    let counting = COUNT_BY_CALL
        .iter()
        .find(|symbol| context.imports(symbol))?;
    if inline || !context.python_imports.iter().all(is_cffis) {
        return None;
    }
    let evidence = std::iter::once(imported(counting)).chain(marks).collect();
    Some(known(
        Flavour::Abi3t,
        (oldest_stable(context), None),
        evidence,
    ))
}

/// `_Py_Dealloc` is what an inlined `Py_DECREF` calls when the count reaches zero; free-threaded headers do not.
fn from_counting(context: &ImageContext<'_, '_>) -> Option<Fact<Abi>> {
    context
        .imports("_Py_Dealloc")
        .then(|| with_the_gil(context, (None, None), vec![imported("_Py_Dealloc")]))
}

/// Where no symbol tells: inline counting itself. Biased counting is written by free-threaded headers only. Code for the
/// free-threaded build has the id of a thread at the beginning of an object and never counts it, so counting there, of
/// what is known to be a Python object, is that of a build with the GIL; of anything else it might be the author's own.
fn from_instructions(context: &ImageContext<'_, '_>, hooks: &[Hook]) -> Option<Fact<Abi>> {
    if hooks.is_empty() {
        return None;
    }
    let code = context.code()?;
    let biased = sighted("inline biased counting", code.biased);
    let plain = sighted(
        "inline counting of a Python object that is not atomic",
        code.non_atomic_on_objects,
    );
    match (biased, plain) {
        (Some(biased), None) => Some(known(Flavour::FreeThreaded, (Some(13), None), vec![biased])),
        (None, Some(plain)) => Some(with_the_gil(context, (None, None), vec![plain])),
        (None, None) => None,
        (Some(biased), Some(plain)) => {
            let why = "some of its counting is that of a free-threaded build and some that of a build with the GIL";
            Some(Fact::Unknown {
                why: why.to_owned(),
                evidence: vec![biased, plain],
            })
        }
    }
}
