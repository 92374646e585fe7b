//! What leaves open whether the modules that were found in sources are all of them, and all of the build's.

use crate::cpython::file_name::{ExtensionFileName, FileTag};
use crate::model::facts::Generator;
use crate::model::source::SourceModule;

use super::super::{SourceReader, backends, is_aside};
use super::BuildPlan;

impl BuildPlan {
    /// What leaves open whether these are all modules.
    pub(super) fn doubts(&self, reader: &SourceReader, modules: &[SourceModule]) -> Vec<String> {
        let mut doubts = Vec::new();
        let own = |path: &&String| !is_aside(path);
        if let Some(path) = reader
            .paths
            .iter()
            .filter(own)
            .find(|path| TEMPLATES.iter().any(|end| path.ends_with(end)))
        {
            doubts.push(format!("{path} is a template, which the build expands"));
        }
        for (path, native) in reader.native.iter().filter(|(path, _)| !is_aside(path)) {
            if let Some(line) = native.own_macro {
                doubts.push(format!(
                    "{path}:{line} defines modules by a macro of its own"
                ));
            }
            if let Some(line) = native.cut {
                doubts.push(format!(
                    "{path} defines more modules after line {line}, which were not looked at"
                ));
            }
        }
        if let Some(path) = reader
            .paths
            .iter()
            .filter(own)
            .find(|path| is_compiled_module(path))
        {
            doubts.push(format!("{path} is compiled already, and was not looked at"));
        }
        let says = |words: &[&str]| {
            reader
                .scripts
                .iter()
                .find(|script| words.iter().any(|word| script.has_word(word)))
                .map(|script| &script.path)
        };
        let has_cython = modules
            .iter()
            .any(|module| module.generator == Generator::Cython);
        if let (false, Some(path)) = (has_cython, says(&["cythonize", "Cython"])) {
            doubts.push(format!("{path} may compile Python files with Cython"));
        }
        let calls = [
            "ext_modules",
            "ext-modules",
            "cffi_modules",
            "extension_module",
            "RustExtension",
            "python_add_library",
        ];
        if let (true, Some(path)) = (modules.is_empty(), says(&calls)) {
            doubts.push(format!(
                "{path} speaks of compiled modules, and no source of one was found"
            ));
        }
        if modules.is_empty() && self.has_rust {
            doubts.push("Rust is compiled, and no module was found in its sources".to_owned());
        }
        doubts.extend(backends::doubt(
            &reader.system,
            &reader.scripts,
            !modules.is_empty(),
        ));
        if let (true, Some(script)) = (
            modules.is_empty(),
            backends::for_one_platform(&reader.scripts),
        ) {
            doubts.push(format!(
                "{} makes a wheel for one platform, and no source of a module was found",
                script.path
            ));
        }
        doubts
    }
}

/// Ends of files that a build expands into sources before it compiles them.
const TEMPLATES: [&str; 8] = [
    ".pyx.in",
    ".pyx.tp",
    ".c.src",
    ".c.in",
    ".pyx.tmpl",
    ".h.src",
    ".pxi.in",
    ".jinja",
];

/// Whether a path has the name of a compiled module that a free-threaded build would look for, so that none has to be made.
/// Libraries for `ctypes` are called `lib…`.
fn is_compiled_module(path: &str) -> bool {
    let Some(name) = ExtensionFileName::of_path(path).filter(ExtensionFileName::is_importable)
    else {
        return false;
    };
    match name.tag {
        FileTag::Plain => !name.stem.starts_with("lib"),
        FileTag::Abi3(_) | FileTag::Abi3t(_) => true,
        FileTag::Cpython(build, _) => build.free_threaded && !build.debug,
        FileTag::Other(_) => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_compiled_module_among_sources_is_told_by_its_name() {
        for (path, expected) in [
            ("a/_x.cpython-314t-x86_64-linux-gnu.so", true),
            ("a/_x.abi3.so", true),
            ("a/my-mod.pyd", true),
            // Left over from a build for another interpreter.
            ("a/_x.cpython-311-x86_64-linux-gnu.so", false),
            ("a/libx.so", false),
            ("a/_x.c", false),
        ] {
            assert_eq!(is_compiled_module(path), expected, "{path}");
        }
    }
}
