//! A file's digest, as index pages, `RECORD` and `--hash` write it.

use std::fmt;

use serde::{Deserialize, Serialize};

/// Hash functions that packaging tools use for files.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Algorithm {
    /// SHA-256, what every index gives.
    Sha256,
    /// SHA-384, accepted by `--hash`.
    Sha384,
    /// SHA-512, accepted by `--hash`.
    Sha512,
}

impl Algorithm {
    /// The name in `--hash=NAME:…` and in `#NAME=…`.
    pub fn name(self) -> &'static str {
        match self {
            Algorithm::Sha256 => "sha256",
            Algorithm::Sha384 => "sha384",
            Algorithm::Sha512 => "sha512",
        }
    }

    /// The algorithm of that name, if it is one that ungil compares.
    pub fn from_name(name: &str) -> Option<Algorithm> {
        [Algorithm::Sha256, Algorithm::Sha384, Algorithm::Sha512]
            .into_iter()
            .find(|algorithm| algorithm.name() == name)
    }

    /// Length of the digest in hexadecimal digits.
    pub fn hex_length(self) -> usize {
        match self {
            Algorithm::Sha256 => 64,
            Algorithm::Sha384 => 96,
            Algorithm::Sha512 => 128,
        }
    }
}

/// One digest: the algorithm and the lower-case hexadecimal value.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct Digest {
    /// The hash function.
    pub algorithm: Algorithm,
    /// Lower-case hexadecimal digits, as many as the algorithm has.
    pub hex: String,
}

impl Digest {
    /// A digest from its two parts; `None` when the value is not hexadecimal or has the wrong length.
    pub fn new(algorithm: Algorithm, hex: &str) -> Option<Digest> {
        let valid =
            hex.len() == algorithm.hex_length() && hex.bytes().all(|byte| byte.is_ascii_hexdigit());
        valid.then(|| Digest {
            algorithm,
            hex: hex.to_ascii_lowercase(),
        })
    }
}

impl fmt::Display for Digest {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}:{}", self.algorithm.name(), self.hex)
    }
}
