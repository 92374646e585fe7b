//! Which members an import system could load, and which of those must be unpacked to know.
//!
//! # By name
//!
//! CPython finds an extension module `x` in a file `x` + suffix ([`crate::cpython::file_name`]): tagged
//! (`.cpython-314t-x86_64-linux-gnu.so`, `.abi3.so`, `.cp314t-win_amd64.pyd`) or plain (`.so`, `.pyd`). So `x` has no dot;
//! `libfoo.so.3`, `libfoo.dylib` and `foo.dll` are never modules, and `foo.3.so` is [out of reach](is_out_of_reach), which is
//! said. Nothing else is excluded by name: `x` need be no identifier (mypyc names modules after a hash, as
//! `30fcd23745efe32ce681__mypyc`), folders need no `__init__.py` (`triton/_C` has none), and `sys.path` can start at any
//! folder (`pywin32` does that), even at one whose name has a dot. Only the folders into which tools put copies of shared
//! libraries (`numpy.libs`, `pkg/.dylibs`) hold no plain file that counts.
//!
//! A package `x/__init__.py` hides every file of the module `x` beside it ([`hiding_package`]): such a file is not read, and
//! that is said too.
//!
//! # By content
//!
//! Names do not separate modules from bundled libraries: `triton/_C/libtriton.so` (142 MB) and
//! `paddle/base/libpaddle.so` (67 MB) are imported, `torch/lib/libtorch_cuda.so` (362 MB) and
//! `jax_plugins/xla_cuda12/xla_cuda_plugin.so` (158 MB) are not. So every untagged file counts as a module, and a large
//! one is first asked for its beginning, where linkers put the table of exported names ([`super::peek`]):
//!
//! 1. tagged, or at most [`SMALL`] in the archive ([`SMALL_NAMED`] when it is called `lib…`): read it ([`Step::Read`]);
//! 2. else read prefixes of [`PREFIXES`] until [`HeaderProbe`](super::header_probe::HeaderProbe) says `Hook` (read it), `NoHook` (leave it: no
//!    interpreter can import it) or `Unclear`;
//! 3. unclear, as when `patchelf` moved the table to the end: read it, unless it is called `lib…` and is larger than
//!    [`SMALL_LIBRARY`]. Then look whether any Python file of the wheel imports it ([`imports`]): if one does, read it;
//!    if none does, leave it and say so.
//!
//! Measured on 2026-11-21 with one `manylinux` x86-64 wheel each of 107 projects: of 41 untagged `lib…` files above 2 MB
//! in the archive (at most six per wheel) the first 64 KiB settle 24, the first MiB 29, and 16 MiB 30 (`libtriton`). The
//! other eleven went through `patchelf`: in torch, xgboost, openvino and paddle the Python files tell `libpaddle`, which
//! is imported, from the others, which are not; `libdb2` was not followed further. Of eleven large files without `lib…`
//! ten were settled: `_catboost`, `_raylet` and four others are modules, `xla_cuda_plugin`, `_xla_ops`,
//! `open3d_torch_ops` and `_C_stable` are not; `pxr/Vt/_vt.so` stayed unclear (`patchelf`) and so is read: a module.

use std::collections::BTreeSet;

use crate::cpython::file_name::{ExtensionFileName, FileTag, PACKAGE, PACKAGE_FILES};
use crate::cpython::init_function;

/// Packed size up to which a file called `lib…` is read without looking at its beginning first.
pub const SMALL_NAMED: u64 = 256 << 10;

/// Packed size up to which a file is read without looking at its beginning first.
pub const SMALL: u64 = 1 << 20;

/// Packed size up to which a file called `lib…` is read when its beginning leaves it unclear.
pub const SMALL_LIBRARY: u64 = 4 << 20;

/// Packed lengths of the beginnings that are asked for, one after the other.
pub const PREFIXES: [u64; 3] = [64 << 10, 1 << 20, 16 << 20];

/// What a file's name says of it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameStanding {
    /// The suffix names an interpreter or an ABI: made to be imported.
    Tagged,
    /// A plain suffix: any interpreter looks at it, and it may still be no module.
    Plain,
    /// A plain suffix, and called like a library.
    LibraryName,
}

/// A member that an import system could load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ModuleCandidate {
    /// Path inside the archive.
    pub path: String,
    /// Path below `site-packages` once installed.
    pub installed: String,
    /// Name of the file before its suffix.
    pub stem: String,
    /// Name of the module without its packages, for which its hook is named: the stem, or the folder of an `__init__`.
    pub module: String,
    /// What the name says.
    pub standing: NameStanding,
}

