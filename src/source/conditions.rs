//! Conditions of the C preprocessor, for each free-threaded minor version of CPython.
//!
//! Known are the macros of CPython that tell its version and build. Everything else is unknown, and so is what depends on
//! it: a value has three states here, as everywhere.

use crate::model::source::VersionReach;

/// How deep parentheses may nest.
const DEEPEST: usize = 32;

/// For which minor versions a condition holds, and for which it does not.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct ConditionAnswer {
    pub(super) holds: u8,
    pub(super) fails: u8,
}

impl ConditionAnswer {
    /// Nothing is known.
    pub(super) const UNKNOWN: ConditionAnswer = ConditionAnswer { holds: 0, fails: 0 };

    /// The opposite.
    pub(super) fn negated(self) -> ConditionAnswer {
        ConditionAnswer {
            holds: self.fails,
            fails: self.holds,
        }
    }

    /// Where something counts that stands under this condition.
    pub(super) fn within(self, outer: VersionReach) -> VersionReach {
        VersionReach {
            certain: outer.certain & self.holds,
            possible: outer.possible & !self.fails,
        }
    }
}

/// The longest condition that is looked at, in bytes.
const LONGEST: usize = 4_096;

/// Answers `#if` and `#elif`.
pub(super) fn answer(condition: &str) -> ConditionAnswer {
    if condition.len() > LONGEST {
        return ConditionAnswer::UNKNOWN;
    }
    for_each_minor(|minor| {
        let mut parser = ConditionParser {
            words: words(condition),
            position: 0,
            minor,
            depth: 0,
        };
        let value = parser.any();
        if parser.position < parser.words.len() {
            None
        } else {
            value
        }
    })
}

/// Answers `#ifdef`.
pub(super) fn defined(name: &str) -> ConditionAnswer {
    for_each_minor(|minor| is_defined(name.trim(), minor).map(i64::from))
}

fn for_each_minor(value: impl Fn(u8) -> Option<i64>) -> ConditionAnswer {
    let mut answer = ConditionAnswer::UNKNOWN;
    for minor in [13, 14, 15] {
        match value(minor) {
            Some(0) => answer.fails |= VersionReach::bit(minor),
            Some(_) => answer.holds |= VersionReach::bit(minor),
            None => {}
        }
    }
    answer
}

/// The value of a macro that CPython's headers define.
fn value_of(name: &str, minor: u8) -> Option<i64> {
    match name {
        "Py_GIL_DISABLED" => Some(1),
        "PY_MAJOR_VERSION" => Some(3),
        "PY_MINOR_VERSION" => Some(i64::from(minor)),
        "PY_VERSION_HEX" => Some((3 << 24) | (i64::from(minor) << 16) | 0xf0),
        "Py_mod_gil" | "Py_MOD_GIL_NOT_USED" => Some(1),
        _ => None,
    }
}

fn is_defined(name: &str, minor: u8) -> Option<bool> {
    match name {
        // Other interpreters; and nobody defines the limited API behind the source's back.
        "PYPY_VERSION" | "PYPY_VERSION_NUM" | "GRAALVM_PYTHON" | "Py_LIMITED_API" | "IS_PYPY" => {
            Some(false)
        }
        "Py_PYTHON_H" | "PyMODINIT_FUNC" => Some(true),
        _ => value_of(name, minor).map(|_| true),
    }
}

/// Identifiers, numbers and operators of a condition.
fn words(text: &str) -> Vec<&str> {
    let mut words = Vec::new();
    let mut rest = text.trim_start_matches(is_between);
    while let Some(first) = rest.chars().next() {
        let length = if first.is_alphanumeric() || first == '_' {
            rest.find(|letter: char| !letter.is_alphanumeric() && letter != '_')
                .unwrap_or(rest.len())
        } else if ["&&", "||", "==", "!=", "<=", ">=", "<<", ">>"]
            .iter()
            .any(|operator| rest.starts_with(operator))
        {
            2
        } else {
            first.len_utf8()
        };
        let (word, after) = rest.split_at(length);
        words.push(word);
        rest = after.trim_start_matches(is_between);
    }
    words
}

fn is_between(letter: char) -> bool {
    letter.is_whitespace() || letter == '\\'
}

