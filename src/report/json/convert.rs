//! From the model's nouns to version 1 of the JSON: the one place where a change inside meets the frozen format.

use url::Url;

use crate::model::artifact::{Artifact, ArtifactKind, FileCheck};
use crate::model::digest::Algorithm;
use crate::model::evidence::Evidence;
use crate::model::facts::{Abi, Fact, Flavour, Generator, InitKind, Toolchain};
use crate::model::finding::{Certainty, Finding, FindingLevel};
use crate::model::lock::ExcludedTarget;
use crate::model::outcome::{Cause, Gil, ModuleOutcome};
use crate::model::passed_over::PassedOver;
use crate::model::place::{Location, Place};
use crate::model::problem::{Problem, ProblemKind};
use crate::model::report::{PackageReport, RunSummary, TargetResult};
use crate::model::resolution::{OtherBuild, RequiredBy};
use crate::model::source::{Becomes, Forecast};
use crate::model::verdict::{DeclaredBy, Verdict};

use super::super::sanitize::without_credentials;
use super::{build_v1, parts_v1, v1};

/// Converts each element.
pub(super) fn all<From, To>(elements: &[From], convert: impl Fn(&From) -> To) -> Vec<To> {
    elements.iter().map(convert).collect()
}

/// Text of others, without credentials.
pub(super) fn text(text: &str) -> String {
    without_credentials(text).into_owned()
}

/// A target that a lock file leaves out.
pub(super) fn excluded(excluded: &ExcludedTarget) -> v1::ExcludedTargetV1 {
    v1::ExcludedTargetV1 {
        target: excluded.target.to_string(),
        place: place(&excluded.place),
        locked_for: text(&excluded.locked_for),
        change: text(&excluded.change),
        command: text(&excluded.command),
    }
}

pub(super) fn package(package: &PackageReport) -> v1::PackageV1 {
    v1::PackageV1 {
        name: package.name.to_string(),
        version: package.version.as_ref().map(ToString::to_string),
        required_by: all(&package.required_by, required_by),
        results: all(&package.results, result),
    }
}

/// A path of requirements.
pub(super) fn required_by(required_by: &RequiredBy) -> v1::RequiredByV1 {
    v1::RequiredByV1 {
        place: place(&required_by.place),
        path: all(&required_by.path, ToString::to_string),
    }
}

/// A place in the input.
pub(super) fn place(place: &Place) -> v1::PlaceV1 {
    v1::PlaceV1 {
        file: text(&place.file),
        line: place.line,
        column: place.column,
    }
}

/// What is said of a package on one target.
pub(super) fn result(result: &TargetResult) -> v1::TargetResultV1 {
    v1::TargetResultV1 {
        target: result.target.to_string(),
        verdict: verdict(result.verdict),
        reason: text(&result.reason),
        declared_by: all(&result.declared_by, declared_by),
        artifact: result
            .artifact
            .as_ref()
            .map(|it| artifact(it, &result.file_check)),
        build: result.build.as_ref().map(|build| Box::new(forecast(build))),
        not_in_lock: result.not_in_lock,
        requires_python: result.requires_python.as_ref().map(ToString::to_string),
        other_build: result.other_build.as_ref().map(other_build),
        left_out: result.left_out.clone(),
        passed_over: all(&result.passed_over, passed_over),
        modules: all(&result.modules, module),
    }
}

fn passed_over(passed_over: &PassedOver) -> v1::PassedOverV1 {
    let PassedOver { path, why } = passed_over;
    v1::PassedOverV1 {
        path: path.clone(),
        why: why.word().to_owned(),
        because: why.words(),
    }
}

fn other_build(other: &OtherBuild) -> v1::OtherBuildV1 {
    v1::OtherBuildV1 {
        python: other.python.to_string(),
        version: other.version.as_ref().map(ToString::to_string),
        filename: other.filename.clone(),
    }
}

/// The same verdict.
pub(super) fn verdict(verdict: Verdict) -> v1::VerdictV1 {
    match verdict {
        Verdict::Pure => v1::VerdictV1::Pure,
        Verdict::Ready => v1::VerdictV1::Ready,
        Verdict::PureFallback => v1::VerdictV1::PureFallback,
        Verdict::Unknown => v1::VerdictV1::Unknown,
        Verdict::Build => v1::VerdictV1::Build,
        Verdict::Gil => v1::VerdictV1::Gil,
        Verdict::Crash => v1::VerdictV1::Crash,
        Verdict::Blocked => v1::VerdictV1::Blocked,
    }
}

fn declared_by(declared_by: &DeclaredBy) -> v1::DeclaredByV1 {
    let (who, name) = match declared_by {
        DeclaredBy::Author => (v1::DeclarerV1::Author, None),
        DeclaredBy::Framework(name) => (v1::DeclarerV1::Framework, Some(name.clone())),
        DeclaredBy::Delegate(name) => (v1::DeclarerV1::Delegate, Some(name.clone())),
        DeclaredBy::Unclear => (v1::DeclarerV1::Unclear, None),
    };
    v1::DeclaredByV1 { who, name }
}