/// How to find out more about a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ProbeStep {
    /// Unpack it.
    Read,
    /// Look at its beginning first.
    Peek,
}

impl ModuleCandidate {
    /// The candidate that a member is, when it is one.
    pub fn of(path: &str) -> Option<ModuleCandidate> {
        let installed = installed_path(path)?;
        let name =
            ExtensionFileName::of_path(installed).filter(ExtensionFileName::is_importable)?;
        let standing = match name.tag {
            FileTag::Plain if is_in_bundle(installed) => return None,
            FileTag::Plain if name.stem.starts_with(LIBRARY) => NameStanding::LibraryName,
            FileTag::Plain => NameStanding::Plain,
            FileTag::Abi3(_) | FileTag::Abi3t(_) | FileTag::Cpython(..) | FileTag::Other(_)
                if is_symbols(installed) =>
            {
                return None;
            }
            FileTag::Abi3(_) | FileTag::Abi3t(_) | FileTag::Cpython(..) | FileTag::Other(_) => {
                NameStanding::Tagged
            }
        };
        Some(ModuleCandidate {
            path: path.to_owned(),
            installed: installed.to_owned(),
            stem: name.stem.to_owned(),
            module: init_function::module_of_path(installed)?.to_owned(),
            standing,
        })
    }

    /// The module's place: files with the same one are of one module, and so is a package's `__init__` with what lies beside
    /// the package.
    pub fn place(&self) -> (&str, &str) {
        let folder = folder(&self.installed);
        let above = folder.rsplit_once('/').map_or("", |(above, _)| above);
        if self.is_package() {
            (above, &self.module)
        } else {
            (folder, &self.stem)
        }
    }

    fn is_package(&self) -> bool {
        self.stem == PACKAGE && self.module != PACKAGE
    }

    /// The first thing to do, given the packed size.
    pub fn first_step(&self, compressed_size: u64) -> ProbeStep {
        let small = match self.standing {
            NameStanding::Tagged => u64::MAX,
            NameStanding::Plain => SMALL,
            NameStanding::LibraryName => SMALL_NAMED,
        };
        if compressed_size <= small {
            ProbeStep::Read
        } else {
            ProbeStep::Peek
        }
    }
}

/// Where a member of a wheel ends up below `site-packages`; `None` when it is installed elsewhere.
///
/// <https://packaging.python.org/en/latest/specifications/binary-distribution-format/#the-data-directory>
pub fn installed_path(path: &str) -> Option<&str> {
    let Some((folder, rest)) = path.split_once('/') else {
        return Some(path);
    };
    if !folder.ends_with(".data") {
        return Some(path);
    }
    match rest.split_once('/')? {
        ("purelib" | "platlib", installed) => Some(installed),
        // `data` is laid over the whole environment, and so can hold `lib/python3.14/site-packages`.
        ("data", installed) => installed
            .split_once("site-packages/")
            .map(|(_, installed)| installed),
        _ => None,
    }
}

/// How names of libraries begin on Unix.
const LIBRARY: &str = "lib";

/// Whether a path ends in a suffix of the import system, and nothing can be imported under its name: it has a dot before the
/// suffix. Shared libraries with a version there are common (`libfoo.3.15.so`), and nobody expects to import them.
pub fn is_out_of_reach(path: &str) -> bool {
    let Some(installed) = installed_path(path) else {
        return false;
    };
    let is_name = |name: &ExtensionFileName<'_>| {
        !name.stem.starts_with(LIBRARY) && !name.stem.starts_with('.')
    };
    let name =
        ExtensionFileName::of_path(installed).filter(|name| !name.is_importable() && is_name(name));
    name.is_some() && !is_in_bundle(installed)
}

/// The file that makes the folder of a candidate's name a package, among the paths of its archive.
pub fn hiding_package(candidate: &ModuleCandidate, installed: &BTreeSet<&str>) -> Option<String> {
    if candidate.is_package() {
        return None;
    }
    let (folder, stem) = candidate.place();
    let file = |name: &&str| {
        if folder.is_empty() {
            format!("{stem}/{name}")
        } else {
            format!("{folder}/{stem}/{name}")
        }
    };
    PACKAGE_FILES
        .iter()
        .map(file)
        .find(|path| installed.contains(path.as_str()))
}

