//! The configuration file: `ungil.toml`, or the table `[tool.ungil]` of `pyproject.toml`.
//!
//! `docs/configuration.md` lists the keys. A new key is a field of [`keys::ConfigKeys`], a method of [`ConfigurationFile`] that gives
//! its value, a row of [`super::variables`], and a line of that page. What a key's type does not check is kept as [`Spanned`],
//! so that [`ConfigurationFile::wrong`] can say where it is wrong.

mod keys;
mod waivers;

use std::io::Read;
use std::ops::Range;
use std::path::{Path, PathBuf};

use toml::Spanned;

use ungil::model::place::Place;
use ungil::model::policy::Ruling;
use ungil::model::target::{Platform, Python};
use ungil::rules::{AdjustError, RuleSetting};

use super::args::ConfigArguments;
use super::environment::ProcessEnvironment;
use keys::{ConfigKeys, PyprojectFile};

/// Largest configuration file in bytes: `pyproject.toml` holds more than ours, but never so much.
const LARGEST_FILE: usize = 4 * 1024 * 1024;
/// The file that is all ours.
const OWN_FILE: &str = "ungil.toml";
/// The file that may have a table of ours.
const PROJECT_FILE: &str = "pyproject.toml";
/// Why a configuration file cannot be followed.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ConfigError {
    /// It cannot be read.
    #[error("cannot read the configuration file {file}")]
    Read {
        /// The file.
        file: String,
        /// Why not.
        source: std::io::Error,
    },
    /// It is too large.
    #[error(
        "{file}: expected a configuration file of at most {LARGEST_FILE} bytes, found a longer one"
    )]
    TooLarge {
        /// The file.
        file: String,
    },
    /// It is not UTF-8.
    #[error("{place}: bytes that are not UTF-8; expected TOML, which is always UTF-8")]
    Encoding {
        /// Where the text ends that is.
        place: Place,
    },
    /// It is not TOML, or a key is unknown, or its value is of the wrong type.
    #[error("{place}: {message}")]
    Format {
        /// Where.
        place: Place,
        /// What was found and what was expected.
        message: String,
    },
    /// A key's value makes no sense.
    #[error("{place}: `{key}`: {found}; expected {expected}")]
    Value {
        /// Where.
        place: Place,
        /// The key.
        key: &'static str,
        /// What is wrong with it.
        found: String,
        /// What would be right.
        expected: String,
    },
    /// A rule cannot be set so.
    #[error("{place}: {source}")]
    Rule {
        /// Where.
        place: Place,
        /// Why not.
        source: AdjustError,
    },
    /// The file that was named has no part for ungil.
    #[error("{file} has no table [tool.ungil]")]
    NoTable {
        /// The file.
        file: String,
    },
}

/// A word of the configuration file that says the same as an option that was typed.
pub(crate) struct ConfiguredOption<'a> {
    /// What it says.
    pub(crate) text: &'a str,
    key: &'static str,
    span: Range<usize>,
}

/// What a configuration file says; the default says nothing.
#[derive(Debug, Default)]
pub(crate) struct ConfigurationFile {
    /// The file as errors name it, relative when it is in the current folder.
    path: PathBuf,
    text: String,
    keys: ConfigKeys,
}

impl ConfigurationFile {
    /// The file that was named, or else the nearest one from the current folder upwards; in one folder `ungil.toml` counts
    /// before `pyproject.toml`, which only counts when it has a table of ours.
    pub(crate) fn find(
        typed: &ConfigArguments,
        environment: &ProcessEnvironment,
    ) -> Result<ConfigurationFile, ConfigError> {
        if typed.no_config {
            return Ok(ConfigurationFile::default());
        }
        if let Some(path) = typed.trusted_config.as_ref().or(typed.config.as_ref()) {
            let found = ConfigurationFile::read(path, &environment.directory)?;
            return found.ok_or_else(|| ConfigError::NoTable {
                file: path.display().to_string(),
            });
        }
        let above = environment.directory.ancestors().skip(1);
        for folder in std::iter::once(Path::new("")).chain(above) {
            for name in [OWN_FILE, PROJECT_FILE] {
                let path = folder.join(name);
                if environment.directory.join(&path).is_file()
                    && let Some(found) = ConfigurationFile::read(&path, &environment.directory)?
                {
                    return Ok(found);
                }
            }
        }
        Ok(ConfigurationFile::default())
    }

