//! Conditions of branches, as both instruction sets have them: opposites, mirror images, and the flags that each asks.

use super::Flag;

/// What a conditional instruction asks for, in the words of a comparison `left ? right`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::evaluator) enum BranchCondition {
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

impl BranchCondition {
    /// The conditions that numbers decide: all but [`Condition::Other`].
    #[cfg(test)]
    pub(in crate::evaluator) const DECIDED: [BranchCondition; 14] = {
        use BranchCondition::*;
        [
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
        ]
    };

    /// The condition that holds exactly when this one does not.
    pub(in crate::evaluator) fn opposite(self) -> BranchCondition {
        use BranchCondition::*;
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

    /// The flags that it depends on.
    pub(super) fn flags(self) -> &'static [Flag] {
        use BranchCondition::*;
        match self {
            Equal | NotEqual => &[Flag::Zero],
            Below | AboveOrEqual => &[Flag::Carry],
            BelowOrEqual | Above => &[Flag::Carry, Flag::Zero],
            Less | GreaterOrEqual => &[Flag::Negative, Flag::Overflow],
            LessOrEqual | Greater => &[Flag::Zero, Flag::Negative, Flag::Overflow],
            Negative | NotNegative => &[Flag::Negative],
            Overflow | NoOverflow => &[Flag::Overflow],
            Other => &[],
        }
    }

    /// The same question with its sides exchanged.
    pub(super) fn mirrored(self) -> BranchCondition {
        use BranchCondition::*;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn conditions_are_pairs_of_opposites_and_of_mirror_images() {
        for condition in BranchCondition::DECIDED {
            assert!(condition != BranchCondition::Other && condition.opposite() != condition);
            assert!(BranchCondition::DECIDED.contains(&condition.opposite()));
            assert_eq!(condition.opposite().opposite(), condition);
            let mirrored = condition.mirrored();
            assert!(
                mirrored == BranchCondition::Other || mirrored.mirrored() == condition,
                "{condition:?}"
            );
        }
    }
}
