//! Where requirements and files come from: options, files on this machine, URLs, the cache.

use crate::server::{Reply, Server};

use super::distributions::{Wheel, sdist, sdist_of, sha256};
use super::fake_index::{FakeIndex, Form, MetadataFiles};
use super::sandbox::{Report, Run, Sandbox, TARGET};
use super::verdicts;

const READY: &str = "ready-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl";

/// A server with every kind of package, and what its files are.
fn fake_index() -> (FakeIndex, Server) {
    let fake_index = verdicts::fake_index();
    let server = Server::start(fake_index.routes());
    (fake_index, server)
}

fn paths_below(server: &Server, start: &str) -> usize {
    server
        .paths()
        .iter()
        .filter(|path| path.starts_with(start))
        .count()
}

// Options

#[test]
fn only_what_is_named_is_scanned_without_dependencies() {
    let (_, server) = fake_index();
    let report = Sandbox::new().scan(&server, &["app", "--no-deps"]).report();
    assert_eq!(report.verdicts(), ["app 2.0 cp314t pure"]);
    assert_eq!(paths_below(&server, "/simple/"), 1);
}

#[test]
fn every_combination_of_python_and_platform_is_a_target() {
    let (_, server) = fake_index();
    let words = "--python 3.14t --python 3.15t --python 3.14t --platform linux-x86_64 --platform windows-amd64";
    let report = Sandbox::new()
        .scan_for(&server, &words.split(' ').collect::<Vec<_>>(), &["ready"])
        .report();
    let targets = [
        "cp314t-linux-x86_64",
        "cp314t-windows-amd64",
        "cp315t-linux-x86_64",
        "cp315t-windows-amd64",
    ];
    assert_eq!(report.0["targets"], serde_json::json!(targets));
    assert_eq!(
        report.verdicts(),
        [
            "ready 1.0 cp314t ready",
            "ready 1.0 cp314t-windows-amd64 blocked",
            "ready 1.0 cp315t ready",
            "ready 1.0 cp315t-windows-amd64 blocked",
        ]
    );
}

#[test]
fn a_file_is_read_once_whatever_the_number_of_targets() {
    let asked = |targets: &[&str]| {
        let (_, server) = fake_index();
        let report = Sandbox::new()
            .scan_for(&server, targets, &["app", "--no-deps"])
            .report();
        let found = report.0["targets"].as_array().unwrap().len();
        (
            found,
            paths_below(&server, "/simple/"),
            paths_below(&server, "/files/"),
        )
    };
    let (one, pages, files) = asked(&["--python", "3.14t", "--platform", "linux-x86_64"]);
    assert_eq!(one, 1);
    assert_eq!(asked(&["--all-platforms"]), (16, pages, files));
}

#[test]
fn constraints_bound_what_is_chosen() {
    let (_, server) = fake_index();
    for (requirements, arguments) in [
        ("cffi\n-c bounds.txt\n", &["requirements.txt"][..]),
        ("cffi\n", &["requirements.txt", "-c", "bounds.txt"]),
        (
            "cffi\n",
            &["-r", "requirements.txt", "--constraint", "bounds.txt"],
        ),
    ] {
        let sandbox = Sandbox::new();
        sandbox.write("requirements.txt", requirements);
        sandbox.write("bounds.txt", "cffi < 2\nundeclared == 7\n");
        assert_eq!(
            sandbox.scan(&server, arguments).report().verdicts(),
            ["cffi 1.0 cp314t gil"],
            "{arguments:?}"
        );
    }
}

