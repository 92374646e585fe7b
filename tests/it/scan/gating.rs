//! `ungil gate` and `ungil diff`: policy, waivers, baseline and exit codes, and the example through every format.

use std::path::Path;

use crate::server::{Routes, Server};

use super::desk::{Desk, Run, TARGET};
use super::distributions::Wheel;
use super::shop::Shop;
use super::verdicts;

/// `ungil gate` with the server's index.
fn gate(desk: &Desk, server: &Server, arguments: &[&str]) -> Run {
    let index = server.url("/simple/");
    desk.run(&[&["gate", "--index-url", &index], arguments].concat())
}

#[test]
fn the_policy_decides_on_the_exit_code() {
    let server = Server::start(verdicts::shop().routes());
    let desk = Desk::new();
    for (package, policy, code) in [
        ("ready", &[][..], 0),
        ("declared", &[], 1),
        ("crashes", &[], 1),
        ("nothing", &[], 1),
        ("source", &["--no-deps"], 3),
        ("source", &["--no-deps", "--fail", "build"], 1),
        ("source", &["--no-deps", "--pass", "build"], 0),
        ("bad", &[], 3),
        ("bad", &["--pass", "unknown"], 3),
        ("bad", &["--pass", "unknown,problem"], 0),
        ("bad", &["--fail", "problem"], 1),
        ("fallback", &[], 0),
        ("fallback", &["--fail", "pure-fallback"], 1),
        ("declared", &["--pass", "gil"], 0),
        ("declared", &["--pass", "gil-enabled-on-import"], 0),
        ("declared", &["--open", "gil"], 3),
        ("declared", &["--exit-zero"], 0),
        // A hint is not looked for otherwise.
        ("ready", &["--fail", "no-subinterpreter-slot"], 1),
        ("declared", &["--exit-zero", "--fail", "gill"], 2),
    ] {
        let run = gate(&desk, &server, &[&[package], TARGET, policy].concat());
        assert_eq!(run.code, Some(code), "{package} {policy:?}: {}{}", run.stdout, run.stderr);
        for format in ungil::report::FORMATS {
            let again = gate(&desk, &server, &[&[package, "--format", format.name], TARGET, policy].concat());
            assert_eq!(again.code, Some(code), "{package} {policy:?} {}", format.name);
            if package != "declared" {
                break;
            }
        }
    }
}

#[test]
fn variables_stand_for_options_and_these_for_the_file() {
    let server = Server::start(verdicts::shop().routes());
    let desk = Desk::new();
    let (index, nothing) = (server.url("/simple/"), Server::start(Routes::new()));
    let empty = nothing.url("/simple/");
    desk.write("ungil.toml", "python = [\"3.14t\"]\nplatform = [\"linux-x86_64\"]\npass = [\"gil\"]\n");
    for (variables, arguments, code) in [
        (&[("UNGIL_INDEX_URL", index.as_str())][..], &[][..], 0),
        (&[("UNGIL_EXTRA_INDEX_URL", index.as_str()), ("UNGIL_INDEX_URL", empty.as_str())], &[], 0),
        (&[("UNGIL_INDEX_URL", index.as_str()), ("UNGIL_FAIL", "gil,unknown")], &[], 1),
        (&[("UNGIL_INDEX_URL", index.as_str()), ("UNGIL_FAIL", "")], &[], 0),
        (&[("UNGIL_INDEX_URL", index.as_str()), ("UNGIL_FAIL", "gil")], &["--fail", "unknown"], 0),
        (&[("UNGIL_INDEX_URL", index.as_str()), ("UNGIL_FAIL", "gil"), ("UNGIL_EXIT_ZERO", "1")], &[], 0),
        (&[("UNGIL_INDEX_URL", index.as_str()), ("UNGIL_FAIL", "gil"), ("UNGIL_PYTHON", "3.12t")], &[], 2),
        (&[("UNGIL_INDEX_URL", index.as_str()), ("UNGIL_NO_INDEX", "perhaps")], &[], 2),
        (&[("UNGIL_NO_INDEX", "true")], &["--no-cache"], 3),
    ] {
        let arguments = [&["gate", "declared"], arguments].concat();
        let run = Run::of(desk.command(&arguments).envs(variables.iter().copied()));
        assert_eq!(run.code, Some(code), "{variables:?} {arguments:?}: {}{}", run.stdout, run.stderr);
    }
    desk.write("ungil.toml", format!("index-url = \"{index}\"\nfail = [\"ready\"]\nonly-binary = [\":all:\"]\n"));
    let run = desk.run(&[&["gate", "ready"], TARGET].concat());
    assert_eq!(run.code, Some(1), "{}{}", run.stdout, run.stderr);
    assert!(run.stdout.starts_with("CPython 3.14t on linux-x86_64\nas ungil.toml says\n"), "{}", run.stdout);
}

