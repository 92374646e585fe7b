//! Gives lines of a requirements file other versions and digests, and leaves every other byte as it is: comments, order,
//! line ends, the way in which digests are laid out.
//!
//! What is not understood without doubt is not edited: a line whose version comes from a variable, digests with something
//! else between them, a file in another encoding than UTF-8.

mod bounds;

use std::ops::Range;
use std::str::FromStr;

use super::lines::physical_lines;
use super::text::is_space;
use crate::model::digest::Digest;
use crate::model::name::{PackageName, Version};
use crate::model::place::Place;
use crate::model::plan::{BoundLine, LineEdit};

/// Why a file, or a line of it, is not edited.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The file is in another encoding.
    #[error("{file}: expected UTF-8, which is the only encoding that is edited")]
    NotUtf8 {
        /// The file as the user named it.
        file: String,
    },
    /// The line is not what was read before.
    #[error("{place}: expected one `=={version}`, found {found}")]
    NotPinned {
        /// The line.
        place: Place,
        /// The version that was expected.
        version: Version,
        /// What is there.
        found: String,
    },
    /// The line cannot be bounded.
    #[error("{file}: no bound is set on `{name}`: {why}")]
    NotBounded {
        /// The file.
        file: String,
        /// The package.
        name: PackageName,
        /// What was expected, what was found.
        why: String,
    },
    /// The line's digests cannot be replaced.
    #[error("{place}: {why}, so its digests are not replaced")]
    Digests {
        /// The line.
        place: Place,
        /// What was expected, what was found.
        why: String,
    },
}

/// The file of this name with these edits and bounds, all of which are about it.
pub fn edit(
    file: &str,
    content: &[u8],
    edits: &[LineEdit],
    bounds: &[BoundLine],
) -> Result<Vec<u8>, EditError> {
    let text = std::str::from_utf8(content).map_err(|_| EditError::NotUtf8 {
        file: file.to_owned(),
    })?;
    let mut changes: Vec<(Range<usize>, String)> = Vec::new();
    for edit in edits {
        let gone = || not_pinned(edit, "the end of the file".to_owned());
        let line = requirement(text, &edit.place).ok_or_else(gone)?;
        changes.push((version(text, line.clone(), edit)?, edit.to.to_string()));
        if let Some(digests) = &edit.digests {
            changes.push(self::digests(text, line, edit, digests)?);
        }
    }
    for bound in bounds {
        changes.push(bounds::change(text, bound)?);
    }
    changes.sort_by_key(|(range, _)| range.start);
    let (mut edited, mut end) = (String::with_capacity(text.len()), 0);
    for (range, new) in changes {
        edited.push_str(text.get(end..range.start).unwrap_or_default());
        edited.push_str(&new);
        end = range.end;
    }
    edited.push_str(text.get(end..).unwrap_or_default());
    Ok(edited.into_bytes())
}

/// Where the requirement is: the logical line that begins, or goes on, at a place, or in TOML the string there.
fn requirement(text: &str, place: &Place) -> Option<Range<usize>> {
    let lines = physical_lines(text);
    let start = lines
        .iter()
        .position(|(number, _)| Some(*number) == place.line)?;
    let goes_on =
        |line: &str| line.ends_with('\\') && !line.trim_start_matches(is_space).starts_with('#');
    let rest = lines.get(start..).unwrap_or_default();
    let (_, first) = rest.first()?;
    if place.file.ends_with(".toml") {
        return string(text, first, place);
    }
    let last = rest
        .iter()
        .find(|(_, line)| !goes_on(line))
        .or(rest.last())?;
    Some(offset(text, first)..offset(text, last.1) + last.1.len())
}

/// The string of TOML that begins at a place: a line may have several.
fn string(text: &str, line: &str, place: &Place) -> Option<Range<usize>> {
    let column = usize::try_from(place.column?).ok()?.checked_sub(1)?;
    let (start, first) = line.char_indices().nth(column)?;
    let quote = |character: char| matches!(character, '"' | '\'');
    let start = if quote(first) { start + 1 } else { start };
    let length = line.get(start..)?.find(quote)?;
    let start = offset(text, line) + start;
    Some(start..start + length)
}

