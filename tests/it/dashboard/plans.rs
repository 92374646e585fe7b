//! What plans say on the page, which of them do not fit, what the build with the GIL gets, and what a gate compared.

use serde_json::{Value, json};

use super::browser::ENTER;
use super::{ReportFolder, check_names, focus, page, sample_reports, shown, text_of};

/// The section of a card, from the package's name to what it came in through.
fn card(html: &str, package: &str) -> String {
    let start = format!("</span> {package} <small>");
    text_of(html, &start, "</ul>").replacen("</small>", "", 1)
}

/// The cells of a package in the table of all packages.
fn row(html: &str, package: &str) -> String {
    let (_, matrix) = html.split_once("id=\"matrix\"").unwrap();
    text_of(
        matrix,
        &format!("<tr><th scope=\"row\">{package} <small>"),
        "</tr>",
    )
}

#[test]
fn the_first_ready_version_stands_with_each_package() {
    let plan = sample_reports::plan();
    let html = page(&[
        sample_reports::planned(&plan),
        sample_reports::dated(plan, "2026-11-21T06:00:00Z"),
    ]);
    let on = ["cp314t-linux-x86_64", "cp315t-linux-x86_64"];
    let looked = |verdict| {
        format!(
            "No ready version found: 12 newer versions, 5 with a wheel that fits; of these, 2 were looked at: 9.1 is \
             {verdict}, 1.5 is {verdict}"
        )
    };
    let unknown =
        "First ready version: not known, because no index was asked for other versions".to_owned();
    let (first, second) = ("First ready version: 2.1, ready up to 9.1", on[1]);
    let change = format!(
        "{first}; 2.0 is gil {} No ready version found: 12 newer versions, 5 with a wheel that fits; none was looked at \
         {second} With the plan: 2.1, ready: 4 modules, by the author {} With the plan: 2.1, still build: 4 modules, by the \
         author {second} Ask its project: https://example.org/change/issues {second}",
        on[0], on[0]
    );
    let held = format!(
        "{first}; 2.0 has no file that fits Held back: requirements.txt:7 wants &lt;2; strict 3.0, pinned at \
         requirements.txt:8, wants ==1.0; nothing goes together"
    );
    let ask = |name: &str| format!(" Ask its project: https://example.org/{name}/issues");
    let none = "no ready version found";
    for (package, told, cells) in [
        (
            "change",
            change,
            format!("1.0 gil first ready 2.1 build {none}"),
        ),
        (
            "follow",
            format!("{unknown} With the plan: 1.0, ready: 4 modules, by the author"),
            "1.0 gil not chosen".to_owned(),
        ),
        (
            "held",
            held,
            "1.0 gil first ready 2.1, held back not chosen".to_owned(),
        ),
        (
            "isolate",
            looked("gil")
                + " Use instead: selectolax, for HTML alone [house-alternatives]"
                + &ask("isolate"),
            format!("1.0 gil {none} gil {none}"),
        ),
        (
            "elsewhere",
            unknown.clone() + &ask("elsewhere"),
            "1.0 gil not chosen".to_owned(),
        ),
        (
            "build",
            looked("build")
                + " The build: would keep the GIL off (2 modules declare it)"
                + &ask("build"),
            format!("1.0 build {none} build {none}"),
        ),
        (
            "unclear",
            looked("unknown") + &ask("unclear"),
            format!("1.0 unknown {none} unknown {none}"),
        ),
        (
            "accept",
            looked("pure-fallback") + &ask("accept"),
            format!("1.0 pure-fallback {none} pure-fallback {none}"),
        ),
    ] {
        let card = card(&html, package);
        assert!(
            card.contains(&format!("a._b and 3 more {told} Came in through")),
            "{told}\n is not in\n{card}"
        );
        assert_eq!(row(&html, package), cells);
    }
    let gain = "On all targets together: 33 of 40 packages with nothing against them, 36 of 41 with 1.json. The way forward";
    assert_eq!(text_of(&html, "<p class=\"gain\">", "</p>"), gain);
    assert!(html.contains(
        "From 1.json of 2026-11-21 06:00 UTC: what to do about each package that is not ready."
    ));
    assert!(!html.contains("id=\"misfits\""));
}

