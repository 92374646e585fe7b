//! Whether what names claim agrees with what bytes show.
//!
//! A file's own name (`….cpython-314t-….so`, `.abi3.so`) says for which interpreters it was compiled. Where it says nothing
//! (`.so`, `.pyd`), the wheel's tags say it for the file: each of them, unless a file of the same module is there that
//! claims that ABI by its own name.

use crate::cpython::file_name::ExtensionFileName;
use crate::model::distribution::{AbiClaim, DistributionFacts, NativeFile, NativeKind, TagClaim};
use crate::model::evidence::Evidence;
use crate::model::facts::{Abi, Fact, Flavour};

use super::super::raw::ClaimKind;
use super::TruthValue;

/// How many files become evidence.
const FILES_SHOWN: usize = 8;

/// Whether one of these disagreements is there.
pub(super) fn evaluate(words: &[ClaimKind], distribution: &DistributionFacts) -> TruthValue {
    words
        .iter()
        .map(|word| of_kind(*word, distribution))
        .fold(TruthValue::No, TruthValue::or)
}

fn of_kind(kind: ClaimKind, distribution: &DistributionFacts) -> TruthValue {
    if kind == ClaimKind::TagsDiffer {
        return tags_differ(distribution);
    }
    let natives = match known(&distribution.natives, "which compiled files it has") {
        Ok(natives) => natives,
        Err(unknown) => return unknown,
    };
    let tags = || known(&distribution.name_claims, "what its tags claim");
    match kind {
        ClaimKind::FileDisagrees => natives
            .iter()
            .map(|native| against_claim(native, cpython(&native.claim)))
            .fold(TruthValue::No, TruthValue::or),
        ClaimKind::TagDisagrees => match tags() {
            Ok(tags) => natives
                .iter()
                .map(|native| against_tags(native, tags, natives))
                .fold(TruthValue::No, TruthValue::or),
            Err(unknown) => unknown,
        },
        ClaimKind::Stale => match tags() {
            Ok(tags) => natives
                .iter()
                .map(|native| stale(native, tags))
                .fold(TruthValue::No, TruthValue::or),
            Err(unknown) => unknown,
        },
        ClaimKind::TagsDiffer => TruthValue::No,
    }
}

fn known<'a, T>(fact: &'a Fact<T>, what: &str) -> Result<&'a T, TruthValue> {
    match fact {
        Fact::Known { value, .. } => Ok(value),
        Fact::Unknown { why, .. } => Err(TruthValue::unknown(format!(
            "{what} could not be read ({why})"
        ))),
    }
}

fn cpython(claim: &AbiClaim) -> Option<&Abi> {
    match claim {
        AbiClaim::Cpython(abi) => Some(abi),
        AbiClaim::Nothing | AbiClaim::Other(_) => None,
    }
}

/// Compares a file's bytes with what is claimed for it. Only modules have an ABI to speak of.
fn against_claim(native: &NativeFile, claim: Option<&Abi>) -> TruthValue {
    let (NativeKind::Module, Some(claim)) = (native.kind, claim) else {
        return TruthValue::No;
    };
    if native.abis.is_empty() {
        return TruthValue::unknown(format!(
            "what {} was compiled for could not be read",
            native.path
        ));
    }
    match native.abis.iter().find(|abi| !keeps(claim, abi)) {
        None => TruthValue::No,
        Some(abi) => {
            let words = format!(
                "{} was compiled for {} and not {}",
                native.path,
                described(abi),
                described(claim)
            );
            TruthValue::shown(vec![file(native)], vec![words])
        }
    }
}

fn against_tags(native: &NativeFile, tags: &[TagClaim], natives: &[NativeFile]) -> TruthValue {
    if native.claim != AbiClaim::Nothing {
        return TruthValue::No;
    }
    let is_served = |tag: &Abi| {
        let sibling = |other: &&NativeFile| module(&other.path) == module(&native.path);
        natives
            .iter()
            .filter(sibling)
            .filter_map(|other| cpython(&other.claim))
            .any(|claim| keeps(tag, claim))
    };
    tags.iter()
        .filter_map(|tag| cpython(&tag.claim))
        .filter(|tag| !is_served(tag))
        .map(|tag| against_claim(native, Some(tag)))
        .fold(TruthValue::No, TruthValue::or)
}

/// A wheel that claims nothing, or another interpreter too, may bring anything.
fn stale(native: &NativeFile, tags: &[TagClaim]) -> TruthValue {
    let claims: Option<Vec<&Abi>> = tags.iter().map(|tag| cpython(&tag.claim)).collect();
    let Some(claims) = claims.filter(|claims| !claims.is_empty()) else {
        return TruthValue::No;
    };
    let fits = match &native.claim {
        AbiClaim::Nothing => true,
        AbiClaim::Cpython(claim) => claims.iter().any(|tag| keeps(tag, claim)),
        AbiClaim::Other(_) => false,
    };
    if fits || !matches!(native.kind, NativeKind::Module | NativeKind::Unread) {
        return TruthValue::No;
    }
    TruthValue::shown(vec![file(native)], vec![native.path.clone()])
}

