//! Condition flags as the comparison that set them, so that a branch on an unknown tells something about it.
//!
//! An instruction says what happens to each flag: [`Flags::compare`], [`Flags::test`] and [`Flags::result`] begin anew,
//! [`Flags::with`] changes one flag and keeps the others. A flag of which a model says nothing is unknown.

mod comparison;
mod condition;
#[cfg(test)]
mod laws;

use self::comparison::{compare, compare_with_zero, imply_compare, keeps_all};
use crate::evaluator::values::symbol::ValueRange;
use crate::evaluator::values::value::{ImageBounds, MachineValue};

pub(in crate::evaluator) use condition::BranchCondition;

/// One of the flags that conditions are made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::evaluator) enum Flag {
    /// CF of x86. On A64 the opposite of C, which is clear where a subtraction borrows.
    Carry,
    Zero,
    Negative,
    Overflow,
}

impl Flag {
    pub(in crate::evaluator) const ALL: [Flag; 4] =
        [Flag::Carry, Flag::Zero, Flag::Negative, Flag::Overflow];

    /// The condition that holds when the flag is set.
    fn condition(self) -> BranchCondition {
        match self {
            Flag::Carry => BranchCondition::Below,
            Flag::Zero => BranchCondition::Equal,
            Flag::Negative => BranchCondition::Negative,
            Flag::Overflow => BranchCondition::Overflow,
        }
    }
}

/// What is known of one flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FlagValue {
    /// What the source says.
    FromSource,
    Known(bool),
    Unknown,
}

/// What set the flags that are not known by themselves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum FlagSource {
    /// `left - right`.
    Compare {
        left: MachineValue,
        right: MachineValue,
        bits: u32,
    },
    /// `left & right`.
    Test {
        left: MachineValue,
        right: MachineValue,
        bits: u32,
    },
    /// Another operation with this result, which says nothing of carry and overflow.
    Result { value: MachineValue, bits: u32 },
    /// It is not known.
    Unknown,
}

/// The flags.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::evaluator) struct Flags {
    source: FlagSource,
    carry: FlagValue,
    zero: FlagValue,
    negative: FlagValue,
    overflow: FlagValue,
}

/// What is known of the numbers that a value may be.
pub(in crate::evaluator) trait Facts {
    /// The signed numbers of this width that a value may be.
    fn range(&self, value: MachineValue, bits: u32) -> ValueRange;
}

impl Flags {
    /// Nothing is known of any flag.
    pub(in crate::evaluator) const UNKNOWN: Flags =
        Flags::all(FlagSource::Unknown, FlagValue::Unknown);

    const fn all(source: FlagSource, flag: FlagValue) -> Flags {
        Flags {
            source,
            carry: flag,
            zero: flag,
            negative: flag,
            overflow: flag,
        }
    }

    /// Set by `left - right`.
    pub(in crate::evaluator) fn compare(
        left: MachineValue,
        right: MachineValue,
        bits: u32,
    ) -> Flags {
        Flags::all(
            FlagSource::Compare { left, right, bits },
            FlagValue::FromSource,
        )
    }

    /// Set by `left & right`, which clears carry and overflow.
    pub(in crate::evaluator) fn test(left: MachineValue, right: MachineValue, bits: u32) -> Flags {
        Flags::all(
            FlagSource::Test { left, right, bits },
            FlagValue::FromSource,
        )
    }

    /// Set by another operation with this result: whether it is zero or negative, and nothing of carry and overflow.
    pub(in crate::evaluator) fn result(value: MachineValue, bits: u32) -> Flags {
        let (carry, overflow) = (FlagValue::Unknown, FlagValue::Unknown);
        Flags {
            carry,
            overflow,
            ..Flags::all(FlagSource::Result { value, bits }, FlagValue::FromSource)
        }
    }

    /// The same but for one flag; `None` where it is not known.
    pub(in crate::evaluator) fn with(mut self, flag: Flag, value: Option<bool>) -> Flags {
        let value = value.map_or(FlagValue::Unknown, FlagValue::Known);
        match flag {
            Flag::Carry => self.carry = value,
            Flag::Zero => self.zero = value,
            Flag::Negative => self.negative = value,
            Flag::Overflow => self.overflow = value,
        }
        self.normal()
    }