#[test]
fn what_to_do_stands_in_a_table() {
    let plan = sample_reports::plan();
    let html = page(&[sample_reports::planned(&plan), plan]);
    let text = text_of(
        &html,
        "<section id=\"way-forward\" aria-labelledby=\"way-forward-title\">",
        "</section>",
    );
    snapshot!("dashboard", text);
    assert!(html.contains("<a href=\"#way-forward\">The way forward</a></li>"));
    let without = page(&[sample_reports::sample()]);
    for word in [
        "id=\"way-forward\"",
        "class=\"gain\"",
        "ready version",
        "class=\"notes\"",
    ] {
        assert!(
            !without.contains(word),
            "without a plan nothing is said of one: {word}"
        );
    }
}

#[test]
fn what_does_not_fit_is_named_and_left_out() {
    let plan = sample_reports::plan();
    let mut report = sample_reports::planned(&plan);
    for (number, (key, other)) in [("version", json!("1.5")), ("name", json!("other"))]
        .into_iter()
        .enumerate()
    {
        report["packages"][number][key] = other;
    }
    for (number, verdict) in [(2, "crash"), (3, "ready")] {
        report["packages"][number]["results"][0]["verdict"] = json!(verdict);
    }
    let html = page(&[report, plan]);
    let told = "The plan and the report do not fit everywhere, and what does not fit is left out. Plan again, with the \
                input and the targets of the scan. \
                1.json is about change 1.0, the report has 1.5 on cp314t-linux-x86_64, cp315t-linux-x86_64 \
                1.json is about follow 1.0, the report does not have it on cp314t-linux-x86_64 \
                1.json is about held 1.0 as gil, the report found it crash on cp314t-linux-x86_64 \
                1.json is about isolate 1.0 as gil, the report found it ready on cp314t-linux-x86_64 \
                1.json says nothing of other 1.0 on cp314t-linux-x86_64";
    assert_eq!(text_of(&html, "id=\"misfits\">", "</div>"), told);
    for package in ["change", "held"] {
        assert!(
            !card(&html, package).contains("ready version"),
            "{}",
            card(&html, package)
        );
    }
    assert_eq!(
        row(&html, "isolate"),
        "1.0 ready gil no ready version found"
    );
    let table = text_of(&html, "<section id=\"way-forward\"", "</section>");
    assert!(
        !table.contains("change 1.0")
            && !table.contains("held 1.0")
            && table.contains("isolate 1.0"),
        "{table}"
    );
    assert!(
        !html.contains("class=\"gain\""),
        "what a plan counts is not what the report has"
    );
    // What comes in with the plan is in no report, and other targets have plans of their own.
    let mut plan = sample_reports::plan();
    plan["targets"] = json!(["cp314t-linux-x86_64", "cp313t-linux-x86_64"]);
    plan["steps"] = json!([plan["steps"][2], plan["steps"][4]]);
    plan["moves"][0]["name"] = json!("elsewhere");
    let mut report = sample_reports::planned(&plan);
    report["packages"].as_array_mut().unwrap().truncate(1);
    let html = page(&[report, plan]);
    let told = text_of(&html, "id=\"misfits\">", "</div>");
    let rest = "no plan is for what the report has on cp315t-linux-x86_64 the report has nothing of what 1.json says on \
                cp313t-linux-x86_64";
    assert!(told.ends_with(&format!("of the scan. {rest}")), "{told}");
}