    /// Reads a file; `None` when it is a `pyproject.toml` that does not speak of ungil.
    fn read(path: &Path, directory: &Path) -> Result<Option<ConfigurationFile>, ConfigError> {
        let file = path.display().to_string();
        let failed = |source| ConfigError::Read {
            file: file.clone(),
            source,
        };
        let mut bytes = Vec::new();
        let most = LARGEST_FILE as u64 + 1;
        std::fs::File::open(directory.join(path))
            .and_then(|opened| opened.take(most).read_to_end(&mut bytes))
            .map_err(failed)?;
        if bytes.len() > LARGEST_FILE {
            return Err(ConfigError::TooLarge { file });
        }
        let text = String::from_utf8(bytes).map_err(|error| {
            let valid = error
                .as_bytes()
                .get(..error.utf8_error().valid_up_to())
                .unwrap_or_default();
            ConfigError::Encoding {
                place: Place::after(&file, &String::from_utf8_lossy(valid)),
            }
        })?;
        let keys = if path.file_name().is_some_and(|name| name == PROJECT_FILE) {
            toml::from_str::<PyprojectFile>(&text)
                .map(|project| project.tool.and_then(|tools| tools.ungil))
        } else {
            toml::from_str(&text).map(Some)
        };
        let mut configuration = ConfigurationFile {
            path: path.to_owned(),
            text,
            keys: ConfigKeys::default(),
        };
        match keys {
            Ok(Some(keys)) => configuration.keys = keys,
            Ok(None) => return Ok(None),
            Err(error) => return Err(configuration.malformed(&error)),
        }
        Ok(Some(configuration))
    }

    /// What the TOML reader says, with the key that may be meant.
    fn malformed(&self, error: &toml::de::Error) -> ConfigError {
        let span = error.span().unwrap_or_default();
        let mut message = error.message().replace('\n', ", ");
        let found = self
            .text
            .get(span.clone())
            .unwrap_or_default()
            .trim_matches(['"', '\'']);
        // `unknown field `a`, expected one of `b`, `c``
        let known: Vec<&str> = message.split('`').skip(3).step_by(2).collect();
        if message.starts_with("unknown field")
            && let Some(meant) = nearest(found, known)
        {
            message = format!("unknown key `{found}`; is `{meant}` meant?");
        }
        ConfigError::Format {
            place: self.place(span),
            message,
        }
    }

    fn place(&self, span: Range<usize>) -> Place {
        Place::after(
            self.path.display().to_string(),
            self.text.get(..span.start).unwrap_or_default(),
        )
    }

    fn wrong(
        &self,
        key: &'static str,
        span: Range<usize>,
        found: String,
        expected: &str,
    ) -> ConfigError {
        ConfigError::Value {
            place: self.place(span),
            key,
            found,
            expected: expected.to_owned(),
        }
    }

    /// The file that is followed, as errors name it; `None` when there is none.
    pub(crate) fn file(&self) -> Option<String> {
        (!self.path.as_os_str().is_empty()).then(|| self.path.display().to_string())
    }

    /// The error for a word that makes no sense.
    pub(crate) fn refuse(
        &self,
        stated: &ConfiguredOption<'_>,
        found: String,
        expected: &str,
    ) -> ConfigError {
        self.wrong(stated.key, stated.span.clone(), found, expected)
    }

