//! Source distributions: what is foreseen of their builds, from the files in them.

use ungil::archive::limits::ArchiveLimits;
use ungil::archive::sdist::{self, SdistVisitor};
use ungil::model::source::{Becomes, Forecast, SourceFacts};
use ungil::model::target::Target;
use ungil::resolve::markers;
use ungil::source::{SourceReader, forecast};

/// Files of a source distribution: path and text.
type Files<'a> = &'a [(&'a str, &'a str)];

const HOOK: &str = "PyMODINIT_FUNC PyInit__a(void) {\n    return PyModule_Create(&module);\n}\n";
const SILENT: &str =
    "static int a;\nPyMODINIT_FUNC PyInit__a(void) {\n    return PyModuleDef_Init(&module);\n}\n";
const DECLARED: &str = "#ifdef Py_GIL_DISABLED\nstatic PyModuleDef_Slot slots[] = {{Py_mod_gil, Py_MOD_GIL_NOT_USED}, {0}};\n\
                        #endif\nPyMODINIT_FUNC PyInit__a(void) {\n    return PyModuleDef_Init(&module);\n}\n";
const NEWER: &str = "#if PY_VERSION_HEX >= 0x030E0000\nS s[] = {{Py_mod_gil, Py_MOD_GIL_NOT_USED}};\n#endif\n\
                     PyMODINIT_FUNC PyInit__a(void) { return 0; }\n";
const SETUP: &str = "setup(ext_modules=[Extension('a._a', ['a/_a.c'])])\n";
const CYTHON: &str = "[build-system]\nrequires = ['setuptools', 'cython']\n";
const MATURIN: &str = "[build-system]\nrequires = ['maturin>=1']\nbuild-backend = 'maturin'\n";

fn facts(files: Files<'_>) -> SourceFacts {
    let mut reader = SourceReader::default();
    for (path, text) in files {
        if reader.meet(path) {
            reader.take(path, text.as_bytes());
        }
    }
    reader.finish()
}

fn target(python: &str) -> Target {
    Target {
        python: python.parse().unwrap(),
        platform: "linux-x86_64".parse().unwrap(),
    }
}

fn foreseen(files: Files<'_>, python: &str) -> Forecast {
    let target = target(python);
    forecast(
        &facts(files),
        target,
        markers::environment(target, 0).ok().as_ref(),
    )
    .unwrap()
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
    check(
        &c(DECLARED),
        "3.14t",
        Becomes::KeepsGilOff,
        "would keep the GIL off (its module declares it)",
    );
    check(
        &c(SILENT),
        "3.14t",
        Becomes::SwitchesGilOn,
        "_a declares nothing (a/_a.c:2)",
    );
    check(
        &c(HOOK),
        "3.13t",
        Becomes::SwitchesGilOn,
        "_a declares nothing (a/_a.c:1)",
    );
    check(&c(NEWER), "3.14t", Becomes::KeepsGilOff, "");
    check(
        &c(NEWER),
        "3.13t",
        Becomes::SwitchesGilOn,
        "declares nothing",
    );
    // Nobody knows whether it is compiled.
    check(
        &[("a/_a.c", SILENT)],
        "3.14t",
        Becomes::Unknown,
        "no build file names it",
    );
    // What is another project's, or a test, is not taken for the package's own.
    check(
        &[
            ("setup.py", SETUP),
            ("a/_a.c", DECLARED),
            ("third_party/x/b.c", HOOK),
        ],
        "3.14t",
        Becomes::KeepsGilOff,
        "",
    );
    let elsewhere = [
        ("setup.py", SETUP),
        ("a/_a.c", SILENT),
        ("a/slots.h", "S s = {Py_mod_gil, Py_MOD_GIL_NOT_USED};"),
    ];
    check(
        &elsewhere,
        "3.14t",
        Becomes::Unknown,
        "a/slots.h declares something",
    );
    let unclear = "S s = {Py_mod_gil, MY_GIL};\nPyMODINIT_FUNC PyInit__a(void) { return 0; }\n";
    check(
        &c(unclear),
        "3.14t",
        Becomes::Unknown,
        "depends on the build (a/_a.c:1)",
    );
    let switched = "#ifdef WITH_THREADS\nS s = {Py_mod_gil, Py_MOD_GIL_NOT_USED};\n#endif\nPyMODINIT_FUNC PyInit__a(void) { return 0; }\n";
    check(
        &c(switched),
        "3.14t",
        Becomes::Unknown,
        "depends on the build",
    );
    check(
        &c("#define INIT(x) PyMODINIT_FUNC PyInit_##x(void)\nINIT(_a) { return 0; }\n"),
        "3.14t",
        Becomes::Unknown,
        "macro of its own",
    );
}

