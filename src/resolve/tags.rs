//! The wheel tags that an interpreter accepts, from the most to the least specific, in the order that installers use.
//!
//! <https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/>; `abi3t`:
//! <https://peps.python.org/pep-0803/>. The order is that of `packaging.tags`, on which pip chooses.

use std::collections::HashMap;

use crate::model::target::{Architecture, Python, System, Target};
use crate::model::wheel_name::WheelName;

/// glibc aliases that are older than the numbered tags (PEP 600): (minor version, alias).
const LEGACY_MANYLINUX: [(u16, &str); 3] = [
    (17, "manylinux2014"),
    (12, "manylinux2010"),
    (5, "manylinux1"),
];
/// No C library has more minor releases; it bounds the list when a target names a fantastic one.
const NEWEST_MINOR: u16 = 200;
/// Newest release that macOS calls itself for programs that are older than macOS 11.
const LAST_MACOS_10: u16 = 16;
/// Oldest release that the lists go down to.
const FIRST_MACOS_10: u16 = 4;
/// The first minor version with a stable ABI (PEP 384).
const FIRST_STABLE_ABI: u8 = 2;

/// Whether a block of tags is for each platform of the target or for all platforms at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum TagReach {
    EachPlatform,
    AnyPlatform,
}

/// Tags that differ only in their platform.
#[derive(Clone, Debug)]
struct TagBlock {
    python: String,
    abi: String,
    reach: TagReach,
}

/// The tags that one target accepts, ready to be asked about wheels.
#[derive(Clone, Debug)]
pub struct TargetTags {
    blocks: Vec<TagBlock>,
    platforms: Vec<String>,
    ranks: HashMap<String, usize>,
}

impl TargetTags {
    /// The tags of this target.
    pub fn new(target: Target) -> TargetTags {
        let platforms = platforms(target);
        let ranks = platforms
            .iter()
            .enumerate()
            .map(|(rank, platform)| (platform.clone(), rank))
            .collect();
        TargetTags {
            blocks: blocks(target.python),
            platforms,
            ranks,
        }
    }

    /// How well the wheel fits: 0 is best, `None` means that it does not fit.
    pub fn rank(&self, wheel: &WheelName) -> Option<usize> {
        let platform = self.platform_rank(wheel);
        let any = wheel.platform.iter().any(|tag| tag == "any");
        // Going through the blocks keeps a name with thousands of compressed tags from being multiplied out.
        self.blocks.iter().enumerate().find_map(|(number, block)| {
            let named = wheel.python.contains(&block.python) && wheel.abi.contains(&block.abi);
            let place = match block.reach {
                TagReach::EachPlatform => platform,
                TagReach::AnyPlatform => any.then_some(0),
            };
            place
                .filter(|_| named)
                .map(|place| number * self.platforms.len() + place)
        })
    }

    /// Whether the wheel is built for a platform of this target, whatever its interpreter and ABI.
    pub fn fits_platform(&self, wheel: &WheelName) -> bool {
        self.platform_rank(wheel).is_some()
    }

    /// Every accepted tag, best first.
    pub fn list(&self) -> Vec<String> {
        let mut list = Vec::new();
        for TagBlock { python, abi, reach } in &self.blocks {
            match reach {
                TagReach::EachPlatform => {
                    list.extend(
                        self.platforms
                            .iter()
                            .map(|platform| format!("{python}-{abi}-{platform}")),
                    );
                }
                TagReach::AnyPlatform => list.push(format!("{python}-{abi}-any")),
            }
        }
        list
    }

    fn platform_rank(&self, wheel: &WheelName) -> Option<usize> {
        wheel
            .platform
            .iter()
            .filter_map(|platform| self.ranks.get(platform))
            .min()
            .copied()
    }
}

