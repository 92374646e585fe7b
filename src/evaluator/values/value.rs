//! What a register or a word of memory holds on a path: a number, a symbolic value, or an unknown of which only is
//! known what it may point to.

use crate::binary::image::BinaryImage;

/// What an unknown number may point to. A pointer derived from one object is never taken to reach another kind of
/// memory: C and Rust do not allow it. Within the image it remembers the lowest and the highest address that it was
/// derived from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub(in crate::evaluator) struct PointsTo {
    kinds: u8,
    /// How far behind the pointer it is that was read from memory; [`PointsTo::ANYWHERE`] where an index was added.
    field: u16,
    /// Lowest and highest address in the image, in units of [`PointsTo::UNIT`].
    low: u32,
    high: u32,
}

impl PointsTo {
    pub(in crate::evaluator) const NOTHING: PointsTo = PointsTo {
        kinds: 0,
        field: 0,
        low: 0,
        high: 0,
    };
    pub(in crate::evaluator) const OUTSIDE: PointsTo = PointsTo {
        kinds: 1,
        field: 0,
        low: 0,
        high: 0,
    };
    /// Anywhere in the image.
    pub(in crate::evaluator) const IMAGE: PointsTo = PointsTo {
        kinds: 2,
        field: 0,
        low: 0,
        high: u32::MAX,
    };
    pub(in crate::evaluator) const STACK: PointsTo = PointsTo {
        kinds: 4,
        field: 0,
        low: 0,
        high: 0,
    };
    pub(in crate::evaluator) const HEAP: PointsTo = PointsTo {
        kinds: 8,
        field: 0,
        low: 0,
        high: 0,
    };
    /// The image's code: it may be called, and nobody writes there.
    pub(in crate::evaluator) const CODE: PointsTo = PointsTo {
        kinds: 16,
        field: 0,
        low: 0,
        high: 0,
    };
    const UNIT: u64 = 16;
    const ANYWHERE: u16 = u16::MAX;

    /// At or near one address of the image.
    fn near(address: u64) -> PointsTo {
        let unit = u32::try_from(address / PointsTo::UNIT).unwrap_or(u32::MAX);
        PointsTo {
            kinds: PointsTo::IMAGE.kinds,
            field: 0,
            low: unit,
            high: unit,
        }
    }

    pub(in crate::evaluator) fn with(self, other: PointsTo) -> PointsTo {
        let kinds = self.kinds | other.kinds;
        match (self.may(PointsTo::IMAGE), other.may(PointsTo::IMAGE)) {
            (true, true) => PointsTo {
                kinds,
                field: if self.field == other.field {
                    self.field
                } else {
                    PointsTo::ANYWHERE
                },
                low: self.low.min(other.low),
                high: self.high.max(other.high),
            },
            (true, false) => PointsTo { kinds, ..self },
            (false, _) => PointsTo { kinds, ..other },
        }
    }

    pub(in crate::evaluator) fn may(self, other: PointsTo) -> bool {
        self.kinds & other.kinds != 0
    }

    pub(in crate::evaluator) fn is_subsumed_by(self, other: PointsTo) -> bool {
        let same_field = self.field == other.field || other.field == PointsTo::ANYWHERE;
        let contained = !self.may(PointsTo::IMAGE)
            || same_field && self.low >= other.low && self.high <= other.high;
        self.kinds & !other.kinds == 0 && contained
    }

    /// What a pointer that was read from memory may point to: just where it points.
    pub(in crate::evaluator) fn read_from_memory(self) -> PointsTo {
        PointsTo { field: 0, ..self }
    }

    /// After a constant was added.
    fn moved(self, added: u64) -> PointsTo {
        let field = u16::try_from(u64::from(self.field).wrapping_add(added)).ok();
        match (self.may(PointsTo::IMAGE), self.field) {
            (false, _) | (true, PointsTo::ANYWHERE) => self,
            (true, _) => PointsTo {
                field: field.unwrap_or(PointsTo::ANYWHERE),
                ..self
            },
        }
    }

