//! What a lock file, or `Requires-Python`, leaves out: the first line says so, and the plan asks for nothing that does not
//! help.

use serde_json::{Value, json};

use crate::server::Server;

use super::distributions::{Wheel, sha256};
use super::fake_index::FakeIndex;
use super::sandbox::{Run, Sandbox, TARGET};

const READY: &str = "elf-x86_64-not-used.so";

/// A wheel for one build of CPython, with one module.
fn wheel(name: &str, version: &str, build: &str, fixture: &str) -> Wheel {
    let python = build.trim_end_matches('t');
    let suffix = build.replace("cp", "cpython-");
    let path = format!("{name}/sample.{suffix}-x86_64-linux-gnu.so");
    Wheel::new(&format!(
        "{name}-{version}-{python}-{build}-manylinux_2_28_x86_64.whl"
    ))
    .module(&path, fixture)
}

/// Two packages with wheels for 3.13 and for the free-threaded 3.14, and newer versions of them.
fn fake_index() -> FakeIndex {
    ["1.0", "1.1"]
        .into_iter()
        .fold(FakeIndex::default(), |fake_index, version| {
            let both = |fake_index: FakeIndex, name| {
                fake_index
                    .and(wheel(name, version, "cp313", "elf-x86_64-gil.so"))
                    .and(wheel(name, version, "cp314t", READY))
            };
            both(both(fake_index, "lib"), "other").and_sdist("lib", version, &[])
        })
}

/// A lock as uv writes it for these Pythons: without files for others.
fn uv_lock(fake_index: &FakeIndex, requires_python: &str, files: &[(&str, &[&str])]) -> String {
    let mut text = format!(
        "version = 1\nrequires-python = \"{requires_python}\"\n\n[[package]]\nname = \"app\"\n"
    );
    let names: Vec<String> = files
        .iter()
        .map(|(name, _)| format!("{{ name = \"{name}\" }}"))
        .collect();
    text.push_str(&format!(
        "version = \"0\"\nsource = {{ virtual = \".\" }}\ndependencies = [{}]\n",
        names.join(", ")
    ));
    for (name, files) in files {
        let file = |file: &&str| {
            format!(
                "    {{ url = \"https://x.test/{file}\", hash = \"sha256:{}\" }},\n",
                sha256(&fake_index.bytes(file))
            )
        };
        let files: String = files.iter().map(file).collect();
        text.push_str(&format!(
            "\n[[package]]\nname = \"{name}\"\nversion = \"1.0\"\nsource = {{ registry = \"https://pypi.org/simple\" }}\n\
             wheels = [\n{files}]\n"
        ));
    }
    text
}

fn run(sandbox: &Sandbox, server: &Server, target: &[&str], arguments: &[&str]) -> Run {
    let index = server.url("/simple/");
    sandbox.run(&[arguments, &["--index-url", &index], target].concat())
}

const ON_3_13: [(&str, &[&str]); 2] = [
    ("lib", &["lib-1.0-cp313-cp313-manylinux_2_28_x86_64.whl"]),
    (
        "other",
        &["other-1.0-cp313-cp313-manylinux_2_28_x86_64.whl"],
    ),
];

#[test]
fn a_lock_for_another_python_is_judged_by_the_files_that_it_lacks() {
    let fake_index = fake_index();
    let server = Server::start(fake_index.routes());
    let sandbox = Sandbox::new();
    sandbox.write("uv.lock", uv_lock(&fake_index, ">=3.11, <3.14", &ON_3_13));
    let report = sandbox.scan(&server, &["uv.lock"]).report();
    assert_eq!(
        report.verdicts(),
        ["lib 1.0 cp314t ready", "other 1.0 cp314t ready"]
    );
    assert_eq!(report.result("lib")["not_in_lock"], true);
    assert_eq!(
        report.result("lib")["reason"],
        "1 module, by the author; not in this lock"
    );
    let excluded = json!([{
        "target": "cp314t-linux-x86_64",
        "place": { "file": "uv.lock", "line": 2, "column": null },
        "locked_for": "Python >=3.11, <3.14",
        "change": "set `requires-python = \">=3.11\"` in pyproject.toml",
        "command": "uv lock",
    }]);
    assert_eq!(report.0["excluded"], excluded);
    for (format, line) in [
        (
            "table",
            "✗ uv.lock:2 leaves 3.14t out: it is locked for Python >=3.11, <3.14",
        ),
        ("markdown", "### ungil"),
    ] {
        let table = run(
            &sandbox,
            &server,
            TARGET,
            &["scan", "uv.lock", "--format", format],
        )
        .stdout;
        assert!(table.starts_with(line), "{table}");
        assert!(
            table.contains("leaves 3.14t out") && table.contains("uv lock"),
            "{table}"
        );
    }
    let plan = run(&sandbox, &server, TARGET, &["plan", "uv.lock"]);
    let told = plan.stdout.as_str();
    assert!(
        told.starts_with("✗ uv.lock:2 leaves 3.14t out: it is locked for Python >=3.11, <3.14\n"),
        "{told}"
    );
    assert!(
        told.contains("set `requires-python = \">=3.11\"` in pyproject.toml, and run, where it is:\n  uv lock\n"),
        "{told}"
    );
    assert!(
        told.contains("2 packages: all fine once the lock is widened, nothing else is to be done."),
        "{told}"
    );
    assert!(!told.contains("--upgrade-package"), "{told}");
    let plan = run(
        &sandbox,
        &server,
        TARGET,
        &["plan", "uv.lock", "--format", "json"],
    );
    let plan = plan.document(include_str!("../../../docs/plan.schema.json"));
    assert_eq!(
        (&plan["steps"], &plan["commands"], &plan["excluded"]),
        (&json!([]), &json!([]), &excluded)
    );
}

