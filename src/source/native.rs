//! C and C++: hooks and macros that define modules, and what is declared beside them.

use crate::cpython::init_function;
use crate::model::facts::Generator;
use crate::model::source::{DeclaredWord, SourceDeclaration, SourcePlace, VersionReach};

use super::token::{SourceToken, TokenContext, TokenKind};

/// What stands in a file that is worth parsing.
const TELLING: [&str; 6] = [
    "PYBIND11_MODULE",
    "NB_MODULE",
    "BOOST_PYTHON_MODULE",
    "Py_mod_gil",
    "PyUnstable_Module_SetGIL",
    "Py_LIMITED_API",
];
/// Macros that define a module, with the generator that they belong to. Nanobind's has no say: its build flag has.
const MACROS: [(&str, Generator); 3] = [
    ("PYBIND11_MODULE", Generator::Pybind11),
    ("NB_MODULE", Generator::Nanobind),
    ("BOOST_PYTHON_MODULE", Generator::BoostPython),
];
/// What headers leave out for the limited API of free-threaded builds, from 3.15 on: <https://docs.python.org/3.15/howto/abi3t-migration.html>
const LEFT_OUT: [&str; 4] = [
    "PyModuleDef_HEAD_INIT",
    "PyObject_HEAD",
    "PyObject_HEAD_INIT",
    "PyVarObject_HEAD_INIT",
];
/// How far behind its name a slot's value may stand, and how many tokens of a call or macro are looked at.
const NEAR: usize = 24;
const ARGUMENTS: usize = 200;
/// How many modules of one file are told apart, and how much of anything else is kept of it: real files have one or two.
pub(super) const MOST_MODULES: usize = 500;
pub(super) const MOST_KEPT: usize = 64;

/// A module that a file defines.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct DefinedModule {
    pub(super) name: String,
    pub(super) generator: Generator,
    pub(super) line: u32,
    /// What its own macro says.
    pub(super) declarations: Vec<SourceDeclaration>,
}

/// What one file says.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct NativeSource {
    pub(super) modules: Vec<DefinedModule>,
    /// Slots and calls, whichever module they are for.
    pub(super) declarations: Vec<SourceDeclaration>,
    /// Definitions of `Py_LIMITED_API`.
    pub(super) limited_api: Vec<(u32, VersionReach)>,
    /// The line after which no more modules are told apart.
    pub(super) cut: Option<u32>,
    /// The line where a macro of the project's own puts hooks together.
    pub(super) own_macro: Option<u32>,
    /// `#error`: where compiling the file ends.
    pub(super) errors: Vec<(u32, VersionReach)>,
    /// The first use of what the limited API of free-threaded builds leaves out, and what it is.
    pub(super) left_out: Option<(u32, String)>,
    /// Whether a definition is handed to the interpreter, and whether a module is made at once.
    pub(super) phases: InitPhases,
}

/// How modules of a file come about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct InitPhases {
    /// `PyModuleDef_Init`
    pub(super) later: bool,
    /// `PyModule_Create`
    pub(super) at_once: bool,
}

/// Whether CFFI wrote the file, which leaves its module to CFFI's own: <https://cffi.readthedocs.io/en/stable/cdef.html#emit-c-code>
pub(super) fn is_of_cffi(text: &str) -> bool {
    let start = text.get(..text.len().min(400)).unwrap_or_default();
    start.lines().any(|line| line.trim() == "#define _CFFI_") && text.contains("_cffi_init(")
}

/// Whether parsing the file can tell anything.
pub(super) fn is_telling(text: &str) -> bool {
    init_function::may_name_one(text) || TELLING.iter().any(|word| text.contains(word))
}

