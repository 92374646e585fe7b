//! One verdict for each package and target, with its way into the set, whatever form the index has.

use std::collections::BTreeSet;

use crate::server::Server;

use super::distributions::Wheel;
use super::fake_index::{FakeIndex, Form, MetadataFiles};
use super::sandbox::{Report, Sandbox, TARGET};

const BOTH: &[&str] = &[
    "--python",
    "3.14t",
    "--python",
    "3.15t",
    "--platform",
    "linux-x86_64",
];

/// A wheel for Linux with one file more than its Python file.
fn native(name: &str, tags: &str) -> Wheel {
    Wheel::new(&format!("{name}-1.0-{tags}-manylinux_2_28_x86_64.whl"))
}

/// A wheel with one module that `cp3{minor}t` finds.
fn extension(name: &str, minor: u8, fixture: &str) -> Wheel {
    let path = format!("{name}/sample.cpython-3{minor}t-x86_64-linux-gnu.so");
    native(name, &format!("cp3{minor}-cp3{minor}t")).module(&path, fixture)
}

/// A wheel that only builds with the GIL take.
fn for_the_gil(name: &str) -> Wheel {
    let path = format!("{name}/sample.cpython-314-x86_64-linux-gnu.so");
    native(name, "cp314-cp314").module(&path, "elf-x86_64-gil.so")
}

/// The bytes with one bit flipped in the middle of the first place where these stand.
fn damaged(mut bytes: Vec<u8>, path: &str) -> Vec<u8> {
    let header = bytes
        .windows(path.len())
        .position(|window| window == path.as_bytes())
        .unwrap();
    bytes[header + path.len() + 200] ^= 1;
    bytes
}

/// A package for every verdict, and an application.
pub(super) fn fake_index() -> FakeIndex {
    let both = |name, fixture| [14, 15].map(|minor| extension(name, minor, fixture));
    let wheels = [
        vec![
            Wheel::new("app-2.0-py3-none-any.whl")
                .requires("ready")
                .requires("library"),
        ],
        vec![
            Wheel::new("library-1.5-py3-none-any.whl")
                .requires("undeclared>=1")
                .requires("pure"),
        ],
        vec![Wheel::new("pure-1.0-py3-none-any.whl")],
        both("ready", "elf-x86_64-not-used.so").into(),
        both("declared", "elf-x86_64-used.so").into(),
        both("undeclared", "elf-x86_64-absent.so").into(),
        vec![native("crashes", "cp314-none").module("crashes/sample.so", "elf-x86_64-gil.so")],
        vec![
            native("stable", "cp315-abi3t")
                .module("stable/sample.abi3t.so", "elf-x86_64-export.so"),
        ],
        vec![
            Wheel::new("fallback-1.0-py3-none-any.whl"),
            for_the_gil("fallback"),
        ],
        vec![for_the_gil("nothing")],
        vec![extension("user", 14, "elf-x86_64-delegated-counted.so").requires("cffi>=2")],
        vec![extension("lonely", 14, "elf-x86_64-delegated-counted.so")],
        ["2.0", "1.0"].map(backend).into(),
    ];
    let bad = extension("bad", 14, "elf-x86_64-not-used.so")
        .module("bad/other.abi3t.so", "elf-x86_64-plain.so");
    let member = "bad/sample.cpython-314t-x86_64-linux-gnu.so";
    let cut = native("cut", "cp314-cp314t");
    let half = cut.bytes()[..cut.bytes().len() / 2].to_vec();
    FakeIndex::with(wheels.concat())
        .and_sdist("source", "1.0", &["pure"])
        .and(stable_abi_only())
        .and_sdist("stable_only", "1.0", &[])
        .file(
            "bad",
            &bad.filename,
            damaged(bad.bytes(), member),
            Some(bad.metadata()),
        )
        .file("cut", &cut.filename, half, None)
}

/// A stand-in for cffi: from 2.0 on it declares.
fn backend(version: &str) -> Wheel {
    let fixture = if version == "2.0" {
        "elf-x86_64-backend.so"
    } else {
        "elf-x86_64-backend-absent.so"
    };
    Wheel::new(&format!(
        "cffi-{version}-cp314-cp314t-manylinux_2_28_x86_64.whl"
    ))
    .module("_cffi_backend.cpython-314t-x86_64-linux-gnu.so", fixture)
}