/// Where a part of a text begins in it.
fn offset(text: &str, part: &str) -> usize {
    (part.as_ptr() as usize).saturating_sub(text.as_ptr() as usize)
}

/// Where the version stands.
fn version(text: &str, line: Range<usize>, edit: &LineEdit) -> Result<Range<usize>, EditError> {
    let start = line.start;
    let whole = text.get(line).unwrap_or_default();
    let end = ["--hash", ";", " #", "\t#"]
        .iter()
        .filter_map(|end| whole.find(end))
        .min()
        .unwrap_or(whole.len());
    let wanted = whole.get(..end).unwrap_or_default();
    let found = || not_pinned(edit, format!("`{}`", wanted.trim()));
    let (before, _) = wanted.split_once("==").ok_or_else(found)?;
    let after = wanted
        .get(before.len()..)
        .unwrap_or_default()
        .trim_start_matches('=');
    let pinned = after.trim_start_matches(is_space);
    let is_part =
        |character: char| character.is_ascii_alphanumeric() || ".!+_-*".contains(character);
    let length = pinned
        .find(|character| !is_part(character))
        .unwrap_or(pinned.len());
    let (pinned, rest) = pinned.split_at(length);
    if rest.contains('=') || Version::from_str(pinned).ok().as_ref() != Some(&edit.from) {
        return Err(found());
    }
    let position = start + offset(whole, pinned);
    Ok(position..position + pinned.len())
}

/// Where the digests stand, and what is to stand there.
fn digests(
    text: &str,
    line: Range<usize>,
    edit: &LineEdit,
    new: &[Digest],
) -> Result<(Range<usize>, String), EditError> {
    let refused = |why: &str| EditError::Digests {
        place: edit.place.clone(),
        why: why.to_owned(),
    };
    if new.is_empty() {
        return Err(refused("the index states no sha256 for this version"));
    }
    let start = line.start;
    let whole = text.get(line).unwrap_or_default();
    let first = whole
        .find("--hash")
        .ok_or_else(|| refused("expected --hash, found none"))?;
    let filler = |character: char| is_space(character) || matches!(character, '\\' | '\r' | '\n');
    let separator = whole.get(..first).unwrap_or_default();
    let separator = separator
        .get(separator.trim_end_matches(filler).len()..)
        .unwrap_or_default();
    let mut end = first;
    while let Some(rest) = whole.get(end..).map(|rest| rest.trim_start_matches(filler))
        && rest.starts_with("--hash")
    {
        let word = |text: &str| text.find(filler).unwrap_or(text.len());
        let mut length = word(rest);
        if rest.get(..length) == Some("--hash") {
            // `--hash sha256:…`: the value is the next word.
            let value = rest.get(length..).unwrap_or_default();
            let gap = value.len() - value.trim_start_matches(filler).len();
            length += gap + word(value.get(gap..).unwrap_or_default());
        }
        end = offset(whole, rest) + length;
    }
    let rest = whole.get(end..).unwrap_or_default();
    if rest.contains("--hash") {
        return Err(refused(
            "expected all --hash beside each other, found something between them",
        ));
    }
    let words: Vec<String> = new
        .iter()
        .map(|digest| format!("--hash={digest}"))
        .collect();
    let between = if separator.is_empty() { " " } else { separator };
    Ok((start + first..start + end, words.join(between)))
}

