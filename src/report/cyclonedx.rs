//! CycloneDX 1.6: a component for each package, with what is said of it on each target as properties.
//!
//! The same report gives the same bytes: there is no serial number, and a time only when asked for.

mod v1_6;

use std::collections::BTreeMap;

use crate::model::artifact::{Artifact, FileCheck};
use crate::model::digest::Algorithm;
use crate::model::gate::Gate;
use crate::model::report::{PackageReport, Report, TargetResult};

use super::alert::{standing_words, waiver_words};
use super::counted::CountedViolations;
use super::sanitize::harmless;
use super::{RenderError, RenderOptions, json, place, words};
use v1_6::{
    BomComponent, BomDocument, BomHash, BomMetadata, BomProperty, BomTool, BomTools,
    ExternalReference,
};

/// Renders the report.
pub(super) fn render(report: &Report, options: &RenderOptions) -> Result<Vec<u8>, RenderError> {
    let counted = CountedViolations::new(report);
    let bom = BomDocument {
        bom_format: "CycloneDX",
        spec_version: "1.6",
        version: 1,
        metadata: BomMetadata {
            timestamp: options.generated.clone(),
            tools: BomTools {
                components: vec![BomTool {
                    kind: "application",
                    name: "ungil",
                    version: env!("CARGO_PKG_VERSION"),
                }],
            },
            properties: about_the_run(report),
        },
        components: components(&counted, report),
    };
    json::pretty(&bom)
}

fn property(name: impl Into<String>, value: impl Into<String>) -> BomProperty {
    BomProperty {
        name: name.into(),
        value: value.into(),
    }
}

/// The gate's word, waivers that do nothing any more, and what could not be looked at.
fn about_the_run(report: &Report) -> Vec<BomProperty> {
    let mut properties: Vec<BomProperty> = report
        .targets
        .iter()
        .map(|target| property("ungil:target", target.to_string()))
        .collect();
    properties.extend(report.gate.iter().flat_map(about_the_gate));
    properties.extend(report.problems.iter().map(|problem| {
        property(
            format!("ungil:problem:{}", words::problem_kind(problem.kind)),
            words::problem(problem),
        )
    }));
    properties
}

fn about_the_gate(gate: &Gate) -> Vec<BomProperty> {
    let mut properties = vec![property("ungil:gate", words::outcome(gate.outcome))];
    for used in &gate.waivers {
        let told = waiver_words(used).map(|words| {
            format!(
                "{} at {}: {}",
                used.waiver.package,
                place::words(&used.waiver.place),
                words
            )
        });
        properties.extend(told.map(|words| property("ungil:waiver", harmless(&words))));
    }
    properties
}

/// One for each package. What several environments hold has as many components, told apart by a number in `bom-ref`.
fn components(counted: &CountedViolations<'_>, report: &Report) -> Vec<BomComponent> {
    let mut seen: BTreeMap<String, usize> = BTreeMap::new();
    let numbered = |(entry, package)| {
        let mut component = component(counted, entry, package);
        let number = seen.entry(component.purl.clone()).or_default();
        *number += 1;
        if *number > 1 {
            component.bom_ref = format!("{}#{number}", component.purl);
        }
        component
    };
    report.packages.iter().enumerate().map(numbered).collect()
}

fn component(
    counted: &CountedViolations<'_>,
    entry: usize,
    package: &PackageReport,
) -> BomComponent {
    let version = package.version.as_ref().map(ToString::to_string);
    let at = version.as_ref().map_or_else(String::new, |version| {
        format!("@{}", place::encoded(version))
    });
    let purl = format!("pkg:pypi/{}{at}", place::encoded(package.name.as_ref()));
    let files = files(package);
    let hashes = match files.as_slice() {
        [(_, only)] => only.hashes.clone(),
        _ => Vec::new(),
    };
    let mut told: Vec<BomProperty> = package
        .results
        .iter()
        .flat_map(|result| properties(counted, entry, result))
        .collect();
    told.extend(
        package
            .found_in()
            .map(|place| property("ungil:found-in", harmless(place))),
    );
    BomComponent {
        kind: "library",
        bom_ref: purl.clone(),
        name: package.name.to_string(),
        version,
        purl,
        hashes,
        external_references: files.into_iter().map(|(_, file)| file).collect(),
        properties: told,
    }
}

/// The chosen files, each once, with the targets for which they were chosen.
fn files(package: &PackageReport) -> Vec<(&Artifact, ExternalReference)> {
    let mut files: Vec<(&Artifact, ExternalReference)> = Vec::new();
    for result in &package.results {
        let Some(artifact) = &result.artifact else {
            continue;
        };
        let target = result.target.to_string();
        if let Some((_, file)) = files.iter_mut().find(|(known, _)| *known == artifact) {
            file.comment.push_str(&format!(", {target}"));
            continue;
        }
        let comment = format!("{} for {target}", harmless(&artifact.filename));
        let Some(url) = json::address(&artifact.location) else {
            continue;
        };
        let hashes = hashes(&result.file_check);
        files.push((
            artifact,
            ExternalReference {
                kind: "distribution",
                url,
                comment,
                hashes,
            },
        ));
    }
    files
}

/// Digests that were computed; what is only stated is a property.
fn hashes(check: &FileCheck) -> Vec<BomHash> {
    let hash = |digest: &crate::model::digest::Digest| BomHash {
        alg: match digest.algorithm {
            Algorithm::Sha256 => "SHA-256",
            Algorithm::Sha384 => "SHA-384",
            Algorithm::Sha512 => "SHA-512",
        },
        content: digest.hex.clone(),
    };
    match check {
        FileCheck::Digest(digests) => digests.iter().map(hash).collect(),
        FileCheck::Ranges | FileCheck::Unread => Vec::new(),
    }
}

fn properties(
    counted: &CountedViolations<'_>,
    entry: usize,
    result: &TargetResult,
) -> Vec<BomProperty> {
    let target = result.target.to_string();
    let mut properties = vec![
        property(format!("ungil:verdict:{target}"), result.verdict.word()),
        property(format!("ungil:reason:{target}"), harmless(&result.reason)),
    ];
    if let Some(artifact) = &result.artifact {
        properties.push(property(
            format!("ungil:file:{target}"),
            harmless(&artifact.filename),
        ));
        let stated = artifact
            .digests
            .iter()
            .find(|digest| digest.algorithm == Algorithm::Sha256);
        let stated = stated.filter(|_| result.file_check.digest(Algorithm::Sha256).is_none());
        properties.extend(
            stated.map(|digest| property(format!("ungil:sha256-stated:{target}"), &digest.hex)),
        );
    }
    let violations = counted.of(entry, result);
    if let Some(violations) = &violations {
        let word = violations
            .first()
            .map_or("passes", |violation| words::standing(violation.standing));
        properties.push(property(format!("ungil:gate:{target}"), word));
    }
    for violation in violations.iter().flatten() {
        let told = counted
            .waiver(violation)
            .and_then(|waiver| standing_words(Some(violation.standing), Some(waiver)));
        let told = told.map(|words| property(format!("ungil:waived:{target}"), words));
        properties
            .extend(told.filter(|told| !properties.iter().any(|known| known.value == told.value)));
    }
    properties
}
