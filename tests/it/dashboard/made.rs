//! Reports as files, made from the sample that holds every verdict.

use serde_json::{Value, json};

use ungil::report::{FORMATS, RenderOptions};

use crate::report::sample;

/// The sample as JSON.
pub(crate) fn sample() -> Value {
    written(&sample::report())
}

/// The sample with hostile text as JSON.
pub(crate) fn hostile() -> Value {
    let mut report = written(&sample::hostile());
    let attack =
        "</script><script>document.title='owned'</script><img src=x onerror=\"document.title='owned'\">\u{2028}";
    report["packages"][0]["results"][0]["reason"] = json!(attack);
    report["packages"][0]["name"] = json!(attack);
    report["packages"][0]["required_by"] =
        json!([{ "place": { "file": attack, "line": 1, "column": null }, "path": [attack] }]);
    for finding in report["findings"].as_array_mut().unwrap() {
        finding["package"] = json!(attack);
        finding["message"] = json!(attack);
        finding["help"] = json!(attack);
    }
    report["problems"] = json!([{ "kind": attack, "package": attack, "place": attack, "message": attack }]);
    report
}

fn written(report: &ungil::model::report::Report) -> Value {
    let format = FORMATS.iter().find(|format| format.name == "json").unwrap();
    serde_json::from_slice(&(format.render)(report, &RenderOptions::default()).unwrap()).unwrap()
}

/// The report of another day.
pub(crate) fn dated(mut report: Value, generated: &str) -> Value {
    report["generated"] = json!(generated);
    report
}

/// Gives a package another verdict on all targets.
pub(crate) fn with_verdict(mut report: Value, package: &str, verdict: &str) -> Value {
    for found in report["packages"].as_array_mut().unwrap().iter_mut().filter(|found| found["name"] == package) {
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
            ["linux-x86_64", "macos-arm64", "windows-x86_64"].map(|platform| format!("{python}-{platform}"))
        })
        .collect();
    let (mut made, mut findings) = (Vec::new(), Vec::new());
    let models: Vec<Value> = report["packages"].as_array().unwrap().clone();
    for (number, model) in models.iter().cycle().take(packages).enumerate() {
        let mut package = model.clone();
        let name = format!("{}-{number:04}", model["name"].as_str().unwrap());
        package["name"] = json!(name);
        let first = &model["results"][0];
        package["results"] = targets.iter().map(|target| with(first, "target", target)).collect();
        let about = report["findings"].as_array().unwrap().iter().filter(|finding| {
            finding["package"] == model["name"]
                && finding["version"] == model["version"]
                && finding["target"] == first["target"]
        });
        for finding in about {
            findings.extend(targets.iter().map(|target| with(&with(finding, "package", &name), "target", target)));
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