    /// The same flags, with what is known of the values that they come from.
    pub(in crate::evaluator) fn map(self, change: impl Fn(MachineValue) -> MachineValue) -> Flags {
        let source = match self.source {
            FlagSource::Compare { left, right, bits } => FlagSource::Compare {
                left: change(left),
                right: change(right),
                bits,
            },
            FlagSource::Test { left, right, bits } => FlagSource::Test {
                left: change(left),
                right: change(right),
                bits,
            },
            FlagSource::Result { value, bits } => FlagSource::Result {
                value: change(value),
                bits,
            },
            FlagSource::Unknown => FlagSource::Unknown,
        };
        Flags { source, ..self }
    }

    /// A source that no flag comes from is forgotten, and an unknown one says nothing.
    fn normal(mut self) -> Flags {
        if Flag::ALL
            .into_iter()
            .all(|flag| self.value(flag) != FlagValue::FromSource)
        {
            self.source = FlagSource::Unknown;
        }
        if self.source == FlagSource::Unknown {
            for value in [
                &mut self.carry,
                &mut self.zero,
                &mut self.negative,
                &mut self.overflow,
            ] {
                if *value == FlagValue::FromSource {
                    *value = FlagValue::Unknown;
                }
            }
        }
        self
    }

    fn value(self, flag: Flag) -> FlagValue {
        match flag {
            Flag::Carry => self.carry,
            Flag::Zero => self.zero,
            Flag::Negative => self.negative,
            Flag::Overflow => self.overflow,
        }
    }

    /// Covers both.
    pub(in crate::evaluator) fn join(self, other: Flags, extent: ImageBounds) -> Flags {
        let one = |mine: FlagValue, theirs: FlagValue| {
            if mine == theirs {
                mine
            } else {
                FlagValue::Unknown
            }
        };
        Flags {
            source: self.source.join(other.source, extent),
            carry: one(self.carry, other.carry),
            zero: one(self.zero, other.zero),
            negative: one(self.negative, other.negative),
            overflow: one(self.overflow, other.overflow),
        }
        .normal()
    }

    /// Whether every state of the flags that `self` stands for is one that `other` stands for.
    pub(in crate::evaluator) fn is_subsumed_by(self, other: Flags, extent: ImageBounds) -> bool {
        Flag::ALL
            .into_iter()
            .all(|flag| match (self.value(flag), other.value(flag)) {
                (_, FlagValue::Unknown) => true,
                (FlagValue::FromSource, FlagValue::FromSource) => {
                    self.source.is_subsumed_by(other.source, extent)
                }
                (mine, theirs) => mine == theirs,
            })
    }

    /// Whether a flag is set; `None` when that depends on unknowns.
    fn decide_flag(self, flag: Flag, facts: &impl Facts) -> Option<bool> {
        match self.value(flag) {
            FlagValue::FromSource => self.source.decide(flag.condition(), facts),
            FlagValue::Known(value) => Some(value),
            FlagValue::Unknown => None,
        }
    }

    /// Whether a condition holds; `None` when that depends on unknowns.
    pub(in crate::evaluator) fn decide(
        self,
        condition: BranchCondition,
        facts: &impl Facts,
    ) -> Option<bool> {
        use BranchCondition::*;
        let from_source = condition
            .flags()
            .iter()
            .all(|&flag| self.value(flag) == FlagValue::FromSource);
        if from_source && let Some(holds) = self.source.decide(condition, facts) {
            return Some(holds);
        }
        let flag = |flag| self.decide_flag(flag, facts);
        let less = || Some(flag(Flag::Negative)? != flag(Flag::Overflow)?);
        let below_or_equal = || either(flag(Flag::Carry), flag(Flag::Zero));
        let less_or_equal = || either(flag(Flag::Zero), less());
        match condition {
            Equal => flag(Flag::Zero),
            NotEqual => Some(!flag(Flag::Zero)?),
            Below => flag(Flag::Carry),
            AboveOrEqual => Some(!flag(Flag::Carry)?),
            BelowOrEqual => below_or_equal(),
            Above => Some(!below_or_equal()?),
            Less => less(),
            GreaterOrEqual => Some(!less()?),
            LessOrEqual => less_or_equal(),
            Greater => Some(!less_or_equal()?),
            Negative => flag(Flag::Negative),
            NotNegative => Some(!flag(Flag::Negative)?),
            Overflow => flag(Flag::Overflow),
            NoOverflow => Some(!flag(Flag::Overflow)?),
            Other => None,
        }
    }

