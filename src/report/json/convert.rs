//! From the model's nouns to version 1 of the JSON: the one place where a change inside meets the frozen format.

use url::Url;

use crate::model::artifact::{Artifact, ArtifactKind, FileCheck};
use crate::model::digest::Algorithm;
use crate::model::evidence::Evidence;
use crate::model::facts::{Abi, Fact, Flavour, Generator, InitKind, Toolchain};
use crate::model::finding::{Certainty, Finding, Level};
use crate::model::lock::ExcludedTarget;
use crate::model::outcome::{Cause, Gil, ModuleOutcome};
use crate::model::passed_over::PassedOver;
use crate::model::place::{Location, Place};
use crate::model::problem::{Problem, ProblemKind};
use crate::model::report::{PackageReport, Summary, TargetResult};
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
pub(super) fn excluded(excluded: &ExcludedTarget) -> v1::ExcludedTarget {
    v1::ExcludedTarget {
        target: excluded.target.to_string(),
        place: place(&excluded.place),
        locked_for: text(&excluded.locked_for),
        change: text(&excluded.change),
        command: text(&excluded.command),
    }
}

pub(super) fn package(package: &PackageReport) -> v1::Package {
    v1::Package {
        name: package.name.to_string(),
        version: package.version.as_ref().map(ToString::to_string),
        required_by: all(&package.required_by, required_by),
        results: all(&package.results, result),
    }
}

/// A path of requirements.
pub(super) fn required_by(required_by: &RequiredBy) -> v1::RequiredBy {
    v1::RequiredBy { place: place(&required_by.place), path: all(&required_by.path, ToString::to_string) }
}

/// A place in the input.
pub(super) fn place(place: &Place) -> v1::Place {
    v1::Place { file: text(&place.file), line: place.line, column: place.column }
}

/// What is said of a package on one target.
pub(super) fn result(result: &TargetResult) -> v1::TargetResult {
    v1::TargetResult {
        target: result.target.to_string(),
        verdict: verdict(result.verdict),
        reason: text(&result.reason),
        declared_by: all(&result.declared_by, declared_by),
        artifact: result.artifact.as_ref().map(|it| artifact(it, &result.file_check)),
        build: result.build.as_ref().map(|build| Box::new(forecast(build))),
        not_in_lock: result.not_in_lock,
        requires_python: result.requires_python.as_ref().map(ToString::to_string),
        other_build: result.other_build.as_ref().map(other_build),
        left_out: result.left_out.clone(),
        passed_over: all(&result.passed_over, passed_over),
        modules: all(&result.modules, module),
    }
}

fn passed_over(passed_over: &PassedOver) -> v1::PassedOver {
    let PassedOver { path, why } = passed_over;
    v1::PassedOver { path: path.clone(), why: why.word().to_owned(), because: why.words() }
}

fn other_build(other: &OtherBuild) -> v1::OtherBuild {
    v1::OtherBuild {
        python: other.python.to_string(),
        version: other.version.as_ref().map(ToString::to_string),
        filename: other.filename.clone(),
    }
}

/// The same verdict.
pub(super) fn verdict(verdict: Verdict) -> v1::Verdict {
    match verdict {
        Verdict::Pure => v1::Verdict::Pure,
        Verdict::Ready => v1::Verdict::Ready,
        Verdict::PureFallback => v1::Verdict::PureFallback,
        Verdict::Unknown => v1::Verdict::Unknown,
        Verdict::Build => v1::Verdict::Build,
        Verdict::Gil => v1::Verdict::Gil,
        Verdict::Crash => v1::Verdict::Crash,
        Verdict::Blocked => v1::Verdict::Blocked,
    }
}

fn declared_by(declared_by: &DeclaredBy) -> v1::DeclaredBy {
    let (who, name) = match declared_by {
        DeclaredBy::Author => (v1::Declarer::Author, None),
        DeclaredBy::Framework(name) => (v1::Declarer::Framework, Some(name.clone())),
        DeclaredBy::Delegate(name) => (v1::Declarer::Delegate, Some(name.clone())),
        DeclaredBy::Unclear => (v1::Declarer::Unclear, None),
    };
    v1::DeclaredBy { who, name }
}

