//! Which generator made a module, by the marks that generators leave in the constant data and in the symbols.
//!
//! Constant data is searched once for all marks. What a module quotes of another tool is not its own mark: the marks are
//! names and texts that only the tool's own run-time support contains, and the list is in the order in which they decide
//! when a file has several, which happens when code of one tool is linked into another's module.

use super::image::{BinaryImage, ImageSegment};
use crate::model::evidence::Evidence;
use crate::model::facts::{Fact, Generator, Toolchain};

/// Most bytes that are searched.
const MOST_SEARCHED: usize = 64 << 20;
/// Longest text around a mark that is looked at for a version.
const CONTEXT: usize = 64;

/// Reads a version from what follows a mark.
type ReadVersion = fn(&[u8]) -> Option<String>;

/// A text in the data that tells of a generator.
struct GeneratorMark {
    text: &'static str,
    generator: Generator,
    version: Option<ReadVersion>,
    /// Whether only what follows makes it a mark: there must then be a version.
    needs_version: bool,
}

const fn mark(text: &'static str, generator: Generator) -> GeneratorMark {
    GeneratorMark {
        text,
        generator,
        version: None,
        needs_version: false,
    }
}

const fn versioned(
    text: &'static str,
    generator: Generator,
    version: ReadVersion,
) -> GeneratorMark {
    GeneratorMark {
        text,
        generator,
        version: Some(version),
        needs_version: true,
    }
}

const MARKS: [GeneratorMark; 33] = [
    versioned("pyo3-", Generator::Pyo3, crate_version),
    mark("pyo3_runtime.PanicException", Generator::Pyo3),
    mark(
        "PyO3 modules do not yet support subinterpreters",
        Generator::Pyo3,
    ),
    mark("PyO3 modules compiled for CPython", Generator::Pyo3),
    versioned("_cython_", Generator::Cython, cython_version),
    mark("cython_runtime\0", Generator::Cython),
    mark("__reduce_cython__\0", Generator::Cython),
    mark("__pyx_unpickle_", Generator::Cython),
    mark("__pyx_capi__\0", Generator::Cython),
    mark("nanobind.nb_type", Generator::Nanobind),
    mark("nanobind_system_", Generator::Nanobind),
    mark("__nb_internals_", Generator::Nanobind),
    GeneratorMark {
        text: "__pybind11_internals_v",
        generator: Generator::Pybind11,
        version: Some(pybind11_version),
        needs_version: false,
    },
    mark("pybind11_builtins", Generator::Pybind11),
    mark("_pybind11_conduit_v1_", Generator::Pybind11),
    GeneratorMark {
        text: "auto-generated with f2py (version:",
        generator: Generator::F2py,
        version: Some(text_version),
        needs_version: false,
    },
    mark("__f2py_numpy_version__", Generator::F2py),
    mark("swig_runtime_data", Generator::Swig),
    mark("SwigPyObject", Generator::Swig),
    mark("_cffi_backend\0", Generator::Cffi),
    mark("_init_cffi_1_0_external_module", Generator::Cffi),
    mark("_cffi_pypyinit_", Generator::Cffi),
    mark("pythran/pythonic", Generator::Pythran),
    mark("pythonic/include", Generator::Pythran),
    mark("__pythran__\0", Generator::Pythran),
    mark("CPyModule_", Generator::Mypyc),
    mark("CPyDef_", Generator::Mypyc),
    mark("__mypyc_attrs__\0", Generator::Mypyc),
    mark("mypyc classes can't have", Generator::Mypyc),
    // A module that only fetches what it is from the library of its group:
    // <https://github.com/python/mypy/blob/master/mypyc/lib-rt/module_shim.tmpl>
    mark("__mypyc.exec_", Generator::Mypyc),
    mark("__mypyc.init_", Generator::Mypyc),
    // The first is also in C that `zig cc` compiles without optimisation; the second, of a panic, is not.
    mark("ZIG_PROGRESS", Generator::Zig),
    mark("attempt to use null value", Generator::Zig),
];

/// Beginnings of imported or exported names, and what they tell.
const SYMBOLS: [(&str, Generator); 12] = [
    ("HPyInit_", Generator::Hpy),
    ("get_required_hpy_", Generator::Hpy),
    ("PyInit_libcppyy", Generator::Cppyy),
    ("_ZN8CPyCppyy", Generator::Cppyy),
    ("_PYO3_DEF", Generator::Pyo3),
    ("_ZN8nanobind", Generator::Nanobind),
    ("_ZN8pybind11", Generator::Pybind11),
    ("_ZN5boost6python", Generator::BoostPython),
    ("?init_module@detail@python@boost@@", Generator::BoostPython),
    ("CPyDef_", Generator::Mypyc),
    ("CPyModule_", Generator::Mypyc),
    ("SWIG_Python_", Generator::Swig),
];