/// What the command says of files that do not go together.
fn refused(files: &[(&str, &Value)]) -> String {
    let texts: Vec<(&str, String)> = files
        .iter()
        .map(|(name, file)| (*name, file.to_string()))
        .collect();
    let folder = ReportFolder::with(
        &texts
            .iter()
            .map(|(name, text)| (*name, text.as_str()))
            .collect::<Vec<_>>(),
    );
    let names: Vec<&str> = files.iter().map(|(name, _)| *name).collect();
    let run = folder.run(&[&names[..], &["-o", "site"]].concat());
    assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""));
    run.stderr
}

#[test]
fn a_plan_that_cannot_be_shown_is_refused() {
    let (report, plan) = (sample_reports::sample(), sample_reports::plan());
    let with = |pointer: &str, value: Value| {
        let mut plan = plan.clone();
        *plan.pointer_mut(pointer).unwrap() = value;
        plan
    };
    for (other, told) in [
        (
            with("/schema_version", json!(2)),
            "plan.json: expected a plan of schema_version 1, found schema_version 2",
        ),
        (
            with("/steps/1/course", json!("pray")),
            "a plan of `ungil plan --format json`, found unknown variant `pray`",
        ),
        (
            with("/steps/0/outlooks/0/search/oldest", json!("two")),
            "a plan of `ungil plan --format json`, found expected version",
        ),
        (
            with("/steps/0/to", Value::Null),
            "steps: change 1.0: expected the version that it is about in `to`, found none",
        ),
        (
            with("/targets/0", json!("cp313t-linux-x86_64")),
            "expected a target that `targets` has, found `cp314t-linux-x86_64`",
        ),
        (
            with("/targets/0", json!("cp315t-linux-x86_64")),
            "targets: expected at most 64 targets, each once",
        ),
        (
            with("/steps/0/outlooks/1/target", json!("cp314t-linux-x86_64")),
            "expected one outlook for each target",
        ),
        (
            sample_reports::dated(plan.clone(), "today"),
            "generated: expected a time such as",
        ),
    ] {
        let stderr = refused(&[("report.json", &report), ("plan.json", &other)]);
        assert!(stderr.contains(told), "{told} is not in\n{stderr}");
    }
    let elsewhere: Value =
        serde_json::from_str(&plan.to_string().replace("linux-x86_64", "macos-arm64")).unwrap();
    assert_eq!(
        refused(&[("report.json", &report), ("plan.json", &elsewhere)]),
        "error: plan.json: expected a plan for a target of report.json (cp314t-linux-x86_64, cp315t-linux-x86_64), \
         found one for cp314t-macos-arm64, cp315t-macos-arm64\n  \
         hint: `ungil plan` takes the same input, --python and --platform as `ungil scan`\n"
    );
    assert_eq!(
        refused(&[
            ("plan.json", &plan),
            ("report.json", &report),
            ("again.json", &plan)
        ]),
        "error: again.json: expected a plan for other targets than those of plan.json, found cp314t-linux-x86_64 in both\n  \
         hint: name one of them\n"
    );
    assert_eq!(
        refused(&[("plan.json", &plan)]),
        "error: there is no report to show\n  hint: a plan says how packages get ready: name the report of `ungil scan` too\n"
    );
}

#[test]
fn a_plan_is_no_report_to_compare_with() {
    let folder = ReportFolder::with(&[
        ("report.json", &sample_reports::sample().to_string()),
        ("plan.json", &sample_reports::plan().to_string()),
    ]);
    let run = folder.command("diff", &["report.json", "plan.json"]);
    assert_eq!(run.code, Some(2));
    let told =
        "error: plan.json:1:1: expected a report of `ungil scan --format json`, found a plan";
    assert!(run.stderr.starts_with(told), "{}", run.stderr);
}

