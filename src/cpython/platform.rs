//! The platform in an extension module's file name, compared with a wheel's platform tags.
//!
//! CPython writes a triplet on Linux (`Misc/platform_triplet.c`), `darwin` on macOS, and the wheel's tag on Windows
//! (`PYD_PLATFORM_TAG` in `PC/pyconfig.h`).
//! <https://packaging.python.org/en/latest/specifications/platform-compatibility-tags/#platform-tag>

use std::fmt;

use crate::model::facts::ImageFormat;

/// The platform that a file's name is for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum NamedPlatform {
    /// Linux with glibc, on this architecture of triplets.
    Gnu(String),
    /// Linux with musl.
    Musl(String),
    /// macOS, whichever architectures the file holds.
    Darwin,
    /// Windows, by its wheel tag.
    Windows(String),
    /// Another one, in its own words.
    Other(String),
}

impl NamedPlatform {
    /// The platform that a name has behind the interpreter's tag.
    pub fn parse(text: &str) -> NamedPlatform {
        match text.split_once("-linux-") {
            // `gnueabihf`, `musleabihf`: the C library and the calling convention.
            Some((architecture, library)) if library.starts_with("gnu") => {
                NamedPlatform::Gnu(architecture.to_owned())
            }
            Some((architecture, library)) if library.starts_with("musl") => {
                NamedPlatform::Musl(architecture.to_owned())
            }
            _ if text == "darwin" => NamedPlatform::Darwin,
            _ if text == "win32" || text.starts_with("win_") => {
                NamedPlatform::Windows(text.to_owned())
            }
            _ => NamedPlatform::Other(text.to_owned()),
        }
    }

    /// Whether a wheel with this platform tag is for the platform too. A tag of a system that is not known here may be.
    pub fn is_meant_by(&self, tag: &str) -> bool {
        match (self, TaggedSystem::of(tag)) {
            (_, TaggedSystem::Any | TaggedSystem::Unknown) => true,
            (NamedPlatform::Gnu(architecture), TaggedSystem::Manylinux | TaggedSystem::Linux)
            | (NamedPlatform::Musl(architecture), TaggedSystem::Musllinux | TaggedSystem::Linux) => {
                wheel_architectures(architecture)
                    .iter()
                    .any(|name| is_for(tag, name))
            }
            (NamedPlatform::Darwin, TaggedSystem::Macos) => true,
            (NamedPlatform::Windows(own), TaggedSystem::Windows) => own == tag,
            (
                NamedPlatform::Gnu(_)
                | NamedPlatform::Musl(_)
                | NamedPlatform::Darwin
                | NamedPlatform::Windows(_)
                | NamedPlatform::Other(_),
                TaggedSystem::Manylinux
                | TaggedSystem::Musllinux
                | TaggedSystem::Linux
                | TaggedSystem::Macos
                | TaggedSystem::Windows,
            ) => false,
        }
    }
}

/// Whether a wheel with this platform tag is for images of such a format and architecture (in the words of wheel tags).
pub fn image_is_meant_by(format: ImageFormat, architecture: &str, tag: &str) -> bool {
    match (format, TaggedSystem::of(tag)) {
        (_, TaggedSystem::Any | TaggedSystem::Unknown) => true,
        (
            ImageFormat::Elf,
            TaggedSystem::Manylinux | TaggedSystem::Musllinux | TaggedSystem::Linux,
        ) => is_for(tag, architecture),
        (ImageFormat::MachO, TaggedSystem::Macos) => true,
        (ImageFormat::Pe, TaggedSystem::Windows) => match architecture {
            "x86_64" => tag == "win_amd64",
            "aarch64" => tag == "win_arm64",
            "i686" => tag == "win32",
            "armv7l" => tag == "win_arm32",
            _ => true,
        },
        (
            ImageFormat::Elf | ImageFormat::MachO | ImageFormat::Pe,
            TaggedSystem::Manylinux
            | TaggedSystem::Musllinux
            | TaggedSystem::Linux
            | TaggedSystem::Macos
            | TaggedSystem::Windows,
        ) => false,
    }
}

/// The system of a wheel's platform tag.
#[derive(Clone, Copy, PartialEq, Eq)]
enum TaggedSystem {
    Any,
    Manylinux,
    Musllinux,
    /// With a C library that is not told.
    Linux,
    Macos,
    Windows,
    Unknown,
}

impl TaggedSystem {
    fn of(tag: &str) -> TaggedSystem {
        let prefixes = [
            ("manylinux", TaggedSystem::Manylinux),
            ("musllinux", TaggedSystem::Musllinux),
            ("linux_", TaggedSystem::Linux),
            ("macosx_", TaggedSystem::Macos),
            ("win", TaggedSystem::Windows),
        ];
        let known = prefixes
            .into_iter()
            .find(|(prefix, _)| tag.starts_with(prefix))
            .map(|(_, system)| system);
        known.unwrap_or(if tag == "any" {
            TaggedSystem::Any
        } else {
            TaggedSystem::Unknown
        })
    }
}

