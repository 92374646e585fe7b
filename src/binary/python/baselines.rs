//! What the generators' run-time support imports by itself, so that it is not taken for the author's doing.
//!
//! `fixtures/baselines` holds the modules that the table was made from, with recipe and versions.

use std::collections::HashMap;
use std::sync::LazyLock;

use super::tables::rows;
use crate::model::facts::{Generator, ImportOrigin, Toolchain};

const BASELINES: &str = include_str!("tables/baselines.tsv");

/// By generator and symbol: the versions of the generator that import it.
static IMPORTS: LazyLock<HashMap<(Generator, &'static str), Vec<&'static str>>> =
    LazyLock::new(|| {
        rows(BASELINES)
            .filter_map(|row| match row.as_slice() {
                [name, symbol, versions] => {
                    Some(((generator(name)?, *symbol), versions.split(',').collect()))
                }
                _ => None,
            })
            .collect()
    });

/// By generator: the versions that were looked at.
static VERSIONS: LazyLock<HashMap<Generator, Vec<&'static str>>> = LazyLock::new(|| {
    let mut known: HashMap<Generator, Vec<&'static str>> = HashMap::new();
    for (&(generator, _), versions) in &*IMPORTS {
        let known = known.entry(generator).or_default();
        known.extend(versions.iter().copied());
        known.sort_unstable();
        known.dedup();
    }
    known
});

fn generator(name: &str) -> Option<Generator> {
    match name {
        "cython" => Some(Generator::Cython),
        "pybind11" => Some(Generator::Pybind11),
        "nanobind" => Some(Generator::Nanobind),
        "pyo3" => Some(Generator::Pyo3),
        "cffi" => Some(Generator::Cffi),
        "swig" => Some(Generator::Swig),
        "mypyc" => Some(Generator::Mypyc),
        "f2py" => Some(Generator::F2py),
        _ => None,
    }
}

/// Whose doing it is that a module imports a symbol.
pub(super) fn origin(symbol: &str, toolchain: Option<&Toolchain>) -> ImportOrigin {
    let Some(toolchain) = toolchain else {
        return ImportOrigin::Unclear;
    };
    // Zig has no run-time support for Python: whoever uses it calls the C API.
    if matches!(toolchain.generator, Generator::CApi | Generator::Zig) {
        return ImportOrigin::Author;
    }
    let Some(known) = VERSIONS.get(&toolchain.generator) else {
        return ImportOrigin::Unclear;
    };
    let importing = IMPORTS
        .iter()
        .find(|((generator, name), _)| *generator == toolchain.generator && *name == symbol);
    let importing = importing
        .map(|(_, versions)| versions.as_slice())
        .unwrap_or_default();
    // Releases of one series differ in corrections only.
    let of_series = |versions: &[&str]| {
        let series = toolchain.version.as_deref().and_then(series)?;
        Some(
            versions
                .iter()
                .any(|version| self::series(version) == Some(series)),
        )
    };
    match of_series(known) {
        Some(true) if of_series(importing) == Some(true) => ImportOrigin::Generator,
        Some(true) => ImportOrigin::Author,
        _ if importing.is_empty() => ImportOrigin::Unclear,
        _ => ImportOrigin::Generator,
    }
}

/// The first two numbers of a version.
fn series(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(|number| {
        let digits = number
            .find(|letter: char| !letter.is_ascii_digit())
            .unwrap_or(number.len());
        number.get(..digits).and_then(|digits| digits.parse().ok())
    });
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::super::tables::count;
    use super::*;

    #[test]
    fn every_line_of_the_table_is_read() {
        assert_eq!(IMPORTS.len(), count(BASELINES));
        assert_eq!(VERSIONS.len(), 8, "{:?}", VERSIONS.keys());
    }

    #[test]
    fn what_a_generator_imports_by_itself_is_not_the_authors() {
        let made_by = |generator, version: Option<&str>| Toolchain {
            generator,
            version: version.map(str::to_owned),
        };
        let check = |symbol: &str, toolchain: Option<Toolchain>, expected| {
            assert_eq!(
                origin(symbol, toolchain.as_ref()),
                expected,
                "{symbol} {toolchain:?}"
            );
        };
        check("PyDict_Next", None, ImportOrigin::Unclear);
        check(
            "PyDict_Next",
            Some(made_by(Generator::CApi, None)),
            ImportOrigin::Author,
        );
        check(
            "PyDict_Next",
            Some(made_by(Generator::Cython, Some("3.2.4"))),
            ImportOrigin::Generator,
        );
        check(
            "PyEval_AcquireLock",
            Some(made_by(Generator::Cython, Some("3.2.4"))),
            ImportOrigin::Author,
        );
        check(
            "PyEval_AcquireLock",
            Some(made_by(Generator::Cython, Some("0.29.37"))),
            ImportOrigin::Unclear,
        );
        check(
            "PyDict_Next",
            Some(made_by(Generator::Cython, None)),
            ImportOrigin::Generator,
        );
        check(
            "Py_GetConstantBorrowed",
            Some(made_by(Generator::Cffi, Some("2.1.1"))),
            ImportOrigin::Generator,
        );
        check(
            "PyDict_Next",
            Some(made_by(Generator::Pyo3, Some("0.30.1"))),
            ImportOrigin::Generator,
        );
        check(
            "PyDict_Next",
            Some(made_by(Generator::BoostPython, None)),
            ImportOrigin::Unclear,
        );
    }
}
