//! Range requests: what was fetched last, and how ranges are joined.
//!
//! `rawzip` asks for many small pieces through its `ReaderAt`. These readers answer from what is at hand, and fetch
//! long ranges when it is not.

use std::cell::RefCell;
use std::io;
use std::ops::Range;

use rawzip::ReaderAt;

use crate::archive::limits::ArchiveLimits;
use crate::archive::source::{RangeSource, SourceError, read_exactly};

/// Bytes of a file, from an offset on.
#[derive(Debug, Default)]
pub(super) struct ByteWindow {
    start: u64,
    bytes: Vec<u8>,
}

impl ByteWindow {
    /// Fetches this range.
    pub(super) fn fetch(
        source: &dyn RangeSource,
        range: Range<u64>,
    ) -> Result<ByteWindow, SourceError> {
        Ok(ByteWindow {
            start: range.start,
            bytes: read_exactly(source, range)?,
        })
    }

    /// Copies what there is from this offset on; `None` when the offset lies outside.
    fn copy(&self, buffer: &mut [u8], offset: u64) -> Option<usize> {
        copy_from(&self.bytes, buffer, offset.checked_sub(self.start)?)
    }

    fn extend_down_to(&mut self, source: &dyn RangeSource, start: u64) -> Result<(), SourceError> {
        let mut bytes = read_exactly(source, start..self.start)?;
        bytes.append(&mut self.bytes);
        *self = ByteWindow { start, bytes };
        Ok(())
    }
}

fn copy_from(bytes: &[u8], buffer: &mut [u8], offset: u64) -> Option<usize> {
    let rest = bytes.get(usize::try_from(offset).ok()?..)?;
    let length = rest.len().min(buffer.len());
    if length == 0 {
        return None;
    }
    let (to, from) = (buffer.get_mut(..length)?, rest.get(..length)?);
    to.copy_from_slice(from);
    Some(length)
}

/// Turns the error of a source into one that passes through `io` and `rawzip` unharmed.
fn wrap(error: SourceError) -> io::Error {
    io::Error::other(error)
}

/// Finds the source's error again behind an `io` error.
pub(super) fn unwrap_source(error: &io::Error) -> Option<SourceError> {
    error.get_ref()?.downcast_ref::<SourceError>().cloned()
}

/// Reads the end of a file: a miss before it extends it, in one request, with a little before it where `METADATA` often
/// lies.
pub(super) struct TailReader<'a> {
    source: &'a dyn RangeSource,
    tail: RefCell<ByteWindow>,
    limits: ArchiveLimits,
}

/// What is fetched before the directory when it is fetched by a second request.
const SLACK: u64 = 16 << 10;

impl<'a> TailReader<'a> {
    pub(super) fn new(
        source: &'a dyn RangeSource,
        limits: ArchiveLimits,
    ) -> Result<TailReader<'a>, SourceError> {
        let size = source.size();
        let tail = match source.whole() {
            Some(_) => ByteWindow::default(),
            None => ByteWindow::fetch(source, size.saturating_sub(limits.tail_bytes)..size)?,
        };
        Ok(TailReader {
            source,
            tail: RefCell::new(tail),
            limits,
        })
    }

    pub(super) fn into_tail(self) -> ByteWindow {
        self.tail.into_inner()
    }
}

impl ReaderAt for TailReader<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if let Some(whole) = self.source.whole() {
            return Ok(copy_from(whole, buffer, offset).unwrap_or(0));
        }
        let mut tail = self.tail.borrow_mut();
        if offset < tail.start {
            let length = self.source.size() - offset;
            if length > self.limits.directory_bytes {
                return Err(io::Error::new(
                    io::ErrorKind::FileTooLarge,
                    format!(
                        "it starts {length} bytes before the end, more than the limit of {}",
                        self.limits.directory_bytes
                    ),
                ));
            }
            tail.extend_down_to(self.source, offset.saturating_sub(SLACK))
                .map_err(wrap)?;
        }
        Ok(tail.copy(buffer, offset).unwrap_or(0))
    }
}

/// Reads members: a miss fetches the rest of the current stretch, as far as one request may reach.
pub(super) struct StretchReader<'a> {
    source: &'a dyn RangeSource,
    tail: &'a ByteWindow,
    window: RefCell<ByteWindow>,
    /// Where the current stretch ends.
    end: u64,
    /// The longest request.
    step: u64,
}

impl<'a> StretchReader<'a> {
    pub(super) fn new(
        source: &'a dyn RangeSource,
        tail: &'a ByteWindow,
        end: u64,
        step: u64,
    ) -> StretchReader<'a> {
        StretchReader {
            source,
            tail,
            window: RefCell::default(),
            end,
            step,
        }
    }
}

