//! Formats for other tools: that each fits its official schema, says what its readers need, and that no text out of a
//! wheel means anything in it.

use std::collections::BTreeSet;

use quick_xml::events::Event;
use serde_json::Value;
use ungil::model::finding::FindingLevel;
use ungil::model::report::Report;
use ungil::model::rule_page::RulePage;
use ungil::report::{FORMATS, FormatDanger, RenderOptions};

use super::{gated, sample};
use crate::official::Schema;

pub(super) fn options() -> RenderOptions {
    let page = RulePage {
        id: "gil-enabled-on-import".into(),
        title: "importing it switches the GIL back on".into(),
        level: FindingLevel::Decides,
        markdown: "# gil-enabled-on-import: importing it switches the GIL back on\n\nThe page.\n"
            .into(),
    };
    RenderOptions {
        rules: vec![page],
        folder: Some("/work/project".into()),
        ..RenderOptions::default()
    }
}

pub(super) fn rendered(format: &str, report: &Report) -> String {
    let format = FORMATS.iter().find(|known| known.name == format).unwrap();
    String::from_utf8((format.render)(report, &options()).unwrap()).unwrap()
}

fn parsed(format: &str, report: &Report) -> Value {
    serde_json::from_str(&rendered(format, report)).unwrap()
}

/// What is rendered in the tests that hold for every report.
fn reports() -> Vec<Report> {
    let mut reports = vec![
        sample::report(),
        sample::two_platforms(),
        sample::crowded(),
        Report::default(),
        gated::report(),
        gated::large(),
    ];
    for text in gated::HOSTILE {
        reports.extend([gated::hostile(text), gated::hostile_gate(text)]);
    }
    reports
}

/// Every report fits; `wrong` does not.
fn check_all(format: &str, wrong: &str) {
    check_each(format, &Schema::of(format).unwrap(), wrong);
}

fn check_each(format: &str, schema: &Schema, wrong: &str) {
    for report in reports() {
        let text = rendered(format, &report);
        let errors = schema.errors(&text);
        assert!(errors.is_empty(), "{format}: {errors:#?}\n{text:.2000}");
    }
    assert!(!schema.errors(wrong).is_empty(), "{format}: {wrong}");
}

