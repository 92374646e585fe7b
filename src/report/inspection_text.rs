//! An inspection for people: file by file, what each target does with it, then everything that it says of itself.

use crate::model::distribution::AbiClaim;
use crate::model::facts::{
    Abi, AbiInfo, Fact, Flavour, Generator, GilDeclaration, Hook, ImageFacts, ImageFormat,
    InitKind, Refcounts, StableAbiAudit, Toolchain,
};
use crate::model::inspection::{
    Explanation, InspectedArtifact, InspectedFile, InspectedOutcome, Inspection,
};
use crate::model::outcome::Gil;

mod sources;
mod words;

use super::paint::{PaintRole, PaintStyle, sign};
use super::sanitize::harmless;
use super::table::problem_lines;
use super::text::{bytes, count, evidence_list, wrap};
use super::{RenderError, RenderOptions};

/// How many pieces of evidence stand behind a fact.
const MOST: usize = 3;
/// Width of the labels.
const LABEL: usize = 13;
/// Narrowest and widest lines.
const WIDTHS: (usize, usize) = (60, 200);

/// Renders the inspection.
pub(super) fn render(
    inspection: &Inspection,
    options: &RenderOptions,
) -> Result<Vec<u8>, RenderError> {
    let mut page = InspectionPage {
        lines: Vec::new(),
        width: options.width.clamp(WIDTHS.0, WIDTHS.1),
        style: options.style,
    };
    for artifact in &inspection.artifacts {
        page.artifact(artifact);
    }
    if !inspection.problems.is_empty() {
        page.gap();
        let title = format!(
            "Could not look at everything: {}",
            count(inspection.problems.len(), "problem")
        );
        page.lines
            .push(page.style.paint(PaintRole::Heading, &title));
        page.lines.extend(
            inspection
                .problems
                .iter()
                .flat_map(|problem| problem_lines(problem, options)),
        );
    }
    let mut text = String::new();
    for line in &page.lines {
        text.push_str(line.trim_end());
        text.push('\n');
    }
    Ok(text.into_bytes())
}

/// The lines so far, and how they are to look.
struct InspectionPage {
    lines: Vec<String>,
    width: usize,
    style: PaintStyle,
}

impl InspectionPage {
    fn gap(&mut self) {
        if !self.lines.is_empty() {
            self.lines.push(String::new());
        }
    }

    /// A label and text beside it, indented; the text's further lines stand under the first.
    fn item(&mut self, indent: usize, label: &str, text: &str) {
        let margin = indent + LABEL;
        for (number, line) in wrap(text, self.width.saturating_sub(margin))
            .iter()
            .enumerate()
        {
            let start = match number {
                0 => format!(
                    "{:indent$}{}",
                    "",
                    self.style
                        .paint(PaintRole::Faint, &format!("{label:<LABEL$}"))
                ),
                _ => " ".repeat(margin),
            };
            self.lines.push(format!("{start}{line}"));
        }
    }

    /// A fact: its words and its evidence, or that it is unknown and why.
    fn fact<T>(
        &mut self,
        indent: usize,
        label: &str,
        fact: &Fact<T>,
        words: impl Fn(&T) -> String,
    ) {
        let told = match fact {
            Fact::Known { value, .. } => words(value),
            Fact::Unknown { why, .. } => format!("unknown: {}", harmless(why)),
        };
        let seen = evidence_list(fact.evidence(), MOST);
        let text = if seen.is_empty() {
            told
        } else {
            format!("{told}; seen: {seen}")
        };
        self.item(indent, label, &text);
    }

    fn artifact(&mut self, artifact: &InspectedArtifact) {
        self.gap();
        self.lines.push(
            self.style
                .paint(PaintRole::Heading, &harmless(&artifact.name)),
        );
        match artifact.sources {
            Some(_) => self.item(2, "holds", "sources, which have to be built"),
            None => self.item(2, "holds", &count(artifact.files.len(), "compiled file")),
        }
        if let Some(wheel) = &artifact.wheel {
            if let Some(generator) = &wheel.generator {
                self.item(2, "built with", &harmless(generator));
            }
            self.item(2, "tags", &harmless(&wheel.tags.join(", ")));
        }
        for (label, text) in artifact.distribution.iter().flat_map(words::distribution) {
            self.item(2, label, &text);
        }
        if let Some(sources) = &artifact.sources {
            self.sources(sources);
        }
        for file in &artifact.files {
            self.file(file);
        }
    }

