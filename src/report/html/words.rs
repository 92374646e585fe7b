//! The words and signs for verdicts and targets, the same everywhere on the page.

use crate::model::verdict::{DecisionSide, Verdict};

use super::super::json::{EvidenceV1, RequiredByV1, SavedDeclaredBy, SavedPackage};
pub(super) use super::super::text::count;
use super::markup::{HtmlMarkup, element};

/// What verdicts say to somebody who decides, the worst first.
pub(super) const SIDES: [DecisionSide; 3] =
    [DecisionSide::Against, DecisionSide::Open, DecisionSide::For];

/// The words for a side.
pub(super) fn side(side: DecisionSide) -> &'static str {
    match side {
        DecisionSide::For => "nothing against",
        DecisionSide::Open => "left open",
        DecisionSide::Against => "in the way",
    }
}

/// A verdict's word with its sign and colour, which the style sheet gives to its class.
pub(super) fn badge(verdict: Verdict) -> HtmlMarkup {
    element(
        "span",
        &[("class", &format!("badge {}", verdict.word()))],
        verdict.word(),
    )
}

/// A target on two lines: the interpreter, and the platform.
pub(super) fn target_name(target: &str) -> HtmlMarkup {
    match target.split_once('-') {
        Some((python, platform)) => HtmlMarkup::from([
            element("span", &[("class", "python")], python),
            HtmlMarkup::from(" "),
            element("span", &[("class", "platform")], platform),
        ]),
        None => HtmlMarkup::from(target),
    }
}

/// Targets in a row.
pub(super) fn targets(targets: &[&str]) -> HtmlMarkup {
    let mut list = HtmlMarkup::nothing();
    for target in targets {
        if !list.is_empty() {
            list.add(" ");
        }
        list.add(element("span", &[("class", "target")], *target));
    }
    list
}

/// A sentence in which `` `code` `` stands between backticks.
pub(super) fn with_code(sentence: &str) -> HtmlMarkup {
    let parts: Vec<&str> = sentence.split('`').collect();
    // An even number of parts has a backtick without a second one.
    if parts.len().is_multiple_of(2) {
        return HtmlMarkup::from(sentence);
    }
    let is_code = |number: usize| number % 2 == 1;
    let marked = |(number, part)| {
        if is_code(number) {
            element("code", &[], part)
        } else {
            HtmlMarkup::from(part)
        }
    };
    parts.into_iter().enumerate().map(marked).collect()
}

/// Name and version of a package.
pub(super) fn named(package: &SavedPackage) -> HtmlMarkup {
    named_version(&package.name, package.version.as_deref())
}

/// Name and version.
pub(super) fn named_version(name: &str, chosen: Option<&str>) -> HtmlMarkup {
    HtmlMarkup::from([
        HtmlMarkup::from(name),
        HtmlMarkup::from(" "),
        version(chosen),
    ])
}

/// A version, smaller.
pub(super) fn version(version: Option<&str>) -> HtmlMarkup {
    element("small", &[], version.unwrap_or("version unknown"))
}

/// The path by which a package came in: `requirements.txt:3 → pandas → numpy`.
pub(super) fn path(required_by: &RequiredByV1, package: &str) -> String {
    let place = &required_by.place;
    let line = place
        .line
        .map_or_else(String::new, |line| format!(":{line}"));
    let names = required_by.path.iter().map(String::as_str).chain([package]);
    names.fold(format!("{}{line}", place.file), |path, name| {
        format!("{path} → {name}")
    })
}

/// One thing seen, on one line.
pub(super) fn seen(evidence: &EvidenceV1) -> String {
    let address = evidence
        .address
        .as_ref()
        .map_or_else(String::new, |address| format!(" at {address}"));
    format!("{}{address}", seen_there(evidence))
}

/// One thing seen, without its address.
pub(super) fn seen_there(evidence: &EvidenceV1) -> String {
    let symbol = evidence
        .symbol
        .as_ref()
        .map_or_else(String::new, |symbol| format!(" {symbol}"));
    let value = evidence
        .value
        .as_ref()
        .map_or_else(String::new, |value| format!(" = {value}"));
    format!("{}{symbol}{value}", evidence.what)
}

/// Whose declaration it is.
pub(super) fn declarer(declared_by: &SavedDeclaredBy) -> String {
    match (declared_by.who.as_str(), &declared_by.name) {
        ("author", _) => "by the author".to_owned(),
        ("framework", Some(name)) => format!("by {name}'s default"),
        ("framework", None) => "by a framework's default".to_owned(),
        ("delegate", Some(name)) => format!("by {name}"),
        ("delegate", None) => "by another module".to_owned(),
        ("unclear", _) => "unclear by whom".to_owned(),
        (who, _) => format!("by {who}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn code_stands_between_backticks() {
        for (sentence, html) in [
            (
                "Use `a<b>` or `c`.",
                "Use <code>a&lt;b&gt;</code> or <code>c</code>.",
            ),
            ("`a", "`a"),
            ("plain", "plain"),
        ] {
            assert_eq!(with_code(sentence).into_string(), html);
        }
    }
}
