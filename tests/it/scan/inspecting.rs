//! `ungil inspect`: wheels and compiled files on this machine.

use serde_json::Value;

use super::distributions::{Wheel, compiled, fixture_path, sdist_of};
use super::sandbox::{Run, Sandbox};

const SCHEMA: &str = include_str!("../../../docs/inspection.schema.json");

fn inspect(sandbox: &Sandbox, arguments: &[&str]) -> (Run, Value) {
    let run = sandbox.run(&[&["inspect", "--format", "json"], arguments].concat());
    let document = run.document(SCHEMA);
    (run, document)
}

/// `module target gil`, one line for each file and target.
fn lines(document: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let modules = document["modules"].as_array().unwrap().iter();
    modules
        .map(|it| {
            format!(
                "{} {} {} {}",
                text(&it["module"]),
                text(&it["target"]),
                text(&it["gil"]),
                text(&it["cause"])
            )
        })
        .collect()
}

#[test]
fn a_wheel_shows_its_modules_for_every_target() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::new("two-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl")
        .module(
            "two/sample.cpython-314t-x86_64-linux-gnu.so",
            "elf-x86_64-not-used.so",
        )
        .module(
            "two/inner/sample.cpython-314t-x86_64-linux-gnu.so",
            "elf-x86_64-absent.so",
        );
    sandbox.write(&wheel.filename, wheel.bytes());
    let (run, document) = inspect(&sandbox, &[&wheel.filename]);
    assert_eq!(
        lines(&document),
        [
            "two.inner.sample cp314t-linux-x86_64 used undeclared",
            "two.inner.sample cp315t-linux-x86_64 not-loadable not-looked-for",
            "two.sample cp314t-linux-x86_64 not-used declared-not-used",
            "two.sample cp315t-linux-x86_64 not-loadable not-looked-for",
        ]
    );
    assert_eq!(run.code, Some(1));
    let (_, document) = inspect(
        &sandbox,
        &[
            &wheel.filename,
            "--python",
            "3.14t",
            "--platform",
            "linux-x86_64",
        ],
    );
    assert_eq!(lines(&document).len(), 2);
}

#[test]
fn a_wheel_shows_what_nobody_imports() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::new("mix-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl")
        .module(
            "mix/sample.cpython-314t-x86_64-linux-gnu.so",
            "elf-x86_64-not-used.so",
        )
        .module(
            "mix/sample.cpython-314-x86_64-linux-gnu.so",
            "elf-x86_64-gil.so",
        )
        .module("mix/_plain.so", "elf-x86_64-plain.so")
        .member("mix.libs/libx-1a2b.so.3", "library")
        .member("mix-1.0.data/scripts/tool", compiled("elf-x86_64-plain.so"))
        .member("mix-1.0.data/scripts/run.sh", "#!/bin/sh\n")
        .member("mix-1.0.data/scripts/tool.exe", "MZ");
    sandbox.write(&wheel.filename, wheel.bytes());
    let (_, document) = inspect(&sandbox, &[&wheel.filename]);
    let artifact = &document["artifacts"][0];
    assert_eq!(artifact["generator"], "hand (1.0)");
    let natives = artifact["distribution"]["natives"]["value"]
        .as_array()
        .unwrap()
        .iter();
    let natives: Vec<String> = natives
        .map(|it| {
            format!(
                "{} {}",
                it["kind"].as_str().unwrap(),
                it["path"].as_str().unwrap()
            )
        })
        .collect();
    assert_eq!(
        natives,
        [
            "program mix-1.0.data/scripts/tool",
            "program mix-1.0.data/scripts/tool.exe",
            "unread mix.libs/libx-1a2b.so.3",
            "library mix/_plain.so",
            "module mix/sample.cpython-314-x86_64-linux-gnu.so",
            "module mix/sample.cpython-314t-x86_64-linux-gnu.so",
        ]
    );
    let text = sandbox.run(&["inspect", &wheel.filename]).stdout;
    let text = text.split_whitespace().collect::<Vec<_>>().join(" ");
    for told in [
        "1 file without a hook for its name: mix/_plain.so;",
        "2 programs: mix-1.0.data/scripts/tool, mix-1.0.data/scripts/tool.exe;",
        "1 library by its name: mix.libs/libx-1a2b.so.3;",
        "several ABIs: builds with the GIL, free-threaded builds",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
}

