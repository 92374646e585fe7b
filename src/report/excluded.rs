//! Lock files that leave targets out, in sentences: it is the first thing to know of such a report or plan.

use crate::model::lock::{ExcludedTarget, LockTool};
use crate::model::place::Place;
use crate::model::target::Target;

use super::sanitize::harmless;

/// What is said of one lock file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ExclusionNotice {
    /// Which line leaves which targets out.
    pub(super) what: String,
    /// What that means for what is told of the packages.
    pub(super) meaning: String,
    /// How to make the file for them: what to change, as an imperative.
    pub(super) change: String,
    /// What to run then; empty when that is not known.
    pub(super) command: String,
}

/// One for each line that leaves targets out.
pub(super) fn notices(excluded: &[ExcludedTarget]) -> Vec<ExclusionNotice> {
    let mut groups: Vec<(&Place, Vec<&ExcludedTarget>)> = Vec::new();
    for one in excluded {
        match groups.iter_mut().find(|(place, _)| **place == one.place) {
            Some((_, group)) => group.push(one),
            None => groups.push((&one.place, vec![one])),
        }
    }
    groups
        .iter()
        .filter_map(|(place, group)| notice(place, group))
        .collect()
}

fn notice(place: &Place, group: &[&ExcludedTarget]) -> Option<ExclusionNotice> {
    // What lets the newest Python in lets the others in, where none of them is left out by a lower bound.
    let widest = group.iter().max_by_key(|one| one.target.python)?;
    let line = place
        .line
        .map_or_else(String::new, |line| format!(":{line}"));
    let named = names(group.iter().map(|one| one.target), place.line.is_some());
    let dropped = match widest.tool {
        Some(LockTool::Uv | LockTool::UvScript) => {
            "uv leaves the files of other Pythons out of a lock. "
        }
        Some(LockTool::Pdm) => "PDM leaves the files of other Pythons out of a lock. ",
        Some(LockTool::Poetry | LockTool::Pipenv) | None => "",
    };
    Some(ExclusionNotice {
        what: format!(
            "{}{line} leaves {named} out: it is locked for {}",
            harmless(&place.file),
            harmless(&widest.locked_for)
        ),
        meaning: format!(
            "{dropped}Its versions are judged by the files that the index has of them."
        ),
        change: harmless(&widest.change),
        command: harmless(&widest.command),
    })
}

/// The Pythons, or whole targets where it is not about Python; each once.
fn names(targets: impl Iterator<Item = Target>, by_python: bool) -> String {
    let mut names: Vec<String> = Vec::new();
    for target in targets {
        let name = if by_python {
            target.python.to_string()
        } else {
            target.to_string()
        };
        if !names.contains(&name) {
            names.push(name);
        }
    }
    match names.split_last() {
        Some((last, before)) if !before.is_empty() => format!("{} and {last}", before.join(", ")),
        _ => names.concat(),
    }
}

impl ExclusionNotice {
    /// What to do, in one sentence.
    pub(super) fn remedy(&self) -> String {
        let change = &self.change;
        match self.command.as_str() {
            "" => format!("To widen it, {change}."),
            command => format!("To widen it, {change}, then run `{command}`."),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_is_told_once_for_all_targets() {
        let excluded = |python: &str, change: &str| ExcludedTarget {
            target: Target {
                python: python.parse().unwrap(),
                platform: "linux-x86_64".parse().unwrap(),
            },
            file: "uv.lock".to_owned(),
            place: Place {
                file: "uv.lock".to_owned(),
                line: Some(3),
                column: None,
            },
            locked_for: "Python >=3.11, <3.14".to_owned(),
            tool: Some(LockTool::Uv),
            change: change.to_owned(),
            command: "uv lock".to_owned(),
        };
        let told = notices(&[excluded("3.14t", "set a"), excluded("3.15t", "set b")]);
        assert_eq!(told.len(), 1);
        assert_eq!(
            told[0].what,
            "uv.lock:3 leaves 3.14t and 3.15t out: it is locked for Python >=3.11, <3.14"
        );
        assert_eq!(told[0].remedy(), "To widen it, set b, then run `uv lock`.");
    }
}
