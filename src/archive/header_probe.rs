//! Whether a large library can be imported at all, told from its beginning.
//!
//! A deflated member cannot be read from its middle, and a library of 500 MB is not fetched to learn that it is no
//! module. But linkers write the table of exported names first: an ELF file's `.gnu.hash` stands before its code. It
//! holds a 32-bit hash of every exported name, so a name whose hash is not in it is certainly not exported. Without the
//! section headers (they stand at the end) the table is found by its form, and believed only if it is consistent in every
//! bit: its Bloom filter must be exactly the one that its hashes give.
//!
//! This decides only whether a member is fetched; what it says of itself is read from its whole bytes, elsewhere.
//!
//! Format: <https://sourceware.org/legacy-ml/binutils/2006-10/msg00377.html>,
//! <https://flapenguin.me/elf-dt-gnu-hash>

use crate::cpython::init_function;

/// What the beginning of a file says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum HeaderProbe {
    /// It exports a function by which an interpreter could import it.
    Hook,
    /// It exports no such function.
    NoHook,
    /// The table is not in this part, a longer one may have it.
    Beyond,
    /// The table does not stand where linkers put it, or the file is of another format.
    Unclear,
}

/// Steps after which the search for the table is given up; a hostile file could ask for any number.
const STEPS: u64 = 256 << 20;

/// Looks for the hooks of a module in the beginning of its file; `module` is the last component of its name.
pub fn probe_header(module: &str, prefix: &[u8]) -> HeaderProbe {
    let Some(header) = ProbedHeaders::read(prefix) else {
        return HeaderProbe::Unclear;
    };
    let hooks = init_function::symbols(module);
    if hooks.is_empty() {
        return HeaderProbe::Unclear;
    }
    let mut steps = STEPS;
    let mut offset = header.end;
    while let Some(candidate) = GnuHashTable::header_at(prefix, offset) {
        if let Some(table) = candidate
            && table.is_consistent(&mut steps)
        {
            let found = hooks
                .iter()
                .any(|(_, symbol)| table.has(gnu_hash(symbol.as_bytes())));
            return if found {
                HeaderProbe::Hook
            } else {
                HeaderProbe::NoHook
            };
        }
        steps = steps.saturating_sub(1);
        if steps == 0 {
            return HeaderProbe::Unclear;
        }
        // The table is aligned to eight bytes.
        offset = (offset | 7) + 1;
    }
    if header.moved || prefix.len() as u64 >= header.first_segment {
        HeaderProbe::Unclear
    } else {
        HeaderProbe::Beyond
    }
}

