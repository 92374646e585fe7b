//! What names claim of the ABI that a compiled file needs, and what the imports say of a claim to the stable ABI.
//!
//! File names: <https://peps.python.org/pep-3149/>, and `abi3t` by <https://peps.python.org/pep-0803/>. Wheel tags:
//! <https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/>.

use crate::cpython::file_name::{CpythonBuild, ExtensionFileName, FileTag};
use crate::model::distribution::{AbiClaim, TagClaim};
use crate::model::facts::{Abi, Flavour, ImageFacts, LimitedApi, StableAbiAudit};
use crate::model::wheel_name::WheelName;

/// What a file's name claims.
pub fn of_path(path: &str) -> AbiClaim {
    match ExtensionFileName::of_path(path).map(|name| name.tag) {
        None | Some(FileTag::Plain) => AbiClaim::Nothing,
        Some(FileTag::Abi3(_)) => stable(Flavour::Abi3, None),
        Some(FileTag::Abi3t(_)) => stable(Flavour::Abi3t, None),
        Some(FileTag::Cpython(build, _)) => interpreter(build),
        Some(FileTag::Other(tag)) => AbiClaim::Other(tag),
    }
}

/// What one Python and ABI tag of a wheel claim together.
pub fn of_tag(python: &str, abi: &str) -> AbiClaim {
    let oldest = python
        .strip_prefix("cp3")
        .and_then(|minor| minor.parse().ok());
    match abi {
        "none" => AbiClaim::Nothing,
        "abi3" => stable(Flavour::Abi3, oldest),
        "abi3t" => stable(Flavour::Abi3t, oldest),
        _ => match abi.strip_prefix("cp") {
            Some(version) => CpythonBuild::parse(version).map_or(AbiClaim::Nothing, interpreter),
            None if is_other(abi) || is_other(python) => AbiClaim::Other(format!("{python}-{abi}")),
            None => AbiClaim::Nothing,
        },
    }
}

/// What the tags of a wheel's name claim, each once, in their order.
pub fn of_wheel(wheel: &WheelName) -> Vec<TagClaim> {
    of_tags(wheel.tags().map(|(python, abi, _)| (python, abi)))
}

/// What the tags in a `WHEEL` file claim, each once, in their order.
pub fn of_wheel_file(tags: &[String]) -> Vec<TagClaim> {
    of_tags(tags.iter().filter_map(|tag| {
        let mut parts = tag.split('-');
        Some((parts.next()?, parts.next()?))
    }))
}

fn of_tags<'a>(tags: impl Iterator<Item = (&'a str, &'a str)>) -> Vec<TagClaim> {
    let mut claims: Vec<TagClaim> = Vec::new();
    for (python, abi) in tags {
        let claim = TagClaim {
            tag: format!("{python}-{abi}"),
            claim: of_tag(python, abi),
        };
        if !claims.contains(&claim) {
            claims.push(claim);
        }
    }
    claims
}

fn stable(flavour: Flavour, oldest: Option<u8>) -> AbiClaim {
    AbiClaim::Cpython(Abi {
        flavour,
        versions: (oldest, None),
    })
}

fn interpreter(build: CpythonBuild) -> AbiClaim {
    let flavour = if build.free_threaded {
        Flavour::FreeThreaded
    } else {
        Flavour::Gil
    };
    AbiClaim::Cpython(Abi {
        flavour,
        versions: (Some(build.minor), Some(build.minor)),
    })
}

fn is_other(tag: &str) -> bool {
    ["pypy", "pp", "graalpy", "ironpython", "jython"]
        .iter()
        .any(|name| tag.starts_with(name))
}

/// Compares a module's imports with every claim to the stable ABI that stands for it: its own name's, and those of the
/// wheel's tags unless its name claims one interpreter. Claims to the same versions are one.
///
/// Empty when nothing is claimed, or the imports could not be read.
pub fn audits(path: &str, image: &ImageFacts, tags: &[TagClaim]) -> Vec<StableAbiAudit> {
    let (Some(limited), own) = (image.limited_api.value(), of_path(path)) else {
        return Vec::new();
    };
    let is_module = image.hooks.value().is_none_or(|hooks| !hooks.is_empty());
    let mut claims: Vec<(String, Option<u8>)> = Vec::new();
    let mut claim =
        |words: &str, oldest| match claims.iter_mut().find(|(_, other)| *other == oldest) {
            Some((known, _)) => *known = format!("{known}, {words}"),
            None => claims.push((words.to_owned(), oldest)),
        };
    let speaks_for_itself = matches!(&own, AbiClaim::Other(_))
        || matches!(&own, AbiClaim::Cpython(abi) if oldest(abi).is_none());
    for tag in tags.iter().filter(|_| !speaks_for_itself) {
        if let AbiClaim::Cpython(abi) = &tag.claim
            && let Some(oldest) = oldest(abi)
        {
            claim(&tag.tag, oldest);
        }
    }
    if claims.is_empty()
        && let AbiClaim::Cpython(abi) = &own
        && let Some(oldest) = oldest(abi)
    {
        claims.push((suffix(path), oldest));
    }
    claims
        .into_iter()
        .filter(|_| is_module)
        .map(|(claim, oldest)| audit(claim, oldest, limited))
        .collect()
}