fn is_for(tag: &str, architecture: &str) -> bool {
    tag.strip_suffix(architecture)
        .is_some_and(|system| system.ends_with('_'))
}

/// The names that wheel tags have for an architecture of triplets.
fn wheel_architectures(architecture: &str) -> Vec<&str> {
    match architecture {
        "i386" => vec!["i686", "i386"],
        "arm" => vec!["armv7l", "armv6l", "armv8l"],
        "powerpc64le" => vec!["ppc64le"],
        "powerpc64" => vec!["ppc64"],
        other => vec![other],
    }
}

impl fmt::Display for NamedPlatform {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            NamedPlatform::Gnu(architecture) => write!(formatter, "{architecture}-linux-gnu"),
            NamedPlatform::Musl(architecture) => write!(formatter, "{architecture}-linux-musl"),
            NamedPlatform::Darwin => formatter.write_str("darwin"),
            NamedPlatform::Windows(tag) | NamedPlatform::Other(tag) => formatter.write_str(tag),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_names_platform_is_compared_with_tags() {
        let table = [
            ("x86_64-linux-gnu", "manylinux_2_28_x86_64", true),
            ("x86_64-linux-gnu", "manylinux1_x86_64", true),
            ("x86_64-linux-gnu", "linux_x86_64", true),
            ("x86_64-linux-gnu", "manylinux_2_28_aarch64", false),
            ("x86_64-linux-gnu", "musllinux_1_2_x86_64", false),
            ("x86_64-linux-musl", "musllinux_1_2_x86_64", true),
            ("x86_64-linux-musl", "manylinux_2_28_x86_64", false),
            ("x86_64-linux-musl", "linux_x86_64", true),
            ("i386-linux-gnu", "manylinux_2_17_i686", true),
            ("i386-linux-gnu", "manylinux_2_17_x86_64", false),
            ("arm-linux-gnueabihf", "manylinux_2_31_armv7l", true),
            ("powerpc64le-linux-gnu", "manylinux_2_17_ppc64le", true),
            ("s390x-linux-gnu", "manylinux_2_17_s390x", true),
            ("darwin", "macosx_10_9_universal2", true),
            ("darwin", "macosx_11_0_arm64", true),
            ("darwin", "manylinux_2_28_x86_64", false),
            ("darwin", "win_amd64", false),
            ("win_amd64", "win_amd64", true),
            ("win_amd64", "win_arm64", false),
            ("win32", "win32", true),
            ("win32", "win_amd64", false),
            ("win_amd64", "manylinux_2_28_x86_64", false),
            ("wasm32-emscripten", "manylinux_2_28_x86_64", false),
            ("wasm32-emscripten", "pyodide_2025_0_wasm32", true),
            ("aarch64-linux-android", "manylinux_2_28_aarch64", false),
            ("aarch64-linux-android", "android_21_arm64_v8a", true),
            ("mingw_x86_64_ucrt_gnu", "win_amd64", false),
            ("darwin", "any", true),
            ("win_amd64", "any", true),
        ];
        for (platform, tag, expected) in table {
            let named = NamedPlatform::parse(platform);
            assert_eq!(named.is_meant_by(tag), expected, "{platform} {tag}");
        }
    }

    #[test]
    fn an_images_platform_is_compared_with_tags() {
        let table = [
            (ImageFormat::Elf, "x86_64", "manylinux_2_28_x86_64", true),
            (ImageFormat::Elf, "x86_64", "musllinux_1_2_x86_64", true),
            (ImageFormat::Elf, "x86_64", "manylinux_2_28_aarch64", false),
            (ImageFormat::Elf, "x86_64", "win_amd64", false),
            (ImageFormat::MachO, "aarch64", "macosx_11_0_arm64", true),
            (
                ImageFormat::MachO,
                "aarch64",
                "manylinux_2_28_aarch64",
                false,
            ),
            (ImageFormat::Pe, "x86_64", "win_amd64", true),
            (ImageFormat::Pe, "aarch64", "win_arm64", true),
            (ImageFormat::Pe, "i686", "win32", true),
            (ImageFormat::Pe, "x86_64", "win_arm64", false),
            (ImageFormat::Pe, "x86_64", "any", true),
        ];
        for (format, architecture, tag, expected) in table {
            assert_eq!(
                image_is_meant_by(format, architecture, tag),
                expected,
                "{format:?} {architecture} {tag}"
            );
        }
    }
}
