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

use super::raw::{DeclaredByKind, OfferKind, RuleCondition, RuleScope};

/// The predicates' names, with the scope that each is for (`None`: both), as `docs/writing-rules.md` lists them.
pub const PREDICATES: &[(&str, Option<RuleScope>)] = &[
    ("all", None),
    ("any", None),
    ("not", None),
    ("cause", Some(RuleScope::Module)),
    ("gil", Some(RuleScope::Module)),
    ("gil-value", Some(RuleScope::Module)),
    ("init", Some(RuleScope::Module)),
    ("interpreters", Some(RuleScope::Module)),
    ("declared-by", Some(RuleScope::Module)),
    ("generator", Some(RuleScope::Module)),
    ("delegate", Some(RuleScope::Module)),
    ("hazard", Some(RuleScope::Module)),
    ("porting", Some(RuleScope::Module)),
    ("code", Some(RuleScope::Module)),
    ("writable-data", Some(RuleScope::Module)),
    ("stable-abi", Some(RuleScope::Module)),
    ("any-module", Some(RuleScope::Package)),
    ("package", Some(RuleScope::Package)),
    ("offer", Some(RuleScope::Package)),
    ("modules-found", Some(RuleScope::Package)),
    ("hidden-modules", Some(RuleScope::Package)),
    ("classifier", Some(RuleScope::Package)),
    ("release", Some(RuleScope::Package)),
    ("claims", Some(RuleScope::Package)),
    ("problems", Some(RuleScope::Package)),
];

/// What a rule looks at: a subject, and one of its modules when the rule is about modules.
#[derive(Clone, Copy, Debug)]
pub(super) struct RuleView<'a> {
    pub(super) subject: &'a Subject,
    pub(super) module: Option<&'a ModuleOutcome>,
}

/// What shows that a condition holds.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PredicateEvidence {
    /// For who looks it up.
    pub(super) evidence: Vec<Evidence>,
    /// What was found, in words for a message: functions, files, modules.
    pub(super) found: Vec<String>,
}

/// Whether a condition holds.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum TruthValue {
    /// It holds, and this shows it.
    Yes(PredicateEvidence),
    /// It does not hold.
    No,
    /// It is unknown for these reasons.
    Unknown(Vec<String>),
}

impl TruthValue {
    fn of(holds: bool) -> TruthValue {
        if holds {
            TruthValue::Yes(PredicateEvidence::default())
        } else {
            TruthValue::No
        }
    }

    /// "Yes" when there is evidence of it.
    fn shown(evidence: Vec<Evidence>, found: Vec<String>) -> TruthValue {
        TruthValue::Yes(PredicateEvidence { evidence, found })
    }

    fn unknown(why: impl Into<String>) -> TruthValue {
        TruthValue::Unknown(vec![why.into()])
    }

    /// Kleene's "and": one "no" settles it, then one "unknown".
    fn and(self, other: TruthValue) -> TruthValue {
        match (self, other) {
            (TruthValue::No, _) | (_, TruthValue::No) => TruthValue::No,
            (TruthValue::Unknown(left), TruthValue::Unknown(right)) => {
                TruthValue::Unknown(joined(left, right))
            }
            (TruthValue::Unknown(whys), TruthValue::Yes(_))
            | (TruthValue::Yes(_), TruthValue::Unknown(whys)) => TruthValue::Unknown(whys),
            (TruthValue::Yes(left), TruthValue::Yes(right)) => TruthValue::Yes(left.with(right)),
        }
    }

    /// Kleene's "or": one "yes" settles it, then one "unknown".
    fn or(self, other: TruthValue) -> TruthValue {
        match (self, other) {
            (TruthValue::Yes(left), TruthValue::Yes(right)) => TruthValue::Yes(left.with(right)),
            (TruthValue::Yes(seen), _) | (_, TruthValue::Yes(seen)) => TruthValue::Yes(seen),
            (TruthValue::Unknown(left), TruthValue::Unknown(right)) => {
                TruthValue::Unknown(joined(left, right))
            }
            (TruthValue::Unknown(whys), TruthValue::No)
            | (TruthValue::No, TruthValue::Unknown(whys)) => TruthValue::Unknown(whys),
            (TruthValue::No, TruthValue::No) => TruthValue::No,
        }
    }
}

impl PredicateEvidence {
    fn with(self, other: PredicateEvidence) -> PredicateEvidence {
        PredicateEvidence {
            evidence: joined(self.evidence, other.evidence),
            found: joined(self.found, other.found),
        }
    }
}

impl std::ops::Not for TruthValue {
    type Output = TruthValue;

