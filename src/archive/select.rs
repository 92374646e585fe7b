//! Which members of a wheel have to be unpacked: the rule of [`super::candidates`], carried out.

use std::collections::BTreeSet;

use crate::model::member::MemberEntry;
use crate::model::passed_over::{PassedOver, WhyPassedOver};

use super::ArchiveContents;
use super::candidates::{
    ModuleCandidate, NameStanding, PREFIXES, ProbeStep, SMALL_LIBRARY, hiding_package, imports,
    installed_path, is_out_of_reach,
};
use super::header_probe::{HeaderProbe, probe_header};
use super::wheel::WheelArchive;

/// What to unpack and what to leave.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct MemberSelection {
    /// Members that an import system may load, in the archive's order.
    pub modules: Vec<ModuleCandidate>,
    /// Members that look importable by name and are left where they are; say so when `why` is `NotImported`.
    pub left: Vec<SkippedMember>,
    /// Members whose names keep an import system from them.
    pub passed_over: Vec<PassedOver>,
}

/// What the names of an archive's members tell.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct NamedMembers<'a> {
    /// Members that an import system may load, in the archive's order.
    pub candidates: Vec<(ModuleCandidate, &'a MemberEntry)>,
    /// Members whose names keep an import system from them, by path.
    pub passed_over: Vec<PassedOver>,
}

/// Tells members by their names.
pub fn by_name(contents: &dyn ArchiveContents) -> NamedMembers<'_> {
    let entries = contents.entries();
    let installed: BTreeSet<&str> = entries
        .iter()
        .filter_map(|entry| installed_path(&entry.path))
        .collect();
    let mut named = NamedMembers::default();
    for entry in entries {
        let mut pass_over = |why| {
            named.passed_over.push(PassedOver {
                path: entry.path.clone(),
                why,
            })
        };
        match ModuleCandidate::of(&entry.path) {
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
pub struct SkippedMember {
    /// Path inside the archive.
    pub path: String,
    /// Its size there.
    pub compressed_size: u64,
    /// Why it is left.
    pub why: SkipReason,
}

/// Why a member is left where it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum SkipReason {
    /// It exports no function by which an interpreter could import it.
    NoHook,
    /// What it exports stands at its end; it is called `lib…`, and no Python file of the wheel imports it. Somebody
    /// else's code still could.
    NotImported,
}

/// Chooses what to unpack. Costs a request or a few for each large untagged file, and for all Python files together
/// when a large library leaves it unclear. What cannot be looked at is chosen, so that reading it tells why.
pub fn select(wheel: &WheelArchive) -> MemberSelection {
    let NamedMembers {
        candidates,
        passed_over,
    } = by_name(wheel);
    let mut selection = MemberSelection {
        passed_over,
        ..MemberSelection::default()
    };
    let mut unclear = Vec::new();
    for (candidate, entry) in candidates {
        let seen = match candidate.first_step(entry.compressed_size) {
            ProbeStep::Read => HeaderProbe::Hook,
            ProbeStep::Peek => look(wheel, &candidate, entry),
        };
        let is_library = candidate.standing == NameStanding::LibraryName
            && entry.compressed_size > SMALL_LIBRARY;
        match seen {
            HeaderProbe::NoHook => selection
                .left
                .push(SkippedMember::of(entry, SkipReason::NoHook)),
            HeaderProbe::Unclear | HeaderProbe::Beyond if is_library => {
                unclear.push((candidate, entry))
            }
            HeaderProbe::Hook | HeaderProbe::Unclear | HeaderProbe::Beyond => {
                selection.modules.push(candidate)
            }
        }
    }
    let imported = find_imports(wheel, &unclear);
    for ((candidate, entry), imported) in unclear.into_iter().zip(imported) {
        if imported {
            selection.modules.push(candidate);
        } else {
            selection
                .left
                .push(SkippedMember::of(entry, SkipReason::NotImported));
        }
    }
    selection
}

impl SkippedMember {
    fn of(entry: &MemberEntry, why: SkipReason) -> SkippedMember {
        SkippedMember {
            path: entry.path.clone(),
            compressed_size: entry.compressed_size,
            why,
        }
    }
}

/// Looks at longer and longer beginnings.
fn look(wheel: &WheelArchive, candidate: &ModuleCandidate, entry: &MemberEntry) -> HeaderProbe {
    for packed in PREFIXES {
        let Ok(prefix) = wheel.read_prefix(&candidate.path, packed) else {
            return HeaderProbe::Hook;
        };
        let seen = probe_header(&candidate.module, &prefix.bytes);
        if seen != HeaderProbe::Beyond || packed >= entry.compressed_size {
            return seen;
        }
    }
    HeaderProbe::Beyond
}

/// For each library, whether a Python file of the wheel imports it; yes when one of them cannot be read.
fn find_imports(wheel: &WheelArchive, libraries: &[(ModuleCandidate, &MemberEntry)]) -> Vec<bool> {
    let mut found = vec![false; libraries.len()];
    if libraries.is_empty() {
        return found;
    }
    let paths = wheel.entries().iter().map(|entry| entry.path.as_str());
    let paths: Vec<&str> = paths.filter(|path| path.ends_with(".py")).collect();
    for unpacked in wheel.members(&paths) {
        let text = unpacked
            .member
            .ok()
            .map(|member| String::from_utf8_lossy(&member.bytes).into_owned());
        for (found, (candidate, _)) in found.iter_mut().zip(libraries) {
            *found |= text
                .as_ref()
                .is_none_or(|text| imports(text, &candidate.stem));
        }
        if found.iter().all(|found| *found) {
            break;
        }
    }
    found
}
