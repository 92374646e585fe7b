//! Symbolic values: the results of calls, what numbers they may be, and where they come from.

use crate::evaluator::values::hash::FastMap;

/// A set of signed numbers: an interval, perhaps without zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(in crate::evaluator) struct ValueRange {
    /// Lowest number.
    pub(in crate::evaluator) low: i64,
    /// Highest number.
    pub(in crate::evaluator) high: i64,
    /// Whether zero is left out.
    pub(in crate::evaluator) nonzero: bool,
}

impl ValueRange {
    /// Every number.
    pub(in crate::evaluator) const ALL: ValueRange = ValueRange {
        low: i64::MIN,
        high: i64::MAX,
        nonzero: false,
    };
    /// A pointer to something.
    pub(in crate::evaluator) const POINTER: ValueRange = ValueRange {
        nonzero: true,
        ..ValueRange::ALL
    };

    /// The numbers from `low` to `high`.
    pub(in crate::evaluator) fn new(low: i64, high: i64) -> ValueRange {
        ValueRange {
            low,
            high,
            nonzero: false,
        }
    }

    /// The numbers in both; `None` when there are none.
    pub(in crate::evaluator) fn intersect(self, other: ValueRange) -> Option<ValueRange> {
        let nonzero = self.nonzero || other.nonzero;
        let mut low = self.low.max(other.low);
        let mut high = self.high.min(other.high);
        if nonzero && low == 0 {
            low = 1;
        }
        if nonzero && high == 0 {
            high = -1;
        }
        (low <= high).then_some(ValueRange { low, high, nonzero })
    }

    /// The least set that covers both.
    pub(in crate::evaluator) fn join(self, other: ValueRange) -> ValueRange {
        let nonzero = self.excludes_zero() && other.excludes_zero();
        ValueRange {
            low: self.low.min(other.low),
            high: self.high.max(other.high),
            nonzero,
        }
    }

    /// The only number, when there is one.
    pub(in crate::evaluator) fn single(self) -> Option<i64> {
        (self.low == self.high).then_some(self.low)
    }

    /// Whether zero is not in it.
    pub(in crate::evaluator) fn excludes_zero(self) -> bool {
        self.nonzero || self.low > 0 || self.high < 0
    }

    /// Whether zero is all of it.
    pub(in crate::evaluator) fn is_zero(self) -> bool {
        self.low == 0 && self.high == 0
    }
}

/// How a call says that it failed with a Python exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::evaluator) enum FailureSign {
    /// It does not.
    Never,
    /// By a null pointer.
    Null,
    /// By a negative number.
    Negative,
    /// By anything but null: the result is the exception itself.
    NotNull,
}

/// An entry of a table of code addresses, read with an index that is not known.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::evaluator) struct JumpTable {
    /// Address of the first entry.
    pub(in crate::evaluator) start: u64,
    /// Size of an entry in bytes.
    pub(in crate::evaluator) size: u8,
    /// Whether entries are signed.
    pub(in crate::evaluator) signed: bool,
    /// By how many bits the entry is shifted left.
    pub(in crate::evaluator) shift: u8,
    /// How many entries may be meant; more than there are where that is not known.
    pub(in crate::evaluator) count: u64,
}

impl JumpTable {
    /// Most entries that are looked at.
    pub(in crate::evaluator) const LONGEST: u64 = 512;

    /// Covers both, where they differ in nothing but their length.
    fn join(self, other: JumpTable) -> Option<JumpTable> {
        let count = self.count.max(other.count);
        (JumpTable { count, ..self } == JumpTable { count, ..other })
            .then_some(JumpTable { count, ..self })
    }
}

/// What is known of a symbolic value wherever it occurs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(in crate::evaluator) struct SymbolFacts {
    /// The numbers that it may be.
    pub(in crate::evaluator) range: ValueRange,
    /// How it shows that a call failed.
    pub(in crate::evaluator) failure: FailureSign,
    /// The importable module that it comes from.
    pub(in crate::evaluator) origin: Option<String>,
    /// The import that gave it, when nothing else is known of what that does.
    pub(in crate::evaluator) import: Option<usize>,
    /// The table that it was read from.
    pub(in crate::evaluator) table: Option<JumpTable>,
    /// Its lowest byte, when that was written by itself.
    pub(in crate::evaluator) low: Option<u8>,
}

