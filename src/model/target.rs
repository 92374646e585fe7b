//! What the packages are to run on: a CPython version and build, and a platform.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A CPython minor version and its build, written `3.14t` for the free-threaded one and `3.14` for the one with the GIL.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Python {
    /// Minor version: the 14 of 3.14. The major version is always 3.
    pub minor: u8,
    /// Whether it is the free-threaded build.
    pub free_threaded: bool,
}

/// Operating system and C library, with the oldest release that wheels may assume.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum System {
    /// Linux with this glibc (major, minor).
    Manylinux(u16, u16),
    /// Linux with this musl (major, minor).
    Musllinux(u16, u16),
    /// macOS of this release (major, minor).
    Macos(u16, u16),
    /// Windows.
    Windows,
}

/// Processor architectures that ungil judges.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub enum Architecture {
    /// 64-bit x86.
    X86_64,
    /// 64-bit ARM.
    Aarch64,
}

/// A system on an architecture, written `linux-x86_64`, `musllinux-aarch64`, `macos-arm64`, `windows-amd64`;
/// or, to set the system's release, as a wheel's platform tag: `manylinux_2_34_x86_64`, `macosx_11_0_arm64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Platform {
    /// Operating system and C library.
    pub system: System,
    /// Processor architecture.
    pub architecture: Architecture,
}

/// One Python on one platform, written `cp314t-linux-x86_64`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Target {
    /// The interpreter.
    pub python: Python,
    /// Where it runs.
    pub platform: Platform,
}

/// Why a word is not a Python version or a platform.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a {kind}; expected {expected}")]
pub struct InvalidTarget {
    /// The word as given.
    pub given: String,
    /// `Python version` or `platform`.
    pub kind: &'static str,
    /// What would have been understood.
    pub expected: &'static str,
}

/// glibc that wheels for `linux-*` may assume: what `uv` and current images take for granted.
const GLIBC: (u16, u16) = (2, 28);
/// musl that wheels for `musllinux-*` may assume.
const MUSL: (u16, u16) = (1, 2);
/// macOS that wheels for `macos-*` may assume.
const MACOS: (u16, u16) = (14, 0);

impl Python {
    /// The first minor version that has a free-threaded build.
    pub const FIRST_FREE_THREADED: u8 = 13;

    /// The same version's other build.
    pub fn twin(self) -> Python {
        Python {
            free_threaded: !self.free_threaded,
            ..self
        }
    }

    /// The first free-threaded build that is not older.
    pub fn free_threaded_from_here(self) -> Python {
        Python {
            minor: self.minor.max(Python::FIRST_FREE_THREADED),
            free_threaded: true,
        }
    }

    /// The interpreter's ABI tag: `cp314t` or `cp314`.
    pub fn abi_tag(self) -> String {
        let flag = if self.free_threaded { "t" } else { "" };
        format!("cp3{}{flag}", self.minor)
    }
}

impl FromStr for Python {
    type Err = InvalidTarget;

    fn from_str(given: &str) -> Result<Python, InvalidTarget> {
        let invalid = || InvalidTarget {
            given: given.to_owned(),
            kind: "Python version",
            expected: "3.13t, 3.14t, 3.15t, or a version with the GIL such as 3.14",
        };
        let (version, free_threaded) = match given.strip_suffix('t') {
            Some(version) => (version, true),
            None => (given, false),
        };
        let minor: u8 = version
            .strip_prefix("3.")
            .and_then(|minor| minor.parse().ok())
            .ok_or_else(invalid)?;
        let exists = if free_threaded {
            minor >= Python::FIRST_FREE_THREADED
        } else {
            minor >= 8
        };
        if exists {
            Ok(Python {
                minor,
                free_threaded,
            })
        } else {
            Err(invalid())
        }
    }
}

impl fmt::Display for Python {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let flag = if self.free_threaded { "t" } else { "" };
        write!(formatter, "3.{}{flag}", self.minor)
    }
}

impl Architecture {
    fn from_word(word: &str) -> Option<Architecture> {
        match word {
            "x86_64" | "amd64" => Some(Architecture::X86_64),
            "aarch64" | "arm64" => Some(Architecture::Aarch64),
            _ => None,
        }
    }