#[test]
fn hostile_text_of_a_plan_stays_text() {
    let plan = sample_reports::hostile_plan();
    let html = page(&[sample_reports::planned(&plan), plan.clone()]);
    assert!(html.contains("The plan could not look at everything: 1 problem."));
    assert!(!html.contains("secret") && !html.contains(['\u{1b}', '\u{202e}']));
    let attack = "</script><script>document.title='owned'</script><img src=x>";
    let mut plan: Value = serde_json::from_str(
        &sample_reports::plan()
            .to_string()
            .replace("the GIL: a._b", attack),
    )
    .unwrap();
    plan["steps"][3]["name"] = json!(attack);
    plan["moves"][0]["name"] = json!(attack);
    let html = page(&[sample_reports::planned(&plan), plan]);
    assert_eq!(
        html.matches("<script").count(),
        3,
        "two with data, one with the page's own code"
    );
    assert!(!html.contains("<img"));
}

#[test]
fn what_the_build_with_the_gil_gets_is_told() {
    let report = sample_reports::with_other_build(sample_reports::sample(), "lxml", "7.0");
    let html = page(&[sample_reports::with_other_build(
        report,
        "sqlalchemy",
        "2.0.53",
    )]);
    assert!(
        card(&html, "lxml").contains("With the GIL: 3.14 gets 7.0 Came in through"),
        "{}",
        card(&html, "lxml")
    );
    assert!(row(&html, "lxml").contains("gil 3.14 gets 7.0"));
    // Only the file is another: the details say so.
    assert!(
        !card(&html, "sqlalchemy").contains("3.14") && !row(&html, "sqlalchemy").contains("3.14")
    );
    assert!(
        html.contains("3.14 gets 2.0.53, sqlalchemy-2.0.53-cp314-cp314-manylinux_2_28_x86_64.whl")
    );
}

#[test]
fn a_gate_says_what_it_compared() {
    let text = text_of(
        &page(&[sample_reports::gated()]),
        "<section id=\"gate\"",
        "</section>",
    );
    let told = "Compared with the baseline: 1 worse, 1 better, 1 new, 1 gone. Changes since the baseline Change Package \
                Before After Targets worse contourpy ready 1.3.2 gil 1.3.3 cp314t-linux-x86_64 new rpds-py not there ready \
                0.30.0 cp314t-linux-x86_64 better numpy gil 2.4.0 ready 2.5.5 cp314t-linux-x86_64 gone six pure 1.17.0 \
                not there cp314t-linux-x86_64";
    assert!(text.contains(told), "{text}");
    let mut report = sample_reports::gated();
    report["gate"]["changes"] = Value::Null;
    assert!(!page(&[report.clone()]).contains("baseline:"));
    report["gate"]["changes"] = json!({ "worse": [], "better": [], "different": [], "added": [], "removed": [], "not_compared": ["cp313t-linux-x86_64"] });
    let text = text_of(&page(&[report]), "<section id=\"gate\"", "</section>");
    assert!(
        text.contains("Compared with the baseline: no verdict is another."),
        "{text}"
    );
    assert!(
        text.contains("only one of the two reports has it: cp313t-linux-x86_64."),
        "{text}"
    );
}

#[test]
#[ignore = "needs Chromium and chromedriver: .ci/run installs them and runs this test"]
fn what_a_plan_says_is_found_and_opened() {
    let plan = sample_reports::plan();
    let (_server, browser) = shown(&[sample_reports::planned(&plan), plan]);
    focus(&browser, "#query");
    browser.press("first ready 2.1");
    check_names(&browser, &["change", "held"]);
    browser.run("document.querySelector('#matrix tbody tr:not([hidden]) button').click()");
    let text = browser.run("return document.querySelector('.details').innerText");
    let text = text.as_str().unwrap();
    for told in [
        "First ready version: 2.1, ready up to 9.1; 2.0 is gil",
        "With the plan: 2.1, ready: 4 modules, by the author",
        "No ready version found: 12 newer versions",
    ] {
        assert!(text.contains(told), "{told} is not in\n{text}");
    }
    focus(&browser, "#show-all");
    browser.press(ENTER);
    focus(&browser, "#query");
    browser.press("held back");
    check_names(&browser, &["held"]);
    assert_eq!(browser.console(), [""; 0]);
}
