//! The functions by which a module is imported: which symbols the import system looks for, and which module a symbol is of.
//!
//! The last component of the dotted name decides: the file's name before the suffix, or the folder's for a package's
//! `__init__`. Names in ASCII are looked for as `PyInit_x` and `PyModExport_x`, others as `PyInitU_x` and `PyModExportU_x`
//! in Punycode; in both, `-` becomes `_` (`get_encoded_name` in `Python/importdl.c`), so that `my-mod` has `PyInit_my_mod`.
//!
//! <https://peps.python.org/pep-0489/#export-hook-name>, <https://peps.python.org/pep-0793/>,
//! <https://docs.python.org/3/c-api/extension-modules.html>

use super::file_name::{ExtensionFileName, PACKAGE};
use super::punycode;
use crate::model::facts::{Hook, HookKind};
use crate::model::target::Python;

/// How the symbols of both kinds begin, for names in ASCII and for others.
const PREFIXES: [(&str, HookKind, NameSpelling); 4] = [
    ("PyInit_", HookKind::Init, NameSpelling::Plain),
    ("PyInitU_", HookKind::Init, NameSpelling::Punycode),
    ("PyModExport_", HookKind::Export, NameSpelling::Plain),
    ("PyModExportU_", HookKind::Export, NameSpelling::Punycode),
];

/// Bytes of the encoded name that are looked for: `PyOS_snprintf(…, "%.20s_%.200s", prefix, shortname)`.
const LONGEST: usize = 200;

/// The first minor version that looks for `PyModExport_…`, and for it before `PyInit_…`.
/// <https://peps.python.org/pep-0793/>
pub const FIRST_WITH_EXPORT: u8 = 15;

/// The one of a file's functions that this interpreter calls; `module` is the last component of the module's name.
pub fn called<'a>(hooks: &'a [Hook], module: &str, python: Python) -> Option<&'a Hook> {
    let find = |kind: HookKind| {
        let mut matching = hooks
            .iter()
            .filter(|hook| hook.kind == kind && hook.matches_file_name);
        let first = matching.clone().next();
        matching.find(|hook| hook.module == module).or(first)
    };
    let export = if python.minor >= FIRST_WITH_EXPORT {
        find(HookKind::Export)
    } else {
        None
    };
    export.or_else(|| find(HookKind::Init))
}

/// How a module's name stands in a symbol.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum NameSpelling {
    Plain,
    Punycode,
}

impl NameSpelling {
    fn of(module: &str) -> NameSpelling {
        if module.is_ascii() {
            NameSpelling::Plain
        } else {
            NameSpelling::Punycode
        }
    }
}

/// The symbols that the import system looks for, given the last component of a module's name.
pub fn symbols(module: &str) -> Vec<(HookKind, String)> {
    let spelling = NameSpelling::of(module);
    let Some(encoded) = encoded(module) else {
        return Vec::new();
    };
    let fitting = PREFIXES.iter().filter(|(.., of)| *of == spelling);
    fitting
        .map(|(prefix, kind, _)| (*kind, format!("{prefix}{encoded}")))
        .collect()
}

/// The name as it stands in symbols.
fn encoded(module: &str) -> Option<String> {
    let encoded = match NameSpelling::of(module) {
        NameSpelling::Plain => module.to_owned(),
        NameSpelling::Punycode => punycode::encode(module)?,
    };
    let mut encoded = encoded.replace('-', "_");
    encoded.truncate(LONGEST);
    Some(encoded)
}

/// Whether both names lead to the same symbols: `my-mod` and `my_mod` do.
pub fn is_same_module(one: &str, other: &str) -> bool {
    one == other
        || (NameSpelling::of(one) == NameSpelling::of(other) && encoded(one) == encoded(other))
}

/// Whether an exported name is such a function's.
pub fn is_init_function(symbol: &str) -> bool {
    parse(symbol).is_some()
}

/// Whether a text may hold such a symbol: files without one need not be parsed.
pub fn may_name_one(text: &str) -> bool {
    PREFIXES.iter().any(|(prefix, ..)| text.contains(prefix))
}

/// Whether a name in C is only the beginning of such a symbol: a macro pastes the module's name behind it.
pub fn is_prefix(name: &str) -> bool {
    PREFIXES.iter().any(|(prefix, ..)| *prefix == name)
}

/// The kind of function that a symbol is, and the last component of its module's name. Of `-` and `_` nobody can tell which
/// it was; it is given as `_`.
pub fn parse(symbol: &str) -> Option<(HookKind, String)> {
    PREFIXES.iter().find_map(|&(prefix, kind, spelling)| {
        let name = symbol.strip_prefix(prefix)?;
        let module = match spelling {
            NameSpelling::Plain => name.to_owned(),
            NameSpelling::Punycode => punycode::decode(name)?,
        };
        // The import system never looks for an encoded name that is ASCII, nor for a plain one that is not.
        (!module.is_empty() && NameSpelling::of(&module) == spelling).then_some((kind, module))
    })
}

