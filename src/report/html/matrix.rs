//! The table of all packages on all targets, the worst first, with the controls that the script brings to life.

use std::collections::BTreeSet;

use crate::model::verdict::Verdict;

use super::super::RenderError;
use super::super::json::{SavedDeclaredBy, SavedPackage, SavedReport, SavedTargetResult};
use super::super::sanitize::harmless;
use super::super::table::VERDICTS;
use super::markup::{HtmlMarkup, element};
use super::notes::other_version;
use super::way_forward::WayForward;
use super::words::{count, declarer, named, target_name};

/// The packages in the order of the table's rows.
pub(super) fn rows(report: &SavedReport) -> Vec<&SavedPackage> {
    let worst = |package: &SavedPackage| package.results.iter().map(|result| result.verdict).max();
    let mut packages: Vec<&SavedPackage> = report.content.packages.iter().collect();
    packages.sort_by_key(|package| (std::cmp::Reverse(worst(package)), package.name.as_str()));
    packages
}

/// The section with controls and table.
pub(super) fn section(report: &SavedReport, forward: &WayForward<'_>) -> HtmlMarkup {
    let rows = rows(report);
    let number = count(rows.len(), "package version");
    element(
        "section",
        &[("id", "packages"), ("aria-labelledby", "packages-title")],
        [
            element(
                "h2",
                &[("id", "packages-title")],
                [
                    HtmlMarkup::from("All packages "),
                    element("small", &[], number.as_str()),
                ],
            ),
            controls(report, &rows),
            element(
                "p",
                &[("id", "count"), ("role", "status"), ("hidden", "")],
                number,
            ),
            table(report, &rows, forward),
            element(
                "button",
                &[("type", "button"), ("id", "more"), ("hidden", "")],
                "",
            ),
        ],
    )
}

fn controls(report: &SavedReport, rows: &[&SavedPackage]) -> HtmlMarkup {
    let search = HtmlMarkup::from([
        element(
            "label",
            &[("for", "query")],
            "Search by name, version, rule or generator",
        ),
        element(
            "input",
            &[
                ("type", "search"),
                ("id", "query"),
                ("autocomplete", "off"),
                ("spellcheck", "false"),
            ],
            "",
        ),
    ]);
    let mut options = element("option", &[("value", "")], "every target");
    for (number, target) in report.content.targets.iter().enumerate() {
        options.add(element(
            "option",
            &[("value", &number.to_string())],
            target.as_str(),
        ));
    }
    let target = HtmlMarkup::from([
        element("label", &[("for", "target")], "Target"),
        element("select", &[("id", "target")], options),
    ]);
    let with = |verdict: Verdict| {
        rows.iter()
            .filter(|package| {
                package
                    .results
                    .iter()
                    .any(|result| result.verdict == verdict)
            })
            .count()
    };
    let chips = VERDICTS
        .iter()
        .map(|verdict| (*verdict, with(*verdict)))
        .filter(|(_, number)| *number > 0);
    let chips: HtmlMarkup = chips
        .map(|(verdict, number)| chip(verdict, number))
        .collect();
    let verdicts = element(
        "fieldset",
        &[],
        [
            element("legend", &[], "Show only"),
            element("div", &[("class", "chips")], chips),
        ],
    );
    element(
        "form",
        &[
            ("id", "filters"),
            ("role", "search"),
            ("aria-label", "Packages"),
            ("hidden", ""),
        ],
        [
            element("div", &[("class", "field")], search),
            element("div", &[("class", "field")], target),
            verdicts,
            element(
                "button",
                &[("type", "button"), ("id", "show-all")],
                "Show all",
            ),
        ],
    )
}

fn chip(verdict: Verdict, number: usize) -> HtmlMarkup {
    element(
        "label",
        &[("class", &format!("chip badge {}", verdict.word()))],
        [
            element(
                "input",
                &[
                    ("type", "checkbox"),
                    ("name", "verdict"),
                    ("value", verdict.word()),
                ],
                "",
            ),
            HtmlMarkup::from(format!("{} ", verdict.word())),
            element("small", &[], number.to_string()),
        ],
    )
}

