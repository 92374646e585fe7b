//! Which lines of the input to edit, and what to tell the tools that write lock files.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::digest::Digest;
use crate::model::name::{PackageName, Requirement, Version, pinned};
use crate::model::plan::{Command, CommandPlace, Course, Edit, Move, Step};
use crate::model::report::Report;
use crate::model::request::{Request, Requests, Wanted};

/// Lines that pin a package whose version differs between the two sets.
pub(super) fn edits(
    requests: &Requests,
    before: &Report,
    after: &Report,
    digests: &dyn Fn(&PackageName, &Version) -> Vec<Digest>,
) -> Vec<Edit> {
    let asking = requests.requests.iter().filter(|line| asks(before, line));
    let lines = asking.chain(&requests.constraints).filter(|line| line.place.line.is_some());
    let mut edits: Vec<Edit> = lines
        .filter_map(|line| {
            let requirement = named(line)?;
            let from = pinned(requirement)?;
            has(before, &requirement.name, from).then_some(())?;
            let to = newest(after, &requirement.name).filter(|to| *to != from)?;
            let digests = (!line.hashes.is_empty()).then(|| digests(&requirement.name, to));
            let (place, name) = (line.place.clone(), requirement.name.clone());
            Some(Edit { place, name, from: from.clone(), to: to.clone(), digests })
        })
        .collect();
    edits.sort_by(|left, right| left.place.cmp(&right.place));
    edits
}

fn named(line: &Request) -> Option<&Requirement> {
    match &line.wanted {
        Wanted::Named(requirement) => Some(requirement),
        Wanted::Unnamed { .. } => None,
    }
}

/// Whether the line counts for a target: its marker may say otherwise.
fn asks(report: &Report, line: &Request) -> bool {
    let places = report.packages.iter().flat_map(|package| &package.required_by).map(|required| &required.place);
    places.into_iter().any(|place| *place == line.place)
}

fn has(report: &Report, name: &PackageName, version: &Version) -> bool {
    report.packages.iter().any(|package| package.name == *name && package.version.as_ref() == Some(version))
}

fn newest<'a>(report: &'a Report, name: &PackageName) -> Option<&'a Version> {
    report.packages.iter().filter(|package| package.name == *name).filter_map(|package| package.version.as_ref()).max()
}

/// What a lock file should have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wish<'a> {
    name: &'a PackageName,
    version: &'a Version,
    asked_for: AskedFor,
}

/// Who asks for a package of a lock file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum AskedFor {
    ByTheProject,
    ByAPackage,
}

/// One for each lock file that pins a package to be changed, or the one for the environment.
pub(super) fn commands(requests: &Requests, steps: &[Step], moves: &[Move]) -> Vec<Command> {
    if let Some(environment) = &requests.environment {
        return installed(environment, steps, moves).into_iter().collect();
    }
    let mut files: BTreeMap<&String, BTreeSet<Wish<'_>>> = BTreeMap::new();
    for step in steps {
        let Course::Change { to } = &step.course else { continue };
        for required in &step.required_by {
            if requests.locks.iter().any(|lock| lock.file == required.place.file) {
                let is_direct = step.required_by.iter().any(|required| required.path.is_empty());
                let asked_for = if is_direct { AskedFor::ByTheProject } else { AskedFor::ByAPackage };
                let wish = Wish { name: &step.name, version: to, asked_for };
                files.entry(&required.place.file).or_default().insert(wish);
            }
        }
    }
    let command = |(file, packages): (&String, BTreeSet<Wish<'_>>)| Command {
        place: CommandPlace::LockFile,
        file: file.clone(),
        command: told(file, &packages),
        packages: packages.iter().map(|wish| format!("{}=={}", wish.name, wish.version)).collect(),
    };
    files.into_iter().map(command).collect()
}

/// What an environment is to get: what changes, and what of it moves with that. What comes in besides installers know.
fn installed(environment: &str, steps: &[Step], moves: &[Move]) -> Option<Command> {
    let changed = steps.iter().filter_map(|step| match &step.course {
        Course::Change { to } => Some((&step.name, to)),
        _ => None,
    });
    let moved = moves.iter().filter(|moved| moved.from.is_some());
    let moved = moved.filter_map(|moved| Some((&moved.name, moved.to.as_ref()?)));
    let versions: BTreeMap<&PackageName, &Version> = changed.chain(moved).collect();
    let packages: Vec<String> = versions.iter().map(|(name, version)| format!("{name}=={version}")).collect();
    let quoted: Vec<String> = packages.iter().map(|package| format!("'{package}'")).collect();
    (!packages.is_empty()).then(|| Command {
        place: CommandPlace::Environment,
        file: environment.to_owned(),
        command: format!("pip install {}", quoted.join(" ")),
        packages,
    })
}

/// What each tool wants to be told. What the project itself asks for has to be changed there; of the rest the lock
/// decides.
fn told(file: &str, packages: &BTreeSet<Wish<'_>>) -> String {
    let name = file.rsplit(['/', '\\']).next().unwrap_or(file);
    let each = |before: &str, between: &str| {
        let quoted = packages.iter().map(|Wish { name, version, .. }| format!("{before}'{name}{between}{version}'"));
        quoted.collect::<Vec<_>>().join(" ")
    };
    let split = |direct: &str, rest: &str| {
        let asked_for = |by: AskedFor| packages.iter().filter(move |wish| wish.asked_for == by);
        let direct_ones: Vec<String> =
            asked_for(AskedFor::ByTheProject).map(|wish| format!("'{}>={}'", wish.name, wish.version)).collect();
        let other_ones: Vec<String> = asked_for(AskedFor::ByAPackage).map(|wish| wish.name.to_string()).collect();
        let commands = [(direct, direct_ones), (rest, other_ones)].into_iter().filter(|(_, names)| !names.is_empty());
        commands.map(|(command, names)| format!("{command} {}", names.join(" "))).collect::<Vec<_>>().join(" && ")
    };
    match name {
        "uv.lock" => format!("uv lock {}", each("--upgrade-package ", "==")),
        "poetry.lock" => split("poetry add", "poetry update"),
        "pdm.lock" => split("pdm add", "pdm update"),
        "Pipfile.lock" => format!("pipenv upgrade {}", each("", "==")),
        // Many tools write `pylock.toml`.
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tool_is_told_in_its_own_words() {
        let (a, b): (PackageName, PackageName) = ("a".parse().unwrap(), "b".parse().unwrap());
        let version: Version = "1.2".parse().unwrap();
        let wish = |name, asked_for| Wish { name, version: &version, asked_for };
        let packages = [wish(&a, AskedFor::ByTheProject), wish(&b, AskedFor::ByAPackage)].into();
        for (file, command) in [
            ("x/uv.lock", "uv lock --upgrade-package 'a==1.2' --upgrade-package 'b==1.2'"),
            ("poetry.lock", "poetry add 'a>=1.2' && poetry update b"),
            ("pdm.lock", "pdm add 'a>=1.2' && pdm update b"),
            ("Pipfile.lock", "pipenv upgrade 'a==1.2' 'b==1.2'"),
            ("pylock.toml", ""),
        ] {
            assert_eq!(told(file, &packages), command);
        }
    }
}
