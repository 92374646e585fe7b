//! A package index in memory, written as a table, and the result of a resolution as lines.

use std::collections::BTreeMap;
use std::str::FromStr;
use std::sync::{Arc, Mutex};

use ungil::model::artifact::{Artifact, ArtifactKind, ArtifactListing, MetadataFile};
use ungil::model::digest::{Algorithm, Digest};
use ungil::model::metadata::Metadata;
use ungil::model::name::{PackageName, Requirement, Version};
use ungil::model::place::{Location, Place};
use ungil::model::problem::ProblemKind;
use ungil::model::request::{FormatControl, Request, Requests, WantedPackage};
use ungil::model::resolution::{Choice, Resolution};
use ungil::model::target::Target;
use ungil::resolve::{
    CatalogError, DependencyMode, LocatedArtifact, PackageCatalog, PrefetchHint, ResolveError,
    ResolveOptions, VersionStatement,
};

/// An index whose lines are `name version | files | dependency & dependency`. Files are words: `pure`, `sdist`, the
/// wheel tags of CPython (`cp314t`, `cp39-abi3`, `cp314-none`) for Linux on x86-64, or all three tags. Before them may
/// stand `yanked`, `python>=3.15`, `sha=ab`, `dynamic` (the sdist leaves its dependencies to its build), `damaged` (its
/// metadata cannot be read), `down` (the index fails).
#[derive(Default)]
pub(super) struct World {
    listings: BTreeMap<PackageName, ArtifactListing>,
    metadata: BTreeMap<String, Metadata>,
    damaged: Vec<String>,
    down: Vec<PackageName>,
    pub(super) hinted: Mutex<Vec<(String, Vec<String>)>>,
}

impl World {
    pub(super) fn new(table: &str) -> World {
        let mut world = World::default();
        for line in table.lines().map(str::trim).filter(|line| !line.is_empty()) {
            world.add(line);
        }
        world
    }

    fn add(&mut self, line: &str) {
        let mut columns = line.split('|').map(str::trim);
        let (name, version) = columns.next().unwrap().split_once(' ').unwrap();
        let (files, requires) = (columns.next().unwrap(), columns.next().unwrap_or(""));
        let name = PackageName::from_str(name).unwrap();
        let (mut python, mut yanked, mut digests, mut dynamic) = (None, None, vec![], vec![]);
        let mut damaged = false;
        for word in files.split_whitespace() {
            match word {
                "yanked" => yanked = Some(String::new()),
                "dynamic" => dynamic.push("requires-dist".to_owned()),
                "damaged" => damaged = true,
                "down" => self.down.push(name.clone()),
                _ if word.starts_with("python") => python = Some(word[6..].parse().unwrap()),
                _ if word.starts_with("sha=") => digests = vec![digest(&word[4..])],
                _ => {
                    let filename = filename(&name, version, word);
                    let location =
                        Location::Url(format!("https://files.test/{filename}").parse().unwrap());
                    let artifact = Artifact {
                        kind: kind(&filename),
                        version: version.parse().unwrap(),
                        name: name.clone(),
                        location,
                        digests: digests.clone(),
                        size: None,
                        requires_python: python.clone(),
                        yanked: yanked.clone(),
                        metadata_file: MetadataFile::Unannounced,
                        filename: filename.clone(),
                    };
                    let dynamic = if artifact.wheel().is_some() {
                        vec![]
                    } else {
                        dynamic.clone()
                    };
                    self.metadata
                        .insert(filename.clone(), metadata(&artifact, requires, dynamic));
                    if damaged {
                        self.damaged.push(filename);
                    }
                    self.listings
                        .entry(name.clone())
                        .or_default()
                        .files
                        .push(artifact);
                }
            }
        }
    }

    fn find(&self, filename: &str) -> Option<&Artifact> {
        self.listings
            .values()
            .flat_map(|listing| &listing.files)
            .find(|file| file.filename == filename)
    }
}

fn filename(name: &PackageName, version: &str, word: &str) -> String {
    let name = name.as_dist_info_name();
    let linux = "manylinux_2_28_x86_64";
    let tags = match word {
        "sdist" => return format!("{name}-{version}.tar.gz"),
        "pure" => "py3-none-any".to_owned(),
        word if word.matches('-').count() >= 2 => word.to_owned(),
        word if word.contains('-') => format!("{word}-{linux}"),
        word => format!("{}-{word}-{linux}", word.trim_end_matches('t')),
    };
    format!("{name}-{version}-{tags}.whl")
}

fn kind(filename: &str) -> ArtifactKind {
    filename
        .parse()
        .map_or(ArtifactKind::Sdist, ArtifactKind::Wheel)
}

fn metadata(artifact: &Artifact, requires: &str, dynamic: Vec<String>) -> Metadata {
    let requires = requires
        .split('&')
        .map(str::trim)
        .filter(|requirement| !requirement.is_empty());
    Metadata {
        name: artifact.name.clone(),
        version: artifact.version.clone(),
        requires_dist: requires
            .map(|requirement| requirement.parse().unwrap())
            .collect(),
        requires_python: None,
        provides_extra: vec![],
        classifiers: vec![],
        dynamic,
        project_urls: vec![],
    }
}

pub(super) fn digest(pair: &str) -> Digest {
    Digest::new(Algorithm::Sha256, &pair.repeat(32)).unwrap()
}

fn unreadable(place: &str, message: &str) -> CatalogError {
    CatalogError::Unreadable {
        kind: ProblemKind::Network,
        place: place.to_owned(),
        message: message.to_owned(),
    }
}

