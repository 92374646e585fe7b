//! Words for facts of an image and of a distribution, each in one line.

use crate::model::distribution::{
    AbiClaim, DistributionFacts, FreeThreadingLevel, NativeFile, NativeKind,
};
use crate::model::facts::{
    Abi, CodeFacts, DocumentedLevel, Flavour, Hazard, HazardConcern, ImportOrigin, Interpreters,
    LimitedApi, PortingKind, PortingSign, Replacement, StableAbiAudit, WritableData,
};

use super::super::sanitize::harmless;
use super::super::text::{bytes, count};

/// How many names of a list are spelled out.
const MOST: usize = 6;

/// Names with commas, the first few.
pub(super) fn some_of<'a>(names: impl IntoIterator<Item = &'a String>) -> String {
    let names: Vec<&String> = names.into_iter().collect();
    let told: Vec<String> = names.iter().take(MOST).map(|name| harmless(name)).collect();
    match names.len().saturating_sub(MOST) {
        0 => told.join(", "),
        more => format!("{} and {more} more", told.join(", ")),
    }
}

pub(super) fn limited_api(limited: &LimitedApi) -> String {
    let mut parts = Vec::new();
    if limited.outside.is_empty() {
        parts.push(match limited.oldest {
            Some(minor) => format!("every import is in the stable ABI of 3.{minor} and newer"),
            None => "nothing of the stable ABI is imported".to_owned(),
        });
    } else {
        let outside = count(limited.outside.len(), "import");
        parts.push(format!(
            "{outside} outside of the stable ABI: {}",
            some_of(&limited.outside)
        ));
    }
    if let Some(minor) = limited
        .compiled_for
        .filter(|_| limited.compiled_for != limited.oldest)
    {
        parts.push(format!(
            "if compiled for it, then for Py_LIMITED_API 3.{minor} or newer"
        ));
    }
    if !limited.foreign.is_empty() {
        parts.push(format!(
            "not CPython's by any list: {}",
            some_of(&limited.foreign)
        ));
    }
    parts.join("; ")
}

pub(super) fn audit(audit: &StableAbiAudit) -> String {
    let mut parts = Vec::new();
    if !audit.outside.is_empty() {
        parts.push(format!(
            "outside of the stable ABI: {}",
            some_of(&audit.outside)
        ));
    }
    if !audit.too_new.is_empty() {
        let names: Vec<String> = audit
            .too_new
            .iter()
            .map(|symbol| format!("{} (3.{})", symbol.symbol, symbol.since))
            .collect();
        parts.push(format!("too new: {}", some_of(&names)));
    }
    let claim = harmless(&audit.claim);
    if parts.is_empty() {
        format!("{claim}: its imports keep to it")
    } else {
        format!(
            "{claim}: its imports do not keep to it; {}",
            parts.join("; ")
        )
    }
}

pub(super) fn claim(claim: &AbiClaim, abi: impl Fn(&Abi) -> String) -> String {
    match claim {
        AbiClaim::Nothing => "nothing".to_owned(),
        AbiClaim::Cpython(claimed) => abi(claimed),
        AbiClaim::Other(tag) => format!("another interpreter, {}", harmless(tag)),
    }
}

/// The author's, spelled out unless they are mild; the rest counted.
pub(super) fn hazards(hazards: &[Hazard]) -> String {
    let of = |origin: ImportOrigin| hazards.iter().filter(move |hazard| hazard.origin == origin);
    let mut parts = Vec::new();
    for (origin, words) in [
        (ImportOrigin::Author, ""),
        (ImportOrigin::Unclear, "perhaps the generator's: "),
    ] {
        let grave: Vec<String> = of(origin)
            .filter(|hazard| !is_mild(hazard))
            .map(hazard)
            .collect();
        if !grave.is_empty() {
            parts.push(format!("{words}{}", some_of(&grave)));
        }
        let mild = of(origin).filter(|hazard| is_mild(hazard)).count();
        if mild > 0 {
            parts.push(format!("{words}{}", count(mild, "mild one")));
        }
    }
    let generator = of(ImportOrigin::Generator).count();
    if generator > 0 {
        parts.push(format!("{generator} that the generator brings along"));
    }
    if parts.is_empty() {
        "none seen".to_owned()
    } else {
        parts.join("; ")
    }
}

