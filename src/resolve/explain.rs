//! A conflict in plain words: PubGrub's chain of reasons, with the lines of input that take part in it.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use pubgrub::{DefaultStringReporter, Derived, External, Map, ReportFormatter, Reporter, Term};

use super::ResolveError;
use super::candidates::VersionCatalog;
use super::node::SolverNode;
use super::ranges::{self, VersionRange};
use super::reasons::{NoSolutionTree, SolverFact, facts};
use super::solver::SolverSession;
use super::why;
use crate::model::name::PackageName;
use crate::model::place::Place;

/// Chains with more links than this are given as a list of facts: nobody follows them, and the reporter recurses.
const LINKS: usize = 60;
/// How many facts such a list has at most.
const FACTS: usize = 30;
/// How many pieces of a set of versions are still readable.
const READABLE: usize = 2;
/// How many versions that do not count are named.
const NAMED: usize = 3;

/// The error for a search without solution.
pub(super) fn conflict(session: &SolverSession<'_>, reasons: &NoSolutionTree) -> ResolveError {
    let facts = facts(reasons);
    let names: BTreeSet<&PackageName> = facts
        .iter()
        .flat_map(|fact| nodes(fact))
        .filter_map(SolverNode::name)
        .collect();
    let places: BTreeSet<Place> = names
        .iter()
        .flat_map(|name| session.plan.places(name))
        .cloned()
        .collect();
    let words = ExplanationWords { session };
    let explanation = if depth(reasons) <= LINKS {
        let reasons = words.without_gaps(reasons, &mut HashMap::new());
        DefaultStringReporter::report_with_formatter(&reasons, &words)
    } else {
        let lines: Vec<String> = facts
            .iter()
            .take(FACTS)
            .map(|fact| words.fact(fact))
            .collect();
        format!("These cannot all hold:\n{}", lines.join("\n"))
    };
    ResolveError::Conflict {
        target: session.plan.selector.target,
        explanation: capitalised(&explanation),
        places: places.into_iter().collect(),
        packages: names.into_iter().cloned().collect(),
        exhausted: exhausted(&facts),
    }
}

/// The packages of which no version was left.
fn exhausted(facts: &[&SolverFact]) -> BTreeSet<PackageName> {
    let named = facts.iter().filter_map(|fact| match fact {
        External::NoVersions(node, _) | External::Custom(node, ..) => node.name().cloned(),
        External::NotRoot(..) | External::FromDependencyOf(..) => None,
    });
    named.collect()
}

fn depth(reasons: &NoSolutionTree) -> usize {
    let (mut deepest, mut waiting, mut seen) = (0, vec![(reasons, 1)], HashSet::new());
    while let Some((reason, depth)) = waiting.pop() {
        deepest = deepest.max(depth);
        if let NoSolutionTree::Derived(Derived { cause1, cause2, .. }) = reason
            && seen.insert((std::ptr::from_ref(reason), depth))
            && deepest <= LINKS
        {
            waiting.extend([(&**cause1, depth + 1), (&**cause2, depth + 1)]);
        }
    }
    deepest
}

fn nodes(fact: &SolverFact) -> Vec<&SolverNode> {
    match fact {
        External::NotRoot(node, _) | External::NoVersions(node, _) | External::Custom(node, ..) => {
            vec![node]
        }
        External::FromDependencyOf(node, _, other, _) => vec![node, other],
    }
}

/// As a sentence begins, unless it begins with a name, which is written as its owner writes it.
fn capitalised(text: &str) -> String {
    let is_ours = ["the", "there", "no", "none"]
        .iter()
        .any(|word| text.split(' ').next() == Some(word));
    if !is_ours {
        return text.to_owned();
    }
    let mut characters = text.chars();
    characters.next().map_or_else(String::new, |first| {
        first.to_uppercase().chain(characters).collect()
    })
}

/// Facts and conclusions as sentences.
struct ExplanationWords<'a> {
    session: &'a SolverSession<'a>,
}

