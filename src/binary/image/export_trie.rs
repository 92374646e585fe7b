//! Mach-O's export trie, read in time linear in its size.
//!
//! A trie's nodes refer to each other by offset, so a hostile one can be a graph in which the number of paths is
//! exponential. Linkers write trees: a node that is reached twice means damage. The iterator of `object` allows such
//! graphs, and repeats its last error for ever, hence this reader.
//! Format: <https://github.com/apple-oss-distributions/dyld/blob/main/include/mach-o/loader.h>, at `dyld_info_command`.

use std::collections::HashSet;

/// An exported symbol.
pub(super) struct ExportedSymbol {
    /// Name as stored, with its leading underscore.
    pub(super) name: Vec<u8>,
    /// Where it is, relative to the image's header.
    pub(super) offset: u64,
}

const REEXPORT: u64 = 0x08;
const KIND_MASK: u64 = 0x03;
const KIND_THREAD_LOCAL: u64 = 0x01;
const KIND_ABSOLUTE: u64 = 0x02;

/// Reads a number of seven bits a byte, least significant first, off the front of `bytes`.
fn number(bytes: &mut &[u8]) -> Option<u64> {
    let mut value: u64 = 0;
    for shift in (0..64).step_by(7) {
        let (&byte, rest) = bytes.split_first()?;
        *bytes = rest;
        value |= u64::from(byte & 0x7f).checked_shl(shift)?;
        if byte & 0x80 == 0 {
            return Some(value);
        }
    }
    None
}

/// Every export that is an address in this image, at most `most` of them; the error says what is wrong.
pub(super) fn exports(
    trie: &[u8],
    most: usize,
    longest_name: usize,
) -> Result<Vec<ExportedSymbol>, &'static str> {
    let mut found = Vec::new();
    let mut seen = HashSet::new();
    let mut waiting = vec![(0_usize, Vec::new())];
    while let Some((start, name)) = waiting.pop() {
        if !seen.insert(start) {
            return Err("a node is reached twice");
        }
        let mut node = trie.get(start..).ok_or("a node is outside")?;
        let size = number(&mut node)
            .and_then(|size| usize::try_from(size).ok())
            .ok_or("a node is cut off")?;
        let (mut terminal, mut children) =
            node.split_at_checked(size).ok_or("a node is cut off")?;
        if let Some(offset) = address(&mut terminal) {
            if found.len() >= most {
                return Err("too many exports");
            }
            found.push(ExportedSymbol {
                name: name.clone(),
                offset,
            });
        }
        let (&count, rest) = children.split_first().ok_or("a node is cut off")?;
        children = rest;
        for _ in 0..count {
            let end = children
                .iter()
                .position(|&byte| byte == 0)
                .ok_or("an edge is cut off")?;
            let (edge, rest) = children.split_at(end);
            children = rest.get(1..).unwrap_or_default();
            let target = number(&mut children).and_then(|target| usize::try_from(target).ok());
            if name.len() + edge.len() > longest_name {
                return Err("a name is too long");
            }
            waiting.push((
                target.ok_or("an edge is cut off")?,
                [name.as_slice(), edge].concat(),
            ));
        }
    }
    Ok(found)
}

/// The address that a node's terminal part gives, relative to the image's header.
fn address(terminal: &mut &[u8]) -> Option<u64> {
    let flags = number(terminal)?;
    let is_address = !matches!(flags & KIND_MASK, KIND_THREAD_LOCAL | KIND_ABSOLUTE);
    if flags & REEXPORT != 0 || !is_address {
        None
    } else {
        number(terminal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_trees_and_refuses_graphs() {
        let check = |trie: &[u8], expected: Result<Vec<(&str, u64)>, &str>| {
            let found = exports(trie, 10, 100).map(|found| {
                found
                    .iter()
                    .map(|export| {
                        (
                            String::from_utf8(export.name.clone()).unwrap(),
                            export.offset,
                        )
                    })
                    .collect()
            });
            let expected: Result<Vec<(String, u64)>, &str> = expected.map(|exports| {
                exports
                    .into_iter()
                    .map(|(name, offset)| (name.to_owned(), offset))
                    .collect()
            });
            assert_eq!(found, expected, "{trie:?}");
        };
        check(&[0, 0], Ok(vec![]));
        check(&[], Err("a node is cut off"));
        check(
            &[0, 1, b'_', b'a', 0, 6, 2, 0, 0x10, 0],
            Ok(vec![("_a", 0x10)]),
        );
        check(
            &[0, 2, b'a', 0, 8, b'b', 0, 8, 0, 0],
            Err("a node is reached twice"),
        );
        check(&[0, 1, b'a', 0, 0], Err("a node is reached twice"));
        let prefix = [
            0, 1, b'_', b'a', 0, 6, 2, 0, 0x10, 1, b'b', 0, 13, 2, 0, 0x20, 0,
        ];
        check(&prefix, Ok(vec![("_a", 0x10), ("_ab", 0x20)]));
    }
}