#[test]
fn options_of_the_file_act() {
    let (fake_index, server) = fake_index();
    let sandbox = Sandbox::new();
    let index = server.url("/simple/");
    let check = |requirements: &str, verdicts: &[&str]| {
        sandbox.write("requirements.txt", requirements);
        let arguments = [&["scan", "requirements.txt", "--format", "json"], TARGET].concat();
        let run = Run::of(
            sandbox
                .command(&arguments)
                .env("MY_INDEX", &index)
                .env("NAME", "ready"),
        );
        assert_eq!(run.report().verdicts(), verdicts, "{requirements}");
    };
    check(
        &format!("--index-url {index}\nready\n"),
        &["ready 1.0 cp314t ready"],
    );
    check(
        "-i ${MY_INDEX}\n${NAME}==1.0 \\\n  ; python_version > '3'\n",
        &["ready 1.0 cp314t ready"],
    );
    check(
        &format!("\u{feff}--index-url {index}\r\nready # fine\r\n"),
        &["ready 1.0 cp314t ready"],
    );
    check(
        &format!("--index-url {index}\n--no-binary :all:\nready\n"),
        &["ready 1.0 cp314t blocked"],
    );
    check(
        &format!("--index-url {index}\n--only-binary source\nsource\n"),
        &["pure 1.0 cp314t pure", "source 1.0 cp314t blocked"],
    );
    let good = sha256(&fake_index.bytes(READY));
    check(
        &format!("--index-url {index}\nready==1.0 --hash=sha256:{good}\n"),
        &["ready 1.0 cp314t ready"],
    );
    let other = sha256(b"something else");
    check(
        &format!("--index-url {index}\nready==1.0 --hash=sha256:{other}\n"),
        &["ready 1.0 cp314t blocked"],
    );
}

#[test]
fn configuration_of_pip_and_uv_is_honoured() {
    let (_, server) = fake_index();
    let index = server.url("/simple/");
    let sandbox = Sandbox::new();
    sandbox.write("pip.conf", format!("[global]\nindex-url = {index}\n"));
    let conf = sandbox.path("pip.conf");
    for (name, value) in [
        ("PIP_INDEX_URL", index.as_str()),
        ("UV_INDEX_URL", &index),
        ("UV_DEFAULT_INDEX", &index),
        ("PIP_CONFIG_FILE", conf.to_str().unwrap()),
    ] {
        let arguments = [&["scan", "ready", "--format", "json", "--no-cache"], TARGET].concat();
        let run = Run::of(sandbox.command(&arguments).env(name, value));
        assert_eq!(
            run.report().verdicts(),
            ["ready 1.0 cp314t ready"],
            "{name}"
        );
    }
}

#[test]
fn requirements_may_come_over_standard_input() {
    let (_, server) = fake_index();
    let sandbox = Sandbox::new();
    sandbox.write("input", "# first\nready\n");
    let index = server.url("/simple/");
    let arguments = [
        &["scan", "-", "--format", "json", "--index-url", &index],
        TARGET,
    ]
    .concat();
    let input = std::fs::File::open(sandbox.path("input")).unwrap();
    let report = Run::of(sandbox.command(&arguments).stdin(input)).report();
    assert_eq!(report.verdicts(), ["ready 1.0 cp314t ready"]);
    assert_eq!(report.paths("ready"), ["standard input:2:1"]);
}

// Files on this machine and at URLs

#[test]
fn requirements_may_be_files() {
    let (fake_index, server) = fake_index();
    let sandbox = Sandbox::new();
    sandbox.write(&format!("wheels/{READY}"), fake_index.bytes(READY));
    sandbox.write("wheels/own-3.0.tar.gz", sdist("own", "3.0", &["ready"]));
    sandbox.write(
        "static/pyproject.toml",
        "[project]\nname = 'fixed'\nversion = '4.0'\ndependencies = ['ready']\n",
    );
    sandbox.write(
        "dynamic/pyproject.toml",
        "[project]\nname = 'moving'\ndynamic = ['version', 'dependencies']\n",
    );
    let url = server.url(&format!("/files/{READY}"));
    let digest = sha256(&fake_index.bytes(READY));
    for (requirement, verdicts) in [
        (format!("wheels/{READY}"), &["ready 1.0 cp314t ready"][..]),
        (format!("ready @ {url}"), &["ready 1.0 cp314t ready"]),
        (
            format!("{url}#sha256={digest}"),
            &["ready 1.0 cp314t ready"],
        ),
        (
            "./wheels/own-3.0.tar.gz".to_owned(),
            &["own 3.0 cp314t build", "ready 1.0 cp314t ready"],
        ),
        (
            "./static".to_owned(),
            &["fixed 4.0 cp314t build", "ready 1.0 cp314t ready"],
        ),
        (
            "-e ./static".to_owned(),
            &["fixed 4.0 cp314t build", "ready 1.0 cp314t ready"],
        ),
        ("./dynamic".to_owned(), &["moving ? cp314t build"]),
    ] {
        sandbox.write("requirements.txt", format!("# files\n{requirement}\n"));
        let run = sandbox.scan(&server, &["requirements.txt"]);
        let report = run.report();
        assert_eq!(report.verdicts(), verdicts, "{requirement}");
        let named = report.0["packages"][0]["name"].as_str().unwrap().to_owned();
        let column = if requirement.starts_with("-e") { 4 } else { 1 };
        assert_eq!(
            report.paths(&named),
            [format!("requirements.txt:2:{column}")],
            "{requirement}"
        );
        assert_eq!(
            !report.problems().is_empty(),
            requirement == "./dynamic",
            "{:?}",
            report.problems()
        );
        let filename = report.result(&named)["artifact"]["filename"]
            .as_str()
            .unwrap();
        assert!(
            !filename.contains('/') && requirement.contains(filename),
            "{filename}"
        );
    }
}

