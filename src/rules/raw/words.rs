//! The words that predicates ask for where the model has cases with more in them.

use serde::Deserialize;

/// What an installer gets, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names of the cases of `Offer`")]
pub enum OfferKind {
    Wheel,
    Pure,
    PureFallback,
    Source,
    Nothing,
    OtherPython,
    Unknown,
}

/// Who declared, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(missing_docs, reason = "the names of the cases of `DeclaredBy`")]
pub enum DeclaredByKind {
    Author,
    Framework,
    Delegate,
    Unclear,
}

/// What the set has for a module that is delegated to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DelegateState {
    /// It keeps the GIL off.
    NotUsed,
    /// It switches the GIL on.
    Used,
    /// It fails or crashes.
    NotLoadable,
    /// No package provides it.
    Missing,
}

/// The value of a declaration about the GIL, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum GilValue {
    /// `Py_MOD_GIL_USED`
    #[serde(rename = "0")]
    Used,
    /// `Py_MOD_GIL_NOT_USED`
    #[serde(rename = "1")]
    NotUsed,
    /// A value that has no name.
    #[serde(rename = "other")]
    Other,
}

/// What a definition says of sub-interpreters, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum InterpretersKind {
    /// It has no such slot.
    Missing,
    /// The main interpreter only.
    NotSupported,
    /// Those that share the GIL.
    Supported,
    /// Those with a GIL of their own.
    PerInterpreterGil,
    /// A value that no version defines.
    Other,
}

/// Why an imported function wants care: its concern, or where it has none its documented level.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "the names of the cases of `Concern` and `DocumentedLevel`"
)]
pub enum HazardKind {
    BorrowedReference,
    OwnedByArgument,
    ThreadState,
    Obsolete,
    ObjectMemory,
    AllocatorHook,
    ReferenceCount,
    Incompatible,
    Compatible,
    Distinct,
    Shared,
}

/// What instructions show.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum CodeSign {
    /// Inline reference counting that only the GIL protects.
    NonAtomicCounting,
    /// Inline reference counting of the free-threaded build.
    BiasedCounting,
    /// Tests whether a reference count is exactly one.
    SoleOwnerTest,
    /// Atomic instructions that have nothing to do with reference counting.
    Atomic,
}

/// How imports break a claim to the stable ABI.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum StableAbiBreach {
    /// Symbols that are not part of it.
    Outside,
    /// Symbols that the oldest claimed version does not have.
    TooNew,
}

/// The classifier `Free Threading :: …`, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
#[expect(
    missing_docs,
    reason = "the names of the cases of `FreeThreadingLevel`, and that there is none"
)]
pub enum ClassifierKind {
    Missing,
    Unstable,
    Beta,
    Stable,
    Resilient,
}

/// For which interpreters a wheel is, as a word.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ReleaseKind {
    /// The stable ABI of builds with the GIL.
    Abi3,
    /// The stable ABI of both builds.
    Abi3t,
    /// One version's free-threaded build.
    FreeThreaded,
    /// One version's build with the GIL.
    Gil,
}

/// How what names claim and what bytes show disagree.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum ClaimKind {
    /// A file's own name claims what its bytes are not.
    FileDisagrees,
    /// The wheel's tags claim what the bytes of a file without a claim of its own are not.
    TagDisagrees,
    /// The tags in the wheel's name are not those in its `WHEEL` file.
    TagsDiffer,
    /// A file's own name claims an ABI that none of the wheel's tags stands for.
    Stale,
}
