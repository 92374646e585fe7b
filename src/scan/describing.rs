//! What a wheel, packed or installed, says of itself beside its modules.

use std::collections::BTreeMap;

use crate::archive::Contents;
use crate::archive::wheel::Wheel;
use crate::binary::image::is_object;
use crate::examine::Depth;
use crate::import::claims;
use crate::installed::Distribution;
use crate::model::artifact::Listing;
use crate::model::distribution::{Claim, DistributionFacts, FreeThreadingLevel, NativeFile, NativeKind};
use crate::model::evidence::Evidence;
use crate::model::facts::{Abi, Fact, ImageFacts, ModuleFacts};
use crate::model::metadata::Metadata;
use crate::model::name::Version;
use crate::model::wheel_name::WheelName;

use super::glance::Glance;

/// The classifier, without its number and word: <https://pypi.org/classifiers/>
const CLASSIFIER: &str = "Programming Language :: Python :: Free Threading ::";

/// Where a wheel has what installers put beside the interpreter.
const SCRIPTS: &str = ".data/scripts/";
/// How many scripts are asked for their first bytes, and how many packed bytes of each are read for that.
const MOST_SCRIPTS: usize = 16;
const BEGINNING: u64 = 512;

/// Describes a wheel; its name's part is unknown when the name is no wheel's.
pub(super) fn describe(wheel: &Wheel, glance: Glance<'_>, modules: &[ModuleFacts]) -> DistributionFacts {
    let name_claims = match glance.filename.parse::<WheelName>() {
        Ok(name) => Fact::known(claims::of_wheel(&name), Vec::new()),
        Err(error) => Fact::unknown(error.to_string()),
    };
    let (free_threading, requires_python) = match wheel.metadata() {
        Ok(metadata) => {
            let requires = metadata.requires_python.as_ref().map(ToString::to_string);
            (free_threading(&metadata.classifiers), Fact::known(requires, Vec::new()))
        }
        Err(error) => (Fact::unknown(error.to_string()), Fact::unknown(error.to_string())),
    };
    let (generator, wheel_claims) = match wheel.wheel_file() {
        Ok(file) => {
            (Fact::known(file.generator, Vec::new()), Fact::known(claims::of_wheel_file(&file.tags), Vec::new()))
        }
        Err(error) => (Fact::unknown(error.to_string()), Fact::unknown(error.to_string())),
    };
    let mut natives = natives(wheel, modules);
    // A server is not asked for what no verdict depends on.
    if glance.depth == Depth::Everything {
        natives.extend(programs(wheel));
        natives.sort_by(|left, right| left.path.cmp(&right.path));
    }
    let natives = Fact::known(natives, Vec::new());
    let release = Fact::default();
    DistributionFacts { free_threading, requires_python, generator, name_claims, wheel_claims, release, natives }
}

/// Describes what is installed: by what the installer kept of the wheel, and by the files that an import system could load.
/// Nothing is described of files that nobody owns.
pub(super) fn describe_installed(distribution: Option<&Distribution>, modules: &[ModuleFacts]) -> DistributionFacts {
    let metadata = distribution.and_then(|distribution| distribution.metadata.as_ref());
    let wheel = distribution.and_then(|distribution| distribution.wheel.as_ref());
    let no_metadata = || Fact::unknown("there is no METADATA");
    let tags = wheel.map(|wheel| claims::of_wheel_file(&wheel.tags));
    // The wheel's name is gone, and had these tags.
    let tags = || tags.clone().map_or_else(|| Fact::unknown("there is no WHEEL"), |tags| Fact::known(tags, Vec::new()));
    let requires_python = |metadata: &Metadata| metadata.requires_python.as_ref().map(ToString::to_string);
    DistributionFacts {
        free_threading: metadata
            .map_or_else(|| Fact::unknown("there is no METADATA"), |it| free_threading(&it.classifiers)),
        requires_python: metadata.map_or_else(no_metadata, |it| Fact::known(requires_python(it), Vec::new())),
        generator: wheel
            .map_or_else(|| Fact::unknown("there is no WHEEL"), |it| Fact::known(it.generator.clone(), Vec::new())),
        name_claims: tags(),
        wheel_claims: tags(),
        natives: Fact::known(modules.iter().map(native).collect(), Vec::new()),
        release: Fact::default(),
    }
}

/// Describes a source distribution, of which only `PKG-INFO` is looked at here.
pub(super) fn describe_sources(metadata: &Metadata) -> DistributionFacts {
    let requires = metadata.requires_python.as_ref().map(ToString::to_string);
    DistributionFacts {
        free_threading: free_threading(&metadata.classifiers),
        requires_python: Fact::known(requires, Vec::new()),
        ..DistributionFacts::default()
    }
}

/// Names of all wheels of a version, sorted.
pub(super) fn release(listing: &Listing, version: &Version) -> Vec<String> {
    let wheels = listing.files.iter().filter(|file| file.wheel().is_some() && file.version == *version);
    let mut names: Vec<String> = wheels.map(|file| file.filename.clone()).collect();
    names.sort();
    names.dedup();
    names
}

