//! Where files come from, as the command line, variables of ours and the configuration file say; the first of them that
//! says something about a setting counts.

use std::path::PathBuf;

use url::Url;

use ungil::model::place::Location;
use ungil::model::request::{FormatControl, Sources};

use super::args::IndexArguments;
use super::config_file::{Configuration, Stated};
use super::environment::Environment;
use super::error_page::Failure;
use super::format_control;

/// A word, and who said it.
enum Word<'a> {
    Typed { option: &'static str, text: String },
    Configured { configuration: &'a Configuration, stated: Stated<'a> },
}

/// Settles them.
pub(crate) fn settle(
    typed: &IndexArguments,
    configuration: &Configuration,
    environment: &Environment,
) -> Result<Sources, Failure> {
    let words = |option, typed: &[String], stated| words(option, typed, configuration, stated);
    let index_url = words("--index-url", typed.index_url.as_slice(), configuration.index_url().into_iter().collect());
    let extra = environment.or_listed("UNGIL_EXTRA_INDEX_URL", &typed.extra_index_url);
    let extra = words("--extra-index-url", &extra, configuration.extra_index_url());
    let links = environment.or_listed("UNGIL_FIND_LINKS", &typed.find_links);
    let links = words("--find-links", &links, configuration.find_links());
    Ok(Sources {
        index_url: index_url.first().map(url).transpose()?,
        extra_index_urls: extra.iter().map(url).collect::<Result<_, _>>()?,
        find_links: links.iter().map(|word| place(word, environment)).collect::<Result<_, _>>()?,
        no_index: typed.no_index || configuration.no_index(),
        only_binary: control(&words("--only-binary", &typed.only_binary, configuration.only_binary()))?,
        no_binary: control(&words("--no-binary", &typed.no_binary, configuration.no_binary()))?,
        pre: typed.pre || configuration.pre(),
        ..Sources::default()
    })
}

fn words<'a>(
    option: &'static str,
    typed: &[String],
    configuration: &'a Configuration,
    stated: Vec<Stated<'a>>,
) -> Vec<Word<'a>> {
    if typed.is_empty() {
        return stated.into_iter().map(|stated| Word::Configured { configuration, stated }).collect();
    }
    typed.iter().map(|text| Word::Typed { option, text: text.clone() }).collect()
}

impl Word<'_> {
    fn text(&self) -> &str {
        match self {
            Word::Typed { text, .. } => text,
            Word::Configured { stated, .. } => stated.text,
        }
    }

    /// The failure to understand it.
    fn wrong(&self, why: &str, expected: &str) -> Failure {
        match self {
            Word::Typed { option, text } => {
                Failure::new(format!("{option} {text} {why}")).hint(format!("expected {expected}"))
            }
            Word::Configured { configuration, stated } => {
                configuration.refuse(stated, format!("{} {why}", stated.text), expected).into()
            }
        }
    }
}

/// The packages of which all the words together speak.
fn control(words: &[Word<'_>]) -> Result<FormatControl, Failure> {
    words.iter().try_fold(FormatControl::None, |control, word| {
        format_control::and(control, word.text())
            .map_err(|error| word.wrong(&format!("names no package: {error}"), "names, :all: or :none:"))
    })
}

fn url(word: &Word<'_>) -> Result<Url, Failure> {
    let expected = "a URL such as https://pypi.org/simple/";
    Url::parse(word.text()).map_err(|error| word.wrong(&format!("is no URL: {error}"), expected))
}

/// A page at a URL, or a folder or page on this machine.
fn place(word: &Word<'_>, environment: &Environment) -> Result<Location, Failure> {
    if word.text().contains("://") {
        let url = url(word)?;
        return Ok(match url.to_file_path() {
            Ok(path) if url.scheme() == "file" => Location::Path(path),
            _ => Location::Url(url),
        });
    }
    let written = match word {
        Word::Typed { text, .. } => PathBuf::from(text),
        Word::Configured { configuration, stated } => configuration.beside(stated.text),
    };
    let path = environment.directory.join(written);
    if path.exists() {
        return Ok(Location::Path(path));
    }
    Err(word.wrong("does not exist", "a folder, a page, or a URL"))
}
