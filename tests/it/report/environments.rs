//! What several environments hold in the same version: every format says in which of them something was found, and nothing
//! that is found in one counts against another.

use std::collections::BTreeMap;

use serde_json::Value;
use ungil::model::place::Place;
use ungil::model::policy::Policy;
use ungil::model::report::{PackageReport, Report};
use ungil::model::resolution::RequiredBy;
use ungil::model::verdict::Verdict;
use ungil::report::FORMATS;

use super::formats::rendered;
use super::sample;
use crate::official::Schema;

const API: &str = "root: /opt/api/venv";
const BATCH: &str = "root: /opt/batch/venv";
/// The one in which nothing is wrong.
const WORKER: &str = "root: /opt/worker/venv";

/// lxml in three environments, under a policy.
fn report() -> Report {
    let of_sample = sample::report();
    let lxml = of_sample
        .packages
        .iter()
        .find(|package| package.name.as_ref() == "lxml")
        .unwrap();
    let held = |name: &str| {
        let place = Place {
            file: name.to_owned(),
            line: None,
            column: None,
        };
        PackageReport {
            required_by: vec![RequiredBy {
                place,
                path: Vec::new(),
            }],
            ..lxml.clone()
        }
    };
    let mut good = held(WORKER);
    for result in &mut good.results {
        result.verdict = Verdict::Ready;
        result.findings.clear();
        result.modules.clear();
    }
    let mut report = Report {
        packages: vec![held(API), held(BATCH), good],
        problems: Vec::new(),
        ..of_sample
    };
    let today = "2026-11-21".parse().unwrap();
    report.gate = Some(ungil::gate::decide(
        &report,
        &Policy::default(),
        today,
        None,
    ));
    report
}

fn json(format: &str) -> Value {
    serde_json::from_str(&rendered(format, &report())).unwrap()
}

#[test]
fn every_format_names_the_environments_concerned() {
    for format in FORMATS {
        let text = rendered(format.name, &report());
        if let Some(schema) = Schema::of(format.name) {
            assert_eq!(
                schema.errors(&text),
                Vec::<String>::new(),
                "{}",
                format.name
            );
        }
        for name in [API, BATCH] {
            assert!(
                text.contains(name),
                "{} does not name {name}: {text}",
                format.name
            );
        }
    }
    let flat = rendered("table", &report())
        .split_whitespace()
        .collect::<Vec<_>>()
        .join(" ");
    assert!(
        flat.contains(&format!(
            "breaks lxml 6.1.3 on 3.14t, 3.15t in {API}, {BATCH}: "
        )),
        "{flat}"
    );
    for format in ["sarif", "gitlab", "github"] {
        assert!(
            !rendered(format, &report()).contains(WORKER),
            "{format}: nothing is wrong there"
        );
    }
}

#[test]
#[ignore = "needs xmllint: .ci/run installs it and runs this test"]
fn junit_with_environments_fits_its_schema() {
    assert_eq!(
        Schema::junit().errors(&rendered("junit", &report())),
        Vec::<String>::new()
    );
}

#[test]
fn findings_and_violations_say_where_they_were_found() {
    let document = json("json");
    for list in [&document["findings"], &document["gate"]["violations"]] {
        let mut found: BTreeMap<&str, usize> = BTreeMap::new();
        for entry in list.as_array().unwrap() {
            *found
                .entry(entry["found_in"].as_str().unwrap())
                .or_default() += 1;
        }
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), [API, BATCH]);
        assert_eq!(found[API], found[BATCH]);
    }
    assert!(
        !rendered("json", &sample::report()).contains("found_in"),
        "lines asked for those packages"
    );
}

#[test]
fn nothing_counts_against_the_environment_that_is_fine() {
    let csv = rendered("csv", &report());
    for line in csv.lines().filter(|line| line.starts_with("package,")) {
        let standing = if line.contains(WORKER) {
            ",passes,"
        } else {
            ",breaks,"
        };
        assert!(line.contains(standing), "{line}");
    }
    for component in json("cyclonedx")["components"].as_array().unwrap() {
        let properties = component["properties"].as_array().unwrap().iter();
        let named =
            |name: &str| properties.clone().find(|it| it["name"] == name).unwrap()["value"].clone();
        let expected = if named("ungil:found-in") == WORKER {
            "passes"
        } else {
            "breaks"
        };
        assert_eq!(named("ungil:gate:cp314t-linux-x86_64"), expected);
    }
    let junit = rendered("junit", &report());
    for (name, failures) in [(API, 1), (BATCH, 1), (WORKER, 0)] {
        let start = format!("name=\"lxml 6.1.3 in {name}\"");
        assert_eq!(
            junit.matches(&start).count(),
            2,
            "one test for each target: {junit}"
        );
        let case = junit
            .split(&start)
            .nth(1)
            .unwrap()
            .split("</testcase>")
            .next()
            .unwrap();
        assert_eq!(case.matches("<failure").count(), failures, "{case}");
    }
}
