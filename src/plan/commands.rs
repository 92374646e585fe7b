//! What to tell the tools that write lock files, and the installer of an environment, in words that they accept.

use std::collections::{BTreeMap, BTreeSet};

use crate::model::lock::{Lock, LockTool};
use crate::model::name::{PackageName, Version, VersionSpecifiers, oldest_named};
use crate::model::plan::{BoundLine, CommandPlace, PlanCommand, PlanStep, PlannedMove};
use crate::model::request::Requests;
use crate::model::resolution::Choice;

use super::revision::{InputRevision, VersionChange};
use super::world::JudgedSet;

/// A package of a lock file that is to have another version, or a bound.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct LockWish<'a> {
    name: &'a PackageName,
    /// The version that it gets.
    version: &'a Version,
    /// A bound on it: `<13`.
    bound: Option<String>,
    /// For which Pythons, where not for all that the lock is for.
    marker: Option<String>,
    asked_for: AskedFor,
}

/// Who asks for a package of a lock file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum AskedFor {
    ByTheProject,
    ByAPackage,
}

/// One for each lock file that pins a package to be changed.
pub(super) fn of_locks(
    requests: &Requests,
    revision: &InputRevision,
    after: &JudgedSet,
) -> Vec<PlanCommand> {
    let command = |lock: &Lock| {
        let wishes = wishes(lock, revision, after);
        (!wishes.is_empty()).then(|| PlanCommand {
            place: CommandPlace::LockFile,
            file: lock.file.clone(),
            command: told(lock, &wishes),
            packages: wishes
                .iter()
                .map(|wish| format!("{}=={}", wish.name, wish.version))
                .collect(),
        })
    };
    requests.locks.iter().filter_map(command).collect()
}

fn wishes<'a>(
    lock: &'a Lock,
    revision: &'a InputRevision,
    after: &'a JudgedSet,
) -> Vec<LockWish<'a>> {
    let locked: BTreeSet<&PackageName> =
        lock.packages.iter().map(|package| &package.name).collect();
    let changed = revision.changes.keys().filter(|name| locked.contains(name));
    let names: BTreeSet<&PackageName> = changed.chain(revision.bounds.keys()).collect();
    let of_projects = of_projects(lock);
    let wish = |name: &'a PackageName| {
        let chosen = after
            .resolutions
            .iter()
            .flat_map(|set| &set.packages)
            .find(|chosen| chosen.name == *name)?;
        let asked_for = if of_projects.contains(name) {
            AskedFor::ByTheProject
        } else {
            AskedFor::ByAPackage
        };
        let version = match revision.changes.get(name) {
            Some(VersionChange::Pin(to)) => to,
            Some(VersionChange::Unpin) | None => chosen.version.as_ref()?,
        };
        let wanted = match &chosen.choice {
            Choice::Wheel { artifact, .. } | Choice::Source { artifact } => {
                artifact.requires_python.as_ref()
            }
            Choice::Installed { .. } | Choice::Nothing { .. } | Choice::Unknown { .. } => None,
        };
        let marker = wanted
            .filter(|wanted| leaves_out(lock, wanted))
            .and_then(|_| marker(after));
        let bound = revision.bounds.get(name).map(ToString::to_string);
        Some(LockWish {
            name,
            version,
            bound,
            marker,
            asked_for,
        })
    };
    names.into_iter().filter_map(wish).collect()
}

/// What projects of the lock ask for themselves.
fn of_projects(lock: &Lock) -> BTreeSet<&PackageName> {
    use crate::model::lock::Pin;
    let edges = lock
        .packages
        .iter()
        .filter(|package| package.pin == Pin::Project)
        .flat_map(|it| &it.dependencies);
    let edges = lock
        .roots
        .iter()
        .chain(edges)
        .filter_map(|edge| lock.packages.get(edge.to))
        .map(|it| &it.name);
    let mut names: BTreeSet<&PackageName> = edges.collect();
    let bounds = lock.bounds.iter().map(|bound| &bound.requirement.name);
    names.extend(bounds);
    names
}