impl ExplanationWords<'_> {
    /// The same chain without the links that only say that there is nothing between two versions that exist.
    fn without_gaps(
        &self,
        reasons: &NoSolutionTree,
        done: &mut HashMap<*const NoSolutionTree, Arc<NoSolutionTree>>,
    ) -> NoSolutionTree {
        let NoSolutionTree::Derived(derived) = reasons else {
            return reasons.clone();
        };
        let Derived {
            terms,
            shared_id,
            cause1,
            cause2,
        } = derived;
        if self.is_gap(cause1, cause2) {
            return self.without_gaps(cause2, done);
        }
        if self.is_gap(cause2, cause1) {
            return self.without_gaps(cause1, done);
        }
        let mut shortened = |cause: &Arc<NoSolutionTree>| {
            if let Some(done) = done.get(&Arc::as_ptr(cause)) {
                return done.clone();
            }
            let shortened = Arc::new(self.without_gaps(cause, done));
            done.insert(Arc::as_ptr(cause), shortened.clone());
            shortened
        };
        let (cause1, cause2) = (shortened(cause1), shortened(cause2));
        NoSolutionTree::Derived(Derived {
            terms: terms.clone(),
            shared_id: *shared_id,
            cause1,
            cause2,
        })
    }

    /// Whether the fact only rules out versions that nobody ever released, while its neighbour speaks of others too.
    fn is_gap(&self, fact: &NoSolutionTree, neighbour: &NoSolutionTree) -> bool {
        let NoSolutionTree::External(External::NoVersions(node, range)) = fact else {
            return false;
        };
        let Some(offer) = node.name().and_then(|name| self.session.offer(name).ok()) else {
            return false;
        };
        let hidden = offer.hidden.iter().map(|(version, _)| version);
        if offer
            .versions()
            .chain(hidden)
            .any(|version| range.contains(version))
        {
            return false;
        }
        let spoken_of = match neighbour {
            NoSolutionTree::Derived(derived) => derived.terms.get(node).map(|term| match term {
                Term::Positive(range) | Term::Negative(range) => range,
            }),
            NoSolutionTree::External(External::FromDependencyOf(one, range, ..)) if one == node => {
                Some(range)
            }
            NoSolutionTree::External(External::FromDependencyOf(_, _, other, range))
                if other == node =>
            {
                Some(range)
            }
            NoSolutionTree::External(_) => None,
        };
        spoken_of.is_some_and(|spoken_of| !spoken_of.subset_of(range))
    }

    fn fact(&self, fact: &SolverFact) -> String {
        match fact {
            External::NotRoot(..) => "the input is to be resolved".to_owned(),
            External::NoVersions(node, range) => self.absence(node, range),
            External::Custom(node, range, reason) => {
                format!("{} {reason}", self.subject(node, range))
            }
            External::FromDependencyOf(SolverNode::Root, _, to, range) => self.asked(to, range),
            External::FromDependencyOf(node, range, to, needed) => {
                // As its author wrote it, unless that is a long list of exceptions.
                let needed = match needed.iter().nth(READABLE) {
                    None => named(to, &ranges::describe(needed)),
                    Some(_) => self.subject(to, needed),
                };
                format!("{} requires {needed}", self.subject(node, range))
            }
        }
    }

    /// What each line of the input says of the package.
    fn asked(&self, to: &SolverNode, range: &VersionRange) -> String {
        let plan = &self.session.plan;
        let demands = plan
            .demands
            .iter()
            .filter(|demand| to.name() == Some(&demand.name));
        let constraints = to
            .name()
            .and_then(|name| plan.constraints.get(name))
            .into_iter()
            .flatten();
        let mut sentences: Vec<String> = demands
            .map(|demand| {
                format!(
                    "{} asks for {}",
                    demand.place,
                    named(to, &ranges::describe(&demand.range))
                )
            })
            .chain(constraints.map(|bound| {
                format!(
                    "{} allows {}",
                    bound.place,
                    named(to, &ranges::describe(&bound.range))
                )
            }))
            .collect();
        sentences.dedup();
        if sentences.is_empty() {
            sentences.push(format!(
                "the input asks for {}",
                named(to, &ranges::describe(range))
            ));
        }
        sentences.join(" and ")
    }

    /// A package with its versions, in the shortest words that mean the same among the versions that exist.
    fn subject(&self, node: &SolverNode, range: &VersionRange) -> String {
        let offer = node.name().and_then(|name| self.session.offer(name).ok());
        let range = match offer {
            Some(offer) if offer.versions().all(|version| range.contains(version)) => {
                VersionRange::full()
            }
            Some(offer) => range.simplify(offer.versions()),
            None => range.clone(),
        };
        named(node, &ranges::describe(&range))
    }

    fn absence(&self, node: &SolverNode, range: &VersionRange) -> String {
        let wanted = named(node, &ranges::describe(range));
        let Some(offer) = node.name().and_then(|name| self.session.offer(name).ok()) else {
            return format!("there is no {wanted}");
        };
        let hidden: Vec<String> = offer
            .hidden
            .iter()
            .filter(|(version, _)| range.contains(version))
            .take(NAMED)
            .map(|(version, reason)| format!("{version} is {reason}"))
            .collect();
        if !hidden.is_empty() {
            return format!("no version of {wanted} counts ({})", hidden.join("; "));
        }
        self.nothing_fits(&offer, range).unwrap_or_else(|| {
            let newest = offer.candidates.first().map_or_else(String::new, |newest| {
                format!(" (newest: {})", newest.version)
            });
            format!("there is no {wanted}{newest}")
        })
    }

    fn nothing_fits(&self, offer: &VersionCatalog, range: &VersionRange) -> Option<String> {
        let candidate = offer
            .candidates
            .iter()
            .find(|candidate| range.contains(&candidate.version))?;
        Some(why::nothing_fits(
            &self.session.plan.selector,
            offer,
            candidate,
        ))
    }
}

