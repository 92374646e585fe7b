//! Targets in few words: what is said of many of them must stay readable.

use crate::model::target::{Platform, Python, Target};

/// Of a run with so many targets at most, each is named.
const LISTED: usize = 3;

/// Some of a run's targets in few words: versions alone when all run on one platform, platforms by their system where
/// that is enough, `all targets` for all of many.
pub(super) fn targets(all: &[Target], some: &[Target]) -> String {
    if share_platform(all) || all.len() <= LISTED {
        let words: Vec<String> = some
            .iter()
            .map(|target| short_target(all, *target))
            .collect();
        return words.join(", ");
    }
    if all.iter().all(|target| some.contains(target)) {
        return "all targets".to_owned();
    }
    let (pythons, platforms) = (pythons(all), platforms(all));
    let mut groups: Vec<(Vec<Python>, Vec<Platform>)> = Vec::new();
    for python in &pythons {
        let on: Vec<Platform> = platforms
            .iter()
            .copied()
            .filter(|platform| {
                some.contains(&Target {
                    python: *python,
                    platform: *platform,
                })
            })
            .collect();
        match groups.iter_mut().find(|(_, known)| *known == on) {
            _ if on.is_empty() => {}
            Some((of, _)) => of.push(*python),
            None => groups.push((vec![*python], on)),
        }
    }
    let told = groups.iter().map(|(of, on)| {
        let versions = of
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>()
            .join(", ");
        match (of.len() == pythons.len(), on.len() == platforms.len()) {
            (true, _) => systems(&platforms, on),
            (false, true) => versions,
            (false, false) => format!("{versions} on {}", systems(&platforms, on)),
        }
    });
    told.collect::<Vec<_>>().join("; ")
}

/// A target in few words: its version alone when all targets run on one platform.
pub(super) fn short_target(all: &[Target], target: Target) -> String {
    if share_platform(all) {
        target.python.to_string()
    } else {
        target.to_string()
    }
}

/// Whether all targets run on one platform.
pub(super) fn share_platform(all: &[Target]) -> bool {
    all.windows(2)
        .all(|pair| matches!(pair, [first, second] if first.platform == second.platform))
}

/// The Pythons of the targets, each once, in order.
pub(super) fn pythons(all: &[Target]) -> Vec<Python> {
    distinct(all.iter().map(|target| target.python))
}

/// The platforms of the targets, each once, in order.
pub(super) fn platforms(all: &[Target]) -> Vec<Platform> {
    distinct(all.iter().map(|target| target.platform))
}

fn distinct<T: PartialEq>(all: impl Iterator<Item = T>) -> Vec<T> {
    let mut found = Vec::new();
    for each in all {
        if !found.contains(&each) {
            found.push(each);
        }
    }
    found
}

/// Some of the platforms: by what is left out when that is shorter, else whole systems by their names.
pub(super) fn systems(all: &[Platform], some: &[Platform]) -> String {
    if all.iter().all(|platform| some.contains(platform)) && all.len() > 1 {
        return "all platforms".to_owned();
    }
    let rest: Vec<Platform> = all
        .iter()
        .copied()
        .filter(|platform| !some.contains(platform))
        .collect();
    let present = whole_systems(all, some);
    let missing = whole_systems(all, &rest);
    if missing.len() + 1 < present.len() {
        return format!("all but {}", missing.join(", "));
    }
    present.join(", ")
}

/// The platforms; a system of which every architecture is there by its own name.
fn whole_systems(all: &[Platform], some: &[Platform]) -> Vec<String> {
    let mut words = Vec::new();
    for platform in some {
        let of_system = |list: &[Platform]| {
            list.iter()
                .filter(|other| other.system == platform.system)
                .count()
        };
        let is_whole = of_system(all) > 1 && of_system(some) == of_system(all);
        let word = if is_whole {
            system_word(*platform)
        } else {
            platform.to_string()
        };
        if !words.contains(&word) {
            words.push(word);
        }
    }
    words
}

/// `linux` of `linux-x86_64`.
fn system_word(platform: Platform) -> String {
    let word = platform.to_string();
    let architecture = platform.architecture.name_on(platform.system);
    word.strip_suffix(architecture)
        .unwrap_or(&word)
        .trim_end_matches(['-', '_'])
        .to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn many_targets_take_few_words() {
        let words = [
            "linux-x86_64",
            "linux-aarch64",
            "musllinux-x86_64",
            "macos-arm64",
            "windows-amd64",
            "windows-arm64",
        ];
        let on = |python: &str, words: &[&str]| -> Vec<Target> {
            let target = |word: &&str| Target {
                python: python.parse().unwrap(),
                platform: word.parse().unwrap(),
            };
            words.iter().map(target).collect()
        };
        let all = [on("3.14t", &words), on("3.15t", &words)].concat();
        let check = |some: &[Target], expected: &str| assert_eq!(targets(&all, some), expected);
        check(&all, "all targets");
        check(&on("3.14t", &words), "3.14t");
        check(&on("3.15t", &words[..1]), "3.15t on linux-x86_64");
        check(
            &[on("3.14t", &words[..2]), on("3.15t", &words[..2])].concat(),
            "linux",
        );
        check(
            &[on("3.14t", &words[..5]), on("3.15t", &words[..5])].concat(),
            "all but windows-arm64",
        );
        check(
            &[on("3.14t", &words[..3]), on("3.15t", &words)].concat(),
            "3.14t on linux, musllinux-x86_64; 3.15t",
        );
        let few = on("3.14t", &words[..2]);
        assert_eq!(
            targets(&few, &few),
            "cp314t-linux-x86_64, cp314t-linux-aarch64"
        );
        let one = [on("3.14t", &words[..1]), on("3.15t", &words[..1])].concat();
        assert_eq!(targets(&one, &one), "3.14t, 3.15t");
    }
}
