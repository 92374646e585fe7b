//! A rule, checked.

use std::ops::Range;

use crate::model::finding::FindingLevel;
use crate::model::place::Place;
use crate::model::verdict::Verdict;

use super::error::{RuleError, place};
use super::example::{self, RuleExample};
use super::message::{MessageTemplate, PLACEHOLDERS};
use super::raw::{
    self, ExampleExpectation, RawExample, RawRule, RuleCondition, RuleScope, Spanned,
};

/// A rule.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct CheckedRule {
    /// Kebab-case name of the thing found.
    pub id: String,
    /// A few words for lists.
    pub title: String,
    /// How much its findings weigh.
    pub level: FindingLevel,
    /// The verdict that a finding leads to while the level is `decides`; `None` for what was written as a warning or hint.
    pub verdict: Option<Verdict>,
    /// What it is about.
    pub scope: RuleScope,
    /// When it fires.
    pub condition: RuleCondition,
    /// Its own examples.
    pub examples: Vec<RuleExample>,
    /// Where its file gives its id.
    pub place: Place,
    pub(super) summary: MessageTemplate,
    pub(super) message: MessageTemplate,
    pub(super) unknown: Option<MessageTemplate>,
    pub(super) help: MessageTemplate,
    pub(super) alternative: Option<MessageTemplate>,
}

/// Deepest nesting of `all`, `any` and `not`.
const DEEPEST_CONDITION: usize = 16;

/// Reads and checks a rule file.
pub(super) fn read(file: &str, text: &str) -> Result<CheckedRule, RuleError> {
    let raw = raw::parse(file, text)?;
    RuleChecker { file, text }.check(raw)
}

/// Where the rule comes from, for errors.
struct RuleChecker<'a> {
    file: &'a str,
    text: &'a str,
}

