//! Build files: what `setup.py`, `meson.build`, `CMakeLists.txt` and their like say of Cython, SWIG, f2py, nanobind, CFFI, mypyc
//! and the limited API, and which sources they name.
//!
//! `setup.py` is parsed. The others are read line by line without their comments: only flags and names are looked for.

use crate::model::source::{Reach, SourceDeclaration, SourcePlace, Word};

use super::tokens::{Dialect, Kind, Stand, Token, tokens};

/// How far behind a directive's name its value stands.
const NEAR: usize = 6;

/// A build file without its comments.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Script {
    /// Path below the top folder.
    pub(super) path: String,
    /// Its code.
    pub(super) code: String,
    /// What it says of the GIL, for all modules that a generator makes.
    pub(super) flags: Vec<Flag>,
    /// Uses of the limited API.
    pub(super) limited_api: Vec<(SourcePlace, Reach, String)>,
}

/// Whose flag it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Tool {
    Cython,
    Nanobind,
    Swig,
    F2py,
}

/// A flag that decides for all modules of a generator.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Flag {
    pub(super) tool: Tool,
    pub(super) declaration: SourceDeclaration,
}

/// Whether the file steers the build: by its name.
pub(super) fn is_script(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    let is_top_python = name.ends_with(".py") && path.matches('/').count() <= 1;
    let is_python = is_top_python
        && ["set", "build", "ext", "cython", "config", "conf", "hook"].iter().any(|word| name.contains(word));
    is_python
        || matches!(name, "setup.cfg" | "pyproject.toml" | "meson.build" | "CMakeLists.txt" | "setup.py" | "build.py")
        || name.ends_with(".cmake")
}

/// Reads a build file.
pub(super) fn read(path: &str, text: &str) -> Script {
    let mut script = Script { path: path.to_owned(), ..Script::default() };
    let parsed = if path.ends_with(".py") { tokens(Dialect::Python, text) } else { None };
    match parsed {
        Some(tokens) => script.read_python(&tokens),
        None => script.read_lines(text),
    }
    script
}

impl Script {
    /// Whether it has this text.
    pub(super) fn says(&self, text: &str) -> bool {
        self.code.contains(text)
    }

    /// Whether it has this word by itself.
    pub(super) fn has_word(&self, word: &str) -> bool {
        let is_part = |letter: char| letter.is_alphanumeric() || letter == '_';
        self.code.match_indices(word).any(|(start, _)| {
            let before = self.code.get(..start).and_then(|text| text.chars().next_back());
            let after = self.code.get(start + word.len()..).and_then(|text| text.chars().next());
            !before.is_some_and(is_part) && !after.is_some_and(is_part)
        })
    }

    fn place(&self, line: u32) -> SourcePlace {
        SourcePlace { path: self.path.clone(), line }
    }

    fn flag(&mut self, tool: Tool, word: Word, means: &str, line: u32) {
        let place = self.place(line);
        let declaration = SourceDeclaration { word, reach: Reach::ALWAYS, means: means.to_owned(), place };
        self.flags.push(Flag { tool, declaration });
    }

    fn read_python(&mut self, tokens: &[Token<'_>]) {
        let mut line = 1;
        for token in tokens {
            self.code.push(if token.line == line { ' ' } else { '\n' });
            self.code.push_str(token.text);
            line = token.line;
        }
        let asks_build = tokens.iter().any(|token| token.text.contains("GIL_DISABLED"));
        for (index, token) in tokens.iter().enumerate() {
            let rest = tokens.get(index + 1..).unwrap_or_default();
            let text = token.text.trim_matches(['"', '\'']);
            if text.contains("freethreading_compatible") {
                let word = if token.place == Stand::Choice { Word::Unclear } else { directive(text, rest) };
                self.flag(Tool::Cython, word, "freethreading_compatible", token.line);
            }
            if token.kind == Kind::Text {
                self.flags_in(text, token.line);
            }
            let is_define =
                token.kind == Kind::Text && (text == "Py_LIMITED_API" || text.starts_with("-DPy_LIMITED_API"));
            let is_option = token.kind == Kind::Text
                && text == "py_limited_api"
                && rest.get(1).is_some_and(|value| value.text.trim_matches(['"', '\'']).starts_with("cp"));
            if is_define || is_option {
                let reach = if asks_build || token.place == Stand::Choice { Reach::PERHAPS } else { token.reach };
                self.limited_api.push((self.place(token.line), reach, text.to_owned()));
            }
        }
    }

    fn read_lines(&mut self, text: &str) {
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.split('#').next().unwrap_or_default();
            self.code.push_str(line);
            self.code.push('\n');
            if let Some((_, after)) = line.split_once("freethreading_compatible") {
                self.flag(Tool::Cython, text_value(after), "freethreading_compatible", number);
            }
            self.flags_in(line, number);
            let compact: String = line.chars().filter(|letter| !letter.is_whitespace()).collect();
            let value = compact.strip_prefix("py-limited-api=").or(compact.strip_prefix("py_limited_api="));
            if value.is_some_and(|value| value.trim_matches(['"', '\'']).starts_with("cp")) {
                self.limited_api.push((self.place(number), Reach::ALWAYS, "py-limited-api".to_owned()));
            }
        }
        self.nanobind();
    }