/// Reads the tokens of a file.
pub(super) fn read(path: &str, mut tokens: Vec<SourceToken<'_>>) -> NativeSource {
    let mut native = NativeSource::default();
    // What is never compiled stands in nobody's way.
    tokens.retain(|token| token.reach.possible != 0);
    for (index, token) in tokens.iter().enumerate() {
        if native.modules.len() >= MOST_MODULES {
            native.cut = Some(token.line);
            break;
        }
        if token.kind == TokenKind::Mark
            && token.text.starts_with('#')
            && token.text.ends_with("error")
        {
            native.errors.push((token.line, token.reach));
        }
        if token.kind != TokenKind::Word {
            continue;
        }
        let rest = tokens.get(index + 1..).unwrap_or_default();
        let before = index
            .checked_sub(1)
            .and_then(|index| tokens.get(index))
            .map_or("", |token| token.text);
        match token.text {
            "Py_mod_gil" | "PyUnstable_Module_SetGIL" => {
                let is_call = rest.first().is_some_and(|next| next.text == "(");
                // What is called is called with something.
                let word = value(rest).or(is_call.then_some(DeclaredWord::Unclear));
                if token.text == "Py_mod_gil" || is_call {
                    native
                        .declarations
                        .extend(word.map(|word| declaration(path, token, word)));
                }
            }
            "Py_LIMITED_API" if before == "#define" || before.ends_with("define") => {
                native.limited_api.push((token.line, token.reach));
            }
            "PyModuleDef_Init" => native.phases.later = true,
            "PyModule_Create" | "PyModule_Create2" => native.phases.at_once = true,
            text if LEFT_OUT.contains(&text) && token.reach == VersionReach::ALWAYS => {
                native
                    .left_out
                    .get_or_insert_with(|| (token.line, text.to_owned()));
            }
            text if MACROS.iter().any(|(name, _)| *name == text) => {
                native.modules.extend(by_macro(path, token, rest));
            }
            text if init_function::is_prefix(text) => {
                if token.place == TokenContext::Macro {
                    native.own_macro.get_or_insert(token.line);
                }
            }
            text => {
                let Some((_, name)) = init_function::parse(text) else {
                    continue;
                };
                if is_definition(token, rest) {
                    native.add(&name, token.line);
                }
            }
        }
    }
    native.declarations.truncate(MOST_KEPT);
    native.limited_api.truncate(MOST_KEPT);
    native.errors.truncate(MOST_KEPT);
    native
}

impl NativeSource {
    /// A module with hooks of both kinds, or with one for each of several conditions, is one module.
    fn add(&mut self, name: &str, line: u32) {
        if !self.modules.iter().any(|module| module.name == name) {
            let (generator, declarations) = (Generator::CApi, Vec::new());
            self.modules.push(DefinedModule {
                name: name.to_owned(),
                generator,
                line,
                declarations,
            });
        }
    }
}

fn declaration(path: &str, token: &SourceToken<'_>, word: DeclaredWord) -> SourceDeclaration {
    // Whether a macro is used is not followed.
    let word = if token.place == TokenContext::Macro {
        DeclaredWord::Unclear
    } else {
        word
    };
    let place = SourcePlace {
        path: path.to_owned(),
        line: token.line,
    };
    SourceDeclaration {
        word,
        reach: token.reach,
        means: token.text.to_owned(),
        place,
    }
}

/// The value that stands behind a slot's name or in a call.
fn value(rest: &[SourceToken<'_>]) -> Option<DeclaredWord> {
    let end = rest
        .iter()
        .take(NEAR)
        .position(|token| matches!(token.text, "}" | ";"))
        .unwrap_or(NEAR.min(rest.len()));
    let near = rest.get(..end).unwrap_or_default();
    let says = |word: &str| {
        near.iter()
            .any(|token| token.kind == TokenKind::Word && token.text == word)
    };
    match (says("Py_MOD_GIL_NOT_USED"), says("Py_MOD_GIL_USED")) {
        (true, false) => Some(DeclaredWord::NotUsed),
        (false, true) => Some(DeclaredWord::Used),
        (true, true) => Some(DeclaredWord::Unclear),
        // The name alone: in a comparison, or as an argument.
        (false, false) => near
            .iter()
            .any(|token| token.kind == TokenKind::Word)
            .then_some(DeclaredWord::Unclear),
    }
}

/// Whether the hook is defined here: a body follows its parameters, or a macro has its name.
fn is_definition(token: &SourceToken<'_>, rest: &[SourceToken<'_>]) -> bool {
    if token.place == TokenContext::Macro {
        return true;
    }
    let is_call = rest.first().is_some_and(|next| next.text == "(");
    let end = rest
        .iter()
        .take(NEAR)
        .find(|token| matches!(token.text, "{" | ";"));
    is_call && end.is_some_and(|token| token.text == "{")
}