fn blocks(python: Python) -> Vec<TagBlock> {
    let own = format!("cp3{}", python.minor);
    // A free-threaded build has another object layout than `abi3` was made for, so only `abi3t` counts there; a build
    // with the GIL loads `abi3` (a wheel for both says `abi3.abi3t`).
    let stable = if python.free_threaded {
        "abi3t"
    } else {
        "abi3"
    };
    let generic: Vec<String> = std::iter::once(format!("py3{}", python.minor))
        .chain(std::iter::once("py3".to_owned()))
        .chain((0..python.minor).rev().map(|minor| format!("py3{minor}")))
        .collect();
    let block = |python: &str, abi: &str, reach| TagBlock {
        python: python.to_owned(),
        abi: abi.to_owned(),
        reach,
    };

    let mut blocks = vec![
        block(&own, &python.abi_tag(), TagReach::EachPlatform),
        block(&own, stable, TagReach::EachPlatform),
        block(&own, "none", TagReach::EachPlatform),
    ];
    for minor in (FIRST_STABLE_ABI..python.minor).rev() {
        blocks.push(block(
            &format!("cp3{minor}"),
            stable,
            TagReach::EachPlatform,
        ));
    }
    blocks.extend(
        generic
            .iter()
            .map(|python| block(python, "none", TagReach::EachPlatform)),
    );
    blocks.push(block(&own, "none", TagReach::AnyPlatform));
    blocks.extend(
        generic
            .iter()
            .map(|python| block(python, "none", TagReach::AnyPlatform)),
    );
    blocks
}

fn platforms(target: Target) -> Vec<String> {
    let architecture = target.platform.architecture;
    let name = architecture.name_on(target.platform.system);
    match target.platform.system {
        System::Manylinux(_, minor) => manylinux(minor.min(NEWEST_MINOR), architecture, name),
        System::Musllinux(major, minor) => {
            let numbered = (0..=minor.min(NEWEST_MINOR))
                .rev()
                .map(|minor| format!("musllinux_{major}_{minor}_{name}"));
            std::iter::once(format!("linux_{name}"))
                .chain(numbered)
                .collect()
        }
        System::Macos(major, minor) => macos(
            major.min(NEWEST_MINOR),
            minor.min(NEWEST_MINOR),
            architecture,
        ),
        System::Windows => vec![format!("win_{name}")],
    }
}

fn manylinux(newest: u16, architecture: Architecture, name: &str) -> Vec<String> {
    let oldest = match architecture {
        Architecture::X86_64 => 5,
        Architecture::Aarch64 => 17,
    };
    let mut platforms = vec![format!("linux_{name}")];
    for minor in (oldest..=newest).rev() {
        platforms.push(format!("manylinux_2_{minor}_{name}"));
        for (_, alias) in LEGACY_MANYLINUX.iter().filter(|(since, _)| *since == minor) {
            platforms.push(format!("{alias}_{name}"));
        }
    }
    platforms
}

