//! The options of a requirements file's line: split as a shell would, matched as Python's `optparse` does.
//!
//! <https://pip.pypa.io/en/stable/reference/requirements-file-format/#supported-options>

use super::error::InputError;
use super::text::InputText;

/// What an option asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum OptionRequest {
    IndexUrl,
    ExtraIndexUrl,
    NoIndex,
    Constraint,
    Requirement,
    Editable,
    FindLinks,
    NoBinary,
    OnlyBinary,
    PreferBinary,
    Pre,
    AllReleases,
    OnlyFinal,
    Hash,
    /// Something that changes neither which files are chosen nor what is in them.
    Nothing,
}

/// One option of pip's.
struct KnownOption {
    short: Option<char>,
    long: &'static str,
    asks: OptionRequest,
    /// What its value is called; `None` when it takes none.
    value: Option<&'static str>,
}

const fn known(
    short: Option<char>,
    long: &'static str,
    asks: OptionRequest,
    value: Option<&'static str>,
) -> KnownOption {
    KnownOption {
        short,
        long,
        asks,
        value,
    }
}

/// pip's, and `--global-option` and `--install-option`, which older ones had.
const KNOWN: [KnownOption; 22] = [
    known(
        Some('i'),
        "--index-url",
        OptionRequest::IndexUrl,
        Some("a URL"),
    ),
    known(None, "--pypi-url", OptionRequest::IndexUrl, Some("a URL")),
    known(
        None,
        "--extra-index-url",
        OptionRequest::ExtraIndexUrl,
        Some("a URL"),
    ),
    known(None, "--no-index", OptionRequest::NoIndex, None),
    known(
        Some('c'),
        "--constraint",
        OptionRequest::Constraint,
        Some("a file"),
    ),
    known(
        Some('r'),
        "--requirement",
        OptionRequest::Requirement,
        Some("a file"),
    ),
    known(
        Some('e'),
        "--editable",
        OptionRequest::Editable,
        Some("a folder or a URL"),
    ),
    known(
        Some('f'),
        "--find-links",
        OptionRequest::FindLinks,
        Some("a folder or a URL"),
    ),
    known(None, "--no-binary", OptionRequest::NoBinary, Some(NAMES)),
    known(
        None,
        "--only-binary",
        OptionRequest::OnlyBinary,
        Some(NAMES),
    ),
    known(None, "--prefer-binary", OptionRequest::PreferBinary, None),
    known(None, "--require-hashes", OptionRequest::Nothing, None),
    known(None, "--no-require-hashes", OptionRequest::Nothing, None),
    known(None, "--pre", OptionRequest::Pre, None),
    known(
        None,
        "--all-releases",
        OptionRequest::AllReleases,
        Some(NAMES),
    ),
    known(None, "--only-final", OptionRequest::OnlyFinal, Some(NAMES)),
    known(
        None,
        "--trusted-host",
        OptionRequest::Nothing,
        Some("a host"),
    ),
    known(
        None,
        "--use-feature",
        OptionRequest::Nothing,
        Some("a feature of pip"),
    ),
    known(None, "--hash", OptionRequest::Hash, Some("a digest")),
    known(
        Some('C'),
        "--config-settings",
        OptionRequest::Nothing,
        Some("a setting"),
    ),
    known(
        None,
        "--global-option",
        OptionRequest::Nothing,
        Some("an option of setup.py"),
    ),
    known(
        None,
        "--install-option",
        OptionRequest::Nothing,
        Some("an option of setup.py"),
    ),
];

/// What `--only-binary` and its like take.
pub(super) const NAMES: &str = "`:all:`, `:none:` or names of packages with commas between them";

/// An option as it stands in the file.
#[derive(Debug)]
pub(super) struct GivenOption {
    pub(super) asks: OptionRequest,
    /// The word that names it.
    pub(super) word: InputText,
    /// Its value; empty for one that takes none.
    pub(super) value: InputText,
}

/// A line's parts.
#[derive(Debug)]
pub(super) struct SplitLine {
    /// The requirement, which stands before the options; may be empty.
    pub(super) requirement: InputText,
    /// The options, in order.
    pub(super) options: Vec<GivenOption>,
    /// Words among the options that belong to none.
    pub(super) stray: Vec<InputText>,
}