#[test]
fn a_project_folder_is_foreseen_as_its_sdist_is() {
    let sandbox = Sandbox::new();
    let silent = "PyMODINIT_FUNC PyInit__b(void) { return 0; }\n";
    let declared =
        "S s = {Py_mod_gil, Py_MOD_GIL_NOT_USED};\nPyMODINIT_FUNC PyInit__a(void) { return 0; }\n";
    let files = [
        (
            "PKG-INFO",
            "Metadata-Version: 2.2\nName: own\nVersion: 1.0\n",
        ),
        (
            "pyproject.toml",
            "[project]\nname = 'own'\nversion = '1.0'\n[project.optional-dependencies]\nmore = []\n",
        ),
        (
            "setup.py",
            "setup(ext_modules=[Extension('own._a', ['own/_a.c'])])\n",
        ),
        ("own/_a.c", declared),
    ];
    sandbox.write("packed/own-1.0.tar.gz", sdist_of("own", "1.0", &files));
    for (file, content) in files {
        sandbox.write(&format!("own/{file}"), content);
    }
    // What lies in a working copy and is no source of the project's.
    sandbox.write("own/env/pyvenv.cfg", "home = /usr/bin\n");
    sandbox.write(
        "own/target/CACHEDIR.TAG",
        "Signature: 8a477f597d28d172789f06886806bc55\n",
    );
    for folder in [
        "env/lib",
        "target/own",
        "build/lib/own",
        ".git/own",
        "node_modules/own",
    ] {
        sandbox.write(&format!("own/{folder}/_b.c"), silent);
    }
    let build = |requirement: &str| {
        sandbox.write("requirements.txt", format!("--no-index\n{requirement}\n"));
        let arguments = [&["scan", "requirements.txt", "--format", "json"], TARGET].concat();
        let report = sandbox.run(&arguments).report();
        assert_eq!(report.verdicts(), ["own 1.0 cp314t build"], "{requirement}");
        report.result("own")["build"].clone()
    };
    let packed = build("./packed/own-1.0.tar.gz");
    assert_eq!(
        [&packed["becomes"], &packed["evidence"][0]["place"]],
        ["keeps-gil-off", "own/_a.c:1"]
    );
    for requirement in ["./own", "-e ./own", "./own[more]"] {
        assert_eq!(build(requirement), packed, "{requirement}");
    }
    sandbox.write("own/own/_b.c", silent);
    assert_eq!(
        build("./own")["becomes"],
        "unknown",
        "no build file names it"
    );
}

