//! What a comparison of two values says: which conditions hold, and what a condition that holds says of a value.

use super::{Condition, Facts};
use crate::evaluator::values::symbol::Range;
use crate::evaluator::values::value::{Value, mask, signed};

/// Whether masking with `wanted` keeps every number of a small range.
pub(super) fn keeps_all(range: Range, wanted: u64) -> bool {
    range.low >= 0 && range.high <= 1 && wanted & 1 == 1
}

pub(super) fn compare_with_zero(condition: Condition, value: Value, bits: u32, facts: &impl Facts) -> Option<bool> {
    compare(condition, value, Value::Known(0), bits, facts)
}

pub(super) fn compare(condition: Condition, left: Value, right: Value, bits: u32, facts: &impl Facts) -> Option<bool> {
    if let (Value::Known(left), Value::Known(right)) = (left, right) {
        return exact(condition, left & mask(bits), right & mask(bits), bits);
    }
    let same = left == right && matches!(left, Value::Symbol { .. });
    let (first, second) = (facts.range(left, bits), facts.range(right, bits));
    ranges(condition, first, second, same)
}

fn exact(condition: Condition, left: u64, right: u64, bits: u32) -> Option<bool> {
    use Condition::*;
    let (first, second) = (signed(left, bits), signed(right, bits));
    let difference = signed(left.wrapping_sub(right) & mask(bits), bits);
    let overflow = i128::from(first) - i128::from(second) != i128::from(difference);
    Some(match condition {
        Equal => left == right,
        NotEqual => left != right,
        Below => left < right,
        AboveOrEqual => left >= right,
        BelowOrEqual => left <= right,
        Above => left > right,
        Less => first < second,
        GreaterOrEqual => first >= second,
        LessOrEqual => first <= second,
        Greater => first > second,
        Negative => difference < 0,
        NotNegative => difference >= 0,
        Overflow => overflow,
        NoOverflow => !overflow,
        Other => return None,
    })
}

fn ranges(condition: Condition, first: Range, second: Range, same: bool) -> Option<bool> {
    use Condition::*;
    let less = || match () {
        () if first.high < second.low => Some(true),
        () if same || first.low >= second.high => Some(false),
        () => None,
    };
    let greater = || match () {
        () if first.low > second.high => Some(true),
        () if same || first.high <= second.low => Some(false),
        () => None,
    };
    let equal = || match () {
        () if same => Some(true),
        () if first.high < second.low || first.low > second.high => Some(false),
        () if first.excludes_zero() && second.is_zero() || second.excludes_zero() && first.is_zero() => Some(false),
        () => Some(true).filter(|_| first.single().is_some() && first.single() == second.single()),
    };
    let unsigned = first.low >= 0 && second.low >= 0;
    let zero = second.is_zero();
    match condition {
        Equal => equal(),
        NotEqual => Some(!equal()?),
        Less => less(),
        GreaterOrEqual => Some(!less()?),
        Greater => greater(),
        LessOrEqual => Some(!greater()?),
        Negative if zero => less(),
        NotNegative if zero => Some(!less()?),
        Below | Overflow if zero => Some(false),
        AboveOrEqual | NoOverflow if zero => Some(true),
        BelowOrEqual if zero => equal(),
        Above if zero => Some(!equal()?),
        Below if unsigned => less(),
        AboveOrEqual if unsigned => Some(!less()?),
        Above if unsigned => greater(),
        BelowOrEqual if unsigned => Some(!greater()?),
        _ => None,
    }
}

pub(super) fn imply_compare(
    condition: Condition,
    left: Value,
    right: Value,
    bits: u32,
    facts: &impl Facts,
) -> Option<(Value, Range)> {
    let (value, other, condition) = match (left, right) {
        (Value::Symbol { offset: 0, .. }, Value::Known(other)) => (left, other, condition),
        (Value::Known(other), Value::Symbol { offset: 0, .. }) => (right, other, condition.mirrored()),
        _ => return None,
    };
    let number = signed(other, bits);
    Some((value, remaining(condition, number, facts.range(value, bits))?))
}

