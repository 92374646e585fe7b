//! Everything that all places together offer under one name.
//!
//! As with pip, the places are equal: all their files are candidates, and the best version wins wherever it is. Their
//! order only decides between files that are otherwise equal: folders and files on this machine come first, then pages
//! of links, then the main index, then the further indexes as they were given. A file that several places offer, same
//! name and same digest, counts once, as the first of them has it. If one place fails, the listing fails: without it we
//! would not know what an installer chooses.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Mutex, OnceLock, PoisonError};

use url::Url;

use super::cache::Pages;
use super::error::{IndexError, shown};
use super::find_links;
use super::settings::{DEFAULT_INDEX, IndexSettings};
use super::simple::{Link, Page, Reader, identify};
use crate::model::artifact::{Artifact, Listing};
use crate::model::name::PackageName;
use crate::model::place::Location;
use crate::model::problem::{Problem, ProblemKind};
use crate::model::request::Sources;

/// A place where files may be listed.
enum Place {
    /// Read once, for all projects.
    Links(Location, OnceLock<Result<Vec<Link>, IndexError>>),
    /// Asked for each project.
    Index(Url),
    /// An index that is a folder.
    Folder(PathBuf),
}

/// All places of a run, in order.
pub(super) struct Places {
    places: Vec<Place>,
    problems: Mutex<Vec<Problem>>,
}

impl Places {
    pub(super) fn new(settings: &IndexSettings) -> Result<Places, IndexError> {
        let sources = settings.sources();
        let (local, remote): (Vec<_>, Vec<_>) =
            sources.find_links.iter().map(local_path).partition(|location| matches!(location, Location::Path(_)));
        let links = local.into_iter().chain(remote).map(|location| Place::Links(location, OnceLock::new()));
        let mut places: Vec<Place> = links.collect();
        for url in indexes(sources)? {
            let place = index(&url)?;
            places.push(place);
        }
        Ok(Places { places, problems: Mutex::default() })
    }

    /// What could not be looked at without harm to the rest.
    pub(super) fn problems(&self) -> Vec<Problem> {
        self.problems.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All files of a project.
    pub(super) fn listing(&self, project: &PackageName, pages: &Pages) -> Result<Listing, IndexError> {
        let mut reader = Reader::new(project);
        let mut files = Vec::new();
        let mut known = false;
        for place in &self.places {
            let links = match place {
                Place::Links(location, links) => {
                    let all = links.get_or_init(|| self.links(location, pages)).as_ref().map_err(Clone::clone)?;
                    Some(all.iter().filter(|link| identify(project, &link.filename).is_some()).cloned().collect())
                }
                Place::Index(url) => page(pages, url, project)?,
                Place::Folder(path) => find_links::read_index(&path.join(project.as_ref()))?,
            };
            known |= links.as_ref().is_some_and(|links| !links.is_empty() || !matches!(place, Place::Links(..)));
            let found = links.unwrap_or_default();
            files.reserve(found.len());
            files.extend(found.into_iter().filter_map(|link| reader.artifact(link)));
        }
        if !known {
            let asked = self.places.iter().map(Place::shown).collect();
            return Err(IndexError::NotFound { name: project.clone(), asked });
        }
        if self.places.len() > 1 {
            merge(&mut files);
        }
        Ok(Listing { files })
    }

    fn links(&self, location: &Location, pages: &Pages) -> Result<Vec<Link>, IndexError> {
        match location {
            Location::Url(url) => {
                let page = pages
                    .get(None, url, &|_| true)?
                    .ok_or_else(|| IndexError::Missing { url: shown(url), status: 404 });
                Ok(page?.links)
            }
            Location::Path(path) => Ok(find_links::read(path)?.unwrap_or_else(|| {
                // As with pip, a folder that is not there has no files; but somebody should be told.
                self.problems.lock().unwrap_or_else(PoisonError::into_inner).push(Problem {
                    kind: ProblemKind::File,
                    package: None,
                    place: path.display().to_string(),
                    message: "--find-links: expected a folder or a file, found nothing there".to_owned(),
                });
                Vec::new()
            })),
        }
    }
}

impl Place {
    fn shown(&self) -> String {
        match self {
            Place::Links(Location::Url(url), _) | Place::Index(url) => shown(url),
            Place::Links(Location::Path(path), _) | Place::Folder(path) => path.display().to_string(),
        }
    }
}

fn local_path(location: &Location) -> Location {
    match location {
        Location::Url(url) if url.scheme() == "file" => {
            url.to_file_path().map_or_else(|()| location.clone(), Location::Path)
        }
        _ => location.clone(),
    }
}

fn indexes(sources: &Sources) -> Result<Vec<Url>, IndexError> {
    if sources.no_index {
        return Ok(Vec::new());
    }
    let main = match &sources.index_url {
        Some(url) => url.clone(),
        None => Url::parse(DEFAULT_INDEX).map_err(|error| IndexError::Client { why: error.to_string() })?,
    };
    let mut urls = vec![main];
    for url in &sources.extra_index_urls {
        if !urls.contains(url) {
            urls.push(url.clone());
        }
    }
    Ok(urls)
}

fn index(url: &Url) -> Result<Place, IndexError> {
    let error = |expected: &str| IndexError::Setting {
        setting: "index URL".to_owned(),
        expected: expected.to_owned(),
        found: shown(url),
    };
    match url.scheme() {
        "http" | "https" => {
            let mut url = url.clone();
            if !url.path().ends_with('/') {
                let path = format!("{}/", url.path());
                url.set_path(&path);
            }
            Ok(Place::Index(url))
        }
        "file" => url.to_file_path().map(Place::Folder).map_err(|()| error("a file: URL of this machine")),
        _ => Err(error("an http, https or file URL")),
    }
}

/// The project's links at one index; `None` when the index does not know the project.
fn page(pages: &Pages, index: &Url, project: &PackageName) -> Result<Option<Vec<Link>>, IndexError> {
    let mut url = index.clone();
    // Index URLs end in a slash, and normalised names need no escapes.
    url.set_path(&format!("{}{project}/", index.path()));
    let page = pages.get(Some(project), &url, &|link| identify(project, &link.filename).is_some())?;
    Ok(page.map(|Page { links, .. }| links))
}

/// Leaves the first of files that are the same. Files without a digest are the same when they are at the same place.
fn merge(files: &mut Vec<Artifact>) {
    let mut seen = HashSet::new();
    files.retain(|file| {
        let same = match file.digests.first() {
            Some(digest) => digest.to_string(),
            None => format!("{:?}", file.location),
        };
        seen.insert((file.filename.clone(), same))
    });
}
