//! Rules: outcomes in, findings out. What a rule finds is data (`rules/<id>.toml`); evaluating it is a pure function with
//! three results, since a condition may hold, not hold, or be unknown.
//!
//! How to write one: `docs/writing-rules.md`. A new rule needs no Rust but its line in `rules/builtin.rs`; a new predicate is
//! one case of [`RuleCondition`], its answer in `rules/predicate.rs`, and one line of that document.

mod adjust;
mod builtin;
mod check;
mod error;
mod evaluate;
mod example;
mod message;
mod other_wheels;
mod outline;
mod predicate;
mod raw;
mod rule;
mod unfit_wheels;
mod words;

use crate::model::finding::FindingLevel;

pub use adjust::{AdjustError, RuleSetting};
pub use builtin::{builtin, explain};
pub use check::{ExampleMismatch, check_examples};
pub use error::RuleError;
pub use evaluate::evaluate;
pub use example::RuleExample;
pub use message::{MessagePlaceholder, PLACEHOLDERS};
pub use outline::outline;
pub use predicate::PREDICATES;
pub use raw::LARGEST_FILE;
pub use raw::{
    ClaimKind, ClassifierKind, CodeSign, DeclaredByKind, DelegateState, ExampleExpectation,
    GilValue, HazardKind, InterpretersKind, OfferKind, ReleaseKind, RuleCondition, RuleScope,
    StableAbiBreach,
};
pub use rule::CheckedRule;

/// Rules, in the order in which they were loaded; no id twice.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RuleSet {
    rules: Vec<CheckedRule>,
}

impl RuleSet {
    /// Adds the rule that a file holds. `file` is only used to say where an error is.
    pub fn load(&mut self, file: &str, bytes: impl AsRef<[u8]>) -> Result<(), RuleError> {
        let rule = rule::read(file, raw::text(file, bytes.as_ref())?)?;
        if let Some(first) = self.get(&rule.id) {
            let taken_by = first.place.file.clone();
            return Err(RuleError::Duplicate {
                place: rule.place,
                id: rule.id,
                taken_by,
            });
        }
        self.rules.push(rule);
        Ok(())
    }

    /// The rules.
    pub fn rules(&self) -> &[CheckedRule] {
        &self.rules
    }

    /// Whether a rule that is more than a hint asks what instructions show.
    pub fn asks_for_code(&self) -> bool {
        self.rules
            .iter()
            .any(|rule| rule.level > FindingLevel::Hint && rule.condition.asks_for_code())
    }

    /// The rule of that id.
    pub fn get(&self, id: &str) -> Option<&CheckedRule> {
        self.rules.iter().find(|rule| rule.id == id)
    }
}
