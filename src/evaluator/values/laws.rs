//! Laws of values and ranges over generated ones: joins cover both sides, and being covered is an order.

use super::symbol::ValueRange;
use super::value::{HEAP, ImageBounds, MachineValue, PointsTo, STACK_TOP};

/// Random numbers that are the same in every run: <https://prng.di.unimi.it/splitmix64.c>
pub(in crate::evaluator) struct SplitMix64(pub(in crate::evaluator) u64);

impl SplitMix64 {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed ^ mixed >> 31
    }

    /// A number below a limit.
    pub(in crate::evaluator) fn below(&mut self, limit: u64) -> u64 {
        (self.next() >> 16) % limit
    }

    /// A number around zero, or at an end.
    pub(in crate::evaluator) fn small(&mut self) -> u64 {
        match self.below(4) {
            0 => [
                0x7f,
                0x80,
                0x7fff_ffff,
                0x8000_0000,
                i64::MIN.cast_unsigned(),
                i64::MAX.cast_unsigned(),
            ][self.below(6) as usize],
            _ => self.below(9).wrapping_sub(4),
        }
    }
}

/// An image from 0x10000 to 0x90000 with code from 0x40000 to 0x50000.
pub(in crate::evaluator) fn extent() -> ImageBounds {
    ImageBounds::between((0x1_0000, 0x9_0000), (0x4_0000, 0x5_0000))
}

fn value(random: &mut SplitMix64) -> MachineValue {
    let numbers = [
        0,
        1,
        0x1_2340,
        0x4_1000,
        0x8_0000,
        0x50_0000,
        HEAP + 8,
        STACK_TOP - 16,
        u64::MAX,
    ];
    let number = numbers[random.below(numbers.len() as u64) as usize];
    match random.below(4) {
        0 => MachineValue::Symbol {
            id: random.below(3) as u32,
            offset: [0, 8, number.cast_signed()][random.below(3) as usize],
        },
        1 => {
            let kinds = [
                PointsTo::NOTHING,
                PointsTo::OUTSIDE,
                PointsTo::STACK,
                PointsTo::HEAP,
                PointsTo::CODE,
                PointsTo::IMAGE,
            ];
            let kind = |random: &mut SplitMix64| kinds[random.below(kinds.len() as u64) as usize];
            MachineValue::Unknown(
                kind(random)
                    .with(kind(random))
                    .with(MachineValue::Known(number).points_to()),
            )
        }
        _ => MachineValue::Known(number),
    }
}

#[test]
fn values() {
    let mut random = SplitMix64(5);
    let join = |left: MachineValue, right: MachineValue| left.join(right, extent());
    let within = |left: MachineValue, right: MachineValue| left.is_subsumed_by(right, extent());
    for _ in 0..200_000 {
        let (one, other, third) = (value(&mut random), value(&mut random), value(&mut random));
        assert_eq!(join(one, one), one, "idempotent");
        assert_eq!(join(one, other), join(other, one), "commutative");
        assert_eq!(
            join(join(one, other), third),
            join(one, join(other, third)),
            "associative: {one:x?} {other:x?} {third:x?}"
        );
        assert!(within(one, one), "reflexive: {one:x?}");
        assert!(
            within(one, join(one, other)),
            "{one:x?} is not within {:x?}",
            join(one, other)
        );
        if within(one, other) {
            assert!(
                within(join(one, third), join(other, third)),
                "monotone: {one:x?} {other:x?} {third:x?}"
            );
            assert!(
                !within(other, one) || one == other,
                "antisymmetric: {one:x?} {other:x?}"
            );
            assert!(
                !within(other, third) || within(one, third),
                "transitive: {one:x?} {other:x?} {third:x?}"
            );
        }
    }
}

#[test]
fn ranges() {
    let mut random = SplitMix64(6);
    let holds = |range: ValueRange, number: i64| {
        range.low <= number && number <= range.high && !(range.nonzero && number == 0)
    };
    let numbers: Vec<i64> = (-6..=6).chain([i64::MIN, i64::MAX]).collect();
    let range = |random: &mut SplitMix64| {
        let (low, high) = (
            random.below(9).cast_signed() - 4,
            random.below(9).cast_signed() - 4,
        );
        match random.below(8) {
            0 => ValueRange::ALL,
            1 => ValueRange::POINTER,
            _ => {
                let plain = ValueRange::new(low.min(high), low.max(high));
                plain
                    .intersect(if random.below(3) == 0 {
                        ValueRange::POINTER
                    } else {
                        ValueRange::ALL
                    })
                    .unwrap_or(plain)
            }
        }
    };
    for _ in 0..100_000 {
        let (one, other, third) = (range(&mut random), range(&mut random), range(&mut random));
        let (joined, both) = (one.join(other), one.intersect(other));
        for &number in &numbers {
            let (first, second) = (holds(one, number), holds(other, number));
            assert!(
                !first && !second || holds(joined, number),
                "{one:?} {other:?} join to {joined:?} without {number}"
            );
            assert_eq!(
                both.is_some_and(|both| holds(both, number)),
                first && second,
                "{one:?} and {other:?}: {both:?}"
            );
            let left = holds(one.join(other).join(third), number);
            assert_eq!(
                left,
                holds(one.join(other.join(third)), number),
                "associative: {one:?} {other:?} {third:?}"
            );
            assert_eq!(holds(one.join(one), number), first, "idempotent: {one:?}");
        }
        assert_eq!(one.excludes_zero(), !holds(one, 0), "{one:?}");
        if let Some(single) = one.single() {
            assert!(
                numbers
                    .iter()
                    .all(|&number| number == single || !holds(one, number))
            );
        }
    }
}
