//! From the facts that are about more than one hook to version 1 of their JSON.

use crate::model::distribution::{Claim, DistributionFacts, FreeThreadingLevel, NativeFile, NativeKind, TagClaim};
use crate::model::facts::{
    CallSites, CodeFacts, Concern, DocumentedLevel, Hazard, Interpreters, LimitedApi, Origin, PortingKind, PortingSign,
    Replacement, Sightings, StableAbiAudit, StableSymbol, WritableData,
};

use super::convert::{abi, all, fact, hexadecimal};
use super::facts_v1 as out;

/// What a wheel says of itself.
pub(super) fn distribution(facts: &DistributionFacts) -> out::Distribution {
    out::Distribution {
        free_threading: fact(&facts.free_threading, |level| level.map_or(0, level_number)),
        requires_python: fact(&facts.requires_python, |text| text.clone().unwrap_or_default()),
        name_claims: fact(&facts.name_claims, |claims| all(claims, tag_claim)),
        wheel_claims: fact(&facts.wheel_claims, |claims| all(claims, tag_claim)),
        natives: fact(&facts.natives, |natives| all(natives, native)),
    }
}

fn level_number(level: FreeThreadingLevel) -> u8 {
    match level {
        FreeThreadingLevel::Unstable => 1,
        FreeThreadingLevel::Beta => 2,
        FreeThreadingLevel::Stable => 3,
        FreeThreadingLevel::Resilient => 4,
    }
}

fn tag_claim(tag: &TagClaim) -> out::TagClaim {
    out::TagClaim { tag: tag.tag.clone(), claim: claim(&tag.claim) }
}

/// What a name claims.
pub(super) fn claim(claim: &Claim) -> out::Claim {
    match claim {
        Claim::Nothing => out::Claim { abi: None, other: None },
        Claim::Cpython(claimed) => out::Claim { abi: Some(abi(claimed)), other: None },
        Claim::Other(tag) => out::Claim { abi: None, other: Some(tag.clone()) },
    }
}

fn native(native: &NativeFile) -> out::Native {
    let kind = match native.kind {
        NativeKind::Module => out::NativeKind::Module,
        NativeKind::Library => out::NativeKind::Library,
        NativeKind::Program => out::NativeKind::Program,
        NativeKind::Unread => out::NativeKind::Unread,
    };
    out::Native { path: native.path.clone(), kind, claim: claim(&native.claim), abis: all(&native.abis, abi) }
}

/// What imports say of the stable ABI.
pub(super) fn limited_api(limited: &LimitedApi) -> out::LimitedApi {
    out::LimitedApi {
        outside: limited.outside.clone(),
        foreign: limited.foreign.clone(),
        added: all(&limited.added, stable_symbol),
        oldest: limited.oldest,
        compiled_for: limited.compiled_for,
    }
}

fn stable_symbol(symbol: &StableSymbol) -> out::StableSymbol {
    out::StableSymbol { symbol: symbol.symbol.clone(), since: symbol.since, optional: symbol.optional }
}

/// What imports say of a claim to the stable ABI.
pub(super) fn audit(audit: &StableAbiAudit) -> out::Audit {
    out::Audit {
        claim: audit.claim.clone(),
        oldest: audit.oldest,
        outside: audit.outside.clone(),
        too_new: all(&audit.too_new, stable_symbol),
    }
}

/// A function that wants care.
pub(super) fn hazard(hazard: &Hazard) -> out::Hazard {
    let level = hazard.level.map(|level| match level {
        DocumentedLevel::Incompatible => out::Level::Incompatible,
        DocumentedLevel::Compatible => out::Level::Compatible,
        DocumentedLevel::Distinct => out::Level::Distinct,
        DocumentedLevel::Shared => out::Level::Shared,
    });
    let concern = hazard.concern.map(|concern| match concern {
        Concern::BorrowedReference => out::Concern::BorrowedReference,
        Concern::OwnedByArgument => out::Concern::OwnedByArgument,
        Concern::ThreadState => out::Concern::ThreadState,
        Concern::Obsolete => out::Concern::Obsolete,
        Concern::ObjectMemory => out::Concern::ObjectMemory,
        Concern::AllocatorHook => out::Concern::AllocatorHook,
        Concern::ReferenceCount => out::Concern::ReferenceCount,
    });
    out::Hazard {
        symbol: hazard.symbol.clone(),
        level,
        concern,
        replacement: hazard.replacement.as_ref().map(replacement),
        origin: origin(hazard.origin),
        call_sites: hazard.call_sites.as_ref().map(call_sites),
    }
}

fn replacement(replacement: &Replacement) -> out::Replacement {
    let Replacement { name, since, limited_since } = replacement.clone();
    out::Replacement { name, since, limited_since }
}

fn call_sites(sites: &CallSites) -> out::CallSites {
    let example = sites.example.map(hexadecimal);
    out::CallSites { count: sites.count, example, functions: sites.functions.clone() }
}

fn origin(origin: Origin) -> out::Origin {
    match origin {
        Origin::Author => out::Origin::Author,
        Origin::Generator => out::Origin::Generator,
        Origin::Unclear => out::Origin::Unclear,
    }
}

/// A sign of preparation.
pub(super) fn porting_sign(sign: &PortingSign) -> out::PortingSign {
    let kind = match sign.kind {
        PortingKind::CriticalSection => out::PortingKind::CriticalSection,
        PortingKind::PyMutex => out::PortingKind::PyMutex,
        PortingKind::PythonLock => out::PortingKind::PythonLock,
        PortingKind::StdMutex => out::PortingKind::StdMutex,
        PortingKind::Pthread => out::PortingKind::Pthread,
        PortingKind::WindowsLock => out::PortingKind::WindowsLock,
        PortingKind::CallOnce => out::PortingKind::CallOnce,
        PortingKind::LocalStatic => out::PortingKind::LocalStatic,
        PortingKind::StrongReference => out::PortingKind::StrongReference,
        PortingKind::UniqueReference => out::PortingKind::UniqueReference,
    };
    out::PortingSign { kind, symbols: sign.symbols.clone(), origin: origin(sign.origin) }
}

/// Writable memory.
pub(super) fn writable_data(data: &WritableData) -> out::WritableData {
    out::WritableData { initialised: data.initialised, zeroed: data.zeroed, pointers: data.pointers }
}

/// What the instructions show.
pub(super) fn code(code: &CodeFacts) -> out::Code {
    let calls = code.calls.iter();
    out::Code {
        bytes: code.bytes,
        is_complete: code.is_complete,
        non_atomic_counting: sightings(code.non_atomic_counting),
        biased_counting: sightings(code.biased_counting),
        sole_owner_tests: sightings(code.sole_owner_tests),
        atomics: sightings(code.atomics),
        calls: calls
            .map(|calls| out::ImportCalls { function: calls.function.clone(), sites: call_sites(&calls.sites) })
            .collect(),
    }
}

fn sightings(sightings: Sightings) -> out::Sightings {
    out::Sightings { count: sightings.count, example: sightings.example.map(hexadecimal) }
}

/// What the definition says of sub-interpreters.
pub(super) fn interpreters(interpreters: Option<&Interpreters>) -> out::Interpreters {
    match interpreters {
        None => out::Interpreters::Absent,
        Some(Interpreters::NotSupported) => out::Interpreters::NotSupported,
        Some(Interpreters::Supported) => out::Interpreters::Supported,
        Some(Interpreters::PerInterpreterGil) => out::Interpreters::PerInterpreterGil,
        Some(Interpreters::Other(_)) => out::Interpreters::Undefined,
    }
}
