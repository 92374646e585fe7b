//! Every format on a report that holds every verdict, on one under a policy, and on one whose text is hostile.

mod environments;
mod formats;
pub(crate) mod gated;
pub(crate) mod plans;
pub(crate) mod sample;

use std::path::Path;

use ungil::model::finding::{Certainty, Finding};
use ungil::model::inspection::Inspection;
use ungil::model::plan::Plan;
use ungil::model::report::Report;
use ungil::model::snapshot::ReportDifference;
use ungil::model::source::{Becomes, Forecast};
use ungil::report::{
    DIFFERENCE_FORMATS, DIFFERENCE_SCHEMA_FILE, FORMATS, INSPECTION_FORMATS,
    INSPECTION_SCHEMA_FILE, LINE_SCHEMA_FILE, PLAN_FORMATS, PLAN_SCHEMA_FILE, PaintStyle,
    REPORT_SCHEMA_FILE, RenderOptions, difference_schema, inspection_schema, line_schema,
    plan_schema, report_schema,
};

fn render(format: &str, report: &Report, options: &RenderOptions) -> String {
    let format = FORMATS.iter().find(|known| known.name == format).unwrap();
    String::from_utf8((format.render)(report, options).unwrap()).unwrap()
}

fn render_inspection(format: &str, inspection: &Inspection, options: &RenderOptions) -> String {
    let format = INSPECTION_FORMATS
        .iter()
        .find(|known| known.name == format)
        .unwrap();
    String::from_utf8((format.render)(inspection, options).unwrap()).unwrap()
}

fn render_difference(format: &str, difference: &ReportDifference) -> String {
    let format = DIFFERENCE_FORMATS
        .iter()
        .find(|known| known.name == format)
        .unwrap();
    String::from_utf8((format.render)(difference, &wide(100)).unwrap()).unwrap()
}

/// What changed in the report under a policy, between files of hostile names.
fn difference() -> ReportDifference {
    let name = || "a`b`|<i>\u{1b}[2J.json".to_owned();
    let changes = gated::report().gate.unwrap().changes.unwrap();
    ReportDifference {
        before: name(),
        after: name(),
        changes,
    }
}

fn render_plan(format: &str, plan: &Plan, options: &RenderOptions) -> String {
    let format = PLAN_FORMATS
        .iter()
        .find(|known| known.name == format)
        .unwrap();
    String::from_utf8((format.render)(plan, options).unwrap()).unwrap()
}

fn wide(width: usize) -> RenderOptions {
    RenderOptions {
        width,
        ..RenderOptions::default()
    }
}

fn coloured(width: usize) -> RenderOptions {
    RenderOptions {
        style: PaintStyle::Coloured,
        ..wide(width)
    }
}

/// What is left of coloured text when the escape sequences that the report writes are taken away.
fn without_colours(text: &str) -> String {
    let mut plain = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("\u{1b}[") {
        plain.push_str(before);
        rest = after.split_once('m').unwrap().1;
    }
    plain + rest
}

#[test]
fn table_at_width_100() {
    snapshot!("report", render("table", &sample::report(), &wide(100)));
}

#[test]
fn table_at_width_160() {
    snapshot!("report", render("table", &sample::report(), &wide(160)));
}

#[test]
fn table_in_colour() {
    let painted = render("table", &sample::report(), &coloured(100));
    snapshot!("report", painted.replace('\u{1b}', "␛"));
}

#[test]
fn table_over_two_platforms() {
    snapshot!(
        "report",
        render("table", &sample::two_platforms(), &wide(100))
    );
}

#[test]
fn table_over_many_targets() {
    let table = render("table", &sample::every_platform(), &wide(100));
    assert!(
        table.lines().all(|line| line.chars().count() <= 100),
        "{table}"
    );
    snapshot!("report", table);
}

#[test]
fn json_of_every_verdict() {
    snapshot!("report", render("json", &sample::report(), &wide(100)));
}

