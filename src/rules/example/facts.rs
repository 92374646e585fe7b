//! The facts that an example's words stand for. What an example does not say is known and harmless; what it lists under
//! `unread` is unknown.

use crate::model::distribution::{AbiClaim, DistributionFacts, NativeFile, NativeKind, TagClaim};
use crate::model::facts::{
    Abi, CodeFacts, CodeSightings, Fact, Flavour, Generator, GilDeclaration, Hazard, Hook,
    HookKind, ImageFacts, ImageFormat, InitFacts, InitKind, Interpreters, LimitedApi, PortingSign,
    Refcounts, Replacement, StableAbiAudit, StableSymbol, Toolchain, WritableData,
};
use crate::model::outcome::ModuleOutcome;
use crate::model::subject::SubjectFile;

use super::super::raw::{
    CodeSign, InterpretersKind, RawExample, RawHazard, RawModule, RawNative, UnreadFact,
};

/// The claim of an example's module that says what breaks one.
const CLAIM: &str = "cp39-abi3";

/// What importing the module does.
pub(super) fn outcome(raw: &RawModule) -> ModuleOutcome {
    ModuleOutcome {
        path: format!("{}.so", raw.name.replace('.', "/")),
        module: raw.name.clone(),
        gil: raw.gil,
        cause: raw.cause,
        reason: raw.reason.clone(),
        delegate: raw.delegate.clone(),
        declared_by: raw.declared_by.clone(),
        init: raw.init,
        abi: None,
        toolchain: raw.generator.map(|generator| Toolchain {
            generator,
            version: None,
        }),
        evidence: Vec::new(),
    }
}

/// What the module's file says.
pub(super) fn file(raw: &RawModule) -> SubjectFile {
    let claims = !raw.outside.is_empty() || !raw.too_new.is_empty();
    let audit = StableAbiAudit {
        claim: CLAIM.to_owned(),
        oldest: Some(9),
        outside: raw.outside.clone(),
        too_new: raw.too_new.iter().map(|symbol| too_new(symbol)).collect(),
    };
    let is_unread = raw.unread.contains(&UnreadFact::StableAbi);
    SubjectFile {
        claim: if claims || is_unread {
            claim("abi3")
        } else {
            AbiClaim::Nothing
        },
        image: image(raw),
        audits: if claims { vec![audit] } else { Vec::new() },
    }
}

fn too_new(symbol: &str) -> StableSymbol {
    StableSymbol {
        symbol: symbol.to_owned(),
        since: 13,
        optional: false,
    }
}

/// A fact, unless the example says that it could not be read.
fn read<T>(unread: &[UnreadFact], fact: UnreadFact, value: T) -> Fact<T> {
    match unread.contains(&fact) {
        true => Fact::unknown("this example could not be read"),
        false => Fact::known(value, Vec::new()),
    }
}

fn image(raw: &RawModule) -> ImageFacts {
    let unread = raw.unread.as_slice();
    let sign = |kind: &_| PortingSign {
        kind: *kind,
        symbols: vec!["lock".to_owned()],
        origin: raw.porting_origin,
    };
    let data = WritableData {
        initialised: raw.writable_data,
        ..WritableData::default()
    };
    let generator = raw.generator.unwrap_or(Generator::CApi);
    ImageFacts {
        format: ImageFormat::Elf,
        architecture: "x86_64".to_owned(),
        hooks: Fact::known(vec![hook(raw)], Vec::new()),
        python_imports: Fact::known(Vec::new(), Vec::new()),
        python_exports: Fact::known(Vec::new(), Vec::new()),
        libraries: Fact::known(Vec::new(), Vec::new()),
        abi: Fact::known(
            Abi {
                flavour: Flavour::FreeThreaded,
                versions: (None, None),
            },
            Vec::new(),
        ),
        refcounts: Fact::known(Refcounts::NoneSeen, Vec::new()),
        toolchain: Fact::known(
            Toolchain {
                generator,
                version: None,
            },
            Vec::new(),
        ),
        limited_api: read(unread, UnreadFact::StableAbi, LimitedApi::default()),
        hazards: read(
            unread,
            UnreadFact::Hazards,
            raw.hazards.iter().map(hazard).collect(),
        ),
        porting: read(
            unread,
            UnreadFact::Porting,
            raw.porting.iter().map(sign).collect(),
        ),
        writable_data: read(unread, UnreadFact::WritableData, data),
        code: read(unread, UnreadFact::Code, code(&raw.code)),
    }
}

fn code(signs: &[CodeSign]) -> CodeFacts {
    let seen = |sign| match signs.contains(&sign) {
        true => CodeSightings {
            count: 1,
            example: Some(0x1000),
        },
        false => CodeSightings::default(),
    };
    CodeFacts {
        bytes: 0,
        is_complete: true,
        non_atomic_counting: seen(CodeSign::NonAtomicCounting),
        biased_counting: seen(CodeSign::BiasedCounting),
        sole_owner_tests: seen(CodeSign::SoleOwnerTest),
        atomics: seen(CodeSign::Atomic),
        calls: Vec::new(),
    }
}