fn tags_differ(distribution: &DistributionFacts) -> TruthValue {
    let tags = |fact: &Fact<Vec<TagClaim>>| -> Result<Vec<String>, TruthValue> {
        let mut tags: Vec<String> = known(fact, "what its tags claim")?
            .iter()
            .map(|claim| claim.tag.clone())
            .collect();
        tags.sort();
        tags.dedup();
        Ok(tags)
    };
    match (
        tags(&distribution.name_claims),
        tags(&distribution.wheel_claims),
    ) {
        (Err(unknown), _) | (_, Err(unknown)) => unknown,
        (Ok(name), Ok(inside)) if name == inside => TruthValue::No,
        (Ok(name), Ok(inside)) => {
            let (name, inside) = (name.join(", "), inside.join(", "));
            let words = format!("its name says {name}, its WHEEL file {inside}");
            TruthValue::shown(
                vec![Evidence::new("tags in WHEEL").value(inside)],
                vec![words],
            )
        }
    }
}

/// Whether a file for `abi` does what `claim` promises.
fn keeps(claim: &Abi, abi: &Abi) -> bool {
    use Flavour::{Abi3, Abi3t, FreeThreaded, Gil, GilOrAbi3};
    let flavour = match claim.flavour {
        FreeThreaded => matches!(abi.flavour, FreeThreaded | Abi3t),
        Abi3t => abi.flavour == Abi3t,
        Abi3 => matches!(abi.flavour, Abi3 | Abi3t | GilOrAbi3),
        Gil | GilOrAbi3 => abi.flavour != FreeThreaded,
    };
    let before = |newest: Option<u8>, oldest: Option<u8>| matches!((newest, oldest), (Some(newest), Some(oldest)) if newest < oldest);
    flavour
        && !before(claim.versions.1, abi.versions.0)
        && !before(abi.versions.1, claim.versions.0)
}

fn described(abi: &Abi) -> String {
    let flavour = match abi.flavour {
        Flavour::Gil => "the build with the GIL",
        Flavour::FreeThreaded => "the free-threaded build",
        Flavour::Abi3 => "abi3",
        Flavour::Abi3t => "abi3t",
        Flavour::GilOrAbi3 => "builds with the GIL",
    };
    match abi.versions {
        (Some(oldest), Some(newest)) if oldest == newest => format!("{flavour} of 3.{oldest}"),
        (Some(oldest), _) => format!("{flavour} from 3.{oldest} on"),
        _ => flavour.to_owned(),
    }
}

/// The path up to the part of the name that claims something: files of one module share it.
fn module(path: &str) -> &str {
    let suffix = ExtensionFileName::of_path(path).map_or(0, |name| name.suffix.len());
    path.get(..path.len().saturating_sub(suffix))
        .unwrap_or(path)
}

fn file(native: &NativeFile) -> Evidence {
    let shown: Vec<String> = native
        .abis
        .iter()
        .take(FILES_SHOWN)
        .map(described)
        .collect();
    let evidence = Evidence::new("compiled file").symbol(&native.path);
    if shown.is_empty() {
        evidence
    } else {
        evidence.value(shown.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_claim_is_kept_by_the_same_abi_or_a_wider_one() {
        use Flavour::{Abi3, Abi3t, FreeThreaded, Gil, GilOrAbi3};
        let one = |minor| (Some(minor), Some(minor));
        let from = |minor| (Some(minor), None);
        let open = (None, None);
        let table = [
            ((FreeThreaded, one(14)), (FreeThreaded, open), true),
            ((FreeThreaded, one(14)), (FreeThreaded, one(13)), false),
            ((FreeThreaded, one(14)), (FreeThreaded, from(15)), false),
            ((FreeThreaded, one(15)), (Abi3t, from(15)), true),
            ((FreeThreaded, one(14)), (Gil, one(14)), false),
            ((FreeThreaded, one(14)), (Abi3, open), false),
            ((FreeThreaded, one(14)), (GilOrAbi3, open), false),
            ((Gil, one(14)), (GilOrAbi3, open), true),
            ((Gil, one(14)), (Abi3, from(9)), true),
            ((Gil, one(14)), (FreeThreaded, open), false),
            ((Abi3, from(9)), (Abi3, from(12)), true),
            ((Abi3, from(9)), (Gil, one(14)), false),
            ((Abi3t, from(15)), (Abi3, from(15)), false),
            ((Abi3t, from(15)), (Abi3t, open), true),
        ];
        for ((claimed, claim), (flavour, versions), kept) in table {
            let claim = Abi {
                flavour: claimed,
                versions: claim,
            };
            assert_eq!(
                keeps(&claim, &Abi { flavour, versions }),
                kept,
                "{claim:?} {flavour:?} {versions:?}"
            );
        }
    }

    #[test]
    fn files_of_one_module_share_their_beginning() {
        assert_eq!(module("a.b/_x.cpython-314t-x86_64-linux-gnu.so"), "a.b/_x");
        assert_eq!(module("_x.abi3.so"), "_x");
        assert_eq!(module("a/_x"), "a/_x");
    }
}
