//! What a wheel, packed or installed, says of itself beside its modules.

use std::collections::BTreeMap;

use crate::archive::ArchiveContents;
use crate::archive::description::{free_threading, kind_of_name, programs};
use crate::archive::wheel::WheelArchive;
use crate::binary::image::is_object;
use crate::examine::ExamineDepth;
use crate::import::claims;
use crate::installed::InstalledDistribution;
use crate::model::artifact::ArtifactListing;
use crate::model::distribution::{AbiClaim, DistributionFacts, NativeFile, NativeKind};
use crate::model::facts::{Abi, Fact, ImageFacts, ModuleFacts};
use crate::model::metadata::Metadata;
use crate::model::name::Version;
use crate::model::wheel_name::WheelName;

use super::glance::ExamineOptions;

/// Describes a wheel; its name's part is unknown when the name is no wheel's.
pub(super) fn describe(
    wheel: &WheelArchive,
    glance: ExamineOptions<'_>,
    modules: &[ModuleFacts],
) -> DistributionFacts {
    let name_claims = match glance.filename.parse::<WheelName>() {
        Ok(name) => Fact::known(claims::of_wheel(&name), Vec::new()),
        Err(error) => Fact::unknown(error.to_string()),
    };
    let (free_threading, requires_python) = match wheel.metadata() {
        Ok(metadata) => {
            let requires = metadata.requires_python.as_ref().map(ToString::to_string);
            (
                free_threading(&metadata.classifiers),
                Fact::known(requires, Vec::new()),
            )
        }
        Err(error) => (
            Fact::unknown(error.to_string()),
            Fact::unknown(error.to_string()),
        ),
    };
    let (generator, wheel_claims) = match wheel.wheel_file() {
        Ok(file) => (
            Fact::known(file.generator, Vec::new()),
            Fact::known(claims::of_wheel_file(&file.tags), Vec::new()),
        ),
        Err(error) => (
            Fact::unknown(error.to_string()),
            Fact::unknown(error.to_string()),
        ),
    };
    let mut natives = natives(wheel, modules);
    // A server is not asked for what no verdict depends on.
    if glance.depth == ExamineDepth::Everything {
        natives.extend(programs(wheel, is_object).map(|path| program(path)));
        natives.sort_by(|left, right| left.path.cmp(&right.path));
    }
    let natives = Fact::known(natives, Vec::new());
    let release = Fact::default();
    DistributionFacts {
        free_threading,
        requires_python,
        generator,
        name_claims,
        wheel_claims,
        release,
        natives,
    }
}

/// Describes what is installed: by what the installer kept of the wheel, and by the files that an import system could load.
/// Nothing is described of files that nobody owns.
pub(super) fn describe_installed(
    distribution: Option<&InstalledDistribution>,
    modules: &[ModuleFacts],
) -> DistributionFacts {
    let metadata = distribution.and_then(|distribution| distribution.metadata.as_ref());
    let wheel = distribution.and_then(|distribution| distribution.wheel.as_ref());
    let no_metadata = || Fact::unknown("there is no METADATA");
    let tags = wheel.map(|wheel| claims::of_wheel_file(&wheel.tags));
    // The wheel's name is gone, and had these tags.
    let tags = || {
        tags.clone().map_or_else(
            || Fact::unknown("there is no WHEEL"),
            |tags| Fact::known(tags, Vec::new()),
        )
    };
    let requires_python =
        |metadata: &Metadata| metadata.requires_python.as_ref().map(ToString::to_string);
    DistributionFacts {
        free_threading: metadata.map_or_else(
            || Fact::unknown("there is no METADATA"),
            |it| free_threading(&it.classifiers),
        ),
        requires_python: metadata.map_or_else(no_metadata, |it| {
            Fact::known(requires_python(it), Vec::new())
        }),
        generator: wheel.map_or_else(
            || Fact::unknown("there is no WHEEL"),
            |it| Fact::known(it.generator.clone(), Vec::new()),
        ),
        name_claims: tags(),
        wheel_claims: tags(),
        natives: Fact::known(modules.iter().map(native).collect(), Vec::new()),
        release: Fact::default(),
    }
}

/// Names of all wheels of a version, sorted.
pub(super) fn release(listing: &ArtifactListing, version: &Version) -> Vec<String> {
    let wheels = listing
        .files
        .iter()
        .filter(|file| file.wheel().is_some() && file.version == *version);
    let mut names: Vec<String> = wheels.map(|file| file.filename.clone()).collect();
    names.sort();
    names.dedup();
    names
}

fn program(path: &str) -> NativeFile {
    NativeFile {
        path: path.to_owned(),
        kind: NativeKind::Program,
        claim: AbiClaim::Nothing,
        abis: Vec::new(),
    }
}

/// Every compiled file: what was read, and what by its name is a library or program that nobody imports.
fn natives(wheel: &WheelArchive, modules: &[ModuleFacts]) -> Vec<NativeFile> {
    let read = modules
        .iter()
        .map(|facts| (facts.path.clone(), native(facts)));
    let mut natives: BTreeMap<String, NativeFile> = read.collect();
    for path in wheel.entries().iter().map(|entry| &entry.path) {
        if let Some(kind) = kind_of_name(path)
            && !natives.contains_key(path)
        {
            let file = NativeFile {
                path: path.clone(),
                kind,
                claim: claims::of_path(path),
                abis: Vec::new(),
            };
            natives.insert(path.clone(), file);
        }
    }
    natives.into_values().collect()
}

fn native(facts: &ModuleFacts) -> NativeFile {
    let is_module = |image: &&ImageFacts| {
        image
            .hooks
            .value()
            .is_some_and(|hooks| hooks.iter().any(|hook| hook.matches_file_name))
    };
    let modules: Vec<&ImageFacts> = facts.images.iter().filter(is_module).collect();
    let abis: Vec<Abi> = modules
        .iter()
        .filter_map(|image| image.abi.value().cloned())
        .collect();
    let kind = if modules.is_empty() {
        NativeKind::Library
    } else {
        NativeKind::Module
    };
    NativeFile {
        path: facts.path.clone(),
        kind,
        claim: claims::of_path(&facts.path),
        abis,
    }
}
