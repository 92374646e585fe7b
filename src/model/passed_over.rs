//! Compiled files that look like modules and that a verdict does not count, with the reason.

use serde::{Deserialize, Serialize};

/// A compiled file that a verdict does not count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct PassedOver {
    /// Path inside the artifact.
    pub path: String,
    /// Why it does not count.
    pub why: WhyPassedOver,
}

/// Why a compiled file does not count.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum WhyPassedOver {
    /// A package of the same name lies beside it; the file that makes the folder one.
    BehindPackage(String),
    /// The import system takes another file of the same module; that file.
    BehindFile(String),
    /// Its name has a dot before the suffix, as no module's name has. It was not read.
    DottedName,
    /// It is for a debug build of the interpreter, and the target is a release build.
    DebugBuild,
}

impl WhyPassedOver {
    /// One word.
    pub fn word(&self) -> &'static str {
        match self {
            WhyPassedOver::BehindPackage(_) => "behind-package",
            WhyPassedOver::BehindFile(_) => "behind-file",
            WhyPassedOver::DottedName => "dotted-name",
            WhyPassedOver::DebugBuild => "debug-build",
        }
    }

    /// The reason, as the end of a sentence about the file.
    pub fn words(&self) -> String {
        match self {
            WhyPassedOver::BehindPackage(file) => format!("the package {file} hides it"),
            WhyPassedOver::BehindFile(file) => format!("{file} comes first"),
            WhyPassedOver::DottedName => "no module has a name with a dot; not read".to_owned(),
            WhyPassedOver::DebugBuild => "for a debug build of Python".to_owned(),
        }
    }
}