    /// After something was done to it that is not known.
    fn indexed(self) -> PointsTo {
        if self.may(PointsTo::IMAGE) {
            PointsTo {
                field: PointsTo::ANYWHERE,
                ..self
            }
        } else {
            self
        }
    }

    /// How far behind a pointer that was read from memory, when only constants were added.
    pub(in crate::evaluator) fn field(self) -> Option<u64> {
        (self.field != PointsTo::ANYWHERE).then_some(u64::from(self.field))
    }

    /// Lowest and highest address of the image that it was derived from.
    pub(in crate::evaluator) fn addresses(self) -> (u64, u64) {
        (
            u64::from(self.low) * PointsTo::UNIT,
            u64::from(self.high) * PointsTo::UNIT + PointsTo::UNIT - 1,
        )
    }
}

/// Where the image lies: a number elsewhere is no address of it, whatever region it is in.
#[derive(Clone, Copy, Debug)]
pub(in crate::evaluator) struct ImageBounds {
    low: u64,
    high: u64,
    /// Start and end of the code.
    code: (u64, u64),
}

impl ImageBounds {
    /// Room on both sides for pointers just before and behind an object.
    const MARGIN: u64 = 4096;

    /// The extent of an image.
    pub(in crate::evaluator) fn of(image: &BinaryImage) -> ImageBounds {
        let low = image.segments.first().map_or(0, |segment| segment.address);
        let high = image
            .segments
            .last()
            .map_or(0, |segment| segment.address.saturating_add(segment.size));
        let (low, high) = (
            low.saturating_sub(ImageBounds::MARGIN),
            high.saturating_add(ImageBounds::MARGIN),
        );
        ImageBounds {
            low,
            high,
            code: image.code_extent(),
        }
    }

    /// An extent for tests, with its code.
    #[cfg(test)]
    pub(in crate::evaluator) fn between((low, high): (u64, u64), code: (u64, u64)) -> ImageBounds {
        ImageBounds { low, high, code }
    }

    /// Whether it holds any of the addresses from `low` to `high`.
    pub(in crate::evaluator) fn meets(self, (low, high): (u64, u64)) -> bool {
        low < self.high && high >= self.low
    }
}

/// A 64-bit value.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::evaluator) enum MachineValue {
    /// Exactly this number.
    Known(u64),
    /// A symbolic value plus a constant; what branches have shown of it is kept in the path's facts.
    Symbol {
        /// Index into [`SymbolTable`].
        id: u32,
        /// What was added.
        offset: i64,
    },
    /// Anything that points at most there.
    Unknown(PointsTo),
}

impl MachineValue {
    pub(in crate::evaluator) const ANY: MachineValue = MachineValue::Unknown(PointsTo::NOTHING);

    pub(in crate::evaluator) fn known(self) -> Option<u64> {
        match self {
            MachineValue::Known(value) => Some(value),
            MachineValue::Symbol { .. } | MachineValue::Unknown(_) => None,
        }
    }

    /// What the value may point to.
    pub(in crate::evaluator) fn points_to(self) -> PointsTo {
        match self {
            MachineValue::Known(0x7f00_0000_0000_0000..=0x7fff_ffff_ffff_ffff) => PointsTo::OUTSIDE,
            MachineValue::Known(address) if !(SMALLEST_ADDRESS..1 << 47).contains(&address) => {
                PointsTo::NOTHING
            }
            MachineValue::Known(address) => match region(address) {
                MemoryRegion::Image => PointsTo::near(address),
                other => other.points_to(),
            },
            // An address of ours with a symbolic index is still derived from that address.
            MachineValue::Symbol { offset, .. } => {
                PointsTo::OUTSIDE.with(MachineValue::Known(offset.cast_unsigned()).points_to())
            }
            MachineValue::Unknown(reach) => reach,
        }
    }

