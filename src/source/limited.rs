//! Where build files ask for the limited API, and who acts on it: the compiler by `Py_LIMITED_API`, the backend by its options, the installer by
//! the tag of the wheel.
//!
//! Free-threaded CPython has no limited API before 3.15, and accepts no wheel that is tagged `abi3` alone. <https://peps.python.org/pep-0803/>

use std::cell::Cell;

use crate::model::source::{LimitedApiUse, LimitedApiUser, SourcePlace, VersionReach};

use super::python::{PythonFile, PythonScope, asks_for_build};
use super::token::{SourceToken, TokenKind};

/// The macro.
pub(super) const MACRO: &str = "Py_LIMITED_API";
/// How many places in one file are looked at closely.
const MOST_LOOKS: usize = 50;
/// setuptools' command, from which projects make their own.
const BDIST_WHEEL: &str = "bdist_wheel";

/// A use on a line of a file.
pub(super) fn use_of(
    user: LimitedApiUser,
    means: &str,
    reach: VersionReach,
    path: &str,
    line: u32,
) -> LimitedApiUse {
    LimitedApiUse {
        user,
        means: means.to_owned(),
        reach,
        place: SourcePlace {
            path: path.to_owned(),
            line,
        },
    }
}

fn perhaps(reach: VersionReach) -> VersionReach {
    VersionReach {
        certain: 0,
        ..reach
    }
}

/// Uses in a build file in Python.
pub(super) fn of_python(path: &str, python: &PythonFile<'_>) -> Vec<LimitedApiUse> {
    let asks = python.tokens.iter().any(|token| asks_for_build(token.text));
    let reader = LimitedApiReader {
        path,
        python,
        asks,
        looks: Cell::new(MOST_LOOKS),
    };
    (0..python.tokens.len())
        .filter_map(|index| reader.at(index))
        .filter(|it| it.reach.possible != 0)
        .collect()
}

struct LimitedApiReader<'a> {
    path: &'a str,
    python: &'a PythonFile<'a>,
    /// Whether the file asks for the build somewhere, so that what it lists need not be used.
    asks: bool,
    /// How many places may still be looked at closely.
    looks: Cell<usize>,
}

