//! Which members of a wheel have to be unpacked: the rule of [`super::candidates`], carried out.

use std::collections::BTreeSet;

use crate::model::member::Entry;
use crate::model::passed_over::{PassedOver, WhyPassedOver};

use super::Contents;
use super::candidates::{
    Candidate, PREFIXES, SMALL_LIBRARY, Standing, Step, hiding_package, imports, installed_path, is_out_of_reach,
};
use super::peek::{Peek, peek};
use super::wheel::Wheel;

/// What to unpack and what to leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Selection {
    /// Members that an import system may load, in the archive's order.
    pub modules: Vec<Candidate>,
    /// Members that look importable by name and are left where they are; say so when `why` is `NotImported`.
    pub left: Vec<Left>,
    /// Members whose names keep an import system from them.
    pub passed_over: Vec<PassedOver>,
}

/// What the names of an archive's members tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedMembers<'a> {
    /// Members that an import system may load, in the archive's order.
    pub candidates: Vec<(Candidate, &'a Entry)>,
    /// Members whose names keep an import system from them, by path.
    pub passed_over: Vec<PassedOver>,
}

/// Tells members by their names.
pub fn by_name(contents: &dyn Contents) -> NamedMembers<'_> {
    let entries = contents.entries();
    let installed: BTreeSet<&str> = entries.iter().filter_map(|entry| installed_path(&entry.path)).collect();
    let mut named = NamedMembers::default();
    for entry in entries {
        let mut pass_over = |why| named.passed_over.push(PassedOver { path: entry.path.clone(), why });
        match Candidate::of(&entry.path) {
            Some(candidate) => match hiding_package(&candidate, &installed) {
                Some(package) => pass_over(WhyPassedOver::BehindPackage(package)),
                None => named.candidates.push((candidate, entry)),
            },
            None if is_out_of_reach(&entry.path) => pass_over(WhyPassedOver::DottedName),
            None => {}
        }
    }
    named.passed_over.sort();
    named
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
    let NamedMembers { candidates, passed_over } = by_name(wheel);
    let mut selection = Selection { passed_over, ..Selection::default() };
    let mut unclear = Vec::new();
    for (candidate, entry) in candidates {
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
        let seen = peek(&candidate.module, &prefix.bytes);
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
