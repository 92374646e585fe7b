//! The chosen file in as few characters as a column has: name and version stand beside it, so its tags are left, and of
//! these what the target does not say already.

use crate::model::artifact::ArtifactKind;
use crate::model::report::{PackageReport, TargetResult};
use crate::model::wheel_name::WheelName;

use super::super::sanitize::harmless;
use super::super::text::shorten;

/// How much of a file's tags is shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum TagDetail {
    /// `cp314t manylinux_2_28`, `py3-none-any`.
    Platform,
    /// `cp314t`, `py3-none-any`.
    Interpreter,
    /// `any`; where it differs only with the targets, `own ABI`.
    Least,
}

/// What stands for a file that there is not.
pub(super) const NO_FILE: &str = "–";
/// What stands for files that are for just the interpreter of their target.
pub(super) const OWN_ABI: &str = "own ABI";
/// Longest label: no real one is longer.
const LONGEST: usize = 32;

/// What the targets get, each once.
pub(super) fn labels(package: &PackageReport, detail: TagDetail) -> String {
    let parts: Vec<(String, String)> = package
        .results
        .iter()
        .map(|result| label(result, detail))
        .collect();
    let platforms = distinct(parts.iter().map(|(_, platform)| platform.clone()));
    let whole = |(interpreter, platform): &(String, String)| {
        format!("{interpreter} {platform}").trim_end().to_owned()
    };
    match platforms.as_slice() {
        [_] if detail == TagDetail::Least
            && parts.len() > 1
            && package.results.iter().all(is_own) =>
        {
            OWN_ABI.to_owned()
        }
        [platform] => {
            let interpreters = distinct(parts.iter().map(|(interpreter, _)| interpreter.clone()));
            whole(&(interpreters.join(", "), platform.clone()))
        }
        _ => distinct(parts.iter().map(whole)).join(", "),
    }
}

/// Whether the file is for just the target's interpreter.
fn is_own(result: &TargetResult) -> bool {
    let wheel = result
        .artifact
        .as_ref()
        .and_then(|artifact| artifact.wheel());
    wheel.is_some_and(|wheel| wheel.abi == [result.target.python.abi_tag()])
}

fn distinct(words: impl Iterator<Item = String>) -> Vec<String> {
    let mut known: Vec<String> = Vec::new();
    for word in words {
        if !known.contains(&word) {
            known.push(word);
        }
    }
    known
}

/// What says for which interpreter it is, and for which platform.
fn label(result: &TargetResult, detail: TagDetail) -> (String, String) {
    let Some(artifact) = &result.artifact else {
        return (NO_FILE.to_owned(), String::new());
    };
    let (interpreter, platform) = match &artifact.kind {
        ArtifactKind::Sdist => ("sdist".to_owned(), String::new()),
        ArtifactKind::SourceTree => ("folder".to_owned(), String::new()),
        ArtifactKind::Installed { editable: None, .. } => ("installed".to_owned(), String::new()),
        ArtifactKind::Installed {
            editable: Some(_), ..
        } => ("editable".to_owned(), String::new()),
        ArtifactKind::Wheel(wheel) if wheel.is_pure() && detail == TagDetail::Least => {
            ("any".to_owned(), String::new())
        }
        ArtifactKind::Wheel(wheel) if wheel.is_pure() => {
            (format!("{}-none-any", python(wheel)), String::new())
        }
        ArtifactKind::Wheel(wheel) => (interpreter(wheel), platform(wheel, result)),
    };
    let platform = if detail == TagDetail::Platform {
        platform
    } else {
        String::new()
    };
    (
        shorten(&harmless(&interpreter), LONGEST),
        shorten(&harmless(&platform), LONGEST),
    )
}

/// The last Python tag: `py3` of `py2.py3`.
fn python(wheel: &WheelName) -> &str {
    wheel.python.last().map_or("", String::as_str)
}

/// The ABI, with the interpreter where the ABI does not name it.
fn interpreter(wheel: &WheelName) -> String {
    let abi = match wheel.abi.iter().find(|abi| *abi == "abi3t") {
        Some(abi) => abi.clone(),
        None => wheel.abi.join("."),
    };
    let python = python(wheel);
    if abi.starts_with(python) {
        abi
    } else {
        format!("{python}-{abi}")
    }
}

