//! `examples/gate`, a repository with lock file, policy, waivers and baseline, as its CI would use it: through the gate in
//! every format, each held against its official schema, and through `ungil diff`.

use std::path::Path;

use serde_json::Value;
use ungil::report::FORMATS;

use crate::official::Schema;
use crate::server::Server;

use super::distributions::{Wheel, sha256};
use super::fake_index::FakeIndex;
use super::gating::gate;
use super::sandbox::{Run, Sandbox};

/// What the stand-ins of files with compiled modules declare, by the beginning of the file's name. It is what the real ones
/// declare, and what everybody waits for of the next lxml.
const DECLARED: &[(&str, &str)] = &[
    ("fonttools-", "elf-x86_64-used.so"),
    ("lxml-6", "elf-x86_64-used.so"),
    ("lxml-7", "elf-x86_64-not-used.so"),
    ("markupsafe-", "elf-x86_64-not-used.so"),
];

fn file(name: &str) -> String {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/gate");
    std::fs::read_to_string(folder.join(name)).unwrap()
}

/// The name of the file that a line of the lock is about.
fn filename(line: &str) -> Option<&str> {
    line.split_once(" url = \"")?
        .1
        .split('"')
        .next()?
        .rsplit('/')
        .next()
}

/// A small wheel in place of each one of the lock that the example's target could take, under the same name.
fn stand_ins(lock: &str) -> Vec<Wheel> {
    let fitting = |name: &&str| {
        name.contains("-cp314-cp314t-manylinux") || name.ends_with("-py3-none-any.whl")
    };
    let wheels = lock
        .lines()
        .filter_map(filename)
        .filter(fitting)
        .map(Wheel::new)
        .map(|wheel| {
            let name = wheel.parts()[0].to_owned();
            match DECLARED
                .iter()
                .find(|(start, _)| wheel.filename.starts_with(start))
            {
                Some((_, fixture)) => wheel.module(
                    &format!("{name}/sample.cpython-314t-x86_64-linux-gnu.so"),
                    fixture,
                ),
                None => wheel,
            }
        });
    wheels.collect()
}

/// The lock with the digests of the stand-ins; everything else stays as it is.
fn relocked(lock: &str, wheels: &[Wheel]) -> String {
    let mut text = String::new();
    for line in lock.lines() {
        match wheels
            .iter()
            .find(|wheel| filename(line) == Some(wheel.filename.as_str()))
        {
            Some(wheel) => {
                let (before, rest) = line.split_once("sha256:").unwrap();
                text.push_str(&format!(
                    "{before}sha256:{}{}",
                    sha256(&wheel.bytes()),
                    &rest[64..]
                ));
            }
            None => text.push_str(line),
        }
        text.push('\n');
    }
    text
}

/// The example's repository with this lock, and an index that has the stand-ins.
fn checkout(lock: &str) -> (Sandbox, Server) {
    let sandbox = Sandbox::new();
    for name in ["pyproject.toml", "baseline.json"] {
        sandbox.write(name, file(name));
    }
    let wheels = stand_ins(lock);
    sandbox.write("uv.lock", relocked(lock, &wheels));
    (sandbox, Server::start(FakeIndex::with(wheels).routes()))
}

