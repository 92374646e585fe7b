//! Free-threaded wheels of the same version that the target cannot take: a version that has them for another Python or
//! platform is ported, and only this target's wheel is missing.

use std::collections::BTreeMap;

use crate::model::target::Target;
use crate::model::wheel_name::WheelName;

use super::unfit_wheels::platform;
use super::words::some;

/// How many Pythons, or how many platforms, are named.
const NAMED: usize = 4;

/// What a wheel is for: a minor version of CPython 3, and whether later ones load it too (`abi3t`).
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct WheelInterpreter {
    minor: u8,
    is_stable: bool,
}

/// For which free-threaded Pythons, or platforms, the version has wheels: `it has a wheel for 3.14t, so it is a release
/// behind, not unported`; `None` where it has none, or where the target has the GIL. No colon, so that it can stand before one.
pub(super) fn in_words(filenames: &[String], target: Target) -> Option<String> {
    if !target.python.free_threaded {
        return None;
    }
    let wheels: Vec<WheelName> = filenames
        .iter()
        .filter_map(|filename| filename.parse().ok())
        .collect();
    let mut here: BTreeMap<WheelInterpreter, usize> = BTreeMap::new();
    let mut elsewhere: Vec<String> = Vec::new();
    for (wheel, build) in wheels
        .iter()
        .filter_map(|wheel| Some((wheel, build(wheel)?)))
    {
        let is_here = wheel
            .platform
            .iter()
            .any(|tag| target.platform.is_meant_by(tag));
        let fits_python = build.minor == target.python.minor
            || (build.is_stable && build.minor < target.python.minor);
        if is_here {
            *here.entry(build).or_default() += 1;
        } else if fits_python {
            let name = wheel
                .platform
                .first()
                .map(|tag| platform(tag))
                .unwrap_or_default();
            if !elsewhere.contains(&name) {
                elsewhere.push(name);
            }
        }
    }
    let minor = target.python.minor;
    // A wheel for the same Python and platform asks for a newer release of the system.
    let pythons: Vec<u8> = here
        .keys()
        .map(|build| build.minor)
        .filter(|other| *other != minor)
        .collect();
    let (older, newer): (Vec<u8>, Vec<u8>) = pythons.iter().partition(|other| **other < minor);
    let named = |pythons: &[u8]| {
        let names: Vec<String> = pythons
            .iter()
            .rev()
            .map(|minor| format!("3.{minor}t"))
            .collect();
        some(names.iter().map(String::as_str), NAMED)
    };
    let mut parts = Vec::new();
    match (older.as_slice(), newer.as_slice()) {
        ([], []) => {}
        ([.., last], _) if last + 1 == minor => {
            parts.push(format!(
                "it has a wheel for {}, so it is a release behind, not unported",
                named(&older)
            ));
        }
        ([_, ..], _) => parts.push(format!(
            "it has a wheel for {}, so it is behind, not unported",
            named(&older)
        )),
        ([], newer) => parts.push(format!(
            "it has a wheel for {}, but not for {}",
            named(newer),
            target.python
        )),
    }
    if !elsewhere.is_empty() {
        let on = some(elsewhere.iter().map(String::as_str), NAMED);
        parts.push(format!(
            "it has a wheel for {} on {on}, but not on {}",
            target.python, target.platform
        ));
    }
    (!parts.is_empty()).then(|| parts.join("; "))
}

/// For which free-threaded build a wheel is; `None` for one that none loads, and for one that every Python loads.
fn build(wheel: &WheelName) -> Option<WheelInterpreter> {
    let minor = |tag: &str| tag.strip_prefix("cp3")?.parse::<u8>().ok();
    let own = wheel
        .abi
        .iter()
        .find_map(|abi| minor(abi.strip_suffix('t')?));
    if let Some(minor) = own {
        return Some(WheelInterpreter {
            minor,
            is_stable: false,
        });
    }
    let is_stable = wheel.abi.iter().any(|abi| abi == "abi3t");
    wheel
        .python
        .iter()
        .find_map(|tag| minor(tag))
        .filter(|_| is_stable)
        .map(|minor| WheelInterpreter { minor, is_stable })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wheels_for_other_targets_are_told() {
        let check = |target: (&str, &str), tags: &[&str], expected: Option<&str>| {
            let filenames: Vec<String> = tags
                .iter()
                .map(|tags| format!("a-1.0-{tags}.whl"))
                .collect();
            let target = Target {
                python: target.0.parse().unwrap(),
                platform: target.1.parse().unwrap(),
            };
            assert_eq!(
                in_words(&filenames, target).as_deref(),
                expected,
                "{target} {tags:?}"
            );
        };
        let linux = "linux-x86_64";
        let behind = [
            "cp314-cp314t-manylinux_2_28_x86_64",
            "cp314-cp314-manylinux_2_28_x86_64",
            "py3-none-any",
        ];
        check(
            ("3.15t", linux),
            &behind,
            Some("it has a wheel for 3.14t, so it is a release behind, not unported"),
        );
        check(
            ("3.16t", linux),
            &behind,
            Some("it has a wheel for 3.14t, so it is behind, not unported"),
        );
        check(
            ("3.13t", linux),
            &behind,
            Some("it has a wheel for 3.14t, but not for 3.13t"),
        );
        check(("3.15", linux), &behind, None);
        check(("3.15t", linux), &behind[1..], None);
        let both = [
            "cp313-cp313t-manylinux1_x86_64",
            "cp314-cp314t-manylinux1_x86_64",
        ];
        check(
            ("3.15t", linux),
            &both,
            Some("it has a wheel for 3.14t, 3.13t, so it is a release behind, not unported"),
        );
        check(
            ("3.14t", "windows-arm64"),
            &[
                "cp314-cp314t-win_amd64",
                "cp314-cp314t-macosx_11_0_arm64",
                "cp314-cp314-win_arm64",
            ],
            Some(
                "it has a wheel for 3.14t on Windows amd64, macOS arm64, but not on windows-arm64",
            ),
        );
        check(
            ("3.16t", linux),
            &["cp315-abi3.abi3t-musllinux_1_2_x86_64"],
            Some("it has a wheel for 3.16t on musl x86_64, but not on linux-x86_64"),
        );
        // The same platform, but a newer release of it.
        check(
            ("3.14t", linux),
            &["cp314-cp314t-manylinux_2_39_x86_64"],
            None,
        );
    }
}