/// What a module that makes itself imports.
const MAKERS: [&str; 3] = [
    "PyModule_Create2",
    "PyModule_Create2TraceRefs",
    "PyModuleDef_Init",
];

/// In this order they decide when a file has the marks of several.
const PRECEDENCE: [Generator; 13] = [
    Generator::Hpy,
    Generator::Pyo3,
    Generator::Pythran,
    Generator::Cython,
    Generator::Nanobind,
    Generator::Pybind11,
    Generator::BoostPython,
    Generator::F2py,
    Generator::Swig,
    Generator::Mypyc,
    Generator::Cffi,
    Generator::Cppyy,
    Generator::Zig,
];

/// The marks found in an image.
#[derive(Clone, Debug, Default)]
pub(super) struct GeneratorMarks {
    /// (position in `MARKS`, address, version), the first of each, but one with a version is preferred.
    found: Vec<(usize, u64, Option<String>)>,
    is_cut_short: bool,
}

/// Searches the constant data of an image.
pub(super) fn marks(image: &BinaryImage<'_>) -> GeneratorMarks {
    let mut marks = GeneratorMarks::default();
    let starts = starts();
    let mut left = MOST_SEARCHED;
    for segment in image.segments.iter().filter(|segment| !segment.writable) {
        let bytes = segment
            .bytes
            .get(..segment.bytes.len().min(left))
            .unwrap_or_default();
        marks.is_cut_short |= bytes.len() < segment.bytes.len();
        left -= bytes.len();
        search(segment, bytes, &starts, &mut marks);
    }
    marks
}

/// For each two bytes that a mark begins with, whether one does; the table makes one pass enough.
fn starts() -> Vec<bool> {
    let mut starts = vec![false; 1 << 16];
    for mark in &MARKS {
        if let [first, second, ..] = mark.text.as_bytes()
            && let Some(start) = starts.get_mut(usize::from(*first) << 8 | usize::from(*second))
        {
            *start = true;
        }
    }
    starts
}

fn search(segment: &ImageSegment<'_>, bytes: &[u8], starts: &[bool], marks: &mut GeneratorMarks) {
    let mut pair = 0_usize;
    for (end, &byte) in bytes.iter().enumerate() {
        pair = (pair << 8 | usize::from(byte)) & 0xffff;
        if starts.get(pair) != Some(&true) || end == 0 {
            continue;
        }
        let Some(rest) = bytes.get(end - 1..) else {
            continue;
        };
        for (number, mark) in MARKS.iter().enumerate() {
            let Some(after) = rest.strip_prefix(mark.text.as_bytes()) else {
                continue;
            };
            let version = mark
                .version
                .and_then(|version| version(after.get(..CONTEXT.min(after.len()))?));
            if version.is_some() || !mark.needs_version {
                marks.add(number, segment.address + end as u64 - 1, version);
            }
        }
    }
}

impl GeneratorMarks {
    fn add(&mut self, number: usize, address: u64, version: Option<String>) {
        match self.found.iter_mut().find(|(other, _, _)| *other == number) {
            Some(found) if found.2.is_none() && version.is_some() => {
                *found = (number, address, version)
            }
            Some(_) => {}
            None => self.found.push((number, address, version)),
        }
    }

    fn of(
        &self,
        generator: Generator,
    ) -> impl Iterator<Item = (&'static GeneratorMark, u64, Option<&String>)> {
        self.found
            .iter()
            .filter_map(move |(number, address, version)| {
                let mark = MARKS
                    .get(*number)
                    .filter(|mark| mark.generator == generator)?;
                Some((mark, *address, version.as_ref()))
            })
    }

    /// The marks of a module in CFFI's API mode, when both are there: the backend's name and its entry point's.
    pub(super) fn cffi(&self) -> Option<Vec<Evidence>> {
        let seen: Vec<Evidence> = self
            .of(Generator::Cffi)
            .map(|(mark, address, _)| evidence(mark, address))
            .collect();
        let has = |text: &str| {
            self.of(Generator::Cffi)
                .any(|(mark, _, _)| mark.text == text)
        };
        (has("_cffi_backend\0") && has("_init_cffi_1_0_external_module")).then_some(seen)
    }

