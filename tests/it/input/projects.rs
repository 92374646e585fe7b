//! Projects: what is read of what their authors wrote, against the metadata that their own build tools made of it.

use std::collections::BTreeSet;
use std::fs;

use pep508_rs::VersionOrUrl;
use ungil::input::{self, FilesOnDisk, GroupSelection, InputContext, InputError, TypedInput};
use ungil::model::name::Requirement;
use ungil::model::request::{PackageSources, Requests, WantedPackage};
use ungil::model::target::{PLATFORMS, Python, Target};
use ungil::resolve::markers;

use super::locks::{check_awkward, folder, read, selected};

/// Every requirement that counts somewhere, with the targets on which it does.
fn asked(requests: &Requests) -> BTreeSet<String> {
    let pythons = [13, 14].map(|minor| Python {
        minor,
        free_threaded: true,
    });
    let targets: Vec<Target> = pythons
        .iter()
        .flat_map(|python| {
            PLATFORMS.iter().map(|platform| Target {
                python: *python,
                platform: *platform,
            })
        })
        .collect();
    let one = |wanted: &Requirement| {
        let holds = |target: &&Target| {
            wanted
                .marker
                .evaluate(&markers::environment(**target, 0).unwrap(), &[])
        };
        let on: Vec<String> = targets
            .iter()
            .filter(holds)
            .map(ToString::to_string)
            .collect();
        let versions = match &wanted.version_or_url {
            None => String::new(),
            Some(VersionOrUrl::Url(url)) => url.to_string(),
            Some(VersionOrUrl::VersionSpecifier(specifiers)) => {
                // `<2` and `<2.0.0` are the same.
                let shown = |text: String| {
                    text.trim_end_matches(".0")
                        .trim_end_matches(".0")
                        .to_owned()
                };
                let each: BTreeSet<String> = specifiers
                    .iter()
                    .map(|each| shown(each.to_string()))
                    .collect();
                format!("{each:?}")
            }
        };
        (!on.is_empty()).then(|| format!("{}{:?} {versions} on {on:?}", wanted.name, wanted.extras))
    };
    let named = requests
        .requests
        .iter()
        .filter_map(|request| match &request.wanted {
            WantedPackage::Named(wanted) => one(wanted),
            WantedPackage::Unnamed { .. } => None,
        });
    named.collect()
}

#[test]
fn projects_ask_for_what_their_build_tools_say() {
    let check = |kind: &str, project: &str, file: &str, extras: &[&str]| {
        let extras: Vec<String> = extras.iter().map(|extra| (*extra).to_owned()).collect();
        let of = |file: &str| {
            let path = format!("{project}/{file}");
            read(kind, &path, selected(&[], &extras)).unwrap_or_else(|error| panic!("{error}"))
        };
        let (written, built) = (of(file), of("PKG-INFO"));
        assert_eq!(
            asked(&written),
            asked(&built),
            "{kind}/{project} {extras:?}"
        );
        assert!(!written.requests.is_empty());
        assert_eq!(written.offered.extras, built.offered.extras);
        assert_eq!(written.pythons.len(), built.pythons.len());
    };
    for extras in [&[][..], &["db"], &["fast"], &["db", "fast"], &["all"]] {
        check("pyproject", "pep621", "pyproject.toml", extras);
    }
    for extras in [&[][..], &["db"], &["fast"], &["*"]] {
        check("pyproject", "poetry", "pyproject.toml", extras);
        check("setup-cfg", "project", "setup.cfg", extras);
    }
    for extras in [&[][..], &["fast"]] {
        check("pyproject", "setuptools", "pyproject.toml", extras);
    }
}

#[test]
fn groups_bring_what_they_include() {
    let names = |project: &str, groups: &[&str]| -> Vec<String> {
        let groups: Vec<String> = groups.iter().map(|group| (*group).to_owned()).collect();
        let requests = read(
            "pyproject",
            &format!("{project}/pyproject.toml"),
            selected(&groups, &[]),
        )
        .unwrap();
        let own = read(
            "pyproject",
            &format!("{project}/pyproject.toml"),
            GroupSelection::default(),
        )
        .unwrap();
        let further = requests
            .requests
            .iter()
            .filter(|request| !own.requests.contains(request));
        let name = |wanted: &WantedPackage| match wanted {
            WantedPackage::Named(wanted) => wanted.name.to_string(),
            WantedPackage::Unnamed { .. } => String::new(),
        };
        further.map(|request| name(&request.wanted)).collect()
    };
    assert_eq!(names("pep621", &["test"]), ["pytest", "mypy"]);
    assert_eq!(
        names("pep621", &["dev"]),
        ["pytest", "mypy", "ruff", "lxml"]
    );
    assert_eq!(names("poetry", &["test"]), ["pytest"]);
    assert_eq!(names("poetry", &["dev"]), ["ruff", "pytest"]);
    let error = |group: &str| {
        read(
            "pyproject",
            "cycle/pyproject.toml",
            selected(&[group.to_owned()], &[]),
        )
        .unwrap_err()
    };
    assert!(matches!(error("one"), InputError::Cycle { .. }));
    assert_eq!(
        error("lost").to_string(),
        "cycle/pyproject.toml:6:9: not a valid pyproject.toml: expected a group that the file has, found `three`"
    );
}

