//! What a team lets pass: the measure that a gate is held to.

use std::collections::BTreeMap;

use super::gate::Waiver;
use super::verdict::Verdict;

/// What a policy says of one kind of thing, from the mildest to the strictest.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Ruling {
    /// It does not count.
    Pass,
    /// It leaves the gate open.
    Open,
    /// It breaks the policy.
    Fail,
}

impl Ruling {
    /// All of them.
    pub const ALL: [Ruling; 3] = [Ruling::Fail, Ruling::Open, Ruling::Pass];

    /// The word used in configuration, for options and in outputs.
    pub fn word(self) -> &'static str {
        match self {
            Ruling::Pass => "pass",
            Ruling::Open => "open",
            Ruling::Fail => "fail",
        }
    }
}

/// One kind of thing that a policy can rule on.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum PolicySubject {
    /// A verdict, and all findings that lead to it.
    Verdict(Verdict),
    /// The findings of a rule, whatever their level.
    Rule(String),
    /// A problem: something that could not be looked at.
    Problem,
    /// A waiver whose last day is over.
    WaiverExpired,
    /// A waiver that covers nothing.
    WaiverUnused,
}

/// What passes, what leaves the gate open and what breaks it; and what has been waived.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Policy {
    /// What is ruled otherwise than usual.
    pub rulings: BTreeMap<PolicySubject, Ruling>,
    /// Decisions to go on in spite of something, in the order in which they are written.
    pub waivers: Vec<Waiver>,
}