fn macos(major: u16, minor: u16, architecture: Architecture) -> Vec<String> {
    let formats: &[&str] = match architecture {
        Architecture::X86_64 => &[
            "x86_64",
            "intel",
            "fat64",
            "fat3",
            "universal2",
            "universal",
        ],
        Architecture::Aarch64 => &["arm64", "universal2"],
    };
    // Before macOS 11 there was no arm64, but a universal binary may say the release that its x86-64 half needs.
    let old_formats: &[&str] = match architecture {
        Architecture::X86_64 => formats,
        Architecture::Aarch64 => &["universal2"],
    };
    let mut platforms = Vec::new();
    let mut push = |major: u16, minor: u16, formats: &[&str]| {
        platforms.extend(
            formats
                .iter()
                .map(|format| format!("macosx_{major}_{minor}_{format}")),
        );
    };
    if major == 10 {
        (0..=minor).rev().for_each(|minor| {
            push(
                10,
                minor,
                if minor < FIRST_MACOS_10 {
                    &[]
                } else {
                    old_formats
                },
            )
        });
    } else {
        (11..=major).rev().for_each(|major| push(major, 0, formats));
        (FIRST_MACOS_10..=LAST_MACOS_10)
            .rev()
            .for_each(|minor| push(10, minor, old_formats));
    }
    platforms
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tags(python: &str, platform: &str) -> TargetTags {
        TargetTags::new(Target {
            python: python.parse().unwrap(),
            platform: platform.parse().unwrap(),
        })
    }

    fn accepts(python: &str, platform: &str, tag: &str) -> bool {
        let wheel = format!("a-1.0-{tag}.whl").parse().unwrap();
        tags(python, platform).rank(&wheel).is_some()
    }

    /// What PEP 803 and CPython's loaders say, wheel by wheel.
    #[test]
    fn each_python_accepts_what_it_can_load() {
        let pythons = ["3.14", "3.14t", "3.15", "3.15t", "3.16t"];
        let table = [
            ("cp314-cp314", "y----"),
            ("cp314-cp314t", "-y---"),
            ("cp310-abi3", "y-y--"),
            ("cp314-abi3", "y-y--"),
            ("cp315-abi3", "--y--"),
            ("cp315-cp315t", "---y-"),
            ("cp315-abi3t", "---yy"),
            ("cp315-abi3.abi3t", "--yyy"),
            ("cp314-abi3t", "-y-yy"),
            ("cp314-abi3.abi3t", "yyyyy"),
            ("cp314-none", "yy---"),
            ("py3-none", "yyyyy"),
            ("py314-none", "yyyyy"),
            ("py315-none", "--yyy"),
            ("py2.py3-none", "yyyyy"),
            ("cp315t-abi3t", "-----"),
            ("pp311-pypy311_pp73", "-----"),
            ("py2-none", "-----"),
        ];
        for (tag, expected) in table {
            let tag = format!("{tag}-manylinux_2_17_x86_64.manylinux2014_x86_64");
            let found: String = pythons
                .iter()
                .map(|python| {
                    if accepts(python, "linux-x86_64", &tag) {
                        'y'
                    } else {
                        '-'
                    }
                })
                .collect();
            assert_eq!(found, expected, "{tag} on {pythons:?}");
        }
        for python in pythons {
            assert!(accepts(python, "linux-x86_64", "py3-none-any"), "{python}");
        }
    }

    #[test]
    fn each_platform_accepts_its_own() {
        let platforms = [
            "linux-x86_64",
            "linux-aarch64",
            "musllinux-x86_64",
            "macos-arm64",
            "macos-x86_64",
            "windows-arm64",
        ];
        let table = [
            ("manylinux1_x86_64", "y-----"),
            ("manylinux_2_5_x86_64", "y-----"),
            ("manylinux_2_28_x86_64", "y-----"),
            ("manylinux_2_34_x86_64", "------"),
            ("manylinux2014_aarch64", "-y----"),
            ("manylinux2010_aarch64", "------"),
            ("linux_x86_64", "y-y---"),
            ("musllinux_1_1_x86_64", "--y---"),
            ("macosx_11_0_arm64", "---y--"),
            ("macosx_10_13_universal2", "---yy-"),
            ("macosx_10_9_x86_64", "----y-"),
            ("macosx_10_6_intel", "----y-"),
            ("macosx_15_0_arm64", "------"),
            ("win_amd64", "------"),
            ("win_arm64", "-----y"),
        ];
        for (tag, expected) in table {
            let found: String = platforms
                .iter()
                .map(|platform| {
                    if accepts("3.14t", platform, &format!("cp314-cp314t-{tag}")) {
                        'y'
                    } else {
                        '-'
                    }
                })
                .collect();
            assert_eq!(found, expected, "{tag} on {platforms:?}");
        }
    }

    #[test]
    fn the_more_specific_tag_wins() {
        let tags = tags("3.14t", "linux-x86_64");
        let rank = |tag: &str| {
            tags.rank(&format!("a-1.0-{tag}.whl").parse().unwrap())
                .unwrap()
        };
        let order = [
            "cp314-cp314t-manylinux_2_28_x86_64",
            "cp314-cp314t-manylinux_2_17_x86_64.manylinux2014_x86_64",
            "cp314-abi3t-manylinux_2_28_x86_64",
            "cp314-none-manylinux_2_28_x86_64",
            "py3-none-manylinux_2_28_x86_64",
            "cp314-none-any",
            "py3-none-any",
        ];
        assert!(order.map(rank).is_sorted(), "{:?}", order.map(rank));
    }

    #[test]
    fn a_fantastic_target_stays_bounded() {
        assert!(tags("3.14t", "manylinux_2_65535_x86_64").list().len() < 20_000);
        assert!(tags("3.14t", "macosx_65535_0_arm64").list().len() < 40_000);
    }
}
