//! The solver's versions as the result: what the target gets for each package, and through which requirements.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use super::candidates::{
    self, CandidateSelector, FitLevel, PickedFile, UnfitReason, VersionCatalog,
};
use super::node::SolverNode;
use super::solver::{ChosenVersions, SolverSession};
use super::{VersionStatement, why};
use crate::model::artifact::{Artifact, ArtifactKind};
use crate::model::name::{ExtraName, PackageName, Version};
use crate::model::problem::{Problem, ProblemKind};
use crate::model::resolution::{Choice, Chosen, RequiredBy, Resolution};

/// How many paths a package keeps, shortest first.
const PATHS: usize = 8;

/// Puts the result together.
pub(super) fn assemble(session: &SolverSession<'_>, versions: &ChosenVersions) -> Resolution {
    let graph = RequirementGraph::new(session, versions);
    let paths = paths(session, &graph);
    let mut problems = session.plan.problems.clone();
    let mut packages = Vec::new();
    for (name, required_by) in paths {
        let version = versions.get(&SolverNode::Name(name.clone()));
        let extras = graph.extras(&name);
        let (version, choice) = match version {
            Some(version) => choose(session, &name, version, &mut problems),
            None => (None, unknown(session, &name, &mut problems)),
        };
        packages.push(Chosen {
            name,
            version,
            extras,
            required_by,
            choice,
            not_in_lock: false,
        });
    }
    problems.sort();
    problems.dedup();
    Resolution {
        target: session.plan.selector.target,
        packages,
        excluded: Vec::new(),
        problems,
    }
}

fn unknown(session: &SolverSession<'_>, name: &PackageName, problems: &mut Vec<Problem>) -> Choice {
    let Some(problem) = session.dropped(name) else {
        return Choice::Unknown {
            why: "the solver chose no version".to_owned(),
        };
    };
    let why = told(&problem, name);
    problems.push(problem);
    Choice::Unknown { why }
}

/// The end of a sentence about the package: the problem, with the file that it is about.
fn told(problem: &Problem, name: &PackageName) -> String {
    let Problem {
        place,
        message,
        kind,
        ..
    } = problem;
    // An index is asked for the package, and its messages name the page.
    let is_clear = *kind == ProblemKind::Index
        || *place == name.to_string()
        || message.contains(place.as_str());
    if is_clear {
        message.clone()
    } else {
        format!("{place}: {message}")
    }
}

fn choose(
    session: &SolverSession<'_>,
    name: &PackageName,
    version: &Version,
    problems: &mut Vec<Problem>,
) -> (Option<Version>, Choice) {
    let selector = &session.plan.selector;
    let Ok(offer) = session.offer(name) else {
        return (None, unknown(session, name, problems));
    };
    let Some(pick) = session.pick(&offer, name, version) else {
        return (
            None,
            Choice::Unknown {
                why: "the solver chose a version that is not offered".to_owned(),
            },
        );
    };
    let problem = session.known_problem(name, version);
    problems.extend(problem.clone());
    problems.extend(contradicted(selector, &offer, pick));
    let stated = session
        .site(name)
        .and_then(|site| site.found.ok())
        .is_none_or(|located| located.version == VersionStatement::Stated);
    let choice = choice(selector, &offer, pick, problem);
    (stated.then(|| pick.artifact.version.clone()), choice)
}

/// What the picked file means for the target. `problem` is what keeps it from being understood.
pub(super) fn choice(
    selector: &CandidateSelector,
    offer: &VersionCatalog,
    pick: PickedFile<'_>,
    problem: Option<Problem>,
) -> Choice {
    let artifact = pick.artifact.clone();
    match (pick.level, &artifact.kind, problem) {
        (FitLevel::Twin | FitLevel::Anything, ..) => {
            let why = why::nothing_fits(selector, offer, pick.candidate);
            Choice::Nothing {
                why,
                requires_python: why::other_python(selector, offer, pick.candidate),
            }
        }
        // No catalog offers what is installed.
        (FitLevel::Strict, ArtifactKind::Installed { .. }, _) => Choice::Installed { artifact },
        (FitLevel::Strict, ArtifactKind::Sdist | ArtifactKind::SourceTree, _) => {
            Choice::Source { artifact }
        }
        (FitLevel::Strict, ArtifactKind::Wheel(_), Some(problem)) => Choice::Unknown {
            why: told(&problem, &pick.artifact.name),
        },
        (FitLevel::Strict, ArtifactKind::Wheel(_), None) => Choice::Wheel {
            lost: candidates::lost(selector, offer, pick),
            artifact,
        },
    }
}

