//! Where installs that are edited in place have their modules, as far as that can be read without running anything.
//!
//! A `.pth` file holds folders to look in, one a line, and lines of code that the interpreter runs at start-up
//! (<https://docs.python.org/3/library/site.html>). Of the code only one kind is understood: setuptools' finder, whose
//! file has a table `MAPPING` of module names and paths.

use std::path::PathBuf;

use crate::model::problem::Problem;

use super::listing::problem;

/// Longest path or name that is taken out of a finder's table, in bytes.
const LONGEST: usize = 4096;

/// What one line of a `.pth` file does.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum PthLine {
    /// Adds a folder in which modules are looked for.
    Folder(String),
    /// Runs code: the name of the module that it imports first.
    Code(String),
}

/// A `.pth` file.
pub(super) struct StartUp {
    pub(super) path: PathBuf,
    pub(super) lines: Vec<PthLine>,
    /// The distribution that lists it.
    pub(super) owner: Option<usize>,
}

/// The lines of a `.pth` file that do something.
pub(super) fn lines(bytes: &[u8]) -> Vec<PthLine> {
    let text = String::from_utf8_lossy(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    let line = |line: &str| match line
        .strip_prefix("import")
        .filter(|rest| rest.starts_with([' ', '\t']))
    {
        Some(rest) => {
            let name = rest
                .trim_start()
                .chars()
                .take_while(|letter| letter.is_alphanumeric() || *letter == '_');
            PthLine::Code(name.collect())
        }
        None => PthLine::Folder(line.trim_end().to_owned()),
    };
    text.lines()
        .filter(|line| !line.trim().is_empty() && !line.starts_with('#'))
        .map(line)
        .collect()
}

/// The table of a finder that setuptools wrote: dotted names and the paths of their folders or files. `None` when there
/// is none, or it is more than names and paths.
pub(super) fn mapping(source: &str) -> Option<Vec<(String, String)>> {
    let line = source.lines().find(|line| line.starts_with("MAPPING"))?;
    let (_, table) = line.split_once('=')?;
    let mut rest = table.trim().strip_prefix('{')?.strip_suffix('}')?.trim();
    let mut pairs = Vec::new();
    while !rest.is_empty() {
        let (name, after) = literal(rest)?;
        let (path, after) = literal(after.trim_start().strip_prefix(':')?.trim_start())?;
        pairs.push((name, path));
        rest = after.trim_start();
        rest = match rest.strip_prefix(',') {
            Some(after) => after.trim_start(),
            None if rest.is_empty() => rest,
            None => return None,
        };
    }
    Some(pairs)
}

/// A string as Python's `repr` writes it, and what follows it.
fn literal(text: &str) -> Option<(String, &str)> {
    let quote = text
        .chars()
        .next()
        .filter(|letter| matches!(letter, '\'' | '"'))?;
    let mut value = String::new();
    let mut letters = text.char_indices().skip(1);
    while let Some((position, letter)) = letters.next() {
        match letter {
            _ if value.len() > LONGEST => return None,
            letter if letter == quote => return Some((value, text.get(position + 1..)?)),
            '\\' => match letters.next()?.1 {
                escaped @ ('\\' | '\'' | '"') => value.push(escaped),
                _ => return None,
            },
            letter => value.push(letter),
        }
    }
    None
}

/// The code that setuptools writes: `__editable___name_1_0_finder`.
pub(super) fn is_finder(module: &str) -> bool {
    module.starts_with("__editable__") && module.ends_with("_finder")
}

/// A finder that no distribution lists: it leads to modules that are looked at by nobody.
pub(super) fn unowned_finder(start_up: &StartUp) -> Option<Problem> {
    let is_finder = |line: &PthLine| matches!(line, PthLine::Code(module) if is_finder(module));
    let message = "runs a finder for modules elsewhere, and no distribution lists it; they were not looked at";
    start_up
        .lines
        .iter()
        .any(is_finder)
        .then(|| problem(&start_up.path, message.to_owned()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_folders_or_code() {
        let text = b"\xef\xbb\xbf# a comment\n\n/home/me/project/src\r\n  \nimport __editable___a_1_0_finder; x()\nimported/a\n";
        assert_eq!(
            lines(text),
            [
                PthLine::Folder("/home/me/project/src".into()),
                PthLine::Code("__editable___a_1_0_finder".into()),
                PthLine::Folder("imported/a".into()),
            ]
        );
    }

    #[test]
    fn a_finders_table_is_read_or_left() {
        let check = |table: &str, expected: Option<&[(&str, &str)]>| {
            let source = format!(
                "from x import y\n\nMAPPING: dict[str, str] = {table}\nNAMESPACES = {{}}\n"
            );
            let expected = expected.map(|pairs| {
                let owned = |(name, path): &(&str, &str)| ((*name).to_owned(), (*path).to_owned());
                pairs.iter().map(owned).collect::<Vec<_>>()
            });
            assert_eq!(mapping(&source), expected, "{table}");
        };
        check("{}", Some(&[]));
        check(
            "{'a': '/p/a', \"b.c\": 'C:\\\\p\\\\it\\'s'}",
            Some(&[("a", "/p/a"), ("b.c", "C:\\p\\it's")]),
        );
        check("{'a': '/p/a',}", Some(&[("a", "/p/a")]));
        for table in [
            "{'a': f()}",
            "{'a' '/p'}",
            "{'a': '/p'",
            "{'a': '\\x41'}",
            "{'a': '/p' 'b': '/q'}",
            "dict()",
        ] {
            check(table, None);
        }
        assert_eq!(mapping("no table"), None);
    }
}