/// Whether a version is not for the oldest Python that the lock is for.
fn leaves_out(lock: &Lock, wanted: &VersionSpecifiers) -> bool {
    let any_of = lock.requires_python.iter().flat_map(|bound| &bound.any_of);
    any_of
        .filter_map(oldest_named)
        .any(|version| !wanted.contains(version))
}

/// The condition on Python of which the targets are.
fn marker(after: &JudgedSet) -> Option<String> {
    let oldest = after
        .resolutions
        .iter()
        .map(|set| set.target.python.minor)
        .min()?;
    Some(format!("python_full_version >= '3.{oldest}'"))
}

/// What each tool wants to be told.
fn told(lock: &Lock, wishes: &[LockWish<'_>]) -> String {
    let Some(tool) = LockTool::of(&lock.file) else {
        return String::new();
    };
    let pin = |wish: &LockWish<'_>| {
        let marker = wish
            .marker
            .as_ref()
            .map(|marker| format!(" ; {marker}"))
            .unwrap_or_default();
        format!("{}=={}{marker}", wish.name, wish.version)
    };
    match tool {
        LockTool::Uv | LockTool::UvScript => {
            let mut words = vec!["uv lock".to_owned()];
            let name = lock.file.rsplit(['/', '\\']).next().unwrap_or(&lock.file);
            if let Some(script) = name
                .strip_suffix(".lock")
                .filter(|_| tool == LockTool::UvScript)
            {
                words.push(format!("--script {}", quoted(script)));
            }
            words.extend(lock.options.iter().map(|word| {
                if word.starts_with("--") {
                    word.clone()
                } else {
                    quoted(word)
                }
            }));
            let is_changed = |wish: &&LockWish<'_>| {
                lock.bounds
                    .iter()
                    .any(|it| it.can_be_changed() && it.requirement.name == *wish.name)
            };
            let (own, rest): (Vec<&LockWish<'_>>, Vec<&LockWish<'_>>) =
                wishes.iter().partition(is_changed);
            // What the project pins itself is changed there.
            if let Some(first) = words.first_mut().filter(|_| !own.is_empty()) {
                "uv add --no-sync".clone_into(first);
            }
            words.extend(own.iter().map(|wish| quoted(&with_extras(lock, wish))));
            words.extend(
                rest.iter()
                    .map(|wish| format!("--upgrade-package {}", quoted(&pin(wish)))),
            );
            words.join(" ")
        }
        LockTool::Pipenv => {
            let pins: Vec<String> = wishes
                .iter()
                .map(|wish| quoted(&format!("{}=={}", wish.name, wish.version)))
                .collect();
            format!("pipenv upgrade {}", pins.join(" "))
        }
        LockTool::Poetry => newest_of(wishes, "poetry add --lock", "poetry update --lock"),
        LockTool::Pdm => newest_of(wishes, "pdm add --no-sync", "pdm update --no-sync"),
    }
}

/// The version with the extras that the project asks for.
fn with_extras(lock: &Lock, wish: &LockWish<'_>) -> String {
    let bound = lock
        .bounds
        .iter()
        .find(|it| it.can_be_changed() && it.requirement.name == *wish.name);
    let extras: Vec<String> = bound
        .iter()
        .flat_map(|it| &it.requirement.extras)
        .map(ToString::to_string)
        .collect();
    let extras = if extras.is_empty() {
        String::new()
    } else {
        format!("[{}]", extras.join(","))
    };
    format!("{}{extras}=={}", wish.name, wish.version)
}