fn not_pinned(edit: &LineEdit, found: String) -> EditError {
    EditError::NotPinned {
        place: edit.place.clone(),
        version: edit.from.clone(),
        found,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::digest::Algorithm;

    fn change(line: u32, name: &str, from: &str, to: &str, digests: Option<&[char]>) -> LineEdit {
        let digest =
            |letter: &char| Digest::new(Algorithm::Sha256, &letter.to_string().repeat(64)).unwrap();
        LineEdit {
            place: Place {
                file: "r.txt".into(),
                line: Some(line),
                column: Some(1),
            },
            name: name.parse().unwrap(),
            from: from.parse().unwrap(),
            to: to.parse().unwrap(),
            digests: digests.map(|letters| letters.iter().map(digest).collect()),
        }
    }

    fn edited(text: &str, edits: &[LineEdit]) -> Result<String, String> {
        edit("r.txt", text.as_bytes(), edits, &[])
            .map(|bytes| String::from_utf8(bytes).unwrap())
            .map_err(|error| error.to_string())
    }

    #[test]
    fn everything_else_stays_as_it_is() {
        let text = "\u{feff}# head\r\n\r\nA[x] ==  1.0 ; os_name == 'nt'  # why == 1.0\r\n\tb===2.0\r\n  c (==3)\r\nd==1.0.0";
        let edits = [
            change(3, "a", "1.0", "1.10", None),
            change(4, "b", "2", "2.5", None),
            change(5, "c", "3", "3.1", None),
            change(6, "d", "1.0", "2", None),
        ];
        let expected = "\u{feff}# head\r\n\r\nA[x] ==  1.10 ; os_name == 'nt'  # why == 1.0\r\n\tb===2.5\r\n  c (==3.1)\r\nd==2";
        assert_eq!(edited(text, &edits).unwrap(), expected);
    }

    #[test]
    fn strings_of_toml_are_told_apart() {
        let text = "[project]\ndependencies = [\"a==1.0\", 'b==1.0 ; os_name == \"nt\"']\n";
        let place = |column| Place {
            file: "pyproject.toml".into(),
            line: Some(2),
            column: Some(column),
        };
        for (column, expected) in [
            (
                18,
                "[project]\ndependencies = [\"a==2.0\", 'b==1.0 ; os_name == \"nt\"']\n",
            ),
            (
                28,
                "[project]\ndependencies = [\"a==1.0\", 'b==2.0 ; os_name == \"nt\"']\n",
            ),
        ] {
            let edits = [LineEdit {
                place: place(column),
                ..change(2, "b", "1.0", "2.0", None)
            }];
            let edited = edit("pyproject.toml", text.as_bytes(), &edits, &[]).unwrap();
            assert_eq!(String::from_utf8(edited).unwrap(), expected);
        }
    }

    #[test]
    fn digests_are_those_of_the_new_version_in_the_old_layout() {
        let (old, new) = ("0".repeat(64), |letter: &str| letter.repeat(64));
        let layouts = [
            (
                format!(
                    "a==1 \\\n    --hash=sha256:{old} \\\n    --hash=sha256:{old}\n    # via b\nc\n"
                ),
                format!(
                    "a==2 \\\n    --hash=sha256:{} \\\n    --hash=sha256:{}\n    # via b\nc\n",
                    new("a"),
                    new("b")
                ),
            ),
            (
                format!("a==1 --hash=sha256:{old}\r\nc"),
                format!(
                    "a==2 --hash=sha256:{} --hash=sha256:{}\r\nc",
                    new("a"),
                    new("b")
                ),
            ),
            (
                format!("a==1 --hash sha256:{old}  # one\n"),
                format!(
                    "a==2 --hash=sha256:{} --hash=sha256:{}  # one\n",
                    new("a"),
                    new("b")
                ),
            ),
        ];
        for (text, expected) in layouts {
            assert_eq!(
                edited(&text, &[change(1, "a", "1", "2", Some(&['a', 'b']))]).unwrap(),
                expected
            );
        }
    }

    #[test]
    fn what_is_in_doubt_is_not_edited() {
        for (text, digests, told) in [
            (
                "a==${V}\n",
                None,
                "r.txt:1:1: expected one `==1`, found `a==${V}`",
            ),
            ("a>=1\n", None, "found `a>=1`"),
            ("a==1,==1.0\n", None, "found `a==1,==1.0`"),
            ("a==1.*\n", None, "found `a==1.*`"),
            ("", None, "the end of the file"),
            ("a==1 --hash=sha256:x\n", Some(&[][..]), "states no sha256"),
            (
                "a==1 --hash=sha256:x --no-binary a --hash=sha256:y\n",
                Some(&['a'][..]),
                "something between them",
            ),
        ] {
            let error = edited(text, &[change(1, "a", "1", "2", digests)]).unwrap_err();
            assert!(error.contains(told), "{text}: {error}");
        }
        assert!(
            edit(
                "r.txt",
                b"\xff\xfea",
                &[change(1, "a", "1", "2", None)],
                &[]
            )
            .unwrap_err()
            .to_string()
            .contains("UTF-8")
        );
    }
}
