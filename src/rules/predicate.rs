//! What conditions mean: the three answers to what a rule asks of a subject.

use crate::model::evidence::Evidence;
use crate::model::outcome::{Cause, Gil, ModuleOutcome};
use crate::model::subject::{Delegate, Offer, Subject};
use crate::model::verdict::DeclaredBy;

use super::raw::{Condition, DeclaredByKind, DelegateState, OfferKind, Scope};

/// The predicates' names, with the scope that each is for (`None`: both), as `docs/writing-rules.md` lists them.
pub const PREDICATES: &[(&str, Option<Scope>)] = &[
    ("all", None),
    ("any", None),
    ("not", None),
    ("cause", Some(Scope::Module)),
    ("gil", Some(Scope::Module)),
    ("init", Some(Scope::Module)),
    ("declared-by", Some(Scope::Module)),
    ("delegate", Some(Scope::Module)),
    ("offer", Some(Scope::Package)),
    ("modules-found", Some(Scope::Package)),
    ("hidden-modules", Some(Scope::Package)),
    ("problems", Some(Scope::Package)),
];

/// What a rule looks at: a subject, and one of its modules when the rule is about modules.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) subject: &'a Subject,
    pub(super) module: Option<&'a ModuleOutcome>,
}

/// Whether a condition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    /// It holds, and this shows it.
    Yes(Vec<Evidence>),
    /// It does not hold.
    No,
    /// It is unknown for these reasons.
    Unknown(Vec<String>),
}

impl Truth {
    fn of(holds: bool) -> Truth {
        if holds { Truth::Yes(Vec::new()) } else { Truth::No }
    }

    fn unknown(why: impl Into<String>) -> Truth {
        Truth::Unknown(vec![why.into()])
    }

    /// Kleene's "and": one "no" settles it, then one "unknown".
    fn and(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::No, _) | (_, Truth::No) => Truth::No,
            (Truth::Unknown(left), Truth::Unknown(right)) => Truth::Unknown(joined(left, right)),
            (Truth::Unknown(whys), Truth::Yes(_)) | (Truth::Yes(_), Truth::Unknown(whys)) => Truth::Unknown(whys),
            (Truth::Yes(left), Truth::Yes(right)) => Truth::Yes(joined(left, right)),
        }
    }

    /// Kleene's "or": one "yes" settles it, then one "unknown".
    fn or(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::Yes(left), Truth::Yes(right)) => Truth::Yes(joined(left, right)),
            (Truth::Yes(evidence), _) | (_, Truth::Yes(evidence)) => Truth::Yes(evidence),
            (Truth::Unknown(left), Truth::Unknown(right)) => Truth::Unknown(joined(left, right)),
            (Truth::Unknown(whys), Truth::No) | (Truth::No, Truth::Unknown(whys)) => Truth::Unknown(whys),
            (Truth::No, Truth::No) => Truth::No,
        }
    }
}

impl std::ops::Not for Truth {
    type Output = Truth;

    fn not(self) -> Truth {
        match self {
            Truth::Yes(_) => Truth::No,
            Truth::No => Truth::Yes(Vec::new()),
            Truth::Unknown(whys) => Truth::Unknown(whys),
        }
    }
}

fn joined<T: PartialEq>(mut left: Vec<T>, right: Vec<T>) -> Vec<T> {
    for item in right {
        if !left.contains(&item) {
            left.push(item);
        }
    }
    left
}

impl Condition {
    /// The conditions directly inside.
    pub(super) fn parts(&self) -> &[Condition] {
        match self {
            Condition::All(parts) | Condition::Any(parts) => parts,
            Condition::Not(part) => std::slice::from_ref(part),
            _ => &[],
        }
    }

    /// The scope that it is for; `None` when it fits both.
    pub(super) fn scope(&self) -> Option<Scope> {
        match self {
            Condition::All(_) | Condition::Any(_) | Condition::Not(_) => None,
            Condition::Cause(_)
            | Condition::Gil(_)
            | Condition::Init(_)
            | Condition::DeclaredBy(_)
            | Condition::Delegate(_) => Some(Scope::Module),
            Condition::Offer(_) | Condition::ModulesFound(_) | Condition::HiddenModules(_) | Condition::Problems(_) => {
                Some(Scope::Package)
            }
        }
    }