impl LimitedApiReader<'_> {
    fn text(&self, index: usize) -> &str {
        self.python.tokens.get(index).map_or("", |token| token.text)
    }

    fn at(&self, index: usize) -> Option<LimitedApiUse> {
        let token = self.python.tokens.get(index)?;
        let text = token.text.trim_matches(['"', '\'']);
        let is_text = token.kind == TokenKind::Text;
        let make = |user, reach| Some(use_of(user, text, reach, self.path, token.line));
        match text {
            _ if is_text
                && (text == MACRO
                    || text.starts_with("-DPy_LIMITED_API")
                    || text.starts_with("/DPy_LIMITED_API")) =>
            {
                make(LimitedApiUser::Headers, self.listed(token))
            }
            _ if is_text && text.starts_with("--py-limited-api") => {
                make(LimitedApiUser::Backend, self.listed(token))
            }
            "py_limited_api" => make(LimitedApiUser::Backend, self.option(index, token)?),
            _ if is_text && !text.contains("abi3t") => {
                make(LimitedApiUser::Installer, self.tag(index, token)?)
            }
            _ => None,
        }
    }

    /// What a file lists without a condition, while it asks for the build, it may leave out all the same.
    fn listed(&self, token: &SourceToken<'_>) -> VersionReach {
        if self.asks && token.reach == VersionReach::ALWAYS {
            VersionReach::PERHAPS
        } else {
            token.reach
        }
    }

    /// `{"py_limited_api": "cp39"}`, `dict(py_limited_api="cp39")`, `self.py_limited_api = "cp39"`. `True` is the option of an
    /// `Extension`, which setuptools leaves without effect where there is no limited API.
    fn option(&self, index: usize, token: &SourceToken<'_>) -> Option<VersionReach> {
        if !matches!(self.text(index + 1), ":" | "=") {
            return None;
        }
        let value = self.python.tokens.get(index + 2)?;
        let is_tag = value.kind == TokenKind::Text
            && value
                .text
                .trim_start_matches(['f', 'F', '"', '\''])
                .starts_with("cp");
        let is_attribute = index
            .checked_sub(1)
            .is_some_and(|before| self.text(before) == ".");
        let class = self
            .class_at(index)
            .filter(|class| class.bases.is_some_and(|bases| bases.contains(BDIST_WHEEL)));
        match (is_attribute, class) {
            (true, Some(class)) if is_tag => Some(self.within(class, value.reach)),
            (true, Some(class)) if !matches!(value.text, "False" | "None" | "True") => {
                Some(perhaps(self.within(class, value.reach)))
            }
            (true, None) if is_tag => Some(value.reach),
            (false, _) if is_tag && token.kind == TokenKind::Text => Some(self.listed(value)),
            (false, _) if is_tag => Some(perhaps(value.reach)),
            // A variable's value.
            (false, _)
                if token.kind == TokenKind::Text
                    && value.kind == TokenKind::Word
                    && value.text != "False" =>
            {
                Some(perhaps(value.reach))
            }
            _ => None,
        }
    }

    /// A tag that a project's own `get_tag` gives, or a hook of its backend.
    fn tag(&self, index: usize, token: &SourceToken<'_>) -> Option<VersionReach> {
        let text = token
            .text
            .trim_start_matches(['f', 'F'])
            .trim_matches(['"', '\'']);
        let is_whole = text.starts_with("cp3") && text.contains("-abi3");
        if text != "abi3" && !text.starts_with("cp3") {
            return None;
        }
        let is_forced = self
            .function_at(index)
            .is_some_and(|function| function.name == "get_tag");
        let reach = match self.class_at(index) {
            Some(class) => self.within(class, token.reach),
            None => token.reach,
        };
        let is_other = text
            .strip_prefix("cp3")
            .is_some_and(|rest| rest.trim_end_matches('t').parse::<u8>().is_ok());
        match () {
            () if is_whole || (is_forced && text == "abi3") => Some(reach),
            // The interpreter's tag, or the ABI's.
            () if is_forced && is_other => Some(perhaps(reach)),
            () => None,
        }
    }

    fn class_at(&self, index: usize) -> Option<&PythonScope<'_>> {
        self.python
            .scopes
            .iter()
            .rev()
            .find(|scope| scope.bases.is_some() && scope.tokens.contains(&index))
    }

    fn function_at(&self, index: usize) -> Option<&PythonScope<'_>> {
        self.python
            .scopes
            .iter()
            .rev()
            .find(|scope| scope.bases.is_none() && scope.tokens.contains(&index))
    }

    /// A command counts where the file names it beside its own lines; hooks of backends are found by what they are made from.
    fn within(&self, class: &PythonScope<'_>, reach: VersionReach) -> VersionReach {
        if !class.bases.is_some_and(|bases| bases.contains(BDIST_WHEEL)) {
            return reach;
        }
        let Some(left) = self.looks.get().checked_sub(1) else {
            return perhaps(reach);
        };
        self.looks.set(left);
        let tokens = self.python.tokens.iter().enumerate();
        let named = tokens
            .filter(|(index, token)| token.text == class.name && !class.tokens.contains(index));
        let used = named.fold(
            VersionReach {
                certain: 0,
                possible: 0,
            },
            |sum, (_, token)| VersionReach {
                certain: sum.certain | token.reach.certain,
                possible: sum.possible | token.reach.possible,
            },
        );
        VersionReach {
            certain: reach.certain & used.certain,
            possible: reach.possible & used.possible,
        }
    }
}