/// The numbers of a range of which a comparison with a number can be true.
fn remaining(condition: Condition, number: i64, range: Range) -> Option<Range> {
    use Condition::*;
    let at_most = |high| Range::new(i64::MIN, high);
    let at_least = |low| Range::new(low, i64::MAX);
    Some(match condition {
        Equal => Range::new(number, number),
        NotEqual if number == 0 => Range::POINTER,
        NotEqual if number == range.low => at_least(number.checked_add(1)?),
        NotEqual if number == range.high => at_most(number.checked_sub(1)?),
        Less => at_most(number.checked_sub(1)?),
        LessOrEqual => at_most(number),
        Greater => at_least(number.checked_add(1)?),
        GreaterOrEqual => at_least(number),
        Negative if number == 0 => at_most(-1),
        NotNegative if number == 0 => at_least(0),
        BelowOrEqual if number == 0 => Range::new(0, 0),
        Above if number == 0 => Range::POINTER,
        Below if number > 0 => Range::new(0, number - 1),
        BelowOrEqual if number > 0 => Range::new(0, number),
        AboveOrEqual if number > 0 && range.low >= 0 => at_least(number),
        Above if number > 0 && range.low >= 0 => at_least(number.checked_add(1)?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One value whose range is known.
    struct Within(Range);

    impl Facts for Within {
        fn range(&self, value: Value, bits: u32) -> Range {
            match value {
                Value::Known(number) => Range::new(signed(number, bits), signed(number, bits)),
                Value::Symbol { .. } | Value::Unknown(_) => self.0,
            }
        }
    }

    /// What a processor says of two numbers.
    fn holds(condition: Condition, left: i64, right: i64, bits: u32) -> bool {
        use Condition::*;
        let (first, second) = (left.cast_unsigned() & mask(bits), right.cast_unsigned() & mask(bits));
        let difference = i128::from(left) - i128::from(right);
        let short = signed(difference as u64 & mask(bits), bits);
        match condition {
            Equal => left == right,
            NotEqual => left != right,
            Below => first < second,
            AboveOrEqual => first >= second,
            BelowOrEqual => first <= second,
            Above => first > second,
            Less => left < right,
            GreaterOrEqual => left >= right,
            LessOrEqual => left <= right,
            Greater => left > right,
            Negative => short < 0,
            NotNegative => short >= 0,
            Overflow => difference != i128::from(short),
            NoOverflow => difference == i128::from(short),
            Other => panic!("nobody knows"),
        }
    }

    fn ends(bits: u32) -> Vec<i64> {
        let highest = (mask(bits) >> 1).cast_signed();
        let mut numbers: Vec<i64> = (-3..=3).chain([highest, highest - 1, -highest - 1, -highest]).collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn numbers_are_compared_as_a_processor_does() {
        for bits in [8, 16, 32, 64] {
            for (left, right) in ends(bits).iter().flat_map(|&left| ends(bits).into_iter().map(move |it| (left, it))) {
                for condition in Condition::DECIDED {
                    let value = |number: i64| Value::Known(number.cast_unsigned() & mask(bits));
                    let found = compare(condition, value(left), value(right), bits, &Within(Range::ALL));
                    assert_eq!(
                        found,
                        Some(holds(condition, left, right, bits)),
                        "{left} {condition:?} {right}, {bits} bits"
                    );
                }
            }
        }
        assert_eq!(compare(Condition::Other, Value::Known(1), Value::Known(1), 64, &Within(Range::ALL)), None);
    }

    #[test]
    fn what_is_decided_holds_of_all_numbers_of_a_range_and_what_remains_misses_none() {
        let unknown = Value::Symbol { id: 0, offset: 0 };
        let numbers = ends(64);
        for (low, high) in numbers.iter().flat_map(|&low| numbers.iter().map(move |&high| (low, high))) {
            for range in [Range::new(low, high), Range { nonzero: true, ..Range::new(low, high) }] {
                let inside = |number: &&i64| low <= **number && **number <= high && !(range.nonzero && **number == 0);
                let inside: Vec<i64> = numbers.iter().filter(inside).copied().collect();
                for (condition, &other) in
                    Condition::DECIDED.iter().flat_map(|it| numbers.iter().map(move |other| (*it, other)))
                {
                    let right = Value::Known(other.cast_unsigned());
                    let decided = compare(condition, unknown, right, 64, &Within(range));
                    let implied = imply_compare(condition, unknown, right, 64, &Within(range));
                    for &number in &inside {
                        let truth = holds(condition, number, other, 64);
                        assert!(decided.is_none_or(|it| it == truth), "{number} of {range:?} {condition:?} {other}");
                        if let Some((_, left)) = implied.filter(|_| truth) {
                            let kept = left.intersect(Range::new(number, number)).is_some();
                            assert!(kept, "{number} of {range:?} {condition:?} {other}: {left:?}");
                        }
                    }
                }
            }
        }
    }
}
