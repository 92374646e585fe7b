//! `ungil plan`: which versions are ready, what has to move, what stands in the way, and edited files.

use std::collections::BTreeMap;

use serde_json::Value;

use crate::server::Server;

use super::distributions::{Wheel, sdist_of, sha256};
use super::fake_index::{FakeIndex, Form, MetadataFiles};
use super::sandbox::{Run, Sandbox, TARGET};

pub(super) const READY: &str = "elf-x86_64-not-used.so";
pub(super) const NOT_READY: &str = "elf-x86_64-absent.so";

/// A wheel for the free-threaded 3.14 with one module.
pub(super) fn wheel(name: &str, version: &str, fixture: &str) -> Wheel {
    let path = format!("{name}/sample.cpython-314t-x86_64-linux-gnu.so");
    Wheel::new(&format!(
        "{name}-{version}-cp314-cp314t-manylinux_2_28_x86_64.whl"
    ))
    .module(&path, fixture)
}

fn for_the_gil(name: &str, version: &str) -> Wheel {
    let path = format!("{name}/sample.cpython-314-x86_64-linux-gnu.so");
    Wheel::new(&format!(
        "{name}-{version}-cp314-cp314-manylinux_2_28_x86_64.whl"
    ))
    .module(&path, "elf-x86_64-gil.so")
}

/// Versions of one package, each ready (`R`) or not (`-`), without a wheel that fits (`.`), or only for the build with
/// the GIL and pure (`p`).
pub(super) fn history(fake_index: FakeIndex, name: &str, versions: &[(&str, char)]) -> FakeIndex {
    versions
        .iter()
        .fold(fake_index, |fake_index, (version, state)| match state {
            'R' => fake_index.and(wheel(name, version, READY)),
            '-' => fake_index.and(wheel(name, version, NOT_READY)),
            'p' => fake_index
                .and(for_the_gil(name, version))
                .and(Wheel::new(&format!("{name}-{version}-py3-none-any.whl"))),
            _ => fake_index.and(for_the_gil(name, version)),
        })
}

pub(super) fn plan(sandbox: &Sandbox, server: &Server, arguments: &[&str]) -> Run {
    let index = server.url("/simple/");
    sandbox.run(
        &[
            &["plan", "--format", "json", "--index-url", &index],
            TARGET,
            arguments,
        ]
        .concat(),
    )
}

pub(super) fn document(run: &Run) -> Value {
    run.document(include_str!("../../../docs/plan.schema.json"))
}

pub(super) fn step<'a>(plan: &'a Value, name: &str) -> &'a Value {
    plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|step| step["name"] == name)
        .unwrap()
}

/// `course to oldest newest border`
pub(super) fn told(plan: &Value, name: &str) -> String {
    let step = step(plan, name);
    let search = &step["outlooks"][0]["search"];
    let parts = [
        &step["course"],
        &step["to"],
        &search["oldest"],
        &search["newest"],
        &search["border"],
    ];
    parts
        .map(|part| part.as_str().unwrap_or("-").to_owned())
        .join(" ")
}