/// Uses in `setup.cfg`: options of setuptools' commands.
pub(super) fn of_setup_cfg(path: &str, text: &str) -> Vec<LimitedApiUse> {
    let mut section = "";
    let mut uses = Vec::new();
    for (number, line) in (1..).zip(text.lines()) {
        if let Some(name) = line
            .trim()
            .strip_prefix('[')
            .and_then(|line| line.strip_suffix(']'))
        {
            section = name.trim();
        }
        let line = line.split(['#', ';']).next().unwrap_or_default();
        let Some((key, value)) = line.split_once(['=', ':']) else {
            continue;
        };
        match (section, key.trim().replace('-', "_").as_str()) {
            ("bdist_wheel", "py_limited_api") if value.trim().starts_with("cp") => {
                uses.push(use_of(
                    LimitedApiUser::Backend,
                    "py_limited_api",
                    VersionReach::ALWAYS,
                    path,
                    number,
                ));
            }
            ("build_ext", "define") if value.contains(MACRO) => {
                uses.push(use_of(
                    LimitedApiUser::Headers,
                    MACRO,
                    VersionReach::ALWAYS,
                    path,
                    number,
                ));
            }
            _ => {}
        }
    }
    uses
}

/// Uses in `meson.build`, whose comments are gone: `limited_api: '3.9'` makes Meson define the macro.
/// <https://mesonbuild.com/Python-module.html#extension_module>
pub(super) fn of_meson(path: &str, code: &str) -> Vec<LimitedApiUse> {
    let (mut depth, mut uses) = (0_usize, Vec::new());
    if code.contains("allow_limited_api=false") {
        return uses;
    }
    for (number, line) in (1..).zip(code.lines()) {
        let line = line.trim();
        match line.split(|letter: char| !letter.is_alphanumeric()).next() {
            Some("if" | "foreach") => depth += 1,
            Some("endif" | "endforeach") => depth = depth.saturating_sub(1),
            _ => {}
        }
        let Some((_, after)) = line.split_once("limited_api") else {
            continue;
        };
        let Some(value) = after.trim_start().strip_prefix(':').map(str::trim_start) else {
            continue;
        };
        if value.starts_with("''") {
            continue;
        }
        let is_certain = depth == 0 && value.starts_with('\'');
        let reach = if is_certain {
            VersionReach::ALWAYS
        } else {
            VersionReach::PERHAPS
        };
        uses.push(use_of(
            LimitedApiUser::Headers,
            "limited_api",
            reach,
            path,
            number,
        ));
    }
    uses
}

#[cfg(test)]
mod tests {
    use super::super::python::read;
    use super::*;

    /// Who acts on it, and for which versions it certainly and perhaps counts.
    type Use = (LimitedApiUser, u8, u8);

    fn found(text: &str) -> Vec<Use> {
        let uses = of_python("setup.py", &read(text).unwrap());
        uses.iter()
            .map(|it| (it.user, it.reach.certain, it.reach.possible))
            .collect()
    }

