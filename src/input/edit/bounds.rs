//! Sets a bound on a package that nothing pins: in the line that asks for it, or in a line more.

use std::ops::Range;

use super::super::text::is_space;
use super::{EditError, offset, requirement};
use crate::model::plan::BoundLine;

/// What ends a requirement's versions on its line.
const ENDS: [&str; 5] = [";", "--hash", " #", "\t#", "\\"];

/// Where something is to be written, and what.
pub(super) fn change(text: &str, bound: &BoundLine) -> Result<(Range<usize>, String), EditError> {
    let refused = |why: &str| EditError::NotBounded {
        file: bound
            .place
            .as_ref()
            .map(|place| place.file.clone())
            .or(bound.file.clone())
            .unwrap_or_default(),
        name: bound.name.clone(),
        why: why.to_owned(),
    };
    let Some(place) = &bound.place else {
        if text.contains("--hash") {
            return Err(refused(
                "lines of this file have digests, and a line without a version has none",
            ));
        }
        let ending = if text.contains("\r\n") { "\r\n" } else { "\n" };
        let before = if text.is_empty() || text.ends_with('\n') {
            ""
        } else {
            ending
        };
        return Ok((
            text.len()..text.len(),
            format!("{before}{}{ending}", bound.requirement),
        ));
    };
    let line = requirement(text, place).ok_or_else(|| refused("its line is gone"))?;
    let whole = text.get(line.clone()).unwrap_or_default();
    let end = ENDS
        .iter()
        .filter_map(|end| whole.find(end))
        .min()
        .unwrap_or(whole.len());
    let wanted = whole
        .get(..end)
        .unwrap_or_default()
        .trim_end_matches(|it| is_space(it) || matches!(it, '\r' | '\n'));
    if wanted.contains(['@', '(', '$']) || wanted.is_empty() {
        return Err(refused("expected a name with versions"));
    }
    let comma = if wanted.contains(['<', '>', '=', '!', '~']) {
        ","
    } else {
        ""
    };
    let at = line.start + offset(whole, wanted) + wanted.len();
    Ok((at..at, format!("{comma}{}", bound.bound)))
}

#[cfg(test)]
mod tests {
    use super::super::edit;
    use super::*;
    use crate::model::place::Place;

    fn bounded(text: &str, place: Option<(&str, u32, u32)>) -> Result<String, String> {
        let place = place.map(|(file, line, column)| Place {
            file: file.into(),
            line: Some(line),
            column: Some(column),
        });
        let file = place.is_none().then(|| "r.txt".to_owned());
        let (name, bound, requirement) =
            ("a".parse().unwrap(), "<13".to_owned(), "a<13".to_owned());
        let bounds = [BoundLine {
            place,
            file,
            name,
            bound,
            requirement,
        }];
        let edited =
            edit("r.txt", text.as_bytes(), &[], &bounds).map_err(|error| error.to_string())?;
        Ok(String::from_utf8(edited).unwrap())
    }

    #[test]
    fn bounds_go_where_the_package_is_asked_for() {
        let line = Some(("r.txt", 1, 1));
        for (text, place, expected) in [
            ("a\n", line, "a<13\n"),
            (
                "a[x] >= 2  # why\r\nb\r\n",
                line,
                "a[x] >= 2,<13  # why\r\nb\r\n",
            ),
            ("a ; os_name == 'nt'", line, "a<13 ; os_name == 'nt'"),
            ("b\r\n", None, "b\r\na<13\r\n"),
            ("b", None, "b\na<13\n"),
            (
                "x = [\"b\", \"a>1\"]",
                Some(("p.toml", 1, 11)),
                "x = [\"b\", \"a>1,<13\"]",
            ),
        ] {
            assert_eq!(bounded(text, place).unwrap(), expected);
        }
    }

    #[test]
    fn what_is_in_doubt_is_not_bounded() {
        for (text, place) in [
            ("a @ https://example.org/a.whl", Some(("r.txt", 1, 1))),
            ("a (>1)", Some(("r.txt", 1, 1))),
            ("b==1 --hash=sha256:aa", None),
        ] {
            assert!(
                bounded(text, place)
                    .unwrap_err()
                    .contains("no bound is set on `a`"),
                "{text}"
            );
        }
    }
}