    /// What the value may point to, given where the image lies.
    pub(in crate::evaluator) fn points_to_in(self, extent: ImageBounds) -> PointsTo {
        match self {
            MachineValue::Known(address)
                if region(address) == MemoryRegion::Image && !extent.meets((address, address)) =>
            {
                PointsTo::NOTHING
            }
            MachineValue::Known(address) if extent.code.0 <= address && address < extent.code.1 => {
                PointsTo::CODE
            }
            MachineValue::Known(_) | MachineValue::Symbol { .. } | MachineValue::Unknown(_) => {
                self.points_to()
            }
        }
    }

    /// The least value that covers both.
    pub(in crate::evaluator) fn join(
        self,
        other: MachineValue,
        extent: ImageBounds,
    ) -> MachineValue {
        if self == other {
            self
        } else {
            MachineValue::Unknown(self.points_to_in(extent).with(other.points_to_in(extent)))
        }
    }

    /// Whether every number that `self` stands for is one that `other` stands for.
    pub(in crate::evaluator) fn is_subsumed_by(
        self,
        other: MachineValue,
        extent: ImageBounds,
    ) -> bool {
        match other {
            MachineValue::Unknown(reach) => self.points_to_in(extent).is_subsumed_by(reach),
            MachineValue::Known(_) | MachineValue::Symbol { .. } => self == other,
        }
    }

    /// The lowest `bits` of the value. A symbolic value keeps its name: results are read at the width they have.
    pub(in crate::evaluator) fn truncate(self, bits: u32) -> MachineValue {
        match self {
            MachineValue::Known(value) => MachineValue::Known(value & mask(bits)),
            MachineValue::Symbol { offset: 0, .. } => self,
            MachineValue::Symbol { .. } | MachineValue::Unknown(_) if bits < 64 => {
                MachineValue::ANY
            }
            MachineValue::Symbol { .. } | MachineValue::Unknown(_) => self,
        }
    }

    /// Adds two values.
    pub(in crate::evaluator) fn add(self, other: MachineValue) -> MachineValue {
        match (self, other) {
            (MachineValue::Known(left), MachineValue::Known(right)) => {
                MachineValue::Known(left.wrapping_add(right))
            }
            (MachineValue::Symbol { id, offset }, MachineValue::Known(added))
            | (MachineValue::Known(added), MachineValue::Symbol { id, offset }) => {
                MachineValue::Symbol {
                    id,
                    offset: offset.wrapping_add(added.cast_signed()),
                }
            }
            (value @ MachineValue::Unknown(_), MachineValue::Known(added))
            | (MachineValue::Known(added), value @ MachineValue::Unknown(_))
                if MachineValue::Known(added).points_to() == PointsTo::NOTHING =>
            {
                value.offset(added)
            }
            _ => MachineValue::Unknown(self.points_to().with(other.points_to()).indexed()),
        }
    }

    /// Adds a constant that is no address: what the value may point to stays the same.
    pub(in crate::evaluator) fn offset(self, added: u64) -> MachineValue {
        match self {
            MachineValue::Known(_) | MachineValue::Symbol { .. } => {
                self.add(MachineValue::Known(added))
            }
            MachineValue::Unknown(reach) => MachineValue::Unknown(reach.moved(added)),
        }
    }

    /// Subtracts a value.
    pub(in crate::evaluator) fn sub(self, other: MachineValue) -> MachineValue {
        match (self, other) {
            (MachineValue::Known(left), MachineValue::Known(right)) => {
                MachineValue::Known(left.wrapping_sub(right))
            }
            (_, MachineValue::Known(right)) => self.offset(right.wrapping_neg()),
            (MachineValue::Symbol { .. }, other) if self == other => MachineValue::Known(0),
            _ => MachineValue::Unknown(self.points_to().indexed()),
        }
    }
}

/// All ones in the lowest `bits`.
pub(in crate::evaluator) fn mask(bits: u32) -> u64 {
    if bits >= 64 {
        u64::MAX
    } else {
        (1 << bits) - 1
    }
}

