//! The policy of a gate: what was typed, what variables say, and what the configuration file says, settled and checked.

use std::collections::{BTreeMap, BTreeSet};

use ungil::model::policy::{Policy, PolicySubject, Ruling};
use ungil::model::verdict::Verdict;
use ungil::rules::RuleSet;

use super::args::PolicyArguments;
use super::config_file::{ConfigurationFile, nearest};
use super::error_page::CliError;

/// Matters that are neither verdicts nor rules.
const OTHERS: [(&str, PolicySubject); 3] = [
    ("problem", PolicySubject::Problem),
    ("waiver-expired", PolicySubject::WaiverExpired),
    ("waiver-unused", PolicySubject::WaiverUnused),
];

/// The rules, as far as a policy may speak of them.
pub(crate) struct KnownRules<'a> {
    /// Those that count.
    pub(crate) rules: &'a RuleSet,
    /// The ids of all, those turned off among them.
    pub(crate) ids: &'a BTreeSet<String>,
}

/// Settles the policy. What was typed wins over the configuration file, word by word.
pub(crate) fn from_arguments(
    typed: &PolicyArguments,
    configuration: &ConfigurationFile,
    known: &KnownRules<'_>,
) -> Result<Policy, CliError> {
    let mut rulings = BTreeMap::new();
    for ruling in Ruling::ALL {
        for stated in configuration.ruled(ruling) {
            let matter = known.matter(stated.text, ruling);
            let matter = matter
                .map_err(|wrong| configuration.refuse(&stated, wrong.found, &wrong.expected))?;
            if let Some(other) = rulings
                .insert(matter, ruling)
                .filter(|other| *other != ruling)
            {
                let found = format!("`{}` stands in `{}` too", stated.text, other.word());
                return Err(configuration
                    .refuse(&stated, found, "it in one list")
                    .into());
            }
        }
    }
    rulings.extend(self::typed(typed, known)?);
    Ok(Policy {
        rulings,
        waivers: configuration.waivers(known.ids)?,
    })
}

fn typed(
    typed: &PolicyArguments,
    known: &KnownRules<'_>,
) -> Result<BTreeMap<PolicySubject, Ruling>, CliError> {
    let mut rulings = BTreeMap::new();
    for (ruling, words) in [
        (Ruling::Fail, &typed.fail),
        (Ruling::Open, &typed.open),
        (Ruling::Pass, &typed.pass),
    ] {
        let option = format!("--{}", ruling.word());
        for word in words.iter().map(|word| word.trim()) {
            let matter = known.matter(word, ruling).map_err(|wrong| {
                CliError::new(format!("{option}: {}", wrong.found))
                    .hint(format!("expected {}", wrong.expected))
            })?;
            if let Some(other) = rulings
                .insert(matter, ruling)
                .filter(|other| *other != ruling)
            {
                return Err(CliError::new(format!(
                    "{option}: `{word}` is named by --{} too",
                    other.word()
                )));
            }
        }
    }
    Ok(rulings)
}

/// Why a word is nothing that a policy can rule on.
struct BadPolicyWord {
    found: String,
    expected: String,
}

impl KnownRules<'_> {
    fn matter(&self, word: &str, ruling: Ruling) -> Result<PolicySubject, BadPolicyWord> {
        if let Some(verdict) = Verdict::ALL
            .into_iter()
            .find(|verdict| verdict.word() == word)
        {
            return Ok(PolicySubject::Verdict(verdict));
        }
        if let Some((_, matter)) = OTHERS.iter().find(|(other, _)| *other == word) {
            return Ok(matter.clone());
        }
        if self.rules.get(word).is_some() || (self.ids.contains(word) && ruling == Ruling::Pass) {
            return Ok(PolicySubject::Rule(word.to_owned()));
        }
        if self.ids.contains(word) {
            let expected = "a rule that is evaluated: one that is off finds nothing".to_owned();
            return Err(BadPolicyWord {
                found: format!("the rule `{word}` is turned off"),
                expected,
            });
        }
        let words = Verdict::ALL.iter().map(|verdict| verdict.word());
        let words = words
            .chain(OTHERS.iter().map(|(other, _)| *other))
            .chain(self.ids.iter().map(String::as_str));
        let meant =
            nearest(word, words).map_or_else(String::new, |meant| format!("; is `{meant}` meant?"));
        let expected = format!(
            "a verdict, the id of a rule, `problem`, `waiver-expired` or `waiver-unused`{meant}"
        );
        Err(BadPolicyWord {
            found: format!("`{word}` is nothing that can be ruled on"),
            expected,
        })
    }
}