#[test]
fn a_source_distribution_shows_what_a_build_becomes() {
    let sandbox = Sandbox::new();
    let info = "Metadata-Version: 2.2\nName: own\nVersion: 1.0\nRequires-Python: >=3.10\n\
                Classifier: Programming Language :: Python :: Free Threading :: 2 - Beta\n";
    let declared =
        "S s = {Py_mod_gil, Py_MOD_GIL_NOT_USED};\nPyMODINIT_FUNC PyInit__a(void) { return 0; }\n";
    let silent = "PyMODINIT_FUNC PyInit__b(void) { return 0; }\n";
    let setup = "setup(ext_modules=[Extension('own._a', ['own/_a.c']), Extension('own._b', ['own/_b.c'])])\n";
    let project =
        "[build-system]\nrequires = ['setuptools>=80']\nbuild-backend = 'setuptools.build_meta'\n";
    let files = [
        ("PKG-INFO", info),
        ("pyproject.toml", project),
        ("setup.py", setup),
        ("own/_a.c", declared),
        ("own/_b.c", silent),
    ];
    sandbox.write("own-1.0.tar.gz", sdist_of("own", "1.0", &files));
    let (run, document) = inspect(
        &sandbox,
        &[
            "own-1.0.tar.gz",
            "--python",
            "3.14t",
            "--platform",
            "linux-x86_64",
        ],
    );
    // Nothing is known before it is built, however bad it looks.
    assert_eq!(run.code, Some(3));
    let artifact = &document["artifacts"][0];
    let distribution = &artifact["distribution"];
    assert_eq!(distribution["free_threading"]["value"], 2);
    assert_eq!(distribution["requires_python"]["value"], ">=3.10");
    let sources = &artifact["sources"];
    assert_eq!(
        sources["requires"],
        serde_json::json!([{"requirement": "setuptools>=80", "place": "pyproject.toml:2"}])
    );
    let modules = sources["modules"].as_array().unwrap().iter();
    let modules: Vec<String> = modules
        .map(|it| {
            format!(
                "{} {} {} {}",
                it["name"], it["place"], it["named_by"], it["declarations"][0]["place"]
            )
        })
        .collect();
    assert_eq!(
        modules,
        [
            r#""_a" "own/_a.c:2" "setup.py" "own/_a.c:1""#,
            r#""_b" "own/_b.c:1" "setup.py" null"#
        ]
    );
    let [build] = sources["builds"].as_array().unwrap().as_slice() else {
        panic!("{sources}")
    };
    assert_eq!(
        [&build["target"], &build["becomes"]],
        ["cp314t-linux-x86_64", "switches-gil-on"]
    );
    assert_eq!(build["evidence"][0]["place"], "own/_b.c:1");
    let text = sandbox
        .run(&["inspect", "own-1.0.tar.gz", "--platform", "linux-x86_64"])
        .stdout;
    for told in [
        "classifier Free Threading :: 2 - Beta",
        "cp314t-linux-x86_64  ✗ would switch the GIL on: _b declares nothing (own/_b.c:1)",
        "cp315t-linux-x86_64  ✗ would switch the GIL on",
        "seen         module _b in own/_b.c:1",
        "needs        a C compiler",
        "_b (written by hand, own/_b.c:1): declares nothing; setup.py names it",
    ] {
        assert!(text.contains(told), "{told}: {text}");
    }
    let unnamed = inspect(&sandbox, &["own-1.0.tar.gz"]).1;
    assert_eq!(unnamed["targets"].as_array().unwrap().len(), 2);
    sandbox.write("broken-1.0.tar.gz", "Just text.\n");
    sandbox.write("other-1.0.zip", sdist_of("other", "1.0", &[]));
    sandbox.write(
        "bare-1.0.tar.gz",
        sdist_of("bare", "1.0", &[("setup.py", setup)]),
    );
    for (argument, told) in [
        ("broken-1.0.tar.gz", "damaged .tar.gz"),
        ("other-1.0.zip", "is not a zip file"),
        ("bare-1.0.tar.gz", "has no PKG-INFO in its top folder"),
    ] {
        let run = sandbox.run(&["inspect", argument]);
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (Some(2), ""),
            "{argument}: {}",
            run.stderr
        );
        assert!(
            run.stderr.contains(argument) && run.stderr.contains(told),
            "{argument}: {}",
            run.stderr
        );
    }
}

