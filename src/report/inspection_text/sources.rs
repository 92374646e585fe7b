//! A source distribution in an inspection for people: what a build becomes on each target, then what the sources say.

use crate::model::facts::{Generator, Toolchain};
use crate::model::inspection::{InspectedBuild, InspectedSources};
use crate::model::source::{
    Becomes, DeclaredWord, ModuleStanding, SourceDeclaration, SourceModule,
};

use super::super::paint::{PaintRole, sign};
use super::super::sanitize::harmless;
use super::super::text::{count, evidence_list, wrap};
use super::{InspectionPage, MOST};

/// How many modules and doubts are told one by one.
const TOLD: usize = 40;

impl InspectionPage {
    pub(super) fn sources(&mut self, sources: &InspectedSources) {
        if sources.builds.is_empty() {
            self.item(
                2,
                "build",
                "nothing is foreseen without a target: name one with --platform",
            );
        }
        for build in &sources.builds {
            self.build(build);
        }
        let facts = &sources.facts;
        let listed = |texts: Vec<String>| harmless(&texts.join(", "));
        if let Some(backend) = &facts.backend {
            self.item(2, "backend", &harmless(backend));
        }
        if !facts.requires.is_empty() {
            let requires = facts
                .requires
                .iter()
                .map(|required| format!("{} ({})", required.text, required.place));
            self.item(2, "build needs", &listed(requires.collect()));
        }
        if !facts.languages.is_empty() {
            self.item(
                2,
                "written in",
                &listed(facts.languages.iter().map(ToString::to_string).collect()),
            );
        }
        for module in facts.modules.iter().take(TOLD) {
            self.item(2, "module", &source_module(module));
        }
        self.rest(facts.modules.len(), "module");
        for doubt in facts.doubts.iter().take(TOLD) {
            self.item(2, "open", &harmless(doubt));
        }
        self.rest(facts.doubts.len(), "doubt");
    }

    fn rest(&mut self, number: usize, word: &str) {
        if number > TOLD {
            self.item(2, "", &format!("and {} more", count(number - TOLD, word)));
        }
    }

    fn build(&mut self, build: &InspectedBuild) {
        let InspectedBuild { target, forecast } = build;
        let role = match forecast.becomes {
            Becomes::Pure | Becomes::KeepsGilOff => PaintRole::Good,
            Becomes::SwitchesGilOn | Becomes::Fails => PaintRole::Bad,
            Becomes::Unknown => PaintRole::Open,
        };
        let target = format!("  {target}  {} ", sign(role));
        let margin = target.chars().count();
        for (number, line) in wrap(
            &harmless(&forecast.reason),
            self.width.saturating_sub(margin),
        )
        .iter()
        .enumerate()
        {
            let start = if number == 0 {
                target.clone()
            } else {
                " ".repeat(margin)
            };
            self.lines
                .push(format!("{start}{}", self.style.paint(role, line)));
        }
        if !forecast.evidence.is_empty() {
            self.item(4, "seen", &evidence_list(&forecast.evidence, MOST));
        }
        if !forecast.needs.is_empty() {
            self.item(4, "needs", &harmless(&forecast.needs.join(", ")));
        }
    }
}

fn source_module(module: &SourceModule) -> String {
    let made = match module.generator {
        Generator::CApi => "written by hand".to_owned(),
        generator => super::toolchain(&Toolchain {
            generator,
            version: module.version.clone(),
        }),
    };
    let declared: Vec<String> = module.declarations.iter().map(declaration).collect();
    let declared = if declared.is_empty() {
        "declares nothing".to_owned()
    } else {
        declared.join("; ")
    };
    let mut text = format!("{} ({made}, {}): {declared}", module.name, module.place);
    match &module.standing {
        ModuleStanding::Named { by } => text.push_str(&format!("; {by} names it")),
        ModuleStanding::Unnamed => text.push_str("; no build file names it"),
    }
    if let Some(doubt) = &module.doubt {
        text.push_str(&format!("; unknown: {doubt}"));
    }
    harmless(&text)
}

fn declaration(declaration: &SourceDeclaration) -> String {
    let word = match declaration.word {
        DeclaredWord::NotUsed => "the GIL is not used",
        DeclaredWord::Used => "the GIL is used",
        DeclaredWord::Unclear => "only the build knows",
    };
    format!("{} in {}: {word}", declaration.means, declaration.place)
}