fn folder(path: &str) -> &str {
    path.rsplit_once('/').map_or("", |(folder, _)| folder)
}

/// Folders into which auditwheel, delvewheel and delocate copy libraries, and those with symbols for a debugger.
fn is_in_bundle(path: &str) -> bool {
    let is_bundle = |folder: &str| folder.ends_with(".libs") || folder.ends_with(".dylibs");
    folder(path).split('/').any(is_bundle) || is_symbols(path)
}

/// `x.so.dSYM/Contents/Resources/DWARF/x.so` has the name of the file that it is of, and no code.
fn is_symbols(path: &str) -> bool {
    folder(path)
        .split('/')
        .any(|folder| folder.ends_with(".dSYM"))
}

/// Whether a Python source imports a module of this name, or looks as if it did: in an import statement, in a call of
/// an import function, or as an attribute of a package. The name of a library's file (`libx.so`) does not count.
pub fn imports(source: &str, stem: &str) -> bool {
    if stem.is_empty() || !source.contains(stem) {
        return false;
    }
    let mut in_parentheses = false;
    for line in source.lines() {
        let code = line.split('#').next().unwrap_or_default();
        let first = code.split_whitespace().next().unwrap_or_default();
        let statement =
            in_parentheses || matches!(first, "from" | "import") || code.contains("; import ");
        if statement {
            in_parentheses = !code.contains(')') && (in_parentheses || code.contains('('));
        }
        let call = [
            "import_module",
            "__import__",
            "find_spec",
            "load_dynamic",
            "spec_from",
        ];
        let call = call.into_iter().any(|name| code.contains(name));
        let counts = |(before, after): (&str, &str)| {
            let is_file = [".so", ".dylib", ".dll", ".a", ".lib"]
                .into_iter()
                .any(|suffix| after.starts_with(suffix));
            !is_file && (statement || call || before.ends_with('.'))
        };
        if words(code, stem).any(counts) {
            return true;
        }
    }
    false
}