/// What is fine as long as objects are not shared carelessly.
fn is_mild(hazard: &Hazard) -> bool {
    let mild_level = matches!(
        hazard.level,
        None | Some(DocumentedLevel::Distinct | DocumentedLevel::Shared)
    );
    let mild_concern = matches!(hazard.concern, None | Some(HazardConcern::OwnedByArgument));
    mild_concern && (mild_level || hazard.concern.is_some())
}

fn hazard(hazard: &Hazard) -> String {
    let level = hazard.level.map(|level| match level {
        DocumentedLevel::Incompatible => "incompatible",
        DocumentedLevel::Compatible => "compatible",
        DocumentedLevel::Distinct => "distinct",
        DocumentedLevel::Shared => "shared",
    });
    let concern = hazard.concern.map(|concern| match concern {
        HazardConcern::BorrowedReference => "borrowed reference",
        HazardConcern::OwnedByArgument => "reference owned by its argument",
        HazardConcern::ThreadState => "thread state",
        HazardConcern::Obsolete => "obsolete",
        HazardConcern::ObjectMemory => "memory for objects only",
        HazardConcern::AllocatorHook => "allocator hook",
        HazardConcern::ReferenceCount => "reference count",
    });
    let sites = hazard
        .call_sites
        .as_ref()
        .map(|sites| count(sites.count as usize, "place"));
    let words: Vec<String> = [
        concern.or(level).map(str::to_owned),
        hazard.replacement.as_ref().map(replacement),
        sites,
    ]
    .into_iter()
    .flatten()
    .collect();
    format!("{} ({})", hazard.symbol, words.join(", "))
}

fn replacement(replacement: &Replacement) -> String {
    match replacement.since {
        Some(minor) => format!("{} since 3.{minor}", replacement.name),
        None => replacement.name.clone(),
    }
}

pub(super) fn porting(signs: &[PortingSign]) -> String {
    let told: Vec<String> = signs.iter().map(sign).collect();
    if told.is_empty() {
        "none seen".to_owned()
    } else {
        told.join(", ")
    }
}

fn sign(sign: &PortingSign) -> String {
    let words = match sign.kind {
        PortingKind::CriticalSection => "critical sections",
        PortingKind::PyMutex => "PyMutex",
        PortingKind::PythonLock => "PyThread locks",
        PortingKind::StdMutex => "std::mutex",
        PortingKind::Pthread => "POSIX locks",
        PortingKind::WindowsLock => "Windows locks",
        PortingKind::CallOnce => "functions that run once",
        PortingKind::LocalStatic => "guarded static variables of C++",
        PortingKind::StrongReference => "strong references",
        PortingKind::UniqueReference => "tests for unique references",
    };
    match sign.origin {
        ImportOrigin::Author => words.to_owned(),
        ImportOrigin::Generator => format!("{words} (the generator's)"),
        ImportOrigin::Unclear => format!("{words} (perhaps the generator's)"),
    }
}

pub(super) fn writable_data(data: &WritableData) -> String {
    let (initialised, zeroed) = (bytes(data.initialised), bytes(data.zeroed));
    format!(
        "{initialised} of data and {zeroed} of zeros, {} into the file itself",
        count(data.pointers as usize, "pointer")
    )
}

/// What the code shows, what was not seen left out.
pub(super) fn code(code: &CodeFacts) -> String {
    let sightings = [
        (code.non_atomic_counting, "counting that is not atomic"),
        (code.biased_counting, "biased counting"),
        (code.sole_owner_tests, "test for a sole owner"),
        (code.atomics, "atomic operation"),
    ];
    let seen = sightings.into_iter().filter_map(|(sightings, what)| {
        let example = sightings.example?;
        Some(format!(
            "{what} {}, as at {example:#x}",
            count(sightings.count as usize, "time")
        ))
    });
    let calls = code
        .calls
        .iter()
        .map(|calls| calls.sites.count as usize)
        .sum();
    let functions = count(code.calls.len(), "function");
    let calls = format!("{} of {functions} of the C API", count(calls, "call"));
    let size = if code.is_complete {
        bytes(code.bytes)
    } else {
        format!("the first {}", bytes(code.bytes))
    };
    let told: Vec<String> = seen.chain([calls]).collect();
    format!("at least, in {size}: {}", told.join("; "))
}