fn told(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// What shows, in each format, that lxml is waived and that the waiver of fonttools has ended.
fn shown(format: &str) -> [&'static str; 2] {
    match format {
        "table" => [
            "waived lxml 6.1.3 on 3.14t: ",
            "waiver fonttools: the waiver ended on 2026-06-30; it would cover",
        ],
        "json" => ["\"standing\": \"waived\"", "\"state\": \"expired\""],
        "jsonl" => ["\"standing\":\"waived\"", "\"state\":\"expired\""],
        "markdown" => [
            "<summary>Does not count: 1 waived",
            "<code>fonttools</code> | ! waiver-expired |",
        ],
        "sarif" => [
            "\"suppressions\": [ { \"kind\": \"external\", \"status\": \"accepted\",",
            "\"ruleId\": \"waiver-expired\"",
        ],
        "github" => [
            "::notice file=uv.lock,line=60,title=lxml 6.1.3%3A gil ",
            "[waiver-expired]::fonttools: the waiver ended",
        ],
        "gitlab" => [
            "(waived until 2099-12-31: only the importer",
            "\"check_name\": \"waiver-expired\"",
        ],
        "junit" => [
            "(waived until 2099-12-31: only the importer",
            "name=\"waiver for fonttools at pyproject.toml:25\"",
        ],
        "cyclonedx" => [
            "\"ungil:waived:cp314t-linux-x86_64\"",
            "fonttools at pyproject.toml:25: the waiver ended",
        ],
        "csv" => [",uv.lock:60,waived,", ",pyproject.toml:25,expired,"],
        "html" => [
            "<td>used: 1 violation</td>",
            "<td>expired: 1 violation</td>",
        ],
        _ => panic!("{format}: how does it show a waiver?"),
    }
}

#[test]
fn its_files_name_no_other_index_than_pypi() {
    for name in ["pyproject.toml", "uv.lock", "baseline.json"] {
        for url in file(name).split("http").skip(1) {
            let public = [
                "s://pypi.org/simple\"",
                "s://files.pythonhosted.org/packages/",
            ];
            assert!(
                public.iter().any(|start| url.starts_with(start)),
                "{name}: http{url:.80}"
            );
        }
    }
}

#[test]
fn one_run_of_the_gate_writes_every_format_and_each_fits_its_schema() {
    let (sandbox, server) = checkout(&file("uv.lock"));
    let outputs: Vec<String> = FORMATS
        .iter()
        .map(|format| format!("{0}=report.{0}", format.name))
        .collect();
    let mut arguments = vec!["uv.lock"];
    arguments.extend(outputs.iter().flat_map(|output| ["--output", output]));
    let run = gate(&sandbox, &server, &arguments);
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (Some(1), ""),
        "{}",
        run.stdout
    );
    for format in FORMATS {
        let written =
            std::fs::read_to_string(sandbox.path(&format!("report.{}", format.name))).unwrap();
        let errors = Schema::of(format.name)
            .map(|schema| schema.errors(&written))
            .unwrap_or_default();
        assert!(errors.is_empty(), "{}: {errors:#?}", format.name);
        let reasons = [
            "only the importer uses it, in a process of its own",
            "4.69 was announced for the summer",
        ];
        for part in shown(format.name).into_iter().chain(reasons) {
            assert!(
                told(&written).contains(part),
                "{} does not show {part}: {written}",
                format.name
            );
        }
    }

    let report: Value =
        serde_json::from_str(&std::fs::read_to_string(sandbox.path("report.json")).unwrap())
            .unwrap();
    assert_eq!(report["configuration"], "pyproject.toml");
    let texts = |list: &str, keys: [&str; 2]| -> Vec<String> {
        let entries = report["gate"][list].as_array().unwrap().iter();
        entries
            .map(|entry| keys.map(|key| entry[key].as_str().unwrap()).join(" "))
            .collect()
    };
    assert_eq!(
        texts("waivers", ["package", "state"]),
        ["lxml used", "fonttools expired"]
    );
    assert_eq!(
        texts("violations", ["package", "standing"]),
        ["fonttools breaks", "lxml waived"]
    );
    let markupsafe = report["packages"]
        .as_array()
        .unwrap()
        .iter()
        .find(|it| it["name"] == "markupsafe")
        .unwrap();
    assert_eq!(
        markupsafe["required_by"][0]["path"],
        serde_json::json!(["jinja2"]),
        "the lock's own edges"
    );
}

#[test]
#[ignore = "needs xmllint: .ci/run installs it and runs this test"]
fn the_gates_junit_fits_its_schema() {
    let (sandbox, server) = checkout(&file("uv.lock"));
    for policy in [
        &[][..],
        &["--open", "gil"],
        &["--baseline", "baseline.json"],
    ] {
        let run = gate(
            &sandbox,
            &server,
            &[&["uv.lock", "--format", "junit"], policy].concat(),
        );
        assert_eq!(
            Schema::junit().errors(&run.stdout),
            Vec::<String>::new(),
            "{policy:?}"
        );
    }
}

