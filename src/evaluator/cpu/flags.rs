//! Condition flags as the comparison that set them, so that a branch on an unknown tells something about it.

use crate::evaluator::values::symbol::Range;
use crate::evaluator::values::value::{ImageBounds, Value, mask, signed};

/// What a conditional instruction asks for, in the words of a comparison `left ? right`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::evaluator) enum Condition {
    Equal,
    NotEqual,
    Below,
    AboveOrEqual,
    BelowOrEqual,
    Above,
    Less,
    GreaterOrEqual,
    LessOrEqual,
    Greater,
    Negative,
    NotNegative,
    Overflow,
    NoOverflow,
    /// A condition that is not followed: parity and the like.
    Other,
}

impl Condition {
    /// The condition that holds exactly when this one does not.
    pub(in crate::evaluator) fn opposite(self) -> Condition {
        use Condition::*;
        match self {
            Equal => NotEqual,
            NotEqual => Equal,
            Below => AboveOrEqual,
            AboveOrEqual => Below,
            BelowOrEqual => Above,
            Above => BelowOrEqual,
            Less => GreaterOrEqual,
            GreaterOrEqual => Less,
            LessOrEqual => Greater,
            Greater => LessOrEqual,
            Negative => NotNegative,
            NotNegative => Negative,
            Overflow => NoOverflow,
            NoOverflow => Overflow,
            Other => Other,
        }
    }

    /// The same question with its sides exchanged.
    fn mirrored(self) -> Condition {
        use Condition::*;
        match self {
            Below => Above,
            Above => Below,
            AboveOrEqual => BelowOrEqual,
            BelowOrEqual => AboveOrEqual,
            Less => Greater,
            Greater => Less,
            GreaterOrEqual => LessOrEqual,
            LessOrEqual => GreaterOrEqual,
            Equal | NotEqual => self,
            Negative | NotNegative | Overflow | NoOverflow | Other => Other,
        }
    }
}

/// The flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::evaluator) enum Flags {
    /// Set by `left - right`.
    Compare { left: Value, right: Value, bits: u32 },
    /// Set by `left & right`.
    Test { left: Value, right: Value, bits: u32 },
    /// Set by another operation with this result; carry and overflow where known.
    Result { value: Value, bits: u32, below: Option<bool>, overflow: Option<bool> },
    /// Nothing is known.
    Unknown,
}

/// What is known of the numbers that a value may be.
pub(in crate::evaluator) trait Facts {
    /// The signed numbers of this width that a value may be.
    fn range(&self, value: Value, bits: u32) -> Range;
}

impl Flags {
    /// Covers both.
    pub(in crate::evaluator) fn join(self, other: Flags, extent: ImageBounds) -> Flags {
        match (self, other) {
            (Flags::Compare { left, right, bits }, Flags::Compare { left: l, right: r, bits: b }) if bits == b => {
                Flags::Compare { left: left.join(l, extent), right: right.join(r, extent), bits }
            }
            (Flags::Test { left, right, bits }, Flags::Test { left: l, right: r, bits: b }) if bits == b => {
                Flags::Test { left: left.join(l, extent), right: right.join(r, extent), bits }
            }
            _ if self == other => self,
            _ => Flags::Unknown,
        }
    }

    /// Whether every state of the flags that `self` stands for is one that `other` stands for.
    pub(in crate::evaluator) fn is_subsumed_by(self, other: Flags, extent: ImageBounds) -> bool {
        match (self, other) {
            (_, Flags::Unknown) => true,
            (Flags::Compare { left, right, bits }, Flags::Compare { left: l, right: r, bits: b })
            | (Flags::Test { left, right, bits }, Flags::Test { left: l, right: r, bits: b }) => {
                bits == b && left.is_subsumed_by(l, extent) && right.is_subsumed_by(r, extent)
            }
            _ => self == other,
        }
    }

    /// Whether a condition holds; `None` when that depends on unknowns.
    pub(in crate::evaluator) fn decide(self, condition: Condition, facts: &impl Facts) -> Option<bool> {
        match self {
            Flags::Compare { left, right, bits } => compare(condition, left, right, bits, facts),
            Flags::Test { left, right, bits } => match (left, right) {
                (Value::Known(left), Value::Known(right)) => result(condition, Value::Known(left & right), bits, facts),
                _ if left == right => result(condition, left, bits, facts),
                (Value::Known(0), _) | (_, Value::Known(0)) => result(condition, Value::Known(0), bits, facts),
                (value, Value::Known(wanted)) if keeps_all(facts.range(value, bits), wanted) => {
                    result(condition, value, bits, facts)
                }
                _ => None,
            },
            Flags::Result { value, bits, below, overflow } => {
                arithmetic(condition, value, bits, below, overflow, facts)
            }
            Flags::Unknown => None,
        }
    }