fn named(node: &SolverNode, range: &str) -> String {
    format!("{node}{range}")
}

impl ReportFormatter<SolverNode, VersionRange, String> for ExplanationWords<'_> {
    type Output = String;

    fn format_external(&self, external: &SolverFact) -> String {
        self.fact(external)
    }

    fn format_terms(&self, terms: &Map<SolverNode, Term<VersionRange>>) -> String {
        let mut terms: Vec<_> = terms
            .iter()
            .filter(|(node, _)| **node != SolverNode::Root)
            .collect();
        terms.sort_by_key(|(node, _)| *node);
        match terms.as_slice() {
            [] => "the requirements cannot be satisfied".to_owned(),
            [(node, Term::Positive(range))] => {
                format!("{} cannot be used", self.subject(node, range))
            }
            [(node, Term::Negative(range))] => format!("{} is needed", self.subject(node, range)),
            [
                (one, Term::Positive(range)),
                (other, Term::Negative(needed)),
            ]
            | [
                (other, Term::Negative(needed)),
                (one, Term::Positive(range)),
            ] => self.fact(&External::FromDependencyOf(
                (*one).clone(),
                range.clone(),
                (*other).clone(),
                needed.clone(),
            )),
            several => {
                let several: Vec<String> = several
                    .iter()
                    .map(|(node, term)| match term {
                        Term::Positive(range) => self.subject(node, range),
                        Term::Negative(range) => format!("no {}", self.subject(node, range)),
                    })
                    .collect();
                format!("{} do not go together", several.join(" and "))
            }
        }
    }

    fn explain_both_external(
        &self,
        one: &SolverFact,
        other: &SolverFact,
        terms: &Map<SolverNode, Term<VersionRange>>,
    ) -> String {
        format!(
            "Because {} and {}, {}.",
            self.fact(one),
            self.fact(other),
            self.format_terms(terms)
        )
    }

    fn explain_both_ref(
        &self,
        one_number: usize,
        one: &Derived<SolverNode, VersionRange, String>,
        other_number: usize,
        other: &Derived<SolverNode, VersionRange, String>,
        terms: &Map<SolverNode, Term<VersionRange>>,
    ) -> String {
        let (one, other) = (
            self.format_terms(&one.terms),
            self.format_terms(&other.terms),
        );
        format!(
            "Because {one} ({one_number}) and {other} ({other_number}), {}.",
            self.format_terms(terms)
        )
    }

    fn explain_ref_and_external(
        &self,
        number: usize,
        derived: &Derived<SolverNode, VersionRange, String>,
        fact: &SolverFact,
        terms: &Map<SolverNode, Term<VersionRange>>,
    ) -> String {
        let derived = self.format_terms(&derived.terms);
        format!(
            "Because {derived} ({number}) and {}, {}.",
            self.fact(fact),
            self.format_terms(terms)
        )
    }

    fn and_explain_external(
        &self,
        fact: &SolverFact,
        terms: &Map<SolverNode, Term<VersionRange>>,
    ) -> String {
        format!(
            "And because {}, {}.",
            self.fact(fact),
            self.format_terms(terms)
        )
    }

    fn and_explain_ref(
        &self,
        number: usize,
        derived: &Derived<SolverNode, VersionRange, String>,
        terms: &Map<SolverNode, Term<VersionRange>>,
    ) -> String {
        format!(
            "And because {} ({number}), {}.",
            self.format_terms(&derived.terms),
            self.format_terms(terms)
        )
    }

    fn and_explain_prior_and_external(
        &self,
        prior: &SolverFact,
        fact: &SolverFact,
        terms: &Map<SolverNode, Term<VersionRange>>,
    ) -> String {
        format!(
            "And because {} and {}, {}.",
            self.fact(prior),
            self.fact(fact),
            self.format_terms(terms)
        )
    }
}