/// The oldest version that a claim to the stable ABI names; the outer `None` when it is none.
fn oldest(abi: &Abi) -> Option<Option<u8>> {
    matches!(abi.flavour, Flavour::Abi3 | Flavour::Abi3t).then_some(abi.versions.0)
}

fn suffix(path: &str) -> String {
    ExtensionFileName::of_path(path)
        .map(|name| name.suffix)
        .unwrap_or_default()
}

fn audit(claim: String, oldest: Option<u8>, limited: &LimitedApi) -> StableAbiAudit {
    let too_new = limited
        .added
        .iter()
        .filter(|symbol| !symbol.optional && oldest.is_some_and(|it| symbol.since > it));
    StableAbiAudit {
        claim,
        oldest,
        outside: limited.outside.clone(),
        too_new: too_new.cloned().collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cpython(flavour: Flavour, versions: (Option<u8>, Option<u8>)) -> AbiClaim {
        AbiClaim::Cpython(Abi { flavour, versions })
    }

    fn one(flavour: Flavour, minor: u8) -> AbiClaim {
        cpython(flavour, (Some(minor), Some(minor)))
    }

    #[test]
    fn file_names_claim_an_abi() {
        let cases = [
            (
                "a/_b.cpython-314t-x86_64-linux-gnu.so",
                one(Flavour::FreeThreaded, 14),
            ),
            ("a/_b.cpython-313-darwin.so", one(Flavour::Gil, 13)),
            ("a/_b.cpython-37m-x86_64-linux-gnu.so", one(Flavour::Gil, 7)),
            ("a/_b.cp314t-win_amd64.pyd", one(Flavour::FreeThreaded, 14)),
            ("a/_b.cp38-win32.pyd", one(Flavour::Gil, 8)),
            ("a/_b.abi3.so", cpython(Flavour::Abi3, (None, None))),
            (
                "a/_b.abi3-x86_64-linux-gnu.so",
                cpython(Flavour::Abi3, (None, None)),
            ),
            ("a/_b.abi3t.so", cpython(Flavour::Abi3t, (None, None))),
            (
                "a/_b.pypy311-pp73-x86_64-linux-gnu.so",
                AbiClaim::Other("pypy311-pp73-x86_64-linux-gnu".into()),
            ),
            ("a/_b.so", AbiClaim::Nothing),
            ("a/_b.pyd", AbiClaim::Nothing),
            ("a/_b.1.so", AbiClaim::Nothing),
            ("a/b.dylib", AbiClaim::Nothing),
        ];
        for (path, expected) in cases {
            assert_eq!(of_path(path), expected, "{path}");
        }
    }

    #[test]
    fn tags_claim_an_abi() {
        let cases = [
            ("cp314", "cp314t", one(Flavour::FreeThreaded, 14)),
            ("cp313", "cp313", one(Flavour::Gil, 13)),
            ("cp39", "abi3", cpython(Flavour::Abi3, (Some(9), None))),
            ("cp315", "abi3t", cpython(Flavour::Abi3t, (Some(15), None))),
            ("py3", "none", AbiClaim::Nothing),
            ("cp314", "none", AbiClaim::Nothing),
            (
                "pp311",
                "pypy311_pp73",
                AbiClaim::Other("pp311-pypy311_pp73".into()),
            ),
        ];
        for (python, abi, expected) in cases {
            assert_eq!(of_tag(python, abi), expected, "{python}-{abi}");
        }
        let wheel: WheelName =
            "a-1-cp315-abi3.abi3t-manylinux_2_28_x86_64.manylinux2014_x86_64.whl"
                .parse()
                .unwrap();
        let tags: Vec<String> = of_wheel(&wheel)
            .into_iter()
            .map(|claim| claim.tag)
            .collect();
        assert_eq!(
            tags,
            ["cp315-abi3", "cp315-abi3t"],
            "each once, whatever the number of platforms"
        );
        assert_eq!(
            of_wheel_file(&["cp39-abi3-win_amd64".into()]),
            of_tags([("cp39", "abi3")].into_iter())
        );
    }
}