/// The lowest `bits` as a signed number.
pub(in crate::evaluator) fn signed(value: u64, bits: u32) -> i64 {
    let unused = 64 - bits.clamp(1, 64);
    (value << unused).cast_signed() >> unused
}

/// Parts of the address space of a run. The image keeps its own addresses; the rest is laid out far from them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::evaluator) enum MemoryRegion {
    /// The image, its imports, and small numbers.
    Image,
    /// The stack of the one thread.
    Stack,
    /// Memory from an allocator.
    Heap,
    /// The thread's own block.
    Thread,
    /// Objects of the interpreter whose identity matters.
    Object,
}

/// Where the stack begins; it grows down from there.
pub(in crate::evaluator) const STACK_TOP: u64 = 0x7ffe_0000_0000;
/// Lowest address of the stack.
const STACK_END: u64 = STACK_TOP - (64 << 20);
/// Numbers below are not taken for addresses: no loader maps anything there.
const SMALLEST_ADDRESS: u64 = 4096;
/// Lowest address of the heap.
pub(in crate::evaluator) const HEAP: u64 = 0x6000_0000_0000;
/// Room for each allocation.
pub(in crate::evaluator) const HEAP_STRIDE: u64 = 1 << 24;
/// Where the thread pointer points; thread-local data lies on both sides.
pub(in crate::evaluator) const THREAD: u64 = 0x6800_0000_0000;
/// Where, from the thread pointer, Windows keeps the pointers to the images' thread-local blocks, and that block.
pub(in crate::evaluator) const THREAD_BLOCKS: u64 = 0x1000;
pub(in crate::evaluator) const THREAD_BLOCK: u64 = 0x2000;
/// Lowest address of interpreter objects.
pub(in crate::evaluator) const OBJECTS: u64 = 0x5000_0000_0000;
/// Room for each object.
pub(in crate::evaluator) const OBJECT_STRIDE: u64 = 1 << 16;

/// The region of an address.
pub(in crate::evaluator) fn region(address: u64) -> MemoryRegion {
    match address {
        STACK_END..=0x7fff_ffff_ffff => MemoryRegion::Stack,
        0x6800_0000_0000.. if address < STACK_END => MemoryRegion::Thread,
        HEAP..THREAD => MemoryRegion::Heap,
        OBJECTS..HEAP => MemoryRegion::Object,
        _ => MemoryRegion::Image,
    }
}

impl MemoryRegion {
    pub(in crate::evaluator) fn points_to(self) -> PointsTo {
        match self {
            MemoryRegion::Image => PointsTo::IMAGE,
            MemoryRegion::Stack => PointsTo::STACK,
            MemoryRegion::Heap | MemoryRegion::Thread => PointsTo::HEAP,
            MemoryRegion::Object => PointsTo::OUTSIDE,
        }
    }
}

/// Bitwise and: masks keep pointers what they are, as when the stack is aligned.
pub(in crate::evaluator) fn and(left: MachineValue, right: MachineValue) -> MachineValue {
    match (left, right) {
        (MachineValue::Known(left), MachineValue::Known(right)) => {
            MachineValue::Known(left & right)
        }
        (MachineValue::Known(0), _) | (_, MachineValue::Known(0)) => MachineValue::Known(0),
        (value, other) if value == other => value,
        (value, MachineValue::Known(mask)) | (MachineValue::Known(mask), value) => match value {
            MachineValue::Symbol { offset: 0, .. } if mask == 0xff || mask == 0xffff_ffff => value,
            _ if mask > u64::MAX - 0xffff => MachineValue::Unknown(value.points_to().indexed()),
            _ => MachineValue::ANY,
        },
        _ => MachineValue::ANY,
    }
}