#[test]
fn what_a_policy_or_a_waiver_misspells_has_file_line_and_column() {
    let waiver = |keys: &str| format!("[[waivers]]\npackage = \"lxml\"\nreason = \"why\"\n{keys}\n");
    for (text, told) in [
        (
            "fail = [\"gill\"]".to_owned(),
            "ungil.toml:1:9: `fail`: `gill` is nothing that can be ruled on; expected a verdict",
        ),
        ("fail = [\"gill\"]".to_owned(), "is `gil` meant?"),
        ("open = [\"foreign-ab\"]".to_owned(), "is `foreign-abi` meant?"),
        ("fail = [\"gil\"]\npass = [\"gil\"]".to_owned(), "ungil.toml:2:9: `pass`: `gil` stands in `fail` too"),
        ("fail = [\"stale-module\"]\ndisable = [\"stale-module\"]".to_owned(), "the rule `stale-module` is turned off"),
        ("fial = []".to_owned(), "ungil.toml:1:1: unknown key `fial`; is `fail` meant?"),
        ("index-url = \"nonsense\"".to_owned(), "ungil.toml:1:13: `index-url`: nonsense is no URL"),
        ("find-links = [\"none\"]".to_owned(), "ungil.toml:1:15: `find-links`: none does not exist"),
        ("no-binary = [\"a b\"]".to_owned(), "ungil.toml:1:14: `no-binary`: a b names no package"),
        ("baseline = \"none.json\"".to_owned(), "cannot read the report none.json"),
        ("[[waivers]]\npackage = \"lxml\"".to_owned(), "ungil.toml:1:1: missing field `reason`"),
        (waiver("pakage = \"a\""), "ungil.toml:4:1: unknown key `pakage`; is `package` meant?"),
        (waiver("reson = \"a\""), "is `reason` meant?"),
        (waiver("version = \"two\""), "ungil.toml:4:11: `version`: `two` is no range of versions"),
        (waiver("rule = \"gil-undeclare\""), "ungil.toml:4:8: `rule`: `gil-undeclare` is no rule"),
        (waiver("rule = \"gil-undeclare\""), "is `gil-undeclared` meant?"),
        (waiver("target = \"314t\""), "ungil.toml:4:10: `target`: `314t` is no target"),
        (waiver("target = \"cp314t-linux\""), "ungil.toml:4:10: `target`: `cp314t-linux` is no target"),
        (waiver("until = \"2026-02-30\""), "ungil.toml:4:9: `until`: `2026-02-30` is no day"),
        (waiver("until = 2026"), "ungil.toml:4:9: `until`: `2026` is no day"),
        (waiver("module = \"\""), "ungil.toml:4:10: `module`"),
        ("[[waivers]]\npackage = \"a b\"\nreason = \"x\"".to_owned(), "ungil.toml:2:11: `package`: `a b` is no name"),
        ("[[waivers]]\npackage = \"a\"\nreason = \" \"".to_owned(), "ungil.toml:3:10: `reason`: nothing; expected why"),
    ] {
        let desk = Desk::new();
        desk.write("ungil.toml", &text);
        let run = desk.run(&[&["gate", "a", "--no-index", "--no-cache"], TARGET].concat());
        assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{text}: {}", run.stderr);
        let errors = run.stderr.split_whitespace().collect::<Vec<_>>().join(" ");
        assert!(errors.contains(told), "{text}: {errors}");
    }
}

#[test]
fn a_baseline_that_cannot_be_read_ends_the_run() {
    let desk = Desk::new();
    desk.write("text.json", "no JSON");
    desk.write("other.json", "{\"schema_version\": 2}");
    for (file, told) in [
        ("absent.json", "cannot read the report absent.json"),
        ("text.json", "text.json:1:2: expected JSON"),
        ("other.json", "expected a report of schema_version 1, found schema_version 2"),
    ] {
        for arguments in [&["gate", "a", "--no-index", "--no-cache", "--baseline", file][..], &["diff", file, file]] {
            let run = desk.run(arguments);
            assert_eq!((run.code, run.stdout.as_str()), (Some(2), ""), "{file}");
            assert!(run.stderr.contains(told), "{file}: {}", run.stderr);
        }
    }
}

// The example