fn free_threading(classifiers: &[String]) -> Fact<Option<FreeThreadingLevel>> {
    let claims = || classifiers.iter().filter_map(|text| Some((text, text.trim().strip_prefix(CLASSIFIER)?.trim())));
    let level = |(_, words): (&String, &str)| match words {
        "1 - Unstable" => Some(FreeThreadingLevel::Unstable),
        "2 - Beta" => Some(FreeThreadingLevel::Beta),
        "3 - Stable" => Some(FreeThreadingLevel::Stable),
        "4 - Resilient" => Some(FreeThreadingLevel::Resilient),
        _ => None,
    };
    let evidence: Vec<Evidence> = claims().map(|(text, _)| Evidence::new("classifier").value(text.trim())).collect();
    match claims().filter_map(level).max() {
        // A project may forget to take the lower one away.
        Some(level) => Fact::known(Some(level), evidence),
        None if evidence.is_empty() => Fact::known(None, evidence),
        None => Fact::Unknown { why: "its classifier names no level that is known".to_owned(), evidence },
    }
}

/// Every compiled file: what was read, and what by its name is a library or program that nobody imports.
fn natives(wheel: &Wheel, modules: &[ModuleFacts]) -> Vec<NativeFile> {
    let read = modules.iter().map(|facts| (facts.path.clone(), native(facts)));
    let mut natives: BTreeMap<String, NativeFile> = read.collect();
    for path in wheel.entries().iter().map(|entry| &entry.path) {
        if let Some(kind) = kind_of_name(path)
            && !natives.contains_key(path)
        {
            let file = NativeFile { path: path.clone(), kind, claim: claims::of_path(path), abis: Vec::new() };
            natives.insert(path.clone(), file);
        }
    }
    natives.into_values().collect()
}

/// What is no text among the scripts: a program, by its first bytes.
fn programs(wheel: &Wheel) -> Vec<NativeFile> {
    let paths = wheel.entries().iter().map(|entry| &entry.path);
    let scripts = paths.filter(|path| path.contains(SCRIPTS) && kind_of_name(path).is_none()).take(MOST_SCRIPTS);
    let is_program = |path: &&String| wheel.read_prefix(path, BEGINNING).is_ok_and(|prefix| is_object(&prefix.bytes));
    let program = |path: &String| NativeFile {
        path: path.clone(),
        kind: NativeKind::Program,
        claim: Claim::Nothing,
        abis: Vec::new(),
    };
    scripts.filter(is_program).map(program).collect()
}

fn native(facts: &ModuleFacts) -> NativeFile {
    let is_module =
        |image: &&ImageFacts| image.hooks.value().is_some_and(|hooks| hooks.iter().any(|hook| hook.matches_file_name));
    let modules: Vec<&ImageFacts> = facts.images.iter().filter(is_module).collect();
    let abis: Vec<Abi> = modules.iter().filter_map(|image| image.abi.value().cloned()).collect();
    let kind = if modules.is_empty() { NativeKind::Library } else { NativeKind::Module };
    NativeFile { path: facts.path.clone(), kind, claim: claims::of_path(&facts.path), abis }
}

/// What a file is that was not read, when its name tells that it is compiled.
fn kind_of_name(path: &str) -> Option<NativeKind> {
    let name = path.rsplit('/').next()?.to_ascii_lowercase();
    let is_numbered =
        |rest: &str| rest.split('.').all(|part| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit()));
    let is_library = [".so", ".pyd", ".dylib", ".dll"].iter().any(|ending| name.ends_with(ending))
        || name.rsplit_once(".so.").is_some_and(|(_, rest)| is_numbered(rest));
    match (name.ends_with(".exe"), is_library) {
        (true, _) => Some(NativeKind::Program),
        (false, true) => Some(NativeKind::Unread),
        (false, false) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_classifier_is_a_claim_of_a_level() {
        let level = |texts: &[&str]| {
            let texts: Vec<String> = texts.iter().map(|text| (*text).to_owned()).collect();
            free_threading(&texts)
        };
        let prefix = |rest: &str| format!("{CLASSIFIER} {rest}");
        assert_eq!(level(&["Programming Language :: C"]).value(), Some(&None));
        assert_eq!(level(&[&prefix("2 - Beta")]).value(), Some(&Some(FreeThreadingLevel::Beta)));
        assert_eq!(
            level(&[&prefix("1 - Unstable"), &prefix("3 - Stable")]).value(),
            Some(&Some(FreeThreadingLevel::Stable))
        );
        assert_eq!(level(&[&prefix("5 - Perfect")]).value(), None);
    }

    #[test]
    fn names_tell_compiled_files() {
        let cases = [
            ("numpy.libs/libopenblas-1a2b.so.0.3", Some(NativeKind::Unread)),
            ("a/libx.so", Some(NativeKind::Unread)),
            ("a/x.DLL", Some(NativeKind::Unread)),
            ("a/.dylibs/libz.1.dylib", Some(NativeKind::Unread)),
            ("a-1.data/scripts/tool.exe", Some(NativeKind::Program)),
            ("a/x.so.py", None),
            ("a/x.so.txt", None),
            ("a/b.py", None),
        ];
        for (path, expected) in cases {
            assert_eq!(kind_of_name(path), expected, "{path}");
        }
    }
}
