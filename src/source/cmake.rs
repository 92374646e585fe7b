//! `CMakeLists.txt`: commands with the branches in which they stand, as far as that decides about the limited API.

use crate::model::source::{LimitedApiUse, LimitedApiUser, SourcePlace, VersionReach};

use super::python::asks_for_build;

const MACRO: &str = "Py_LIMITED_API";
/// Commands that add a macro to what is compiled.
const DEFINING: [&str; 7] = [
    "target_compile_definitions",
    "add_definitions",
    "add_compile_definitions",
    "set_target_properties",
    "set_property",
    "target_compile_options",
    "add_compile_options",
];
/// How deep branches may nest.
const DEEPEST: usize = 1_000;

/// One `if` that is being read.
struct CmakeBranches {
    /// Whether each branch before this one asks for the limited API, and whether this one does.
    all: bool,
    now: bool,
    /// Whether there is an `else`.
    is_complete: bool,
    /// Whether a condition asks for the build, so that free-threaded builds are taken to be thought of.
    asks: bool,
    /// The first use.
    first: Option<LimitedApiUse>,
}

impl CmakeBranches {
    fn new(asks: bool) -> CmakeBranches {
        CmakeBranches {
            all: true,
            now: false,
            is_complete: false,
            asks,
            first: None,
        }
    }
}

/// Uses of the limited API; comments are gone.
pub(super) fn limited_api(path: &str, code: &str) -> Vec<LimitedApiUse> {
    let mut uses: Vec<LimitedApiUse> = Vec::new();
    let mut open: Vec<CmakeBranches> = Vec::new();
    for CmakeCommand {
        name,
        arguments,
        line,
    } in (CmakeCommands {
        code,
        at: 0,
        line: 1,
    }) {
        match name.to_ascii_lowercase().as_str() {
            "if" if open.len() < DEEPEST => open.push(CmakeBranches::new(asks(arguments))),
            branch @ ("elseif" | "else") => {
                let Some(branches) = open.last_mut() else {
                    continue;
                };
                branches.all &= branches.now;
                branches.now = false;
                branches.asks |= branch == "elseif" && asks(arguments);
                branches.is_complete |= branch == "else";
            }
            // What a function does depends on its arguments; none of it counts.
            "function" | "macro" if open.len() < DEEPEST => open.push(CmakeBranches::new(true)),
            "endif" | "endfunction" | "endmacro" => {
                let Some(branches) = open.pop() else { continue };
                let is_certain =
                    branches.all && branches.now && branches.is_complete && !branches.asks;
                if let Some(first) = branches.first.filter(|_| !branches.asks) {
                    note(first, is_certain, &mut open, &mut uses);
                }
            }
            name => {
                let Some(is_certain) = asked_for(name, arguments) else {
                    continue;
                };
                let place = SourcePlace {
                    path: path.to_owned(),
                    line,
                };
                let (user, means) = (LimitedApiUser::Headers, MACRO.to_owned());
                note(
                    LimitedApiUse {
                        user,
                        means,
                        reach: VersionReach::ALWAYS,
                        place,
                    },
                    is_certain,
                    &mut open,
                    &mut uses,
                );
            }
        }
    }
    uses
}

/// Notes a use in the branch in which it stands, or in the file.
fn note(
    mut found: LimitedApiUse,
    is_certain: bool,
    open: &mut [CmakeBranches],
    uses: &mut Vec<LimitedApiUse>,
) {
    if let Some(branches) = open.last_mut() {
        branches.now |= is_certain;
        if !is_certain {
            found.reach = VersionReach::PERHAPS;
        }
        branches.first.get_or_insert(found);
    } else {
        let reach = if is_certain {
            VersionReach::ALWAYS
        } else {
            VersionReach::PERHAPS
        };
        uses.push(LimitedApiUse { reach, ..found });
    }
}

/// scikit-build-core leaves its variable empty where the interpreter has no limited API.
fn asks(condition: &str) -> bool {
    condition.contains("SKBUILD_SABI") || condition.contains("SOABI") || asks_for_build(condition)
}

/// Whether a command asks for the limited API, and whether it certainly does; `None` when it does not.
fn asked_for(name: &str, arguments: &str) -> Option<bool> {
    let mut words = arguments
        .split([' ', '\t', '\r', '\n', ';', '"'])
        .filter(|word| !word.is_empty());
    if DEFINING.contains(&name) {
        let is_macro = |word: &str| {
            word.trim_start_matches("-D")
                .strip_prefix(MACRO)
                .is_some_and(|rest| rest.is_empty() || rest.starts_with('='))
        };
        return words.any(is_macro).then_some(true);
    }
    if name.ends_with("_add_library") && name.starts_with("python") {
        words.find(|word| *word == "USE_SABI")?;
        return match words.next()? {
            version if version.starts_with(|letter: char| letter.is_ascii_digit()) => Some(true),
            variable if asks(variable) => None,
            _ => Some(false),
        };
    }
    None
}