#[cfg(unix)]
#[test]
fn links_in_a_project_folder_leave_open_what_it_becomes() {
    let sandbox = Sandbox::new();
    sandbox.write(
        "own/pyproject.toml",
        "[project]\nname = 'own'\nversion = '1.0'\n",
    );
    sandbox.write(
        "elsewhere/_b.c",
        "PyMODINIT_FUNC PyInit__b(void) { return 0; }\n",
    );
    let becomes = || {
        let arguments = [
            &["scan", "./own[more]", "--no-index", "--format", "json"],
            TARGET,
        ]
        .concat();
        sandbox.run(&arguments).report().result("own")["build"].clone()
    };
    assert_eq!(becomes()["becomes"], "pure");
    std::os::unix::fs::symlink(sandbox.path("elsewhere"), sandbox.path("own/linked")).unwrap();
    assert_eq!(becomes()["becomes"], "unknown");
    let reason = becomes()["reason"].to_string();
    assert!(
        reason.contains("linked was not read: it is a link to a folder"),
        "{reason}"
    );
}

#[test]
fn a_file_that_is_not_the_one_that_was_meant_is_not_believed() {
    let (_, server) = fake_index();
    let other = sha256(b"something else");
    let url = server.url(&format!("/files/{READY}#sha256={other}"));
    let run = Sandbox::new().scan(&server, &[&format!("ready @ {url}")]);
    let report = run.report();
    assert_eq!(report.verdicts(), ["ready 1.0 cp314t unknown"]);
    assert!(
        report.problems()[0].starts_with("integrity"),
        "{:?}",
        report.problems()
    );
    assert_eq!(run.code, Some(3));
}

/// A wheel with a large member beside its module, so that it is read by ranges.
const RANGED: &str = "ranged-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl";

fn ranged() -> (FakeIndex, Server) {
    let module = "ranged/sample.cpython-314t-x86_64-linux-gnu.so";
    let wheel = Wheel::new(RANGED)
        .ballast("ranged/noise.bin", 600_000)
        .module(module, "elf-x86_64-not-used.so");
    let fake_index = FakeIndex::with([wheel]);
    let server = Server::start(fake_index.routes());
    (fake_index, server)
}

#[test]
fn a_report_says_how_each_file_was_checked() {
    let (fake_index, server) = ranged();
    let (own, other) = (sha256(&fake_index.bytes(RANGED)), sha256(b"something else"));
    let url = |digest: &str| {
        format!(
            "ranged @ {}#sha256={digest}",
            server.url(&format!("/files/{RANGED}"))
        )
    };
    let check = |arguments: &[&str], verdict: &str, checked: &str, digests: [Option<&str>; 2]| {
        let report = Sandbox::new().scan(&server, arguments).report();
        assert_eq!(
            report.verdicts(),
            [format!("ranged 1.0 cp314t {verdict}")],
            "{arguments:?}"
        );
        let artifact = &report.result("ranged")["artifact"];
        assert_eq!(artifact["checked"], checked, "{arguments:?}");
        assert_eq!(
            [
                artifact["sha256"].as_str(),
                artifact["sha256_stated"].as_str()
            ],
            digests,
            "{arguments:?}"
        );
        report.problems()
    };
    // By ranges nobody knows whether the digest is right, and the report does not say that it is.
    assert_eq!(
        check(&[&url(&own)], "ready", "ranges", [None, Some(&own)]),
        [] as [String; 0]
    );
    check(&[&url(&other)], "ready", "ranges", [None, Some(&other)]);
    check(
        &["--verify-hashes", &url(&own)],
        "ready",
        "digest",
        [Some(&own), Some(&own)],
    );
    let sandbox = Sandbox::new();
    sandbox.write("ungil.toml", "verify-hashes = true\n");
    for arguments in [
        &["--verify-hashes", "--no-config", &url(&other)][..],
        &[&url(&other)],
    ] {
        let report = sandbox.scan(&server, arguments).report();
        assert_eq!(report.verdicts(), ["ranged 1.0 cp314t unknown"]);
        assert!(
            report
                .problems()
                .iter()
                .any(|it| it.starts_with("integrity") && it.contains(&other)),
            "{arguments:?}"
        );
    }
}