impl SplitLine {
    /// The options that ask for this.
    pub(super) fn asking(&self, asks: OptionRequest) -> impl Iterator<Item = &GivenOption> {
        self.options.iter().filter(move |given| given.asks == asks)
    }
}

/// Splits a logical line at its first word that begins with `-`; only spaces separate words there, as for pip.
pub(super) fn split(line: &InputText) -> Result<SplitLine, InputError> {
    let starts_option =
        |start: usize| start == 0 || line.as_str().as_bytes().get(start - 1) == Some(&b' ');
    let options_start = line
        .as_str()
        .match_indices('-')
        .map(|(start, _)| start)
        .find(|start| starts_option(*start))
        .unwrap_or(line.as_str().len());
    let mut split = SplitLine {
        requirement: line.part(0..options_start).trimmed(),
        options: Vec::new(),
        stray: Vec::new(),
    };
    let mut words = shell_words(&line.part(options_start..line.as_str().len()))?.into_iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--" => split.stray.extend(words.by_ref()),
            text if text.starts_with("--") => {
                let given = long_option(&word, &mut words)?;
                split.options.push(given);
            }
            text if text.starts_with('-') && text.len() > 1 => {
                let given = short_option(&word, &mut words)?;
                split.options.push(given);
            }
            _ => split.stray.push(word),
        }
    }
    Ok(split)
}

fn long_option(
    word: &InputText,
    words: &mut impl Iterator<Item = InputText>,
) -> Result<GivenOption, InputError> {
    let text = word.as_str();
    let name_end = text.find('=').unwrap_or(text.len());
    let known = long_name(word, text.get(..name_end).unwrap_or_default())?;
    let attached = (name_end < text.len()).then(|| word.part(name_end + 1..text.len()));
    with_value(known, &word.part(0..name_end), attached, words)
}

fn short_option(
    word: &InputText,
    words: &mut impl Iterator<Item = InputText>,
) -> Result<GivenOption, InputError> {
    let mut letters = word.as_str().chars();
    let letter = letters.by_ref().nth(1);
    let known = KNOWN
        .iter()
        .find(|known| known.short.is_some() && known.short == letter);
    let known = known.ok_or_else(|| unknown(word, Vec::new()))?;
    let rest = letters.as_str();
    let name_end = word.as_str().len() - rest.len();
    let attached = (!rest.is_empty()).then(|| word.part(name_end..word.as_str().len()));
    with_value(known, &word.part(0..name_end), attached, words)
}

/// The option of that name, or the only one that begins with it.
fn long_name(word: &InputText, name: &str) -> Result<&'static KnownOption, InputError> {
    if let Some(known) = KNOWN.iter().find(|known| known.long == name) {
        return Ok(known);
    }
    let candidates: Vec<&KnownOption> = KNOWN
        .iter()
        .filter(|known| name.len() > 2 && known.long.starts_with(name))
        .collect();
    match candidates.as_slice() {
        [known] => Ok(known),
        several => Err(unknown(
            word,
            several.iter().map(|known| known.long).collect(),
        )),
    }
}

fn with_value(
    known: &KnownOption,
    word: &InputText,
    attached: Option<InputText>,
    words: &mut impl Iterator<Item = InputText>,
) -> Result<GivenOption, InputError> {
    let wrong = |place: usize, expected: &str, found: String| InputError::OptionValue {
        place: word.place(place),
        option: word.shown(),
        expected: expected.to_owned(),
        found,
    };
    let value = match (known.value, attached) {
        (None, None) => word.part(0..0),
        (None, Some(attached)) => {
            return Err(wrong(0, "no value", format!("`{}`", attached.shown())));
        }
        (Some(_), Some(attached)) => attached,
        (Some(expected), None) => words
            .next()
            .ok_or_else(|| wrong(word.as_str().len(), expected, "the end of the line".into()))?,
    };
    Ok(GivenOption {
        asks: known.asks,
        word: word.clone(),
        value,
    })
}

fn unknown(word: &InputText, candidates: Vec<&'static str>) -> InputError {
    InputError::UnknownOption {
        place: word.place(0),
        found: word.shown(),
        candidates,
    }
}

/// Where the shell's reader is.
#[derive(Clone, Copy, PartialEq, Eq)]
enum ShellQuoting {
    Nothing,
    Word,
    Quotes(char),
}

