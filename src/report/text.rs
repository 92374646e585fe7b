//! Fitting text into columns: wrapping, shortening, counts in words. Everything here is already harmless.

use crate::model::evidence::Evidence;
use crate::model::resolution::RequiredBy;

use super::sanitize::{harmless, without_command};

/// Text cut in the middle to at most `room` characters, so that both ends stay readable.
pub(super) fn shorten(text: &str, room: usize) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= room {
        return text.to_owned();
    }
    let kept = room.saturating_sub(1);
    let tail = kept / 2;
    let head = kept - tail;
    let start = characters.iter().take(head);
    let end = characters.iter().skip(characters.len() - tail);
    start.chain(['…'].iter()).chain(end).collect()
}

/// Characters after which a long word may be broken.
const JOINTS: [char; 4] = ['.', '/', '_', '-'];

/// Words set into lines of at most `width` characters. A word longer than a line gets a line of its own, broken at its
/// joints, or where it reaches the edge.
pub(super) fn wrap(text: &str, width: usize) -> Vec<String> {
    let width = width.max(1);
    let mut lines: Vec<String> = Vec::new();
    let mut line = String::new();
    let mut used = 0;
    for word in text.split_whitespace() {
        let length = word.chars().count();
        if used > 0 && used + 1 + length > width {
            lines.push(std::mem::take(&mut line));
            used = 0;
        }
        if used > 0 {
            line.push(' ');
            used += 1;
        }
        let mut rest: Vec<char> = word.chars().collect();
        while rest.len() > width {
            let joint = rest
                .iter()
                .take(width)
                .rposition(|character| JOINTS.contains(character));
            let tail = rest.split_off(joint.map_or(width, |joint| joint + 1));
            lines.push(rest.iter().collect());
            rest = tail;
        }
        used += rest.len();
        line.extend(rest);
    }
    if !line.is_empty() || lines.is_empty() {
        lines.push(line);
    }
    lines
}

/// The first so many lines of wrapped text; where there is more, the last of them ends in `…`.
pub(super) fn wrap_at_most(text: &str, width: usize, most: usize) -> String {
    let mut lines = wrap(text, width);
    if lines.len() > most {
        lines.truncate(most);
        if let Some(last) = lines.last_mut() {
            while last.chars().count() >= width {
                last.pop();
            }
            last.push('…');
        }
    }
    lines.join("\n")
}

/// A page of the sections that hold lines, an empty line between them.
pub(super) fn page(sections: &[Vec<String>]) -> Vec<u8> {
    let mut text = String::new();
    for section in sections.iter().filter(|section| !section.is_empty()) {
        if !text.is_empty() {
            text.push('\n');
        }
        for line in section {
            text.push_str(&without_command(line.trim_end()));
            text.push('\n');
        }
    }
    text.into_bytes()
}

/// `1 file`, `2 files`.
pub(super) fn count(number: usize, noun: &str) -> String {
    let plural = if number == 1 { "" } else { "s" };
    format!("{number} {noun}{plural}")
}

/// A number of bytes in the unit that people use for it.
pub(super) fn bytes(number: u64) -> String {
    const UNITS: [&str; 4] = ["kB", "MB", "GB", "TB"];
    if number < 1_000 {
        return format!("{number} B");
    }
    let mut tenths = number / 100;
    let mut unit = 0;
    while tenths >= 10_000 && unit + 1 < UNITS.len() {
        tenths /= 1_000;
        unit += 1;
    }
    let name = UNITS.get(unit).copied().unwrap_or("TB");
    if tenths < 1_000 {
        format!("{}.{} {name}", tenths / 10, tenths % 10)
    } else {
        format!("{} {name}", tenths / 10)
    }
}

/// `part` of `whole` in per cent, rounded to one decimal.
pub(super) fn percentage(part: u64, whole: u64) -> String {
    if whole == 0 {
        return "0.0%".to_owned();
    }
    let thousandths = (u128::from(part) * 2_000 + u128::from(whole)) / (u128::from(whole) * 2);
    match thousandths {
        0 if part > 0 => "less than 0.1%".to_owned(),
        _ => format!("{}.{}%", thousandths / 10, thousandths % 10),
    }
}

/// One thing seen, on one line.
pub(super) fn evidence(seen: &Evidence) -> String {
    let mut line = harmless(&seen.what);
    if let Some(symbol) = &seen.symbol {
        line.push(' ');
        line.push_str(&harmless(symbol));
    }
    if let Some(value) = &seen.value {
        line.push_str(" = ");
        line.push_str(&harmless(value));
    }
    if let Some(place) = &seen.place {
        line.push_str(&format!(" in {}", harmless(place)));
    }
    if let Some(address) = seen.address {
        line.push_str(&format!(" at {address:#x}"));
    }
    line
}

/// The first things seen, on one line, with the number of the rest.
pub(super) fn evidence_list(seen: &[Evidence], most: usize) -> String {
    let shown: Vec<String> = seen.iter().take(most).map(evidence).collect();
    match seen.len().saturating_sub(most) {
        0 => shown.join("; "),
        more => format!("{}; and {more} more", shown.join("; ")),
    }
}

/// A path of requirements: `requirements.txt:3 → pandas → numpy`.
pub(super) fn path_of(required_by: &RequiredBy, package: &str) -> String {
    // The column is for programs.
    let mut line = harmless(&required_by.place.file);
    if let Some(number) = required_by.place.line {
        line.push_str(&format!(":{number}"));
    }
    for name in required_by
        .path
        .iter()
        .map(ToString::to_string)
        .chain([package.to_owned()])
    {
        line.push_str(" → ");
        line.push_str(&harmless(&name));
    }
    line
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_long_is_cut_in_the_middle() {
        assert_eq!(shorten("lxml-6.1.3.tar.gz", 14), "lxml-6.…tar.gz");
        assert_eq!(shorten("lxml", 4), "lxml");
    }

    #[test]
    fn words_are_wrapped_and_never_lost() {
        assert_eq!(wrap("one two three", 7), ["one two", "three"]);
        assert_eq!(wrap("abcdefghij k", 4), ["abcd", "efgh", "ij k"]);
        assert_eq!(wrap("a b.cd_efg.h", 7), ["a", "b.cd_", "efg.h"]);
        assert_eq!(wrap("", 10), [""]);
    }

    #[test]
    fn what_does_not_fit_ends_in_an_ellipsis() {
        assert_eq!(wrap_at_most("one two three four", 7, 2), "one two\nthree…");
        assert_eq!(wrap_at_most("one two", 7, 2), "one two");
        assert_eq!(wrap_at_most("abcdefgh", 3, 2), "abc\nde…");
    }

    #[test]
    fn numbers_are_written_for_people() {
        for (number, shown) in [
            (0, "0 B"),
            (999, "999 B"),
            (1_500, "1.5 kB"),
            (148_300_000, "148 MB"),
            (1_900_000_000, "1.9 GB"),
        ] {
            assert_eq!(bytes(number), shown);
        }
        assert_eq!(percentage(25, 1_000), "2.5%");
        assert_eq!(percentage(776, 10_000), "7.8%");
        assert_eq!(percentage(1, 10_000), "less than 0.1%");
        assert_eq!(percentage(0, 0), "0.0%");
        assert_eq!(count(1, "file"), "1 file");
        assert_eq!(count(0, "file"), "0 files");
    }
}