#[test]
fn a_lock_for_the_target_is_taken_as_it_is() {
    let fake_index = fake_index();
    let server = Server::start(fake_index.routes());
    let sandbox = Sandbox::new();
    // The same files, but they are all that the project wants: an installer takes nothing else.
    sandbox.write("uv.lock", uv_lock(&fake_index, ">=3.11", &ON_3_13));
    let report = sandbox.scan(&server, &["uv.lock"]).report();
    assert_eq!(
        report.verdicts(),
        ["lib 1.0 cp314t blocked", "other 1.0 cp314t blocked"]
    );
    assert_eq!(
        (&report.0["excluded"], &report.result("lib")["not_in_lock"]),
        (&Value::Null, &Value::Null)
    );
}

#[test]
fn a_version_for_other_pythons_is_told_by_that() {
    let fake_index =
        ["1.0", "1.1", "1.2"]
            .into_iter()
            .fold(FakeIndex::default(), |fake_index, version| {
                fake_index.and(
                    Wheel::new(&format!("lib-{version}-py3-none-any.whl"))
                        .says("Requires-Python: >=3.11,<3.14"),
                )
            });
    let server = Server::start(fake_index.routes());
    let sandbox = Sandbox::new();
    let report = sandbox.scan(&server, &["lib==1.0"]).report();
    assert_eq!(report.verdicts(), ["lib 1.0 cp314t blocked"]);
    let finding = report.finding("lib", "python-excluded").unwrap();
    assert_eq!(
        finding["message"],
        "lib 1.0 requires Python >=3.11, <3.14, which leaves 3.14t out"
    );
    assert_eq!(report.result("lib")["requires_python"], ">=3.11, <3.14");
    let told = run(&sandbox, &server, TARGET, &["plan", "lib==1.0"]).stdout;
    assert!(
        told.contains(
            "No version for this Python: Requires-Python leaves it out, with the GIL or without"
        ),
        "{told}"
    );
    assert!(
        told.contains("2 newer versions, none that allows this Python (Requires-Python)"),
        "{told}"
    );
    assert!(
        !told.contains("process with the GIL") && !told.contains("compiled modules"),
        "{told}"
    );
}

#[test]
fn a_wheel_for_the_release_before_is_told() {
    let fake_index =
        FakeIndex::with([wheel("lib", "1.0", "cp314t", READY)]).and_sdist("lib", "1.0", &[]);
    let fake_index = fake_index.and(wheel("only", "1.0", "cp314t", READY));
    let server = Server::start(fake_index.routes());
    let next = ["--python", "3.15t", "--platform", "linux-x86_64"];
    let report = Sandbox::new()
        .scan_for(&server, &next, &["lib", "only"])
        .report();
    let behind = "it has a wheel for 3.14t, so it is a release behind, not unported";
    assert_eq!(
        report.result("only")["reason"],
        format!("no wheel and no sdist fits; {behind}")
    );
    let reason = report.result("lib")["reason"].as_str().unwrap();
    assert!(
        reason.starts_with(&format!("only an sdist fits; {behind}: ")),
        "{reason}"
    );
    for format in [
        "table", "markdown", "sarif", "github", "gitlab", "junit", "csv", "html",
    ] {
        let told = run(
            &Sandbox::new(),
            &server,
            &next,
            &["scan", "lib", "only", "--format", format],
        )
        .stdout;
        let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(
            told.contains("it has a wheel for 3.14t, so it is a release"),
            "{format}: {told}"
        );
    }
    let told = run(&Sandbox::new(), &server, &next, &["plan", "lib", "only"]).stdout;
    let told = told.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(
        told.contains(&format!("now build: only an sdist fits; {behind}")),
        "{told}"
    );
}
