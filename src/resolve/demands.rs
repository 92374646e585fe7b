//! The user's input as the solver wants it: what is asked for on this target, what bounds it, and the rules by which
//! files are chosen.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use pep508_rs::pep440_rs::Operator;
use pep508_rs::{MarkerEnvironment, VersionOrUrl};

use super::candidates::{CandidateSelector, PrereleaseMode};
use super::node::SolverNode;
use super::ranges::{self, VersionRange};
use super::tags::TargetTags;
use super::{
    CatalogError, LocatedArtifact, PackageCatalog, ResolveError, ResolveOptions, VersionOrders,
    markers,
};
use crate::model::name::{ExtraName, PackageName, VersionSpecifiers, specifiers};
use crate::model::place::{Location, Place};
use crate::model::problem::{Problem, ProblemKind};
use crate::model::request::{PackageSources, Request, Requests, WantedPackage};
use crate::model::target::Target;

/// One line that asks for a package on this target.
#[derive(Debug)]
pub(super) struct RequirementLine {
    pub(super) name: PackageName,
    pub(super) extras: Vec<ExtraName>,
    pub(super) range: VersionRange,
    pub(super) place: Place,
}

/// A line that bounds a package's versions without asking for it.
#[derive(Debug)]
pub(super) struct ConstraintLine {
    pub(super) range: VersionRange,
    pub(super) place: Place,
}

/// A package that is taken from a location instead of an index.
#[derive(Clone, Debug)]
pub(super) struct DirectRequirement {
    pub(super) location: Location,
    /// What is there, or why it could not be read.
    pub(super) found: Result<Arc<LocatedArtifact>, Problem>,
}

/// The whole input.
#[derive(Debug)]
pub(super) struct ResolutionInput {
    pub(super) selector: Arc<CandidateSelector>,
    pub(super) demands: Vec<RequirementLine>,
    pub(super) constraints: BTreeMap<PackageName, Vec<ConstraintLine>>,
    pub(super) sites: BTreeMap<PackageName, DirectRequirement>,
    /// Ranges that stand in for whatever packages require of these.
    pub(super) overrides: BTreeMap<PackageName, Vec<VersionRange>>,
    /// Packages whose versions are tried in an order of their own.
    pub(super) orders: VersionOrders,
    /// What could not even be given a name.
    pub(super) problems: Vec<Problem>,
}

impl ResolutionInput {
    /// The versions that all constraints leave.
    pub(super) fn bound(&self, name: &PackageName) -> VersionRange {
        let constraints = self.constraints.get(name).into_iter().flatten();
        constraints.fold(VersionRange::full(), |range, constraint| {
            range.intersection(&constraint.range)
        })
    }

    /// The lines that speak of a package.
    pub(super) fn places(&self, name: &PackageName) -> impl Iterator<Item = &Place> {
        let demands = self
            .demands
            .iter()
            .filter(move |demand| demand.name == *name)
            .map(|demand| &demand.place);
        demands.chain(
            self.constraints
                .get(name)
                .into_iter()
                .flatten()
                .map(|constraint| &constraint.place),
        )
    }
}

/// Reads the input for one target.
pub(super) fn read(
    (requests, orders): (&Requests, &VersionOrders),
    target: Target,
    options: &ResolveOptions,
    environment: &MarkerEnvironment,
    catalog: &dyn PackageCatalog,
) -> Result<ResolutionInput, ResolveError> {
    let mut reader = DemandReader {
        catalog,
        environment,
        demands: vec![],
        sites: BTreeMap::new(),
        problems: vec![],
    };
    let mut rules = ChoiceRules::default();
    for request in &requests.requests {
        reader.request(request, &mut rules)?;
    }
    let mut constraints: BTreeMap<PackageName, Vec<ConstraintLine>> = BTreeMap::new();
    for request in &requests.constraints {
        if let Some((name, constraint)) = reader.constraint(request, &mut rules)? {
            constraints.entry(name).or_default().push(constraint);
        }
    }
    let overrides = overrides(&requests.overrides, environment);
    for demand in &mut reader.demands {
        if let Some(range) = overrides
            .get(&demand.name)
            .and_then(|ranges| ranges.first())
        {
            demand.range = range.clone();
        }
    }
    rules.located.extend(reader.sites.keys().cloned());
    for (name, versions) in orders {
        rules
            .pins
            .entry(name.clone())
            .or_default()
            .extend(versions.iter().cloned());
    }
    let selector = selector(&requests.sources, target, options, rules);
    let DemandReader {
        demands,
        sites,
        problems,
        ..
    } = reader;
    let sites = sites
        .into_iter()
        .map(|(name, (site, _))| (name, site))
        .collect();
    let (selector, orders) = (Arc::new(selector), orders.clone());
    Ok(ResolutionInput {
        selector,
        demands,
        constraints,
        sites,
        overrides,
        orders,
        problems,
    })
}