    fn file(&mut self, file: &InspectedFile) {
        self.gap();
        let title = format!("{}  {}", harmless(&file.facts.path), bytes(file.facts.size));
        self.lines
            .push(self.style.paint(PaintRole::Heading, &title));
        for outcome in &file.outcomes {
            self.outcome(outcome);
        }
        if file.claim != AbiClaim::Nothing {
            self.item(2, "named for", &words::claim(&file.claim, abi));
        }
        for (number, image) in file.facts.images.iter().enumerate() {
            self.image(
                image,
                file.audits
                    .get(number)
                    .map(Vec::as_slice)
                    .unwrap_or_default(),
            );
        }
        for explanation in &file.explanations {
            self.explanation(explanation);
        }
    }

    /// The path that decided, a line for each step.
    fn explanation(&mut self, explanation: &Explanation) {
        let Explanation {
            hook,
            architecture,
            steps,
            instructions,
            branches,
        } = explanation;
        let [hook, architecture] = [hook, architecture].map(|text| harmless(text));
        let title = format!(
            "{hook} ({architecture}), followed over all its paths: {instructions} instructions, {branches} branches on unknowns"
        );
        self.lines.push(format!(
            "  {}",
            self.style.paint(PaintRole::Heading, &title)
        ));
        if steps.is_empty() {
            self.lines
                .push("    no path was told: none ends in a module".to_owned());
        }
        for (number, step) in steps.iter().enumerate() {
            let told = evidence_list(std::slice::from_ref(step), 1);
            self.item(4, &(number + 1).to_string(), &told);
        }
    }

    fn outcome(&mut self, outcome: &InspectedOutcome) {
        let target = outcome.target.to_string();
        let (role, word, reason) = match &outcome.outcome {
            Some(outcome) => (
                PaintRole::of_gil(outcome.gil),
                gil_words(outcome.gil),
                harmless(&outcome.reason),
            ),
            None => (
                PaintRole::Faint,
                "not looked for",
                "the target's import system does not load a file of this name".into(),
            ),
        };
        let sign = if outcome.outcome.is_some() {
            sign(role)
        } else {
            '–'
        };
        let word = self.style.paint(role, &format!("{sign} {word}"));
        self.lines.push(format!("  {target}  {word}"));
        let lines = wrap(&reason, self.width.saturating_sub(4));
        self.lines
            .extend(lines.iter().map(|line| format!("    {line}")));
    }

    fn image(&mut self, image: &ImageFacts, audits: &[StableAbiAudit]) {
        let title = format!(
            "{} {}",
            format_name(image.format),
            harmless(&image.architecture)
        );
        self.lines.push(format!(
            "  {}",
            self.style.paint(PaintRole::Heading, &title)
        ));
        match image.hooks.value() {
            Some(hooks) if !hooks.is_empty() => hooks.iter().for_each(|hook| self.hook(hook)),
            _ => self.fact(4, "hooks", &image.hooks, |_| {
                "none: not a module that could be imported".to_owned()
            }),
        }
        self.fact(4, "built for", &image.abi, abi);
        let is_code_read = image.code.value().is_some_and(|code| code.is_complete);
        self.fact(
            4,
            "refcounts",
            &image.refcounts,
            |refcounts| match refcounts {
                Refcounts::NoneSeen if is_code_read => {
                    "neither a symbol nor the code tells of any".to_owned()
                }
                refcounts => refcounts_words(*refcounts).to_owned(),
            },
        );
        self.fact(4, "made by", &image.toolchain, toolchain);
        self.fact(4, "imports", &image.python_imports, |names| {
            format!("{} of the C API", count(names.len(), "symbol"))
        });
        self.fact(4, "limited API", &image.limited_api, words::limited_api);
        for audit in audits {
            self.item(4, "audit", &words::audit(audit));
        }
        self.fact(4, "hazards", &image.hazards, |hazards| {
            words::hazards(hazards)
        });
        self.fact(4, "locks", &image.porting, |signs| words::porting(signs));
        self.fact(4, "code", &image.code, words::code);
        self.fact(4, "globals", &image.writable_data, words::writable_data);
        self.fact(4, "exports", &image.python_exports, |names| listed(names));
        self.fact(4, "libraries", &image.libraries, |names| listed(names));
    }

    fn hook(&mut self, hook: &Hook) {
        let chosen = if hook.matches_file_name {
            "this file's name asks for it"
        } else {
            "no importer looks for it here"
        };
        let module = harmless(&hook.module);
        self.item(
            4,
            "hook",
            &format!(
                "{} at {:#x}, module {module}: {chosen}",
                harmless(&hook.symbol),
                hook.address
            ),
        );
        self.fact(6, "init", &hook.facts.init, |init| {
            init_words(*init).to_owned()
        });
        self.fact(6, "gil", &hook.facts.gil, declaration);
        self.fact(6, "Py_mod_abi", &hook.facts.abi_info, |info| {
            abi_info(info.as_ref())
        });
        self.fact(6, "interpreters", &hook.facts.interpreters, |it| {
            words::interpreters(it.as_ref())
        });
        self.fact(6, "slots", &hook.facts.slots, |slots| {
            let ids: Vec<String> = slots.iter().map(ToString::to_string).collect();
            if ids.is_empty() {
                "none".to_owned()
            } else {
                ids.join(", ")
            }
        });
    }
}

