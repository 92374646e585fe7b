//! What a choice comes to for whoever asked: whether it is a wheel for certain platforms, one for all of them, or none.

use crate::model::artifact::Artifact;
use crate::model::resolution::Choice;
use crate::model::subject::InstallChoice;
use crate::model::target::Platform;

/// What the choice comes to on this platform: wheels with compiled modules that are all for other platforms cost it
/// nothing.
pub fn offer(choice: &Choice, platform: Platform) -> InstallChoice {
    match choice {
        Choice::Wheel { artifact, lost } => {
            let filename = artifact.filename.clone();
            let others = lost.iter().map(|wheel| wheel.filename.clone()).collect();
            match artifact.is_pure() {
                false => InstallChoice::Wheel { filename },
                true if lost.iter().any(|wheel| is_for(wheel, platform)) => {
                    InstallChoice::PureFallback {
                        filename,
                        lost: others,
                    }
                }
                true => InstallChoice::Pure {
                    filename,
                    elsewhere: others,
                },
            }
        }
        Choice::Installed { artifact } => {
            let filename = artifact.filename.clone();
            // Which other wheels there are of the version is not known here.
            match artifact.is_pure() {
                true => InstallChoice::Pure {
                    filename,
                    elsewhere: Vec::new(),
                },
                false => InstallChoice::Wheel { filename },
            }
        }
        Choice::Source { artifact } => InstallChoice::Source {
            filename: artifact.filename.clone(),
            build: None,
        },
        Choice::Nothing {
            why,
            requires_python,
        } => InstallChoice::Nothing {
            why: why.clone(),
            requires_python: requires_python.as_ref().map(ToString::to_string),
        },
        Choice::Unknown { why } => InstallChoice::Unknown { why: why.clone() },
    }
}

fn is_for(artifact: &Artifact, platform: Platform) -> bool {
    artifact
        .wheel()
        .is_none_or(|wheel| wheel.platform.iter().any(|tag| platform.is_meant_by(tag)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::artifact::{ArtifactKind, MetadataFile};
    use crate::model::place::Location;

    fn artifact(filename: &str) -> Artifact {
        Artifact {
            name: "a".parse().unwrap(),
            version: "1.0".parse().unwrap(),
            filename: filename.to_owned(),
            kind: filename
                .parse()
                .map_or(ArtifactKind::Sdist, ArtifactKind::Wheel),
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
        let (native, pure, source) = (
            "a-1.0-cp314-cp314t-win_amd64.whl",
            "a-1.0-py3-none-any.whl",
            "a-1.0.tar.gz",
        );
        let here = "a-1.0-cp314-cp314-manylinux_2_28_x86_64.whl";
        let wheel = |filename, lost: &[&str]| Choice::Wheel {
            artifact: artifact(filename),
            lost: lost.iter().map(|filename| artifact(filename)).collect(),
        };
        let installed = |tags: &[&str]| {
            let tags = tags.iter().map(|tag| (*tag).to_owned()).collect();
            let kind = ArtifactKind::Installed {
                tags,
                editable: None,
            };
            Choice::Installed {
                artifact: Artifact {
                    kind,
                    ..artifact("a-1.0.dist-info")
                },
            }
        };
        let table = [
            (
                wheel(native, &[]),
                InstallChoice::Wheel {
                    filename: native.into(),
                },
            ),
            (
                wheel(pure, &[]),
                InstallChoice::Pure {
                    filename: pure.into(),
                    elsewhere: vec![],
                },
            ),
            (
                wheel(pure, &[native]),
                InstallChoice::Pure {
                    filename: pure.into(),
                    elsewhere: vec![native.into()],
                },
            ),
            (
                wheel(pure, &[here, native]),
                InstallChoice::PureFallback {
                    filename: pure.into(),
                    lost: vec![here.into(), native.into()],
                },
            ),
            (
                Choice::Source {
                    artifact: artifact(source),
                },
                InstallChoice::Source {
                    filename: source.into(),
                    build: None,
                },
            ),
            (
                installed(&["cp313-cp313t-win_amd64"]),
                InstallChoice::Wheel {
                    filename: "a-1.0.dist-info".into(),
                },
            ),
            (
                installed(&["py3-none-any"]),
                InstallChoice::Pure {
                    filename: "a-1.0.dist-info".into(),
                    elsewhere: vec![],
                },
            ),
            (
                installed(&[]),
                InstallChoice::Wheel {
                    filename: "a-1.0.dist-info".into(),
                },
            ),
            (
                Choice::Nothing {
                    why: "none".into(),
                    requires_python: Some(">=3.15".parse().unwrap()),
                },
                InstallChoice::Nothing {
                    why: "none".into(),
                    requires_python: Some(">=3.15".into()),
                },
            ),
            (
                Choice::Unknown {
                    why: "no answer".into(),
                },
                InstallChoice::Unknown {
                    why: "no answer".into(),
                },
            ),
        ];
        for (choice, expected) in table {
            assert_eq!(offer(&choice, "linux-x86_64".parse().unwrap()), expected);
        }
    }
}
