//! Which members of a wheel have to be unpacked: the rule of [`super::candidates`], carried out.

use crate::model::member::Entry;

use super::Contents;
use super::candidates::{Candidate, PREFIXES, SMALL_LIBRARY, Standing, Step, imports};
use super::peek::{Peek, peek};
use super::wheel::Wheel;

/// What to unpack and what to leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Members that an import system may load, in the archive's order.
    pub modules: Vec<Candidate>,
    /// Members that look importable by name and are left where they are; say so when `why` is `NotImported`.
    pub left: Vec<Left>,
}

/// A member that is left where it is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Left {
    /// Path inside the archive.
    pub path: String,
    /// Its size there.
    pub compressed_size: u64,
    /// Why it is left.
    pub why: WhyLeft,
}

/// Why a member is left where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WhyLeft {
    /// It exports no function by which an interpreter could import it.
    NoHook,
    /// What it exports stands at its end; it is called `lib…`, and no Python file of the wheel imports it. Somebody
    /// else's code still could.
    NotImported,
}

/// Chooses what to unpack. Costs a request or a few for each large untagged file, and for all Python files together
/// when a large library leaves it unclear. What cannot be looked at is chosen, so that reading it tells why.
pub fn select(wheel: &Wheel) -> Selection {
    let mut selection = Selection::default();
    let mut unclear = Vec::new();
    for entry in wheel.entries() {
        let Some(candidate) = Candidate::of(&entry.path) else { continue };
        let seen = match candidate.first_step(entry.compressed_size) {
            Step::Read => Peek::Hook,
            Step::Peek => look(wheel, &candidate, entry),
        };
        let is_library = candidate.standing == Standing::LibraryName && entry.compressed_size > SMALL_LIBRARY;
        match seen {
            Peek::NoHook => selection.left.push(Left::of(entry, WhyLeft::NoHook)),
            Peek::Unclear | Peek::Beyond if is_library => unclear.push((candidate, entry)),
            Peek::Hook | Peek::Unclear | Peek::Beyond => selection.modules.push(candidate),
        }
    }
    let imported = find_imports(wheel, &unclear);
    for ((candidate, entry), imported) in unclear.into_iter().zip(imported) {
        if imported {
            selection.modules.push(candidate);
        } else {
            selection.left.push(Left::of(entry, WhyLeft::NotImported));
        }
    }
    selection
}

impl Left {
    fn of(entry: &Entry, why: WhyLeft) -> Left {
        Left { path: entry.path.clone(), compressed_size: entry.compressed_size, why }
    }
}

/// Looks at longer and longer beginnings.
fn look(wheel: &Wheel, candidate: &Candidate, entry: &Entry) -> Peek {
    for packed in PREFIXES {
        let Ok(prefix) = wheel.read_prefix(&candidate.path, packed) else { return Peek::Hook };
        let seen = peek(&candidate.stem, &prefix.bytes);
        if seen != Peek::Beyond || packed >= entry.compressed_size {
            return seen;
        }
    }
    Peek::Beyond
}

/// For each library, whether a Python file of the wheel imports it; yes when one of them cannot be read.
fn find_imports(wheel: &Wheel, libraries: &[(Candidate, &Entry)]) -> Vec<bool> {
    let mut found = vec![false; libraries.len()];
    if libraries.is_empty() {
        return found;
    }
    let paths = wheel.entries().iter().map(|entry| entry.path.as_str());
    let paths: Vec<&str> = paths.filter(|path| path.ends_with(".py")).collect();
    for unpacked in wheel.members(&paths) {
        let text = unpacked.member.ok().map(|member| String::from_utf8_lossy(&member.bytes).into_owned());
        for (found, (candidate, _)) in found.iter_mut().zip(libraries) {
            *found |= text.as_ref().is_none_or(|text| imports(text, &candidate.stem));
        }
        if found.iter().all(|found| *found) {
            break;
        }
    }
    found
}
