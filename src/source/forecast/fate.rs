//! What one module does once it is built: it keeps the GIL off, switches it on, or it is not known.

use crate::model::evidence::Evidence;
use crate::model::facts::Generator;
use crate::model::source::{DeclaredWord, ModuleStanding, SourceDeclaration, SourceModule};

use super::super::thresholds::{CFFI, CYTHON, MYPYC, PYO3_DECLARES};
use super::{BuildOutlook, ToolVersion, at};

/// What one module would do.
pub(super) enum ModuleFate {
    /// It keeps the GIL off, and this shows it.
    Off(Evidence),
    /// It switches the GIL on, for this reason.
    On(String, Evidence),
    /// It is not known, for this reason.
    Open(String, Evidence),
}

impl BuildOutlook<'_> {
    pub(super) fn fate(&self, module: &SourceModule) -> ModuleFate {
        let seen = at(format!("module {}", module.name), &module.place);
        if let Some(doubt) = &module.doubt {
            return ModuleFate::Open(format!("{}: {doubt}", module.name), seen);
        }
        match module.generator {
            Generator::Cffi => {
                if let (Some((why, _)), Some(path)) =
                    (self.cffi_refusal(module), &self.facts.asks_for_build)
                {
                    return ModuleFate::Open(
                        format!("{why}, unless {path}, which asks for the build, does without it"),
                        seen,
                    );
                }
                return ModuleFate::Off(
                    seen.symbol("_cffi_backend")
                        .value(format!("declares from CFFI {} on", CFFI.first)),
                );
            }
            Generator::Mypyc => return self.mypyc(seen),
            Generator::Cython if module.version.is_none() => {
                if let ToolVersion::Old(required) = self.tool(&CYTHON) {
                    let why = format!(
                        "Cython before {} declares nothing, and {} asks for `{}`",
                        CYTHON.first, required.place, required.text
                    );
                    return ModuleFate::On(
                        why,
                        at("build requirement".to_owned(), &required.place).value(required.text),
                    );
                }
            }
            _ => {}
        }
        self.declared(module, seen)
    }

    /// What the declarations that count on the target say.
    fn declared(&self, module: &SourceModule, seen: Evidence) -> ModuleFate {
        let minor = self.target.python.minor;
        let possible: Vec<&SourceDeclaration> = module
            .declarations
            .iter()
            .filter(|declaration| declaration.reach.is_possible(minor))
            .collect();
        let Some(first) = possible.first() else {
            return self.silent(module, seen);
        };
        let show = |declaration: &SourceDeclaration| {
            let word = match declaration.word {
                DeclaredWord::NotUsed => "not used",
                DeclaredWord::Used => "used",
                DeclaredWord::Unclear => "not clear",
            };
            at(format!("module {}", module.name), &declaration.place)
                .symbol(declaration.means.clone())
                .value(word)
        };
        let all = |word: DeclaredWord| possible.iter().all(|declaration| declaration.word == word);
        let certain = possible
            .iter()
            .find(|declaration| declaration.reach.is_certain(minor));
        let name = &module.name;
        match certain {
            Some(certain) if all(DeclaredWord::NotUsed) => ModuleFate::Off(show(certain)),
            Some(certain) if all(DeclaredWord::Used) => self.as_built(
                module,
                format!("{name} declares that it needs it ({})", certain.place),
                show(certain),
            ),
            _ if all(DeclaredWord::Used) => self.as_built(
                module,
                format!(
                    "{name} declares that it needs it, if anything ({})",
                    first.place
                ),
                show(first),
            ),
            _ => ModuleFate::Open(
                format!(
                    "what {name} declares depends on the build ({})",
                    first.place
                ),
                show(first),
            ),
        }
    }

    /// A module that declares nothing itself.
    fn silent(&self, module: &SourceModule, seen: Evidence) -> ModuleFate {
        if module.generator == Generator::Pyo3 {
            let Some(pyo3) = &self.facts.pyo3 else {
                return ModuleFate::Open(
                    format!(
                        "{}: the version of PyO3 that decides was not found",
                        module.name
                    ),
                    seen,
                );
            };
            if pyo3.minor >= PYO3_DECLARES {
                return ModuleFate::Off(
                    at(format!("module {}", module.name), &pyo3.place)
                        .symbol("PyO3")
                        .value(pyo3.text.clone()),
                );
            }
            let why = format!(
                "PyO3 {} ({}) declares nothing for {} by itself",
                pyo3.text, pyo3.place, module.name
            );
            return self.as_built(module, why, seen);
        }
        self.as_built(
            module,
            format!("{} declares nothing ({})", module.name, module.place),
            seen,
        )
    }

    /// That a module switches the GIL on is only said when the build is seen to make it.
    fn as_built(&self, module: &SourceModule, why: String, seen: Evidence) -> ModuleFate {
        match &module.standing {
            ModuleStanding::Named { .. } => ModuleFate::On(why, seen),
            ModuleStanding::Unnamed => {
                ModuleFate::Open(format!("{why}, and no build file names it"), seen)
            }
        }
    }

    fn mypyc(&self, seen: Evidence) -> ModuleFate {
        let required = self.required(MYPYC.project);
        if required.is_empty() {
            return ModuleFate::Open(
                "mypyc compiles modules, and which version of it is not stated".to_owned(),
                seen,
            );
        }
        match self.tool(&MYPYC) {
            ToolVersion::Good => ModuleFate::Off(
                seen.symbol("mypyc")
                    .value(format!("declares from {} on", MYPYC.first)),
            ),
            ToolVersion::Old(required) => ModuleFate::Open(
                format!(
                    "mypyc is asked for as `{}` ({})",
                    required.text, required.place
                ),
                seen,
            ),
        }
    }
}
