//! Source distributions: what is foreseen of their builds, from the files in them.

use ungil::archive::limits::Limits;
use ungil::archive::sdist::{self, Visitor};
use ungil::model::source::{Becomes, Forecast, SourceFacts};
use ungil::model::target::Target;
use ungil::resolve::markers;
use ungil::source::{Reader, forecast};

/// Files of a source distribution: path and text.
type Files<'a> = &'a [(&'a str, &'a str)];

const HOOK: &str = "PyMODINIT_FUNC PyInit__a(void) {\n    return PyModule_Create(&module);\n}\n";
const SILENT: &str = "static int a;\nPyMODINIT_FUNC PyInit__a(void) {\n    return PyModuleDef_Init(&module);\n}\n";
const DECLARED: &str = "#ifdef Py_GIL_DISABLED\nstatic PyModuleDef_Slot slots[] = {{Py_mod_gil, Py_MOD_GIL_NOT_USED}, {0}};\n\
                        #endif\nPyMODINIT_FUNC PyInit__a(void) {\n    return PyModuleDef_Init(&module);\n}\n";
const NEWER: &str = "#if PY_VERSION_HEX >= 0x030E0000\nS s[] = {{Py_mod_gil, Py_MOD_GIL_NOT_USED}};\n#endif\n\
                     PyMODINIT_FUNC PyInit__a(void) { return 0; }\n";
const SETUP: &str = "setup(ext_modules=[Extension('a._a', ['a/_a.c'])])\n";
const CYTHON: &str = "[build-system]\nrequires = ['setuptools', 'cython']\n";
const MATURIN: &str = "[build-system]\nrequires = ['maturin>=1']\nbuild-backend = 'maturin'\n";

fn facts(files: Files<'_>) -> SourceFacts {
    let mut reader = Reader::default();
    for (path, text) in files {
        if reader.meet(path) {
            reader.take(path, text.as_bytes());
        }
    }
    reader.finish()
}

fn target(python: &str) -> Target {
    Target { python: python.parse().unwrap(), platform: "linux-x86_64".parse().unwrap() }
}

fn foreseen(files: Files<'_>, python: &str) -> Forecast {
    let target = target(python);
    forecast(&facts(files), target, markers::environment(target, 0).ok().as_ref()).unwrap()
}

/// What comes out, and the words of the reason that matter.
fn check(files: Files<'_>, python: &str, becomes: Becomes, words: &str) {
    let found = foreseen(files, python);
    assert_eq!(found.becomes, becomes, "{files:?}: {found:?}");
    assert!(found.reason.contains(words), "{files:?}: {found:?}");
}

#[test]
fn modules_in_c_declare_or_do_not() {
    let c = |text| [("setup.py", SETUP), ("a/_a.c", text)];
    check(&c(DECLARED), "3.14t", Becomes::KeepsGilOff, "would keep the GIL off (its module declares it)");
    check(&c(SILENT), "3.14t", Becomes::SwitchesGilOn, "_a declares nothing (a/_a.c:2)");
    check(&c(HOOK), "3.13t", Becomes::SwitchesGilOn, "_a declares nothing (a/_a.c:1)");
    check(&c(NEWER), "3.14t", Becomes::KeepsGilOff, "");
    check(&c(NEWER), "3.13t", Becomes::SwitchesGilOn, "declares nothing");
    // Nobody knows whether it is compiled.
    check(&[("a/_a.c", SILENT)], "3.14t", Becomes::Unknown, "no build file names it");
    // What is another project's, or a test, is not taken for the package's own.
    check(&[("setup.py", SETUP), ("a/_a.c", DECLARED), ("third_party/x/b.c", HOOK)], "3.14t", Becomes::KeepsGilOff, "");
    let elsewhere =
        [("setup.py", SETUP), ("a/_a.c", SILENT), ("a/slots.h", "S s = {Py_mod_gil, Py_MOD_GIL_NOT_USED};")];
    check(&elsewhere, "3.14t", Becomes::Unknown, "a/slots.h declares something");
    let unclear = "S s = {Py_mod_gil, MY_GIL};\nPyMODINIT_FUNC PyInit__a(void) { return 0; }\n";
    check(&c(unclear), "3.14t", Becomes::Unknown, "depends on the build (a/_a.c:1)");
    let switched = "#ifdef WITH_THREADS\nS s = {Py_mod_gil, Py_MOD_GIL_NOT_USED};\n#endif\nPyMODINIT_FUNC PyInit__a(void) { return 0; }\n";
    check(&c(switched), "3.14t", Becomes::Unknown, "depends on the build");
    check(
        &c("#define INIT(x) PyMODINIT_FUNC PyInit_##x(void)\nINIT(_a) { return 0; }\n"),
        "3.14t",
        Becomes::Unknown,
        "macro of its own",
    );
}