    /// A path as the file means it: relative ones lie beside it.
    pub(crate) fn beside(&self, path: impl AsRef<Path>) -> PathBuf {
        self.path.parent().unwrap_or(Path::new("")).join(path)
    }

    /// What breaks the policy, leaves the gate open, or passes.
    pub(crate) fn ruled(&self, ruling: Ruling) -> Vec<ConfiguredOption<'_>> {
        let (key, words) = match ruling {
            Ruling::Fail => ("fail", &self.keys.fail),
            Ruling::Open => ("open", &self.keys.open),
            Ruling::Pass => ("pass", &self.keys.pass),
        };
        stated(key, words)
    }

    /// The report of which nothing counts that it had already.
    pub(crate) fn baseline(&self) -> Option<PathBuf> {
        self.keys
            .baseline
            .as_ref()
            .map(|path| self.beside(path.get_ref()))
    }

    /// The main index.
    pub(crate) fn index_url(&self) -> Option<ConfiguredOption<'_>> {
        stated("index-url", &self.keys.index_url).pop()
    }

    /// Further indexes.
    pub(crate) fn extra_index_url(&self) -> Vec<ConfiguredOption<'_>> {
        stated("extra-index-url", &self.keys.extra_index_url)
    }

    /// Folders and pages with links to files.
    pub(crate) fn find_links(&self) -> Vec<ConfiguredOption<'_>> {
        stated("find-links", &self.keys.find_links)
    }

    /// Packages of which no source distribution is taken.
    pub(crate) fn only_binary(&self) -> Vec<ConfiguredOption<'_>> {
        stated("only-binary", &self.keys.only_binary)
    }

    /// Packages of which no wheel is taken.
    pub(crate) fn no_binary(&self) -> Vec<ConfiguredOption<'_>> {
        stated("no-binary", &self.keys.no_binary)
    }

    /// Whether no index is asked.
    pub(crate) fn no_index(&self) -> bool {
        self.keys.no_index
    }

    /// Whether pre-releases of every package are accepted.
    pub(crate) fn pre(&self) -> bool {
        self.keys.pre
    }

    /// Whether files of which a digest is pinned are fetched as a whole.
    pub(crate) fn verify_hashes(&self) -> bool {
        self.keys.verify_hashes
    }

    /// Seconds of waiting, least rate, and seconds of one answer, as far as they stand here.
    pub(crate) fn pace(&self) -> [Option<u64>; 3] {
        [
            self.keys.timeout,
            self.keys.least_rate,
            self.keys.longest_answer,
        ]
    }

    /// Mebibytes that are unpacked at once.
    pub(crate) fn memory(&self) -> Option<u64> {
        self.keys.memory
    }

    /// Files and folders of rules; relative ones start at the configuration file's folder.
    pub(crate) fn rules(
        &self,
        environment: &ProcessEnvironment,
    ) -> Result<Vec<PathBuf>, ConfigError> {
        let place = |written: &Spanned<PathBuf>| {
            let path = self.beside(written.get_ref());
            if environment.directory.join(&path).exists() {
                return Ok(path);
            }
            let found = format!("{} does not exist", path.display());
            Err(self.wrong(
                "rules",
                written.span(),
                found,
                "a rule file or a folder of them",
            ))
        };
        self.keys.rules.iter().map(place).collect()
    }

    /// Settings of rules, by id. Those that turn a rule off come last.
    pub(crate) fn settings(&self) -> Result<Vec<(&str, RuleSetting)>, ConfigError> {
        let mut settings = Vec::new();
        for (rule, word) in &self.keys.level {
            let setting: RuleSetting =
                word.get_ref().parse().map_err(|source| ConfigError::Rule {
                    place: self.place(word.span()),
                    source,
                })?;
            settings.push((rule.as_str(), setting));
        }
        settings.extend(
            self.keys
                .disable
                .iter()
                .map(|rule| (rule.get_ref().as_str(), RuleSetting::Off)),
        );
        Ok(settings)
    }

    /// The error for a setting that does not fit its rule, when the setting stands here.
    pub(crate) fn unfit(&self, id: &str, error: &AdjustError) -> Option<ConfigError> {
        let disabled = self
            .keys
            .disable
            .iter()
            .find(|rule| rule.get_ref() == id)
            .map(Spanned::span);
        let span = disabled.or_else(|| self.keys.level.get(id).map(Spanned::span))?;
        Some(ConfigError::Rule {
            place: self.place(span),
            source: error.clone(),
        })
    }

    /// Pythons to judge for; one of them at least is free-threaded, where there are any.
    pub(crate) fn pythons(&self) -> Result<Vec<Python>, ConfigError> {
        let python = |word: &Spanned<String>| {
            let expected = "a free-threaded version such as 3.14t";
            word.get_ref().parse().map_err(|_| {
                self.wrong(
                    "python",
                    word.span(),
                    format!("`{}` is none that is known", word.get_ref()),
                    expected,
                )
            })
        };
        let pythons: Vec<Python> = self
            .keys
            .python
            .iter()
            .map(python)
            .collect::<Result<_, _>>()?;
        match (self.keys.python.first(), pythons.first()) {
            (Some(word), Some(first)) if pythons.iter().all(|python| !python.free_threaded) => {
                let found =
                    format!("{first} is the build with the GIL, which nothing can switch back on");
                let expected = format!(
                    "a free-threaded version; is {} meant?",
                    first.free_threaded_from_here()
                );
                Err(self.wrong("python", word.span(), found, &expected))
            }
            _ => Ok(pythons),
        }
    }

    /// Platforms to judge for.
    pub(crate) fn platforms(&self) -> Result<Vec<Platform>, ConfigError> {
        let platform = |word: &Spanned<String>| {
            word.get_ref().parse().map_err(|_| {
                let found = format!("`{}` is none that is known", word.get_ref());
                self.wrong(
                    "platform",
                    word.span(),
                    found,
                    "one such as linux-x86_64, macos-arm64 or windows-amd64",
                )
            })
        };
        self.keys.platform.iter().map(platform).collect()
    }
}