#[test]
fn a_pinned_digest_that_nobody_states_is_computed() {
    let (fake_index, server) = ranged();
    let (own, other) = (sha256(&fake_index.bytes(RANGED)), sha256(b"something else"));
    let url = server.url(&format!("/files/{RANGED}"));
    for (digest, is_right) in [(&own, true), (&other, false)] {
        let sandbox = Sandbox::new();
        sandbox.write(
            "requirements.txt",
            format!("ranged @ {url} --hash=sha256:{digest}\n"),
        );
        let report = sandbox.scan(&server, &["requirements.txt"]).report();
        let artifact = &report.result("ranged")["artifact"];
        assert_eq!(
            (artifact["checked"].as_str(), artifact["sha256"].as_str()),
            (Some("digest"), Some(own.as_str()))
        );
        let told = report.problems();
        let found = told
            .iter()
            .any(|it| it.starts_with("integrity") && it.contains("requirements.txt:1:1 demands"));
        assert_eq!(found, !is_right, "{told:?}");
    }
}

#[test]
fn a_digest_that_is_not_the_one_of_the_index_is_told_with_both() {
    let (fake_index, server) = fake_index();
    let (own, other) = (sha256(&fake_index.bytes(READY)), sha256(b"something else"));
    let sandbox = Sandbox::new();
    sandbox.write(
        "requirements.txt",
        format!("ready==1.0 --hash=sha256:{other}\n"),
    );
    let run = sandbox.scan(&server, &["requirements.txt"]);
    let told = run.report().problems();
    assert!(
        told.iter()
            .any(|it| it.starts_with("integrity") && it.contains(&own) && it.contains(&other)),
        "{told:?}"
    );
    assert_eq!(
        (run.report().verdicts(), run.code),
        (vec!["ready 1.0 cp314t blocked".to_owned()], Some(1))
    );
}

#[test]
fn folders_of_files_are_enough() {
    let (fake_index, server) = fake_index();
    let sandbox = Sandbox::new();
    sandbox.write(&format!("wheels/{READY}"), fake_index.bytes(READY));
    for arguments in [
        &["ready", "--no-index", "--find-links", "wheels"][..],
        &["ready", "--no-index", "-f", "./wheels"],
    ] {
        let report = sandbox.scan(&server, arguments).report();
        assert_eq!(report.verdicts(), ["ready 1.0 cp314t ready"]);
        assert_eq!(report.count("bytes_fetched"), 0);
    }
    sandbox.write(
        "requirements.txt",
        "--no-index\n--find-links wheels\nready\n",
    );
    let report = sandbox.scan(&server, &["requirements.txt"]).report();
    assert_eq!(report.verdicts(), ["ready 1.0 cp314t ready"]);
    assert!(server.requests().is_empty());
}

// What is fetched

fn heavy() -> FakeIndex {
    let module = "heavy/sample.cpython-314t-x86_64-linux-gnu.so";
    FakeIndex::with([
        Wheel::new("heavy-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl")
            .ballast("heavy/model.bin", 2_000_000)
            .module(module, "elf-x86_64-not-used.so")
            .ballast("heavy/other.bin", 2_000_000),
    ])
}

#[test]
fn only_what_matters_is_fetched() {
    let fake_index = heavy();
    let server = Server::start(fake_index.routes());
    let report = Sandbox::new().scan(&server, &["heavy"]).report();
    assert_eq!(report.verdicts(), ["heavy 1.0 cp314t ready"]);
    assert_eq!(report.count("bytes_total"), fake_index.total());
    assert!(
        report.count("bytes_fetched") * 10 < fake_index.total(),
        "{}",
        report.0["summary"]
    );
}

#[test]
fn a_server_without_ranges_sends_it_all() {
    let fake_index = heavy();
    let path = "/files/heavy-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl";
    let bytes = fake_index.bytes(path.rsplit('/').next().unwrap());
    let server = Server::start(
        fake_index
            .routes()
            .reply(path, Reply::bytes("application/octet-stream", bytes)),
    );
    let report = Sandbox::new().scan(&server, &["heavy"]).report();
    assert_eq!(report.verdicts(), ["heavy 1.0 cp314t ready"]);
    assert_eq!(report.count("bytes_fetched"), fake_index.total());
    assert_eq!(report.problems(), Vec::<String>::new());
}

// The cache

/// A report without what depends on the cache.
fn lasting(report: Report) -> serde_json::Value {
    let mut report = report.0;
    report["summary"]["bytes_fetched"] = serde_json::Value::Null;
    report
}