struct CmakeCommand<'a> {
    name: &'a str,
    arguments: &'a str,
    line: u32,
}

/// The commands of a file, one after the other.
struct CmakeCommands<'a> {
    code: &'a str,
    at: usize,
    line: u32,
}

impl<'a> Iterator for CmakeCommands<'a> {
    type Item = CmakeCommand<'a>;

    fn next(&mut self) -> Option<CmakeCommand<'a>> {
        let rest = self.code.get(self.at..)?;
        let opening = rest.find('(')?;
        let before = rest.get(..opening)?.trim_end();
        let start = before
            .rfind(|letter: char| !letter.is_ascii_alphanumeric() && letter != '_')
            .map_or(0, |at| at + 1);
        let name = before.get(start..)?;
        let length = arguments_length(rest.get(opening + 1..)?);
        let arguments = rest.get(opening + 1..opening + 1 + length)?;
        let lines = |text: &str| u32::try_from(text.matches('\n').count()).unwrap_or(u32::MAX);
        let line = self.line.saturating_add(lines(before));
        let end = (opening + length + 2).min(rest.len());
        self.line = self.line.saturating_add(lines(rest.get(..end)?));
        self.at += end;
        Some(CmakeCommand {
            name,
            arguments,
            line,
        })
    }
}

/// Up to the parenthesis that closes.
fn arguments_length(text: &str) -> usize {
    let (mut depth, mut is_quoted, mut is_escaped) = (0_usize, false, false);
    for (index, byte) in text.bytes().enumerate() {
        match byte {
            _ if is_escaped => is_escaped = false,
            b'\\' => is_escaped = true,
            b'"' => is_quoted = !is_quoted,
            b'(' if !is_quoted => depth += 1,
            b')' if !is_quoted && depth == 0 => return index,
            b')' if !is_quoted => depth -= 1,
            _ => {}
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn branches_decide_whether_it_is_asked_for() {
        let define = "target_compile_definitions(a PRIVATE Py_LIMITED_API=0x03080000)\n";
        let sabi = "Python_add_library(a MODULE USE_SABI 3.8 \"${X}/a.c\")\n";
        let cases = [
            (define.to_owned(), Some((1, true))),
            (sabi.to_owned(), Some((1, true))),
            (
                format!("if(WIN32)\n{sabi}else()\n{define}endif()\n"),
                Some((2, true)),
            ),
            (
                format!("if (X)\n if(Y)\n{sabi}else()\n{define}endif()\nelse()\n{define}endif()\n"),
                Some((3, true)),
            ),
            (
                format!("if(WIN32)\n{sabi}elseif(APPLE)\n{define}endif()\n"),
                Some((2, false)),
            ),
            (format!("if(WIN32)\n{define}endif()\n"), Some((2, false))),
            (
                format!("if(NOT SKBUILD_SABI_VERSION STREQUAL \"\")\n{define}endif()\n"),
                None,
            ),
            (
                format!("if(NOT Python_SOABI MATCHES \"t-\")\n{define}endif()\n"),
                None,
            ),
            (
                "python_add_library(a MODULE ${sabi} WITH_SOABI a.c)".to_owned(),
                None,
            ),
            (
                "python_add_library(a MODULE USE_SABI ${SKBUILD_SABI_VERSION} a.c)".to_owned(),
                None,
            ),
            (
                "python_add_library(a MODULE USE_SABI ${API} a.c)".to_owned(),
                Some((1, false)),
            ),
            (format!("function(a)\n{define}endfunction()"), None),
            (
                "\n\nadd_definitions(-DPy_LIMITED_API)".to_owned(),
                Some((3, true)),
            ),
            (
                "target_compile_definitions(a PRIVATE _CFFI_NO_LIMITED_API)".to_owned(),
                None,
            ),
            ("message(STATUS \"Py_LIMITED_API (\")".to_owned(), None),
        ];
        for (code, expected) in cases {
            let found = limited_api("CMakeLists.txt", &code);
            let found = found
                .first()
                .map(|it| (it.place.line, it.reach.certain != 0));
            assert_eq!(found, expected, "{code}");
        }
    }

    #[test]
    fn odd_files_do_no_harm() {
        for text in [
            "if(".repeat(20_000),
            "if()\n".repeat(20_000),
            "((((\"".repeat(5_000),
            "endif()".repeat(100),
        ] {
            limited_api("CMakeLists.txt", &text);
        }
    }
}