#[test]
fn the_first_ready_version_is_named_and_confirmed() {
    for (versions, expected) in [
        (
            &[("1.0", '-'), ("1.1", '-'), ("1.2", 'R'), ("2.0", 'R')][..],
            "change 1.2 1.2 2.0 confirmed",
        ),
        (
            &[("1.0", '-'), ("1.1", '.'), ("1.2", 'p'), ("2.0", 'R')],
            "change 2.0 2.0 2.0 confirmed",
        ),
        (
            &[("1.0", '.'), ("1.1", '.'), ("1.2", 'R'), ("1.3", 'R')],
            "change 1.2 1.2 1.3 confirmed",
        ),
        (
            &[("1.0", 'p'), ("1.1", 'R')],
            "change 1.1 1.1 1.1 confirmed",
        ),
        // Taken back, and not taken for granted.
        (
            &[("1.0", '-'), ("1.1", 'R'), ("1.2", '-')],
            "change 1.1 1.1 1.1 confirmed",
        ),
        (
            &[("1.0", '-'), ("1.1", '-'), ("1.2", '-')],
            "isolate - - - open",
        ),
        (&[("1.0", '.')], "isolate - - - open"),
        (&[("1.0", 'p'), ("1.1", 'p')], "accept - - - open"),
        // Pre-releases only for those who have one.
        (&[("1.0", '-'), ("1.1rc1", 'R')], "isolate - - - open"),
        // Older ones where no newer one is ready, the newest of them.
        (
            &[("1.0", '-'), ("0.9", 'R'), ("0.8", 'R')],
            "change 0.9 - - open",
        ),
        (
            &[("1.0", '-'), ("1.1", '-'), ("0.9", 'R'), ("0.8", '-')],
            "change 0.9 - - open",
        ),
    ] {
        let server = Server::start(history(FakeIndex::default(), "lib", versions).routes());
        let run = plan(&Sandbox::new(), &server, &["lib==1.0"]);
        assert_eq!(told(&document(&run), "lib"), expected, "{versions:?}");
        let code = if expected.starts_with("isolate") {
            1
        } else {
            0
        };
        assert_eq!(run.code, Some(code), "{versions:?}");
    }
    let early = history(
        FakeIndex::default(),
        "lib",
        &[("1.0rc1", '-'), ("1.0rc2", 'R'), ("1.0rc3", 'R')],
    );
    let server = Server::start(early.routes());
    assert_eq!(
        told(
            &document(&plan(&Sandbox::new(), &server, &["lib==1.0rc1"])),
            "lib"
        ),
        "change 1.0rc2 1.0rc2 1.0rc3 confirmed"
    );
}

#[test]
fn a_long_history_costs_few_requests() {
    let version = |number: usize| format!("{}.{}.{}", 1 + number / 40, number / 8 % 5, number % 8);
    let versions: Vec<(String, char)> = (0..80)
        .map(|number| (version(number), if number < 61 { '-' } else { 'R' }))
        .collect();
    let versions: Vec<(&str, char)> = versions
        .iter()
        .map(|(version, state)| (version.as_str(), *state))
        .collect();
    let fake_index =
        history(FakeIndex::default(), "lib", &versions).in_form(Form::Json, MetadataFiles::Absent);
    let server = Server::start(fake_index.routes());
    let plan = document(&plan(
        &Sandbox::new(),
        &server,
        &["lib==1.0.0", "--no-cache", "--timestamp"],
    ));
    assert_eq!(told(&plan, "lib"), "change 2.2.5 2.2.5 2.4.7 confirmed");
    let mut asked: BTreeMap<String, usize> = BTreeMap::new();
    for path in server.paths() {
        *asked.entry(path).or_default() += 1;
    }
    let sent: usize = asked.values().sum();
    assert!(sent < 12, "{sent}: {asked:#?}");
    assert_eq!(plan["summary"]["requests"], sent);
    let may_cost = plan["steps"][0]["outlooks"][0]["search"]["requests"]
        .as_u64()
        .unwrap();
    assert!((sent as u64..12).contains(&may_cost), "{may_cost}");
}

