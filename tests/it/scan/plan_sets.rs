//! `ungil plan` as a set: what is printed was resolved and judged as a whole, and what it says comes true.

use serde_json::Value;

use crate::server::Server;

use super::distributions::{Wheel, sha256};
use super::fake_index::FakeIndex;
use super::planning::{NOT_READY, READY, document, history, plan, step, told, wheel};
use super::sandbox::{Sandbox, TARGET};

/// A wheel without compiled modules.
fn pure(name: &str, version: &str) -> Wheel {
    Wheel::new(&format!("{name}-{version}-py3-none-any.whl"))
}

/// `name from to` of what moves.
fn moves(plan: &Value) -> Vec<String> {
    let text = |value: &Value| value.as_str().unwrap_or("-").to_owned();
    let moves = plan["moves"].as_array().unwrap();
    moves
        .iter()
        .map(|it| [&it["name"], &it["from"], &it["to"]].map(text).join(" "))
        .collect()
}

fn bounds(plan: &Value) -> Vec<&str> {
    plan["bounds"]
        .as_array()
        .unwrap()
        .iter()
        .map(|bound| bound["requirement"].as_str().unwrap())
        .collect()
}

/// Plans a requirements file, writes it, and checks that a scan of the result counts what the plan promised.
fn written(fake_index: FakeIndex, requirements: &str) -> (Value, String) {
    let server = Server::start(fake_index.routes());
    let sandbox = Sandbox::new();
    sandbox.write("requirements.txt", requirements);
    let before = sandbox.scan(&server, &["requirements.txt"]).report();
    let run = plan(
        &sandbox,
        &server,
        &["requirements.txt", "--write", "--quiet"],
    );
    let planned = document(&run);
    let after = sandbox.scan(&server, &["requirements.txt"]).report();
    let fine = |verdicts: &[String]| {
        let is_fine = |line: &&String| {
            ["ready", "pure", "pure-fallback"]
                .iter()
                .any(|word| line.ends_with(&format!(" {word}")))
        };
        verdicts.iter().filter(is_fine).count()
    };
    let summary = &planned["summary"];
    assert_eq!(
        summary["good_before"],
        fine(&before.verdicts()),
        "{:?}",
        before.verdicts()
    );
    assert_eq!(
        summary["good_after"],
        fine(&after.verdicts()),
        "{:?}",
        after.verdicts()
    );
    assert_eq!(summary["packages_after"], after.verdicts().len());
    (
        planned,
        std::fs::read_to_string(sandbox.path("requirements.txt")).unwrap(),
    )
}

/// `big` 3.0 wants more of `base` than the first ready one, and `model` pins its core.
fn applications() -> FakeIndex {
    let fake_index = history(
        FakeIndex::default(),
        "base",
        &[("2.1", '.'), ("2.3.2", 'R'), ("2.3.3", 'R'), ("2.5", 'R')],
    );
    let fake_index = history(
        fake_index,
        "core",
        &[
            ("2.27", '.'),
            ("2.33", '.'),
            ("2.35", 'R'),
            ("2.41", 'R'),
            ("2.50", '.'),
        ],
    );
    let fake_index = fake_index
        .and(wheel("big", "2.2", NOT_READY).requires("base>=1.26"))
        .and(wheel("big", "3.0", READY).requires("base>=2.3.3"))
        .and(wheel("big", "3.1", READY).requires("base>=2.3.3"));
    [
        ("2.10", "2.27"),
        ("2.11", "2.33"),
        ("2.12", "2.41"),
        ("2.14", "2.50"),
    ]
    .iter()
    .fold(fake_index, |fake_index, (version, core)| {
        fake_index.and(pure("model", version).requires(&format!("core=={core}")))
    })
}

#[test]
fn every_requirement_of_the_new_versions_counts() {
    let (planned, file) = written(applications(), "base==2.1\nbig==2.2\nmodel==2.10\n");
    assert_eq!(file, "base==2.3.3\nbig==3.0\nmodel==2.12\n");
    assert_eq!(told(&planned, "base"), "change 2.3.3 2.3.2 2.5 confirmed");
    // The parent stops where its child is ready, and says why it moves.
    assert_eq!(
        (told(&planned, "core"), moves(&planned)),
        (
            "change 2.41 2.35 2.41 confirmed".into(),
            vec!["model 2.10 2.12".into()]
        )
    );
    let because = &planned["moves"][0]["because"];
    assert_eq!(
        *because,
        serde_json::json!([{ "package": "model", "version": "2.10", "required": "core", "wants": "==2.27" }])
    );
    assert_eq!(planned["worse"], serde_json::json!([]));
}

