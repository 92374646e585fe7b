//! A wheel's file name, taken apart: `{name}-{version}(-{build})?-{python}-{abi}-{platform}.whl`.
//!
//! <https://packaging.python.org/en/latest/specifications/binary-distribution-format/#file-name-convention>

use std::fmt;
use std::str::FromStr;

use super::name::{PackageName, Version};

/// The longest file name, in bytes: tags multiply, and no file system takes more than 255.
const LONGEST_NAME: usize = 512;

/// The parts of a wheel's file name. Tags may be compressed sets; each list keeps the order of the name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WheelName {
    /// Normalised distribution name.
    pub name: PackageName,
    /// Version.
    pub version: Version,
    /// Build tag (number, rest), used to order wheels that are otherwise equal.
    pub build: Option<(u64, String)>,
    /// Python tags, such as `cp314`.
    pub python: Vec<String>,
    /// ABI tags, such as `cp314t`, `abi3`, `none`.
    pub abi: Vec<String>,
    /// Platform tags, such as `manylinux_2_28_x86_64`, `any`.
    pub platform: Vec<String>,
    filename: String,
}

/// Why a file name is not a wheel's.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{filename}` is not a wheel file name: {why}")]
pub struct InvalidWheelName {
    /// The name as given.
    pub filename: String,
    /// What is wrong with it, with what was expected.
    pub why: String,
}

impl WheelName {
    /// Whether the wheel claims to fit every platform and every ABI (`…-none-any.whl`).
    pub fn is_pure(&self) -> bool {
        self.abi.iter().any(|tag| tag == "none") && self.platform.iter().any(|tag| tag == "any")
    }

    /// Every (python, abi, platform) triple that the compressed name stands for.
    pub fn tags(&self) -> impl Iterator<Item = (&str, &str, &str)> {
        self.python.iter().flat_map(move |python| {
            self.abi.iter().flat_map(move |abi| {
                self.platform
                    .iter()
                    .map(move |platform| (python.as_str(), abi.as_str(), platform.as_str()))
            })
        })
    }
}

impl FromStr for WheelName {
    type Err = InvalidWheelName;

    fn from_str(filename: &str) -> Result<WheelName, InvalidWheelName> {
        let invalid = |why: String| InvalidWheelName {
            filename: filename.chars().take(LONGEST_NAME).collect(),
            why,
        };
        if filename.len() > LONGEST_NAME {
            return Err(invalid(format!(
                "expected at most {LONGEST_NAME} bytes, found {}",
                filename.len()
            )));
        }
        let stem = filename
            .strip_suffix(".whl")
            .ok_or_else(|| invalid("expected it to end in `.whl`".into()))?;
        let parts: Vec<&str> = stem.split('-').collect();
        let (name, version, build, tags) = match parts.as_slice() {
            [name, version, tags @ ..] if tags.len() == 3 => (name, version, None, tags),
            [name, version, build, tags @ ..] if tags.len() == 3 => {
                (name, version, Some(build_tag(build)), tags)
            }
            _ => {
                return Err(invalid(format!(
                    "expected 5 or 6 parts between hyphens, found {}",
                    parts.len()
                )));
            }
        };
        let split = |tag: &str| tag.split('.').map(str::to_owned).collect();
        Ok(WheelName {
            name: PackageName::from_str(name).map_err(|error| invalid(error.to_string()))?,
            version: Version::from_str(version).map_err(|error| invalid(error.to_string()))?,
            build,
            python: split(tags[0]),
            abi: split(tags[1]),
            platform: split(tags[2]),
            filename: filename.to_owned(),
        })
    }
}

fn build_tag(tag: &str) -> (u64, String) {
    let digits = tag.bytes().take_while(u8::is_ascii_digit).count();
    (tag[..digits].parse().unwrap_or(0), tag[digits..].to_owned())
}

impl fmt::Display for WheelName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.filename)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn compressed_tags_are_taken_apart() {
        let wheel: WheelName = "cryptography-50.0.2-cp315-abi3.abi3t-manylinux_2_28_x86_64.whl"
            .parse()
            .unwrap();
        assert_eq!(wheel.abi, ["abi3", "abi3t"]);
        assert_eq!(wheel.tags().count(), 2);
        assert!(!wheel.is_pure());
    }

    #[test]
    fn a_build_tag_is_a_number_and_a_rest() {
        let wheel: WheelName = "a-1.0-12b-py3-none-any.whl".parse().unwrap();
        assert_eq!(wheel.build, Some((12, "b".into())));
        assert!(wheel.is_pure());
    }

    #[test]
    fn what_is_no_wheel_name_says_why() {
        let error = "a-1.0.tar.gz".parse::<WheelName>().unwrap_err();
        assert_eq!(
            error.to_string(),
            "`a-1.0.tar.gz` is not a wheel file name: expected it to end in `.whl`"
        );
        assert!(
            "a-1.0-any.whl"
                .parse::<WheelName>()
                .unwrap_err()
                .why
                .contains("found 3")
        );
    }
}