/// Bitwise or of values of this width.
pub(in crate::evaluator) fn or(left: MachineValue, right: MachineValue, bits: u32) -> MachineValue {
    match (left, right) {
        (MachineValue::Known(left), MachineValue::Known(right)) => {
            MachineValue::Known(left | right)
        }
        (MachineValue::Known(all), _) | (_, MachineValue::Known(all))
            if all & mask(bits) == mask(bits) =>
        {
            MachineValue::Known(mask(bits))
        }
        (value, MachineValue::Known(0)) | (MachineValue::Known(0), value) => value,
        (value, other) if value == other => value,
        (value, other) => MachineValue::Unknown(if bits == 64 {
            value.points_to().with(other.points_to()).indexed()
        } else {
            PointsTo::NOTHING
        }),
    }
}

/// Sign-extends a value of this width.
pub(in crate::evaluator) fn extend(value: MachineValue, bits: u32) -> MachineValue {
    match value {
        MachineValue::Known(number) => MachineValue::Known(signed(number, bits).cast_unsigned()),
        MachineValue::Symbol { .. } | MachineValue::Unknown(_) => value,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn joined_values_remember_what_they_may_point_to() {
        let extent = ImageBounds {
            low: 0,
            high: 0x9000,
            code: (0x4000, 0x5000),
        };
        let joined = MachineValue::Known(0x1000).join(MachineValue::Known(STACK_TOP - 8), extent);
        assert!(joined.points_to().may(PointsTo::IMAGE) && joined.points_to().may(PointsTo::STACK));
        assert!(MachineValue::Known(0x1008).is_subsumed_by(joined, extent));
        assert!(!MachineValue::Known(0x2000).is_subsumed_by(joined, extent));
        assert!(!MachineValue::Known(HEAP).is_subsumed_by(joined, extent));
    }

    #[test]
    fn who_knows_where_code_lies_knows_of_no_data_beside_it() {
        let extent = ImageBounds {
            low: 0,
            high: 0x9000,
            code: (0x4000, 0x5000),
        };
        let joined = MachineValue::Known(0x4ff0)
            .join(MachineValue::Known(0x6000), extent)
            .points_to();
        assert!(joined.may(PointsTo::CODE) && joined.may(PointsTo::IMAGE));
        assert_eq!(joined.addresses(), (0x6000, 0x600f));
        assert!(
            !MachineValue::Known(0x4000)
                .join(MachineValue::Known(0), extent)
                .points_to()
                .may(PointsTo::IMAGE)
        );
    }

    #[test]
    fn only_constants_keep_a_pointer_at_a_field() {
        let read = MachineValue::Unknown(PointsTo::IMAGE.with(PointsTo::OUTSIDE));
        let field = |value: MachineValue| value.points_to().field();
        assert_eq!(field(read), Some(0));
        assert_eq!(
            field(
                read.add(MachineValue::Known(24))
                    .sub(MachineValue::Known(8))
            ),
            Some(16)
        );
        assert_eq!(field(read.sub(MachineValue::Known(8))), None);
        assert_eq!(field(read.add(MachineValue::ANY)), None);
        assert_eq!(
            field(read.add(MachineValue::ANY).add(MachineValue::Known(8))),
            None
        );
        assert_eq!(field(and(read, MachineValue::Known(u64::MAX - 7))), None);
        let joined = read.offset(8).points_to().with(read.points_to());
        assert!(joined.field().is_none() && read.points_to().is_subsumed_by(joined));
        assert!(!joined.is_subsumed_by(read.points_to()));
    }

    #[test]
    fn numbers_outside_of_the_image_point_nowhere() {
        let extent = ImageBounds {
            low: 0x1_8000_0000,
            high: 0x1_8008_0000,
            code: (0, 0),
        };
        let one = MachineValue::Known(u64::from(1.0_f32.to_bits()));
        assert_eq!(one.join(MachineValue::Known(0), extent), MachineValue::ANY);
        assert!(one.is_subsumed_by(MachineValue::ANY, extent));
    }

    #[test]
    fn numbers_are_read_as_signed() {
        assert_eq!(signed(0xff, 8), -1);
        assert_eq!(signed(0x7f, 8), 127);
        assert_eq!(signed(u64::MAX, 64), -1);
    }
}
