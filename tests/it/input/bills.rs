//! Bills of materials and conda's files: the part of them that pip installs.

use ungil::input::{ADAPTERS, GroupSelection};
use ungil::model::request::{Requests, WantedPackage};

use super::locks::{check_awkward, label, read, resolve, selected};

fn set(requests: &Requests, python: &str, platform: &str) -> Vec<String> {
    resolve(requests, python, platform)
        .packages
        .iter()
        .map(label)
        .collect()
}

#[test]
fn bills_of_materials_are_sets() {
    let requests = read("cyclonedx", "uv.cdx.json", GroupSelection::default()).unwrap();
    assert_eq!(
        set(&requests, "3.14t", "linux-x86_64"),
        [
            "click==8.5.1",
            "jinja2==3.1.6",
            "markupsafe==3.0.4",
            "numpy==2.5.5"
        ],
        "numpy 2.4.6 is for Python 3.11"
    );
    let resolution = resolve(&requests, "3.14t", "linux-x86_64");
    let path = &resolution
        .packages
        .iter()
        .find(|package| package.name.as_ref() == "markupsafe")
        .unwrap()
        .required_by[0];
    assert_eq!(
        path.path
            .iter()
            .map(ToString::to_string)
            .collect::<Vec<_>>(),
        ["jinja2"]
    );
    let requests = read("cyclonedx", "env.cdx.json", GroupSelection::default()).unwrap();
    let found = set(&requests, "3.14t", "linux-x86_64");
    for name in ["numpy==2.2.6", "jinja2==3.1.6", "requests==2.32.5"] {
        assert!(found.contains(&name.to_owned()), "{found:?}");
    }
    let requests = read("spdx", "sbom4python.spdx.json", GroupSelection::default()).unwrap();
    assert_eq!(
        set(&requests, "3.14t", "linux-x86_64"),
        ["jinja2==3.1.6", "markupsafe==3.0.4"]
    );
    assert!(requests.problems.is_empty());
}

#[test]
fn the_pip_part_of_conda_files_is_read_and_the_rest_named() {
    let requests = read(
        "conda-environment",
        "environment.yml",
        GroupSelection::default(),
    )
    .unwrap();
    let asked: Vec<String> = requests
        .requests
        .iter()
        .map(|request| match &request.wanted {
            WantedPackage::Named(wanted) => format!("{} {wanted}", request.place),
            WantedPackage::Unnamed { .. } => request.place.to_string(),
        })
        .collect();
    assert_eq!(
        asked,
        [
            "environment.yml:10:9 httpx>=0.28",
            "environment.yml:11:10 lxml[html-clean] ; sys_platform != 'win32'",
            "more.txt:1:1 idna==3.20"
        ]
    );
    let message =
        "conda's own packages are not judged, only what pip installs; there are 2: numpy, openblas";
    assert_eq!(
        requests
            .problems
            .iter()
            .map(|problem| problem.message.as_str())
            .collect::<Vec<_>>(),
        [message]
    );

    let locked =
        |groups: &[String]| read("conda-lock", "conda-lock.yml", selected(groups, &[])).unwrap();
    let requests = locked(&[]);
    assert_eq!(
        set(&requests, "3.14t", "linux-x86_64"),
        [
            "anyio==4.9.0",
            "httpx==0.28.1",
            "idna==3.10",
            "sniffio==1.3.1"
        ]
    );
    assert!(set(&requests, "3.14t", "windows-amd64").contains(&"colorama==0.4.6".to_owned()));
    assert!(
        set(&locked(&["dev".to_owned()]), "3.14t", "linux-x86_64")
            .contains(&"pytest==8.4.1".to_owned())
    );
    let problems = resolve(&requests, "3.14t", "linux-x86_64").problems;
    let told: Vec<&str> = problems
        .iter()
        .map(|problem| problem.message.as_str())
        .collect();
    let foreign = "conda-lock.yml:15 was locked for Python ==3.13.*, not for 3.14t and may lack what that needs";
    assert!(told.contains(&foreign), "{told:?}");
    let own = "conda's own packages are not judged, only what pip installs; there are 1: openblas";
    assert!(told.contains(&own), "{told:?}");
}

#[test]
fn cyclonedx() {
    check_awkward("cyclonedx");
}

#[test]
fn spdx() {
    check_awkward("spdx");
}

#[test]
fn environment_yml() {
    check_awkward("conda-environment");
}

#[test]
fn conda_lock() {
    check_awkward("conda-lock");
}

#[test]
fn kinds_are_told_by_name_and_content() {
    let check = |name: &str, head: &str, expected: Option<&str>| {
        let found = ADAPTERS
            .iter()
            .find(|adapter| adapter.claims(name, head.as_bytes()))
            .map(|adapter| adapter.kind());
        assert_eq!(found, expected, "{name}");
    };
    check("requirements.in", "", Some("requirements"));
    check("constraints.txt", "", Some("constraints"));
    check("upper-constraints.txt", "", Some("constraints"));
    check("pyproject.toml", "", Some("pyproject"));
    check("setup.cfg", "", Some("setup-cfg"));
    check("PKG-INFO", "", Some("pkg-info"));
    check("metadata", "Metadata-Version: 2.4\n", Some("pkg-info"));
    check("environment-dev.yaml", "", Some("conda-environment"));
    check("linux.conda-lock.yml", "", Some("conda-lock"));
    check("bom.json", "{}", Some("cyclonedx"));
    check(
        "sbom.json",
        "{\"bomFormat\": \"CycloneDX\"",
        Some("cyclonedx"),
    );
    check("sbom.json", "{\"spdxVersion\": \"SPDX-2.3\"", Some("spdx"));
    check("a.spdx.json", "", Some("spdx"));
    check("package.json", "{}", None);
    check("docker-compose.yml", "services:\n", None);
}