/// Of packages with a bound the project has to say so; of the rest the tool takes the newest versions.
fn newest_of(wishes: &[LockWish<'_>], add: &str, update: &str) -> String {
    let (bounded, rest): (Vec<&LockWish<'_>>, Vec<&LockWish<'_>>) =
        wishes.iter().partition(|wish| wish.bound.is_some());
    let bounded = bounded.iter().map(|it| {
        quoted(&format!(
            "{}{}",
            it.name,
            it.bound.as_deref().unwrap_or_default()
        ))
    });
    let bounded: Vec<String> = bounded.collect();
    let rest: Vec<String> = rest.iter().map(|wish| wish.name.to_string()).collect();
    let commands = [(add, bounded), (update, rest)]
        .into_iter()
        .filter(|(_, names)| !names.is_empty());
    commands
        .map(|(command, names)| format!("{command} {}", names.join(" ")))
        .collect::<Vec<_>>()
        .join(" && ")
}

/// As one word of a shell, POSIX's or PowerShell's where it has no quote in it.
fn quoted(word: &str) -> String {
    if word.contains('\'') {
        format!("\"{word}\"")
    } else {
        format!("'{word}'")
    }
}

/// What an environment is to get: what changes, and what of it moves with that. What comes in besides installers know.
pub(super) fn of_environment(
    environment: &str,
    moves: &[PlannedMove],
    steps: &[PlanStep],
    bounds: &[BoundLine],
) -> Option<PlanCommand> {
    use crate::model::plan::PlanAction;
    let changed = steps.iter().filter_map(|step| match &step.course {
        PlanAction::Change { to } => Some((&step.name, to)),
        PlanAction::Follow
        | PlanAction::HeldBack { .. }
        | PlanAction::Build
        | PlanAction::Isolate
        | PlanAction::Accept
        | PlanAction::Unclear => None,
    });
    let moved = moves.iter().filter(|moved| moved.from.is_some());
    let moved = moved.filter_map(|moved| Some((&moved.name, moved.to.as_ref()?)));
    let versions: BTreeMap<&PackageName, &Version> = changed.chain(moved).collect();
    let packages: Vec<String> = versions
        .iter()
        .map(|(name, version)| format!("{name}=={version}"))
        .collect();
    let bounds = bounds
        .iter()
        .filter(|bound| !versions.contains_key(&bound.name))
        .map(|bound| bound.requirement.clone());
    let words: Vec<String> = packages
        .iter()
        .cloned()
        .chain(bounds)
        .map(|word| quoted(&word))
        .collect();
    (!words.is_empty()).then(|| PlanCommand {
        place: CommandPlace::Environment,
        file: environment.to_owned(),
        command: format!("pip install {}", words.join(" ")),
        packages,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_tool_is_told_in_its_own_words() {
        let (a, b): (PackageName, PackageName) = ("a".parse().unwrap(), "b".parse().unwrap());
        let version: Version = "1.2".parse().unwrap();
        let plain = |name, bound: Option<&str>, asked_for| LockWish {
            name,
            version: &version,
            bound: bound.map(str::to_owned),
            marker: None,
            asked_for,
        };
        let mut wishes = [
            plain(&a, Some("<2"), AskedFor::ByTheProject),
            plain(&b, None, AskedFor::ByAPackage),
        ];
        for (file, command) in [
            (
                "x/uv.lock",
                "uv lock --upgrade-package 'a==1.2' --upgrade-package 'b==1.2'",
            ),
            (
                "x/s.py.lock",
                "uv lock --script 's.py' --upgrade-package 'a==1.2' --upgrade-package 'b==1.2'",
            ),
            (
                "poetry.lock",
                "poetry add --lock 'a<2' && poetry update --lock b",
            ),
            (
                "pdm.lock",
                "pdm add --no-sync 'a<2' && pdm update --no-sync b",
            ),
            ("Pipfile.lock", "pipenv upgrade 'a==1.2' 'b==1.2'"),
            ("pylock.toml", ""),
        ] {
            assert_eq!(
                told(
                    &Lock {
                        file: file.to_owned(),
                        ..Lock::default()
                    },
                    &wishes
                ),
                command
            );
        }
        wishes[1].marker = Some("python_full_version >= '3.14'".to_owned());
        let options = vec!["--resolution".to_owned(), "lowest-direct".to_owned()];
        let lock = Lock {
            file: "uv.lock".to_owned(),
            options,
            ..Lock::default()
        };
        let command = "uv lock --resolution 'lowest-direct' --upgrade-package 'a==1.2' \
                       --upgrade-package \"b==1.2 ; python_full_version >= '3.14'\"";
        assert_eq!(told(&lock, &wishes), command);
    }
}