/// `uv.lock` of a project that requires these, with each version's digests and what it requires.
fn uv_lock(
    fake_index: &FakeIndex,
    head: &str,
    packages: &[(&str, &str, &[&str])],
    bounds: &str,
) -> String {
    let names = |names: &[&str]| {
        names
            .iter()
            .map(|name| format!("{{ name = \"{name}\" }}"))
            .collect::<Vec<_>>()
            .join(", ")
    };
    let mut lock = format!("version = 1\n{head}\n");
    for (filename, version, requires) in packages {
        let name = filename.split('-').next().unwrap();
        let digest = sha256(&fake_index.bytes(filename));
        lock.push_str(&format!(
            "[[package]]\nname = \"{name}\"\nversion = \"{version}\"\nsource = {{ registry = \"https://pypi.org/simple\" }}\n\
             dependencies = [{}]\nwheels = [{{ url = \"https://example.org/{filename}\", hash = \"sha256:{digest}\" }}]\n\n",
            names(requires)
        ));
    }
    let direct: Vec<&str> = packages
        .iter()
        .map(|(filename, ..)| filename.split('-').next().unwrap())
        .filter(|it| *it != "core")
        .collect();
    lock.push_str(&format!(
        "[[package]]\nname = \"mine\"\nversion = \"0.1\"\nsource = {{ virtual = \".\" }}\ndependencies = [{}]\n\n\
         [package.metadata]\nrequires-dist = [{bounds}]\n",
        names(&direct)
    ));
    lock
}

#[test]
fn uv_is_told_all_that_has_to_move() {
    let fake_index = applications();
    let gil = |name: &str, version: &str| {
        format!("{name}-{version}-cp314-cp314-manylinux_2_28_x86_64.whl")
    };
    let free = |name: &str, version: &str| {
        format!("{name}-{version}-cp314-cp314t-manylinux_2_28_x86_64.whl")
    };
    let (base, big, core) = (gil("base", "2.1"), free("big", "2.2"), gil("core", "2.27"));
    let packages: [(&str, &str, &[&str]); 4] = [
        (&base, "2.1", &[]),
        (&big, "2.2", &["base"]),
        (&core, "2.27", &[]),
        ("model-2.10-py3-none-any.whl", "2.10", &["core"]),
    ];
    let server = Server::start(fake_index.routes());
    let sandbox = Sandbox::new();
    let head = "requires-python = \">=3.14\"\n\n[options]\nresolution-mode = \"lowest-direct\"\n";
    sandbox.write(
        "uv.lock",
        uv_lock(
            &fake_index,
            head,
            &packages,
            "{ name = \"base\", specifier = \">=2.1\" }",
        ),
    );
    let run = plan(&sandbox, &server, &["uv.lock"]);
    let planned = document(&run);
    let command = "uv lock --resolution 'lowest-direct' --upgrade-package 'base==2.3.3' --upgrade-package 'big==3.0' \
                   --upgrade-package 'core==2.41' --upgrade-package 'model==2.12'";
    assert_eq!(planned["commands"][0]["command"], command, "{}", run.stdout);
    assert_eq!(
        (&planned["summary"]["good_after"], run.code),
        (&4.into(), Some(0))
    );
    // What the project says of a version counts.
    sandbox.write(
        "uv.lock",
        uv_lock(
            &fake_index,
            head,
            &packages,
            "{ name = \"base\", specifier = \">=2.1,<2.3\" }",
        ),
    );
    let planned = document(&plan(&sandbox, &server, &["uv.lock"]));
    assert!(
        told(&planned, "base").starts_with("held-back 2.3.2 "),
        "{}",
        told(&planned, "base")
    );
    assert_eq!(step(&planned, "base")["held_by"][0]["wants"], ">=2.1, <2.3");
    assert!(
        told(&planned, "big").starts_with("held-back 3.0 "),
        "{}",
        told(&planned, "big")
    );
    let command = "uv lock --resolution 'lowest-direct' --upgrade-package 'core==2.41' --upgrade-package 'model==2.12'";
    assert_eq!(planned["commands"][0]["command"], command);
}