    /// The name that this system gives the architecture, in wheel tags and in markers.
    pub fn name_on(self, system: System) -> &'static str {
        match (self, system) {
            (Architecture::X86_64, System::Windows) => "amd64",
            (Architecture::X86_64, _) => "x86_64",
            (Architecture::Aarch64, System::Manylinux(..) | System::Musllinux(..)) => "aarch64",
            (Architecture::Aarch64, _) => "arm64",
        }
    }
}

/// Every platform that has a name of its own, for `--all-platforms`.
pub const PLATFORMS: [Platform; 8] = {
    use Architecture::{Aarch64, X86_64};
    let linux = System::Manylinux(GLIBC.0, GLIBC.1);
    let musl = System::Musllinux(MUSL.0, MUSL.1);
    let macos = System::Macos(MACOS.0, MACOS.1);
    [
        Platform {
            system: linux,
            architecture: X86_64,
        },
        Platform {
            system: linux,
            architecture: Aarch64,
        },
        Platform {
            system: musl,
            architecture: X86_64,
        },
        Platform {
            system: musl,
            architecture: Aarch64,
        },
        Platform {
            system: macos,
            architecture: Aarch64,
        },
        Platform {
            system: macos,
            architecture: X86_64,
        },
        Platform {
            system: System::Windows,
            architecture: X86_64,
        },
        Platform {
            system: System::Windows,
            architecture: Aarch64,
        },
    ]
};

impl FromStr for Platform {
    type Err = InvalidTarget;

    fn from_str(given: &str) -> Result<Platform, InvalidTarget> {
        parse_platform(given).ok_or_else(|| InvalidTarget {
            given: given.to_owned(),
            kind: "platform",
            expected: "linux-x86_64, linux-aarch64, musllinux-x86_64, musllinux-aarch64, macos-arm64, macos-x86_64, \
                       windows-amd64, windows-arm64, or a wheel's platform tag such as manylinux_2_34_x86_64",
        })
    }
}

fn parse_platform(given: &str) -> Option<Platform> {
    if let Some((system, architecture)) = given.split_once('-') {
        let system = match system {
            "linux" => System::Manylinux(GLIBC.0, GLIBC.1),
            "musllinux" => System::Musllinux(MUSL.0, MUSL.1),
            "macos" => System::Macos(MACOS.0, MACOS.1),
            "windows" => System::Windows,
            _ => return None,
        };
        return Some(Platform {
            system,
            architecture: Architecture::from_word(architecture)?,
        });
    }
    if let Some(word) = given.strip_prefix("win_") {
        return Some(Platform {
            system: System::Windows,
            architecture: Architecture::from_word(word)?,
        });
    }
    let (system, rest) = given.split_once('_')?;
    let (major, rest) = rest.split_once('_')?;
    let (minor, architecture) = rest.split_once('_')?;
    let release = (major.parse().ok()?, minor.parse().ok()?);
    let system = match system {
        "manylinux" => System::Manylinux(release.0, release.1),
        "musllinux" => System::Musllinux(release.0, release.1),
        "macosx" => System::Macos(release.0, release.1),
        _ => return None,
    };
    Some(Platform {
        system,
        architecture: Architecture::from_word(architecture)?,
    })
}

impl Platform {
    /// Whether it is the same system on the same architecture, whichever release of the system is meant.
    pub fn is_like(self, other: Platform) -> bool {
        std::mem::discriminant(&self.system) == std::mem::discriminant(&other.system)
            && self.architecture == other.architecture
    }