#[test]
fn a_second_run_asks_nobody() {
    for (form, metadata_files) in [
        (Form::Html, MetadataFiles::Absent),
        (Form::Json, MetadataFiles::Served),
    ] {
        let server = Server::start(
            verdicts::fake_index()
                .in_form(form, metadata_files)
                .routes(),
        );
        let sandbox = Sandbox::new();
        let arguments = [
            "app", "declared", "crashes", "fallback", "nothing", "stable",
        ];
        let first = sandbox.scan(&server, &arguments).report();
        let asked = server.requests().len();
        assert!(first.count("bytes_fetched") > 0 && asked > 0);
        for more in [&[][..], &["--offline"]] {
            let again = sandbox.scan(&server, &[&arguments, more].concat()).report();
            assert_eq!(again.count("bytes_fetched"), 0);
            assert!(
                lasting(again) == lasting(Report(first.0.clone())),
                "{}",
                first.0["summary"]
            );
        }
        assert_eq!(server.paths()[asked..], [] as [String; 0]);
        sandbox
            .scan(&server, &[&arguments[..], &["--refresh"]].concat())
            .report();
        assert!(server.requests().len() > asked, "pages are asked for again");
        assert!(
            server.requests()[asked..]
                .iter()
                .all(|request| request.path.starts_with("/simple/"))
        );
    }
}

#[test]
fn nothing_is_kept_without_a_cache() {
    let (_, server) = fake_index();
    let sandbox = Sandbox::new();
    for _ in 0..2 {
        let report = sandbox.scan(&server, &["ready", "--no-cache"]).report();
        assert!(report.count("bytes_fetched") > 0);
    }
    assert!(!sandbox.cache().exists());
}

#[test]
fn offline_with_nothing_in_the_cache_knows_nothing() {
    let (_, server) = fake_index();
    let run = Sandbox::new().scan(&server, &["ready", "pure", "--offline"]);
    let report = run.report();
    assert_eq!(
        report.verdicts(),
        ["pure ? cp314t unknown", "ready ? cp314t unknown"]
    );
    assert_eq!(run.code, Some(3));
    assert_eq!(report.problems().len(), 2, "{:?}", report.problems());
    assert!(
        report
            .problems()
            .iter()
            .all(|problem| problem.contains("offline")),
        "{:?}",
        report.problems()
    );
    assert!(server.requests().is_empty());
}

#[test]
fn a_damaged_cache_costs_time_and_nothing_else() {
    let (_, server) = fake_index();
    let sandbox = Sandbox::new();
    let first = sandbox.scan(&server, &["app"]).report();
    let files = walkdir::WalkDir::new(sandbox.cache())
        .into_iter()
        .map(Result::unwrap);
    let mut spoiled = 0;
    for file in files.filter(|entry| entry.file_type().is_file()) {
        std::fs::write(file.path(), b"{\"spoiled\":").unwrap();
        spoiled += 1;
    }
    assert!(spoiled > 0);
    assert!(lasting(sandbox.scan(&server, &["app"]).report()) == lasting(first));
}

#[test]
fn a_cache_that_cannot_be_written_costs_time_and_nothing_else() {
    let (_, server) = fake_index();
    let sandbox = Sandbox::new();
    sandbox.write("file", "");
    let cache = sandbox.path("file");
    let report = sandbox
        .scan(&server, &["app", "--cache-dir", cache.to_str().unwrap()])
        .report();
    assert_eq!(report.verdicts().len(), 5, "{:?}", report.verdicts());
}

#[test]
fn two_indexes_are_one() {
    let (_, first) = fake_index();
    let pure = Wheel::new("extra-1.0-py3-none-any.whl").requires("ready");
    let second = Server::start(FakeIndex::with([pure]).routes());
    let extra = second.url("/simple/");
    let report = Sandbox::new()
        .scan(&first, &["extra", "--extra-index-url", &extra])
        .report();
    assert_eq!(
        report.verdicts(),
        ["extra 1.0 cp314t pure", "ready 1.0 cp314t ready"]
    );
}
