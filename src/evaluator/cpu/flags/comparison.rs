//! What a comparison of two values says: which conditions hold, and what a condition that holds says of a value.

use super::{BranchCondition, Facts};
use crate::evaluator::values::symbol::ValueRange;
use crate::evaluator::values::value::{MachineValue, mask, signed};

/// Whether masking with `wanted` keeps every number of a small range.
pub(super) fn keeps_all(range: ValueRange, wanted: u64) -> bool {
    range.low >= 0 && range.high <= 1 && wanted & 1 == 1
}

pub(super) fn compare_with_zero(
    condition: BranchCondition,
    value: MachineValue,
    bits: u32,
    facts: &impl Facts,
) -> Option<bool> {
    compare(condition, value, MachineValue::Known(0), bits, facts)
}

pub(super) fn compare(
    condition: BranchCondition,
    left: MachineValue,
    right: MachineValue,
    bits: u32,
    facts: &impl Facts,
) -> Option<bool> {
    if let (MachineValue::Known(left), MachineValue::Known(right)) = (left, right) {
        return exact(condition, left & mask(bits), right & mask(bits), bits);
    }
    let same = left == right && matches!(left, MachineValue::Symbol { .. });
    let (first, second) = (facts.range(left, bits), facts.range(right, bits));
    ranges(condition, first, second, same)
}

fn exact(condition: BranchCondition, left: u64, right: u64, bits: u32) -> Option<bool> {
    use BranchCondition::*;
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

fn ranges(
    condition: BranchCondition,
    first: ValueRange,
    second: ValueRange,
    same: bool,
) -> Option<bool> {
    use BranchCondition::*;
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
        () if first.excludes_zero() && second.is_zero()
            || second.excludes_zero() && first.is_zero() =>
        {
            Some(false)
        }
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
    condition: BranchCondition,
    left: MachineValue,
    right: MachineValue,
    bits: u32,
    facts: &impl Facts,
) -> Option<(MachineValue, ValueRange)> {
    let (value, other, condition) = match (left, right) {
        (MachineValue::Symbol { offset: 0, .. }, MachineValue::Known(other)) => {
            (left, other, condition)
        }
        (MachineValue::Known(other), MachineValue::Symbol { offset: 0, .. }) => {
            (right, other, condition.mirrored())
        }
        _ => return None,
    };
    let number = signed(other, bits);
    Some((
        value,
        remaining(condition, number, facts.range(value, bits))?,
    ))
}

/// The numbers of a range of which a comparison with a number can be true.
fn remaining(condition: BranchCondition, number: i64, range: ValueRange) -> Option<ValueRange> {
    use BranchCondition::*;
    let at_most = |high| ValueRange::new(i64::MIN, high);
    let at_least = |low| ValueRange::new(low, i64::MAX);
    Some(match condition {
        Equal => ValueRange::new(number, number),
        NotEqual if number == 0 => ValueRange::POINTER,
        NotEqual if number == range.low => at_least(number.checked_add(1)?),
        NotEqual if number == range.high => at_most(number.checked_sub(1)?),
        Less => at_most(number.checked_sub(1)?),
        LessOrEqual => at_most(number),
        Greater => at_least(number.checked_add(1)?),
        GreaterOrEqual => at_least(number),
        Negative if number == 0 => at_most(-1),
        NotNegative if number == 0 => at_least(0),
        BelowOrEqual if number == 0 => ValueRange::new(0, 0),
        Above if number == 0 => ValueRange::POINTER,
        Below if number > 0 => ValueRange::new(0, number - 1),
        BelowOrEqual if number > 0 => ValueRange::new(0, number),
        AboveOrEqual if number > 0 && range.low >= 0 => at_least(number),
        Above if number > 0 && range.low >= 0 => at_least(number.checked_add(1)?),
        _ => return None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// One value whose range is known.
    struct Within(ValueRange);

    impl Facts for Within {
        fn range(&self, value: MachineValue, bits: u32) -> ValueRange {
            match value {
                MachineValue::Known(number) => {
                    ValueRange::new(signed(number, bits), signed(number, bits))
                }
                MachineValue::Symbol { .. } | MachineValue::Unknown(_) => self.0,
            }
        }
    }

    /// What a processor says of two numbers.
    fn holds(condition: BranchCondition, left: i64, right: i64, bits: u32) -> bool {
        use BranchCondition::*;
        let (first, second) = (
            left.cast_unsigned() & mask(bits),
            right.cast_unsigned() & mask(bits),
        );
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
        let mut numbers: Vec<i64> = (-3..=3)
            .chain([highest, highest - 1, -highest - 1, -highest])
            .collect();
        numbers.sort_unstable();
        numbers
    }

    #[test]
    fn numbers_are_compared_as_a_processor_does() {
        for bits in [8, 16, 32, 64] {
            for (left, right) in ends(bits)
                .iter()
                .flat_map(|&left| ends(bits).into_iter().map(move |it| (left, it)))
            {
                for condition in BranchCondition::DECIDED {
                    let value =
                        |number: i64| MachineValue::Known(number.cast_unsigned() & mask(bits));
                    let found = compare(
                        condition,
                        value(left),
                        value(right),
                        bits,
                        &Within(ValueRange::ALL),
                    );
                    assert_eq!(
                        found,
                        Some(holds(condition, left, right, bits)),
                        "{left} {condition:?} {right}, {bits} bits"
                    );
                }
            }
        }
        assert_eq!(
            compare(
                BranchCondition::Other,
                MachineValue::Known(1),
                MachineValue::Known(1),
                64,
                &Within(ValueRange::ALL)
            ),
            None
        );
    }

    #[test]
    fn what_is_decided_holds_of_all_numbers_of_a_range_and_what_remains_misses_none() {
        let unknown = MachineValue::Symbol { id: 0, offset: 0 };
        let numbers = ends(64);
        for (low, high) in numbers
            .iter()
            .flat_map(|&low| numbers.iter().map(move |&high| (low, high)))
        {
            for range in [
                ValueRange::new(low, high),
                ValueRange {
                    nonzero: true,
                    ..ValueRange::new(low, high)
                },
            ] {
                let inside = |number: &&i64| {
                    low <= **number && **number <= high && !(range.nonzero && **number == 0)
                };
                let inside: Vec<i64> = numbers.iter().filter(inside).copied().collect();
                for (condition, &other) in BranchCondition::DECIDED
                    .iter()
                    .flat_map(|it| numbers.iter().map(move |other| (*it, other)))
                {
                    let right = MachineValue::Known(other.cast_unsigned());
                    let decided = compare(condition, unknown, right, 64, &Within(range));
                    let implied = imply_compare(condition, unknown, right, 64, &Within(range));
                    for &number in &inside {
                        let truth = holds(condition, number, other, 64);
                        assert!(
                            decided.is_none_or(|it| it == truth),
                            "{number} of {range:?} {condition:?} {other}"
                        );
                        if let Some((_, left)) = implied.filter(|_| truth) {
                            let kept = left.intersect(ValueRange::new(number, number)).is_some();
                            assert!(
                                kept,
                                "{number} of {range:?} {condition:?} {other}: {left:?}"
                            );
                        }
                    }
                }
            }
        }
    }
}