    /// Whether a wheel's platform tag is for this system and architecture, whichever release of the system it asks for.
    pub fn is_meant_by(self, tag: &str) -> bool {
        let systems: &[&str] = match self.system {
            System::Manylinux(..) => &["manylinux", "linux_"],
            System::Musllinux(..) => &["musllinux", "linux_"],
            System::Macos(..) => &["macosx_"],
            System::Windows => &["win_"],
        };
        // https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/#macos
        let several: &[&str] = match (self.system, self.architecture) {
            (System::Macos(..), Architecture::X86_64) => {
                &["universal2", "universal", "intel", "fat64", "fat3"]
            }
            (System::Macos(..), Architecture::Aarch64) => &["universal2"],
            _ => &[],
        };
        let fits = |architecture: &str| {
            tag.strip_suffix(architecture)
                .is_some_and(|system| system.ends_with('_'))
        };
        systems.iter().any(|system| tag.starts_with(system))
            && (fits(self.architecture.name_on(self.system))
                || several.iter().any(|name| fits(name)))
    }
}

impl fmt::Display for Platform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let architecture = self.architecture.name_on(self.system);
        match self.system {
            System::Manylinux(major, minor) if (major, minor) == GLIBC => {
                write!(formatter, "linux-{architecture}")
            }
            System::Manylinux(major, minor) => {
                write!(formatter, "manylinux_{major}_{minor}_{architecture}")
            }
            System::Musllinux(major, minor) if (major, minor) == MUSL => {
                write!(formatter, "musllinux-{architecture}")
            }
            System::Musllinux(major, minor) => {
                write!(formatter, "musllinux_{major}_{minor}_{architecture}")
            }
            System::Macos(major, minor) if (major, minor) == MACOS => {
                write!(formatter, "macos-{architecture}")
            }
            System::Macos(major, minor) => {
                write!(formatter, "macosx_{major}_{minor}_{architecture}")
            }
            System::Windows => write!(formatter, "windows-{architecture}"),
        }
    }
}

impl fmt::Display for Target {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}-{}", self.python.abi_tag(), self.platform)
    }
}

impl Serialize for Target {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_written_reads_back() {
        for word in [
            "linux-x86_64",
            "musllinux-aarch64",
            "macos-arm64",
            "windows-amd64",
            "manylinux_2_34_aarch64",
        ] {
            assert_eq!(word.parse::<Platform>().unwrap().to_string(), word);
        }
        let expected = "".parse::<Platform>().unwrap_err().expected;
        for platform in PLATFORMS {
            assert!(expected.contains(&format!("{platform}, ")), "{platform}");
            assert_eq!(platform.to_string().parse(), Ok(platform));
        }
        for word in ["3.13t", "3.14t", "3.14"] {
            assert_eq!(word.parse::<Python>().unwrap().to_string(), word);
        }
    }

    #[test]
    fn a_target_is_written_as_tag_and_platform() {
        let target = Target {
            python: "3.14t".parse().unwrap(),
            platform: "linux-x86_64".parse().unwrap(),
        };
        assert_eq!(target.to_string(), "cp314t-linux-x86_64");
        assert_eq!(target.python.twin().abi_tag(), "cp314");
    }

    #[test]
    fn a_platform_knows_its_tags() {
        for (platform, tag, expected) in [
            ("linux-x86_64", "manylinux_2_39_x86_64", true),
            ("linux-x86_64", "manylinux2014_aarch64", false),
            ("linux-x86_64", "musllinux_1_2_x86_64", false),
            ("linux-x86_64", "linux_x86_64", true),
            ("musllinux-x86_64", "musllinux_1_1_x86_64", true),
            ("macos-arm64", "macosx_11_0_arm64", true),
            ("macos-arm64", "macosx_10_9_universal2", true),
            ("macos-arm64", "macosx_10_9_x86_64", false),
            ("windows-amd64", "win_amd64", true),
            ("windows-amd64", "win32", false),
            ("windows-amd64", "any", false),
        ] {
            assert_eq!(
                platform.parse::<Platform>().unwrap().is_meant_by(tag),
                expected,
                "{platform} {tag}"
            );
        }
    }

    #[test]
    fn what_does_not_exist_is_refused() {
        for word in ["3.12t", "2.7", "3", "3.14tt", "cp314t", ""] {
            assert!(word.parse::<Python>().is_err(), "{word}");
        }
        for word in [
            "linux",
            "linux-mips",
            "haiku-x86_64",
            "manylinux_2_x86_64",
            "",
        ] {
            assert!(word.parse::<Platform>().is_err(), "{word}");
        }
    }
}