/// With releases of cffi that have to be built.
fn shop_with_sources_of_cffi() -> FakeIndex {
    fake_index()
        .and_sdist("cffi", "1.17.1", &[])
        .and_sdist("cffi", "2.2rc1", &[])
}

/// A wheel that builds with the GIL take from 3.9 on.
fn stable_abi_only() -> Wheel {
    native("stable_only", "cp39-abi3").module("stable_only/sample.abi3.so", "elf-x86_64-gil.so")
}

const REQUIREMENTS: &str = "\
# What the application needs.
app

declared==1.0
-r more.txt
";

const MORE: &str = "crashes\nstable\nfallback\nnothing\nsource\ncut\nbad\n";

const VERDICTS: [&str; 26] = [
    "app 2.0 cp314t pure",
    "app 2.0 cp315t pure",
    "bad 1.0 cp314t unknown",
    "bad 1.0 cp315t blocked",
    "crashes 1.0 cp314t crash",
    "crashes 1.0 cp315t blocked",
    "cut 1.0 cp314t unknown",
    "cut 1.0 cp315t blocked",
    "declared 1.0 cp314t gil",
    "declared 1.0 cp315t gil",
    "fallback 1.0 cp314t pure-fallback",
    "fallback 1.0 cp315t pure-fallback",
    "library 1.5 cp314t pure",
    "library 1.5 cp315t pure",
    "nothing 1.0 cp314t blocked",
    "nothing 1.0 cp315t blocked",
    "pure 1.0 cp314t pure",
    "pure 1.0 cp315t pure",
    "ready 1.0 cp314t ready",
    "ready 1.0 cp315t ready",
    "source 1.0 cp314t build",
    "source 1.0 cp315t build",
    "stable 1.0 cp314t blocked",
    "stable 1.0 cp315t ready",
    "undeclared 1.0 cp314t gil",
    "undeclared 1.0 cp315t gil",
];

fn sandbox() -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write("requirements.txt", REQUIREMENTS);
    sandbox.write("more.txt", MORE);
    sandbox
}

#[test]
fn every_verdict_is_reached_whatever_form_the_index_has() {
    for form in [Form::Html, Form::Json] {
        for metadata_files in [MetadataFiles::Absent, MetadataFiles::Served] {
            let server = Server::start(fake_index().in_form(form, metadata_files).routes());
            let run = sandbox().scan_for(&server, BOTH, &["requirements.txt"]);
            let report = run.report();
            assert_eq!(report.verdicts(), VERDICTS, "{form:?} {metadata_files:?}");
            assert_eq!(run.code, Some(1));
            let asked = server
                .paths()
                .iter()
                .filter(|path| path.ends_with(".metadata"))
                .count();
            assert_eq!(
                asked > 0,
                metadata_files == MetadataFiles::Served,
                "{form:?}"
            );
            check_problems(&report);
            check_counts(&report);
        }
    }
}

fn check_problems(report: &Report) {
    let problems = report.problems();
    let [cut, damaged] = problems.as_slice() else {
        panic!("{problems:?}")
    };
    let wheel = "bad-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl: bad/sample.cpython-314t-x86_64-linux-gnu.so: ";
    assert!(damaged.contains(wheel), "{damaged}");
    assert!(
        cut.starts_with(
            "archive cut-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl: is not a zip file"
        ),
        "{cut}"
    );
    // The reason is a few words for the table; the finding tells which part of which file.
    for (package, words) in [("bad", "bad/sample"), ("cut", "cut-1.0-cp314-cp314t")] {
        let findings = report.0["findings"].as_array().unwrap();
        let told = findings
            .iter()
            .filter(|finding| finding["package"] == package);
        let mut messages = told.map(|finding| finding["message"].as_str().unwrap());
        assert!(
            messages.any(|message| message.contains(words)),
            "{package}: {findings:?}"
        );
    }
}

