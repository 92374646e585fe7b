//! A day of the calendar, as waivers state it.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// A day, written `2026-11-21`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(into = "String", try_from = "String")]
pub struct Date {
    year: u16,
    month: u8,
    day: u8,
}

/// Why a word is not a day.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("`{given}` is not a day of the calendar; expected one such as 2026-11-21")]
pub struct DateError {
    /// The word.
    pub given: String,
}

impl FromStr for Date {
    type Err = DateError;

    fn from_str(text: &str) -> Result<Date, DateError> {
        let wrong = || DateError {
            given: text.to_owned(),
        };
        let number = |part: Option<&str>, digits: usize| {
            part.filter(|part| {
                part.len() == digits && part.bytes().all(|byte| byte.is_ascii_digit())
            })
            .and_then(|part| part.parse().ok())
            .ok_or_else(wrong)
        };
        let mut parts = text.split('-');
        let (year, month, day) = (
            number(parts.next(), 4)?,
            number(parts.next(), 2)?,
            number(parts.next(), 2)?,
        );
        let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
        let days = match month {
            4 | 6 | 9 | 11 => 30,
            2 if leap => 29,
            2 => 28,
            _ => 31,
        };
        if parts.next().is_some() || !(1..=12).contains(&month) || !(1..=days).contains(&day) {
            return Err(wrong());
        }
        let narrow = |number: u16| u8::try_from(number).map_err(|_| wrong());
        Ok(Date {
            year,
            month: narrow(month)?,
            day: narrow(day)?,
        })
    }
}

impl TryFrom<String> for Date {
    type Error = DateError;

    fn try_from(text: String) -> Result<Date, DateError> {
        text.parse()
    }
}

impl From<Date> for String {
    fn from(date: Date) -> String {
        date.to_string()
    }
}

impl fmt::Display for Date {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            formatter,
            "{:04}-{:02}-{:02}",
            self.year, self.month, self.day
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_are_read_and_others_are_not() {
        for text in ["2026-11-21", "2024-02-29", "2000-02-29", "0001-12-31"] {
            assert_eq!(
                text.parse::<Date>().map(|date| date.to_string()).as_deref(),
                Ok(text)
            );
        }
        for text in [
            "",
            "2026-11",
            "2026-13-01",
            "2026-00-01",
            "2026-02-29",
            "1900-02-29",
            "2026-04-31",
            "2026-1-01",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
        for text in [
            "2026-11-21-1",
            "2026-11-00",
            "+026-11-21",
            "2026-11-21T00:00",
            "21.11.2026",
        ] {
            assert!(text.parse::<Date>().is_err(), "{text}");
        }
    }

    #[test]
    fn days_have_their_order() {
        let day = |text: &str| text.parse::<Date>().unwrap();
        assert!(day("2026-11-21") < day("2026-12-01") && day("2026-12-31") < day("2027-01-01"));
    }
}