/// What stands in for requirements on this target. A name without a range is one that nothing requires.
/// <https://docs.astral.sh/uv/concepts/resolution/#dependency-overrides>
fn overrides(
    requests: &[Request],
    environment: &MarkerEnvironment,
) -> BTreeMap<PackageName, Vec<VersionRange>> {
    let mut overrides: BTreeMap<PackageName, Vec<VersionRange>> = BTreeMap::new();
    for request in requests {
        let WantedPackage::Named(wanted) = &request.wanted else {
            continue;
        };
        let ranges = overrides.entry(wanted.name.clone()).or_default();
        if wanted.marker.evaluate(environment, &[]) {
            ranges.push(specifiers(wanted).map_or_else(VersionRange::full, ranges::of_all));
        }
    }
    overrides
}

/// The rules by which files are chosen on this target.
pub(super) fn selector(
    sources: &PackageSources,
    target: Target,
    options: &ResolveOptions,
    rules: ChoiceRules,
) -> CandidateSelector {
    CandidateSelector {
        target,
        python: markers::full_version(target, options.python_patch),
        tags: TargetTags::new(target),
        twin: target.python.free_threaded.then(|| {
            TargetTags::new(Target {
                python: target.python.twin(),
                ..target
            })
        }),
        only_binary: sources.only_binary.clone(),
        no_binary: sources.no_binary.clone(),
        prereleases: if sources.pre {
            PrereleaseMode::Always
        } else {
            PrereleaseMode::IfNecessary
        },
        pins: rules.pins,
        located: rules.located,
        hashes: rules.hashes,
    }
}

/// What the lines of the input say about the choice of versions and files, apart from the versions themselves.
#[derive(Default)]
pub(super) struct ChoiceRules {
    pub(super) pins: BTreeMap<PackageName, BTreeSet<crate::model::name::Version>>,
    pub(super) located: BTreeSet<PackageName>,
    pub(super) hashes: BTreeMap<PackageName, Vec<Vec<crate::model::digest::Digest>>>,
}

impl ChoiceRules {
    /// A version that a line pins, and nothing else, may be a yanked one.
    fn note_pin(&mut self, name: &PackageName, specifiers: &VersionSpecifiers) {
        if let [specifier] = &**specifiers
            && matches!(specifier.operator(), Operator::Equal | Operator::ExactEqual)
        {
            self.pins
                .entry(name.clone())
                .or_default()
                .insert(specifier.version().clone());
        }
    }

    fn note_hashes(&mut self, name: &PackageName, request: &Request) {
        if !request.hashes.is_empty() {
            self.hashes
                .entry(name.clone())
                .or_default()
                .push(request.hashes.clone());
        }
    }
}

struct DemandReader<'a> {
    catalog: &'a dyn PackageCatalog,
    environment: &'a MarkerEnvironment,
    demands: Vec<RequirementLine>,
    sites: BTreeMap<PackageName, (DirectRequirement, Place)>,
    problems: Vec<Problem>,
}

