//! Named unknowns: the results of calls, what numbers they may be, and where they come from.

use std::collections::HashMap;
use std::hash::BuildHasherDefault;

use super::state::Mixer;

/// A set of signed numbers: an interval, perhaps without zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Range {
    /// Lowest number.
    pub(super) low: i64,
    /// Highest number.
    pub(super) high: i64,
    /// Whether zero is left out.
    pub(super) nonzero: bool,
}

impl Range {
    /// Every number.
    pub(super) const ALL: Range = Range { low: i64::MIN, high: i64::MAX, nonzero: false };
    /// A pointer to something.
    pub(super) const POINTER: Range = Range { nonzero: true, ..Range::ALL };

    /// The numbers from `low` to `high`.
    pub(super) fn new(low: i64, high: i64) -> Range {
        Range { low, high, nonzero: false }
    }

    /// The numbers in both; `None` when there are none.
    pub(super) fn meet(self, other: Range) -> Option<Range> {
        let nonzero = self.nonzero || other.nonzero;
        let mut low = self.low.max(other.low);
        let mut high = self.high.min(other.high);
        if nonzero && low == 0 {
            low = 1;
        }
        if nonzero && high == 0 {
            high = -1;
        }
        (low <= high).then_some(Range { low, high, nonzero })
    }

    /// The least set that covers both.
    pub(super) fn join(self, other: Range) -> Range {
        let nonzero = self.excludes_zero() && other.excludes_zero();
        Range { low: self.low.min(other.low), high: self.high.max(other.high), nonzero }
    }

    /// The only number, when there is one.
    pub(super) fn single(self) -> Option<i64> {
        (self.low == self.high).then_some(self.low)
    }

    /// Whether zero is not in it.
    pub(super) fn excludes_zero(self) -> bool {
        self.nonzero || self.low > 0 || self.high < 0
    }

    /// Whether zero is all of it.
    pub(super) fn is_zero(self) -> bool {
        self.low == 0 && self.high == 0
    }
}

/// How a call says that it failed with a Python exception.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) enum Failure {
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
pub(super) struct Table {
    /// Address of the first entry.
    pub(super) start: u64,
    /// Size of an entry in bytes.
    pub(super) size: u8,
    /// Whether entries are signed.
    pub(super) signed: bool,
    /// By how many bits the entry is shifted left.
    pub(super) shift: u8,
    /// How many entries may be meant; more than there are where that is not known.
    pub(super) count: u64,
}

impl Table {
    /// Most entries that are looked at.
    pub(super) const LONGEST: u64 = 512;

    /// Covers both, where they differ in nothing but their length.
    fn join(self, other: Table) -> Option<Table> {
        let count = self.count.max(other.count);
        (Table { count, ..self } == Table { count, ..other }).then_some(Table { count, ..self })
    }
}

/// What is known of a named unknown wherever it occurs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Symbol {
    /// The numbers that it may be.
    pub(super) range: Range,
    /// How it shows that a call failed.
    pub(super) failure: Failure,
    /// The importable module that it comes from.
    pub(super) origin: Option<String>,
    /// The import that gave it, when nothing else is known of what that does.
    pub(super) import: Option<usize>,
    /// The table that it was read from.
    pub(super) table: Option<Table>,
    /// Its lowest byte, when that was written by itself.
    pub(super) low: Option<u8>,
}

impl Symbol {
    /// An unknown of these numbers.
    pub(super) fn new(range: Range) -> Symbol {
        Symbol { range, failure: Failure::Never, origin: None, import: None, table: None, low: None }
    }
}

/// Where a named unknown comes from: the same place on two paths gives the same name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct Source {
    /// Address of the instruction.
    pub(super) address: u64,
    /// Digest of the call stack.
    pub(super) context: u64,
    /// Tells several results of one instruction apart.
    pub(super) part: u8,
}

/// Every named unknown of a run.
#[derive(Debug, Default)]
pub(super) struct Symbols {
    list: Vec<Symbol>,
    sources: HashMap<Source, u32, BuildHasherDefault<Mixer>>,
    /// The import whose call gave a symbol, `None` when several did, by the symbol.
    givers: HashMap<u32, Option<usize>, BuildHasherDefault<Mixer>>,
}

impl Symbols {
    /// The symbol from this source, and whether it is new. A source that gives something else than before keeps the
    /// wider of the two.
    pub(super) fn name(&mut self, source: Source, symbol: Symbol) -> u32 {
        if let Some(&id) = self.sources.get(&source) {
            if let Some(known) = self.list.get_mut(id as usize)
                && *known != symbol
            {
                known.range = known.range.join(symbol.range);
                known.origin = known.origin.take().filter(|origin| Some(origin) == symbol.origin.as_ref());
                known.import = known.import.filter(|import| Some(*import) == symbol.import);
                known.table = known.table.zip(symbol.table).and_then(|(one, other)| one.join(other));
                known.low = known.low.filter(|low| Some(*low) == symbol.low);
                if known.failure != symbol.failure {
                    known.failure = Failure::Never;
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
    pub(super) fn given(&mut self, id: u32, import: usize) {
        let giver = self.givers.entry(id).or_insert(Some(import));
        *giver = giver.filter(|&other| other == import);
    }

    /// The import whose call gave a symbol, where it is one, and was noted.
    pub(super) fn giver(&self, id: u32) -> Option<usize> {
        self.givers.get(&id).copied().flatten()
    }

    /// What is known of a symbol.
    pub(super) fn get(&self, id: u32) -> Option<&Symbol> {
        self.list.get(id as usize)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_range_without_zero_shrinks_at_its_ends() {
        let status = Range::new(-1, 0);
        assert_eq!(status.meet(Range::POINTER).and_then(Range::single), Some(-1));
        assert_eq!(status.meet(Range::new(1, 5)), None);
        assert_eq!(Range::new(0, 1).meet(Range::POINTER).and_then(Range::single), Some(1));
    }

    #[test]
    fn symbols_from_one_place_are_one() {
        let mut symbols = Symbols::default();
        let source = Source { address: 1, context: 2, part: 0 };
        let first = symbols.name(source, Symbol::new(Range::new(0, 1)));
        let second = symbols.name(source, Symbol::new(Range::new(-1, 0)));
        assert_eq!(first, second);
        assert_eq!(symbols.get(first).unwrap().range, Range::new(-1, 1));
    }
}