/// The platform tag that asks for the oldest system, without the target's architecture.
fn platform(wheel: &WheelName, result: &TargetResult) -> String {
    let platform = result.target.platform;
    let numbered = |tag: &&String| tag.starts_with("manylinux_") || !tag.starts_with("manylinux");
    let numbers = |tag: &&String| -> Vec<u32> {
        tag.split(|character: char| !character.is_ascii_digit())
            .filter_map(|number| number.parse().ok())
            .collect()
    };
    let oldest = wheel
        .platform
        .iter()
        .filter(numbered)
        .min_by_key(numbers)
        .or(wheel.platform.first());
    let tag = oldest.cloned().unwrap_or_default();
    let architecture = platform.architecture.name_on(platform.system);
    tag.strip_suffix(architecture)
        .and_then(|tag| tag.strip_suffix('_'))
        .unwrap_or(&tag)
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::artifact::{Artifact, FileCheck, MetadataFile};
    use crate::model::place::Location;
    use crate::model::verdict::Verdict;

    fn result(python: &str, tags: &str) -> TargetResult {
        let filename = if tags.is_empty() {
            "a-1.0.tar.gz".to_owned()
        } else {
            format!("a-1.0-{tags}.whl")
        };
        let artifact = Artifact {
            name: "a".parse().unwrap(),
            version: "1.0".parse().unwrap(),
            kind: filename
                .parse()
                .map_or(ArtifactKind::Sdist, ArtifactKind::Wheel),
            location: Location::Path(filename.clone().into()),
            filename,
            digests: Vec::new(),
            size: None,
            requires_python: None,
            yanked: None,
            metadata_file: MetadataFile::Unannounced,
        };
        TargetResult {
            target: crate::model::target::Target {
                python: python.parse().unwrap(),
                platform: "linux-x86_64".parse().unwrap(),
            },
            verdict: Verdict::Ready,
            reason: String::new(),
            declared_by: Vec::new(),
            artifact: Some(artifact),
            file_check: FileCheck::Ranges,
            not_in_lock: false,
            requires_python: None,
            build: None,
            other_build: None,
            left_out: Vec::new(),
            passed_over: Vec::new(),
            modules: Vec::new(),
            findings: Vec::new(),
        }
    }

    #[test]
    fn the_tags_that_decide_are_left() {
        let check = |files: &[(&str, &str)], expected: [&str; 3]| {
            let results = files
                .iter()
                .map(|(python, tags)| result(python, tags))
                .collect();
            let package = PackageReport {
                name: "a".parse().unwrap(),
                version: None,
                required_by: Vec::new(),
                results,
            };
            let shown = [
                TagDetail::Platform,
                TagDetail::Interpreter,
                TagDetail::Least,
            ]
            .map(|detail| labels(&package, detail));
            assert_eq!(shown, expected);
        };
        let (first, second) = (
            "cp314-cp314t-manylinux_2_28_x86_64.manylinux_2_27_x86_64",
            "cp315-cp315t-manylinux_2_27_x86_64",
        );
        check(
            &[("3.14t", first)],
            ["cp314t manylinux_2_27", "cp314t", "cp314t"],
        );
        check(
            &[("3.14t", first), ("3.15t", second)],
            ["cp314t, cp315t manylinux_2_27", "cp314t, cp315t", "own ABI"],
        );
        check(
            &[("3.14t", first), ("3.15t", "")],
            [
                "cp314t manylinux_2_27, sdist",
                "cp314t, sdist",
                "cp314t, sdist",
            ],
        );
        check(
            &[("3.14t", "py2.py3-none-any")],
            ["py3-none-any", "py3-none-any", "any"],
        );
        check(
            &[("3.15t", "cp315-abi3.abi3t-manylinux2014_x86_64")],
            ["cp315-abi3t manylinux2014", "cp315-abi3t", "cp315-abi3t"],
        );
        check(
            &[("3.14t", "cp314-none-macosx_11_0_universal2")],
            [
                "cp314-none macosx_11_0_universal2",
                "cp314-none",
                "cp314-none",
            ],
        );
    }
}
