//! Rust: functions and modules marked `#[pymodule]`, and hooks and slots written by hand.

use crate::cpython::init_function;
use crate::model::facts::Generator;
use crate::model::source::{DeclaredWord, SourceDeclaration, SourcePlace, VersionReach};

use super::native::{DefinedModule, MOST_KEPT, MOST_MODULES, NativeSource};
use super::python::asks_for_build;
use super::token::{SourceToken, TokenKind};

/// How far behind an attribute its item stands, and behind a slot's name its value.
const NEAR: usize = 60;
/// How many bytes of a condition are looked at.
const LONGEST: usize = 400;
/// How many conditions inside each other are looked at.
const DEEPEST: usize = 100;

/// Whether parsing the file can tell anything.
pub(super) fn is_telling(text: &str) -> bool {
    let words = [
        "pymodule",
        "Py_mod_gil",
        "PyUnstable_Module_SetGIL",
        "Py_LIMITED_API",
    ];
    init_function::may_name_one(text) || words.iter().any(|word| text.contains(word))
}

/// Reads the tokens of a file.
pub(super) fn read(path: &str, tokens: &[SourceToken<'_>]) -> NativeSource {
    let mut native = NativeSource::default();
    if is_build_script(path) {
        native.limited_api = limited_api(tokens);
        return native;
    }
    let mut is_import = false;
    for (index, token) in tokens.iter().enumerate() {
        if native.modules.len() >= MOST_MODULES {
            native.cut = Some(token.line);
            break;
        }
        // Names that are brought into scope are not used there.
        is_import = if token.text == ";" {
            false
        } else {
            is_import || token.text == "use"
        };
        if token.kind != TokenKind::Word || is_import {
            continue;
        }
        let rest = tokens.get(index + 1..).unwrap_or_default();
        let before = index
            .checked_sub(1)
            .and_then(|index| tokens.get(index))
            .map_or("", |token| token.text);
        match token.text {
            "pymodule" if is_attribute(tokens.get(..index).unwrap_or_default()) => {
                native.modules.extend(marked(path, token, rest));
            }
            "Py_mod_gil" | "PyUnstable_Module_SetGIL" => {
                let near = rest.iter().take(8);
                let value = near
                    .clone()
                    .find(|it| matches!(it.text, "Py_MOD_GIL_NOT_USED" | "Py_MOD_GIL_USED"));
                let word = value.map(|it| {
                    if it.text == "Py_MOD_GIL_USED" {
                        DeclaredWord::Used
                    } else {
                        DeclaredWord::NotUsed
                    }
                });
                let is_call =
                    token.text != "Py_mod_gil" && rest.first().is_some_and(|next| next.text == "(");
                let word = word.or(is_call.then_some(DeclaredWord::Unclear));
                native
                    .declarations
                    .extend(word.map(|word| declaration(path, token, word, token.text)));
            }
            text if before == "fn" => {
                if let Some((_, name)) = init_function::parse(text) {
                    let (generator, declarations) = (Generator::CApi, Vec::new());
                    native.modules.push(DefinedModule {
                        name,
                        generator,
                        line: token.line,
                        declarations,
                    });
                }
            }
            _ => {}
        }
    }
    native.declarations.truncate(MOST_KEPT);
    native
}

/// Whether the file is run before the crate is compiled.
pub(super) fn is_build_script(path: &str) -> bool {
    path.rsplit('/').next() == Some("build.rs")
}

/// Uses of the limited API in a build script: `build.define("Py_LIMITED_API", …)`. A condition that asks for the free-threaded build
/// is taken to exclude it, one about the implementation to hold.
fn limited_api(tokens: &[SourceToken<'_>]) -> Vec<(u32, VersionReach)> {
    let mut uses = Vec::new();
    let mut conditions: Vec<Option<String>> = Vec::new();
    let (mut condition, mut last): (Option<String>, Option<String>) = (None, None);
    for token in tokens {
        match token.text {
            "if" => condition = Some(String::new()),
            "else" => condition = Some(last.clone().unwrap_or_default()),
            "{" => conditions.push(condition.take()),
            "}" => last = conditions.pop().flatten(),
            ";" => condition = None,
            text => {
                if let Some(condition) = condition
                    .as_mut()
                    .filter(|condition| condition.len() < LONGEST)
                {
                    condition.push(' ');
                    condition.push_str(text);
                }
                if text.trim_matches('"') == "Py_LIMITED_API" && token.kind == TokenKind::Text {
                    if uses.len() == MOST_KEPT {
                        break;
                    }
                    let is_too_deep = conditions.len() > DEEPEST;
                    let around = conditions.iter().flatten().take(DEEPEST);
                    let is_asked = around.clone().any(|condition| asks_for_build(condition));
                    let is_certain = !is_too_deep
                        && around.clone().all(|condition| {
                            condition.contains("PyPy") && !condition.contains('&')
                        });
                    let reach = if is_certain {
                        VersionReach::ALWAYS
                    } else {
                        VersionReach::PERHAPS
                    };
                    uses.extend((!is_asked).then_some((token.line, reach)));
                }
            }
        }
    }
    uses
}

/// Whether a path that these tokens lead to begins an attribute.
fn is_attribute(before: &[SourceToken<'_>]) -> bool {
    let opening = before
        .iter()
        .rev()
        .take(NEAR)
        .find(|token| token.kind != TokenKind::Word && token.text != "::");
    opening.is_some_and(|token| token.text == "[")
}

fn declaration(
    path: &str,
    token: &SourceToken<'_>,
    word: DeclaredWord,
    means: &str,
) -> SourceDeclaration {
    let place = SourcePlace {
        path: path.to_owned(),
        line: token.line,
    };
    SourceDeclaration {
        word,
        reach: VersionReach::ALWAYS,
        means: means.to_owned(),
        place,
    }
}

/// `#[pymodule(gil_used = false)] fn name(…)`, or `mod name { … }`.
fn marked(path: &str, token: &SourceToken<'_>, rest: &[SourceToken<'_>]) -> Option<DefinedModule> {
    let near = rest.get(..NEAR.min(rest.len()))?;
    let item = near
        .iter()
        .position(|token| matches!(token.text, "fn" | "mod"))?;
    let name = near.get(item + 1)?.text;
    let attributes = near.get(..item)?;
    let mut declarations = Vec::new();
    if let Some(at) = attributes.iter().position(|token| token.text == "gil_used") {
        let word = match attributes.get(at + 2).map_or("", |token| token.text) {
            "false" => DeclaredWord::NotUsed,
            "true" => DeclaredWord::Used,
            _ => DeclaredWord::Unclear,
        };
        declarations.push(declaration(path, token, word, "gil_used"));
    }
    // `#[pymodule(name = "other")]` and `#[pyo3(name = "other")]`
    let renamed = attributes
        .iter()
        .position(|token| token.text == "name")
        .and_then(|at| attributes.get(at + 2));
    let name = renamed.map_or(name, |token| token.text.trim_matches('"'));
    Some(DefinedModule {
        name: name.to_owned(),
        generator: Generator::Pyo3,
        line: token.line,
        declarations,
    })
}

#[cfg(test)]
mod tests {
    use super::super::token::SourceDialect;
    use super::super::tokens::tokens;
    use super::*;

    #[test]
    fn pymodules_are_modules() {
        let cases = [
            ("#[pymodule]\nfn a(m: &M) {}", "a", None),
            (
                "#[pymodule(gil_used = false)]\nfn a(m: &M) {}",
                "a",
                Some(DeclaredWord::NotUsed),
            ),
            (
                "#[pymodule(gil_used = true)]\n#[pyo3(name = \"_b\")]\nfn a(m: &M) {}",
                "_b",
                Some(DeclaredWord::Used),
            ),
            ("#[pyo3::pymodule]\npub mod a {}", "a", None),
            (
                "pub unsafe extern \"C\" fn PyInit_a() -> *mut P { x }",
                "a",
                None,
            ),
        ];
        for (text, name, word) in cases {
            let native = read("a.rs", &tokens(SourceDialect::Rust, text).unwrap());
            let module = native.modules.first().unwrap();
            assert_eq!(
                (
                    module.name.as_str(),
                    module.declarations.first().map(|it| it.word)
                ),
                (name, word),
                "{text}"
            );
        }
        let silent =
            "// #[pymodule]\nconst S: &str = \"#[pymodule] fn a\"; use pyo3::pymodule; fn b() {}";
        assert!(
            read("a.rs", &tokens(SourceDialect::Rust, silent).unwrap())
                .modules
                .is_empty()
        );
        let imported = "use ffi::{Py_mod_gil, Py_MOD_GIL_NOT_USED, PyUnstable_Module_SetGIL};";
        assert!(
            read("a.rs", &tokens(SourceDialect::Rust, imported).unwrap())
                .declarations
                .is_empty()
        );
        let call = "fn f() { PyUnstable_Module_SetGIL(m, gil); }";
        assert_eq!(
            read("a.rs", &tokens(SourceDialect::Rust, call).unwrap())
                .declarations
                .first()
                .unwrap()
                .word,
            DeclaredWord::Unclear
        );
        let slot = "let s = Slot { slot: Py_mod_gil, value: Py_MOD_GIL_USED };";
        let native = read("a.rs", &tokens(SourceDialect::Rust, slot).unwrap());
        assert_eq!(
            native.declarations.first().unwrap().word,
            DeclaredWord::Used
        );
    }

    #[test]
    fn build_scripts_define_the_limited_api_or_not() {
        let define = "build.define(\"Py_LIMITED_API\", \"0x030700f0\");";
        let cases = [
            (format!("fn main() {{ {define} }}"), Some(true)),
            (
                format!("fn main() {{ if python_impl != \"PyPy\" {{ {define} }} }}"),
                Some(true),
            ),
            (
                format!(
                    "fn main() {{ if !(python_impl == \"PyPy\" || is_free_threaded) {{ {define} }} }}"
                ),
                None,
            ),
            (
                format!("fn main() {{ if is_free_threaded {{ a(); }} else {{ {define} }} }}"),
                None,
            ),
            (
                format!("fn main() {{ if cfg!(windows) {{ {define} }} }}"),
                Some(false),
            ),
            ("fn main() { // Py_LIMITED_API\n }".to_owned(), None),
        ];
        for (text, expected) in cases {
            let native = read("src/build.rs", &tokens(SourceDialect::Rust, &text).unwrap());
            assert_eq!(
                native
                    .limited_api
                    .first()
                    .map(|(_, reach)| reach.certain != 0),
                expected,
                "{text}"
            );
        }
    }
}