#[test]
fn what_is_ready_does_not_get_worse() {
    let fake_index = history(
        FakeIndex::default(),
        "num",
        &[("1.26", '.'), ("2.3", 'R'), ("2.5", 'R')],
    );
    let fake_index = fake_index
        .and(wheel("contour", "1.3", READY).requires("num>=1.23"))
        .and(wheel("contour", "1.4", NOT_READY).requires("num>=2"))
        .and(
            wheel("plot", "3.9", NOT_READY)
                .requires("num")
                .requires("contour"),
        )
        .and(
            wheel("plot", "3.10", READY)
                .requires("num")
                .requires("contour"),
        );
    let (planned, file) = written(fake_index, "plot==3.9\nnum==1.26\n");
    assert_eq!(file, "plot==3.10\nnum==2.3\ncontour<1.4\n");
    assert_eq!(
        (bounds(&planned), &planned["worse"]),
        (vec!["contour<1.4"], &serde_json::json!([]))
    );
    assert_eq!(planned["summary"]["good_after"], 3);
}

#[test]
fn older_versions_are_bounded_from_above() {
    let fake_index = history(
        FakeIndex::default(),
        "pic",
        &[("12.1", 'R'), ("12.2", 'R'), ("13.0.0", '.')],
    );
    let fake_index = history(fake_index, "mark", &[("3.0.3", 'R'), ("3.0.4", '.')]);
    let fake_index = fake_index
        .and_sdist("pic", "13.0.0", &[])
        .and_sdist("mark", "3.0.4", &[]);
    let (planned, file) = written(
        fake_index.and(pure("top", "1.0").requires("mark")),
        "pic>=11 # here\ntop\n",
    );
    assert_eq!(file, "pic>=11,<13 # here\ntop\nmark<3.0.4\n");
    assert_eq!(bounds(&planned), ["mark<3.0.4", "pic>=11,<13"]);
    assert_eq!(told(&planned, "pic"), "change 12.2 - - open");
    assert_eq!(
        step(&planned, "pic")["outlooks"][0]["search"]["older"],
        "12.2"
    );
}

#[test]
fn the_nearest_older_version_that_works_is_taken() {
    let fake_index = history(
        FakeIndex::default(),
        "font",
        &[("4.39", '.'), ("4.59", 'p'), ("4.60", 'p'), ("4.68", '-')],
    );
    let (planned, file) = written(
        fake_index
            .and(pure("font", "4.39"))
            .and(pure("top", "1.0").requires("font")),
        "top\n",
    );
    assert_eq!(file, "top\nfont<4.68\n");
    assert_eq!(told(&planned, "font"), "change 4.60 - - open");
    assert_eq!(
        step(&planned, "font")["outlooks"][0]["after"]["verdict"],
        "pure-fallback"
    );
}

#[test]
fn an_older_version_that_works_is_found_by_its_name_when_looks_are_spent() {
    // So many versions that are not ready that looks end before the one that works is reached.
    let fake_index = history(FakeIndex::default(), "font", &[("4.2", 'p')]);
    let fake_index = (3..40).fold(fake_index, |fake_index, minor| {
        history(fake_index, "font", &[(&format!("4.{minor}"), '-')])
    });
    let (planned, file) = written(fake_index, "font==4.30\n");
    assert_eq!(
        (file.as_str(), told(&planned, "font")),
        ("font==4.2\n", "change 4.2 - - open".to_owned())
    );
    let requests = step(&planned, "font")["outlooks"][0]["search"]["requests"]
        .as_u64()
        .unwrap();
    assert!(requests < 12, "{requests}");
}

#[test]
fn a_pure_wheel_is_judged_with_what_it_pins() {
    let fake_index = history(FakeIndex::default(), "frame", &[("1.20", '-')]);
    let fake_index = history(
        fake_index,
        "engine",
        &[("1.34", '-'), ("2.0", '-'), ("2.1", 'R')],
    );
    let fake_index = ["1.34", "2.0", "2.1"]
        .iter()
        .fold(fake_index, |fake_index, version| {
            fake_index.and(pure("frame", version).requires(&format!("engine=={version}")))
        });
    let (planned, file) = written(fake_index, "frame==1.20\n");
    assert_eq!(
        (file.as_str(), told(&planned, "frame")),
        ("frame==2.1\n", "change 2.1 2.1 2.1 confirmed".to_owned())
    );
    let probes = step(&planned, "frame")["outlooks"][0]["search"]["probes"]
        .as_array()
        .unwrap()
        .clone();
    let reason = probes
        .iter()
        .find(|probe| probe["version"] == "2.0")
        .unwrap();
    assert_eq!(reason["verdict"], "gil");
    assert!(
        reason["reason"]
            .as_str()
            .unwrap()
            .starts_with("needs engine 2.0: "),
        "{reason}"
    );
}

