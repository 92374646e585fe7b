//! What is foreseen of a build agrees with what the set has of the packages that the build needs, in scans and in plans.

use serde_json::Value;

use crate::server::Server;

use super::distributions::{Wheel, sdist_of};
use super::fake_index::FakeIndex;
use super::sandbox::{Sandbox, TARGET};

/// A module in C that declares.
const MODULE: &str =
    "S s[] = {{Py_mod_gil, Py_MOD_GIL_NOT_USED}};\nPyMODINIT_FUNC PyInit__a(void) { return 0; }\n";
/// What free-threaded builds before 3.15 refuse.
const LIMITED: &str =
    "setup(ext_modules=[Extension('_a', ['_a.c'], define_macros=[('Py_LIMITED_API', '1')])])\n";
const PLAIN: &str = "setup(ext_modules=[Extension('_a', ['_a.c'])])\n";

/// An sdist with a module in C, or with what CFFI makes one from.
fn and_source(
    fake_index: FakeIndex,
    (name, version): (&str, &str),
    requires: &str,
    setup: &str,
) -> FakeIndex {
    let info = format!("Metadata-Version: 2.2\nName: {name}\nVersion: {version}\n");
    let project = format!("[build-system]\nrequires = ['setuptools', '{requires}']\n");
    let module = if setup.contains("cffi_modules") {
        (
            "build_ffi.py",
            "ffi.set_source('a._ffi', '#include <x.h>')\n",
        )
    } else {
        ("_a.c", MODULE)
    };
    let files = [
        ("PKG-INFO", info.as_str()),
        ("pyproject.toml", project.as_str()),
        ("setup.py", setup),
        module,
    ];
    fake_index.file(
        name,
        &format!("{name}-{version}.tar.gz"),
        sdist_of(name, version, &files),
        None,
    )
}

fn wheel(name: &str, version: &str, module: &str, fixture: &str) -> Wheel {
    let path = format!("{module}.cpython-314t-x86_64-linux-gnu.so");
    Wheel::new(&format!(
        "{name}-{version}-cp314-cp314t-manylinux_2_28_x86_64.whl"
    ))
    .module(&path, fixture)
}

/// `becomes: reason` of the build of `app`, which a scan and a plan of the same set agree on.
fn foreseen(fake_index: &FakeIndex, lines: &[&str]) -> String {
    let server = Server::start(fake_index.routes());
    let sandbox = Sandbox::new();
    let told =
        |build: &Value| format!("{}: {}", build["becomes"], build["reason"]).replace('"', "");
    let scanned = told(&sandbox.scan(&server, lines).report().result("app")["build"]);
    let index = server.url("/simple/");
    let run = sandbox.run(
        &[
            &["plan", "--format", "json", "--index-url", &index],
            TARGET,
            lines,
        ]
        .concat(),
    );
    let plan = run.document(include_str!("../../../docs/plan.schema.json"));
    let step = plan["steps"]
        .as_array()
        .unwrap()
        .iter()
        .find(|step| step["name"] == "app")
        .unwrap();
    assert_eq!(
        told(&step["outlooks"][0]["after"]["build"]),
        scanned,
        "{lines:?}: {plan:#}"
    );
    scanned
}

#[test]
fn what_needs_a_package_that_does_not_build_does_not_build_either() {
    let fails = "fails: would not build: it needs tool 1.0, which would not build: 3.14t has no limited API";
    let keeps = "keeps-gil-off: ";
    for (requires, newer, expected) in [
        ("tool>=1", false, fails),
        ("tool", false, fails),
        ("tool==1.0", true, fails),
        ("tool<2", true, fails),
        // An installer takes the newer one for the build, whatever the set has.
        (
            "tool>=1",
            true,
            "unknown: what it becomes is unknown: it needs another tool than tool 1.0, which would not",
        ),
        ("tool>=2", true, keeps),
        ("tool; python_version < \"3.11\"", false, keeps),
        ("tool @ https://example.org/tool-3.0.tar.gz", false, keeps),
        ("other", false, keeps),
    ] {
        let fake_index = and_source(FakeIndex::default(), ("app", "1.0"), requires, PLAIN);
        let fake_index = and_source(fake_index, ("tool", "1.0"), "setuptools", LIMITED);
        let fake_index = if newer {
            fake_index.and(wheel("tool", "2.0", "tool/sample", "elf-x86_64-absent.so"))
        } else {
            fake_index
        };
        let found = foreseen(&fake_index, &["app==1.0", "tool==1.0"]);
        assert!(found.starts_with(expected), "{requires}: {found}");
    }
}

#[test]
fn modules_of_cffi_leave_the_gil_to_what_the_set_has_of_it() {
    let setup = "setup(cffi_modules=['build_ffi.py:ffi'])\n";
    let app = || and_source(FakeIndex::default(), ("app", "1.0"), "cffi>=1.15", setup);
    for (fixture, expected) in [
        (
            "elf-x86_64-backend-absent.so",
            "switches-gil-on: would switch the GIL on: its modules leave it to cffi 9.0",
        ),
        ("elf-x86_64-backend.so", "keeps-gil-off: "),
    ] {
        let fake_index = app().and(wheel("cffi", "9.0", "_cffi_backend", fixture));
        let found = foreseen(&fake_index, &["app==1.0", "cffi==9.0"]);
        assert!(found.starts_with(expected), "{fixture}: {found}");
    }
    let fake_index = and_source(app(), ("cffi", "9.0"), "setuptools", LIMITED);
    let found = foreseen(&fake_index, &["app==1.0", "cffi==9.0"]);
    assert!(
        found.starts_with("fails: would not build: it needs cffi 9.0, which would not build"),
        "{found}"
    );
}