#[test]
fn sarif_fits_its_schema() {
    check_all("sarif", r#"{ "version": "2.1.0", "runs": [{}] }"#);
}

#[test]
fn cyclonedx_fits_its_schema() {
    check_all(
        "cyclonedx",
        r#"{ "bomFormat": "CycloneDX", "specVersion": "1.6", "components": [{}] }"#,
    );
    let mut twice = sample::report();
    twice.packages.extend(sample::report().packages);
    let document = parsed("cyclonedx", &twice);
    let references = document["components"]
        .as_array()
        .unwrap()
        .iter()
        .map(|component| component["bom-ref"].as_str());
    assert_eq!(
        references.collect::<BTreeSet<_>>().len(),
        twice.packages.len()
    );
    assert_eq!(
        Schema::of("cyclonedx")
            .unwrap()
            .errors(&document.to_string()),
        Vec::<String>::new()
    );
}

#[test]
fn gitlab_fits_its_schema() {
    check_all("gitlab", r#"[{ "description": "x" }]"#);
    for report in reports() {
        let document = parsed("gitlab", &report);
        let issues = document.as_array().unwrap();
        let fingerprints: BTreeSet<&str> = issues
            .iter()
            .map(|issue| issue["fingerprint"].as_str().unwrap())
            .collect();
        assert_eq!(
            fingerprints.len(),
            issues.len(),
            "fingerprints are told apart"
        );
    }
}

#[test]
#[ignore = "needs xmllint: .ci/run installs it and runs this test"]
fn junit_fits_its_schema() {
    check_each(
        "junit",
        &Schema::junit(),
        "<testsuites><testsuite/></testsuites>",
    );
}

#[test]
fn lines_are_one_object_each() {
    for report in reports() {
        let text = rendered("jsonl", &report);
        let lines: Vec<Value> = text
            .lines()
            .map(|line| serde_json::from_str(line).unwrap())
            .collect();
        let of = |kind: &str| lines.iter().filter(|line| line["type"] == kind).count();
        assert_eq!(
            (
                lines.first().unwrap()["type"].as_str(),
                lines.last().unwrap()["type"].as_str()
            ),
            (Some("run"), Some("summary"))
        );
        assert_eq!(
            of("package"),
            report
                .packages
                .iter()
                .map(|package| package.results.len())
                .sum::<usize>()
        );
        assert_eq!(of("problem"), report.problems.len());
        assert_eq!(
            of("violation"),
            report.gate.as_ref().map_or(0, |gate| gate.violations.len())
        );
        assert_eq!(
            of("waiver"),
            report.gate.as_ref().map_or(0, |gate| gate.waivers.len())
        );
    }
}

#[test]
fn sarif_points_at_lines_and_brings_the_rules_along() {
    let document = parsed("sarif", &gated::report());
    let run = &document["runs"][0];
    let results = run["results"].as_array().unwrap();
    let of = |package: &str| {
        results
            .iter()
            .find(|result| result["properties"]["package"] == package)
            .unwrap()
    };
    let lxml = of("lxml");
    let place = &lxml["locations"][0]["physicalLocation"];
    assert_eq!(place["artifactLocation"]["uri"], "requirements.txt");
    assert_eq!(place["region"]["startLine"], 3);
    assert_eq!(
        lxml["suppressions"][0]["justification"],
        "parsed in a process of its own"
    );
    assert_eq!(lxml["level"], "error");
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let rule = &rules[usize::try_from(lxml["ruleIndex"].as_u64().unwrap()).unwrap()];
    assert_eq!(rule["id"], lxml["ruleId"]);
    assert!(
        rule["help"]["markdown"]
            .as_str()
            .unwrap()
            .contains("The page."),
        "{rule}"
    );
    assert_eq!(of("usd-core")["baselineState"], "unchanged");
    assert_eq!(run["properties"]["gate"], "broken");
    for waiver in ["waiver-expired", "waiver-unused"] {
        let result = results
            .iter()
            .find(|result| result["ruleId"] == waiver)
            .unwrap();
        assert_eq!(
            result["locations"][0]["physicalLocation"]["artifactLocation"]["uri"],
            "pyproject.toml"
        );
    }
    assert_eq!(
        run["invocations"][0]["executionSuccessful"], false,
        "there is a problem"
    );
}

#[test]
fn fingerprints_survive_moved_lines_and_new_versions() {
    let prints = |report: &Report| -> Vec<Value> {
        let document = parsed("sarif", report);
        let results = document["runs"][0]["results"].as_array().unwrap();
        results
            .iter()
            .map(|result| result["partialFingerprints"].clone())
            .collect()
    };
    let mut moved = sample::report();
    for package in &mut moved.packages {
        package.version = package.version.as_ref().map(|_| "99".parse().unwrap());
        for required_by in &mut package.required_by {
            required_by.place.line = required_by.place.line.map(|line| line + 100);
        }
    }
    assert_eq!(prints(&sample::report()), prints(&moved));
}

#[test]
fn annotations_are_ten_and_a_word_about_the_rest() {
    for report in [gated::large(), gated::report(), sample::report()] {
        let text = rendered("github", &report);
        let places = text
            .lines()
            .filter(|line| line.contains("title=") && !line.contains("title=ungil:"))
            .count();
        assert!(places <= 10, "{text}");
    }
    let text = rendered("github", &gated::large());
    assert!(
        text.contains("::notice title=ungil::and 2490 more: 1990 errors, 500 warnings"),
        "{text}"
    );
    assert!(rendered("github", &Report::default()).contains("no package to judge"));
}

#[test]
fn markdown_fits_into_a_comment() {
    for report in reports() {
        let text = rendered("markdown", &report);
        assert!(text.len() <= 65_000, "{}", text.len());
        assert_eq!(
            text.matches("<details>").count(),
            text.matches("</details>").count()
        );
    }
    let text = rendered("markdown", &gated::large());
    let left: usize = text
        .lines()
        .filter_map(|line| {
            line.strip_prefix("and ")?
                .strip_suffix(" more")?
                .parse()
                .ok()
        })
        .next()
        .unwrap();
    let shown = text
        .lines()
        .take_while(|line| !line.starts_with("and "))
        .filter(|line| line.contains("✗ gil"))
        .count();
    assert_eq!(shown + left, 2_000, "what is left out is counted");
}

#[test]
fn every_format_names_what_is_waived_and_why() {
    let report = gated::report();
    for format in FORMATS {
        let text = rendered(format.name, &report);
        for told in [
            "parsed in a process of its own",
            "only used by plots",
            "waiting for 2.4",
            "broken",
        ] {
            // GitLab's format has no field for a gate, and annotations are ten.
            let excused = (format.name == "gitlab" && told == "broken")
                || (format.name == "github" && told != "broken");
            let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
            assert!(
                excused || flat.contains(told),
                "{}: {told} in\n{text}",
                format.name
            );
        }
    }
}

fn unescaped(event: &quick_xml::events::BytesStart<'_>) -> Vec<String> {
    let value =
        |attribute: quick_xml::events::attributes::Attribute<'_>| attribute.value.into_owned();
    event
        .attributes()
        .map(|attribute| value(attribute.unwrap()))
        .collect()
}

/// Text is neither an element nor the end of a script.
fn check_page(text: &str) {
    for (tag, number) in [
        ("<script", 3),
        ("</script", 3),
        ("<img", 0),
        ("<!--", 0),
        ("<failure", 0),
    ] {
        assert_eq!(text.matches(tag).count(), number, "{tag} in {text}");
    }
    let data = |id: &str| {
        text.split_once(&format!("id=\"{id}\">"))
            .unwrap()
            .1
            .split_once("</script>")
            .unwrap()
            .0
    };
    for id in ["details", "search"] {
        serde_json::from_str::<Value>(data(id)).unwrap();
    }
}

/// That text of others has become nothing that the format makes dangerous.
fn check_danger(danger: FormatDanger, text: &str) {
    match danger {
        FormatDanger::LogCommand => assert!(
            text.lines()
                .all(|line| !line.trim_start().starts_with("::")),
            "{text}"
        ),
        FormatDanger::JsonSyntax => drop(serde_json::from_str::<Value>(text).unwrap()),
        FormatDanger::MarkdownLink => {
            let document: Value = serde_json::from_str(text).unwrap();
            let results = document
                .pointer("/runs/0/results")
                .and_then(Value::as_array)
                .into_iter()
                .flatten();
            let messages = results.map(|result| result["message"]["text"].as_str().unwrap());
            assert!(
                messages.into_iter().all(|message| !message.contains("](")),
                "a link in {text}"
            );
        }
        FormatDanger::JsonLine => {
            assert!(
                text.lines()
                    .all(|line| serde_json::from_str::<Value>(line).is_ok()),
                "{text}"
            )
        }
        FormatDanger::MarkdownMarkup => {
            let mut plain = text.to_owned();
            for tag in ["code", "details", "summary"] {
                plain = plain
                    .replace(&format!("<{tag}>"), "")
                    .replace(&format!("</{tag}>"), "");
            }
            for dangerous in ['<', '`', '@', '[', '\\', '*'] {
                assert!(!plain.contains(dangerous), "{dangerous} in {text}");
            }
            let rows = text.lines().filter(|line| line.starts_with('|'));
            assert!(
                rows.clone().count() > 0 && rows.clone().all(|row| row.matches('|').count() >= 5),
                "{text}"
            );
            let widths: BTreeSet<usize> = rows.map(|row| row.matches('|').count()).collect();
            assert!(
                widths.is_subset(&BTreeSet::from([5, 6])),
                "{widths:?} {text}"
            );
        }
        FormatDanger::CommandProperty => {
            for line in text.lines() {
                let command = ["::error ", "::warning ", "::notice "]
                    .iter()
                    .find_map(|start| line.strip_prefix(start));
                let (properties, _) = command
                    .unwrap_or_else(|| panic!("{line}"))
                    .split_once("::")
                    .unwrap();
                for property in properties.split(',') {
                    let (key, value) = property.split_once('=').unwrap();
                    assert!(
                        ["file", "line", "title"].contains(&key) && !value.contains(':'),
                        "{line}"
                    );
                }
            }
        }
        FormatDanger::XmlMarkup => {
            let known = [
                "testsuites",
                "testsuite",
                "testcase",
                "failure",
                "error",
                "skipped",
                "system-out",
                "properties",
                "property",
            ];
            let mut reader = quick_xml::Reader::from_str(text);
            loop {
                match reader.read_event().unwrap() {
                    Event::Start(start) | Event::Empty(start) => {
                        let name = start.name().as_ref().to_owned();
                        assert!(known.contains(&name.as_str()), "{name} in {text}");
                        assert!(
                            unescaped(&start).iter().all(|value| !value.contains('<')),
                            "{text}"
                        );
                    }
                    Event::Eof => break,
                    Event::CData(_) | Event::Comment(_) | Event::PI(_) | Event::DocType(_) => {
                        panic!("{text}")
                    }
                    _ => {}
                }
            }
        }
        FormatDanger::Formula => {
            for record in csv::Reader::from_reader(text.as_bytes()).records() {
                let record = record.unwrap();
                assert!(
                    record
                        .iter()
                        .all(|cell| !cell.trim_start().starts_with(['=', '+', '-', '@'])),
                    "{text}"
                );
            }
        }
        FormatDanger::HtmlMarkup => check_page(text),
    }
}

#[test]
fn hostile_text_means_nothing_in_any_format() {
    for format in FORMATS {
        for text in gated::HOSTILE {
            for report in [gated::hostile(text), gated::hostile_gate(text)] {
                let rendered = rendered(format.name, &report);
                assert!(
                    !format.dangers.is_empty(),
                    "{}: what is dangerous in it?",
                    format.name
                );
                format
                    .dangers
                    .iter()
                    .for_each(|danger| check_danger(*danger, &rendered.replace("\r\n", "\n")));
                assert!(!rendered.contains("##["), "{}: {rendered}", format.name);
                assert!(!rendered.contains("s3cret"), "{}: {rendered}", format.name);
                for character in rendered
                    .replace("\r\n", "\n")
                    .chars()
                    .filter(|character| *character != '\n')
                {
                    let sly = matches!(character, '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{fffe}'..='\u{ffff}');
                    assert!(
                        !character.is_control() && !sly,
                        "{}: {character:?} in {rendered}",
                        format.name
                    );
                }
            }
        }
    }
}