fn stated<'a>(
    key: &'static str,
    words: impl IntoIterator<Item = &'a Spanned<String>>,
) -> Vec<ConfiguredOption<'a>> {
    words
        .into_iter()
        .map(|word| ConfiguredOption {
            text: word.get_ref(),
            key,
            span: word.span(),
        })
        .collect()
}

/// The word that a misspelt one is most like, when one is: no more than every third letter differs.
pub(crate) fn nearest<'a>(word: &str, known: impl IntoIterator<Item = &'a str>) -> Option<&'a str> {
    let distances = known
        .into_iter()
        .map(|other| (distance(word, other), other));
    distances
        .min()
        .filter(|(distance, _)| *distance <= word.len().div_ceil(3))
        .map(|(_, other)| other)
}

/// How many letters have to be put in, taken out or changed to make one word of the other.
fn distance(left: &str, right: &str) -> usize {
    let mut row: Vec<usize> = (0..=right.chars().count()).collect();
    for (number, letter) in left.chars().enumerate() {
        let mut corner = number;
        let mut last = number + 1;
        for (other, cell) in right.chars().zip(row.iter_mut().skip(1)) {
            let changed = corner + usize::from(letter != other);
            corner = *cell;
            last = changed.min(last + 1).min(*cell + 1);
            *cell = last;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn misspelt_keys_are_like_others() {
        let keys = ["rules", "disable", "level", "python", "platform"];
        for (word, expected) in [
            ("rule", Some("rules")),
            ("disabled", Some("disable")),
            ("disbale", Some("disable")),
            ("levels", Some("level")),
            ("pythons", Some("python")),
            ("plattform", Some("platform")),
            ("frobnicate", None),
            ("", None),
        ] {
            assert_eq!(nearest(word, keys), expected, "{word}");
        }
    }
}