fn table(report: &SavedReport, rows: &[&SavedPackage], forward: &WayForward<'_>) -> HtmlMarkup {
    let targets = &report.content.targets;
    let mut head = element("th", &[("scope", "col")], "Package");
    head.add(
        targets
            .iter()
            .map(|target| element("th", &[("scope", "col")], target_name(target)))
            .collect::<HtmlMarkup>(),
    );
    let body = rows
        .iter()
        .map(|package| element("tr", &[], row(package, targets, forward)))
        .collect::<HtmlMarkup>();
    let caption = "Verdicts of all packages on each target, the worst first";
    let table = element(
        "table",
        &[("id", "matrix")],
        [
            element("caption", &[("class", "unseen")], caption),
            element("thead", &[], element("tr", &[], head)),
            element("tbody", &[], body),
        ],
    );
    let attributes = [
        ("class", "scrolls matrix"),
        ("role", "region"),
        ("aria-label", caption),
        ("tabindex", "0"),
    ];
    element("div", &attributes, table)
}

fn row(package: &SavedPackage, targets: &[String], forward: &WayForward<'_>) -> HtmlMarkup {
    let mut row = element("th", &[("scope", "row")], named(package));
    for target in targets {
        let result = package
            .results
            .iter()
            .find(|result| result.target == *target);
        row.add(result.map_or_else(nothing, |result| cell(package, result, forward)));
    }
    row
}

fn cell(
    package: &SavedPackage,
    result: &SavedTargetResult,
    forward: &WayForward<'_>,
) -> HtmlMarkup {
    let mut content = HtmlMarkup::from(result.verdict.word());
    if result.verdict == Verdict::Ready && !result.declared_by.is_empty() {
        let whose: BTreeSet<String> = result.declared_by.iter().map(declarer).collect();
        content.add(small(&whose.into_iter().collect::<Vec<_>>().join(", ")));
    }
    content.add(
        remarks(package, result, forward)
            .iter()
            .map(|text| small(text))
            .collect::<HtmlMarkup>(),
    );
    element("td", &[("class", result.verdict.word())], content)
}

fn small(text: &str) -> HtmlMarkup {
    HtmlMarkup::from([HtmlMarkup::from(" "), element("small", &[], text)])
}

/// Which version the build with the GIL gets, and the first ready one.
fn remarks(
    package: &SavedPackage,
    result: &SavedTargetResult,
    forward: &WayForward<'_>,
) -> Vec<String> {
    let first_ready = forward.way(package, result).and_then(|way| way.short());
    other_version(package, result)
        .into_iter()
        .chain(first_ready)
        .collect()
}

/// This version is not in this target's set.
fn nothing() -> HtmlMarkup {
    element("td", &[("class", "none")], "not chosen")
}

/// What a search looks through beside what the row shows: one text for each row, in lower case.
pub(super) fn search_index(
    report: &SavedReport,
    forward: &WayForward<'_>,
) -> Result<String, RenderError> {
    let mut rules: std::collections::BTreeMap<(&str, Option<&str>), BTreeSet<&str>> =
        Default::default();
    for finding in &report.content.findings {
        rules
            .entry((finding.package.as_str(), finding.version.as_deref()))
            .or_default()
            .insert(&finding.rule);
    }
    let texts = rows(report).into_iter().map(|package| {
        let version = package.version.as_deref();
        let remarked: Vec<String> = package
            .results
            .iter()
            .flat_map(|result| remarks(package, result, forward))
            .collect();
        let mut words = BTreeSet::from([package.name.as_str()]);
        words.extend(version);
        words.extend(remarked.iter().map(String::as_str));
        words.extend(
            rules
                .get(&(package.name.as_str(), version))
                .into_iter()
                .flatten(),
        );
        for result in &package.results {
            words.insert(result.verdict.word());
            words.extend(
                result
                    .declared_by
                    .iter()
                    .flat_map(|declared_by: &SavedDeclaredBy| declared_by.name.as_deref()),
            );
            let toolchains = result
                .modules
                .iter()
                .filter_map(|module| module.toolchain.as_ref());
            words.extend(toolchains.map(|toolchain| toolchain.generator.as_str()));
        }
        harmless(&words.into_iter().collect::<Vec<_>>().join(" ")).to_lowercase()
    });
    Ok(serde_json::to_string(&texts.collect::<Vec<_>>())?)
}