fn check_counts(report: &Report) {
    assert_eq!(report.count("packages"), 13);
    assert_eq!(report.count("problems"), 2);
    // 3 pure ones, the pure one of `fallback`, 2 each of `ready`, `declared` and `undeclared`, and `crashes`, `stable`, `bad`;
    // and the sdist of `source`.
    assert_eq!(report.count("files"), 14);
    assert_eq!(report.count("modules"), 8);
    assert!(
        report.count("bytes_fetched") <= report.count("bytes_total"),
        "{}",
        report.0["summary"]
    );
}

#[test]
fn each_package_knows_how_it_came_into_the_set() {
    let server = Server::start(fake_index().routes());
    let report = sandbox()
        .scan_for(&server, BOTH, &["requirements.txt"])
        .report();
    for (name, paths) in [
        ("app", &["requirements.txt:2:1"][..]),
        ("declared", &["requirements.txt:4:1"]),
        ("library", &["requirements.txt:2:1 app"]),
        ("undeclared", &["requirements.txt:2:1 app library"]),
        ("crashes", &["more.txt:1:1"]),
        (
            "pure",
            &["more.txt:5:1 source", "requirements.txt:2:1 app library"],
        ),
    ] {
        assert_eq!(report.paths(name), paths, "{name}");
    }
}

#[test]
fn findings_name_rule_module_and_evidence() {
    let server = Server::start(fake_index().routes());
    let report = sandbox()
        .scan_for(&server, BOTH, &["requirements.txt"])
        .report();
    let findings = report.0["findings"].as_array().unwrap();
    let found: BTreeSet<String> = findings
        .iter()
        .map(|finding| {
            let text = |key: &str| finding[key].as_str().unwrap_or("-").to_owned();
            format!(
                "{} {} {} {}",
                text("package"),
                &text("target")[..6],
                text("rule"),
                text("module")
            )
        })
        .collect();
    for expected in [
        "crashes cp314t foreign-abi crashes/sample.so",
        "crashes cp315t nothing-installable -",
        "declared cp314t gil-enabled-on-import declared/sample.cpython-314t-x86_64-linux-gnu.so",
        "fallback cp314t pure-fallback -",
        "source cp315t builds-from-source -",
        "undeclared cp315t gil-undeclared undeclared/sample.cpython-315t-x86_64-linux-gnu.so",
        "bad cp314t unread-part -",
        "cut cp314t choice-unknown -",
    ] {
        assert!(found.contains(expected), "{expected}: {found:#?}");
    }
    let declared = findings
        .iter()
        .find(|finding| finding["rule"] == "gil-enabled-on-import")
        .unwrap();
    assert!(
        declared["evidence"].to_string().contains("slot Py_mod_gil"),
        "{declared}"
    );
    assert_eq!(
        report.result("ready")["declared_by"],
        serde_json::json!([{ "who": "author", "name": null }])
    );
}

#[test]
fn a_module_may_leave_it_to_another_package() {
    for (requirements, verdicts, code) in [
        (
            "user",
            &["cffi 2.0 cp314t ready", "user 1.0 cp314t ready"][..],
            0,
        ),
        (
            "lonely cffi==1.0",
            &["cffi 1.0 cp314t gil", "lonely 1.0 cp314t gil"],
            1,
        ),
        ("lonely", &["lonely 1.0 cp314t unknown"], 3),
        ("user --no-deps", &["user 1.0 cp314t unknown"], 3),
        // Nothing of these can be read. No build of the old one declares anything; what becomes of the new one is open.
        (
            "lonely cffi==1.17.1",
            &["cffi 1.17.1 cp314t build", "lonely 1.0 cp314t gil"],
            1,
        ),
        (
            "user cffi==1.17.1 --no-deps",
            &["cffi 1.17.1 cp314t build", "user 1.0 cp314t gil"],
            1,
        ),
        (
            "user cffi==2.2rc1",
            &["cffi 2.2rc1 cp314t build", "user 1.0 cp314t unknown"],
            3,
        ),
    ] {
        let server = Server::start(shop_with_sources_of_cffi().routes());
        let run = Sandbox::new().scan(&server, &requirements.split(' ').collect::<Vec<_>>());
        let report = run.report();
        assert_eq!(report.verdicts(), verdicts, "{requirements}");
        assert_eq!(run.code, Some(code), "{requirements}");
    }
}