struct ConditionParser<'a> {
    words: Vec<&'a str>,
    position: usize,
    minor: u8,
    depth: usize,
}

impl<'a> ConditionParser<'a> {
    fn peek(&self) -> Option<&'a str> {
        self.words.get(self.position).copied()
    }

    fn take(&mut self, word: &str) -> bool {
        let found = self.peek() == Some(word);
        self.position += usize::from(found);
        found
    }

    /// Terms joined by `||`.
    fn any(&mut self) -> Option<i64> {
        let mut value = self.all();
        while self.take("||") {
            let right = self.all();
            value = match (value, right) {
                (Some(0), Some(0)) => Some(0),
                (Some(left), _) if left != 0 => Some(1),
                (_, Some(right)) if right != 0 => Some(1),
                _ => None,
            };
        }
        value
    }

    /// Terms joined by `&&`.
    fn all(&mut self) -> Option<i64> {
        let mut value = self.comparison();
        while self.take("&&") {
            let right = self.comparison();
            value = match (value, right) {
                (Some(0), _) | (_, Some(0)) => Some(0),
                (Some(_), Some(_)) => Some(1),
                _ => None,
            };
        }
        value
    }

    fn comparison(&mut self) -> Option<i64> {
        let left = self.term();
        let operator = self.peek().unwrap_or_default();
        if !["==", "!=", "<", "<=", ">", ">="].contains(&operator) {
            return left;
        }
        self.position += 1;
        let (left, right) = (left, self.term());
        let (left, right) = (left?, right?);
        Some(i64::from(match operator {
            "==" => left == right,
            "!=" => left != right,
            "<" => left < right,
            "<=" => left <= right,
            ">" => left > right,
            _ => left >= right,
        }))
    }

    fn term(&mut self) -> Option<i64> {
        self.depth += 1;
        let value = if self.depth > DEEPEST {
            None
        } else {
            self.term_within()
        };
        self.depth -= 1;
        value
    }

    fn term_within(&mut self) -> Option<i64> {
        if self.take("!") {
            return self.term().map(|value| i64::from(value == 0));
        }
        if self.take("(") {
            let value = self.any();
            return if self.take(")") { value } else { None };
        }
        if self.take("defined") {
            let in_parentheses = self.take("(");
            let name = self.peek()?;
            self.position += 1;
            if in_parentheses && !self.take(")") {
                return None;
            }
            return is_defined(name, self.minor).map(i64::from);
        }
        let word = self.peek()?;
        self.position += 1;
        number(word).or_else(|| value_of(word, self.minor))
    }
}

fn number(word: &str) -> Option<i64> {
    let digits = word.trim_end_matches(['u', 'U', 'l', 'L']);
    match digits.strip_prefix("0x").or(digits.strip_prefix("0X")) {
        Some(hexadecimal) => i64::from_str_radix(hexadecimal, 16).ok(),
        None => digits.parse().ok(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_answered_for_each_version() {
        let (all, none) = (0b111, 0);
        let cases = [
            ("1", all, none),
            ("0", none, all),
            ("defined(Py_GIL_DISABLED)", all, none),
            ("!defined Py_GIL_DISABLED", none, all),
            ("PY_VERSION_HEX >= 0x030D0000", all, none),
            (
                "PY_VERSION_HEX >= 0x030E0000 && defined(Py_GIL_DISABLED)",
                0b110,
                0b001,
            ),
            ("PY_VERSION_HEX < 0x030f0000", 0b011, 0b100),
            ("defined(HAVE_X)", none, none),
            ("defined(HAVE_X) && 0", none, all),
            ("defined(HAVE_X) || PY_MAJOR_VERSION >= 3", all, none),
            ("defined(PYPY_VERSION)", none, all),
            ("(PY_MINOR_VERSION == 13)", 0b001, 0b110),
            ("CYTHON_X + 1", none, none),
            ("((((", none, none),
            ("", none, none),
        ];
        for (condition, holds, fails) in cases {
            assert_eq!(
                answer(condition),
                ConditionAnswer { holds, fails },
                "{condition}"
            );
        }
        assert_eq!(answer(&"(".repeat(10_000)), ConditionAnswer::UNKNOWN);
        assert_eq!(answer(&"!".repeat(10_000)), ConditionAnswer::UNKNOWN);
    }
}