#[test]
fn modules_of_generators_declare_or_do_not() {
    let cython = |pyproject, text| {
        [
            ("pyproject.toml", pyproject),
            ("setup.py", "cythonize('a/*.pyx')"),
            ("a/b.pyx", text),
        ]
    };
    let directive = "# cython: freethreading_compatible = True\n";
    check(
        &cython(CYTHON, directive),
        "3.14t",
        Becomes::KeepsGilOff,
        "",
    );
    check(
        &cython(CYTHON, "cdef int a\n"),
        "3.14t",
        Becomes::SwitchesGilOn,
        "b declares nothing (a/b.pyx:1)",
    );
    let old = "[build-system]\nrequires = ['cython<3.1']\n";
    check(
        &cython(old, directive),
        "3.14t",
        Becomes::SwitchesGilOn,
        "pyproject.toml:2 asks for `cython<3.1`",
    );
    let all = [
        ("pyproject.toml", CYTHON),
        ("meson.build", "args += '-Xfreethreading_compatible=True'\n"),
        ("a/b.pyx", ""),
    ];
    check(&all, "3.14t", Becomes::KeepsGilOff, "");
    let pybind = |text| {
        [
            ("setup.py", "Extension('a._a', ['a/_a.cpp'])"),
            ("a/_a.cpp", text),
        ]
    };
    check(
        &pybind("PYBIND11_MODULE(_a, m, py::mod_gil_not_used()) {\n}\n"),
        "3.14t",
        Becomes::KeepsGilOff,
        "",
    );
    check(
        &pybind("PYBIND11_MODULE(_a, m) {\n}\n"),
        "3.14t",
        Becomes::SwitchesGilOn,
        "_a declares nothing",
    );
    let nanobind = |flags| {
        [
            ("CMakeLists.txt", flags),
            ("a/_a.cpp", "NB_MODULE(_a, m) {\n}\n"),
        ]
    };
    check(
        &nanobind("nanobind_add_module(_a FREE_THREADED a/_a.cpp)"),
        "3.14t",
        Becomes::KeepsGilOff,
        "",
    );
    check(
        &nanobind("nanobind_add_module(_a a/_a.cpp)"),
        "3.14t",
        Becomes::SwitchesGilOn,
        "_a declares nothing",
    );
    check(
        &nanobind("add_library(_a a/_a.cpp)"),
        "3.14t",
        Becomes::Unknown,
        "how nanobind is built into it",
    );
    let swig = |flags| [("setup.py", flags), ("a/b.i", "%module b\n")];
    check(
        &swig("Extension('_b', ['a/b.i'], swig_opts=['-nogil'])"),
        "3.14t",
        Becomes::KeepsGilOff,
        "",
    );
    check(
        &swig("Extension('_b', ['a/b.i'], swig_opts=['-c++'])"),
        "3.14t",
        Becomes::SwitchesGilOn,
        "b declares nothing",
    );
}

fn rust_files<'a>(cargo: &'a str, text: &'a str) -> [(&'a str, &'a str); 3] {
    [
        ("pyproject.toml", MATURIN),
        ("Cargo.toml", cargo),
        ("src/lib.rs", text),
    ]
}

