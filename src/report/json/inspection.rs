//! From an inspection to version 1 of its JSON.

use crate::model::facts::{
    AbiInfo, GilDeclaration, Hook, HookKind, ImageFacts, ImageFormat, Refcounts, StableAbiAudit,
};
use crate::model::inspection::{
    Explanation, InspectedArtifact, InspectedFile, InspectedOutcome, Inspection,
};

use super::super::sanitize::without_credentials;
use super::convert::{abi, all, evidence, fact, hexadecimal, init, module, problem, toolchain};
use super::facts;
use super::inspection_v1 as out;
use super::sources_v1;
use super::v1;

impl From<&Inspection> for out::InspectionV1 {
    fn from(inspection: &Inspection) -> out::InspectionV1 {
        out::InspectionV1 {
            schema_version: v1::SCHEMA_VERSION,
            targets: all(&inspection.targets, ToString::to_string),
            artifacts: all(&inspection.artifacts, artifact),
            modules: inspection.artifacts.iter().flat_map(modules).collect(),
            problems: all(&inspection.problems, problem),
        }
    }
}

fn artifact(artifact: &InspectedArtifact) -> out::InspectedArtifactV1 {
    let wheel = artifact.wheel.as_ref();
    out::InspectedArtifactV1 {
        name: without_credentials(&artifact.name).into_owned(),
        generator: wheel.and_then(|wheel| wheel.generator.clone()),
        tags: wheel.map(|wheel| wheel.tags.clone()).unwrap_or_default(),
        root_is_purelib: wheel.and_then(|wheel| wheel.root_is_purelib),
        compiled_files: artifact.files.len(),
        distribution: artifact.distribution.as_ref().map(facts::distribution),
        sources: artifact.sources.as_ref().map(sources_v1::sources),
    }
}

fn modules(artifact: &InspectedArtifact) -> Vec<out::InspectedModuleV1> {
    let of_file =
        |file: &InspectedFile| all(&file.outcomes, |outcome| one(artifact, file, outcome));
    artifact.files.iter().flat_map(of_file).collect()
}

fn one(
    artifact: &InspectedArtifact,
    file: &InspectedFile,
    outcome: &InspectedOutcome,
) -> out::InspectedModuleV1 {
    let images = file
        .facts
        .images
        .iter()
        .enumerate()
        .map(|(number, facts)| image(facts, file.audits.get(number)));
    out::InspectedModuleV1 {
        artifact: without_credentials(&artifact.name).into_owned(),
        target: outcome.target.to_string(),
        module: outcome
            .outcome
            .as_ref()
            .map_or_else(|| not_looked_for(file, outcome), module),
        size: file.facts.size,
        claim: facts::claim(&file.claim),
        images: images.collect(),
        explanations: all(&file.explanations, explanation),
    }
}

fn explanation(explanation: &Explanation) -> out::ExplanationV1 {
    out::ExplanationV1 {
        hook: explanation.hook.clone(),
        architecture: explanation.architecture.clone(),
        steps: all(&explanation.steps, evidence),
        instructions: explanation.instructions,
        branches: explanation.branches,
    }
}

/// What is said where the target's import system passes the file by.
fn not_looked_for(file: &InspectedFile, outcome: &InspectedOutcome) -> v1::ModuleV1 {
    let known = file
        .outcomes
        .iter()
        .find_map(|other| other.outcome.as_ref());
    v1::ModuleV1 {
        path: file.facts.path.clone(),
        module: known.map(|known| known.module.clone()).unwrap_or_default(),
        gil: v1::GilV1::NotLoadable,
        cause: v1::CauseV1::NotLookedFor,
        reason: format!("{} does not look for a file of this name", outcome.target),
        delegate: None,
        declared_by: None,
        init: None,
        abi: None,
        toolchain: None,
        evidence: Vec::new(),
    }
}

fn image(image: &ImageFacts, audits: Option<&Vec<StableAbiAudit>>) -> out::ImageV1 {
    out::ImageV1 {
        format: match image.format {
            ImageFormat::Elf => out::FormatV1::Elf,
            ImageFormat::MachO => out::FormatV1::MachO,
            ImageFormat::Pe => out::FormatV1::Pe,
        },
        architecture: image.architecture.clone(),
        hooks: fact(&image.hooks, |hooks| all(hooks, hook)),
        python_imports: fact(&image.python_imports, Clone::clone),
        python_exports: fact(&image.python_exports, Clone::clone),
        libraries: fact(&image.libraries, Clone::clone),
        abi: fact(&image.abi, abi),
        refcounts: fact(&image.refcounts, |refcounts| match refcounts {
            Refcounts::InlineNonAtomic => out::RefcountsV1::InlineNonAtomic,
            Refcounts::InlineBiased => out::RefcountsV1::InlineBiased,
            Refcounts::Calls => out::RefcountsV1::Calls,
            Refcounts::NoneSeen => out::RefcountsV1::NoneSeen,
        }),
        toolchain: fact(&image.toolchain, toolchain),
        limited_api: fact(&image.limited_api, facts::limited_api),
        audits: audits
            .map(|audits| all(audits, facts::audit))
            .unwrap_or_default(),
        hazards: fact(&image.hazards, |hazards| all(hazards, facts::hazard)),
        porting: fact(&image.porting, |signs| all(signs, facts::porting_sign)),
        writable_data: fact(&image.writable_data, facts::writable_data),
        code: fact(&image.code, facts::code),
    }
}

fn hook(hook: &Hook) -> out::HookV1 {
    out::HookV1 {
        symbol: hook.symbol.clone(),
        kind: match hook.kind {
            HookKind::Init => out::HookKindV1::Init,
            HookKind::Export => out::HookKindV1::Export,
        },
        module: hook.module.clone(),
        address: hexadecimal(hook.address),
        matches_file_name: hook.matches_file_name,
        init: fact(&hook.facts.init, |kind| init(*kind)),
        gil: fact(&hook.facts.gil, declaration),
        abi_info: fact(&hook.facts.abi_info, |info| abi_info(info.as_ref())),
        slots: fact(&hook.facts.slots, Clone::clone),
        interpreters: fact(&hook.facts.interpreters, |it| {
            facts::interpreters(it.as_ref())
        }),
    }
}

fn declaration(declaration: &GilDeclaration) -> out::DeclarationV1 {
    let (by, value, delegate) = match declaration {
        GilDeclaration::Slot { value } => (out::DeclaredHowV1::Slot, Some(*value), None),
        GilDeclaration::SetGil { value } => (out::DeclaredHowV1::SetGil, Some(*value), None),
        GilDeclaration::Absent => (out::DeclaredHowV1::Absent, None, None),
        GilDeclaration::NotAModule => (out::DeclaredHowV1::NotAModule, None, None),
        GilDeclaration::Delegated { to } => (out::DeclaredHowV1::Delegated, None, Some(to.clone())),
    };
    out::DeclarationV1 {
        by,
        value,
        delegate,
    }
}

fn abi_info(info: Option<&AbiInfo>) -> out::AbiInfoV1 {
    out::AbiInfoV1 {
        present: info.is_some(),
        structure: info.map(|info| (info.major, info.minor)),
        flags: info.map(|info| info.flags),
        build_version: info.map(|info| hexadecimal(info.build_version.into())),
        abi_version: info.map(|info| hexadecimal(info.abi_version.into())),
    }
}