    /// What a condition that holds says of a value: the value and the numbers that remain.
    pub(in crate::evaluator) fn imply(self, condition: Condition, facts: &impl Facts) -> Option<(Value, Range)> {
        match self {
            Flags::Compare { left, right, bits } => imply_compare(condition, left, right, bits, facts),
            Flags::Test { left, right, bits } => {
                let whole = left == right
                    || matches!(right, Value::Known(wanted) if keeps_all(facts.range(left, bits), wanted));
                match condition {
                    Condition::NotEqual => Some((left, Range::POINTER)),
                    _ if whole => imply_compare(condition, left, Value::Known(0), bits, facts),
                    _ => None,
                }
            }
            Flags::Result { value, bits, .. } => match condition {
                Condition::Equal | Condition::NotEqual | Condition::Negative | Condition::NotNegative => {
                    imply_compare(condition, value, Value::Known(0), bits, facts)
                }
                _ => None,
            },
            Flags::Unknown => None,
        }
    }
}

/// Whether masking with `wanted` keeps every number of a small range.
fn keeps_all(range: Range, wanted: u64) -> bool {
    range.low >= 0 && range.high <= 1 && wanted & 1 == 1
}

fn result(condition: Condition, value: Value, bits: u32, facts: &impl Facts) -> Option<bool> {
    compare(condition, value, Value::Known(0), bits, facts)
}

fn arithmetic(
    condition: Condition,
    value: Value,
    bits: u32,
    below: Option<bool>,
    overflow: Option<bool>,
    facts: &impl Facts,
) -> Option<bool> {
    use Condition::*;
    let zero = || result(Equal, value, bits, facts);
    let negative = || result(Negative, value, bits, facts);
    let less = || Some(negative()? != overflow?);
    match condition {
        Equal => zero(),
        NotEqual => Some(!zero()?),
        Below => below,
        AboveOrEqual => Some(!below?),
        BelowOrEqual => Some(below? || zero()?),
        Above => Some(!(below? || zero()?)),
        Less => less(),
        GreaterOrEqual => Some(!less()?),
        LessOrEqual => Some(zero()? || less()?),
        Greater => Some(!(zero()? || less()?)),
        Negative => negative(),
        NotNegative => Some(!negative()?),
        Overflow => overflow,
        NoOverflow => Some(!overflow?),
        Other => None,
    }
}

fn compare(condition: Condition, left: Value, right: Value, bits: u32, facts: &impl Facts) -> Option<bool> {
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

fn imply_compare(
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

    struct Fixed(Range);

    impl Facts for Fixed {
        fn range(&self, value: Value, bits: u32) -> Range {
            match value {
                Value::Known(number) => Range::new(signed(number, bits), signed(number, bits)),
                Value::Symbol { .. } => self.0,
                Value::Unknown(_) => Range::ALL,
            }
        }
    }

    const SYMBOL: Value = Value::Symbol { id: 0, offset: 0 };

    fn check(range: Range, condition: Condition, right: u64, expected: Option<bool>) {
        let flags = Flags::Compare { left: SYMBOL, right: Value::Known(right), bits: 32 };
        assert_eq!(flags.decide(condition, &Fixed(range)), expected, "{range:?} {condition:?} {right}");
    }

    #[test]
    fn ranges_decide_what_they_can() {
        let status = Range::new(-1, 0);
        check(status, Condition::Greater, 0, Some(false));
        check(status, Condition::Less, 0, None);
        check(status, Condition::Equal, 1, Some(false));
        check(Range::POINTER, Condition::Equal, 0, Some(false));
        check(Range::ALL, Condition::Equal, 0, None);
    }

    #[test]
    fn numbers_decide_everything() {
        let flags = Flags::Compare { left: Value::Known(0xffff_ffff), right: Value::Known(1), bits: 32 };
        let facts = Fixed(Range::ALL);
        assert_eq!(flags.decide(Condition::Less, &facts), Some(true));
        assert_eq!(flags.decide(Condition::Below, &facts), Some(false));
    }

    #[test]
    fn a_branch_narrows() {
        let flags = Flags::Test { left: SYMBOL, right: SYMBOL, bits: 32 };
        let facts = Fixed(Range::new(-1, 0));
        let (_, failed) = flags.imply(Condition::Negative, &facts).unwrap();
        assert_eq!(Range::new(-1, 0).intersect(failed).and_then(Range::single), Some(-1));
        let (_, worked) = flags.imply(Condition::NotNegative, &facts).unwrap();
        assert_eq!(Range::new(-1, 0).intersect(worked).and_then(Range::single), Some(0));
    }
}
