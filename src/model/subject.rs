//! What the rules look at: one package on one target, with all that was found out about it.

use std::collections::BTreeMap;

use super::artifact::Artifact;
use super::distribution::{Claim, DistributionFacts};
use super::facts::{ImageFacts, StableAbiAudit};
use super::outcome::{Gil, ModuleOutcome};
use super::resolution::Choice;
use super::source::Forecast;
use super::target::{Platform, Target};

/// One package on one target.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Subject {
    /// Normalised name.
    pub package: String,
    /// Version, as text; empty when it could not be found out.
    pub version: String,
    /// The target.
    pub target: Target,
    /// What an installer gets.
    pub offer: Offer,
    /// What happens to the modules of the chosen file that the target finds.
    pub modules: Vec<ModuleOutcome>,
    /// Modules of the chosen file that the target does not find.
    pub hidden: Vec<HiddenModule>,
    /// What could not be looked at in this package, one line each.
    pub problems: Vec<String>,
    /// What the set has for each module that one of `modules` delegates to, by dotted name.
    pub delegates: BTreeMap<String, Delegate>,
    /// What the chosen file says of itself; all unknown when none was looked into.
    pub distribution: DistributionFacts,
    /// What each file of `modules` says of itself, by path.
    pub files: BTreeMap<String, SubjectFile>,
}

/// A compiled module's file, as the target loads it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SubjectFile {
    /// What its name claims.
    pub claim: Claim,
    /// The image for the target's processor.
    pub image: ImageFacts,
    /// For each claim to the stable ABI, by its name or the wheel's tags, what the imports say of it.
    pub audits: Vec<StableAbiAudit>,
}

/// What an installer gets, as far as rules care.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Offer {
    /// A wheel for certain interpreters or platforms.
    Wheel {
        /// Its file name.
        filename: String,
    },
    /// A wheel for every platform.
    Pure {
        /// Its file name.
        filename: String,
        /// File names of the same version's wheels with compiled modules, all of them for other platforms.
        elsewhere: Vec<String>,
    },
    /// A wheel for every platform, although the same version has wheels with compiled modules for this platform.
    PureFallback {
        /// Its file name.
        filename: String,
        /// File names of the wheels that do not fit, for this platform and for others.
        lost: Vec<String>,
    },
    /// Something that has to be built.
    Source {
        /// Its file name.
        filename: String,
        /// What is foreseen of the build; `None` where nobody looked, or where the target always has the GIL.
        build: Option<Forecast>,
    },
    /// Nothing.
    Nothing {
        /// What was looked at and why none of it fits.
        why: String,
        /// `Requires-Python`, where that alone is the reason.
        requires_python: Option<String>,
    },
    /// It could not be made out.
    Unknown {
        /// Why not.
        why: String,
    },
}

/// A module that is in the package, but only in files whose names the target does not look for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct HiddenModule {
    /// Path inside the artifact.
    pub path: String,
    /// Dotted name under which another interpreter would find it.
    pub module: String,
}

/// What the set has for a module that another one delegates to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Delegate {
    /// A package of the set provides it.
    Provided {
        /// Name and version of that package, as a person writes them: `cffi 2.1.1`.
        package: String,
        /// What importing it does.
        gil: Gil,
        /// Why.
        reason: String,
    },
    /// No package of the set provides it, and every one of them was looked at.
    Missing,
    /// It could not be found out.
    Unknown {
        /// Why not.
        why: String,
    },
}

impl Offer {
    /// What the choice comes to on this platform: wheels with compiled modules that are all for other platforms cost it
    /// nothing.
    pub fn of(choice: &Choice, platform: Platform) -> Offer {
        match choice {
            Choice::Wheel { artifact, lost } => {
                let filename = artifact.filename.clone();
                let others = lost.iter().map(|wheel| wheel.filename.clone()).collect();
                match artifact.is_pure() {
                    false => Offer::Wheel { filename },
                    true if lost.iter().any(|wheel| is_for(wheel, platform)) => {
                        Offer::PureFallback { filename, lost: others }
                    }
                    true => Offer::Pure { filename, elsewhere: others },
                }
            }
            Choice::Installed { artifact } => {
                let filename = artifact.filename.clone();
                // Which other wheels there are of the version is not known here.
                match artifact.is_pure() {
                    true => Offer::Pure { filename, elsewhere: Vec::new() },
                    false => Offer::Wheel { filename },
                }
            }
            Choice::Source { artifact } => Offer::Source { filename: artifact.filename.clone(), build: None },
            Choice::Nothing { why, requires_python } => {
                Offer::Nothing { why: why.clone(), requires_python: requires_python.as_ref().map(ToString::to_string) }
            }
            Choice::Unknown { why } => Offer::Unknown { why: why.clone() },
        }
    }
}

fn is_for(artifact: &Artifact, platform: Platform) -> bool {
    artifact.wheel().is_none_or(|wheel| wheel.platform.iter().any(|tag| platform.is_meant_by(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::artifact::{ArtifactKind, MetadataFile};
    use crate::model::request::Location;

    fn artifact(filename: &str) -> Artifact {
        Artifact {
            name: "a".parse().unwrap(),
            version: "1.0".parse().unwrap(),
            filename: filename.to_owned(),
            kind: filename.parse().map_or(ArtifactKind::Sdist, ArtifactKind::Wheel),
            location: Location::Path(filename.into()),
            digests: Vec::new(),
            size: None,
            requires_python: None,
            yanked: None,
            metadata_file: MetadataFile::Unannounced,
        }
    }

    #[test]
    fn a_choice_is_an_offer() {
        let (native, pure, source) = ("a-1.0-cp314-cp314t-win_amd64.whl", "a-1.0-py3-none-any.whl", "a-1.0.tar.gz");
        let here = "a-1.0-cp314-cp314-manylinux_2_28_x86_64.whl";
        let wheel = |filename, lost: &[&str]| Choice::Wheel {
            artifact: artifact(filename),
            lost: lost.iter().map(|filename| artifact(filename)).collect(),
        };
        let installed = |tags: &[&str]| {
            let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
            let kind = ArtifactKind::Installed { tags, editable: None };
            Choice::Installed { artifact: Artifact { kind, ..artifact("a-1.0.dist-info") } }
        };
        let table = [
            (wheel(native, &[]), Offer::Wheel { filename: native.into() }),
            (wheel(pure, &[]), Offer::Pure { filename: pure.into(), elsewhere: vec![] }),
            (wheel(pure, &[native]), Offer::Pure { filename: pure.into(), elsewhere: vec![native.into()] }),
            (
                wheel(pure, &[here, native]),
                Offer::PureFallback { filename: pure.into(), lost: vec![here.into(), native.into()] },
            ),
            (Choice::Source { artifact: artifact(source) }, Offer::Source { filename: source.into(), build: None }),
            (installed(&["cp313-cp313t-win_amd64"]), Offer::Wheel { filename: "a-1.0.dist-info".into() }),
            (installed(&["py3-none-any"]), Offer::Pure { filename: "a-1.0.dist-info".into(), elsewhere: vec![] }),
            (installed(&[]), Offer::Wheel { filename: "a-1.0.dist-info".into() }),
            (
                Choice::Nothing { why: "none".into(), requires_python: Some(">=3.15".parse().unwrap()) },
                Offer::Nothing { why: "none".into(), requires_python: Some(">=3.15".into()) },
            ),
            (Choice::Unknown { why: "no answer".into() }, Offer::Unknown { why: "no answer".into() }),
        ];
        for (choice, expected) in table {
            assert_eq!(Offer::of(&choice, "linux-x86_64".parse().unwrap()), expected);
        }
    }
}
