//! Reports and plans as files, made from the sample that holds every verdict, and from the one that holds every course.

use serde_json::{Value, json};

use ungil::model::plan::Plan;
use ungil::report::{FORMATS, PLAN_FORMATS, RenderOptions};

use crate::report::{gated, plans, sample};

/// The sample as JSON.
pub(crate) fn sample() -> Value {
    written(&sample::report())
}

/// The sample with hostile text as JSON.
pub(crate) fn hostile() -> Value {
    let mut report = written(&sample::hostile());
    let attack = "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\u{2028}";
    report["packages"][0]["results"][0]["reason"] = json!(attack);
    report["packages"][0]["name"] = json!(attack);
    report["packages"][0]["required_by"] =
        json!([{ "place": { "file": attack, "line": 1, "column": null }, "path": [attack] }]);
    for finding in report["findings"].as_array_mut().unwrap() {
        finding["package"] = json!(attack);
        finding["message"] = json!(attack);
        finding["help"] = json!(attack);
    }
    report["problems"] =
        json!([{ "kind": attack, "package": attack, "place": attack, "message": attack }]);
    report
}

fn written(report: &ungil::model::report::Report) -> Value {
    let format = FORMATS.iter().find(|format| format.name == "json").unwrap();
    serde_json::from_slice(&(format.render)(report, &RenderOptions::default()).unwrap()).unwrap()
}

fn written_plan(plan: &Plan) -> Value {
    let format = PLAN_FORMATS
        .iter()
        .find(|format| format.name == "json")
        .unwrap();
    serde_json::from_slice(&(format.render)(plan, &RenderOptions::default()).unwrap()).unwrap()
}

/// The sample under a gate with a baseline.
pub(crate) fn gated() -> Value {
    written(&gated::report())
}

/// A plan with every course.
pub(crate) fn plan() -> Value {
    written_plan(&plans::plan())
}

/// A plan whose text is hostile.
pub(crate) fn hostile_plan() -> Value {
    written_plan(&plans::hostile())
}

/// The report that a plan is about, with nothing else in it.
pub(crate) fn planned(plan: &Value) -> Value {
    let mut report = sample();
    let package = |step: &Value| {
        let result = |outlook: &Value| {
            json!({
                "target": outlook["target"], "verdict": outlook["verdict"], "reason": outlook["reason"],
                "declared_by": [], "artifact": null, "other_build": null, "left_out": [], "modules": [],
            })
        };
        let results: Vec<Value> = step["outlooks"]
            .as_array()
            .unwrap()
            .iter()
            .map(result)
            .collect();
        let (name, version) = (&step["name"], &step["version"]);
        json!({ "name": name, "version": version, "required_by": step["required_by"], "results": results })
    };
    report["packages"] = plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .map(package)
        .collect();
    report["findings"] = json!([]);
    report["problems"] = json!([]);
    report
}

/// Both in one report.
pub(crate) fn together(mut report: Value, other: &Value) -> Value {
    for key in ["packages", "findings", "problems"] {
        let more = other[key].as_array().unwrap().clone();
        report[key].as_array_mut().unwrap().extend(more);
    }
    report
}

/// Says of a package on all targets what the build with the GIL gets.
pub(crate) fn with_other_build(mut report: Value, package: &str, version: &str) -> Value {
    let filename = format!("{package}-{version}-cp314-cp314-manylinux_2_28_x86_64.whl");
    for found in report["packages"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .filter(|found| found["name"] == package)
    {
        for result in found["results"].as_array_mut().unwrap() {
            result["other_build"] =
                json!({ "python": "3.14", "version": version, "filename": filename });
        }
    }
    report
}

/// A plan with a step for every package of a report that is not ready.
pub(crate) fn large_plan(report: &Value) -> Value {
    let mut plan = plan();
    let model = plan["steps"][0].clone();
    let mut steps = Vec::new();
    for package in report["packages"].as_array().unwrap() {
        let results = package["results"].as_array().unwrap().iter();
        let wanting =
            results.filter(|result| result["verdict"] != "ready" && result["verdict"] != "pure");
        let outlook = |result: &Value| {
            let mut outlook = model["outlooks"][0].clone();
            outlook["target"] = result["target"].clone();
            outlook["verdict"] = result["verdict"].clone();
            outlook
        };
        let outlooks: Vec<Value> = wanting.map(outlook).collect();
        if !outlooks.is_empty() {
            let mut step = model.clone();
            step["name"] = package["name"].clone();
            step["version"] = package["version"].clone();
            step["outlooks"] = json!(outlooks);
            steps.push(step);
        }
    }
    plan["targets"] = report["targets"].clone();
    plan["steps"] = json!(steps);
    plan
}

/// The report of another day.
pub(crate) fn dated(mut report: Value, generated: &str) -> Value {
    report["generated"] = json!(generated);
    report
}

/// Gives a package another verdict on all targets.
pub(crate) fn with_verdict(mut report: Value, package: &str, verdict: &str) -> Value {
    for found in report["packages"]
        .as_array_mut()
        .unwrap()
        .iter_mut()
        .filter(|found| found["name"] == package)
    {
        for result in found["results"].as_array_mut().unwrap() {
            result["verdict"] = json!(verdict);
        }
    }
    report
}

/// As many packages on six targets, with the findings and modules of the sample's packages.
pub(crate) fn large(packages: usize) -> Value {
    let mut report = sample();
    let targets: Vec<String> = ["cp314t", "cp315t"]
        .iter()
        .flat_map(|python| {
            ["linux-x86_64", "macos-arm64", "windows-x86_64"]
                .map(|platform| format!("{python}-{platform}"))
        })
        .collect();
    let (mut made, mut findings) = (Vec::new(), Vec::new());
    let models: Vec<Value> = report["packages"].as_array().unwrap().clone();
    for (number, model) in models.iter().cycle().take(packages).enumerate() {
        let mut package = model.clone();
        let name = format!("{}-{number:04}", model["name"].as_str().unwrap());
        package["name"] = json!(name);
        let first = &model["results"][0];
        package["results"] = targets
            .iter()
            .map(|target| with(first, "target", target))
            .collect();
        let about = report["findings"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|finding| {
                finding["package"] == model["name"]
                    && finding["version"] == model["version"]
                    && finding["target"] == first["target"]
            });
        for finding in about {
            findings.extend(
                targets
                    .iter()
                    .map(|target| with(&with(finding, "package", &name), "target", target)),
            );
        }
        made.push(package);
    }
    report["targets"] = json!(targets);
    report["packages"] = Value::Array(made);
    report["findings"] = Value::Array(findings);
    report
}

fn with(object: &Value, key: &str, value: &str) -> Value {
    let mut object = object.clone();
    object[key] = json!(value);
    object
}
