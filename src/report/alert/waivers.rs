//! Alerts about waivers that do nothing any more.

use std::borrow::Cow;

use crate::model::gate::{WaiverState, WaiverUse};

use super::super::text::count;
use super::{AlertWeight, RuleAlert};

/// The id of an alert about a waiver whose last day is over.
pub(in crate::report) const WAIVER_EXPIRED: &str = "waiver-expired";
/// The id of an alert about a waiver that covers nothing.
pub(in crate::report) const WAIVER_UNUSED: &str = "waiver-unused";

/// An alert about a waiver that does nothing any more.
pub(super) fn of_waiver(used: &WaiverUse) -> Option<RuleAlert<'_>> {
    let message = waiver_words(used)?;
    let (rule, help) = match used.state {
        WaiverState::Used(_) => return None,
        WaiverState::Expired(_) => (
            WAIVER_EXPIRED,
            "Renew the decision with a new day, or remove the waiver.",
        ),
        WaiverState::Unused => (
            WAIVER_UNUSED,
            "Remove the waiver, or correct what it names.",
        ),
    };
    Some(RuleAlert {
        rule: Cow::Borrowed(rule),
        weight: AlertWeight::Warning,
        package: &used.waiver.package,
        version: None,
        verdict: None,
        targets: Vec::new(),
        modules: used.waiver.module.as_deref().into_iter().collect(),
        others: 0,
        message: Cow::Owned(message),
        help,
        places: vec![&used.waiver.place],
        found_in: Vec::new(),
        standing: None,
        waiver: Some(&used.waiver),
    })
}

/// What is wrong with a waiver; `None` when nothing is. Not harmless yet.
pub(in crate::report) fn waiver_words(used: &WaiverUse) -> Option<String> {
    let reason = &used.waiver.reason;
    match (used.state, used.waiver.until) {
        (WaiverState::Used(_), _) => None,
        (WaiverState::Unused, _) => Some(format!(
            "the waiver covers nothing any more (its reason: {reason})"
        )),
        (WaiverState::Expired(number), until) => {
            let day = until.map_or_else(String::new, |day| format!(" on {day}"));
            let lost = if number == 0 {
                "nothing".to_owned()
            } else {
                count(number, "violation")
            };
            Some(format!(
                "the waiver ended{day}; it would cover {lost} (its reason: {reason})"
            ))
        }
    }
}
