//! What reports and plans that are read back have in common: the time, targets, problems.

use std::collections::BTreeSet;

use serde::Deserialize;

use super::read_error::ReadError;

/// Most targets of a report or plan: a table has a column for each.
const TARGETS: usize = 64;

#[derive(Debug, Deserialize)]
pub(in crate::report) struct SavedProblem {
    pub(in crate::report) kind: String,
    pub(in crate::report) package: Option<String>,
    pub(in crate::report) place: String,
    pub(in crate::report) message: String,
}

/// What reports and plans have in common: the time, and targets.
pub(super) fn check_frame(
    file: &str,
    generated: Option<&str>,
    targets: &[String],
) -> Result<(), ReadError> {
    let wrong = |place: &str, expected: &'static str, found: String| {
        Err(ReadError::Contradiction {
            file: file.to_owned(),
            place: place.to_owned(),
            expected,
            found,
        })
    };
    if let Some(generated) = generated.filter(|text| !is_time(text)) {
        return wrong(
            "generated",
            "a time such as 2026-11-21T12:00:00Z",
            format!("`{generated}`"),
        );
    }
    let names = targets.iter().collect::<BTreeSet<_>>().len();
    if targets.len() > TARGETS || names < targets.len() {
        return wrong(
            "targets",
            "at most 64 targets, each once",
            format!("{} with {names} names", targets.len()),
        );
    }
    Ok(())
}

/// Whether this is a time as ungil writes it: RFC 3339 in UTC, in whole seconds.
fn is_time(text: &str) -> bool {
    const FORM: &str = "0000-00-00T00:00:00Z";
    let fits = |(character, form): (char, char)| {
        if form == '0' {
            character.is_ascii_digit()
        } else {
            character == form
        }
    };
    text.len() == FORM.len() && text.chars().zip(FORM.chars()).all(fits)
}
