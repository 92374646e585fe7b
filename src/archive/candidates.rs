//! Which members an import system could load, and which of those must be unpacked to know.
//!
//! # By name
//!
//! CPython finds an extension module `x` in a file `x` + suffix, where the suffix is one of a short list: tagged
//! (`.cpython-314t-x86_64-linux-gnu.so`, `.abi3.so`, `.cp314t-win_amd64.pyd`) or plain (`.so`, `.pyd`). So `x` has no dot;
//! `libfoo.so.3`, `libfoo.3.so`, `libfoo.dylib` and `foo.dll` are never modules, nor is a file below a folder whose name
//! has a dot (`numpy.libs`, `pkg/.dylibs`), since a dot ends a package's name. A hook is a C symbol that ends in the
//! module's name, so `libopenblas-r0-11edc3fa.so` is none either. Nothing else is excluded by name: folders need no
//! `__init__.py` (`triton/_C` has none), and `sys.path` can start at any folder (`pywin32` does that).
//!
//! # By content
//!
//! Names do not separate modules from bundled libraries: `triton/_C/libtriton.so` (142 MB) and
//! `paddle/base/libpaddle.so` (67 MB) are imported, `torch/lib/libtorch_cuda.so` (362 MB) and
//! `jax_plugins/xla_cuda12/xla_cuda_plugin.so` (158 MB) are not. So every untagged file counts as a module, and a large
//! one is first asked for its beginning, where linkers put the table of exported names ([`super::peek`]):
//!
//! 1. tagged, or at most [`SMALL`] in the archive ([`SMALL_NAMED`] when it is called `lib…`): read it ([`Step::Read`]);
//! 2. else read prefixes of [`PREFIXES`] until [`Peek`](super::peek::Peek) says `Hook` (read it), `NoHook` (leave it: no
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
pub enum Standing {
    /// The suffix names an interpreter or an ABI: made to be imported.
    Tagged,
    /// A plain suffix: any interpreter looks at it, and it may still be no module.
    Plain,
    /// A plain suffix, and called like a library.
    LibraryName,
}

/// A member that an import system could load.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// Path inside the archive.
    pub path: String,
    /// Path below `site-packages` once installed.
    pub installed: String,
    /// Name of the module without its packages, as in the name of its hook.
    pub stem: String,
    /// What the name says.
    pub standing: Standing,
}

/// How to find out more about a candidate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Step {
    /// Unpack it.
    Read,
    /// Look at its beginning first.
    Peek,
}

impl Candidate {
    /// The candidate that a member is, when it is one.
    pub fn of(path: &str) -> Option<Candidate> {
        let installed = installed_path(path)?;
        let (folders, name) = installed.rsplit_once('/').unwrap_or(("", installed));
        if folders.split('/').any(|folder| folder.contains('.')) {
            return None;
        }
        let (stem, suffix) = name.split_once('.')?;
        let tagged = match suffix.rsplit_once('.') {
            Some((tag, "so" | "pyd")) => is_interpreter_tag(tag).then_some(true)?,
            None if matches!(suffix, "so" | "pyd") => false,
            _ => return None,
        };
        let standing = match tagged {
            true => Standing::Tagged,
            false if stem.starts_with("lib") => Standing::LibraryName,
            false => Standing::Plain,
        };
        is_identifier(stem).then(|| Candidate {
            path: path.to_owned(),
            installed: installed.to_owned(),
            stem: stem.to_owned(),
            standing,
        })
    }

    /// The first thing to do, given the packed size.
    pub fn first_step(&self, compressed_size: u64) -> Step {
        let small = match self.standing {
            Standing::Tagged => u64::MAX,
            Standing::Plain => SMALL,
            Standing::LibraryName => SMALL_NAMED,
        };
        if compressed_size <= small { Step::Read } else { Step::Peek }
    }
}