pub(super) fn interpreters(interpreters: Option<&Interpreters>) -> String {
    match interpreters {
        None => "no such slot".to_owned(),
        Some(Interpreters::NotSupported) => "the main interpreter only".to_owned(),
        Some(Interpreters::Supported) => "supported, with the main interpreter's GIL".to_owned(),
        Some(Interpreters::PerInterpreterGil) => "supported, each with a GIL of its own".to_owned(),
        Some(Interpreters::Other(value)) => format!("value {value}, which no version defines"),
    }
}

/// What a wheel says of itself, label and words.
pub(super) fn distribution(facts: &DistributionFacts) -> Vec<(&'static str, String)> {
    let mut lines = Vec::new();
    match facts.free_threading.value() {
        Some(Some(level)) => lines.push((
            "claims",
            format!("classifier Free Threading :: {}", level_words(*level)),
        )),
        Some(None) => lines.push(("claims", "no classifier about free threading".to_owned())),
        None => {}
    }
    if let Some(Some(requires)) = facts.requires_python.value() {
        lines.push(("requires", format!("Python {}", harmless(requires))));
    }
    if let Some(natives) = facts.natives.value().filter(|natives| !natives.is_empty()) {
        lines.push(("native", natives_words(natives)));
    }
    lines
}

fn level_words(level: FreeThreadingLevel) -> &'static str {
    match level {
        FreeThreadingLevel::Unstable => "1 - Unstable",
        FreeThreadingLevel::Beta => "2 - Beta",
        FreeThreadingLevel::Stable => "3 - Stable",
        FreeThreadingLevel::Resilient => "4 - Resilient",
    }
}

/// Modules are counted, since they are told one by one; what nobody imports is named.
fn natives_words(natives: &[NativeFile]) -> String {
    let kinds = [
        (NativeKind::Module, "module"),
        (NativeKind::Library, "file without a hook for its name"),
        (NativeKind::Program, "program"),
        (NativeKind::Unread, "library by its name"),
    ];
    let told = kinds.into_iter().filter_map(|(kind, word)| {
        let paths: Vec<&String> = natives
            .iter()
            .filter(|native| native.kind == kind)
            .map(|it| &it.path)
            .collect();
        let number = plural(paths.len(), word);
        match kind {
            _ if paths.is_empty() => None,
            NativeKind::Module => Some(number),
            _ => Some(format!("{number}: {}", some_of(paths))),
        }
    });
    let told: Vec<String> = told.chain(several_builds(natives)).collect();
    told.join("; ")
}

/// For which builds modules of the wheel were compiled, when for more than one.
fn several_builds(natives: &[NativeFile]) -> Option<String> {
    let mut flavours: Vec<Flavour> = natives
        .iter()
        .flat_map(|native| &native.abis)
        .map(|abi| abi.flavour)
        .collect();
    flavours.sort_unstable();
    flavours.dedup();
    if flavours.contains(&Flavour::Gil) || flavours.contains(&Flavour::Abi3) {
        flavours.retain(|flavour| *flavour != Flavour::GilOrAbi3);
    }
    let words = flavours.iter().map(|flavour| match flavour {
        Flavour::Gil => "builds with the GIL",
        Flavour::FreeThreaded => "free-threaded builds",
        Flavour::Abi3 => "abi3",
        Flavour::Abi3t => "abi3t",
        Flavour::GilOrAbi3 => "builds with the GIL or abi3",
    });
    (flavours.len() > 1).then(|| format!("several ABIs: {}", words.collect::<Vec<_>>().join(", ")))
}

fn plural(number: usize, word: &str) -> String {
    match (number, word) {
        (1, _) => format!("1 {word}"),
        (_, "file without a hook for its name") => {
            format!("{number} files without a hook for their names")
        }
        (_, "library by its name") => format!("{number} libraries by their names"),
        _ => format!("{number} {word}s"),
    }
}