/// Splits as Python's `shlex.split` does: quotes of both kinds, and `\` before any character outside of quotes.
///
/// <https://docs.python.org/3/library/shlex.html#parsing-rules>
fn shell_words(text: &InputText) -> Result<Vec<InputText>, InputError> {
    let mut words: Vec<InputText> = Vec::new();
    let mut within = ShellQuoting::Nothing;
    let mut begun = 0;
    let mut characters = text.characters().peekable();
    while let Some((offset, character, spot)) = characters.next() {
        if within == ShellQuoting::Nothing {
            if matches!(character, ' ' | '\t' | '\r' | '\n') {
                continue;
            }
            words.push(text.part(offset..offset));
            within = ShellQuoting::Word;
        }
        let Some(word) = words.last_mut() else {
            continue;
        };
        match (within, character) {
            (ShellQuoting::Quotes(quote), _) if character == quote => within = ShellQuoting::Word,
            (ShellQuoting::Quotes('"') | ShellQuoting::Word, '\\') => {
                let Some((_, next, next_spot)) = characters.next() else {
                    return Err(unfinished(text, offset, "a character after `\\`"));
                };
                if within != ShellQuoting::Word && !matches!(next, '"' | '\\') {
                    word.push(character, spot.clone());
                }
                word.push(next, next_spot.clone());
            }
            (ShellQuoting::Word, '"' | '\'') => {
                begun = offset;
                within = ShellQuoting::Quotes(character);
            }
            (ShellQuoting::Word, ' ' | '\t' | '\r' | '\n') => within = ShellQuoting::Nothing,
            _ => word.push(character, spot.clone()),
        }
    }
    match within {
        ShellQuoting::Quotes('"') => Err(unfinished(text, begun, "a closing `\"`")),
        ShellQuoting::Quotes(_) => Err(unfinished(text, begun, "a closing `'`")),
        ShellQuoting::Nothing | ShellQuoting::Word => Ok(words),
    }
}

fn unfinished(text: &InputText, offset: usize, expected: &'static str) -> InputError {
    InputError::Unfinished {
        place: text.place(offset),
        expected,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(line: &str, expected: &str) {
        let shown = match split(&InputText::typed(line)) {
            Ok(split) => {
                let mut shown = vec![split.requirement.as_str().to_owned()];
                for given in &split.options {
                    shown.push(format!(
                        "{:?}({})@{}",
                        given.asks,
                        given.value.as_str(),
                        given.value.place(0)
                    ));
                }
                shown.extend(
                    split
                        .stray
                        .iter()
                        .map(|word| format!("stray {}", word.as_str())),
                );
                shown.join(" | ").replace("command line, character ", "")
            }
            Err(error) => error.to_string().replace("command line, character ", ""),
        };
        assert_eq!(shown, expected, "{line}");
    }

    #[test]
    fn options_in_every_spelling() {
        check(
            "a-b >=1 --hash=sha256:00 --hash sha256:11",
            "a-b >=1 | Hash(sha256:00)@16 | Hash(sha256:11)@33",
        );
        check("-r a.txt", " | Requirement(a.txt)@4");
        check("-ra.txt", " | Requirement(a.txt)@3");
        check("--requirem='a b.txt'", " | Requirement(a b.txt)@13");
        check(
            "-f \"a\\\"b\\c\" --pre",
            " | FindLinks(a\"b\\c)@5 | Pre()@13",
        );
        check("-e a\\ b c", " | Editable(a b)@4 | stray c");
        check("--index-url= x", " | IndexUrl()@13 | stray x");
        check("a\t--pre", "a\t--pre");
        check("a - b", "a | stray - | stray b");
        check("-e '' -- --pre", " | Editable()@4 | stray --pre");
    }

    #[test]
    fn broken_options_say_what_was_expected() {
        check(
            "-r",
            "3: expected a file for `-r`, found the end of the line",
        );
        check("--pre=yes", "1: expected no value for `--pre`, found `yes`");
        check(
            "--no",
            "1: expected an option of requirements files, found `--no`",
        );
        check(
            "-x y",
            "1: expected an option of requirements files, found `-x`",
        );
        check(
            "-e 'a",
            "4: expected a closing `'`, found the end of the line",
        );
        check(
            "-e a\\",
            "5: expected a character after `\\`, found the end of the line",
        );
        assert_eq!(
            split(&InputText::typed("--no"))
                .unwrap_err()
                .hint()
                .unwrap(),
            "it could be any of --no-index, --no-binary, --no-require-hashes"
        );
    }
}