/// Stand-ins for the wheels of the example's packages: what they declare is what the real ones declare.
fn pinned(lxml: &str, declares: &str) -> Shop {
    let wheel = |name: &str, version: &str, fixture: &str| {
        Wheel::new(&format!("{name}-{version}-cp314-cp314t-manylinux_2_28_x86_64.whl"))
            .module(&format!("{name}/sample.cpython-314t-x86_64-linux-gnu.so"), fixture)
    };
    Shop::with([
        wheel("lxml", lxml, declares),
        wheel("fonttools", "4.68.0", "elf-x86_64-used.so"),
        wheel("markupsafe", "3.0.3", "elf-x86_64-not-used.so"),
    ])
}

fn example(desk: &Desk) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/gate");
    for name in ["pyproject.toml", "requirements.txt"] {
        desk.write(name, std::fs::read(folder.join(name)).unwrap());
    }
}

#[test]
fn the_example_goes_through_gate_and_baseline_in_every_format() {
    let server = Server::start(pinned("6.1.3", "elf-x86_64-used.so").routes());
    let desk = Desk::new();
    example(&desk);
    let mut arguments = vec!["requirements.txt".to_owned()];
    for format in ungil::report::FORMATS {
        arguments.extend(["--output".to_owned(), format!("{0}=first.{0}", format.name)]);
    }
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let run = gate(&desk, &server, &arguments);
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""), "{}", run.stdout);
    for format in ungil::report::FORMATS {
        let written = std::fs::read_to_string(desk.path(&format!("first.{}", format.name))).unwrap();
        let flat = written.split_whitespace().collect::<Vec<_>>().join(" ");
        for told in ["fonttools", "lxml", "only the importer uses it"] {
            assert!(flat.contains(told), "{} does not show {told}: {written}", format.name);
        }
    }
    let report: serde_json::Value =
        serde_json::from_str(&std::fs::read_to_string(desk.path("first.json")).unwrap()).unwrap();
    assert_eq!(report["configuration"], "pyproject.toml");
    let states: Vec<&str> =
        report["gate"]["waivers"].as_array().unwrap().iter().map(|it| it["state"].as_str().unwrap()).collect();
    assert_eq!(states, ["used", "expired"]);
    let standings: Vec<String> = report["gate"]["violations"]
        .as_array()
        .unwrap()
        .iter()
        .map(|it| format!("{} {}", it["package"].as_str().unwrap(), it["standing"].as_str().unwrap()))
        .collect();
    assert_eq!(standings, ["fonttools breaks", "lxml waived"]);

    // What was there already does not count.
    let run = gate(&desk, &server, &["requirements.txt", "--baseline", "first.json"]);
    assert_eq!(run.code, Some(0), "{}{}", run.stdout, run.stderr);

    // A release of lxml that keeps the GIL off leaves its waiver without use, which this policy does not want.
    let server = Server::start(pinned("7.0", "elf-x86_64-not-used.so").routes());
    desk.write("requirements.txt", "fonttools==4.68.0\nlxml==7.0\nmarkupsafe==3.0.3\n");
    let run = gate(&desk, &server, &["requirements.txt", "--baseline", "first.json", "--output", "json=second.json"]);
    assert_eq!(run.code, Some(1), "{}{}", run.stdout, run.stderr);
    let flat = run.stdout.split_whitespace().collect::<Vec<_>>().join(" ");
    assert!(flat.contains("better lxml on cp314t-linux-x86_64: 6.1.3 gil → 7.0 ready"), "{}", run.stdout);

    // The same the other way round, for people and for programs.
    let table = desk.run(&["diff", "second.json", "first.json"]);
    assert_eq!((table.code, table.stderr.as_str()), (Some(0), ""));
    assert!(table.stdout.contains("worse   lxml on cp314t-linux-x86_64: 7.0 ready → 6.1.3 gil"), "{}", table.stdout);
    let markdown = desk.run(&["diff", "second.json", "first.json", "--format", "markdown"]);
    assert!(markdown.stdout.contains("| worse | <code>lxml</code> |"), "{}", markdown.stdout);
    let json = desk.run(&["diff", "second.json", "first.json", "--format", "json"]);
    let schema = Path::new(env!("CARGO_MANIFEST_DIR")).join(ungil::report::DIFFERENCE_SCHEMA_FILE);
    let document = json.document(&std::fs::read_to_string(schema).unwrap());
    assert_eq!(document["worse"][0]["after"]["verdict"], "gil");
    let same = desk.run(&["diff", "first.json", "first.json"]);
    assert_eq!(same.stdout, "first.json → first.json\nNo verdict changed.\n");
}