    fn flags_in(&mut self, text: &str, line: u32) {
        let has = |flag: &str| {
            text.split(|letter: char| letter.is_whitespace() || "'\",;[]()".contains(letter)).any(|word| word == flag)
        };
        if has("-nogil") {
            self.flag(Tool::Swig, Word::NotUsed, "-nogil", line);
        }
        if has("--freethreading-compatible") {
            self.flag(Tool::F2py, Word::NotUsed, "--freethreading-compatible", line);
        }
        if text.contains("NB_FREE_THREADED") {
            self.flag(Tool::Nanobind, Word::NotUsed, "NB_FREE_THREADED", line);
        }
    }

    /// `nanobind_add_module(name FREE_THREADED …)`.
    fn nanobind(&mut self) {
        const CALL: &str = "nanobind_add_module";
        let mut found = Vec::new();
        for (start, _) in self.code.match_indices(CALL) {
            let after = self.code.get(start + CALL.len()..).unwrap_or_default();
            let Some(arguments) = after.trim_start().strip_prefix('(').and_then(|text| text.split_once(')')) else {
                continue;
            };
            let word = match arguments.0 {
                text if text.split_whitespace().any(|word| word == "FREE_THREADED") => Some(Word::NotUsed),
                text if text.contains("${") => Some(Word::Unclear),
                _ => None,
            };
            let line = self.code.get(..start).map_or(1, |text| text.matches('\n').count() + 1);
            found.extend(word.map(|word| (word, u32::try_from(line).unwrap_or(u32::MAX))));
        }
        for (word, line) in found {
            self.flag(Tool::Nanobind, word, "FREE_THREADED", line);
        }
    }
}

/// The value of a directive that is a key, a keyword, or part of a flag.
fn directive(text: &str, rest: &[Token<'_>]) -> Word {
    if let Some((_, after)) = text.split_once("freethreading_compatible")
        && after.contains('=')
    {
        return text_value(after);
    }
    let value = rest.iter().take(NEAR).find(|token| !matches!(token.text, ":" | "=" | "]" | ")" | ","));
    match value.map(|token| token.text) {
        Some("True") => Word::NotUsed,
        Some("False") => Word::Used,
        _ => Word::Unclear,
    }
}

/// The value in `=True`, `: true`.
pub(super) fn text_value(after: &str) -> Word {
    let value = after.trim_start_matches(|letter: char| letter.is_whitespace() || "=:'\"".contains(letter));
    match value.get(..4).map(str::to_ascii_lowercase).as_deref() {
        Some("true") => Word::NotUsed,
        Some("fals") => Word::Used,
        _ => Word::Unclear,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn flag(path: &str, text: &str) -> Option<(Tool, Word)> {
        read(path, text).flags.first().map(|flag| (flag.tool, flag.declaration.word))
    }

    #[test]
    fn directives_for_all_modules_are_found() {
        let cython = |word| Some((Tool::Cython, word));
        let cases = [
            ("setup.py", "cythonize(x, compiler_directives={'freethreading_compatible': True})", cython(Word::NotUsed)),
            ("setup.py", "d = dict(freethreading_compatible=True)", cython(Word::NotUsed)),
            ("setup.py", "if v >= '3.1':\n    d['freethreading_compatible'] = True", cython(Word::NotUsed)),
            ("setup.py", "if os.environ.get('X'):\n    d['freethreading_compatible'] = True", cython(Word::Unclear)),
            ("setup.py", "d = {'freethreading_compatible': False}", cython(Word::Used)),
            ("setup.py", "# freethreading_compatible = True", None),
            ("setup.py", "args = ['-X', 'freethreading_compatible=True']", cython(Word::NotUsed)),
            ("meson.build", "cython_args += ['-Xfreethreading_compatible=True']", cython(Word::NotUsed)),
            ("meson.build", "# cython_args += ['-Xfreethreading_compatible=True']", None),
            (
                "CMakeLists.txt",
                "nanobind_add_module(a\n  STABLE_ABI FREE_THREADED a.cpp)",
                Some((Tool::Nanobind, Word::NotUsed)),
            ),
            ("CMakeLists.txt", "nanobind_add_module(a a.cpp)", None),
            ("CMakeLists.txt", "swig_flags(-python -nogil)", Some((Tool::Swig, Word::NotUsed))),
            ("meson.build", "f2py = ['--freethreading-compatible']", Some((Tool::F2py, Word::NotUsed))),
        ];
        for (path, text, expected) in cases {
            assert_eq!(flag(path, text), expected, "{text}");
        }
    }

    #[test]
    fn the_limited_api_counts_where_it_is_certain() {
        let reach = |text: &str| read("setup.py", text).limited_api.first().map(|(_, reach, _)| reach.certain != 0);
        assert_eq!(reach("Extension('a', define_macros=[('Py_LIMITED_API', '0x03090000')])"), Some(true));
        assert_eq!(reach("if x:\n    m.append(('Py_LIMITED_API', '0x03090000'))"), Some(false));
        assert_eq!(reach("g = get('Py_GIL_DISABLED')\nm = [('Py_LIMITED_API', 0)]"), Some(false));
        assert_eq!(reach("setup(options={'bdist_wheel': {'py_limited_api': 'cp39'}})"), Some(true));
        let table = read("pyproject.toml", "[tool.distutils.bdist_wheel]\npy-limited-api = \"cp39\"\n");
        assert_eq!(table.limited_api.len(), 1);
    }
}