/// Style and script stand in files of their own; data is for the script.
#[test]
fn html_of_every_verdict() {
    let page = render("html", &sample::report(), &wide(100));
    let (_, main) = page.split_once("<main>").unwrap();
    let (main, _) = main.split_once("</main>").unwrap();
    snapshot!(
        "report",
        main.replace("<tr", "\n<tr")
            .replace("<section", "\n\n<section")
            .replace("<p", "\n<p")
    );
}

#[test]
fn table_under_a_policy() {
    let table = render("table", &gated::report(), &wide(100));
    let gate = table.split_once("✗ The gate is").unwrap().1;
    snapshot!("report", gate);
}

#[test]
fn json_of_a_gate() {
    let json: serde_json::Value =
        serde_json::from_str(&render("json", &gated::report(), &wide(100))).unwrap();
    snapshot!(
        "report",
        serde_json::to_string_pretty(&json["gate"]).unwrap()
    );
}

/// A format for other tools on both reports, with ungil's own version left out.
fn both(render: impl Fn(&Report) -> String) -> String {
    let version = format!("\"{}\"", env!("CARGO_PKG_VERSION"));
    let text = format!(
        "{}\n=== under a policy\n\n{}",
        render(&sample::report()),
        render(&gated::report())
    );
    text.replace("\r\n", "\n").replace(&version, "\"VERSION\"")
}

/// The table, the JSON and the page have snapshots of their own above.
#[test]
fn formats_for_other_tools() {
    let options = formats::options();
    for format in FORMATS
        .iter()
        .filter(|format| !["table", "json", "html"].contains(&format.name))
    {
        snapshot!(
            "report",
            format.name,
            both(|report| render(format.name, report, &options))
        );
    }
}

#[test]
fn inspection_in_every_format() {
    for format in INSPECTION_FORMATS {
        let text = render_inspection(format.name, &sample::inspection(), &wide(100));
        snapshot!("report", format!("inspection_as_{}", format.name), text);
    }
}

#[test]
fn colours_change_nothing_but_colour() {
    for width in [60, 80, 100, 160, 200] {
        let plain = render("table", &sample::report(), &wide(width));
        let painted = without_colours(&render("table", &sample::report(), &coloured(width)));
        let trimmed: Vec<&str> = painted.lines().map(str::trim_end).collect();
        assert_eq!(trimmed, plain.lines().collect::<Vec<_>>(), "width {width}");
    }
}

