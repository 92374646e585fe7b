//! Who stands behind a declaration that keeps the GIL off: the author, or the framework by default.

use crate::model::facts::{Fact, Generator, Toolchain};
use crate::model::verdict::DeclaredBy;

/// What a generator declares when the author says nothing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum GeneratorDefault {
    /// Nothing, or that the GIL is used: whoever wants it off has to say so.
    Silent,
    /// That the GIL is not used, whatever the author thinks.
    NotUsed,
    /// That the GIL is not used, from this version (major, minor) on.
    NotUsedSince(u32, u32),
}

/// Generators, their names for people, and their defaults.
///
/// * PyO3: `gil_used` is false by default since 0.28, <https://pyo3.rs/v0.28.0/free-threading>.
/// * mypyc: the template for free-threaded builds always declares it,
///   `mypyc/lib-rt/module_shim_no_gil_multiphase.tmpl`.
/// * CFFI: API-mode modules are made by `_cffi_backend`, `verify()` modules declare it themselves; both without the author.
/// * The rest declare it only when the author asks for it.
const DEFAULTS: &[(Generator, &str, GeneratorDefault)] = &[
    (Generator::Cython, "Cython", GeneratorDefault::Silent),
    (Generator::Pybind11, "pybind11", GeneratorDefault::Silent),
    (Generator::Nanobind, "nanobind", GeneratorDefault::Silent),
    (
        Generator::Pyo3,
        "PyO3",
        GeneratorDefault::NotUsedSince(0, 28),
    ),
    (Generator::Cffi, "CFFI", GeneratorDefault::NotUsed),
    (Generator::Swig, "SWIG", GeneratorDefault::Silent),
    (Generator::Mypyc, "mypyc", GeneratorDefault::NotUsed),
    (Generator::F2py, "f2py", GeneratorDefault::Silent),
    (
        Generator::BoostPython,
        "Boost.Python",
        GeneratorDefault::Silent,
    ),
    (Generator::Hpy, "HPy", GeneratorDefault::Silent),
    (Generator::Cppyy, "cppyy", GeneratorDefault::Silent),
    (Generator::Pythran, "Pythran", GeneratorDefault::Silent),
    (Generator::Zig, "Zig", GeneratorDefault::Silent),
    (Generator::CApi, "the C API", GeneratorDefault::Silent),
];

/// Who made the declaration that the file itself holds.
pub(super) fn declared_by(toolchain: &Fact<Toolchain>) -> DeclaredBy {
    let Some(toolchain) = toolchain.value() else {
        return DeclaredBy::Unclear;
    };
    let Some((_, name, default)) = DEFAULTS
        .iter()
        .find(|(generator, ..)| *generator == toolchain.generator)
    else {
        return DeclaredBy::Unclear;
    };
    let version = toolchain.version.as_deref();
    let framework = || {
        DeclaredBy::Framework(
            version.map_or_else(|| (*name).to_owned(), |version| format!("{name} {version}")),
        )
    };
    match default {
        GeneratorDefault::Silent => DeclaredBy::Author,
        GeneratorDefault::NotUsed => framework(),
        GeneratorDefault::NotUsedSince(major, minor) => match version.and_then(major_minor) {
            None => DeclaredBy::Unclear,
            Some(version) if version >= (*major, *minor) => framework(),
            Some(_) => DeclaredBy::Author,
        },
    }
}

/// The first two numbers of a version.
fn major_minor(version: &str) -> Option<(u32, u32)> {
    let mut numbers = version.split('.').map(|number| number.parse().ok());
    Some((numbers.next()??, numbers.next()??))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_default_of_the_generator_says_who_declared() {
        let framework = |text: &str| DeclaredBy::Framework(text.to_owned());
        let table = [
            (Generator::Pyo3, Some("0.30.1"), framework("PyO3 0.30.1")),
            (Generator::Pyo3, Some("0.28.0"), framework("PyO3 0.28.0")),
            (
                Generator::Pyo3,
                Some("1.0.0-beta"),
                framework("PyO3 1.0.0-beta"),
            ),
            (Generator::Pyo3, Some("0.27.2"), DeclaredBy::Author),
            (Generator::Pyo3, Some("nightly"), DeclaredBy::Unclear),
            (Generator::Pyo3, None, DeclaredBy::Unclear),
            (Generator::Mypyc, None, framework("mypyc")),
            (Generator::Cffi, None, framework("CFFI")),
            (Generator::Cython, Some("3.2.9"), DeclaredBy::Author),
            (Generator::CApi, None, DeclaredBy::Author),
        ];
        for (generator, version, expected) in table {
            let toolchain = Toolchain {
                generator,
                version: version.map(str::to_owned),
            };
            assert_eq!(
                declared_by(&Fact::known(toolchain, Vec::new())),
                expected,
                "{generator:?} {version:?}"
            );
        }
        assert_eq!(
            declared_by(&Fact::unknown("no string was found")),
            DeclaredBy::Unclear
        );
    }
}