/// Where a word stands in a line: what is before it and what is after it.
fn words<'a>(line: &'a str, word: &'a str) -> impl Iterator<Item = (&'a str, &'a str)> {
    let inside = |letter: char| letter == '_' || letter.is_alphanumeric();
    line.match_indices(word).filter_map(move |(position, _)| {
        let before = line.get(..position)?;
        let after = line.get(position + word.len()..)?;
        (!before.ends_with(inside) && !after.starts_with(inside)).then_some((before, after))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_tell_what_cannot_be_imported() {
        let check = |path: &str, expected: Option<NameStanding>| {
            assert_eq!(
                ModuleCandidate::of(path).map(|candidate| candidate.standing),
                expected,
                "{path}"
            );
        };
        for path in [
            "numpy/_core/_multiarray_umath.cpython-314t-x86_64-linux-gnu.so",
            "_cffi_backend.cpython-313-darwin.so",
            "cv2/cv2.abi3.so",
            "a/_rust.abi3t-x86_64-linux-gnu.so",
            "a/b.cp314t-win_amd64.pyd",
            "a/libfoo.cpython-314-x86_64-linux-gnu.so",
            "x.pypy311-pp73-x86_64-linux-gnu.so",
        ] {
            check(path, Some(NameStanding::Tagged));
        }
        for path in [
            "hyphen/my-mod.cpython-313t-x86_64-linux-gnu.so",
            "30fcd23745efe32ce681__mypyc.cpython-313t-x86_64-linux-gnu.so",
            "a/a b.abi3.so",
            "a/zażółć.cp314t-win_amd64.pyd",
            "a/b.CP314T-WIN_AMD64.PYD",
            "a.b/c.cpython-314t-darwin.so",
            "a-1.data/purelib/a/my-mod.abi3.so",
        ] {
            check(path, Some(NameStanding::Tagged));
        }
        for path in [
            "pxr/Tf/_tf.so",
            "_jpype.so",
            "win32/win32api.pyd",
            "win32/win32api.PYD",
            "with-hyphen/a.so",
            "a-1.data/platlib/b/c.so",
            "a/1x.so",
            "a-1.0.egg/x.so",
        ] {
            check(path, Some(NameStanding::Plain));
        }
        check(
            "a/libopenblas-r0-11edc3fa.so",
            Some(NameStanding::LibraryName),
        );
        check(
            "torch/lib/libtorch_cuda.so",
            Some(NameStanding::LibraryName),
        );
        check("triton/_C/libtriton.so", Some(NameStanding::LibraryName));
        for path in [
            "torch/lib/libcudart.so.12",
            "x/libfoo.3.15.so",
            "numpy.libs/libgfortran.so",
            "pkg/.dylibs/libx.so",
            "usd_core.libs/libusd_ms-464c3a60.so",
            "a/libfoo.dylib",
            "a/foo.dll",
            "a/_ext.hpy0.so",
            "tbb-1.data/data/lib/libtbb.so",
            "a-1.data/scripts/x.so",
            "a/a.b.abi3.so",
            "a/_x.cpython-314t-darwin.so.dSYM/Contents/Resources/DWARF/_x.cpython-314t-darwin.so",
            "a/so",
            "a/.so",
            "a/b.py",
        ] {
            check(path, None);
        }
    }

    #[test]
    fn a_name_with_a_dot_is_out_of_reach() {
        for (path, expected) in [
            ("a/b.1.so", true),
            ("a/a.b.abi3.so", true),
            ("a/_ext.hpy0.so", true),
            ("a/b.so", false),
            ("a/libfoo.3.15.so", false),
            ("a/._b.cpython-314t-darwin.so", false),
            ("a.libs/foo.1.so", false),
            ("a-1.data/scripts/b.1.so", false),
            ("a/b.1.py", false),
        ] {
            assert_eq!(is_out_of_reach(path), expected, "{path}");
        }
    }

    #[test]
    fn a_package_hides_the_modules_of_its_name() {
        let check = |path: &str, files: &[&str], expected: Option<&str>| {
            let candidate = ModuleCandidate::of(path).unwrap();
            let files = files.iter().copied().collect();
            assert_eq!(
                hiding_package(&candidate, &files).as_deref(),
                expected,
                "{path}"
            );
        };
        check(
            "a/x.abi3.so",
            &["a/x/__init__.py", "a/__init__.py"],
            Some("a/x/__init__.py"),
        );
        check("x.so", &["x/__init__.pyc"], Some("x/__init__.pyc"));
        check(
            "a-1.data/platlib/x.so",
            &["x/__init__.py"],
            Some("x/__init__.py"),
        );
        check("x.so", &["x/other.py", "a/x/__init__.py"], None);
        check(
            "a/__init__.so",
            &["a/__init__.py", "a/__init__/__init__.py"],
            None,
        );
    }

    #[test]
    fn data_folders_are_mapped_to_where_they_are_installed() {
        let check = |path: &str, expected: Option<&str>| {
            assert_eq!(installed_path(path), expected, "{path}")
        };
        check("a/b.so", Some("a/b.so"));
        check("a-1.data/purelib/a/b.so", Some("a/b.so"));
        check(
            "a-1.data/data/lib/python3.14/site-packages/a/b.so",
            Some("a/b.so"),
        );
        check("a-1.data/data/share/b.so", None);
        check("a-1.data/headers/b.h", None);
        check("a-1.data/b", None);
    }

    #[test]
    fn large_untagged_files_are_looked_at_first() {
        assert_eq!(ModuleCandidate::of("a/__init__.so").unwrap().module, "a");
        let step = |path: &str, size| ModuleCandidate::of(path).unwrap().first_step(size);
        assert_eq!(step("a/b.abi3.so", SMALL + 1), ProbeStep::Read);
        assert_eq!(step("a/b.so", SMALL), ProbeStep::Read);
        assert_eq!(step("a/b.so", SMALL + 1), ProbeStep::Peek);
        assert_eq!(step("a/libb.so", SMALL_NAMED), ProbeStep::Read);
        assert_eq!(step("a/libb.so", SMALL_NAMED + 1), ProbeStep::Peek);
    }

    #[test]
    fn imports_are_told_from_mentions() {
        for source in [
            "from . import libx",
            "from ._C.libx import a",
            "import a.libx as b",
            "from a import (\n    b,\n    libx,\n)",
            "importlib.import_module('.libx', __package__)",
            "y = a.libx.f()",
            "try: pass; import libx",
        ] {
            assert!(imports(source, "libx"), "{source}");
        }
        for source in [
            "import liby",
            "import libxy",
            "# import libx",
            "ctypes.CDLL('libx.so')",
            "os.path.join(p, 'libx.so')",
            "libraries from libx are\nfound",
            "from a import (b)\nlibx",
            "",
        ] {
            assert!(!imports(source, "libx"), "{source}");
        }
    }
}