    /// What a condition that holds says of a value: the value and the numbers that remain.
    pub(in crate::evaluator) fn imply(
        self,
        condition: BranchCondition,
        facts: &impl Facts,
    ) -> Option<(MachineValue, ValueRange)> {
        let from_source = condition
            .flags()
            .iter()
            .all(|&flag| self.value(flag) == FlagValue::FromSource);
        if from_source {
            self.source.imply(condition, facts)
        } else {
            None
        }
    }
}

/// Whether one of two holds.
fn either(first: Option<bool>, second: Option<bool>) -> Option<bool> {
    match (first, second) {
        (Some(true), _) | (_, Some(true)) => Some(true),
        (Some(false), Some(false)) => Some(false),
        (Some(_) | None, Some(_) | None) => None,
    }
}

impl FlagSource {
    fn join(self, other: FlagSource, extent: ImageBounds) -> FlagSource {
        use FlagSource::{Compare, Result, Test};
        match (self, other) {
            (
                Compare { left, right, bits },
                Compare {
                    left: l,
                    right: r,
                    bits: b,
                },
            ) if bits == b => Compare {
                left: left.join(l, extent),
                right: right.join(r, extent),
                bits,
            },
            (
                Test { left, right, bits },
                Test {
                    left: l,
                    right: r,
                    bits: b,
                },
            ) if bits == b => Test {
                left: left.join(l, extent),
                right: right.join(r, extent),
                bits,
            },
            (Result { value, bits }, Result { value: v, bits: b }) if bits == b => Result {
                value: value.join(v, extent),
                bits,
            },
            (Compare { .. } | Test { .. } | Result { .. } | FlagSource::Unknown, _) => {
                FlagSource::Unknown
            }
        }
    }

    fn is_subsumed_by(self, other: FlagSource, extent: ImageBounds) -> bool {
        use FlagSource::{Compare, Result, Test};
        match (self, other) {
            (_, FlagSource::Unknown) => true,
            (
                Compare { left, right, bits },
                Compare {
                    left: l,
                    right: r,
                    bits: b,
                },
            )
            | (
                Test { left, right, bits },
                Test {
                    left: l,
                    right: r,
                    bits: b,
                },
            ) => bits == b && left.is_subsumed_by(l, extent) && right.is_subsumed_by(r, extent),
            (Result { value, bits }, Result { value: v, bits: b }) => {
                bits == b && value.is_subsumed_by(v, extent)
            }
            (Compare { .. } | Test { .. } | Result { .. } | FlagSource::Unknown, _) => false,
        }
    }

    fn decide(self, condition: BranchCondition, facts: &impl Facts) -> Option<bool> {
        match self {
            FlagSource::Compare { left, right, bits } => {
                compare(condition, left, right, bits, facts)
            }
            FlagSource::Test { left, right, bits } => match (left, right) {
                (MachineValue::Known(left), MachineValue::Known(right)) => {
                    compare_with_zero(condition, MachineValue::Known(left & right), bits, facts)
                }
                _ if left == right => compare_with_zero(condition, left, bits, facts),
                (MachineValue::Known(0), _) | (_, MachineValue::Known(0)) => {
                    compare_with_zero(condition, MachineValue::Known(0), bits, facts)
                }
                (value, MachineValue::Known(wanted))
                    if keeps_all(facts.range(value, bits), wanted) =>
                {
                    compare_with_zero(condition, value, bits, facts)
                }
                _ => compare_with_zero(condition, MachineValue::ANY, bits, facts),
            },
            FlagSource::Result { value, bits } => match condition {
                BranchCondition::Equal
                | BranchCondition::NotEqual
                | BranchCondition::Negative
                | BranchCondition::NotNegative => compare_with_zero(condition, value, bits, facts),
                _ => None,
            },
            FlagSource::Unknown => None,
        }
    }