#[test]
fn pyo3_decides_by_its_version() {
    let silent = "#[pymodule]\nfn a(m: &M) -> R { Ok(()) }\n";
    let declared = "#[pymodule(gil_used = false)]\nfn a(m: &M) -> R { Ok(()) }\n";
    let version = |minor: u32| {
        format!(
            "[package]\nname = 'a'\nrust-version = '1.80'\n[dependencies]\npyo3 = '0.{minor}'\n"
        )
    };
    let cases = [
        (
            22,
            "3.14t",
            declared,
            Becomes::Fails,
            "PyO3 0.22 (Cargo.toml:5) does not build for free-threaded Python",
        ),
        (24, "3.14t", declared, Becomes::Fails, "up to 3.13"),
        (24, "3.13t", declared, Becomes::KeepsGilOff, ""),
        (
            27,
            "3.14t",
            silent,
            Becomes::SwitchesGilOn,
            "PyO3 0.27 (Cargo.toml:5) declares nothing for a by itself",
        ),
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
    assert_eq!(
        (found.needs, found.requires),
        (
            vec!["Rust 1.80 or newer".to_owned()],
            vec!["maturin>=1".to_owned()]
        )
    );
    // Rust beside a build that compiles none is not built.
    let beside = [
        ("setup.py", SETUP),
        ("a/_a.c", DECLARED),
        ("rust/src/lib.rs", silent),
    ];
    check(&beside, "3.14t", Becomes::KeepsGilOff, "");
}

#[test]
fn what_free_threaded_builds_refuse_fails() {
    let limited = "setup(ext_modules=[Extension('a._a', ['a/_a.c'], define_macros=[('Py_LIMITED_API', '0x03090000')])])\n";
    let files = [("setup.py", limited), ("a/_a.c", DECLARED)];
    check(
        &files,
        "3.14t",
        Becomes::Fails,
        "3.14t has no limited API, which setup.py:1 asks for",
    );
    check(
        &files,
        "3.15t",
        Becomes::Unknown,
        "whether the sources keep to that of 3.15t is not known",
    );
    let defined =
        format!("static struct PyModuleDef module = {{PyModuleDef_HEAD_INIT}};\n{DECLARED}");
    check(
        &[files[0], ("a/_a.c", &defined)],
        "3.15t",
        Becomes::Fails,
        "which has no PyModuleDef_HEAD_INIT (a/_a.c:1) on 3.15t",
    );
    let guarded = format!("if not get_config_var('Py_GIL_DISABLED'):\n    {limited}");
    check(
        &[("setup.py", &guarded), ("a/_a.c", DECLARED)],
        "3.14t",
        Becomes::KeepsGilOff,
        "",
    );
    let ffi = "ffi.set_source('a._ffi', '#include <x.h>')\n";
    let cffi = |requires| {
        [
            ("pyproject.toml", requires),
            ("setup.py", "setup(cffi_modules=['build_ffi.py:ffi'])"),
            ("build_ffi.py", ffi),
        ]
    };
    let new = "[build-system]\nrequires = ['cffi>=1.15']\n";
    check(&cffi(new), "3.14t", Becomes::KeepsGilOff, "");
    check(
        &cffi(new),
        "3.13t",
        Becomes::Fails,
        "pyproject.toml:2 asks for `cffi>=1.15`, and no release of CFFI works on 3.13t",
    );
    let old = "[build-system]\nrequires = [\"cffi<2; python_version < '3.15'\", \"cffi>=2; python_version >= '3.15'\"]\n";
    check(
        &cffi(old),
        "3.14t",
        Becomes::Fails,
        "CFFI before 2.0 uses the limited API",
    );
    check(&cffi(old), "3.15t", Becomes::KeepsGilOff, "");
}

/// A command of the project's own in `setup.py`, with this body.
fn with_command(body: &str) -> String {
    format!(
        "from setuptools import setup, Extension\nfrom wheel.bdist_wheel import bdist_wheel\nclass B(bdist_wheel):\n{body}\n\
         setup(ext_modules=[Extension('a._a', ['a/_a.c'])], cmdclass={{'bdist_wheel': B}})\n"
    )
}

#[test]
fn the_limited_api_is_refused_whoever_asks_for_it() {
    let c = |path, text| [(path, text), ("setup.py", SETUP), ("a/_a.c", DECLARED)];
    let finalize = with_command(
        "    def finalize_options(self):\n        self.py_limited_api = 'cp39'\n        super().finalize_options()",
    );
    let files = [("setup.py", finalize.as_str()), ("a/_a.c", DECLARED)];
    check(
        &files,
        "3.13t",
        Becomes::Fails,
        "would not build: 3.13t has no limited API, which setup.py:5 asks for",
    );
    check(&files, "3.15t", Becomes::KeepsGilOff, "");
    check(
        &c("setup.cfg", "[bdist_wheel]\npy_limited_api = cp39\n"),
        "3.14t",
        Becomes::Fails,
        "setup.cfg:2 asks for",
    );
    let get_tag = with_command(
        "    def get_tag(self):\n        p, a, l = super().get_tag()\n        return ('cp39', 'abi3', l) if p.startswith('cp') else (p, a, l)",
    );
    let files = [("setup.py", get_tag.as_str()), ("a/_a.c", DECLARED)];
    for python in ["3.13t", "3.14t", "3.15t"] {
        check(
            &files,
            python,
            Becomes::Fails,
            "would not build: setup.py:6 tags the wheel abi3",
        );
    }
    let guarded = get_tag.replace("if p", "if not get_config_var('Py_GIL_DISABLED') and p");
    check(
        &[("setup.py", &guarded), ("a/_a.c", DECLARED)],
        "3.14t",
        Becomes::KeepsGilOff,
        "",
    );
    let meson = "[build-system]\nrequires = ['meson-python']\nbuild-backend = 'mesonpy'\n";
    let limited = format!("{meson}[tool.meson-python]\nlimited-api = true\n");
    let build = |pyproject, build| {
        [
            ("pyproject.toml", pyproject),
            ("meson.build", build),
            ("a/_a.c", DECLARED),
        ]
    };
    let plain = "py.extension_module('_a', 'a/_a.c')\n";
    check(
        &build(&limited, plain),
        "3.14t",
        Becomes::Fails,
        "pyproject.toml:5 asks for",
    );
    check(&build(&limited, plain), "3.15t", Becomes::KeepsGilOff, "");
    check(&build(meson, plain), "3.14t", Becomes::KeepsGilOff, "");
    check(
        &build(
            meson,
            "py.extension_module('_a', 'a/_a.c', limited_api: '3.9')",
        ),
        "3.14t",
        Becomes::Fails,
        "meson.build:1",
    );
    check(
        &build(
            meson,
            "py.extension_module('_a', 'a/_a.c', limited_api: api)",
        ),
        "3.14t",
        Becomes::Unknown,
        "meson.build:1 may ask",
    );
    let cmake = |text| [("CMakeLists.txt", text), ("a/_a.c", DECLARED)];
    check(
        &cmake("Python_add_library(_a MODULE USE_SABI 3.8 a/_a.c)"),
        "3.14t",
        Becomes::Fails,
        "CMakeLists.txt:1 asks for",
    );
    let either = "if(WIN32)\nPython_add_library(_a MODULE USE_SABI 3.8 a/_a.c)\nelse()\ntarget_compile_definitions(_a PRIVATE Py_LIMITED_API)\nendif()\n";
    check(
        &cmake(either),
        "3.14t",
        Becomes::Fails,
        "CMakeLists.txt:2 asks for",
    );
    check(
        &cmake(
            "if(WIN32)\nadd_definitions(-DPy_LIMITED_API)\nendif()\npython_add_library(_a a/_a.c)",
        ),
        "3.14t",
        Becomes::Unknown,
        "may ask for",
    );
    let sabi = "if(NOT \"${SKBUILD_SABI_VERSION}\" STREQUAL \"\")\nset(s USE_SABI \"${SKBUILD_SABI_VERSION}\")\nendif()\npython_add_library(_a MODULE ${s} a/_a.c)";
    check(&cmake(sabi), "3.14t", Becomes::KeepsGilOff, "");
}

#[test]
fn scripts_that_end_the_build_are_read() {
    let c = |setup| [("setup.py", setup), ("a/_a.c", DECLARED)];
    let raising = format!(
        "import sys, sysconfig\nFREE = bool(sysconfig.get_config_var('Py_GIL_DISABLED'))\nif FREE and sys.version_info < (3, 14):\n    raise RuntimeError('no')\n{SETUP}"
    );
    check(
        &c(&raising),
        "3.13t",
        Becomes::Fails,
        "would not build: setup.py:4 ends every build on 3.13t",
    );
    check(&c(&raising), "3.14t", Becomes::KeepsGilOff, "");
    let unless = raising.replace(
        "FREE and sys.version_info < (3, 14)",
        "FREE and not os.environ.get('FORCE')",
    );
    check(
        &c(&unless),
        "3.14t",
        Becomes::Unknown,
        "setup.py:4 may end a build on 3.14t",
    );
    let other = raising.replace(
        "FREE and sys.version_info < (3, 14)",
        "sys.platform == 'sunos'",
    );
    check(&c(&other), "3.14t", Becomes::KeepsGilOff, "");
    check(
        &c(&format!(
            "def check():\n    sys.exit('no')\ncheck()\n{SETUP}"
        )),
        "3.14t",
        Becomes::Fails,
        "setup.py:2",
    );
    let refused = format!("#ifdef Py_GIL_DISABLED\n#error \"no\"\n#endif\n{DECLARED}");
    check(
        &[("setup.py", SETUP), ("a/_a.c", &refused)],
        "3.14t",
        Becomes::Fails,
        "a/_a.c:2 ends every build",
    );
    let wanted = "[project]\nname = 'a'\nrequires-python = '>=3.14,<3.15'\n";
    let files = [
        ("pyproject.toml", wanted),
        ("setup.py", SETUP),
        ("a/_a.c", DECLARED),
    ];
    check(
        &files,
        "3.13t",
        Becomes::Fails,
        "it asks for Python >=3.14,<3.15",
    );
    check(&files, "3.14t", Becomes::KeepsGilOff, "");
    check(&files, "3.15t", Becomes::Fails, "it asks for Python");
}

#[test]
fn backends_that_nobody_knows_leave_it_open() {
    let own = "[build-system]\nrequires = []\nbuild-backend = 'backend'\nbackend-path = ['.']\n";
    let refusing = "def build_wheel(*a):\n    raise SystemExit('no')\n";
    check(
        &[("pyproject.toml", own), ("backend.py", refusing)],
        "3.13t",
        Becomes::Fails,
        "backend.py:2 ends every build",
    );
    let fetching = "def build_wheel(*a):\n    return download(*a)\n";
    check(
        &[("pyproject.toml", own), ("backend.py", fetching)],
        "3.13t",
        Becomes::Unknown,
        "backend.py is a build backend of the project's own",
    );
    check(
        &[("pyproject.toml", own)],
        "3.13t",
        Becomes::Unknown,
        "the build backend backend is the project's own",
    );
    let wrapping = "from setuptools.build_meta import *\n";
    check(
        &[("pyproject.toml", own), ("backend.py", wrapping)],
        "3.13t",
        Becomes::Pure,
        "",
    );
    let more =
        "from setuptools.build_meta import *\ndef build_wheel(*a):\n    return download(*a)\n";
    check(
        &[("pyproject.toml", own), ("backend.py", more)],
        "3.13t",
        Becomes::Unknown,
        "a build backend of the project's own",
    );
    let stub = "[build-system]\nrequires = ['wheel-stub']\nbuild-backend = 'wheel_stub.buildapi'\n";
    check(
        &[("pyproject.toml", stub)],
        "3.14t",
        Becomes::Unknown,
        "what the build backend wheel_stub.buildapi does is not known",
    );
    let binary = "class D(Distribution):\n    def has_ext_modules(self):\n        return True\nsetup(distclass=D)\n";
    check(
        &[("setup.py", binary)],
        "3.14t",
        Becomes::Unknown,
        "setup.py makes a wheel for one platform",
    );
    check(
        &[("setup.py", "setup()"), ("a/_b.so", "")],
        "3.14t",
        Becomes::Unknown,
        "a/_b.so is compiled already",
    );
}

#[test]
fn other_projects_in_the_archive_are_not_built() {
    let meson = "[build-system]\nrequires = ['meson-python']\nbuild-backend = 'mesonpy'\n";
    let build = "project('x', 'c')\npy.extension_module('_a', 'a/_a.c')\n";
    let inner = "project('y', 'c')\npy.extension_module('t', 't.c')\n";
    let text = HOOK.replace("_a", "t");
    for folder in [
        "vendored-meson/meson/test cases/python/2 extmodule",
        "tools/other",
        "my-tests",
    ] {
        let (build_file, source) = (format!("{folder}/meson.build"), format!("{folder}/t.c"));
        let files = [
            ("pyproject.toml", meson),
            ("meson.build", build),
            ("a/_a.c", DECLARED),
            (&build_file, inner),
            (&source, &text),
        ];
        check(
            &files,
            "3.14t",
            Becomes::KeepsGilOff,
            "its module declares it",
        );
    }
    let sub = [
        ("pyproject.toml", meson),
        ("meson.build", "project('x')\nsubdir('a')"),
        ("a/meson.build", "py.extension_module('_a', '_a.c')"),
        ("a/_a.c", DECLARED),
    ];
    check(&sub, "3.14t", Becomes::KeepsGilOff, "");
}

/// An init function whose head has one version for Python 2 and one for Python 3, and whose body is this long.
fn split_head(lines: usize) -> String {
    let body = "    PyModule_AddIntConstant(module, \"AAAA\", AAAA);\n".repeat(lines);
    format!(
        "#define INITERROR return NULL\n#if PY_MAJOR_VERSION >= 3\nPyMODINIT_FUNC PyInit__a(void)\n#else\nvoid init_a(void)\n#endif\n{{\n\
         \x20   PyObject *module = PyModule_Create(&moduledef);\n    PyUnstable_Module_SetGIL(module, Py_MOD_GIL_NOT_USED);\n{body}    return module;\n}}\n"
    )
}

#[test]
fn a_hook_with_a_split_head_has_one_body() {
    for lines in [0, 1, 27, 28, 29, 500] {
        check(
            &[("setup.py", SETUP), ("a/_a.c", &split_head(lines))],
            "3.14t",
            Becomes::KeepsGilOff,
            "",
        );
    }
    let unclear = split_head(1).replace("Py_MOD_GIL_NOT_USED", "gil_of(module)");
    check(
        &[("setup.py", SETUP), ("a/_a.c", &unclear)],
        "3.14t",
        Becomes::Unknown,
        "depends on the build (a/_a.c:9)",
    );
    // CPython makes the module from the definition, and takes what its slots say.
    let late = split_head(1).replace("PyModule_Create", "PyModuleDef_Init");
    check(
        &[("setup.py", SETUP), ("a/_a.c", &late)],
        "3.14t",
        Becomes::Unknown,
        "depends on the build",
    );
}

/// What CFFI writes, shortened.
const OF_CFFI: &str = "#define _CFFI_\n#if !defined(_CFFI_USE_EMBEDDING) && !defined(Py_LIMITED_API)\n#  include <pyconfig.h>\n\
                       #  if !defined(_CFFI_NO_LIMITED_API)\n#    if !defined(Py_GIL_DISABLED)\n#      define Py_LIMITED_API\n#    else\n\
                       #      define Py_LIMITED_API 0x030f0000\n#    endif\n#  endif\n#endif\nPyMODINIT_FUNC\nPyInit__ffi(void)\n{\n  return _cffi_init(\"_ffi\", 0x2601, &context);\n}\n";

#[test]
fn what_cffi_wrote_is_its_own() {
    let build = |cmake| [("CMakeLists.txt", cmake), ("src/_ffi.c", OF_CFFI)];
    let told = "python_add_library(_ffi MODULE src/_ffi.c)\ntarget_compile_definitions(_ffi PRIVATE _CFFI_NO_LIMITED_API)\n";
    check(&build(told), "3.14t", Becomes::KeepsGilOff, "");
    check(&build(told), "3.15t", Becomes::KeepsGilOff, "");
    check(
        &build(told),
        "3.13t",
        Becomes::Fails,
        "no release of CFFI works on 3.13t, and _ffi needs its backend",
    );
    let plain = "python_add_library(_ffi MODULE src/_ffi.c)\n";
    check(
        &build(plain),
        "3.14t",
        Becomes::Unknown,
        "src/_ffi.c:8 may ask for the limited API",
    );
    check(&build(plain), "3.15t", Becomes::KeepsGilOff, "");
    let variable = [
        ("build_ffi.py", "ffi.set_source(name, source)\n"),
        ("setup.py", "setup(cffi_modules=['build_ffi.py:ffi'])"),
    ];
    let modules = facts(&variable).modules;
    assert_eq!(
        modules.first().map(|module| module.name.as_str()),
        Some("what CFFI compiles")
    );
}

#[test]
fn crates_and_their_build_scripts_ask_for_the_limited_api() {
    let silent = "#[pymodule]\nfn a(m: &M) -> R { Ok(()) }\n";
    let cargo = |features: &str| {
        format!(
            "[package]\nname = 'a'\n[dependencies.pyo3]\nversion = '0.28'\nfeatures = [{features}]\n"
        )
    };
    let define = "fn main() { if python_impl != \"PyPy\" { build.define(\"Py_LIMITED_API\", \"0x030700f0\"); } }\n";
    let plain = cargo("");
    let files = [
        ("pyproject.toml", MATURIN),
        ("Cargo.toml", plain.as_str()),
        ("src/lib.rs", silent),
        ("cffi/build.rs", define),
    ];
    check(
        &files,
        "3.14t",
        Becomes::Fails,
        "3.14t has no limited API, which cffi/build.rs:1 asks for",
    );
    let guarded = define.replace("python_impl != \"PyPy\"", "!is_free_threaded");
    check(
        &[files[0], files[1], files[2], ("cffi/build.rs", &guarded)],
        "3.14t",
        Becomes::KeepsGilOff,
        "",
    );
    let stable = cargo("'abi3-py39'");
    check(
        &rust_files(&stable, silent),
        "3.14t",
        Becomes::KeepsGilOff,
        "",
    );
    // maturin and PyO3 build for the one version; what others do is not known.
    check(
        &rust_files(&stable, silent),
        "3.15t",
        Becomes::KeepsGilOff,
        "",
    );
    let by = |requires: &str, backend: &str| {
        format!("[build-system]\nrequires = [{requires}]\nbuild-backend = '{backend}'\n")
    };
    let other = by("'setuptools-rust'", "setuptools.build_meta");
    let files = [
        ("pyproject.toml", other.as_str()),
        ("Cargo.toml", stable.as_str()),
        ("src/lib.rs", silent),
    ];
    check(
        &files,
        "3.15t",
        Becomes::Unknown,
        "asks PyO3 for abi3 and not for abi3t",
    );
    for (requires, becomes) in [
        ("'maturin>=1.7,<1.8'", Becomes::KeepsGilOff),
        ("'maturin>=1.9.4,<2,!=1.12.0'", Becomes::KeepsGilOff),
        ("'maturin~=1.7.0,<1.7.5'", Becomes::Fails),
        ("'maturin==1.5.1'", Becomes::Fails),
    ] {
        let old = by(requires, "maturin");
        for python in ["3.13t", "3.14t", "3.15t"] {
            let cargo = stable.replace("0.28", if python == "3.15t" { "0.29" } else { "0.28" });
            let files = [
                ("pyproject.toml", old.as_str()),
                ("Cargo.toml", &cargo),
                ("src/lib.rs", silent),
            ];
            check(
                &files,
                python,
                becomes,
                if becomes == Becomes::Fails {
                    "maturin before 1.7.5 tags the wheel abi3"
                } else {
                    ""
                },
            );
            // Without the feature nothing is tagged so.
            let plain = cargo.replace("'abi3-py39'", "");
            let files = [files[0], ("Cargo.toml", &plain), files[2]];
            check(&files, python, Becomes::KeepsGilOff, "");
        }
    }
    check(
        &rust_files(&cargo("'abi3-py39', 'abi3t-py315'"), silent),
        "3.15t",
        Becomes::KeepsGilOff,
        "",
    );
    let needed = "[build-system]\nrequires = ['maturin>=1', \"cffi>=2; platform_python_implementation != 'PyPy'\"]\nbuild-backend = 'maturin'\n";
    let files = [
        ("pyproject.toml", needed),
        ("Cargo.toml", plain.as_str()),
        ("src/lib.rs", silent),
    ];
    check(
        &files,
        "3.13t",
        Becomes::Fails,
        "and no release of CFFI works on 3.13t",
    );
    check(&files, "3.14t", Becomes::KeepsGilOff, "");
}

#[test]
fn what_nobody_compiles_is_pure_and_the_rest_is_unknown() {
    let pure = [
        (
            "pyproject.toml",
            "[build-system]\nrequires = ['hatchling']\n",
        ),
        ("a/__init__.py", ""),
        ("tests/b.c", HOOK),
    ];
    check(&pure, "3.14t", Becomes::Pure, "nothing is compiled");
    assert!(foreseen(&pure, "3.14t").needs.is_empty());
    check(
        &[("setup.py", "setup(ext_modules=find())")],
        "3.14t",
        Becomes::Unknown,
        "no source of one was found",
    );
    check(
        &[("setup.py", "if x:\n    cythonize('a.py')")],
        "3.14t",
        Becomes::Unknown,
        "may compile Python files",
    );
    check(
        &[("CMakeLists.txt", "add_library(a a.c)"), ("a.c", "int a;")],
        "3.14t",
        Becomes::Unknown,
        "no module was found in its C sources",
    );
    let template = [("setup.py", SETUP), ("a/_a.c", DECLARED), ("a/b.c.src", "")];
    check(
        &template,
        "3.14t",
        Becomes::Unknown,
        "a/b.c.src is a template",
    );
    // A build with the GIL always has it.
    assert_eq!(forecast(&facts(&pure), target("3.14"), None), None);
}

#[test]
fn hostile_sources_do_no_harm() {
    let deep = "(".repeat(100_000);
    let conditions = "#if A(\n".repeat(20_000);
    let attributes = "#[pymodule(".repeat(20_000);
    let long = format!("PYBIND11_MODULE({}", "a, ".repeat(100_000));
    for text in [
        deep.as_str(),
        &conditions,
        &attributes,
        &long,
        "\u{feff}\0\u{1F600}",
    ] {
        let text = format!(
            "{text} PyInit_ pymodule Py_mod_gil freethreading_compatible nanobind_add_module("
        );
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
struct Shown(SourceReader, Vec<String>);

impl SdistVisitor for Shown {
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
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("fixtures/archives/built/of_setuptools-1.2.3.tar.gz");
    let bytes = std::fs::read(path).unwrap();
    let show = |limits: ArchiveLimits| {
        let mut shown = Shown(SourceReader::default(), Vec::new());
        sdist::visit(
            "of_setuptools-1.2.3.tar.gz",
            Box::new(bytes.clone()),
            limits,
            &mut shown,
        )
        .unwrap();
        (shown.0.finish(), shown.1)
    };
    let (facts, left) = show(ArchiveLimits::default());
    assert_eq!(facts.backend.as_deref(), Some("setuptools.build_meta"));
    assert_eq!(left, Vec::<String>::new());
    let (facts, left) = show(ArchiveLimits {
        source_bytes: 4,
        ..ArchiveLimits::default()
    });
    assert!(
        left.iter().any(|line| line.contains("answer.c: it has ")),
        "{left:?}"
    );
    let found = forecast(&facts, target("3.14t"), None).unwrap();
    assert_eq!(found.becomes, Becomes::Unknown, "{found:?}");
}