#[test]
fn the_index_page_of_what_is_pinned_costs_once() {
    let fake_index = history(FakeIndex::default(), "frame", &[("1.20", '-')]);
    let fake_index = history(
        fake_index,
        "engine",
        &[("1.34", '.'), ("2.0", '.'), ("2.1", '.')],
    );
    let fake_index = ["1.34", "2.0", "2.1"]
        .iter()
        .fold(fake_index, |fake_index, version| {
            fake_index.and(pure("frame", version).requires(&format!("engine=={version}")))
        });
    let (planned, _) = written(fake_index, "frame==1.20\n");
    // Its own page and file, the page of the engine, and two wheels of two requests each.
    assert_eq!(
        step(&planned, "frame")["outlooks"][0]["search"]["requests"],
        7
    );
}

#[test]
fn the_same_index_gives_the_same_plan_cold_and_warm() {
    let server = Server::start(applications().and_sdist("base", "2.1", &[]).routes());
    let sandbox = Sandbox::new();
    sandbox.write("requirements.txt", "base==2.1\nbig==2.2\nmodel==2.10\n");
    let index = server.url("/simple/");
    for format in ["text", "json"] {
        let arguments = [
            &[
                "plan",
                "requirements.txt",
                "--format",
                format,
                "--index-url",
                &index,
            ],
            TARGET,
        ]
        .concat();
        let uncached = sandbox.run(&[&arguments[..], &["--no-cache"]].concat());
        let runs = [sandbox.run(&arguments), sandbox.run(&arguments)];
        for run in runs {
            assert_eq!(run.stdout, uncached.stdout);
        }
    }
}

#[test]
fn what_gets_worse_is_told_and_only_for_more_that_is_fine() {
    let fake_index = |names: &[&str]| {
        let fake_index = history(FakeIndex::default(), "extra", &[("1.0", '-')]);
        names.iter().fold(fake_index, |fake_index, name| {
            fake_index
                .and(wheel(name, "1.0", NOT_READY))
                .and(wheel(name, "2.0", READY).requires("extra"))
        })
    };
    let (planned, file) = written(fake_index(&["one"]), "one==1.0\n");
    assert_eq!(
        (file.as_str(), &planned["worse"]),
        ("one==1.0\n", &serde_json::json!([]))
    );
    assert!(
        told(&planned, "one").starts_with("held-back 2.0 "),
        "{}",
        told(&planned, "one")
    );
    let (planned, file) = written(fake_index(&["one", "two"]), "one==1.0\ntwo==1.0\n");
    assert_eq!(file, "one==2.0\ntwo==2.0\n");
    let worse = &planned["worse"][0];
    assert_eq!(
        (&worse["name"], &worse["before"], &worse["after"]),
        (&"extra".into(), &Value::Null, &"gil".into())
    );
}

#[test]
fn targets_share_the_versions_of_what_is_pinned() {
    let for_arm = |version: &str| {
        let filename = format!("lib-{version}-cp314-cp314t-manylinux_2_28_aarch64.whl");
        Wheel::new(&filename).module(
            "lib/sample.cpython-314t-aarch64-linux-gnu.so",
            "elf-aarch64-not-used.so",
        )
    };
    // 1.1 is ready on one of them alone.
    let fake_index = history(
        FakeIndex::default(),
        "lib",
        &[("1.0", '-'), ("1.1", 'R'), ("1.2", 'R')],
    );
    let server = Server::start(fake_index.and(for_arm("1.2")).routes());
    let sandbox = Sandbox::new();
    let index = server.url("/simple/");
    let arguments = [
        "plan",
        "lib==1.0",
        "--format",
        "json",
        "--index-url",
        &index,
        "--python",
        "3.14t",
    ];
    let platforms = ["--platform", "linux-x86_64", "--platform", "linux-aarch64"];
    let planned = document(&sandbox.run(&[&arguments[..], &platforms].concat()));
    assert_eq!(step(&planned, "lib")["to"], "1.2");
    assert_eq!(
        planned["edits"],
        serde_json::json!([]),
        "what was typed is nowhere to be edited"
    );
    assert_eq!(planned["summary"]["good_after"], 1, "{planned:#}");
}