fn u32_at(bytes: &[u8], offset: usize) -> Option<u32> {
    Some(u32::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

fn u64_at(bytes: &[u8], offset: usize) -> Option<u64> {
    Some(u64::from_le_bytes(*bytes.get(offset..)?.first_chunk()?))
}

/// What is needed of the file's and the program's headers.
struct ProbedHeaders {
    /// Where the program headers end.
    end: usize,
    /// Size of the first segment, which holds the table in a file as linkers write it.
    first_segment: u64,
    /// Whether `patchelf` moved the first sections to the end: the notes, which come first of all, are not in the
    /// first segment any more.
    moved: bool,
}

impl ProbedHeaders {
    /// Reads the headers of a 64-bit little-endian ELF file.
    fn read(bytes: &[u8]) -> Option<ProbedHeaders> {
        const LOAD: u32 = 1;
        const NOTE: u32 = 4;
        bytes.strip_prefix(b"\x7fELF\x02\x01")?;
        let start = usize::try_from(u64_at(bytes, 32)?).ok()?;
        let count = usize::from(u16::from_le_bytes(*bytes.get(56..)?.first_chunk()?));
        let end = start.checked_add(count.checked_mul(56)?)?;
        let headers = bytes.get(start..end)?;
        let mut first_segment = None;
        let mut notes = Vec::new();
        for header in headers.chunks_exact(56) {
            let (kind, offset, size) =
                (u32_at(header, 0)?, u64_at(header, 8)?, u64_at(header, 32)?);
            match kind {
                LOAD => first_segment = first_segment.or(Some(offset.saturating_add(size))),
                NOTE => notes.push(offset),
                _ => {}
            }
        }
        let first_segment = first_segment?;
        let moved = !notes.is_empty() && notes.iter().all(|offset| *offset >= first_segment);
        Some(ProbedHeaders {
            end,
            first_segment,
            moved,
        })
    }
}

/// A `.gnu.hash` table.
struct GnuHashTable<'a> {
    bytes: &'a [u8],
    buckets: u32,
    /// Index of the first symbol in the table.
    first: u32,
    shift: u32,
    bloom: usize,
    bloom_words: usize,
    bucket_start: usize,
    chain_start: usize,
}

impl<'a> GnuHashTable<'a> {
    /// The table that would start here. Outer `None`: the bytes have come to their end. Inner `None`: there is none.
    #[expect(
        clippy::option_option,
        reason = "the end of the bytes is not the absence of a table"
    )]
    fn header_at(bytes: &'a [u8], offset: usize) -> Option<Option<GnuHashTable<'a>>> {
        bytes.get(offset..offset.checked_add(32)?)?;
        Some(GnuHashTable::plausible_at(bytes, offset))
    }

    fn plausible_at(bytes: &'a [u8], offset: usize) -> Option<GnuHashTable<'a>> {
        let [buckets, first, words, shift] = [
            u32_at(bytes, offset)?,
            u32_at(bytes, offset + 4)?,
            u32_at(bytes, offset + 8)?,
            u32_at(bytes, offset + 12)?,
        ];
        if buckets == 0 || first == 0 || !words.is_power_of_two() || shift >= 32 {
            return None;
        }
        let bloom = offset + 16;
        let bloom_words = usize::try_from(words).ok()?;
        let bucket_start = bloom.checked_add(bloom_words.checked_mul(8)?)?;
        let chain_start =
            bucket_start.checked_add(usize::try_from(buckets).ok()?.checked_mul(4)?)?;
        bytes.get(chain_start..chain_start.checked_add(4)?)?;
        Some(GnuHashTable {
            bytes,
            buckets,
            first,
            shift,
            bloom,
            bloom_words,
            bucket_start,
            chain_start,
        })
    }

    fn bucket(&self, index: u32) -> Option<u32> {
        u32_at(
            self.bytes,
            self.bucket_start + 4 * usize::try_from(index).ok()?,
        )
    }

    fn hash(&self, symbol: u32) -> Option<u32> {
        let index = usize::try_from(symbol.checked_sub(self.first)?).ok()?;
        u32_at(
            self.bytes,
            self.chain_start.checked_add(index.checked_mul(4)?)?,
        )
    }

    /// Index of a hash's word in the Bloom filter, and its two bits.
    fn bloom_bits(&self, hash: u32) -> (usize, u64) {
        let word = (hash / 64) as usize & (self.bloom_words - 1);
        (word, 1 << (hash % 64) | 1 << ((hash >> self.shift) % 64))
    }

    /// Whether every part agrees with every other one. The bit that ends a chain replaces the lowest bit of a hash, so
    /// the filter is compared with both values that the hash may have had.
    fn is_consistent(&self, steps: &mut u64) -> bool {
        self.filter_agrees(steps).unwrap_or(false)
    }

    fn filter_agrees(&self, steps: &mut u64) -> Option<bool> {
        // Costs no memory and rejects nearly everything: the first symbol must lie in the first used bucket.
        let mut expected = self.first;
        let mut even = vec![];
        for index in 0..self.buckets {
            *steps = steps.checked_sub(1)?;
            let start = self.bucket(index)?;
            if start == 0 {
                continue;
            }
            if start != expected {
                return Some(false);
            }
            loop {
                *steps = steps.checked_sub(1)?;
                let hash = self.hash(expected)?;
                expected = expected.checked_add(1)?;
                let fits = [hash & !1, hash | 1].map(|hash| hash % self.buckets == index);
                match fits {
                    [false, false] => return Some(false),
                    _ => even.push((hash & !1, fits)),
                }
                if hash & 1 == 1 {
                    break;
                }
            }
        }
        let mut most = vec![0_u64; self.bloom_words];
        for (hash, fits) in &even {
            let mut present = false;
            for (value, fits) in [*hash, *hash | 1].into_iter().zip(*fits) {
                let (word, bits) = self.bloom_bits(value);
                let filter = u64_at(self.bytes, self.bloom + 8 * word)?;
                if fits && filter & bits == bits {
                    present = true;
                    *most.get_mut(word)? |= bits;
                }
            }
            if !present {
                return Some(false);
            }
        }
        // Every bit of the filter must come from a hash: random bytes and other tables fail here.
        for (word, bits) in most.iter().enumerate() {
            *steps = steps.checked_sub(1)?;
            if u64_at(self.bytes, self.bloom + 8 * word)? & !bits != 0 {
                return Some(false);
            }
        }
        Some(!even.is_empty())
    }

    /// Whether a name with this hash may be exported; never wrong when it says no.
    fn has(&self, hash: u32) -> bool {
        let Some(mut symbol) = self
            .bucket(hash % self.buckets)
            .filter(|symbol| *symbol != 0)
        else {
            return false;
        };
        while let Some(found) = self.hash(symbol) {
            if found | 1 == hash | 1 {
                return true;
            }
            if found & 1 == 1 {
                return false;
            }
            let Some(next) = symbol.checked_add(1) else {
                break;
            };
            symbol = next;
        }
        // The chain leads out of the table: cannot happen in one that is consistent.
        true
    }
}

fn gnu_hash(name: &[u8]) -> u32 {
    name.iter().fold(5381, |hash: u32, byte| {
        hash.wrapping_mul(33).wrapping_add(u32::from(*byte))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    /// An ELF header with one segment, and a table of these names after some zeros.
    fn file(names: &[&str], buckets: u32, words: usize) -> Vec<u8> {
        let mut hashes: Vec<u32> = names.iter().map(|name| gnu_hash(name.as_bytes())).collect();
        hashes.sort_by_key(|hash| hash % buckets);
        let mut filter = vec![0_u64; words];
        for hash in &hashes {
            filter[(hash / 64) as usize & (words - 1)] |=
                1 << (hash % 64) | 1 << ((hash >> 6) % 64);
        }
        let mut file = vec![0; 64];
        file[..6].copy_from_slice(b"\x7fELF\x02\x01");
        file[32] = 64;
        file[56] = 1;
        let mut segment = vec![0; 56];
        segment[0] = 1;
        segment[34] = 1; // 65536 bytes
        file.extend(segment);
        file.extend([0; 40]);
        for number in [buckets, 5, words as u32, 6] {
            file.extend(number.to_le_bytes());
        }
        filter
            .iter()
            .for_each(|word| file.extend(word.to_le_bytes()));
        for bucket in 0..buckets {
            let first = hashes.iter().position(|hash| hash % buckets == bucket);
            file.extend(first.map_or(0, |first| first as u32 + 5).to_le_bytes());
        }
        for (index, hash) in hashes.iter().enumerate() {
            let last = hashes
                .get(index + 1)
                .is_none_or(|next| next % buckets != hash % buckets);
            file.extend((hash & !1 | u32::from(last)).to_le_bytes());
        }
        file
    }

    #[test]
    fn a_table_tells_what_is_exported() {
        let names = [
            "PyInit_libx",
            "f",
            "g",
            "some_longer_name",
            "PyModExport_liby",
        ];
        for (buckets, words) in [(1, 1), (2, 1), (3, 2), (7, 4)] {
            let file = file(&names, buckets, words);
            assert_eq!(probe_header("libx", &file), HeaderProbe::Hook);
            assert_eq!(probe_header("liby", &file), HeaderProbe::Hook);
            assert_eq!(probe_header("libz", &file), HeaderProbe::NoHook);
            assert_eq!(
                probe_header("libz", &file[..file.len() - 4]),
                HeaderProbe::Beyond
            );
        }
    }

    #[test]
    fn a_table_with_a_wrong_bit_is_none() {
        let good = file(&["f", "g", "h"], 3, 2);
        for position in 160..good.len() {
            for bit in 0..8 {
                let mut bad = good.clone();
                bad[position] ^= 1 << bit;
                // The lowest bit of a hash is not in the file, so a flip may still give a table that could be.
                assert!(matches!(
                    probe_header("libz", &bad),
                    HeaderProbe::Beyond | HeaderProbe::NoHook
                ));
            }
        }
    }

    #[test]
    fn other_files_are_unclear() {
        assert_eq!(probe_header("libx", b""), HeaderProbe::Unclear);
        assert_eq!(
            probe_header("libx", b"\xcf\xfa\xed\xfe and more"),
            HeaderProbe::Unclear
        );
        assert_eq!(
            probe_header("libx", b"\x7fELF\x02\x01"),
            HeaderProbe::Unclear
        );
        assert_eq!(
            probe_header("libé", &file(&["f"], 1, 1)),
            HeaderProbe::NoHook
        );
        assert_eq!(
            probe_header("libé", &file(&["PyInitU_lib_dma"], 1, 1)),
            HeaderProbe::Hook
        );
        assert_eq!(
            probe_header("lib-x", &file(&["PyInit_lib_x"], 1, 1)),
            HeaderProbe::Hook
        );
    }
}
