//! From the facts that are about more than one hook to version 1 of their JSON.

use crate::model::distribution::{
    AbiClaim, DistributionFacts, FreeThreadingLevel, NativeFile, NativeKind, TagClaim,
};
use crate::model::facts::{
    CallSites, CodeFacts, CodeSightings, DocumentedLevel, Hazard, HazardConcern, ImportOrigin,
    Interpreters, LimitedApi, PortingKind, PortingSign, Replacement, StableAbiAudit, StableSymbol,
    WritableData,
};

use super::convert::{abi, all, fact, hexadecimal};
use super::facts_v1 as out;

/// What a wheel says of itself.
pub(super) fn distribution(facts: &DistributionFacts) -> out::DistributionV1 {
    out::DistributionV1 {
        free_threading: fact(&facts.free_threading, |level| level.map_or(0, level_number)),
        requires_python: fact(&facts.requires_python, |text| {
            text.clone().unwrap_or_default()
        }),
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

fn tag_claim(tag: &TagClaim) -> out::TagClaimV1 {
    out::TagClaimV1 {
        tag: tag.tag.clone(),
        claim: claim(&tag.claim),
    }
}

/// What a name claims.
pub(super) fn claim(claim: &AbiClaim) -> out::ClaimV1 {
    match claim {
        AbiClaim::Nothing => out::ClaimV1 {
            abi: None,
            other: None,
        },
        AbiClaim::Cpython(claimed) => out::ClaimV1 {
            abi: Some(abi(claimed)),
            other: None,
        },
        AbiClaim::Other(tag) => out::ClaimV1 {
            abi: None,
            other: Some(tag.clone()),
        },
    }
}

fn native(native: &NativeFile) -> out::NativeV1 {
    let kind = match native.kind {
        NativeKind::Module => out::NativeKindV1::Module,
        NativeKind::Library => out::NativeKindV1::Library,
        NativeKind::Program => out::NativeKindV1::Program,
        NativeKind::Unread => out::NativeKindV1::Unread,
    };
    out::NativeV1 {
        path: native.path.clone(),
        kind,
        claim: claim(&native.claim),
        abis: all(&native.abis, abi),
    }
}

/// What imports say of the stable ABI.
pub(super) fn limited_api(limited: &LimitedApi) -> out::LimitedApiV1 {
    out::LimitedApiV1 {
        outside: limited.outside.clone(),
        foreign: limited.foreign.clone(),
        added: all(&limited.added, stable_symbol),
        oldest: limited.oldest,
        compiled_for: limited.compiled_for,
    }
}

fn stable_symbol(symbol: &StableSymbol) -> out::StableSymbolV1 {
    out::StableSymbolV1 {
        symbol: symbol.symbol.clone(),
        since: symbol.since,
        optional: symbol.optional,
    }
}

/// What imports say of a claim to the stable ABI.
pub(super) fn audit(audit: &StableAbiAudit) -> out::AuditV1 {
    out::AuditV1 {
        claim: audit.claim.clone(),
        oldest: audit.oldest,
        outside: audit.outside.clone(),
        too_new: all(&audit.too_new, stable_symbol),
    }
}

/// A function that wants care.
pub(super) fn hazard(hazard: &Hazard) -> out::HazardV1 {
    let level = hazard.level.map(|level| match level {
        DocumentedLevel::Incompatible => out::HazardLevelV1::Incompatible,
        DocumentedLevel::Compatible => out::HazardLevelV1::Compatible,
        DocumentedLevel::Distinct => out::HazardLevelV1::Distinct,
        DocumentedLevel::Shared => out::HazardLevelV1::Shared,
    });
    let concern = hazard.concern.map(|concern| match concern {
        HazardConcern::BorrowedReference => out::ConcernV1::BorrowedReference,
        HazardConcern::OwnedByArgument => out::ConcernV1::OwnedByArgument,
        HazardConcern::ThreadState => out::ConcernV1::ThreadState,
        HazardConcern::Obsolete => out::ConcernV1::Obsolete,
        HazardConcern::ObjectMemory => out::ConcernV1::ObjectMemory,
        HazardConcern::AllocatorHook => out::ConcernV1::AllocatorHook,
        HazardConcern::ReferenceCount => out::ConcernV1::ReferenceCount,
    });
    out::HazardV1 {
        symbol: hazard.symbol.clone(),
        level,
        concern,
        replacement: hazard.replacement.as_ref().map(replacement),
        origin: origin(hazard.origin),
        call_sites: hazard.call_sites.as_ref().map(call_sites),
    }
}

fn replacement(replacement: &Replacement) -> out::ReplacementV1 {
    let Replacement {
        name,
        since,
        limited_since,
    } = replacement.clone();
    out::ReplacementV1 {
        name,
        since,
        limited_since,
    }
}

fn call_sites(sites: &CallSites) -> out::CallSitesV1 {
    let example = sites.example.map(hexadecimal);
    out::CallSitesV1 {
        count: sites.count,
        example,
        functions: sites.functions.clone(),
    }
}

fn origin(origin: ImportOrigin) -> out::OriginV1 {
    match origin {
        ImportOrigin::Author => out::OriginV1::Author,
        ImportOrigin::Generator => out::OriginV1::Generator,
        ImportOrigin::Unclear => out::OriginV1::Unclear,
    }
}

/// A sign of preparation.
pub(super) fn porting_sign(sign: &PortingSign) -> out::PortingSignV1 {
    let kind = match sign.kind {
        PortingKind::CriticalSection => out::PortingKindV1::CriticalSection,
        PortingKind::PyMutex => out::PortingKindV1::PyMutex,
        PortingKind::PythonLock => out::PortingKindV1::PythonLock,
        PortingKind::StdMutex => out::PortingKindV1::StdMutex,
        PortingKind::Pthread => out::PortingKindV1::Pthread,
        PortingKind::WindowsLock => out::PortingKindV1::WindowsLock,
        PortingKind::CallOnce => out::PortingKindV1::CallOnce,
        PortingKind::LocalStatic => out::PortingKindV1::LocalStatic,
        PortingKind::StrongReference => out::PortingKindV1::StrongReference,
        PortingKind::UniqueReference => out::PortingKindV1::UniqueReference,
    };
    out::PortingSignV1 {
        kind,
        symbols: sign.symbols.clone(),
        origin: origin(sign.origin),
    }
}

/// Writable memory.
pub(super) fn writable_data(data: &WritableData) -> out::WritableDataV1 {
    out::WritableDataV1 {
        initialised: data.initialised,
        zeroed: data.zeroed,
        pointers: data.pointers,
    }
}

/// What the instructions show.
pub(super) fn code(code: &CodeFacts) -> out::CodeV1 {
    let calls = code.calls.iter();
    out::CodeV1 {
        bytes: code.bytes,
        is_complete: code.is_complete,
        non_atomic_counting: sightings(code.non_atomic_counting),
        biased_counting: sightings(code.biased_counting),
        sole_owner_tests: sightings(code.sole_owner_tests),
        atomics: sightings(code.atomics),
        calls: calls
            .map(|calls| out::ImportCallsV1 {
                function: calls.function.clone(),
                sites: call_sites(&calls.sites),
            })
            .collect(),
    }
}

fn sightings(sightings: CodeSightings) -> out::SightingsV1 {
    out::SightingsV1 {
        count: sightings.count,
        example: sightings.example.map(hexadecimal),
    }
}

/// What the definition says of sub-interpreters.
pub(super) fn interpreters(interpreters: Option<&Interpreters>) -> out::InterpretersV1 {
    match interpreters {
        None => out::InterpretersV1::Absent,
        Some(Interpreters::NotSupported) => out::InterpretersV1::NotSupported,
        Some(Interpreters::Supported) => out::InterpretersV1::Supported,
        Some(Interpreters::PerInterpreterGil) => out::InterpretersV1::PerInterpreterGil,
        Some(Interpreters::Other(_)) => out::InterpretersV1::Undefined,
    }
}