fn hook(raw: &RawModule) -> Hook {
    let module = raw.name.rsplit('.').next().unwrap_or(&raw.name);
    let declaration = GilDeclaration::Slot {
        value: raw.gil_value.unwrap_or(1),
    };
    let interpreters = match raw.interpreters {
        Some(InterpretersKind::Missing) => None,
        Some(InterpretersKind::NotSupported) => Some(Interpreters::NotSupported),
        Some(InterpretersKind::Supported) | None => Some(Interpreters::Supported),
        Some(InterpretersKind::PerInterpreterGil) => Some(Interpreters::PerInterpreterGil),
        Some(InterpretersKind::Other) => Some(Interpreters::Other(3)),
    };
    Hook {
        symbol: format!("PyInit_{module}"),
        kind: HookKind::Init,
        module: module.to_owned(),
        address: 0,
        matches_file_name: true,
        facts: InitFacts {
            init: Fact::known(raw.init.unwrap_or(InitKind::MultiPhase), Vec::new()),
            gil: read(&raw.unread, UnreadFact::GilValue, declaration),
            abi_info: Fact::known(None, Vec::new()),
            slots: Fact::known(Vec::new(), Vec::new()),
            interpreters: read(&raw.unread, UnreadFact::Interpreters, interpreters),
        },
    }
}

fn hazard(raw: &RawHazard) -> Hazard {
    let replacement = |name: &String| Replacement {
        name: name.clone(),
        since: Some(13),
        limited_since: Some(13),
    };
    Hazard {
        symbol: raw.symbol.clone(),
        level: raw.level,
        concern: raw.concern,
        replacement: raw.replacement.as_ref().map(replacement),
        origin: raw.origin,
        call_sites: None,
    }
}

/// What the file says that an installer gets.
pub(super) fn distribution(raw: &RawExample) -> DistributionFacts {
    let unread = raw.unread.as_slice();
    let tags =
        |tags: &[String]| -> Vec<TagClaim> { tags.iter().map(|tag| tag_claim(tag)).collect() };
    DistributionFacts {
        free_threading: read(unread, UnreadFact::Classifier, raw.classifier),
        requires_python: Fact::known(None, Vec::new()),
        generator: Fact::known(None, Vec::new()),
        name_claims: Fact::known(tags(&raw.tags), Vec::new()),
        wheel_claims: Fact::known(
            tags(raw.wheel_file_tags.as_ref().unwrap_or(&raw.tags)),
            Vec::new(),
        ),
        release: read(unread, UnreadFact::Release, raw.release.clone()),
        natives: read(
            unread,
            UnreadFact::Natives,
            raw.natives.iter().map(native).collect(),
        ),
    }
}

fn native(raw: &RawNative) -> NativeFile {
    NativeFile {
        path: raw.path.clone(),
        kind: NativeKind::Module,
        claim: raw.claim.as_deref().map(claim).unwrap_or_default(),
        abis: raw.bytes.as_deref().and_then(abi).into_iter().collect(),
    }
}

/// `cp314-cp314t`, `cp39-abi3`, `py3-none`.
fn tag_claim(tag: &str) -> TagClaim {
    let (python, abi_tag) = tag.split_once('-').unwrap_or((tag, "none"));
    let mut claim = claim(abi_tag);
    if let (
        AbiClaim::Cpython(Abi {
            flavour: Flavour::Abi3 | Flavour::Abi3t,
            versions,
        }),
        Some(minor),
    ) = (&mut claim, minor(python))
    {
        *versions = (Some(minor), None);
    }
    TagClaim {
        tag: tag.to_owned(),
        claim,
    }
}

fn claim(abi_tag: &str) -> AbiClaim {
    match abi(abi_tag) {
        Some(abi) => AbiClaim::Cpython(abi),
        None if abi_tag == "none" => AbiClaim::Nothing,
        None => AbiClaim::Other(abi_tag.to_owned()),
    }
}

/// `cp314`, `cp314t`, `abi3`, `abi3t`.
fn abi(word: &str) -> Option<Abi> {
    let open = |flavour| {
        Some(Abi {
            flavour,
            versions: (None, None),
        })
    };
    match word {
        "abi3" => open(Flavour::Abi3),
        "abi3t" => open(Flavour::Abi3t),
        _ => {
            let (flavour, version) = match word.strip_suffix('t') {
                Some(version) => (Flavour::FreeThreaded, version),
                None => (Flavour::Gil, word),
            };
            let minor = minor(version)?;
            Some(Abi {
                flavour,
                versions: (Some(minor), Some(minor)),
            })
        }
    }
}

/// The minor version of `cp314`.
fn minor(word: &str) -> Option<u8> {
    word.strip_prefix("cp3")?.parse().ok()
}
