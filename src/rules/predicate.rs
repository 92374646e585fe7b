//! What conditions mean: the three answers to what a rule asks of a subject.
//!
//! Here are the logic and the table of predicates; what each predicate asks is in `module` and `package`.

mod claims;
mod module;
mod package;

use crate::model::evidence::Evidence;
use crate::model::outcome::{Cause, Gil, ModuleOutcome};
use crate::model::subject::Subject;

pub(super) use package::classifier_words;

use super::raw::{Condition, DeclaredByKind, OfferKind, Scope};

/// The predicates' names, with the scope that each is for (`None`: both), as `docs/writing-rules.md` lists them.
pub const PREDICATES: &[(&str, Option<Scope>)] = &[
    ("all", None),
    ("any", None),
    ("not", None),
    ("cause", Some(Scope::Module)),
    ("gil", Some(Scope::Module)),
    ("gil-value", Some(Scope::Module)),
    ("init", Some(Scope::Module)),
    ("interpreters", Some(Scope::Module)),
    ("declared-by", Some(Scope::Module)),
    ("generator", Some(Scope::Module)),
    ("delegate", Some(Scope::Module)),
    ("hazard", Some(Scope::Module)),
    ("porting", Some(Scope::Module)),
    ("code", Some(Scope::Module)),
    ("writable-data", Some(Scope::Module)),
    ("stable-abi", Some(Scope::Module)),
    ("any-module", Some(Scope::Package)),
    ("package", Some(Scope::Package)),
    ("offer", Some(Scope::Package)),
    ("modules-found", Some(Scope::Package)),
    ("hidden-modules", Some(Scope::Package)),
    ("classifier", Some(Scope::Package)),
    ("release", Some(Scope::Package)),
    ("claims", Some(Scope::Package)),
    ("problems", Some(Scope::Package)),
];

/// What a rule looks at: a subject, and one of its modules when the rule is about modules.
#[derive(Clone, Copy, Debug)]
pub(super) struct View<'a> {
    pub(super) subject: &'a Subject,
    pub(super) module: Option<&'a ModuleOutcome>,
}

/// What shows that a condition holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Seen {
    /// For who looks it up.
    pub(super) evidence: Vec<Evidence>,
    /// What was found, in words for a message: functions, files, modules.
    pub(super) found: Vec<String>,
}

/// Whether a condition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Truth {
    /// It holds, and this shows it.
    Yes(Seen),
    /// It does not hold.
    No,
    /// It is unknown for these reasons.
    Unknown(Vec<String>),
}

impl Truth {
    fn of(holds: bool) -> Truth {
        if holds { Truth::Yes(Seen::default()) } else { Truth::No }
    }

    /// "Yes" when there is evidence of it.
    fn shown(evidence: Vec<Evidence>, found: Vec<String>) -> Truth {
        Truth::Yes(Seen { evidence, found })
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
            (Truth::Yes(left), Truth::Yes(right)) => Truth::Yes(left.with(right)),
        }
    }

    /// Kleene's "or": one "yes" settles it, then one "unknown".
    fn or(self, other: Truth) -> Truth {
        match (self, other) {
            (Truth::Yes(left), Truth::Yes(right)) => Truth::Yes(left.with(right)),
            (Truth::Yes(seen), _) | (_, Truth::Yes(seen)) => Truth::Yes(seen),
            (Truth::Unknown(left), Truth::Unknown(right)) => Truth::Unknown(joined(left, right)),
            (Truth::Unknown(whys), Truth::No) | (Truth::No, Truth::Unknown(whys)) => Truth::Unknown(whys),
            (Truth::No, Truth::No) => Truth::No,
        }
    }
}

impl Seen {
    fn with(self, other: Seen) -> Seen {
        Seen { evidence: joined(self.evidence, other.evidence), found: joined(self.found, other.found) }
    }
}

impl std::ops::Not for Truth {
    type Output = Truth;

    fn not(self) -> Truth {
        match self {
            Truth::Yes(_) => Truth::No,
            Truth::No => Truth::of(true),
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
            Condition::Not(part) | Condition::AnyModule(part) => std::slice::from_ref(part),
            _ => &[],
        }
    }

    /// The scope that it is for; `None` when it fits both.
    pub(super) fn scope(&self) -> Option<Scope> {
        match self {
            Condition::All(_) | Condition::Any(_) | Condition::Not(_) => None,
            Condition::Cause(_)
            | Condition::Gil(_)
            | Condition::GilValue(_)
            | Condition::Init(_)
            | Condition::Interpreters(_)
            | Condition::DeclaredBy(_)
            | Condition::Generator(_)
            | Condition::Delegate(_)
            | Condition::Hazard(_)
            | Condition::Porting(_)
            | Condition::Code(_)
            | Condition::WritableData(_)
            | Condition::StableAbi(_) => Some(Scope::Module),
            Condition::AnyModule(_)
            | Condition::Package(_)
            | Condition::Offer(_)
            | Condition::ModulesFound(_)
            | Condition::HiddenModules(_)
            | Condition::Classifier(_)
            | Condition::Release(_)
            | Condition::Claims(_)
            | Condition::Problems(_) => Some(Scope::Package),
        }
    }

    /// Whether it asks for one of no words, which never holds.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            Condition::All(parts) | Condition::Any(parts) => parts.is_empty(),
            Condition::Cause(words) => words.is_empty(),
            Condition::Gil(words) => words.is_empty(),
            Condition::GilValue(words) => words.is_empty(),
            Condition::Init(words) => words.is_empty(),
            Condition::Interpreters(words) => words.is_empty(),
            Condition::DeclaredBy(words) => words.is_empty(),
            Condition::Generator(words) => words.is_empty(),
            Condition::Delegate(words) => words.is_empty(),
            Condition::Hazard(words) => words.is_empty(),
            Condition::Porting(words) => words.is_empty(),
            Condition::Code(words) => words.is_empty(),
            Condition::StableAbi(words) => words.is_empty(),
            Condition::Package(names) => names.is_empty(),
            Condition::Offer(words) => words.is_empty(),
            Condition::Classifier(words) => words.is_empty(),
            Condition::Release(words) => words.is_empty(),
            Condition::Claims(words) => words.is_empty(),
            Condition::Not(_)
            | Condition::AnyModule(_)
            | Condition::WritableData(_)
            | Condition::ModulesFound(_)
            | Condition::HiddenModules(_)
            | Condition::Problems(_) => false,
        }
    }

    /// Whether it asks what instructions show.
    pub(super) fn asks_for_code(&self) -> bool {
        matches!(self, Condition::Code(_)) || self.parts().iter().any(Condition::asks_for_code)
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
            Condition::Package(_) | Condition::HiddenModules(_) | Condition::Problems(_) => false,
            _ => true,
        }
    }

    /// Whether it holds for what is looked at.
    pub(super) fn evaluate(&self, view: View<'_>) -> Truth {
        match self {
            Condition::All(parts) => parts.iter().map(|part| part.evaluate(view)).fold(Truth::of(true), Truth::and),
            Condition::Any(parts) => parts.iter().map(|part| part.evaluate(view)).fold(Truth::No, Truth::or),
            Condition::Not(part) => !part.evaluate(view),
            _ if self.scope() == Some(Scope::Package) => package::evaluate(self, view.subject),
            _ => match view.module {
                Some(module) => module::evaluate(self, view.subject, module),
                None => Truth::unknown("no module is looked at"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YES: Truth = Truth::Yes(Seen { evidence: Vec::new(), found: Vec::new() });

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
