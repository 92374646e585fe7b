//! What each format is held against: the official schemas of those that other tools read (`tests/schemas/README.md` says where
//! they come from), and the committed schemas of our own.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    reason = "helpers of tests may panic as tests may"
)]

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use jsonschema::{Registry, Validator};
use serde_json::{Value, json};

/// A file of this repository, in JSON.
fn schema(file: &str) -> Value {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    serde_json::from_str(&std::fs::read_to_string(&path).unwrap()).unwrap()
}

/// What the documents of a format are held against.
pub(crate) enum Schema {
    /// The text is one document.
    Document(Box<Validator>),
    /// Each line is one.
    Lines(Box<Validator>),
    /// XML, which `xmllint` holds against JUnit's schema.
    Junit,
}

impl Schema {
    /// That of a format, by the format's name; `None` for a format without one, and for JUnit, whose needs a program:
    /// [`Schema::junit`].
    pub(crate) fn of(format: &str) -> Option<Schema> {
        let validator = match format {
            "json" => {
                jsonschema::validator_for(&schema(ungil::report::REPORT_SCHEMA_FILE)).unwrap()
            }
            "jsonl" => {
                let lines =
                    jsonschema::validator_for(&schema(ungil::report::LINE_SCHEMA_FILE)).unwrap();
                return Some(Schema::Lines(Box::new(lines)));
            }
            "sarif" => sarif(),
            "cyclonedx" => cyclonedx(),
            "gitlab" => gitlab(),
            _ => return None,
        };
        Some(Schema::Document(Box::new(validator)))
    }

    /// That of JUnit. Only tests that are ignored ask for it, where nothing promises `xmllint`.
    pub(crate) fn junit() -> Schema {
        let found = Command::new("xmllint")
            .arg("--version")
            .stderr(Stdio::null())
            .status();
        found.unwrap_or_else(|error| {
            panic!("this test needs xmllint, which .ci/run installs: {error}")
        });
        Schema::Junit
    }

    /// Every place of the text that does not fit.
    pub(crate) fn errors(&self, text: &str) -> Vec<String> {
        match self {
            Schema::Document(validator) => errors(validator, text),
            Schema::Lines(validator) => text
                .lines()
                .flat_map(|line| errors(validator, line))
                .collect(),
            Schema::Junit => lint(text).into_iter().collect(),
        }
    }
}

fn errors(validator: &Validator, text: &str) -> Vec<String> {
    let document: Value = match serde_json::from_str(text) {
        Ok(document) => document,
        Err(error) => return vec![error.to_string()],
    };
    validator
        .iter_errors(&document)
        .map(|error| format!("{}: {error:.300}", error.instance_path()))
        .collect()
}

/// SARIF 2.1.0.
fn sarif() -> Validator {
    let mut schema = schema("tests/schemas/sarif-schema-2.1.0.json");
    // A pattern with a stray bracket, which strict readers of patterns refuse. The property is never written.
    for owner in ["run", "toolComponent"] {
        let language = schema
            .pointer_mut(&format!("/definitions/{owner}/properties/language"))
            .unwrap();
        assert!(
            language
                .as_object_mut()
                .unwrap()
                .remove("pattern")
                .is_some(),
            "{owner}"
        );
    }
    jsonschema::options()
        .should_validate_formats(true)
        .build(&schema)
        .unwrap()
}

/// CycloneDX 1.6.
fn cyclonedx() -> Validator {
    let file = |name: &str| schema(&format!("tests/schemas/cyclonedx/{name}"));
    let beside = |name: &str| (format!("http://cyclonedx.org/schema/{name}"), file(name));
    let (licences, licences_schema) = beside("spdx.SNAPSHOT.schema.json");
    let (signatures, signatures_schema) = beside("jsf-0.82.SNAPSHOT.schema.json");
    let registry = Registry::new().add(licences, &licences_schema).unwrap();
    let registry = registry
        .add(signatures, &signatures_schema)
        .unwrap()
        .prepare()
        .unwrap();
    jsonschema::options()
        .with_registry(&registry)
        .should_validate_formats(true)
        .build(&file("bom-1.6.SNAPSHOT.schema.json"))
        .unwrap()
}

/// GitLab's code quality report.
fn gitlab() -> Validator {
    jsonschema::validator_for(&schema("tests/schemas/gitlab-code-quality.schema.json")).unwrap()
}

/// What `xmllint` has against this text as JUnit's XML.
fn lint(text: &str) -> Option<String> {
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/schemas/junit-10.xsd");
    let mut command = Command::new("xmllint");
    command
        .args(["--noout", "--nonet", "--schema"])
        .arg(&schema)
        .arg("-");
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    child
        .stdin
        .take()
        .unwrap()
        .write_all(text.as_bytes())
        .unwrap();
    let output = child.wait_with_output().unwrap();
    (!output.status.success()).then(|| String::from_utf8_lossy(&output.stderr).into_owned())
}

/// A finding as GitLab's own importer wants it, with everything that its schema knows.
fn finding() -> Value {
    json!({
        "description": "x", "check_name": "x", "fingerprint": "x", "severity": "major",
        "location": { "path": "x", "lines": { "begin": 1 } },
    })
}

/// The schema by which GitLab's importer judges each finding wants these to be there, and of these types:
/// <https://gitlab.com/gitlab-org/gitlab/-/blob/master/app/validators/json_schemas/codeclimate.json>
#[test]
fn what_gitlabs_own_schema_refuses_is_refused() {
    let ours = gitlab();
    assert!(ours.is_valid(&json!([finding()])));
    assert!(!ours.is_valid(&json!(["x"])), "a finding is an object");
    for required in ["description", "fingerprint", "severity", "location"] {
        let mut without = finding();
        assert!(without.as_object_mut().unwrap().remove(required).is_some());
        assert!(!ours.is_valid(&json!([without])), "{required} is missing");
    }
    for (place, wrong) in [
        ("/description", json!(1)),
        ("/fingerprint", json!(1)),
        ("/severity", json!(1)),
        ("/location", json!("x")),
        ("/location/path", json!(1)),
        ("/location/lines", json!(1)),
        ("/location/lines/begin", json!("1")),
    ] {
        let mut mistyped = finding();
        *mistyped.pointer_mut(place).unwrap() = wrong;
        assert!(
            !ours.is_valid(&json!([mistyped])),
            "{place} is of another type"
        );
    }
    for positions in [
        json!(1),
        json!({ "begin": 1 }),
        json!({ "begin": { "line": "1" } }),
    ] {
        let mut placed = finding();
        placed["location"]["positions"] = positions.clone();
        assert!(!ours.is_valid(&json!([placed])), "{positions}");
    }
}