/// The problem of a version of which no file has a digest that was demanded: an installer refuses it. The file that is
/// named is the one that would be taken otherwise.
pub(super) fn contradicted(
    selector: &CandidateSelector,
    offer: &VersionCatalog,
    pick: PickedFile<'_>,
) -> Option<Problem> {
    let mut files = CandidateSelector::files(offer, pick.candidate);
    if pick.level == FitLevel::Strict
        || files.any(|file| selector.unfit(file) != Some(UnfitReason::Hash))
    {
        return None;
    }
    let Artifact {
        name,
        filename,
        digests,
        ..
    } = pick.artifact;
    let demanded = selector.hashes.get(name).into_iter().flatten().flatten();
    let pair = demanded
        .filter_map(|demanded| {
            Some((
                demanded,
                digests
                    .iter()
                    .find(|it| it.algorithm == demanded.algorithm)?,
            ))
        })
        .find(|(demanded, stated)| demanded != stated);
    let (demanded, stated) = pair?;
    let message = format!("the index states {stated} for it; the requirement demands {demanded}");
    Some(Problem {
        kind: ProblemKind::Integrity,
        package: Some(name.clone()),
        place: filename.clone(),
        message,
    })
}

/// Who requires whom, in the chosen set.
struct RequirementGraph {
    edges: BTreeMap<SolverNode, Vec<SolverNode>>,
}

impl RequirementGraph {
    fn new(session: &SolverSession<'_>, versions: &ChosenVersions) -> RequirementGraph {
        let mut edges = BTreeMap::new();
        for (node, version) in versions
            .iter()
            .filter(|(node, _)| **node != SolverNode::Root)
        {
            // Everything was read while solving, so nothing can interrupt here.
            let required = session.edges(node, version).unwrap_or_default();
            edges.insert(
                node.clone(),
                required.into_iter().map(|edge| edge.to).collect(),
            );
        }
        RequirementGraph { edges }
    }

    fn extras(&self, name: &PackageName) -> Vec<ExtraName> {
        let extras = self.edges.keys().filter_map(|node| match node {
            SolverNode::Extra(of, extra) if of == name => Some(extra.clone()),
            _ => None,
        });
        extras.collect::<BTreeSet<_>>().into_iter().collect()
    }

    /// The shortest path from the starting nodes to each package, the package itself left out.
    fn shortest(&self, start: Vec<SolverNode>) -> BTreeMap<PackageName, Vec<PackageName>> {
        let mut found: BTreeMap<PackageName, Vec<PackageName>> = BTreeMap::new();
        let mut seen: BTreeSet<SolverNode> = BTreeSet::new();
        let mut waiting: VecDeque<(SolverNode, Vec<PackageName>)> =
            start.into_iter().map(|node| (node, vec![])).collect();
        while let Some((node, path)) = waiting.pop_front() {
            let Some(name) = node.name().filter(|_| seen.insert(node.clone())) else {
                continue;
            };
            found.entry(name.clone()).or_insert_with(|| path.clone());
            for next in self.edges.get(&node).into_iter().flatten() {
                if next.name() == Some(name) {
                    // A distribution and its extras are one package on a path.
                    waiting.push_front((next.clone(), path.clone()));
                } else {
                    let path = path.iter().chain(std::iter::once(name)).cloned().collect();
                    waiting.push_back((next.clone(), path));
                }
            }
        }
        found
    }
}

fn paths(
    session: &SolverSession<'_>,
    graph: &RequirementGraph,
) -> BTreeMap<PackageName, Vec<RequiredBy>> {
    let mut paths: BTreeMap<PackageName, Vec<RequiredBy>> = BTreeMap::new();
    for demand in &session.plan.demands {
        for (name, path) in graph.shortest(demand.nodes()) {
            paths.entry(name).or_default().push(RequiredBy {
                place: demand.place.clone(),
                path,
            });
        }
    }
    for required_by in paths.values_mut() {
        required_by.sort_by(|left, right| (left.path.len(), left).cmp(&(right.path.len(), right)));
        required_by.dedup();
        required_by.truncate(PATHS);
    }
    paths
}