/// Where a member of a wheel ends up below `site-packages`; `None` when it is installed elsewhere.
///
/// <https://packaging.python.org/en/latest/specifications/binary-distribution-format/#the-data-directory>
pub fn installed_path(path: &str) -> Option<&str> {
    let Some((folder, rest)) = path.split_once('/') else { return Some(path) };
    if !folder.ends_with(".data") {
        return Some(path);
    }
    match rest.split_once('/')? {
        ("purelib" | "platlib", installed) => Some(installed),
        // `data` is laid over the whole environment, and so can hold `lib/python3.14/site-packages`.
        ("data", installed) => installed.split_once("site-packages/").map(|(_, installed)| installed),
        _ => None,
    }
}

/// The middle part of `x.TAG.so`, as the interpreters write it.
fn is_interpreter_tag(tag: &str) -> bool {
    let numbered = |prefix: &str| {
        let rest = tag.strip_prefix(prefix).and_then(|rest| rest.bytes().next());
        rest.is_some_and(|byte| byte.is_ascii_digit())
    };
    let word = |word: &str| tag == word || tag.strip_prefix(word).is_some_and(|rest| rest.starts_with('-'));
    ["cpython-", "cp", "pypy", "graalpy"].into_iter().any(numbered) || word("abi3") || word("abi3t")
}

fn is_identifier(stem: &str) -> bool {
    let mut letters = stem.chars();
    let start = letters.next().is_some_and(|letter| letter == '_' || letter.is_alphabetic());
    start && letters.all(|letter| letter == '_' || letter.is_alphanumeric())
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
        let statement = in_parentheses || matches!(first, "from" | "import") || code.contains("; import ");
        if statement {
            in_parentheses = !code.contains(')') && (in_parentheses || code.contains('('));
        }
        let call = ["import_module", "__import__", "find_spec", "load_dynamic", "spec_from"];
        let call = call.into_iter().any(|name| code.contains(name));
        let counts = |(before, after): (&str, &str)| {
            let is_file = [".so", ".dylib", ".dll", ".a", ".lib"].into_iter().any(|suffix| after.starts_with(suffix));
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
        let check = |path: &str, expected: Option<Standing>| {
            assert_eq!(Candidate::of(path).map(|candidate| candidate.standing), expected, "{path}");
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
            check(path, Some(Standing::Tagged));
        }
        for path in ["pxr/Tf/_tf.so", "_jpype.so", "win32/win32api.pyd", "with-hyphen/a.so", "a-1.data/platlib/b/c.so"]
        {
            check(path, Some(Standing::Plain));
        }
        check("torch/lib/libtorch_cuda.so", Some(Standing::LibraryName));
        check("triton/_C/libtriton.so", Some(Standing::LibraryName));
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
            "a/1x.so",
            "a/so",
            "a/.so",
            "a/b.py",
        ] {
            check(path, None);
        }
    }

    #[test]
    fn data_folders_are_mapped_to_where_they_are_installed() {
        let check = |path: &str, expected: Option<&str>| assert_eq!(installed_path(path), expected, "{path}");
        check("a/b.so", Some("a/b.so"));
        check("a-1.data/purelib/a/b.so", Some("a/b.so"));
        check("a-1.data/data/lib/python3.14/site-packages/a/b.so", Some("a/b.so"));
        check("a-1.data/data/share/b.so", None);
        check("a-1.data/headers/b.h", None);
        check("a-1.data/b", None);
    }

    #[test]
    fn large_untagged_files_are_looked_at_first() {
        let step = |path: &str, size| Candidate::of(path).unwrap().first_step(size);
        assert_eq!(step("a/b.abi3.so", SMALL + 1), Step::Read);
        assert_eq!(step("a/b.so", SMALL), Step::Read);
        assert_eq!(step("a/b.so", SMALL + 1), Step::Peek);
        assert_eq!(step("a/libb.so", SMALL_NAMED), Step::Read);
        assert_eq!(step("a/libb.so", SMALL_NAMED + 1), Step::Peek);
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