#[test]
fn compiled_files_of_every_format_are_shown() {
    let sandbox = Sandbox::new();
    for (fixture, name, expected, code) in [
        (
            "elf-x86_64-not-used.so",
            "sample.cpython-314t-x86_64-linux-gnu.so",
            "cp314t-linux-x86_64 not-used",
            0,
        ),
        (
            "elf-x86_64-used.so",
            "sample.cpython-314t-x86_64-linux-gnu.so",
            "cp314t-linux-x86_64 used",
            1,
        ),
        (
            "elf-x86_64-gil.so",
            "sample.so",
            "cp314t-linux-x86_64 not-loadable",
            1,
        ),
        (
            "elf-x86_64-export.so",
            "sample.abi3t.so",
            "cp315t-linux-x86_64 not-used",
            0,
        ),
        (
            "pe-x86_64-not-used.pyd",
            "sample.cp314t-win_amd64.pyd",
            "cp314t-windows-amd64 not-used",
            0,
        ),
        (
            "pe-x86_64-gil.pyd",
            "sample.pyd",
            "cp314t-windows-amd64 not-loadable",
            1,
        ),
        (
            "macho-universal.so",
            "sample.cpython-314t-darwin.so",
            "cp314t-macos-arm64 not-used",
            1,
        ),
        (
            "elf-x86_64-delegated-counted.so",
            "sample.cpython-314t-x86_64-linux-gnu.so",
            "cp314t-linux-x86_64 delegated",
            3,
        ),
    ] {
        sandbox.write(name, compiled(fixture));
        let (run, document) = inspect(&sandbox, &[name]);
        let lines = lines(&document);
        assert!(
            lines
                .iter()
                .any(|line| line.starts_with(&format!("sample {expected}"))),
            "{fixture}: {lines:?}"
        );
        assert_eq!(run.code, Some(code), "{fixture}: {lines:?}");
        let text = sandbox.run(&["inspect", name]);
        assert!(
            text.stdout.contains("PyInit_sample") || text.stdout.contains("PyModExport_sample"),
            "{}",
            text.stdout
        );
        assert_eq!((text.code, text.stderr.as_str()), (run.code, ""));
    }
}

#[test]
fn every_compiled_fixture_can_be_inspected_as_it_lies_there() {
    let folder = fixture_path("");
    let paths: Vec<String> = std::fs::read_dir(folder)
        .unwrap()
        .map(|entry| entry.unwrap().path().display().to_string())
        .collect();
    assert!(paths.len() > 30);
    let paths: Vec<&str> = paths.iter().map(String::as_str).collect();
    let (_, document) = inspect(&Sandbox::new(), &paths);
    assert_eq!(document["problems"], serde_json::json!([]));
}