impl ReaderAt for StretchReader<'_> {
    fn read_at(&self, buffer: &mut [u8], offset: u64) -> io::Result<usize> {
        if let Some(whole) = self.source.whole() {
            return Ok(copy_from(whole, buffer, offset).unwrap_or(0));
        }
        let mut window = self.window.borrow_mut();
        if let Some(length) = self
            .tail
            .copy(buffer, offset)
            .or_else(|| window.copy(buffer, offset))
        {
            return Ok(length);
        }
        if buffer.is_empty() || offset >= self.source.size() {
            return Ok(0);
        }
        // A read behind the stretch is a local header longer than expected: what was asked for is enough.
        let wanted = if offset < self.end {
            (self.end - offset).min(self.step)
        } else {
            buffer.len() as u64
        };
        let end = offset.saturating_add(wanted).min(self.source.size());
        *window = ByteWindow::default();
        *window = ByteWindow::fetch(self.source, offset..end).map_err(wrap)?;
        Ok(window.copy(buffer, offset).unwrap_or(0))
    }
}

/// Members that are fetched together.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct FetchedStretch {
    /// From the first member's header to the last one's end.
    pub(super) range: Range<u64>,
    /// Indexes of the members, in the order of the file.
    pub(super) members: Vec<usize>,
}

/// Joins ranges that lie close together, as long as one request can hold them, and when many are left, those that lie
/// further apart. They must be sorted by their start.
pub(super) fn join(
    ranges: impl IntoIterator<Item = (usize, Range<u64>)>,
    limits: &ArchiveLimits,
) -> Vec<FetchedStretch> {
    let single = |(index, range)| FetchedStretch {
        range,
        members: vec![index],
    };
    let stretches = joined(ranges.into_iter().map(single), limits.gap_bytes, limits);
    if stretches.len() <= limits.requests {
        return stretches;
    }
    // The gaps to be closed are the smallest ones: all up to the one that leaves few enough.
    let mut gaps: Vec<u64> = stretches.windows(2).map(gap).collect();
    gaps.sort_unstable();
    let enough = stretches.len().saturating_sub(limits.requests.max(1));
    let widest = gaps
        .get(enough.saturating_sub(1))
        .copied()
        .unwrap_or(limits.gap_bytes);
    joined(stretches, widest.min(limits.widest_gap_bytes), limits)
}

fn gap(pair: &[FetchedStretch]) -> u64 {
    match pair {
        [before, after] => after.range.start.saturating_sub(before.range.end),
        _ => 0,
    }
}

/// Joins stretches whose distance is at most this, as long as one request can hold them.
fn joined(
    stretches: impl IntoIterator<Item = FetchedStretch>,
    gap: u64,
    limits: &ArchiveLimits,
) -> Vec<FetchedStretch> {
    let mut joined: Vec<FetchedStretch> = Vec::new();
    for stretch in stretches {
        if let Some(last) = joined.last_mut() {
            let end = last.range.end.max(stretch.range.end);
            let near = stretch.range.start <= last.range.end.saturating_add(gap);
            let length = end.saturating_sub(last.range.start);
            if near && length <= limits.request_bytes {
                last.range.end = end;
                last.members.extend(stretch.members);
                continue;
            }
        }
        joined.push(stretch);
    }
    joined
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn neighbours_are_joined_up_to_the_longest_request() {
        let near = ArchiveLimits {
            gap_bytes: 10,
            request_bytes: 100,
            ..ArchiveLimits::default()
        };
        let check =
            |limits: ArchiveLimits, ranges: &[Range<u64>], expected: &[(Range<u64>, &[usize])]| {
                let found = join(ranges.iter().cloned().enumerate(), &limits);
                let expected: Vec<FetchedStretch> = expected
                    .iter()
                    .map(|(range, members)| FetchedStretch {
                        range: range.clone(),
                        members: members.to_vec(),
                    })
                    .collect();
                assert_eq!(found, expected);
            };
        check(near, &[], &[]);
        check(near, &[0..10, 20..30], &[(0..30, &[0, 1])]);
        check(near, &[0..10, 21..30], &[(0..10, &[0]), (21..30, &[1])]);
        check(
            near,
            &[0..60, 60..100, 100..101],
            &[(0..100, &[0, 1]), (100..101, &[2])],
        );
        check(
            near,
            &[0..1000, 1000..1001],
            &[(0..1000, &[0]), (1000..1001, &[1])],
        );
        // Too many requests: the nearest neighbours go together, up to the widest gap that is worth it.
        let few = ArchiveLimits {
            requests: 2,
            widest_gap_bytes: 30,
            ..near
        };
        check(
            few,
            &[0..10, 35..40, 52..60],
            &[(0..10, &[0]), (35..60, &[1, 2])],
        );
        check(
            few,
            &[0..10, 21..30, 50..60, 80..90],
            &[(0..90, &[0, 1, 2, 3])],
        );
        check(
            few,
            &[0..10, 41..50, 81..90],
            &[(0..10, &[0]), (41..50, &[1]), (81..90, &[2])],
        );
        check(
            few,
            &[0..50, 70..90, 110..190],
            &[(0..90, &[0, 1]), (110..190, &[2])],
        );
    }
}