#[test]
fn what_an_old_backend_does_is_shown_by_its_version() {
    let server = Server::start(shop_with_sources_of_cffi().routes());
    let report = Sandbox::new()
        .scan(&server, &["lonely", "cffi==1.17.1"])
        .report();
    let finding = report.finding("lonely", "delegate-enables-gil").unwrap();
    assert_eq!(finding["certainty"], "holds");
    let evidence = finding["evidence"][0]["what"].as_str().unwrap();
    assert!(
        evidence
            .starts_with("_cffi_backend of cffi 1.17.1: no cffi up to 1.17.1 declares anything"),
        "{evidence}"
    );
    let report = Sandbox::new()
        .scan(&server, &["user", "cffi==2.2rc1"])
        .report();
    let finding = report.finding("user", "delegate-enables-gil").unwrap();
    assert_eq!(finding["certainty"], "unknown");
    assert!(
        finding["message"]
            .as_str()
            .unwrap()
            .ends_with("is unknown: cffi 2.2rc1 could not be looked at"),
        "{finding}"
    );
    assert!(
        finding["help"]
            .as_str()
            .unwrap()
            .starts_with("Get what could not be read into the scan"),
        "{finding}"
    );
}

#[test]
fn wheels_that_no_target_takes_are_known_all_the_same() {
    let server = Server::start(fake_index().routes());
    let run = Sandbox::new().scan_for(&server, BOTH, &["stable-only", "nothing", "source"]);
    let report = run.report();
    let finding = report.finding("stable-only", "abi3-not-enough").unwrap();
    assert_eq!(
        (&finding["certainty"], &finding["verdict"]),
        (&"holds".into(), &serde_json::Value::Null)
    );
    assert!(
        finding["message"]
            .as_str()
            .unwrap()
            .ends_with("and no abi3t wheel: cp39-abi3 (1 wheel)"),
        "{finding}"
    );
    for package in ["nothing", "source"] {
        assert!(
            report.finding(package, "abi3-not-enough").is_none(),
            "{package}"
        );
    }
    // A warning changes no verdict.
    let verdicts = report.verdicts();
    assert!(
        verdicts.contains(&"stable-only 1.0 cp314t build".to_owned()),
        "{verdicts:?}"
    );
}

#[test]
fn code_is_read_where_a_rule_that_counts_asks_for_it() {
    let server = Server::start(fake_index().routes());
    let sandbox = Sandbox::new();
    let unread = sandbox.scan(&server, &["ready"]).report();
    assert!(
        unread.finding("ready", "uniqueness-test").is_none(),
        "hints are hidden"
    );
    for arguments in [&["--level", "uniqueness-test=warning"][..], &["--hints"]] {
        let report = sandbox
            .scan(&server, &[&["ready"], arguments].concat())
            .report();
        let finding = report.finding("ready", "uniqueness-test");
        assert!(
            finding.is_none(),
            "its code was read, and it tests no count: {finding:?}"
        );
    }
}

#[test]
fn the_exit_code_tells_the_worst() {
    for (requirements, code) in [
        ("ready pure fallback", 0),
        ("ready declared", 1),
        ("crashes", 1),
        ("nothing", 1),
        ("ready cut declared", 1),
        ("ready cut", 3),
        ("bad", 3),
        ("source", 3),
        ("absent", 3),
        ("ready>1", 2),
        ("ready;sys_platform=='win32'", 3),
    ] {
        let server = Server::start(fake_index().routes());
        let run = Sandbox::new().scan(&server, &requirements.split(' ').collect::<Vec<_>>());
        assert_eq!(
            run.code,
            Some(code),
            "{requirements}: {} {}",
            run.stderr,
            run.stdout
        );
        assert_eq!(
            run.stderr.is_empty(),
            code != 2,
            "{requirements}: {}",
            run.stderr
        );
        assert_eq!(
            run.stdout.is_empty(),
            code == 2,
            "{requirements}: {}",
            run.stdout
        );
    }
}

#[test]
fn the_table_is_for_people() {
    let server = Server::start(fake_index().routes());
    let (sandbox, index) = (sandbox(), server.url("/simple/"));
    let arguments = [&["scan", "requirements.txt", "--index-url", &index], TARGET].concat();
    let run = super::sandbox::Run::of(sandbox.command(&arguments).env("COLUMNS", "110"));
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
    snapshot!("scan", run.stdout);
}
