//! What the data says and what following the code shows, put together.

use crate::binary::python::StaticInit;
use crate::evaluator::HookEvaluation;
use crate::model::evidence::Evidence;
use crate::model::facts::{Fact, InitFacts};

/// Puts both together: where only one knows, it decides; where they differ, nobody knows.
pub(super) fn merge(read: StaticInit, found: HookEvaluation) -> InitFacts {
    let HookEvaluation {
        facts: evaluated,
        created,
        is_complete,
        ..
    } = found;
    let gil = match &evaluated.gil {
        // All paths end, and what they end with is not known: the data is only what the code began with.
        Fact::Unknown { why, .. } if is_complete && evaluated.init.value().is_none() => {
            Fact::unknown(why.clone())
        }
        Fact::Unknown { .. } | Fact::Known { .. } => read.gil.finish_with(|gil| created.apply(gil)),
    };
    let read = InitFacts {
        init: read.init,
        gil,
        abi_info: read.abi_info,
        slots: read.slots,
        interpreters: read.interpreters,
    };
    merge_facts(read, evaluated)
}

fn merge_facts(read: InitFacts, evaluated: InitFacts) -> InitFacts {
    // A different way of initialisation means that the data which was read is not what the code uses.
    if let (Some(static_init), Some(init)) = (read.init.value(), evaluated.init.value())
        && static_init != init
    {
        let why = format!("the data reads as {static_init:?}, but its code does {init:?}");
        return InitFacts {
            init: contradiction(&why, &read.init, &evaluated.init),
            gil: contradiction(&why, &read.gil, &evaluated.gil),
            abi_info: contradiction(&why, &read.abi_info, &evaluated.abi_info),
            slots: contradiction(&why, &read.slots, &evaluated.slots),
            interpreters: contradiction(&why, &read.interpreters, &evaluated.interpreters),
        };
    }
    // Every path was followed to its end, and they do not agree on the declaration: code that fills its slots at run time
    // does that, and then the data is only what one of the paths finds.
    let gil = match (&evaluated.init, &evaluated.gil) {
        (Fact::Known { .. }, Fact::Unknown { why, .. }) => {
            contradiction(why, &read.gil, &evaluated.gil)
        }
        _ => merge_fact(read.gil, evaluated.gil),
    };
    InitFacts {
        init: merge_fact(read.init, evaluated.init),
        gil,
        abi_info: merge_fact(read.abi_info, evaluated.abi_info),
        slots: merge_fact(read.slots, evaluated.slots),
        interpreters: merge_fact(read.interpreters, evaluated.interpreters),
    }
}

fn contradiction<T>(why: &str, read: &Fact<T>, evaluated: &Fact<T>) -> Fact<T> {
    Fact::Unknown {
        why: why.to_owned(),
        evidence: both(read.evidence(), evaluated.evidence()),
    }
}

fn merge_fact<T: PartialEq + std::fmt::Debug>(read: Fact<T>, evaluated: Fact<T>) -> Fact<T> {
    match (read, evaluated) {
        (
            Fact::Known { value, evidence },
            Fact::Known {
                value: other,
                evidence: more,
            },
        ) if value == other => {
            let mut evidence = evidence;
            for seen in more {
                // What has no value of its own only names a place that may be named already.
                let is_told = |it: &Evidence| {
                    it.address == seen.address && (seen.value.is_none() || it.value == seen.value)
                };
                let is_new = seen.address.is_none() || !evidence.iter().any(is_told);
                if is_new && !evidence.contains(&seen) {
                    evidence.push(seen);
                }
            }
            Fact::Known { value, evidence }
        }
        (
            Fact::Known { value, evidence },
            Fact::Known {
                value: other,
                evidence: more,
            },
        ) => {
            let why = format!("the data reads as {value:?}, but its code shows {other:?}");
            Fact::Unknown {
                why,
                evidence: both(&evidence, &more),
            }
        }
        (known @ Fact::Known { .. }, Fact::Unknown { .. })
        | (Fact::Unknown { .. }, known @ Fact::Known { .. }) => known,
        (
            Fact::Unknown { evidence, .. },
            Fact::Unknown {
                why,
                evidence: more,
            },
        ) => Fact::Unknown {
            why,
            evidence: both(&evidence, &more),
        },
    }
}

/// Both, and what is in both once.
fn both(read: &[Evidence], evaluated: &[Evidence]) -> Vec<Evidence> {
    let more = evaluated.iter().filter(|seen| !read.contains(seen));
    read.iter().chain(more).cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::facts::{GilDeclaration, InitKind};

    fn known<T>(value: T) -> Fact<T> {
        Fact::known(value, vec![Evidence::new("seen")])
    }

    fn evaluation(init: Fact<InitKind>, gil: Fact<GilDeclaration>) -> InitFacts {
        InitFacts {
            init,
            gil,
            abi_info: Fact::unknown("a"),
            slots: Fact::unknown("b"),
            interpreters: Fact::unknown("c"),
        }
    }

    #[test]
    fn one_who_knows_decides_and_two_must_agree() {
        let (single, multi) = (known(InitKind::SinglePhase), known(InitKind::MultiPhase));
        let (used, not_used) = (
            GilDeclaration::Slot { value: 0 },
            GilDeclaration::Slot { value: 1 },
        );
        let cases = [
            (
                evaluation(multi.clone(), known(used.clone())),
                evaluation(nobody(), nobody()),
                Some(used.clone()),
            ),
            (
                evaluation(multi.clone(), nobody()),
                evaluation(multi.clone(), known(used.clone())),
                Some(used.clone()),
            ),
            (
                evaluation(multi.clone(), known(used.clone())),
                evaluation(nobody(), nobody()),
                Some(used.clone()),
            ),
            (
                evaluation(multi.clone(), known(used.clone())),
                evaluation(multi.clone(), known(used.clone())),
                Some(used.clone()),
            ),
            (
                evaluation(multi.clone(), known(used.clone())),
                evaluation(multi.clone(), known(not_used)),
                None,
            ),
            (
                evaluation(multi.clone(), known(used.clone())),
                evaluation(multi.clone(), nobody()),
                None,
            ),
            (
                evaluation(multi, known(used.clone())),
                evaluation(single, known(used)),
                None,
            ),
        ];
        for (number, (read, evaluated, expected)) in cases.into_iter().enumerate() {
            let gil = merge_facts(read, evaluated).gil;
            assert_eq!(gil.value(), expected.as_ref(), "case {number}");
            assert!(
                gil.value().is_none() || gil.evidence().len() == 1,
                "case {number}: evidence once"
            );
        }
    }

    fn nobody<T>() -> Fact<T> {
        Fact::unknown("nobody knows")
    }
}