#[test]
fn lines_are_edited_and_the_result_is_ready() {
    let fake_index = history(
        FakeIndex::default(),
        "lib",
        &[("1.0", '-'), ("1.1", 'R'), ("1.2", 'R')],
    );
    let fake_index = history(fake_index, "fine", &[("3.0", 'R')]);
    let digest = |filename: &str| sha256(&fake_index.bytes(filename));
    let [old, new] = ["1.0", "1.1"]
        .map(|it| digest(&format!("lib-{it}-cp314-cp314t-manylinux_2_28_x86_64.whl")));
    let server = Server::start(fake_index.routes());
    let sandbox = Sandbox::new();
    let fine = digest("fine-3.0-cp314-cp314t-manylinux_2_28_x86_64.whl");
    let text = |version: &str, digest: &str| {
        format!(
            "# pinned\r\nlib=={version} \\\r\n    --hash=sha256:{digest}\r\n    # via app\r\nfine==3.0 --hash=sha256:{fine}\r\n"
        )
    };
    sandbox.write("requirements.txt", text("1.0", &old));
    let dry = document(&plan(&sandbox, &server, &["requirements.txt"]));
    assert_eq!(dry["edits"][0]["place"]["line"], 2);
    assert_eq!(dry["edits"][0]["sha256"], serde_json::json!([new]));
    assert_eq!(
        std::fs::read_to_string(sandbox.path("requirements.txt")).unwrap(),
        text("1.0", &old)
    );

    let run = plan(&sandbox, &server, &["requirements.txt", "--write"]);
    assert_eq!(
        (run.code, run.stderr.as_str()),
        (Some(0), "wrote requirements.txt: 1 line changed\n")
    );
    assert_eq!(
        std::fs::read_to_string(sandbox.path("requirements.txt")).unwrap(),
        text("1.1", &new)
    );
    let scanned = sandbox.scan(&server, &["requirements.txt"]);
    assert_eq!(
        scanned.report().verdicts(),
        ["fine 3.0 cp314t ready", "lib 1.1 cp314t ready"]
    );
    assert_eq!(
        document(&plan(&sandbox, &server, &["requirements.txt"]))["steps"],
        serde_json::json!([])
    );
}

/// `lib` is ready from 1.1 on; `app` pins it, each version another one.
fn bound_shop() -> FakeIndex {
    let fake_index = history(
        FakeIndex::default(),
        "lib",
        &[("1.0", '-'), ("1.1", 'R'), ("1.2", 'R')],
    );
    fake_index
        .and(Wheel::new("app-1.0-py3-none-any.whl").requires("lib==1.0"))
        .and(
            Wheel::new("app-2.0-py3-none-any.whl")
                .requires("lib==1.1")
                .requires("extra"),
        )
        .and(Wheel::new("strict-1.0-py3-none-any.whl").requires("lib<1.1"))
        .and(Wheel::new("extra-1.0-py3-none-any.whl"))
}

