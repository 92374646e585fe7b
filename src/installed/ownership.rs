//! Whose each compiled file is: what distributions, and conda, say of their files is laid over what is there.

use std::collections::{BTreeMap, HashMap};
use std::io::ErrorKind;
use std::path::{Path, PathBuf};

use crate::archive::candidates::ModuleCandidate;
use crate::archive::limits::ArchiveLimits;
use crate::cpython::file_name::ExtensionFileName;
use crate::model::digest::Digest;
use crate::model::problem::{Problem, ProblemKind};

use super::conda::CondaRecords;
use super::distribution::{self, DescribedDistribution, FileClaim};
use super::editable::{self, PthLine, StartUp, unowned_finder};
use super::edited::EditableModules;
use super::image::ContainerImage;
use super::listing::{self, FoundExtension, installed, problem};
use super::python::SuffixEvidence;
use super::tree::{FileTree, TreeNode};
use super::{
    EnvironmentInventory, InstalledDistribution, InstalledEnvironment, InstalledFile,
    RequestedMark, UnownedFiles,
};

/// Most folders that `.pth` files may add to an environment.
const MOST_SITES: usize = 256;

/// Everything on disk, before it is known whose it is.
struct DiskContents<'a> {
    tree: &'a FileTree,
    limits: &'a ArchiveLimits,
    sites: Vec<PathBuf>,
    described: Vec<DescribedDistribution>,
    files: Vec<CompiledFile>,
    /// Index of each file by its path on disk.
    paths: HashMap<PathBuf, usize>,
    start_up: Vec<StartUp>,
    conda: CondaRecords,
    /// Distributions that nothing but conda describes.
    made: Vec<InstalledDistribution>,
    problems: Vec<Problem>,
}

/// A compiled file.
struct CompiledFile {
    found: FoundExtension,
    site: usize,
    is_owned: bool,
}

/// Lists what is in an environment.
pub(super) fn read(
    environment: &InstalledEnvironment,
    limits: &ArchiveLimits,
) -> EnvironmentInventory {
    let mut problems = environment.problems.clone();
    let conda = environment.conda.as_ref();
    let conda = conda
        .map(|prefix| CondaRecords::read(&environment.tree, prefix, limits, &mut problems))
        .unwrap_or_default();
    let mut survey = DiskContents {
        tree: &environment.tree,
        limits,
        sites: Vec::new(),
        described: Vec::new(),
        files: Vec::new(),
        paths: HashMap::new(),
        start_up: Vec::new(),
        conda,
        made: Vec::new(),
        problems,
    };
    let mut left = environment.sites.clone();
    while let Some(site) = (!left.is_empty()).then(|| left.remove(0)) {
        left.extend(survey.look(site));
    }
    survey.ask_conda();
    survey.follow_edited();
    survey.distribute();
    survey.distribute_by_conda();
    survey.finish(environment)
}

