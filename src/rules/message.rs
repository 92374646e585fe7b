//! Messages with placeholders.

use std::fmt;

use crate::model::subject::{Delegate, InstallChoice, Subject};
use crate::model::verdict::DeclaredBy;

use super::predicate::{RuleView, classifier_words};
use super::raw::RuleScope;
use super::words::some;
use super::{other_wheels, unfit_wheels};

/// A name in braces that a message may use.
#[derive(Clone, Copy, Debug)]
pub struct MessagePlaceholder {
    /// The name.
    pub name: &'static str,
    /// The scope whose rules may use it; `None` for both.
    pub scope: Option<RuleScope>,
    /// What it stands for.
    pub meaning: &'static str,
    value: fn(RuleView<'_>, MessageWords<'_>) -> String,
}

/// What evaluating the condition gave besides its answer.
#[derive(Clone, Copy, Debug)]
pub(super) enum MessageWords<'a> {
    /// It holds: what was found.
    Found(&'a [String]),
    /// It is unknown: why.
    Whys(&'a [String]),
}

/// Every placeholder, as `docs/writing-rules.md` lists them.
pub const PLACEHOLDERS: &[MessagePlaceholder] = &[
    MessagePlaceholder {
        name: "package",
        scope: None,
        meaning: "the package's name",
        value: |view, _| view.subject.package.clone(),
    },
    MessagePlaceholder {
        name: "version",
        scope: None,
        meaning: "its version",
        value: |view, _| view.subject.version.clone(),
    },
    MessagePlaceholder {
        name: "target",
        scope: None,
        meaning: "the target, as in `cp314t-linux-x86_64`",
        value: |view, _| view.subject.target.to_string(),
    },
    MessagePlaceholder {
        name: "python",
        scope: None,
        meaning: "the interpreter, as in `3.14t`",
        value: |view, _| view.subject.target.python.to_string(),
    },
    MessagePlaceholder {
        name: "file",
        scope: None,
        meaning: "the file that an installer chooses",
        value: |view, _| file(&view.subject.offer).to_owned(),
    },
    MessagePlaceholder {
        name: "why",
        scope: None,
        meaning: "in `unknown`: why the condition is unknown; elsewhere: why nothing, or nothing certain, is chosen",
        value: |view, words| why(&view.subject.offer, words),
    },
    MessagePlaceholder {
        name: "found",
        scope: None,
        meaning: "what the predicates found: functions, symbols, files, modules",
        value: |_, words| found(words),
    },
    MessagePlaceholder {
        name: "classifier",
        scope: Some(RuleScope::Package),
        meaning: "the classifier about free threading, as in `Free Threading :: 2 - Beta`",
        value: |view, _| classifier(view),
    },
    MessagePlaceholder {
        name: "lost",
        scope: Some(RuleScope::Package),
        meaning: "of a pure wheel: where the compiled modules are that it goes without",
        value: |view, _| lost(view.subject),
    },
    MessagePlaceholder {
        name: "build",
        scope: Some(RuleScope::Package),
        meaning: "of an sdist: what a build of it would become, as in `would keep the GIL off (2 modules declare it)`",
        // Tables have no room for the reason, which stands behind the colon.
        value: |view, _| {
            foreseen(&view.subject.offer)
                .0
                .split(": ")
                .next()
                .unwrap_or_default()
                .to_owned()
        },
    },
    MessagePlaceholder {
        name: "build-with-needs",
        scope: Some(RuleScope::Package),
        meaning: "the same with its reason and the compilers that the build needs",
        value: |view, _| match foreseen(&view.subject.offer) {
            (build, []) => build,
            (build, needs) => format!("{build}; the build needs {}", needs.join(", ")),
        },
    },
    MessagePlaceholder {
        name: "other-wheels",
        scope: Some(RuleScope::Package),
        meaning: "for which other free-threaded Pythons or platforms the same version has wheels, after `; `; empty without any",
        value: |view, _| ported(view.subject),
    },
    MessagePlaceholder {
        name: "requires-python",
        scope: Some(RuleScope::Package),
        meaning: "of a version that does not allow the target's Python: what it allows, as in `<3.14,>=3.11`",
        value: |view, _| requires_python(&view.subject.offer),
    },
    MessagePlaceholder {
        name: "hidden",
        scope: Some(RuleScope::Package),
        meaning: "the files that the target does not look for",
        value: |view, _| {
            some(
                view.subject
                    .hidden
                    .iter()
                    .map(|hidden| hidden.path.as_str()),
                3,
            )
        },
    },
    MessagePlaceholder {
        name: "problems",
        scope: Some(RuleScope::Package),
        meaning: "what could not be looked at",
        value: |view, _| some(view.subject.problems.iter().map(String::as_str), 1),
    },
    MessagePlaceholder {
        name: "module",
        scope: Some(RuleScope::Module),
        meaning: "the module's dotted name",
        value: |view, _| of_module(view, |module| module.module.clone()),
    },
    MessagePlaceholder {
        name: "path",
        scope: Some(RuleScope::Module),
        meaning: "its path inside the file",
        value: |view, _| of_module(view, |module| module.path.clone()),
    },
    MessagePlaceholder {
        name: "reason",
        scope: Some(RuleScope::Module),
        meaning: "why its outcome is what it is",
        value: |view, _| of_module(view, |module| module.reason.clone()),
    },
    MessagePlaceholder {
        name: "declared-by",
        scope: Some(RuleScope::Module),
        meaning: "who declared that it does not need the GIL",
        value: |view, _| {
            of_module(view, |module| {
                module
                    .declared_by
                    .as_ref()
                    .map_or_else(String::new, declarer)
            })
        },
    },
    MessagePlaceholder {
        name: "delegate",
        scope: Some(RuleScope::Module),
        meaning: "the module that it delegates to",
        value: |view, _| of_module(view, |module| module.delegate.clone().unwrap_or_default()),
    },
    MessagePlaceholder {
        name: "delegate-found",
        scope: Some(RuleScope::Module),
        meaning: "which package of the set provides that, and what it does",
        value: |view, _| delegate_found(view),
    },
];

fn file(offer: &InstallChoice) -> &str {
    match offer {
        InstallChoice::Wheel { filename }
        | InstallChoice::Pure { filename, .. }
        | InstallChoice::PureFallback { filename, .. }
        | InstallChoice::Source { filename, .. } => filename,
        InstallChoice::Nothing { .. } | InstallChoice::Unknown { .. } => "no file",
    }
}

/// What a build becomes, and the compilers that it needs.
fn foreseen(offer: &InstallChoice) -> (String, &[String]) {
    match offer {
        InstallChoice::Source {
            build: Some(build), ..
        } => (build.reason.clone(), &build.needs),
        _ => (
            "what it becomes is decided where it is built".to_owned(),
            &[],
        ),
    }
}

/// They are in other wheels, or in this one under names for others.
fn lost(subject: &Subject) -> String {
    match &subject.offer {
        InstallChoice::PureFallback { lost, .. } => {
            unfit_wheels::in_words(lost, subject.target.python)
        }
        _ if subject.hidden.is_empty() => String::new(),
        _ => {
            let hidden = some(subject.hidden.iter().map(|hidden| hidden.path.as_str()), 3);
            format!("{} does not look for {hidden}", subject.target.python)
        }
    }
}

/// Wheels of the same version that only other targets can take.
fn ported(subject: &Subject) -> String {
    let wheels = subject.distribution.release.value();
    let told = wheels.and_then(|wheels| other_wheels::in_words(wheels, subject.target));
    told.map(|told| format!("; {told}")).unwrap_or_default()
}

fn requires_python(offer: &InstallChoice) -> String {
    match offer {
        InstallChoice::Nothing {
            requires_python: Some(wanted),
            ..
        } => wanted.clone(),
        _ => String::new(),
    }
}

fn why(offer: &InstallChoice, words: MessageWords<'_>) -> String {
    match (offer, words) {
        (_, MessageWords::Whys(whys)) if !whys.is_empty() => whys.join("; "),
        (InstallChoice::Nothing { why, .. } | InstallChoice::Unknown { why }, _) => why.clone(),
        _ => String::new(),
    }
}

fn found(words: MessageWords<'_>) -> String {
    match words {
        MessageWords::Found(found) => some(found.iter().map(String::as_str), 3),
        MessageWords::Whys(_) => String::new(),
    }
}

fn classifier(view: RuleView<'_>) -> String {
    let level = view
        .subject
        .distribution
        .free_threading
        .value()
        .copied()
        .flatten();
    level.map(classifier_words).unwrap_or_default().to_owned()
}

fn of_module(
    view: RuleView<'_>,
    value: impl Fn(&crate::model::outcome::ModuleOutcome) -> String,
) -> String {
    view.module.map(value).unwrap_or_default()
}

fn declarer(declared_by: &DeclaredBy) -> String {
    match declared_by {
        DeclaredBy::Author => "the author".to_owned(),
        DeclaredBy::Framework(framework) => framework.clone(),
        DeclaredBy::Delegate(module) => module.clone(),
        DeclaredBy::Unclear => "an unrecognised tool or its user".to_owned(),
    }
}

fn delegate_found(view: RuleView<'_>) -> String {
    let found = view
        .module
        .and_then(|module| view.subject.delegates.get(module.delegate.as_ref()?));
    match found {
        Some(Delegate::Provided {
            package, reason, ..
        }) => format!("{package}: {reason}"),
        Some(Delegate::Missing) => "no package of the set".to_owned(),
        Some(Delegate::Unknown { why }) => why.clone(),
        None => String::new(),
    }
}

/// A message, taken apart.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct MessageTemplate {
    parts: Vec<MessagePart>,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum MessagePart {
    Text(String),
    Placeholder(&'static str),
}

impl fmt::Display for MessageTemplate {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.parts.iter().try_for_each(|part| match part {
            MessagePart::Text(text) => formatter.write_str(text),
            MessagePart::Placeholder(name) => write!(formatter, "{{{name}}}"),
        })
    }
}

impl MessageTemplate {
    /// Takes a message apart; the error says what is wrong with it.
    pub(super) fn read(text: &str, scope: RuleScope) -> Result<MessageTemplate, String> {
        let mut parts = Vec::new();
        let mut rest = text;
        while let Some((before, after)) = rest.split_once('{') {
            let (name, tail) = after.split_once('}').ok_or("has a `{` without `}`")?;
            let known = PLACEHOLDERS
                .iter()
                .find(|placeholder| placeholder.name == name);
            let known = known.ok_or_else(|| format!("has the unknown placeholder `{{{name}}}`"))?;
            if known.scope.is_some_and(|allowed| allowed != scope) {
                return Err(format!(
                    "has the placeholder `{{{name}}}`, which is for rules of the other scope"
                ));
            }
            parts.push(MessagePart::Text(before.to_owned()));
            parts.push(MessagePart::Placeholder(known.name));
            rest = tail;
        }
        if rest.contains('}') {
            return Err("has a `}` without `{`".to_owned());
        }
        parts.push(MessagePart::Text(rest.to_owned()));
        Ok(MessageTemplate { parts })
    }

    /// A message without placeholders.
    pub(super) fn literal(text: &str) -> MessageTemplate {
        MessageTemplate {
            parts: vec![MessagePart::Text(text.to_owned())],
        }
    }

    /// The message with its placeholders filled.
    pub(super) fn fill(&self, view: RuleView<'_>, words: MessageWords<'_>) -> String {
        self.parts
            .iter()
            .map(|part| match part {
                MessagePart::Text(text) => text.clone(),
                MessagePart::Placeholder(name) => PLACEHOLDERS
                    .iter()
                    .find(|placeholder| placeholder.name == *name)
                    .map_or_else(String::new, |placeholder| (placeholder.value)(view, words)),
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_wrong_with_a_message_is_said() {
        let table = [
            ("{module} of {package}", RuleScope::Module, None),
            ("no placeholder", RuleScope::Package, None),
            (
                "{modul}",
                RuleScope::Module,
                Some("has the unknown placeholder `{modul}`"),
            ),
            (
                "{module}",
                RuleScope::Package,
                Some("has the placeholder `{module}`, which is for rules of the other scope"),
            ),
            ("{module", RuleScope::Module, Some("has a `{` without `}`")),
            ("module}", RuleScope::Module, Some("has a `}` without `{`")),
        ];
        for (text, scope, expected) in table {
            assert_eq!(
                MessageTemplate::read(text, scope).err().as_deref(),
                expected,
                "{text}"
            );
        }
    }
}