fn listed(names: &[String]) -> String {
    if names.is_empty() {
        "none".to_owned()
    } else {
        harmless(&names.join(", "))
    }
}

fn gil_words(gil: Gil) -> &'static str {
    match gil {
        Gil::NotUsed => "the GIL stays off",
        Gil::Used => "the GIL is switched back on",
        Gil::Delegated => "another file decides",
        Gil::NotLoadable => "the import fails or crashes",
        Gil::Unknown => "unknown",
    }
}

fn format_name(format: ImageFormat) -> &'static str {
    match format {
        ImageFormat::Elf => "ELF",
        ImageFormat::MachO => "Mach-O",
        ImageFormat::Pe => "PE",
    }
}

fn init_words(init: InitKind) -> &'static str {
    match init {
        InitKind::SinglePhase => "single-phase: the hook returns a module",
        InitKind::MultiPhase => "multi-phase: the hook returns a definition",
        InitKind::Export => "export: the hook returns slots",
    }
}

fn declaration(declaration: &GilDeclaration) -> String {
    match declaration {
        GilDeclaration::Slot { value } => {
            format!("slot Py_mod_gil = {value}{}", gil_constant(*value))
        }
        GilDeclaration::SetGil { value } => {
            format!(
                "PyUnstable_Module_SetGIL(module, {value}){}",
                gil_constant(*value)
            )
        }
        GilDeclaration::Absent => "nothing is declared, which means used".to_owned(),
        GilDeclaration::NotAModule => {
            "Py_mod_create makes something other than a module, which means used".to_owned()
        }
        GilDeclaration::Delegated { to } => format!("declared by {} on its behalf", harmless(to)),
    }
}

/// The constant's name in CPython's headers.
fn gil_constant(value: u64) -> &'static str {
    match value {
        0 => " (Py_MOD_GIL_USED)",
        1 => " (Py_MOD_GIL_NOT_USED)",
        _ => "",
    }
}

fn abi(abi: &Abi) -> String {
    let flavour = match abi.flavour {
        Flavour::Gil => "the build with the GIL",
        Flavour::FreeThreaded => "the free-threaded build",
        Flavour::Abi3 => "abi3, the stable ABI of builds with the GIL",
        Flavour::Abi3t => "abi3t, the stable ABI of both builds",
        Flavour::GilOrAbi3 => "builds with the GIL, one version's or the stable ABI",
    };
    let versions = match abi.versions {
        (None, None) => String::new(),
        (Some(oldest), None) => format!(", CPython 3.{oldest} or newer"),
        (None, Some(newest)) => format!(", CPython 3.{newest} or older"),
        (Some(oldest), Some(newest)) if oldest == newest => format!(", CPython 3.{oldest}"),
        (Some(oldest), Some(newest)) => format!(", CPython 3.{oldest} to 3.{newest}"),
    };
    format!("{flavour}{versions}")
}

fn refcounts_words(refcounts: Refcounts) -> &'static str {
    match refcounts {
        Refcounts::InlineNonAtomic => "inline, not atomic: the GIL protects them",
        Refcounts::InlineBiased => "inline, biased, for the free-threaded build",
        Refcounts::Calls => "by function calls",
        Refcounts::NoneSeen => "no symbol tells of any",
    }
}

fn toolchain(toolchain: &Toolchain) -> String {
    let generator = match toolchain.generator {
        Generator::Cython => "Cython",
        Generator::Pybind11 => "pybind11",
        Generator::Nanobind => "nanobind",
        Generator::Pyo3 => "PyO3",
        Generator::Cffi => "CFFI",
        Generator::Swig => "SWIG",
        Generator::Mypyc => "mypyc",
        Generator::F2py => "f2py",
        Generator::BoostPython => "Boost.Python",
        Generator::Hpy => "HPy",
        Generator::Cppyy => "cppyy",
        Generator::Pythran => "Pythran",
        Generator::Zig => "Zig",
        Generator::CApi => "no known generator: written by hand, or by a tool that leaves no mark",
    };
    match &toolchain.version {
        Some(version) => format!("{generator} {}", harmless(version)),
        None => generator.to_owned(),
    }
}

fn abi_info(info: Option<&AbiInfo>) -> String {
    info.map_or_else(
        || "no such slot".to_owned(),
        |info| {
            format!(
                "structure {}.{}, flags {:#x}, built with {:#010x}, for {:#010x}",
                info.major, info.minor, info.flags, info.build_version, info.abi_version
            )
        },
    )
}