/// `PYBIND11_MODULE(name, m, py::mod_gil_not_used())`.
fn by_macro(
    path: &str,
    token: &SourceToken<'_>,
    rest: &[SourceToken<'_>],
) -> Option<DefinedModule> {
    let (_, generator) = MACROS.iter().find(|(name, _)| *name == token.text)?;
    if token.place == TokenContext::Macro {
        return None;
    }
    let arguments = arguments(rest)?;
    let name = arguments
        .iter()
        .find(|token| token.kind == TokenKind::Word)?
        .text;
    let mut declarations = Vec::new();
    if let Some(at) = arguments
        .iter()
        .position(|token| token.text == "mod_gil_not_used")
    {
        let given = arguments.get(at + 2).map_or("", |token| token.text);
        let word = match given {
            ")" | "true" => DeclaredWord::NotUsed,
            "false" => DeclaredWord::Used,
            _ => DeclaredWord::Unclear,
        };
        let place = SourcePlace {
            path: path.to_owned(),
            line: token.line,
        };
        declarations.push(SourceDeclaration {
            word,
            reach: token.reach,
            means: "mod_gil_not_used".to_owned(),
            place,
        });
    }
    Some(DefinedModule {
        name: name.to_owned(),
        generator: *generator,
        line: token.line,
        declarations,
    })
}

/// The tokens between the parentheses that follow.
fn arguments<'a, 't>(rest: &'a [SourceToken<'t>]) -> Option<&'a [SourceToken<'t>]> {
    let mut depth = 0_usize;
    for (index, token) in rest.iter().enumerate().take(ARGUMENTS) {
        match token.text {
            "(" => depth += 1,
            ")" if depth <= 1 => return rest.get(1..index),
            ")" => depth -= 1,
            _ if depth == 0 => return None,
            _ => {}
        }
    }
    None
}

#[cfg(test)]
mod tests {
    use super::super::token::SourceDialect;
    use super::super::tokens::tokens;
    use super::*;

    fn of(text: &str) -> NativeSource {
        read("a.cpp", tokens(SourceDialect::Cpp, text).unwrap())
    }

    fn names(native: &NativeSource) -> Vec<&str> {
        native
            .modules
            .iter()
            .map(|module| module.name.as_str())
            .collect()
    }

    #[test]
    fn slots_and_calls_are_declarations() {
        let cases = [
            (
                "static S s[] = {{Py_mod_gil, Py_MOD_GIL_NOT_USED}, {0, 0}};",
                Some(DeclaredWord::NotUsed),
            ),
            (
                "static S s[] = {{Py_mod_gil, (void*)Py_MOD_GIL_USED}};",
                Some(DeclaredWord::Used),
            ),
            (
                "static S s[] = {{Py_mod_gil, GIL}};",
                Some(DeclaredWord::Unclear),
            ),
            (
                "void f() { PyUnstable_Module_SetGIL(m, Py_MOD_GIL_NOT_USED); }",
                Some(DeclaredWord::NotUsed),
            ),
            (
                "void f() { if (PyUnstable_Module_SetGIL(m, Py_MOD_GIL_NOT_USED) < 0) return; }",
                Some(DeclaredWord::NotUsed),
            ),
            (
                "/* {Py_mod_gil, Py_MOD_GIL_NOT_USED} */ char *s = \"Py_mod_gil, Py_MOD_GIL_NOT_USED\";",
                None,
            ),
            ("#ifdef Py_mod_gil\nint a;\n#endif", None),
            (
                "#ifndef Py_GIL_DISABLED\nS s = {Py_mod_gil, Py_MOD_GIL_NOT_USED};\n#endif",
                None,
            ),
            (
                "#define GIL {Py_mod_gil, Py_MOD_GIL_NOT_USED},",
                Some(DeclaredWord::Unclear),
            ),
            (
                "void f() { PyUnstable_Module_SetGIL(); }",
                Some(DeclaredWord::Unclear),
            ),
            (
                "void f() { PyUnstable_Module_SetGIL(m, 1); }",
                Some(DeclaredWord::Unclear),
            ),
            (
                "#if PY_MAJOR_VERSION < 3\nvoid f() { PyUnstable_Module_SetGIL(m, Py_MOD_GIL_NOT_USED); }\n#endif",
                None,
            ),
        ];
        for (text, expected) in cases {
            let found = of(text).declarations;
            assert_eq!(
                found.first().map(|it| it.word),
                expected,
                "{text}: {found:?}"
            );
        }
    }