impl DemandReader<'_> {
    fn request(&mut self, request: &Request, rules: &mut ChoiceRules) -> Result<(), ResolveError> {
        let (name, extras, range) = match &request.wanted {
            WantedPackage::Named(wanted) if !wanted.marker.evaluate(self.environment, &[]) => {
                return Ok(());
            }
            WantedPackage::Named(wanted) => {
                let range = self.named(
                    &wanted.name,
                    wanted.version_or_url.as_ref(),
                    &request.place,
                    rules,
                )?;
                (wanted.name.clone(), wanted.extras.clone(), range)
            }
            WantedPackage::Unnamed { marker, .. } if !marker.evaluate(self.environment, &[]) => {
                return Ok(());
            }
            WantedPackage::Unnamed {
                location, extras, ..
            } => {
                let located = match self.catalog.located(location) {
                    Ok(located) => located,
                    Err(error) => {
                        let problem = problem_of(&error, None);
                        let message =
                            format!("{} (asked for by {})", problem.message, request.place);
                        self.problems.push(Problem { message, ..problem });
                        return Ok(());
                    }
                };
                let name = located.artifact.name.clone();
                let site = DirectRequirement {
                    location: location.clone(),
                    found: Ok(located),
                };
                self.place_at(&name, site, &request.place)?;
                (name, extras.clone(), VersionRange::full())
            }
        };
        rules.note_hashes(&name, request);
        self.demands.push(RequirementLine {
            name,
            extras,
            range,
            place: request.place.clone(),
        });
        Ok(())
    }

    fn constraint(
        &mut self,
        request: &Request,
        rules: &mut ChoiceRules,
    ) -> Result<Option<(PackageName, ConstraintLine)>, ResolveError> {
        let WantedPackage::Named(wanted) = &request.wanted else {
            let message = "a constraint needs a name; this one is ignored".to_owned();
            let place = request.place.to_string();
            self.problems.push(Problem {
                kind: ProblemKind::Resolution,
                package: None,
                place,
                message,
            });
            return Ok(None);
        };
        if !wanted.marker.evaluate(self.environment, &[]) {
            return Ok(None);
        }
        let range = self.named(
            &wanted.name,
            wanted.version_or_url.as_ref(),
            &request.place,
            rules,
        )?;
        rules.note_hashes(&wanted.name, request);
        Ok(Some((
            wanted.name.clone(),
            ConstraintLine {
                range,
                place: request.place.clone(),
            },
        )))
    }

    fn named(
        &mut self,
        name: &PackageName,
        version_or_url: Option<&VersionOrUrl<url::Url>>,
        place: &Place,
        rules: &mut ChoiceRules,
    ) -> Result<VersionRange, ResolveError> {
        match version_or_url {
            None => Ok(VersionRange::full()),
            Some(VersionOrUrl::VersionSpecifier(specifiers)) => {
                rules.note_pin(name, specifiers);
                Ok(ranges::of_all(specifiers))
            }
            Some(VersionOrUrl::Url(url)) => {
                let site = DirectRequirement::open(name, Location::Url(url.clone()), self.catalog);
                self.place_at(name, site, place)?;
                Ok(VersionRange::full())
            }
        }
    }

    fn place_at(
        &mut self,
        name: &PackageName,
        site: DirectRequirement,
        place: &Place,
    ) -> Result<(), ResolveError> {
        let (known, first) = self
            .sites
            .entry(name.clone())
            .or_insert_with(|| (site.clone(), place.clone()));
        if known.location == site.location {
            return Ok(());
        }
        Err(ResolveError::TwoLocations {
            name: name.clone(),
            first: first.clone(),
            second: place.clone(),
        })
    }
}

impl DirectRequirement {
    /// Looks at what is at the location, which should be the package of that name.
    pub(super) fn open(
        name: &PackageName,
        location: Location,
        catalog: &dyn PackageCatalog,
    ) -> DirectRequirement {
        let found = catalog
            .located(&location)
            .map_err(|error| problem_of(&error, Some(name)))
            .and_then(|located| {
                if located.artifact.name == *name {
                    return Ok(located);
                }
                let message = format!(
                    "expected the package `{name}`, found `{}`",
                    located.artifact.name
                );
                let place = located.artifact.filename.clone();
                Err(Problem {
                    kind: ProblemKind::Metadata,
                    package: Some(name.clone()),
                    place,
                    message,
                })
            });
        DirectRequirement { location, found }
    }
}

impl RequirementLine {
    /// The solver's nodes for this line.
    pub(super) fn nodes(&self) -> Vec<SolverNode> {
        SolverNode::asked_for(&self.name, &self.extras)
    }
}

/// The catalog's error as a problem of this package.
pub(super) fn problem_of(error: &CatalogError, package: Option<&PackageName>) -> Problem {
    let (kind, place, message) = match error {
        CatalogError::Absent { place } => (ProblemKind::Index, place, "no such package".to_owned()),
        CatalogError::Unreadable {
            kind,
            place,
            message,
        } => (*kind, place, message.clone()),
    };
    Problem {
        kind,
        package: package.cloned(),
        place: place.clone(),
        message,
    }
}