    /// Whether it asks for one of no words, which never holds.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Condition::All(parts) | Condition::Any(parts) => parts.is_empty(),
            Condition::Cause(words) => words.is_empty(),
            Condition::Gil(words) => words.is_empty(),
            Condition::Init(words) => words.is_empty(),
            Condition::DeclaredBy(words) => words.is_empty(),
            Condition::Delegate(words) => words.is_empty(),
            Condition::Offer(words) => words.is_empty(),
            Condition::Not(_) | Condition::ModulesFound(_) | Condition::HiddenModules(_) | Condition::Problems(_) => {
                false
            }
        }
    }

    /// Whether there are subjects for which it is unknown.
    pub(super) fn can_be_unknown(&self) -> bool {
        match self {
            Condition::All(_) | Condition::Any(_) | Condition::Not(_) => {
                self.parts().iter().any(Condition::can_be_unknown)
            }
            Condition::Cause(words) => !words.contains(&Cause::Unreadable),
            Condition::Gil(words) => !words.contains(&Gil::Unknown),
            Condition::DeclaredBy(words) => !words.contains(&DeclaredByKind::Unclear),
            Condition::Offer(words) => !words.contains(&OfferKind::Unknown),
            Condition::Init(_) | Condition::Delegate(_) | Condition::ModulesFound(_) => true,
            Condition::HiddenModules(_) | Condition::Problems(_) => false,
        }
    }

    /// Whether it holds for what is looked at.
    pub(super) fn evaluate(&self, view: View<'_>) -> Truth {
        match self {
            Condition::All(parts) => parts.iter().map(|part| part.evaluate(view)).fold(Truth::of(true), Truth::and),
            Condition::Any(parts) => parts.iter().map(|part| part.evaluate(view)).fold(Truth::No, Truth::or),
            Condition::Not(part) => !part.evaluate(view),
            Condition::Offer(words) => offer(words, &view.subject.offer),
            Condition::ModulesFound(wanted) => modules_found(*wanted, view.subject),
            Condition::HiddenModules(wanted) => hidden_modules(*wanted, view.subject),
            Condition::Problems(wanted) => Truth::of(view.subject.problems.is_empty() != *wanted),
            Condition::Cause(_)
            | Condition::Gil(_)
            | Condition::Init(_)
            | Condition::DeclaredBy(_)
            | Condition::Delegate(_) => match view.module {
                Some(module) => self.evaluate_module(view.subject, module),
                None => Truth::unknown("no module is looked at"),
            },
        }
    }

    fn evaluate_module(&self, subject: &Subject, module: &ModuleOutcome) -> Truth {
        let seen = |holds: bool| if holds { Truth::Yes(module.evidence.clone()) } else { Truth::No };
        match self {
            Condition::Cause(words) if words.contains(&module.cause) => seen(true),
            Condition::Cause(_) if module.cause == Cause::Unreadable => Truth::unknown(&module.reason),
            Condition::Gil(words) if words.contains(&module.gil) => seen(true),
            Condition::Gil(_) if module.gil == Gil::Unknown => Truth::unknown(&module.reason),
            Condition::Init(words) => match module.init {
                Some(init) => seen(words.contains(&init)),
                None => Truth::unknown("how the module is initialised could not be read"),
            },
            Condition::DeclaredBy(words) => declared_by(words, module),
            Condition::Delegate(words) => delegate(words, subject, module),
            _ => Truth::No,
        }
    }
}

fn declared_by(words: &[DeclaredByKind], module: &ModuleOutcome) -> Truth {
    let kind = match &module.declared_by {
        None => return Truth::No,
        Some(DeclaredBy::Author) => DeclaredByKind::Author,
        Some(DeclaredBy::Framework(_)) => DeclaredByKind::Framework,
        Some(DeclaredBy::Delegate(_)) => DeclaredByKind::Delegate,
        Some(DeclaredBy::Unclear) => DeclaredByKind::Unclear,
    };
    if words.contains(&kind) {
        return Truth::Yes(module.evidence.clone());
    }
    match kind {
        DeclaredByKind::Unclear => Truth::unknown("which tool or version generated the module could not be read"),
        _ => Truth::No,
    }
}