#[test]
fn the_exit_code_is_the_same_in_every_format() {
    let (sandbox, server) = checkout(&file("uv.lock"));
    for (policy, code) in [
        (&[][..], 1),
        (&["--exit-zero"], 0),
        (&["--open", "gil"], 3),
        (&["--open", "gil", "--exit-zero"], 0),
        (&["--baseline", "baseline.json"], 0),
        (
            &["--baseline", "baseline.json", "--fail", "waiver-expired"],
            1,
        ),
    ] {
        for format in FORMATS {
            let run = gate(
                &sandbox,
                &server,
                &[&["uv.lock", "--format", format.name], policy].concat(),
            );
            assert_eq!(
                run.code,
                Some(code),
                "{policy:?} {}: {}{}",
                format.name,
                run.stdout,
                run.stderr
            );
            let errors = Schema::of(format.name)
                .map(|schema| schema.errors(&run.stdout))
                .unwrap_or_default();
            assert!(errors.is_empty(), "{policy:?} {}: {errors:#?}", format.name);
        }
    }
}

#[test]
fn against_the_committed_baseline_only_what_got_worse_counts() {
    assert_eq!(
        Schema::of("json").unwrap().errors(&file("baseline.json")),
        Vec::<String>::new()
    );
    let (sandbox, server) = checkout(&file("uv.lock"));
    let run = gate(
        &sandbox,
        &server,
        &[
            "uv.lock",
            "--baseline",
            "baseline.json",
            "--output",
            "json=today.json",
        ],
    );
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (Some(0), ""),
        "{}",
        run.stdout
    );
    for part in [
        "✓ The gate is passed: nothing breaks the policy",
        "known fonttools 4.68.0 on 3.14t:",
        "waived lxml 6.1.3 on 3.14t:",
        "better markupsafe on cp314t-linux-x86_64: 3.0.2 build → 3.0.4 ready",
    ] {
        assert!(told(&run.stdout).contains(part), "{part} in {}", run.stdout);
    }

    // An index whose wheels of markupsafe are gone.
    let wheels = stand_ins(&file("uv.lock"))
        .into_iter()
        .filter(|wheel| wheel.parts()[0] != "markupsafe");
    let server = Server::start(
        FakeIndex::with(wheels)
            .and_sdist("markupsafe", "3.0.4", &[])
            .routes(),
    );
    let run = gate(
        &sandbox,
        &server,
        &["uv.lock", "--no-cache", "--baseline", "today.json"],
    );
    assert_eq!(run.code, Some(1), "{}{}", run.stdout, run.stderr);
    for part in [
        "breaks markupsafe 3.0.4 on 3.14t:",
        "known fonttools 4.68.0 on 3.14t:",
    ] {
        assert!(told(&run.stdout).contains(part), "{part} in {}", run.stdout);
    }
    differences(&sandbox);
}

/// For people and for programs.
fn differences(sandbox: &Sandbox) {
    let worse = "worse   markupsafe on cp314t-linux-x86_64: 3.0.4 ready → 3.0.2 build";
    let table = sandbox.run(&["diff", "today.json", "baseline.json"]);
    assert_eq!((table.code, table.stderr.as_str()), (Some(0), ""));
    assert!(table.stdout.contains(worse), "{}", table.stdout);
    let markdown = sandbox.run(&[
        "diff",
        "today.json",
        "baseline.json",
        "--format",
        "markdown",
    ]);
    assert!(
        markdown
            .stdout
            .contains("| worse | <code>markupsafe</code> |"),
        "{}",
        markdown.stdout
    );
    let json: Run = sandbox.run(&["diff", "today.json", "baseline.json", "--format", "json"]);
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join(ungil::report::DIFFERENCE_SCHEMA_FILE);
    let document = json.document(&std::fs::read_to_string(schema).unwrap());
    assert_eq!(document["worse"][0]["after"]["verdict"], "build");
    let same = sandbox.run(&["diff", "today.json", "today.json"]);
    assert_eq!(
        same.stdout,
        "today.json → today.json\nNo verdict changed.\n"
    );
}

#[test]
fn a_release_that_keeps_the_gil_off_leaves_its_waiver_without_use() {
    let lock = file("uv.lock")
        .replace("\"6.1.3\"", "\"7.0\"")
        .replace("lxml-6.1.3", "lxml-7.0");
    let (sandbox, server) = checkout(&lock);
    let run = gate(
        &sandbox,
        &server,
        &["uv.lock", "--baseline", "baseline.json"],
    );
    assert_eq!(run.code, Some(1), "{}{}", run.stdout, run.stderr);
    for part in [
        "better lxml on cp314t-linux-x86_64: 6.1.3 gil → 7.0 ready",
        "waiver lxml: the waiver covers nothing any more",
    ] {
        assert!(told(&run.stdout).contains(part), "{part} in {}", run.stdout);
    }
}