#[test]
fn no_line_is_wider_than_asked() {
    for width in [80, 100, 120, 160] {
        for line in render("table", &sample::report(), &wide(width)).lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
}

#[test]
fn a_package_that_is_fine_takes_one_line() {
    for width in [100, 120, 160] {
        let table = render("table", &sample::report(), &wide(width));
        let lines: Vec<&str> = table
            .lines()
            .take_while(|line| !line.starts_with("✗ blocked  "))
            .collect();
        for name in [
            "fastapi",
            "numpy",
            "pydantic-core",
            "rpds-py",
            "typing-extensions",
        ] {
            let row = lines
                .iter()
                .position(|line| line.starts_with(name))
                .unwrap();
            let next = lines.get(row + 1).unwrap();
            assert!(!next.starts_with(' '), "{width}: {name} goes on in\n{next}");
        }
    }
}

#[test]
fn no_reason_is_cut() {
    for width in [80, 100, 120, 160] {
        let table = render("table", &sample::report(), &wide(width));
        assert!(!table.contains('…'), "{width}: {table}");
    }
}

#[test]
fn what_many_packages_share_is_said_once() {
    let table = render("table", &sample::crowded(), &wide(100));
    snapshot!("report", table);
}

#[test]
fn what_several_rules_could_not_tell_of_a_module_is_one_paragraph() {
    let mut report = sample::crowded();
    for result in report
        .packages
        .iter_mut()
        .flat_map(|package| &mut package.results)
    {
        let doubts = result
            .findings
            .iter()
            .filter(|finding| finding.module.is_some())
            .flat_map(|finding| {
                let doubt = |rule: &str| Finding {
                    rule: rule.into(),
                    certainty: Certainty::Unknown,
                    ..finding.clone()
                };
                [doubt("delegate-missing"), doubt("delegate-not-loadable")]
            });
        result.findings = doubts.collect();
    }
    let table = render("table", &report, &wide(100));
    assert!(
        table.contains("[delegate-missing]") && !table.contains("[delegate-not-loadable]"),
        "{table}"
    );
}

#[test]
fn places_are_file_and_line() {
    let mut report = sample::report();
    for required_by in report
        .packages
        .iter_mut()
        .flat_map(|package| &mut package.required_by)
    {
        required_by.place.column = Some(77);
    }
    let table = render("table", &report, &wide(100));
    assert!(
        table.contains("requirements.txt:3 → lxml") && !table.contains(":77"),
        "{table}"
    );
    assert!(render("json", &report, &wide(100)).contains("\"column\": 77"));
}

#[test]
fn what_is_rendered_twice_is_the_same() {
    for format in FORMATS {
        let once = (format.render)(&sample::report(), &wide(100)).unwrap();
        assert_eq!(
            once,
            (format.render)(&sample::report(), &wide(100)).unwrap(),
            "{}",
            format.name
        );
    }
}

#[test]
fn a_build_that_could_not_be_foreseen_is_no_good_news_in_any_format() {
    let mut report = sample::report();
    report.problems.clear();
    report.summary.problems = 0;
    for result in report
        .packages
        .iter_mut()
        .flat_map(|package| &mut package.results)
    {
        result.modules.clear();
    }
    assert!(render("table", &report, &wide(100)).contains("no problems reading them"));
    assert!(render("html", &report, &wide(100)).contains("The report has no problems"));
    let reason = "what it becomes is unknown: setup.py could not be read";
    report.packages[0].results[0].build = Some(Forecast {
        becomes: Becomes::Unknown,
        reason: reason.to_owned(),
        needs: Vec::new(),
        requires: Vec::new(),
        evidence: Vec::new(),
    });
    for format in ["table", "html", "markdown"] {
        let text = render(format, &report, &wide(100));
        let flat = text.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            flat.contains("1 build could not be foreseen"),
            "{format}: {text}"
        );
        assert!(!flat.contains("no problems"), "{format}: {text}");
    }
}

#[test]
fn an_empty_report_says_so() {
    let table = render("table", &Report::default(), &wide(100));
    assert!(table.contains("No package to judge"), "{table}");
}

#[test]
fn hostile_text_reaches_no_terminal() {
    for format in FORMATS {
        let options = wide(100);
        let text =
            String::from_utf8((format.render)(&sample::hostile(), &options).unwrap()).unwrap();
        for character in text
            .replace("\r\n", "\n")
            .chars()
            .filter(|character| *character != '\n')
        {
            let sly = ('\u{200b}'..='\u{200f}').contains(&character)
                || ('\u{202a}'..='\u{202e}').contains(&character);
            assert!(
                !character.is_control() && !sly,
                "{}: {character:?} in {text}",
                format.name
            );
        }
        assert!(!text.contains("s3cret"), "{}: {text}", format.name);
    }
}

#[test]
fn hostile_text_is_exact_for_programs() {
    let json: serde_json::Value =
        serde_json::from_str(&render("json", &sample::hostile(), &wide(100))).unwrap();
    let path = &json["packages"][0]["results"][0]["modules"][0]["path"];
    assert_eq!(path, sample::HOSTILE_PATH);
}

#[test]
fn no_time_unless_asked() {
    let json: serde_json::Value =
        serde_json::from_str(&render("json", &sample::report(), &wide(100))).unwrap();
    assert!(json.get("generated").is_none());
    let options = RenderOptions {
        generated: Some("2026-11-21T12:00:00Z".into()),
        ..wide(100)
    };
    let json: serde_json::Value =
        serde_json::from_str(&render("json", &sample::report(), &options)).unwrap();
    assert_eq!(json["generated"], "2026-11-21T12:00:00Z");
}