fn delegate(words: &[DelegateState], subject: &Subject, module: &ModuleOutcome) -> Truth {
    let Some(name) = &module.delegate else { return Truth::No };
    let only_asks_for_missing = words.iter().all(|word| *word == DelegateState::Missing);
    let state = match subject.delegates.get(name) {
        None => return Truth::unknown(format!("it was not looked up which package provides {name}")),
        Some(Delegate::Unknown { why }) => return Truth::unknown(why),
        Some(Delegate::Missing) => DelegateState::Missing,
        // Whatever it does, it is there.
        Some(Delegate::Provided { .. }) if only_asks_for_missing => return Truth::No,
        Some(Delegate::Provided { package, gil, reason }) => match gil {
            Gil::NotUsed => DelegateState::NotUsed,
            Gil::Used => DelegateState::Used,
            Gil::NotLoadable => DelegateState::NotLoadable,
            Gil::Delegated => return Truth::unknown(format!("{name} of {package} itself delegates")),
            Gil::Unknown => return Truth::unknown(format!("{name} of {package} is unknown itself: {reason}")),
        },
    };
    if words.contains(&state) { Truth::Yes(module.evidence.clone()) } else { Truth::No }
}

fn offer(words: &[OfferKind], offer: &Offer) -> Truth {
    let kind = match offer {
        Offer::Wheel { .. } => OfferKind::Wheel,
        Offer::Pure { .. } => OfferKind::Pure,
        Offer::PureFallback { .. } => OfferKind::PureFallback,
        Offer::Source { .. } => OfferKind::Source,
        Offer::Nothing { .. } => OfferKind::Nothing,
        Offer::Unknown { .. } => OfferKind::Unknown,
    };
    match offer {
        Offer::Unknown { why } if !words.contains(&kind) => Truth::unknown(why),
        Offer::PureFallback { lost, .. } if words.contains(&kind) => {
            Truth::Yes(listed("wheel that does not fit", lost))
        }
        _ => Truth::of(words.contains(&kind)),
    }
}

/// That nothing was found is only known when nothing was out of sight.
fn modules_found(wanted: bool, subject: &Subject) -> Truth {
    match subject.problems.first() {
        Some(problem) if subject.modules.is_empty() => Truth::unknown(problem),
        _ => Truth::of(subject.modules.is_empty() != wanted),
    }
}

fn hidden_modules(wanted: bool, subject: &Subject) -> Truth {
    if subject.hidden.is_empty() == wanted {
        return Truth::No;
    }
    Truth::Yes(listed("file name", subject.hidden.iter().map(|hidden| &hidden.path)))
}

/// How many files of a list become evidence.
const FILES_SHOWN: usize = 8;

fn listed<'a>(what: &str, files: impl IntoIterator<Item = &'a String>) -> Vec<Evidence> {
    files.into_iter().take(FILES_SHOWN).map(|file| Evidence::new(what).value(file.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const YES: Truth = Truth::Yes(Vec::new());

    #[test]
    fn logic_is_kleenes() {
        let unknown = || Truth::unknown("why");
        let table = [
            (YES, YES, YES, YES),
            (YES, Truth::No, Truth::No, YES),
            (YES, unknown(), unknown(), YES),
            (Truth::No, Truth::No, Truth::No, Truth::No),
            (Truth::No, unknown(), Truth::No, unknown()),
            (unknown(), unknown(), unknown(), unknown()),
        ];
        for (left, right, and, or) in table {
            assert_eq!(left.clone().and(right.clone()), and);
            assert_eq!(right.clone().and(left.clone()), and);
            assert_eq!(left.clone().or(right.clone()), or);
            assert_eq!(right.or(left), or);
        }
        assert_eq!((!YES, !Truth::No, !unknown()), (Truth::No, YES, unknown()));
    }
}
