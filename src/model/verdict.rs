//! What is said of a package on a target.

use serde::{Deserialize, Serialize};

/// Verdicts, from the best to the worst: a package gets the worst that one of its parts gets.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Verdict {
    /// No compiled module that an interpreter could import.
    Pure,
    /// Every module declares that it does not need the GIL: it stays off.
    Ready,
    /// Installs as a pure wheel although there are compiled modules for the platform: it works, slower.
    PureFallback,
    /// Something that matters could not be read.
    Unknown,
    /// Only a source distribution fits: what it becomes is decided where it is built.
    Build,
    /// Importing it switches the GIL back on.
    Gil,
    /// Installs, but holds modules for another ABI that fail or crash when imported.
    Crash,
    /// Nothing fits: it cannot be installed.
    Blocked,
}

impl Verdict {
    /// All of them, from the best to the worst.
    pub const ALL: [Verdict; 8] = [
        Verdict::Pure,
        Verdict::Ready,
        Verdict::PureFallback,
        Verdict::Unknown,
        Verdict::Build,
        Verdict::Gil,
        Verdict::Crash,
        Verdict::Blocked,
    ];

    /// Whether nothing speaks against it: importing leaves the GIL as it is, and nothing is lost.
    pub fn is_good(self) -> bool {
        matches!(self, Verdict::Pure | Verdict::Ready)
    }

    /// The word used in every output.
    pub fn word(self) -> &'static str {
        match self {
            Verdict::Pure => "pure",
            Verdict::Ready => "ready",
            Verdict::PureFallback => "pure-fallback",
            Verdict::Unknown => "unknown",
            Verdict::Build => "build",
            Verdict::Gil => "gil",
            Verdict::Crash => "crash",
            Verdict::Blocked => "blocked",
        }
    }
}

/// What a verdict says to somebody who decides; the same three that the exit codes tell apart.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum DecisionSide {
    /// Nothing speaks against the package.
    For,
    /// Not known, or decided elsewhere.
    Open,
    /// It stands in the way.
    Against,
}

impl From<Verdict> for DecisionSide {
    fn from(verdict: Verdict) -> DecisionSide {
        match verdict {
            Verdict::Pure | Verdict::Ready | Verdict::PureFallback => DecisionSide::For,
            Verdict::Unknown | Verdict::Build => DecisionSide::Open,
            Verdict::Gil | Verdict::Crash | Verdict::Blocked => DecisionSide::Against,
        }
    }
}

/// Which way a verdict went from one report to another.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Movement {
    /// From a good verdict to one that is not, from an open to a bad one, from a bad to a worse one.
    Worse,
    /// The reverse.
    Better,
    /// Neither is known: what was bad is open now, or one word for the same became the other.
    Other,
}

impl Movement {
    /// Between two different verdicts. Whether one is better is said only where both are known: a package that can no longer
    /// be read has not become better, however bad it was.
    pub fn between(before: Verdict, after: Verdict) -> Movement {
        let (left, reached) = (DecisionSide::from(before), DecisionSide::from(after));
        match (left, reached) {
            (DecisionSide::Against, DecisionSide::Open) => Movement::Other,
            (DecisionSide::Against, DecisionSide::Against) if after > before => Movement::Worse,
            (DecisionSide::Against, DecisionSide::Against) => Movement::Better,
            (DecisionSide::For, DecisionSide::For) if after == Verdict::PureFallback => {
                Movement::Worse
            }
            (DecisionSide::For, DecisionSide::For) if before == Verdict::PureFallback => {
                Movement::Better
            }
            _ if left == reached => Movement::Other,
            _ if reached > left => Movement::Worse,
            _ => Movement::Better,
        }
    }
}

/// Who said that a module does not need the GIL.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum DeclaredBy {
    /// The author: the generator's default is to say nothing.
    Author,
    /// The framework, by default, named with its version where known; the author may never have thought of it.
    Framework(String),
    /// Another module on its behalf.
    Delegate(String),
    /// Which of them could not be made out, because the generator or its version is unknown.
    Unclear,
}
