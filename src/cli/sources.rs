//! Where files come from, as the command line, variables of ours and the configuration file say; the first of them that
//! says something about a setting counts.

use std::path::{Path, PathBuf};

use url::Url;

use ungil::index::settings::DEFAULT_INDEX;
use ungil::model::place::Location;
use ungil::model::request::{FormatControl, PackageSources};

use super::args::IndexArguments;
use super::config_file::{ConfigurationFile, ConfiguredOption};
use super::environment::ProcessEnvironment;
use super::error_page::CliError;
use super::format_control;

/// A word, and who said it.
enum SourcedWord<'a> {
    Typed {
        option: &'static str,
        text: String,
    },
    Configured {
        configuration: &'a ConfigurationFile,
        stated: ConfiguredOption<'a>,
    },
}

/// Where packages come from, by the arguments and the configuration file.
pub(crate) fn from_arguments(
    typed: &IndexArguments,
    configuration: &ConfigurationFile,
    environment: &ProcessEnvironment,
) -> Result<PackageSources, CliError> {
    let words = |option, typed: &[String], stated| words(option, typed, configuration, stated);
    let index_url = words(
        "--index-url",
        typed.index_url.as_slice(),
        configuration.index_url().into_iter().collect(),
    );
    let extra = environment.or_listed("UNGIL_EXTRA_INDEX_URL", &typed.extra_index_url);
    let extra = words("--extra-index-url", &extra, configuration.extra_index_url());
    let links = environment.or_listed("UNGIL_FIND_LINKS", &typed.find_links);
    let links = words("--find-links", &links, configuration.find_links());
    Ok(PackageSources {
        index_url: index_url.first().map(url).transpose()?,
        extra_index_urls: extra.iter().map(url).collect::<Result<_, _>>()?,
        find_links: links
            .iter()
            .map(|word| place(word, environment))
            .collect::<Result<_, _>>()?,
        no_index: typed.no_index || configuration.no_index(),
        only_binary: control(&words(
            "--only-binary",
            &typed.only_binary,
            configuration.only_binary(),
        ))?,
        no_binary: control(&words(
            "--no-binary",
            &typed.no_binary,
            configuration.no_binary(),
        ))?,
        pre: typed.pre || configuration.pre(),
        ..PackageSources::default()
    })
}

/// Refuses an input that names places of its own beside those of a trusted configuration: an installer would take files from
/// there, and what was judged would be none of what is installed.
pub(crate) fn refuse_others(
    trusted: &PackageSources,
    named: &PackageSources,
    file: &Path,
) -> Result<(), CliError> {
    let default = Url::parse(DEFAULT_INDEX).ok();
    let indexes = |sources: &PackageSources| -> Vec<Url> {
        sources
            .index_url
            .iter()
            .chain(&sources.extra_index_urls)
            .cloned()
            .collect()
    };
    let known: Vec<Url> = indexes(trusted)
        .into_iter()
        .chain(default.filter(|_| trusted.index_url.is_none()))
        .collect();
    let other = indexes(named)
        .into_iter()
        .find(|url| !known.contains(url))
        .map(|url| url.to_string());
    let place = named
        .find_links
        .iter()
        .find(|place| !trusted.find_links.contains(place));
    let place = place.map(|place| match place {
        Location::Url(url) => url.to_string(),
        Location::Path(path) => path.display().to_string(),
    });
    match other.or(place) {
        Some(other) => {
            let what = format!("the input names {other}, which {} does not", file.display());
            Err(CliError::new(what).hint(
                "with --trusted-config, indexes and links come from that file and the command line",
            ))
        }
        None => Ok(()),
    }
}

fn words<'a>(
    option: &'static str,
    typed: &[String],
    configuration: &'a ConfigurationFile,
    stated: Vec<ConfiguredOption<'a>>,
) -> Vec<SourcedWord<'a>> {
    if typed.is_empty() {
        return stated
            .into_iter()
            .map(|stated| SourcedWord::Configured {
                configuration,
                stated,
            })
            .collect();
    }
    typed
        .iter()
        .map(|text| SourcedWord::Typed {
            option,
            text: text.clone(),
        })
        .collect()
}

impl SourcedWord<'_> {
    fn text(&self) -> &str {
        match self {
            SourcedWord::Typed { text, .. } => text,
            SourcedWord::Configured { stated, .. } => stated.text,
        }
    }

    /// The failure to understand it.
    fn wrong(&self, why: &str, expected: &str) -> CliError {
        match self {
            SourcedWord::Typed { option, text } => {
                CliError::new(format!("{option} {text} {why}")).hint(format!("expected {expected}"))
            }
            SourcedWord::Configured {
                configuration,
                stated,
            } => configuration
                .refuse(stated, format!("{} {why}", stated.text), expected)
                .into(),
        }
    }
}

/// The packages of which all the words together speak.
fn control(words: &[SourcedWord<'_>]) -> Result<FormatControl, CliError> {
    words.iter().try_fold(FormatControl::None, |control, word| {
        format_control::and(control, word.text()).map_err(|error| {
            word.wrong(
                &format!("names no package: {error}"),
                "names, :all: or :none:",
            )
        })
    })
}

fn url(word: &SourcedWord<'_>) -> Result<Url, CliError> {
    let expected = "a URL such as https://pypi.org/simple/";
    Url::parse(word.text()).map_err(|error| word.wrong(&format!("is no URL: {error}"), expected))
}

/// A page at a URL, or a folder or page on this machine.
fn place(word: &SourcedWord<'_>, environment: &ProcessEnvironment) -> Result<Location, CliError> {
    if word.text().contains("://") {
        let url = url(word)?;
        return Ok(match url.to_file_path() {
            Ok(path) if url.scheme() == "file" => Location::Path(path),
            _ => Location::Url(url),
        });
    }
    let written = match word {
        SourcedWord::Typed { text, .. } => PathBuf::from(text),
        SourcedWord::Configured {
            configuration,
            stated,
        } => configuration.beside(stated.text),
    };
    let path = environment.directory.join(written);
    if path.exists() {
        return Ok(Location::Path(path));
    }
    Err(word.wrong("does not exist", "a folder, a page, or a URL"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_input_may_not_name_places_of_its_own() {
        let index = |url: &str| PackageSources {
            index_url: Some(url.parse().unwrap()),
            ..PackageSources::default()
        };
        let check = |trusted: &PackageSources, named: &PackageSources, expected: bool| {
            let refused = refuse_others(trusted, named, Path::new("ungil.toml")).is_err();
            assert_eq!(refused, expected, "{named:?}");
        };
        let none = PackageSources::default();
        check(&none, &none, false);
        check(&none, &index(DEFAULT_INDEX), false);
        check(&none, &index("https://evil.example/simple/"), true);
        check(
            &index("https://own.example/simple/"),
            &index("https://own.example/simple/"),
            false,
        );
        check(
            &index("https://own.example/simple/"),
            &index(DEFAULT_INDEX),
            true,
        );
        let links = PackageSources {
            find_links: vec![Location::Path("wheels".into())],
            ..none.clone()
        };
        check(&none, &links, true);
        check(&links, &links, false);
    }
}