impl DiskContents<'_> {
    /// Looks at a folder; returns the folders that its `.pth` files add and that are no distribution's own.
    fn look(&mut self, site: PathBuf) -> Vec<PathBuf> {
        if self.sites.contains(&site) {
            return Vec::new();
        }
        if self.sites.len() >= MOST_SITES {
            let message = format!(
                "more than {MOST_SITES} folders to look in, the limit; this one was not looked at"
            );
            self.problems.push(problem(&site, message));
            return Vec::new();
        }
        let is_module = self.tree.has_file(&site);
        let names = if is_module {
            Ok(Vec::new())
        } else {
            self.tree.names(&site)
        };
        let names = names.unwrap_or_else(|error| {
            self.problems.push(problem(&site, error.to_string()));
            Vec::new()
        });
        for name in names
            .iter()
            .filter(|name| distribution::is_description(name))
        {
            match distribution::read(self.tree, &site, name, self.limits) {
                Ok(described) => {
                    self.problems.extend(described.problems.iter().cloned());
                    self.described.push(described);
                }
                Err(problem) => self.problems.push(problem),
            }
        }
        let listing = match is_module {
            true => listing::one(self.tree, &site),
            false => listing::list(self.tree, &site, "", self.limits),
        };
        self.problems.extend(listing.problems);
        let number = self.sites.len();
        for found in listing.files {
            self.paths.insert(found.lexical.clone(), self.files.len());
            self.files.push(CompiledFile {
                found,
                site: number,
                is_owned: false,
            });
        }
        self.sites.push(site.clone());
        let mut added = Vec::new();
        for name in names
            .iter()
            .filter(|name| name.ends_with(".pth") && !name.starts_with('.'))
        {
            added.extend(self.read_start_up(&site, name));
        }
        added
    }

    /// Reads a `.pth` file; returns the folders that it adds, unless it is a distribution's.
    fn read_start_up(&mut self, site: &Path, name: &str) -> Vec<PathBuf> {
        let path = site.join(name);
        let lines = match self.tree.read(&path, self.limits.metadata_bytes) {
            Ok(bytes) => editable::lines(&bytes),
            Err(error) => {
                self.problems.push(problem(&path, error.to_string()));
                return Vec::new();
            }
        };
        let lists = |described: &DescribedDistribution| match &described.claim {
            FileClaim::Listed(rows) => rows.iter().any(|(row, _)| *row == path),
            FileClaim::TopLevel(_) | FileClaim::None => false,
        };
        let owner = self.described.iter().position(lists);
        let added = match owner {
            Some(_) => Vec::new(),
            None => lines
                .iter()
                .filter_map(|line| self.folder(site, line))
                .collect(),
        };
        self.start_up.push(StartUp { path, lines, owner });
        added
    }

    /// The folder that a line adds, when it is there and lies outside of those that are looked at anyway.
    fn folder(&self, site: &Path, line: &PthLine) -> Option<PathBuf> {
        let PthLine::Folder(text) = line else {
            return None;
        };
        match self.tree.node(&self.tree.path(site, text)) {
            Ok(TreeNode::Folder(real)) => {
                let is_listed = |site: &PathBuf| {
                    let below = self
                        .tree
                        .real(site)
                        .ok()
                        .and_then(|site| real.strip_prefix(site).ok().map(PathBuf::from));
                    // Folders with a dot are not entered, such as `a-1.0.egg`.
                    below.is_some_and(|below| !below.to_string_lossy().contains('.'))
                };
                (!self.sites.iter().any(is_listed)).then_some(real)
            }
            _ => None,
        }
    }

    /// Takes from conda's records what distributions do not say themselves.
    fn ask_conda(&mut self) {
        for DescribedDistribution {
            distribution,
            claim,
            ..
        } in &mut self.described
        {
            let places = [
                distribution.folder.join("METADATA"),
                distribution.folder.join("PKG-INFO"),
                distribution.folder.clone(),
            ];
            let Some(number) = places.iter().find_map(|place| self.conda.owner(place)) else {
                continue;
            };
            if self.conda.requested(number) == RequestedMark::Yes {
                distribution.requested = RequestedMark::Yes;
            }
            if matches!(claim, FileClaim::None | FileClaim::TopLevel(_)) {
                *claim = FileClaim::Listed(self.conda.files_of(number));
            }
        }
    }

    /// Makes distributions of conda's packages that have files which no other distribution owns.
    fn distribute_by_conda(&mut self) {
        let mut made: BTreeMap<usize, InstalledDistribution> = BTreeMap::new();
        for file in self.files.iter_mut().filter(|file| !file.is_owned) {
            let Some(number) = self.conda.owner(&file.found.lexical) else {
                continue;
            };
            let Some(distribution) = self.conda.distribution(number) else {
                continue;
            };
            file.is_owned = true;
            let digest = self.conda.digest(&file.found.lexical).cloned();
            made.entry(number)
                .or_insert(distribution)
                .files
                .push(installed(&file.found, digest));
        }
        self.made = made.into_values().collect();
    }

    /// Finds the modules of distributions that were installed to be edited in place.
    fn follow_edited(&mut self) {
        let mut follows: Vec<EditableModules> = self
            .described
            .iter()
            .map(|_| EditableModules::default())
            .collect();
        for start_up in &self.start_up {
            let Some(edited) = start_up.owner.and_then(|owner| follows.get_mut(owner)) else {
                self.problems.extend(unowned_finder(start_up));
                continue;
            };
            let site = start_up.path.parent().unwrap_or(&start_up.path);
            for line in &start_up.lines {
                match line {
                    PthLine::Folder(_) => edited.folders.extend(self.folder(site, line)),
                    PthLine::Code(module) => edited.code.push(site.join(format!("{module}.py"))),
                }
            }
        }
        let (tree, limits) = (self.tree, self.limits);
        for (described, edited) in self.described.iter_mut().zip(follows) {
            edited.apply(&mut described.distribution, tree, limits);
        }
    }

    /// Gives each file to those who say that it is theirs: lists first, then names of packages.
    fn distribute(&mut self) {
        let mut described = std::mem::take(&mut self.described);
        for each in &mut described {
            if let FileClaim::Listed(rows) = &each.claim {
                for (path, digest) in rows {
                    self.give(&mut each.distribution, &each.site, path, digest.as_ref());
                }
            }
        }
        for each in &mut described {
            if let FileClaim::TopLevel(names) = &each.claim {
                self.give_below(&mut each.distribution, names);
            }
        }
        let leftover = self.files.iter().any(|file| !file.is_owned);
        for DescribedDistribution {
            distribution,
            claim,
            ..
        } in &mut described
        {
            if leftover && matches!(claim, FileClaim::None) && distribution.problems.is_empty() {
                let message =
                    "has no RECORD, so which of the files that nobody owns are its own is unknown"
                        .to_owned();
                let problem = problem(&distribution.folder, message);
                distribution.problems.push(Problem {
                    package: Some(distribution.name.clone()),
                    ..problem
                });
            }
        }
        self.described = described;
    }

    fn give(
        &mut self,
        distribution: &mut InstalledDistribution,
        site: &Path,
        path: &Path,
        digest: Option<&Digest>,
    ) {
        if let Some(file) = self
            .paths
            .get(path)
            .and_then(|index| self.files.get_mut(*index))
        {
            file.is_owned = true;
            // conda may have changed the file while it installed it, and states what came out.
            let digest = self.conda.digest(path).or(digest).cloned();
            distribution.files.push(installed(&file.found, digest));
            return;
        }
        // A file outside of the site-packages, a Python file, or a library that nothing imports: none of those is listed.
        let relative = path
            .strip_prefix(site)
            .ok()
            .and_then(Path::to_str)
            .map(|path| path.replace('\\', "/"));
        if relative
            .as_ref()
            .is_none_or(|path| ModuleCandidate::of(path).is_none())
        {
            return;
        }
        match self.tree.node(path) {
            // No dotted name leads into a folder with a dot, but `sys.path` may.
            Ok(TreeNode::File(location, size))
                if is_below_dot(relative.as_deref().unwrap_or_default()) =>
            {
                let path = relative.unwrap_or_default();
                let (recorded, passed_over) = (digest.cloned(), None);
                distribution.files.push(InstalledFile {
                    path,
                    location,
                    size,
                    recorded,
                    passed_over,
                });
            }
            Err(error) if error.kind() == ErrorKind::NotFound => {
                let message = format!(
                    "{} lists it, and it is not there",
                    distribution.folder.display()
                );
                self.problems.push(Problem {
                    kind: ProblemKind::Integrity,
                    ..problem(path, message)
                });
            }
            found => {
                let message = found
                    .err()
                    .map_or_else(|| "was not listed".to_owned(), |error| error.to_string());
                let package = Some(distribution.name.clone());
                distribution.problems.push(Problem {
                    package,
                    ..problem(path, message)
                });
            }
        }
    }

    /// What nobody lists, and is in a package or has the name of a module that the distribution names.
    fn give_below(&mut self, distribution: &mut InstalledDistribution, names: &[PathBuf]) {
        for file in self.files.iter_mut().filter(|file| !file.is_owned) {
            let is_named = |name: &PathBuf| {
                let path = &file.found.lexical;
                let file = path.file_name().and_then(|file| file.to_str());
                let stem = file
                    .and_then(ExtensionFileName::parse)
                    .map(|file| file.stem);
                path.starts_with(name)
                    || (path.parent() == name.parent()
                        && stem == name.file_name().and_then(|it| it.to_str()))
            };
            if names.iter().any(is_named) {
                file.is_owned = true;
                distribution.files.push(installed(&file.found, None));
            }
        }
        let unseen = self.problems.iter().find(|problem| {
            names
                .iter()
                .any(|name| Path::new(&problem.place).starts_with(name))
        });
        if let Some(problem) = unseen {
            distribution.problems.push(Problem {
                package: Some(distribution.name.clone()),
                ..problem.clone()
            });
        }
    }

    fn finish(self, environment: &InstalledEnvironment) -> EnvironmentInventory {
        let mut suffixes = SuffixEvidence::default();
        for file in &self.files {
            suffixes.add(&file.found.path);
        }
        let told = &environment.told;
        let mut unowned: Vec<UnownedFiles> = self
            .sites
            .into_iter()
            .map(|folder| UnownedFiles {
                folder,
                files: Vec::new(),
            })
            .collect();
        for file in self.files.iter().filter(|file| !file.is_owned) {
            if let Some(unowned) = unowned.get_mut(file.site) {
                unowned.files.push(installed(&file.found, None));
            }
        }
        unowned.retain(|unowned| !unowned.files.is_empty());
        let mut distributions: Vec<InstalledDistribution> = self
            .described
            .into_iter()
            .map(|described| described.distribution)
            .chain(self.made)
            .collect();
        for distribution in &mut distributions {
            distribution
                .files
                .sort_by(|one, other| one.path.cmp(&other.path));
        }
        distributions
            .sort_by(|one, other| (&one.name, &one.version).cmp(&(&other.name, &other.version)));
        let mut inventory = EnvironmentInventory {
            distributions,
            unowned,
            minor: told.minor.or(told.python.map(|python| python.minor)),
            python: told.python.or_else(|| suffixes.python(told.minor)),
            platform: told.platform.or_else(|| suffixes.platform()),
            seen: suffixes.seen(),
            problems: self.problems,
        };
        if let Some(image) = environment.image() {
            inventory.place_in(image);
        }
        inventory
    }
}

fn is_below_dot(path: &str) -> bool {
    path.rsplit_once('/')
        .is_some_and(|(folders, _)| folders.contains('.'))
}

impl EnvironmentInventory {
    /// Names folders as parts of the image, so that no other environment has one of the same name.
    fn place_in(&mut self, image: &ContainerImage) {
        let place = |problem: &mut Problem| {
            problem.place = image.place(Path::new(&problem.place)).display().to_string()
        };
        for distribution in &mut self.distributions {
            distribution.folder = image.place(&distribution.folder);
            distribution.problems.iter_mut().for_each(place);
        }
        for unowned in &mut self.unowned {
            unowned.folder = image.place(&unowned.folder);
        }
        self.problems.iter_mut().for_each(place);
    }
}
