//! Follows the hooks of an image, as the interpreter that the file was built for would call them.

use crate::binary::image::BinaryImage;
use crate::cpython::file_name::ExtensionFileName;
use crate::evaluator::{
    EvaluationLimits, HookEvaluation, ImportResolver, InitFunction, TargetInterpreter, evaluate,
};
use crate::model::facts::{Abi, Fact, Flavour, Hook, ImageFacts};
use crate::model::inspection::Explanation;

/// The CPython that is taken where neither the file's name nor its bytes name one: what a version check inside the module
/// would have to accept anyway.
const MINOR: u8 = 14;

/// As which interpreter hooks are followed, and how far.
#[derive(Clone, Copy)]
pub(super) struct FollowOptions {
    pub(super) interpreter: TargetInterpreter,
    pub(super) limits: EvaluationLimits,
}

/// What following the hook shows, where the data names a function in `Py_mod_create`.
pub(super) fn follow(
    image: &BinaryImage<'_>,
    hook: &Hook,
    create: Option<u64>,
    options: FollowOptions,
    siblings: &dyn ImportResolver,
) -> HookEvaluation {
    let init_function = InitFunction {
        address: hook.address,
        kind: hook.kind,
        module: &hook.module,
        create,
    };
    evaluate(
        image,
        init_function,
        options.interpreter,
        options.limits,
        siblings,
    )
}

/// How following the hooks that the file's name asks for went.
pub(super) fn explain(
    image: &BinaryImage<'_>,
    known: &ImageFacts,
    path: &str,
    siblings: &dyn ImportResolver,
) -> Vec<Explanation> {
    let hooks = known
        .hooks
        .value()
        .into_iter()
        .flatten()
        .filter(|hook| hook.matches_file_name);
    hooks
        .map(|hook| {
            let options = FollowOptions {
                interpreter: interpreter(path, &known.abi),
                limits: EvaluationLimits::default(),
            };
            let found = follow(image, hook, None, options, siblings);
            Explanation {
                hook: hook.symbol.clone(),
                architecture: image.architecture.clone(),
                steps: found.trace,
                instructions: found.steps,
                branches: found.forks,
            }
        })
        .collect()
}

/// The interpreter that the file was built for. A file whose flavour is unknown is followed as if it were for the
/// free-threaded build: what that shows counts only if the flavour turns out to be known.
pub(super) fn interpreter(path: &str, abi: &Fact<Abi>) -> TargetInterpreter {
    let known = abi.value();
    let free_threaded =
        known.is_none_or(|abi| matches!(abi.flavour, Flavour::FreeThreaded | Flavour::Abi3t));
    let built_for = known
        .and_then(|abi| abi.versions.0)
        .filter(|minor| *minor >= 8);
    TargetInterpreter {
        minor: named(path).or(built_for).unwrap_or(MINOR),
        free_threaded,
    }
}

/// The minor version in a file's suffix: `.cpython-314t-…`, `.cp314t-…`.
fn named(path: &str) -> Option<u8> {
    ExtensionFileName::of_path(path)?
        .build()
        .map(|build| build.minor)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_suffix_names_the_version() {
        for (path, expected) in [
            ("a/b.cpython-314t-x86_64-linux-gnu.so", Some(14)),
            ("a/b.cp313t-win_amd64.pyd", Some(13)),
            ("a.cpython-39-darwin.so", Some(9)),
            ("a/b.abi3.so", None),
            ("cpython-314t/b.so", None),
            ("b", None),
        ] {
            assert_eq!(named(path), expected, "{path}");
        }
    }
}