fn check_schema(file: &str, schema: &str, documents: &[String]) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    if std::env::var_os("UNGIL_UPDATE").is_some() {
        std::fs::write(&path, schema).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == schema,
        "{file} is not what the types say; run the tests with UNGIL_UPDATE=1 and commit it"
    );
    let validator = jsonschema::validator_for(&serde_json::from_str(schema).unwrap()).unwrap();
    for document in documents {
        let document = serde_json::from_str(document).unwrap();
        let errors: Vec<String> = validator
            .iter_errors(&document)
            .map(|error| format!("{}: {error}", error.instance_path()))
            .collect();
        assert!(errors.is_empty(), "{file}: {errors:#?}");
    }
}

#[test]
fn reports_fit_the_committed_schema() {
    let documents = [
        sample::report(),
        sample::two_platforms(),
        sample::hostile(),
        Report::default(),
        gated::report(),
    ];
    let documents = documents.map(|report| render("json", &report, &wide(100)));
    check_schema(REPORT_SCHEMA_FILE, &report_schema().unwrap(), &documents);
}

#[test]
fn lines_fit_the_committed_schema() {
    let texts = [
        sample::report(),
        sample::hostile(),
        Report::default(),
        gated::report(),
    ];
    let texts = texts.map(|report| render("jsonl", &report, &wide(100)));
    let lines: Vec<String> = texts
        .iter()
        .flat_map(|text| text.lines())
        .map(str::to_owned)
        .collect();
    check_schema(LINE_SCHEMA_FILE, &line_schema().unwrap(), &lines);
}

#[test]
fn inspections_fit_the_committed_schema() {
    let documents = [sample::inspection(), Inspection::default()];
    let documents = documents.map(|inspection| render_inspection("json", &inspection, &wide(100)));
    check_schema(
        INSPECTION_SCHEMA_FILE,
        &inspection_schema().unwrap(),
        &documents,
    );
}

#[test]
fn differences_fit_the_committed_schema() {
    let documents = [difference(), ReportDifference::default()]
        .map(|difference| render_difference("json", &difference));
    check_schema(
        DIFFERENCE_SCHEMA_FILE,
        &difference_schema().unwrap(),
        &documents,
    );
}

#[test]
fn differences_are_told_and_their_text_is_harmless() {
    for format in DIFFERENCE_FORMATS {
        let text = render_difference(format.name, &difference());
        for package in ["contourpy", "numpy", "rpds-py", "six"] {
            assert!(text.contains(package), "{}: {text}", format.name);
        }
        assert!(!text.contains('\u{1b}'), "{}: {text}", format.name);
        assert!(format.name != "markdown" || !text.contains("<i>"), "{text}");
    }
}

#[test]
fn plans_fit_the_committed_schema() {
    let documents = [plans::plan(), plans::hostile(), Plan::default()];
    let documents = documents.map(|plan| render_plan("json", &plan, &wide(100)));
    check_schema(PLAN_SCHEMA_FILE, &plan_schema().unwrap(), &documents);
}

#[test]
fn plan_in_every_format() {
    for format in PLAN_FORMATS {
        snapshot!(
            "report",
            format!("plan_as_{}", format.name),
            render_plan(format.name, &plans::plan(), &wide(100))
        );
    }
}

#[test]
fn a_plan_keeps_to_its_width_and_to_plain_text() {
    for width in [80, 100, 120] {
        let plain = render_plan("text", &plans::plan(), &wide(width));
        let painted = without_colours(&render_plan("text", &plans::plan(), &coloured(width)));
        let trimmed: Vec<&str> = painted.lines().map(str::trim_end).collect();
        assert_eq!(trimmed, plain.lines().collect::<Vec<_>>(), "width {width}");
        for line in plain.lines() {
            assert!(line.chars().count() <= width, "{width}: {line}");
        }
    }
    for format in ["text", "json"] {
        let told = render_plan(format, &plans::hostile(), &wide(100));
        let dangerous = |character: char| {
            character != '\n' && (character.is_control() || character == '\u{202e}')
        };
        assert!(
            !told.contains(dangerous) && !told.contains("secret"),
            "{told}"
        );
    }
}

#[test]
fn the_schema_refuses_what_is_not_a_report() {
    let validator =
        jsonschema::validator_for(&serde_json::from_str(&report_schema().unwrap()).unwrap())
            .unwrap();
    assert!(!validator.is_valid(&serde_json::json!({ "schema_version": 1 })));
}