impl SymbolFacts {
    /// An unknown of these numbers.
    pub(in crate::evaluator) fn new(range: ValueRange) -> SymbolFacts {
        SymbolFacts {
            range,
            failure: FailureSign::Never,
            origin: None,
            import: None,
            table: None,
            low: None,
        }
    }
}

/// Where a symbolic value comes from: the same place on two paths gives the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(in crate::evaluator) struct DefinitionSite {
    /// Address of the instruction.
    pub(in crate::evaluator) address: u64,
    /// Digest of the call stack.
    pub(in crate::evaluator) context: u64,
    /// Tells several results of one instruction apart.
    pub(in crate::evaluator) part: u8,
}

/// Every symbolic value of a run.
#[derive(Debug, Default)]
pub(in crate::evaluator) struct SymbolTable {
    list: Vec<SymbolFacts>,
    sources: FastMap<DefinitionSite, u32>,
    /// The import whose call gave a symbol, `None` when several did, by the symbol.
    defining_imports: FastMap<u32, Option<usize>>,
}

impl SymbolTable {
    /// The symbol from this source, and whether it is new. A source that gives something else than before keeps the
    /// wider of the two.
    pub(in crate::evaluator) fn name(
        &mut self,
        source: DefinitionSite,
        symbol: SymbolFacts,
    ) -> u32 {
        if let Some(&id) = self.sources.get(&source) {
            if let Some(known) = self.list.get_mut(id as usize)
                && *known != symbol
            {
                known.range = known.range.join(symbol.range);
                known.origin = known
                    .origin
                    .take()
                    .filter(|origin| Some(origin) == symbol.origin.as_ref());
                known.import = known.import.filter(|import| Some(*import) == symbol.import);
                known.table = known
                    .table
                    .zip(symbol.table)
                    .and_then(|(one, other)| one.join(other));
                known.low = known.low.filter(|low| Some(*low) == symbol.low);
                if known.failure != symbol.failure {
                    known.failure = FailureSign::Never;
                }
            }
            return id;
        }
        let id = u32::try_from(self.list.len()).unwrap_or(u32::MAX);
        self.list.push(symbol);
        self.sources.insert(source, id);
        id
    }

    /// Notes which import's call gave a symbol.
    pub(in crate::evaluator) fn note_defining_import(&mut self, id: u32, import: usize) {
        let origin_of_call = self.defining_imports.entry(id).or_insert(Some(import));
        *origin_of_call = origin_of_call.filter(|&other| other == import);
    }

    /// The import whose call gave a symbol, where it is one, and was noted.
    pub(in crate::evaluator) fn defining_import(&self, id: u32) -> Option<usize> {
        self.defining_imports.get(&id).copied().flatten()
    }

    /// What is known of a symbol.
    pub(in crate::evaluator) fn get(&self, id: u32) -> Option<&SymbolFacts> {
        self.list.get(id as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_without_zero_shrinks_at_its_ends() {
        let status = ValueRange::new(-1, 0);
        assert_eq!(
            status
                .intersect(ValueRange::POINTER)
                .and_then(ValueRange::single),
            Some(-1)
        );
        assert_eq!(status.intersect(ValueRange::new(1, 5)), None);
        assert_eq!(
            ValueRange::new(0, 1)
                .intersect(ValueRange::POINTER)
                .and_then(ValueRange::single),
            Some(1)
        );
    }

    #[test]
    fn symbols_from_one_place_are_one() {
        let mut symbols = SymbolTable::default();
        let source = DefinitionSite {
            address: 1,
            context: 2,
            part: 0,
        };
        let first = symbols.name(source, SymbolFacts::new(ValueRange::new(0, 1)));
        let second = symbols.name(source, SymbolFacts::new(ValueRange::new(-1, 0)));
        assert_eq!(first, second);
        assert_eq!(symbols.get(first).unwrap().range, ValueRange::new(-1, 1));
    }
}