#[test]
fn modules_of_generators_declare_or_do_not() {
    let cython =
        |pyproject, text| [("pyproject.toml", pyproject), ("setup.py", "cythonize('a/*.pyx')"), ("a/b.pyx", text)];
    let directive = "# cython: freethreading_compatible = True\n";
    check(&cython(CYTHON, directive), "3.14t", Becomes::KeepsGilOff, "");
    check(&cython(CYTHON, "cdef int a\n"), "3.14t", Becomes::SwitchesGilOn, "b declares nothing (a/b.pyx:1)");
    let old = "[build-system]\nrequires = ['cython<3.1']\n";
    check(&cython(old, directive), "3.14t", Becomes::SwitchesGilOn, "pyproject.toml:2 asks for `cython<3.1`");
    let all =
        [("pyproject.toml", CYTHON), ("meson.build", "args += '-Xfreethreading_compatible=True'\n"), ("a/b.pyx", "")];
    check(&all, "3.14t", Becomes::KeepsGilOff, "");
    let pybind = |text| [("setup.py", "Extension('a._a', ['a/_a.cpp'])"), ("a/_a.cpp", text)];
    check(&pybind("PYBIND11_MODULE(_a, m, py::mod_gil_not_used()) {\n}\n"), "3.14t", Becomes::KeepsGilOff, "");
    check(&pybind("PYBIND11_MODULE(_a, m) {\n}\n"), "3.14t", Becomes::SwitchesGilOn, "_a declares nothing");
    let nanobind = |flags| [("CMakeLists.txt", flags), ("a/_a.cpp", "NB_MODULE(_a, m) {\n}\n")];
    check(&nanobind("nanobind_add_module(_a FREE_THREADED a/_a.cpp)"), "3.14t", Becomes::KeepsGilOff, "");
    check(&nanobind("nanobind_add_module(_a a/_a.cpp)"), "3.14t", Becomes::SwitchesGilOn, "_a declares nothing");
    check(&nanobind("add_library(_a a/_a.cpp)"), "3.14t", Becomes::Unknown, "how nanobind is built into it");
    let swig = |flags| [("setup.py", flags), ("a/b.i", "%module b\n")];
    check(&swig("Extension('_b', ['a/b.i'], swig_opts=['-nogil'])"), "3.14t", Becomes::KeepsGilOff, "");
    check(
        &swig("Extension('_b', ['a/b.i'], swig_opts=['-c++'])"),
        "3.14t",
        Becomes::SwitchesGilOn,
        "b declares nothing",
    );
}

fn rust_files<'a>(cargo: &'a str, text: &'a str) -> [(&'a str, &'a str); 3] {
    [("pyproject.toml", MATURIN), ("Cargo.toml", cargo), ("src/lib.rs", text)]
}

#[test]
fn pyo3_decides_by_its_version() {
    let silent = "#[pymodule]\nfn a(m: &M) -> R { Ok(()) }\n";
    let declared = "#[pymodule(gil_used = false)]\nfn a(m: &M) -> R { Ok(()) }\n";
    let version =
        |minor: u32| format!("[package]\nname = 'a'\nrust-version = '1.80'\n[dependencies]\npyo3 = '0.{minor}'\n");
    let cases = [
        (22, "3.14t", declared, Becomes::Fails, "PyO3 0.22 (Cargo.toml:5) does not build for free-threaded Python"),
        (24, "3.14t", declared, Becomes::Fails, "up to 3.13"),
        (24, "3.13t", declared, Becomes::KeepsGilOff, ""),
        (27, "3.14t", silent, Becomes::SwitchesGilOn, "PyO3 0.27 (Cargo.toml:5) declares nothing for a by itself"),
        (27, "3.14t", declared, Becomes::KeepsGilOff, ""),
        (28, "3.14t", silent, Becomes::KeepsGilOff, ""),
        (30, "3.13t", silent, Becomes::Fails, "from 3.14 on"),
    ];
    for (minor, python, text, becomes, words) in cases {
        let cargo = version(minor);
        check(&rust_files(&cargo, text), python, becomes, words);
    }
    check(
        &rust_files("[dependencies]\npyo3 = '>=0.20,<0.40'\n", silent),
        "3.14t",
        Becomes::Unknown,
        "the version of PyO3",
    );
    let found = foreseen(&rust_files(&version(28), silent), "3.14t");
    assert_eq!((found.needs, found.requires), (vec!["Rust 1.80 or newer".to_owned()], vec!["maturin>=1".to_owned()]));
    // Rust beside a build that compiles none is not built.
    let beside = [("setup.py", SETUP), ("a/_a.c", DECLARED), ("rust/src/lib.rs", silent)];
    check(&beside, "3.14t", Becomes::KeepsGilOff, "");
}