    #[test]
    fn hooks_and_macros_are_modules() {
        assert_eq!(
            names(&of("PyMODINIT_FUNC\nPyInit_a(void)\n{ return 0; }")),
            ["a"]
        );
        assert_eq!(names(&of("PyObject *PyInit_a(void) { return 0; }")), ["a"]);
        assert_eq!(
            names(&of("PyMODINIT_FUNC PyModExport_a(void) { return s; }")),
            ["a"]
        );
        assert_eq!(
            names(&of("PyMODINIT_FUNC PyInitU_zck5b2b(void) { return 0; }")),
            ["スパム"]
        );
        assert_eq!(
            names(&of("PyMODINIT_FUNC PyInit_a(void);")),
            Vec::<&str>::new()
        );
        assert_eq!(
            names(&of("void f() { PyImport_AppendInittab(\"a\", PyInit_a); }")),
            Vec::<&str>::new()
        );
        assert_eq!(
            names(&of(
                "#define INIT_A PyInit_a\nPyMODINIT_FUNC INIT_A(void) { return 0; }"
            )),
            ["a"]
        );
        assert_eq!(
            of("#define INIT(x) PyMODINIT_FUNC PyInit_##x(void)\n").own_macro,
            Some(1)
        );
        let pybind = of("PYBIND11_MODULE(_a, m, py::mod_gil_not_used()) {\n}");
        assert_eq!(
            pybind
                .modules
                .first()
                .unwrap()
                .declarations
                .first()
                .unwrap()
                .word,
            DeclaredWord::NotUsed
        );
        let pybind = of("PYBIND11_MODULE(_a, m, py::mod_gil_not_used(false)) {\n}");
        assert_eq!(
            pybind
                .modules
                .first()
                .unwrap()
                .declarations
                .first()
                .unwrap()
                .word,
            DeclaredWord::Used
        );
        assert!(
            of("PYBIND11_MODULE(_a, m) {\n}")
                .modules
                .first()
                .unwrap()
                .declarations
                .is_empty()
        );
        assert_eq!(
            of("NB_MODULE(_a, m) {\n}")
                .modules
                .first()
                .unwrap()
                .generator,
            Generator::Nanobind
        );
        let split = "#if PY_MAJOR_VERSION >= 3\nPyMODINIT_FUNC PyInit_a(void)\n#else\nvoid inita(void)\n#endif\n{ return 0; }";
        assert_eq!(names(&of(split)), ["a"]);
        assert_eq!(
            of("#ifdef Py_GIL_DISABLED\n#error \"no\"\n#endif\n").errors,
            [(2, VersionReach::ALWAYS)]
        );
        assert_eq!(
            of("#ifndef Py_GIL_DISABLED\n#error \"no\"\n#endif\n").errors,
            []
        );
        assert!(
            is_of_cffi("#define _CFFI_\n\nint a = _cffi_init(0);")
                && !is_of_cffi("int a = _cffi_init(0);")
        );
        assert_eq!(
            of("#define Py_LIMITED_API 0x03090000\n").limited_api,
            [(1, VersionReach::ALWAYS)]
        );
    }
}
