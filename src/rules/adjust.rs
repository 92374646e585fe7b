//! What users make of rules: other levels, and off.
//!
//! No setting makes a package look better than it is: where a rule that decides is off, or only warns, `verdict` still
//! sees that the module is not known to keep the GIL off, and says `unknown`. And none lets a warning or a hint change a
//! verdict: such a rule names none.

use std::collections::BTreeMap;
use std::str::FromStr;

use crate::model::finding::FindingLevel;

use super::RuleSet;

/// What a rule is to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum RuleSetting {
    /// Nothing: it is not evaluated.
    Off,
    /// Its findings weigh so much.
    Level(FindingLevel),
}

/// The words for settings, the lightest first.
const SETTINGS: &[(&str, RuleSetting)] = &[
    ("off", RuleSetting::Off),
    ("hint", RuleSetting::Level(FindingLevel::Hint)),
    ("warning", RuleSetting::Level(FindingLevel::Warning)),
    ("decides", RuleSetting::Level(FindingLevel::Decides)),
];

/// Why a rule cannot be set so.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdjustError {
    /// The word is no setting.
    #[error("`{given}` is no level; expected off, hint, warning or decides")]
    Word {
        /// The word.
        given: String,
    },
    /// There is no such rule.
    #[error("there is no rule `{id}`{}", nearest.as_ref().map_or_else(String::new, |id| format!("; is `{id}` meant?")))]
    Absent {
        /// The id.
        id: String,
        /// The id that is most like it, when one is.
        nearest: Option<String>,
    },
    /// The rule leads to no verdict, so it cannot decide one.
    #[error(
        "the rule `{id}` leads to no verdict, so it cannot decide; expected off, hint or warning"
    )]
    NoVerdict {
        /// The id.
        id: String,
    },
}

impl AdjustError {
    /// The rule that cannot be set so; `None` when the word alone is wrong.
    pub fn id(&self) -> Option<&str> {
        match self {
            AdjustError::Word { .. } => None,
            AdjustError::Absent { id, .. } | AdjustError::NoVerdict { id } => Some(id),
        }
    }
}

impl FromStr for RuleSetting {
    type Err = AdjustError;

    fn from_str(word: &str) -> Result<RuleSetting, AdjustError> {
        let found = SETTINGS.iter().find(|(name, _)| *name == word);
        found
            .map(|(_, setting)| *setting)
            .ok_or_else(|| AdjustError::Word {
                given: word.to_owned(),
            })
    }
}

impl RuleSet {
    /// Changes rules; of several settings of one rule the last counts.
    pub fn adjust<'a>(
        &mut self,
        settings: impl IntoIterator<Item = (&'a str, RuleSetting)>,
    ) -> Result<(), AdjustError> {
        let settings: BTreeMap<&str, RuleSetting> = settings.into_iter().collect();
        for (id, setting) in settings {
            let Some(position) = self.rules.iter().position(|rule| rule.id == id) else {
                return Err(AdjustError::Absent {
                    id: id.to_owned(),
                    nearest: self.nearest(id),
                });
            };
            match (setting, self.rules.get_mut(position)) {
                (RuleSetting::Level(FindingLevel::Decides), Some(rule))
                    if rule.verdict.is_none() =>
                {
                    return Err(AdjustError::NoVerdict { id: id.to_owned() });
                }
                (RuleSetting::Level(level), Some(rule)) => rule.level = level,
                (RuleSetting::Off, _) => drop(self.rules.remove(position)),
                (RuleSetting::Level(_), None) => {}
            }
        }
        Ok(())
    }

    /// The id that shares most with this one: the most words, then the longest beginning.
    pub fn nearest(&self, id: &str) -> Option<String> {
        let words: Vec<&str> = id.split('-').collect();
        let likeness = |other: &str| {
            let shared = other.split('-').filter(|word| words.contains(word)).count();
            let beginning = other
                .bytes()
                .zip(id.bytes())
                .take_while(|(left, right)| left == right)
                .count();
            (shared, beginning)
        };
        let nearest = self
            .rules
            .iter()
            .map(|rule| (likeness(&rule.id), &rule.id))
            .max();
        nearest
            .filter(|((shared, beginning), _)| *shared > 0 || *beginning >= 4)
            .map(|(_, id)| id.clone())
    }
}