#[test]
fn what_cannot_be_inspected_is_told_and_nothing_else_is() {
    let sandbox = Sandbox::new();
    sandbox.write("notes.txt", "Just text.\n");
    sandbox.write("notes.so", "Just text.\n");
    sandbox.write("empty.so", "");
    sandbox.write("fake-1.0-py3-none-any.whl", "Just text.\n");
    sandbox.write("name.whl", "Just text.\n");
    sandbox.write("half.so", &compiled("elf-x86_64-used.so")[..40]);
    for (argument, told) in [
        (
            "notes.txt",
            "expected a wheel (.whl), a source distribution (.tar.gz, .zip) or a compiled file",
        ),
        (
            "notes.so",
            "expected a wheel (.whl), a source distribution (.tar.gz, .zip) or a compiled file",
        ),
        (
            "empty.so",
            "expected a wheel (.whl), a source distribution (.tar.gz, .zip) or a compiled file",
        ),
        ("fake-1.0-py3-none-any.whl", "is not a zip file"),
        ("name.whl", "name.whl"),
        ("missing.whl", "No such file"),
        ("missing.so", "error: missing.so: No such file"),
    ] {
        let run = sandbox.run(&["inspect", argument]);
        assert_eq!(
            (run.code, run.stdout.as_str()),
            (Some(2), ""),
            "{argument}: {}",
            run.stderr
        );
        assert!(
            run.stderr.starts_with("error: ") && run.stderr.contains(argument),
            "{argument}: {}",
            run.stderr
        );
        assert!(
            run.stderr.contains(told),
            "{argument}: expected {told}, found {}",
            run.stderr
        );
    }
    let (run, document) = inspect(&sandbox, &["half.so"]);
    assert_eq!(
        (run.code, document["problems"].as_array().unwrap().len()),
        (Some(3), 1),
        "{document}"
    );
}

#[test]
fn a_damaged_member_leaves_the_rest_of_the_wheel_intact() {
    let sandbox = Sandbox::new();
    let wheel = Wheel::new("two-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl")
        .module(
            "two/sample.cpython-314t-x86_64-linux-gnu.so",
            "elf-x86_64-not-used.so",
        )
        .member(
            "two/half.cpython-314t-x86_64-linux-gnu.so",
            &compiled("elf-x86_64-used.so")[..40],
        );
    sandbox.write(&wheel.filename, wheel.bytes());
    let (run, document) = inspect(&sandbox, &[&wheel.filename]);
    assert_eq!(run.code, Some(3));
    assert!(
        lines(&document)
            .contains(&"two.sample cp314t-linux-x86_64 not-used declared-not-used".to_owned())
    );
    assert_eq!(document["problems"].as_array().unwrap().len(), 1);
}

#[test]
fn a_file_that_is_named_for_an_import_has_to_be_compiled() {
    let tagged = "two/_fast.cpython-314t-x86_64-linux-gnu.so";
    let cases: [(&str, &[u8], i32); 4] = [
        (tagged, b"", 3),
        (tagged, b"version https://git-lfs.github.com/spec/v1\n", 3),
        ("two/_fast.abi3.so", b"\x7fEL", 3),
        // A script for linkers, as libraries may have in their place.
        ("two/libfast.so", b"INPUT(libfast.so.1)\n", 0),
    ];
    for (path, content, code) in cases {
        let sandbox = Sandbox::new();
        let wheel =
            Wheel::new("two-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl").member(path, content);
        sandbox.write(&wheel.filename, wheel.bytes());
        let (run, document) = inspect(&sandbox, &[&wheel.filename]);
        assert_eq!(run.code, Some(code), "{path}: {document}");
        let problems = document["problems"].to_string();
        let is_told =
            problems.contains(path) && problems.contains("not a linked ELF, Mach-O or PE file");
        assert_eq!(is_told, code == 3, "{path}: {problems}");
        let arguments = [
            "scan",
            "--offline",
            "--format",
            "json",
            "--python",
            "3.14t",
            "--platform",
            "linux-x86_64",
        ];
        let scanned = sandbox.run(&[&arguments[..], &[&wheel.filename]].concat());
        assert_eq!(scanned.code, Some(code), "{path}: {}", scanned.stdout);
    }
}