fn artifact(artifact: &Artifact, check: &FileCheck) -> v1::Artifact {
    let stated = artifact.digests.iter().find(|digest| digest.algorithm == Algorithm::Sha256);
    v1::Artifact {
        filename: artifact.filename.clone(),
        kind: match artifact.kind {
            ArtifactKind::Wheel(_) => v1::ArtifactKind::Wheel,
            ArtifactKind::Sdist => v1::ArtifactKind::Sdist,
            ArtifactKind::SourceTree => v1::ArtifactKind::SourceTree,
            ArtifactKind::Installed { editable: None, .. } => v1::ArtifactKind::Installed,
            ArtifactKind::Installed { editable: Some(_), .. } => v1::ArtifactKind::Editable,
        },
        sha256: check.digest(Algorithm::Sha256).map(|digest| digest.hex.clone()),
        sha256_stated: stated.map(|digest| digest.hex.clone()),
        checked: match check {
            FileCheck::Unread => None,
            FileCheck::Ranges => Some(v1::FileCheck::Ranges),
            FileCheck::Digest(_) => Some(v1::FileCheck::Digest),
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
pub(super) fn module(outcome: &ModuleOutcome) -> v1::Module {
    v1::Module {
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

fn gil(gil: Gil) -> v1::Gil {
    match gil {
        Gil::NotUsed => v1::Gil::NotUsed,
        Gil::Used => v1::Gil::Used,
        Gil::Delegated => v1::Gil::Delegated,
        Gil::NotLoadable => v1::Gil::NotLoadable,
        Gil::Unknown => v1::Gil::Unknown,
    }
}

fn cause(cause: Cause) -> v1::Cause {
    match cause {
        Cause::DeclaredNotUsed => v1::Cause::DeclaredNotUsed,
        Cause::DeclaredUsed => v1::Cause::DeclaredUsed,
        Cause::Undeclared => v1::Cause::Undeclared,
        Cause::Delegated => v1::Cause::Delegated,
        Cause::ForeignAbi => v1::Cause::ForeignAbi,
        Cause::AbiInfoMismatch => v1::Cause::AbiInfoMismatch,
        Cause::UnknownSlot => v1::Cause::UnknownSlot,
        Cause::NoMatchingHook => v1::Cause::NoMatchingHook,
        Cause::ForeignPlatform => v1::Cause::ForeignPlatform,
        Cause::Unreadable => v1::Cause::Unreadable,
        Cause::BuildWithGil => v1::Cause::BuildWithGil,
    }
}

/// How a module is initialised.
pub(super) fn init(init: InitKind) -> v1::Init {
    match init {
        InitKind::SinglePhase => v1::Init::SinglePhase,
        InitKind::MultiPhase => v1::Init::MultiPhase,
        InitKind::Export => v1::Init::Export,
    }
}

/// What a module was compiled for.
pub(super) fn abi(abi: &Abi) -> v1::Abi {
    let flavour = match abi.flavour {
        Flavour::Gil => v1::Flavour::Gil,
        Flavour::FreeThreaded => v1::Flavour::FreeThreaded,
        Flavour::Abi3 => v1::Flavour::Abi3,
        Flavour::Abi3t => v1::Flavour::Abi3t,
        Flavour::GilOrAbi3 => v1::Flavour::GilOrAbi3,
    };
    v1::Abi { flavour, oldest: abi.versions.0, newest: abi.versions.1 }
}

/// What generated a module.
pub(super) fn toolchain(toolchain: &Toolchain) -> v1::Toolchain {
    v1::Toolchain { generator: generator(toolchain.generator).to_owned(), version: toolchain.version.clone() }
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
pub(super) fn evidence(evidence: &Evidence) -> v1::Evidence {
    v1::Evidence {
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
pub(super) fn findings(package: &PackageReport) -> Vec<v1::Finding> {
    package.results.iter().flat_map(|result| findings_on(package, result)).collect()
}

/// What rules say of a package on one target.
pub(super) fn findings_on(package: &PackageReport, result: &TargetResult) -> Vec<v1::Finding> {
    all(&result.findings, |found| finding(package, result, found))
}

fn finding(package: &PackageReport, result: &TargetResult, finding: &Finding) -> v1::Finding {
    v1::Finding {
        package: package.name.to_string(),
        version: package.version.as_ref().map(ToString::to_string),
        found_in: package.found_in().map(text),
        target: result.target.to_string(),
        rule: finding.rule.clone(),
        level: match finding.level {
            Level::Hint => v1::Level::Hint,
            Level::Warning => v1::Level::Warning,
            Level::Decides => v1::Level::Decides,
        },
        certainty: match finding.certainty {
            Certainty::Holds => v1::Certainty::Holds,
            Certainty::Unknown => v1::Certainty::Unknown,
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
pub(super) fn problem(problem: &Problem) -> v1::Problem {
    v1::Problem {
        kind: match problem.kind {
            ProblemKind::Network => v1::ProblemKind::Network,
            ProblemKind::Index => v1::ProblemKind::Index,
            ProblemKind::Resolution => v1::ProblemKind::Resolution,
            ProblemKind::Metadata => v1::ProblemKind::Metadata,
            ProblemKind::Archive => v1::ProblemKind::Archive,
            ProblemKind::Binary => v1::ProblemKind::Binary,
            ProblemKind::Integrity => v1::ProblemKind::Integrity,
            ProblemKind::File => v1::ProblemKind::File,
        },
        package: problem.package.as_ref().map(ToString::to_string),
        place: text(&problem.place),
        message: text(&problem.message),
    }
}

/// Counts of the run.
pub(super) fn summary(summary: &Summary) -> v1::Summary {
    v1::Summary {
        packages: summary.packages,
        files: summary.files,
        modules: summary.modules,
        bytes_fetched: summary.bytes_fetched,
        bytes_total: summary.bytes_total,
        problems: summary.problems,
    }
}

/// The same forecast.
pub(super) fn forecast(forecast: &Forecast) -> build_v1::Forecast {
    build_v1::Forecast {
        becomes: match forecast.becomes {
            Becomes::Pure => build_v1::Becomes::Pure,
            Becomes::KeepsGilOff => build_v1::Becomes::KeepsGilOff,
            Becomes::SwitchesGilOn => build_v1::Becomes::SwitchesGilOn,
            Becomes::Fails => build_v1::Becomes::Fails,
            Becomes::Unknown => build_v1::Becomes::Unknown,
        },
        reason: text(&forecast.reason),
        needs: forecast.needs.clone(),
        requires: all(&forecast.requires, |required| text(required)),
        evidence: all(&forecast.evidence, evidence),
    }
}

/// A fact, converted.
pub(super) fn fact<From, To>(fact: &Fact<From>, convert: impl Fn(&From) -> To) -> parts_v1::Fact<To> {
    let unknown = match fact {
        Fact::Known { .. } => None,
        Fact::Unknown { why, .. } => Some(why.clone()),
    };
    parts_v1::Fact { value: fact.value().map(convert), unknown, evidence: all(fact.evidence(), evidence) }
}