    /// The generator, by the marks found and the symbols.
    pub(super) fn toolchain(&self, image: &BinaryImage<'_>) -> Fact<Toolchain> {
        let names = image
            .imports()
            .iter()
            .map(|import| &import.name)
            .chain(image.exports().keys());
        let mut by_symbol: Vec<(Generator, &String)> = Vec::new();
        for name in names {
            let found = SYMBOLS
                .iter()
                .find(|(beginning, _)| name.starts_with(beginning));
            if let Some(&(_, generator)) =
                found.filter(|(_, it)| !by_symbol.iter().any(|(other, _)| other == it))
            {
                by_symbol.push((generator, name));
            }
        }
        for generator in PRECEDENCE {
            let symbol = by_symbol.iter().find(|(other, _)| *other == generator);
            let symbol = symbol.map(|(_, name)| Evidence::new("symbol").symbol(name.as_str()));
            let texts = self
                .of(generator)
                .map(|(mark, address, _)| evidence(mark, address));
            let seen: Vec<Evidence> = symbol.into_iter().chain(texts).collect();
            // CFFI's own backend names itself, too, but makes its module itself.
            let is_other = generator == Generator::Cffi
                && MAKERS.iter().any(|it| image.import_named(it).is_some());
            if !seen.is_empty() && !is_other && (generator != Generator::Zig || seen.len() > 1) {
                let version = self
                    .of(generator)
                    .find_map(|(_, _, version)| version.cloned());
                return Fact::known(Toolchain { generator, version }, seen);
            }
        }
        if self.is_cut_short {
            return Fact::unknown(format!(
                "only its first {MOST_SEARCHED} bytes of constant data were searched"
            ));
        }
        Fact::known(
            Toolchain {
                generator: Generator::CApi,
                version: None,
            },
            Vec::new(),
        )
    }
}

fn evidence(mark: &GeneratorMark, address: u64) -> Evidence {
    Evidence::new("text in the data")
        .symbol(mark.text.trim_end_matches('\0'))
        .address(address)
}

/// Digits in groups, parted by `separator`: at least two groups, directly at the beginning.
fn numbers(bytes: &[u8], separator: u8) -> Option<(String, &[u8])> {
    let end = bytes
        .iter()
        .position(|&byte| !byte.is_ascii_digit() && byte != separator)
        .unwrap_or(bytes.len());
    let (text, rest) = bytes.split_at_checked(end)?;
    let mut groups: Vec<&str> = std::str::from_utf8(text)
        .ok()?
        .split(char::from(separator))
        .collect();
    groups.truncate(
        groups
            .iter()
            .position(|group| group.is_empty())
            .unwrap_or(groups.len()),
    );
    (groups.len() >= 2).then(|| (groups.join("."), rest))
}

/// `pyo3-0.29.1/src/…`: the folder of the crate in cargo's registry.
fn crate_version(bytes: &[u8]) -> Option<String> {
    let (version, rest) = numbers(bytes, b'.')?;
    matches!(rest.first(), Some(b'/' | b'\\')).then_some(version)
}

/// `_cython_3_2_9`, and `_cython_3_1_0a1` before a release.
fn cython_version(bytes: &[u8]) -> Option<String> {
    let (mut version, rest) = numbers(bytes, b'_')?;
    let suffix = rest
        .iter()
        .take(4)
        .take_while(|byte| byte.is_ascii_alphanumeric());
    version.extend(suffix.map(|&byte| char::from(byte)));
    Some(version)
}

/// The number of the internals that modules share, by the releases that use it:
/// <https://github.com/pybind/pybind11/blob/master/include/pybind11/detail/internals.h>
fn pybind11_version(bytes: &[u8]) -> Option<String> {
    let digits = bytes
        .iter()
        .take_while(|byte| byte.is_ascii_digit())
        .count();
    match bytes.get(..digits)? {
        b"5" => Some("2.13".to_owned()),
        b"11" => Some("3.0".to_owned()),
        b"12" => Some("3.1".to_owned()),
        _ => None,
    }
}

/// A version after a colon, as in `(version:2.3.1)`.
fn text_version(bytes: &[u8]) -> Option<String> {
    numbers(bytes, b'.').map(|(version, _)| version)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn versions_are_read_after_their_marks() {
        let check = |read: fn(&[u8]) -> Option<String>, text: &str, expected: Option<&str>| {
            assert_eq!(read(text.as_bytes()).as_deref(), expected, "{text:?}");
        };
        check(
            crate_version,
            "0.30.1/src/impl_/trampoline.rs",
            Some("0.30.1"),
        );
        check(crate_version, "0.23.5\\src\\lib.rs", Some("0.23.5"));
        check(crate_version, "ffi-0.30.1/src", None);
        check(crate_version, "log", None);
        check(cython_version, "3_2_9\0rest", Some("3.2.9"));
        check(cython_version, "3_0_12", Some("3.0.12"));
        check(cython_version, "3_1_0a1\0", Some("3.1.0a1"));
        check(cython_version, "runtime", None);
        check(pybind11_version, "12_gcc_libstdcpp", Some("3.1"));
        check(pybind11_version, "7_gcc", None);
        check(text_version, "2.4.1).\n", Some("2.4.1"));
        check(text_version, "$Revision", None);
    }
}