#[test]
fn what_free_threaded_builds_refuse_fails() {
    let limited =
        "setup(ext_modules=[Extension('a._a', ['a/_a.c'], define_macros=[('Py_LIMITED_API', '0x03090000')])])\n";
    let files = [("setup.py", limited), ("a/_a.c", DECLARED)];
    check(&files, "3.14t", Becomes::Fails, "3.14t has no limited API, which setup.py:1 asks for");
    check(&files, "3.15t", Becomes::KeepsGilOff, "");
    let guarded = format!("if not get_config_var('Py_GIL_DISABLED'):\n    {limited}");
    check(&[("setup.py", &guarded), ("a/_a.c", DECLARED)], "3.14t", Becomes::KeepsGilOff, "");
    let ffi = "ffi.set_source('a._ffi', '#include <x.h>')\n";
    let cffi = |requires| {
        [("pyproject.toml", requires), ("setup.py", "setup(cffi_modules=['build_ffi.py:ffi'])"), ("build_ffi.py", ffi)]
    };
    let new = "[build-system]\nrequires = ['cffi>=1.15']\n";
    check(&cffi(new), "3.14t", Becomes::KeepsGilOff, "");
    check(&cffi(new), "3.13t", Becomes::Fails, "no release of CFFI works on 3.13t");
    let old =
        "[build-system]\nrequires = [\"cffi<2; python_version < '3.15'\", \"cffi>=2; python_version >= '3.15'\"]\n";
    check(&cffi(old), "3.14t", Becomes::Fails, "CFFI before 2.0 uses the limited API");
    check(&cffi(old), "3.15t", Becomes::KeepsGilOff, "");
}

#[test]
fn what_nobody_compiles_is_pure_and_the_rest_is_unknown() {
    let pure =
        [("pyproject.toml", "[build-system]\nrequires = ['hatchling']\n"), ("a/__init__.py", ""), ("tests/b.c", HOOK)];
    check(&pure, "3.14t", Becomes::Pure, "nothing is compiled");
    assert!(foreseen(&pure, "3.14t").needs.is_empty());
    check(&[("setup.py", "setup(ext_modules=find())")], "3.14t", Becomes::Unknown, "no source of one was found");
    check(&[("setup.py", "if x:\n    cythonize('a.py')")], "3.14t", Becomes::Unknown, "may compile Python files");
    check(
        &[("CMakeLists.txt", "add_library(a a.c)"), ("a.c", "int a;")],
        "3.14t",
        Becomes::Unknown,
        "no module was found in its C sources",
    );
    let template = [("setup.py", SETUP), ("a/_a.c", DECLARED), ("a/b.c.src", "")];
    check(&template, "3.14t", Becomes::Unknown, "a/b.c.src is a template");
    // A build with the GIL always has it.
    assert_eq!(forecast(&facts(&pure), target("3.14"), None), None);
}

#[test]
fn hostile_sources_do_no_harm() {
    let deep = "(".repeat(100_000);
    let conditions = "#if A(\n".repeat(20_000);
    let attributes = "#[pymodule(".repeat(20_000);
    let long = format!("PYBIND11_MODULE({}", "a, ".repeat(100_000));
    for text in [deep.as_str(), &conditions, &attributes, &long, "\u{feff}\0\u{1F600}"] {
        let text = format!("{text} PyInit_ pymodule Py_mod_gil freethreading_compatible nanobind_add_module(");
        for path in [
            "a.c",
            "a.cpp",
            "a.h",
            "a.rs",
            "a.pyx",
            "setup.py",
            "CMakeLists.txt",
            "pyproject.toml",
            "Cargo.toml",
            "Cargo.lock",
        ] {
            let _ = foreseen(&[("setup.py", SETUP), (path, &text)], "3.14t");
        }
    }
}

/// What the scan does with an archive's files.
struct Shown(Reader, Vec<String>);

impl Visitor for Shown {
    fn meet(&mut self, path: &str) -> bool {
        self.0.meet(path)
    }

    fn take(&mut self, path: &str, bytes: &[u8]) {
        self.0.take(path, bytes);
    }

    fn leave(&mut self, path: &str, why: &str) {
        self.1.push(format!("{path}: {why}"));
        self.0.leave(path, why);
    }
}

#[test]
fn archives_show_their_files_within_limits() {
    let path =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("fixtures/archives/built/of_setuptools-1.2.3.tar.gz");
    let bytes = std::fs::read(path).unwrap();
    let show = |limits: Limits| {
        let mut shown = Shown(Reader::default(), Vec::new());
        sdist::visit("of_setuptools-1.2.3.tar.gz", Box::new(bytes.clone()), limits, &mut shown).unwrap();
        (shown.0.finish(), shown.1)
    };
    let (facts, left) = show(Limits::default());
    assert_eq!(facts.backend.as_deref(), Some("setuptools.build_meta"));
    assert_eq!(left, Vec::<String>::new());
    let (facts, left) = show(Limits { source_bytes: 4, ..Limits::default() });
    assert!(left.iter().any(|line| line.contains("answer.c: it has ")), "{left:?}");
    let found = forecast(&facts, target("3.14t"), None).unwrap();
    assert_eq!(found.becomes, Becomes::Unknown, "{found:?}");
}