#[test]
fn pyproject_toml() {
    check_awkward("pyproject");
}

#[test]
fn setup_cfg() {
    check_awkward("setup-cfg");
}

#[test]
fn pkg_info() {
    check_awkward("pkg-info");
}

#[test]
fn a_folder_is_the_project_in_it() {
    let check = |files: &[(&str, &str)], expected: &str| {
        let folder = tempfile::tempdir().unwrap();
        for (name, content) in files {
            fs::write(folder.path().join(name), content).unwrap();
        }
        let context = InputContext {
            current_directory: folder.path().to_owned(),
            variables: Default::default(),
            files: &FilesOnDisk,
            standard_input: None,
            locale_encoding: None,
            selection: GroupSelection::default(),
        };
        let found = match input::read(
            &[TypedInput::Word(".".to_owned())],
            PackageSources::default(),
            &context,
        ) {
            Ok(requests) => {
                let locks = requests.locks.iter().map(|lock| lock.file.clone());
                let files = requests
                    .requests
                    .iter()
                    .map(|request| request.place.file.clone());
                let problems = requests
                    .problems
                    .iter()
                    .map(|problem| problem.message.clone());
                locks
                    .chain(files)
                    .chain(problems)
                    .collect::<Vec<_>>()
                    .join(", ")
            }
            Err(error) => error.to_string(),
        };
        assert!(found.starts_with(expected), "{files:?}: {found}");
    };
    let project = (
        "pyproject.toml",
        "[project]\nname = 'a'\ndependencies = ['numpy']\n",
    );
    let tools = ("pyproject.toml", "[tool.ruff]\n");
    let requirements = ("requirements.txt", "lxml\n");
    let lock = (
        "pylock.toml",
        "lock-version = '1.0'\ncreated-by = 'hand'\npackages = []\n",
    );
    check(&[project, requirements], "pyproject.toml");
    check(&[tools, requirements], "requirements.txt");
    check(&[project, lock], "pylock.toml");
    check(
        &[project, lock, ("uv.lock", "version = 1\n")],
        "command line, character 1: expected one lock file in `.`",
    );
    check(
        &[tools, ("setup.cfg", "[options]\ninstall_requires = idna\n")],
        "setup.cfg",
    );
    check(
        &[
            ("setup.cfg", "[flake8]\n"),
            ("PKG-INFO", "Metadata-Version: 2.4\nRequires-Dist: idna\n"),
        ],
        "PKG-INFO",
    );
    let dynamic = (
        "pyproject.toml",
        "[project]\nname = 'a'\ndynamic = ['dependencies']\n",
    );
    check(
        &[
            dynamic,
            ("PKG-INFO", "Metadata-Version: 2.4\nRequires-Dist: idna\n"),
        ],
        "PKG-INFO",
    );
    check(
        &[
            dynamic,
            ("setup.cfg", "[options]\ninstall_requires = idna\n"),
        ],
        "setup.cfg",
    );
    check(&[dynamic, requirements], "only a build knows");
    check(
        &[("environment.yml", "dependencies:\n- pip:\n  - idna\n")],
        "environment.yml",
    );
    check(
        &[tools],
        "command line, character 1: nothing that ungil reads was found in `.`; looked for uv.lock, poetry.lock",
    );
}

#[test]
fn nothing_found_says_what_was_looked_for() {
    let folder = folder("requirements");
    let requests = super::read(&["comments.txt", "empty.txt"]).unwrap();
    let told: Vec<String> = requests
        .problems
        .iter()
        .map(|problem| format!("{}: {}", problem.place, problem.message))
        .collect();
    let looked = "it names no package to judge; looked for requirements as pip has them (requirements.txt, .in)";
    assert_eq!(
        told,
        [
            format!("comments.txt: {looked}"),
            format!("empty.txt: {looked}")
        ],
        "{}",
        folder.display()
    );
    assert!(
        super::read(&["comments.txt", "numpy"])
            .unwrap()
            .problems
            .is_empty()
    );
}