#[test]
fn what_requires_it_moves_with_it() {
    let server = Server::start(bound_shop().routes());
    let sandbox = Sandbox::new();
    sandbox.write("requirements.txt", "app==1.0\nlib==1.0\n");
    let run = plan(&sandbox, &server, &["requirements.txt", "--write"]);
    assert_eq!(run.code, Some(0), "{}", run.stderr);
    assert_eq!(
        std::fs::read_to_string(sandbox.path("requirements.txt")).unwrap(),
        "app==2.0\nlib==1.1\n"
    );
    let plan: Value = serde_json::from_str(&run.stdout).unwrap();
    let moves = plan["moves"].as_array().unwrap();
    let moved: Vec<String> = moves
        .iter()
        .map(|it| format!("{} {} {}", it["name"], it["from"], it["to"]))
        .collect();
    assert_eq!(moved, [r#""app" "1.0" "2.0""#, r#""extra" null "1.0""#]);
}

#[test]
fn a_newer_one_than_the_oldest_ready_is_taken_where_others_want_it() {
    let fake_index = history(
        FakeIndex::default(),
        "base",
        &[("1.0", '-'), ("1.1", 'R'), ("1.2", 'R')],
    );
    let fake_index = fake_index
        .and(wheel("above", "1.0", NOT_READY).requires("base"))
        .and(wheel("above", "2.0", READY).requires("base>=1.2"))
        .and(wheel("above", "2.1", READY).requires("base>=1.2"));
    let server = Server::start(fake_index.routes());
    let plan = document(&plan(
        &Sandbox::new(),
        &server,
        &["above==1.0", "base==1.0"],
    ));
    assert_eq!(told(&plan, "base"), "change 1.2 1.1 1.2 confirmed");
    assert_eq!(told(&plan, "above"), "change 2.0 2.0 2.1 confirmed");
}

#[test]
fn what_stands_in_the_way_is_named() {
    for (requirements, place, package, wants) in [
        ("lib<1.1\n", Some("requirements.txt 1"), None, "<1.1"),
        (
            "# one\nlib==1.0\nstrict==1.0\n",
            Some("requirements.txt 3"),
            Some("strict 1.0"),
            "<1.1",
        ),
        ("lib==1.0\nstrict\n", None, Some("strict 1.0"), "<1.1"),
    ] {
        let server = Server::start(bound_shop().routes());
        let sandbox = Sandbox::new();
        sandbox.write("requirements.txt", requirements);
        let run = plan(&sandbox, &server, &["requirements.txt"]);
        let plan = document(&run);
        assert!(
            told(&plan, "lib").starts_with("held-back 1.1 1.1 "),
            "{requirements}: {}",
            told(&plan, "lib")
        );
        let by = &step(&plan, "lib")["held_by"][0];
        let text = |value: &Value| value.as_str().map(str::to_owned);
        let found = by["place"]["file"]
            .as_str()
            .map(|file| format!("{file} {}", by["place"]["line"]));
        assert_eq!(found.as_deref(), place, "{requirements}: {by}");
        let found =
            text(&by["package"]).map(|name| format!("{name} {}", text(&by["version"]).unwrap()));
        assert_eq!(found.as_deref(), package, "{requirements}");
        assert_eq!(by["wants"], wants, "{requirements}");
        assert_eq!(run.code, Some(1));
    }
}

#[test]
fn leaves_come_first_and_the_end_is_told_for_people() {
    let fake_index = history(FakeIndex::default(), "base", &[("1.0", '-'), ("1.1", 'R')]);
    let fake_index = history(fake_index, "stuck", &[("1.0", '-'), ("1.1rc1", 'R')]);
    let fake_index = fake_index
        .and(wheel("above", "1.0", NOT_READY).requires("base>=1.0"))
        .and(wheel("above", "1.1", READY).requires("base>=1.0"))
        .and(
            wheel("asked", "1.0", NOT_READY)
                .says("Project-URL: Bug Tracker, https://bugs.example.org/\u{1b}[2Jasked"),
        );
    let fake_index = fake_index.and_sdist("source", "1.0", &[]);
    let server = Server::start(fake_index.routes());
    let sandbox = Sandbox::new();
    sandbox.write(
        "requirements.txt",
        "above==1.0\nbase==1.0\nasked==1.0\nstuck==1.0\nsource==1.0\n",
    );
    let index = server.url("/simple/");
    let run = sandbox.run(&[&["plan", "requirements.txt", "--index-url", &index], TARGET].concat());
    assert_eq!((run.code, run.stderr.as_str()), (Some(1), ""));
    snapshot!("scan", run.stdout);
}

#[test]
fn what_is_told_of_newer_versions_is_about_the_version_in_the_set() {
    let fake_index = history(FakeIndex::default(), "lib", &[("1.0", '-'), ("1.1", 'R')]);
    let fake_index = fake_index.and(wheel("top", "1.0", NOT_READY).requires("lib"));
    let server = Server::start(
        fake_index
            .and(wheel("top", "2.0", NOT_READY).requires("lib<1.1"))
            .routes(),
    );
    let plan = document(&plan(&Sandbox::new(), &server, &["top"]));
    assert_eq!(told(&plan, "lib"), "change 1.1 1.1 1.1 confirmed");
    let top = step(&plan, "top");
    // The plan goes back to 1.0, which has a newer version.
    assert_eq!(
        (&top["version"], &top["outlooks"][0]["after"]["version"]),
        (&"2.0".into(), &"1.0".into())
    );
    assert_eq!(top["outlooks"][0]["search"]["versions"], 0);
}

#[test]
fn a_lock_file_is_left_to_its_tool() {
    let fake_index = history(FakeIndex::default(), "lib", &[("1.0", '-'), ("1.1", 'R')]);
    let digest = sha256(&fake_index.bytes("lib-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl"));
    let server = Server::start(fake_index.routes());
    let sandbox = Sandbox::new();
    let lock = format!(
        "version = 1\nrequires-python = \">=3.14\"\n\n[[package]]\nname = \"lib\"\nversion = \"1.0\"\n\
         source = {{ registry = \"https://pypi.org/simple\" }}\n\
         wheels = [{{ url = \"https://example.org/lib-1.0-cp314-cp314t-manylinux_2_28_x86_64.whl\", hash = \"sha256:{digest}\" }}]\n\n\
         [[package]]\nname = \"mine\"\nversion = \"0.1\"\nsource = {{ virtual = \".\" }}\ndependencies = [{{ name = \"lib\" }}]\n"
    );
    sandbox.write("uv.lock", &lock);
    let run = plan(&sandbox, &server, &["uv.lock", "--write"]);
    let plan = document(&run);
    assert_eq!(
        told(&plan, "lib"),
        "change 1.1 1.1 1.1 confirmed",
        "{}",
        run.stdout
    );
    assert_eq!(
        plan["commands"][0]["command"],
        "uv lock --upgrade-package 'lib==1.1'"
    );
    assert_eq!(plan["edits"], serde_json::json!([]));
    assert_eq!(run.code, Some(0));
    assert_eq!(
        std::fs::read_to_string(sandbox.path("uv.lock")).unwrap(),
        lock
    );
}

#[test]
fn what_the_build_with_the_gil_gets_is_shown() {
    let fake_index = history(FakeIndex::default(), "back", &[("0.1", 'R'), ("2.0", '.')]);
    let fake_index = history(fake_index, "old", &[("1.0", 'p')]);
    let fake_index = history(fake_index, "same", &[("1.0", 'R')]);
    let server = Server::start(fake_index.routes());
    let sandbox = Sandbox::new();
    let report = sandbox.scan(&server, &["back", "old", "same"]).report();
    assert_eq!(
        report.verdicts(),
        [
            "back 0.1 cp314t ready",
            "old 1.0 cp314t pure-fallback",
            "same 1.0 cp314t ready"
        ]
    );
    let other = |name: &str| report.result(name)["other_build"].clone();
    let gets = |version: &str, name: &str| {
        let filename = format!("{name}-{version}-cp314-cp314-manylinux_2_28_x86_64.whl");
        serde_json::json!({ "python": "3.14", "version": version, "filename": filename })
    };
    assert_eq!(other("back"), gets("2.0", "back"));
    assert_eq!(other("old"), gets("1.0", "old"));
    assert_eq!(other("same"), Value::Null);
    // Only where the version differs, the table says so; where the file does, the verdict does.
    let index = server.url("/simple/");
    let table = sandbox
        .run(&[&["scan", "back", "old", "--index-url", &index], TARGET].concat())
        .stdout;
    assert_eq!(table.matches("3.14 gets 2.0").count(), 1, "{table}");
    assert!(!table.contains("3.14 gets 1.0"), "{table}");
    // What is pinned is the same for both, and asks for nothing.
    let pinned = Server::start(
        history(FakeIndex::default(), "back", &[("0.1", 'R'), ("2.0", '.')]).routes(),
    );
    let report = sandbox.scan(&pinned, &["back==0.1", "--no-cache"]).report();
    assert_eq!(report.result("back")["other_build"], Value::Null);
}

/// A source of one module in C.
fn source(name: &str, version: &str, declaration: &str) -> Vec<u8> {
    let info = format!("Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n");
    let requires =
        "[build-system]\nrequires = ['setuptools>=77', 'tomli; python_version < \"3.11\"']\n";
    let setup = format!("setup(name='{name}', ext_modules=[Extension('_a', ['_a.c'])])\n");
    let module = format!(
        "{declaration}\nPyMODINIT_FUNC PyInit__a(void) {{ return PyModuleDef_Init(&module); }}\n"
    );
    let files = [
        ("PKG-INFO", &*info),
        ("pyproject.toml", requires),
        ("setup.py", &*setup),
        ("_a.c", &*module),
    ];
    sdist_of(name, version, &files)
}

/// With a source of one module in C.
fn and_source(fake_index: FakeIndex, name: &str, version: &str, declaration: &str) -> FakeIndex {
    fake_index.file(
        name,
        &format!("{name}-{version}.tar.gz"),
        source(name, version, declaration),
        None,
    )
}

#[test]
fn what_stays_to_be_built_is_foreseen() {
    let fake_index = and_source(
        FakeIndex::default(),
        "calm",
        "1.0",
        "S s[] = {{Py_mod_gil, Py_MOD_GIL_NOT_USED}};",
    );
    let fake_index = and_source(fake_index, "silent", "1.0", "");
    let fake_index = and_source(fake_index, "later", "1.0", "");
    let fake_index = and_source(
        fake_index,
        "later",
        "1.1",
        "S s[] = {{Py_mod_gil, Py_MOD_GIL_NOT_USED}};",
    );
    // Its wheel is the better way, so nobody reads its sources.
    let fake_index = and_source(fake_index, "moves", "1.0", "").and(wheel("moves", "1.1", READY));
    let server = Server::start(fake_index.routes());
    let sandbox = Sandbox::new();
    let run = plan(
        &sandbox,
        &server,
        &["calm==1.0", "silent==1.0", "later==1.0", "moves==1.0"],
    );
    let plan = document(&run);
    assert_eq!(
        (told(&plan, "calm"), run.code),
        ("build - - - open".to_owned(), Some(3)),
        "{}",
        run.stdout
    );
    let after = |name: &str| step(&plan, name)["outlooks"][0]["after"].clone();
    let build = after("calm")["build"].clone();
    assert_eq!(build["becomes"], "keeps-gil-off", "{build}");
    assert_eq!(build["needs"], serde_json::json!(["a C compiler"]));
    assert_eq!(build["requires"], serde_json::json!(["setuptools>=77"]));
    assert_eq!(after("silent")["build"]["becomes"], "switches-gil-on");
    let newer = |name: &str| step(&plan, name)["outlooks"][0]["newer_build"].clone();
    assert_eq!((newer("calm"), newer("silent")), (Value::Null, Value::Null));
    assert_eq!(
        (
            &newer("later")["version"],
            &newer("later")["build"]["becomes"]
        ),
        (&"1.1".into(), &"keeps-gil-off".into())
    );
    assert_eq!(
        (&after("moves")["verdict"], &after("moves")["build"]),
        (&"ready".into(), &Value::Null)
    );
    let index = server.url("/simple/");
    let text = sandbox
        .run(
            &[
                &[
                    "plan",
                    "calm==1.0",
                    "silent==1.0",
                    "later==1.0",
                    "--index-url",
                    &index,
                ],
                TARGET,
            ]
            .concat(),
        )
        .stdout;
    for line in [
        "No ready version: build from source\n",
        "    build would keep the GIL off (its module declares it)\n",
        "    needs a C compiler, and what installers fetch for it: setuptools>=77\n",
        "    newer 1.1, if built: would keep the GIL off (its module declares it); it needs a C compiler, and\n",
        "No ready version, and a build does not help\n",
        "    build would switch the GIL on: _a declares nothing (_a.c:2)\n",
    ] {
        assert!(text.contains(line), "{line}{text}");
    }
}

#[test]
fn sources_are_read_with_what_the_search_left() {
    let mut versions: Vec<String> = (1..60).map(|number| format!("1.{number}")).collect();
    versions.extend(["0.8".to_owned(), "0.9".to_owned()]);
    let fake_index = and_source(FakeIndex::default(), "lib", "1.0", "")
        .in_form(Form::Json, MetadataFiles::Absent);
    let fake_index = versions.iter().fold(fake_index, |fake_index, version| {
        fake_index.and(wheel("lib", version, NOT_READY))
    });
    let server = Server::start(fake_index.routes());
    // What the second line lets in is searched, then what it keeps out.
    let plan = document(&plan(
        &Sandbox::new(),
        &server,
        &["lib==1.0", "lib<1.30", "--no-cache"],
    ));
    let build = &step(&plan, "lib")["outlooks"][0]["after"]["build"];
    assert_eq!(build["becomes"], "unknown");
    assert!(
        build["reason"]
            .as_str()
            .unwrap()
            .contains("`ungil scan` reads"),
        "{build}"
    );
    assert!(server.paths().len() < 12, "{:#?}", server.paths());
}

#[test]
fn what_the_house_knows_instead_is_named_where_nothing_is_ready() {
    let example =
        |expect: &str, rest: &str| format!("[[example]]\nexpect = \"{expect}\"\n{rest}\n");
    let rule = [
        "id = \"house-parsers\"\ntitle = \"The house knows another one\"\nlevel = \"warning\"\nscope = \"package\"\n"
            .to_owned(),
        "when = { package = [\"stuck\", \"moves\"] }\nmessage = \"{package} is there\"\nhelp = \"Ask the house.\"\n"
            .to_owned(),
        "alternative = \"other-parser, but for {package}'s trees\"\n".to_owned(),
        example("fires", "package = \"stuck\""),
        example("quiet", ""),
        example("quiet", "package = \"lib\""),
    ]
    .concat();
    let fake_index = history(FakeIndex::default(), "stuck", &[("1.0", '-')]);
    let fake_index = history(fake_index, "lib", &[("1.0", '-')]);
    let fake_index = history(fake_index, "moves", &[("1.0", '-'), ("1.1", 'R')]);
    let server = Server::start(fake_index.routes());
    let sandbox = Sandbox::new();
    sandbox.write("rules/house-parsers.toml", rule);
    let arguments = ["stuck==1.0", "lib==1.0", "moves==1.0", "--rules", "rules"];
    let planned = document(&plan(&sandbox, &server, &arguments));
    let named = |name: &str| step(&planned, name)["alternatives"].clone();
    let what = "other-parser, but for stuck's trees";
    assert_eq!(
        named("stuck"),
        serde_json::json!([{ "rule": "house-parsers", "what": what }])
    );
    assert_eq!(
        (named("lib"), named("moves")),
        (serde_json::json!([]), serde_json::json!([]))
    );
    let index = server.url("/simple/");
    let text = sandbox
        .run(&[&["plan", "--index-url", &index], TARGET, &arguments].concat())
        .stdout;
    assert!(
        text.contains(&format!("    or    {what} [house-parsers]\n")),
        "{text}"
    );
    let scanned = sandbox.scan(&server, &arguments).report();
    let findings = scanned.0["findings"].as_array().unwrap();
    let found: Vec<&Value> = findings
        .iter()
        .filter(|finding| finding["rule"] == "house-parsers")
        .collect();
    assert_eq!(
        (found.len(), found[1]["alternative"].as_str()),
        (2, Some(what)),
        "{found:#?}"
    );
}

/// An environment of a Python with the GIL that holds these: name, version, what it requires.
fn environment(installed: &[(&str, &str, &str)]) -> Sandbox {
    let sandbox = Sandbox::new();
    sandbox.write(".venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.13.1\n");
    for (name, version, requires) in installed {
        let folder = format!(".venv/lib/python3.13/site-packages/{name}-{version}.dist-info");
        let requires = if requires.is_empty() {
            String::new()
        } else {
            format!("Requires-Dist: {requires}\n")
        };
        let metadata =
            format!("Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{requires}");
        sandbox.write(&format!("{folder}/METADATA"), metadata);
        sandbox.write(&format!("{folder}/RECORD"), "");
    }
    sandbox
}

#[test]
fn an_environment_gets_what_its_set_needs() {
    let sandbox = environment(&[
        ("app", "1.0", "lib==1.0"),
        ("lib", "1.0", ""),
        ("fine", "3.0", ""),
    ]);
    let fake_index = history(bound_shop(), "fine", &[("3.0", 'R'), ("3.1", 'R')]);
    let server = Server::start(fake_index.routes());
    let run = plan(&sandbox, &server, &[".venv"]);
    let planned = document(&run);
    assert_eq!(
        (told(&planned, "lib"), run.code),
        ("change 1.1 1.1 1.2 confirmed".to_owned(), Some(0))
    );
    assert_eq!(planned["steps"].as_array().unwrap().len(), 1);
    let command = serde_json::json!([{
        "file": ".venv",
        "command": "pip install 'app==2.0' 'lib==1.1'",
        "packages": ["app==2.0", "lib==1.1"],
    }]);
    assert_eq!(
        (&planned["commands"], &planned["edits"]),
        (&command, &serde_json::json!([]))
    );
    let index = server.url("/simple/");
    let text = sandbox
        .run(&[&["plan", ".venv", "--index-url", &index], TARGET].concat())
        .stdout;
    let told = "Install with the target's Python, beside the rest of .venv\n  pip install 'app==2.0' 'lib==1.1'\n";
    assert!(text.contains(told), "{text}");
    for (arguments, error) in [
        (
            &[".venv", "--write"][..],
            "--write edits requirements files, and an environment is none",
        ),
        (&[".venv", "app"], "a plan is made for one set of packages"),
        (
            &[".venv", ".venv"],
            "a plan is made for one set of packages",
        ),
    ] {
        let run = plan(&sandbox, &server, arguments);
        assert_eq!(run.code, Some(2));
        assert!(run.stderr.contains(error), "{}", run.stderr);
    }
    let run = sandbox.run(&["plan", ".venv"]);
    assert!(
        run.stderr
            .contains(".venv is of Python 3.13, which has the GIL"),
        "{}",
        run.stderr
    );
}

#[test]
fn versions_that_do_not_go_together_are_looked_at_one_by_one() {
    let sandbox = environment(&[
        ("strict", "1.0", "lib<1.1"),
        ("lib", "1.1", ""),
        ("moves", "1.0", ""),
    ]);
    let server =
        Server::start(history(bound_shop(), "moves", &[("1.0", '-'), ("1.1", 'R')]).routes());
    let planned = document(&plan(&sandbox, &server, &[".venv"]));
    assert_eq!(told(&planned, "moves"), "change 1.1 1.1 1.1 confirmed");
    assert_eq!(
        planned["commands"][0]["command"],
        "pip install 'moves==1.1'"
    );
    let problem = &planned["problems"][0];
    assert_eq!(problem["place"], ".venv");
    let message = problem["message"].as_str().unwrap();
    assert!(
        message.contains("do not go together") && message.contains(".venv (lib 1.1)"),
        "{message}"
    );
}

#[test]
fn an_environment_of_the_target_is_planned_for_it() {
    let sandbox = Sandbox::new();
    sandbox.write("venv/pyvenv.cfg", "home = /usr/bin\nversion = 3.14.1\n");
    let folder = "venv/lib/python3.14t/site-packages/lib-1.0.dist-info";
    sandbox.write(
        &format!("{folder}/METADATA"),
        "Metadata-Version: 2.1\nName: lib\nVersion: 1.0\n",
    );
    sandbox.write(&format!("{folder}/RECORD"), "");
    let server =
        Server::start(history(FakeIndex::default(), "lib", &[("1.0", '-'), ("1.1", 'R')]).routes());
    let index = server.url("/simple/");
    let arguments = [
        "plan",
        "venv",
        "--format",
        "json",
        "--platform",
        "linux-x86_64",
        "--index-url",
        &index,
    ];
    let planned = document(&sandbox.run(&arguments));
    assert_eq!(
        planned["targets"],
        serde_json::json!(["cp314t-linux-x86_64"])
    );
    assert_eq!(planned["commands"][0]["command"], "pip install 'lib==1.1'");
}