fn artifact(artifact: &Artifact, check: &FileCheck) -> v1::ArtifactV1 {
    let stated = artifact
        .digests
        .iter()
        .find(|digest| digest.algorithm == Algorithm::Sha256);
    v1::ArtifactV1 {
        filename: artifact.filename.clone(),
        kind: match artifact.kind {
            ArtifactKind::Wheel(_) => v1::ArtifactKindV1::Wheel,
            ArtifactKind::Sdist => v1::ArtifactKindV1::Sdist,
            ArtifactKind::SourceTree => v1::ArtifactKindV1::SourceTree,
            ArtifactKind::Installed { editable: None, .. } => v1::ArtifactKindV1::Installed,
            ArtifactKind::Installed {
                editable: Some(_), ..
            } => v1::ArtifactKindV1::Editable,
        },
        sha256: check
            .digest(Algorithm::Sha256)
            .map(|digest| digest.hex.clone()),
        sha256_stated: stated.map(|digest| digest.hex.clone()),
        checked: match check {
            FileCheck::Unread => None,
            FileCheck::Ranges => Some(v1::FileCheckV1::Ranges),
            FileCheck::Digest(_) => Some(v1::FileCheckV1::Digest),
        },
        url: address(&artifact.location),
        size: artifact.size,
        yanked: artifact.yanked.as_deref().map(text),
    }
}

/// The address without what may be a secret: user, password, query; a fragment only repeats the digest.
pub(in crate::report) fn address(location: &Location) -> Option<String> {
    let mut url = match location {
        Location::Url(url) => url.clone(),
        Location::Path(path) => Url::from_file_path(path).ok()?,
    };
    // Both refuse for URLs that cannot have credentials, such as `file:`: then there is nothing to remove.
    let _ = url.set_username("");
    let _ = url.set_password(None);
    url.set_query(None);
    url.set_fragment(None);
    Some(url.into())
}

/// One module's outcome.
pub(super) fn module(outcome: &ModuleOutcome) -> v1::ModuleV1 {
    v1::ModuleV1 {
        path: outcome.path.clone(),
        module: outcome.module.clone(),
        gil: gil(outcome.gil),
        cause: cause(outcome.cause),
        reason: text(&outcome.reason),
        delegate: outcome.delegate.clone(),
        declared_by: outcome.declared_by.as_ref().map(declared_by),
        init: outcome.init.map(init),
        abi: outcome.abi.as_ref().map(abi),
        toolchain: outcome.toolchain.as_ref().map(toolchain),
        evidence: all(&outcome.evidence, evidence),
    }
}

fn gil(gil: Gil) -> v1::GilV1 {
    match gil {
        Gil::NotUsed => v1::GilV1::NotUsed,
        Gil::Used => v1::GilV1::Used,
        Gil::Delegated => v1::GilV1::Delegated,
        Gil::NotLoadable => v1::GilV1::NotLoadable,
        Gil::Unknown => v1::GilV1::Unknown,
    }
}

fn cause(cause: Cause) -> v1::CauseV1 {
    match cause {
        Cause::DeclaredNotUsed => v1::CauseV1::DeclaredNotUsed,
        Cause::DeclaredUsed => v1::CauseV1::DeclaredUsed,
        Cause::Undeclared => v1::CauseV1::Undeclared,
        Cause::Delegated => v1::CauseV1::Delegated,
        Cause::ForeignAbi => v1::CauseV1::ForeignAbi,
        Cause::AbiInfoMismatch => v1::CauseV1::AbiInfoMismatch,
        Cause::UnknownSlot => v1::CauseV1::UnknownSlot,
        Cause::NoMatchingHook => v1::CauseV1::NoMatchingHook,
        Cause::ForeignPlatform => v1::CauseV1::ForeignPlatform,
        Cause::Unreadable => v1::CauseV1::Unreadable,
        Cause::BuildWithGil => v1::CauseV1::BuildWithGil,
    }
}

/// How a module is initialised.
pub(super) fn init(init: InitKind) -> v1::InitV1 {
    match init {
        InitKind::SinglePhase => v1::InitV1::SinglePhase,
        InitKind::MultiPhase => v1::InitV1::MultiPhase,
        InitKind::Export => v1::InitV1::Export,
    }
}

/// What a module was compiled for.
pub(super) fn abi(abi: &Abi) -> v1::AbiV1 {
    let flavour = match abi.flavour {
        Flavour::Gil => v1::FlavourV1::Gil,
        Flavour::FreeThreaded => v1::FlavourV1::FreeThreaded,
        Flavour::Abi3 => v1::FlavourV1::Abi3,
        Flavour::Abi3t => v1::FlavourV1::Abi3t,
        Flavour::GilOrAbi3 => v1::FlavourV1::GilOrAbi3,
    };
    v1::AbiV1 {
        flavour,
        oldest: abi.versions.0,
        newest: abi.versions.1,
    }
}

/// What generated a module.
pub(super) fn toolchain(toolchain: &Toolchain) -> v1::ToolchainV1 {
    v1::ToolchainV1 {
        generator: generator(toolchain.generator).to_owned(),
        version: toolchain.version.clone(),
    }
}

