//! Laws of the flags: what is decided is true of every number that a value may be, and joined flags cover both.

use super::{BranchCondition, Facts, Flag, Flags};
use crate::evaluator::values::laws::{SplitMix64, extent};
use crate::evaluator::values::symbol::ValueRange;
use crate::evaluator::values::value::{MachineValue, mask, signed};

const SYMBOLS: usize = 2;

/// What two symbols are, and what is known of them.
struct FlagLawFacts {
    numbers: [i64; SYMBOLS],
    ranges: [ValueRange; SYMBOLS],
}

impl Facts for FlagLawFacts {
    fn range(&self, value: MachineValue, bits: u32) -> ValueRange {
        match value {
            MachineValue::Known(number) => {
                ValueRange::new(signed(number, bits), signed(number, bits))
            }
            MachineValue::Symbol { id, offset: 0 } => self.ranges[id as usize],
            MachineValue::Symbol { .. } | MachineValue::Unknown(_) => ValueRange::ALL,
        }
    }
}

impl FlagLawFacts {
    fn new(random: &mut SplitMix64) -> FlagLawFacts {
        let numbers = [0; SYMBOLS].map(|_| random.below(7).cast_signed() - 3);
        let ranges = numbers.map(|number| match random.below(4) {
            0 => ValueRange::ALL,
            1 if number != 0 => ValueRange::POINTER,
            _ => ValueRange::new(
                number - random.below(3).cast_signed(),
                number + random.below(3).cast_signed(),
            ),
        });
        FlagLawFacts { numbers, ranges }
    }

    fn concrete(&self, value: MachineValue, random: &mut SplitMix64) -> MachineValue {
        match value {
            MachineValue::Known(_) => value,
            MachineValue::Symbol { id, offset } => MachineValue::Known(
                self.numbers[id as usize]
                    .wrapping_add(offset)
                    .cast_unsigned(),
            ),
            MachineValue::Unknown(_) => MachineValue::Known(random.small()),
        }
    }
}

fn value(random: &mut SplitMix64) -> MachineValue {
    match random.below(6) {
        0 => MachineValue::ANY,
        1 | 2 => MachineValue::Symbol {
            id: random.below(SYMBOLS as u64) as u32,
            offset: 0,
        },
        3 => MachineValue::Symbol {
            id: random.below(SYMBOLS as u64) as u32,
            offset: random.below(3).cast_signed() - 1,
        },
        _ => MachineValue::Known(random.small()),
    }
}

/// Flags, and the same with every value a number.
fn flags(world: &FlagLawFacts, random: &mut SplitMix64) -> (Flags, Flags) {
    let bits = [8, 16, 32, 64][random.below(4) as usize];
    let (left, right) = (value(random), value(random));
    // One unknown number on both sides of an operation is not one number.
    let (first, second) = (world.concrete(left, random), world.concrete(right, random));
    let number = |value: MachineValue| MachineValue::Known(value.known().unwrap() & mask(bits));
    let (mut whole, mut exact) = match random.below(3) {
        0 => (
            Flags::compare(left, right, bits),
            Flags::compare(number(first), number(second), bits),
        ),
        1 => (
            Flags::test(left, right, bits),
            Flags::test(number(first), number(second), bits),
        ),
        _ => {
            let (carry, overflow) = (random.below(2) == 0, random.below(2) == 0);
            let exact = Flags::result(number(first), bits);
            (
                Flags::result(left, bits),
                exact
                    .with(Flag::Carry, Some(carry))
                    .with(Flag::Overflow, Some(overflow)),
            )
        }
    };
    if random.below(3) == 0 {
        let (flag, set) = (Flag::ALL[random.below(4) as usize], random.below(2) == 0);
        whole = whole.with(flag, Some(set).filter(|_| random.below(3) != 0));
        exact = exact.with(flag, Some(set));
    }
    (whole, exact)
}

#[test]
fn what_is_decided_is_true_of_every_number() {
    let mut random = SplitMix64(11);
    for _ in 0..200_000 {
        let world = FlagLawFacts::new(&mut random);
        let (whole, exact) = flags(&world, &mut random);
        for condition in BranchCondition::DECIDED {
            let is = exact.decide(condition, &world).unwrap();
            let said = whole.decide(condition, &world);
            assert!(
                said.is_none_or(|said| said == is),
                "{condition:?} of {whole:?}: {said:?}, and {exact:?}"
            );
            let opposite = whole.decide(condition.opposite(), &world);
            assert_eq!(
                said.map(|said| !said),
                opposite,
                "{condition:?} of {whole:?}"
            );
            if is
                && let Some((MachineValue::Symbol { id, .. }, range)) =
                    whole.imply(condition, &world)
            {
                let number = world.numbers[id as usize];
                let is_inside =
                    range.low <= number && number <= range.high && !(range.nonzero && number == 0);
                assert!(
                    is_inside,
                    "{condition:?} of {whole:?} implies {range:?}, and it is {number}"
                );
            }
        }
    }
}

#[test]
fn joined_flags_cover_both() {
    let mut random = SplitMix64(12);
    for _ in 0..200_000 {
        let world = FlagLawFacts::new(&mut random);
        let ((one, exact), (other, _)) = (flags(&world, &mut random), flags(&world, &mut random));
        let third = flags(&world, &mut random).0;
        let joined = one.join(other, extent());
        assert_eq!(joined, other.join(one, extent()), "commutative");
        assert_eq!(one.join(one, extent()), one, "idempotent");
        assert!(one.is_subsumed_by(one, extent()), "reflexive: {one:?}");
        assert!(
            one.is_subsumed_by(joined, extent()),
            "{one:?} is not within {joined:?}"
        );
        if one.is_subsumed_by(other, extent()) {
            assert!(
                one.join(third, extent())
                    .is_subsumed_by(other.join(third, extent()), extent()),
                "monotone"
            );
            if other.is_subsumed_by(third, extent()) {
                assert!(one.is_subsumed_by(third, extent()), "transitive");
            }
        }
        for condition in BranchCondition::DECIDED {
            let said = joined.decide(condition, &world);
            assert!(
                said.is_none() || said == exact.decide(condition, &world),
                "{condition:?} of {joined:?}"
            );
        }
    }
}
