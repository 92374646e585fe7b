//! The times that reports state, as text for people and as seconds for an axis.

/// `2026-11-21T12:00:00Z` as `2026-11-21 12:00 UTC`.
pub(super) fn shown(generated: &str) -> String {
    match (generated.get(..10), generated.get(11..16)) {
        (Some(day), Some(minute)) => format!("{day} {minute} UTC"),
        _ => generated.to_owned(),
    }
}

/// Seconds since 1970-01-01; `None` when it is no time as reports state it.
pub(super) fn seconds(generated: &str) -> Option<i64> {
    let number = |from: usize, to: usize| generated.get(from..to)?.parse::<i64>().ok();
    let (year, month, day) = (number(0, 4)?, number(5, 7)?, number(8, 10)?);
    let (hour, minute, second) = (number(11, 13)?, number(14, 16)?, number(17, 19)?);
    // Years begin in March here, so that the leap day comes last.
    let (year, month) = if month > 2 {
        (year, month - 3)
    } else {
        (year - 1, month + 9)
    };
    let days = year * 365 + year.div_euclid(4) - year.div_euclid(100)
        + year.div_euclid(400)
        + (153 * month + 2) / 5
        + day
        - 719_469;
    Some(((days * 24 + hour) * 60 + minute) * 60 + second)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_become_seconds() {
        for (text, passed) in [
            ("1970-01-01T00:00:00Z", Some(0)),
            ("2000-02-28T23:59:59Z", Some(951_782_399)),
            ("2000-02-29T00:00:00Z", Some(951_782_400)),
            ("2026-11-21T12:00:00Z", Some(1_795_262_400)),
            ("yesterday", None),
        ] {
            assert_eq!(seconds(text), passed, "{text}");
        }
        assert_eq!(shown("2026-11-21T12:34:56Z"), "2026-11-21 12:34 UTC");
    }
}