pub(super) fn generator(generator: Generator) -> &'static str {
    match generator {
        Generator::Cython => "cython",
        Generator::Pybind11 => "pybind11",
        Generator::Nanobind => "nanobind",
        Generator::Pyo3 => "pyo3",
        Generator::Cffi => "cffi",
        Generator::Swig => "swig",
        Generator::Mypyc => "mypyc",
        Generator::F2py => "f2py",
        Generator::BoostPython => "boost-python",
        Generator::Hpy => "hpy",
        Generator::Cppyy => "cppyy",
        Generator::Pythran => "pythran",
        Generator::Zig => "zig",
        Generator::CApi => "c-api",
    }
}

/// One thing seen.
pub(super) fn evidence(evidence: &Evidence) -> v1::EvidenceV1 {
    v1::EvidenceV1 {
        what: evidence.what.clone(),
        symbol: evidence.symbol.clone(),
        address: evidence.address.map(hexadecimal),
        value: evidence.value.clone(),
        place: evidence.place.clone(),
    }
}

/// An address as a disassembler shows it.
pub(super) fn hexadecimal(address: u64) -> String {
    format!("{address:#x}")
}

/// What rules say of a package.
pub(super) fn findings(package: &PackageReport) -> Vec<v1::FindingV1> {
    package
        .results
        .iter()
        .flat_map(|result| findings_on(package, result))
        .collect()
}

/// What rules say of a package on one target.
pub(super) fn findings_on(package: &PackageReport, result: &TargetResult) -> Vec<v1::FindingV1> {
    all(&result.findings, |found| finding(package, result, found))
}

fn finding(package: &PackageReport, result: &TargetResult, finding: &Finding) -> v1::FindingV1 {
    v1::FindingV1 {
        package: package.name.to_string(),
        version: package.version.as_ref().map(ToString::to_string),
        found_in: package.found_in().map(text),
        target: result.target.to_string(),
        rule: finding.rule.clone(),
        level: match finding.level {
            FindingLevel::Hint => v1::LevelV1::Hint,
            FindingLevel::Warning => v1::LevelV1::Warning,
            FindingLevel::Decides => v1::LevelV1::Decides,
        },
        certainty: match finding.certainty {
            Certainty::Holds => v1::CertaintyV1::Holds,
            Certainty::Unknown => v1::CertaintyV1::Unknown,
        },
        verdict: finding.verdict.map(verdict),
        module: finding.module.clone(),
        summary: text(&finding.summary),
        message: text(&finding.message),
        help: text(&finding.help),
        alternative: finding.alternative.as_deref().map(text),
        evidence: all(&finding.evidence, evidence),
    }
}

/// One thing that could not be looked at.
pub(super) fn problem(problem: &Problem) -> v1::ProblemV1 {
    v1::ProblemV1 {
        kind: match problem.kind {
            ProblemKind::Network => v1::ProblemKindV1::Network,
            ProblemKind::Index => v1::ProblemKindV1::Index,
            ProblemKind::Resolution => v1::ProblemKindV1::Resolution,
            ProblemKind::Metadata => v1::ProblemKindV1::Metadata,
            ProblemKind::Archive => v1::ProblemKindV1::Archive,
            ProblemKind::Binary => v1::ProblemKindV1::Binary,
            ProblemKind::Integrity => v1::ProblemKindV1::Integrity,
            ProblemKind::File => v1::ProblemKindV1::File,
        },
        package: problem.package.as_ref().map(ToString::to_string),
        place: text(&problem.place),
        message: text(&problem.message),
    }
}

/// Counts of the run.
pub(super) fn summary(summary: &RunSummary) -> v1::SummaryV1 {
    v1::SummaryV1 {
        packages: summary.packages,
        files: summary.files,
        modules: summary.modules,
        bytes_fetched: summary.bytes_fetched,
        bytes_total: summary.bytes_total,
        problems: summary.problems,
    }
}

/// The same forecast.
pub(super) fn forecast(forecast: &Forecast) -> build_v1::ForecastV1 {
    build_v1::ForecastV1 {
        becomes: match forecast.becomes {
            Becomes::Pure => build_v1::BecomesV1::Pure,
            Becomes::KeepsGilOff => build_v1::BecomesV1::KeepsGilOff,
            Becomes::SwitchesGilOn => build_v1::BecomesV1::SwitchesGilOn,
            Becomes::Fails => build_v1::BecomesV1::Fails,
            Becomes::Unknown => build_v1::BecomesV1::Unknown,
        },
        reason: text(&forecast.reason),
        needs: forecast.needs.clone(),
        requires: all(&forecast.requires, |required| text(required)),
        evidence: all(&forecast.evidence, evidence),
    }
}

/// A fact, converted.
pub(super) fn fact<From, To>(
    fact: &Fact<From>,
    convert: impl Fn(&From) -> To,
) -> parts_v1::FactV1<To> {
    let unknown = match fact {
        Fact::Known { .. } => None,
        Fact::Unknown { why, .. } => Some(why.clone()),
    };
    parts_v1::FactV1 {
        value: fact.value().map(convert),
        unknown,
        evidence: all(fact.evidence(), evidence),
    }
}