    #[test]
    fn build_files_in_python_ask_for_it_in_many_ways() {
        use LimitedApiUser::{Backend, Headers, Installer};
        let all = 0b111;
        let command = |body: &str, used: &str| {
            let before = "from setuptools.command.bdist_wheel import bdist_wheel\n";
            format!(
                "{before}class B(bdist_wheel):\n    def finalize_options(self):\n        {body}\n    def get_tag(self):\n        p, a, l = super().get_tag()\n        return p, a, l\n{used}\n"
            )
        };
        let used = "setup(cmdclass={'bdist_wheel': B})";
        let tag = |condition: &str| {
            format!(
                "class B(wheel.bdist_wheel):\n    def get_tag(self):\n        python, abi, plat = super().get_tag()\n        if {condition}:\n            python, abi = 'cp310', 'abi3'\n        return python, abi, plat\n{used}\n"
            )
        };
        let cases: Vec<(String, Vec<Use>)> = vec![
            (
                "Extension('a', define_macros=[('Py_LIMITED_API', '0x03090000')])".into(),
                vec![(Headers, all, all)],
            ),
            (
                "Extension('a', extra_compile_args=['-DPy_LIMITED_API=0x03090000'])".into(),
                vec![(Headers, all, all)],
            ),
            (
                "if x:\n    m.append(('Py_LIMITED_API', '0x03090000'))".into(),
                vec![(Headers, 0, all)],
            ),
            (
                "m = [] if get_config_var('Py_GIL_DISABLED') else [('Py_LIMITED_API', 0)]".into(),
                vec![],
            ),
            (
                "g = get('Py_GIL_DISABLED')\nm = [('Py_LIMITED_API', 0)]".into(),
                vec![(Headers, 0, all)],
            ),
            (
                "setup(options={'bdist_wheel': {'py_limited_api': 'cp39'}})".into(),
                vec![(Backend, all, all)],
            ),
            (
                "setup(options={'bdist_wheel': {'py_limited_api': LIMITED}})".into(),
                vec![(Backend, 0, all)],
            ),
            (
                "setup(script_args=['--py-limited-api=cp39'])".into(),
                vec![(Backend, all, all)],
            ),
            ("Extension('a', py_limited_api=True)".into(), vec![]),
            (
                command("self.py_limited_api = 'cp39'", used),
                vec![(Backend, all, all)],
            ),
            (
                command("self.py_limited_api = f'cp3{sys.version_info[1]}'", used),
                vec![(Backend, all, all)],
            ),
            (command("self.py_limited_api = False", used), vec![]),
            (
                command("self.py_limited_api = LIMITED", used),
                vec![(Backend, 0, all)],
            ),
            (command("self.py_limited_api = 'cp39'", "setup()"), vec![]),
            (
                command(
                    "if sys.version_info < (3, 14): self.py_limited_api = 'cp39'",
                    used,
                ),
                vec![(Backend, 1, 1)],
            ),
            (
                command(
                    "self.py_limited_api = 'cp39'",
                    "FREE = get_config_var('Py_GIL_DISABLED')\nsetup(cmdclass={} if FREE else {'bdist_wheel': B})",
                ),
                vec![],
            ),
            (
                tag("python.startswith('cp')"),
                vec![(Installer, 0, all), (Installer, all, all)],
            ),
            (
                tag("python.startswith('cp') and not get_config_var('Py_GIL_DISABLED')"),
                vec![],
            ),
            (
                "def initialize(self, version, data):\n    data['tag'] = f'cp39-abi3-{plat}'"
                    .into(),
                vec![(Installer, all, all)],
            ),
            ("data['tag'] = 'cp315-abi3.abi3t-any'".into(), vec![]),
        ];
        for (text, expected) in cases {
            assert_eq!(found(&text), expected, "{text}");
        }
    }

    #[test]
    fn other_build_files_ask_for_it_too() {
        let cfg = of_setup_cfg(
            "setup.cfg",
            "[x]\npy_limited_api = cp39\n[bdist_wheel]\npy-limited-api = cp39\n[build_ext]\ndefine = Py_LIMITED_API=3\n",
        );
        assert_eq!(
            cfg.iter().map(|it| it.place.line).collect::<Vec<_>>(),
            [4, 6]
        );
        let meson = |text: &str| {
            of_meson("meson.build", text)
                .iter()
                .map(|it| it.reach.certain)
                .collect::<Vec<_>>()
        };
        assert_eq!(
            meson("py.extension_module('a', limited_api: '3.9')"),
            [0b111]
        );
        assert_eq!(
            meson("if x\npy.extension_module('a', limited_api : '3.9')\nendif"),
            [0]
        );
        assert_eq!(meson("py.extension_module('a', limited_api: api)"), [0]);
        assert_eq!(
            meson("py.extension_module('a', limited_api: '')"),
            [] as [u8; 0]
        );
    }
}