/// The last component of the name under which a file is imported: of an extension module's file its stem, of a package's
/// `__init__` the folder's name. A file of any other name is taken by what stands before its first dot.
pub fn module_of_path(path: &str) -> Option<&str> {
    let mut components = path.rsplit(['/', '\\']);
    let file = components.next()?;
    let stem = match ExtensionFileName::parse(file) {
        Some(name) => name.stem,
        None => file.split('.').next()?,
    };
    let folder = components.next().filter(|folder| !folder.is_empty());
    Some(if stem == PACKAGE {
        folder.unwrap_or(stem)
    } else {
        stem
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_modules_name_gives_symbols() {
        let table = [
            ("_speedups", ["PyInit__speedups", "PyModExport__speedups"]),
            ("my-mod", ["PyInit_my_mod", "PyModExport_my_mod"]),
            (
                "30fcd23745efe32ce681__mypyc",
                [
                    "PyInit_30fcd23745efe32ce681__mypyc",
                    "PyModExport_30fcd23745efe32ce681__mypyc",
                ],
            ),
            ("a b", ["PyInit_a b", "PyModExport_a b"]),
            (
                "lančmít",
                ["PyInitU_lanmt_2sa6t", "PyModExportU_lanmt_2sa6t"],
            ),
            ("スパム", ["PyInitU_zck5b2b", "PyModExportU_zck5b2b"]),
            ("ü-x", ["PyInitU__x_wka", "PyModExportU__x_wka"]),
        ];
        for (module, expected) in table {
            let found: Vec<String> = symbols(module)
                .into_iter()
                .map(|(_, symbol)| symbol)
                .collect();
            assert_eq!(found, expected, "{module}");
        }
        let long = "x".repeat(300);
        assert_eq!(symbols(&long)[0].1, format!("PyInit_{}", "x".repeat(200)));
    }

    #[test]
    fn symbols_are_parsed_and_decoded() {
        let cases = [
            ("PyInit__speedups", Some((HookKind::Init, "_speedups"))),
            ("PyModExport_rpds", Some((HookKind::Export, "rpds"))),
            (
                "PyInit_30fcd__mypyc",
                Some((HookKind::Init, "30fcd__mypyc")),
            ),
            // "spam" with an umlaut, "lančmít" and "スパム" are the examples of PEP 489.
            ("PyInitU_lanmt_2sa6t", Some((HookKind::Init, "lančmít"))),
            ("PyInitU_zck5b2b", Some((HookKind::Init, "スパム"))),
            ("PyModExportU_zck5b2b", Some((HookKind::Export, "スパム"))),
            ("PyInit_", None),
            ("PyInitU_", None),
            ("PyInitU_!!!", None),
            ("PyInit_zażółć", None),
            ("PyModule_Create2", None),
            ("HPyInit_x", None),
        ];
        for (symbol, expected) in cases {
            let expected = expected.map(|(kind, module)| (kind, module.to_owned()));
            assert_eq!(parse(symbol), expected, "{symbol}");
        }
    }

    #[test]
    fn texts_and_beginnings_of_names_are_recognised() {
        for (text, names, begins) in [
            ("PyInit_", true, true),
            ("PyModExportU_", true, true),
            ("PyMODINIT_FUNC PyInitU_zck5b2b(void)", true, false),
            ("PyInit", false, false),
            ("PyModule_Create2", false, false),
        ] {
            assert_eq!(
                (may_name_one(text), is_prefix(text)),
                (names, begins),
                "{text}"
            );
        }
    }

    #[test]
    fn names_that_lead_to_the_same_symbols_are_one_module() {
        for (one, other, expected) in [
            ("my-mod", "my_mod", true),
            ("_a", "_a", true),
            ("_a", "_b", false),
            ("ü-x", "ü_x", true),
        ] {
            assert_eq!(is_same_module(one, other), expected, "{one} {other}");
        }
    }

    #[test]
    fn paths_name_modules() {
        let cases = [
            ("a/b/_x.cpython-314t-x86_64-linux-gnu.so", "_x"),
            ("a/my-mod.abi3.so", "my-mod"),
            ("_x.pyd", "_x"),
            ("a\\b\\_x.cp314t-win_amd64.pyd", "_x"),
            ("mypy/__init__.cpython-314-darwin.so", "mypy"),
            ("__init__.so", "__init__"),
            ("plain", "plain"),
            ("libmaker.so.1", "libmaker"),
        ];
        for (path, expected) in cases {
            assert_eq!(module_of_path(path), Some(expected), "{path}");
        }
    }
}