impl PackageCatalog for World {
    fn listing(&self, name: &PackageName) -> Result<Arc<ArtifactListing>, CatalogError> {
        if self.down.contains(name) {
            return Err(unreadable(
                &format!("https://files.test/{name}/"),
                "status 503",
            ));
        }
        let listing = self.listings.get(name).cloned().map(Arc::new);
        listing.ok_or_else(|| CatalogError::Absent {
            place: format!("https://files.test/{name}/"),
        })
    }

    fn metadata(&self, artifact: &Artifact) -> Result<Arc<Metadata>, CatalogError> {
        if self.damaged.contains(&artifact.filename) {
            return Err(unreadable(&artifact.filename, "no METADATA"));
        }
        Ok(Arc::new(self.metadata[&artifact.filename].clone()))
    }

    fn located(&self, location: &Location) -> Result<Arc<LocatedArtifact>, CatalogError> {
        let Location::Url(url) = location else {
            panic!("no paths here: {location:?}")
        };
        let filename = url.path().rsplit('/').next().unwrap().replace("%2B", "+");
        let artifact = self
            .find(&filename)
            .cloned()
            .ok_or_else(|| unreadable(url.as_str(), "status 404"))?;
        Ok(Arc::new(LocatedArtifact {
            artifact,
            version: VersionStatement::Stated,
        }))
    }

    fn prefetch(&self, hints: Vec<PrefetchHint>) {
        for hint in hints {
            let listing = self.listings.get(hint.name()).cloned().map(Arc::new);
            let likely = listing
                .map(|listing| hint.likely(&listing))
                .unwrap_or_default();
            let likely = likely
                .into_iter()
                .map(|artifact| artifact.filename)
                .collect();
            self.hinted
                .lock()
                .unwrap()
                .push((hint.name().to_string(), likely));
        }
    }
}

/// Lines of a requirements file, as far as the tests need them.
pub(super) fn requests(lines: &str) -> (Requests, ResolveOptions) {
    let (mut requests, mut options) = (Requests::default(), ResolveOptions::default());
    let all = || FormatControl::All;
    for (number, line) in lines
        .lines()
        .map(str::trim)
        .enumerate()
        .filter(|(_, line)| !line.is_empty())
    {
        match line {
            "--pre" => requests.sources.pre = true,
            "--only-binary" => requests.sources.only_binary = all(),
            "--no-binary" => requests.sources.no_binary = all(),
            "--no-deps" => options.dependencies = DependencyMode::Ignore,
            line => {
                let place = Place {
                    file: "r.txt".to_owned(),
                    line: Some(number as u32 + 1),
                    column: None,
                };
                let (line, hashes) = line.split_once(" --hash=").unwrap_or((line, ""));
                let hashes = hashes.split_whitespace().map(digest).collect();
                match line.strip_prefix("-c ") {
                    Some(line) => requests.constraints.push(Request {
                        wanted: wanted(line),
                        hashes,
                        place,
                    }),
                    None => requests.requests.push(Request {
                        wanted: wanted(line),
                        hashes,
                        place,
                    }),
                }
            }
        }
    }
    (requests, options)
}

fn wanted(line: &str) -> WantedPackage {
    if line.starts_with("https://") {
        let (location, marker) = (Location::Url(line.parse().unwrap()), Default::default());
        return WantedPackage::Unnamed {
            location,
            extras: vec![],
            marker,
        };
    }
    WantedPackage::Named(Requirement::from_str(line).unwrap())
}

pub(super) fn target(python: &str) -> Target {
    Target {
        python: python.parse().unwrap(),
        platform: "linux-x86_64".parse().unwrap(),
    }
}

pub(super) fn resolve(
    world: &World,
    python: &str,
    lines: &str,
) -> Result<Resolution, ResolveError> {
    let (requests, options) = requests(lines);
    ungil::resolve::resolve(&requests, target(python), &options, world)
}

/// Each package on a line (`name version: what the target gets`), then each problem.
pub(super) fn render(result: Result<Resolution, ResolveError>) -> String {
    let resolution = match result {
        Ok(resolution) => resolution,
        Err(error) => return error.to_string(),
    };
    let packages = resolution.packages.iter().map(|package| {
        let version = package
            .version
            .as_ref()
            .map_or("?".to_owned(), Version::to_string);
        let choice = match &package.choice {
            Choice::Wheel { artifact, lost } => {
                let lost: Vec<String> = lost
                    .iter()
                    .map(|artifact| tags(&artifact.filename))
                    .collect();
                let lost = if lost.is_empty() {
                    String::new()
                } else {
                    format!(", lost {}", lost.join(" "))
                };
                format!("{}{lost}", tags(&artifact.filename))
            }
            Choice::Source { .. } => "source".to_owned(),
            Choice::Installed { .. } => "installed".to_owned(),
            Choice::Nothing { why, .. } => format!("nothing: {why}"),
            Choice::Unknown { why } => format!("unknown: {why}"),
        };
        format!("{} {version}: {choice}", package.name)
    });
    let problems = resolution
        .problems
        .iter()
        .map(|problem| format!("! {}: {}", problem.place, problem.message));
    packages.chain(problems).collect::<Vec<_>>().join("\n")
}

fn tags(filename: &str) -> String {
    let tags: Vec<&str> = filename.trim_end_matches(".whl").splitn(3, '-').collect();
    tags[2].replace("-manylinux_2_28_x86_64", "")
}

/// Resolves for 3.14t and compares, indentation aside.
pub(super) fn check(table: &str, lines: &str, expected: &str) {
    check_on("3.14t", table, lines, expected);
}

/// The same for another Python.
pub(super) fn check_on(python: &str, table: &str, lines: &str, expected: &str) {
    let found = render(resolve(&World::new(table), python, lines));
    let expected: Vec<&str> = expected
        .lines()
        .map(str::trim)
        .filter(|line| !line.is_empty())
        .collect();
    assert_eq!(found, expected.join("\n"), "\nfound:\n{found}\n");
}