    fn not(self) -> TruthValue {
        match self {
            TruthValue::Yes(_) => TruthValue::No,
            TruthValue::No => TruthValue::of(true),
            TruthValue::Unknown(whys) => TruthValue::Unknown(whys),
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

impl RuleCondition {
    /// The conditions directly inside.
    pub(super) fn parts(&self) -> &[RuleCondition] {
        match self {
            RuleCondition::All(parts) | RuleCondition::Any(parts) => parts,
            RuleCondition::Not(part) | RuleCondition::AnyModule(part) => std::slice::from_ref(part),
            _ => &[],
        }
    }

    /// The scope that it is for; `None` when it fits both.
    pub(super) fn scope(&self) -> Option<RuleScope> {
        match self {
            RuleCondition::All(_) | RuleCondition::Any(_) | RuleCondition::Not(_) => None,
            RuleCondition::Cause(_)
            | RuleCondition::Gil(_)
            | RuleCondition::GilValue(_)
            | RuleCondition::Init(_)
            | RuleCondition::Interpreters(_)
            | RuleCondition::DeclaredBy(_)
            | RuleCondition::Generator(_)
            | RuleCondition::Delegate(_)
            | RuleCondition::Hazard(_)
            | RuleCondition::Porting(_)
            | RuleCondition::Code(_)
            | RuleCondition::WritableData(_)
            | RuleCondition::StableAbi(_) => Some(RuleScope::Module),
            RuleCondition::AnyModule(_)
            | RuleCondition::Package(_)
            | RuleCondition::Offer(_)
            | RuleCondition::ModulesFound(_)
            | RuleCondition::HiddenModules(_)
            | RuleCondition::Classifier(_)
            | RuleCondition::Release(_)
            | RuleCondition::Claims(_)
            | RuleCondition::Problems(_) => Some(RuleScope::Package),
        }
    }

    /// Whether it asks for one of no words, which never holds.
    pub(super) fn is_empty(&self) -> bool {
        match self {
            RuleCondition::All(parts) | RuleCondition::Any(parts) => parts.is_empty(),
            RuleCondition::Cause(words) => words.is_empty(),
            RuleCondition::Gil(words) => words.is_empty(),
            RuleCondition::GilValue(words) => words.is_empty(),
            RuleCondition::Init(words) => words.is_empty(),
            RuleCondition::Interpreters(words) => words.is_empty(),
            RuleCondition::DeclaredBy(words) => words.is_empty(),
            RuleCondition::Generator(words) => words.is_empty(),
            RuleCondition::Delegate(words) => words.is_empty(),
            RuleCondition::Hazard(words) => words.is_empty(),
            RuleCondition::Porting(words) => words.is_empty(),
            RuleCondition::Code(words) => words.is_empty(),
            RuleCondition::StableAbi(words) => words.is_empty(),
            RuleCondition::Package(names) => names.is_empty(),
            RuleCondition::Offer(words) => words.is_empty(),
            RuleCondition::Classifier(words) => words.is_empty(),
            RuleCondition::Release(words) => words.is_empty(),
            RuleCondition::Claims(words) => words.is_empty(),
            RuleCondition::Not(_)
            | RuleCondition::AnyModule(_)
            | RuleCondition::WritableData(_)
            | RuleCondition::ModulesFound(_)
            | RuleCondition::HiddenModules(_)
            | RuleCondition::Problems(_) => false,
        }
    }

    /// Whether it asks what instructions show.
    pub(super) fn asks_for_code(&self) -> bool {
        matches!(self, RuleCondition::Code(_))
            || self.parts().iter().any(RuleCondition::asks_for_code)
    }

    /// Whether there are subjects for which it is unknown.
    pub(super) fn can_be_unknown(&self) -> bool {
        match self {
            RuleCondition::All(_) | RuleCondition::Any(_) | RuleCondition::Not(_) => {
                self.parts().iter().any(RuleCondition::can_be_unknown)
            }
            RuleCondition::Cause(words) => !words.contains(&Cause::Unreadable),
            RuleCondition::Gil(words) => !words.contains(&Gil::Unknown),
            RuleCondition::DeclaredBy(words) => !words.contains(&DeclaredByKind::Unclear),
            RuleCondition::Offer(words) => !words.contains(&OfferKind::Unknown),
            RuleCondition::Package(_)
            | RuleCondition::HiddenModules(_)
            | RuleCondition::Problems(_) => false,
            _ => true,
        }
    }

    /// Whether it holds for what is looked at.
    pub(super) fn evaluate(&self, view: RuleView<'_>) -> TruthValue {
        match self {
            RuleCondition::All(parts) => parts
                .iter()
                .map(|part| part.evaluate(view))
                .fold(TruthValue::of(true), TruthValue::and),
            RuleCondition::Any(parts) => parts
                .iter()
                .map(|part| part.evaluate(view))
                .fold(TruthValue::No, TruthValue::or),
            RuleCondition::Not(part) => !part.evaluate(view),
            _ if self.scope() == Some(RuleScope::Package) => package::evaluate(self, view.subject),
            _ => match view.module {
                Some(module) => module::evaluate(self, view.subject, module),
                None => TruthValue::unknown("no module is looked at"),
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const YES: TruthValue = TruthValue::Yes(PredicateEvidence {
        evidence: Vec::new(),
        found: Vec::new(),
    });

    #[test]
    fn logic_is_kleenes() {
        let unknown = || TruthValue::unknown("why");
        let table = [
            (YES, YES, YES, YES),
            (YES, TruthValue::No, TruthValue::No, YES),
            (YES, unknown(), unknown(), YES),
            (
                TruthValue::No,
                TruthValue::No,
                TruthValue::No,
                TruthValue::No,
            ),
            (TruthValue::No, unknown(), TruthValue::No, unknown()),
            (unknown(), unknown(), unknown(), unknown()),
        ];
        for (left, right, and, or) in table {
            assert_eq!(left.clone().and(right.clone()), and);
            assert_eq!(right.clone().and(left.clone()), and);
            assert_eq!(left.clone().or(right.clone()), or);
            assert_eq!(right.or(left), or);
        }
        assert_eq!(
            (!YES, !TruthValue::No, !unknown()),
            (TruthValue::No, YES, unknown())
        );
    }
}
