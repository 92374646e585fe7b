//! What a distribution says of itself beside its modules: in its metadata, and by the names of its files.

use crate::model::distribution::{DistributionFacts, FreeThreadingLevel, NativeKind};
use crate::model::evidence::Evidence;
use crate::model::facts::Fact;
use crate::model::metadata::Metadata;

use super::ArchiveContents;
use super::wheel::WheelArchive;

/// The classifier, without its number and word: <https://pypi.org/classifiers/>
const CLASSIFIER: &str = "Programming Language :: Python :: Free Threading ::";

/// Where a wheel has what installers put beside the interpreter.
const SCRIPTS: &str = ".data/scripts/";
/// How many scripts are asked for their first bytes, and how many packed bytes of each are read for that.
const MOST_SCRIPTS: usize = 16;
const BEGINNING: u64 = 512;

/// Describes a source distribution, of which only `PKG-INFO` is looked at here.
pub fn describe_sources(metadata: &Metadata) -> DistributionFacts {
    let requires = metadata.requires_python.as_ref().map(ToString::to_string);
    DistributionFacts {
        free_threading: free_threading(&metadata.classifiers),
        requires_python: Fact::known(requires, Vec::new()),
        ..DistributionFacts::default()
    }
}

/// The level of free threading that a distribution claims by its classifiers; `None` when it has no such classifier.
pub fn free_threading(classifiers: &[String]) -> Fact<Option<FreeThreadingLevel>> {
    let claims = || {
        classifiers
            .iter()
            .filter_map(|text| Some((text, text.trim().strip_prefix(CLASSIFIER)?.trim())))
    };
    let level = |(_, words): (&String, &str)| match words {
        "1 - Unstable" => Some(FreeThreadingLevel::Unstable),
        "2 - Beta" => Some(FreeThreadingLevel::Beta),
        "3 - Stable" => Some(FreeThreadingLevel::Stable),
        "4 - Resilient" => Some(FreeThreadingLevel::Resilient),
        _ => None,
    };
    let evidence: Vec<Evidence> = claims()
        .map(|(text, _)| Evidence::new("classifier").value(text.trim()))
        .collect();
    match claims().filter_map(level).max() {
        // A project may forget to take the lower one away.
        Some(level) => Fact::known(Some(level), evidence),
        None if evidence.is_empty() => Fact::known(None, evidence),
        None => Fact::Unknown {
            why: "its classifier names no level that is known".to_owned(),
            evidence,
        },
    }
}

/// Paths of what is no text among the scripts that installers put beside the interpreter: programs, by their first bytes.
pub fn programs(
    wheel: &WheelArchive,
    is_program: impl Fn(&[u8]) -> bool,
) -> impl Iterator<Item = &String> {
    let paths = wheel.entries().iter().map(|entry| &entry.path);
    let scripts = paths
        .filter(|path| path.contains(SCRIPTS) && kind_of_name(path).is_none())
        .take(MOST_SCRIPTS);
    scripts.filter(move |path| {
        wheel
            .read_prefix(path, BEGINNING)
            .is_ok_and(|prefix| is_program(&prefix.bytes))
    })
}

/// What a file is that was not read, when its name tells that it is compiled.
pub fn kind_of_name(path: &str) -> Option<NativeKind> {
    let name = path.rsplit('/').next()?.to_ascii_lowercase();
    let is_numbered = |rest: &str| {
        rest.split('.')
            .all(|part| !part.is_empty() && part.bytes().all(|it| it.is_ascii_digit()))
    };
    let is_library = [".so", ".pyd", ".dylib", ".dll"]
        .iter()
        .any(|ending| name.ends_with(ending))
        || name
            .rsplit_once(".so.")
            .is_some_and(|(_, rest)| is_numbered(rest));
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
        assert_eq!(
            level(&[&prefix("2 - Beta")]).value(),
            Some(&Some(FreeThreadingLevel::Beta))
        );
        assert_eq!(
            level(&[&prefix("1 - Unstable"), &prefix("3 - Stable")]).value(),
            Some(&Some(FreeThreadingLevel::Stable))
        );
        assert_eq!(level(&[&prefix("5 - Perfect")]).value(), None);
    }

    #[test]
    fn names_tell_compiled_files() {
        let cases = [
            (
                "numpy.libs/libopenblas-1a2b.so.0.3",
                Some(NativeKind::Unread),
            ),
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