    fn imply(
        self,
        condition: BranchCondition,
        facts: &impl Facts,
    ) -> Option<(MachineValue, ValueRange)> {
        match self {
            FlagSource::Compare { left, right, bits } => {
                imply_compare(condition, left, right, bits, facts)
            }
            FlagSource::Test { left, right, bits } => {
                let whole = left == right
                    || matches!(right, MachineValue::Known(wanted) if keeps_all(facts.range(left, bits), wanted));
                match (condition, left) {
                    (BranchCondition::NotEqual, MachineValue::Symbol { offset: 0, .. }) => {
                        Some((left, ValueRange::POINTER))
                    }
                    _ if whole => {
                        imply_compare(condition, left, MachineValue::Known(0), bits, facts)
                    }
                    _ => None,
                }
            }
            FlagSource::Result { value, bits } => match condition {
                BranchCondition::Equal
                | BranchCondition::NotEqual
                | BranchCondition::Negative
                | BranchCondition::NotNegative => {
                    imply_compare(condition, value, MachineValue::Known(0), bits, facts)
                }
                _ => None,
            },
            FlagSource::Unknown => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::evaluator::values::value::signed;

    struct Fixed(ValueRange);

    impl Facts for Fixed {
        fn range(&self, value: MachineValue, bits: u32) -> ValueRange {
            match value {
                MachineValue::Known(number) => {
                    ValueRange::new(signed(number, bits), signed(number, bits))
                }
                MachineValue::Symbol { .. } => self.0,
                MachineValue::Unknown(_) => ValueRange::ALL,
            }
        }
    }

    const SYMBOL: MachineValue = MachineValue::Symbol { id: 0, offset: 0 };

    fn check(range: ValueRange, condition: BranchCondition, right: u64, expected: Option<bool>) {
        let flags = Flags::compare(SYMBOL, MachineValue::Known(right), 32);
        assert_eq!(
            flags.decide(condition, &Fixed(range)),
            expected,
            "{range:?} {condition:?} {right}"
        );
    }

    #[test]
    fn ranges_decide_what_they_can() {
        let status = ValueRange::new(-1, 0);
        check(status, BranchCondition::Greater, 0, Some(false));
        check(status, BranchCondition::Less, 0, None);
        check(status, BranchCondition::Equal, 1, Some(false));
        check(ValueRange::POINTER, BranchCondition::Equal, 0, Some(false));
        check(ValueRange::ALL, BranchCondition::Equal, 0, None);
    }

    #[test]
    fn numbers_decide_everything() {
        let flags = Flags::compare(MachineValue::Known(0xffff_ffff), MachineValue::Known(1), 32);
        let facts = Fixed(ValueRange::ALL);
        assert_eq!(flags.decide(BranchCondition::Less, &facts), Some(true));
        assert_eq!(flags.decide(BranchCondition::Below, &facts), Some(false));
    }

    #[test]
    fn a_branch_narrows() {
        let flags = Flags::test(SYMBOL, SYMBOL, 32);
        let facts = Fixed(ValueRange::new(-1, 0));
        let (_, failed) = flags.imply(BranchCondition::Negative, &facts).unwrap();
        assert_eq!(
            ValueRange::new(-1, 0)
                .intersect(failed)
                .and_then(ValueRange::single),
            Some(-1)
        );
        let (_, worked) = flags.imply(BranchCondition::NotNegative, &facts).unwrap();
        assert_eq!(
            ValueRange::new(-1, 0)
                .intersect(worked)
                .and_then(ValueRange::single),
            Some(0)
        );
    }
}