impl RuleChecker<'_> {
    fn check(&self, raw: RawRule) -> Result<CheckedRule, RuleError> {
        self.check_id(&raw)?;
        self.check_verdict(&raw)?;
        let condition = raw.when.get_ref();
        let check = check_condition(condition, raw.scope, 1);
        check.map_err(|(found, expected)| self.error("when", raw.when.span(), found, expected))?;
        self.check_unknown(&raw)?;
        let template = |field, message: &Spanned<String>| {
            MessageTemplate::read(message.get_ref(), raw.scope).map_err(|found| {
                let names: Vec<&str> = PLACEHOLDERS
                    .iter()
                    .map(|placeholder| placeholder.name)
                    .collect();
                self.error(
                    field,
                    message.span(),
                    found,
                    format!("placeholders out of {}", names.join(", ")),
                )
            })
        };
        Ok(CheckedRule {
            summary: match &raw.summary {
                Some(summary) => template("summary", summary)?,
                None => MessageTemplate::literal(&in_a_sentence(raw.title.get_ref())),
            },
            message: template("message", &raw.message)?,
            unknown: raw
                .unknown
                .as_ref()
                .map(|message| template("unknown", message))
                .transpose()?,
            help: template("help", &raw.help)?,
            alternative: raw
                .alternative
                .as_ref()
                .map(|message| template("alternative", message))
                .transpose()?,
            examples: self.examples(&raw.examples, condition.can_be_unknown(), raw.when.span())?,
            place: place(self.file, self.text, Some(raw.id.span())),
            id: raw.id.into_inner(),
            title: raw.title.into_inner(),
            level: raw.level,
            verdict: raw.verdict.map(Spanned::into_inner),
            scope: raw.scope,
            condition: raw.when.into_inner(),
        })
    }

    fn error(
        &self,
        field: &'static str,
        span: Range<usize>,
        found: String,
        expected: String,
    ) -> RuleError {
        RuleError::Value {
            place: place(self.file, self.text, Some(span)),
            field,
            found,
            expected,
        }
    }

    fn check_id(&self, raw: &RawRule) -> Result<(), RuleError> {
        let id = raw.id.get_ref();
        let is_word = |word: &str| {
            !word.is_empty()
                && word
                    .bytes()
                    .all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit())
        };
        if id.split('-').all(is_word) {
            return Ok(());
        }
        let expected = "lower-case words joined by hyphens, such as `gil-undeclared`";
        Err(self.error(
            "id",
            raw.id.span(),
            format!("is `{id}`"),
            expected.to_owned(),
        ))
    }

    fn check_verdict(&self, raw: &RawRule) -> Result<(), RuleError> {
        match (&raw.verdict, raw.level) {
            (None, FindingLevel::Decides) => {
                let expected = "the verdict that a rule of level `decides` leads to".to_owned();
                Err(self.error("verdict", raw.id.span(), "is missing".to_owned(), expected))
            }
            (Some(verdict), FindingLevel::Warning | FindingLevel::Hint) => {
                let expected = "none, since only rules of level `decides` lead to one".to_owned();
                Err(self.error(
                    "verdict",
                    verdict.span(),
                    format!("is `{}`", verdict.get_ref().word()),
                    expected,
                ))
            }
            (Some(verdict), FindingLevel::Decides)
                if matches!(verdict.get_ref(), Verdict::Ready | Verdict::Pure) =>
            {
                let expected =
                    "a verdict that is worse than what a package gets without any finding"
                        .to_owned();
                Err(self.error(
                    "verdict",
                    verdict.span(),
                    format!("is `{}`", verdict.get_ref().word()),
                    expected,
                ))
            }
            _ => Ok(()),
        }
    }

    fn check_unknown(&self, raw: &RawRule) -> Result<(), RuleError> {
        match (&raw.unknown, raw.when.get_ref().can_be_unknown()) {
            (None, true) => {
                let expected = "a message for when the condition is unknown".to_owned();
                Err(self.error(
                    "unknown",
                    raw.when.span(),
                    "is missing".to_owned(),
                    expected,
                ))
            }
            (Some(message), false) => {
                let expected = "none, since this condition is never unknown".to_owned();
                Err(self.error("unknown", message.span(), "is there".to_owned(), expected))
            }
            _ => Ok(()),
        }
    }

    fn examples(
        &self,
        raw: &[Spanned<RawExample>],
        can_be_unknown: bool,
        rule: Range<usize>,
    ) -> Result<Vec<RuleExample>, RuleError> {
        let mut examples = Vec::new();
        for spanned in raw {
            let raw = spanned.get_ref();
            let subject = example::subject(raw).map_err(|error| {
                let span = if error.kind == "platform" {
                    raw.platform.span()
                } else {
                    raw.python.span()
                };
                self.error(
                    "example",
                    span,
                    format!("has `{}`", error.given),
                    error.expected.to_owned(),
                )
            })?;
            let line = place(self.file, self.text, Some(spanned.span())).line;
            examples.push(RuleExample {
                line,
                expect: raw.expect,
                subject,
            });
        }
        let needed: &[ExampleExpectation] = if can_be_unknown {
            &[
                ExampleExpectation::Fires,
                ExampleExpectation::Quiet,
                ExampleExpectation::Unknown,
            ]
        } else {
            &[ExampleExpectation::Fires, ExampleExpectation::Quiet]
        };
        let complete = needed
            .iter()
            .all(|expect| examples.iter().any(|example| example.expect == *expect));
        if complete && examples.len() >= 3 {
            return Ok(examples);
        }
        let expected = format!("at least three, among them one each of {needed:?}").to_lowercase();
        Err(self.error(
            "example",
            rule,
            format!("is there {} times", examples.len()),
            expected,
        ))
    }
}

/// A title as it stands inside of a sentence: an ordinary first word loses its capital.
fn in_a_sentence(title: &str) -> String {
    let first = title.split(' ').next().unwrap_or_default();
    let is_ordinary = first.chars().skip(1).all(char::is_lowercase);
    let mut rest = title.chars();
    match rest.next() {
        Some(capital) if is_ordinary => capital.to_lowercase().chain(rest).collect(),
        _ => title.to_owned(),
    }
}

/// Checks a condition; the error is what was found and what was expected.
fn check_condition(
    condition: &RuleCondition,
    scope: RuleScope,
    depth: usize,
) -> Result<(), (String, String)> {
    if depth > DEEPEST_CONDITION {
        return Err((
            "is nested too deeply".to_owned(),
            format!("at most {DEEPEST_CONDITION} levels"),
        ));
    }
    if condition.is_empty() {
        return Err((
            "has an empty list".to_owned(),
            "at least one word or condition".to_owned(),
        ));
    }
    if condition.scope().is_some_and(|needed| needed != scope) {
        let expected = format!("predicates for the scope `{scope:?}`").to_lowercase();
        return Err((format!("has the predicate {condition:?}"), expected));
    }
    let inner = if matches!(condition, RuleCondition::AnyModule(_)) {
        RuleScope::Module
    } else {
        scope
    };
    condition
        .parts()
        .iter()
        .try_for_each(|part| check_condition(part, inner, depth + 1))
}
